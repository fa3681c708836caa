"""Papers in Postgres: issued once, frozen, found by their owner and by anybody who holds one (G9)."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from schwifty.checksum import luhn
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from commands.command import Context
from domain.paper import PaperKind
from storage.database import SERVICE, Acting, transaction
from storage.paper import Paper, find_paper, issue, papers_of, read_paper
from storage.sealing import SealBroken
from tests.arrange import Arrange, Someone
from tests.books import Superuser
from tests.domain.test_paper import RECEIPT
from tests.gateways.test_pdf import CONFIRMATION

_CASE = (
    "INSERT INTO cases (kind, phase, policy_id, person_id) SELECT 'onboarding', 'submitted', id, %s FROM policies"
    " WHERE name = 'personnel' RETURNING id"
)


@pytest.fixture
async def payer(arrange: Arrange) -> Someone:
    return await arrange.person("member")


@pytest.fixture
async def case_id(payer: Someone, superuser: Superuser) -> UUID:
    return await case_of(superuser, payer)


async def case_of(superuser: Superuser, someone: Someone) -> UUID:
    """A case of somebody."""
    return UUID(str(await superuser.value(_CASE, someone.id)))


async def issued(context: Context, case_id: UUID, person_id: UUID, content: Any = RECEIPT) -> Paper:
    """Issue one, as a transition does."""
    async with transaction(context.engine, SERVICE) as connection:
        return await issue(connection, context.seals, case_id, person_id, content)


async def test_a_paper_is_issued_once_and_says_for_ever_what_it_said_then(
    context: Context, payer: Someone, case_id: UUID
) -> None:
    first = await issued(context, case_id, payer.id)
    again = await issued(context, case_id, payer.id, replace(RECEIPT, amount=1, payer="کسی دیگر"))
    assert again == first
    assert first.content == RECEIPT


async def test_papers_that_are_asked_for_at_once_are_one(context: Context, payer: Someone, case_id: UUID) -> None:
    found = await asyncio.gather(*(issued(context, case_id, payer.id) for _ in range(4)))
    assert len({(paper.id, paper.token, paper.number) for paper in found}) == 1


async def test_each_kind_and_each_person_of_a_case_has_a_paper_of_its_own(
    context: Context, arrange: Arrange, payer: Someone, case_id: UUID
) -> None:
    receiver = await arrange.person("member")
    papers = [
        await issued(context, case_id, payer.id),
        await issued(context, case_id, receiver.id),
        await issued(context, case_id, payer.id, CONFIRMATION),
    ]
    assert len({paper.id for paper in papers}) == len({paper.token for paper in papers}) == 3
    assert papers[2].content == CONFIRMATION
    async with transaction(context.engine, Acting("member", payer.id)) as connection:
        own = await papers_of(connection, context.seals, payer.id, before=None, limit=10)
        assert [paper.id for paper in own] == [papers[2].id, papers[0].id]
        rest = await papers_of(connection, context.seals, payer.id, before=papers[2].id, limit=10)
        assert [paper.id for paper in rest] == [papers[0].id]
        assert await read_paper(connection, context.seals, papers[1].id, of=receiver.id) is None
        assert await read_paper(connection, context.seals, papers[1].id, of=payer.id) is None


async def test_its_number_has_nine_digits_of_which_the_last_checks_the_others(
    context: Context, payer: Someone, case_id: UUID, superuser: Superuser
) -> None:
    paper = await issued(context, case_id, payer.id)
    assert len(paper.number) == 9
    assert luhn(paper.number[:-1]) == paper.number[-1]
    numbers = []
    for _ in range(2):
        await superuser.value("SELECT setseed(0.5)")
        await superuser.run("ALTER TABLE papers DISABLE TRIGGER papers_keep")
        numbers.append(await superuser.value("UPDATE papers SET number = new_paper_number() RETURNING number"))
    await superuser.run("ALTER TABLE papers ENABLE TRIGGER papers_keep")
    assert numbers[0] != numbers[1]


async def test_whoever_holds_it_finds_it_and_no_other_token_does(
    context: Context, payer: Someone, case_id: UUID
) -> None:
    paper = await issued(context, case_id, payer.id)
    async with transaction(context.engine, SERVICE) as connection:
        assert await find_paper(connection, context.seals, paper.token) == paper
        for wrong in ("", paper.token[:-1], paper.token + "x", paper.number, str(paper.id)):
            assert await find_paper(connection, context.seals, wrong) is None


async def test_a_dump_tells_neither_names_nor_tokens_and_its_hash_cannot_be_guessed(
    context: Context, payer: Someone, case_id: UUID, superuser: Superuser
) -> None:
    paper = await issued(context, case_id, payer.id)
    row = (await superuser.rows("SELECT papers::text FROM papers WHERE id = %s", paper.id))[0][0]
    for secret in (paper.token, RECEIPT.payer, RECEIPT.reference):
        assert secret not in row
        assert secret.encode().hex() not in row
    sealed = await superuser.value("SELECT sealed FROM papers WHERE id = %s", paper.id)
    plain = context.seals.cipher.open_text(bytes(sealed), f"paper:{paper.kind}:{case_id}:{payer.id}")
    assert paper.token in plain
    assert hashlib.sha256(plain.encode()).digest() == paper.sha256


@pytest.mark.parametrize("deed", ["UPDATE papers SET number = '1'", "DELETE FROM papers", "TRUNCATE papers"])
async def test_papers_are_neither_changed_nor_taken_back(
    context: Context, engine: AsyncEngine, payer: Someone, case_id: UUID, superuser: Superuser, deed: str
) -> None:
    await issued(context, case_id, payer.id)
    with pytest.raises(DBAPIError, match="permission denied"):
        async with transaction(engine, SERVICE) as connection:
            await connection.execute(sa.text(deed))
    with pytest.raises(Exception, match="append-only"):
        await superuser.run(deed)


async def test_a_member_writes_no_paper_of_their_own(context: Context, payer: Someone, case_id: UUID) -> None:
    with pytest.raises(DBAPIError, match="row-level security"):
        async with transaction(context.engine, Acting("member", payer.id)) as connection:
            await issue(connection, context.seals, case_id, payer.id, RECEIPT)


async def test_what_cannot_be_printed_is_not_issued(
    context: Context, payer: Someone, case_id: UUID, superuser: Superuser
) -> None:
    with pytest.raises(ValueError, match="amount"):
        await issued(context, case_id, payer.id, replace(RECEIPT, amount=10**28))
    assert await superuser.value("SELECT count(*) FROM papers") == 0


async def test_a_paper_that_was_moved_to_another_person_does_not_open(
    context: Context, arrange: Arrange, payer: Someone, case_id: UUID, superuser: Superuser
) -> None:
    paper, thief = await issued(context, case_id, payer.id), await arrange.person("member")
    await superuser.run("ALTER TABLE papers DISABLE TRIGGER papers_keep")
    await superuser.run("UPDATE papers SET person_id = %s", thief.id)
    await superuser.run("ALTER TABLE papers ENABLE TRIGGER papers_keep")
    async with transaction(context.engine, SERVICE) as connection:
        with pytest.raises(SealBroken):
            await read_paper(connection, context.seals, paper.id, of=thief.id)


async def test_a_kind_of_a_newer_release_is_left_out(
    context: Context, payer: Someone, case_id: UUID, superuser: Superuser
) -> None:
    values: Mapping[str, object] = {"case": case_id, "person": payer.id, "token": uuid4().bytes}
    await superuser.run(
        "INSERT INTO papers (kind, case_id, person_id, token_hash, sealed, sha256)"
        " VALUES ('ruling_of_tomorrow', %s, %s, %s, 'x', 'x')",
        *values.values(),
    )
    known = await issued(context, case_id, payer.id)
    async with transaction(context.engine, Acting("member", payer.id)) as connection:
        listed = await papers_of(connection, context.seals, payer.id, before=None, limit=10)
    assert [paper.kind for paper in listed] == [known.kind] == [PaperKind.PAYMENT_RECEIPT]
