"""Steps that ask the outside: look whether it is still to be asked, ask in no transaction, record what came of it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Generic, NoReturn, TypeVar
from uuid import UUID

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities.files import ReadingFailed
from activities.transition import (
    Activity,
    ActivityContext,
    Body,
    Transition,
    guarded,
    report_failing,
    take_transition,
)
from activities.turns import NoTurn
from domain.reconciliation import STEP_TRIES
from messages.case import ASK_AGAIN, NextStep, StepInput

T = TypeVar("T")
# Below the minute after which Temporal gives the step to another worker, with room for the transactions around it.
ASK_LIMIT = timedelta(seconds=45)
# Several times below the heartbeat's time-out, whatever is done meanwhile.
_BEAT_SECONDS = 3.0


class AskAgain(Exception):
    """The outside is to be asked again after a while, for instance because it does not know yet; this is no failure."""

    def __init__(self, delay: timedelta) -> None:
        super().__init__(f"asked again in {delay}")
        self.delay = delay


@dataclass(frozen=True, slots=True)
class OutsideStep(Generic[T]):
    """A step of a process that asks the outside; ``name`` as in the workflow, where it stands on ``Queue.OUTSIDE``.

    With ``is_batch`` it stands on ``Queue.BATCH`` instead: ``ask`` then works as long as it takes, chunk by chunk, each
    in a transaction of its own with how far it has come, and goes on from there when it is called again.

    ``ask`` is called in no transaction, at most ``ASK_LIMIT`` long, and only while ``assess`` says that this step
    follows. It must be repeatable: whatever dies before the answer is recorded makes it ask once more, so what it sends
    carries a key of the case, and "done already" is an answer like "done".

    ``record`` is a transition that gets the answer. It gets it also where another step follows by now, because people
    acted meanwhile: an answer that came is never thrown away. It decides by the locked case what that still changes.

    Either raises ``AskAgain`` to be asked again; what ``record`` wrote is then rolled back. ``ask`` has a turn of each
    provider while it speaks to it (``ActivityContext.turns``), or is asked again if there is none. Any other failure is
    retried by the workflow's policy, see ``counting_failures``.
    """

    name: str
    ask: Callable[[ActivityContext, UUID], Awaitable[T]]
    record: Callable[[Transition, T], Awaitable[NextStep]]
    is_batch: bool = False

    def activity(self, context: ActivityContext, assess: Body) -> Activity:
        """What a worker registers."""

        @activity.defn(name=self.name)
        async def take(step: StepInput) -> NextStep:
            try:
                async with counting_failures(context, step.case_id):
                    return await self._take(context, step, assess)
            except (AskAgain, NoTurn) as again:
                _count_failures(0)
                raise ApplicationError(
                    str(again),
                    type=ASK_AGAIN,
                    next_retry_delay=again.delay,
                    category=ApplicationErrorCategory.BENIGN,
                ) from again

        return take

    async def _take(self, context: ActivityContext, step: StepInput, assess: Body) -> NextStep:
        try:
            return await take_transition(context, self.name, step, guarded(_still_follows, assess), assess=assess)
        except _StillFollowsError:
            pass
        if self.is_batch:
            async with beating():
                answer = await self.ask(context, step.case_id)
        else:
            async with asyncio.timeout(ASK_LIMIT.total_seconds()):
                answer = await self.ask(context, step.case_id)

        async def record(transition: Transition) -> NextStep:
            await transition.pass_deadline()
            return await self.record(transition, answer)

        return await take_transition(context, self.name, step, record, assess=assess)


@contextlib.asynccontextmanager
async def counting_failures(context: ActivityContext, case_id: UUID) -> AsyncIterator[None]:
    """Count what fails in a row, and make the fifth a finding (H8).

    Who asks again has not failed. Readings of a file that broke off are counted apart, see ``broken_off``.
    """
    try:
        yield
    except (AskAgain, NoTurn, ReadingFailed):
        raise
    except (Exception, asyncio.CancelledError):
        # A worker that is stopped breaks off what it does, for no fault of that.
        if _count_failures(_failures() + 1) >= STEP_TRIES:
            await report_failing(context, case_id)
        raise


def broken_off() -> int:
    """How many attempts at a file broke off because reading it failed or its worker died.

    Trouble of ours, such as a database that is away or a worker that is stopped, is not among them. For steps that
    never ask again.
    """
    return activity.info().attempt - 1 - _failures() if activity.in_activity() else 0


@contextlib.asynccontextmanager
async def beating() -> AsyncIterator[None]:
    """Heartbeats while a body runs; nobody hears them where it runs outside Temporal."""

    async def beat() -> None:
        while activity.in_activity():
            activity.heartbeat(_failures())
            await asyncio.sleep(_BEAT_SECONDS)

    beats = asyncio.create_task(beat())
    try:
        yield
    finally:
        beats.cancel()


class _StillFollowsError(Exception):
    """Rolls the look back: the step is to be taken."""


async def _still_follows(_: Transition) -> NoReturn:
    raise _StillFollowsError


def _failures() -> int:
    """How many attempts in a row failed before this one; Temporal keeps the number as the step's last heartbeat.

    The release before told how many rows of a personnel file it had read: never more failed than there were attempts.
    """
    if not activity.in_activity():
        return 0
    now = activity.info()
    kept: list[Any] = list(now.heartbeat_details)
    return min(int(kept[0] or 0), now.attempt - 1) if kept else 0


def _count_failures(failures: int) -> int:
    """Hand the number to the next attempt; nobody counts where the step is taken outside Temporal."""
    if activity.in_activity() and failures != _failures():
        activity.heartbeat(failures)
    return failures
