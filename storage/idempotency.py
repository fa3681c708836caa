"""Answers to commands by Idempotency-Key (H1): 2xx only; a command in flight holds an advisory lock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.errors import KeyInFlight, KeyReused
from storage.database import Statement, compile_sql
from storage.locks import About
from storage.rows.idempotency import idempotency
from storage.sealing import Cipher

_PURPOSE = "idempotency.answer"
_KEY = compile_sql(sa.text("SELECT pg_try_advisory_xact_lock(:about, hashtext(:name)), now()"))
_EARLIER = compile_sql(
    sa.select(idempotency.c.fingerprint, idempotency.c.status, idempotency.c.answer_sealed).where(
        idempotency.c.actor_id == sa.bindparam("actor_id"), idempotency.c.key == sa.bindparam("key")
    )
)
_KEEP = compile_sql(sa.insert(idempotency).inline(), "actor_id", "key", "fingerprint", "status", "answer_sealed")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command answered: HTTP status and JSON body."""

    status: int
    body: bytes = field(repr=False)
    replayed: bool = False


def lookup_statements(actor_id: UUID, key: str) -> tuple[Statement, ...]:
    """The first statements of a command: lock its key until the transaction ends, then look up an earlier answer.

    The lookup runs after the lock, so it sees the answer of the key's last holder.
    """
    name = {"about": int(About.KEY), "name": f"{actor_id}:{key}"}
    return Statement(_KEY, name), Statement(_EARLIER, {"actor_id": actor_id, "key": key})


def earlier_answer(
    cipher: Cipher, found: Sequence[Sequence[Any]], fingerprint: bytes
) -> tuple[Answer | None, datetime]:
    """The answer given before to this key, or None; and Postgres's time.

    Args:
        cipher: opens the answer.
        found: what the ``lookup_statements`` found.
        fingerprint: of the operation and its content.

    Raises:
        KeyInFlight: the same key is being worked on in another transaction.
        KeyReused: the key came before with another operation or body.
    """
    ((is_free, now),), rows = found
    if not is_free:
        raise KeyInFlight(retry_after=1)
    for earlier, status, sealed in rows:
        if earlier != fingerprint:
            raise KeyReused(field="Idempotency-Key")
        return Answer(status, cipher.open(sealed, _PURPOSE), replayed=True), now
    return None, now


def save_statement(cipher: Cipher, actor_id: UUID, key: str, fingerprint: bytes, answer: Answer) -> Statement:
    """Stores the answer in the transaction of its effect."""
    sealed = cipher.seal(answer.body, _PURPOSE)
    kept = {"fingerprint": fingerprint, "status": answer.status, "answer_sealed": sealed}
    return Statement(_KEEP, {"actor_id": actor_id, "key": key, **kept})


async def purge(connection: AsyncConnection, *, older_than: timedelta, limit: int) -> int:
    """Forget old answers, a bounded number at a time; returns how many."""
    old = (
        sa.select(idempotency.c.actor_id, idempotency.c.key)
        .where(idempotency.c.created_at < sa.func.now() - older_than)
        .limit(limit)
    )
    deleted = await connection.execute(
        sa.delete(idempotency).where(sa.tuple_(idempotency.c.actor_id, idempotency.c.key).in_(old))
    )
    return deleted.rowcount
