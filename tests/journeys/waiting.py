"""An application that waits, its clock in the test's hands."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowExecutionStatus, WorkflowHandle
from temporalio.testing import WorkflowEnvironment

from domain.access import Role
from relay import Relay
from storage.database import SERVICE, transaction
from storage.outbox import resend
from tests.arrange import Arrange, Someone, eventually
from tests.books import Superuser
from tests.journeys.steps import ISSUE, Steps

CLEARED = {"kind": "clear_obstacle", "decision": "cleared"}
UPHELD = {"kind": "clear_obstacle", "decision": "upheld", "reason": "other"}
_TIMER_ENDS = (EventType.EVENT_TYPE_TIMER_FIRED, EventType.EVENT_TYPE_TIMER_CANCELED)
_BUSY = {
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED,
    EventType.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED,
    EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED,
    EventType.EVENT_TYPE_TIMER_FIRED,
}


@dataclass(frozen=True, slots=True)
class Waiting:
    """An application whose certificate is awaited, and everybody around it."""

    steps: Steps
    temporal: WorkflowEnvironment
    superuser: Superuser
    relay: Relay
    employer: UUID
    member: Someone
    officer: Someone
    contracts: Someone
    case_id: str

    @property
    def handle(self) -> WorkflowHandle[Any, Any]:
        """The process, whichever run it is in."""
        return self.temporal.client.get_workflow_handle(f"onboarding/{self.case_id}")

    async def pass_time(self, **duration: int) -> None:
        """Let time pass for the process, once its timer runs; Postgres's clock stands still."""
        await eventually(self._waits, "the process to wait")
        await self.temporal.fast_forward(self.handle, timedelta(**duration))

    async def _waits(self) -> bool:
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
        task = await self.steps.task(who, self.case_id, kind)
        answer = await self.steps.decide(who, task["id"], decision)
        assert answer.status_code == 200, answer.text

    async def block(self) -> None:
        """The certificate is issued, but the contract was suspended."""
        await self.superuser.run("UPDATE contracts SET state = 'suspended'")
        await self.decide(self.officer, "issue_certificate", ISSUE)
        await self.steps.task(self.contracts, self.case_id, "clear_obstacle")

    async def unblock(self) -> None:
        """The contract is in force again."""
        await self.superuser.run("UPDATE contracts SET state = 'active'")

    async def pause(self) -> None:
        """The certificate is issued, but the member's mobile was changed lately."""
        await self.superuser.run(
            "UPDATE persons SET money_paused_until = now() + interval '24 hours' WHERE id = %s", self.member.id
        )
        await self.decide(self.officer, "issue_certificate", ISSUE)
        await self.told("activation_paused")

    async def end_pause(self) -> None:
        """The pause is over by Postgres's clock; the process's own is in the test's hands."""
        await self.superuser.run("UPDATE persons SET money_paused_until = now() WHERE id = %s", self.member.id)

    async def start_anew(self) -> None:
        """An operator terminates the process and has all of the case's messages sent again."""
        ended = self.handle
        await ended.terminate("operator")
        await self.send_everything_again()
        assert (await self.handle.describe()).status is WorkflowExecutionStatus.RUNNING

    async def send_everything_again(self) -> None:
        """The relay sends all of the case's messages again."""
        async with transaction(self.steps.engine, SERVICE) as connection:
            assert await resend(connection, UUID(self.case_id)) > 0
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


async def apply_and_wait(
    steps: Steps, temporal: WorkflowEnvironment, superuser: Superuser, relay: Relay, arrange: Arrange
) -> Waiting:
    """A member applies; HR is asked."""
    employer = await arrange.organisation()
    member, officer = await arrange.member(employer), await arrange.hr_officer(employer)
    contracts = await arrange.platform(Role.CONTRACTS_OFFICER)
    case_id = await steps.apply(member)
    await steps.task(officer, case_id)
    return Waiting(steps, temporal, superuser, relay, employer, member, officer, contracts, case_id)
