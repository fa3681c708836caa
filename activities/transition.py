"""How a transition runs: one transaction, safe to run twice, its result kept under its key."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from temporalio import activity
from temporalio.exceptions import ApplicationError

from domain.access import Grant
from gateways.files import Files
from messages.payload import decode, encode
from storage import audit, cases, tasks
from storage.database import SERVICE, Errand, asking, run_errands
from storage.notices import notifying
from storage.people import holders_of, people_in
from storage.retries import retried
from storage.rows.cases import Case
from storage.sealing import Seals
from storage.transitions import beginning, keeping, questions

R = TypeVar("R")
MACHINE = "machine"
# A dead-lock shows after a second: room for one more try in the 3 s of a local activity, the next is Temporal's.
_TRIES = 3
_WITHIN = timedelta(seconds=1.5)
_log = logging.getLogger("amanat.activities")


@dataclass(frozen=True, slots=True)
class Desk:
    """What activities work with; made once by the worker."""

    engine: AsyncEngine
    seals: Seals
    files: Files


@dataclass(frozen=True, slots=True)
class Transition:
    """A transition at work: its transaction, its locked case, and Postgres's time.

    ``last`` are the statements that end the transaction.
    """

    connection: AsyncConnection
    seals: Seals
    case: Case
    step: str
    now: datetime
    last: list[Errand] = field(default_factory=list)

    async def move(self, phase: str, *, next_actor: str | None, due_in: timedelta | None = None) -> None:
        """Set phase, who acts next and until when."""
        await cases.move_case(self.connection, self.case.id, phase=phase, next_actor=next_actor, due_in=due_in)

    async def end(self, phase: str, *, outcome: str, noted: Mapping[str, Any] | None = None) -> None:
        """End the case; whatever was still asked is moot. ``noted``: what the audit trail says besides."""
        await tasks.moot_tasks(self.connection, self.case.id)
        await cases.end_case(self.connection, self.case.id, phase=phase, outcome=outcome)
        entry = audit.Entry(
            action=self.step,
            actor=MACHINE,
            subject=str(self.case.id),
            before={"phase": self.case.phase},
            after={"phase": phase, "outcome": outcome, **(noted or {})},
        )
        self.last.append(audit.appending(audit.case_stream(self.case.id), entry))

    async def tell(self, code: str, *, actor: str = MACHINE, params: Mapping[str, Any] | None = None) -> None:
        """Add a line to the timeline."""
        self.last.append(cases.telling(self.case.id, code, actor=actor, params=params))

    async def notify(self, people: Iterable[UUID], template: str, params: Mapping[str, str] | None = None) -> None:
        """Send an SMS to each."""
        self.last.extend(notifying(people, template, case_id=self.case.id, params=params))

    async def ask(
        self,
        kind: str,
        assignee: Grant | UUID,
        *,
        due_in: timedelta,
        details: Mapping[str, Any] | None = None,
        tell: bool = True,
    ) -> None:
        """Open a task for a person or a role; unless ``tell`` is off, whoever may answer it hears of it."""
        await tasks.open_task(self.connection, self.case.id, kind, assignee=assignee, due_in=due_in, details=details)
        if tell:
            people = [assignee] if isinstance(assignee, UUID) else await self.holders(assignee)
            await self.notify(people, f"task_{kind}")

    async def holders(self, grant: Grant) -> list[UUID]:
        """Who holds a role now, apart from those who take part in the case."""
        return await holders_of(self.connection, grant, apart_from=await people_in(self.connection, self.case.id))


@dataclass(frozen=True, slots=True)
class _Taking(Generic[R]):
    """A transition that is to be taken; see ``take``."""

    desk: Desk
    case_id: UUID
    step: str
    round_: int
    result: type[R]
    body: Callable[[Transition], Awaitable[R]]
    again: Callable[[Transition, R], Awaitable[R]] | None

    async def take_once(self) -> tuple[R, bool]:
        """One transaction; the result, and whether it is new."""
        key = f"{self.case_id}:{self.step}:{self.round_}"
        content = {"step": self.step, "round": self.round_}
        async with asking(self.desk.engine, SERVICE, *questions(self.case_id, key)) as (connection, found):
            begun = beginning(found, content)
            if begun is None:
                raise ApplicationError(f"no case {self.case_id}", type="NoSuchCase", non_retryable=True)
            at_work = Transition(connection, self.desk.seals, begun.case, self.step, begun.now)
            if begun.earlier is not None:
                earlier = decode(self.result, begun.earlier)
                adjusted = earlier if self.again is None else await self.again(at_work, earlier)
                await run_errands(connection, *at_work.last, commit=True)
                return adjusted, False
            outcome = await self.body(at_work)
            kept = keeping(self.case_id, key, content, encode(outcome))
            await run_errands(connection, *at_work.last, kept, commit=True)
            return outcome, True


async def take(
    desk: Desk,
    *,
    case_id: UUID,
    step: str,
    round_: int,
    result: type[R],
    body: Callable[[Transition], Awaitable[R]],
    again: Callable[[Transition, R], Awaitable[R]] | None = None,
) -> R:
    """Run a transition once per key; a second run returns the first one's result.

    Args:
        desk: what activities work with.
        case_id: whose.
        step: verb and noun of the transition.
        round_: how often the process took this step before.
        result: class of the result.
        body: does it; run again if its transaction lost a race.
        again: adjusts a kept result to the present, for example how long is still to wait.

    Raises:
        ApplicationError: there is no such case; not retried.
    """
    taking = _Taking(desk, case_id, step, round_, result, body, again)
    outcome, is_new = await retried(taking.take_once, of=f"transition:{step}", tries=_TRIES, within=_WITHIN)
    if is_new:
        _log.info("transition_taken", extra={"case_id": str(case_id), "step": step, "round": round_, **_whose()})
    return outcome


def _whose() -> dict[str, str]:
    """Which workflow asked, for the logs."""
    if not activity.in_activity():
        return {}
    return {"workflow_id": activity.info().workflow_id or "", "run_id": activity.info().workflow_run_id or ""}


def whole_seconds(span: timedelta) -> int:
    """A wait as a process takes it, rounded up: none ends before the moment that people were shown."""
    return -(-span // timedelta(seconds=1))
