"""Sending personnel files over HTTP: bounds, scopes, keys; reading imports and their reports."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
import sqlalchemy as sa
import xlsxwriter  # type: ignore[import-untyped]  # it ships no types
from python_calamine import CalamineWorkbook
from starlette.responses import Response

from activities.transition import ActivityContext
from api.dependencies import Caller
from api.personnel import download_import_report
from api.values import write_cursor
from commands.account import authenticate
from commands.command import Context
from commands.personnel import FILE_LIMIT
from domain.access import Role
from domain.personnel.file import XLSX
from storage.database import SERVICE, transaction
from storage.rows.idempotency import idempotency
from storage.rows.outbox import outbox
from storage.rows.personnel import personnel_imports
from tests.arrange import Arrange, Someone
from tests.books import Superuser
from tests.personnel_steps import DATA, Line, PersonnelOffice, csv_of, in_parts

CSV = "text/csv; charset=utf-8"


@pytest.fixture
async def office(activity_context: ActivityContext, arrange: Arrange) -> PersonnelOffice:
    return await PersonnelOffice.open(activity_context, arrange)


@pytest.fixture
async def officer(arrange: Arrange, office: PersonnelOffice) -> Someone:
    return await arrange.hr_officer(office.organisation_id)


def address(organisation_id: UUID) -> str:
    """Where files of an organisation go."""
    return f"/v1/organisations/{organisation_id}/personnel-imports"


def headers(who: Someone, key: str | None = None, kind: str = CSV) -> dict[str, str]:
    """Who sends what kind under which key."""
    return {**who.headers(key), "Content-Type": kind}


def kept(tmp_path: Path) -> list[Path]:
    """The files that are in the store."""
    return [path for path in (tmp_path / "files").rglob("*") if path.is_file()]


def reports(tmp_path: Path) -> list[Path]:
    """What lies there of reports."""
    return list(tmp_path.glob("amanat-download-*"))


async def count(context: Context, table: sa.Table) -> int:
    """How many rows a table has."""
    async with transaction(context.engine, SERVICE) as connection:
        found: int = (await connection.execute(sa.select(sa.func.count()).select_from(table))).scalar_one()
        return found


@pytest.mark.parametrize("kind", [CSV, XLSX, "application/octet-stream"])
async def test_a_file_is_taken_and_its_import_promised(
    api: httpx2.AsyncClient,
    context: Context,
    office: PersonnelOffice,
    officer: Someone,
    superuser: Superuser,
    kind: str,
) -> None:
    content = csv_of([Line(), Line(mobile="1")])
    answer = await api.post(address(office.organisation_id), content=content, headers=headers(officer, kind=kind))
    assert answer.status_code == 202, answer.text
    body = answer.json()
    assert (body["phase"], body["size"], body["rows_total"], body["error"]) == ("received", len(content), None, None)
    assert body["words"]["fa"]
    async with transaction(context.engine, SERVICE) as connection:
        rows = (await connection.execute(sa.select(outbox.c.message, outbox.c.payload))).all()
    ((message, signal),) = rows
    fact = await superuser.value("SELECT id::text FROM facts")
    assert (message, signal["case_id"], signal["name"]) == ("CaseSignal", body["id"], "personnel_file_received")
    assert (signal["kind"], signal["fact_id"]) == ("personnel_import", fact)

    await office.run(UUID(body["id"]))
    read = await api.get(f"/v1/personnel-imports/{body['id']}", headers=officer.headers())
    ended = read.json()
    assert (ended["phase"], ended["rows_added"], ended["rows_refused"]) == ("imported", 1, 1)


async def test_sheets_without_the_headings_are_named(
    api: httpx2.AsyncClient, office: PersonnelOffice, officer: Someone
) -> None:
    file, line = io.BytesIO(), Line()
    with xlsxwriter.Workbook(file) as book:
        book.add_worksheet("راهنما").write(0, 0, "این فایل را پر کنید")
        for number, row in enumerate(csv.reader(io.StringIO(csv_of([line]).decode()))):
            (book.get_worksheet_by_name("فهرست") or book.add_worksheet("فهرست")).write_row(number, 0, row)
    sent = await api.post(address(office.organisation_id), content=file.getvalue(), headers=headers(officer, kind=XLSX))
    assert sent.json()["sheets_left_out"] == []

    await office.run(UUID(sent.json()["id"]))
    read = await api.get(f"/v1/personnel-imports/{sent.json()['id']}", headers=officer.headers())
    assert (read.json()["rows_added"], read.json()["sheets_left_out"]) == (1, ["راهنما"])


async def test_the_same_key_and_file_is_taken_once_and_another_file_is_refused(
    api: httpx2.AsyncClient, context: Context, office: PersonnelOffice, officer: Someone, tmp_path: Path
) -> None:
    content, key = csv_of([Line()]), str(uuid4())
    first = await api.post(address(office.organisation_id), content=content, headers=headers(officer, key))
    again = await api.post(address(office.organisation_id), content=content, headers=headers(officer, key))
    assert (again.status_code, again.json()) == (202, first.json())
    assert again.headers["Idempotent-Replayed"] == "true"
    other = await api.post(address(office.organisation_id), content=csv_of([Line()]), headers=headers(officer, key))
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert (await count(context, personnel_imports), len(kept(tmp_path))) == (1, 1)


async def test_a_file_that_an_earlier_release_took_is_said_to_be_taken(
    api: httpx2.AsyncClient, context: Context, office: PersonnelOffice, officer: Someone, superuser: Superuser
) -> None:
    content, key = csv_of([Line()]), str(uuid4())
    await api.post(address(office.organisation_id), content=content, headers=headers(officer, key))
    earlier = context.seals.cipher.seal(b"{}", "idempotency.answer")
    await superuser.run("UPDATE idempotency SET answer_sealed = %s", earlier)

    again = await api.post(address(office.organisation_id), content=content, headers=headers(officer, key))
    assert (again.status_code, again.json()["code"]) == (409, "done_before")


async def test_the_same_key_at_the_same_moment_is_taken_once(
    api: httpx2.AsyncClient, context: Context, office: PersonnelOffice, officer: Someone, tmp_path: Path
) -> None:
    content, key = csv_of([Line()]), str(uuid4())
    answers = await asyncio.gather(
        *(api.post(address(office.organisation_id), content=content, headers=headers(officer, key)) for _ in range(4))
    )
    assert {answer.status_code for answer in answers} <= {202, 409}
    assert len({answer.json()["id"] for answer in answers if answer.status_code == 202}) == 1
    assert (await count(context, personnel_imports), len(kept(tmp_path))) == (1, 1)


@pytest.mark.parametrize("announced", [True, False])
async def test_sixty_megabytes_are_refused_without_being_read_to_the_end(
    api: httpx2.AsyncClient,
    context: Context,
    office: PersonnelOffice,
    officer: Someone,
    tmp_path: Path,
    announced: bool,
) -> None:
    sent = 0
    size = 60 * 1024 * 1024

    async def content() -> AsyncIterator[bytes]:
        nonlocal sent
        async for part in in_parts(bytes(size), 1024 * 1024):
            sent += len(part)
            yield part

    wanted = headers(officer) | ({"Content-Length": str(size)} if announced else {})
    answer = await api.post(address(office.organisation_id), content=content(), headers=wanted)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert answer.headers["content-type"] == "application/problem+json"
    assert sent <= (0 if announced else FILE_LIMIT + 2 * 1024 * 1024)
    assert (await count(context, personnel_imports), kept(tmp_path)) == (0, [])
    assert await count(context, idempotency) == 0


async def test_a_file_of_the_greatest_size_is_taken(
    api: httpx2.AsyncClient, office: PersonnelOffice, officer: Someone
) -> None:
    content = in_parts(csv_of([Line()]).ljust(FILE_LIMIT, b"\n"), 1024 * 1024)
    answer = await api.post(address(office.organisation_id), content=content, headers=headers(officer))
    assert (answer.status_code, answer.json()["size"]) == (202, FILE_LIMIT)


@pytest.mark.parametrize("kind", ["multipart/form-data; boundary=x", "application/json", "image/png", "text/csv-ish"])
async def test_another_content_type_is_refused(
    api: httpx2.AsyncClient, office: PersonnelOffice, officer: Someone, tmp_path: Path, kind: str
) -> None:
    answer = await api.post(address(office.organisation_id), content=b"x", headers=headers(officer, kind=kind))
    assert (answer.status_code, answer.json()["code"]) == (422, "unknown_file_type")
    assert kept(tmp_path) == []


async def test_an_empty_body_is_refused_and_leaves_no_file(
    api: httpx2.AsyncClient, office: PersonnelOffice, officer: Someone, tmp_path: Path
) -> None:
    answer = await api.post(address(office.organisation_id), content=b"", headers=headers(officer))
    assert (answer.status_code, answer.json()["code"]) == (422, "empty_file")
    assert kept(tmp_path) == []


async def test_an_upload_needs_a_key(api: httpx2.AsyncClient, office: PersonnelOffice, officer: Someone) -> None:
    wanted = {name: value for name, value in headers(officer).items() if name != "Idempotency-Key"}
    answer = await api.post(address(office.organisation_id), content=b"x", headers=wanted)
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_missing")


async def test_nobody_but_the_organisations_hr_may_send(
    api: httpx2.AsyncClient, arrange: Arrange, office: PersonnelOffice, officer: Someone, tmp_path: Path
) -> None:
    elsewhere = await arrange.organisation()
    member = await arrange.member(office.organisation_id)
    operator = await arrange.platform(Role.OPERATOR)
    foreign = await arrange.hr_officer(elsewhere)
    content = csv_of([Line()])
    expected = {member: 403, operator: 403, foreign: 404}
    for who, status in expected.items():
        answer = await api.post(address(office.organisation_id), content=content, headers=headers(who))
        assert answer.status_code == status
    missing = await api.post(address(uuid4()), content=content, headers=headers(officer))
    assert missing.status_code == 404
    nobody = await api.post(address(office.organisation_id), content=content, headers={"Content-Type": CSV})
    assert nobody.status_code in {401, 422}
    assert kept(tmp_path) == []


async def test_imports_are_read_by_hr_in_scope_operators_and_auditors_alone(
    api: httpx2.AsyncClient, arrange: Arrange, office: PersonnelOffice, officer: Someone
) -> None:
    import_id = await office.send([Line()])
    elsewhere = await arrange.organisation()
    readers = {
        officer: 200,
        await arrange.platform(Role.OPERATOR): 200,
        await arrange.platform(Role.AUDITOR): 200,
        await arrange.hr_officer(elsewhere): 404,
        await arrange.platform(Role.SUPPORT_AGENT): 403,
        await arrange.member(office.organisation_id): 403,
    }
    one = f"/v1/personnel-imports/{import_id}"
    for who, status in readers.items():
        for path in (one, f"{one}/report", address(office.organisation_id)):
            assert (await api.get(path, headers=who.headers())).status_code == status, path
    for path in (f"/v1/personnel-imports/{uuid4()}", f"/v1/personnel-imports/{uuid4()}/report", address(uuid4())):
        assert (await api.get(path, headers=officer.headers())).status_code == 404


async def test_imports_are_listed_newest_first_page_by_page(
    api: httpx2.AsyncClient, office: PersonnelOffice, officer: Someone
) -> None:
    sent = [str(await office.send([Line()])) for _ in range(5)]
    seen, cursor = [], None
    while True:
        params = {"limit": "2", **({"cursor": cursor} if cursor else {})}
        page = (await api.get(address(office.organisation_id), params=params, headers=officer.headers())).json()
        seen += [item["id"] for item in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == sent[::-1]


async def test_operators_and_auditors_list_the_imports_of_all_organisations_by_name(
    api: httpx2.AsyncClient,
    arrange: Arrange,
    activity_context: ActivityContext,
    office: PersonnelOffice,
    officer: Someone,
) -> None:
    elsewhere = await PersonnelOffice.open(activity_context, arrange)
    sent = [str(await one.send([Line()])) for one in (office, elsewhere, office)]
    for role in (Role.OPERATOR, Role.AUDITOR):
        reader = await arrange.platform(role)
        first = (await api.get("/v1/personnel-imports?limit=2", headers=reader.headers())).json()
        rest = (await api.get(f"/v1/personnel-imports?cursor={first['next']}", headers=reader.headers())).json()
        items = first["items"] + rest["items"]
        assert [item["id"] for item in items] == sent[::-1]
        assert {item["organisation_name"] for item in items} == {"سازمان آزمون"}
        assert {item["organisation_id"] for item in items} == {
            str(office.organisation_id),
            str(elsewhere.organisation_id),
        }
    assert (await api.get("/v1/personnel-imports", headers=officer.headers())).status_code == 403


async def test_the_report_names_each_refused_row_with_its_code_and_a_sentence(
    api: httpx2.AsyncClient, office: PersonnelOffice, officer: Someone
) -> None:
    name = "personnel-minipay-cp1256"
    key = json.loads((DATA / f"{name}.key.json").read_text())["refused"]
    import_id = await office.send((DATA / f"{name}.csv").read_bytes())
    await office.run(import_id)
    one = f"/v1/personnel-imports/{import_id}/report"
    as_csv = await api.get(one, headers=officer.headers())
    assert as_csv.headers["content-type"].startswith("text/csv")
    assert "attachment" in as_csv.headers["content-disposition"]
    lines = list(csv.reader(io.StringIO(as_csv.content.decode("utf-8-sig"), newline="")))[1:]
    assert {line[2]: line[7] for line in lines} == key
    assert all(sentence for *_, sentence in lines)
    as_xlsx = await api.get(one, params={"format": "xlsx"}, headers=officer.headers())
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(as_xlsx.content)).get_sheet_by_index(0).to_python()[1:]
    assert {str(int(str(row[2]).removesuffix(".0"))): row[7] for row in sheet} == key


@pytest.mark.parametrize("part", ["bytes=0-1", "bytes=x", "bytes=10000000-", "lines=1-2"])
async def test_a_report_is_sent_whole_and_nothing_of_it_stays(
    api: httpx2.AsyncClient,
    office: PersonnelOffice,
    officer: Someone,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    part: str,
) -> None:
    import_id = await office.send("کد ملی,نام\n1,2\n".encode())
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    answer = await api.get(f"/v1/personnel-imports/{import_id}/report", headers={**officer.headers(), "Range": part})

    assert (answer.status_code, answer.content[:3]) == (200, b"\xef\xbb\xbf")
    assert answer.headers["accept-ranges"] == "none"
    assert reports(tmp_path) == []


async def test_nothing_of_a_report_stays_when_its_reader_has_gone(
    context: Context, office: PersonnelOffice, officer: Someone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_id = await office.send("کد ملی,نام\n1,2\n".encode())
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    caller = Caller(context, "", Response(), await authenticate(context, officer.token))
    report = await download_import_report(caller, import_id)

    async def gone(*_: object) -> Any:
        raise OSError

    with pytest.raises(OSError):  # noqa: PT011 - what servers raise
        await report({"type": "http", "method": "GET", "headers": [], "asgi": {"spec_version": "2.4"}}, gone, gone)
    assert reports(tmp_path) == []


async def test_the_refused_rows_are_listed_page_by_page_in_the_order_of_the_file(
    api: httpx2.AsyncClient, office: PersonnelOffice, officer: Someone
) -> None:
    name = "personnel-minipay-cp1256"
    key = json.loads((DATA / f"{name}.key.json").read_text())["refused"]
    import_id = await office.send((DATA / f"{name}.csv").read_bytes())
    await office.run(import_id)
    one, found = f"/v1/personnel-imports/{import_id}/refusals", []
    cursor: str | None = ""
    while cursor is not None:
        query = {"limit": 5} | ({"cursor": cursor} if cursor else {})
        page = (await api.get(one, params=query, headers=officer.headers())).json()
        assert len(page["items"]) <= 5
        found += page["items"]
        cursor = page["next"]
    assert [(str(item["row"]), item["code"]) for item in found] == sorted(key.items(), key=lambda row: int(row[0]))
    assert all(item["words"]["fa"] and item["words"]["en"] and item["heading"] for item in found)
    beyond = write_cursor(10**30)
    assert (await api.get(one, params={"cursor": beyond}, headers=officer.headers())).json()["items"] == []


async def test_a_refused_file_says_why_in_both_languages(
    api: httpx2.AsyncClient, office: PersonnelOffice, officer: Someone
) -> None:
    import_id = await office.send("کد ملی,نام\n1,2\n".encode())
    await office.run(import_id)
    body = (await api.get(f"/v1/personnel-imports/{import_id}", headers=officer.headers())).json()
    assert (body["phase"], body["error"]["code"]) == ("refused", "missing_columns")
    assert "شماره شبا" in body["error"]["words"]["fa"]
    assert "columns" in body["error"]["words"]["en"]
