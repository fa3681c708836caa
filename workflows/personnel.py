"""A personnel file, and the changes of known people's data that it proposes (A13).

A file: HR sends it. Its rows are imported one chunk after the other, the bad ones refused alone; then the sender is
told, and the file is deleted. Nobody is waited for.

A change: another mobile or sheba of a known person, or an exit, waits for somebody's yes or no: support for the
first two, HR for an exit. Silence: one reminder, then it lapses and nothing of it is applied.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy

from workflows.transitions import ENDLESS_RETRIES, Mailbox, Rounds, transition

with workflow.unsafe.imports_passed_through():
    from activities.personnel import PersonnelChangeActivities, PersonnelImportActivities
    from messages.case import CaseRef
    from messages.personnel import (
        ChangeOutcome,
        ChangeStep,
        ImportStep,
        PersonnelChangeAnswered,
        PersonnelChangeProposed,
        PersonnelFileReceived,
    )

IMPORT_LIMIT = timedelta(minutes=30)
# A worker that dies while importing is replaced after this long.
HEARTBEAT_LIMIT = timedelta(seconds=15)
DISCARD_LIMIT = timedelta(seconds=30)
# The activity counts its attempts and gives up; the pauses grow so that it outlasts minutes without a database.
IMPORT_RETRIES = RetryPolicy(
    initial_interval=timedelta(seconds=1), backoff_coefficient=5, maximum_interval=timedelta(minutes=5)
)


@workflow.defn
class PersonnelImportWorkflow:
    """Sequences one import; see the module for the story."""

    @workflow.init
    def __init__(self, case: CaseRef) -> None:
        self._step = ImportStep(case.case_id)

    @workflow.run
    async def run(self, case: CaseRef) -> None:
        """Import, end, and delete the file."""
        await workflow.execute_activity_method(
            PersonnelImportActivities.import_personnel,
            self._step,
            start_to_close_timeout=IMPORT_LIMIT,
            heartbeat_timeout=HEARTBEAT_LIMIT,
            retry_policy=IMPORT_RETRIES,
            summary="import_personnel",
        )
        await transition(PersonnelImportActivities.finish_import, self._step, summary="finish_import")
        await workflow.execute_activity_method(
            PersonnelImportActivities.discard_file,
            self._step,
            start_to_close_timeout=DISCARD_LIMIT,
            retry_policy=ENDLESS_RETRIES,
            summary="discard_file",
        )
        await workflow.wait_condition(workflow.all_handlers_finished)

    @workflow.signal
    def personnel_file_received(self, message: PersonnelFileReceived) -> None:
        """The file that started this process; nothing else follows from it."""


@workflow.defn
class PersonnelChangeWorkflow:
    """Sequences one proposed change; see the module for the story."""

    @workflow.init
    def __init__(self, case: CaseRef) -> None:
        self._case = case
        self._rounds = Rounds()
        self._mailbox = Mailbox()

    @workflow.run
    async def run(self, case: CaseRef) -> None:
        """Go on until the change is applied, rejected, or has lapsed."""
        outcome = await self._take(PersonnelChangeActivities.request_confirmation)
        while outcome.waiting:
            outcome = await self._await_answer(outcome)
        await workflow.wait_condition(workflow.all_handlers_finished)

    @workflow.signal
    def personnel_change_proposed(self, message: PersonnelChangeProposed) -> None:
        """The proposal that started this process; nothing else follows from it."""

    @workflow.signal
    def personnel_change_answered(self, message: PersonnelChangeAnswered) -> None:
        """Somebody confirmed or rejected the change."""
        self._mailbox.receive()

    async def _await_answer(self, asked: ChangeOutcome) -> ChangeOutcome:
        """Wait for the open task: a reminder, then the end; the database decides who was first."""
        if asked.remind_in:
            if await self._mailbox.heard(asked.remind_in, "until the reminder"):
                return await self._take(PersonnelChangeActivities.apply_change)
            asked = await self._take(PersonnelChangeActivities.remind_confirmation)
            if not asked.waiting:
                return asked
        if await self._mailbox.heard(asked.expire_in, "until the change lapses"):
            return await self._take(PersonnelChangeActivities.apply_change)
        return await self._take(PersonnelChangeActivities.lapse_change)

    async def _take(self, activity: Callable[[Any, ChangeStep], Awaitable[ChangeOutcome]]) -> ChangeOutcome:
        name = activity.__name__
        step = ChangeStep(self._case.case_id, self._rounds.next(name))
        return await transition(activity, step, summary=f"{name} {step.round}")
