"""Identity reviews (F4): documents, submissions, confirmed identities, and the cases that wait for them."""

from __future__ import annotations

import json
import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.kyc import KEPT_FOR, UNUSED_FOR, FormField
from messages.case import RESUMED, CaseKind, CaseSignal
from messages.kyc import DocumentKind
from storage.attachment import SHARES
from storage.bank_account import confirmed_accounts
from storage.locks import About, lock
from storage.outbox import enqueue
from storage.rows.cases import cases
from storage.rows.kyc import (
    Identity,
    IdentityDocument,
    Submission,
    identities,
    identity_documents,
    identity_waits,
    kyc_submissions,
)
from storage.rows.table import columns, find_one, read_all, read_one
from storage.sealing import Seals

_TYPED: Final = "kyc.typed"
_FOLDER: Final = "identity"
_MOST: Final = 100
_d, _s, _i, _w = identity_documents.c, kyc_submissions.c, identities.c, identity_waits.c
_DOCUMENT: Final = columns(identity_documents, IdentityDocument)
_SUBMISSION: Final = columns(kyc_submissions, Submission)
_IDENTITY: Final = columns(identities, Identity)
_PRESENT: Final = _d.removed_at.is_(None)
_TODAY: Final = sa.cast(sa.func.timezone("Asia/Tehran", sa.func.now()), sa.Date)
# How a submission names a picture.
_AS_NAMED: Final = sa.func.jsonb_build_object(_d.kind, sa.cast(_d.id, sa.Text))
_NAMED: Final = sa.exists().where(_s.documents.contains(_AS_NAMED), _s.person_id == _d.person_id)


@dataclass(frozen=True, slots=True)
class IdentityAnswers:
    """An identity form filled in: what was typed, which card and sheba were chosen, which pictures."""

    birth_date: date = field(repr=False)
    latin_first: str = field(repr=False)
    latin_last: str = field(repr=False)
    card_id: UUID
    sheba_id: UUID
    documents: Mapping[DocumentKind, UUID]

    def parts(self) -> dict[str, object]:
        """Each part that an officer may return, with what stands there."""
        typed = {
            FormField.BIRTH_DATE: self.birth_date,
            FormField.LATIN_NAME: (self.latin_first, self.latin_last),
            FormField.CARD: self.card_id,
            FormField.SHEBA: self.sheba_id,
        }
        return {str(part): value for part, value in (typed | dict(self.documents)).items()}

    def changed_since(self, before: IdentityAnswers) -> list[str]:
        """The parts that differ from an earlier one."""
        mine, theirs = self.parts(), before.parts()
        return sorted(part for part in mine.keys() | theirs.keys() if mine.get(part) != theirs.get(part))


def folder_of(share: int) -> str:
    """Where the pictures of a share lie."""
    return f"{_FOLDER}/{share:02x}"


def any_folder() -> str:
    """Where the next picture goes."""
    return folder_of(secrets.randbelow(SHARES))


async def add_document(
    connection: AsyncConnection, person_id: UUID, *, kind: DocumentKind, size: int, sha256: bytes, file_key: str
) -> IdentityDocument:
    """Store that somebody has a picture, whose content is kept under a key; ``size`` in bytes."""
    values = {"person_id": person_id, "kind": kind, "size": size, "sha256": sha256, "file_key": file_key}
    adding = sa.insert(identity_documents).values(values).returning(*_DOCUMENT)
    return await read_one(connection, IdentityDocument, adding)


async def documents_of(connection: AsyncConnection, person_id: UUID) -> list[IdentityDocument]:
    """The person's pictures, the newest first."""
    query = sa.select(*_DOCUMENT).where(_d.person_id == person_id, _PRESENT).order_by(_d.id.desc()).limit(_MOST)
    return await read_all(connection, IdentityDocument, query)


async def read_document(connection: AsyncConnection, document_id: UUID) -> IdentityDocument | None:
    """A picture that is kept, as far as row-level security shows it."""
    return await find_one(connection, IdentityDocument, sa.select(*_DOCUMENT).where(_d.id == document_id, _PRESENT))


async def count_unused(connection: AsyncConnection, person_id: UUID) -> int:
    """How many pictures somebody keeps that were never submitted."""
    query = sa.select(sa.func.count()).where(_d.person_id == person_id, _PRESENT, sa.not_(_NAMED))
    return int(await connection.scalar(query) or 0)


async def keep_documents(
    connection: AsyncConnection, person_id: UUID, ids: Collection[UUID]
) -> dict[UUID, DocumentKind]:
    """Those of some pictures that are the person's, by kind; none is forgotten until this transaction ends."""
    query = sa.select(_d.id, _d.kind).where(_d.person_id == person_id, _d.id.in_(ids), _PRESENT).order_by(_d.id)
    rows = await connection.execute(query.with_for_update(read=True))
    return {row.id: DocumentKind(row.kind) for row in rows}


async def remove_unused(connection: AsyncConnection, document_id: UUID) -> bool:
    """Forget a picture that was never submitted; False if it was. Its content is deleted after this."""
    # In a statement of its own: the next one sees what was submitted while this one waited.
    await connection.execute(sa.select(_d.id).where(_d.id == document_id).with_for_update())
    removing = sa.update(identity_documents).where(_d.id == document_id, _PRESENT, sa.not_(_NAMED))
    return (await connection.execute(removing.values(removed_at=sa.func.now()))).rowcount == 1


async def forget_documents(connection: AsyncConnection, folder: str, limit: int) -> int:
    """Forget pictures of a folder that nothing needs any more, at most so many; how many. Their content goes later.

    That is what was never submitted for days, and what was when its case, and the identity that came of it, ended
    months ago.
    """
    holds = sa.exists().where(_i.case_id == cases.c.id, _i.valid_until > _TODAY - KEPT_FOR.days)
    kept_until = cases.c.closed_at + sa.literal(KEPT_FOR, sa.Interval)
    needed = sa.exists().where(
        _s.person_id == _d.person_id,
        _s.documents.contains(_AS_NAMED),
        cases.c.id == _s.case_id,
        sa.or_(cases.c.closed_at.is_(None), kept_until > sa.func.now(), holds),
    )
    old = _d.added_at < sa.func.now() - sa.literal(UNUSED_FOR, sa.Interval)
    # As the index says it.
    mine = sa.func.left(_d.file_key, sa.literal_column("11")) == folder
    over = sa.select(_d.id).where(_PRESENT, mine, old, sa.not_(needed)).order_by(_d.added_at).limit(limit)
    found = list(await connection.scalars(over.with_for_update(skip_locked=True)))
    # Once more, in a statement of its own: one of them may have been submitted until it was locked.
    removing = sa.update(identity_documents).where(_d.id.in_(found), _PRESENT, sa.not_(needed))
    return (await connection.execute(removing.values(removed_at=sa.func.now()))).rowcount


async def files_in_use(connection: AsyncConnection, keys: Sequence[str]) -> set[str]:
    """Those of the keys under which a picture is kept."""
    return set(await connection.scalars(sa.select(_d.file_key).where(_d.file_key.in_(keys), _PRESENT)))


async def add_submission(
    connection: AsyncConnection,
    seals: Seals,
    case_id: UUID,
    answers: IdentityAnswers,
    *,
    number: int,
    person_id: UUID,
    level: str,
    changed: Sequence[str] = (),
) -> None:
    """Store what was submitted in a case."""
    typed = [answers.birth_date.isoformat(), answers.latin_first, answers.latin_last]
    values = {
        "case_id": case_id,
        "number": number,
        "person_id": person_id,
        "level": level,
        "typed_sealed": seals.cipher.seal_text(json.dumps(typed), f"{_TYPED}:{case_id}:{number}"),
        "card_id": answers.card_id,
        "sheba_id": answers.sheba_id,
        "documents": {kind: str(document_id) for kind, document_id in answers.documents.items()},
        "changed": list(changed),
    }
    await connection.execute(sa.insert(kyc_submissions).values(values))


async def submissions_of(connection: AsyncConnection, case_id: UUID) -> list[Submission]:
    """What was submitted in a case, the newest first."""
    query = sa.select(*_SUBMISSION).where(_s.case_id == case_id).order_by(_s.number.desc()).limit(_MOST)
    return await read_all(connection, Submission, query)


async def last_submission(connection: AsyncConnection, case_id: UUID) -> Submission:
    """What was submitted last in a case. Raises NoResultFound for a case that reviews no identity."""
    query = sa.select(*_SUBMISSION).where(_s.case_id == case_id).order_by(_s.number.desc()).limit(1)
    return await read_one(connection, Submission, query)


def answers_of(seals: Seals, row: Submission) -> IdentityAnswers:
    """What was filled in; for its person's eyes, and those of who holds the task."""
    born, first, last = json.loads(seals.cipher.open_text(row.typed_sealed, f"{_TYPED}:{row.case_id}:{row.number}"))
    known = {kind: row.documents[kind] for kind in DocumentKind if kind in row.documents}
    documents = {kind: UUID(document_id) for kind, document_id in known.items()}
    return IdentityAnswers(date.fromisoformat(born), first, last, row.card_id, row.sheba_id, documents)


async def open_review(connection: AsyncConnection, person_id: UUID) -> UUID | None:
    """The case in which somebody's identity is reviewed now."""
    mine = (cases.c.person_id == person_id, cases.c.kind == CaseKind.KYC, cases.c.closed_at.is_(None))
    case_id: UUID | None = await connection.scalar(sa.select(cases.c.id).where(*mine))
    return case_id


async def grant_identity(
    connection: AsyncConnection, case_id: UUID, *, person_id: UUID, level: str, policy_id: UUID, valid_until: date
) -> None:
    """Store that a person's identity is confirmed from now on."""
    values: dict[str, Any] = {"case_id": case_id, "person_id": person_id, "level": level}
    values |= {"policy_id": policy_id, "valid_until": valid_until}
    await connection.execute(sa.insert(identities).values(values))


async def identity_of(connection: AsyncConnection, person_id: UUID) -> Identity | None:
    """Somebody's identity that holds today; None if none was confirmed, or the last day of the newest is over."""
    query = sa.select(*_IDENTITY).where(_i.person_id == person_id).order_by(_i.accepted_at.desc()).limit(1)
    newest = query.subquery()
    return await find_one(connection, Identity, sa.select(newest).where(newest.c.valid_until >= _TODAY))


async def ask_renewals(connection: AsyncConnection, before: timedelta, limit: int) -> list[UUID]:
    """Whose identity ends within a time and who has not been asked: noted as asked, at most so many.

    Not of an identity that a newer one has taken the place of, nor of somebody whose review is open.
    """
    newer = identities.alias("newer")
    due = (
        sa.select(_i.case_id)
        .where(
            _i.renewal_asked_at.is_(None),
            _i.valid_until.between(_TODAY, _TODAY + before.days),
            sa.not_(sa.exists().where(newer.c.person_id == _i.person_id, newer.c.accepted_at > _i.accepted_at)),
            sa.not_(
                sa.exists().where(
                    cases.c.person_id == _i.person_id, cases.c.kind == CaseKind.KYC, cases.c.closed_at.is_(None)
                )
            ),
        )
        .order_by(_i.valid_until, _i.case_id)
        .limit(limit)
        .with_for_update(skip_locked=True)
        # Apart: inside the update Postgres may look for them again, and then finds others than those just noted.
        .cte("due")
    )
    asking = (
        sa.update(identities)
        .where(_i.case_id.in_(sa.select(due.c.case_id)))
        .values(renewal_asked_at=sa.func.now())
        .returning(_i.person_id)
    )
    return list(await connection.scalars(asking))


async def lost_parts(connection: AsyncConnection, row: Submission) -> set[FormField]:
    """Which of card and sheba of a submission are the person's no more."""
    kept = {one.id for one in await confirmed_accounts(connection, row.person_id)}
    chosen = {FormField.CARD: row.card_id, FormField.SHEBA: row.sheba_id}
    return {part for part, account_id in chosen.items() if account_id not in kept}


async def wait_for_identity(connection: AsyncConnection, case_id: UUID, person_id: UUID) -> bool:
    """A case waits for the end of a person's review, which ranks first from now on; for transitions of that case.

    Returns:
        Whether there is a review to wait for: without one nothing will wake the case.
    """
    # The end of a review comes before this or after it, never in its midst.
    await lock(connection, About.IDENTITY_OF_PERSON, person_id)
    review = await open_review(connection, person_id)
    if review is None:
        return False
    waiting = insert(identity_waits).values(case_id=case_id, person_id=person_id).on_conflict_do_nothing()
    await connection.execute(waiting)
    await enqueue(connection, CaseSignal(CaseKind.KYC, review, RESUMED))
    return True


async def is_awaited(connection: AsyncConnection, person_id: UUID) -> bool:
    """Whether a case waits for the end of somebody's review; one that is over waits for nothing."""
    return bool(await connection.scalar(sa.select(sa.exists().where(*_waiting_for(person_id)))))


def _waiting_for(person_id: UUID) -> tuple[sa.ColumnElement[bool], ...]:
    return _w.person_id == person_id, cases.c.id == _w.case_id, cases.c.closed_at.is_(None)


async def wake_waiting(connection: AsyncConnection, person_id: UUID, *, is_over: bool) -> int:
    """Wake the cases that wait for somebody's review; how many. Where it ``is_over`` they wait no more."""
    await lock(connection, About.IDENTITY_OF_PERSON, person_id)
    rows = await connection.execute(sa.select(cases.c.kind, cases.c.id).where(*_waiting_for(person_id)))
    woken = [CaseSignal(CaseKind(kind), case_id, RESUMED) for kind, case_id in rows]
    await enqueue(connection, *woken)
    if is_over:
        await connection.execute(sa.delete(identity_waits).where(_w.person_id == person_id))
    return len(woken)
