"""Messages: a member's own inbox, and what went out to everybody, with sending one again (A9, G4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import Field

from api.dependencies import CommandDep, ReadingDep, require
from api.operation import Operation
from api.values import IdCursor, Limit, Moment, Out, Page, Words
from commands import notice as commands
from commands.refusals import refuses
from domain.access import SEES_NOTICES, SENDS_NOTICES
from domain.identity import Mobile, mask_mobile
from domain.notice import Channel, failure_words, recipient_words, retell
from domain.profile import mask_email
from storage import notices
from storage.notices import WatchedNotice
from storage.rows.notices import NoticeState, StoredNotice

router = APIRouter(prefix="/v1", tags=["messages"], route_class=Operation)

State = Annotated[
    NoticeState,
    Field(description="pending: tried until it arrives or fails for good; failed: given up", examples=["sent"]),
]


ShownState = Annotated[NoticeState | None, Query()]


class MessageOut(Out):
    """A message to the caller; one-time codes are not stored, so none is among them."""

    id: UUID
    at: Moment = Field(validation_alias="created_at")
    channel: Channel = Field(examples=["sms"])
    text: str = Field(
        description="In Persian; an e-mail goes out in the caller's own language",
        examples=["امانت: انصراف شما از درخواست اعتبار ثبت شد."],
    )
    state: State
    case_id: UUID | None = Field(description="What it is about")

    @classmethod
    def of(cls, stored: StoredNotice, links: Mapping[str, str]) -> MessageOut:
        """A message."""
        return cls.of_row(stored, text=_text(stored, links))


class NoticeOut(Out):
    """A message to somebody, who is not named."""

    id: UUID
    template: str = Field(examples=["credit_activated"])
    text: str = Field(
        description="In Persian; an e-mail goes out in the recipient's language",
        examples=["امانت: انصراف شما از درخواست اعتبار ثبت شد."],
    )
    channel: Channel = Field(examples=["sms"])
    recipient: Words = Field(description="Their roles; a member if they hold none")
    mobile_masked: str | None = Field(
        description="Of an SMS; null for somebody without a number", examples=["0912***3358"]
    )
    email_masked: str | None = Field(
        description="Of an e-mail; null for somebody without a confirmed address", examples=["ma***@example.com"]
    )
    state: State
    case_id: UUID | None
    created: Moment = Field(validation_alias="created_at")
    sent: Moment | None = Field(validation_alias="sent_at")
    attempts: int | None = Field(description="How often it was tried, while it waits", examples=[2])
    failure: str | None = Field(
        description="Why it failed for good, or failed the last time: a short code", examples=["no_such_template"]
    )
    failure_words: Words | None

    @classmethod
    def of(cls, watched: WatchedNotice, links: Mapping[str, str]) -> NoticeOut:
        """A notice."""
        stored, to = watched.stored, watched.to
        is_mail = stored.channel == Channel.MAIL
        return cls.of_row(
            stored,
            text=_text(stored, links),
            recipient=Words.of(recipient_words(watched.roles)),
            mobile_masked=None if is_mail or to is None else mask_mobile(Mobile(to)),
            email_masked=mask_email(to) if is_mail and to is not None else None,
            attempts=watched.attempts,
            failure=watched.failure,
            failure_words=None if watched.failure is None else Words.of(failure_words(watched.failure)),
        )


def _text(stored: StoredNotice, links: Mapping[str, str]) -> str:
    return retell(stored.channel, stored.template, {**links, **stored.params})


@router.get("/messages", dependencies=[Depends(require(member=True))])
async def list_messages(
    read: ReadingDep, before: IdCursor, case_id: UUID | None = None, limit: Limit = 25
) -> Page[MessageOut]:
    """What was sent to the caller, newest first; of one case with ``case_id``."""
    rows = await notices.list_messages(
        read.connection, read.actor.person_id, case_id=case_id, before=before, limit=limit + 1
    )
    return Page.of(rows, limit, lambda row: (row.id,), lambda row: MessageOut.of(row, read.context.links))


@router.get("/notices", dependencies=[Depends(require(*SEES_NOTICES))])
async def list_notices(
    read: ReadingDep,
    before: IdCursor,
    state: ShownState = None,
    limit: Limit = 25,
) -> Page[NoticeOut]:
    """Messages to everybody, newest first: those that wait, were sent or failed. For operators, support, auditors."""
    rows = await notices.list_notices(read.connection, read.seals, state=state, before=before, limit=limit + 1)
    return Page.of(rows, limit, lambda row: (row.stored.id,), lambda row: NoticeOut.of(row, read.context.links))


@router.post("/notices/{notice_id}/resend", dependencies=[Depends(require(*SENDS_NOTICES))])
@refuses(commands.resend_notice)
async def resend_notice(command: CommandDep, notice_id: UUID) -> NoticeOut:
    """Send a message again that failed or did not arrive, three times an hour at most. For operators and support."""
    return NoticeOut.of(await commands.resend_notice(command, notice_id), command.context.links)
