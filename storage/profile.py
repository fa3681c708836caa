"""Members' own profiles: language, e-mail and password (G1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.identity import Sheba
from storage.organisation import IS_DISPUTED
from storage.rows.organisation import employments, organisations
from storage.rows.people import persons
from storage.rows.profile import Profile, profiles
from storage.rows.table import columns, find_one
from storage.sealing import Seals

_EMAIL: Final = "person.email"
_COLUMNS = columns(profiles, Profile)


async def read_profile(connection: AsyncConnection, person_id: UUID, *, keep: bool = False) -> Profile:
    """The person's profile, an empty one if there is none.

    With ``keep`` it stays as it is until this transaction ends: a change of it waits.
    """
    query = sa.select(*_COLUMNS).where(profiles.c.person_id == person_id)
    found = await find_one(connection, Profile, query.with_for_update(read=True) if keep else query)
    return found or Profile(person_id, None, None, None, None)


async def find_profile(
    connection: AsyncConnection, seals: Seals, national_id: str, *, mobile: str | None = None, email: str | None = None
) -> Profile | None:
    """The profile that has a password of the person with this national id, and with this number or confirmed address.

    None without one: to a person who signs in, or renews a password, the two are the same.
    """
    query = (
        sa.select(*_COLUMNS)
        .join(persons, persons.c.id == profiles.c.person_id)
        .where(persons.c.national_id_index == seals.index.of("national_id", national_id))
        .where(profiles.c.password_hash.is_not(None))
    )
    if mobile is not None:
        query = query.where(persons.c.mobile_index == seals.index.of("mobile", mobile))
    if email is not None:
        query = query.where(
            profiles.c.email_index == _email_index(seals, email), profiles.c.email_confirmed_at.is_not(None)
        )
    return await find_one(connection, Profile, query)


async def set_language(connection: AsyncConnection, person_id: UUID, language: str) -> None:
    """Keep in which language the person reads."""
    await _write(connection, person_id, {"language": language})


async def set_password(connection: AsyncConnection, person_id: UUID, password_hash: str | None) -> None:
    """Keep the hash of a password, or none."""
    await _write(connection, person_id, {"password_hash": password_hash})


def seal_email(seals: Seals, email: str) -> bytes:
    """An address as it is stored."""
    return seals.cipher.seal_text(email, _EMAIL)


def open_email(seals: Seals, sealed: bytes) -> str:
    """An address in clear; for its owner and for senders only."""
    return seals.cipher.open_text(sealed, _EMAIL)


async def shebas_of(connection: AsyncConnection, seals: Seals, person_id: UUID) -> list[tuple[str, Sheba]]:
    """The account numbers on the lists on which a person stands, each with its organisation's name; at most 50.

    Not of an employer where their mobile is disputed: the one who signs in need not be whom it employs (A1).
    """
    query = (
        sa.select(organisations.c.name, employments.c.sheba_sealed)
        .join(organisations, organisations.c.id == employments.c.organisation_id)
        .where(employments.c.person_id == person_id, employments.c.state != "left", sa.not_(IS_DISPUTED))
        .order_by(employments.c.id)
        .limit(50)
    )
    rows = await connection.execute(query)
    return [(row.name, Sheba(seals.cipher.open_text(row.sheba_sealed, "employment.sheba"))) for row in rows]


async def set_email(connection: AsyncConnection, seals: Seals, person_id: UUID, sealed: bytes) -> None:
    """Make an address to which a code went, and from which it came back, the person's."""
    index = _email_index(seals, open_email(seals, sealed))
    await _write(
        connection,
        person_id,
        {"email_index": index, "email_sealed": sealed, "email_confirmed_at": sa.func.now()},
    )


async def remove_email(connection: AsyncConnection, person_id: UUID) -> None:
    """Forget the address."""
    await _write(connection, person_id, dict.fromkeys(("email_index", "email_sealed", "email_confirmed_at")))


async def shut_other_ways(connection: AsyncConnection, person_id: UUID) -> None:
    """With another number the password is gone, and the address is to be confirmed anew (G2).

    Whoever had the old telephone may have set them.
    """
    await connection.execute(
        sa.update(profiles).where(profiles.c.person_id == person_id).values(password_hash=None, email_confirmed_at=None)
    )


async def _write(connection: AsyncConnection, person_id: UUID, values: Mapping[str, Any]) -> None:
    adding = insert(profiles).values(person_id=person_id, **values)
    await connection.execute(adding.on_conflict_do_update(index_elements=[profiles.c.person_id], set_=dict(values)))


def _email_index(seals: Seals, email: str) -> bytes:
    return seals.index.of("email", email.lower())
