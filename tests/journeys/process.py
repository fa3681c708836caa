"""A process of the tests: its case, its history, and its clock, which stands still until the test lets time pass."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowExecutionStatus, WorkflowHandle
from temporalio.testing import WorkflowEnvironment

from messages.case import CaseKind
from relay import Relay
from storage.database import SERVICE, transaction
from storage.outbox import resume
from tests.arrange import Someone, eventually
from tests.books import Superuser
from tests.journeys.steps import Steps

_TIMER_ENDS = (EventType.EVENT_TYPE_TIMER_FIRED, EventType.EVENT_TYPE_TIMER_CANCELED)
_BUSY = {
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED,
    EventType.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED,
    EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED,
    EventType.EVENT_TYPE_TIMER_FIRED,
}


@dataclass(frozen=True, slots=True)
class Process:
    """An application and the means to move it."""

    steps: Steps
    temporal: WorkflowEnvironment
    superuser: Superuser
    relay: Relay
    member: Someone
    case_id: str

    @property
    def handle(self) -> WorkflowHandle[Any, Any]:
        """The process, whichever run it is in."""
        return self.temporal.client.get_workflow_handle(f"onboarding/{self.case_id}")

    async def pass_time(self, **duration: int) -> None:
        """Let time pass for the process, once its timer runs; Postgres's clock stands still."""
        await eventually(self._waits, "the process to wait")
        await self.temporal.fast_forward(self.handle, timedelta(**duration))

    async def pass_wait(self) -> None:
        """Let the time pass until the process's timer ends, however long that is."""
        await eventually(self._waits, "the process to wait")
        events = (await self.handle.fetch_history()).events
        started = [event for event in events if event.event_type == EventType.EVENT_TYPE_TIMER_STARTED]
        wait = started[-1].timer_started_event_attributes.start_to_fire_timeout.ToTimedelta()
        await self.temporal.fast_forward(self.handle, wait + timedelta(seconds=1))

    async def _waits(self) -> bool:
        # A message that is still on its way would begin the wait anew when its time has passed already.
        if await self.superuser.value("SELECT count(*) FROM outbox WHERE sent_at IS NULL AND case_id IS NOT NULL"):
            return False
        kinds = [event.event_type for event in (await self.handle.fetch_history()).events]
        count = Counter(kinds)
        running = count[EventType.EVENT_TYPE_TIMER_STARTED] - sum(count[kind] for kind in _TIMER_ENDS)
        return running == 1 and kinds[-1] not in _BUSY

    async def timeline(self) -> list[str]:
        """The codes of the case's timeline."""
        return await self.steps.timeline(self.member, self.case_id)

    async def told(self, code: str, times: int = 1) -> None:
        """Wait until the timeline says something so often."""

        async def said() -> bool:
            return (await self.timeline()).count(code) >= times

        await eventually(said, f"{code} on the timeline")

    async def decide(self, who: Someone, kind: str, decision: dict[str, Any]) -> None:
        """Answer the open task."""
        answer = await self.steps.answer(who, self.case_id, {"kind": kind, **decision})
        assert answer.status_code == 200, answer.text

    async def start_anew(self) -> None:
        """An operator terminates the process and starts it again."""
        ended = self.handle
        await ended.terminate("operator")
        async with transaction(self.steps.engine, SERVICE) as connection:
            await resume(connection, CaseKind(ended.id.partition("/")[0]), UUID(self.case_id))
        await self._all_sent()
        assert (await self.handle.describe()).status is WorkflowExecutionStatus.RUNNING

    async def send_everything_again(self) -> None:
        """The relay sends all of the case's messages again."""
        await self.superuser.run(
            "UPDATE outbox SET sent_at = NULL, claimed_until = NULL WHERE case_id = %s", self.case_id
        )
        await self._all_sent()

    async def _all_sent(self) -> None:
        self.relay.nudge()

        async def all_sent() -> bool:
            return not await self.superuser.value("SELECT count(*) FROM outbox WHERE sent_at IS NULL")

        await eventually(all_sent, "the messages to be sent again")

    async def end(self) -> None:
        """Wait until the process has completed."""
        await self.handle.result()

    async def transitions(self) -> int:
        """How many transitions the case took so far."""
        return int(await self.superuser.value("SELECT count(*) FROM transitions"))
