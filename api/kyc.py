"""Identity review (F4): pictures and form of a member, their identity with its limits, and an officer's review."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from functools import partial
from typing import Annotated, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from fastapi.responses import FileResponse
from pydantic import Field, StringConstraints

from api.answering import Decision, TaskDecisions
from api.bank_account import BankAccountItem
from api.case_view import Action, CaseRow, CaseView, Section, case_row
from api.dependencies import CallerDep, CommandDep, KeyDep, Reading, ReadingDep, headers_of, require, restored
from api.download import MadeFile
from api.operation import Operation
from api.upload import BINARY, content_within
from api.values import Amount, Day, DayIn, Input, Moment, Out, Reason, Words
from commands import kyc as commands
from commands.command import Command
from commands.refusals import refuses
from domain import errors
from domain.access import Part, Role
from domain.attachment import MAX_BYTES, MediaType
from domain.catalogue import words
from domain.identity import Mobile, mask_mobile
from domain.kyc import FaultReason, FormField, KycPolicy, Level, LevelName, Missing
from domain.profile import mask_email
from messages.case import CaseKind
from messages.kyc import DocumentKind, FactKind, TaskKind
from storage import bank_account, kyc
from storage.cases import last_fact
from storage.database import tehran_today
from storage.kyc import IdentityAnswers
from storage.people import names_of, read_contacts
from storage.policies import in_force
from storage.profile import open_email, read_profile
from storage.rows.kyc import IdentityDocument, Submission
from storage.rows.tasks import Task

router = APIRouter(prefix="/v1/identity", tags=["account"], route_class=Operation)
_MEMBER = [Depends(require(member=True))]
_OFFICER = [Depends(require(Role.KYC_OFFICER))]
_TAKEN: Final = (MediaType.JPEG, "image/png", "image/webp", "application/octet-stream")
_Note = Annotated[str, StringConstraints(max_length=500, strip_whitespace=True)]


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


def _picture(caller: CallerDep, seen: commands.SeenDocument) -> FileResponse:
    return MadeFile(
        partial(commands.write_document, caller.context, seen),
        media_type=MediaType.JPEG,
        name=f"{seen.document.kind}.jpg",
        headers={"Content-Security-Policy": "default-src 'none'; sandbox", "Cache-Control": "no-store"},
    )


_JPEG: Final[Mapping[int | str, dict[str, object]]] = {
    200: {"description": "The picture", "content": {MediaType.JPEG: BINARY}}
}


@router.get("/documents/{document_id}", response_class=FileResponse, responses=dict(_JPEG), dependencies=_MEMBER)
@refuses(commands.find_document, commands.write_document)
async def download_identity_document(caller: CallerDep, document_id: UUID) -> FileResponse:
    """A picture of one's own."""
    return _picture(caller, await commands.find_document(caller.context, caller.actor, caller.origin, document_id))


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
        names = await names_of(read.connection, [review.person_id])
        return IdentityReviewOut(
            name=names.get(review.person_id, ""),
            national_id=national_id,
            mobile_masked=None if mobile is None else mask_mobile(Mobile(mobile)),
            email_masked=None
            if profile.email_sealed is None
            else mask_email(open_email(read.seals, profile.email_sealed)),
            level=Reason.of(LevelName, review.submissions[0].level),
            forms=[await _form(read, one) for one in review.submissions],
            returned=await _returned(read, case_id),
            note=await _note(read, case_id),
        )

    return await caller.read(look)


@router.get(
    "/reviews/{case_id}/documents/{document_id}",
    response_class=FileResponse,
    responses=dict(_JPEG),
    dependencies=_OFFICER,
)
@refuses(commands.find_document, commands.write_document)
async def download_reviewed_document(caller: CallerDep, case_id: UUID, document_id: UUID) -> FileResponse:
    """A picture of a form, for the officer who holds its review: marked with who sees it and when, and noted."""
    seen = await commands.find_document(caller.context, caller.actor, caller.origin, document_id, case_id)
    return _picture(caller, seen)


async def _form(read: Reading, row: Submission) -> SubmittedForm:
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


async def _returned(read: Reading, case_id: UUID) -> list[FaultOut]:
    fact = await last_fact(read.connection, case_id, FactKind.KYC_RETURNED)
    faults = {} if fact is None else fact.payload["faults"]
    return [
        FaultOut(part=part, part_words=part_words(part), reason=Reason.of(FaultReason, reason))
        for part, reason in faults.items()
    ]


async def _note(read: Reading, case_id: UUID) -> str | None:
    fact = await last_fact(read.connection, case_id, FactKind.KYC_RETURNED)
    return None if fact is None else fact.payload["note"] or None


class AcceptIdentity(Decision):
    """Form and documents show who the person is."""

    kind: Literal["review_identity"]
    decision: Literal["accept"]
    number: int = Field(ge=1, description="Of the form that was looked at", examples=[1])

    @refuses(commands.accept_identity)
    async def decide(self, command: Command, task: Task) -> None:
        """Accept it."""
        await commands.accept_identity(command, task, self.number)


class ReturnIdentity(Decision):
    """Parts of the form are to be mended."""

    kind: Literal["review_identity"]
    decision: Literal["return"]
    number: int = Field(ge=1, examples=[1])
    faults: dict[str, FaultReason] = Field(
        min_length=1,
        max_length=20,
        description="By field of the form or kind of document, why",
        examples=[{"national_card_front": "unreadable"}],
    )
    note: _Note = Field(default="", examples=["نور چراغ روی کارت افتاده است"])

    @refuses(commands.return_identity)
    async def decide(self, command: Command, task: Task) -> None:
        """Return it."""
        await commands.return_identity(command, task, self.number, self.faults, self.note)


class RefuseIdentity(Decision):
    """The person is not who they say, or may not have an identity here."""

    kind: Literal["review_identity"]
    decision: Literal["refuse"]
    number: int = Field(ge=1, examples=[1])
    reason: Annotated[str, StringConstraints(min_length=3, max_length=500, strip_whitespace=True)] = Field(
        examples=["عکس روی کارت از آنِ شخص دیگری است"]
    )

    @refuses(commands.refuse_identity)
    async def decide(self, command: Command, task: Task) -> None:
        """Refuse it."""
        await commands.refuse_identity(command, task, self.number, self.reason)


class CorrectIdentity(Decision, IdentityForm):
    """The form once more: what was returned is mended, all else as it was."""

    kind: Literal["correct_identity"]
    decision: Literal["correct"]

    @refuses(commands.correct_identity)
    async def decide(self, command: Command, task: Task) -> None:
        """Send it."""
        await commands.correct_identity(command, task, self.typed())


DECISIONS = (
    TaskDecisions(TaskKind.REVIEW_IDENTITY, (AcceptIdentity, ReturnIdentity, RefuseIdentity)),
    TaskDecisions(TaskKind.CORRECT_IDENTITY, (CorrectIdentity,)),
)


class KycOut(Out):
    """An identity review, for its own person: what they sent, and what is to be mended."""

    level: Reason
    form: SubmittedForm
    returned: list[FaultOut]
    note: str | None = Field(description="What the officer said of it", examples=["نور چراغ روی کارت افتاده است"])


class KycSection(Out):
    """Of an identity review."""

    kyc: KycOut | None = Field(default=None, description="For the person whose identity it is")


async def _read(view: CaseView) -> KycSection:
    case_id = view.visibility.case.id
    if not view.visibility.is_applicant:
        return KycSection()
    row, returned = await kyc.last_submission(view.connection, case_id), await _returned(view.reading, case_id)
    is_open = view.visibility.case.is_open
    return KycSection(
        kyc=KycOut(
            level=Reason.of(LevelName, row.level),
            form=await _form(view.reading, row),
            returned=returned if is_open else [],
            note=await _note(view.reading, case_id) if is_open else None,
        )
    )


async def _allowed(view: CaseView, _: KycSection) -> list[Action]:
    case = view.visibility.case
    if not view.visibility.is_applicant or not case.is_open:
        return []
    return [Action(action="withdraw_identity", method="POST", href=f"/v1/identity/submissions/{case.id}/withdrawal")]


SECTION = Section(
    CaseKind.KYC,
    KycSection,
    _read,
    _allowed,
    members=frozenset({Part.SUBJECT}),
    endings=(FactKind.KYC_WITHDRAWN,),
)
