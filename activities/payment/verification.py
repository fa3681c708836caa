"""Asks the gateway what became of a try, and books what it says (E2)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from activities.outside import AskAgain
from activities.payment.assessment import (
    PaymentState,
    assess,
    await_payer,
    await_purposes,
    occasion,
    read_state,
)
from activities.transition import MACHINE, ActivityContext, Transition
from domain import ledger
from domain.access import Grant, Role, ScopeKind
from domain.money import Money, format_toman
from domain.payment import AttemptEnd, PaymentPolicy, RefundReason, ask_again_in, tells_unclear
from gateways.payment import (
    GatewayRefused,
    GatewayUnclear,
    NotPaid,
    Outcome,
    Paid,
    PaymentGateway,
    StillOpen,
    same_card,
)
from messages.case import NextStep
from messages.payment import Event, Phase, TaskKind
from storage import cases
from storage import payment as rows
from storage.bank_account import own_cards
from storage.database import SERVICE, postgres_now, transaction
from storage.ledger import posting
from storage.notices import notify
from storage.rows.payment import Payment, PaymentAttempt

_log = logging.getLogger("amanat.payments")
_ENDS = frozenset(AttemptEnd)


@dataclass(frozen=True, slots=True)
class Answers:
    """What the gateways said of each try by which money may still come; None: nobody can say."""

    outcomes: Mapping[UUID, Outcome | None]
    asked_at: datetime


@dataclass(frozen=True, slots=True)
class _Watched:
    payment: Payment
    policy: PaymentPolicy
    attempts: Sequence[PaymentAttempt]
    now: datetime


async def ask_gateway(context: ActivityContext, case_id: UUID) -> Answers:
    """Ask about every try that is not over.

    Raises:
        AskAgain: nobody can say anything yet, and the time for that is not over; that is noted.
    """
    watched = await _read(context, case_id)
    # Together: slow ones must not use up each other's time.
    answers = await asyncio.gather(*(_ask(context, watched, one) for one in watched.attempts))
    outcomes = dict(zip((one.id for one in watched.attempts), answers, strict=True))
    if all(outcome is None for outcome in outcomes.values()):
        pause = await _note_unclear(context, case_id, watched)
        if pause is not None:
            raise AskAgain(pause)
    return Answers(outcomes, watched.now)


async def _read(context: ActivityContext, case_id: UUID) -> _Watched:
    async with transaction(context.engine, SERVICE) as connection:
        case, payment = await cases.read_case(connection, case_id), await rows.read_payment(connection, case_id)
        if case is None or payment is None:
            raise LookupError(f"case {case_id} has no payment")
        policy = await rows.policy_of(connection, case.policy_id)
        attempts = [one for one in await rows.attempts_of(connection, case_id) if one.is_watched]
        return _Watched(payment, policy, attempts, await postgres_now(connection))


async def _ask(context: ActivityContext, watched: _Watched, attempt: PaymentAttempt) -> Outcome | None:
    gateway: PaymentGateway | None = context.gateways.get(attempt.gateway)
    facts = {"gateway": attempt.gateway, "attempt_id": str(attempt.id)}
    if gateway is None or attempt.authority is None:
        # Its keys were taken out of the settings while payments were under way: money may be there.
        _log.error("gateway_not_set_up", extra=facts)
        return None
    try:
        outcome = await gateway.settle(attempt.authority, watched.payment.amount, str(attempt.id))
    except GatewayUnclear as unclear:
        _log.warning("gateway_unclear", extra={**facts, "reason": unclear.reason})
        return None
    except GatewayRefused as refused:
        _log.error("gateway_refused", extra={**facts, "reason": refused.reason})
        return None
    is_over = attempt.ends_at is not None and attempt.ends_at <= watched.now
    return None if isinstance(outcome, StillOpen) and is_over else outcome


async def _note_unclear(context: ActivityContext, case_id: UUID, watched: _Watched) -> timedelta | None:
    """Show that nobody knows yet; the pause before the next question, None where a person is to look into it."""
    pauses = [_pause(one, watched.now, watched.policy) for one in watched.attempts]
    if None in pauses or not pauses:
        return None
    async with transaction(context.engine, SERVICE) as connection:
        case = await cases.lock_case(connection, case_id)
        if case is None or not case.is_open:
            return None
        for attempt, pause in zip(watched.attempts, pauses, strict=True):
            await rows.mark_unclear(connection, attempt, watched.now, pause)
        if case.phase != Phase.UNCLEAR:
            await cases.move_case(
                connection, case_id, phase=Phase.UNCLEAR, next_actor=MACHINE, due_in=watched.policy.unclear_for
            )
            await cases.add_event(connection, case_id, Event.PAYMENT_UNCLEAR, actor=MACHINE)
        if any(tells_unclear(one.unclear_since, one.looked_at, watched.now) for one in watched.attempts):
            await notify(connection, [watched.payment.person_id], Event.PAYMENT_UNCLEAR, case_id=case_id)
    return min(pause for pause in pauses if pause is not None)


def _pause(attempt: PaymentAttempt, now: datetime, policy: PaymentPolicy) -> timedelta | None:
    """How long until a try is asked about again; None once it has been unclear for too long."""
    unclear = timedelta(0) if attempt.unclear_since is None else now - attempt.unclear_since
    return None if unclear >= policy.unclear_for else ask_again_in(unclear)


async def record_answers(step: Transition, answers: Answers) -> NextStep:
    """Book what was paid, end what was not, and go on waiting for the rest."""
    failed = False
    for attempt in (await read_state(step)).watched:
        outcome = answers.outcomes.get(attempt.id)
        if isinstance(outcome, Paid):
            await _receive(step, attempt, outcome)
        elif isinstance(outcome, NotPaid):
            failed = True
            await _end_attempt(step, attempt, outcome.reason)
        elif isinstance(outcome, StillOpen):
            look_at = attempt.ends_at or step.now
            await rows.look_later(step.connection, attempt, answers.asked_at, look_at=look_at)
        elif attempt.id in answers.outcomes:
            pause = _pause(attempt, step.now, await _policy(step))
            await rows.mark_unclear(step.connection, attempt, answers.asked_at, pause)
    state = await read_state(step)
    if failed and state.accepted is None and not state.watched and not state.owed:
        await await_payer(step, state)
    # What was due at the moment that was waited for has been asked.
    return await assess(replace(step, until=None))


async def _policy(step: Transition) -> PaymentPolicy:
    return await rows.policy_of(step.connection, step.case.policy_id)


async def _end_attempt(step: Transition, attempt: PaymentAttempt, reason: str) -> None:
    known = AttemptEnd(reason) if reason in _ENDS else AttemptEnd.FAILED
    await rows.end_attempt(step.connection, attempt.id, "not_paid", known)
    await step.add_event(Event.PAYMENT_ATTEMPT_FAILED, params={"end": known})


async def _receive(step: Transition, attempt: PaymentAttempt, paid: Paid) -> None:
    """The money is ours: it stands apart until it is taken, or goes back at once where nobody may take it."""
    if await rows.is_known_reference(step.connection, attempt, paid.reference):
        _log.error("gateway_reference_taken", extra={"gateway": attempt.gateway, "attempt_id": str(attempt.id)})
        await _end_attempt(step, attempt, AttemptEnd.REFERENCE_TAKEN)
        return
    state = await read_state(step)
    refused = await _refuse(step, state, paid)
    await rows.mark_paid(
        step.connection, attempt, reference=paid.reference, amount=paid.amount, card=paid.card, fee=paid.fee
    )
    await _post(step, state, attempt, paid)
    amount = Money(paid.amount)
    await step.add_event(Event.PAYMENT_RECEIVED, params={"amount": paid.amount})
    if refused is None:
        await step.notify(step.owner, Event.PAYMENT_RECEIVED, {"amount": format_toman(amount)})
        await await_purposes(step)
    else:
        await send_back(step, attempt, amount, refused)


async def _refuse(step: Transition, state: PaymentState, paid: Paid) -> RefundReason | None:
    """Why the money cannot be taken, if it cannot."""
    if state.accepted is not None:
        return RefundReason.SECOND_ATTEMPT
    if paid.amount != state.payment.amount:
        return RefundReason.AMOUNT_DIFFERS
    if not state.payment.own_card:
        return None
    cards = await own_cards(step.connection, step.seals, state.payment.person_id)
    return None if any(same_card(paid.card, card) for card in cards) else RefundReason.FOREIGN_CARD


async def _post(step: Transition, state: PaymentState, attempt: PaymentAttempt, paid: Paid) -> None:
    payment, gateway = state.payment, attempt.gateway
    await posting.open_accounts(
        step.connection,
        [
            *ledger.payment_accounts(payment.case_id, payment.person_id),
            ledger.gateway_account(gateway),
            ledger.GATEWAY_FEES,
            ledger.BANK_ACCOUNT,
        ],
    )
    received = ledger.payment_received(
        payment.case_id, gateway, Money(paid.amount), occasion(step, f"{attempt.id}:received")
    )
    await posting.post(step.connection, received)
    if paid.fee:
        kept = ledger.gateway_fee_kept(gateway, Money(paid.fee), occasion(step, f"{attempt.id}:fee"))
        await posting.post(step.connection, kept)


async def send_back(step: Transition, attempt: PaymentAttempt, amount: Money, reason: RefundReason) -> None:
    """Owe money to its payer from now on, and say why."""
    count = len(await rows.returns_of(step.connection, step.case.id))
    owed = ledger.payment_to_return(step.case.id, amount, occasion(step, f"{attempt.id}:to_return:{count}"))
    await posting.post(step.connection, owed)
    await rows.add_return(step.connection, attempt, amount, reason)
    await step.add_event(Event.PAYMENT_RETURNING, params={"amount": amount.amount, "reason": reason})
    await step.notify(step.owner, Event.PAYMENT_RETURNING, {"amount": format_toman(amount)})
    await step.move(Phase.RETURNING, next_actor=MACHINE)


async def request_settlement(step: Transition) -> NextStep:
    """A day has brought no answer: the settlement office asks the gateway by other means."""
    policy = await _policy(step)
    office = Grant(Role.SETTLEMENT_OFFICER, ScopeKind.PLATFORM)
    await step.ask(TaskKind.SETTLE_PAYMENT, office, remind_in=policy.settle_remind, due_in=policy.settle_expire)
    await step.move(Phase.AWAITING_SETTLEMENT, next_actor=Role.SETTLEMENT_OFFICER, due_in=policy.settle_expire)
    return await assess(step)
