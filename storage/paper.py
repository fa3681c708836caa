"""Papers (G9): issued once, read by their owner as often as wanted, found by anybody who holds one."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.paper import CONTENTS, PaperContent, PaperKind
from messages.payload import decode, encode
from storage.account import hash_token, new_link_token
from storage.rows.paper import IssuedPaper, papers
from storage.rows.table import columns, find_one, read_all, read_one
from storage.sealing import Seals

_COLUMNS: Final = columns(papers, IssuedPaper)
_c = papers.c
# A kind of a newer release is left out: this one has no words for it.
_READ: Final = sa.select(*_COLUMNS).where(_c.kind.in_(CONTENTS))


@dataclass(frozen=True, slots=True)
class Paper:
    """A paper; ``token`` is behind the address of its check page, ``sha256`` that of token and content."""

    id: UUID
    kind: PaperKind
    case_id: UUID
    person_id: UUID
    subject_id: UUID | None
    number: str
    issued_at: datetime
    sha256: bytes
    token: str = field(repr=False)
    content: PaperContent = field(repr=False)


async def issue(
    connection: AsyncConnection,
    seals: Seals,
    case_id: UUID,
    person_id: UUID,
    content: PaperContent,
    *,
    subject_id: UUID | None = None,
) -> Paper:
    """Issue a paper to a person, or find the one of this kind that they have for the case: it never changes.

    Args:
        connection: with the service's rights.
        seals: for what it says.
        case_id: what it is about.
        person_id: whose it is.
        content: what it says.
        subject_id: which thing of the case it is about, where a person may have several: the line of a batch.

    Raises:
        ValueError: it cannot be printed.
    """
    content.printed()
    token = new_link_token()
    plain = json.dumps({"token": token, "content": encode(content)}, ensure_ascii=False, sort_keys=True)
    added = (
        insert(papers)
        .values(
            kind=content.kind,
            case_id=case_id,
            person_id=person_id,
            subject_id=subject_id,
            token_hash=hash_token(token),
            sealed=seals.cipher.seal_text(plain, _seal_of(content.kind, case_id, person_id, subject_id)),
            sha256=hashlib.sha256(plain.encode()).digest(),
        )
        .on_conflict_do_nothing(index_elements=[_c.kind, _c.case_id, _c.person_id, _c.subject_id])
        .returning(*_COLUMNS)
    )
    row = await find_one(connection, IssuedPaper, added)
    if row is None:
        about = _c.subject_id.is_not_distinct_from(subject_id)
        is_this = (_c.kind == content.kind, _c.case_id == case_id, _c.person_id == person_id, about)
        row = await read_one(connection, IssuedPaper, _READ.where(*is_this))
    return _opened(seals, row)


async def read_paper(connection: AsyncConnection, seals: Seals, paper_id: UUID, *, of: UUID) -> Paper | None:
    """A paper of a person; None if it is missing or another's."""
    row = await find_one(connection, IssuedPaper, _READ.where(_c.id == paper_id, _c.person_id == of))
    return None if row is None else _opened(seals, row)


async def papers_of(
    connection: AsyncConnection, seals: Seals, person_id: UUID, *, before: UUID | None, limit: int
) -> list[Paper]:
    """A person's papers, newest first."""
    query = _READ.where(_c.person_id == person_id).order_by(_c.id.desc()).limit(limit)
    rows = await read_all(connection, IssuedPaper, query if before is None else query.where(_c.id < before))
    return [_opened(seals, row) for row in rows]


async def find_paper(connection: AsyncConnection, seals: Seals, token: str) -> Paper | None:
    """The paper of a token."""
    row = await find_one(connection, IssuedPaper, _READ.where(_c.token_hash == hash_token(token)))
    return None if row is None else _opened(seals, row)


def _opened(seals: Seals, row: IssuedPaper) -> Paper:
    plain = json.loads(
        seals.cipher.open_text(row.sealed, _seal_of(row.kind, row.case_id, row.person_id, row.subject_id))
    )
    kind = PaperKind(row.kind)
    content: PaperContent = decode(CONTENTS[kind], plain["content"])
    return Paper(
        row.id,
        kind,
        row.case_id,
        row.person_id,
        row.subject_id,
        row.number,
        row.issued_at,
        row.sha256,
        plain["token"],
        content,
    )


def _seal_of(kind: str, case_id: UUID, person_id: UUID, subject_id: UUID | None) -> str:
    return f"paper:{kind}:{case_id}:{person_id}" + (f":{subject_id}" if subject_id else "")
