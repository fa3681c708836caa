"""One-time codes (G1): single use, few tries, kept as keyed hashes."""

from __future__ import annotations

import contextlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, Literal
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.account import CODE_DIGITS, CODE_LIFE, CODE_TRIES, NO_BINDING, CodeNotAccepted, CodePurpose, code_hash
from storage.account.sessions import hash_token, new_link_token
from storage.rows.account import one_time_codes
from storage.rows.people import persons
from storage.rows.table import find_one
from storage.sealing import Seals

Channel = Literal["sms", "mail"]
# Of an id in hexadecimal digits.
_ID_LENGTH: Final = 32

_c = one_time_codes.c
_SEALED_AS: dict[str, str] = {"sms": "person.mobile", "mail": "person.email"}
_PAY_TRY = (
    sa.update(one_time_codes)
    .where(_c.id == sa.bindparam("code_id"), _c.purpose == sa.bindparam("for_purpose"))
    .where(_c.tries < CODE_TRIES, _c.expires_at > sa.func.now())
    .values(tries=_c.tries + 1)
    .returning(
        _c.person_id,
        _c.code_hash,
        _c.used_at.is_(None).label("is_open"),
        (CODE_TRIES - _c.tries).label("tries_left"),
    )
)
_USE = (
    sa.update(one_time_codes)
    .where(_c.id == sa.bindparam("code_id"), _c.used_at.is_(None))
    .values(used_at=sa.func.now(), code_sealed=sa.null())
)


@dataclass(frozen=True, slots=True)
class TriedCode:
    """A code for which one try has been paid.

    One that was used or cancelled is open no more; somebody who does not know its digits is told the same of both.
    """

    person_id: UUID | None
    code_hash: bytes = field(repr=False)
    is_open: bool
    tries_left: int


@dataclass(frozen=True, slots=True)
class UnsentCode:
    """A code on its way; ``to`` is a mobile or an e-mail address, as the channel says. Forget it once it is sent.

    ``told`` is what the message names of the thing that the code confirms.
    """

    purpose: CodePurpose
    channel: Channel
    to: str = field(repr=False)
    code: str = field(repr=False)
    told: Mapping[str, str] = field(repr=False)


async def create_code(
    connection: AsyncConnection,
    seals: Seals,
    purpose: CodePurpose,
    person_id: UUID | None,
    binding: bytes,
    *,
    channel: Channel = "sms",
    sent_to: bytes | None = None,
    told: Mapping[str, str] | None = None,
) -> UUID:
    """Make a code and return its id. Without a person it is the same work, and the code opens nothing.

    ``sent_to`` is where it goes, sealed, if that is not the person's number. ``told`` is what the message names; it is
    sealed with the code, and erased with it.
    """
    where = {"channel": channel, "sent_to": sent_to}
    code = f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}}"
    message = "\n".join((code, *map("=".join, (told or {}).items())))
    return await _add(connection, seals, uuid4(), purpose, person_id, binding, message, CODE_LIFE, **where)


async def create_link(
    connection: AsyncConnection, seals: Seals, purpose: CodePurpose, person_id: UUID, life: timedelta
) -> UUID:
    """Make the token of a link in place of earlier ones, and return the id by which its token is found."""
    await cancel_codes(connection, person_id, purpose)
    token = new_link_token()
    return await _add(connection, seals, _link_id(token), purpose, person_id, NO_BINDING, token, life)


async def _add(
    connection: AsyncConnection,
    seals: Seals,
    code_id: UUID,
    purpose: CodePurpose,
    person_id: UUID | None,
    binding: bytes,
    message: str,
    life: timedelta,
    **where: object,
) -> UUID:
    # What is named stands in lines of its own behind the code, see take_unsent_code.
    code = message.partition("\n")[0]
    await connection.execute(
        sa.insert(one_time_codes).values(
            id=code_id,
            purpose=purpose,
            person_id=person_id,
            binding=binding,
            code_hash=code_hash(seals.pepper, code_id, code, binding),
            code_sealed=seals.cipher.seal_text(message, _code_purpose(code_id)),
            expires_at=sa.func.now() + life,
            **where,
        )
    )
    return code_id


async def find_link(
    connection: AsyncConnection, seals: Seals, token: str, purpose: CodePurpose
) -> tuple[UUID, UUID] | None:
    """The id and the person of a link that still opens something; None for any other.

    It costs no try: nobody guesses a token, and a person who has it may open its page again.
    """
    code_id = _link_id(token)
    c = one_time_codes.c
    row = (
        await connection.execute(
            sa.select(c.person_id, c.code_hash).where(
                c.id == code_id, c.purpose == purpose, c.used_at.is_(None), c.expires_at > sa.func.now()
            )
        )
    ).one_or_none()
    given = code_hash(seals.pepper, code_id, token, NO_BINDING)
    return (code_id, row.person_id) if row is not None and hmac.compare_digest(given, row.code_hash) else None


def _link_id(token: str) -> UUID:
    # A link of the release before, which counts for a day, begins with its id.
    if len(token) > _ID_LENGTH:
        with contextlib.suppress(ValueError):
            return UUID(hex=token[:_ID_LENGTH])
    return UUID(bytes=hash_token(token)[:16])


async def pay_try(
    connection: AsyncConnection, code_id: UUID, purpose: CodePurpose, person_id: UUID | None = None
) -> TriedCode | None:
    """Take one of a code's tries before anything is compared, or None if it has none to give.

    Commit this whatever comes of the rest. With ``person_id`` only that person's code gives tries, so that nobody
    can use up another's; a sign-in does not know its person yet.
    """
    statement = _PAY_TRY if person_id is None else _PAY_TRY.where(_c.person_id == person_id)
    return await find_one(connection, TriedCode, statement, {"code_id": code_id, "for_purpose": purpose})


async def whose_code(connection: AsyncConnection, code_id: UUID) -> UUID | None:
    """Whose code it is, without a try of it; None for nobody's and for no code."""
    found: UUID | None = await connection.scalar(sa.select(_c.person_id).where(_c.id == code_id))
    return found


async def use_code(connection: AsyncConnection, code_id: UUID) -> None:
    """Use up a code that was found right, in the transaction of what it confirms; one caller wins.

    Raises:
        CodeNotAccepted: it was used already.
    """
    used = await connection.execute(_USE, {"code_id": code_id})
    if used.rowcount != 1:
        raise CodeNotAccepted(field="code")


async def cancel_codes(connection: AsyncConnection, person_id: UUID, purpose: CodePurpose | None = None) -> None:
    """Make a person's open codes worthless, or those for one thing, as when their mobile changes (G2)."""
    c = one_time_codes.c
    which = sa.true() if purpose is None else c.purpose == purpose
    await connection.execute(
        sa.update(one_time_codes)
        .where(c.person_id == person_id, c.used_at.is_(None), which)
        .values(used_at=sa.func.now(), code_sealed=None)
    )


async def take_unsent_code(connection: AsyncConnection, seals: Seals, code_id: UUID) -> UnsentCode | None:
    """The code and where to send it; None if it was sent, used, is too old, or belongs to nobody.

    The sealed code stays until ``mark_code_sent``, so a sending that failed can be tried again.
    """
    c = one_time_codes.c
    to = sa.func.coalesce(c.sent_to, sa.case((c.channel == "sms", persons.c.mobile_sealed)))
    row = (
        await connection.execute(
            sa.select(c.purpose, c.channel, c.code_sealed, to.label("to_sealed"))
            .outerjoin(persons, persons.c.id == c.person_id)
            .where(c.id == code_id, c.code_sealed.is_not(None), c.used_at.is_(None))
            .where(c.expires_at > sa.func.now(), to.is_not(None))
        )
    ).one_or_none()
    if row is None:
        return None
    cipher = seals.cipher
    address = cipher.open_text(row.to_sealed, _SEALED_AS[row.channel])
    code, *told = cipher.open_text(row.code_sealed, _code_purpose(code_id)).split("\n")
    named = {name: value for name, _, value in (one.partition("=") for one in told)}
    return UnsentCode(CodePurpose(row.purpose), row.channel, address, code, named)


async def destination_of(
    connection: AsyncConnection, code_id: UUID, person_id: UUID, purpose: CodePurpose
) -> bytes | None:
    """Where a person's code went that did not go to their own number, sealed; None if there is no such code."""
    found: bytes | None = await connection.scalar(
        sa.select(_c.sent_to).where(_c.id == code_id, _c.person_id == person_id, _c.purpose == purpose)
    )
    return found


async def mark_code_sent(connection: AsyncConnection, code_id: UUID) -> None:
    """Erase the readable code; only its keyed hash stays."""
    await connection.execute(sa.update(one_time_codes).where(one_time_codes.c.id == code_id).values(code_sealed=None))


def _code_purpose(code_id: UUID) -> str:
    return f"one_time_code:{code_id}"
