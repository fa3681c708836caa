"""What the machine does with a change of mobile that others brought: ask registry and support, and apply it (G2)."""

from __future__ import annotations

from datetime import timedelta

from activities.decision import DecidedCase, DecisionRequest
from activities.mobile_owner import ask_owner
from activities.transition import MACHINE, ActivityContext, Transition
from domain.access import Grant, Role, ScopeKind
from domain.persian import persian_digits
from gateways.mobile_owner import MobileOwners
from messages.case import CaseKind, NextStep
from messages.mobile_change import CheckMobileOwner, Event, FactKind, Phase, TaskKind
from storage import mobile_change, personnel
from storage.cases import add_event, lock_case, touch_case
from storage.database import SERVICE, transaction
from storage.dispute import agreed_mobile, wake_concerned
from storage.policies import by_id
from storage.rows.cases import Fact
from storage.rows.mobile_change import MobileChange as Change

_SUPPORT = Grant(Role.SUPPORT_AGENT, ScopeKind.PLATFORM)


class MobileChangeCase(DecidedCase):
    """Another mobile: forwarded by the welfare office, or opened by support, and confirmed by support."""

    kind = CaseKind.MOBILE_CHANGE
    decided = (FactKind.CONFIRMED, FactKind.REJECTED)
    returned = (FactKind.RETURNED,)
    resubmitted = (FactKind.CORRECTED,)

    async def is_current(self, step: Transition, decision: Fact) -> bool:
        """Whether the decision is about the number that stands now."""
        return bool(decision.payload.get("value") == (await _change(step)).value)

    async def overtake(self, step: Transition) -> NextStep | None:
        """End it if the person and their employer's list have come to have this number in another way."""
        change = await _change(step)
        if change.employment_id is None:
            is_theirs = await mobile_change.has_mobile(step.connection, change.person_id, change.mobile_index)
        else:
            is_theirs = await agreed_mobile(step.connection, change.employment_id) == change.mobile_index
        if not is_theirs:
            return None
        return await _tell_end(step, change, Event.OVERTAKEN, Phase.OVERTAKEN)

    async def request(self, step: Transition) -> DecisionRequest:
        """Ask support."""
        return await _ask(step, TaskKind.CONFIRM_MOBILE_CHANGE, _SUPPORT, Phase.AWAITING_SUPPORT)

    async def request_resubmission(self, step: Transition, returned: Fact) -> DecisionRequest:
        """Ask the welfare office that forwarded it."""
        office = (await _change(step)).office
        return await _ask(step, TaskKind.CORRECT_MOBILE_CHANGE, office, Phase.AWAITING_CORRECTION, returned)

    async def apply(self, step: Transition, decision: Fact) -> NextStep:
        """Make the confirmed number count, or leave everything as it is."""
        change = await _change(step)
        if decision.kind == FactKind.REJECTED:
            await step.notify([change.person_id], FactKind.REJECTED)
            return await _end(step, change, Phase.REJECTED)
        pause = await _hours(step, "money_pause_hours")
        is_new = await personnel.replace_mobile(
            step.connection, change, index=change.mobile_index, sealed=change.mobile_sealed, pause=pause
        )
        if not is_new:
            return await _tell_end(step, change, Event.KEPT, Phase.KEPT)
        hours = pause // timedelta(hours=1)
        await step.add_event(Event.APPLIED, params={"hours": hours})
        await step.notify([change.person_id], Event.APPLIED, {"hours": persian_digits(str(hours))})
        return await _end(step, change, Phase.CHANGED)

    async def lapse(self, step: Transition) -> NextStep:
        """Nothing is changed."""
        return await _tell_end(step, await _change(step), Event.LAPSED, Phase.LAPSED)


async def _ask(
    step: Transition, kind: TaskKind, office: Grant, phase: Phase, returned: Fact | None = None
) -> DecisionRequest:
    return DecisionRequest(
        task=kind,
        assignee=office,
        phase=phase,
        next_actor=office.role,
        remind_in=await _hours(step, "change_remind_hours"),
        due_in=await _hours(step, "change_expire_hours"),
        details={} if returned is None else {"note": returned.payload["note"]},
    )


async def _tell_end(step: Transition, change: Change, event: Event, phase: Phase) -> NextStep:
    await step.add_event(event)
    await step.notify([change.person_id], event)
    return await _end(step, change, phase)


async def _end(step: Transition, change: Change, phase: Phase) -> NextStep:
    # What waited for the answer goes on.
    await wake_concerned(step.connection, [change.person_id], apart_from=change.case_id)
    employment_id = None if change.employment_id is None else str(change.employment_id)
    return await step.end(phase, audited={"employment_id": employment_id, "fields": ["mobile"]})


async def _change(step: Transition) -> Change:
    change = await mobile_change.read_mobile_change(step.connection, step.case.id)
    if change is None:
        raise LookupError(f"case {step.case.id} changes no mobile")
    return change


async def _hours(step: Transition, name: str) -> timedelta:
    """A wait of the policy that the case froze: that of personnel data."""
    return timedelta(hours=int((await by_id(step.connection, step.case.policy_id)).value[name]))


class MobileOwnerCheck:
    """Asks whether the new number of a change that support opened belongs to its person; by the relay."""

    def __init__(self, context: ActivityContext, owners: MobileOwners) -> None:
        self._context = context
        self._owners = owners

    async def check(self, message: CheckMobileOwner) -> None:
        """Ask once a change, and keep the answer: without a yes nobody confirms it.

        Raises:
            OwnerUnknown: it may be answered later; after a day, or once the case has ended, nobody is asked any more.
        """
        engine = self._context.engine
        async with transaction(engine, SERVICE) as connection:
            asked = await mobile_change.read_unanswered(connection, self._context.seals, message.case_id)
        is_matched = None if asked is None else await ask_owner(self._owners, *asked)
        if is_matched is None:
            return
        async with transaction(engine, SERVICE) as connection:
            case = await lock_case(connection, message.case_id)
            if case is None or not case.is_open:
                return
            if await mobile_change.record_match(connection, case.id, is_matched=is_matched):
                await add_event(connection, case.id, Event.MATCHED if is_matched else Event.NOT_MATCHED, actor=MACHINE)
                await touch_case(connection, case.id)
