"""What was submitted, as its officer and its person see it (F4)."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Depends
from fastapi.responses import FileResponse
from pydantic import Field

from api.bank_account import BankAccountItem
from api.dependencies import CallerDep, Reading, require
from api.kyc.member import JPEG, picture
from api.operation import Operation
from api.values import Day, Moment, Out, Reason, Words
from commands import kyc as commands
from commands.refusals import refuses
from domain.access import Role
from domain.catalogue import words
from domain.identity import Mobile, mask_mobile
from domain.kyc import FaultReason, FormField, LevelName
from domain.profile import mask_email
from messages.kyc import DocumentKind, FactKind
from storage import bank_account, kyc
from storage.cases import last_fact
from storage.people import names_of, read_contacts
from storage.profile import open_email, read_profile
from storage.rows.kyc import Submission

router = APIRouter(prefix="/v1/identity", tags=["account"], route_class=Operation)
_OFFICER = [Depends(require(Role.KYC_OFFICER))]


class SubmittedForm(Out):
    """What was submitted, whole: for its person and for the officer who holds the review."""

    number: int = Field(description="Counts each time that it was mended", examples=[1])
    submitted: Moment = Field(validation_alias="submitted_at")
    birth_date: Day
    latin_first: str = Field(examples=["MARYAM"])
    latin_last: str = Field(examples=["REZAEI"])
    card: BankAccountItem
    sheba: BankAccountItem
    documents: dict[DocumentKind, UUID] = Field(description="By kind the id of the picture")
    changed: list[str] = Field(description="What differs from the number before", examples=[["national_card_front"]])


class FaultOut(Out):
    """A part of a form that an officer returned, and why."""

    part: str = Field(description="A field of the form, or a kind of document", examples=["national_card_front"])
    part_words: Words
    reason: Reason


class IdentityReviewOut(Out):
    """A review as the officer sees it who holds it: whose it is, and what was submitted, the newest first."""

    name: str = Field(examples=["مریم رضایی"])
    national_id: str = Field(description="Whole: it is compared with the documents", examples=["0499370899"])
    mobile_masked: str | None = Field(examples=["0912***4567"])
    email_masked: str | None = Field(examples=["ma***@example.com"])
    level: Reason
    forms: list[SubmittedForm]
    returned: list[FaultOut] = Field(description="What was returned the last time")
    note: str | None = Field(description="What was said of it then", examples=["نور چراغ روی کارت افتاده است"])


@router.get("/reviews/{case_id}", dependencies=_OFFICER)
@refuses()
async def read_identity_review(caller: CallerDep, case_id: UUID) -> IdentityReviewOut:
    """What was submitted, for the officer who holds the review; each look is noted."""

    async def look(read: Reading) -> IdentityReviewOut:
        review = await commands.find_review(read.connection, read.actor, case_id)
        await commands.note_view(read.connection, read.actor, caller.origin, case_id, case_id)
        national_id, mobile = await read_contacts(read.connection, read.seals, review.person_id)
        profile = await read_profile(read.connection, review.person_id)
        returned, note = await last_return(read, case_id)
        names = await names_of(read.connection, [review.person_id])
        return IdentityReviewOut(
            name=names.get(review.person_id, ""),
            national_id=national_id,
            mobile_masked=None if mobile is None else mask_mobile(Mobile(mobile)),
            email_masked=None
            if profile.email_sealed is None
            else mask_email(open_email(read.seals, profile.email_sealed)),
            level=Reason.of(LevelName, review.submissions[0].level),
            forms=[await form_out(read, one) for one in review.submissions],
            returned=returned,
            note=note,
        )

    return await caller.read(look)


@router.get(
    "/reviews/{case_id}/documents/{document_id}",
    response_class=FileResponse,
    responses=dict(JPEG),
    dependencies=_OFFICER,
)
@refuses(commands.find_document, commands.write_document)
async def download_reviewed_document(caller: CallerDep, case_id: UUID, document_id: UUID) -> FileResponse:
    """A picture of a form, for the officer who holds its review: marked with who sees it and when, and noted."""
    seen = await commands.find_document(caller.context, caller.actor, caller.origin, document_id, case_id)
    return picture(caller, seen)


async def form_out(read: Reading, row: Submission) -> SubmittedForm:
    """A form with the card and the sheba that were chosen, be they there or not."""
    form = kyc.answers_of(read.seals, row)
    card, sheba = [
        BankAccountItem.of(await bank_account.read_account(read.connection, row.person_id, account_id))
        for account_id in (row.card_id, row.sheba_id)
    ]
    return SubmittedForm.of_row(
        row,
        birth_date=form.birth_date,
        latin_first=form.latin_first,
        latin_last=form.latin_last,
        card=card,
        sheba=sheba,
        documents=dict(form.documents),
        changed=list(row.changed),
    )


def part_words(part: str) -> Words:
    """What a part of a form is called."""
    enum = FormField if part in set(FormField) else DocumentKind
    return Words.of(words.term(enum, part))


async def last_return(read: Reading, case_id: UUID, *since: str) -> tuple[list[FaultOut], str | None]:
    """What an officer returned the last time, and what they said of it; nothing if one of some facts came since."""
    fact = await last_fact(read.connection, case_id, FactKind.KYC_RETURNED, *since)
    if fact is None or fact.kind != FactKind.KYC_RETURNED:
        return [], None
    faults = [
        FaultOut(part=part, part_words=part_words(part), reason=Reason.of(FaultReason, reason))
        for part, reason in fact.payload["faults"].items()
    ]
    return faults, fact.payload["note"] or None
