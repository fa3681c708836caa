"""A gateway before the local bank that can be silent, lose its answer or refuse, or at which the worker dies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from typing import TypeVar

from gateways.local_bank import BankDeed, LocalBank
from gateways.payment import (
    GatewayRefused,
    GatewayUnclear,
    LinkRequest,
    ListedRow,
    Outcome,
    PaymentLink,
    UnknownToGateway,
)

T = TypeVar("T")


class Trouble(StrEnum):
    """What is wrong with a call: nobody hears it, or its answer; it is refused, or we are unknown to the gateway.

    Its adapter fails; the worker dies before or after it.
    """

    NONE = "none"
    SILENT = "silent"
    REFUSES = "refuses"
    UNKNOWN = "unknown"
    FAILS = "fails"
    LOST = "lost"
    DIES = "dies"
    DIES_AFTER = "dies_after"


class WorkerDied(BaseException):
    """The worker is gone at this point."""


@dataclass(slots=True)
class FaultyGateway:
    """See the module.

    ``trouble`` says what is wrong with a call by its name; ``meanwhile`` is run while the gateway thinks.
    """

    bank: LocalBank
    name: str = "local"
    trouble: Callable[[str], Trouble] = lambda _: Trouble.NONE
    meanwhile: Callable[[], Awaitable[object]] | None = None
    calls: Counter[str] = field(default_factory=Counter)
    reverses_within: timedelta | None = timedelta(minutes=30)
    refunds_from: int | None = 20_000
    knows_refunds: bool = True

    def always(self, trouble: Trouble, *calls: str) -> None:
        """From now on some calls, or all, have a trouble."""
        self.trouble = lambda call: trouble if not calls or call in calls else Trouble.NONE

    def once(self, trouble: Trouble, *calls: str) -> None:
        """The next call, or the next of some, has a trouble, and then no other."""

        def next_one(call: str) -> Trouble:
            if calls and call not in calls:
                return Trouble.NONE
            self.trouble = lambda _: Trouble.NONE
            return trouble

        self.trouble = next_one

    async def request_link(self, request: LinkRequest) -> PaymentLink:
        """See ``PaymentGateway``."""
        return await self._call("request_link", lambda: self.bank.request_link(request))

    async def settle(self, authority: str, amount: int, order: str) -> Outcome:
        """See ``PaymentGateway``."""
        return await self._call("settle", lambda: self.bank.settle(authority, amount, order))

    async def reverse(self, authority: str) -> str:
        """See ``PaymentGateway``: what it has reversed, it does not refuse."""
        is_done = self.bank.find(authority).line(BankDeed.REVERSED) is not None
        return await self._call("reverse", lambda: self.bank.reverse(authority), may_refuse=not is_done)

    async def refund(self, authority: str, amount: int, key: str, reference: str) -> str:
        """See ``PaymentGateway``."""
        return await self._call("refund", lambda: self.bank.refund(authority, amount, key, reference))

    async def refunded(self, authority: str, key: str, reference: str) -> bool | None:
        """See ``PaymentGateway``."""
        if not self.knows_refunds:
            return None
        return await self._call("refunded", lambda: self.bank.refunded(authority, key, reference))

    async def list_day(self, day: date) -> list[ListedRow]:
        """See ``PaymentGateway``."""
        return await self._call("list_day", lambda: self.bank.list_day(day))

    async def _call(self, call: str, work: Callable[[], Awaitable[T]], *, may_refuse: bool = True) -> T:
        self.calls[call] += 1
        trouble = self.trouble(call)
        if trouble is Trouble.SILENT:
            raise GatewayUnclear("silent")
        if trouble is Trouble.REFUSES and may_refuse:
            raise GatewayRefused("refuses")
        if trouble is Trouble.UNKNOWN:
            raise UnknownToGateway("unknown")
        if trouble is Trouble.FAILS:
            raise KeyError("6037990000000105")
        if trouble is Trouble.DIES:
            raise WorkerDied
        answer = await work()
        if self.meanwhile is not None:
            await self.meanwhile()
        if trouble is Trouble.LOST:
            raise GatewayUnclear("lost")
        if trouble is Trouble.DIES_AFTER:
            raise WorkerDied
        return answer
