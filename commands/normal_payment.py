"""What people may do about a normal payment: ask for one, accept or refuse it, pay it, withdraw (E7).

Nothing tells the payer whether a number is a member's before that member has accepted.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from commands.account.codes import read_mobile
from commands.command import Command
from commands.invitation import invite_stranger, is_own_number
from commands.payment import open_payment, refuse_size
from commands.refusals import refuses
from commands.service import refuse_closed
from commands.task import CLOSED, DECISION, case_closed, closed_as, expect_kind
from domain import normal_payment as rules
from domain import payment as payment_rules
from domain.access import Part
from domain.account import MobileUnreadable
from domain.errors import CaseClosed, NotFound, TaskNotOpen, TooMany
from domain.escrow.rules import JobNotAccepted
from domain.identity import Mobile
from domain.money import Money
from domain.normal_payment import NormalPaymentPolicy
from domain.payment import PaymentPolicy
from messages.case import CaseKind
from messages.normal_payment import FactKind, Phase, TaskKind
from storage import account, tasks
from storage import normal_payment as rows
from storage.cases import last_fact
from storage.database import as_service
from storage.escrow.jobs import read_job
from storage.payment import NewItem, offered_to
from storage.people import seal_number
from storage.policies import in_force
from storage.rows.normal_payment import NormalPayment
from storage.rows.policies import Policy
from storage.rows.tasks import Task

# With these a person has ended it, though the process may not have heard yet.
ENDINGS: Final = (FactKind.NORMAL_PAYMENT_REFUSED, FactKind.NORMAL_PAYMENT_WITHDRAWN)


@dataclass(frozen=True, slots=True)
class NormalPaymentWish:
    """Whom a member wants to pay how much and for what, and which words they accepted (E7).

    ``mobile`` is the payee's, or None where it is for a job of the payer's, whose contractor is the payee.
    """

    mobile: str | None = field(repr=False)
    amount: Money
    what_for: str = field(repr=False)
    terms_version: int
    job_id: UUID | None = None


@refuses(
    refuse_closed,
    MobileUnreadable,
    rules.WhatForUnreadable,
    rules.NoResponsibilityOutdated,
    rules.PayeeIsPayer,
    JobNotAccepted,
    payment_rules.PaymentTooSmall,
    payment_rules.PaymentTooLarge,
    payment_rules.NoGateway,
)
async def request_normal_payment(command: Command, wish: NormalPaymentWish) -> UUID:
    """Ask the holder of a number to be paid outside escrow (E7); returns the case's id.

    The answer is the same whether or not the number is a member's; who is none gets an invitation.
    """
    await refuse_closed(command, CaseKind.NORMAL_PAYMENT)
    row = await _policy(command)
    policy, number = NormalPaymentPolicy.from_policy(row.value), _read_number(wish)
    what_for = rules.parse_what_for(wish.what_for)
    if wish.terms_version != policy.terms_version:
        raise rules.NoResponsibilityOutdated(field="terms_version")
    await _refuse_amount(command, wish.amount)
    to = await _read_payee(command, wish, number)
    await _count(command, to)
    case_id = await command.open_case(
        CaseKind.NORMAL_PAYMENT,
        phase=Phase.SUBMITTED,
        policy_id=row.id,
        person_id=command.actor.person_id,
        part=Part.PAYER,
        next_actor=Part.MACHINE,
    )
    await _store(command, case_id, to, wish.amount, what_for, policy)
    shown = {"amount": wish.amount.amount}
    payload = {**shown, "terms_version": wish.terms_version}
    await command.act(case_id, FactKind.NORMAL_PAYMENT_REQUESTED, payload, part=Part.PAYER, shown=shown)
    return case_id


@dataclass(frozen=True, slots=True)
class _Payee:
    """Who is to be paid: whose the number is, or the contractor of a job."""

    number: Mobile | None = field(repr=False)
    person_id: UUID | None = None
    job_id: UUID | None = None


def _read_number(wish: NormalPaymentWish) -> Mobile | None:
    """The number that was typed; None where the payee is a job's contractor."""
    return None if wish.job_id is not None else read_mobile(wish.mobile or "")


async def _read_payee(command: Command, wish: NormalPaymentWish, number: Mobile | None) -> _Payee:
    if wish.job_id is None:
        if number is not None and await is_own_number(command, number):
            raise rules.PayeeIsPayer(field="mobile")
        return _Payee(number)
    job = await read_job(command.connection, wish.job_id)
    if job is None or job.employer_id != command.actor.person_id:
        raise NotFound
    if job.accepted_at is None:
        raise JobNotAccepted(field="job_id")
    return _Payee(None, job.contractor_id, job.id)


async def _store(
    command: Command, case_id: UUID, to: _Payee, amount: Money, what_for: str, policy: NormalPaymentPolicy
) -> None:
    """Store what is to be paid; who is known takes part at once, whose number is no member's is invited."""
    sealed = None if to.number is None else seal_number(command.seals, to.number)
    await rows.add_normal_payment(
        command.connection,
        case_id,
        payer_id=command.actor.person_id,
        number=sealed,
        amount=amount,
        what_for=what_for,
        policy=policy,
        job_id=to.job_id,
    )
    if to.number is not None and sealed is not None:
        await invite_stranger(command, to.number, sealed.index)
    if to.person_id is not None:
        async with as_service(command.connection, command.acting):
            await rows.set_payee(command.connection, case_id, to.person_id)


async def _policy(command: Command) -> Policy:
    row = await in_force(command.connection, NormalPaymentPolicy.POLICY)
    if row is None:
        raise LookupError("there is no policy of normal payments, though version 1 ships")
    return row


async def _refuse_amount(command: Command, amount: Money) -> None:
    """Nobody is asked to accept what no gateway takes."""
    row = await in_force(command.connection, PaymentPolicy.POLICY)
    if row is None:
        raise payment_rules.NoGateway
    refuse_size(PaymentPolicy.from_policy(row.value), amount, field="amount.amount")


async def _count(command: Command, to: _Payee) -> None:
    # A refused request sends nothing, so its count may be rolled back with it.
    me, payee = command.actor.person_id, to.number or str(to.person_id)
    limits = (
        (rules.REQUESTS_PER_MEMBER, str(me)),
        (rules.REQUESTS_PER_PAIR, f"{me}/{payee}"),
        (rules.REQUESTS_PER_NUMBER, payee),
    )
    wait = await account.count_uses(command.connection, command.seals, limits)
    if wait is not None:
        raise TooMany(retry_after=wait)


@refuses(*DECISION, rules.NoResponsibilityOutdated)
async def accept_normal_payment(command: Command, task: Task, terms_version: int) -> UUID:
    """The payee accepts, in the same words as the payer (E7); returns the fact's id."""
    payment = await _asked(command, task)
    if terms_version != payment.terms_version:
        raise rules.NoResponsibilityOutdated(field="terms_version")
    await rows.mark_accepted(command.connection, task.case_id)
    fact, payload = FactKind.NORMAL_PAYMENT_ACCEPTED, {"terms_version": terms_version}
    return await command.act(task.case_id, fact, payload, part=Part.PAYEE, closes=task)


@refuses(*DECISION)
async def refuse_normal_payment(command: Command, task: Task) -> UUID:
    """The payee does not want it; returns the fact's id."""
    payment = await _asked(command, task)
    fact = FactKind.NORMAL_PAYMENT_REFUSED
    return await command.act(task.case_id, fact, part=Part.PAYEE, closes=task, sms={fact: [payment.payer_id]})


async def _asked(command: Command, task: Task) -> NormalPayment:
    expect_kind(task, TaskKind.ANSWER_NORMAL_PAYMENT)
    payment = await rows.read_normal_payment(command.connection, task.case_id)
    if payment is None or payment.payee_id != command.actor.person_id:
        raise NotFound
    if await last_fact(command.connection, task.case_id, *ENDINGS) is not None:
        raise TaskNotOpen
    return payment


@refuses(CaseClosed, *CLOSED, open_payment)
async def pay_normal_payment(command: Command, case_id: UUID, gateway: str | None = None) -> UUID:
    """Begin to pay what the payee has accepted, by a gateway of the payer's choice; returns the payment's case."""
    payment = await _lock(command, case_id)
    if await tasks.find_open(command.connection, case_id, TaskKind.PAY_NORMAL_PAYMENT) is None:
        asked = await tasks.last_task(command.connection, case_id, TaskKind.PAY_NORMAL_PAYMENT)
        raise NotFound if asked is None else await closed_as(command.connection, command.actor, asked)
    return await open_payment(command, [NewItem(CaseKind.NORMAL_PAYMENT, case_id, payment.money)], gateway)


@refuses(CaseClosed, payment_rules.PaymentReceived)
async def withdraw_normal_payment(command: Command, case_id: UUID) -> UUID:
    """Withdraw until it is paid; what is paid afterwards goes back. Returns the case's id."""
    await _lock(command, case_id)
    # Its lock is none of a member's.
    async with as_service(command.connection, command.acting):
        is_paid = await offered_to(command.connection, case_id) is not None
    if is_paid:
        raise payment_rules.PaymentReceived
    await tasks.moot_tasks(command.connection, case_id)
    await command.act(case_id, FactKind.NORMAL_PAYMENT_WITHDRAWN, part=Part.PAYER)
    return case_id


async def _lock(command: Command, case_id: UUID) -> NormalPayment:
    case = await command.lock_own_case(case_id, CaseKind.NORMAL_PAYMENT)
    payment = await rows.read_normal_payment(command.connection, case_id)
    if payment is None:
        raise NotFound
    if not case.is_open or await last_fact(command.connection, case_id, *ENDINGS) is not None:
        raise await case_closed(command, case, *ENDINGS)
    return payment
