"""The process of every case: a step, then the step that follows from where it left the case, until the case is over.

A workflow holds no truth. It takes a transition, and learns from its result which step follows, or how long people and
the clock are waited for. A signal only wakes it: the process reads in Postgres what happened. Silence brings one
reminder, then the end of the time. A process that was started anew judges first, and goes on from there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar

from temporalio import workflow

from workflows.transitions import OUTSIDE_LIMIT, Mailbox, outside_step, transition

with workflow.unsafe.imports_passed_through():
    from messages.case import OVER, RESUMED, WAIT, CaseKind, CaseRef, NextStep, StepInput
    from messages.queue import Queue


@dataclass(frozen=True, slots=True)
class ProcessStep:
    """What a process says of one of its steps, for readers and for ``docs/processes.md``.

    ``asks`` says who is asked for what, ``silence`` what follows if they say nothing, ``then`` which steps may follow,
    each with its reason. ``queue`` says where it is taken. A step of ``Queue.OUTSIDE`` asks a service, again and again
    for ``limit``; if that stays without an answer, or a message comes while it rests, the case is assessed, and what
    ``then`` says of silence, or of what the message told, follows.
    """

    then: Mapping[str, str]
    asks: str = ""
    silence: str = ""
    queue: Queue = Queue.PROCESSES
    limit: timedelta = OUTSIDE_LIMIT


class CaseWorkflow:
    """Takes the first step, then whatever step follows.

    A subclass names its ``kinds``, its ``process`` (the last word of ``assess_…``, ``remind_…`` and ``lapse_…``), its
    steps by name in their order, and its signals with what each of them means.
    """

    kinds: ClassVar[tuple[CaseKind, ...]]
    process: ClassVar[str]
    steps: ClassVar[Mapping[str, ProcessStep]]
    signals: ClassVar[Mapping[str, str]]

    def __init_subclass__(cls) -> None:
        """Give the process a handler for each of its signals."""
        for name, sentence in {RESUMED: "started anew, or to look again", **cls.signals}.items():
            setattr(cls, name, _handler(name, sentence))

    def __init__(self, case: CaseRef) -> None:
        self._case = case
        self._mailbox = Mailbox()
        self._rounds = dict[str, int]()

    async def go_on(self) -> None:
        """Until the case is over."""
        # What came before the first step is seen by it: it reads the facts.
        self._mailbox.empty()
        found = await self._take(next(iter(self.steps)))
        while found.step != OVER:
            # A history that a worker cannot read again in the time of a workflow task would stand still for ever. Each
            # message costs a dozen events; histories from before went on.
            if workflow.info().is_continue_as_new_suggested() and workflow.patched("anew-when-long"):
                workflow.continue_as_new(self._case)
            found = await (self._wait(found) if found.step == WAIT else self._take(found.step))
        await workflow.wait_condition(workflow.all_handlers_finished)

    async def _wait(self, asked: NextStep) -> NextStep:
        """Wait until something follows from it; further reminders begin a wait of their own."""
        left = asked.expire_in
        if asked.remind_in:
            if await self._heard(asked.remind_in, "until the reminder"):
                return await self._take(f"assess_{self.process}")
            reminded = await self._take(f"remind_{self.process}", asked.reminds_at)
            if reminded.step != WAIT or reminded.remind_in:
                return reminded
            left = min(asked.expire_in - asked.remind_in, reminded.expire_in)
        if await self._heard(left, f"until {asked.at_end or 'the time to answer is over'}"):
            return await self._take(f"assess_{self.process}")
        return await self._take(asked.at_end or f"lapse_{self.process}", asked.expires_at)

    async def _heard(self, seconds: int, summary: str) -> bool:
        workflow.set_current_details(f"waits {summary}, at most {seconds} s from {workflow.now():%Y-%m-%d %H:%M} UTC")
        return await self._mailbox.heard(seconds, summary)

    async def _take(self, step: str, until: datetime | None = None) -> NextStep:
        round_ = self._rounds.get(step, 0)
        self._rounds[step] = round_ + 1
        workflow.set_current_details(f"takes {step}, round {round_}")
        taken, summary = StepInput(self._case.case_id, round_, until), f"{step} {round_}"
        declared = self.steps.get(step)
        if declared is None or declared.queue is Queue.PROCESSES:
            found = await transition(step, taken, summary=summary)
        else:
            answered = await outside_step(
                step, taken, queue=declared.queue, limit=declared.limit, mailbox=self._mailbox, summary=summary
            )
            found = answered or NextStep(f"assess_{self.process}")
        self._rounds |= found.rounds
        return found


def _handler(name: str, sentence: str) -> Callable[..., None]:
    # Any number of arguments of any kind, without a type: what cannot be read or was sent by hand only wakes as well.
    # Were it dropped, a worker that gets the key later would hear it when it replays, and find another history.
    def receive(self: CaseWorkflow, *_: Any) -> None:
        self._mailbox.receive()

    receive.__doc__ = sentence
    receive.__qualname__ = receive.__name__ = name
    return workflow.signal(name=name)(receive)
