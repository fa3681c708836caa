"""The transitions of every process, taken directly, as a worker would take them."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from temporalio import activity

from activities.registry import all_activities
from activities.transition import ActivityContext
from gateways.files import Files
from messages.case import NextStep, StepInput
from storage.database import create_engine
from storage.sealing import Seals
from tests.wire import Wire


@dataclass(frozen=True, slots=True)
class WiredContext(ActivityContext):
    """What activities work with, by a wire on which answers of Postgres are lost: of a step, what ``losing`` says."""

    wire: Wire = field(default_factory=Wire)
    losing: Callable[[], Mapping[str, int]] = lambda: {"lose_commit": 1}

    @classmethod
    @contextlib.asynccontextmanager
    async def to(cls, url: str, seals: Seals, files: Files) -> AsyncIterator[WiredContext]:
        """To a database."""
        there = sa.make_url(url)
        async with Wire.to(str(there.host), int(there.port or 0)) as wire:
            engine = create_engine(wire.url(url), pool=12)
            yield cls(engine, seals, files, wire=wire)
            await engine.dispose()


T = TypeVar("T")
# How often a step is taken again whose answer was lost.
_AGAIN: Final = 3


class Transitions:
    """Each by its name: ``await Transitions(activity_context).request_review(StepInput(case_id))``.

    In a ``WiredContext`` each loses an answer, as a rule that to its COMMIT, and is taken again, as Temporal would.
    """

    # Scenarios ask for them at each step; to declare all activities anew takes longer than most steps.
    _made: ClassVar[tuple[ActivityContext, Mapping[str, Callable[..., Awaitable[Any]]]] | None] = None

    def __init__(self, activity_context: ActivityContext) -> None:
        if Transitions._made is None or Transitions._made[0] is not activity_context:
            Transitions._made = activity_context, _by_name(activity_context)
        self._taken = Transitions._made[1]
        self._wired = activity_context if isinstance(activity_context, WiredContext) else None

    def __getattr__(self, name: str) -> Callable[[StepInput], Awaitable[NextStep]]:
        take, wired = self._taken[name], self._wired
        if wired is None:
            return take

        async def take_again(step: StepInput) -> NextStep:
            wired.wire.begin(**wired.losing())
            try:
                return await until_answered(lambda: take(step))
            finally:
                wired.wire.begin()

        return take_again


def _by_name(activity_context: ActivityContext) -> Mapping[str, Callable[..., Awaitable[Any]]]:
    return {
        str(activity._Definition.must_from_callable(take).name): take
        for of_queue in all_activities(activity_context).values()
        for take in of_queue
    }


async def until_answered(take: Callable[[], Awaitable[T]]) -> T:
    """Take a step until its answer comes; steps that run at once on one wire may lose each other's, too."""
    for _ in range(_AGAIN):
        with contextlib.suppress(DBAPIError):
            return await take()
    return await take()
