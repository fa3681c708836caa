"""Live status: one query a second per process finds what is new in all watched cases."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from api.dependencies import Caller, Reading
from domain.case import TooManyStreams
from domain.errors import NotFound
from storage.account import read_session_again
from storage.case_lists import Mark, events_after, is_shown, marks_of, see_case
from storage.chores import every, repeat
from storage.database import SERVICE, transaction
from storage.rows.cases import Case, TimelineEvent

_log = logging.getLogger("amanat.live")

MAX_STREAMS = 500
MAX_STREAMS_EACH = 6
_LIFE_SECONDS = 600.0
_POLL_SECONDS = 1.0
# The caller's session and right to see the case are judged again at least this often.
_CHECK_SECONDS = 30.0
_PAGE = 100


@dataclass(frozen=True, slots=True)
class Changed:
    """Something of the case is another than it was, whether or not a line of the timeline tells of it."""

    version: int


class Watcher:
    """Knows which cases are watched, and wakes the watchers of those in which something happened."""

    def __init__(self, engine: AsyncEngine, *, check_seconds: float = _CHECK_SECONDS) -> None:
        self._engine = engine
        self._check_seconds = check_seconds
        self._watched: Counter[UUID] = Counter()
        self._admitted: Counter[UUID] = Counter()
        self._marks: dict[UUID, Mark] = {}
        self._changed = asyncio.Condition()

    def admit(self, person_id: UUID) -> Callable[[], None]:
        """Take one of the places that this process and this person have; returns what gives it back, once.

        Judged and counted in one step: of many that come at once no more get in than there are places.

        Raises:
            TooManyStreams: all are taken.
        """
        if self._admitted.total() >= MAX_STREAMS or self._admitted[person_id] >= MAX_STREAMS_EACH:
            raise TooManyStreams(retry_after=30)
        self._admitted[person_id] += 1

        def leave() -> None:
            self._admitted[person_id] -= 1
            self._admitted += Counter()

        return leave

    async def run(self) -> None:
        """Look every second, until cancelled."""
        await repeat("live_status", self._look, every(_POLL_SECONDS))

    async def _look(self) -> None:
        if not self._watched:
            return
        async with transaction(self._engine, SERVICE) as connection:
            self._marks = await marks_of(connection, list(self._watched))
        async with self._changed:
            self._changed.notify_all()

    async def watch(
        self, caller: Caller, case_id: UUID, after: int, version: int | None = None
    ) -> AsyncIterator[TimelineEvent | Changed]:
        """Lines after one that the caller has, then each new one; and each version after the caller's, if it has one.

        Ends when the caller may no longer see the case, and when the database is away: they connect again.
        """
        self._watched[case_id] += 1
        try:
            end = asyncio.get_running_loop().time() + _LIFE_SECONDS
            while asyncio.get_running_loop().time() < end:
                case, news = await caller.read(lambda reading: _news(reading, case_id, after))  # noqa: B023 - awaited at once
                for event, is_theirs in news:
                    after = event.id
                    if is_theirs:
                        yield event
                if version is not None and case.version > version:
                    version = case.version
                    yield Changed(version)
                await self._wait(case_id, Mark(after, case.version))
        except (NotFound, SQLAlchemyError, OSError) as error:
            _log.info("live_status_ends", extra={"error": type(error).__name__})
        finally:
            self._watched[case_id] -= 1
            self._watched += Counter()

    async def _wait(self, case_id: UUID, seen: Mark) -> None:
        def has_news() -> bool:
            mark = self._marks.get(case_id, seen)
            return mark.event > seen.event or mark.version > seen.version

        async with self._changed:
            try:
                await asyncio.wait_for(self._changed.wait_for(has_news), self._check_seconds)
            except TimeoutError:
                return


async def _news(reading: Reading, case_id: UUID, after: int) -> tuple[Case, list[tuple[TimelineEvent, bool]]] | None:
    """The case, and each new line with whether it is the caller's to see."""
    # The session may have ended and roles may be gone since the stream began.
    connection = reading.connection
    actor = await read_session_again(connection, reading.actor.session_id)
    case = None if actor is None else await see_case(connection, actor, case_id)
    if actor is None or case is None:
        return None
    events = await events_after(connection, case_id, after, _PAGE)
    return case, [(event, is_shown(case, actor, event)) for event in events]
