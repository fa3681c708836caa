"""Asks the gateway what became of a try, and books what it says (E2)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from activities.outside import AskAgain
from activities.payment.assessment import (
    OFFER_EVERY,
    OFFICE,
    PaymentState,
    assess,
    occasion,
    read_state,
)
from activities.payment.question import put
from activities.transition import MACHINE, ActivityContext, Transition
from activities.turns import NoTurn
from domain import ledger
from domain.money import Money, format_toman
from domain.payment import AttemptEnd, PaymentPolicy, RefundReason, ask_again_in, tells_unclear
from gateways.payment import (
    GatewayRefused,
    GatewayUnclear,
    NotPaid,
    Outcome,
    Paid,
    StillOpen,
    same_card,
)
from messages.case import NextStep
from messages.payment import Event, Phase, Step, TaskKind
from storage import cases
from storage import payment as rows
from storage.bank_account import own_cards
from storage.database import SERVICE, postgres_now, transaction
from storage.ledger import posting
from storage.notices import notify
from storage.rows.cases import Case
from storage.rows.payment import Payment, PaymentAttempt

_log = logging.getLogger("amanat.payments")
_ENDS = frozenset(AttemptEnd)
# Where a silent gateway is news to the payer; not where another try was paid already.
_NOT_KNOWN = frozenset(
    {Phase.AWAITING_LINK, Phase.AT_BANK, Phase.AWAITING_PAYER, Phase.AWAITING_SETTLEMENT, Phase.UNCLEAR}
)


@dataclass(frozen=True, slots=True)
class Answers:
    """What the gateways said of each try by which money may still come; None: nobody can say.

    Of what was not asked, because its gateway has too much to do, ``put_off`` says when to come again.
    """

    outcomes: Mapping[UUID, Outcome | None]
    asked_at: datetime
    put_off: Sequence[timedelta] = ()


@dataclass(frozen=True, slots=True)
class _Watched:
    payment: Payment
    policy: PaymentPolicy
    attempts: Sequence[PaymentAttempt]
    now: datetime


async def ask_gateway(context: ActivityContext, case_id: UUID) -> Answers:
    """Ask about every try that is not over; what one gateway says is recorded whatever another one does.

    Raises:
        AskAgain: nobody can say anything yet, and the time for that is not over; that is noted.
    """
    watched = await _read(context, case_id)
    # Together: slow ones must not use up each other's time.
    answers = await asyncio.gather(*(_ask(context, watched, one) for one in watched.attempts))
    asked = zip(watched.attempts, answers, strict=True)
    found = Answers(
        {one.id: outcome for one, outcome in asked if not isinstance(outcome, NoTurn)},
        watched.now,
        [outcome.delay for outcome in answers if isinstance(outcome, NoTurn)],
    )
    if not any(isinstance(outcome, Paid | NotPaid) for outcome in answers):
        pause = await _note_unclear(context, case_id, watched, found)
        if pause is not None:
            raise AskAgain(pause)
    return found


async def _read(context: ActivityContext, case_id: UUID) -> _Watched:
    async with transaction(context.engine, SERVICE) as connection:
        case, payment = await cases.read_case(connection, case_id), await rows.read_payment(connection, case_id)
        if case is None or payment is None:
            raise LookupError(f"case {case_id} has no payment")
        policy = await rows.policy_of(connection, case.policy_id)
        attempts = [one for one in await rows.attempts_of(connection, case_id) if one.is_watched]
        return _Watched(payment, policy, attempts, await postgres_now(connection))


async def _ask(context: ActivityContext, watched: _Watched, attempt: PaymentAttempt) -> Outcome | NoTurn | None:
    authority, order = str(attempt.authority), str(attempt.id)
    facts = {"gateway": attempt.gateway, "attempt_id": order}
    try:
        outcome = await put(
            context, attempt.gateway, lambda gateway: gateway.settle(authority, watched.payment.amount, order)
        )
    except NoTurn as put_off:
        return put_off
    except GatewayUnclear as unclear:
        _log.warning("gateway_unclear", extra={**facts, "reason": unclear.reason})
        return None
    except GatewayRefused as refused:
        _log.error("gateway_refused", extra={**facts, "reason": refused.reason})
        return None
    is_over = attempt.ends_at is not None and attempt.ends_at <= watched.now
    # Some gateways never end a link. What is paid by it from now on is not verified: the bank gives it back by itself.
    return NotPaid(AttemptEnd.EXPIRED) if isinstance(outcome, StillOpen) and is_over else outcome


async def _note_unclear(context: ActivityContext, case_id: UUID, watched: _Watched, found: Answers) -> timedelta | None:
    """Show that nobody knows yet; the pause before the next question, None where there is something to record."""
    async with transaction(context.engine, SERVICE) as connection:
        case = await cases.lock_case(connection, case_id)
        # As they stand by now: people and the end of a case may have been faster than the gateway.
        attempts = [one for one in await rows.attempts_of(connection, case_id) if one.is_watched]
        unclear = [one for one in attempts if one.id in found.outcomes and found.outcomes[one.id] is None]
        pauses = [(one, _pause(one, watched.now, watched.policy)) for one in unclear]
        if any(pause is None and (one.look_at is not None or one.came_back) for one, pause in pauses):
            return None
        again = [(one, pause) for one, pause in pauses if pause is not None]
        if case is None or not case.is_open:
            return None
        if not again:
            return min(found.put_off, default=None)
        for attempt, pause in again:
            await rows.mark_unclear(connection, attempt, watched.now, pause)
        for attempt in attempts:
            if isinstance(found.outcomes.get(attempt.id), StillOpen):
                await rows.look_later(connection, attempt, watched.now, look_at=attempt.ends_at or watched.now)
        if case.phase in _NOT_KNOWN:
            told = any(tells_unclear(one.unclear_since, one.looked_at, watched.now) for one in unclear)
            await _tell_unclear(connection, case, watched, is_told=told)
    return min([pause for _, pause in again] + [*found.put_off])


async def _tell_unclear(connection: AsyncConnection, case: Case, watched: _Watched, *, is_told: bool) -> None:
    if case.phase != Phase.UNCLEAR:
        await cases.move_case(
            connection, case.id, phase=Phase.UNCLEAR, next_actor=MACHINE, due_in=watched.policy.unclear_for
        )
        await cases.add_event(connection, case.id, Event.PAYMENT_UNCLEAR, actor=MACHINE)
    if is_told:
        await notify(connection, [watched.payment.person_id], Event.PAYMENT_UNCLEAR, case_id=case.id)


def _pause(attempt: PaymentAttempt, now: datetime, policy: PaymentPolicy) -> timedelta | None:
    """How long until a try is asked about again; None once it has been unclear for too long."""
    unclear = timedelta(0) if attempt.unclear_since is None else now - attempt.unclear_since
    return None if unclear >= policy.unclear_for else ask_again_in(unclear)


async def record_answers(step: Transition, answers: Answers) -> NextStep:
    """Book what was paid, end what was not, and go on waiting for the rest."""
    for attempt in (await read_state(step)).attempts:
        outcome = answers.outcomes.get(attempt.id)
        if isinstance(outcome, Paid) and attempt.state != "paid":
            # Also what was given up meanwhile: the gateway has taken it for us.
            await _receive(step, attempt, outcome)
        elif attempt.id in answers.outcomes and attempt.is_watched:
            await _go_on_without(step, attempt, outcome, answers.asked_at)
    # What was due at the moment that was waited for has been asked.
    return await assess(replace(step, until=None))


async def _go_on_without(
    step: Transition, attempt: PaymentAttempt, outcome: Outcome | None, asked_at: datetime
) -> None:
    if isinstance(outcome, NotPaid):
        await _end_attempt(step, attempt, outcome.reason)
    elif isinstance(outcome, StillOpen):
        await rows.look_later(step.connection, attempt, asked_at, look_at=attempt.ends_at or step.now)
    else:
        pause = _pause(attempt, step.now, await _policy(step))
        await rows.mark_unclear(step.connection, attempt, asked_at, pause)


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
        # The same payment told once more, or another one whose money is ours: the settlement office finds out.
        await rows.mark_unclear(step.connection, attempt, step.now, None)
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
        await _accept(step, state)
    else:
        await send_back(step, attempt, amount, refused)


async def _accept(step: Transition, state: PaymentState) -> None:
    """What was paid is offered to what it was paid for, at once; nobody is sent to a bank once more."""
    for attempt in state.attempts:
        if attempt.state == "requested":
            await rows.end_attempt(step.connection, attempt.id, "failed")
    await rows.offer_items(step.connection, step.case.id)
    await step.set_deadline(Step.HAND_OVER, OFFER_EVERY)


async def _refuse(step: Transition, state: PaymentState, paid: Paid) -> RefundReason | None:
    """Why the money cannot be taken, if it cannot; another's card first, for by that it goes back to the card alone."""
    if state.payment.own_card:
        cards = await own_cards(step.connection, step.seals, state.payment.person_id)
        if not any(same_card(paid.card, card) for card in cards):
            return RefundReason.FOREIGN_CARD
    if state.accepted is not None:
        return RefundReason.SECOND_ATTEMPT
    return None if paid.amount == state.payment.amount else RefundReason.AMOUNT_DIFFERS


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
    goes_on = (await read_state(step)).accepted
    if goes_on is None or goes_on.id == attempt.id:
        # Of what was paid twice one payment goes on.
        await step.move(Phase.RETURNING, next_actor=MACHINE)


async def request_settlement(step: Transition) -> NextStep:
    """A day has brought no answer: the settlement office asks the gateway by other means."""
    policy = await _policy(step)
    await step.ask(TaskKind.SETTLE_PAYMENT, OFFICE, remind_in=policy.settle_remind, due_in=policy.settle_expire)
    return await assess(step)
