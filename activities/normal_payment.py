"""What the machine does in a normal payment: ask the payee, have it paid, post it to the payee's balance (E7)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from activities.payment.receipt import issue_receipt
from activities.process import Process
from activities.transition import Transition
from domain import ledger
from domain.access import Part
from domain.ledger import Occasion
from domain.money import format_toman
from messages.case import NextStep
from messages.normal_payment import Event, FactKind, Phase, Sms, Step, TaskKind
from storage import normal_payment as rows
from storage import tasks
from storage.cases import last_fact
from storage.ledger import posting
from storage.payment import offered_to, refuse_items, take_item
from storage.people import find_holder, names_of
from storage.rows.normal_payment import NormalPayment
from storage.rows.tasks import Task

# The newest of these says how it goes on.
_DECISIVE = (
    FactKind.NORMAL_PAYMENT_ACCEPTED,
    FactKind.NORMAL_PAYMENT_REFUSED,
    FactKind.NORMAL_PAYMENT_WITHDRAWN,
)


async def _read(step: Transition) -> NormalPayment:
    payment = await rows.read_normal_payment(step.connection, step.case.id)
    if payment is None:
        raise LookupError(f"case {step.case.id} has no normal payment")
    return payment


async def assess(step: Transition) -> NextStep:
    """Which step follows; what was withdrawn or refused, or waits for nobody any more, ends here."""
    payment = await _read(step)
    answer = await last_fact(step.connection, step.case.id, *_DECISIVE)
    if answer is not None and answer.kind == FactKind.NORMAL_PAYMENT_WITHDRAWN:
        told = [] if payment.payee_id is None else [payment.payee_id]
        await step.notify(told, FactKind.NORMAL_PAYMENT_WITHDRAWN)
        return await _end(step, Phase.WITHDRAWN)
    if answer is not None and answer.kind == FactKind.NORMAL_PAYMENT_REFUSED:
        return await _end(step, Phase.REFUSED)
    if await offered_to(step.connection, step.case.id) is not None:
        return NextStep(Step.TAKE_PAYMENT)
    open_tasks = await tasks.open_tasks(step.connection, step.case.id)
    if open_tasks:
        return step.wait(open_tasks)
    return NextStep(Step.REQUEST_PAYMENT) if answer is not None else await _await_payee(step, payment)


async def _await_payee(step: Transition, payment: NormalPayment) -> NextStep:
    """Nobody was asked yet: the payee is, as soon as the number is a member's."""
    moment = step.now if step.until is None else max(step.now, step.until)
    if payment.answer_until <= moment:
        return await _lapse(step, payment, Event.NORMAL_PAYMENT_UNANSWERED)
    if Step.ASK_PAYEE in step.deadlines and await _find(step, payment) is None:
        return await step.wait_now()
    return NextStep(Step.ASK_PAYEE)


async def _find(step: Transition, payment: NormalPayment) -> UUID | None:
    if payment.mobile_index is None:
        return payment.payee_id
    return await find_holder(step.connection, payment.mobile_index, apart_from=payment.payer_id)


async def ask_payee(step: Transition) -> NextStep:
    """Ask the person who has the number, or wait until somebody has it; the payer sees no difference."""
    payment, policy = await _read(step), await rows.policy_of(step.connection, step.case.policy_id)
    payee, left = await _find(step, payment), _left(step, payment.answer_until)
    if step.case.phase != Phase.AWAITING_PAYEE:
        await step.move(Phase.AWAITING_PAYEE, next_actor=Part.PAYEE, due_in=left)
    if payee is None:
        await step.set_deadline(Step.ASK_PAYEE, left)
    else:
        await step.clear_deadlines()
        await rows.set_payee(step.connection, step.case.id, payee)
        remind_in = min(policy.accept_remind, left)
        await step.ask(TaskKind.ANSWER_NORMAL_PAYMENT, payee, remind_in=remind_in, due_in=left)
    return await step.wait_now()


def _left(step: Transition, until: datetime) -> timedelta:
    return max(until - step.now, timedelta(seconds=1))


async def request_payment(step: Transition) -> NextStep:
    """The payee has accepted: the payer pays now."""
    payment, policy = await _read(step), await rows.policy_of(step.connection, step.case.policy_id)
    await step.ask(TaskKind.PAY_NORMAL_PAYMENT, payment.payer_id, remind_in=policy.pay_remind, due_in=policy.pay_expire)
    await step.move(Phase.AWAITING_PAYMENT, next_actor=Part.PAYER, due_in=policy.pay_expire)
    return await step.wait_now()


async def lapse(step: Transition, expired: Sequence[Task]) -> NextStep:
    """What silence means: it ends, unless the money has come at the last moment."""
    if await offered_to(step.connection, step.case.id) is not None:
        return NextStep(Step.TAKE_PAYMENT)
    unpaid = any(task.kind == TaskKind.PAY_NORMAL_PAYMENT for task in expired)
    event = Event.NORMAL_PAYMENT_UNPAID if unpaid else Event.NORMAL_PAYMENT_UNANSWERED
    return await _lapse(step, await _read(step), event)


async def take_payment(step: Transition) -> NextStep:
    """The money has come: it goes straight to the payee's balance (E7)."""
    payment, item = await _read(step), await offered_to(step.connection, step.case.id)
    if payment.payee_id is None or item is None or payment.accepted_at is None:
        raise LookupError(f"case {step.case.id} was paid and nobody is to be paid")
    await take_item(step.connection, item)
    await posting.open_account(step.connection, ledger.member_account(payment.payee_id))
    made = ledger.normal_payment_made(
        item.payment_id,
        payment.payee_id,
        item.money,
        Occasion(key=f"normal_payment:{item.id}", case_id=step.case.id, actor="system", event_at=step.now),
    )
    await posting.post(step.connection, made)
    receiver = (await names_of(step.connection, [payment.payee_id]))[payment.payee_id]
    await issue_receipt(step, item, purpose=payment.what_for, receiver=receiver)
    amount: dict[str, str | int] = {"amount": format_toman(item.money), "amount_rial": item.amount}
    await step.add_event(Event.NORMAL_PAYMENT_MADE, params={"amount": item.amount})
    await step.notify(step.owner, Event.NORMAL_PAYMENT_MADE, amount)
    await step.notify([payment.payee_id], Sms.CREDITED, amount)
    return await _end(step, Phase.PAID)


async def _lapse(step: Transition, payment: NormalPayment, event: StrEnum) -> NextStep:
    await step.add_event(event)
    knows = [] if payment.payee_id is None or payment.accepted_at is None else [payment.payee_id]
    await step.notify([*step.owner, *knows], event)
    return await _end(step, Phase.LAPSED)


async def _end(step: Transition, phase: Phase) -> NextStep:
    """End it; what is paid for it all the same, now or later, goes back."""
    await refuse_items(step.connection, step.case.id)
    await rows.forget_number(step.connection, step.case.id)
    return await step.end(phase)


PROCESS = Process(
    "normal_payment",
    assess,
    lapse,
    steps=(ask_payee, request_payment, take_payment),
    untold=frozenset({TaskKind.ANSWER_NORMAL_PAYMENT}),
)
