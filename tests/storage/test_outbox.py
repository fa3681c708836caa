"""Promises: leased to one sender at a time, given back, counted, and swept away when old."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from itertools import pairwise
from uuid import UUID, uuid4

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from messages.case import RESUMED, CaseKind, CaseSignal
from messages.notice import SendCode, SendNotice
from messages.payload import decode
from storage import outbox
from storage.database import SERVICE, transaction
from storage.outbox import ALARM_ATTEMPTS, LEASE
from storage.rows.outbox import OutboxMessage
from tests.books import Superuser

NAMES = ["SendNotice"]


async def enqueue_all(engine: AsyncEngine, count: int) -> None:
    """Enqueue some messages."""
    async with transaction(engine, SERVICE) as connection:
        await outbox.enqueue(connection, *(SendNotice(uuid4()) for _ in range(count)))


async def claim(engine: AsyncEngine, limit: int = 20) -> list[OutboxMessage]:
    """Lease what is due."""
    async with transaction(engine, SERVICE) as connection:
        return await outbox.claim(connection, NAMES, limit)


async def test_a_message_comes_out_as_it_went_in(engine: AsyncEngine) -> None:
    message = SendNotice(uuid4())
    async with transaction(engine, SERVICE) as connection:
        await outbox.enqueue(connection, message, SendCode(uuid4()))

    (claimed,) = await claim(engine)

    assert decode(SendNotice, claimed.payload) == message


async def test_a_promise_of_a_transaction_that_failed_is_none(engine: AsyncEngine) -> None:
    async def fail() -> None:
        async with transaction(engine, SERVICE) as connection:
            await outbox.enqueue(connection, SendNotice(uuid4()))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()

    assert await claim(engine) == []


async def test_senders_at_the_same_moment_never_lease_the_same_row(engine: AsyncEngine) -> None:
    await enqueue_all(engine, 60)

    batches = await asyncio.gather(*(claim(engine, 10) for _ in range(8)))

    claimed = [row.id for batch in batches for row in batch]
    assert len(claimed) == len(set(claimed)) == 60


async def test_a_lease_runs_out_and_the_row_is_sent_by_another(engine: AsyncEngine, superuser: Superuser) -> None:
    await enqueue_all(engine, 1)
    (first,) = await claim(engine)
    assert await claim(engine) == []

    left = await superuser.value("SELECT claimed_until - now() FROM outbox")
    await superuser.run("UPDATE outbox SET claimed_until = now() - interval '1 second'")
    (second,) = await claim(engine)

    assert timedelta(0) < left <= LEASE
    assert (second.id, second.attempts) == (first.id, 2)


async def test_a_failed_sending_pauses_longer_each_time_but_never_long(
    engine: AsyncEngine, superuser: Superuser
) -> None:
    await enqueue_all(engine, 1)
    pauses = []
    for _ in range(12):
        await superuser.run("UPDATE outbox SET due_at = now()")
        (claimed,) = await claim(engine)
        async with transaction(engine, SERVICE) as connection:
            await outbox.put_back(connection, claimed, "RPCError" * 100)
        assert await claim(engine) == []
        pauses.append((await superuser.value("SELECT due_at - now() FROM outbox")).total_seconds())

    assert 0.5 < pauses[0] < 1.5
    assert all(earlier <= later + 1 for earlier, later in pairwise(pauses))
    assert max(pauses) <= 30
    assert len(await superuser.value("SELECT last_error FROM outbox")) == 300


async def test_what_was_sent_meanwhile_is_not_put_back(engine: AsyncEngine, superuser: Superuser) -> None:
    await enqueue_all(engine, 1)
    (claimed,) = await claim(engine)
    async with transaction(engine, SERVICE) as connection:
        await outbox.mark_sent(connection, [claimed.id])
        await outbox.put_back(connection, claimed, "RPCError")

    assert await superuser.value("SELECT sent_at IS NOT NULL AND last_error IS NULL FROM outbox")


async def test_the_backlog_tells_what_waits_and_what_failed_often(engine: AsyncEngine, superuser: Superuser) -> None:
    await enqueue_all(engine, 3)
    await superuser.run("UPDATE outbox SET attempts = %s WHERE id = (SELECT min(id) FROM outbox)", ALARM_ATTEMPTS)

    async with transaction(engine, SERVICE) as connection:
        assert await outbox.backlog(connection) == (3, 1)


async def test_only_old_sent_rows_are_swept_and_only_so_many(engine: AsyncEngine, superuser: Superuser) -> None:
    await enqueue_all(engine, 4)
    await superuser.run(
        "UPDATE outbox SET sent_at = now() - interval '8 days' WHERE id <> (SELECT max(id) FROM outbox)"
    )

    async with transaction(engine, SERVICE) as connection:
        first = await outbox.purge_sent(connection, older_than=timedelta(days=7), limit=2)
        second = await outbox.purge_sent(connection, older_than=timedelta(days=7), limit=2)

    assert (first, second) == (2, 1)
    assert await superuser.value("SELECT count(*) FROM outbox") == 1


async def a_case(superuser: Superuser, *, is_open: bool) -> UUID:
    """A case that is open, or over."""
    outcome, closed_at = (None, None) if is_open else ("withdrawn", "now")
    found = await superuser.value(
        "INSERT INTO cases (kind, phase, policy_id, outcome, closed_at) SELECT 'onboarding', 'x', id, %s, %s"
        " FROM policies WHERE name = 'programme:minipay' RETURNING id",
        outcome,
        closed_at,
    )
    return UUID(str(found))


def submitted(case_id: UUID) -> CaseSignal:
    """What starts an application's process."""
    return CaseSignal(CaseKind.ONBOARDING, case_id, "application_submitted", uuid4())


async def sent_long_ago(engine: AsyncEngine, superuser: Superuser, *messages: object) -> None:
    """Messages that arrived days ago."""
    async with transaction(engine, SERVICE) as connection:
        await outbox.enqueue(connection, *messages)
    await superuser.run("UPDATE outbox SET sent_at = now() - interval '8 days', attempts = 3 WHERE sent_at IS NULL")


async def test_old_messages_go_also_those_of_open_cases(engine: AsyncEngine, superuser: Superuser) -> None:
    """What starts a lost process again is written anew."""
    running, over = await a_case(superuser, is_open=True), await a_case(superuser, is_open=False)
    await sent_long_ago(engine, superuser, *map(submitted, (running, over)), SendNotice(uuid4()))
    async with transaction(engine, SERVICE) as connection:
        await outbox.enqueue(connection, submitted(running))

    async with transaction(engine, SERVICE) as connection:
        gone = await outbox.purge_sent(connection, older_than=timedelta(days=7), limit=10)

    assert gone == 3
    assert await superuser.rows("SELECT case_id, sent_at FROM outbox") == [(running, None)]


async def test_a_lost_process_is_started_by_one_message_that_is_written_anew(
    engine: AsyncEngine, superuser: Superuser
) -> None:
    lost, other = await a_case(superuser, is_open=True), await a_case(superuser, is_open=True)
    await sent_long_ago(engine, superuser, submitted(lost), submitted(other))

    async with transaction(engine, SERVICE) as connection:
        await outbox.resume(connection, CaseKind.ONBOARDING, lost)
        (claimed,) = await outbox.claim(connection, [CaseSignal.__name__], 10)

    assert decode(CaseSignal, claimed.payload) == CaseSignal(CaseKind.ONBOARDING, lost, RESUMED)
