"""ZarinPal: paid, not paid, given back, and never twice; against a server that answers as it documents."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

import httpx2
import pytest

from gateways.payment import GatewayRefused, GatewayUnclear, LinkRequest, NotPaid, Paid, StillOpen
from gateways.zarinpal import Zarinpal
from tests.gateways.payment_providers import CARD, MERCHANT, TERMINAL, TOKEN, Attempt, ZarinpalStand
from tests.gateways.provider import Provider, Reply, serving

_AUTHORITY, _ORDER, _AMOUNT = "A000000000000000000000000000wwOGYpd", "0199a1b2-order", 2_500_000


@dataclass
class Bank:
    """ZarinPal with one attempt, and our adapter for it."""

    stand: ZarinpalStand
    provider: Provider
    gateway: Zarinpal

    @property
    def attempt(self) -> Attempt:
        """That attempt."""
        return self.stand.attempts[_AUTHORITY]


@pytest.fixture(scope="module")
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient() as client:
        yield client


@pytest.fixture
async def bank(client: httpx2.AsyncClient) -> AsyncIterator[Bank]:
    stand = ZarinpalStand({_AUTHORITY: Attempt(_AMOUNT, _ORDER, "PAID", 59421827101)})
    async with serving(stand) as provider:
        gateway = Zarinpal(
            client, MERCHANT, TOKEN, TERMINAL, provider.base, f"{provider.base}/api/v4/graphql/", seconds=5.0
        )
        yield Bank(stand, provider, gateway)


async def test_a_link_is_asked_for_in_rial_to_be_verified_by_us_alone_and_for_the_payers_own_card(bank: Bank) -> None:
    link = await bank.gateway.request_link(
        LinkRequest(10_000, "https://amanat.example/back/x", "order-7", "پرداخت", ("5022291083815995",))
    )
    (asked,) = bank.provider.asked
    assert (link.authority, link.url) == (f"A{1:035}", f"{bank.provider.base}/pg/StartPay/A{1:035}")
    assert asked.path == "/pg/v4/payment/request.json"
    assert asked.content == {
        "amount": 10_000,
        "currency": "IRR",
        "callback_url": "https://amanat.example/back/x",
        "description": "پرداخت",
        "metadata": {"order_id": "order-7", "auto_verify": False, "card_pan": "5022291083815995"},
    }
    assert await bank.gateway.settle(link.authority, 10_000, "order-7") == StillOpen()


async def test_of_several_cards_none_is_sent_for_it_takes_one(bank: Bank) -> None:
    await bank.gateway.request_link(LinkRequest(10_000, "https://a.example", "o", "d", ("5022291083815995", "6037")))
    assert "card_pan" not in bank.provider.asked[0].content["metadata"]


@pytest.mark.parametrize("authority", ["", "../../evil", "A0/../x", "https://evil.example", 7, None])
async def test_an_authority_that_is_none_becomes_no_address(bank: Bank, authority: object) -> None:
    bank.provider.instead = [Reply({"data": {"code": 100, "authority": authority}, "errors": []})]
    with pytest.raises(GatewayUnclear):
        await bank.gateway.request_link(LinkRequest(10_000, "https://a.example", "o", "d"))


async def test_what_was_paid_is_taken_and_said_again_as_often_as_it_is_asked(bank: Bank) -> None:
    paid = Paid("59421827101", _AMOUNT, CARD, 3500)
    assert await bank.gateway.settle(_AUTHORITY, _AMOUNT, _ORDER) == paid
    assert bank.attempt.status == "VERIFIED"
    assert await bank.gateway.settle(_AUTHORITY, _AMOUNT, _ORDER) == paid


async def test_when_the_answer_is_lost_the_next_question_finds_it_paid(bank: Bank) -> None:
    bank.provider.instead = [Reply(b"", told=9)]
    with pytest.raises(GatewayUnclear):
        await bank.gateway.settle(_AUTHORITY, _AMOUNT, _ORDER)
    assert isinstance(await bank.gateway.settle(_AUTHORITY, _AMOUNT, _ORDER), Paid)


@pytest.mark.parametrize(
    ("status", "outcome"),
    [("IN_BANK", StillOpen()), ("FAILED", NotPaid("failed")), ("REVERSED", NotPaid("reversed"))],
)
async def test_what_is_not_paid_is_told_apart_by_the_inquiry(bank: Bank, status: str, outcome: object) -> None:
    bank.attempt.status = status
    assert await bank.gateway.settle(_AUTHORITY, _AMOUNT, _ORDER) == outcome
    assert bank.provider.paths() == ["verify.json", "inquiry.json"]


@pytest.mark.parametrize("status", ["PAID", "VERIFIED", "SETTLED_SOMEHOW", None, 3])
async def test_a_paid_inquiry_is_never_enough(bank: Bank, status: object) -> None:
    bank.attempt.status = "IN_BANK"
    bank.provider.instead = [None, Reply({"data": {"status": status, "code": 100}, "errors": []})]
    with pytest.raises(GatewayUnclear):
        await bank.gateway.settle(_AUTHORITY, _AMOUNT, _ORDER)


async def test_another_amount_is_not_taken_and_an_unknown_attempt_is_none(bank: Bank) -> None:
    assert await bank.gateway.settle(_AUTHORITY, _AMOUNT + 1, _ORDER) == NotPaid("amount_differs")
    assert bank.attempt.status == "PAID"
    assert await bank.gateway.settle("A1", _AMOUNT, _ORDER) == NotPaid("unknown_authority")


async def test_an_answer_about_another_order_is_no_answer(bank: Bank) -> None:
    bank.attempt.order = "another-order"
    with pytest.raises(GatewayUnclear, match=r"^zarinpal_another_order$"):
        await bank.gateway.settle(_AUTHORITY, _AMOUNT, _ORDER)


async def test_what_was_verified_and_then_reversed_is_not_paid(bank: Bank) -> None:
    bank.attempt.status = "REVERSED"
    bank.provider.instead = [Reply({"data": {"code": 101, "ref_id": 201, "card_pan": CARD}, "errors": []})]
    assert await bank.gateway.settle(_AUTHORITY, _AMOUNT, _ORDER) == NotPaid("reversed")


@pytest.mark.parametrize(
    "told",
    [
        {"data": {"code": 100, "card_pan": CARD}, "errors": []},
        {"data": {"code": 100, "ref_id": True}, "errors": []},
        {"data": {"code": 100, "ref_id": 201}, "errors": {"code": 100}},
        {"data": {"ref_id": 201}, "errors": []},
        {"data": [100], "errors": [{"code": 100}]},
        {"code": 100, "ref_id": 201},
    ],
)
async def test_a_success_of_another_form_is_none(bank: Bank, told: object) -> None:
    bank.provider.instead = [Reply(told)]
    with pytest.raises(GatewayUnclear):
        await bank.gateway.settle(_AUTHORITY, _AMOUNT, _ORDER)


async def test_a_success_that_http_calls_an_error_is_none(bank: Bank) -> None:
    bank.provider.instead = [Reply({"data": {"code": 100, "ref_id": 201}, "errors": []}, 403)]
    with pytest.raises(GatewayUnclear):
        await bank.gateway.settle(_AUTHORITY, _AMOUNT, _ORDER)


@pytest.mark.parametrize(
    ("told", "fee", "card"),
    [
        ({"fee_type": "Payer", "fee": 3500, "card_pan": "5022291083815995"}, 0, CARD),
        ({"fee_type": "Merchant", "fee": "3500"}, 3500, ""),
        ({"fee_type": "Merchant", "fee": -1, "card_pan": 7}, None, ""),
        ({}, None, ""),
    ],
)
async def test_the_fee_is_what_is_kept_of_ours_and_a_card_is_masked(
    bank: Bank, told: dict[str, object], fee: int | None, card: str
) -> None:
    bank.provider.instead = [Reply({"data": {"code": "100", "ref_id": "201"} | told, "errors": []})]
    assert await bank.gateway.settle(_AUTHORITY, _AMOUNT, _ORDER) == Paid("201", _AMOUNT, card, fee)


async def test_within_half_an_hour_the_whole_is_reversed_and_once_more_changes_nothing(bank: Bank) -> None:
    bank.attempt.minutes = 29
    assert bank.gateway.reverses_within == timedelta(minutes=30)
    assert await bank.gateway.reverse(_AUTHORITY) == _AUTHORITY
    assert await bank.gateway.reverse(_AUTHORITY) == _AUTHORITY
    assert bank.attempt.status == "REVERSED"


async def test_later_it_is_not_unless_it_was_before(bank: Bank) -> None:
    bank.attempt.minutes = 31
    with pytest.raises(GatewayRefused, match=r"^zarinpal_-63$"):
        await bank.gateway.reverse(_AUTHORITY)
    bank.attempt.status = "REVERSED"
    assert await bank.gateway.reverse(_AUTHORITY) == _AUTHORITY


async def test_a_reversal_whose_answer_is_lost_is_found_again(bank: Bank) -> None:
    bank.provider.instead = [Reply(b"<html>", 502)]
    with pytest.raises(GatewayUnclear):
        await bank.gateway.reverse(_AUTHORITY)
    assert await bank.gateway.reverse(_AUTHORITY) == _AUTHORITY


@pytest.mark.parametrize(
    ("code", "status", "error"),
    [
        (-60, "VERIFIED", GatewayRefused),
        (-62, "VERIFIED", GatewayRefused),
        (-61, "FAILED", GatewayRefused),
        # A reversal may be on its way: who gave it back another way now would give it back twice.
        (-61, "VERIFIED", GatewayUnclear),
        (-52, "VERIFIED", GatewayUnclear),
    ],
)
async def test_a_reversal_is_refused_only_when_none_is_on_its_way(
    bank: Bank, code: int, status: str, error: type[Exception]
) -> None:
    inquired = {"data": {"code": 100, "status": status}, "errors": []}
    bank.provider.instead = [Reply({"data": [], "errors": {"code": code}}, 422), Reply(inquired)]
    with pytest.raises(error):
        await bank.gateway.reverse(_AUTHORITY)


async def test_the_same_refund_twice_gives_back_once(bank: Bank) -> None:
    first = await bank.gateway.refund(_AUTHORITY, _AMOUNT, "refund-1", "59421827101")
    assert await bank.gateway.refund(_AUTHORITY, _AMOUNT, "refund-1", "59421827101") == first
    assert bank.attempt.refunds == {"refund-1": _AMOUNT}
    assert await bank.gateway.refunded(_AUTHORITY, "refund-1", "59421827101") is True


async def test_a_refund_whose_answer_is_lost_is_found_again_and_not_made_twice(bank: Bank) -> None:
    with pytest.raises(GatewayUnclear, match=r"^zarinpal_no_refund_yet$"):
        await bank.gateway.refunded(_AUTHORITY, "refund-1", "59421827101")
    bank.provider.asked.clear()
    bank.provider.instead = [None, Reply(b'{"data": {"resou', told=400)]
    with pytest.raises(GatewayUnclear):
        await bank.gateway.refund(_AUTHORITY, _AMOUNT, "refund-1", "59421827101")
    assert await bank.gateway.refunded(_AUTHORITY, "refund-1", "59421827101") is True
    await bank.gateway.refund(_AUTHORITY, _AMOUNT, "refund-1", "59421827101")
    assert bank.attempt.refunds == {"refund-1": _AMOUNT}


async def test_after_a_part_was_refunded_nobody_can_say_and_no_more_is_given_back(bank: Bank) -> None:
    await bank.gateway.refund(_AUTHORITY, 500_000, "refund-1", "59421827101")
    assert await bank.gateway.refunded(_AUTHORITY, "refund-1", "59421827101") is None
    for key, amount in (("refund-1", 500_000), ("refund-2", 500_000), ("refund-3", _AMOUNT)):
        with pytest.raises(GatewayUnclear, match=r"^zarinpal_refunded_before$"):
            await bank.gateway.refund(_AUTHORITY, amount, key, "59421827101")
    assert bank.attempt.refunds == {"refund-1": 500_000}


@pytest.mark.parametrize("amount", [19_999, _AMOUNT + 1])
async def test_too_little_and_more_than_was_paid_is_not_refunded(bank: Bank, amount: int) -> None:
    assert bank.gateway.refunds_from == 20_000
    with pytest.raises(GatewayRefused):
        await bank.gateway.refund(_AUTHORITY, amount, "refund-1", "59421827101")
    assert not bank.attempt.refunds


async def test_the_payment_of_another_attempt_is_not_refunded(bank: Bank) -> None:
    bank.stand.attempts["A2"] = Attempt(_AMOUNT, "other", "VERIFIED", 77)
    with pytest.raises(GatewayUnclear, match=r"^zarinpal_session_not_found$"):
        await bank.gateway.refund(_AUTHORITY, _AMOUNT, "refund-1", "77")
    assert not bank.stand.attempts["A2"].refunds


@pytest.mark.parametrize(
    "told",
    [
        {"data": {"resource": None}, "errors": [{"message": "balance"}]},
        {"data": {"resource": {"id": "1", "timeline": {"refund_status": "PENDING", "refund_amount": _AMOUNT}}}},
        {"data": {"resource": {"id": "3859421827101", "timeline": {"refund_status": "FAILED"}}}},
        {"data": {"resource": {"id": "3859421827101", "timeline": {"refund_amount": 1}}}},
        {"data": {"resource": {"id": "3859421827101"}}},
        {"data": None},
    ],
)
async def test_a_refund_that_is_not_confirmed_is_not_done(bank: Bank, told: object) -> None:
    bank.provider.instead = [None, Reply(told)]
    with pytest.raises(GatewayUnclear):
        await bank.gateway.refund(_AUTHORITY, _AMOUNT, "refund-1", "59421827101")


@pytest.mark.parametrize("timeline", [None, [], [{"refund_status": "SUCCESS"}]])
async def test_a_session_that_does_not_tell_what_was_refunded_is_not_refunded(bank: Bank, timeline: object) -> None:
    session = {"id": "1", "authority": _AUTHORITY, "amount": _AMOUNT, "timeline": timeline}
    bank.provider.instead = [Reply({"data": {"Session": [session]}})]
    with pytest.raises(GatewayUnclear):
        await bank.gateway.refund(_AUTHORITY, _AMOUNT, "refund-1", "59421827101")
    assert bank.provider.paths() == [""]


async def test_a_refund_that_failed_can_be_made_again(bank: Bank) -> None:
    timeline = {"refund_status": "FAILED", "refund_amount": _AMOUNT}
    session = {"id": "3859421827101", "authority": _AUTHORITY, "amount": _AMOUNT, "timeline": timeline}
    bank.provider.instead = [Reply({"data": {"Session": [session]}})] * 2
    assert await bank.gateway.refunded(_AUTHORITY, "refund-1", "59421827101") is False
    await bank.gateway.refund(_AUTHORITY, _AMOUNT, "refund-1", "59421827101")
    assert bank.attempt.refunds == {"refund-1": _AMOUNT}


async def test_without_a_token_nothing_is_refunded_and_a_wrong_one_is_told(bank: Bank) -> None:
    bare = Zarinpal(bank.gateway.client, MERCHANT, base=bank.provider.base)
    assert bare.refunds_from is None
    assert await bare.refunded(_AUTHORITY, "refund-1", "59421827101") is None
    with pytest.raises(GatewayRefused):
        await bare.refund(_AUTHORITY, _AMOUNT, "refund-1", "59421827101")
    assert not bank.provider.asked
    wrong = Zarinpal(
        bank.gateway.client, MERCHANT, "expired", TERMINAL, refunds=f"{bank.provider.base}/api/v4/graphql/"
    )
    with pytest.raises(GatewayRefused, match=r"^zarinpal_token$"):
        await wrong.refund(_AUTHORITY, _AMOUNT, "refund-1", "59421827101")
