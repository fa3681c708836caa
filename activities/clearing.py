"""What the machine does to compare a gateway's day with the ledger, and to book what two people decided (E2)."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from temporalio import activity

from activities.outside import AskAgain, OutsideStep
from activities.payment.found_late import FoundLate, book_found_late
from activities.process import Process
from activities.transition import ActivityContext, Transition
from domain import ledger
from domain.access import Grant, Role, ScopeKind
from domain.clearing import ASK_LIST_EVERY, BANK, LIST_FOR, Correction, DifferenceKind
from domain.dates import TEHRAN, tehran_day
from domain.ledger import Occasion
from domain.money import Money
from gateways.payment import GatewayRefused, GatewayUnclear, ListedRow, PaymentGateway
from messages.case import NextStep
from messages.clearing import Event, Phase, Sms, Step, TaskKind
from messages.queue import Queue
from storage import clearing as rows
from storage import gateway_matching as matching
from storage import tasks
from storage.database import SERVICE, postgres_now, tehran_today, transaction
from storage.ledger import posting
from storage.locks import About, lock
from storage.payment import attempts_of, policy_of
from storage.rows.clearing import Clearing, Difference
from storage.rows.tasks import Task

_log = logging.getLogger("amanat.clearing")
_DAY = timedelta(days=1)
# More rows than a day of ours can have; the step then fails, and becomes a finding.
_MOST_LISTED = 50_000
# Booked in one transition.
_BOOKED_AT_ONCE = 20
_OFFICE = Grant(Role.SETTLEMENT_OFFICER, ScopeKind.PLATFORM)


async def _read(step: Transition) -> Clearing:
    found = await rows.read_clearing(step.connection, step.case.id)
    if found is None:
        raise LookupError(f"case {step.case.id} has no day to compare")
    return found


async def assess(step: Transition) -> NextStep:
    """Which step follows; a day of which every difference is decided ends here."""
    clearing = await _read(step)
    if clearing.compared_at is None:
        return NextStep(Step.FETCH_LIST)
    if await rows.differences_in(step.connection, step.case.id, "confirmed", limit=1):
        return NextStep(Step.BOOK_DIFFERENCES)
    if await _unasked(step):
        return NextStep(Step.REQUEST_DECISIONS)
    if await rows.count_undecided(step.connection, step.case.id):
        return await step.wait_now()
    return await step.end(Phase.SETTLED if await rows.has_decided(step.connection, step.case.id) else Phase.MATCHED)


async def fetch_list(context: ActivityContext, case_id: UUID) -> Sequence[ListedRow] | None:
    """The gateway's list of the day, of the next one and of the one before; None if there is none to get.

    Its clock may be ahead, or behind; and a list that was asked for early may have grown since. A list without a line
    of a day of which we have payments is as unclear as no answer; it is given as nothing at all once time is over.

    Raises:
        AskAgain: the gateway cannot say yet, and the time for that is not over.
        NoTurn: it has too much to do for us at this moment.
    """
    async with transaction(context.engine, SERVICE) as connection:
        clearing = await rows.read_clearing(connection, case_id)
        now = await postgres_now(connection)
    if clearing is None:
        raise LookupError(f"case {case_id} has no day to compare")
    gateway = context.gateways.get(clearing.gateway)
    if gateway is None:
        return None
    try:
        # Several days may be missed: one that hangs is not to keep every payment waiting.
        with context.turns.of(clearing.gateway):
            found = await _lists(gateway, clearing.day, tehran_day(now))
    except (GatewayUnclear, GatewayRefused) as trouble:
        _log.warning("list_unclear", extra={"gateway": clearing.gateway, "reason": trouble.reason})
        if now - clearing.opened_at >= LIST_FOR:
            return None
        raise AskAgain(ASK_LIST_EVERY) from trouble
    if found is not None and not any(tehran_day(row.at) == clearing.day for row in found):
        async with transaction(context.engine, SERVICE) as connection:
            is_unclear = await rows.has_payments(connection, clearing, [row.order for row in found])
        if is_unclear and now - clearing.opened_at < LIST_FOR:
            _log.warning("list_empty", extra={"gateway": clearing.gateway})
            raise AskAgain(ASK_LIST_EVERY)
        return [] if is_unclear else found
    return found


async def _lists(gateway: PaymentGateway, day: date, today: date) -> list[ListedRow] | None:
    listed = await gateway.list_day(day)
    if listed is None:
        return None
    found = [*(await gateway.list_day(day - _DAY) or ()), *listed]
    if day + _DAY <= today:
        found += await gateway.list_day(day + _DAY) or ()
    if len(found) > _MOST_LISTED:
        raise ValueError(f"a gateway lists {len(found)} rows of a day")
    return found


async def record_list(step: Transition, listed: Sequence[ListedRow] | None) -> NextStep:
    """Keep the list and compare it; fees that it is the first to tell are booked at once."""
    clearing = await _read(step)
    if clearing.compared_at is not None:
        return await assess(step)
    is_empty = not listed and await rows.has_payments(step.connection, clearing)
    if listed is None or is_empty:
        if listed is not None:
            await step.notify(await step.holders(_OFFICE), Sms.LIST_EMPTY)
        await rows.mark_unlisted(step.connection, step.case.id)
        await step.add_event(Event.CLEARING_UNLISTED)
        return await step.end(Phase.NO_LIST)
    # Two days may tell of one try: each comparison knows what the other booked.
    await lock(step.connection, About.CLEARING, clearing.gateway)
    news = await rows.keep_rows(step.connection, clearing.gateway, [_kept(row) for row in listed])
    begins = datetime.combine(clearing.day, time(), TEHRAN).astimezone(UTC)
    found = await matching.compare(step.connection, clearing, begins, begins + _DAY, news)
    await _book_fee(step, clearing.gateway, found.fees, "listed")
    await step.add_event(Event.CLEARING_COMPARED, params={"differences": found.differences})
    return await assess(step)


def _kept(row: ListedRow) -> Mapping[str, object]:
    kept: dict[str, object] = row._asdict()
    return {**kept, "order_id": kept.pop("order"), "what": row.what.value}


async def _book_fee(step: Transition, gateway: str, more: Money, name: str) -> None:
    """Book that the gateway keeps more than it told before, or less."""
    if not more.amount:
        return
    accounts = (ledger.gateway_account(gateway), ledger.GATEWAY_FEES)
    await posting.open_accounts(step.connection, accounts)
    key = f"clearing:{step.case.id}:{name}"
    occasion = Occasion(key=key, case_id=step.case.id, actor="system", event_at=step.now)
    journal = (
        ledger.gateway_fee_kept(gateway, more, occasion)
        if more.amount > 0
        else ledger.gateway_fee_given_up(gateway, -more, occasion)
    )
    await posting.post(step.connection, journal)


async def _unasked(step: Transition) -> list[tuple[TaskKind, Difference]]:
    """What the office is to be asked now: about one difference after the other, and about one booking beside it."""
    found = []
    for kind, state in ((TaskKind.SETTLE_DIFFERENCE, "open"), (TaskKind.CONFIRM_PROPOSAL, "proposed")):
        if await tasks.find_open(step.connection, step.case.id, kind) is None:
            waiting = await rows.differences_in(step.connection, step.case.id, state, limit=1)
            found += [(kind, one) for one in waiting]
    return found


async def request_decisions(step: Transition) -> NextStep:
    """Ask the settlement office about the next difference, and another officer about what one proposed to book."""
    policy = await policy_of(step.connection, step.case.policy_id)
    is_first = step.case.phase != Phase.AWAITING_DECISIONS
    for kind, one in await _unasked(step):
        await step.ask(
            kind,
            _OFFICE,
            remind_in=policy.settle_remind,
            due_in=policy.settle_expire,
            subject_id=one.id,
            details={"reason": one.kind, "amount": abs(one.there - one.here)},
            # A day's differences are announced once.
            sms=is_first or kind is TaskKind.CONFIRM_PROPOSAL,
            not_by=one.proposed_by,
        )
    if is_first:
        # Later askings do not move it: a day that is not settled in time is among the late cases of the operators.
        await step.move(Phase.AWAITING_DECISIONS, next_actor=Role.SETTLEMENT_OFFICER, due_in=policy.settle_expire)
    return await assess(step)


async def book_differences(step: Transition) -> NextStep:
    """Book what one proposed and another confirmed; what does not hold any more is decided anew."""
    clearing = await _read(step)
    await lock(step.connection, About.CLEARING, clearing.gateway)
    # An earlier difference may be found at another gateway or at the bank in the same moment.
    await lock(step.connection, About.CLEARING, Correction.TO_BE_FOUND)
    for one in await rows.differences_in(step.connection, step.case.id, "confirmed", limit=_BOOKED_AT_ONCE):
        if not await rows.may_follow(step.connection, one):
            await rows.reopen(step.connection, one.id)
            await step.add_event(Event.CLEARING_OVERTAKEN)
            continue
        await _book(step, clearing.gateway, one)
        await rows.change(step.connection, one.id, "booked")
        await step.add_event(Event.CLEARING_BOOKED, params={"amount": abs(one.there - one.here)})
    return await assess(step)


async def _book(step: Transition, gateway: str, one: Difference) -> None:
    if one.against is not None:
        await _correct(step, one, one.against)
    elif one.kind is DifferenceKind.FEE_DIFFERS:
        await _book_fee(step, gateway, Money(one.there - one.here), str(one.id))
    elif one.kind is DifferenceKind.BANK_UNMATCHED:
        await _book_settled(step, one)
    else:
        await _book_late(step, one)


async def _correct(step: Transition, one: Difference, against: Correction) -> None:
    """Move the difference from the account that is wrong; a fee that goes with it is put right too."""
    wrong = ledger.BANK_ACCOUNT if one.gateway == BANK else ledger.gateway_account(one.gateway)
    other = ledger.BANK_CHARGES if against is Correction.BANK_CHARGES else ledger.DIFFERENCES
    await posting.open_accounts(step.connection, (wrong, other))
    occasion = Occasion(f"clearing:{one.id}:corrected", step.case.id, "system", step.now)
    await posting.post(step.connection, ledger.difference_corrected(wrong, other, Money(one.more), occasion))
    # Before the fee is compared, for it is that of a payment which stands on both sides now.
    await rows.change(step.connection, one.id, "booked")
    await _book_fee(step, one.gateway, await matching.keep_fee_too(step.connection, one), f"{one.id}:fee")


async def _book_settled(step: Transition, one: Difference) -> None:
    if one.settles is None:
        raise LookupError(f"difference {one.id} cannot be booked")
    await posting.open_accounts(step.connection, (ledger.gateway_account(one.settles), ledger.BANK_ACCOUNT))
    # One row of the bank is booked once, whatever comparison it stands in.
    occasion = Occasion(f"clearing:{one.id}:settled", step.case.id, "system", step.now)
    await posting.post(step.connection, ledger.gateway_settled(one.settles, Money(one.there), occasion))


async def _book_late(step: Transition, one: Difference) -> None:
    if one.payment_id is None or one.paid_back is None:
        raise LookupError(f"difference {one.id} cannot be booked")
    tries = await attempts_of(step.connection, one.payment_id)
    attempt = next(each for each in tries if each.id == one.attempt_id)
    fee = Money(await matching.listed_fee(step.connection, one))
    await book_found_late(step, FoundLate(attempt, Money(one.there), fee, one.reference, one.paid_back))


async def lapse(step: Transition, expired: Sequence[Task]) -> NextStep:  # noqa: ARG001 - whatever was asked
    """The settlement office stayed silent: it is asked anew."""
    return await assess(step)


PROCESS = Process(
    "clearing",
    assess,
    lapse,
    steps=(request_decisions, book_differences),
    outside=(OutsideStep(Step.FETCH_LIST, fetch_list, record_list),),
)


def opening_activities(context: ActivityContext) -> Mapping[Queue, list[Any]]:
    """What the schedule of each day takes."""

    @activity.defn(name="open_clearings")
    async def open_clearings() -> int:
        """Open each past day of each gateway that has no comparison yet; returns how many."""
        async with transaction(context.engine, SERVICE) as connection:
            return len(await rows.open_missed(connection, context.gateways, await tehran_today(connection)))

    return {Queue.PROCESSES: [open_clearings]}
