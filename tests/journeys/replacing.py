"""A substitution on its way, with everybody around it and its clock in the test's hands."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from temporalio.client import WorkflowHandle
from temporalio.testing import WorkflowEnvironment

from activities.transition import ActivityContext
from commands.command import Command, Context
from commands.substitution import approve_substitution
from messages.case import CaseKind, workflow_id
from relay import Relay
from storage.database import SERVICE, transaction
from storage.rows.tasks import Task
from storage.substitution import supersede
from storage.tasks import find_open
from tests.arrange import Arrange, Someone, eventually
from tests.books import Superuser
from tests.commands.onboarding_steps import accept_guarantee, refuse_guarantee
from tests.commands.substitution_steps import REVIEW, SubstitutionScenario
from tests.journeys.process import Process
from tests.journeys.steps import Steps

ANSWER = "answer_guarantee"


@dataclass(frozen=True, slots=True)
class Replacing(Process):
    """A substitution whose new guarantor is asked."""

    scenario: SubstitutionScenario

    @property
    def handle(self) -> WorkflowHandle[Any, Any]:
        """The process, whichever run it is in."""
        return self.temporal.client.get_workflow_handle(workflow_id(CaseKind.SUBSTITUTION, UUID(self.case_id)))

    async def waits_for(self, kind: str) -> None:
        """Wait until somebody is asked."""

        async def asked() -> bool:
            async with transaction(self.scenario.tavana.context.engine, SERVICE) as connection:
                return await find_open(connection, UUID(self.case_id), kind) is not None

        await eventually(asked, f"a task {kind}")

    async def accept(self) -> None:
        """The new guarantor accepts, and finance is asked."""
        await accept_guarantee(self.scenario.tavana, UUID(self.case_id), self.scenario.newcomer)
        await self.waits_for(REVIEW)

    async def refuse(self) -> None:
        """The new guarantor refuses."""
        await refuse_guarantee(self.scenario.tavana, UUID(self.case_id), self.scenario.newcomer)

    async def review(
        self,
        decide: Callable[[Command, Task], Awaitable[UUID]] = approve_substitution,
        *,
        officer: Someone | None = None,
    ) -> None:
        """Finance decides."""
        await self.scenario.review(UUID(self.case_id), decide, officer=officer)

    async def withdraw(self) -> None:
        """The owner withdraws."""
        await self.scenario.withdraw(UUID(self.case_id))

    async def close_line(self) -> None:
        """The credit is closed."""
        await self.superuser.run("UPDATE credit_lines SET closed_at = now()")
        async with transaction(self.scenario.tavana.context.engine, SERVICE) as connection:
            await supersede(connection, self.scenario.credit_case_id)

    async def standing(self) -> set[Someone]:
        """Who of the two stands for the credit."""
        statuses = await self.scenario.guarantees()
        both = (self.scenario.tavana.guarantor, self.scenario.newcomer)
        return {one for one in both if statuses[one.id] == "accepted"}


async def open_credit(
    context: Context, arrange: Arrange, activity_context: ActivityContext, superuser: Superuser
) -> SubstitutionScenario:
    """A usable credit, made before any relay runs: nothing of how it came to be is left to send."""
    scenario = await SubstitutionScenario.opened(context, arrange, activity_context)
    await superuser.run("UPDATE outbox SET sent_at = now() WHERE sent_at IS NULL")
    return scenario


async def request_and_wait(
    scenario: SubstitutionScenario, steps: Steps, temporal: WorkflowEnvironment, superuser: Superuser, relay: Relay
) -> Replacing:
    """The owner asks for another guarantor, who is asked in turn."""
    case_id = await scenario.request()
    replacing = Replacing(steps, temporal, superuser, relay, scenario.owner, str(case_id), scenario)
    await replacing.waits_for(ANSWER)
    return replacing
