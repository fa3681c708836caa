"""How long entries wait to be summed up, as the metrics tell it."""

from __future__ import annotations

import asyncio
import contextlib

from sqlalchemy.ext.asyncio import AsyncEngine

from storage import ledger
from storage.housekeeping import sum_up
from storage.ledger import posting
from telemetry import watch_outbox
from tests.arrange import eventually
from tests.books import Superuser
from tests.races import gauge
from tests.storage.ledger_world import granted, mark_next, move, open_line, service_transaction, settled

_MARKED = "SELECT count(*) FROM entries WHERE hashint8(id) & 255 = 0"
_GAUGE = "amanat_ledger_sums_age_seconds"


async def _age(engine: AsyncEngine) -> float:
    async with service_transaction(engine) as connection:
        return await ledger.sums_age(connection)


async def test_the_sums_age_while_a_marked_entry_waits_and_not_after_it_was_summed_up(
    engine: AsyncEngine, superuser: Superuser
) -> None:
    async with service_transaction(engine) as connection:
        source, target = await open_line(connection), await open_line(connection)
    assert await _age(engine) == 0

    await mark_next(superuser)
    async with service_transaction(engine) as connection:
        await posting.post(connection, move(granted(source), granted(target), 1))
    first = await _age(engine)

    assert 0 < first < await _age(engine)

    async def shown() -> bool:
        return (gauge(_GAUGE) or 0) > first

    assert not await shown()  # which begins to serve metrics
    watching = asyncio.create_task(watch_outbox(engine))
    try:
        await eventually(shown, "the gauge")
    finally:
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching

    await settled(engine)
    assert await sum_up(engine) == 1
    assert await _age(engine) == 0

    # Most entries mark nothing and wait for one that does, which is no delay.
    async with service_transaction(engine) as connection:
        await posting.post(connection, move(granted(source), granted(target), 1))
    assert await superuser.value(_MARKED) == 1
    assert await _age(engine) == 0
