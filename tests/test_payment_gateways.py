"""The settings name the payment gateways, or the start is refused in a sentence that says what is missing."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import httpx2
import pytest
from pydantic import ValidationError

from gateways.zarinpal import Zarinpal
from gateways.zibal import Zibal
from payment_gateways import PaymentGatewayNotSet, payment_gateways
from settings import Settings

_KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
_RING = json.dumps({"current": "k", "keys": {"k": _KEY}})
_NEEDED = {
    "DATABASE_URL": "postgres://amanat@db/amanat",
    "AMANAT_FIELD_KEYS": _RING,
    "AMANAT_CODEC_KEYS": _RING,
    "AMANAT_VAULT_KEYS": _RING,
    "AMANAT_VAULT_DIRECTORY": "keys",
    "VAULT_DATABASE_URL": "postgres://vault@db/amanat",
    "AMANAT_BLIND_INDEX_KEY": _KEY,
    "AMANAT_CODE_PEPPER": _KEY,
}
_ZARINPAL = {"AMANAT_ZARINPAL_MERCHANT_ID": "merchant-key"}
_REFUNDS = {"AMANAT_ZARINPAL_ACCESS_TOKEN": "access-token", "AMANAT_ZARINPAL_TERMINAL_ID": "1915487"}
_ZIBAL = {"AMANAT_ZIBAL_MERCHANT": "zibal-merchant"}


@pytest.fixture(scope="module")
async def http() -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient() as http:
        yield http


def _settings(monkeypatch: pytest.MonkeyPatch, names: object, **variables: str) -> Settings:
    for name, value in (_NEEDED | {"AMANAT_PAYMENT_GATEWAYS": json.dumps(names)} | variables).items():
        monkeypatch.setenv(name, value)
    return Settings()


def test_without_a_name_there_is_none(monkeypatch: pytest.MonkeyPatch, http: httpx2.AsyncClient) -> None:
    assert payment_gateways(_settings(monkeypatch, []), http) == {}


def test_they_are_tried_in_the_order_of_the_settings(monkeypatch: pytest.MonkeyPatch, http: httpx2.AsyncClient) -> None:
    settings = _settings(monkeypatch, ["zibal", "zarinpal"], **_ZIBAL, **_ZARINPAL, **_REFUNDS)
    made = payment_gateways(settings, http)
    assert list(made.items()) == [
        ("zibal", Zibal(http, "zibal-merchant")),
        ("zarinpal", Zarinpal(http, "merchant-key", "access-token", "1915487")),
    ]
    assert {name: gateway.name for name, gateway in made.items()} == {name: name for name in made}
    assert not [key for key in ("merchant-key", "access-token", "zibal-merchant") if key in repr(settings) + repr(made)]


@pytest.mark.parametrize(
    ("names", "variables", "told"),
    [
        (["zarinpal"], {}, "AMANAT_ZARINPAL_MERCHANT_ID"),
        (["zibal"], {}, "AMANAT_ZIBAL_MERCHANT"),
        (["zarinpal"], _ZARINPAL | {"AMANAT_ZARINPAL_ACCESS_TOKEN": "t"}, "belong together"),
        (["zarinpal"], _ZARINPAL | {"AMANAT_ZARINPAL_TERMINAL_ID": "1"}, "belong together"),
        (["zibal", "mellat"], _ZIBAL, "no gateway is called mellat"),
        (["zibal", "zibal"], _ZIBAL, "named twice"),
        (["zibal", "local"], _ZIBAL, "stand-alone"),
        (["zibal"], {"AMANAT_ZIBAL_MERCHANT": "zibal"}, "no money moves"),
        (["zarinpal"], _ZARINPAL | {"AMANAT_ZARINPAL_BASE": "https://sandbox.zarinpal.com"}, "no money moves"),
    ],
)
def test_what_is_missing_or_moves_no_money_refuses_the_start(
    monkeypatch: pytest.MonkeyPatch,
    http: httpx2.AsyncClient,
    names: list[str],
    variables: dict[str, str],
    told: str,
) -> None:
    settings = _settings(monkeypatch, names, **variables)
    with pytest.raises(PaymentGatewayNotSet, match=told):
        payment_gateways(settings, http)


def test_trials_are_for_a_stand_alone_stack(monkeypatch: pytest.MonkeyPatch, http: httpx2.AsyncClient) -> None:
    trial = {"AMANAT_STAND_ALONE": "1", "AMANAT_ZIBAL_MERCHANT": "zibal"}
    trial |= _ZARINPAL | {"AMANAT_ZARINPAL_BASE": "https://sandbox.zarinpal.com"}
    made = payment_gateways(_settings(monkeypatch, ["zarinpal", "zibal"], **trial), http)
    assert made["zarinpal"] == Zarinpal(http, "merchant-key", base="https://sandbox.zarinpal.com")
    assert made["zibal"] == Zibal(http, "zibal")


@pytest.mark.parametrize("base", ["http://payment.zarinpal.com", "https://user@evil.example", "https://a/b?c", ""])
def test_only_https_leads_to_a_gateway(monkeypatch: pytest.MonkeyPatch, base: str) -> None:
    with pytest.raises(ValidationError):
        _settings(monkeypatch, [], AMANAT_ZARINPAL_BASE=base)
