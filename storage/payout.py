"""Batches of withdrawals: cut, put into the bank's file, confirmed, answered and settled, chunk by chunk (E3)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.money import Money
from domain.payout import PayoutPolicy
from storage.locks import About, lock
from storage.policies import by_id
from storage.rows.cases import cases
from storage.rows.payout import (
    Payout,
    PayoutAnswer,
    PayoutRefusal,
    PayoutRejection,
    PayoutSettlement,
    Withdrawal,
    payout_answers,
    payout_refusals,
    payout_rejections,
    payout_settlements,
    payouts,
    withdrawals,
)
from storage.rows.people import persons
from storage.rows.table import as_row, columns, find_one, read_all, read_one
from storage.withdrawal import COLUMNS

FOLDER: Final = "payout"
_PAYOUT = columns(payouts, Payout)
_ANSWER = columns(payout_answers, PayoutAnswer)
_SETTLEMENT = columns(payout_settlements, PayoutSettlement)
_w, _p, _a, _s, _j = withdrawals.c, payouts.c, payout_answers.c, payout_settlements.c, payout_rejections.c
_NAME = sa.func.btrim(sa.func.concat_ws(" ", persons.c.first_name, persons.c.last_name))


@dataclass(frozen=True, slots=True)
class PayoutRow:
    """A batch in a list, with where its case stands and how many of its lines stand where."""

    payout: Payout
    number: str
    phase: str
    counts: dict[str, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class PayoutLine:
    """A line of a batch with its owner's name."""

    withdrawal: Withdrawal
    name: str


@dataclass(frozen=True, slots=True)
class Applied:
    """What followed from rows of a bank's answer: how far it is read, and how many rows did what."""

    rows_read: int
    paid: int
    rejected: Sequence[PayoutRejection]
    repeated: int
    refused: Sequence[tuple[int, str, str]]


async def policy_of(connection: AsyncConnection, policy_id: UUID) -> PayoutPolicy:
    """The policy as a batch's case froze it."""
    return PayoutPolicy.from_policy((await by_id(connection, policy_id)).value)


async def add_payout(
    connection: AsyncConnection, case_id: UUID, made_by: UUID, *, most_lines: int, most_amount: Money | None
) -> None:
    """Begin a batch of at most so many lines and rial."""
    amount = None if most_amount is None else most_amount.amount
    values = {"case_id": case_id, "made_by": made_by, "most_lines": most_lines, "most_amount": amount}
    await connection.execute(sa.insert(payouts).values(values))


async def read_payout(connection: AsyncConnection, case_id: UUID) -> Payout | None:
    """A batch; None if it is missing or hidden."""
    return await find_one(connection, Payout, sa.select(*_PAYOUT).where(_p.case_id == case_id))


async def cut_chunk(connection: AsyncConnection, case_id: UUID, size: int) -> bool:
    """Cut the next waiting withdrawals into a batch, oldest first; False if nothing more belongs to it.

    One batch cuts at a time. Its maker's own are left to another batch, and so is what was asked for later.
    """
    await lock(connection, About.PAYOUTS, "cut")
    payout = await read_one(connection, Payout, sa.select(*_PAYOUT).where(_p.case_id == case_id).with_for_update())
    left = min(size, payout.most_lines - payout.lines)
    if payout.cut_at is not None or left <= 0:
        return False
    waiting = (
        sa.select(_w.id, _w.amount)
        .where(_w.state == "waiting", _w.person_id != payout.made_by, _w.asked_at <= payout.made_at)
        .order_by(_w.id)
        .limit(left)
        .with_for_update()
    )
    found = list(await connection.execute(waiting))
    chosen, amount = list[UUID](), payout.amount
    for withdrawal_id, each in found:
        if payout.most_amount is not None and amount + each > payout.most_amount:
            break
        chosen.append(withdrawal_id)
        amount += each
    if chosen:
        ids = sa.func.unnest(sa.cast(chosen, sa.ARRAY(sa.Uuid)))
        numbers = ids.table_valued("id", with_ordinality="nr", name="n").render_derived()
        cutting = (
            sa.update(withdrawals)
            .where(_w.id == numbers.c.id)
            .values(state="cut", payout_id=case_id, line=payout.lines + numbers.c.nr)
        )
        await connection.execute(cutting)
        counted = {"lines": payout.lines + len(chosen), "amount": amount}
        await connection.execute(sa.update(payouts).where(_p.case_id == case_id).values(counted))
    return len(chosen) == left


async def release_chunk(connection: AsyncConnection, case_id: UUID, size: int) -> bool:
    """Let lines of a rejected batch wait for another one; False if none is left."""
    some = sa.select(_w.id).where(_w.payout_id == case_id, _w.state == "cut").limit(size)
    released = sa.update(withdrawals).where(_w.id.in_(some)).values(state="waiting", payout_id=None, line=None)
    return (await connection.execute(released)).rowcount > 0


async def mark_cut(
    connection: AsyncConnection, case_id: UUID, *, csv: tuple[str, bytes], xlsx: tuple[str, bytes]
) -> None:
    """The batch is cut, and these are the keys and hashes of its files."""
    values = {"csv_key": csv[0], "csv_sha256": csv[1], "xlsx_key": xlsx[0], "xlsx_sha256": xlsx[1]}
    await update_payout(connection, case_id, cut_at=sa.func.now(), **values)


async def update_payout(connection: AsyncConnection, case_id: UUID, **values: object) -> None:
    """Set columns of a batch."""
    await connection.execute(sa.update(payouts).where(_p.case_id == case_id).values(**values))


async def list_lines(
    connection: AsyncConnection,
    case_id: UUID,
    *,
    after: int = 0,
    line_id: UUID | None = None,
    rejected_in: UUID | None = None,
    limit: int,
) -> list[PayoutLine]:
    """Lines of a batch in their order; one of them if its id is given, or those that a file calls rejected."""
    query = (
        sa.select(*COLUMNS, _NAME)
        .join(persons, persons.c.id == _w.person_id)
        .where(_w.payout_id == case_id, _w.line > after)
        .order_by(_w.line)
        .limit(limit)
    )
    if line_id is not None:
        query = query.where(_w.id == line_id)
    if rejected_in is not None:
        query = query.where(sa.exists().where(_j.answer_id == rejected_in, _j.withdrawal_id == _w.id))
    count = len(COLUMNS)
    return [PayoutLine(as_row(Withdrawal, row[:count]), row[count]) for row in await connection.execute(query)]


async def count_lines(
    connection: AsyncConnection, case_ids: Collection[UUID]
) -> dict[UUID, dict[str, tuple[int, int]]]:
    """How many lines of each batch stand where, and their rial."""
    query = (
        sa.select(_w.payout_id, _w.state, sa.func.count(), sa.func.sum(_w.amount))
        .where(_w.payout_id.in_(case_ids))
        .group_by(_w.payout_id, _w.state)
    )
    counts: dict[UUID, dict[str, tuple[int, int]]] = {case_id: {} for case_id in case_ids}
    for case_id, state, count, amount in await connection.execute(query):
        counts[case_id][state] = (count, int(amount))
    return counts


async def has_line(connection: AsyncConnection, case_id: UUID, person_id: UUID) -> bool:
    """Whether a person is paid by the batch."""
    query = sa.select(sa.exists().where(_w.payout_id == case_id, _w.person_id == person_id))
    return bool(await connection.scalar(query))


async def waiting(connection: AsyncConnection) -> tuple[int, int]:
    """How many withdrawals wait for a batch, and their rial."""
    query = sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(_w.amount), 0)).where(_w.state == "waiting")
    count, amount = (await connection.execute(query)).one()
    return int(count), int(amount)


async def waiting_longer(connection: AsyncConnection, than: timedelta) -> int:
    """How many have waited longer for a batch: withdrawals, and what payments owe."""
    query = sa.select(sa.func.count()).where(_w.state == "waiting", _w.asked_at < sa.func.now() - than)
    return int(await connection.scalar(query) or 0)


async def list_payouts(
    connection: AsyncConnection, *, case_id: UUID | None = None, before: UUID | None = None, limit: int = 1
) -> list[PayoutRow]:
    """Batches, newest first; one of them if its id is given."""
    query = (
        sa.select(*_PAYOUT, cases.c.number, cases.c.phase)
        .join(cases, cases.c.id == _p.case_id)
        .order_by(_p.case_id.desc())
        .limit(limit)
    )
    if case_id is not None:
        query = query.where(_p.case_id == case_id)
    if before is not None:
        query = query.where(_p.case_id < before)
    width = len(_PAYOUT)
    found = [(as_row(Payout, row[:width]), row[width], row[width + 1]) for row in await connection.execute(query)]
    counts = await count_lines(connection, [payout.case_id for payout, _, _ in found])
    return [PayoutRow(payout, number, phase, counts[payout.case_id]) for payout, number, phase in found]


async def add_answer(connection: AsyncConnection, case_id: UUID, *, key: str, sha256: bytes, sent_by: UUID) -> UUID:
    """Keep a file of the bank, to be read; returns its id."""
    values = {"payout_id": case_id, "file_key": key, "sha256": sha256, "sent_by": sent_by}
    adding = sa.insert(payout_answers).values(values).returning(_a.id)
    added: UUID = (await connection.execute(adding)).scalar_one()
    return added


async def answers_of(connection: AsyncConnection, case_id: UUID) -> list[PayoutAnswer]:
    """The newest files of the bank, at most 50, newest first."""
    query = sa.select(*_ANSWER).where(_a.payout_id == case_id).order_by(_a.id.desc()).limit(50)
    return await read_all(connection, PayoutAnswer, query)


async def unread_answer(connection: AsyncConnection, case_id: UUID, *, lock: bool = False) -> PayoutAnswer | None:
    """The oldest file of the bank that is not read to its end, or whose rejected lines are not settled or refused."""
    query = sa.select(*_ANSWER).where(_a.payout_id == case_id, _a.ended_at.is_(None)).order_by(_a.id).limit(1)
    return await find_one(connection, PayoutAnswer, query.with_for_update() if lock else query)


async def note_applied(connection: AsyncConnection, answer_id: UUID, applied: Applied) -> None:
    """Note how far a file is read, what followed, what it calls rejected, and the rows from which nothing followed."""
    counted = {
        "paid": _a.paid + applied.paid,
        "rejected": _a.rejected + len(applied.rejected),
        "repeated": _a.repeated + applied.repeated,
        "refused": _a.refused + len(applied.refused),
    }
    noting = sa.update(payout_answers).where(_a.id == answer_id).values(rows_read=applied.rows_read, **counted)
    await connection.execute(noting)
    if applied.rejected:
        await connection.execute(sa.insert(payout_rejections), [asdict(one) for one in applied.rejected])
    if applied.refused:
        rows = [
            {"answer_id": answer_id, "number": number, "line_key": key, "code": code}
            for number, key, code in applied.refused
        ]
        await connection.execute(sa.insert(payout_refusals), rows)


async def mark_read(connection: AsyncConnection, answer_id: UUID) -> PayoutAnswer:
    """The file is read to its end; what it calls rejected waits for another officer."""
    marking = sa.update(payout_answers).where(_a.id == answer_id).values(read_at=sa.func.now())
    return await read_one(connection, PayoutAnswer, marking.returning(*_ANSWER))


async def decide_answer(connection: AsyncConnection, answer_id: UUID, decided_by: UUID, *, confirm: bool) -> None:
    """Another officer confirms or rejects what a file calls rejected."""
    ended = None if confirm else sa.func.now()
    decided = {"decided_by": decided_by, "is_confirmed": confirm, "ended_at": ended}
    await connection.execute(sa.update(payout_answers).where(_a.id == answer_id).values(decided))


async def rejected_by(connection: AsyncConnection, answer_id: UUID) -> tuple[int, int]:
    """How many lines a file calls rejected, and their rial."""
    query = (
        sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(_w.amount), 0))
        .join_from(payout_rejections, withdrawals, _w.id == _j.withdrawal_id)
        .where(_j.answer_id == answer_id)
    )
    count, amount = (await connection.execute(query)).one()
    return int(count), int(amount)


async def open_rejections(connection: AsyncConnection, answer_id: UUID, limit: int) -> list[PayoutRejection]:
    """Lines that a file calls rejected and that are not settled."""
    query = (
        sa.select(*columns(payout_rejections, PayoutRejection))
        .join(withdrawals, _w.id == _j.withdrawal_id)
        .where(_j.answer_id == answer_id, _w.state == "cut")
        .order_by(_j.withdrawal_id)
        .limit(limit)
    )
    return await read_all(connection, PayoutRejection, query)


async def end_answer(connection: AsyncConnection, answer_id: UUID, error: str | None) -> PayoutAnswer:
    """The file is read to its end, or cannot be."""
    ending = sa.update(payout_answers).where(_a.id == answer_id).values(ended_at=sa.func.now(), error=error)
    return await read_one(connection, PayoutAnswer, ending.returning(*_ANSWER))


async def list_refusals(
    connection: AsyncConnection, case_id: UUID, answer_id: UUID, *, after: int, limit: int
) -> list[PayoutRefusal]:
    """The rows of a file from which nothing followed, in their order."""
    query = (
        sa.select(*columns(payout_refusals, PayoutRefusal))
        .join(payout_answers, _a.id == payout_refusals.c.answer_id)
        .where(_a.payout_id == case_id, _a.id == answer_id, payout_refusals.c.number > after)
        .order_by(payout_refusals.c.number)
        .limit(limit)
    )
    return await read_all(connection, PayoutRefusal, query)


async def files_in_use(connection: AsyncConnection, keys: Sequence[str]) -> set[str]:
    """Which of some files a batch names."""
    used = sa.union(
        sa.select(_p.csv_key).where(_p.csv_key.in_(keys)),
        sa.select(_p.xlsx_key).where(_p.xlsx_key.in_(keys)),
        sa.select(_a.file_key).where(_a.file_key.in_(keys)),
    )
    return {key for (key,) in await connection.execute(used)}


async def add_settlement(connection: AsyncConnection, **values: object) -> UUID:
    """Keep what an officer recorded of a line by hand; returns its id."""
    adding = sa.insert(payout_settlements).values(**values).returning(_s.id)
    added: UUID = (await connection.execute(adding)).scalar_one()
    return added


async def open_settlement(connection: AsyncConnection, case_id: UUID) -> PayoutSettlement | None:
    """What was recorded by hand and has not taken effect, nor was rejected."""
    query = sa.select(*_SETTLEMENT).where(_s.payout_id == case_id, _s.ended_at.is_(None))
    return await find_one(connection, PayoutSettlement, query)


async def decide_settlement(
    connection: AsyncConnection, settlement_id: UUID, decided_by: UUID, *, confirm: bool
) -> None:
    """Another officer confirms or rejects what was recorded by hand."""
    deciding = sa.update(payout_settlements).where(_s.id == settlement_id)
    ended = None if confirm else sa.func.now()
    decided = {"decided_by": decided_by, "decided_at": sa.func.now(), "is_confirmed": confirm, "ended_at": ended}
    await connection.execute(deciding.values(decided))


async def end_settlement(connection: AsyncConnection, settlement_id: UUID) -> None:
    """It took effect, or the line was settled meanwhile."""
    ending = sa.update(payout_settlements).where(_s.id == settlement_id).values(ended_at=sa.func.now())
    await connection.execute(ending)
