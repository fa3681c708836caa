"""Zibal: paid, not paid, and only our amount; against a server that answers as it documents."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx2
import pytest

from gateways.payment import GatewayRefused, GatewayUnclear, LinkRequest, NotPaid, Paid, StillOpen
from gateways.zibal import Zibal
from tests.gateways.payment_providers import MERCHANT, Attempt, ZibalStand
from tests.gateways.provider import Provider, Reply, serving

_TRACK, _ORDER, _AMOUNT = "15966442230000", "0199a1b2-order", 2_500_000
_PAID = Paid(_TRACK, _AMOUNT, "62741*********44", 1200)


@dataclass
class Bank:
    """Zibal with one attempt, and our adapter for it."""

    stand: ZibalStand
    provider: Provider
    gateway: Zibal

    @property
    def attempt(self) -> Attempt:
        """That attempt."""
        return self.stand.attempts[_TRACK]


@pytest.fixture(scope="module")
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient() as client:
        yield client


@pytest.fixture
async def bank(client: httpx2.AsyncClient) -> AsyncIterator[Bank]:
    stand = ZibalStand({_TRACK: Attempt(_AMOUNT, _ORDER, 2, 12312)})
    async with serving(stand) as provider:
        yield Bank(stand, provider, Zibal(client, MERCHANT, provider.base, seconds=5.0))


async def test_a_link_is_asked_for_in_rial_and_for_the_payers_own_cards(bank: Bank) -> None:
    cards = ("5022291083815995", "6274129005473742")
    link = await bank.gateway.request_link(
        LinkRequest(10_000, "https://amanat.example/back/x", "order-7", "پرداخت", cards)
    )
    (asked,) = bank.provider.asked
    assert (link.authority, link.url) == ("15966442233312", f"{bank.provider.base}/start/15966442233312")
    assert asked.path == "/v1/request"
    assert asked.content == {
        "amount": 10_000,
        "callbackUrl": "https://amanat.example/back/x",
        "orderId": "order-7",
        "description": "پرداخت",
        "allowedCards": list(cards),
    }
    assert await bank.gateway.settle(link.authority, 10_000, "order-7") == StillOpen()


async def test_what_was_paid_is_taken_and_said_again_as_often_as_it_is_asked(bank: Bank) -> None:
    assert await bank.gateway.settle(_TRACK, _AMOUNT, _ORDER) == _PAID
    assert bank.attempt.status == 1
    assert await bank.gateway.settle(_TRACK, _AMOUNT, _ORDER) == _PAID
    assert bank.provider.paths() == ["inquiry", "verify", "inquiry"]


async def test_verified_before_without_an_amount_is_paid_when_the_inquiry_says_so(bank: Bank) -> None:
    inquired = {"result": 100, "status": 2, "amount": _AMOUNT, "orderId": _ORDER}
    bank.attempt.status = 1
    bank.provider.instead = [Reply(inquired)]
    assert await bank.gateway.settle(_TRACK, _AMOUNT, _ORDER) == _PAID
    assert bank.provider.paths() == ["inquiry", "verify", "inquiry"]
    bank.provider.instead = [Reply(inquired), None, Reply(inquired)]
    with pytest.raises(GatewayUnclear):
        await bank.gateway.settle(_TRACK, _AMOUNT, _ORDER)


async def test_when_the_answer_is_lost_the_next_question_finds_it_paid(bank: Bank) -> None:
    bank.provider.instead = [None, Reply(b"", told=9)]
    with pytest.raises(GatewayUnclear):
        await bank.gateway.settle(_TRACK, _AMOUNT, _ORDER)
    assert await bank.gateway.settle(_TRACK, _AMOUNT, _ORDER) == _PAID


async def test_another_amount_is_not_verified(bank: Bank) -> None:
    assert await bank.gateway.settle(_TRACK, _AMOUNT + 1, _ORDER) == NotPaid("amount_differs")
    assert bank.attempt.status == 2
    assert bank.provider.paths() == ["inquiry"]


async def test_another_amount_that_somebody_else_verified_is_told_as_it_is(bank: Bank) -> None:
    bank.attempt.status = 1
    outcome = await bank.gateway.settle(_TRACK, _AMOUNT + 1, _ORDER)
    assert isinstance(outcome, Paid)
    assert outcome.amount == _AMOUNT


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (3, "cancelled"),
        *((failed, "failed") for failed in (4, 5, 6, 7, 8, 9, 10, 11, 12, 21)),
        (15, "reversed"),
        (18, "reversed"),
    ],
)
async def test_each_way_of_not_having_paid_has_its_reason(bank: Bank, status: int, reason: str) -> None:
    bank.attempt.status = status
    assert await bank.gateway.settle(_TRACK, _AMOUNT, _ORDER) == NotPaid(reason)
    assert bank.provider.paths() == ["inquiry"]


@pytest.mark.parametrize("status", [-2, 16, 13, 99, None, "2a", True])
async def test_a_status_that_is_open_or_not_documented_is_asked_for_again(bank: Bank, status: object) -> None:
    bank.provider.instead = [Reply({"result": 100, "status": status, "amount": _AMOUNT, "orderId": _ORDER})]
    with pytest.raises(GatewayUnclear):
        await bank.gateway.settle(_TRACK, _AMOUNT, _ORDER)


async def test_an_attempt_that_it_does_not_know_is_none(bank: Bank) -> None:
    assert await bank.gateway.settle("1", _AMOUNT, _ORDER) == NotPaid("unknown_authority")
    with pytest.raises(GatewayRefused):
        await bank.gateway.settle("1; drop", _AMOUNT, _ORDER)


@pytest.mark.parametrize("echo", [{"orderId": "another-order"}, {"trackId": 1}, {"orderId": {"of": 1}}])
@pytest.mark.parametrize("method", [0, 1])
async def test_an_answer_about_another_order_is_no_answer(bank: Bank, echo: dict[str, object], method: int) -> None:
    told = {"result": 100, "status": 1, "amount": _AMOUNT, "refNumber": 1} | echo
    bank.provider.instead = [None] * method + [Reply(told)]
    with pytest.raises(GatewayUnclear, match=r"^zibal_another_order$"):
        await bank.gateway.settle(_TRACK, _AMOUNT, _ORDER)


@pytest.mark.parametrize("amount", [None, True, "", -5, 0, 2_500_000.0])
async def test_a_payment_without_a_readable_amount_is_neither_taken_nor_believed(bank: Bank, amount: object) -> None:
    for status in (1, 2):
        bank.provider.instead = [Reply({"result": 100, "status": status, "amount": amount})]
        with pytest.raises(GatewayUnclear):
            await bank.gateway.settle(_TRACK, _AMOUNT, _ORDER)
    assert bank.attempt.status == 2


@pytest.mark.parametrize("result", [202, 203, 999])
async def test_a_verify_that_contradicts_the_inquiry_is_unclear(bank: Bank, result: int) -> None:
    bank.provider.instead = [None, Reply({"result": result})]
    with pytest.raises(GatewayUnclear):
        await bank.gateway.settle(_TRACK, _AMOUNT, _ORDER)


async def test_it_gives_nothing_back(bank: Bank) -> None:
    assert (bank.gateway.reverses_within, bank.gateway.refunds_from) == (None, None)
    with pytest.raises(GatewayRefused):
        await bank.gateway.reverse(_TRACK)
    with pytest.raises(GatewayRefused):
        await bank.gateway.refund(_TRACK, _AMOUNT, "refund-1", _TRACK)
    assert await bank.gateway.refunded(_TRACK, "refund-1", _TRACK) is None
    assert not bank.provider.asked
