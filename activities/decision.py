"""Cases that are only asked and decided: what they share, and what each kind says of itself.

A ``DecidedCase`` is asked of one person or of a role, reminded of once, decided, and applied; it may be returned to who
brought it, and lapses in silence. Its facts decide: the newest of ``decided`` and ``returned`` that holds for what is
asked for now.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, ClassVar
from uuid import UUID

from activities.process import Process, notify_reminded
from activities.transition import Transition
from domain.access import Grant
from messages.case import WAIT, CaseKind, NextStep
from messages.decision import Step
from storage import tasks
from storage.cases import last_fact
from storage.rows.cases import Fact
from storage.rows.tasks import Task


@dataclass(frozen=True, slots=True)
class DecisionRequest:
    """Whom a decided case asks for what, and how long.

    ``sms`` is off where an SMS for each would be too many; ``not_by`` must not answer, for it came from them.
    ``is_late``: the case stands among the late ones, however often it is asked anew.
    """

    task: str
    assignee: Grant | UUID
    phase: str
    next_actor: str
    remind_in: timedelta
    due_in: timedelta
    details: Mapping[str, Any] = field(default_factory=dict)
    sms: bool = True
    not_by: UUID | None = None
    is_late: bool = False


class DecidedCase(ABC):
    """One kind of case that is asked and decided."""

    kind: ClassVar[CaseKind]
    # Facts that decide, and those that hand it back to who brought it and bring it again.
    decided: ClassVar[tuple[str, ...]]
    returned: ClassVar[tuple[str, ...]] = ()
    resubmitted: ClassVar[tuple[str, ...]] = ()

    async def is_current(self, step: Transition, decision: Fact) -> bool:  # noqa: ARG002 - a kind may look
        """Whether a decision is about what is asked for now."""
        return True

    async def overtake(self, step: Transition) -> NextStep | None:  # noqa: ARG002 - a kind may look
        """End a case in which nothing is left to decide, though nobody has; None while its question stands."""
        return None

    async def revise(self, step: Transition, asked: Sequence[Task]) -> bool:  # noqa: ARG002 - a kind may look
        """Change what is asked now, if people's facts or other cases' call for it; whether anything was changed."""
        return False

    async def is_deserted(self, step: Transition, task: Task) -> bool:  # noqa: ARG002 - a kind may look
        """Whether nobody is left of those who were asked, and others can be asked instead."""
        return False

    @abstractmethod
    async def request(self, step: Transition) -> DecisionRequest:
        """Who decides; timeline and notices besides the task's own are the kind's."""

    async def request_resubmission(self, step: Transition, returned: Fact) -> DecisionRequest:  # noqa: ARG002 - a kind may look
        """Who corrects what was returned."""
        raise LookupError(f"{self.kind} is never returned")

    @abstractmethod
    async def apply(self, step: Transition, decision: Fact) -> NextStep:
        """Do what was decided, checked once more, and end the case."""

    @abstractmethod
    async def lapse(self, step: Transition) -> NextStep:
        """Nobody decided: undo what waited for it, and end the case."""

    async def remind(self, step: Transition, task: Task, people: Sequence[UUID]) -> None:
        """Send a reminder's SMS."""
        await notify_reminded(step, task, people)


def decision_process(decided_cases: Iterable[DecidedCase]) -> Process:
    """The one process of all of them.

    Raises:
        ValueError: two for one kind.
    """
    by_kind: dict[CaseKind, DecidedCase] = {}
    for decided_case in decided_cases:
        if by_kind.setdefault(decided_case.kind, decided_case) is not decided_case:
            raise ValueError(f"two of {decided_case.kind}")

    async def assess(step: Transition) -> NextStep:
        decided_case = by_kind[step.case.kind]
        open_tasks = await tasks.open_tasks(step.connection, step.case.id)
        if open_tasks and await decided_case.revise(step, open_tasks):
            open_tasks = await tasks.open_tasks(step.connection, step.case.id)
        found = step.wait(open_tasks) if open_tasks else await _next_step(decided_case, step)
        is_undecided = found.step in {WAIT, Step.REQUEST_DECISION, Step.REQUEST_RESUBMISSION}
        return (await decided_case.overtake(step) if is_undecided else None) or found

    async def request_decision(step: Transition) -> NextStep:
        return await _ask(step, await by_kind[step.case.kind].request(step))

    async def request_resubmission(step: Transition) -> NextStep:
        decided_case = by_kind[step.case.kind]
        returned = await _last(step, decided_case.returned)
        return await _ask(step, await decided_case.request_resubmission(step, returned))

    async def apply_decision(step: Transition) -> NextStep:
        decided_case = by_kind[step.case.kind]
        return await decided_case.apply(step, await _last(step, decided_case.decided))

    async def lapse(step: Transition, expired: Sequence[Task]) -> NextStep:
        return await _lapse(by_kind[step.case.kind], step, expired[0])

    async def remind(step: Transition, task: Task, people: Sequence[UUID]) -> None:
        await _remind(by_kind[step.case.kind], step, task, people)

    steps = (request_decision, request_resubmission, apply_decision)
    return Process("decision", assess, lapse, steps, remind)


async def _next_step(decided_case: DecidedCase, step: Transition) -> NextStep:
    facts = (*decided_case.decided, *decided_case.returned, *decided_case.resubmitted)
    newest = await last_fact(step.connection, step.case.id, *facts)
    if newest is not None and newest.kind in decided_case.returned:
        return NextStep(Step.REQUEST_RESUBMISSION)
    if newest is None or newest.kind in decided_case.resubmitted or not await decided_case.is_current(step, newest):
        return NextStep(Step.REQUEST_DECISION)
    return NextStep(Step.APPLY_DECISION)


async def _last(step: Transition, kinds: tuple[str, ...]) -> Fact:
    fact = await last_fact(step.connection, step.case.id, *kinds)
    if fact is None:
        raise LookupError(f"case {step.case.id} has no fact of {kinds}")
    return fact


async def _lapse(decided_case: DecidedCase, step: Transition, expired: Task) -> NextStep:
    """Draw the consequence of silence, unless nothing was left to decide, or nobody to do it."""
    overtaken = await decided_case.overtake(step)
    if overtaken is not None:
        return overtaken
    if await decided_case.is_deserted(step, expired):
        return await _ask(step, await decided_case.request(step))
    return await decided_case.lapse(step)


async def _remind(decided_case: DecidedCase, step: Transition, task: Task, people: Sequence[UUID]) -> None:
    """Remind those who may decide; where nobody of them is left, ask others instead."""
    if await decided_case.is_deserted(step, task):
        await tasks.moot_tasks(step.connection, step.case.id, kind=task.kind)
        await _ask(step, await decided_case.request(step))
    else:
        await decided_case.remind(step, task, people)


async def _ask(step: Transition, asked: DecisionRequest) -> NextStep:
    await step.ask(
        asked.task,
        asked.assignee,
        remind_in=asked.remind_in,
        due_in=asked.due_in,
        details=asked.details,
        sms=asked.sms,
        not_by=asked.not_by,
    )
    due_in = timedelta(0) if asked.is_late else asked.due_in
    await step.move(asked.phase, next_actor=asked.next_actor, due_in=due_in)
    return await step.wait_now()
