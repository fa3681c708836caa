"""Messages: a member's own inbox, and what went out to everybody, with sending one again (A9, G4)."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import Response

from api.dependencies import PerformerDep, ReaderDep, require
from api.problems import responses
from api.values import Cursor, Limit, MomentOut, Page, Words, cut, read_cursor, write_cursor
from commands import notice as commands
from commands.command import Command
from domain import errors
from domain.access import SEES_NOTICES, SENDS_NOTICES
from domain.identity import Mobile, mask_mobile
from domain.notice import NoticePending, failure_words, retell
from storage import notices
from storage.notices import WatchedNotice
from storage.rows.notices import NoticeState, StoredNotice

router = APIRouter(prefix="/v1", tags=["messages"])

State = Annotated[
    NoticeState,
    Field(description="pending: tried until it arrives or fails for good; failed: given up", examples=["sent"]),
]


class MessageOut(BaseModel):
    """A message to the caller; one-time codes are not stored, so none is among them."""

    id: UUID
    at: MomentOut
    text: str = Field(examples=["امانت: انصراف شما از درخواست اعتبار ثبت شد."])
    state: State
    case_id: UUID | None = Field(description="What it is about")

    @classmethod
    def of(cls, stored: StoredNotice, links: dict[str, str]) -> MessageOut:
        """A message."""
        return cls(
            id=stored.id,
            at=MomentOut.of(stored.created_at),
            text=_text(stored, links),
            state=stored.state,
            case_id=stored.case_id,
        )


class NoticeOut(BaseModel):
    """A message to somebody, who is not named."""

    id: UUID
    template: str = Field(examples=["credit_activated"])
    text: str = Field(description="As it is sent, in Persian", examples=["امانت: انصراف شما از درخواست اعتبار ثبت شد."])
    channel: Literal["sms", "mail"]
    mobile_masked: str | None = Field(description="Null for somebody without a number", examples=["0912***3358"])
    state: State
    case_id: UUID | None
    created: MomentOut
    sent: MomentOut | None
    attempts: int | None = Field(description="How often it was tried, while it waits", examples=[2])
    failure: str | None = Field(
        description="Why it failed for good, or failed the last time: a short code", examples=["no_such_template"]
    )
    failure_words: Words | None

    @classmethod
    def of(cls, watched: WatchedNotice, links: dict[str, str]) -> NoticeOut:
        """A notice."""
        stored = watched.stored
        return cls(
            id=stored.id,
            template=stored.template,
            text=_text(stored, links),
            channel="mail" if stored.channel == "mail" else "sms",
            mobile_masked=None if watched.mobile is None else mask_mobile(Mobile(watched.mobile)),
            state=stored.state,
            case_id=stored.case_id,
            created=MomentOut.of(stored.created_at),
            sent=None if stored.sent_at is None else MomentOut.of(stored.sent_at),
            attempts=watched.attempts,
            failure=watched.failure,
            failure_words=None if watched.failure is None else Words.of(failure_words(watched.failure)),
        )


def _text(stored: StoredNotice, links: dict[str, str]) -> str:
    return retell(stored.template, {**links, **stored.params})


def _links(request: Request) -> dict[str, str]:
    """The links of this installation, by the names that texts have for them."""
    links = request.app.state.links
    return {} if links is None else {"app_link": links.app, "training_link": links.training}


@router.get(
    "/messages",
    operation_id="list_messages",
    dependencies=[Depends(require(member=True))],
    responses=responses(errors.Unauthenticated, errors.Forbidden),
)
async def list_messages(
    request: Request, reader: ReaderDep, *, case_id: UUID | None = None, cursor: Cursor = None, limit: Limit = 25
) -> Page[MessageOut]:
    """What was sent to the caller, newest first; of one case with ``case_id``."""
    before, links = read_cursor(cursor, UUID), _links(request)

    async def query(connection: AsyncConnection) -> Page[MessageOut]:
        rows = await notices.list_messages(
            connection, reader.actor.person_id, case_id=case_id, before=before[0] if before else None, limit=limit + 1
        )
        page, more = cut(rows, limit)
        return Page(
            items=[MessageOut.of(stored, links) for stored in page], next=write_cursor(page[-1].id) if more else None
        )

    return await reader.read(query)


@router.get(
    "/notices",
    operation_id="list_notices",
    dependencies=[Depends(require(*SEES_NOTICES))],
    responses=responses(errors.Unauthenticated, errors.Forbidden),
)
async def list_notices(
    request: Request,
    reader: ReaderDep,
    *,
    state: Annotated[NoticeState | None, Query()] = None,
    cursor: Cursor = None,
    limit: Limit = 25,
) -> Page[NoticeOut]:
    """Messages to everybody, newest first: those that wait, were sent or failed. For operators, support, auditors."""
    before, links, seals = read_cursor(cursor, UUID), _links(request), reader.context.seals

    async def query(connection: AsyncConnection) -> Page[NoticeOut]:
        rows = await notices.list_notices(
            connection, seals, state=state, before=before[0] if before else None, limit=limit + 1
        )
        page, more = cut(rows, limit)
        return Page(
            items=[NoticeOut.of(watched, links) for watched in page],
            next=write_cursor(page[-1].stored.id) if more else None,
        )

    return await reader.read(query)


@router.post(
    "/notices/{notice_id}/resend",
    operation_id="resend_notice",
    response_model=NoticeOut,
    dependencies=[Depends(require(*SENDS_NOTICES))],
    responses=responses(errors.Unauthenticated, errors.Forbidden, errors.NotFound, NoticePending),
)
async def resend_notice(request: Request, performer: PerformerDep, notice_id: UUID) -> Response:
    """Send a message again that failed or did not arrive, three times an hour at most. For operators and support."""
    links = _links(request)

    async def work(command: Command) -> NoticeOut:
        return NoticeOut.of(await commands.resend_notice(command, notice_id), links)

    return await performer.run(work)
