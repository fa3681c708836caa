"""What the settlement office may do about a batch of withdrawals: make, confirm, hand over, settle by hand (E3).

One makes it, another confirms it; what is recorded by hand is confirmed by another, too. Nobody decides about money of
their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from uuid import UUID

from commands.account import require_code
from commands.command import Command, Context
from commands.refusals import refuses
from commands.service import refuse_closed
from commands.task import DECISION, expect_kind
from domain.access import Actor, Grant, Role, ScopeKind
from domain.errors import Forbidden, NotFound, OwnCase, SentByYourself, StepUpRequired
from domain.money import Money
from domain.payout import (
    LineNotPaid,
    LineResult,
    LineSettled,
    NoteUnreadable,
    PayoutDiffers,
    PayoutNotReady,
    PayoutPolicy,
    ReferenceUnreadable,
    SettlementWaiting,
    parse_note,
    parse_reference,
)
from domain.wording import task_sms
from messages.case import CaseKind
from messages.payout import FactKind, Phase, SettleRecord, TaskKind
from storage import audit, payout, tasks, withdrawal
from storage.cases import read_case
from storage.database import Acting, transaction
from storage.outbox import enqueue
from storage.people import holders_of
from storage.policies import in_force
from storage.rows.cases import Case
from storage.rows.payout import Payout, PayoutSettlement
from storage.rows.tasks import Task

OFFICE = Role.SETTLEMENT_OFFICER
Form = Literal["csv", "xlsx"]


@dataclass(frozen=True, slots=True)
class SeenPayout:
    """A batch as its confirming officer saw it: how many lines and rial, and the hash of its file in each form."""

    lines: int
    amount: int
    csv_sha256: str
    xlsx_sha256: str


@dataclass(frozen=True, slots=True)
class ByHand:
    """What became of a line, as an officer learned it otherwise than by the bank's file."""

    result: LineResult
    reference: str
    note: str


@refuses(refuse_closed)
async def refuse_closed_payouts(command: Command) -> None:
    """Refuse to begin what the bank would pay while the service is closed."""
    await refuse_closed(command, CaseKind.PAYOUT)


@refuses(refuse_closed_payouts, StepUpRequired)
async def make_payout(command: Command, *, most_lines: int | None = None, most_amount: Money | None = None) -> UUID:
    """Make a batch of the waiting withdrawals, oldest first, up to a count and a sum; returns the case's id."""
    command.require_role(OFFICE)
    command.require_strong()
    await refuse_closed_payouts(command)
    row = await in_force(command.connection, PayoutPolicy.POLICY)
    if row is None:
        raise LookupError("there is no policy of pay-outs, though version 1 ships")
    bound = PayoutPolicy.from_policy(row.value).most_lines
    lines = min(most_lines or bound, bound)
    case_id = await command.open_case(CaseKind.PAYOUT, phase=Phase.CUTTING, policy_id=row.id)
    me = command.actor.person_id
    await payout.add_payout(command.connection, case_id, me, most_lines=lines, most_amount=most_amount)
    payload = {"most_lines": lines, "most_amount": None if most_amount is None else most_amount.amount}
    await command.act(case_id, FactKind.PAYOUT_MADE, payload, part=OFFICE)
    return case_id


async def _read(command: Command, case_id: UUID) -> Payout:
    found = await payout.read_payout(command.connection, case_id)
    if found is None:
        raise NotFound
    return found


@refuses(OwnCase)
async def refuse_paid(command: Command, case_id: UUID) -> None:
    """Refuse an officer whom the batch pays."""
    if await payout.has_line(command.connection, case_id, command.actor.person_id):
        raise OwnCase


@refuses(*DECISION, OwnCase, SentByYourself, PayoutDiffers, require_code)
async def confirm_payout(command: Command, task: Task, seen: SeenPayout) -> UUID:
    """Another officer confirms the batch that they saw, with a code of its own (G1); returns the fact's id."""
    expect_kind(task, TaskKind.CONFIRM_PAYOUT)
    batch, me = await _read(command, task.case_id), command.actor.person_id
    if batch.made_by == me:
        raise SentByYourself
    await refuse_paid(command, task.case_id)
    csv, xlsx = ((each or b"").hex() for each in (batch.csv_sha256, batch.xlsx_sha256))
    if seen != SeenPayout(batch.lines, batch.amount, csv, xlsx):
        raise PayoutDiffers
    await require_code(command)
    await payout.update_payout(command.connection, task.case_id, confirmed_by=me, confirmed_at=command.now)
    payload = {"lines": batch.lines, "amount": batch.amount, "csv_sha256": csv, "xlsx_sha256": xlsx}
    return await command.act(task.case_id, FactKind.PAYOUT_CONFIRMED, payload, part=OFFICE, closes=task)


@refuses(*DECISION, StepUpRequired, NoteUnreadable)
async def reject_payout(command: Command, task: Task, reason: str) -> UUID:
    """Another officer rejects the batch; its lines wait for another one. Returns the fact's id."""
    expect_kind(task, TaskKind.CONFIRM_PAYOUT)
    command.require_strong()
    why = {"reason": parse_note(reason, field="reason")}
    return await command.act(task.case_id, FactKind.PAYOUT_REJECTED, why, part=OFFICE, closes=task, shown=why)


@refuses(*DECISION, StepUpRequired)
async def hand_over_payout(command: Command, task: Task) -> UUID:
    """Record that the file was handed to the bank; it is never handed over again by itself. Returns the fact's id."""
    expect_kind(task, TaskKind.HAND_OVER_PAYOUT)
    command.require_strong()
    await payout.update_payout(command.connection, task.case_id, handed_at=command.now)
    return await command.act(task.case_id, FactKind.PAYOUT_HANDED_OVER, part=OFFICE, closes=task)


@refuses(PayoutNotReady)
async def find_file(context: Context, actor: Actor, origin: str, case_id: UUID, form: Form) -> str:
    """The key of a confirmed batch's file, for an officer who is about to get it; that they do is noted."""
    async with transaction(context.engine, Acting.of(actor)) as connection:
        if actor.capacity != "staff" or not actor.holds_any([OFFICE]):
            raise Forbidden
        batch = await payout.read_payout(connection, case_id)
        if batch is None:
            raise NotFound
        key = batch.csv_key if form == "csv" else batch.xlsx_key
        if key is None or batch.confirmed_at is None:
            raise PayoutNotReady
        by = f"{actor.capacity}:{actor.person_id}"
        noted = audit.AuditEntry("download_payout", by, str(case_id), after={"form": form}, origin=origin or None)
        await audit.append(connection, audit.case_stream(case_id), noted)
    return key


async def write_file(context: Context, key: str, path: Path) -> None:
    """Write the content of a batch's file to a local path."""
    await context.files.fetch(key, path)


@refuses(SettlementWaiting)
async def refuse_waiting(command: Command, case_id: UUID) -> None:
    """Refuse what would settle lines while a file is being read, or a line waits for a second officer."""
    connection = command.connection
    if await payout.open_settlement(connection, case_id) or await payout.unread_answer(connection, case_id):
        raise SettlementWaiting


@refuses(
    require_code,
    *(OwnCase, PayoutNotReady, LineSettled, LineNotPaid, SettlementWaiting, NoteUnreadable, ReferenceUnreadable),
)
async def record_settlement(command: Command, case_id: UUID, withdrawal_id: UUID, found: ByHand) -> UUID:
    """Record what became of one line, with a code of its own; another officer confirms it. Returns the case's id.

    That a paid line came back is recorded after the batch is over, too; no process asks the other officer then.
    """
    command.require_role(OFFICE)
    await require_code(command)
    case = await command.lock_case(case_id)
    batch = await _read(command, case_id)
    note = parse_note(found.note, field="note")
    is_return, is_rejected = found.result is LineResult.RETURNED, found.result is LineResult.REJECTED
    reference = None if is_rejected else parse_reference(found.reference, field="reference")
    if batch.handed_at is None or not (case.is_open or is_return):
        raise PayoutNotReady
    line = await withdrawal.read_withdrawal(command.connection, withdrawal_id)
    if line is None or line.payout_id != case_id:
        raise NotFound
    if line.person_id == command.actor.person_id:
        raise OwnCase
    if line.state != ("paid" if is_return else "cut"):
        raise LineNotPaid if is_return and line.state in {"cut", "rejected"} else LineSettled
    await refuse_waiting(command, case_id)
    record_id = await payout.add_settlement(
        command.connection,
        payout_id=case_id,
        withdrawal_id=withdrawal_id,
        result=found.result,
        reference=reference,
        note=note,
        recorded_by=command.actor.person_id,
    )
    payload = {"withdrawal_id": str(withdrawal_id), "result": found.result, "note": note, "line": line.line}
    shown = {"line": line.line}
    await command.act(case_id, FactKind.PAYOUT_SETTLEMENT_RECORDED, payload, part=OFFICE, shown=shown)
    if not case.is_open:
        await _ask_another(command, case, record_id)
    return case_id


async def _ask_another(command: Command, case: Case, record_id: UUID) -> None:
    """Ask another officer about a batch that is over; nothing expires there, and the answer is waited for."""
    connection, me = command.connection, command.actor.person_id
    policy = await payout.policy_of(connection, case.policy_id)
    await tasks.open_task(
        connection,
        case.id,
        TaskKind.CONFIRM_SETTLEMENT,
        assignee=Grant(OFFICE, ScopeKind.PLATFORM),
        remind_in=policy.office_remind,
        due_in=policy.office_expire,
        subject_id=record_id,
        not_by=me,
    )
    others = await holders_of(connection, Grant(OFFICE, ScopeKind.PLATFORM), apart_from=[me])
    await command.notify(others, task_sms(TaskKind.CONFIRM_SETTLEMENT), case.id)


@refuses(OwnCase, SentByYourself)
async def _asked(command: Command, task: Task) -> PayoutSettlement:
    expect_kind(task, TaskKind.CONFIRM_SETTLEMENT)
    found = await payout.open_settlement(command.connection, task.case_id)
    if found is None or found.id != task.subject_id:
        raise NotFound
    line = await withdrawal.read_withdrawal(command.connection, found.withdrawal_id)
    if found.recorded_by == command.actor.person_id:
        raise SentByYourself
    if line is not None and line.person_id == command.actor.person_id:
        raise OwnCase
    return found


@refuses(*DECISION, _asked, require_code)
async def confirm_settlement(command: Command, task: Task) -> UUID:
    """Another officer confirms what was recorded of a line, with a code of its own; returns the fact's id."""
    found = await _asked(command, task)
    await require_code(command)
    await payout.decide_settlement(command.connection, found.id, command.actor.person_id, confirm=True)
    case = await read_case(command.connection, task.case_id)
    if case is not None and not case.is_open:
        await enqueue(command.connection, SettleRecord(task.case_id))
    fact = FactKind.PAYOUT_SETTLEMENT_CONFIRMED
    return await command.act(task.case_id, fact, {"settlement_id": str(found.id)}, part=OFFICE, closes=task)


@refuses(*DECISION, _asked, StepUpRequired, NoteUnreadable)
async def reject_settlement(command: Command, task: Task, reason: str) -> UUID:
    """Another officer rejects what was recorded of a line; nothing follows from it. Returns the fact's id."""
    found = await _asked(command, task)
    command.require_strong()
    why = {"reason": parse_note(reason, field="reason")}
    payload = {"settlement_id": str(found.id), **why}
    await payout.decide_settlement(command.connection, found.id, command.actor.person_id, confirm=False)
    fact = FactKind.PAYOUT_SETTLEMENT_REJECTED
    return await command.act(task.case_id, fact, payload, part=OFFICE, closes=task, shown=why)
