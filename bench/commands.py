"""How long a command takes: applications by 20 people, against an empty transaction in the same run.

Twice: 20 who each send the next as soon as the last is answered, which shows where the limit is; and 20 who each send
one a second, which shows how long a person waits.
"""

from __future__ import annotations

import asyncio
import gc
import statistics
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from api.onboarding import MandateCodeRequest
from bench.people import add_members, add_organisation, fresh_code
from bench.scratch import scratch
from bench.table import Row
from bench.tavana import INSTALMENTS, MONTHLY
from commands.command import Command, Context, Envelope, perform
from commands.onboarding import CreditRequest, apply_for_credit
from demo.actors import terms
from domain.access import Actor
from domain.ledger import Occasion, credit_accounts, credit_line_opened
from domain.money import Money
from storage.database import SERVICE, Statement, fetch, single_statements, transaction
from storage.ledger import posting

CONCURRENT = 20
_PROGRAMME = "minipay"
_JOURNALS = 1_000
_AS_MACHINE = Statement("SELECT set_config('amanat.capacity', 'service', false)", {})
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
        wish = MandateCodeRequest(purpose="accept_mandate", subject=terms(_PROGRAMME, MONTHLY, INSTALMENTS))
        codes = [await fresh_code(place.context, member.person_id, wish) for member in members]
        numbers = iter(range(len(members)))
        # As the api process does once it is set up.
        gc.collect()
        gc.freeze()

        async def empty(_: int) -> None:
            async with transaction(place.context.engine, SERVICE) as connection:
                await connection.execute(sa.select(1))

        async def send(_: int) -> None:
            number = next(numbers)
            await _apply(place.context, members[number], codes[number])

        await _timed(empty, 10 * CONCURRENT)
        base = await _timed(empty, count)
        applied = await _timed(send, count)
        calm = await _timed(send, paced, pace=_PACE_SECONDS)
        posting = await _posting(place.context.engine)
    return [
        *_rows(f"empty transaction, {CONCURRENT} at once", base),
        *_rows(f"application, {CONCURRENT} at once", applied, base),
        *_rows(f"application, {CONCURRENT} people, one a second each", calm, base),
        posting,
    ]


async def _apply(context: Context, member: Actor, code: tuple[UUID, str]) -> None:
    request = CreditRequest(_PROGRAMME, Money(MONTHLY), INSTALMENTS, 1, *code)

    async def work(command: Command) -> bytes:
        return (await apply_for_credit(command, request)).bytes

    key = str(uuid4())
    await perform(context, Envelope(member, "apply_for_credit", key, key.encode()), work, status=201)


async def _posting(engine: AsyncEngine) -> Row:
    """What a journal that is posted through storage costs this process; the time of Postgres is not in it."""
    line = uuid4()
    granted, available = credit_accounts(line)
    async with single_statements(engine) as connection:
        await fetch(connection, _AS_MACHINE)
        await posting.open_accounts(connection, (granted, available))
        began, used = time.perf_counter(), time.process_time()
        for number in range(_JOURNALS):
            occasion = Occasion(f"{available.code}/{number}", None, "system", datetime.now(UTC))
            await posting.post(connection, credit_line_opened(line, Money(1 + number), occasion))
        used, passed = time.process_time() - used, time.perf_counter() - began
    each = used / _JOURNALS * 1_000
    return Row("a posting, Python's CPU (ms)", each, f"{used / passed:.2f} × the time until it is answered")


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
