"""Gateways in trouble: what is no answer is never taken for one, ends in time, and betrays no key."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable

import httpx2
import pytest

from gateways.gateway_call import SECONDS
from gateways.payment import GatewayRefused, GatewayUnclear, LinkRequest, PaymentGateway, UnknownToGateway
from gateways.zarinpal import Zarinpal
from gateways.zibal import Zibal
from stack.ports import free_port
from tests.gateways.payment_providers import MERCHANT, TERMINAL, TOKEN, ZarinpalStand, ZibalStand
from tests.gateways.provider import Asked, Provider, Reply, serving

_CARD = "5022291083815995"
_LINK = LinkRequest(10_000, "https://amanat.example/back/x", "order-7", "پرداخت", (_CARD,))
# What never comes to its end is waited for so long; the others as long as usual, for the machine may be busy.
_SECONDS = 0.3
_TRIES = 20
_OF_A_PAYMENT = {-9, -13, -14, -41, 105, 106, 113, 114, 115}
_TRACK = "15966442230000"
# Both would believe it, whatever they were asked.
_GOOD = {
    "result": 100,
    "trackId": int(_TRACK),
    "status": 1,
    "amount": 10_000,
    "orderId": "order-7",
    "data": {"code": 100, "authority": _TRACK, "ref_id": 201, "order_id": "order-7"},
    "errors": [],
}
_TROUBLES = {
    "html": Reply(b"<!doctype html><title>502</title>"),
    "truncated": Reply(_GOOD, told=4000),
    "half_json": Reply(b'{"result": 100'),
    "empty": Reply(b""),
    "server_error": Reply(_GOOD, 500),
    "away": Reply(_GOOD, 503),
    "too_many": Reply(_GOOD, 429),
    "elsewhere": Reply(_GOOD, 307, headers={"Location": "/elsewhere"}),
    "forbidden": Reply(_GOOD, 403),
    "list": Reply([_GOOD]),
    "text": Reply("100"),
    "deep": Reply(b"[" * 60_000),
    "large": Reply(_GOOD | {"pad": "a" * 200_000}),
    "compressed": Reply(b"\x1f\x8b\x08", headers={"Content-Encoding": "gzip"}),
    "no_code": Reply({"message": "success", "data": {}, "errors": []}),
    "unknown_code": Reply({"result": 31337, "data": {"code": 31337}, "errors": []}),
    "code_of_another_form": Reply({"result": [100], "data": {"code": {"a": 1}}, "errors": []}),
    "silent": Reply(silent=True),
    "drips": Reply(b"{", told=100_000, drips=True),
}


def _gateway(name: str, client: httpx2.AsyncClient, base: str, trouble: str = "") -> PaymentGateway:
    seconds = _SECONDS if trouble in {"silent", "drips"} else SECONDS
    if name == "zibal":
        return Zibal(client, MERCHANT, base, seconds)
    return Zarinpal(client, MERCHANT, TOKEN, TERMINAL, base, f"{base}/api/v4/graphql/", seconds)


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    async with serving(lambda _: Reply({})) as provider:
        yield provider


@pytest.fixture(scope="module")
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient() as client:
        yield client


def _deed(gateway: PaymentGateway, deed: str) -> Awaitable[object]:
    if deed == "request_link":
        return gateway.request_link(_LINK)
    if deed == "settle":
        return gateway.settle(_TRACK, 10_000, "order-7")
    if deed == "reverse":
        return gateway.reverse("A1")
    return gateway.refund("A1", 20_000, "refund-1", "201")


async def _unclear_once_asked(gateway: PaymentGateway, deed: str, provider: Provider) -> GatewayUnclear:
    """What a provider that was reached left unclear: on a machine that stands still the time may be over before."""
    for _ in range(_TRIES):
        error = await _unclear(gateway, deed)
        if provider.asked:
            break
    return error


async def _unclear(gateway: PaymentGateway, deed: str) -> GatewayUnclear:
    with pytest.raises(GatewayUnclear) as caught:
        await _deed(gateway, deed)
    return caught.value


@pytest.mark.parametrize("deed", ["request_link", "settle"])
@pytest.mark.parametrize("name", ["zarinpal", "zibal"])
async def test_without_trouble_these_answers_are_believed(
    provider: Provider, client: httpx2.AsyncClient, name: str, deed: str
) -> None:
    provider.instead = [Reply(_GOOD)]
    assert await _deed(_gateway(name, client, provider.base), deed)


@pytest.mark.parametrize("trouble", list(_TROUBLES))
@pytest.mark.parametrize("deed", ["request_link", "settle"])
@pytest.mark.parametrize("name", ["zarinpal", "zibal"])
async def test_no_answer_is_unclear_and_asked_once(
    provider: Provider, client: httpx2.AsyncClient, name: str, deed: str, trouble: str, caplog: pytest.LogCaptureFixture
) -> None:
    provider.instead = [_TROUBLES[trouble]]
    with caplog.at_level(logging.DEBUG):
        error = await _unclear_once_asked(_gateway(name, client, provider.base, trouble), deed, provider)
    assert len(provider.asked) == 1
    assert error.reason.startswith(f"{name}_")
    assert len(error.reason) < 50
    assert (error.__cause__, error.__suppress_context__ or error.__context__ is None) == (None, True)
    assert not [secret for secret in (MERCHANT, TOKEN, _CARD) if secret in caplog.text + repr(error)]


@pytest.mark.parametrize("status", [429, 500, 503])
@pytest.mark.parametrize("name", ["zarinpal", "zibal"])
async def test_a_no_of_a_server_in_trouble_is_not_believed_either(
    provider: Provider, client: httpx2.AsyncClient, name: str, status: int
) -> None:
    for result, code in ((203, -54), (102, -10)):
        provider.instead = [Reply({"result": result, "data": [], "errors": {"code": code}}, status)]
        error = await _unclear(_gateway(name, client, provider.base), "settle")
        assert error.reason == f"{name}_http_{status}"


@pytest.mark.parametrize("trouble", ["html", "truncated", "server_error", "too_many", "silent", "forbidden", "list"])
@pytest.mark.parametrize("deed", ["reverse", "refund"])
async def test_giving_back_without_an_answer_is_unclear(
    provider: Provider, client: httpx2.AsyncClient, deed: str, trouble: str
) -> None:
    provider.instead = [_TROUBLES[trouble]]
    await _unclear(_gateway("zarinpal", client, provider.base, trouble), deed)


@pytest.mark.parametrize("name", ["zarinpal", "zibal"])
async def test_nobody_at_the_address_is_unclear(client: httpx2.AsyncClient, name: str) -> None:
    gateway = _gateway(name, client, f"http://127.0.0.1:{free_port()}")
    assert (await _unclear(gateway, "settle")).reason == f"{name}_unreachable_ConnectError"


@pytest.mark.parametrize(
    ("stand", "codes"),
    [
        (ZarinpalStand(), [-9, -10, -11, -13, -14, -15, -16, -17, -18, -19, -41, -53]),
        (ZibalStand(), [102, 103, 104, 105, 106, 113, 114, 115]),
    ],
)
async def test_who_does_not_know_us_or_takes_no_such_amount_refuses(
    client: httpx2.AsyncClient, stand: ZarinpalStand | ZibalStand, codes: list[int]
) -> None:
    name = "zibal" if isinstance(stand, ZibalStand) else "zarinpal"
    async with serving(stand) as provider:
        gateway = _gateway(name, client, provider.base)
        for code in codes:
            stand.refused = code
            with pytest.raises(GatewayRefused, match=rf"^{name}_{code}$") as refused:
                await gateway.request_link(_LINK)
            # What is wrong with a payment is no trouble of the gateway's.
            assert isinstance(refused.value, UnknownToGateway) is (code not in _OF_A_PAYMENT)
            with pytest.raises(GatewayRefused):
                await gateway.settle(_TRACK, 10_000, "order-7")


@pytest.mark.parametrize(("name", "code"), [("zarinpal", -12), ("zarinpal", -52), ("zibal", 112)])
async def test_what_passes_by_itself_is_no_refusal(client: httpx2.AsyncClient, name: str, code: int) -> None:
    stand = ZibalStand(refused=code) if name == "zibal" else ZarinpalStand(refused=code)
    async with serving(stand) as provider:
        await _unclear(_gateway(name, client, provider.base), "request_link")


async def test_each_gateway_has_its_name_and_shows_no_key(client: httpx2.AsyncClient) -> None:
    for name in ("zarinpal", "zibal"):
        gateway = _gateway(name, client, "https://example.org")
        assert gateway.name == name
        assert not [secret for secret in (MERCHANT, TOKEN) if secret in repr(gateway)]
    assert _CARD not in repr(_LINK)


async def test_a_wrong_key_is_refused_and_goes_nowhere_else(client: httpx2.AsyncClient) -> None:
    seen: list[Asked] = []
    stand = ZibalStand()

    def answer(asked: Asked) -> Reply:
        seen.append(asked)
        return stand(asked)

    async with serving(answer) as provider:
        with pytest.raises(GatewayRefused, match=r"^zibal_102$"):
            await Zibal(client, "another", provider.base).request_link(_LINK)
    assert [MERCHANT in str(asked.headers) for asked in seen] == [False]
