"""Cases: where each stands, who acts next and until when, its timeline, and its live status."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import Field
from starlette.responses import Response

from api.case_detail import CaseDetail, TitledCase, case_detail
from api.dependencies import CallerDep, ReadingDep
from api.live import Changed, Watcher
from api.operation import Operation
from api.values import IdCursor, Limit, Moment, NumberCursor, Out, Page, Words
from commands.refusals import refuses
from domain.case import TooManyStreams
from domain.catalogue import words
from messages.case import CaseKind
from storage import case_lists
from storage.case_lists import CaseFilter
from storage.rows.cases import TimelineEvent

router = APIRouter(prefix="/v1/cases", tags=["cases"], route_class=Operation)


class EventOut(Out):
    """A line of a timeline: what happened, in plain words."""

    id: int
    at: Moment
    code: str = Field(examples=["certificate_issued"])
    actor: str = Field(examples=["hr_officer"])
    actor_words: Words
    words: Words

    @classmethod
    def of(cls, event: TimelineEvent) -> EventOut:
        """A line."""
        return cls.of_row(
            event,
            actor_words=Words.of(words.who(event.actor)),
            words=Words.of(words.event(event.code, {"actor": event.actor, **event.params})),
        )


@router.get("")
async def list_cases(
    read: ReadingDep,
    before: IdCursor,
    kind: Annotated[CaseKind | None, Query()] = None,
    phase: Annotated[str | None, Query(max_length=40, pattern="^[a-z_]+$")] = None,
    is_open: Annotated[bool | None, Query()] = None,
    region_code: Annotated[str | None, Query(pattern="^[0-9]{4}$")] = None,
    late: Annotated[bool | None, Query(description="Whether its time is over")] = None,
    limit: Limit = 25,
) -> Page[TitledCase]:
    """Cases that the caller may see, newest first."""
    wanted = CaseFilter(kind, phase, is_open, region_code, late)
    rows = await case_lists.list_cases(read.connection, read.actor, wanted, before=before, limit=limit + 1)
    titled = {case.id: case for case in await TitledCase.titled(read.connection, rows[:limit], read.actor)}
    return Page.of(rows, limit, lambda row: (row.id,), lambda row: titled[row.id])


@router.get("/{case_id}")
async def read_case(
    read: ReadingDep,
    case_id: UUID,
    if_none_match: Annotated[str | None, Header(description="ETag of what the caller has")] = None,
) -> CaseDetail | None:
    """A case; its ETag changes whenever something happens in it. 304 if the caller's copy is still right."""
    detail = await case_detail(read, case_id)
    if detail is None:
        return None
    etag = f'W/"{detail.version}"'
    if if_none_match == etag:
        return Response(status_code=304, headers={"ETag": etag})  # type: ignore[return-value]  # FastAPI passes a Response on
    read.response.headers["ETag"] = etag
    return detail


@router.get("/{case_id}/timeline")
async def read_timeline(
    read: ReadingDep, case_id: UUID, after: NumberCursor, limit: Limit = 50
) -> Page[EventOut] | None:
    """What happened in a case, oldest first."""
    case = await read.once(case_lists.see_case, read.actor, case_id)
    if case is None:
        return None
    rows = await case_lists.events_after(read.connection, case_id, after, limit + 1)
    page = Page.of(rows, limit, lambda event: (event.id,), lambda event: event)
    items = [EventOut.of(event) for event in page.items if case_lists.is_shown(case, read.actor, event)]
    return Page(items=items, next=page.next)


@refuses(TooManyStreams)
async def _admit(request: Request, caller: CallerDep, case_id: UUID) -> Callable[[], None]:
    """Take a place before the stream begins: afterwards there is no status left to refuse it with."""
    await caller.read(lambda reading: case_lists.see_case(reading.connection, caller.actor, case_id))
    watcher: Watcher = request.app.state.watcher
    return watcher.admit(caller.actor.person_id)


async def _place(leave: Annotated[Callable[[], None], Depends(_admit)]) -> AsyncIterator[None]:
    """Give the place back when the stream is over, however it ends."""
    try:
        yield
    finally:
        leave()


@router.get("/{case_id}/events", response_class=EventSourceResponse, dependencies=[Depends(_place)])
async def watch_case(
    request: Request,
    caller: CallerDep,
    case_id: UUID,
    version: Annotated[
        int | None, Query(ge=0, le=2**31 - 1, description="What the caller has: later ones are told as `changed`")
    ] = None,
    last_event_id: Annotated[str | None, Header(pattern="^[0-9]{1,18}$")] = None,
) -> AsyncIterator[ServerSentEvent]:
    """The timeline as it grows (server-sent events); ends after ten minutes, then the browser connects again.

    Not all that happens in a case is a line of its timeline: with ``version`` each later version is told as well.
    """
    watcher: Watcher = request.app.state.watcher
    async for event in watcher.watch(caller, case_id, int(last_event_id or 0), version):
        if isinstance(event, Changed):
            yield ServerSentEvent(data={"version": event.version}, event="changed")
            continue
        yield ServerSentEvent(data=EventOut.of(event).model_dump(mode="json"), event="timeline", id=str(event.id))
