"""Another mobile of a member without an employer: a code comes to the old number and one to the new one (G2)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final
from uuid import UUID

from commands.account.codes import check_code, read_mobile
from commands.command import Command
from commands.refusals import refuses
from domain.account import CODES_APART, CodeNotAccepted, CodePurpose, MobileUnreadable
from domain.errors import Forbidden, NotFound, TooMany
from domain.identity import Mobile
from domain.mobile_change import MobileChangeOpen, MobileUnchanged
from domain.own_mobile import (
    CHANGES_PER_NUMBER,
    CHANGES_PER_PAIR,
    CHANGES_PER_PERSON,
    EmployerDecides,
    own_mobile_binding,
)
from domain.persian import persian_digits
from messages.mobile_change import Event
from messages.notice import SendCode
from storage import account, mobile_change
from storage.audit import account_stream
from storage.dispute import has_deciding_employer, wake_concerned
from storage.notices import notify
from storage.outbox import enqueue
from storage.people import seal_number
from storage.personnel import move_number
from storage.policies import in_force

_OLD, _NEW = CodePurpose.CHANGE_MOBILE_OLD, CodePurpose.CHANGE_MOBILE_NEW
_POLICY: Final = "personnel"


@dataclass(frozen=True, slots=True)
class TypedCode:
    """A code as it came to one of the numbers."""

    code_id: UUID
    code: str = field(repr=False)


@refuses(MobileUnreadable, EmployerDecides, MobileUnchanged, MobileChangeOpen)
async def request_own_mobile(command: Command, mobile: str) -> tuple[UUID, UUID]:
    """Send a code to the member's number and one to the new number; returns the ids of both, the old one's first."""
    if command.actor.capacity != "member":
        raise Forbidden
    person_id, new = command.actor.person_id, read_mobile(mobile)
    await _refuse_others(command, new)
    # A refused request sends nothing, so its count may be rolled back with it.
    limits = (
        (CODES_APART, f"{person_id}/{_NEW}"),
        (CHANGES_PER_PERSON, str(person_id)),
        (CHANGES_PER_PAIR, f"{person_id}/{new}"),
        (CHANGES_PER_NUMBER, new),
    )
    wait = await account.count_uses(command.connection, command.seals, limits)
    if wait is not None:
        raise TooMany(retry_after=wait)
    binding, number = own_mobile_binding(new), seal_number(command.seals, new)
    old_id = await account.create_code(command.connection, command.seals, _OLD, person_id, binding)
    new_id = await account.create_code(
        command.connection, command.seals, _NEW, person_id, binding, sent_to=number.sealed
    )
    await enqueue(command.connection, SendCode(old_id), SendCode(new_id))
    await command.audit(account_stream(person_id), subject=str(person_id))
    return old_id, new_id


@refuses(check_code, EmployerDecides, MobileUnchanged, MobileChangeOpen)
async def confirm_own_mobile(command: Command, old: TypedCode, new: TypedCode) -> None:
    """Make the new number the member's: sessions end, money pauses, and the old number is told."""
    await command.alone()
    connection, person_id = command.connection, command.actor.person_id
    sent_to = await account.destination_of(connection, new.code_id, person_id, _NEW)
    if sent_to is None:
        raise CodeNotAccepted(field="new.code")
    mobile = Mobile(command.seals.cipher.open_text(sent_to, "person.mobile"))
    for purpose, typed, name in ((_OLD, old, "old.code"), (_NEW, new, "new.code")):
        await check_code(
            command.context.side,
            command.seals,
            code_id=typed.code_id,
            person_id=person_id,
            purpose=purpose,
            binding=own_mobile_binding(mobile),
            code=typed.code,
            field=name,
        )
    await _refuse_others(command, mobile)
    for typed in (old, new):
        await account.use_code(connection, typed.code_id)
    pause = await _pause(command)
    await move_number(connection, person_id, seal_number(command.seals, mobile), pause=pause)
    # Unlike a number that somebody else confirmed, this one has just been proved.
    await account.confirm_mobile(connection, person_id)
    await wake_concerned(connection, [person_id])
    hours = persian_digits(str(pause // timedelta(hours=1)))
    await notify(connection, [person_id], Event.APPLIED, params={"hours": hours})
    await command.audit(account_stream(person_id), subject=str(person_id), after={"fields": ["mobile"]})


@refuses(EmployerDecides, MobileUnchanged, MobileChangeOpen)
async def _refuse_others(command: Command, mobile: Mobile) -> None:
    """Whose list has the number, or had it, decides on it. A list that never had it says nothing about the member."""
    connection, person_id = command.connection, command.actor.person_id
    if await mobile_change.lock_open_change(connection, person_id, None):
        raise MobileChangeOpen
    if await has_deciding_employer(connection, person_id):
        raise EmployerDecides
    if await mobile_change.has_mobile(connection, command.seals, person_id, mobile):
        raise MobileUnchanged(field="mobile")


async def _pause(command: Command) -> timedelta:
    policy = await in_force(command.connection, _POLICY)
    if policy is None:
        raise NotFound
    return timedelta(hours=int(policy.value["money_pause_hours"]))
