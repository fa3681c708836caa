"""Answers to commands by Idempotency-Key (H1): 2xx only; a command in flight holds an advisory lock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.errors import KeyInFlight, KeyReused
from storage.sealing import Cipher
from storage.tables import idempotency

_PURPOSE = "idempotency.answer"
_TRY_LOCK = sa.text("SELECT pg_try_advisory_xact_lock(hashtextextended(:name, 0))")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command answered: HTTP status and JSON body."""

    status: int
    body: bytes
    replayed: bool = False


async def earlier_answer(
    connection: AsyncConnection, cipher: Cipher, actor_id: UUID, key: str, fingerprint: bytes
) -> Answer | None:
    """The answer given before to this key, or None; holds the key until the transaction ends.

    Raises:
        KeyInFlight: the same key is being worked on in another transaction.
        KeyReused: the key came before with another operation or body.
    """
    free = await connection.scalar(_TRY_LOCK, {"name": f"idempotency:{actor_id}:{key}"})
    if not free:
        raise KeyInFlight(retry_after=1)
    row = (
        await connection.execute(
            sa.select(idempotency).where(idempotency.c.actor_id == actor_id, idempotency.c.key == key)
        )
    ).one_or_none()
    if row is None:
        return None
    if row.fingerprint != fingerprint:
        raise KeyReused(field="Idempotency-Key")
    return Answer(row.status, cipher.open(row.answer_sealed, _PURPOSE), replayed=True)


async def keep_answer(
    connection: AsyncConnection, cipher: Cipher, actor_id: UUID, key: str, fingerprint: bytes, answer: Answer
) -> None:
    """Store the answer with the effect that it reports."""
    await connection.execute(
        sa.insert(idempotency).values(
            actor_id=actor_id,
            key=key,
            fingerprint=fingerprint,
            status=answer.status,
            answer_sealed=cipher.seal(answer.body, _PURPOSE),
        )
    )


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
