"""The audit trail: append-only, hash-chained per stream, verified by a command (H2)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.database import Statement, compile_sql

_APPEND = sa.text("SELECT audit_append(:stream, :entry)")
_APPEND_SQL = compile_sql(_APPEND)
_PAGE = 1_000


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One line of the trail. ``before`` and ``after`` hold no personal data in clear."""

    action: str
    actor: str
    subject: str
    before: Mapping[str, object] | None = None
    after: Mapping[str, object] | None = None
    reason: str | None = None
    origin: str | None = None

    def as_text(self) -> str:
        """Canonical JSON: what is hashed and stored."""
        values = {name: getattr(self, name) for name in self.__slots__ if getattr(self, name) is not None}
        return json.dumps(values, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=str)


@dataclass(frozen=True, slots=True)
class Broken:
    """A place where the chain does not hold."""

    stream: str
    seq: int
    why: str


async def append(connection: AsyncConnection, stream: str, entry: AuditEntry) -> None:
    """Add a line to a stream, in the transaction of the change that it tells of."""
    await connection.execute(_APPEND, {"stream": stream, "entry": entry.as_text()})


def audit_statement(stream: str, entry: AuditEntry) -> Statement:
    """``append``, to be run with the last statements of the transaction."""
    return Statement(_APPEND_SQL, {"stream": stream, "entry": entry.as_text()})


def case_stream(case_id: UUID) -> str:
    """The stream of a case."""
    return f"case:{case_id}"


def account_stream(person_id: UUID) -> str:
    """The stream of a person's account."""
    return f"account:{person_id}"


def link(before: bytes, stream: str, seq: int, at: datetime, content: str) -> bytes:
    """The hash of a line, as the database's function ``audit_append`` computes it."""
    micros = int(at.replace(microsecond=0).timestamp()) * 1_000_000 + at.microsecond
    return hashlib.sha256(before + f"{stream}\n{seq}\n{micros}\n{content}".encode()).digest()


_LINES = sa.text(
    "SELECT stream, a.seq, a.at, a.content, a.hash, h.seq AS last_seq, h.hash AS last_hash"
    " FROM audit a FULL JOIN audit_heads h USING (stream) ORDER BY stream, a.seq"
)


async def verify(connection: AsyncConnection) -> AsyncIterator[Broken]:
    """Recompute every chain; yields each break. Memory stays flat."""
    reader = _ChainReader()
    async with connection.stream(_LINES, execution_options={"yield_per": _PAGE}) as rows:
        async for row in rows:
            for broken in reader.read(row):
                yield broken
    for broken in reader.end():
        yield broken


@dataclass(slots=True)
class _ChainReader:
    """Follows the chains line by line."""

    stream: str = ""
    seq: int = 0
    hash: bytes = b""
    last: tuple[int | None, bytes | None] = (0, b"")

    def read(self, row: sa.Row[Any]) -> Iterator[Broken]:
        """Compare one line with its predecessor; a new stream ends the one before."""
        if row.stream != self.stream:
            yield from self.end()
            self.stream, self.seq, self.hash, self.last = row.stream, 0, b"", (row.last_seq, row.last_hash)
        if row.seq is None:
            return
        self.seq += 1
        if row.seq != self.seq:
            yield Broken(row.stream, self.seq, "the line is missing")
            self.seq = row.seq
        elif link(self.hash, row.stream, row.seq, row.at, row.content) != row.hash:
            yield Broken(row.stream, row.seq, "the line or its predecessor was altered")
        self.hash = row.hash

    def end(self) -> Iterator[Broken]:
        """Compare the end of a stream with its head."""
        if self.last[0] is None:
            yield Broken(self.stream, self.seq, "the stream has no head")
        elif (self.seq, self.hash) != self.last:
            yield Broken(self.stream, self.last[0], "lines at the end are missing or altered")
