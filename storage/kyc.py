"""Identity reviews (F4): documents, submissions, confirmed identities, and the cases that wait for them."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.kyc import KEPT_FOR, UNUSED_FOR, FormField
from messages.case import RESUMED, CaseKind, CaseSignal
from messages.kyc import DocumentKind
from storage.attachment import SHARES
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
_NAMED: Final = sa.exists().where(
    _s.documents.contains(sa.func.jsonb_build_object(_d.kind, sa.cast(_d.id, sa.Text))), _s.person_id == _d.person_id
)


@dataclass(frozen=True, slots=True)
class Form:
    """An identity form as it was filled in: what was typed, which card and sheba were chosen, which pictures."""

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

    def changed_since(self, before: Form) -> list[str]:
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


async def remove_unused(connection: AsyncConnection, document_id: UUID) -> bool:
    """Forget a picture that was never submitted; False if it was. Its content is deleted after this."""
    removing = sa.update(identity_documents).where(_d.id == document_id, _PRESENT, sa.not_(_NAMED))
    return (await connection.execute(removing.values(removed_at=sa.func.now()))).rowcount == 1


async def forget_documents(connection: AsyncConnection, limit: int) -> int:
    """Forget pictures that nothing needs any more, at most so many; how many. Their content is deleted after this.

    That is what was never submitted for days, and what was when its case, and the identity that came of it, ended
    months ago.
    """
    holds = sa.exists().where(_i.case_id == cases.c.id, _i.valid_until > _TODAY - KEPT_FOR.days)
    needed = sa.exists().where(
        _s.person_id == _d.person_id,
        _s.documents.contains(sa.func.jsonb_build_object(_d.kind, sa.cast(_d.id, sa.Text))),
        cases.c.id == _s.case_id,
        sa.or_(
            cases.c.closed_at.is_(None), cases.c.closed_at > sa.func.now() - sa.literal(KEPT_FOR, sa.Interval), holds
        ),
    )
    old = _d.added_at < sa.func.now() - sa.literal(UNUSED_FOR, sa.Interval)
    over = sa.select(_d.id).where(_PRESENT, old, sa.not_(needed)).order_by(_d.added_at).limit(limit)
    removing = sa.update(identity_documents).where(_d.id.in_(over)).values(removed_at=sa.func.now())
    return (await connection.execute(removing)).rowcount


async def files_in_use(connection: AsyncConnection, keys: Sequence[str]) -> set[str]:
    """Those of the keys under which a picture is kept."""
    return set(await connection.scalars(sa.select(_d.file_key).where(_d.file_key.in_(keys), _PRESENT)))


async def add_submission(
    connection: AsyncConnection,
    seals: Seals,
    case_id: UUID,
    form: Form,
    *,
    number: int,
    person_id: UUID,
    level: str,
    changed: Sequence[str] = (),
) -> None:
    """Store what was submitted in a case."""
    typed = [form.birth_date.isoformat(), form.latin_first, form.latin_last]
    values = {
        "case_id": case_id,
        "number": number,
        "person_id": person_id,
        "level": level,
        "typed_sealed": seals.cipher.seal_text(json.dumps(typed), f"{_TYPED}:{case_id}"),
        "card_id": form.card_id,
        "sheba_id": form.sheba_id,
        "documents": {kind: str(document_id) for kind, document_id in form.documents.items()},
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


def form_of(seals: Seals, row: Submission) -> Form:
    """What was filled in; for its person's eyes, and those of who holds the task."""
    born, first, last = json.loads(seals.cipher.open_text(row.typed_sealed, f"{_TYPED}:{row.case_id}"))
    known = {kind: row.documents[kind] for kind in DocumentKind if kind in row.documents}
    documents = {kind: UUID(document_id) for kind, document_id in known.items()}
    return Form(date.fromisoformat(born), first, last, row.card_id, row.sheba_id, documents)


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
    )
    asking = (
        sa.update(identities)
        .where(_i.case_id.in_(due.scalar_subquery()))
        .values(renewal_asked_at=sa.func.now())
        .returning(_i.person_id)
    )
    return list(await connection.scalars(asking))


async def wait_for_identity(connection: AsyncConnection, case_id: UUID, person_id: UUID) -> None:
    """A case waits for the end of a person's review, which ranks first from now on; for transitions of that case."""
    await connection.execute(sa.insert(identity_waits).values(case_id=case_id, person_id=person_id))
    review = await open_review(connection, person_id)
    if review is not None:
        await enqueue(connection, CaseSignal(CaseKind.KYC, review, RESUMED))


async def is_awaited(connection: AsyncConnection, person_id: UUID) -> bool:
    """Whether a case waits for the end of somebody's review."""
    return bool(await connection.scalar(sa.select(sa.exists().where(_w.person_id == person_id))))


async def tell_waiting(connection: AsyncConnection, person_id: UUID) -> int:
    """Wake the cases that waited for the end of somebody's review; how many."""
    kinds = sa.select(cases.c.kind).where(cases.c.id == _w.case_id).scalar_subquery()
    telling = sa.delete(identity_waits).where(_w.person_id == person_id).returning(kinds, _w.case_id)
    told = [CaseSignal(CaseKind(kind), case_id, RESUMED) for kind, case_id in await connection.execute(telling)]
    await enqueue(connection, *told)
    return len(told)
