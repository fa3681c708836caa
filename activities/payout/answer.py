"""A bank's answer is read apart, judged row by row and applied chunk by chunk; a worker that dies goes on (E3)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.files import READINGS, reading
from activities.outside import broken_off
from activities.payout.assessment import OFFICE, assess
from activities.payout.cutting import in_chunks
from activities.payout.settling import settle
from activities.transition import ActivityContext, Transition
from domain.ledger import AccountFrozen
from domain.payout import AnswerError, AnswerRow, LineRefusal, LineResult, LineSettlement, judge
from domain.persian import persian_digits
from gateways.answer_file import AnswerFileError, answer_rows, read_apart
from gateways.files import FileDamaged
from gateways.workplace import workplace
from messages.case import NextStep
from messages.payout import Event, Sms
from storage import payout as rows
from storage.database import SERVICE, transaction
from storage.payout import Applied
from storage.retries import retried
from storage.rows.payout import PayoutAnswer, PayoutRejection
from storage.sealing import SealBroken, Seals
from storage.withdrawal import lock_lines, sent_line

CHUNK_ROWS: Final = 200
_CHUNK_LIMIT_MS: Final = 10_000
_log = logging.getLogger("amanat.activities")


@dataclass(frozen=True, slots=True)
class ReadAnswer:
    """Which file was read to its end, or why it cannot be; no id where none waits."""

    answer_id: UUID | None
    error: AnswerError | None = None


async def apply_answer(context: ActivityContext, case_id: UUID) -> ReadAnswer:
    """Apply the oldest file that is not read to its end, from where it was left."""
    async with transaction(context.engine, SERVICE) as connection:
        answer = await rows.unread_answer(connection, case_id)
    if answer is None:
        return ReadAnswer(None)
    if broken_off() >= READINGS:
        _log.error("bank_answer_given_up", extra={"case_id": str(case_id)})
        return ReadAnswer(answer.id, AnswerError.GAVE_UP)
    async with workplace("amanat-payout-") as directory:
        source, target = directory / "received", directory / "rows"
        try:
            await context.files.fetch(answer.file_key, source)
        except (FileNotFoundError, FileDamaged, SealBroken):
            _log.exception("bank_answer_lost", extra={"case_id": str(case_id)})
            return ReadAnswer(answer.id, AnswerError.LOST)
        try:
            await reading(read_apart, source, target)
        except AnswerFileError as fault:
            return ReadAnswer(answer.id, fault.error)
        await _apply(context, answer, target)
    return ReadAnswer(answer.id)


async def _apply(context: ActivityContext, answer: PayoutAnswer, target: Path) -> None:
    found = answer_rows(target)
    while chunk := await asyncio.to_thread(lambda: list(islice(found, CHUNK_ROWS))):

        async def once(chunk: Sequence[AnswerRow] = chunk) -> None:
            async with transaction(context.engine, SERVICE, limit_ms=_CHUNK_LIMIT_MS) as connection:
                await apply_chunk(connection, context.seals, answer, chunk)

        await retried(once, of="payout:answer")


async def apply_chunk(
    connection: AsyncConnection, seals: Seals, read: PayoutAnswer, chunk: Sequence[AnswerRow]
) -> None:
    """Apply the rows of a file's chunk that were not applied before; each is judged alone.

    What is paid takes only what is held. What is rejected could be paid a second time: it waits for another officer.
    """
    answer = await rows.unread_answer(connection, read.payout_id, lock=True)
    if answer is None or answer.id != read.id:
        # A worker that was thought dead comes late: by now another file is read.
        return
    new = {row: _line_id(row) for row in chunk if row.number > answer.rows_read}
    if not new:
        return
    now = (await connection.execute(sa.select(sa.func.now()))).scalar_one()
    lines = await lock_lines(connection, answer.payout_id, [one for one in new.values() if one is not None])
    counts, refused = {"paid": 0, "repeated": 0}, list[tuple[int, str, str]]()
    rejected = list[PayoutRejection]()
    for row, line_id in new.items():
        line = None if line_id is None else lines.get(line_id)
        found = judge(row, None if line is None else sent_line(seals, line))
        if isinstance(found, LineRefusal):
            refused.append((row.number, row.key, found))
            continue
        if line is not None and found is not None and not found.is_paid:
            rejected.append(PayoutRejection(answer.id, line.id, found.reference, found.reason))
            continue
        try:
            is_new = line is not None and found is not None and await settle(connection, line, found, now)
            counts["paid" if is_new else "repeated"] += 1
        except AccountFrozen:
            refused.append((row.number, row.key, LineRefusal.ACCOUNT_FROZEN))
    applied = Applied(chunk[-1].number, **counts, rejected=rejected, refused=refused)
    await rows.note_applied(connection, answer.id, applied)


def _line_id(row: AnswerRow) -> UUID | None:
    try:
        found = UUID(row.key)
    except ValueError:
        return None
    # In one spelling alone, by which a line that is named twice is found.
    return found if str(found) == row.key else None


async def record_answer(step: Transition, read: ReadAnswer) -> NextStep:
    """The file is read to its end; who sent it is told if it could not be, the office if it says something else.

    If it calls lines rejected, another officer is asked.
    """
    if read.answer_id is not None:
        # The bank has spoken: the office waits anew.
        await step.clear_deadlines()
        answer = await rows.mark_read(step.connection, read.answer_id)
        if read.error is not None or not answer.rejected:
            await rows.end_answer(step.connection, answer.id, read.error)
        if read.error is not None:
            await step.add_event(Event.PAYOUT_ANSWER_UNREADABLE)
            await step.notify([answer.sent_by], Event.PAYOUT_ANSWER_UNREADABLE)
        else:
            counts = ("paid", "rejected", "repeated", "refused")
            await step.add_event(Event.PAYOUT_ANSWER_APPLIED, params={name: getattr(answer, name) for name in counts})
            if answer.refused:
                # The batch may end with the lines of this file: what contradicts the books would be seen by nobody.
                count = {"count": persian_digits(str(answer.refused))}
                await step.notify(await step.holders(OFFICE), Sms.PAYOUT_ROWS_REFUSED, count)
    return await assess(step)


async def apply_rejections(context: ActivityContext, case_id: UUID) -> None:
    """Settle the lines that a file calls rejected and another officer has confirmed."""
    await in_chunks(context, case_id, _reject_chunk, of="payout:rejections")


async def _reject_chunk(connection: AsyncConnection, case_id: UUID, size: int) -> bool:
    answer = await rows.unread_answer(connection, case_id, lock=True)
    if answer is None or not answer.is_confirmed:
        return False
    said = {one.withdrawal_id: one for one in await rows.open_rejections(connection, answer.id, min(size, CHUNK_ROWS))}
    now = (await connection.execute(sa.select(sa.func.now()))).scalar_one()
    for line in (await lock_lines(connection, case_id, list(said))).values():
        one = said[line.id]
        await settle(connection, line, LineSettlement(LineResult.REJECTED, one.reference, one.reason), now)
    return bool(said)


async def record_rejections(step: Transition, _: None) -> NextStep:
    """The rejected lines of the file are settled; nothing is left to do with it."""
    answer = await rows.unread_answer(step.connection, step.case.id)
    if answer is not None and answer.is_confirmed:
        await rows.end_answer(step.connection, answer.id, None)
        await step.add_event(Event.PAYOUT_REJECTIONS_APPLIED, params={"lines": answer.rejected})
    return await assess(step)
