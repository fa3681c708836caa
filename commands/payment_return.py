"""What the settlement office does about money that no gateway gives back: one records it, another confirms (E2, G1).

Nobody decides about money of their own, nor confirms what they recorded themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from commands.account import require_code
from commands.command import Command
from commands.payment import refuse_own_purpose
from commands.refusals import refuses
from commands.task import DECISION, expect_kind
from domain.access import Role
from domain.errors import NotFound, OwnCase, SentByYourself, StepUpRequired, TaskNotOpen
from domain.payment import RefundReason
from domain.payment_return import RecordedFrom
from messages.payment import FactKind, TaskKind
from storage import payment as payments
from storage import payment_return as storage
from storage import tasks
from storage.audit import case_stream
from storage.bank_account import own_sheba, whole_number
from storage.rows.payment import PaymentReturn
from storage.rows.tasks import Task

OFFICE = Role.SETTLEMENT_OFFICER


@dataclass(frozen=True, slots=True)
class WentBack:
    """How money went back, as an officer says: out of what, by which reference of the bank or gateway, and a note."""

    source: RecordedFrom
    reference: str
    note: str


@refuses(*DECISION, require_code, refuse_own_purpose)
async def record_return(command: Command, task: Task, found: WentBack) -> UUID:
    """Record how money went back, with a code of its own; another officer confirms it. Returns the fact's id."""
    owed = await _asked(command, task, TaskKind.RETURN_PAYMENT)
    await require_code(command)
    await storage.record(
        command.connection,
        owed.id,
        source=found.source,
        reference=found.reference,
        note=found.note,
        by=command.actor.person_id,
    )
    payload = {"return_id": str(owed.id), "from": found.source, "reference": found.reference, "note": found.note}
    return await command.act(task.case_id, FactKind.PAYMENT_RETURNED_BY_HAND, payload, part=OFFICE, closes=task)


@refuses(*DECISION, require_code, refuse_own_purpose, SentByYourself)
async def confirm_return(command: Command, task: Task) -> UUID:
    """Another officer confirms what was recorded, with a code of its own; returns the fact's id."""
    owed = await _recorded(command, task)
    await require_code(command)
    await storage.confirm(command.connection, owed.id, command.actor.person_id)
    return await _decided(command, task, FactKind.PAYMENT_RETURN_CONFIRMED, owed)


@refuses(*DECISION, StepUpRequired, refuse_own_purpose, SentByYourself)
async def reject_return(command: Command, task: Task, reason: str) -> UUID:
    """Another officer does not confirm it: it is to be paid back as before. Returns the fact's id."""
    owed = await _recorded(command, task)
    command.require_strong()
    await storage.forget_record(command.connection, owed.id)
    return await _decided(command, task, FactKind.PAYMENT_RETURN_REJECTED, owed, reason=reason)


async def _asked(command: Command, task: Task, kind: TaskKind) -> PaymentReturn:
    expect_kind(task, kind)
    await refuse_own_purpose(command, task.case_id)
    owed = None if task.subject_id is None else await storage.read_return(command.connection, task.subject_id)
    if owed is None or owed.returned_at is not None:
        raise NotFound
    return owed


async def _recorded(command: Command, task: Task) -> PaymentReturn:
    owed = await _asked(command, task, TaskKind.CONFIRM_RETURN)
    if owed.recorded_by == command.actor.person_id:
        raise SentByYourself
    return owed


async def _decided(command: Command, task: Task, fact: FactKind, owed: PaymentReturn, **why: str) -> UUID:
    return await command.act(task.case_id, fact, {"return_id": str(owed.id), **why}, part=OFFICE, closes=task)


@refuses(require_code, OwnCase, refuse_own_purpose, TaskNotOpen)
async def reveal_return_sheba(command: Command, case_id: UUID, return_id: UUID) -> str:
    """The whole sheba to which an officer is to pay money back by hand, with a code of its own; each look is audited.

    Raises:
        TaskNotOpen: the office is not asked to pay it back.
        NotFound: it does not go to a sheba of the payer's.
    """
    command.require_role(OFFICE)
    await require_code(command)
    await command.refuse_own_case(case_id)
    await refuse_own_purpose(command, case_id)
    payment = await payments.read_payment(command.connection, case_id)
    if payment is None:
        raise NotFound
    if all(task.subject_id != return_id for task in await tasks.open_tasks(command.connection, case_id)):
        raise TaskNotOpen
    owed = await storage.read_return(command.connection, return_id)
    sheba = await own_sheba(command.connection, payment.person_id)
    if owed is None or owed.reason == RefundReason.FOREIGN_CARD or sheba is None:
        raise NotFound
    await command.audit(case_stream(case_id), subject=str(return_id))
    return whole_number(command.seals, sheba)
