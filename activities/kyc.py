"""What the machine does with an identity review: ask officers, return, and confirm the identity (F4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from temporalio import activity

from activities.decision import DecidedCase, DecisionRequest
from activities.files import share_now, sweep_folder
from activities.transition import ActivityContext, Transition
from domain.access import Grant, Part, Role, ScopeKind
from domain.catalogue import HELD
from domain.dates import tehran_day
from domain.held_task import Waits
from domain.kyc import KycPolicy
from domain.wording import reminder_sms, task_sms
from messages.case import CaseKind, NextStep
from messages.kyc import Event, FactKind, Phase, Sms, TaskKind
from messages.queue import Queue
from storage import kyc, tasks
from storage.cases import last_fact
from storage.database import SERVICE, transaction
from storage.links import barred_from
from storage.notices import notify
from storage.policies import by_id, in_force
from storage.rows.cases import Fact
from storage.rows.tasks import Task
from storage.working_hours import working_time

_OFFICERS: Final = Grant(Role.KYC_OFFICER, ScopeKind.PLATFORM)
_OPERATORS: Final = Grant(Role.OPERATOR, ScopeKind.PLATFORM)
# In a task: that a case waits for it, in which somebody has paid.
AWAITED: Final = "awaited"
_REVIEW: Final = TaskKind.REVIEW_IDENTITY
_RENEWED_AT_ONCE: Final = 500


class KycCase(DecidedCase):
    """An identity form: reviewed by an officer who has claimed it, returned to its person, accepted or refused.

    Nobody's silence refuses a person: a review that is late goes to other officers, and operators hear of it.
    """

    kind = CaseKind.KYC
    decided = (FactKind.KYC_ACCEPTED, FactKind.KYC_REFUSED)
    returned = (FactKind.KYC_RETURNED,)
    resubmitted = (FactKind.KYC_SUBMITTED, FactKind.KYC_CORRECTED)

    async def overtake(self, step: Transition) -> NextStep | None:
        """End it if its person has taken it back."""
        if await last_fact(step.connection, step.case.id, FactKind.KYC_WITHDRAWN) is None:
            return None
        return await _end(step, Phase.WITHDRAWN)

    async def is_current(self, step: Transition, decision: Fact) -> bool:
        """What was accepted takes effect only while card and sheba are the person's; else officers look again."""
        if decision.kind != FactKind.KYC_ACCEPTED:
            return True
        return not await kyc.lost_parts(step.connection, await kyc.last_submission(step.connection, step.case.id))

    async def revise(self, step: Transition, asked: Sequence[Task]) -> bool:
        """Hurry what a case waits for, and ask others where the holder of a review may review it no more."""
        (task,) = asked
        is_left = task.claimed_by is not None and not await _may_review(step, task, task.claimed_by)
        is_hurried = AWAITED not in task.details and await kyc.is_awaited(step.connection, _person(step))
        if is_left:
            waits = await _waits(step, task.kind)
            await tasks.take_away(step.connection, task.id, waits)
            await step.notify(await step.askable(task.kind, _OFFICERS), task_sms(task.kind))
            await _move_due(step, timedelta(0) if await _tell_unstaffed(step) else waits.due_in)
        elif is_hurried:
            await _hurry(step, task)
        else:
            return False
        if is_hurried:
            await tasks.set_details(step.connection, task.id, {**task.details, AWAITED: True})
        return True

    async def is_deserted(self, step: Transition, task: Task) -> bool:
        """A review that is late is nobody's refusal: others are asked, and operators hear of each form once."""
        if task.kind != TaskKind.REVIEW_IDENTITY or task.status != "expired":
            return False
        if await _times_missed(step) == 1:
            await step.add_event(Event.KYC_LATE)
            await step.notify(step.owner, Event.KYC_LATE)
            await step.notify(await _desk(step), Sms.KYC_LATE_DESK)
        return True

    async def request(self, step: Transition) -> DecisionRequest:
        """Ask the officers who have no interest in the person."""
        waits = await _waits(step, TaskKind.REVIEW_IDENTITY)
        is_unstaffed = await _tell_unstaffed(step)
        submitted = await kyc.last_submission(step.connection, step.case.id)
        return DecisionRequest(
            task=TaskKind.REVIEW_IDENTITY,
            assignee=_OFFICERS,
            phase=Phase.AWAITING_REVIEW,
            next_actor=_OFFICERS.role,
            remind_in=waits.remind_in,
            due_in=waits.due_in,
            # What the queue shows of it: nothing of the person.
            details={"level": submitted.level, "number": submitted.number, **await _awaited(step)},
            is_late=is_unstaffed or await _times_missed(step) > 0,
        )

    async def request_resubmission(self, step: Transition, returned: Fact) -> DecisionRequest:
        """Ask its person to mend what was returned; what waits for the review hears that it takes longer."""
        waits = await _waits(step, TaskKind.CORRECT_IDENTITY)
        await kyc.wake_waiting(step.connection, _person(step), is_over=False)
        return DecisionRequest(
            task=TaskKind.CORRECT_IDENTITY,
            assignee=_person(step),
            phase=Phase.AWAITING_CORRECTION,
            next_actor=Part.SUBJECT,
            remind_in=waits.remind_in,
            due_in=waits.due_in,
            details={"number": returned.payload["number"], **await _awaited(step)},
        )

    async def apply(self, step: Transition, decision: Fact) -> NextStep:
        """Confirm the identity, or leave everything as it is."""
        if decision.kind == FactKind.KYC_REFUSED:
            await step.notify(step.owner, FactKind.KYC_REFUSED)
            return await _end(step, Phase.REFUSED)
        submitted = await kyc.last_submission(step.connection, step.case.id)
        policy = KycPolicy.from_policy((await by_id(step.connection, step.case.policy_id)).value)
        until = policy.level(submitted.level).valid_until(tehran_day(step.now))
        await kyc.grant_identity(
            step.connection,
            step.case.id,
            person_id=submitted.person_id,
            level=submitted.level,
            policy_id=step.case.policy_id,
            valid_until=until,
        )
        await step.add_event(Event.KYC_GRANTED, params={"until": until.isoformat()})
        await step.notify(step.owner, Event.KYC_GRANTED)
        return await _end(step, Phase.ACCEPTED, level=submitted.level)

    async def lapse(self, step: Transition) -> NextStep:
        """What was returned was not mended."""
        await step.add_event(Event.KYC_LAPSED)
        await step.notify(step.owner, Event.KYC_LAPSED)
        return await _end(step, Phase.LAPSED)


async def _end(step: Transition, phase: Phase, **audited: str) -> NextStep:
    """What waited for it goes on."""
    await kyc.wake_waiting(step.connection, _person(step), is_over=True)
    return await step.end(phase, audited=audited)


def _person(step: Transition) -> UUID:
    (person_id,) = step.owner
    return person_id


async def _waits(step: Transition, kind: str) -> Waits:
    """How long a task is waited for by the policy that the case froze: less where somebody has paid and waits."""
    policy = KycPolicy.from_policy((await by_id(step.connection, step.case.policy_id)).value)
    is_awaited = await kyc.is_awaited(step.connection, _person(step))
    if kind == TaskKind.CORRECT_IDENTITY:
        correction = policy.awaited_correction if is_awaited else policy.correction
        return Waits(correction.remind, correction.expire)
    review = policy.awaited if is_awaited else policy.review
    remind_in, due_in = [await working_time(step.connection, hours) for hours in (review.remind, review.expire)]
    return Waits(remind_in, due_in)


async def _may_review(step: Transition, task: Task, holder: UUID) -> bool:
    """Whether who holds a review has the role still, and has not come to have an interest in the person."""
    barred = await barred_from(step.connection, step.case.id, [holder], HELD[task.kind])
    return not barred and await tasks.claim_holds(step.connection, task)


async def _times_missed(step: Transition) -> int:
    """How often nobody has reviewed in time what was submitted last; what was late before it was mended is over."""
    submitted = await kyc.last_submission(step.connection, step.case.id)
    return await tasks.count_expired(step.connection, step.case.id, _REVIEW, submitted.submitted_at)


async def _awaited(step: Transition) -> dict[str, bool]:
    return {AWAITED: True} if await kyc.is_awaited(step.connection, _person(step)) else {}


async def _hurry(step: Transition, task: Task) -> None:
    """A case begins to wait: less time is left from now on, never more than there was, and who is asked hears of it."""
    waits = await _waits(step, task.kind)
    if waits.due_in < task.due_at - step.now:
        await tasks.set_waits(step.connection, task.id, waits)
        await _move_due(step, waits.due_in)
        if task.kind == TaskKind.CORRECT_IDENTITY:
            await step.notify(step.owner, reminder_sms(task.kind))
    if task.kind == TaskKind.REVIEW_IDENTITY:
        await step.notify(await step.asked_of(task), Sms.KYC_HURRIED)


async def _move_due(step: Transition, due_in: timedelta) -> None:
    """The case is due at another moment; one that is late stays among the late ones."""
    if step.case.due_at is None or step.case.due_at > step.now:
        await step.move(step.case.phase, next_actor=step.case.next_actor, due_in=due_in)


async def _desk(step: Transition) -> list[UUID]:
    """The operators who are not asked to review themselves."""
    officers = await step.holders(_OFFICERS)
    return [person_id for person_id in await step.holders(_OPERATORS) if person_id not in officers]


async def _tell_unstaffed(step: Transition) -> bool:
    """Whether nobody may review it, which the operations desk hears."""
    if await step.askable(_REVIEW, _OFFICERS):
        return False
    await step.notify(await step.holders(_OPERATORS), Sms.KYC_UNSTAFFED)
    return True


def renewing_activities(context: ActivityContext) -> Mapping[Queue, list[Any]]:
    """What the schedule of each morning takes."""

    @activity.defn(name="ask_identity_renewals")
    async def ask_identity_renewals() -> int:
        """Ask everybody whose identity ends soon and who was not asked yet, some at a time; returns how many."""
        asked, some = 0, _RENEWED_AT_ONCE
        while some >= _RENEWED_AT_ONCE:
            async with transaction(context.engine, SERVICE) as connection:
                policy = await in_force(connection, KycPolicy.POLICY)
                if policy is None:
                    raise LookupError("there is no policy of identity reviews, though version 1 ships")
                before = KycPolicy.from_policy(policy.value).renewal
                people = await kyc.ask_renewals(connection, before, _RENEWED_AT_ONCE)
                await notify(connection, people, Sms.KYC_RENEWAL)
            some = len(people)
            asked += some
        return asked

    return {Queue.BATCH: [ask_identity_renewals]}


async def sweep_identity_documents(context: ActivityContext, limit: int) -> int:
    """Forget pictures that nothing needs any more, and delete those that no row names; returns how many."""
    folder = kyc.folder_of(share_now())
    async with transaction(context.engine, SERVICE) as connection:
        forgotten = await kyc.forget_documents(connection, folder, limit)
    return forgotten + await sweep_folder(context, folder, kyc.files_in_use, limit)
