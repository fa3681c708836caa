"""What the machine does with a change that a personnel file proposed: ask, remind, apply, let lapse (A13, G2, C7).

An exit brings no SMS to the person: a death is an exit too, and no machine writes to the family (C7).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from activities.decision import DecidedCase, DecisionRequest
from activities.transition import Transition
from domain.access import Grant, Role, ScopeKind
from domain.wording import reminder_sms
from messages.case import CaseKind, NextStep
from messages.personnel import Change, ChangePhase, Event, FactKind, Sms, TaskKind
from storage import personnel
from storage.dispute import agreed_mobile, wake_concerned
from storage.guarantor import guarantee_each_other
from storage.notices import notify_number
from storage.organisation import read_employment
from storage.people import grants_of
from storage.policies import by_id
from storage.rows.cases import Fact
from storage.rows.personnel import ProposedChange
from storage.rows.tasks import Task

_SUPPORT = Grant(Role.SUPPORT_AGENT, ScopeKind.PLATFORM)
_CONTRACTS = Grant(Role.CONTRACTS_OFFICER, ScopeKind.PLATFORM)
# However many changes wait or lapse, nobody of the staff gets more than one SMS of a kind in this time.
_TOLD_APART = timedelta(hours=24)


class PersonnelChange(DecidedCase):
    """Another mobile or sheba, confirmed by support, or an exit, confirmed by HR; never by who sent the file."""

    kind = CaseKind.PERSONNEL_CHANGE
    decided = (FactKind.CHANGE_CONFIRMED, FactKind.CHANGE_REJECTED)

    async def is_current(self, step: Transition, decision: Fact) -> bool:
        """A file may have proposed another value after the decision, which then says nothing about this one."""
        return bool(decision.payload.get("value") == (await _change(step)).value)

    async def overtake(self, step: Transition) -> NextStep | None:
        """End a change of which nothing is left: list and person agree again, or a newer row says that they work there.

        Of a mobile, whichever number it is that both have.
        """
        change = await _change(step)
        if not await _is_settled(step, change):
            return None
        await step.add_event(Event.EXIT_OVERTAKEN if change.what is Change.EXIT else Event.CHANGE_OVERTAKEN)
        return await _end(step, change, ChangePhase.OVERTAKEN)

    async def is_deserted(self, step: Transition, task: Task) -> bool:
        """Whether an exit has nobody left to confirm it where it was asked, and somebody else to ask.

        A region from which the person has moved has nobody.
        """
        change = await _change(step)
        if change.what is not Change.EXIT or task.grant is None:
            return False
        employment = await read_employment(step.connection, change.employment_id)
        has_moved = task.grant.scope_kind is ScopeKind.REGION and task.grant.scope != employment.region_code
        if not has_moved and await _has_decider(step, change, task.grant):
            return False
        return await _exit_office(step, change) != task.grant

    async def request(self, step: Transition) -> DecisionRequest:
        """Ask a second person about another mobile or sheba, and HR about an exit (A13)."""
        change = await _change(step)
        decider = await _exit_office(step, change) if change.what is Change.EXIT else _SUPPORT
        if not step.case.due_at:
            await _tell_proposed(step, change)
        await step.add_event(Event.CONFIRMATION_REQUESTED, params={"what": change.what, "role": decider.role})
        return DecisionRequest(
            task=TaskKind.CONFIRM_CHANGE,
            assignee=decider,
            phase=ChangePhase.AWAITING_CONFIRMATION,
            next_actor=decider.role,
            remind_in=await _hours(step, "change_remind_hours"),
            due_in=await _hours(step, "change_expire_hours"),
            details={"what": change.what},
            # One file may open thousands of these: those who answer find them in the inbox.
            sms=False,
            not_by=await _sender(step, change),
        )

    async def apply(self, step: Transition, decision: Fact) -> NextStep:
        """Make the confirmed value count, or leave everything as it is."""
        change = await _change(step)
        if decision.kind == FactKind.CHANGE_REJECTED:
            # A rejection stands on the timeline already, with the one who rejected.
            await _return_to_work(step, change)
            return await _end(step, change, ChangePhase.REJECTED)
        overtaken = await self.overtake(step)
        if overtaken is not None:
            return overtaken
        if change.what is Change.MOBILE:
            pause = await _hours(step, "money_pause_hours")
            index, sealed = await personnel.read_sealed_value(step.connection, change.case_id)
            await personnel.replace_mobile(step.connection, change, index=index, sealed=sealed, pause=pause)
            # Whatever waits because of the number looks again, at this employer and at the others.
            await wake_concerned(step.connection, [change.person_id], apart_from=change.case_id)
        elif change.what is Change.SHEBA:
            await personnel.replace_sheba(step.connection, change)
        else:
            await personnel.set_employment_state(step.connection, change, before="exit_reported", after="left")
        await step.add_event(Event.CHANGE_APPLIED, params={"what": change.what})
        return await _end(step, change, ChangePhase.CONFIRMED)

    async def lapse(self, step: Transition) -> NextStep:
        """Nothing of it is applied."""
        change = await _change(step)
        await _return_to_work(step, change)
        await step.add_event(Event.CHANGE_LAPSED, params={"what": change.what})
        if change.what is Change.EXIT:
            # Silence confirms no exit; but an operator must notice that it was not answered.
            operators = await step.holders(Grant(Role.OPERATOR, ScopeKind.PLATFORM))
            await _notify_sparingly(step, operators, Sms.EXIT_LAPSED)
        return await _end(step, change, ChangePhase.LAPSED)

    async def remind(self, step: Transition, task: Task, people: Sequence[UUID]) -> None:
        """Remind each of those who may confirm once a day at most."""
        await _notify_sparingly(step, people, reminder_sms(task.kind))


async def _is_settled(step: Transition, change: ProposedChange) -> bool:
    if change.what is Change.MOBILE:
        return await agreed_mobile(step.connection, change.employment_id) is not None
    if change.what is Change.SHEBA:
        return await personnel.has_sheba(step.connection, change)
    return (await read_employment(step.connection, change.employment_id)).state == "employed"


async def _exit_office(step: Transition, change: ProposedChange) -> Grant:
    """The first office with somebody who may confirm an exit, else the last one.

    The HR of the region, where it was the region's that sent the file; that of the organisation; the contracts office.
    """
    organisation = Grant(Role.HR_OFFICER, ScopeKind.ORGANISATION, str(step.case.organisation_id))
    employment = await read_employment(step.connection, change.employment_id)
    region = Grant(Role.HR_OFFICER, ScopeKind.REGION, employment.region_code)
    sender = await _sender(step, change)
    held = () if sender is None else await grants_of(step.connection, sender)
    offices = [region] if region in held and organisation not in held else []
    for office in (*offices, organisation):
        if await _has_decider(step, change, office):
            return office
    return _CONTRACTS


async def _has_decider(step: Transition, change: ProposedChange, office: Grant) -> bool:
    """Whether somebody of an office may decide: neither who sent the file, nor who is bound to the person."""
    for person in await step.holders(office, await _sender(step, change)):
        if not await guarantee_each_other(step.connection, person, change.person_id):
            return True
    return False


async def _sender(step: Transition, change: ProposedChange) -> UUID | None:
    return None if change.import_case_id is None else await personnel.sender_of(step.connection, change.import_case_id)


async def _return_to_work(step: Transition, change: ProposedChange) -> None:
    """An exit that is not confirmed is none."""
    if change.what is Change.EXIT:
        await personnel.set_employment_state(step.connection, change, before="exit_reported", after="employed")


async def _end(step: Transition, change: ProposedChange, phase: ChangePhase) -> NextStep:
    await _notify_subject(step, change, phase)
    return await step.end(phase, audited={"employment_id": str(change.employment_id), "fields": [change.what]})


async def _tell_proposed(step: Transition, change: ProposedChange) -> None:
    """Tell the person, and the number that is to be theirs, that a change was proposed."""
    await _notify_subject(step, change, "proposed")
    if change.what is Change.MOBILE:
        _, proposed = await personnel.read_sealed_value(step.connection, change.case_id)
        await notify_number(
            step.connection, change.person_id, proposed, Sms.MOBILE_PROPOSED_NEW, case_id=change.case_id
        )


async def _notify_subject(step: Transition, change: ProposedChange, became: str) -> None:
    """Notify the person that a change of their data was proposed, or how it ended."""
    if change.what is not Change.EXIT:
        await step.notify([change.person_id], Sms(f"personnel_{change.what}_{became}"))


async def _notify_sparingly(step: Transition, people: Sequence[UUID], template: str) -> None:
    await step.notify(await personnel.not_told_lately(step.connection, people, template, _TOLD_APART), template)


async def _change(step: Transition) -> ProposedChange:
    change = await personnel.read_change(step.connection, step.case.id)
    if change is None:
        raise LookupError(f"case {step.case.id} proposes no change")
    return change


async def _hours(step: Transition, name: str) -> timedelta:
    """A wait of the policy that the case froze."""
    return timedelta(hours=int((await by_id(step.connection, step.case.policy_id)).value[name]))
