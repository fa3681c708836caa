"""Cases: where each stands, who acts next and until when, its timeline, and its live status."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import Response

from api.case_detail import CaseDetail, TitledCase, case_detail
from api.dependencies import ReaderDep
from api.live import Changed, TooManyStreams, Watcher
from api.problems import responses
from api.values import Cursor, Limit, MomentOut, Page, Words, cut, read_cursor, write_cursor
from domain import errors
from domain.catalogue import words
from messages.case import CaseKind
from storage import case_lists
from storage.case_lists import CaseFilter
from storage.rows.cases import Event

router = APIRouter(prefix="/v1/cases", tags=["cases"])


class EventOut(BaseModel):
    """A line of a timeline: what happened, in plain words."""

    id: int
    at: MomentOut
    code: str = Field(examples=["certificate_issued"])
    actor: str = Field(examples=["hr_officer"])
    actor_words: Words
    words: Words

    @classmethod
    def of(cls, event: Event) -> EventOut:
        """A line."""
        return cls(
            id=event.id,
            at=MomentOut.of(event.at),
            code=event.code,
            actor=event.actor,
            actor_words=Words.of(words.who(event.actor)),
            words=Words.of(words.event(event.code, event.params)),
        )


@router.get("", operation_id="list_cases", responses=responses(errors.Unauthenticated))
async def list_cases(
    reader: ReaderDep,
    kind: Annotated[CaseKind | None, Query()] = None,
    phase: Annotated[str | None, Query(max_length=40, pattern="^[a-z_]+$")] = None,
    is_open: Annotated[bool | None, Query()] = None,
    region_code: Annotated[str | None, Query(pattern="^[0-9]{4}$")] = None,
    late: Annotated[bool | None, Query(description="Whether its time is over")] = None,
    cursor: Cursor = None,
    limit: Limit = 25,
) -> Page[TitledCase]:
    """Cases that the caller may see, newest first."""
    wanted = CaseFilter(kind, phase, is_open, region_code, late)
    before = read_cursor(cursor, UUID)

    async def query(connection: AsyncConnection) -> Page[TitledCase]:
        rows = await case_lists.list_cases(
            connection, reader.actor, wanted, before=before[0] if before else None, limit=limit + 1
        )
        page, more = cut(rows, limit)
        items = await TitledCase.titled(connection, page, reader.actor)
        return Page(items=items, next=write_cursor(page[-1].id) if more else None)

    return await reader.read(query)


@router.get("/{case_id}", operation_id="read_case", responses=responses(errors.Unauthenticated, errors.NotFound))
async def read_case(
    reader: ReaderDep,
    response: Response,
    case_id: UUID,
    if_none_match: Annotated[str | None, Header(description="ETag of what the caller has")] = None,
) -> CaseDetail:
    """A case; its ETag changes whenever something happens in it. 304 if the caller's copy is still right."""
    detail = await reader.read(lambda connection: case_detail(connection, reader.context.seals, reader.actor, case_id))
    etag = f'W/"{detail.version}"'
    if if_none_match == etag:
        return Response(status_code=304, headers={"ETag": etag})  # type: ignore[return-value]  # FastAPI passes a Response on
    response.headers["ETag"] = etag
    return detail


@router.get(
    "/{case_id}/timeline", operation_id="read_timeline", responses=responses(errors.Unauthenticated, errors.NotFound)
)
async def read_timeline(reader: ReaderDep, case_id: UUID, cursor: Cursor = None, limit: Limit = 50) -> Page[EventOut]:
    """What happened in a case, oldest first."""
    after = read_cursor(cursor, int)

    async def query(connection: AsyncConnection) -> Page[EventOut] | None:
        case = await case_lists.see_case(connection, reader.actor, case_id)
        if case is None:
            return None
        rows = await case_lists.events_after(connection, case_id, after[0] if after else 0, limit + 1)
        page, more = cut(rows, limit)
        items = [EventOut.of(event) for event in page if case_lists.is_shown(case, reader.actor, event)]
        return Page(items=items, next=write_cursor(page[-1].id) if more else None)

    return await reader.read(query)


async def _may_watch(request: Request, reader: ReaderDep, case_id: UUID) -> None:
    """Refuse before the stream begins: afterwards there is no status left to say it with."""
    await reader.read(lambda connection: case_lists.see_case(connection, reader.actor, case_id))
    request.app.state.watcher.refuse_when_full(reader.actor.person_id)


@router.get(
    "/{case_id}/events",
    operation_id="watch_case",
    response_class=EventSourceResponse,
    dependencies=[Depends(_may_watch)],
    responses=responses(errors.Unauthenticated, errors.NotFound, TooManyStreams),
)
async def watch_case(
    request: Request,
    reader: ReaderDep,
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
    async for event in watcher.watch(reader, case_id, int(last_event_id or 0), version):
        if isinstance(event, Changed):
            yield ServerSentEvent(data={"version": event.version}, event="changed")
            continue
        yield ServerSentEvent(data=EventOut.of(event).model_dump(mode="json"), event="timeline", id=str(event.id))
