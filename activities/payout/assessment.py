"""Where a batch stands, and which step follows from it: read anew each time; the steps that ask people (E3).

A step that only asks is taken as soon as it follows, in the same transaction, and costs no event of its own. What
works in chunks, settles a line or ends the batch is a step that the process takes. It may take those that ask, too: a
worker of an earlier version had only named them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from activities.payout.settling import settle_record
from activities.transition import Transition
from domain.access import Grant, Role, ScopeKind
from messages.case import NextStep
from messages.payout import Event, FactKind, Phase, Step, TaskKind
from storage import payout as rows
from storage import tasks
from storage.cases import last_fact
from storage.rows.payout import Payout, PayoutAnswer, PayoutSettlement
from storage.rows.tasks import Task
from storage.working_hours import working_time

OFFICE = Grant(Role.SETTLEMENT_OFFICER, ScopeKind.PLATFORM)


async def read(step: Transition) -> Payout:
    """The batch of the step's case."""
    found = await rows.read_payout(step.connection, step.case.id)
    if found is None:
        raise LookupError(f"case {step.case.id} has no batch")
    return found


async def assess(step: Transition) -> NextStep:
    """Which step follows, or whom was asked; a batch without lines ends here."""
    batch = await read(step)
    if batch.cut_at is None:
        return NextStep(Step.CUT_LINES)
    if not batch.lines:
        await step.add_event(Event.PAYOUT_EMPTY)
        return await step.end(Phase.EMPTY)
    decided = await last_fact(step.connection, step.case.id, FactKind.PAYOUT_CONFIRMED, FactKind.PAYOUT_REJECTED)
    if decided is not None and decided.kind == FactKind.PAYOUT_REJECTED:
        return NextStep(Step.RELEASE_LINES)
    if batch.handed_at is not None:
        return await _assess_sent(step) if step.case.phase == Phase.SENT else await await_bank(step)
    open_tasks = await tasks.open_tasks(step.connection, step.case.id)
    if open_tasks:
        return step.wait(open_tasks)
    return await (request_payout_confirmation if decided is None else request_hand_over)(step)


async def _assess_sent(step: Transition) -> NextStep:
    """The bank has it. A file and a record by hand exclude each other, see the commands."""
    connection, case_id = step.connection, step.case.id
    answer = await rows.unread_answer(connection, case_id)
    if answer is not None:
        return await _assess_answer(step, answer)
    recorded = await rows.open_settlement(connection, case_id)
    if recorded is not None:
        if recorded.is_confirmed:
            return NextStep(Step.SETTLE_LINE)
        if await tasks.find_open(connection, case_id, TaskKind.CONFIRM_SETTLEMENT) is None:
            return await request_settlement_confirmation(step)
        return await step.wait_now()
    if "cut" not in (await rows.count_lines(connection, [case_id]))[case_id]:
        return NextStep(Step.CLOSE_PAYOUT)
    return await step.wait_now() if Step.AWAIT_BANK in step.deadlines else NextStep(Step.AWAIT_BANK)


async def _assess_answer(step: Transition, answer: PayoutAnswer) -> NextStep:
    if answer.read_at is None:
        return NextStep(Step.APPLY_BANK_ANSWER)
    if answer.is_confirmed:
        return NextStep(Step.APPLY_REJECTIONS)
    if await tasks.find_open(step.connection, step.case.id, TaskKind.CONFIRM_REJECTIONS) is None:
        return await request_rejection_confirmation(step)
    return await step.wait_now()


async def _ask(step: Transition, kind: TaskKind, phase: Phase | None = None, **about: Any) -> NextStep:
    """Ask the office, and wait; ``about`` is as in ``Transition.ask``.

    Later askings do not move it: a batch that nobody sees to in time is among the late cases of the operators.
    """
    policy = await rows.policy_of(step.connection, step.case.policy_id)
    due_in = policy.office_expire
    await step.ask(kind, OFFICE, remind_in=policy.office_remind, due_in=due_in, **about)
    if phase is not None and step.case.phase != phase:
        await step.move(phase, next_actor=OFFICE.role, due_in=due_in)
    return await step.wait_now()


async def request_payout_confirmation(step: Transition) -> NextStep:
    """Another officer than its maker is asked."""
    batch = await read(step)
    details = {"lines": batch.lines, "amount": batch.amount}
    phase = Phase.AWAITING_CONFIRMATION
    return await _ask(step, TaskKind.CONFIRM_PAYOUT, phase, details=details, not_by=batch.made_by)


async def request_hand_over(step: Transition) -> NextStep:
    """The office hands the file to the bank."""
    return await _ask(step, TaskKind.HAND_OVER_PAYOUT, Phase.CONFIRMED)


async def await_bank(step: Transition) -> NextStep:
    """The bank has the file; if it stays silent the office is reminded, again and again, and nothing is sent anew."""
    policy = await rows.policy_of(step.connection, step.case.policy_id)
    wait = await working_time(step.connection, policy.bank_silent_hours)
    if step.until is not None and step.case.phase == Phase.SENT:
        await step.add_event(Event.PAYOUT_UNANSWERED)
        await step.notify(await step.holders(OFFICE), Event.PAYOUT_UNANSWERED)
    else:
        await step.move(Phase.SENT, next_actor=OFFICE.role, due_in=wait)
    await step.set_deadline(Step.AWAIT_BANK, wait)
    return await _assess_sent(step)


async def request_rejection_confirmation(step: Transition) -> NextStep:
    """Another officer than the file's sender is asked about what it calls rejected."""
    answer = await rows.unread_answer(step.connection, step.case.id)
    if answer is None:
        raise LookupError(f"no file of case {step.case.id} waits")
    return await _ask(step, TaskKind.CONFIRM_REJECTIONS, subject_id=answer.id, not_by=answer.sent_by)


async def request_settlement_confirmation(step: Transition) -> NextStep:
    """Another officer is asked about what was recorded of a line by hand."""
    recorded = await _recorded(step)
    await step.clear_deadlines()
    return await _ask(step, TaskKind.CONFIRM_SETTLEMENT, subject_id=recorded.id, not_by=recorded.recorded_by)


async def settle_line(step: Transition) -> NextStep:
    """What was recorded by hand takes effect."""
    await settle_record(step.connection, await _recorded(step), step.now)
    return await assess(step)


async def _recorded(step: Transition) -> PayoutSettlement:
    found = await rows.open_settlement(step.connection, step.case.id)
    if found is None:
        raise LookupError(f"nothing is recorded by hand in case {step.case.id}")
    return found


async def close_payout(step: Transition) -> NextStep:
    """Every line is settled, unless an officer has recorded meanwhile that one came back."""
    if await rows.open_settlement(step.connection, step.case.id) is not None:
        return await assess(step)
    await step.add_event(Event.PAYOUT_SETTLED)
    return await step.end(Phase.SETTLED)


async def lapse(step: Transition, _: Sequence[Task]) -> NextStep:
    """What silence means: the office is asked anew, for no money is forgotten."""
    return await assess(step)
