"""What people may do about a payment: begin it, try again, have the bank asked; what the settlement office may (E2).

What is paid for opens a payment by ``open_payment`` in its own command; its case takes the money in its own transition.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from commands.account import require_code
from commands.command import Command, Context
from commands.refusals import refuses
from commands.service import refuse_closed
from commands.task import DECISION, case_closed, expect_kind
from domain import payment as rules
from domain.access import Part, Role
from domain.address import from_network
from domain.errors import CaseClosed, NotFound, OwnCase, Refusal, StepUpRequired, TooMany
from domain.money import Money, format_toman
from domain.payment import PaymentPolicy
from messages.case import CaseKind
from messages.payment import FactKind, Phase, TaskKind
from storage import account
from storage import payment as rows
from storage.bank_account import own_cards
from storage.cases import lock_case
from storage.database import SERVICE, as_service, transaction
from storage.locks import About, lock
from storage.payment import NewItem
from storage.policies import in_force
from storage.rows.payment import Payment, PaymentAttempt
from storage.rows.tasks import Task

# A payer who presses again and again has the bank asked no more often than this.
_LOOK_PAUSE = timedelta(seconds=10)


@refuses(
    refuse_closed,
    rules.PaymentTooSmall,
    rules.PaymentTooLarge,
    rules.DayLimitReached,
    rules.NoGateway,
    rules.CardMissing,
    rules.PaymentUnderWay,
)
async def open_payment(command: Command, items: Sequence[NewItem], gateway: str | None = None) -> UUID:
    """Begin to pay for some cases of the member's, at once, by a gateway of their choice; returns the payment's case.

    Args:
        command: of the payer; it has locked the cases that are paid for.
        items: what is paid for.
        gateway: the wished one; another takes its place where it cannot be reached.
    """
    await refuse_closed(command, CaseKind.PAYMENT)
    policy_row = await in_force(command.connection, PaymentPolicy.POLICY)
    if policy_row is None:
        raise rules.NoGateway
    policy, payer = PaymentPolicy.from_policy(policy_row.value), command.actor.person_id
    purposes = [item.purpose for item in items]
    first = _first_gateway(command, policy, gateway)
    await lock(command.connection, About.PAYMENTS_OF_PERSON, payer)
    due = Money.total(item.amount for item in items)
    await _refuse_amount(command, policy, due + policy.fee_of(due, purposes))
    if policy.needs_own_card(purposes) and not await own_cards(command.connection, command.seals, payer):
        raise rules.CardMissing
    for item in items:
        if await rows.running_for(command.connection, item.purpose_id) is not None:
            raise rules.PaymentUnderWay
    case_id = await command.open_case(
        CaseKind.PAYMENT,
        phase=Phase.AWAITING_LINK,
        policy_id=policy_row.id,
        person_id=payer,
        part=Part.PAYER,
        next_actor=Part.MACHINE,
    )
    try:
        async with as_service(command.connection, command.acting):
            await rows.add_payment(command.connection, case_id, payer, items, policy)
    except IntegrityError as error:
        raise rules.PaymentUnderWay from error
    await _begin_attempt(command, case_id, first)
    return case_id


def _first_gateway(command: Command, policy: PaymentPolicy, wished: str | None) -> str:
    usable = policy.usable(command.context.gateways, wished)
    if not usable:
        raise rules.NoGateway
    return usable[0]


def refuse_size(policy: PaymentPolicy, amount: Money, *, field: str | None = None) -> None:
    """Refuse an amount that no payment may be.

    Raises:
        PaymentTooSmall, PaymentTooLarge: it is out of its range.
    """
    if amount < policy.least:
        raise rules.PaymentTooSmall(field=field, least=Toman(policy.least))
    if amount > policy.most:
        raise rules.PaymentTooLarge(field=field, most=Toman(policy.most))


async def _refuse_amount(command: Command, policy: PaymentPolicy, amount: Money) -> None:
    refuse_size(policy, amount)
    if await rows.paid_today(command.connection, command.actor.person_id) + amount > policy.most_a_day:
        raise rules.DayLimitReached(most=Toman(policy.most_a_day))


@dataclass(init=False, slots=True)
class Toman:
    """An amount as each language writes it in a refusal; it travels with the refusal."""

    fa: str
    en: str

    def __init__(self, amount: Money) -> None:
        self.fa = format_toman(amount)
        self.en = format_toman(amount, persian=False)


async def _begin_attempt(command: Command, case_id: UUID, gateway: str) -> None:
    wait = await account.count_use(
        command.connection, command.seals, rules.ATTEMPTS_PER_MEMBER, str(command.actor.person_id)
    )
    if wait is not None:
        raise TooMany(retry_after=wait)
    async with as_service(command.connection, command.acting):
        attempt_id = await rows.add_attempt(
            command.connection, command.seals, case_id, gateway, host=command.envelope.host
        )
    fact, payload = FactKind.PAYMENT_ATTEMPTED, {"attempt_id": str(attempt_id), "gateway": gateway}
    await command.act(case_id, fact, payload, part=Part.PAYER)


@refuses(CaseClosed, rules.NoGateway, rules.AttemptsUsedUp, rules.PaymentUnclear, rules.PaymentReceived)
async def try_again(command: Command, case_id: UUID, gateway: str | None = None) -> UUID:
    """Go to a bank once more, by the same gateway or another one; returns the case's id.

    An earlier link that is still open stays so: if both are paid, the later money goes back.
    """
    payment, attempts = await _lock_payment(command, case_id)
    policy = await _policy_now(command.connection)
    refusal = await against_another_try(command.connection, payment, attempts, command.now)
    # Pressed twice: the try that is asked for already is the last one that may be.
    was_pressed = any(one.state == "requested" for one in attempts)
    if refusal is not None and not (was_pressed and isinstance(refusal, rules.AttemptsUsedUp)):
        raise refusal
    if policy is not None and not was_pressed:
        await _begin_attempt(command, case_id, _first_gateway(command, policy, gateway))
    return case_id


async def against_another_try(
    connection: AsyncConnection, payment: Payment, attempts: Sequence[PaymentAttempt], now: datetime
) -> Refusal | None:
    """Why the payer may not go to a bank once more for an open payment; None if they may."""
    policy = await _policy_now(connection)
    if any(one.state == "unclear" or one.is_due(now) for one in attempts):
        return rules.PaymentUnclear()
    # What was paid and goes back whole may be paid anew.
    back = {one.attempt_id for one in await rows.returns_of(connection, payment.case_id)}
    if any(one.state == "paid" and one.id not in back for one in attempts):
        return rules.PaymentReceived()
    if any(one.state == "requested" for one in attempts):
        # Pressed twice.
        return None
    is_wanted = any(item.decided_at is None for item in await rows.items_of(connection, payment.case_id))
    is_over = not is_wanted or payment.pay_until <= now
    if policy is None or is_over or len(attempts) >= policy.attempts:
        return rules.AttemptsUsedUp()
    return None


async def _policy_now(connection: AsyncConnection) -> PaymentPolicy | None:
    row = await in_force(connection, PaymentPolicy.POLICY)
    return None if row is None else PaymentPolicy.from_policy(row.value)


async def _lock_payment(command: Command, case_id: UUID) -> tuple[Payment, list[PaymentAttempt]]:
    case = await command.lock_own_case(case_id, CaseKind.PAYMENT)
    if not case.is_open:
        raise await case_closed(command, case)
    payment = await rows.read_payment(command.connection, case_id)
    if payment is None:
        raise NotFound
    return payment, await rows.attempts_of(command.connection, case_id)


@refuses(CaseClosed)
async def look_at_payment(command: Command, case_id: UUID) -> UUID:
    """Have the gateway asked now: the payer has paid and was not brought back. Returns the case's id."""
    _, attempts = await _lock_payment(command, case_id)
    looked = [one for one in attempts if one.is_watched and not _looked_lately(one, command)]
    if looked:
        wait = await account.count_use(command.connection, command.seals, rules.LOOKS_PER_PAYMENT, str(case_id))
        if wait is not None:
            raise TooMany(retry_after=wait)
        async with as_service(command.connection, command.acting):
            await rows.look_now(command.connection, case_id)
        await command.act(case_id, FactKind.PAYMENT_LOOKED_AT, part=Part.PAYER)
    return case_id


def _looked_lately(attempt: PaymentAttempt, command: Command) -> bool:
    asked = [moment for moment in (attempt.looked_at, attempt.look_at) if moment is not None and moment <= command.now]
    return any(command.now - moment < _LOOK_PAUSE for moment in asked)


@refuses(NotFound)
async def call_back(context: Context, *, token: str, origin: str) -> UUID:
    """Note that a payer's browser came back from the bank; the gateway is asked what happened. Returns the payment.

    Anybody may call it who knows the token of a try, and nothing follows from it but that question, once.
    """
    async with transaction(context.engine, SERVICE) as connection:
        found, wait = await rows.try_of(connection, token), None
        if found is None:
            wait = await account.count_uses(
                connection, context.seals, from_network(rules.STRAY_CALLBACKS_PER_ADDRESS, origin)
            )
        elif await account.count_use(connection, context.seals, rules.CALLBACKS_PER_TRY, token) is None:
            # Before its try, as the process does: else each could wait for what the other has.
            await lock_case(connection, found[0])
            await rows.call_back(connection, token)
    # After the commit: what was counted stays counted.
    if wait is not None:
        raise TooMany(retry_after=wait)
    if found is None:
        raise NotFound
    context.nudge()
    return found[0]


async def host_of_payer(context: Context, token: str) -> str:
    """By which name of ours the payer of a try came, to lead them back there; empty if that is not known."""
    async with transaction(context.engine, SERVICE) as connection:
        found = await rows.try_of(connection, token)
    return "" if found is None else found[1]


@refuses(OwnCase)
async def refuse_own_purpose(command: Command, payment_id: UUID) -> None:
    """Refuse who takes part in a case that is paid for: the money would go to them, or come from them."""
    for item in await rows.items_of(command.connection, payment_id):
        await command.refuse_own_case(item.purpose_id)


@refuses(*DECISION, StepUpRequired, refuse_own_purpose)
async def ask_again(command: Command, task: Task) -> UUID:
    """Have the gateway asked for another while; returns the fact's id."""
    expect_kind(task, TaskKind.SETTLE_PAYMENT)
    await refuse_own_purpose(command, task.case_id)
    command.require_strong()
    async with as_service(command.connection, command.acting):
        await rows.look_now(command.connection, task.case_id, afresh=True)
    return await command.act(task.case_id, FactKind.PAYMENT_ASKED_AGAIN, part=Role.SETTLEMENT_OFFICER, closes=task)


@refuses(*DECISION, require_code, refuse_own_purpose)
async def give_up(command: Command, task: Task, note: str) -> UUID:
    """Record that nothing was paid, as the gateway's desk or the bank says; returns the fact's id.

    It is about the tries that the office was asked about: one that the gateway is still being asked about goes on.
    Should the money come to light later, the reconciliation of the day finds it.
    """
    expect_kind(task, TaskKind.SETTLE_PAYMENT)
    await refuse_own_purpose(command, task.case_id)
    await require_code(command)
    case = await command.lock_case(task.case_id)
    policy = await rows.policy_of(command.connection, case.policy_id)
    for attempt in await rows.attempts_of(command.connection, task.case_id):
        if attempt.is_lost(command.now - policy.unclear_for):
            await rows.end_attempt(command.connection, attempt.id, "given_up")
    return await command.act(
        task.case_id, FactKind.PAYMENT_GIVEN_UP, {"note": note}, part=Role.SETTLEMENT_OFFICER, closes=task
    )
