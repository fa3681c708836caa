"""A bank's answer to a batch: sent by an officer, read by the machine, its rejections confirmed by another (E3)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from commands.account import require_code
from commands.command import Command, Context
from commands.payout import OFFICE, refuse_paid, refuse_waiting
from commands.refusals import refuses
from commands.task import DECISION, expect_kind
from commands.upload import RECEIVED, Upload, receive_confirmed
from domain.errors import Forbidden, NotFound, OwnCase, SentByYourself, StepUpRequired
from domain.payout import ANSWER_LIMIT, NoteUnreadable, PayoutDiffers, PayoutNotReady, parse_note
from gateways.files import StoredFile
from messages.payout import FactKind, TaskKind
from storage import payout
from storage.database import Acting, transaction
from storage.idempotency import Answer
from storage.rows.payout import PayoutAnswer
from storage.rows.tasks import Task

OPERATION: Final = "send_payout_answer"


@dataclass(frozen=True, slots=True)
class SeenRejections:
    """What a file calls rejected, as its confirming officer saw it: how many lines and rial, and the file's hash."""

    lines: int
    amount: int
    sha256: str


@refuses(*RECEIVED, refuse_paid, PayoutNotReady, refuse_waiting)
async def send_answer(context: Context, upload: Upload, render: Callable[[UUID], bytes]) -> Answer:
    """Store the bank's answer to a batch, with a code of its own; it is read in the background.

    Args:
        context: what commands work with.
        upload: the file, and who sends it.
        render: the answer's body, for the file's id.
    """
    if upload.actor.capacity != "staff" or not upload.actor.holds_any([OFFICE]):
        raise Forbidden
    async with transaction(context.engine, Acting.of(upload.actor)) as connection:
        if await payout.read_payout(connection, upload.about) is None:
            raise NotFound

    async def receive(command: Command, stored: StoredFile) -> bytes:
        return render(await _receive(command, upload.about, stored))

    return await receive_confirmed(
        context, upload, receive, operation=OPERATION, folder=payout.FOLDER, limit=ANSWER_LIMIT
    )


async def _receive(command: Command, case_id: UUID, stored: StoredFile) -> UUID:
    command.require_role(OFFICE)
    case = await command.lock_case(case_id)
    batch = await payout.read_payout(command.connection, case_id)
    if not case.is_open or batch is None or batch.handed_at is None:
        raise PayoutNotReady
    await refuse_paid(command, case_id)
    await refuse_waiting(command, case_id)
    me = command.actor.person_id
    answer_id = await payout.add_answer(command.connection, case_id, key=stored.key, sha256=stored.sha256, sent_by=me)
    payload = {"answer_id": str(answer_id), "size": stored.size, "sha256": stored.sha256.hex()}
    await command.act(case_id, FactKind.PAYOUT_ANSWERED, payload, part=OFFICE)
    return answer_id


@refuses(OwnCase, SentByYourself)
async def _asked(command: Command, task: Task) -> PayoutAnswer:
    expect_kind(task, TaskKind.CONFIRM_REJECTIONS)
    answer = await payout.unread_answer(command.connection, task.case_id)
    if answer is None or answer.id != task.subject_id:
        raise NotFound
    if answer.sent_by == command.actor.person_id:
        raise SentByYourself
    await refuse_paid(command, task.case_id)
    return answer


@refuses(*DECISION, _asked, PayoutDiffers, require_code)
async def confirm_rejections(command: Command, task: Task, seen: SeenRejections) -> UUID:
    """Another officer confirms what a file calls rejected, with a code of its own (G1); returns the fact's id."""
    answer = await _asked(command, task)
    lines, amount = await payout.rejected_by(command.connection, answer.id)
    if seen != SeenRejections(lines, amount, answer.sha256.hex()):
        raise PayoutDiffers
    await require_code(command)
    await payout.decide_answer(command.connection, answer.id, command.actor.person_id, confirm=True)
    payload = {"answer_id": str(answer.id), "lines": lines, "amount": amount, "sha256": answer.sha256.hex()}
    return await command.act(task.case_id, FactKind.PAYOUT_REJECTIONS_CONFIRMED, payload, part=OFFICE, closes=task)


@refuses(*DECISION, _asked, StepUpRequired, NoteUnreadable)
async def refuse_rejections(command: Command, task: Task, reason: str) -> UUID:
    """Another officer refuses what a file calls rejected; its lines stay with the bank. Returns the fact's id."""
    answer = await _asked(command, task)
    command.require_strong()
    why = {"reason": parse_note(reason, field="reason")}
    await payout.decide_answer(command.connection, answer.id, command.actor.person_id, confirm=False)
    payload, fact = {"answer_id": str(answer.id), **why}, FactKind.PAYOUT_REJECTIONS_REFUSED
    return await command.act(task.case_id, fact, payload, part=OFFICE, closes=task, shown=why)
