"""A Tavana application on its way, with everybody around it and its clock in the test's hands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from temporalio.testing import WorkflowEnvironment

from domain.access import Role
from relay import Relay
from tests.arrange import Arrange, Someone
from tests.books import Superuser
from tests.journeys.process import Process
from tests.journeys.steps import APPROVE, REFUSE_GUARANTEE, RETURN, TAVANA, Steps, subject_of

WAITING_HOURS = 72


@dataclass(frozen=True, slots=True)
class Tavana(Process):
    """An application whose guarantor was asked; the first of the colleagues is the guarantor, any may stand.

    ``officer`` is the region's finance, ``chief`` the platform's.
    """

    employer: UUID
    officer: Someone
    chief: Someone
    contracts: Someone
    colleagues: tuple[Someone, ...]

    @property
    def guarantor(self) -> Someone:
        """Who was named with the application."""
        return self.colleagues[0]

    async def accept(self, guarantor: Someone | None = None) -> None:
        """A guarantor accepts, and finance is asked."""
        await self.steps.member(guarantor or self.guarantor).stand(UUID(self.case_id))
        await self.steps.task(self.officer, self.case_id, "review_application")

    async def refuse(self) -> None:
        """The guarantor refuses, and the applicant is asked for another name."""
        await self.decide(self.guarantor, "answer_guarantee", REFUSE_GUARANTEE)
        await self.steps.task(self.member, self.case_id, "name_guarantor")

    async def name(self, guarantor: Someone, replaces: str | None = None) -> None:
        """The applicant names somebody else."""
        replaced = UUID(replaces) if replaces else None
        await self.steps.member(self.member).name(UUID(self.case_id), guarantor.national_id, replaces=replaced)

    async def approve(self, officer: Someone | None = None) -> None:
        """Finance approves; the waiting time begins."""
        await self.decide(officer or self.officer, "review_application", APPROVE)
        await self.steps.phase(self.member, self.case_id, "awaiting_activation")

    async def send_back(self) -> None:
        """Finance returns the application, and the applicant is asked to correct it."""
        await self.decide(self.officer, "review_application", RETURN)
        await self.steps.task(self.member, self.case_id, "correct_application")

    async def correct(self, **changes: Any) -> None:
        """The applicant resubmits with other terms."""
        await self.steps.member(self.member).correct(UUID(self.case_id), subject_of({**TAVANA, **changes}))

    async def wait_out(self) -> None:
        """The waiting time passes."""
        await self.pass_wait()
        await self.steps.phase(self.member, self.case_id, "active")

    async def slots_taken(self) -> int:
        """How many guarantors stand for the credit."""
        query = "SELECT count(*) FROM guarantees WHERE credit_case_id = %s AND status = 'accepted'"
        return int(await self.superuser.value(query, UUID(self.case_id)))


async def apply_with_guarantor(
    steps: Steps, temporal: WorkflowEnvironment, superuser: Superuser, relay: Relay, arrange: Arrange
) -> Tavana:
    """A member applies; the first of three colleagues is asked to stand for them."""
    employer = await arrange.organisation()
    member, *colleagues = await arrange.colleagues(4, employer)
    officer, chief = await arrange.finance_officer(), await arrange.platform(Role.FINANCE_OFFICER)
    contracts = await arrange.platform(Role.CONTRACTS_OFFICER)
    case_id = await steps.apply_with(member, colleagues[0])
    await steps.task(colleagues[0], case_id, "answer_guarantee")
    return Tavana(
        steps, temporal, superuser, relay, member, case_id, employer, officer, chief, contracts, tuple(colleagues)
    )
