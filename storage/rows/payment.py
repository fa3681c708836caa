"""Payments through a gateway: what for, each try, and what goes back."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from uuid import UUID

from domain.money import Money, Unit
from domain.payment_return import RecordedFrom
from storage.rows.table import table

AttemptState = Literal["requested", "open", "unclear", "paid", "not_paid", "failed", "given_up"]
ItemState = Literal["open", "offered", "taken", "refused"]
ReturnWay = Literal["reverse", "refund", "sheba", "hand"]


@dataclass(frozen=True, slots=True)
class Payment:
    """What a payer is to pay: ``amount`` rial, ``fee`` of it for the gateway; tries begin until ``pay_until``.

    A refund pays nothing: its ``amount`` goes back out of the payment ``refund_of``.
    """

    case_id: UUID
    person_id: UUID
    amount: int
    fee: int
    unit: Unit
    own_card: bool
    opened_at: datetime
    pay_until: datetime
    refund_of: UUID | None

    @property
    def money(self) -> Money:
        """What the payer pays, or gets back of a refund."""
        return Money(self.amount, self.unit)


@dataclass(frozen=True, slots=True)
class PaymentItem:
    """A part of a payment, and the case that takes or refuses it."""

    id: UUID
    payment_id: UUID
    purpose: str
    purpose_id: UUID
    amount: int
    state: ItemState
    decided_at: datetime | None

    @property
    def money(self) -> Money:
        """Its part."""
        return Money(self.amount, Unit.IRR)


@dataclass(frozen=True, slots=True)
class PaymentAttempt:
    """A try to pay: the link of a gateway, and what became of it.

    ``look_at`` is when the gateway is asked though the payer has not come back; ``host`` is by which name of ours the
    payer came.
    """

    id: UUID
    payment_id: UUID
    gateway: str
    host: str
    authority: str | None = field(repr=False)
    link: str | None = field(repr=False)
    state: AttemptState
    reason: str | None
    begun_at: datetime
    ends_at: datetime | None
    called_back_at: datetime | None
    looked_at: datetime | None
    look_at: datetime | None
    unclear_since: datetime | None
    reference: str | None
    paid_amount: int | None
    paid_at: datetime | None
    card: str | None
    fee: int | None

    @property
    def is_watched(self) -> bool:
        """Whether money may still come by it."""
        return self.state in {"open", "unclear"}

    def is_due(self, now: datetime) -> bool:
        """Whether the gateway is to be asked now."""
        is_time = self.look_at is not None and self.look_at <= now
        return self.is_watched and (is_time or self.came_back)

    @property
    def came_back(self) -> bool:
        """Whether the payer came back since the gateway was asked."""
        return self.called_back_at is not None and (self.looked_at is None or self.called_back_at > self.looked_at)

    def is_lost(self, since: datetime) -> bool:
        """Whether it is for the settlement office: unclear since then, or asked about by a person's wish alone."""
        is_long = self.unclear_since is not None and self.unclear_since <= since
        return self.state == "unclear" and (is_long or self.look_at is None)

    @property
    def is_news(self) -> bool:
        """Whether asking may bring news at once: not of what the gateway could not say a moment ago."""
        return self.state == "open" or self.came_back


@dataclass(frozen=True, slots=True)
class PaymentReturn:
    """Rial that go back to the payer out of one paid try, and by which way.

    What an officer recorded by hand has not gone back until another has confirmed it.
    """

    id: UUID
    payment_id: UUID
    attempt_id: UUID
    amount: int
    reason: str
    way: ReturnWay
    asked_at: datetime | None
    owed_since: datetime
    returned_at: datetime | None
    reference: str | None
    recorded_from: RecordedFrom | None
    recorded_reference: str | None
    note: str | None
    recorded_by: UUID | None
    confirmed_by: UUID | None

    @property
    def is_asked_of_gateway(self) -> bool:
        """Whether it is still its gateway that is to give it back."""
        return self.returned_at is None and self.way in {"reverse", "refund"}

    @property
    def money(self) -> Money:
        """What goes back."""
        return Money(self.amount, Unit.IRR)


payments = table("payments", Payment)
payment_items = table("payment_items", PaymentItem)
payment_attempts = table("payment_attempts", PaymentAttempt, token_hash=bytes, token_sealed=bytes | None)
payment_returns = table("payment_returns", PaymentReturn)
