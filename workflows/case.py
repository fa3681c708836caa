"""What the processes of all cases have in common: a step, then the step that follows from where it left the case.

A workflow holds no truth. It takes a transition, learns from its result which step follows or how long people are
waited for, and waits: a signal wakes it, a reminder is sent, the time ends. Everything else stands in Postgres.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any, ClassVar

from temporalio import workflow

from workflows.transitions import Mailbox, Rounds, transition

with workflow.unsafe.imports_passed_through():
    from messages.case import CaseRef
    from messages.onboarding import Outcome, Standing, Step

Activity = Callable[[Any, Step], Awaitable[Outcome]]


class CaseWorkflow:
    """Takes the first step, then whatever step follows, until the case is over."""

    first: ClassVar[Activity]
    then: ClassVar[Mapping[Standing, Activity]]
    weigh: ClassVar[Activity]
    remind: ClassVar[Activity]
    lapse: ClassVar[Activity]
    signals: ClassVar[Mapping[str, str]]

    def __init_subclass__(cls) -> None:
        """Give the process a handler for each of its signals."""
        for name, sentence in cls.signals.items():
            setattr(cls, name, _handler(name, sentence))

    def __init__(self, case: CaseRef) -> None:
        self._case = case
        self._rounds = Rounds()
        self._mailbox = Mailbox()

    async def go_on(self) -> None:
        """Until the case is over."""
        # What came before the first step is seen by it: it reads the facts.
        self._mailbox.empty()
        outcome = await self._take(type(self).first)
        while outcome.standing is not Standing.OVER:
            outcome = await self._next(outcome)
        await workflow.wait_condition(workflow.all_handlers_finished)

    async def _next(self, outcome: Outcome) -> Outcome:
        if outcome.standing is Standing.WAITING:
            return await self._wait(outcome)
        return await self._take(type(self).then[outcome.standing])

    async def _wait(self, asked: Outcome) -> Outcome:
        """Wait until something follows from it; further reminders begin a wait of their own."""
        left = asked.expire_in
        if asked.remind_in:
            if await self._mailbox.heard(asked.remind_in, "until the reminder"):
                return await self._take(type(self).weigh)
            reminded = await self._take(type(self).remind, asked.reminds_at)
            if reminded.standing is not Standing.WAITING or reminded.remind_in:
                return reminded
            left = min(asked.expire_in - asked.remind_in, reminded.expire_in)
        if await self._mailbox.heard(left, "until the time to answer is over"):
            return await self._take(type(self).weigh)
        return await self._take(type(self).lapse, asked.expires_at)

    async def _take(self, activity: Activity, until: datetime | None = None) -> Outcome:
        name = activity.__name__
        step = Step(self._case.case_id, self._rounds.next(name), until)
        return await transition(activity, step, summary=f"{name} {step.round}")


def _handler(name: str, sentence: str) -> Callable[..., None]:
    def receive(self: CaseWorkflow, message: CaseRef) -> None:
        self._mailbox.receive()

    receive.__doc__ = sentence
    receive.__qualname__ = receive.__name__ = name
    return workflow.signal(name=name)(receive)
