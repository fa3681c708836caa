"""Puts a question to a gateway, in its turn and in time; operators learn of a gateway in trouble (E2, H8)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

from activities.transition import ActivityContext
from domain.reconciliation import FindingKind
from gateways.payment import GatewayRefused, GatewayUnclear, PaymentGateway, UnknownToGateway
from storage.database import SERVICE, transaction
from storage.reconciliation import record, settle_gateway

T = TypeVar("T")
_log = logging.getLogger("amanat.payments")
# Two calls that each use up their own time; what takes longer must not use up the time of the whole step.
_LIMIT = timedelta(seconds=25)


async def put(context: ActivityContext, name: str, question: Callable[[PaymentGateway], Awaitable[T]]) -> T:
    """What a gateway answers. It is found in trouble once, however many payments ask, until it answers again.

    Raises:
        NoTurn: it has too much to do for us at this moment.
        GatewayUnclear: it gave no answer in time, its adapter failed, or it is not in the settings any more.
        GatewayRefused: as the gateway says.
    """
    gateway = await find(context, name)
    with context.turns.of(name):
        return await listen(context, name, question(gateway))


async def find(context: ActivityContext, name: str) -> PaymentGateway:
    """The gateway of a name.

    Raises:
        GatewayUnclear: its keys were taken out of the settings while payments were under way: money may be there.
    """
    gateway = context.gateways.get(name)
    if gateway is None:
        raise await _trouble(context, name, FindingKind.GATEWAY_NOT_SET_UP, "")
    return gateway


async def listen(context: ActivityContext, name: str, answering: Awaitable[T]) -> T:
    """What a gateway answers in a turn that the caller has; ``put`` for who asks several questions in one.

    Raises:
        GatewayUnclear: it gave no answer in time, or its adapter failed.
        GatewayRefused: as the gateway says.
    """
    try:
        async with asyncio.timeout(_LIMIT.total_seconds()):
            answer = await answering
    except TimeoutError:
        raise GatewayUnclear("slow") from None
    except UnknownToGateway as unknown:
        await _trouble(context, name, FindingKind.GATEWAY_REFUSES, unknown.reason)
        raise
    except (GatewayUnclear, GatewayRefused):
        raise
    except Exception as error:  # noqa: BLE001 - one adapter's fault is not to hold up what another gateway says
        # Its type alone: the message may hold a card or a key.
        raise await _trouble(context, name, FindingKind.GATEWAY_FAILS, type(error).__name__) from None
    async with transaction(context.engine, SERVICE) as connection:
        await settle_gateway(connection, name)
    return answer


async def _trouble(context: ActivityContext, name: str, kind: FindingKind, reason: str) -> GatewayUnclear:
    _log.error(kind.value, extra={"gateway": name, "reason": reason})
    async with transaction(context.engine, SERVICE) as connection:
        await record(connection, name, kind)
    return GatewayUnclear(kind.value)
