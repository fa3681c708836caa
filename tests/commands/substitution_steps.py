"""The steps of a substitution, run straight on the context."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from activities.transition import Desk
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
from tests.commands.onboarding_steps import Branch, accept_guarantee, answer, guarantee_of, open_task, run
from tests.transitions import Transitions

REVIEW = "review_substitution"
_ROUNDS = itertools.count(1_000)
_STEPS_MAX = 6


@dataclass(frozen=True, slots=True)
class Swap:
    """A usable credit with its guarantor, and the colleague who is to take their place."""

    branch: Branch
    activities: Transitions
    credit_case_id: UUID
    line_id: UUID
    bound: Guarantee
    newcomer: Someone

    @classmethod
    async def opened(cls, context: Context, arrange: Arrange, desk: Desk) -> Swap:
        """The applicant's credit is usable."""
        branch = await Branch.opened(context, arrange, desk)
        return await cls.behind(branch, desk, await branch.approved())

    @classmethod
    async def behind(cls, branch: Branch, desk: Desk, case_id: UUID) -> Swap:
        """An approved credit becomes usable."""
        await branch.take("activate_credit", case_id)
        bound = await guarantee_of(branch.context, case_id, branch.guarantor)
        line_id = await _line_of(branch.context, case_id)
        return cls(branch, Transitions(desk), case_id, line_id, bound, await branch.colleague())

    @property
    def owner(self) -> Someone:
        """Whose credit it is."""
        return self.branch.applicant

    async def request(self, named: Someone | None = None, *, bound: UUID | None = None) -> UUID:
        """The owner asks for the newcomer, unless another is given; returns the case's id."""
        national_id, guarantee_id = (named or self.newcomer).national_id, bound or self.bound.id
        case_id: UUID = await run(
            self.branch.context,
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
        await accept_guarantee(self.branch, case_id, named or self.newcomer)
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
        task_id = await open_task(self.branch.context, case_id, REVIEW)
        await answer(self.branch.context, officer or self.branch.finance, task_id, decide)

    async def withdraw(self, case_id: UUID, who: Someone | None = None) -> None:
        """The owner withdraws."""
        await run(
            self.branch.context, who or self.owner, lambda command: commands.withdraw_substitution(command, case_id)
        )

    async def guarantees(self) -> dict[UUID, str]:
        """Everybody who was ever named for the credit, and what became of them."""
        async with transaction(self.branch.context.engine, SERVICE) as connection:
            found = await guarantees_for(connection, self.credit_case_id)
        return {one.person_id: one.status for one in found}

    async def forget_limits(self) -> None:
        """A day has passed for every limit."""
        async with transaction(self.branch.context.engine, SERVICE) as connection:
            await connection.execute(rate_windows.delete())


async def refuse(command: Command, task: Task) -> UUID:
    """Finance refuses."""
    return await commands.refuse_substitution(command, task, RefusalReason.OTHER)


async def _line_of(context: Context, case_id: UUID) -> UUID:
    async with transaction(context.engine, SERVICE) as connection:
        found = await connection.execute(sa.select(credit_lines.c.id).where(credit_lines.c.case_id == case_id))
    line_id: UUID = found.scalar_one()
    return line_id
