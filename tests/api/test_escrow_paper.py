"""The papers of a safe payment: the ruling for both sides, the invoice of its fee for the contractor (E3, E5, G9)."""

from __future__ import annotations

from uuid import UUID

import httpx2
import pytest

from activities.transition import ActivityContext
from commands.command import Context
from gateways.local_bank import LocalBank
from messages.escrow import JobSide
from storage.database import SERVICE, transaction
from storage.paper import read_paper
from tests.arrange import Arrange, Someone
from tests.books import Superuser
from tests.escrow_process import AMOUNT, REASONS, EscrowProcess


@pytest.fixture
async def escrow(
    context: Context, arrange: Arrange, activity_context: ActivityContext, bank: LocalBank
) -> EscrowProcess:
    """Two members, two arbitrators and an operator."""
    return await EscrowProcess.opened(context, arrange, activity_context, bank)


async def ask(api: httpx2.AsyncClient, path: str, who: Someone) -> httpx2.Response:
    """Ask for a paper."""
    return await api.post(f"/v1/escrow/{path}", headers=who.headers())


async def ruled(escrow: EscrowProcess) -> UUID:
    """An arbitrator has ruled three quarters to the contractor."""
    case_id = await escrow.disputed()
    await escrow.state(case_id, JobSide.CONTRACTOR)
    await escrow.pass_wait(case_id)
    await escrow.claim(case_id)
    await escrow.go_on(case_id)
    await escrow.rule(case_id, AMOUNT * 3 // 4)
    await escrow.go_on(case_id)
    return case_id


async def test_both_sides_have_a_ruling_with_its_reasons_and_its_check_tells_how_it_stands_now(
    api: httpx2.AsyncClient, escrow: EscrowProcess, context: Context, arrange: Arrange
) -> None:
    case_id = await ruled(escrow)
    (ruling,) = await escrow.rulings_of(case_id)
    tokens: list[str] = []
    for side in JobSide:
        who = escrow.who(side)
        first, again = [await ask(api, f"rulings/{ruling.id}/paper", who) for _ in range(2)]
        assert (first.status_code, again.json()) == (201, first.json())
        assert (first.json()["kind"], first.json()["amount"]["amount"]) == ("escrow_ruling", AMOUNT)
        async with transaction(context.engine, SERVICE) as connection:
            paper = await read_paper(connection, context.seals, UUID(first.json()["id"]), of=who.id)
        assert paper is not None
        printed = paper.content.printed()
        assert (printed["reasons"], printed["state"]) == (REASONS, "صادرشده، در مهلت اعتراض")
        assert printed["objection_until"] is not None
        tokens.append(paper.token)
    for who in (*escrow.arbitrators, await arrange.person("member")):
        refused = await ask(api, f"rulings/{ruling.id}/paper", who)
        assert refused.status_code in {403, 404}
    await escrow.object_to(case_id, JobSide.EMPLOYER)
    told = (await api.get(f"/v1/papers/checks/{tokens[0]}")).json()
    assert (told["state"], told["amount"]["amount"]) == ("objected", AMOUNT)


async def test_a_contractor_has_the_invoice_of_each_fee_once_it_is_booked(
    api: httpx2.AsyncClient, escrow: EscrowProcess, superuser: Superuser
) -> None:
    case_id = await escrow.held()
    await escrow.release(case_id, AMOUNT // 4)
    move_id = await superuser.value("SELECT id FROM escrow_moves WHERE case_id = %s", case_id)
    early = await ask(api, f"moves/{move_id}/invoice", escrow.contractor)
    assert (early.status_code, early.json()["code"]) == (409, "escrow_without_invoice")
    await escrow.go_on(case_id)

    invoice = await ask(api, f"moves/{move_id}/invoice", escrow.contractor)
    charged = await superuser.value("SELECT fee + vat FROM escrow_moves WHERE id = %s", move_id)
    assert (invoice.status_code, invoice.json()["kind"]) == (201, "fee_invoice")
    assert invoice.json()["amount"]["amount"] == charged
    assert (await ask(api, f"moves/{move_id}/invoice", escrow.employer)).status_code == 404
