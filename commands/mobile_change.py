"""What people may do about a change of mobile: forward, open, correct, confirm, return, reject (G2)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from commands.account.codes import read_identity
from commands.command import Command
from commands.refusals import refuses
from commands.service import refuse_closed
from commands.task import DECISION, expect_kind
from domain.access import Grant, Part, Role, ScopeKind
from domain.account import NationalIdUnreadable
from domain.errors import InvalidInput, NotFound, OwnCase, StepUpRequired, TooMany
from domain.identity import BadMobile, Mobile, parse_mobile
from domain.mobile_change import (
    LOST_MOBILES_PER_AGENT,
    ForwardedByYourself,
    MemberHasEmployer,
    MobileChangeOpen,
    MobileNotMatched,
    MobileUnchanged,
    NobodyToReturnTo,
)
from messages.case import CaseKind
from messages.mobile_change import CheckMobileOwner, FactKind, Phase, Sms, TaskKind
from messages.personnel import Sms as PersonnelSms
from storage import audit, mobile_change
from storage.account import count_use
from storage.database import SERVICE, transaction
from storage.dispute import agreed_mobile, has_deciding_employer
from storage.guarantor import guarantee_each_other
from storage.notices import notify_number
from storage.organisation import employments_of, read_employment
from storage.outbox import enqueue
from storage.people import find_person
from storage.policies import in_force
from storage.rows.mobile_change import MobileChange
from storage.rows.organisation import Employment
from storage.rows.people import Person
from storage.rows.tasks import Task

_POLICY = "personnel"
_REASON_LENGTHS = range(3, 501)


@refuses(refuse_closed, StepUpRequired, NotFound, NationalIdUnreadable, OwnCase, MobileUnchanged, MobileChangeOpen)
async def forward_mobile_change(command: Command, national_id: str, mobile: str, reason: str) -> UUID:
    """Forward an employee's wish for another mobile to support; returns the case's id.

    The employee works in the welfare manager's organisation or region; it is not themselves, nor somebody whom they
    stand for or who stands for them. Their present number and the new one are told at once.
    """
    command.require_role(Role.WELFARE_MANAGER)
    command.require_strong()
    await refuse_closed(command, CaseKind.MOBILE_CHANGE)
    new, why = _read_mobile(mobile), _read_words(reason, "reason")
    employment, office = await _find(command, national_id)
    by = command.actor.person_id
    if employment.person_id == by or await guarantee_each_other(command.connection, by, employment.person_id):
        raise OwnCase
    if await mobile_change.lock_open_change(command.connection, employment.person_id, employment.organisation_id):
        raise MobileChangeOpen
    await _refuse_unchanged(command, employment, new)
    case_id = await _open(
        command,
        employment.person_id,
        Phase.FORWARDED,
        organisation_id=employment.organisation_id,
        region_code=employment.region_code,
    )
    await mobile_change.add_mobile_change(
        command.connection,
        command.seals,
        case_id,
        employment,
        office=office,
        forwarded_by=by,
        mobile=new,
        reason=why,
    )
    change = await _change(command, case_id)
    is_new = await _tell_new(command, change, PersonnelSms.MOBILE_PROPOSED_NEW)
    sms: dict[str, list[UUID]] = {FactKind.FORWARDED if is_new else Sms.PRESENT_FORWARDED: [employment.person_id]}
    audited = {"subject": str(case_id), "after": {"employment_id": str(employment.id)}, "reason": why}
    await command.act(
        case_id, FactKind.FORWARDED, {"value": change.value}, part=Role.WELFARE_MANAGER, sms=sms, audited=audited
    )
    return case_id


@refuses(
    refuse_closed,
    StepUpRequired,
    NationalIdUnreadable,
    OwnCase,
    MemberHasEmployer,
    MobileUnchanged,
    MobileChangeOpen,
)
async def open_mobile_change(command: Command, national_id: str, mobile: str, reason: str) -> UUID:
    """Open a change for a member without an employer who has lost their number; returns the case's id.

    The support agent has looked at the person's papers, as the reason says. The registry is asked whether the new
    number is the person's; both numbers are told at once.
    """
    command.require_role(Role.SUPPORT_AGENT)
    command.require_strong()
    await refuse_closed(command, CaseKind.MOBILE_CHANGE)
    new, why = _read_mobile(mobile), _read_words(reason, "reason")
    person_id = (await _look_up(command, national_id)).id
    by = command.actor.person_id
    if person_id == by or await guarantee_each_other(command.connection, by, person_id):
        raise OwnCase
    if await mobile_change.lock_open_change(command.connection, person_id, None):
        raise MobileChangeOpen
    await _refuse_employed(command, person_id)
    if await mobile_change.has_mobile(command.connection, person_id, command.seals.index.of("mobile", new)):
        raise MobileUnchanged(field="mobile")
    case_id = await _open(command, person_id, Phase.AWAITING_SUPPORT)
    office = Grant(Role.SUPPORT_AGENT, ScopeKind.PLATFORM)
    await mobile_change.add_mobile_change(
        command.connection, command.seals, case_id, person_id, office=office, forwarded_by=by, mobile=new, reason=why
    )
    change = await _change(command, case_id)
    await _tell_new(command, change, Sms.OPENED_NEW)
    await enqueue(command.connection, CheckMobileOwner(case_id))
    fact, said = FactKind.OPENED, {"value": change.value}
    audited = {"subject": str(case_id), "after": {"person_id": str(person_id)}, "reason": why}
    await command.act(case_id, fact, said, part=Role.SUPPORT_AGENT, sms={fact: [person_id]}, audited=audited)
    return case_id


@refuses(NationalIdUnreadable)
async def _look_up(command: Command, national_id: str) -> Person:
    """Whose number it is. Counted and noted apart, whatever comes of the rest: support has no search for everybody."""
    identity, by = read_identity(national_id), command.actor
    async with transaction(command.context.side, SERVICE) as connection:
        wait = await count_use(connection, command.seals, LOST_MOBILES_PER_AGENT, str(by.person_id))
        person = None if wait else await find_person(connection, command.seals, identity)
        noted = audit.AuditEntry(
            "look_up_member",
            f"{by.capacity}:{by.person_id}",
            "nobody" if person is None else str(person.id),
            origin=command.envelope.origin or None,
        )
        if wait is None:
            await audit.append(connection, audit.account_stream(by.person_id), noted)
    if wait is not None:
        raise TooMany(retry_after=wait)
    if person is None or not person.has_mobile:
        raise NotFound
    return person


@refuses(MemberHasEmployer)
async def _refuse_employed(command: Command, person_id: UUID) -> None:
    """Whose list has the number, or had it, decides on it, through its welfare office."""
    if await has_deciding_employer(command.connection, person_id):
        raise MemberHasEmployer(field="national_id")


@refuses(MobileUnchanged)
async def _refuse_unchanged(command: Command, employment: Employment, new: Mobile) -> None:
    """The present number changes nothing, unless this employer's list has another one: then it is confirmed (A1)."""
    if await agreed_mobile(command.connection, employment.id) == command.seals.index.of("mobile", new):
        raise MobileUnchanged(field="mobile")


async def _tell_new(command: Command, change: MobileChange, template: str) -> bool:
    """Tell the number that is to be the person's; False, and nothing told, if it is theirs already."""
    if await mobile_change.has_mobile(command.connection, change.person_id, change.mobile_index):
        return False
    await notify_number(command.connection, change.person_id, change.mobile_sealed, template, case_id=change.case_id)
    return True


async def _find(command: Command, national_id: str) -> tuple[Employment, Grant]:
    """The employee's employment within the officer's reach, a disputed one first, and the office that this is."""
    person = await find_person(command.connection, command.seals, read_identity(national_id))
    found = [] if person is None else await employments_of(command.connection, person.id)
    for employment in sorted(found, key=lambda each: not each.is_disputed):
        for kind, scope in (
            (ScopeKind.ORGANISATION, str(employment.organisation_id)),
            (ScopeKind.REGION, employment.region_code),
        ):
            if employment.state != "left" and command.actor.holds(Role.WELFARE_MANAGER, kind, scope):
                return employment, Grant(Role.WELFARE_MANAGER, kind, scope)
    raise NotFound


async def _open(command: Command, person_id: UUID, phase: Phase, **place: Any) -> UUID:
    policy = await in_force(command.connection, _POLICY)
    if policy is None:
        raise NotFound
    return await command.open_case(
        CaseKind.MOBILE_CHANGE,
        phase=phase,
        policy_id=policy.id,
        person_id=person_id,
        part=Part.SUBJECT,
        next_actor=Part.MACHINE,
        **place,
    )


@refuses(*DECISION, OwnCase, StepUpRequired, MobileUnchanged, NobodyToReturnTo)
async def correct_mobile_change(command: Command, task: Task, mobile: str) -> UUID:
    """Send another number in place of the one that support returned; returns the fact's id."""
    change = await _read(command, task, TaskKind.CORRECT_MOBILE_CHANGE)
    new = _read_mobile(mobile)
    if change.employment_id is None:
        raise NobodyToReturnTo
    await _refuse_unchanged(command, await read_employment(command.connection, change.employment_id), new)
    await mobile_change.correct_mobile(command.connection, command.seals, task.case_id, new)
    corrected = await _change(command, task.case_id)
    await _tell_new(command, corrected, PersonnelSms.MOBILE_PROPOSED_NEW)
    fact = FactKind.CORRECTED
    return await command.act(task.case_id, fact, {"value": corrected.value}, part=Role.WELFARE_MANAGER, closes=task)


@refuses(*DECISION, OwnCase, ForwardedByYourself, StepUpRequired, MobileNotMatched, MemberHasEmployer)
async def confirm_mobile_change(command: Command, task: Task) -> UUID:
    """Confirm the new number: sessions end, money actions pause, both numbers are told. Returns the fact's id.

    That of a member without an employer only after the registry's yes, and as long as they have none.
    """
    change = await _judge(command, task)
    if change.is_of_lost:
        if not change.is_matched:
            raise MobileNotMatched
        await _refuse_employed(command, change.person_id)
    fact = FactKind.CONFIRMED
    return await command.act(task.case_id, fact, {"value": change.value}, part=Role.SUPPORT_AGENT, closes=task)


@refuses(*DECISION, OwnCase, ForwardedByYourself, StepUpRequired)
async def reject_mobile_change(command: Command, task: Task, reason: str) -> UUID:
    """Reject it with a reason: nothing is changed. Returns the fact's id."""
    change = await _judge(command, task)
    shown = {"reason": _read_words(reason, "reason")}
    given = {"value": change.value, **shown}
    return await command.act(task.case_id, FactKind.REJECTED, given, part=Role.SUPPORT_AGENT, closes=task, shown=shown)


@refuses(*DECISION, OwnCase, ForwardedByYourself, StepUpRequired, NobodyToReturnTo)
async def return_mobile_change(command: Command, task: Task, note: str) -> UUID:
    """Return it to the welfare office, with a note saying what is to be corrected; returns the fact's id."""
    if (await _judge(command, task)).is_of_lost:
        raise NobodyToReturnTo
    shown = {"note": _read_words(note, "note")}
    return await command.act(task.case_id, FactKind.RETURNED, shown, part=Role.SUPPORT_AGENT, closes=task, shown=shown)


async def _judge(command: Command, task: Task) -> MobileChange:
    """A second person decides, who stands for nobody in it."""
    change = await _read(command, task, TaskKind.CONFIRM_MOBILE_CHANGE)
    if change.forwarded_by == command.actor.person_id:
        raise ForwardedByYourself
    return change


async def _read(command: Command, task: Task, kind: TaskKind) -> MobileChange:
    expect_kind(task, kind)
    change = await _change(command, task.case_id)
    command.require_strong()
    if await guarantee_each_other(command.connection, command.actor.person_id, change.person_id):
        raise OwnCase
    return change


async def _change(command: Command, case_id: UUID) -> MobileChange:
    change = await mobile_change.read_mobile_change(command.connection, case_id)
    if change is None:
        raise NotFound
    return change


def _read_mobile(text: str) -> Mobile:
    try:
        return parse_mobile(text)
    except BadMobile:
        raise InvalidInput(field="mobile") from None


def _read_words(text: str, field: str) -> str:
    words = text.strip()
    if len(words) not in _REASON_LENGTHS:
        raise InvalidInput(field=field)
    return words
