"""The steps of a substitution, run straight on the context."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from activities.transition import ActivityContext
from commands import substitution as commands
from commands.command import Command, Context
from domain.onboarding import RefusalReason
from messages.case import NextStep, StepInput
from messages.substitution import Step
from storage.database import SERVICE, transaction
from storage.guarantor import guarantees_for
from storage.rows.account import rate_windows
from storage.rows.guarantor import Guarantee
from storage.rows.onboarding import credit_lines
from storage.rows.tasks import Task
from tests.arrange import Arrange, Someone
from tests.commands.onboarding_steps import TavanaScenario, accept_guarantee, answer, guarantee_of, open_task, run
from tests.transitions import Transitions

REVIEW = "review_substitution"
_ROUNDS = itertools.count(1_000)
_STEPS_MAX = 6


@dataclass(frozen=True, slots=True)
class SubstitutionScenario:
    """A usable credit with its guarantor, and the colleague who is to take their place."""

    tavana: TavanaScenario
    activities: Transitions
    credit_case_id: UUID
    line_id: UUID
    current: Guarantee
    newcomer: Someone

    @classmethod
    async def opened(
        cls, context: Context, arrange: Arrange, activity_context: ActivityContext
    ) -> SubstitutionScenario:
        """The applicant's credit is usable."""
        tavana = await TavanaScenario.opened(context, arrange, activity_context)
        return await cls.behind(tavana, activity_context, await tavana.approved())

    @classmethod
    async def behind(
        cls, tavana: TavanaScenario, activity_context: ActivityContext, case_id: UUID
    ) -> SubstitutionScenario:
        """An approved credit becomes usable."""
        await tavana.take("activate_credit", case_id)
        current = await guarantee_of(tavana.context, case_id, tavana.guarantor)
        line_id = await _line_of(tavana.context, case_id)
        return cls(tavana, Transitions(activity_context), case_id, line_id, current, await tavana.colleague())

    @property
    def owner(self) -> Someone:
        """Whose credit it is."""
        return self.tavana.applicant

    async def request(self, named: Someone | None = None, *, current: UUID | None = None) -> UUID:
        """The owner asks for the newcomer, unless another is given; returns the case's id."""
        national_id, guarantee_id = (named or self.newcomer).national_id, current or self.current.id
        case_id: UUID = await run(
            self.tavana.context,
            self.owner,
            lambda command: commands.request_substitution(command, self.line_id, guarantee_id, national_id),
        )
        return case_id

    async def take(self, name: str, case_id: UUID, until: datetime | None = None) -> NextStep:
        """Take a transition in a round of its own."""
        outcome: NextStep = await getattr(self.activities, name)(StepInput(case_id, next(_ROUNDS), until))
        return outcome

    async def take_first(self, name: str, case_id: UUID) -> NextStep:
        """Take a transition as a new process does: in round 900, whatever was taken before."""
        outcome: NextStep = await getattr(self.activities, name)(StepInput(case_id, 900))
        return outcome

    async def go_on(self, case_id: UUID) -> NextStep:
        """What the process does when it hears of somebody, until it waits again or is over."""
        outcome = await self.take("assess_substitution", case_id)
        for _ in range(_STEPS_MAX):
            if outcome.step not in set(Step):
                return outcome
            outcome = await self.take(outcome.step, case_id)
        raise AssertionError(outcome)

    async def asked(self, named: Someone | None = None) -> UUID:
        """The new guarantor is asked."""
        case_id = await self.request(named)
        await self.go_on(case_id)
        return case_id

    async def accepted(self, named: Someone | None = None) -> UUID:
        """They have accepted, and finance looks at it."""
        case_id = await self.asked(named)
        await accept_guarantee(self.tavana, case_id, named or self.newcomer)
        await self.go_on(case_id)
        return case_id

    async def review(
        self,
        case_id: UUID,
        decide: Callable[[Command, Task], Awaitable[UUID]] = commands.approve_substitution,
        *,
        officer: Someone | None = None,
    ) -> None:
        """Finance decides; the region's approves unless said otherwise."""
        task_id = await open_task(self.tavana.context, case_id, REVIEW)
        await answer(self.tavana.context, officer or self.tavana.finance, task_id, decide)

    async def withdraw(self, case_id: UUID, who: Someone | None = None) -> None:
        """The owner withdraws."""
        await run(
            self.tavana.context, who or self.owner, lambda command: commands.withdraw_substitution(command, case_id)
        )

    async def guarantees(self) -> dict[UUID, str]:
        """Everybody who was ever named for the credit, and what became of them."""
        async with transaction(self.tavana.context.engine, SERVICE) as connection:
            found = await guarantees_for(connection, self.credit_case_id)
        return {one.person_id: one.status for one in found}

    async def forget_limits(self) -> None:
        """A day has passed for every limit."""
        async with transaction(self.tavana.context.engine, SERVICE) as connection:
            await connection.execute(rate_windows.delete())


async def refuse(command: Command, task: Task) -> UUID:
    """Finance refuses."""
    return await commands.refuse_substitution(command, task, RefusalReason.OTHER)


async def _line_of(context: Context, case_id: UUID) -> UUID:
    async with transaction(context.engine, SERVICE) as connection:
        found = await connection.execute(sa.select(credit_lines.c.id).where(credit_lines.c.case_id == case_id))
    line_id: UUID = found.scalar_one()
    return line_id
