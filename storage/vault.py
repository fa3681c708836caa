"""The vault (F2): sealed entries in a schema and by an engine of their own, and what the app knows of each secret.

An entry is sealed by a data key of its own, which is wrapped by a key outside the database: ``EntryKeys`` makes and
destroys it. The case and the kind of secret are authenticated with both: an entry moved to another case opens nowhere.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass
from datetime import UTC, date, timedelta
from typing import Any, Final, Protocol
from uuid import UUID, uuid4

import sqlalchemy as sa
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from domain.vault import LATE_AFTER, LONGEST_LIFE, EntryUnreadable, KeyGone, KeysNotThere, SecretKind, WhyErased
from messages.vault import EraseSecrets
from storage.database import SERVICE, database_of, postgres_now, transaction
from storage.outbox import enqueue
from storage.rows.cases import cases
from storage.rows.table import columns, find_one, read_all, read_one
from storage.rows.vault import EntrustedSecret, OverSecret, SecretView, entrusted_secrets, secret_views
from storage.sealing import Seals

_KEY_BITS: Final = 256
_NONCE_BYTES: Final = 12
_PADDED_TO: Final = 1_024
_HOST: Final = "secret.host"
_KEEP: Final = sa.text("INSERT INTO vault.secrets (id, data_key, sealed) VALUES (:id, :data_key, :sealed)")
_READ: Final = sa.text("SELECT data_key, sealed FROM vault.secrets WHERE id = :id")
_DELETE: Final = sa.text("DELETE FROM vault.secrets WHERE id = :id")
_AFTER: Final = sa.text(
    "SELECT id FROM vault.secrets WHERE id > :after AND kept_at < now() - CAST(:age AS interval)"
    " ORDER BY id LIMIT :most"
)
_WHOSE: Final = sa.text("SELECT id FROM vault.directory")
_CLAIM: Final = sa.text(
    "INSERT INTO vault.directory (id) SELECT :id WHERE NOT EXISTS (SELECT FROM vault.secrets) ON CONFLICT DO NOTHING"
)


class EntryKeys(Protocol):
    """Keeps a key for each entry outside the database; ``gateways.entry_keys`` does it in a directory.

    Each use raises KeysNotThere where the keys are not there, or are another vault's.
    """

    @property
    def vault_id(self) -> UUID:
        """Whose keys these are."""

    async def create(self, entry_id: UUID, day: date) -> bytes:
        """Make the key of a new entry on a day, 32 bytes. Raises OSError."""

    async def open(self, entry_id: UUID) -> bytes:
        """The key of an entry. Raises KeyGone, EntryUnreadable."""

    async def destroy(self, entry_id: UUID) -> None:
        """Destroy it for good. Raises OSError if it may still be there."""

    async def end_days(self, before: date) -> int:
        """Destroy what wraps the keys that were made before a day; of how many days. Raises OSError."""


@dataclass(frozen=True, slots=True)
class Vault:
    """Keeps, opens and erases entries. ``engine`` is of the database role that alone may enter the schema."""

    engine: AsyncEngine
    keys: EntryKeys

    async def recognise(self) -> None:
        """Make sure that these are the keys of this database's entries; of a new vault they become that.

        Raises:
            KeysNotThere: they are another vault's, so nothing here could be opened or erased.
        """
        async with self._entered():
            return

    @contextlib.asynccontextmanager
    async def _entered(self) -> AsyncIterator[AsyncConnection]:
        """A transaction in the vault, with the keys that belong to it."""
        async with transaction(self.engine, SERVICE) as connection:
            known = await connection.scalar(_WHOSE)
            if known is None:
                await connection.execute(_CLAIM, {"id": self.keys.vault_id})
                known = await connection.scalar(_WHOSE)
            if known != self.keys.vault_id:
                raise KeysNotThere(f"these are the keys of vault {self.keys.vault_id}, the entries are of {known}")
            yield connection

    async def keep(self, plain: bytes, about: str) -> UUID:
        """Seal something and keep it; returns its entry's id. Without the caller's own row it is swept up.

        Args:
            plain: what it is; spaces may follow it afterwards.
            about: the case and what it is of it, authenticated with it.

        Raises:
            KeysNotThere: the keys are not there.
            OSError: no key can be made; nothing is kept.
        """
        entry_id, data_key = uuid4(), AESGCM.generate_key(_KEY_BITS)
        purpose = _purpose(entry_id, about)
        async with self._entered() as connection:
            # The day by Postgres's clock, by which it ends too.
            day = (await postgres_now(connection)).astimezone(UTC).date()
            wrapped = _seal(await self.keys.create(entry_id, day), data_key, purpose)
            # Its length tells nothing.
            padded = plain + b" " * (-len(plain) % _PADDED_TO)
            values = {"id": entry_id, "data_key": wrapped, "sealed": _seal(data_key, padded, purpose)}
            await connection.execute(_KEEP, values)
        return entry_id

    async def open(self, entry_id: UUID, about: str) -> bytes:
        """What an entry holds.

        Raises:
            KeyGone: it was erased.
            KeysNotThere: the keys are not there.
            EntryUnreadable: entry or key is damaged, of another case, or wrapped by a key that is not there.
        """
        async with self._entered() as connection:
            row = (await connection.execute(_READ, {"id": entry_id})).one_or_none()
        if row is None:
            raise KeyGone(entry_id)
        purpose = _purpose(entry_id, about)
        data_key = _open(await self.keys.open(entry_id), row.data_key, purpose)
        return _open(data_key, row.sealed, purpose)

    async def erase(self, entry_id: UUID) -> None:
        """Destroy an entry's key, then the entry; again and again does no harm.

        Raises:
            KeysNotThere: the keys are not there, so the entry may still be opened.
            OSError: the key is still there.
        """
        async with self._entered() as connection:
            await self.keys.destroy(entry_id)
            await connection.execute(_DELETE, {"id": entry_id})

    async def database(self) -> tuple[Any, ...]:
        """In which database the entries are, as ``database_of`` tells."""
        async with self._entered() as connection:
            return await database_of(connection)

    async def entries_after(self, after: UUID, age: timedelta, most: int) -> list[UUID]:
        """Entries that were kept longer ago, in the order of their ids, after one."""
        async with self._entered() as connection:
            return list(await connection.scalars(_AFTER, {"after": after, "age": age, "most": most}))


def _purpose(entry_id: UUID, about: str) -> bytes:
    return f"vault.entry:{entry_id}:{about}".encode()


def _seal(key: bytes, plain: bytes, purpose: bytes) -> bytes:
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plain, purpose)


def _open(key: bytes, sealed: bytes, purpose: bytes) -> bytes:
    try:
        return AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], purpose)
    except (InvalidTag, ValueError) as error:
        raise EntryUnreadable("the entry is damaged or of another case") from error


_c: Final = entrusted_secrets.c
_COLUMNS: Final = columns(entrusted_secrets, EntrustedSecret)
_IS_KEPT: Final = _c.erased_at.is_(None)


def about_secret(case_id: UUID, kind: str) -> str:
    """What is authenticated with a secret's entry: case and field."""
    return f"{case_id}:{kind}"


async def add_secret(
    connection: AsyncConnection,
    seals: Seals,
    entry_id: UUID,
    *,
    case_id: UUID,
    owner_id: UUID,
    part: str,
    kind: SecretKind,
    host: str,
) -> EntrustedSecret:
    """Store that an entry is a secret of a case, until the longest life is over."""
    values = {
        "id": entry_id,
        "case_id": case_id,
        "owner_id": owner_id,
        "part": part,
        "kind": kind,
        "host_sealed": seals.cipher.seal_text(host, _HOST),
        "erase_at": sa.func.now() + LONGEST_LIFE,
    }
    return await read_one(connection, EntrustedSecret, sa.insert(entrusted_secrets).values(values).returning(*_COLUMNS))


def host_of(seals: Seals, secret: EntrustedSecret) -> str:
    """Of which site it is; for its owner and for who works on the case."""
    return seals.cipher.open_text(secret.host_sealed, _HOST)


async def secrets_of(connection: AsyncConnection, case_id: UUID, most: int) -> list[EntrustedSecret]:
    """The secrets of a case as far as row-level security shows them: those that are kept first, the newest first."""
    query = sa.select(*_COLUMNS).where(_c.case_id == case_id)
    query = query.order_by(_c.erased_at.is_not(None), _c.entrusted_at.desc(), _c.id).limit(most)
    return await read_all(connection, EntrustedSecret, query)


async def lock_secret(connection: AsyncConnection, case_id: UUID, secret_id: UUID) -> EntrustedSecret | None:
    """A secret of a case, which nobody ends until this transaction does; None if missing or hidden."""
    query = sa.select(*_COLUMNS).where(_c.id == secret_id, _c.case_id == case_id).with_for_update(of=entrusted_secrets)
    return await find_one(connection, EntrustedSecret, query)


async def add_view(connection: AsyncConnection, view: SecretView) -> None:
    """Store that somebody is about to see a secret."""
    values = {"secret_id": view.secret_id, "task_id": view.task_id, "viewer_id": view.viewer_id, "role": view.role}
    await connection.execute(sa.insert(secret_views).values(values))


async def views_of(connection: AsyncConnection, ids: Collection[UUID], most: int) -> list[SecretView]:
    """Who has seen some secrets, the latest first."""
    query = sa.select(*columns(secret_views, SecretView)).where(secret_views.c.secret_id.in_(ids))
    return await read_all(connection, SecretView, query.order_by(secret_views.c.id.desc()).limit(most))


async def end_secrets(
    connection: AsyncConnection, why: WhyErased, *, case_id: UUID, secret_id: UUID | None = None
) -> int:
    """The time of a case's secrets, or of one, is over: nobody sees it any more, and it is erased; how many there were.

    With service rights: what each side entrusted ends.
    """
    ending = sa.update(entrusted_secrets).where(_c.case_id == case_id, _IS_KEPT, _c.why.is_(None))
    if secret_id is not None:
        ending = ending.where(_c.id == secret_id)
    # What is over by itself keeps the moment from which it is late.
    ended = (
        await connection.execute(ending.values(erase_at=sa.func.least(_c.erase_at, sa.func.now()), why=why))
    ).rowcount
    if ended:
        await enqueue(connection, EraseSecrets(case_id))
    return ended


async def over_secrets(connection: AsyncConnection, most: int, *, case_id: UUID | None = None) -> list[OverSecret]:
    """Secrets whose time is over and that are not erased, of one case or of all, the longest over first.

    Over is also what a case left behind that has ended, whatever ended it.
    """
    has_ended = sa.exists().where(cases.c.id == _c.case_id, cases.c.closed_at.is_not(None))
    is_over = sa.or_(_c.why.is_not(None), _c.erase_at <= sa.func.now(), has_ended)
    query = sa.select(*columns(entrusted_secrets, OverSecret)).where(_IS_KEPT, is_over)
    query = query.order_by(_c.erase_at, _c.id).limit(most)
    return await read_all(connection, OverSecret, query if case_id is None else query.where(_c.case_id == case_id))


async def note_erased(connection: AsyncConnection, secret: OverSecret, why: WhyErased) -> str | None:
    """Store that a secret is erased; returns why its time was over, None if that is stored already.

    Its case is locked first, as commands do: two that lock case and secret the other way round wait for each other.
    """
    # By its id alone: it may be of a kind that a newer release brought.
    await connection.execute(sa.select(cases.c.id).where(cases.c.id == secret.case_id).with_for_update())
    noting = (
        sa.update(entrusted_secrets)
        .where(_c.id == secret.id, _IS_KEPT)
        .values(erased_at=sa.func.now(), why=sa.func.coalesce(_c.why, why))
        .returning(_c.why)
    )
    cause: str | None = await connection.scalar(noting)
    return cause


async def known_secrets(connection: AsyncConnection, ids: Collection[UUID]) -> set[UUID]:
    """Those of some entries that are kept secrets of a case."""
    return set(await connection.scalars(sa.select(_c.id).where(_c.id.in_(ids), _IS_KEPT)))


async def late_cases(connection: AsyncConnection, most: int) -> set[UUID]:
    """Cases with a secret that should have been erased minutes ago (F2)."""
    query = sa.select(_c.case_id).where(_IS_KEPT, _c.erase_at < sa.func.now() - sa.literal(LATE_AFTER, sa.Interval))
    return set(await connection.scalars(query.distinct().limit(most)))
