"""The audit trail: append-only, hash-chained per stream, verified by a command (H2)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.tables import audit, audit_heads

_APPEND = sa.text("SELECT audit_append(:stream, :entry)")
_PAGE = 1_000


@dataclass(frozen=True, slots=True)
class Entry:
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


async def append(connection: AsyncConnection, stream: str, entry: Entry) -> None:
    """Add a line to a stream, in the transaction of the change that it tells of."""
    await connection.execute(_APPEND, {"stream": stream, "entry": entry.as_text()})


def case_stream(case_id: UUID) -> str:
    """The stream of a case."""
    return f"case:{case_id}"


def link(before: bytes, stream: str, seq: int, at: datetime, content: str) -> bytes:
    """The hash of a line, as ``audit_append`` in the migrations computes it."""
    micros = int(at.replace(microsecond=0).timestamp()) * 1_000_000 + at.microsecond
    return hashlib.sha256(before + f"{stream}\n{seq}\n{micros}\n{content}".encode()).digest()


async def verify(connection: AsyncConnection) -> AsyncIterator[Broken]:
    """Recompute every chain; yields each break. Memory stays flat."""
    heads = await connection.stream(sa.select(audit_heads).order_by(audit_heads.c.stream))
    expected: dict[str, tuple[int, bytes]] = {}
    async for head in heads:
        expected[head.stream] = (head.seq, head.hash)
    stream, seq, before = "", 0, b""
    rows = await connection.stream(
        sa.select(audit).order_by(audit.c.stream, audit.c.seq).execution_options(yield_per=_PAGE)
    )
    async for row in rows:
        if row.stream != stream:
            if broken := _end(stream, seq, before, expected):
                yield broken
            stream, seq, before = row.stream, 0, b""
        seq += 1
        if row.seq != seq:
            yield Broken(stream, seq, f"line {seq} is missing")
            seq = row.seq
        elif link(before, stream, seq, row.at, row.content) != row.hash:
            yield Broken(stream, seq, "the line or its predecessor was altered")
        before = row.hash
    if broken := _end(stream, seq, before, expected):
        yield broken
    for rest, (count, _) in expected.items():
        yield Broken(rest, count, "the whole stream is missing")


def _end(stream: str, seq: int, last: bytes, expected: dict[str, tuple[int, bytes]]) -> Broken | None:
    if not stream:
        return None
    head = expected.pop(stream, None)
    if head is None:
        return Broken(stream, seq, "the stream has no head")
    return None if head == (seq, last) else Broken(stream, head[0], "lines at the end are missing or altered")
