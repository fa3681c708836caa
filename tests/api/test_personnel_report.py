"""Reports of personnel files over HTTP: to whom they show what stood in the rows, under which names files are kept."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import httpx2
import pytest

from activities.transition import ActivityContext
from domain.access import Grant, Role, ScopeKind
from domain.personnel.file import MEDIA_TYPES
from tests.arrange import Arrange, Someone
from tests.books import Superuser
from tests.personnel_steps import Line, PersonnelOffice, csv_of


@pytest.fixture
async def office(activity_context: ActivityContext, arrange: Arrange) -> PersonnelOffice:
    return await PersonnelOffice.open(activity_context, arrange)


@pytest.fixture
async def officer(arrange: Arrange, office: PersonnelOffice) -> Someone:
    return await arrange.hr_officer(office.organisation_id)


async def send(api: httpx2.AsyncClient, office: PersonnelOffice, who: Someone, **headers: str) -> httpx2.Response:
    """Send a file of one good row."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    address = f"/v1/organisations/{office.organisation_id}/personnel-imports"
    return await api.post(address, content=csv_of([Line()]), headers=who.headers() | named)


async def read(api: httpx2.AsyncClient, who: Someone, address: str) -> Any:
    """What somebody reads."""
    answer = await api.get(address, headers=who.headers())
    assert answer.status_code == 200, answer.text
    return answer.json()


def regional(region: str) -> Grant:
    """HR of a region."""
    return Grant(Role.HR_OFFICER, ScopeKind.REGION, region)


async def test_a_file_is_taken_under_every_name_that_browsers_give_its_type(
    api: httpx2.AsyncClient, office: PersonnelOffice, officer: Someone
) -> None:
    for kind in ("", *MEDIA_TYPES, "TEXT/PLAIN; charset=windows-1256"):
        assert (await send(api, office, officer, content_type=kind)).status_code == 202, kind


async def test_an_unknown_type_is_told_what_is_taken(
    api: httpx2.AsyncClient, office: PersonnelOffice, officer: Someone
) -> None:
    answer = (await send(api, office, officer, content_type="application/pdf")).json()
    assert answer["code"] == "unknown_file_type"
    assert all(form in answer["detail"] for form in ("CSV", "XLSX"))
    assert all(kind in answer["detail_en"] for kind in MEDIA_TYPES)


NAMES = {
    f"attachment; filename*=UTF-8''{quote('حقوق آذر.xlsx')}": "حقوق آذر.xlsx",
    'attachment; filename="list.csv"': "list.csv",
    'attachment; filename="..\\\\..\\\\list.csv"': "list.csv",
    f"attachment; filename*=UTF-8''{quote('/etc/' + chr(0x202E) + 'x.csv')}": "x.csv",
    "attachment": None,
    "attachment; filename*=UTF-8''%FF%FE": "\ufffd\ufffd",
    "attachment; filename*=nonsense''a-list.csv": "a-list.csv",
    ";;;=": None,
    "attachment; filename*=idna''%ff": None,
    "attachment; filename*=unicode_escape''%5Cud800.csv": ".csv",
    "attachment; filename*0*=UTF-8''a; filename*1=b.csv": "ab.csv",
}


async def test_a_file_keeps_the_name_that_its_sender_gives_it_cleaned_and_sealed(
    api: httpx2.AsyncClient, office: PersonnelOffice, officer: Someone, superuser: Superuser
) -> None:
    for header, name in NAMES.items():
        sent = await send(api, office, officer, content_type="text/csv", content_disposition=header)
        assert (sent.status_code, sent.json()["file_name"]) == (202, name), header
    items = (await read(api, officer, f"/v1/organisations/{office.organisation_id}/personnel-imports"))["items"]
    assert [item["file_name"] for item in items[::-1]] == list(NAMES.values())
    assert {item["sender_name"] for item in items} == {"مریم آزمون"}
    stored = await superuser.rows("SELECT file_name_sealed FROM personnel_imports ORDER BY case_id")
    for (sealed,), name in zip(stored, NAMES.values(), strict=True):
        assert (sealed is None) if name is None else name.encode() not in bytes(sealed)


async def test_letters_of_a_name_may_come_as_they_are(
    api: httpx2.AsyncClient, office: PersonnelOffice, officer: Someone
) -> None:
    raw: Any = {**officer.headers(), "Content-Type": "text/csv"}
    raw = [(name.encode(), value.encode()) for name, value in raw.items()]
    raw.append((b"Content-Disposition", 'attachment; filename="آذر.csv"'.encode()))
    address = f"/v1/organisations/{office.organisation_id}/personnel-imports"
    sent = await api.post(address, content=csv_of([Line()]), headers=raw)
    assert sent.json()["file_name"] == "آذر.csv"


async def test_what_stood_in_the_rows_is_shown_to_hr_and_the_place_to_operators_and_auditors_too(
    api: httpx2.AsyncClient, arrange: Arrange, office: PersonnelOffice, officer: Someone
) -> None:
    done = await office.import_(Line(), Line(mobile="0912 333"))
    address = f"/v1/personnel-imports/{done.case_id}"
    (line,) = (await read(api, officer, f"{address}/refusals"))["items"]
    assert (line["row"], line["line"], line["sheet"]) == (2, 3, "")
    assert (line["value"], line["name"]) == ("0912 333", "سارا یزدانی")
    whole = (await api.get(f"{address}/report", headers=officer.headers())).content.decode("utf-8-sig")
    assert list(csv.reader(io.StringIO(whole)))[1][:8] == [
        *("ردشده", "", "2", "3", "سارا یزدانی", "تلفن همراه", "0912 333", "bad_mobile"),
    ]
    for role in (Role.OPERATOR, Role.AUDITOR):
        reader = await arrange.platform(role)
        (line,) = (await read(api, reader, f"{address}/refusals"))["items"]
        assert (line["line"], line["code"], line["value"], line["name"]) == (3, "bad_mobile", None, None)
        for path in (f"{address}/report", f"{address}/report?format=xlsx", address, "/v1/personnel-imports"):
            shown = (await api.get(path, headers=reader.headers())).content
            assert b"0912 333" not in shown
            assert "یزدانی".encode() not in shown


async def test_exits_and_refused_rows_are_listed_apart(
    api: httpx2.AsyncClient, office: PersonnelOffice, officer: Someone
) -> None:
    line = Line()
    await office.import_(line)
    done = await office.import_(Line(mobile="1"), line.but(employment="بازنشسته"), Line(mobile="2"))
    address = f"/v1/personnel-imports/{done.case_id}"
    rows = {
        leaving: [item["row"] for item in (await read(api, officer, f"{address}/refusals{leaving}"))["items"]]
        for leaving in ("", "?leaving=true", "?leaving=false")
    }
    assert rows == {"": [1, 2, 3], "?leaving=true": [2], "?leaving=false": [1, 3]}
    (exit_,) = (await read(api, officer, f"{address}/refusals?leaving=true"))["items"]
    assert (exit_["code"], exit_["leaving"]) == ("not_employed", "waiting")
    one = await read(api, officer, address)
    assert (one["rows_refused"], one["rows_leaving"], one["exits_opened"]) == (2, 1, 1)


async def test_hr_of_a_region_sees_the_files_that_were_sent_for_it_and_the_organisations_hr_all(
    api: httpx2.AsyncClient, arrange: Arrange, office: PersonnelOffice, officer: Someone
) -> None:
    await office.import_(Line(region_code="1101"), Line(region_code="1104"))
    here, both, there = [
        await arrange.staff(*map(regional, regions)) for regions in (["1101"], ["1101", "1104"], ["1104"])
    ]
    sent = {}
    for name, who in (("here", here), ("both", both)):
        sent[name] = (await replace(office, actor=await arrange.actor(who)).import_(Line(mobile="0912"))).case_id
    seen = {}
    for name, who in (("officer", officer), ("here", here), ("both", both), ("there", there)):
        page = await read(api, who, f"/v1/organisations/{office.organisation_id}/personnel-imports")
        seen[name] = [item["id"] for item in page["items"]]
        for import_id in map(str, sent.values()):
            for path in ("", "/refusals", "/report"):
                answer = await api.get(f"/v1/personnel-imports/{import_id}{path}", headers=who.headers())
                assert answer.status_code == (200 if import_id in seen[name] else 404)
    expected = [str(sent["both"]), str(sent["here"])]
    assert (len(seen["officer"]), seen["officer"][:2]) == (3, expected)
    assert (seen["here"], seen["both"], seen["there"]) == ([expected[1]], expected, [])


async def test_hr_of_a_region_finds_the_organisations_with_people_there(
    api: httpx2.AsyncClient, arrange: Arrange, office: PersonnelOffice, activity_context: ActivityContext
) -> None:
    await office.import_(Line(region_code="1101"))
    elsewhere = await PersonnelOffice.open(activity_context, arrange)
    await elsewhere.import_(Line(region_code="1104"))
    here = await arrange.staff(regional("1101"))
    for query in ("", "?mine=true"):
        page = await read(api, here, f"/v1/organisations{query}")
        assert [item["id"] for item in page["items"]] == [str(office.organisation_id)]
    answer = await send(api, elsewhere, here, content_type="text/csv")
    assert (answer.status_code, json.loads(answer.content)["code"]) == (404, "not_found")
