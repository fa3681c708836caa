"""Invoices in Postgres: numbered without a gap as they are committed, never changed, read by their owner alone (E3)."""

from __future__ import annotations

import asyncio
from contextlib import closing
from datetime import UTC, datetime
from uuid import UUID, uuid4

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from domain.fee import FeeKind
from domain.ledger import Occasion
from storage import migrate
from storage.database import SERVICE, Acting, transaction
from storage.fee import Charged, add_invoice, invoice_of
from tests.arrange import Arrange, Someone
from tests.books import Superuser
from tests.databases import Databases
from tests.fee_steps import FEE
from tests.storage.test_paper import case_of

_NOON = datetime(2026, 3, 20, 12, tzinfo=UTC)
_NUMBERS = "SELECT year, number FROM invoices ORDER BY year, number"

_PERSON = (
    "WITH p AS (INSERT INTO persons (national_id_index, national_id_sealed) VALUES ('x', 'x') RETURNING id)"
    " INSERT INTO cases (kind, phase, policy_id, person_id)"
    " SELECT 'onboarding', 'submitted', policies.id, p.id FROM policies, p WHERE name = 'personnel'"
)
_OLD_PAPER = (
    "INSERT INTO papers (kind, case_id, person_id, token_hash, sealed, sha256)"
    " SELECT 'payment_receipt', id, person_id, gen_random_uuid()::text::bytea, 'x', 'x' FROM cases"
)


class _BackOut(Exception):
    """The transaction is given up."""


@pytest.fixture
async def buyer(arrange: Arrange) -> Someone:
    return await arrange.person("member")


@pytest.fixture
async def case_id(buyer: Someone, superuser: Superuser) -> UUID:
    return await case_of(superuser, buyer)


async def invoice(
    engine: AsyncEngine, case_id: UUID, person_id: UUID, *, at: datetime = _NOON, fails: bool = False
) -> UUID:
    """Make an invoice as a transition does; returns what it is of."""
    subject, occasion = uuid4(), Occasion("fee:x", case_id, "system", at)
    async with transaction(engine, SERVICE) as connection:
        await add_invoice(connection, Charged(FeeKind.WITHDRAWAL, subject, person_id, FEE), occasion, uuid4())
        if fails:
            raise _BackOut
    return subject


async def test_many_at_once_are_numbered_without_a_gap_and_what_is_rolled_back_leaves_none(
    engine: AsyncEngine, buyer: Someone, case_id: UUID, superuser: Superuser
) -> None:
    made = [invoice(engine, case_id, buyer.id, fails=number % 3 == 1) for number in range(12)]
    came = await asyncio.gather(*made, return_exceptions=True)
    assert sum(isinstance(one, _BackOut) for one in came) == 4
    assert await superuser.rows(_NUMBERS) == [(1404, number) for number in range(1, 9)]


async def test_each_jalali_year_begins_anew_at_midnight_in_tehran(
    engine: AsyncEngine, buyer: Someone, case_id: UUID, superuser: Superuser
) -> None:
    for at in (datetime(2026, 3, 20, 20, 29, tzinfo=UTC), datetime(2026, 3, 20, 20, 30, tzinfo=UTC), _NOON):
        await invoice(engine, case_id, buyer.id, at=at)
    assert await superuser.rows(_NUMBERS) == [(1404, 1), (1404, 2), (1405, 1)]


async def test_who_waits_with_an_invoice_holds_up_nobody_elses(
    engine: AsyncEngine, buyer: Someone, case_id: UUID, superuser: Superuser
) -> None:
    async with transaction(engine, SERVICE) as slow:
        occasion = Occasion("fee:y", case_id, "system", _NOON)
        await add_invoice(slow, Charged(FeeKind.WITHDRAWAL, uuid4(), buyer.id, FEE), occasion, uuid4())
        await invoice(engine, case_id, buyer.id)
        assert await superuser.rows(_NUMBERS) == [(1404, 1)]
    assert await superuser.rows(_NUMBERS) == [(1404, 1), (1404, 2)]


async def test_an_invoice_is_read_by_its_owner_alone(
    engine: AsyncEngine, arrange: Arrange, buyer: Someone, case_id: UUID
) -> None:
    subject = await invoice(engine, case_id, buyer.id)
    found = {}
    for someone in (buyer, await arrange.person("member")):
        async with transaction(engine, Acting("member", someone.id)) as connection:
            found[someone.id] = await invoice_of(connection, FeeKind.WITHDRAWAL, subject)
    mine, others = found.values()
    assert mine is not None
    assert (mine.charged, mine.number, others) == (FEE, 1, None)


@pytest.mark.parametrize(
    "deed",
    [
        "UPDATE invoices SET fee = 1, vat = 0",
        "UPDATE invoices SET number = 7",
        "DELETE FROM invoices",
        "TRUNCATE invoices",
    ],
)
async def test_an_invoice_is_neither_changed_nor_taken_back(
    engine: AsyncEngine, buyer: Someone, case_id: UUID, superuser: Superuser, deed: str
) -> None:
    await invoice(engine, case_id, buyer.id)
    with pytest.raises(DBAPIError, match="permission denied"):
        async with transaction(engine, SERVICE) as connection:
            await connection.execute(sa.text(deed))
    with pytest.raises(Exception, match="append-only"):
        await superuser.run(deed)


async def test_a_member_makes_no_invoice_and_no_fee_has_two(engine: AsyncEngine, buyer: Someone, case_id: UUID) -> None:
    occasion, subject = Occasion("fee:z", case_id, "system", _NOON), await invoice(engine, case_id, buyer.id)
    charged = Charged(FeeKind.WITHDRAWAL, subject, buyer.id, FEE)
    for acting, error in (
        (Acting("member", buyer.id), "row-level security"),
        (SERVICE, "invoices_kind_subject_id_key"),
    ):
        with pytest.raises(DBAPIError, match=error):
            async with transaction(engine, acting) as connection:
                await add_invoice(connection, charged, occasion, uuid4())


def test_papers_of_the_release_before_stay_and_are_still_issued_once(databases: Databases) -> None:
    with databases.spare() as url:
        migrate.upgrade(url, to="clearing")
        with closing(psycopg.connect(url.replace("+psycopg", ""), autocommit=True)) as owner:
            owner.execute("SELECT set_config('amanat.capacity', 'service', false)")
            owner.execute(_PERSON)
            owner.execute(_OLD_PAPER)
            migrate.upgrade(url)
            kept = owner.execute("SELECT kind, subject_id FROM papers").fetchall()
            with pytest.raises(psycopg.errors.UniqueViolation):
                owner.execute(_OLD_PAPER)
    assert kept == [("payment_receipt", None)]
