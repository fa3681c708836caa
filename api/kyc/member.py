"""Identity, pictures and form of a member (F4)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from functools import partial
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from fastapi.responses import FileResponse
from pydantic import Field

from api.bank_account import BankAccountItem
from api.case_view import CaseRow, case_row
from api.dependencies import Caller, CallerDep, CommandDep, KeyDep, ReadingDep, headers_of, require, restored
from api.download import MadeFile
from api.operation import Operation
from api.upload import BINARY, content_within
from api.values import Amount, Day, DayIn, Input, Moment, Out, Reason, Words
from commands import kyc as commands
from commands.command import Command
from commands.refusals import refuses
from domain import errors
from domain.attachment import MAX_BYTES, MediaType
from domain.catalogue import words
from domain.kyc import KycPolicy, Level, LevelName, Missing
from messages.kyc import DocumentKind
from storage import bank_account, kyc
from storage.database import tehran_today
from storage.kyc import IdentityAnswers
from storage.policies import in_force
from storage.rows.kyc import IdentityDocument

router = APIRouter(prefix="/v1/identity", tags=["account"], route_class=Operation)
_MEMBER = [Depends(require(member=True))]
_TAKEN: Final = (MediaType.JPEG, "image/png", "image/webp", "application/octet-stream")


class IdentityDocumentOut(Out):
    """A picture of a document; its content is asked for by its id."""

    id: UUID
    kind: Reason
    size: int = Field(description="Bytes", examples=[183_204])
    added: Moment = Field(validation_alias="added_at")

    @classmethod
    def of(cls, row: IdentityDocument) -> IdentityDocumentOut:
        """One picture."""
        return cls.of_row(row, kind=Reason.of(DocumentKind, row.kind))


class IdentityDocumentRemoved(Out):
    """It is forgotten."""

    id: UUID


class LevelOut(Out):
    """A level of identity: what it asks for and what it allows."""

    name: str = Field(examples=["basic"])
    words: Words
    documents: list[Reason]
    per_order: Amount
    per_day: Amount
    per_month: Amount = Field(description="Of a Jalali month")
    valid_months: int = Field(examples=[24])

    @classmethod
    def of(cls, level: Level) -> LevelOut:
        """One level."""
        return cls.of_row(
            level,
            words=Words.of(words.term(LevelName, level.name)),
            documents=[Reason.of(DocumentKind, kind) for kind in level.documents],
            per_order=level.per_order.amount,
            per_day=level.per_day.amount,
            per_month=level.per_month.amount,
        )


class IdentityOut(Out):
    """Where one's identity stands, what is missing for a form, and what each level asks for and allows."""

    level: str | None = Field(description="Null without a confirmed identity that still holds", examples=["basic"])
    level_words: Words | None
    valid_until: Day | None
    may_renew: bool = Field(description="Whether a form of the same level may be submitted")
    review_id: UUID | None = Field(description="The case of the review that is open")
    levels: list[LevelOut] = Field(description="From the lowest up")
    missing: list[Reason] = Field(description="What to see to before a form is submitted, apart from pictures")
    accounts: list[BankAccountItem] = Field(description="One's own confirmed cards and shebas, to choose from")
    documents: list[IdentityDocumentOut] = Field(description="One's pictures, the newest first")
    least_age: int = Field(examples=[18])


class IdentityForm(Input):
    """What a form says, apart from the level."""

    birth_date: DayIn = Field(description="As on the national card")
    latin_first: str = Field(max_length=60, examples=["MARYAM"])
    latin_last: str = Field(max_length=60, examples=["REZAEI"])
    card_id: UUID = Field(description="A confirmed card of one's own")
    sheba_id: UUID = Field(description="A confirmed sheba of one's own")
    documents: dict[DocumentKind, UUID] = Field(
        max_length=10,
        description="By kind the id of a picture of one's own",
        examples=[{"national_card_front": "0192f0a1-5b7c-7c1e-8f00-2f6f0c7d9a11"}],
    )

    def typed(self) -> IdentityAnswers:
        """As commands take it."""
        return IdentityAnswers(
            self.birth_date, self.latin_first, self.latin_last, self.card_id, self.sheba_id, dict(self.documents)
        )


class IdentitySubmission(IdentityForm):
    """A form for a level."""

    level: str = Field(max_length=40, examples=["basic"])


@router.get("", dependencies=_MEMBER)
async def read_identity(read: ReadingDep) -> IdentityOut:
    """One's own identity: its level and last day, the review that is open, what is missing, and what levels allow."""
    connection, person_id = read.connection, read.actor.person_id
    row = await in_force(connection, KycPolicy.POLICY)
    if row is None:
        raise LookupError("there is no policy of identity reviews, though version 1 ships")
    policy = KycPolicy.from_policy(row.value)
    held = await kyc.identity_of(connection, person_id)
    missing = await commands.missing_of(connection, person_id)
    return IdentityOut(
        level=None if held is None else held.level,
        level_words=None if held is None else Words.of(words.term(LevelName, held.level)),
        valid_until=None if held is None else held.valid_until,
        may_renew=held is not None and commands.is_soon_over(policy, held, await tehran_today(connection)),
        review_id=await kyc.open_review(connection, person_id),
        levels=[LevelOut.of(level) for level in policy.levels],
        missing=[Reason.of(Missing, lack) for lack in Missing if lack in missing],
        accounts=[BankAccountItem.of(one) for one in await bank_account.confirmed_accounts(connection, person_id)],
        documents=[IdentityDocumentOut.of(one) for one in await kyc.documents_of(connection, person_id)],
        least_age=policy.least_age,
    )


@router.post(
    "/documents",
    status_code=201,
    dependencies=_MEMBER,
    max_body_size=2 * MAX_BYTES,
    openapi_extra={"requestBody": {"required": True, "content": dict.fromkeys(_TAKEN, BINARY)}},
)
@refuses(commands.add_document, errors.DoneBefore)
async def add_identity_document(
    caller: CallerDep,
    key: KeyDep,
    kind: Annotated[DocumentKind, Query(description="Which document it shows")],
    content: Annotated[AsyncIterator[bytes], Depends(content_within(MAX_BYTES))],
) -> IdentityDocumentOut:
    """Add a picture of a document of one's own, sent as the body: JPEG, PNG or WebP, at most 10 MB.

    It is drawn anew: where and when it was taken is not kept. Without a form it is deleted after seven days.
    """
    upload = commands.NewDocument(caller.actor, kind, key, caller.origin, content)

    def as_json(_: Command, added: IdentityDocument) -> bytes:
        return IdentityDocumentOut.of(added).model_dump_json().encode()

    answer = await commands.add_document(caller.context, upload, as_json)
    caller.response.headers.update(headers_of(answer))
    return restored(IdentityDocumentOut, answer.body, replayed=answer.replayed)


def picture(caller: Caller, seen: commands.SeenDocument) -> FileResponse:
    """A picture to be sent, and kept by nobody on its way."""
    return MadeFile(
        partial(commands.write_document, caller.context, seen),
        media_type=MediaType.JPEG,
        name=f"{seen.document.kind}.jpg",
        headers={"Content-Security-Policy": "default-src 'none'; sandbox", "Cache-Control": "no-store"},
    )


JPEG: Final[Mapping[int | str, dict[str, object]]] = {
    200: {"description": "The picture", "content": {MediaType.JPEG: BINARY}}
}


@router.get("/documents/{document_id}", response_class=FileResponse, responses=dict(JPEG), dependencies=_MEMBER)
@refuses(commands.find_document, commands.write_document)
async def download_identity_document(caller: CallerDep, document_id: UUID) -> FileResponse:
    """A picture of one's own."""
    return picture(caller, await commands.find_document(caller.context, caller.actor, caller.origin, document_id))


@router.delete("/documents/{document_id}", dependencies=_MEMBER)
@refuses(commands.remove_document)
async def remove_identity_document(command: CommandDep, document_id: UUID) -> IdentityDocumentRemoved:
    """Forget a picture of one's own that was not submitted."""
    await commands.remove_document(command, document_id)
    return IdentityDocumentRemoved(id=document_id)


@router.post("/submissions", status_code=201, dependencies=_MEMBER)
@refuses(commands.submit_identity)
async def submit_identity(command: CommandDep, body: IdentitySubmission) -> CaseRow:
    """Submit an identity form for a level; an officer reviews it. Five a day at most.

    For a level that one has not, or whose last day is near. What is missing is refused with all of it.
    """
    return await case_row(command, await commands.submit_identity(command, body.level, body.typed()))


@router.post("/submissions/{case_id}/withdrawal", dependencies=_MEMBER)
@refuses(commands.withdraw_identity)
async def withdraw_identity(command: CommandDep, case_id: UUID) -> CaseRow:
    """Take back a form that is not decided yet."""
    await commands.withdraw_identity(command, case_id)
    return await case_row(command, case_id)
