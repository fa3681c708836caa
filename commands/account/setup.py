"""Staff set what they sign in with themselves: first through the link that came by SMS, later when they like (G1)."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from commands.account.credentials import (
    hash_password,
    matching_step,
    new_totp_secret,
    password_matches,
    provisioning_uri,
)
from commands.command import Command, Context
from commands.refusals import refuses
from domain.account import (
    STEP_UP_TRIES,
    TRIES_PER_ADDRESS,
    BadCode,
    BadTotpKey,
    CodeNotAccepted,
    CodePurpose,
    CredentialsNotAccepted,
    NothingToChange,
    parse_code,
)
from domain.address import from_network
from domain.errors import Forbidden, TooMany
from domain.password import STAFF_PASSWORD_LENGTHS, WeakPassword, parse_password
from domain.staff_change import LinkNotAccepted
from messages.staff_change import Sms
from storage import account, audit
from storage.account import Credential
from storage.audit import account_stream
from storage.database import SERVICE, transaction
from storage.notices import notify
from storage.sealing import SealBroken, Seals

_LONGEST_TOKEN: Final = 100


@dataclass(frozen=True, slots=True)
class NewTotpKey:
    """A key for an authenticator app, which counts once a code of it was typed.

    ``sealed`` is the same key as only this installation can read it: it comes back with the code, and is kept nowhere
    meanwhile.
    """

    username: str
    secret: str = field(repr=False)
    sealed: str = field(repr=False)

    @property
    def uri(self) -> str:
        """What an authenticator app reads."""
        return provisioning_uri(self.username, self.secret)


@refuses(LinkNotAccepted)
async def open_staff_link(context: Context, *, token: str, origin: str) -> NewTotpKey:
    """Whose account a link is for, with a new key; the link is good until the account is set up."""
    _, credential = await _follow(context, token, origin)
    return _new_key(context.seals, credential)


@refuses(LinkNotAccepted, WeakPassword, BadCode, BadTotpKey, CodeNotAccepted)
async def set_up_staff(
    context: Context, *, token: str, password: str, totp_key: str, totp: str, origin: str
) -> Credential:
    """Set password and TOTP through the link, which is used up; returns the account that may sign in now."""
    code_id, credential = await _follow(context, token, origin)
    person_id = credential.person_id
    chosen = parse_password(password, lengths=STAFF_PASSWORD_LENGTHS, apart_from=[credential.username])
    secret = _open_key(context.seals, person_id, totp_key)
    step = _proved(secret, totp, credential.step, field="totp")
    # No connection is held while this takes its time.
    password_hash = await hash_password(chosen)
    async with transaction(context.engine, SERVICE) as connection:
        await account.lock_person(connection, person_id)
        try:
            await account.use_code(connection, code_id)
        except CodeNotAccepted:
            raise LinkNotAccepted(field="token") from None
        await account.set_credential(
            connection, context.seals, person_id, password_hash=password_hash, totp_secret=secret, step=step
        )
        await account.confirm_mobile(connection, person_id)
        await notify(connection, [person_id], Sms.CREDENTIALS_SET)
        entry = audit.AuditEntry("set_up_staff", f"staff:{person_id}", str(person_id), origin=origin)
        await audit.append(connection, account_stream(person_id), entry)
    context.nudge()
    return credential


@refuses()
async def draw_totp_key(context: Context, person_id: UUID) -> NewTotpKey:
    """A new key for a member of staff who is signed in."""
    async with transaction(context.engine, SERVICE) as connection:
        credential = await account.read_credential(connection, context.seals, person_id=person_id)
    if credential is None:
        raise Forbidden
    return _new_key(context.seals, credential)


@dataclass(frozen=True, slots=True)
class NewCredentials:
    """What is to take the place of the present password and key; one of the two may stay."""

    password: str | None = field(repr=False)
    totp_key: str | None = field(repr=False)
    totp: str | None = field(repr=False)


@refuses(CredentialsNotAccepted, NothingToChange, WeakPassword, BadCode, BadTotpKey, CodeNotAccepted)
async def change_staff_credentials(command: Command, *, password: str, totp: str, new: NewCredentials) -> UUID:
    """Change password or key with the present ones; the other sessions end and the owner is told by SMS.

    Returns whose they are.
    """
    if command.actor.capacity != "staff":
        raise Forbidden
    if new.password is None and new.totp_key is None:
        raise NothingToChange
    person_id, seals, typed = command.actor.person_id, command.seals, parse_code(totp, field="totp")
    await command.alone()
    async with transaction(command.context.side, SERVICE) as connection:
        wait = await account.count_use(connection, seals, STEP_UP_TRIES, str(person_id))
    if wait is not None:
        raise TooMany(retry_after=wait)
    credential = await account.read_credential(command.connection, seals, person_id=person_id)
    if credential is None:
        raise Forbidden
    right = await password_matches(password, credential.password_hash, known=True)
    step = matching_step(credential.totp_secret, typed, credential.step)
    if not right or step is None or not await account.use_totp_step(command.connection, credential, step):
        raise CredentialsNotAccepted(field="password")
    await _replace(command, credential, step, new)
    return person_id


async def _replace(command: Command, credential: Credential, step: int, new: NewCredentials) -> None:
    person_id, seals, password_hash, secret = credential.person_id, command.seals, None, None
    if new.password is not None:
        chosen = parse_password(
            new.password, lengths=STAFF_PASSWORD_LENGTHS, apart_from=[credential.username], field="new_password"
        )
        password_hash = await hash_password(chosen)
    if new.totp_key is not None:
        secret = _open_key(seals, person_id, new.totp_key)
        step = _proved(secret, new.totp or "", credential.step, field="new_totp")
    await account.set_credential(
        command.connection, seals, person_id, password_hash=password_hash, totp_secret=secret, step=step
    )
    ended = await account.end_sessions(command.connection, person_id, "staff", apart_from=command.actor.session_id)
    await notify(command.connection, [person_id], Sms.CREDENTIALS_SET)
    after = {"password": password_hash is not None, "totp": secret is not None, "sessions_ended": ended}
    await command.audit(account_stream(person_id), subject=str(person_id), after=after)


async def _follow(context: Context, token: str, origin: str) -> tuple[UUID, Credential]:
    """The link's code and the account that it is for; each look counts as a try of this network."""
    async with transaction(context.engine, SERVICE) as connection:
        wait = await account.count_uses(connection, context.seals, from_network(TRIES_PER_ADDRESS, origin))
    if wait is not None:
        raise TooMany(retry_after=wait)
    async with transaction(context.engine, SERVICE) as connection:
        is_short = len(token) <= _LONGEST_TOKEN
        found = await account.find_link(connection, context.seals, token, CodePurpose.STAFF_LINK) if is_short else None
        if found is not None:
            code_id, person_id = found
            credential = await account.read_credential(connection, context.seals, person_id=person_id)
            if credential is not None and not credential.disabled:
                return code_id, credential
    raise LinkNotAccepted(field="token")


def _new_key(seals: Seals, credential: Credential) -> NewTotpKey:
    secret = new_totp_secret()
    sealed = seals.cipher.seal_text(secret, _purpose(credential.person_id))
    return NewTotpKey(credential.username, secret, base64.urlsafe_b64encode(sealed).decode())


def _open_key(seals: Seals, person_id: UUID, sealed: str) -> str:
    try:
        return seals.cipher.open_text(base64.urlsafe_b64decode(sealed.encode()), _purpose(person_id))
    except (binascii.Error, SealBroken, UnicodeError, ValueError):
        raise BadTotpKey(field="totp_key") from None


def _purpose(person_id: UUID) -> str:
    return f"staff.new_totp:{person_id}"


def _proved(secret: str, code: str, step: int, *, field: str) -> int:
    """The step of a code that proves that somebody has the key."""
    found = matching_step(secret, parse_code(code, field=field), step)
    if found is None:
        raise CodeNotAccepted(field=field)
    return found
