"""Payment gateways: the port, what is asked of one, and what it may answer (docs/rules.md, E2).

A gateway is only believed when it is asked: what a payer's browser brings back is a hint. Amounts are rial, whatever
unit the gateway counts in. Its name is a permanent code (``zarinpal``), also part of a ledger account.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final, NamedTuple, Protocol


class GatewayUnclear(Exception):
    """The gateway gave no answer, or one that leaves open what has happened. It may be asked again.

    Args:
        reason: a short code fit for logs; never a key, a card or an address.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class GatewayRefused(Exception):
    """The gateway said no, for good: asking again the same way cannot help.

    Args:
        reason: a short code fit for logs; never a key, a card or an address.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class UnknownToGateway(GatewayRefused):
    """It does not know us, or not any more: a key is wrong, our terminal is closed. A person mends that."""


@dataclass(frozen=True, slots=True)
class LinkRequest:
    """What a payer is to pay.

    Args:
        amount: rial, over 0.
        callback: where the payer's browser is sent afterwards; names the attempt by a random token.
        order: the attempt's id, by which the gateway's own list can be compared with ours.
        description: what the payer reads at the bank; no personal data.
        cards: numbers of the payer's own cards; a gateway that takes them lets no other card pay. May be empty.
    """

    amount: int
    callback: str
    order: str
    description: str
    cards: Sequence[str] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class PaymentLink:
    """Where the payer pays, and by what the gateway knows the attempt from now on.

    The page or answer that leads there lets the browser tell our origin (``Referrer-Policy: origin``): Zibal turns
    away who comes from nowhere.
    """

    authority: str
    url: str


@dataclass(frozen=True, slots=True)
class Paid:
    """The money is ours: verified now, or verified before and said again.

    Args:
        reference: the gateway's number of this payment, unique within the gateway.
        amount: rial, as the gateway says it; another than was asked for if somebody else has taken it so.
        card: the masked number of the card that paid, such as ``502229******5995``; empty if it is not told.
        fee: rial that the gateway keeps for it; None if it is not told.
    """

    reference: str
    amount: int
    card: str = ""
    fee: int | None = None


@dataclass(frozen=True, slots=True)
class NotPaid:
    """Nothing was paid and nothing can be paid any more by this link, or the bank has given it back by itself.

    Args:
        reason: ``cancelled``, ``failed``, ``expired``, ``reversed``, ``amount_differs`` or ``unknown_authority``.
    """

    reason: str


@dataclass(frozen=True, slots=True)
class StillOpen:
    """Nothing is paid yet; the payer can still pay by this link."""


Outcome = Paid | NotPaid | StillOpen


class Movement(StrEnum):
    """What a gateway's list of a day tells: what it took for us of a payment, and what of that it gave back."""

    TAKEN = "taken"
    GIVEN_BACK = "given_back"


class ListedRow(NamedTuple):
    """A line of a gateway's list of a day; amount and fee are rial.

    ``order`` is the one of ``LinkRequest``. ``fee`` is what the gateway keeps, or gives up again with ``GIVEN_BACK``.
    """

    order: str
    reference: str
    amount: int
    fee: int
    what: Movement
    at: datetime


class PaymentGateway(Protocol):
    """One gateway. Every call may be repeated; what it did once it does not do twice."""

    @property
    def name(self) -> str:
        """The permanent code."""
        ...

    @property
    def reverses_within(self) -> timedelta | None:
        """How long after the payment the whole of it can be reversed; None: never."""
        ...

    @property
    def refunds_from(self) -> int | None:
        """The least rial that can be refunded afterwards, all or part; None: it refunds nothing."""
        ...

    async def request_link(self, request: LinkRequest) -> PaymentLink:
        """Open an attempt.

        Raises:
            GatewayUnclear: no answer; a link that nobody has been given can be forgotten.
            GatewayRefused: it takes no such payment.
            UnknownToGateway: it does not know us.
        """
        ...

    async def settle(self, authority: str, amount: int, order: str) -> Outcome:
        """Find out what became of an attempt, and take the money if it was paid with exactly this amount.

        What was paid with another amount is not taken, where the gateway lets us choose: the bank gives it back.

        Args:
            authority: of the attempt.
            amount: rial that were asked for.
            order: as in ``LinkRequest``; compared where the gateway says it again.

        Raises:
            GatewayUnclear: nobody can say yet, or the answer is about another order.
            GatewayRefused: it takes no such question.
            UnknownToGateway: it does not know us.
        """
        ...

    async def reverse(self, authority: str) -> str:
        """Give the whole payment back to the card that paid, also if that was done before; returns a reference.

        The gateway keeps no fee of it then.

        Raises:
            GatewayUnclear: nobody can say yet.
            GatewayRefused: not this way, or not any more; and no earlier call has done it.
        """
        ...

    async def refund(self, authority: str, amount: int, key: str, reference: str) -> str:
        """Give part or all of a payment back to its payer; returns a reference.

        Args:
            authority: of the attempt that was paid.
            amount: rial.
            key: unique for this refund; the same again gives nothing back a second time.
            reference: as ``Paid`` told it: gateways find a payment to refund by it.

        Raises:
            GatewayUnclear: nobody can say yet, or whether it was given back before; ``refunded`` may be asked.
            GatewayRefused: not this way, or not any more.
        """
        ...

    async def refunded(self, authority: str, key: str, reference: str) -> bool | None:
        """Whether the refund of a key has come about; None if the gateway cannot say.

        The arguments are those of ``refund``.

        Raises:
            GatewayUnclear: nobody can say yet.
            GatewayRefused: it does not know us.
        """
        ...

    async def list_day(self, day: date) -> Sequence[ListedRow] | None:
        """All that it took and gave back on a day in Tehran, the oldest first; None if it documents no such list.

        Raises:
            GatewayUnclear: nobody can say yet.
            GatewayRefused: it does not know us.
        """
        ...


Gateways = Mapping[str, PaymentGateway]


# Fewer digits, or the bank's alone, could be of many people's cards.
_LEAST_SHOWN: Final = 4


def same_card(masked: str, number: str) -> bool:
    """Whether a masked number, as gateways write it, can be this card's: enough digits are shown, and each agrees."""
    shown = masked.replace("-", "").replace(" ", "")
    tells = shown[-1:].isdigit() and sum(one.isdigit() for one in shown) >= _LEAST_SHOWN
    return (
        tells
        and len(shown) == len(number)
        and all(one in {"*", "x", "X", two} for one, two in zip(shown, number, strict=True))
    )


_WHOLE_CARD: Final = re.compile(r"[0-9]{13,19}")
_HIDDEN_CARD: Final = re.compile(r"([0-9]{0,15})[*xX]+([0-9]{0,15})")
_CARD_DIGITS: Final = 16


def masked_card(told: object) -> str:
    """A card as it is kept, whatever a gateway tells: at most six digits, stars, at most four digits; a card's length.

    Gateways leave stars out (``62741****44``) or hide nothing. What cannot be a card, or shows no digit, is empty.
    """
    card = told.replace("-", "").replace(" ", "") if isinstance(told, str) else ""
    if _WHOLE_CARD.fullmatch(card):
        first, last, length = card, card, len(card)
    elif (hidden := _HIDDEN_CARD.fullmatch(card)) and any(hidden.groups()):
        (first, last), length = hidden.groups(), _CARD_DIGITS
    else:
        return ""
    first, last = first[:6], last[-4:]
    return f"{first}{'*' * (length - len(first) - len(last))}{last}"
