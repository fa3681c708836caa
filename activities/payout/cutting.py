"""A batch is cut out of what waits, and the bank's file made of it; or its lines wait again. In chunks (E3)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.outside import AskAgain
from activities.payout.assessment import assess, read
from activities.transition import ActivityContext, Transition
from gateways.bank_file import BankFiles, TransferLine
from gateways.files import StoredFile
from gateways.workplace import workplace
from messages.case import NextStep
from messages.payout import Event, Phase
from storage import payout as rows
from storage.cases import read_case
from storage.database import SERVICE, transaction
from storage.payout import PayoutLine
from storage.retries import retried
from storage.sealing import Seals
from storage.withdrawal import sheba_of

CHUNK_LINES: Final = 500
_CHUNK_LIMIT_MS: Final = 10_000
_FILE_LIMIT: Final = 64 * 1024 * 1024
_PART: Final = 256 * 1024
_MADE_ANEW: Final = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class MadeFiles:
    """The bank's file in both forms, as it is kept, and how many lines are in it."""

    lines: int
    csv: StoredFile
    xlsx: StoredFile


async def cut_lines(context: ActivityContext, case_id: UUID) -> MadeFiles | None:
    """Cut what is missing of the lines, then make the files; None where nothing waits."""
    await in_chunks(context, case_id, rows.cut_chunk, of="payout:cut")
    async with transaction(context.engine, SERVICE) as connection:
        case, batch = await read_case(connection, case_id), await rows.read_payout(connection, case_id)
        if case is None or batch is None:
            raise LookupError(f"case {case_id} has no batch")
        policy = await rows.policy_of(connection, case.policy_id)
    if not batch.lines:
        return None
    async with workplace("amanat-payout-") as directory:
        with BankFiles(directory, policy.paya_most.amount) as files:
            lines = await _write(context, case_id, files)
        kept = [await context.files.keep(rows.FOLDER, _parts(path), limit=_FILE_LIMIT) for path in files.paths]
    return MadeFiles(lines, *kept)


async def in_chunks(
    context: ActivityContext, case_id: UUID, take: Callable[[AsyncConnection, UUID, int], Awaitable[bool]], *, of: str
) -> None:
    """Take chunk after chunk, each in a transaction of its own, until none is left."""

    async def once() -> bool:
        async with transaction(context.engine, SERVICE, limit_ms=_CHUNK_LIMIT_MS) as connection:
            return await take(connection, case_id, CHUNK_LINES)

    while await retried(once, of=of):
        continue


async def _write(context: ActivityContext, case_id: UUID, files: BankFiles) -> int:
    """Write every line; returns how many."""
    last = 0
    while True:
        async with transaction(context.engine, SERVICE) as connection:
            lines = await rows.list_lines(connection, case_id, after=last, limit=CHUNK_LINES)
        if not lines:
            return last
        await asyncio.to_thread(files.add, map(partial(_bank_line, context.seals), lines))
        last = lines[-1].withdrawal.line or 0


def _bank_line(seals: Seals, line: PayoutLine) -> TransferLine:
    one = line.withdrawal
    return TransferLine(one.line or 0, str(one.id), sheba_of(seals, one), line.name, one.amount)


async def _parts(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while part := await asyncio.to_thread(file.read, _PART):
            yield part


async def record_cut(step: Transition, files: MadeFiles | None) -> NextStep:
    """The lines are frozen, and the files are theirs; what a worker made that comes late is nobody's."""
    batch = await read(step)
    if batch.cut_at is not None:
        return await assess(step)
    if batch.lines != (0 if files is None else files.lines):
        # A worker that was thought dead went on cutting.
        raise AskAgain(_MADE_ANEW)
    if files is None:
        await rows.update_payout(step.connection, step.case.id, cut_at=sa.func.now())
    else:
        csv, xlsx = (files.csv.key, files.csv.sha256), (files.xlsx.key, files.xlsx.sha256)
        await rows.mark_cut(step.connection, step.case.id, csv=csv, xlsx=xlsx)
        await step.add_event(Event.PAYOUT_CUT, params={"lines": batch.lines, "amount": batch.amount})
    return await assess(step)


async def release_lines(context: ActivityContext, case_id: UUID) -> None:
    """Let the lines of a rejected batch wait for another one."""
    await in_chunks(context, case_id, rows.release_chunk, of="payout:release")


async def record_released(step: Transition, _: None) -> NextStep:
    """It is over."""
    await step.add_event(Event.PAYOUT_RELEASED)
    return await step.end(Phase.REJECTED)
