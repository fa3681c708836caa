"""Money of a payment that nobody is at work on, and a gateway that nobody asks, as the reconciler finds them (E2)."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.testing import WorkflowEnvironment

from activities.transition import ActivityContext
from commands.command import Context
from domain.reconciliation import FindingKind
from gateways.local_bank import LocalBank
from reconciler import Reconciler
from stack.ports import free_port
from storage import reconciliation
from storage.clearing import _SUSPENSE
from storage.database import SERVICE, transaction
from storage.sealing import Seals
from tests.arrange import Arrange
from tests.books import Superuser
from tests.clearing_steps import Day
from tests.pipe import piped
from workflows.client import connect

NOBODY_MOVES_IT = "UPDATE payment_items SET state = 'refused', decided_at = now()"


@pytest.fixture
async def day(
    context: Context, activity_context: ActivityContext, arrange: Arrange, superuser: Superuser, bank: LocalBank
) -> Day:
    """Yesterday at the local bank."""
    return await Day.of(context, activity_context, arrange, superuser, bank)


def a_reconciler(engine: AsyncEngine, temporal: WorkflowEnvironment) -> Reconciler:
    """Another worker's: it has not looked yet, and its round is due."""
    return Reconciler(engine, temporal.client, lambda: None, round_every=timedelta(0))


async def findings(superuser: Superuser) -> list[tuple[object, ...]]:
    """What was found of money: the payment, how often, whether it is settled."""
    return await superuser.rows(
        "SELECT case_id, times, settled_at IS NOT NULL FROM reconciliation_findings"
        " WHERE kind = 'money_in_suspense' ORDER BY id"
    )


@pytest.mark.untouched
async def test_each_account_and_payment_of_it_is_found_by_an_index(engine: AsyncEngine) -> None:
    async with transaction(engine, SERVICE) as connection:
        await connection.execute(sa.text("SET LOCAL enable_seqscan = off"))
        explained = sa.text(f"EXPLAIN {_SUSPENSE.text}")
        plan = "\n".join(row[0] for row in await connection.execute(explained, {"most": 1}))
    for condition in ("((created_at < ", "((code)::text = known.code)", "(case_id = ((split_part("):
        assert f"Index Cond: {condition}" in plan, plan


async def test_money_without_a_cause_is_found_counted_and_settled_when_it_is_gone(
    day: Day, engine: AsyncEngine, temporal: WorkflowEnvironment, superuser: Superuser, caplog: pytest.LogCaptureFixture
) -> None:
    attempt, fresh = await day.paid(), a_reconciler(engine, temporal)
    await day.age_accounts()
    await fresh.round()
    assert await findings(superuser) == []

    await superuser.run(NOBODY_MOVES_IT)
    await fresh.round()
    assert await findings(superuser) == []
    with caplog.at_level(logging.ERROR, "amanat.reconciler"):
        await a_reconciler(engine, temporal).round()
    await a_reconciler(engine, temporal).round()
    assert await findings(superuser) == [(attempt.payment_id, 2, False)]
    # Of processes that other tests left on the server it warns.
    told = {one.getMessage() for one in caplog.records if one.levelno >= logging.ERROR}
    assert told == {"money_in_suspense"}

    # Known ones are looked at however old they are.
    await day.age_accounts("200 days")
    await a_reconciler(engine, temporal).round()
    assert await findings(superuser) == [(attempt.payment_id, 3, False)]

    await superuser.run("UPDATE payment_items SET state = 'offered', decided_at = NULL")
    await a_reconciler(engine, temporal).round()
    assert await findings(superuser) == [(attempt.payment_id, 3, True)]


async def test_money_without_a_cause_is_found_while_temporal_is_away(
    day: Day, engine: AsyncEngine, temporal: WorkflowEnvironment, superuser: Superuser, seals: Seals
) -> None:
    attempt = await day.paid()
    await day.age_accounts()
    await superuser.run(NOBODY_MOVES_IT)
    port, server = free_port(), temporal.client.service_client.config.target_host
    async with piped(port, server):
        client = await connect(f"127.0.0.1:{port}", temporal.client.namespace, seals.cipher)
    await Reconciler(engine, client, lambda: None, round_every=timedelta(0)).round()

    assert await findings(superuser) == [(attempt.payment_id, 1, False)]


async def test_a_gateway_s_trouble_is_over_once_nobody_has_asked_it_for_longer_than_a_day(
    engine: AsyncEngine, temporal: WorkflowEnvironment, superuser: Superuser
) -> None:
    async with transaction(engine, SERVICE) as connection:
        for name in ("asked", "gone"):
            await reconciliation.record(connection, name, FindingKind.GATEWAY_NOT_SET_UP)
    await superuser.run("UPDATE reconciliation_findings SET found_at = now() - interval '26 hours'")
    async with transaction(engine, SERVICE) as connection:
        await reconciliation.record(connection, "asked", FindingKind.GATEWAY_NOT_SET_UP)

    await a_reconciler(engine, temporal).round()
    open_ones = "SELECT gateway FROM reconciliation_findings WHERE settled_at IS NULL"
    assert await superuser.rows(open_ones) == [("asked",)]


async def test_a_difference_that_nobody_has_found_out_for_a_week_is_a_finding_until_it_is_undone(
    day: Day, engine: AsyncEngine, temporal: WorkflowEnvironment, superuser: Superuser
) -> None:
    await day.plant()
    case_id = await day.compared()
    await day.correct(case_id)
    await a_reconciler(engine, temporal).round()
    assert await findings(superuser) == []

    await superuser.run("UPDATE clearing_differences SET found_at = found_at - interval '8 days'")
    await a_reconciler(engine, temporal).round()
    assert await findings(superuser) == [(case_id, 1, False)]

    # Another correction of the same try, the other way round.
    await superuser.run(
        "INSERT INTO clearing_differences (case_id, gateway, order_id, kind, reference, here, there, state, against,"
        " proposed_by, decided_by) SELECT case_id, gateway, order_id, 'missing_there', reference, there, here, state,"
        " against, proposed_by, decided_by FROM clearing_differences WHERE against IS NOT NULL"
    )
    await a_reconciler(engine, temporal).round()
    assert await findings(superuser) == [(case_id, 1, True)]
