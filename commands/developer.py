"""Signing in as an invented person of a stand-alone stack, who has nobody to type a password or read an SMS."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from commands.account.sessions import SignIn, SignInAttempt
from commands.command import Context
from commands.refusals import refuses
from domain.developer import TicketNotAccepted
from storage import account
from storage.database import SERVICE, transaction
from storage.people import find_person


@refuses(TicketNotAccepted)
async def sign_in_as(context: Context, *, username: str, national_id: str, origin: str, device: str) -> SignIn:
    """Begin a session as after a right code (G1): of the staff who have the user name, else of the member.

    The caller has taken a ticket for exactly this person.
    """
    async with transaction(context.engine, SERVICE) as connection:
        person_id = await _find(connection, context, username, national_id)
        if person_id is None:
            raise TicketNotAccepted(field="ticket")
        await account.lock_person(connection, person_id)
        if not username:
            await account.confirm_mobile(connection, person_id)
        entry = SignInAttempt("staff" if username else "member", person_id, "", origin, device)
        return await entry.begin(connection, person_id)


async def _find(connection: AsyncConnection, context: Context, username: str, national_id: str) -> UUID | None:
    if not username:
        person = await find_person(connection, context.seals, national_id)
        return None if person is None else person.id
    credential = await account.read_credential(connection, context.seals, username=username)
    return None if credential is None or credential.disabled else credential.person_id
