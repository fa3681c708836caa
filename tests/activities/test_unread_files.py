"""What gives up a file that somebody sent: that reading it dies again and again, never trouble of ours (A13, E3)."""

from __future__ import annotations

import asyncio
import dataclasses
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError
from temporalio.testing import ActivityEnvironment

from activities.files import READINGS, ReadingFailed
from activities.personnel import GAVE_UP
from activities.personnel.imports import PersonnelImport
from activities.transition import ActivityContext
from commands.command import Context
from domain.payout import AnswerError
from gateways import answer_file, xlsx_rows
from gateways.apart import run_apart
from messages.case import StepInput
from messages.payout import Step
from messages.personnel import ImportPhase
from storage.database import create_engine
from tests.arrange import Arrange
from tests.books import Superuser
from tests.payout_steps import PayoutOffice
from tests.personnel_steps import Line, PersonnelOffice, as_xlsx, csv_of
from tests.transitions import Transitions

_LONG: int = READINGS + 3
Take = Callable[[StepInput], Awaitable[Any]]
_NO_READER = "gateways.no_such_reader"


@dataclass(slots=True)
class Attempts:
    """Attempts at one step, counted as Temporal does, which hands each the last heartbeat of those before it."""

    step: StepInput
    number: int = 0
    kept: Sequence[Any] = ()
    heard: asyncio.Event = field(default_factory=asyncio.Event)

    async def next(self, take: Take) -> Any:
        """One more."""
        self.number += 1
        environment = ActivityEnvironment()
        environment.info = dataclasses.replace(environment.info, attempt=self.number, heartbeat_details=self.kept)
        environment.on_heartbeat = self._keep
        return await environment.run(take, self.step)

    def _keep(self, *details: Any) -> None:
        self.kept = details
        self.heard.set()

    async def fail(self, take: Take, by: type[Exception], times: int) -> None:
        """So many that break off."""
        for _ in range(times):
            with pytest.raises(by):
                await self.next(take)


@pytest.fixture
async def away(activity_context: ActivityContext) -> AsyncIterator[ActivityContext]:
    """The same, while the database is away."""
    engine = create_engine("postgresql+psycopg://127.0.0.1:1/away", pool=1)
    yield dataclasses.replace(activity_context, engine=engine)
    await engine.dispose()


@pytest.fixture
async def paying(context: Context, arrange: Arrange, activity_context: ActivityContext) -> PayoutOffice:
    """A member with money, and two officers."""
    return await PayoutOffice.opened(context, arrange, activity_context)


@pytest.fixture
async def staff(activity_context: ActivityContext, arrange: Arrange) -> PersonnelOffice:
    """HR of an organisation."""
    return await PersonnelOffice.open(activity_context, arrange)


def _apply(context: ActivityContext) -> Take:
    take: Take = getattr(Transitions(context), Step.APPLY_BANK_ANSWER)
    return take


async def test_an_answer_of_the_bank_whose_reader_dies_each_time_is_given_up_and_its_sender_told(
    paying: PayoutOffice, superuser: Superuser, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await paying.withdraw()
    case_id = await paying.sent()
    await paying.send_answer(case_id, await paying.answer_to(case_id))
    monkeypatch.setattr(answer_file, "_READER", _NO_READER)
    attempts, take = Attempts(StepInput(case_id)), _apply(paying.activity_context)
    await attempts.fail(take, ReadingFailed, READINGS)
    assert (await paying.answers(case_id))[0].ended_at is None
    await attempts.next(take)
    assert (await paying.answers(case_id))[0].error == AnswerError.GAVE_UP
    assert await superuser.value("SELECT count(*) FROM notices WHERE template = 'payout_answer_unreadable'") == 1
    assert [one.levelname for one in caplog.records if one.message == "bank_answer_given_up"] == ["ERROR"]


async def test_an_answer_of_the_bank_outlasts_a_database_that_is_away_however_often_it_is_tried(
    paying: PayoutOffice, away: ActivityContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    await paying.withdraw()
    case_id = await paying.sent()
    await paying.send_answer(case_id, await paying.answer_to(case_id))
    attempts = Attempts(StepInput(case_id))
    await attempts.fail(_apply(away), OperationalError, _LONG)
    with monkeypatch.context() as patch:
        patch.setattr(answer_file, "_READER", _NO_READER)
        await attempts.fail(_apply(paying.activity_context), ReadingFailed, READINGS - 1)
    await attempts.next(_apply(paying.activity_context))
    (answer,) = await paying.answers(case_id)
    assert (answer.error, answer.paid) == (None, 1)


async def test_a_workbook_of_hr_whose_reader_dies_each_time_is_given_up(
    staff: PersonnelOffice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case_id = await staff.send(as_xlsx(tmp_path / "staff.xlsx", csv_of([Line()]), "utf-8"))
    monkeypatch.setattr(xlsx_rows, "_READER", _NO_READER)
    attempts, take = Attempts(StepInput(case_id)), PersonnelImport(staff.activity_context).import_personnel
    await attempts.fail(take, ReadingFailed, READINGS)
    assert (await staff.read(case_id)).error is None
    await attempts.next(take)
    assert (await staff.run(case_id)).error == GAVE_UP


async def test_a_file_of_hr_outlasts_a_database_that_is_away_however_often_it_is_tried(
    staff: PersonnelOffice, away: ActivityContext
) -> None:
    case_id = await staff.send([Line()])
    attempts = Attempts(StepInput(case_id))
    await attempts.fail(PersonnelImport(away).import_personnel, OperationalError, _LONG)
    await attempts.next(PersonnelImport(staff.activity_context).import_personnel)
    done = await staff.run(case_id)
    assert (done.phase, done.error, done.rows_added) == (ImportPhase.IMPORTED, None, 1)


async def test_a_file_of_hr_outlasts_workers_that_are_stopped_however_often(staff: PersonnelOffice) -> None:
    case_id = await staff.send([Line()])
    attempts, take = Attempts(StepInput(case_id)), PersonnelImport(staff.activity_context).import_personnel
    for _ in range(_LONG):
        attempts.heard.clear()
        attempt = asyncio.ensure_future(attempts.next(take))
        await attempts.heard.wait()
        attempt.cancel()
        with pytest.raises(asyncio.CancelledError):
            await attempt
    await attempts.next(take)
    assert (await staff.run(case_id)).rows_added == 1


async def test_a_file_is_given_up_although_a_worker_of_the_release_before_had_told_how_many_rows_it_read(
    staff: PersonnelOffice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case_id = await staff.send(as_xlsx(tmp_path / "staff.xlsx", csv_of([Line()]), "utf-8"))
    monkeypatch.setattr(xlsx_rows, "_READER", _NO_READER)
    take = PersonnelImport(staff.activity_context).import_personnel
    attempts = Attempts(StepInput(case_id), number=1, kept=(5_000,))
    await attempts.fail(take, ReadingFailed, READINGS)
    await attempts.next(take)
    assert (await staff.run(case_id)).error == GAVE_UP


def _has_no_reader(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(sys, "executable", "/nowhere/python")


def _has_no_room(patch: pytest.MonkeyPatch) -> None:
    def onto_a_full_disk(module: str, source: Path, _: Path, **limits: Any) -> bytes | None:
        return run_apart(module, source, Path("/dev/full"), **limits)

    patch.setattr("gateways.answer_file.run_apart", onto_a_full_disk)


@pytest.mark.parametrize("trouble", [_has_no_reader, _has_no_room])
async def test_an_answer_of_the_bank_outlasts_a_machine_that_has_no_reader_or_no_room(
    paying: PayoutOffice, monkeypatch: pytest.MonkeyPatch, trouble: Callable[[pytest.MonkeyPatch], None]
) -> None:
    await paying.withdraw()
    case_id = await paying.sent()
    await paying.send_answer(case_id, await paying.answer_to(case_id))
    attempts, take = Attempts(StepInput(case_id)), _apply(paying.activity_context)
    with monkeypatch.context() as patch:
        trouble(patch)
        await attempts.fail(take, OSError, _LONG)
    await attempts.next(take)
    (answer,) = await paying.answers(case_id)
    assert (answer.error, answer.paid) == (None, 1)
