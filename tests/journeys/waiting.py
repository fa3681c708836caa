"""A MiniPay application that waits, its clock in the test's hands."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from temporalio.testing import WorkflowEnvironment

from domain.access import Role
from relay import Relay
from tests.arrange import Arrange, Someone
from tests.books import Superuser
from tests.journeys.process import Process
from tests.journeys.steps import ISSUE, Steps

CLEARED = {"kind": "clear_obstacle", "decision": "cleared"}
UPHELD = {"kind": "clear_obstacle", "decision": "upheld", "reason": "other"}


@dataclass(frozen=True, slots=True)
class Waiting(Process):
    """An application whose certificate is awaited, and everybody around it."""

    employer: UUID
    officer: Someone
    contracts: Someone

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


async def apply_and_wait(
    steps: Steps, temporal: WorkflowEnvironment, superuser: Superuser, relay: Relay, arrange: Arrange
) -> Waiting:
    """A member applies; HR is asked."""
    employer = await arrange.organisation()
    member, officer = await arrange.member(employer), await arrange.hr_officer(employer)
    contracts = await arrange.platform(Role.CONTRACTS_OFFICER)
    case_id = await steps.apply(member)
    await steps.task(officer, case_id)
    return Waiting(steps, temporal, superuser, relay, member, case_id, employer, officer, contracts)
