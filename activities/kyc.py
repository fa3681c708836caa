"""What the machine does with an identity review: ask officers, return, and confirm the identity (F4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from temporalio import activity

from activities.decision import DecidedCase, DecisionRequest
from activities.files import share_now, sweep_folder
from activities.transition import ActivityContext, Transition
from domain.access import Grant, Part, Role, ScopeKind
from domain.dates import tehran_day
from domain.held_task import Waits
from domain.kyc import KycPolicy
from domain.wording import task_sms
from messages.case import CaseKind, NextStep
from messages.kyc import Event, FactKind, Phase, Sms, TaskKind
from messages.queue import Queue
from storage import kyc, tasks
from storage.cases import last_fact
from storage.database import SERVICE, transaction
from storage.notices import notify
from storage.policies import by_id, in_force
from storage.rows.cases import Fact
from storage.rows.tasks import Task
from storage.working_hours import working_time

_OFFICERS: Final = Grant(Role.KYC_OFFICER, ScopeKind.PLATFORM)
_OPERATORS: Final = Grant(Role.OPERATOR, ScopeKind.PLATFORM)
# In a review's task: that somebody has paid and waits for it.
AWAITED: Final = "awaited"
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

    async def revise(self, step: Transition, asked: Sequence[Task]) -> bool:
        """Rank a review first that a case waits for, and ask others where its holder has the role no more."""
        review = next((task for task in asked if task.kind == TaskKind.REVIEW_IDENTITY), None)
        if review is None:
            return False
        is_left = review.claimed_by is not None and not await tasks.claim_holds(step.connection, review)
        is_hurried = AWAITED not in review.details and await kyc.is_awaited(step.connection, _person(step))
        if not is_left and not is_hurried:
            return False
        waits = await _review_waits(step)
        if is_left:
            await tasks.take_away(step.connection, review.id, waits)
            await step.notify(await step.askable(review.kind, _OFFICERS), task_sms(review.kind))
        elif is_hurried:
            await tasks.set_claim(step.connection, review.id, review.claimed_by, waits)
            await step.notify(await step.asked_of(review), Sms.KYC_HURRIED)
        await tasks.set_details(step.connection, review.id, await _details(step))
        await step.move(Phase.AWAITING_REVIEW, next_actor=_OFFICERS.role, due_in=waits.due_in)
        return True

    async def is_deserted(self, step: Transition, task: Task) -> bool:
        """A review that is late is nobody's refusal: others are asked, and operators hear of it."""
        if task.kind != TaskKind.REVIEW_IDENTITY or task.status != "expired":
            return False
        await step.add_event(Event.KYC_LATE)
        await step.notify([*await step.holders(_OPERATORS), *step.owner], Event.KYC_LATE)
        return True

    async def request(self, step: Transition) -> DecisionRequest:
        """Ask the officers who have no interest in the person."""
        waits = await _review_waits(step)
        return DecisionRequest(
            task=TaskKind.REVIEW_IDENTITY,
            assignee=_OFFICERS,
            phase=Phase.AWAITING_REVIEW,
            next_actor=_OFFICERS.role,
            remind_in=waits.remind_in,
            due_in=waits.due_in,
            details=await _details(step),
        )

    async def request_resubmission(self, step: Transition, returned: Fact) -> DecisionRequest:
        """Ask its person to mend what was returned."""
        policy = await _policy(step)
        return DecisionRequest(
            task=TaskKind.CORRECT_IDENTITY,
            assignee=_person(step),
            phase=Phase.AWAITING_CORRECTION,
            next_actor=Part.SUBJECT,
            remind_in=policy.correction_remind,
            due_in=policy.correction_expire,
            details={"faults": returned.payload["faults"], "note": returned.payload["note"]},
        )

    async def apply(self, step: Transition, decision: Fact) -> NextStep:
        """Confirm the identity, or leave everything as it is."""
        if decision.kind == FactKind.KYC_REFUSED:
            await step.notify(step.owner, FactKind.KYC_REFUSED)
            return await _end(step, Phase.REFUSED)
        policy, submitted = await _policy(step), await kyc.last_submission(step.connection, step.case.id)
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
    await kyc.tell_waiting(step.connection, _person(step))
    return await step.end(phase, audited=audited)


def _person(step: Transition) -> UUID:
    (person_id,) = step.owner
    return person_id


async def _policy(step: Transition) -> KycPolicy:
    """The policy that the case froze."""
    return KycPolicy.from_policy((await by_id(step.connection, step.case.policy_id)).value)


async def _review_waits(step: Transition) -> Waits:
    """How long officers are waited for: less where somebody has paid and waits for them."""
    policy = await _policy(step)
    wait = policy.awaited if await kyc.is_awaited(step.connection, _person(step)) else policy.review
    remind_in, due_in = [await working_time(step.connection, hours) for hours in (wait.remind, wait.expire)]
    return Waits(remind_in, due_in)


async def _details(step: Transition) -> dict[str, Any]:
    """What the queue shows of it: nothing of the person."""
    submitted = await kyc.last_submission(step.connection, step.case.id)
    hurried = {AWAITED: True} if await kyc.is_awaited(step.connection, submitted.person_id) else {}
    return {"level": submitted.level, "number": submitted.number, **hurried}


def renewing_activities(context: ActivityContext) -> Mapping[Queue, list[Any]]:
    """What the schedule of each morning takes."""

    @activity.defn(name="ask_identity_renewals")
    async def ask_identity_renewals() -> int:
        """Ask everybody whose identity ends soon and who was not asked yet, some at a time; returns how many."""
        asked, some = 0, _RENEWED_AT_ONCE
        while some == _RENEWED_AT_ONCE:
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
    async with transaction(context.engine, SERVICE) as connection:
        forgotten = await kyc.forget_documents(connection, limit)
    return forgotten + await sweep_folder(context, kyc.folder_of(share_now()), kyc.files_in_use, limit)
