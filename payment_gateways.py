"""Makes the payment gateways that the settings name. Entry points only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import httpx2

from gateways.local_bank import LocalBank
from gateways.payment import Gateways, PaymentGateway
from gateways.zarinpal import Zarinpal
from gateways.zibal import Zibal
from settings import Settings

# Both take payments without money.
_ZARINPAL_TRIAL: Final = "https://sandbox."
_ZIBAL_TRIAL: Final = "zibal"


class PaymentGatewayNotSet(Exception):
    """A payment gateway is not fully named in the settings, or takes payments without money."""


def payment_gateways(settings: Settings, http: httpx2.AsyncClient) -> Gateways:
    """The gateways by their names, in the order in which they are to be tried; none may be named.

    Raises:
        PaymentGatewayNotSet: a name is unknown or named twice, what it needs is missing, or it belongs to a stand-alone
            stack alone, because no money moves by it.
    """
    names = settings.payment_gateways
    if "local" in names and not settings.stand_alone:
        raise PaymentGatewayNotSet(
            "AMANAT_PAYMENT_GATEWAYS: local is for a stand-alone stack (AMANAT_STAND_ALONE) alone"
        )
    if unknown := sorted(set(names) - set(_MAKERS)):
        raise PaymentGatewayNotSet(
            f"AMANAT_PAYMENT_GATEWAYS: no gateway is called {', '.join(unknown)}; there are {', '.join(_MAKERS)}"
        )
    if len(set(names)) < len(names):
        raise PaymentGatewayNotSet("AMANAT_PAYMENT_GATEWAYS: a gateway is named twice")
    return {name: _MAKERS[name](settings, http) for name in names}


def local_bank(settings: Settings) -> LocalBank | None:
    """The bank of a stand-alone stack; None elsewhere, or where the settings name no directory for it."""
    is_there = settings.stand_alone and settings.local_bank
    return LocalBank(Path(settings.local_bank), settings.app_link) if is_there else None


def _local(settings: Settings, _: httpx2.AsyncClient) -> LocalBank:
    bank = local_bank(settings)
    if bank is None:
        raise PaymentGatewayNotSet("AMANAT_LOCAL_BANK is needed: the directory of the local bank's books")
    return bank


def _zarinpal(settings: Settings, http: httpx2.AsyncClient) -> Zarinpal:
    merchant, token = (
        settings.zarinpal_merchant_id.get_secret_value(),
        settings.zarinpal_access_token.get_secret_value(),
    )
    if not merchant:
        raise PaymentGatewayNotSet("AMANAT_ZARINPAL_MERCHANT_ID is needed")
    if bool(token) != bool(settings.zarinpal_terminal_id):
        raise PaymentGatewayNotSet("AMANAT_ZARINPAL_ACCESS_TOKEN and AMANAT_ZARINPAL_TERMINAL_ID belong together")
    if settings.zarinpal_base.startswith(_ZARINPAL_TRIAL) and not settings.stand_alone:
        raise PaymentGatewayNotSet("AMANAT_ZARINPAL_BASE is that of trials, in which no money moves")
    return Zarinpal(http, merchant, token, settings.zarinpal_terminal_id, settings.zarinpal_base)


def _zibal(settings: Settings, http: httpx2.AsyncClient) -> Zibal:
    merchant = settings.zibal_merchant.get_secret_value()
    if not merchant:
        raise PaymentGatewayNotSet("AMANAT_ZIBAL_MERCHANT is needed")
    if merchant == _ZIBAL_TRIAL and not settings.stand_alone:
        raise PaymentGatewayNotSet("AMANAT_ZIBAL_MERCHANT is that of trials, in which no money moves")
    return Zibal(http, merchant)


_MAKERS: Final[Mapping[str, Callable[[Settings, httpx2.AsyncClient], PaymentGateway]]] = {
    "local": _local,
    "zarinpal": _zarinpal,
    "zibal": _zibal,
}
