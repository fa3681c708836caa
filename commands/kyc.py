"""What people do in an identity review (F4): pictures, the form, its correction, and an officer's decision."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from commands.command import Command, Context, Envelope
from commands.refusals import refuses
from commands.service import refuse_closed
from commands.task import DECISION, case_closed, expect_kind, held_task, refuse_interest
from commands.upload import DrawnFile, perform_with, receive_drawn, write_file
from domain.access import Actor, Part, Role
from domain.attachment import AttachmentUnreadable, MediaType
from domain.bank_account import BankAccountKind, BankAccountState
from domain.catalogue import HELD, words
from domain.dates import format_moment, tehran_day
from domain.errors import CaseClosed, Forbidden, InvalidInput, KeyInFlight, KeyReused, NotFound, StepUpRequired, TooMany
from domain.kyc import (
    DOCUMENTS_PER_PERSON,
    MOST_DOCUMENTS,
    NOTE_LETTERS,
    SUBMISSIONS_PER_PERSON,
    AccountGone,
    BirthDateUnreadable,
    DocumentInUse,
    FaultReason,
    FaultUnexplained,
    FaultUnfit,
    IdentityHeld,
    IdentityIncomplete,
    IdentityUnderReview,
    KycPolicy,
    LatinNameUnreadable,
    Level,
    LevelUnknown,
    Missing,
    NotMended,
    RightAlready,
    SubmissionChanged,
    TooManyDocuments,
    judge_birth_date,
    judge_correction,
    judge_faults,
    parse_latin_name,
)
from domain.wording import Sentence
from gateways.picture import mark
from messages.case import CaseKind
from messages.kyc import DocumentKind, FactKind, Phase, TaskKind
from storage import audit, bank_account, kyc
from storage.account import count_use, read_credential
from storage.case_lists import see_case
from storage.cases import last_fact
from storage.database import SERVICE, Acting, postgres_now, transaction
from storage.idempotency import Answer
from storage.kyc import IdentityAnswers
from storage.links import barred_from
from storage.policies import by_id, in_force
from storage.profile import read_profile
from storage.rows.kyc import Identity, IdentityDocument, Submission
from storage.rows.policies import Policy
from storage.rows.tasks import Task
from storage.tasks import moot_tasks, open_tasks

OPERATION: Final = "add_identity_document"
# After these the person takes nothing back.
ENDED: Final = (FactKind.KYC_ACCEPTED, FactKind.KYC_REFUSED, FactKind.KYC_WITHDRAWN)
_CHOSEN: Final = {Missing.CARD: BankAccountKind.CARD, Missing.SHEBA: BankAccountKind.SHEBA}


@dataclass(frozen=True, slots=True)
class NewDocument:
    """A picture on its way in: by whom, of which document, under which key, from where."""

    actor: Actor
    kind: DocumentKind
    key: str
    origin: str
    content: AsyncIterator[bytes] = field(repr=False)


@refuses(receive_drawn, TooManyDocuments, KeyReused, KeyInFlight)
async def add_document(
    context: Context, upload: NewDocument, render: Callable[[Command, IdentityDocument], bytes]
) -> Answer:
    """Keep a picture of a document of one's own, drawn anew: nothing of where and when it was taken stays.

    Args:
        context: what commands work with.
        upload: the picture, and who sends it.
        render: the answer's body.
    """
    if upload.actor.capacity != "member":
        raise Forbidden
    async with transaction(context.side, SERVICE) as connection:
        wait = await count_use(connection, context.seals, DOCUMENTS_PER_PERSON, str(upload.actor.person_id))
    if wait is not None:
        raise TooMany(retry_after=wait)
    received = await receive_drawn(context, upload.content, kyc.any_folder(), {MediaType.JPEG})

    async def work(command: Command) -> bytes:
        return render(command, await _keep(command, upload.kind, received))

    content = b"\x00".join((OPERATION.encode(), upload.kind.encode(), received.sha256))
    envelope = Envelope(upload.actor, OPERATION, upload.key, hashlib.sha256(content).digest(), upload.origin)
    return await perform_with(context, envelope, work, received.stored, status=201)


async def _keep(command: Command, kind: DocumentKind, received: DrawnFile) -> IdentityDocument:
    person_id, stored = command.actor.person_id, received.stored
    if await kyc.count_unused(command.connection, person_id) >= MOST_DOCUMENTS:
        raise TooManyDocuments
    added = await kyc.add_document(
        command.connection, person_id, kind=kind, size=stored.size, sha256=stored.sha256, file_key=stored.key
    )
    await command.audit(audit.account_stream(person_id), subject=str(added.id), after={"kind": kind})
    return added


@refuses(DocumentInUse)
async def remove_document(command: Command, document_id: UUID) -> None:
    """Forget a picture of one's own that was never submitted."""
    found = await kyc.read_document(command.connection, document_id)
    if found is None or command.actor.capacity != "member" or found.person_id != command.actor.person_id:
        raise NotFound
    if not await kyc.remove_unused(command.connection, document_id):
        raise DocumentInUse
    await command.audit(audit.account_stream(found.person_id), subject=str(document_id), after={"removed": True})


async def missing_of(connection: AsyncConnection, person_id: UUID) -> set[Missing]:
    """What a person has to see to before they can submit, apart from pictures."""
    profile, accounts = await read_profile(connection, person_id), await bank_account.accounts_of(connection, person_id)
    confirmed = {one.kind for one in accounts if one.state is BankAccountState.CONFIRMED}
    missing = {lack for lack, kind in _CHOSEN.items() if kind not in confirmed}
    return missing | ({Missing.EMAIL} if profile.email_confirmed_at is None else set())


@refuses(
    refuse_closed,
    *(LevelUnknown, IdentityUnderReview, IdentityHeld, IdentityIncomplete, BirthDateUnreadable, LatinNameUnreadable),
)
async def submit_identity(command: Command, level: str, typed: IdentityAnswers) -> UUID:
    """Submit an identity form for a level; returns the case's id."""
    if command.actor.capacity != "member":
        raise Forbidden
    await refuse_closed(command, CaseKind.KYC)
    connection, person_id = command.connection, command.actor.person_id
    row, policy = await _in_force(connection)
    chosen = policy.level(level)
    # The count lets one submission of a person come after another.
    wait = await count_use(connection, command.seals, SUBMISSIONS_PER_PERSON, str(person_id))
    if wait is not None:
        raise TooMany(retry_after=wait)
    if await kyc.open_review(connection, person_id) is not None:
        raise IdentityUnderReview
    await _refuse_held(command, policy, chosen)
    answers = await _judged(command, policy, chosen, typed)
    case_id = await command.open_case(
        CaseKind.KYC,
        phase=Phase.SUBMITTED,
        policy_id=row.id,
        person_id=person_id,
        part=Part.SUBJECT,
        next_actor=Part.MACHINE,
    )
    await kyc.add_submission(
        connection, command.seals, case_id, answers, number=1, person_id=person_id, level=chosen.name
    )
    await command.act(case_id, FactKind.KYC_SUBMITTED, {"level": chosen.name, "number": 1}, part=Part.SUBJECT)
    return case_id


async def _refuse_held(command: Command, policy: KycPolicy, level: Level) -> None:
    """Refuse what the member has already, until it is time to renew it."""
    held = await kyc.identity_of(command.connection, command.actor.person_id)
    if held is None or policy.is_above(level.name, held.level):
        return
    if policy.is_above(held.level, level.name) or not is_soon_over(policy, held, tehran_day(command.now)):
        raise IdentityHeld


def is_soon_over(policy: KycPolicy, held: Identity, today: date) -> bool:
    """Whether it is time to renew an identity."""
    return held.valid_until - today <= policy.renewal


async def _judged(command: Command, policy: KycPolicy, level: Level, typed: IdentityAnswers) -> IdentityAnswers:
    """The form as it is kept, if nothing is missing that its level asks for.

    Raises:
        IdentityIncomplete: something is.
        BirthDateUnreadable: no day of birth of somebody old enough.
        LatinNameUnreadable: no name in Latin letters.
    """
    connection, person_id = command.connection, command.actor.person_id
    judge_birth_date(typed.birth_date, tehran_day(command.now), policy.least_age)
    missing = await missing_of(connection, person_id)
    for lack, account_id in ((Missing.CARD, typed.card_id), (Missing.SHEBA, typed.sheba_id)):
        found = await bank_account.find_account(connection, person_id, account_id)
        if found is None or found.kind is not _CHOSEN[lack] or found.state is not BankAccountState.CONFIRMED:
            missing.add(lack)
    own = await kyc.keep_documents(connection, person_id, list(typed.documents.values()))
    if any(kind not in typed.documents or own.get(typed.documents[kind]) is not kind for kind in level.documents):
        missing.add(Missing.DOCUMENT)
    if missing:
        raise IdentityIncomplete(missing=_listed(missing))
    return replace(
        typed,
        latin_first=parse_latin_name(typed.latin_first, "latin_first"),
        latin_last=parse_latin_name(typed.latin_last, "latin_last"),
        documents={kind: typed.documents[kind] for kind in level.documents},
    )


def _listed(missing: set[Missing]) -> Sentence:
    said = [words.term(Missing, lack) for lack in Missing if lack in missing]
    return Sentence("، ".join(one.fa for one in said), ", ".join(one.en for one in said))


@refuses(*DECISION, IdentityIncomplete, BirthDateUnreadable, LatinNameUnreadable, RightAlready, NotMended)
async def correct_identity(command: Command, task: Task, typed: IdentityAnswers) -> UUID:
    """Mend what an officer returned, and nothing else; returns the fact's id."""
    expect_kind(task, TaskKind.CORRECT_IDENTITY)
    before = await kyc.last_submission(command.connection, task.case_id)
    policy = await _policy_of(command, task.case_id)
    answers = await _judged(command, policy, policy.level(before.level), typed)
    changed = answers.changed_since(kyc.answers_of(command.seals, before))
    returned = await last_fact(command.connection, task.case_id, FactKind.KYC_RETURNED)
    # Why it was returned is not read: a newer release may know other reasons.
    parts = [] if returned is None else list(returned.payload["faults"])
    judge_correction(changed, parts, await kyc.lost_parts(command.connection, before))
    number = before.number + 1
    await kyc.add_submission(
        command.connection,
        command.seals,
        task.case_id,
        answers,
        number=number,
        person_id=before.person_id,
        level=before.level,
        changed=changed,
    )
    payload = {"number": number, "changed": changed}
    return await command.act(task.case_id, FactKind.KYC_CORRECTED, payload, part=Part.SUBJECT, closes=task)


async def is_undecided(connection: AsyncConnection, case_id: UUID) -> bool:
    """Whether an open review is not decided: what took no effect is asked anew."""
    decided = await last_fact(connection, case_id, *ENDED)
    return decided is None or (decided.kind == FactKind.KYC_ACCEPTED and bool(await open_tasks(connection, case_id)))


@refuses(CaseClosed)
async def withdraw_identity(command: Command, case_id: UUID) -> UUID:
    """Take back a form of one's own that is not decided yet; returns the fact's id."""
    case = await command.lock_own_case(case_id, CaseKind.KYC)
    if not case.is_open or not await is_undecided(command.connection, case_id):
        raise await case_closed(command, case, *ENDED)
    await moot_tasks(command.connection, case_id)
    return await command.act(case_id, FactKind.KYC_WITHDRAWN, part=Part.SUBJECT)


@refuses(*DECISION, StepUpRequired, refuse_interest, SubmissionChanged, AccountGone)
async def accept_identity(command: Command, task: Task, number: int) -> UUID:
    """Accept the submission of this number; returns the fact's id."""
    if await kyc.lost_parts(command.connection, await _judge(command, task, number)):
        raise AccountGone
    return await command.act(
        task.case_id, FactKind.KYC_ACCEPTED, {"number": number}, part=Role.KYC_OFFICER, closes=task
    )


@refuses(*DECISION, StepUpRequired, refuse_interest, SubmissionChanged, FaultUnfit, FaultUnexplained)
async def return_identity(
    command: Command, task: Task, number: int, faults: Mapping[str, FaultReason], note: str
) -> UUID:
    """Return parts of the submission, each with a reason, and a note; returns the fact's id."""
    submitted, said = await _judge(command, task, number), note.strip()
    judge_faults(faults, submitted.documents, said)
    if said and len(said) not in NOTE_LETTERS:
        raise InvalidInput(field="note")
    payload = {"number": number, "faults": dict(faults), "note": said}
    audited = {"subject": str(task.id), "after": {"number": number, "faults": dict(faults)}}
    return await command.act(
        task.case_id, FactKind.KYC_RETURNED, payload, part=Role.KYC_OFFICER, closes=task, audited=audited
    )


@refuses(*DECISION, StepUpRequired, refuse_interest, SubmissionChanged)
async def refuse_identity(command: Command, task: Task, number: int, reason: str) -> UUID:
    """Refuse the identity with a reason that its person reads; returns the fact's id."""
    await _judge(command, task, number)
    said = reason.strip()
    if len(said) not in NOTE_LETTERS:
        raise InvalidInput(field="reason")
    payload = {"number": number, "reason": said}
    return await command.act(
        task.case_id,
        FactKind.KYC_REFUSED,
        payload,
        part=Role.KYC_OFFICER,
        closes=task,
        shown={"reason": said},
        audited={"subject": str(task.id), "after": {"number": number}},
    )


async def _judge(command: Command, task: Task, number: int) -> Submission:
    expect_kind(task, TaskKind.REVIEW_IDENTITY)
    command.require_strong()
    await refuse_interest(command, task)
    submitted = await kyc.last_submission(command.connection, task.case_id)
    if submitted.number != number:
        raise SubmissionChanged
    return submitted


async def _in_force(connection: AsyncConnection) -> tuple[Policy, KycPolicy]:
    row = await in_force(connection, KycPolicy.POLICY)
    if row is None:
        raise LookupError("there is no policy of identity reviews, though version 1 ships")
    return row, KycPolicy.from_policy(row.value)


async def _policy_of(command: Command, case_id: UUID) -> KycPolicy:
    case = await command.lock_case(case_id)
    return KycPolicy.from_policy((await by_id(command.connection, case.policy_id)).value)


@dataclass(frozen=True, slots=True)
class HeldReview:
    """What an officer sees who holds a review: whose it is, and all that was submitted, the newest first."""

    person_id: UUID
    task: Task
    submissions: Sequence[Submission]

    def document_ids(self) -> set[UUID]:
        """The pictures of all of them."""
        return {UUID(one) for submitted in self.submissions for one in submitted.documents.values()}


async def find_review(connection: AsyncConnection, actor: Actor, case_id: UUID) -> HeldReview:
    """A review in the eyes of who holds it.

    Raises:
        NotFound: they do not, or have come to have an interest in the person, or it is no review.
    """
    case = await see_case(connection, actor, case_id)
    if case is None or case.kind is not CaseKind.KYC or case.person_id is None or actor.capacity != "staff":
        raise NotFound
    task = await held_task(connection, actor, case_id, TaskKind.REVIEW_IDENTITY)
    if task is None or await barred_from(connection, case_id, [actor.person_id], HELD[TaskKind.REVIEW_IDENTITY]):
        raise NotFound
    return HeldReview(case.person_id, task, await kyc.submissions_of(connection, case_id))


async def note_view(connection: AsyncConnection, actor: Actor, origin: str, case_id: UUID, subject: UUID) -> None:
    """Note in the audit trail that an officer has seen a form or a picture."""
    by = f"{actor.capacity}:{actor.person_id}"
    noted = audit.AuditEntry("view_identity", by, str(subject), origin=origin or None)
    await audit.append(connection, audit.case_stream(case_id), noted)


@dataclass(frozen=True, slots=True)
class SeenDocument:
    """A picture that is about to be seen; ``mark`` is drawn over it: who sees it when, empty for its own person."""

    document: IdentityDocument
    mark: str = ""


@refuses()
async def find_document(
    context: Context, actor: Actor, origin: str, document_id: UUID, case_id: UUID | None = None
) -> SeenDocument:
    """A picture for its own person, or in a case for who holds its review; that an officer sees it is noted."""
    async with transaction(context.engine, Acting.of(actor)) as connection:
        found = await kyc.read_document(connection, document_id)
        if found is None:
            raise NotFound
        if case_id is None:
            if actor.capacity != "member" or found.person_id != actor.person_id:
                raise NotFound
            return SeenDocument(found)
        review = await find_review(connection, actor, case_id)
        if found.id not in review.document_ids():
            raise NotFound
        await note_view(connection, actor, origin, case_id, found.id)
        credential = await read_credential(connection, context.seals, person_id=actor.person_id)
        seen_at = format_moment(await postgres_now(connection))
    return SeenDocument(found, f"{'' if credential is None else credential.username} {seen_at}")


@refuses(AttachmentUnreadable)
async def write_document(context: Context, seen: SeenDocument, path: Path) -> None:
    """Write a picture to a local path, with its mark."""
    await write_file(context, seen.document.file_key, path)
    if seen.mark:
        try:
            await mark(path, seen.mark)
        except InvalidInput:
            # Unmarked it is shown to nobody.
            raise AttachmentUnreadable from None
