"""Gives money back to its payer: by reversal, by refund, by a pay-out, else by the settlement office's hand (E2)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from activities.outside import AskAgain
from activities.payment.assessment import BY_HAND, OFFICE, assess, occasion, read_state
from activities.payment.paying_out import note_long_wait, pay_out, take_back
from activities.payment.question import find, listen
from activities.payment.verification import send_back
from activities.transition import ActivityContext, Transition
from activities.turns import NoTurn
from domain import ledger
from domain.money import Money, format_toman
from domain.payment import PaymentPolicy, RefundReason, ask_again_in
from domain.payment_return import RecordedFrom
from gateways.payment import GatewayRefused, GatewayUnclear, PaymentGateway, UnknownToGateway
from messages.case import NextStep
from messages.payment import Event, TaskKind
from storage import cases, tasks
from storage import payment as rows
from storage.database import SERVICE, postgres_now, transaction
from storage.ledger import posting
from storage.rows.payment import PaymentAttempt, PaymentReturn

_log = logging.getLogger("amanat.payments")


@dataclass(frozen=True, slots=True)
class GivenBack:
    """What came of giving back: the gateway's references by return, and those that only a person can give back."""

    references: dict[UUID, str]
    by_hand: frozenset[UUID]


async def return_rest(step: Transition) -> NextStep:
    """What of a received payment nobody took is owed to the payer."""
    state = await read_state(step)
    accepted = state.accepted
    if accepted is not None:
        # The fee that the payer bore goes back too, unless a part was taken: then it was paid for that.
        taken, refused = state.sum_of("taken"), state.sum_of("refused")
        await send_back(step, accepted, refused if taken else state.payment.money, RefundReason.NOT_TAKEN)
    return await assess(step)


async def give_back(context: ActivityContext, case_id: UUID) -> GivenBack:
    """Give each sum back by the first way that its gateway takes; what failed for good is for a person.

    Raises:
        AskAgain: nothing is clear yet, and the time for that is not over.
    """
    owed, attempts, policy, now = await _read(context, case_id)
    # Together: slow ones must not use up each other's time.
    answers = await asyncio.gather(*(_give_back(context, one, attempts[one.attempt_id]) for one in owed))
    given = {one.id: answer for one, answer in zip(owed, answers, strict=True) if isinstance(answer, str)}
    by_hand = {one.id for one, answer in zip(owed, answers, strict=True) if answer is None}
    put_off = [answer.delay for answer in answers if isinstance(answer, NoTurn)]
    unclear = [one for one, answer in zip(owed, answers, strict=True) if isinstance(answer, GatewayUnclear)]
    overdue = {one.id for one in unclear if now - one.owed_since >= policy.return_for}
    if not given and not by_hand and not overdue and (unclear or put_off):
        raise AskAgain(min([ask_again_in(now - one.owed_since) for one in unclear] + put_off))
    return GivenBack(given, frozenset(by_hand | overdue))


async def _read(
    context: ActivityContext, case_id: UUID
) -> tuple[Sequence[PaymentReturn], dict[UUID, PaymentAttempt], PaymentPolicy, datetime]:
    async with transaction(context.engine, SERVICE) as connection:
        case, payment = await cases.read_case(connection, case_id), await rows.read_payment(connection, case_id)
        if case is None or payment is None:
            raise LookupError(f"case {case_id} has no payment")
        owed = [one for one in await rows.returns_of(connection, case_id) if one.is_asked_of_gateway]
        attempts = {one.id: one for one in await rows.sources_of(connection, payment)}
        policy = await rows.policy_of(connection, case.policy_id)
        return owed, attempts, policy, await postgres_now(connection)


async def _give_back(
    context: ActivityContext, owed: PaymentReturn, attempt: PaymentAttempt
) -> str | GatewayUnclear | NoTurn | None:
    """The reference of what went back, or why that is not known; None where no way of the gateway is left."""
    try:
        with context.turns.of(attempt.gateway):
            return await _by_gateway(context, owed, attempt)
    except NoTurn as put_off:
        return put_off
    except GatewayUnclear as trouble:
        _log.warning("return_unclear", extra={"return_id": str(owed.id), "reason": trouble.reason})
        return trouble


async def _by_gateway(context: ActivityContext, owed: PaymentReturn, attempt: PaymentAttempt) -> str | None:
    gateway = await find(context, attempt.gateway)
    if attempt.authority is None:
        return None
    if owed.way == "reverse":
        if owed.amount == attempt.paid_amount and gateway.reverses_within is not None:
            await _note(context, rows.mark_asked, owed.id)
            try:
                return await listen(context, attempt.gateway, gateway.reverse(attempt.authority))
            except GatewayRefused as refused:
                if isinstance(refused, UnknownToGateway) and owed.asked_at is not None:
                    # Asked before, and the answer was lost: who does not know us cannot say that it came to nothing.
                    return None
                _log.warning("reversal_refused", extra={"return_id": str(owed.id), "reason": refused.reason})
        await _note(context, rows.go_way, owed.id, "refund")
        owed = replace(owed, way="refund", asked_at=None)
    return await _refund(context, gateway, owed, attempt)


async def _note(context: ActivityContext, write: Callable[..., Awaitable[None]], *values: object) -> None:
    """Write what must be known whatever becomes of the call that follows."""
    async with transaction(context.engine, SERVICE) as connection:
        await write(connection, *values)


async def _refund(
    context: ActivityContext, gateway: PaymentGateway, owed: PaymentReturn, attempt: PaymentAttempt
) -> str | None:
    if gateway.refunds_from is None or owed.amount < gateway.refunds_from:
        return None
    key, authority, reference = str(owed.id), str(attempt.authority), str(attempt.reference)
    try:
        if owed.asked_at is not None:
            # Asked before, and the answer was lost: never a second time without knowing.
            done = await listen(context, attempt.gateway, gateway.refunded(authority, key, reference))
            if done is not False:
                return key if done else None
        await _note(context, rows.mark_asked, owed.id)
    except GatewayRefused as refused:
        _log.warning("refund_not_told", extra={"return_id": key, "reason": refused.reason})
        return None
    try:
        return await listen(context, attempt.gateway, gateway.refund(authority, owed.amount, key, reference))
    except GatewayRefused as refused:
        _log.warning("refund_refused", extra={"return_id": key, "reason": refused.reason})
        await _note(context, rows.note_refused, owed.id)
        return None


async def record_given_back(step: Transition, given: GivenBack) -> NextStep:
    """Book what went back; what the gateway cannot give back goes by a pay-out where it may, else by a person."""
    state = await read_state(step)
    attempts = {one.id: one for one in state.sources}
    for owed in state.owed:
        if owed.id in given.references and (owed.way != "sheba" or await take_back(step, owed)):
            attempt = attempts[owed.attempt_id]
            if owed.way == "hand":
                # The gateway's list of the day tells of it, not the bank's statement.
                await rows.go_way(step.connection, owed.id, "refund")
            await _book(step, owed, ledger.gateway_account(attempt.gateway), given.references[owed.id])
            if owed.way == "reverse" and attempt.fee:
                # What was reversed has not been, for the gateway: it keeps nothing of it.
                given_up = occasion(step, f"{attempt.id}:fee_given_up")
                fee = ledger.gateway_fee_given_up(attempt.gateway, Money(attempt.fee), given_up)
                await posting.post(step.connection, fee)
        elif owed.id in given.by_hand and owed.is_asked_of_gateway and not await pay_out(step, state, owed):
            await rows.turn_over(step.connection, owed.id)
    return await assess(step)


async def _book(step: Transition, owed: PaymentReturn, source: ledger.Account, reference: str) -> None:
    if not await rows.mark_returned(step.connection, owed.id, reference):
        return
    returned = ledger.payment_returned(step.case.id, source, owed.money, occasion(step, f"{owed.id}:returned"))
    await posting.post(step.connection, returned)
    await step.add_event(Event.PAYMENT_RETURNED, params={"amount": owed.amount})
    await step.notify(step.owner, Event.PAYMENT_RETURNED, {"amount": format_toman(owed.money)})


async def request_return(step: Transition) -> NextStep:
    """The settlement office pays back what is left to it, one sum after the other; another officer confirms each."""
    state = await read_state(step)
    await note_long_wait(step, state)
    asked = await tasks.open_tasks(step.connection, step.case.id)
    by_hand = [one for one in state.owed if one.way == "hand"]
    # What one officer recorded is confirmed before the next sum is asked for.
    owed = min(by_hand, key=lambda one: one.recorded_by is None, default=None)
    if owed is not None and all(task.kind not in BY_HAND for task in asked):
        await step.ask(
            TaskKind.RETURN_PAYMENT if owed.recorded_by is None else TaskKind.CONFIRM_RETURN,
            OFFICE,
            remind_in=state.policy.settle_remind,
            due_in=state.policy.settle_expire,
            subject_id=owed.id,
            details={"reason": owed.reason, "amount": owed.amount, "asked": owed.asked_at is not None},
            not_by=owed.recorded_by,
        )
    return await assess(step)


async def book_return(step: Transition) -> NextStep:
    """It went back as one officer recorded and another confirmed: out of our bank account, or by the gateway."""
    state = await read_state(step)
    owed = state.confirmed
    if owed is not None:
        source = ledger.BANK_ACCOUNT
        if owed.recorded_from is RecordedFrom.GATEWAY:
            attempt = next(one for one in state.sources if one.id == owed.attempt_id)
            source = ledger.gateway_account(attempt.gateway)
            # The gateway's list of the day tells of it, not the bank's statement.
            await rows.go_way(step.connection, owed.id, "refund")
        await _book(step, owed, source, str(owed.recorded_reference))
    return await assess(step)
