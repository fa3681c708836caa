"""The page of the stand-alone stack's bank: each of its buttons, which lead back to a shop or stay."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs

import httpx2
import pytest
from starlette.responses import HTMLResponse
from starlette.types import Receive, Scope, Send

from api.app import create_app
from commands.command import Context
from gateways.local_bank import ASKED_BEFORE_CLEAR, LocalBank
from gateways.payment import GatewayUnclear, LinkRequest, NotPaid, Outcome, Paid, StillOpen
from tests.applications import bank_beside
from tests.serving import serving
from tests.web.conftest import HERE, Visit
from tests.web.visitor import PageVisitor
from web.app import create_site

_AMOUNT = 2_500_000
_OWN = "6219860000000407"


@dataclass
class Shop:
    """Another site, to which the bank sends browsers back, and what they said there."""

    bank: LocalBank
    address: str = ""
    told: list[tuple[str, str]] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Note a callback."""
        if scope["type"] == "http":
            said = parse_qs(scope["query_string"].decode())
            if "Status" in said:
                self.told.append((said["Authority"][0], said["Status"][0]))
            page = '<!doctype html><html lang="en"><title>Shop</title><link rel="icon" href="data:,"><main>Shop</main>'
            await HTMLResponse(page)(scope, receive, send)

    async def link(self, *cards: str) -> str:
        """Ask the bank for a payment; its authority."""
        request = LinkRequest(_AMOUNT, f"{self.address}/back?t=1", "order-1", "پرداخت عادی", cards)
        return (await self.bank.request_link(request)).authority

    async def settle(self, authority: str) -> Outcome:
        """Ask the bank what became of it."""
        return await self.bank.settle(authority, _AMOUNT)


@pytest.fixture
async def shop(messages_dir: Path) -> AsyncIterator[Shop]:
    """A shop that answers."""
    shop = Shop(bank_beside(messages_dir))
    async with serving(shop, lifespan="off") as shop.address:
        yield shop


async def _press(visitor: PageVisitor, authority: str, text: str) -> None:
    await visitor.go(f"/bank/{authority}")
    await visitor.press(text)


async def test_what_is_to_be_paid_is_told_in_rial_toman_and_words_with_its_time(visit: Visit, shop: Shop) -> None:
    authority = await shop.link()
    visitor = await visit(width=360)
    await visitor.go(f"/bank/{authority}")
    shown = await visitor.text()
    for told in ("۲۵۰٬۰۰۰ تومان", "۲٬۵۰۰٬۰۰۰ ریال", "دویست و پنجاه هزار تومان", "امانت", "پرداخت عادی", "order-1"):
        assert told in shown
    await visitor.reads("زمان باقی‌مانده: ۱۴:")
    assert await visitor.page.locator("html").get_attribute("dir") == "rtl"
    await visitor.look()
    await visitor.assert_readable_in_the_dark()
    await visitor.picture("bank-360")
    await visitor.page.set_viewport_size({"width": 1280, "height": 900})
    await visitor.look()
    await visitor.picture("bank-1280")


async def test_buttons_that_lead_back_tell_the_shop_once_what_the_bank_then_says_too(visit: Visit, shop: Shop) -> None:
    visitor = await visit()
    for text, status, outcome in (
        ("Let it fail", "NOK", NotPaid("failed")),
        ("Cancel and go back", "NOK", NotPaid("cancelled")),
        ("Pay", "OK", None),
        ("Pay with a stranger's card", "OK", None),
    ):
        authority = await shop.link(_OWN)
        await _press(visitor, authority, text)
        assert visitor.page.url.startswith(f"{shop.address}/back?t=1&"), text
        assert shop.told.pop() == (authority, status)
        answered = await shop.settle(authority)
        if outcome is None:
            assert isinstance(answered, Paid)
            assert (answered.card == "621986******0407") is (text == "Pay"), text
        else:
            assert answered == outcome
    assert shop.told == []


async def test_a_lost_callback_leaves_the_browser_at_the_bank_with_the_money_paid(visit: Visit, shop: Shop) -> None:
    authority = await shop.link()
    visitor = await visit()
    await _press(visitor, authority, "Pay and lose the way back")
    await visitor.reads("This is paid")
    await visitor.look()
    await visitor.picture("bank-paid")
    assert await visitor.page.locator("main a").count() == 0
    assert isinstance(await shop.settle(authority), Paid)
    assert shop.told == []
    # Whoever opens the link again later comes back late.
    await _press(visitor, authority, "Back to the shop")
    assert shop.told == [(authority, "OK")]


async def test_a_doubled_callback_tells_the_shop_twice_of_one_payment(visit: Visit, shop: Shop) -> None:
    authority = await shop.link()
    visitor = await visit()
    await _press(visitor, authority, "Pay and go back twice")
    await visitor.look()
    for link in await visitor.page.locator("main a").all():
        async with visitor.context.expect_page() as opened:
            await link.click()
        await (await opened.value).wait_for_load_state()
    assert shop.told == [(authority, "OK")] * 2
    assert [line.what for line in shop.bank.find(authority).lines] == ["paid"]


async def test_a_slow_payment_leads_back_before_the_bank_knows_of_it(visit: Visit, shop: Shop) -> None:
    authority = await shop.link()
    await _press(await visit(), authority, "Pay slowly")
    assert shop.told == [(authority, "OK")]
    for _ in range(ASKED_BEFORE_CLEAR):
        with pytest.raises(GatewayUnclear):
            await shop.settle(authority)
    assert isinstance(await shop.settle(authority), Paid)


async def test_two_attempts_of_one_payment_are_both_paid_in_two_windows(visit: Visit, shop: Shop) -> None:
    attempts = [await shop.link(), await shop.link()]
    windows = [await visit(script=script) for script in (True, False)]
    for visitor, authority in zip(windows, attempts, strict=True):
        await visitor.go(f"/bank/{authority}")
    for visitor in windows:
        await visitor.press("Pay")
    assert shop.told == [(authority, "OK") for authority in attempts]
    assert all([isinstance(await shop.settle(authority), Paid) for authority in attempts])


async def test_only_a_named_card_pays_and_what_was_typed_stays(visit: Visit, shop: Shop) -> None:
    authority = await shop.link(_OWN, "6037990000000105")
    visitor = await visit()
    await visitor.go(f"/bank/{authority}")
    assert await visitor.page.input_value("[name=card]") == _OWN
    for typed, said in (
        ("5022290000000208", "This card is not the payer's own."),
        ("۱۲۳۴", "A card's number has 16 digits."),
    ):
        await visitor.fill(card=typed)
        await visitor.press("Pay")
        await visitor.reads(said)
        await visitor.look()
        assert await visitor.page.input_value("[name=card]") == typed
    assert await shop.settle(authority) == StillOpen()
    await visitor.fill(card="۶۰۳۷-۹۹۰۰-۰۰۰۰-۰۱۰۵")
    await visitor.press("Pay")
    assert shop.told == [(authority, "OK")]


async def _send(site: httpx2.AsyncClient, authority: str, **data: str) -> httpx2.Response:
    return await site.post(f"/bank/{authority}", data=data, headers=HERE)


async def test_what_is_sent_again_or_too_late_changes_nothing_and_is_told_as_it_is(
    site: httpx2.AsyncClient, shop: Shop
) -> None:
    authority = await shop.link()
    card = {"card": _OWN}
    for deed in ("pay", "pay", "fail", "leave", "slow"):
        answer = await _send(site, authority, deed=deed, **card)
        assert (answer.status_code, answer.headers["Location"][-10:]) == (303, "&Status=OK"), deed
    assert [line.what for line in shop.bank.find(authority).lines] == ["paid"]
    for nonsense in ({}, {"deed": "steal"}):
        assert (await _send(site, authority, **nonsense)).status_code == 422
    left = await shop.link()
    await _send(site, left, deed="leave")
    for deed in ("pay", "stranger"):
        assert (await _send(site, left, deed=deed, **card)).headers["Location"].endswith("&Status=NOK")
    assert (await site.get(f"/bank/{left}")).status_code == 200


async def test_another_sites_page_can_press_nothing_here(site: httpx2.AsyncClient, shop: Shop) -> None:
    authority = await shop.link()
    foreign = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}
    answer = await site.post(f"/bank/{authority}", data={"deed": "leave"}, headers=foreign)
    assert answer.status_code == 403
    assert await shop.settle(authority) == StillOpen()


@pytest.mark.parametrize("authority", ["0", "a" * 36, "..%2F..%2Fsecrets", "%00"])
async def test_an_authority_that_is_none_has_no_page(site: httpx2.AsyncClient, shop: Shop, authority: str) -> None:
    await shop.link()
    assert (await site.get(f"/bank/{authority}")).status_code == 404
    assert (await _send(site, authority, deed="leave")).status_code == 404


@pytest.mark.parametrize("stand_alone", [True, False])
async def test_there_is_no_bank_outside_a_stand_alone_stack_nor_in_one_without_books(
    context: Context, shop: Shop, *, stand_alone: bool
) -> None:
    bank = None if stand_alone else shop.bank
    authority = await shop.link()
    transport = httpx2.ASGITransport(app=create_site(create_app(context, local_bank=bank), stand_alone=stand_alone))
    async with httpx2.AsyncClient(transport=transport, base_url="https://amanat.test") as client:
        assert (await client.get(f"/bank/{authority}")).status_code == 404
        assert (await _send(client, authority, deed="leave")).status_code == 404
    assert await shop.settle(authority) == StillOpen()
