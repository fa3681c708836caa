"""Where a payment stands, and which step follows from it: read anew each time (E2)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from activities.transition import MACHINE, Transition
from domain import ledger
from domain.access import Grant, Part, Role, ScopeKind
from domain.ledger import Occasion
from domain.money import Money
from domain.payment import PaymentPolicy, RefundReason
from messages.case import NextStep
from messages.payment import Event, Phase, Step, TaskKind
from storage import payment as rows
from storage import tasks
from storage.ledger import posting
from storage.rows.payment import Payment, PaymentAttempt, PaymentItem, PaymentReturn
from storage.rows.tasks import Task

# How long the cases that were paid for have before they are told again, and before the money goes back.
OFFER_EVERY = timedelta(hours=2)
OFFER_FOR = timedelta(hours=24)
OFFICE = Grant(Role.SETTLEMENT_OFFICER, ScopeKind.PLATFORM)
BY_HAND = frozenset({TaskKind.RETURN_PAYMENT, TaskKind.CONFIRM_RETURN})


@dataclass(frozen=True, slots=True)
class PaymentState:
    """A payment with all that hangs on it; ``sources`` are the tries by which what goes back was paid."""

    payment: Payment
    policy: PaymentPolicy
    items: Sequence[PaymentItem]
    attempts: Sequence[PaymentAttempt]
    returns: Sequence[PaymentReturn]
    sources: Sequence[PaymentAttempt]

    @property
    def is_refund(self) -> bool:
        """Whether it gives back what was paid by another payment, and nothing can be paid."""
        return self.payment.refund_of is not None

    @property
    def accepted(self) -> PaymentAttempt | None:
        """The try whose money is offered to what it was paid for; every other paid one goes back whole."""
        back = {one.attempt_id for one in self.returns if one.reason != RefundReason.NOT_TAKEN}
        return next((one for one in self.attempts if one.state == "paid" and one.id not in back), None)

    @property
    def owed(self) -> list[PaymentReturn]:
        """What is to go back and has not gone."""
        return [one for one in self.returns if one.returned_at is None]

    @property
    def paid_out(self) -> list[PaymentReturn]:
        """What of it waits for a pay-out."""
        return [one for one in self.owed if one.way == "sheba"]

    @property
    def confirmed(self) -> PaymentReturn | None:
        """What one officer recorded as paid back and another confirmed, and the ledger does not know yet."""
        return next((one for one in self.owed if one.confirmed_by is not None), None)

    @property
    def watched(self) -> list[PaymentAttempt]:
        """The tries by which money may still come."""
        return [one for one in self.attempts if one.is_watched]

    @property
    def undecided(self) -> list[PaymentItem]:
        """What is neither taken nor refused."""
        return [item for item in self.items if item.decided_at is None]

    @property
    def has_rest(self) -> bool:
        """Whether a part of what was received is refused, and not owed to the payer yet."""
        back = {one.attempt_id for one in self.returns}
        is_decided = self.accepted is not None and self.accepted.id not in back and not self.undecided
        return is_decided and bool(self.sum_of("refused"))

    def sum_of(self, state: str) -> Money:
        """What was taken, or refused, of the payment."""
        return Money.total(item.money for item in self.items if item.state == state)


async def read_state(step: Transition) -> PaymentState:
    """Read a payment with all that hangs on it."""
    connection, case = step.connection, step.case
    payment = await rows.read_payment(connection, case.id)
    if payment is None:
        raise LookupError(f"case {case.id} has no payment")
    attempts = await rows.attempts_of(connection, case.id)
    return PaymentState(
        payment,
        await rows.policy_of(connection, case.policy_id),
        await rows.items_of(connection, case.id),
        attempts,
        await rows.returns_of(connection, case.id),
        attempts if payment.refund_of is None else await rows.sources_of(connection, payment),
    )


def occasion(step: Transition, name: str) -> Occasion:
    """What a journal of this payment is posted for; ``name`` is unique among those of all payments."""
    return Occasion(key=f"payment:{name}", case_id=step.case.id, actor="system", event_at=step.now)


async def assess(step: Transition) -> NextStep:
    """Which step follows; a payment of which nothing is left to come, to take or to give back ends here."""
    state = await read_state(step)
    moment = step.now if step.until is None else max(step.now, step.until)
    asked = await _asked(step, state)
    found = await _follows(step, state, moment, {task.kind for task in asked})
    if found is not None:
        return NextStep(found)
    if state.watched or state.owed or (state.accepted and state.undecided):
        return await _wait(step, state, asked)
    if state.accepted is not None or state.is_refund:
        return await end(step, state)
    # A payer who may not try again begins another payment, and for that this one must be over.
    is_over = state.payment.pay_until <= moment or len(state.attempts) >= state.policy.attempts
    if is_over or not state.undecided:
        return NextStep(Step.CLOSE_PAYMENT)
    return await _wait(step, state, asked)


async def _asked(step: Transition, state: PaymentState) -> list[Task]:
    """What the settlement office is asked; no longer what has become clear, or went back by another way."""
    asked = await tasks.open_tasks(step.connection, step.case.id)
    unclear, owed = any(one.state == "unclear" for one in state.attempts), {one.id for one in state.owed}
    moot = [
        task for task in asked if not (unclear if task.kind == TaskKind.SETTLE_PAYMENT else task.subject_id in owed)
    ]
    for task in moot:
        await tasks.moot_tasks(step.connection, step.case.id, kind=task.kind)
    return [task for task in asked if task not in moot]


async def _follows(step: Transition, state: PaymentState, moment: datetime, asked: Collection[str]) -> Step | None:
    """The step that can be taken now, if one can.

    What may take a day, because a gateway is silent, comes after what people wait for: it is looked at anew each time
    before the gateway is asked again.
    """
    is_free = BY_HAND.isdisjoint(asked)
    by_hand = is_free and any(one.way == "hand" for one in state.owed)
    is_late = bool(state.paid_out) and step.deadlines.get(Step.REQUEST_RETURN, moment) <= moment
    is_lost = any(one.look_at is None for one in state.watched)
    possible = (
        (Step.REQUEST_LINK, any(one.state == "requested" for one in state.attempts)),
        (Step.VERIFY_PAYMENT, any(one.is_due(moment) and one.is_news for one in state.watched)),
        (Step.RETURN_REST, state.has_rest),
        (Step.HAND_OVER, state.accepted and state.undecided and step.deadlines.get(Step.HAND_OVER, moment) <= moment),
        (Step.BOOK_RETURN, is_free and state.confirmed),
        (Step.REQUEST_RETURN, by_hand or is_late),
        (Step.REQUEST_SETTLEMENT, is_lost and TaskKind.SETTLE_PAYMENT not in asked),
        (Step.RETURN_MONEY, any(one.is_asked_of_gateway for one in state.owed)),
        (Step.VERIFY_PAYMENT, any(one.is_due(moment) for one in state.watched)),
    )
    return next((name for name, is_possible in possible if is_possible), None)


async def _wait(step: Transition, state: PaymentState, asked: Sequence[Task]) -> NextStep:
    """Wait for people, for the moment when the gateway is asked, and for the end of the time to pay."""
    may_try = not (state.watched or state.accepted or state.owed)
    wanted: dict[str, datetime | None] = {
        Step.VERIFY_PAYMENT: min((one.look_at for one in state.watched if one.look_at is not None), default=None),
        Step.CLOSE_PAYMENT: state.payment.pay_until if may_try else None,
        Step.HAND_OVER: step.deadlines.get(Step.HAND_OVER) if state.undecided else None,
        Step.REQUEST_RETURN: step.deadlines.get(Step.REQUEST_RETURN) if state.paid_out else None,
    }
    for name, due in wanted.items():
        if due is None:
            await step.clear_deadline(name)
        elif step.deadlines.get(name) != due:
            await step.set_deadline(name, max(due - step.now, timedelta(0)))
    phase, next_actor, until = _standing(state, asked, wanted[Step.REQUEST_RETURN])
    if (phase, until) != (step.case.phase, step.case.due_at):
        due_in = None if until is None else max(until - step.now, timedelta(0))
        await step.move(phase, next_actor=next_actor, due_in=due_in)
    return step.wait(asked)


def _standing(
    state: PaymentState, asked: Sequence[Task], paid_out_by: datetime | None
) -> tuple[Phase, str, datetime | None]:
    """What people see of a payment that waits: its phase, who acts next, and until when."""
    paid_at = state.accepted.paid_at if state.accepted else None
    if paid_at is not None and state.undecided:
        return Phase.RECEIVED, MACHINE, paid_at + OFFER_FOR
    if asked or state.paid_out:
        phase, until = Phase.AWAITING_PAYOUT, paid_out_by
        if asked:
            phase = Phase.AWAITING_SETTLEMENT if asked[0].kind == TaskKind.SETTLE_PAYMENT else Phase.AWAITING_RETURN
            until = asked[0].due_at
        return phase, Role.SETTLEMENT_OFFICER, until
    if paid_at is not None:
        return Phase.RECEIVED, MACHINE, None
    unclear = [one.unclear_since for one in state.watched if one.unclear_since is not None]
    if unclear:
        return Phase.UNCLEAR, MACHINE, min(unclear) + state.policy.unclear_for
    ends = [one.ends_at for one in state.watched if one.ends_at is not None]
    if ends:
        return Phase.AT_BANK, Part.PAYER, max(ends)
    return Phase.AWAITING_PAYER, Part.PAYER, state.payment.pay_until


async def end(step: Transition, state: PaymentState) -> NextStep:
    """All that came is taken or has gone back."""
    taken, back = state.sum_of("taken"), state.sum_of("refused")
    if back or state.undecided:
        await rows.tell_purposes(step.connection, step.case.id)
    if taken and state.payment.fee:
        # Where nothing was taken the fee that the payer bore went back with the rest.
        fee = Money(state.payment.fee)
        charged = ledger.gateway_fee_charged(step.case.id, fee, occasion(step, f"{step.case.id}:fee_charged"))
        await posting.post(step.connection, charged)
    if taken:
        return await step.end(Phase.PARTLY_RETURNED if back else Phase.PAID)
    went_back = state.is_refund or any(one.state == "paid" for one in state.attempts)
    return await step.end(Phase.RETURNED if went_back else Phase.NOT_PAID)


async def lapse(step: Transition, expired: Sequence[Task]) -> NextStep:  # noqa: ARG001 - whatever was asked
    """The settlement office stayed silent: it is asked anew, for no money is forgotten."""
    return await assess(step)


async def close_payment(step: Transition) -> NextStep:
    """No try may begin any more, or what was to be paid is not wanted any more: nothing came, or all went back."""
    state = await read_state(step)
    await rows.refuse_all(step.connection, step.case.id)
    await step.add_event(Event.PAYMENT_ENDED)
    return await end(step, state)


async def hand_over(step: Transition) -> NextStep:
    """Tell the cases that were paid for once more; after a day without an answer their money goes back."""
    state = await read_state(step)
    paid_at = state.accepted.paid_at if state.accepted else None
    if paid_at is not None and paid_at + OFFER_FOR <= step.now:
        await rows.refuse_all(step.connection, step.case.id)
    else:
        await rows.offer_items(step.connection, step.case.id)
        await step.set_deadline(Step.HAND_OVER, OFFER_EVERY)
    return await assess(step)
