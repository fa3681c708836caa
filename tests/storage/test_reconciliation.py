"""Rounds belong to one process at a time; findings are one row as long as they hold."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError, ProgrammingError
from sqlalchemy.ext.asyncio import AsyncEngine

from domain.reconciliation import OF_SCHEDULES, FindingKind
from storage import outbox, reconciliation
from storage.database import SERVICE, Acting, transaction
from storage.reconciliation import NO_ID, Claim
from tests.books import Superuser
from tests.reconciliation_steps import KIND, add_cases, add_lost_cases, found

MINUTE = timedelta(minutes=1)
MISSING = FindingKind.PROCESS_MISSING


async def claim(engine: AsyncEngine, every: timedelta = timedelta(0)) -> Claim | None:
    """Try to claim a round."""
    async with transaction(engine, SERVICE) as connection:
        return await reconciliation.claim_round(connection, every=every, lease=MINUTE)


async def end(engine: AsyncEngine, claimed: Claim, after: UUID | None) -> None:
    """Give a round back."""
    async with transaction(engine, SERVICE) as connection:
        await reconciliation.end_round(connection, claimed, KIND if after else None, after or NO_ID)


async def record(engine: AsyncEngine, case_id: UUID, kind: FindingKind = MISSING) -> int:
    """Note a finding."""
    async with transaction(engine, SERVICE) as connection:
        return await reconciliation.record(connection, case_id, kind)


async def settle_all(engine: AsyncEngine) -> None:
    """Settle what is to be reviewed."""
    async with transaction(engine, SERVICE) as connection:
        findings = await reconciliation.findings_to_review(connection, 100)
        await reconciliation.settle(connection, [finding.id for finding in findings])


async def test_of_many_who_want_a_round_one_gets_it_and_the_next_is_due_a_minute_later(
    engine: AsyncEngine, superuser: Superuser
) -> None:
    claims = [claimed for claimed in await asyncio.gather(*(claim(engine, MINUTE) for _ in range(8))) if claimed]
    assert len(claims) == 1

    await end(engine, claims[0], None)
    assert await claim(engine, MINUTE) is None
    await superuser.run("UPDATE reconciliation_rounds SET started_at = started_at - interval '1 minute'")
    assert await claim(engine, MINUTE) is not None


async def test_the_round_of_a_process_that_died_is_taken_over_and_cannot_be_ended_by_it_any_more(
    engine: AsyncEngine, superuser: Superuser
) -> None:
    (case_id,) = await add_cases(superuser)
    died = await claim(engine)
    assert died is not None
    assert await claim(engine) is None

    await superuser.run("UPDATE reconciliation_rounds SET claimed_until = now() - interval '1 second'")
    heir = await claim(engine)
    await end(engine, died, case_id)

    assert heir is not None
    assert await claim(engine) is None
    assert await superuser.value("SELECT after_id IS NULL FROM reconciliation_rounds")


async def test_a_round_begins_after_the_case_where_the_last_one_ended(
    engine: AsyncEngine, superuser: Superuser
) -> None:
    first, second = await add_cases(superuser, 2)
    begun = await claim(engine)
    assert begun is not None
    assert (begun.kind, begun.after) == (None, NO_ID)

    await end(engine, begun, first)
    resumed = await claim(engine)

    assert resumed is not None
    assert (resumed.kind, resumed.after) == (KIND, first)
    async with transaction(engine, SERVICE) as connection:
        assert await reconciliation.open_cases(connection, KIND, resumed.after, 10) == [second]


async def test_a_case_that_somebody_works_on_is_passed_over_without_waiting(
    engine: AsyncEngine, superuser: Superuser
) -> None:
    (case_id,) = await add_lost_cases(engine, superuser)

    async with transaction(engine, SERVICE) as first, transaction(engine, SERVICE) as second:
        assert await reconciliation.lock_quiet_case(first, case_id)
        assert not await reconciliation.lock_quiet_case(second, case_id)
        await outbox.resume(first, KIND, case_id)
    async with transaction(engine, SERVICE) as third:
        assert not await reconciliation.lock_quiet_case(third, case_id)


async def test_closed_cases_and_ids_that_are_no_case_are_told_apart(engine: AsyncEngine, superuser: Superuser) -> None:
    is_open, lately, long_ago = await add_cases(superuser, 3)
    for case_id, ago in ((lately, "9 minutes"), (long_ago, "11 minutes")):
        await superuser.run(
            "UPDATE cases SET closed_at = now() - %s::interval, outcome = 'confirmed' WHERE id = %s", ago, case_id
        )

    async with transaction(engine, SERVICE) as connection:
        closed, unknown = await reconciliation.closed_cases(
            connection, {is_open, lately, long_ago, NO_ID}, longer_than=timedelta(minutes=10)
        )

    assert (closed, unknown) == ([long_ago], 1)


async def test_what_several_see_at_once_is_one_finding_counted_by_each(
    engine: AsyncEngine, superuser: Superuser
) -> None:
    (case_id,) = await add_cases(superuser)

    times = await asyncio.gather(*(record(engine, case_id) for _ in range(8)))

    assert sorted(times) == list(range(1, 9))
    assert await found(superuser) == [(case_id, MISSING, 8, False)]


async def test_a_finding_that_comes_back_within_the_hour_goes_on_counting_and_later_begins_anew(
    engine: AsyncEngine, superuser: Superuser
) -> None:
    (case_id,) = await add_cases(superuser)
    await record(engine, case_id)
    assert await record(engine, case_id) == 2
    await settle_all(engine)

    assert await record(engine, case_id, FindingKind.PROCESS_ENDED_EARLY) == 1
    assert await record(engine, case_id) == 3
    await settle_all(engine)
    await superuser.run("UPDATE reconciliation_findings SET settled_at = settled_at - interval '61 minutes'")
    assert await record(engine, case_id) == 1
    assert [row[1:] for row in await found(superuser)] == [
        (MISSING, 2, True),
        (FindingKind.PROCESS_ENDED_EARLY, 1, True),
        (MISSING, 3, True),
        (MISSING, 1, False),
    ]


async def test_each_kind_of_finding_can_be_kept_and_a_gateway_s_or_schedule_s_is_one_until_it_is_well(
    engine: AsyncEngine, superuser: Superuser
) -> None:
    (case_id,) = await add_cases(superuser)
    async with transaction(engine, SERVICE) as connection:
        for kind in FindingKind:
            about = {"GATEWAY": "zibal", "SCHEDULE": "clearing-days"}.get(kind.name.partition("_")[0], case_id)
            assert [await reconciliation.record(connection, about, kind) for _ in range(2)] == [1, 2]
        assert await reconciliation.troubled_gateways(connection) == {"zibal"}
        await reconciliation.settle_gateway(connection, "zibal")
        assert await reconciliation.troubled_gateways(connection) == set()
        for still, left in ((FindingKind.SCHEDULE_FAILS, 1), (None, 0)):
            await reconciliation.settle_schedule(connection, "clearing-days", apart_from=still)
            counted = await reconciliation.count_open_findings(connection)
            assert sum(counted[each] for each in OF_SCHEDULES) == left


async def test_a_finding_about_a_schedule_that_nobody_looks_at_any_more_is_settled_after_a_day(
    engine: AsyncEngine, superuser: Superuser
) -> None:
    async with transaction(engine, SERVICE) as connection:
        await reconciliation.record(connection, "of-an-earlier-release", FindingKind.SCHEDULE_STANDS)
        await reconciliation.settle_unasked(connection)
        assert (await reconciliation.count_open_findings(connection))[FindingKind.SCHEDULE_STANDS] == 1
    await superuser.run("UPDATE reconciliation_findings SET found_at = now() - interval '26 hours'")
    async with transaction(engine, SERVICE) as connection:
        await reconciliation.settle_unasked(connection)
        assert (await reconciliation.count_open_findings(connection))[FindingKind.SCHEDULE_STANDS] == 0


async def test_what_was_not_seen_for_the_longest_time_is_reviewed_first(
    engine: AsyncEngine, superuser: Superuser
) -> None:
    first, second, third = await add_cases(superuser, 3)
    for case_id in (first, second, third, first):
        await record(engine, case_id)
    await superuser.run("UPDATE cases SET closed_at = now(), outcome = 'confirmed' WHERE id = %s", second)

    async with transaction(engine, SERVICE) as connection:
        review = await reconciliation.findings_to_review(connection, 2)
        counted = await reconciliation.count_open_findings(connection)
        assert counted == {kind: 3 if kind is MISSING else 0 for kind in FindingKind}

    assert [(finding.case_id, finding.case_is_open) for finding in review] == [(second, False), (third, True)]
    assert {finding.case_kind for finding in review} == {KIND}


async def test_postgres_refuses_a_second_open_finding_an_unknown_kind_and_a_second_round(
    engine: AsyncEngine, superuser: Superuser
) -> None:
    (case_id,) = await add_cases(superuser)
    await record(engine, case_id)
    for kind in (MISSING.value, "bad_weather"):
        statement = sa.text("INSERT INTO reconciliation_findings (case_id, kind) VALUES (:case_id, :kind)")
        with pytest.raises(IntegrityError):
            async with transaction(engine, SERVICE) as connection:
                await connection.execute(statement, {"case_id": case_id, "kind": kind})
    for deed in ("DELETE FROM reconciliation_findings", "INSERT INTO reconciliation_rounds DEFAULT VALUES"):
        with pytest.raises(ProgrammingError, match="permission denied"):
            async with transaction(engine, SERVICE) as connection:
                await connection.execute(sa.text(deed))


@pytest.mark.parametrize("acting", [Acting("member", NO_ID), Acting("member", None)])
async def test_a_member_sees_no_finding(engine: AsyncEngine, superuser: Superuser, acting: Acting) -> None:
    (case_id,) = await add_cases(superuser)
    await record(engine, case_id)

    async with transaction(engine, acting) as connection:
        assert await reconciliation.list_findings(connection, is_open=None, before=None, limit=10) == []
    async with transaction(engine, Acting("staff", NO_ID)) as connection:
        assert len(await reconciliation.list_findings(connection, is_open=None, before=None, limit=10)) == 1
