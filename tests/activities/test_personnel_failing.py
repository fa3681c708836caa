"""Files whose import fails for good: damaged in the store, deadly to workers, or never noted (A13)."""

from __future__ import annotations

import dataclasses
import os
import time
from pathlib import Path

import pytest
from temporalio.testing import ActivityEnvironment

from activities.files import READINGS
from activities.personnel import FILE_DAMAGED, GAVE_UP, sweep_files
from activities.personnel.imports import PersonnelImport
from activities.transition import ActivityContext
from commands.personnel import error_sentences, send_file
from commands.upload import Upload
from domain.errors import EmptyFile
from messages.case import StepInput
from messages.personnel import ImportPhase
from storage.rows.personnel import Import
from tests.arrange import Arrange, fresh_totp
from tests.personnel_steps import Line, PersonnelOffice, csv_of, in_parts


@pytest.fixture
async def office(activity_context: ActivityContext, arrange: Arrange) -> PersonnelOffice:
    return await PersonnelOffice.open(activity_context, arrange)


async def test_a_file_that_was_damaged_ends_the_import_and_raises_an_alarm(
    office: PersonnelOffice, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for end in (b"", b"\0"):
        case_id = await office.send([Line()])
        (path,) = [path for path in (tmp_path / "files").rglob("*") if path.is_file()]
        path.write_bytes(path.read_bytes()[:-1] + end)
        done = await office.run(case_id)
        assert (done.phase, done.error) == (ImportPhase.REFUSED, FILE_DAMAGED)
        sentences = error_sentences(done)
        assert sentences is not None
        assert "damaged" in sentences[1]
    assert [record.levelname for record in caplog.records if record.message == "import_stopped"] == ["ERROR", "ERROR"]


async def test_an_import_that_breaks_off_again_and_again_is_given_up(
    office: PersonnelOffice, activity_context: ActivityContext, caplog: pytest.LogCaptureFixture
) -> None:
    case_id = await office.send([Line()])
    environment = ActivityEnvironment()
    environment.info = dataclasses.replace(environment.info, attempt=READINGS + 1)
    await environment.run(PersonnelImport(activity_context).import_personnel, StepInput(case_id))
    done = await office.run(case_id)
    assert (done.phase, done.error, done.rows_read) == (ImportPhase.REFUSED, GAVE_UP, 0)
    sentences = error_sentences(done)
    assert sentences is not None
    assert "support" in sentences[1]
    (record,) = [record for record in caplog.records if record.message == "import_stopped"]
    assert (record.levelname, record.__dict__["code"]) == ("ERROR", GAVE_UP)


async def test_the_last_attempt_still_imports(office: PersonnelOffice, activity_context: ActivityContext) -> None:
    case_id = await office.send([Line()])
    environment = ActivityEnvironment()
    environment.info = dataclasses.replace(environment.info, attempt=READINGS)
    await environment.run(PersonnelImport(activity_context).import_personnel, StepInput(case_id))
    assert (await office.run(case_id)).rows_added == 1


def stored(tmp_path: Path) -> list[Path]:
    """The files that are in the store."""
    return [path for path in (tmp_path / "files").rglob("*") if path.is_file()]


async def test_a_file_whose_import_is_refused_is_not_kept(office: PersonnelOffice, tmp_path: Path) -> None:
    upload = Upload(office.actor, office.organisation_id, "key-of-this", "", in_parts(b""), fresh_totp())
    with pytest.raises(EmptyFile):
        await send_file(office.context, upload, lambda _: b"")
    assert stored(tmp_path) == []


async def test_a_file_whose_import_nobody_knows_of_is_kept_for_a_day(
    office: PersonnelOffice, activity_context: ActivityContext, tmp_path: Path
) -> None:
    def broken(_: Import) -> bytes:
        raise ConnectionResetError

    open_import = await office.send([Line()])
    (named,) = stored(tmp_path)
    upload = Upload(office.actor, office.organisation_id, "key-of-this", "", in_parts(csv_of([Line()])), fresh_totp())
    with pytest.raises(ConnectionResetError):
        await send_file(office.context, upload, broken)
    half_written = named.with_name("cut-off#1")
    half_written.touch()
    assert await sweep_files(activity_context, 1_000) == 0
    assert len(stored(tmp_path)) == 3

    yesterday = time.time() - 25 * 3_600
    for path in stored(tmp_path):
        os.utime(path, (yesterday, yesterday))
    assert await sweep_files(activity_context, 1_000) == 1

    assert stored(tmp_path) == [named]
    assert (await office.run(open_import)).rows_added == 1
