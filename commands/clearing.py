"""What the settlement office does about a gateway's day: have it compared, and settle differences, by two."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from commands.account import require_code
from commands.command import Command
from commands.refusals import refuses
from commands.service import refuse_closed
from commands.task import DECISION, expect_kind
from domain import clearing as rules
from domain.access import Role
from domain.clearing import BANK, SAID_ALONE, Correction, DifferenceKind, Explanation
from domain.dates import tehran_day
from domain.errors import InvalidInput, NotFound, OwnCase, StepUpRequired, TaskNotOpen
from gateways.bank_statement import StatementFault
from gateways.statement_file import read_apart
from messages.case import CaseKind
from messages.clearing import FactKind, TaskKind
from storage import clearing as storage
from storage.audit import case_stream
from storage.clearing import BankRow
from storage.locks import About, lock
from storage.payment import items_of
from storage.payout import has_line
from storage.rows.clearing import Difference
from storage.rows.tasks import Task
from storage.tasks import open_tasks


@refuses(refuse_closed, StepUpRequired, NotFound, rules.DayNotOver, rules.DayTooOld, rules.DayCompared)
async def request_clearing(command: Command, gateway: str, day: date) -> UUID:
    """Have a gateway's day compared now; returns the case's id."""
    command.require_role(Role.SETTLEMENT_OFFICER)
    command.require_strong()
    await refuse_closed(command, CaseKind.CLEARING)
    if gateway not in command.context.gateways:
        raise NotFound
    rules.refuse_day(day, tehran_day(command.now))
    if await storage.is_being_compared(command.connection, gateway, day):
        raise rules.DayCompared
    try:
        case_id = await storage.add_clearing(command.connection, gateway, day)
    except IntegrityError as error:
        raise rules.DayCompared from error
    command.locked[case_id] = CaseKind.CLEARING
    payload = {"gateway": gateway, "day": day.isoformat()}
    await command.act(case_id, FactKind.CLEARING_REQUESTED, payload, part=Role.SETTLEMENT_OFFICER)
    return case_id


@refuses(refuse_closed, StepUpRequired, rules.StatementUnreadable, rules.StatementTooLong)
async def send_statement(command: Command, content: bytes) -> UUID:
    """Compare a statement of the bank with the ledger; returns its case, the same one for the same file."""
    command.require_role(Role.SETTLEMENT_OFFICER)
    command.require_strong()
    await refuse_closed(command, CaseKind.CLEARING)
    sha256 = hashlib.sha256(content).digest()
    await lock(command.connection, About.STATEMENT, BANK)
    known = await storage.find_statement(command.connection, sha256)
    if known is not None:
        return known
    try:
        read = await asyncio.to_thread(read_apart, content)
    except StatementFault as fault:
        raise (rules.StatementTooLong if fault.too_long else rules.StatementUnreadable)(field="file") from None
    # Up to its last day what we paid would be missed at the bank.
    if max(one.booked_on for one in read) > tehran_day(command.now):
        raise rules.StatementUnreadable(field="file")
    rows = [BankRow(one.booked_on, one.amount, one.reference, one.description, one.fingerprint) for one in read]
    case_id = await storage.add_statement(command.connection, command.seals, sha256, rows)
    command.locked[case_id] = CaseKind.CLEARING
    payload = {"rows": len(rows)}
    await command.act(case_id, FactKind.CLEARING_REQUESTED, payload, part=Role.SETTLEMENT_OFFICER)
    return case_id


@refuses(StepUpRequired, NotFound, TaskNotOpen)
async def reveal_bank_description(command: Command, case_id: UUID, difference_id: UUID) -> str:
    """What the bank wrote beside a row that the office is asked about; each look is audited.

    Raises:
        TaskNotOpen: the office is not asked about it.
        NotFound: it is about no row of the bank.
    """
    command.require_role(Role.SETTLEMENT_OFFICER)
    command.require_strong()
    if all(task.subject_id != difference_id for task in await open_tasks(command.connection, case_id)):
        raise TaskNotOpen
    description = await storage.read_description(command.connection, command.seals, difference_id)
    if description is None:
        raise NotFound
    await command.audit(case_stream(case_id), subject=str(difference_id))
    return description


@refuses(*DECISION, OwnCase, StepUpRequired)
async def explain_difference(command: Command, task: Task, explanation: Explanation, note: str) -> UUID:
    """Say why nothing is booked for a difference; returns the fact's id.

    That it stands on another day closes it for a week; anything else another officer confirms.
    """
    difference = await _asked(command, task, TaskKind.SETTLE_DIFFERENCE)
    command.require_strong()
    if explanation not in SAID_ALONE:
        return await _propose(command, task, difference, explanation=explanation, note=note)
    said = {"explanation": explanation, "note": note, "decided_by": command.actor.person_id}
    await storage.change(command.connection, difference.id, "explained", **said)
    shown = {"explanation": explanation}
    return await _decided(command, task, FactKind.CLEARING_EXPLAINED, difference, shown)


@refuses(*DECISION, OwnCase, StepUpRequired, rules.NotBookable, InvalidInput)
async def propose_booking(
    command: Command, task: Task, note: str, *, paid_back: str | None = None, settles: str | None = None
) -> UUID:
    """Propose to book a difference, for another officer to confirm; returns the fact's id.

    Args:
        command: at work.
        task: about the difference.
        note: why.
        paid_back: the bank's reference of what was paid back to the payer, where money came to light late.
        settles: the gateway that paid out, where a row of the bank is its pay-out.
    """
    difference = await _asked(command, task, TaskKind.SETTLE_DIFFERENCE)
    if not (await storage.ways_of(command.connection, [difference]))[difference.id].may_book:
        raise rules.NotBookable
    if (difference.kind is DifferenceKind.MISSING_HERE) != bool(paid_back):
        raise InvalidInput(field="paid_back")
    if (difference.kind is DifferenceKind.BANK_UNMATCHED) != (settles in command.context.gateways):
        raise InvalidInput(field="settles")
    command.require_strong()
    return await _propose(command, task, difference, note=note, paid_back=paid_back, settles=settles)


@refuses(*DECISION, OwnCase, StepUpRequired, rules.NotBookable)
async def propose_correction(
    command: Command, task: Task, against: Correction, note: str, *, resolves: UUID | None = None
) -> UUID:
    """Propose a correcting entry: the ledger then says what the gateway or the bank says. Returns the fact's id.

    Args:
        command: at work.
        task: about the difference.
        against: the other account of the entry.
        note: why.
        resolves: an earlier difference of the same amount, the other way round, that was booked to be found out and is
            found in this one; for one alone, and only against ``clearing:differences``.
    """
    difference = await _asked(command, task, TaskKind.SETTLE_DIFFERENCE)
    if against not in (await storage.ways_of(command.connection, [difference]))[difference.id].against:
        raise rules.NotBookable
    if resolves is not None:
        # Of two at once, who comes second sees what the first one claims.
        await lock(command.connection, About.CLEARING, Correction.TO_BE_FOUND)
        found = await storage.list_to_be_found(command.connection, [-difference.more])
        if against is not Correction.TO_BE_FOUND or resolves not in {one.id for one in found}:
            raise rules.NotBookable
        await _refuse_own(command, resolves)
    command.require_strong()
    return await _propose(command, task, difference, note=note, against=against, resolves=resolves)


async def _propose(command: Command, task: Task, difference: Difference, **proposed: Any) -> UUID:
    proposer = command.actor.person_id
    await storage.change(command.connection, difference.id, "proposed", **proposed, proposed_by=proposer)
    return await _decided(command, task, FactKind.CLEARING_PROPOSED, difference, {})


@refuses(*DECISION, OwnCase, require_code, rules.NotBookable)
async def confirm_proposal(command: Command, task: Task) -> UUID:
    """Confirm what another officer proposed: it is booked at once, or explained. Returns the fact's id."""
    difference = await _asked(command, task, TaskKind.CONFIRM_PROPOSAL)
    if not await storage.may_follow(command.connection, difference):
        raise rules.NotBookable
    await require_code(command)
    state = "confirmed" if difference.explanation is None else "explained"
    await storage.change(command.connection, difference.id, state, decided_by=command.actor.person_id)
    return await _decided(command, task, FactKind.CLEARING_CONFIRMED, difference, {})


@refuses(*DECISION, OwnCase, StepUpRequired)
async def reject_proposal(command: Command, task: Task, reason: str) -> UUID:
    """Reject it with a reason: the difference is to be settled anew. Returns the fact's id."""
    difference = await _asked(command, task, TaskKind.CONFIRM_PROPOSAL)
    command.require_strong()
    await storage.reopen(command.connection, difference.id)
    return await _decided(command, task, FactKind.CLEARING_REJECTED, difference, {"reason": reason})


async def _asked(command: Command, task: Task, kind: TaskKind) -> Difference:
    expect_kind(task, kind)
    if task.subject_id is None:
        raise NotFound
    difference = await _refuse_own(command, task.subject_id)
    if difference.resolves is not None:
        # It decides on the earlier one as well.
        await _refuse_own(command, difference.resolves)
    return difference


async def _refuse_own(command: Command, difference_id: UUID) -> Difference:
    difference = await storage.read_difference(command.connection, difference_id)
    if difference.payment_id is not None:
        # The comparison has no people of its own: they stand in the payment, and in what it is for.
        await command.refuse_own_case(difference.payment_id)
        for item in await items_of(command.connection, difference.payment_id):
            await command.refuse_own_case(item.purpose_id)
    batch = difference.payout_id
    # The comparison has no people of its own: they stand in the lines of the batch.
    if batch is not None and await has_line(command.connection, batch, command.actor.person_id):
        raise OwnCase
    return difference


async def _decided(
    command: Command, task: Task, fact: FactKind, difference: Difference, shown: Mapping[str, str]
) -> UUID:
    payload = {"difference_id": str(difference.id), **shown}
    return await command.act(task.case_id, fact, payload, part=Role.SETTLEMENT_OFFICER, closes=task, shown=shown)
