"""A personnel file imported by the real activity: keys met, nothing twice, nothing taken over."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.personnel import FILE_MISSING
from activities.personnel.imports import PersonnelImport
from activities.transition import ActivityContext
from demo.personnel_generator import FileFormat, generate
from messages.case import StepInput
from messages.personnel import ImportPhase
from storage.database import SERVICE, transaction
from storage.people import add_person
from storage.rows.audit import audit
from storage.rows.organisation import employments
from storage.rows.outbox import outbox
from storage.rows.people import persons
from storage.rows.personnel import personnel_versions
from tests.arrange import Arrange, eventually
from tests.personnel_steps import DATA, SHEBAS, Line, PersonnelOffice, as_xlsx, csv_of

EVERYBODY = (
    sa.select(persons, employments)
    .join(employments, employments.c.person_id == persons.c.id)
    .order_by(persons.c.id, employments.c.id)
)
FILES = [("personnel-education", "utf-8-sig"), ("personnel-minipay-cp1256", "cp1256")]


@pytest.fixture
async def office(activity_context: ActivityContext, arrange: Arrange) -> PersonnelOffice:
    return await PersonnelOffice.open(activity_context, arrange)


@pytest.mark.parametrize(("name", "encoding"), FILES)
@pytest.mark.parametrize("as_sheet", [False, True])
async def test_each_key_is_met_row_by_row_and_a_second_import_changes_nothing(
    office: PersonnelOffice, tmp_path: Path, name: str, encoding: str, as_sheet: bool
) -> None:
    key = json.loads((DATA / f"{name}.key.json").read_text())
    content = (DATA / f"{name}.csv").read_bytes()
    if as_sheet:
        content = as_xlsx(tmp_path / "list.xlsx", content, encoding)
    good = key["rows"] - len(key["refused"])

    first = await office.run(await office.send(content))
    assert await office.refused(first.case_id) == key["refused"]
    assert (first.phase, first.rows_read, first.rows_total) == (ImportPhase.IMPORTED, key["rows"], key["rows"])
    assert (first.rows_added, first.rows_changed, first.rows_unchanged) == (good, 0, 0)
    before = await office.fetch(EVERYBODY)

    second = await office.run(await office.send(content))
    assert await office.refused(second.case_id) == key["refused"]
    assert (second.rows_added, second.rows_changed, second.rows_unchanged) == (0, 0, good)
    assert (second.changes_opened, await office.changes()) == (0, [])
    assert await office.fetch(EVERYBODY) == before


async def test_the_activity_run_twice_acts_once(office: PersonnelOffice, activity_context: ActivityContext) -> None:
    case_id = await office.send([Line(), Line(mobile="12"), Line()])
    activities = PersonnelImport(activity_context)
    for _ in range(2):
        await ActivityEnvironment().run(activities.import_personnel, StepInput(case_id))
    for _ in range(2):
        await ActivityEnvironment().run(activities.finish_import, StepInput(case_id))
    for _ in range(2):
        await ActivityEnvironment().run(activities.discard_file, StepInput(case_id))
    # After the end, a straggler finds nothing to do, not even a missing file.
    await ActivityEnvironment().run(activities.import_personnel, StepInput(case_id))
    found = await office.read(case_id)
    assert (found.rows_read, found.rows_added, found.rows_refused, found.error) == (3, 2, 1, None)
    assert (found.phase, found.ended_at is not None) == (ImportPhase.IMPORTED, True)


async def test_an_import_cut_off_half_way_goes_on_and_counts_each_row_once(
    office: PersonnelOffice, activity_context: ActivityContext, tmp_path: Path
) -> None:
    path = tmp_path / "list.csv"
    key = generate(path, 6_000, {"bad_mobile": 40, "duplicate": 20}, FileFormat.CSV_UTF8, seed=5)
    case_id = await office.send(path.read_bytes())
    activities = PersonnelImport(activity_context)
    attempt = asyncio.create_task(ActivityEnvironment().run(activities.import_personnel, StepInput(case_id)))

    async def some_rows() -> bool:
        return (await office.read(case_id)).last_row > 0

    await eventually(some_rows, "the first chunk")
    attempt.cancel()
    with pytest.raises(asyncio.CancelledError):
        await attempt
    cut_off = await office.read(case_id)
    assert 0 < cut_off.last_row < 6_000

    done = await office.run(case_id)
    assert (done.rows_read, done.rows_added, done.rows_refused) == (6_000, 5_940, 60)
    assert await office.refused(case_id) == {str(row): code for row, code in key.refused.items()}
    assert len(await office.fetch(sa.select(employments.c.id))) == 5_940


async def test_two_files_of_one_moment_wait_for_each_other_and_add_nobody_twice(office: PersonnelOffice) -> None:
    lines = [Line() for _ in range(2_500)]
    first, second = await office.send(lines), await office.send(lines[::-1])
    done = await asyncio.gather(office.run(first), office.run(second))
    assert sum(imported.rows_added for imported in done) == 2_500
    assert sum(imported.rows_unchanged for imported in done) == 2_500
    assert len(await office.fetch(sa.select(employments.c.id))) == 2_500


async def test_two_attempts_at_one_file_add_nobody_twice(
    office: PersonnelOffice, activity_context: ActivityContext
) -> None:
    case_id = await office.send([Line() for _ in range(2_500)])
    activities = PersonnelImport(activity_context)
    await asyncio.gather(
        *(ActivityEnvironment().run(activities.import_personnel, StepInput(case_id)) for _ in range(2))
    )
    assert (await office.read(case_id)).rows_added == 2_500


async def test_another_mobile_opens_one_case_and_never_overwrites(office: PersonnelOffice) -> None:
    line = Line()
    await office.import_(line)
    other = line.but(mobile="+989990000001")
    opened = await office.import_(other)
    again = await office.import_(other)
    third = await office.import_(line.but(mobile="+989990000002"))
    assert [(i.rows_unchanged, i.changes_opened, i.changes_waiting) for i in (opened, again, third)] == [
        (1, 1, 0),
        (1, 0, 1),
        (1, 0, 1),
    ]
    (case,) = await office.changes()
    assert case.variant == "mobile"
    assert (case.next_actor, case.phase) == ("support_agent", "awaiting_confirmation")
    assert await office.mobile(line) == line.mobile


async def test_a_first_number_for_a_known_person_without_one_is_only_proposed(office: PersonnelOffice) -> None:
    line = Line()
    async with transaction(office.context.engine, SERVICE) as connection:
        await add_person(
            connection,
            office.context.seals,
            national_id=line.national_id,
            mobile=None,
            first_name="مریم",
            last_name="رضایی",
        )
    done = await office.import_(line)
    assert (done.rows_added, done.changes_opened) == (1, 1)
    assert (await office.person(line)).mobile_sealed is None


async def test_another_sheba_opens_a_case_and_never_overwrites(office: PersonnelOffice) -> None:
    line = Line()
    await office.import_(line)
    before = (await office.person(line)).job_sheba_index
    for _ in range(2):
        await office.import_(line.but(sheba=SHEBAS[1]))
    (case,) = await office.changes()
    assert case.variant == "sheba"
    assert (await office.person(line)).job_sheba_index == before


async def test_an_exit_is_told_of_apart_from_refusals_and_opens_a_leaver_case_at_once(office: PersonnelOffice) -> None:
    line = Line()
    await office.import_(line)
    left = line.but(employment="بازنشسته")
    done = await office.import_(left)
    assert await office.refused(done.case_id) == {"1": "not_employed"}
    assert (done.rows_refused, done.rows_leaving, done.changes_opened, done.exits_opened) == (0, 1, 1, 1)
    await office.import_(left)
    (case,) = await office.changes()
    assert (case.variant, case.next_actor) == ("exit", "hr_officer")
    assert (await office.person(line)).job_state == "exit_reported"


async def test_an_exit_of_somebody_unknown_or_of_another_employer_opens_nothing(
    office: PersonnelOffice, activity_context: ActivityContext, arrange: Arrange
) -> None:
    line, elsewhere = Line(), await PersonnelOffice.open(activity_context, arrange)
    await elsewhere.import_(line)
    done = await office.import_(line.but(employment="بازنشسته"), Line(employment="مستعفی"))
    assert (done.rows_refused, done.changes_opened) == (2, 0)
    assert (await elsewhere.person(line)).job_state == "employed"


async def test_a_second_row_of_a_person_reports_no_exit(office: PersonnelOffice) -> None:
    line = Line()
    done = await office.import_(line, line.but(employment="بازنشسته"))
    assert (done.rows_added, done.rows_refused, done.changes_opened) == (1, 1, 0)
    assert (await office.person(line)).job_state == "employed"


async def test_whoever_had_left_and_is_listed_again_is_back(office: PersonnelOffice) -> None:
    line = Line()
    await office.import_(line)
    async with transaction(office.context.engine, SERVICE) as connection:
        await connection.execute(sa.update(employments).values(state="left"))
    done = await office.import_(line)
    assert (done.rows_added, done.rows_changed, done.rows_unchanged) == (0, 1, 0)
    assert (await office.person(line)).job_state == "employed"


async def test_pay_region_hire_date_and_names_change_in_place_and_what_they_were_is_kept(
    office: PersonnelOffice,
) -> None:
    line = Line()
    await office.import_(line)
    new = line.but(net_pay_rial="500000000", region_code="2201", hire_date="1396/02/11", first_name="ساره")
    done = await office.import_(new, Line())
    assert (done.rows_added, done.rows_changed, done.changes_opened) == (1, 1, 0)
    stored = await office.person(line)
    assert (stored.first_name, stored.job_net_pay, stored.job_region_code) == ("ساره", 500_000_000, "2201")
    (version,) = await office.fetch(sa.select(personnel_versions.c.before, personnel_versions.c.case_id))
    assert version.before == {
        "first_name": "سارا",
        "net_pay_rial": 400_000_000,
        "region_code": "1101",
        "hire_date": "2016-03-29",
    }
    lines = await office.fetch(sa.select(audit.c.content).where(audit.c.stream == f"case:{done.case_id}"))
    (told,) = [entry for (text,) in lines if (entry := json.loads(text))["action"] == "import_personnel_rows"]
    (changed,) = told["after"]["changes"]
    assert changed["employment_id"] == str(stored.job_id)
    assert sorted(changed["fields"]) == ["first_name", "hire_date", "net_pay_rial", "region_code"]
    assert "500000000" not in json.dumps(lines[0][0])


async def test_an_empty_name_says_nothing(office: PersonnelOffice) -> None:
    line = Line()
    await office.import_(line)
    done = await office.import_(line.but(first_name="", last_name=" "))
    assert done.rows_unchanged == 1
    assert (await office.person(line)).first_name == "سارا"


async def test_nothing_personal_stands_in_clear_in_timeline_audit_or_outbox(office: PersonnelOffice) -> None:
    line = Line()
    await office.import_(line)
    await office.import_(line.but(mobile="+989990000001", sheba=SHEBAS[1]))
    texts = await office.fetch(
        sa.union_all(sa.select(audit.c.content), sa.select(sa.cast(outbox.c.payload, sa.Text)))  # type: ignore[arg-type]
    )
    everything = " ".join(text for (text,) in texts)
    for secret in (line.national_id, line.mobile[3:], "9990000001", SHEBAS[1], line.last_name):
        assert secret not in everything


def _bomb(path: Path) -> bytes:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<a/>")
        archive.writestr("xl/workbook.xml", b"<a>" + b" " * 220_000_000 + b"</a>")
    return path.read_bytes()


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (csv_of([Line()]).replace("سارا".encode(), b"\0"), "not_a_personnel_file"),
        (csv_of([Line()]).decode().encode("utf-16"), "unreadable_encoding"),
        ("کد ملی,نام\n1,2\n".encode(), "missing_columns"),
        (csv_of([]), "empty_file"),
        (b"PK\x03\x04 no workbook", "not_a_personnel_file"),
        (_bomb, "file_too_complex"),
    ],
)
async def test_a_file_at_fault_as_a_whole_is_refused_with_its_code_and_changes_nothing(
    office: PersonnelOffice, tmp_path: Path, content: Any, code: str
) -> None:
    done = await office.run(await office.send(content if isinstance(content, bytes) else _bomb(tmp_path / "bomb.xlsx")))
    assert (done.phase, done.error, done.rows_read) == (ImportPhase.REFUSED, code, 0)
    assert done.ended_at is not None
    assert ("شماره شبا" in done.error_columns) is (code == "missing_columns")
    assert await office.fetch(sa.select(employments.c.id)) == []


async def test_the_file_is_deleted_after_the_import(office: PersonnelOffice, tmp_path: Path) -> None:
    case_id = await office.send([Line()])
    assert [path for path in (tmp_path / "files").rglob("*") if path.is_file()] != []
    await office.run(case_id)
    assert [path for path in (tmp_path / "files").rglob("*") if path.is_file()] == []


async def test_a_file_that_was_lost_ends_the_import_with_that_reason(office: PersonnelOffice) -> None:
    case_id = await office.send([Line()])
    await office.context.files.remove((await office.read(case_id)).file_key)
    done = await office.run(case_id)
    assert (done.phase, done.error) == (ImportPhase.REFUSED, FILE_MISSING)


async def test_an_import_that_does_not_exist_is_not_retried_for_ever(
    office: PersonnelOffice, activity_context: ActivityContext
) -> None:
    step = StepInput(office.organisation_id)
    with pytest.raises(ApplicationError) as caught:
        await ActivityEnvironment().run(PersonnelImport(activity_context).import_personnel, step)
    assert caught.value.non_retryable


async def test_the_activity_tells_how_far_it_is(office: PersonnelOffice, activity_context: ActivityContext) -> None:
    case_id = await office.send([Line()])
    beats: list[tuple[Any, ...]] = []
    environment = ActivityEnvironment()
    environment.on_heartbeat = lambda *details: beats.append(details)
    await environment.run(PersonnelImport(activity_context).import_personnel, StepInput(case_id))
    assert beats


async def test_what_a_killed_worker_left_in_clear_is_deleted_and_what_a_living_one_holds_is_not(
    office: PersonnelOffice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = tmp_path / "temporary"
    left, held = places / "amanat-personnel-left", places / "amanat-personnel-held"
    for directory in (left, held):
        directory.mkdir(parents=True)
        (directory / "file").write_text("0499370899")
        os.utime(directory, (0, 0))
    monkeypatch.setattr(tempfile, "tempdir", str(places))
    handle = os.open(held, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        await office.import_(Line())
    finally:
        os.close(handle)
    assert list(places.iterdir()) == [held]
