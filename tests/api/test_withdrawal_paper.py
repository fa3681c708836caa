"""Receipt and invoice of a withdrawal through the API: had by its owner alone, and once it is paid (G9, E3)."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import httpx2
import pytest

from activities.transition import ActivityContext
from commands.command import Context
from storage.database import SERVICE, transaction
from storage.paper import read_paper
from tests.arrange import Arrange, Someone
from tests.books import Superuser
from tests.fee_steps import FEE, SELLER, change_policy, charge, withdraw_with_fee
from tests.payout_steps import AMOUNT, PayoutOffice


@pytest.fixture
async def office(context: Context, arrange: Arrange, activity_context: ActivityContext) -> PayoutOffice:
    """A member with 100 million rial, two officers, a fee for each withdrawal, and a seller on its invoice."""
    office = await PayoutOffice.opened(context, arrange, activity_context)
    await charge(context)
    await change_policy(context, "vat", seller=SELLER)
    return office


async def paid(office: PayoutOffice, count: int = 1) -> list[UUID]:
    """Withdrawals in one batch that the bank has paid."""
    asked = [await withdraw_with_fee(office) for _ in range(count)]
    case_id = await office.sent()
    await office.answered(case_id, await office.answer_to(case_id))
    return asked


async def ask(api: httpx2.AsyncClient, one: UUID, what: str, who: Someone) -> httpx2.Response:
    """Ask for a paper of a withdrawal."""
    return await api.post(f"/v1/withdrawals/{one}/{what}", headers=who.headers())


async def test_two_withdrawals_of_one_batch_have_a_receipt_and_an_invoice_each_issued_once(
    api: httpx2.AsyncClient, office: PayoutOffice
) -> None:
    me, papers = office.member, list[Any]()
    for one in await paid(office, 2):
        for what, kind, amount in (("receipt", "payout_receipt", AMOUNT), ("invoice", "fee_invoice", FEE.total)):
            first, again = [(await ask(api, one, what, me)) for _ in range(2)]
            assert (first.status_code, again.json()) == (201, first.json())
            paper = first.json()
            assert (paper["kind"], paper["amount"]["amount"], paper["case_id"]) == (kind, amount.amount, None)
            papers.append(paper)
    assert len({paper["number"] for paper in papers}) == 4
    listed = (await api.get("/v1/papers", headers=me.headers())).json()["items"]
    assert listed == papers[::-1]
    file = await api.get(f"/v1/papers/{papers[0]['id']}", headers=me.headers())
    assert file.content.startswith(b"%PDF-")


async def test_an_invoice_is_printed_with_seller_parts_and_its_number_in_the_year(
    api: httpx2.AsyncClient, office: PayoutOffice, context: Context
) -> None:
    (one,) = await paid(office)
    await change_policy(context, "vat", seller={**SELLER, "name": "نام تازه"})
    paper = (await ask(api, one, "invoice", office.member)).json()
    async with transaction(context.engine, SERVICE) as connection:
        found = await read_paper(connection, context.seals, UUID(paper["id"]), of=office.member.id)
    assert found is not None
    printed = found.content.printed()
    assert printed["seller"] == SELLER["name"]
    assert str(printed["invoice"]).endswith("-۰۰۰۰۰۱")
    assert (printed["rate"], printed["what_for"]) == ("۱۰٪", "کارمزد برداشت از موجودی")


async def test_whoever_holds_a_receipt_is_told_that_it_is_genuine_and_of_nobody(
    api: httpx2.AsyncClient, office: PayoutOffice, context: Context
) -> None:
    (one,) = await paid(office)
    paper = (await ask(api, one, "receipt", office.member)).json()
    async with transaction(context.engine, SERVICE) as connection:
        found = await read_paper(connection, context.seals, UUID(paper["id"]), of=office.member.id)
    assert found is not None
    told = (await api.get(f"/v1/papers/checks/{found.token}")).json()
    assert (told["kind"], told["state"], told["amount"]["amount"]) == ("payout_receipt", "paid", AMOUNT.amount)
    assert "REF-1" not in json.dumps(told)


async def test_what_is_not_paid_has_no_receipt_and_what_cost_nothing_no_invoice(
    api: httpx2.AsyncClient, office: PayoutOffice, context: Context, superuser: Superuser
) -> None:
    waits = await withdraw_with_fee(office)
    for what in ("receipt", "invoice"):
        answer = await ask(api, waits, what, office.member)
        assert (answer.status_code, answer.json()["code"]) == (409, "withdrawal_without_paper")
    await office.take_back(waits)
    await change_policy(context, "payout", fee_rial=0)
    free = await office.withdraw()
    case_id = await office.sent()
    await office.answered(case_id, await office.answer_to(case_id))

    answers = [(await ask(api, free, what, office.member)).status_code for what in ("receipt", "invoice")]
    assert answers == [201, 409]
    (listed, _) = (await api.get("/v1/withdrawals", headers=office.member.headers())).json()["items"]
    assert (listed["has_receipt"], listed["has_invoice"], listed["fee"]["amount"]) == (True, False, 0)
    assert await superuser.value("SELECT count(*) FROM papers") == 1


async def test_the_papers_of_another_persons_withdrawal_look_like_none(
    api: httpx2.AsyncClient, office: PayoutOffice, superuser: Superuser
) -> None:
    (one,) = await paid(office)
    stranger = await office.arrange.person("member")
    for what in ("receipt", "invoice"):
        answer = await ask(api, one, what, stranger)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert await superuser.value("SELECT count(*) FROM papers") == 0


async def test_fee_and_vat_are_told_part_by_part_before_and_after(
    api: httpx2.AsyncClient, office: PayoutOffice
) -> None:
    terms = (await api.get("/v1/withdrawals/terms", headers=office.member.headers())).json()
    parts = {"fee": FEE.net.amount, "vat": FEE.vat.amount, "charged": FEE.total.amount}
    assert {name: terms[name]["amount"] for name in parts} == parts
    await withdraw_with_fee(office)
    (one,) = (await api.get("/v1/withdrawals", headers=office.member.headers())).json()["items"]
    total = AMOUNT.amount + FEE.total.amount
    shown = [one[name]["amount"] for name in ("amount", "fee", "vat", "total")]
    assert shown == [AMOUNT.amount, FEE.net.amount, FEE.vat.amount, total]
