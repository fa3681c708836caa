"""How long a command takes: applications by 20 people, against an empty transaction in the same run.

Twice: 20 who each send the next as soon as the last is answered, which shows where the limit is; and 20 who each send
one a second, which shows how long a person waits.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from uuid import UUID, uuid4

import sqlalchemy as sa

from bench.people import add_members, add_organisation
from bench.scratch import Scratch, scratch
from bench.table import Row
from commands.command import Command, Envelope, perform
from commands.onboarding import CreditRequest, apply_for_credit
from domain.access import Actor
from domain.account import CodePurpose, mandate_binding
from domain.money import Money
from storage import account
from storage.database import SERVICE, transaction

CONCURRENT = 20
_MONTHLY = 50_000_000
_INSTALMENTS = 12
_PACE_SECONDS = 1.0
_PACED_MOST = 300
Act = Callable[[int], Awaitable[None]]
Timed = tuple[float, list[float]]


async def measure(count: int) -> list[Row]:
    """Applications per second and their time; a ratio to an empty transaction.

    Args:
        count: how many applications without a pause; as many paced ones, at most 300, follow.
    """
    paced = min(count, _PACED_MOST)
    async with scratch() as place:
        organisation_id = await add_organisation(place.context)
        members = await add_members(place.context, organisation_id, count + paced)
        codes = [await _mandate_code(place, member) for member in members]
        numbers = iter(range(len(members)))

        async def empty(_: int) -> None:
            async with transaction(place.context.engine, SERVICE) as connection:
                await connection.execute(sa.select(1))

        async def apply(_: int) -> None:
            number = next(numbers)
            await _apply(place, members[number], *codes[number])

        await _timed(empty, 10 * CONCURRENT)
        base = await _timed(empty, count)
        applied = await _timed(apply, count)
        calm = await _timed(apply, paced, pace=_PACE_SECONDS)
    return [
        *_rows(f"empty transaction, {CONCURRENT} at once", base),
        *_rows(f"application, {CONCURRENT} at once", applied, base),
        *_rows(f"application, {CONCURRENT} people, one a second each", calm, base),
    ]


async def _mandate_code(place: Scratch, member: Actor) -> tuple[UUID, str]:
    binding = mandate_binding("minipay", _MONTHLY, _INSTALMENTS, 1)
    async with transaction(place.context.engine, SERVICE) as connection:
        seals = place.context.seals
        code_id = await account.create_code(connection, seals, CodePurpose.ACCEPT_MANDATE, member.person_id, binding)
        unsent = await account.take_unsent_code(connection, seals, code_id)
    if unsent is None:
        raise LookupError("the code that was just made is gone")
    return code_id, unsent.code


async def _apply(place: Scratch, member: Actor, code_id: UUID, code: str) -> None:
    request = CreditRequest("minipay", Money(_MONTHLY), _INSTALMENTS, 1, code_id, code)

    async def work(command: Command) -> bytes:
        return str(await apply_for_credit(command, request)).encode()

    key = str(uuid4())
    await perform(place.context, Envelope(member, "apply_for_credit", key, key.encode()), work, status=201)


async def _timed(act: Act, count: int, *, pace: float = 0) -> Timed:
    """Do something ``count`` times, 20 at once; the whole time and each one's, in seconds.

    ``pace``: how far apart one person begins; the 20 begin evenly apart.
    """
    waiting = iter(range(count))
    each: list[float] = []

    async def person(place: int) -> None:
        due = began + pace * place / CONCURRENT
        for number in waiting:
            await asyncio.sleep(due - time.perf_counter())
            started = time.perf_counter()
            await act(number)
            each.append(time.perf_counter() - started)
            due += pace

    began = time.perf_counter()
    await asyncio.gather(*(person(place) for place in range(CONCURRENT)))
    return time.perf_counter() - began, each


def _rows(name: str, timed: Timed, base: Timed | None = None) -> list[Row]:
    whole, each = timed
    cuts = statistics.quantiles(each, n=100)
    ratio = None if base is None else statistics.median(each) / statistics.median(base[1])
    return [
        Row(f"{name}, a second", len(each) / whole, ""),
        Row(f"{name}, p50 (ms)", cuts[49] * 1_000, "" if ratio is None else f"{ratio:.1f} × empty transaction"),
        Row(f"{name}, p95 (ms)", cuts[94] * 1_000, ""),
    ]
