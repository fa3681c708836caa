"""What the machine does with a change that a personnel file proposed: ask, remind, apply, let lapse (A13, G2, C7).

An exit brings no SMS to the person: a death is an exit too, and no machine writes to the family (C7).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

from temporalio import activity

from activities.transition import Desk, Transition, take, whole_seconds
from domain.access import Grant, Role, ScopeKind
from messages.personnel import Change, ChangeOutcome, ChangePhase, ChangeStep, FactKind, TaskKind
from storage import personnel, tasks
from storage.cases import last_fact
from storage.policies import by_id
from storage.rows.personnel import ProposedChange
from storage.rows.tasks import Task

_OVER = ChangeOutcome(waiting=False)
_ANSWERS = (FactKind.CHANGE_CONFIRMED, FactKind.CHANGE_REJECTED)
# A rejection stands on the timeline already, with whoever rejected.
_TOLD = {ChangePhase.CONFIRMED: "personnel_change_applied", ChangePhase.LAPSED: "personnel_change_lapsed"}
# However many changes wait or lapse, nobody of the staff gets more than one SMS of a kind in this time.
_TOLD_APART = timedelta(hours=24)
_Body = Callable[[Transition], Awaitable[ChangeOutcome]]
_Again = Callable[[Transition, ChangeOutcome], Awaitable[ChangeOutcome]]


class PersonnelChangeActivities:
    """The transitions of a proposed change."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def _take(self, step: ChangeStep, name: str, body: _Body, again: _Again | None = None) -> ChangeOutcome:
        return await take(
            self._desk,
            case_id=step.case_id,
            step=name,
            round_=step.round,
            result=ChangeOutcome,
            body=body,
            again=again or _as_of_now,
        )

    @activity.defn
    async def request_confirmation(self, step: ChangeStep) -> ChangeOutcome:
        """Ask a second person about another mobile or sheba, and HR about an exit (A13)."""
        return await self._take(step, "request_confirmation", _request)

    @activity.defn
    async def remind_confirmation(self, step: ChangeStep) -> ChangeOutcome:
        """Remind whoever may confirm."""
        return await self._take(step, "remind_confirmation", _remind, again=_remind_again)

    @activity.defn
    async def apply_change(self, step: ChangeStep) -> ChangeOutcome:
        """Read the answer and draw its consequence; a message without its fact changes nothing."""
        return await self._take(step, "apply_change", _weigh)

    @activity.defn
    async def lapse_change(self, step: ChangeStep) -> ChangeOutcome:
        """End a change that nobody answered, unless somebody was first; nothing of it is applied."""
        return await self._take(step, "lapse_change", _lapse)


async def _request(at: Transition) -> ChangeOutcome:
    asked = await tasks.find_open(at.connection, at.case.id, TaskKind.CONFIRM_CHANGE)
    if not at.case.is_open or asked is not None:
        return await _weigh(at)
    change = await _change(at)
    await _ask(at, change)
    await _notify_subject(at, change, f"personnel_{change.what}_proposed")
    return await _weigh(at)


async def _ask(at: Transition, change: ProposedChange) -> None:
    expire_in = timedelta(hours=await _policy(at, "change_expire_hours"))
    assignee = _decider(at, change)
    details = {"what": change.what, "remind_hours": await _policy(at, "change_remind_hours")}
    # One file may open thousands of these: whoever answers finds them in the inbox.
    await at.ask(TaskKind.CONFIRM_CHANGE, assignee, due_in=expire_in, details=details, tell=False)
    await at.move(ChangePhase.AWAITING_CONFIRMATION, next_actor=assignee.role, due_in=expire_in)
    await at.tell("personnel_confirmation_requested", params={"what": change.what, "role": assignee.role})


def _decider(at: Transition, change: ProposedChange) -> Grant:
    if change.what is Change.EXIT:
        return Grant(Role.HR_OFFICER, ScopeKind.ORGANISATION, str(at.case.organisation_id))
    return Grant(Role.SUPPORT_AGENT, ScopeKind.PLATFORM)


async def _remind(at: Transition) -> ChangeOutcome:
    task = await tasks.find_open(at.connection, at.case.id, TaskKind.CONFIRM_CHANGE)
    if task is not None and task.grant is not None and not _is_reminded(task):
        await tasks.mark_reminded(at.connection, task.id)
        await _notify_sparingly(at, task.grant, "remind_confirm_change")
        await at.tell("reminded", params={"role": task.grant.role})
    return await _weigh(at)


async def _remind_again(at: Transition, _: ChangeOutcome) -> ChangeOutcome:
    """A process that was started anew counts its rounds anew: the task, not the round, says who was reminded."""
    return await _remind(at)


def _is_reminded(task: Task) -> bool:
    return bool(task.details.get("reminded"))


async def _weigh(at: Transition) -> ChangeOutcome:
    if not at.case.is_open:
        return _OVER
    answer = await last_fact(at.connection, at.case.id, *_ANSWERS)
    if answer is None:
        return await _waits(at)
    change = await _change(at)
    if answer.payload.get("value") != change.value:
        # A file proposed another value after the decision: it says nothing about this one.
        if await tasks.find_open(at.connection, at.case.id, TaskKind.CONFIRM_CHANGE) is None:
            await _ask(at, change)
        return await _waits(at)
    if answer.kind == FactKind.CHANGE_CONFIRMED:
        await _confirm(at, change)
    else:
        await _return_to_work(at, change)
        await _end(at, change, ChangePhase.REJECTED)
    return _OVER


async def _waits(at: Transition) -> ChangeOutcome:
    """How long the answer is still waited for, by Postgres's clock."""
    task = await tasks.find_open(at.connection, at.case.id, TaskKind.CONFIRM_CHANGE)
    if task is None:
        raise LookupError(f"case {at.case.id} is open, but nobody is asked")
    expire_in = max(whole_seconds(task.due_at - at.now), 0)
    remind_at = task.opened_at + timedelta(hours=task.details["remind_hours"])
    remind_in = 0 if _is_reminded(task) else max(whole_seconds(remind_at - at.now), 1)
    return ChangeOutcome(waiting=True, remind_in=min(remind_in, expire_in), expire_in=expire_in)


async def _as_of_now(at: Transition, kept: ChangeOutcome) -> ChangeOutcome:
    """A kept result may be old: whoever was awaited then may have answered since."""
    return await _weigh(at) if kept.waiting else kept


async def _confirm(at: Transition, change: ProposedChange) -> None:
    if change.what is Change.MOBILE:
        pause = timedelta(hours=await _policy(at, "money_pause_hours"))
        await personnel.replace_mobile(at.connection, change, pause=pause)
    elif change.what is Change.SHEBA:
        await personnel.replace_sheba(at.connection, change)
    else:
        await personnel.set_employment_state(at.connection, change, before="exit_reported", after="left")
    await _end(at, change, ChangePhase.CONFIRMED)


async def _lapse(at: Transition) -> ChangeOutcome:
    if not at.case.is_open or not await tasks.expire_task(at.connection, at.case.id, TaskKind.CONFIRM_CHANGE):
        return await _weigh(at)
    change = await _change(at)
    await _return_to_work(at, change)
    await _end(at, change, ChangePhase.LAPSED)
    if change.what is Change.EXIT:
        # Silence confirms no exit; but that nobody said anything must not go unnoticed.
        await _notify_sparingly(at, Grant(Role.OPERATOR, ScopeKind.PLATFORM), "personnel_exit_lapsed")
    return _OVER


async def _return_to_work(at: Transition, change: ProposedChange) -> None:
    """An exit that is not confirmed is none."""
    if change.what is Change.EXIT:
        await personnel.set_employment_state(at.connection, change, before="exit_reported", after="employed")


async def _end(at: Transition, change: ProposedChange, phase: ChangePhase) -> None:
    subject = {"employment_id": str(change.employment_id), "fields": [change.what]}
    await at.end(phase, outcome=phase, noted=subject)
    if phase in _TOLD:
        await at.tell(_TOLD[phase], params={"what": change.what})
    await _notify_subject(at, change, f"personnel_{change.what}_{phase}")


async def _notify_subject(at: Transition, change: ProposedChange, template: str) -> None:
    if change.what is not Change.EXIT:
        await at.notify([change.person_id], template)


async def _notify_sparingly(at: Transition, grant: Grant, template: str) -> None:
    people = await personnel.not_told_lately(at.connection, await at.holders(grant), template, _TOLD_APART)
    await at.notify(people, template)


async def _change(at: Transition) -> ProposedChange:
    change = await personnel.read_change(at.connection, at.case.id)
    if change is None:
        raise LookupError(f"case {at.case.id} proposes no change")
    return change


async def _policy(at: Transition, name: str) -> int:
    """A value of the policy that the case froze."""
    return int((await by_id(at.connection, at.case.policy_id)).value[name])
