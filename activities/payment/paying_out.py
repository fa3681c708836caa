"""What no gateway gives back goes to a sheba of the payer's own, as a line of the next pay-out (E2, E3)."""

from __future__ import annotations

import logging
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from activities.payment.assessment import PaymentState, occasion
from activities.transition import MACHINE, Transition
from domain import ledger
from domain.identity import Sheba
from domain.ledger import HoldRequest, JournalReason, Occasion
from domain.money import format_toman
from domain.payment import RefundReason
from domain.payment_return import PAYOUT_WAITS
from domain.payout import LinePurpose, LineSettlement
from domain.persian import persian_digits
from gateways.payment import same_card
from messages.case import CaseKind, CaseSignal
from messages.payment import Event, Step
from storage import cases, withdrawal
from storage import payment as rows
from storage.bank_account import own_cards, own_sheba, whole_number
from storage.ledger import posting
from storage.ledger.holding import hold
from storage.notices import notify
from storage.outbox import enqueue
from storage.payment_return import read_return
from storage.rows.payment import PaymentReturn
from storage.rows.payout import Withdrawal

_log = logging.getLogger("amanat.payments")


async def pay_out(step: Transition, state: PaymentState, owed: PaymentReturn) -> bool:
    """Have the next pay-out pay it to the payer's own sheba of this moment; False where only a person may decide.

    A person decides where the gateway may have given it back, and where the card that paid is not known to be the
    payer's though only theirs may pay: nobody turns a stolen card into money at their own bank.
    """
    connection, payer = step.connection, state.payment.person_id
    sheba = await own_sheba(connection, payer)
    if sheba is None or owed.asked_at is not None or not await _is_own_card(step, state, owed):
        return False
    _, refunding = ledger.payment_accounts(step.case.id)
    what_for = occasion(step, f"{owed.id}:to_sheba")
    held = await hold(connection, HoldRequest(what_for, refunding.code, owed.money, JournalReason.PAYMENT_RETURNED))
    line = withdrawal.NewWithdrawal(
        await withdrawal.new_id(connection),
        payer,
        owed.money,
        Sheba(whole_number(step.seals, sheba)),
        held,
        purpose=LinePurpose.PAYMENT_RETURN,
        purpose_id=owed.id,
    )
    await withdrawal.add_withdrawal(connection, step.seals, line)
    await rows.go_way(connection, owed.id, "sheba")
    await step.set_deadline(Step.REQUEST_RETURN, PAYOUT_WAITS)
    await step.add_event(Event.PAYMENT_TO_SHEBA, params={"amount": owed.amount})
    told = {"amount": format_toman(owed.money), "last_four": persian_digits(sheba.last_four)}
    await step.notify(step.owner, Event.PAYMENT_TO_SHEBA, told)
    return True


async def _is_own_card(step: Transition, state: PaymentState, owed: PaymentReturn) -> bool:
    """Whether nothing speaks against the card; it is compared with those that are the payer's by now."""
    if owed.reason == RefundReason.FOREIGN_CARD:
        return False
    if not state.payment.own_card:
        return True
    paid_by = next((one.card for one in state.sources if one.id == owed.attempt_id), None) or ""
    cards = await own_cards(step.connection, step.seals, state.payment.person_id)
    return any(same_card(paid_by, card) for card in cards)


async def take_back(step: Transition, owed: PaymentReturn) -> bool:
    """The gateway has given it back after all, as it says late: no pay-out pays it; False if one is under way.

    What a batch holds already may be paid twice then; the comparison of the gateway's day finds that.
    """
    line = await withdrawal.line_for(step.connection, owed.id)
    if line is None or not await withdrawal.take_back(step.connection, line.id, line.person_id):
        _log.error("returned_while_paid_out", extra={"return_id": str(owed.id)})
        return False
    await posting.void_hold(step.connection, line.hold_id)
    await rows.go_way(step.connection, owed.id, "refund")
    return True


async def note_long_wait(step: Transition, state: PaymentState) -> None:
    """Say in the case that money waits for a pay-out for long, if that is so by now.

    The office hears of all that waits once each working morning, and of what a batch has by that batch's case.
    """
    waits = [one.owed_since for one in state.paid_out]
    moment = step.now if step.until is None else max(step.now, step.until)
    # Without a deadline it is over: the step that it was for has passed it.
    if not waits or step.deadlines.get(Step.REQUEST_RETURN, moment) > moment:
        return
    await step.set_deadline(Step.REQUEST_RETURN, max(moment - min(waits), PAYOUT_WAITS) + (moment - step.now))
    await step.add_event(Event.PAYMENT_TO_SHEBA_WAITS)


async def pay_return(connection: AsyncConnection, line: Withdrawal, at: datetime) -> None:
    """Book that the bank paid a line of a return: once, under the key of every other way back."""
    owed = await _owed(connection, line)
    occasion = Occasion(f"payment:{owed.id}:returned", owed.payment_id, "system", at)
    returned = ledger.payment_returned(owed.payment_id, ledger.BANK_ACCOUNT, line.money, occasion)
    await posting.post_hold(connection, line.hold_id, returned)


async def settle_return(connection: AsyncConnection, line: Withdrawal, found: LineSettlement) -> None:
    """The bank has answered: it went back, or the settlement office pays it back; the payment's process goes on."""
    owed = await _owed(connection, line)
    await cases.lock_case(connection, owed.payment_id)
    if found.is_paid:
        await rows.mark_returned(connection, owed.id, str(found.reference))
        event = Event.PAYMENT_RETURNED
    else:
        await rows.turn_over(connection, owed.id)
        event = Event.PAYMENT_TO_SHEBA_REJECTED
    await cases.add_event(connection, owed.payment_id, event, actor=MACHINE, params={"amount": owed.amount})
    told = {"amount": format_toman(line.money), "last_four": persian_digits(line.sheba_masked[-4:])}
    await notify(connection, [line.person_id], event, case_id=owed.payment_id, params=told)
    await enqueue(connection, CaseSignal(CaseKind.PAYMENT, owed.payment_id, event))


async def _owed(connection: AsyncConnection, line: Withdrawal) -> PaymentReturn:
    owed = None if line.purpose_id is None else await read_return(connection, line.purpose_id)
    if owed is None:
        raise LookupError(f"line {line.id} gives back nothing that is owed")
    return owed
