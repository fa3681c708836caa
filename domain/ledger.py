"""The ledger's words: the chart of accounts, journals, entries, holds, and what they are hashed as.

An entry over 0 credits its account, one under 0 debits it; each journal sums to zero in each unit. A kind of account
says on which side its accounts stand (its balance is read as ``side * sum of entries``) and how low that may fall.
Postgres keeps the same chart in ``account_kinds`` and enforces it; docs/chart-of-accounts.md gives the entries of
every event. Amounts are integers of a unit's smallest part.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import IntEnum, StrEnum
from typing import Final
from uuid import UUID

from domain.errors import Conflict
from domain.fee import NO_FEE, Fee, FeeKind
from domain.money import Money, Unit

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_KEY: Final = re.compile(r"[!-~]{1,200}")
_ACTOR: Final = re.compile(r"[!-~]{1,80}")
_REASON: Final = re.compile(r"[a-z][a-z0-9_]{1,59}")
_SUBJECT: Final = re.compile(r"[a-z0-9_-]+(?::[a-z0-9_-]+)*")
_LEAST_ENTRIES: Final = 2


class JournalReason(StrEnum):
    """Why a journal was posted; a credit's statement names it."""

    CREDIT_LINE_OPENED = "credit_line_opened"
    CREDIT_LINE_REDUCED = "credit_line_reduced"
    CREDIT_LINE_CLOSED = "credit_line_closed"
    PAYMENT_RECEIVED = "payment_received"
    GATEWAY_FEE_KEPT = "gateway_fee_kept"
    GATEWAY_FEE_GIVEN_UP = "gateway_fee_given_up"
    GATEWAY_FEE_CHARGED = "gateway_fee_charged"
    GATEWAY_SETTLED = "gateway_settled"
    DIFFERENCE_CORRECTED = "difference_corrected"
    PAYMENT_TO_RETURN = "payment_to_return"
    PAYMENT_RETURNED = "payment_returned"
    NORMAL_PAYMENT_MADE = "normal_payment_made"
    PAYOUT_PAID = "payout_paid"
    PAYOUT_RETURNED = "payout_returned"
    ESCROW_FUNDED = "escrow_funded"
    ESCROW_RELEASED = "escrow_released"
    ESCROW_REFUNDED = "escrow_refunded"
    ESCROW_SPLIT = "escrow_split"
    ESCROW_RULED = "escrow_ruled"


class InsufficientFunds(Conflict):
    """The account would fall under its floor, holds counted."""

    code = "insufficient_funds"
    fa = "موجودی برای این کار کافی نیست."
    en = "There is not enough available for this."


class AccountFrozen(Conflict):
    """The account takes no entries and no new holds for now."""

    code = "account_frozen"
    fa = "این حساب فعلاً مسدود است."
    en = "This account is frozen for now."


class HoldResolved(Conflict):
    """The hold was posted, voided or expired before."""

    code = "hold_resolved"
    fa = "تکلیف این مبلغِ نگه‌داشته‌شده پیش‌تر روشن شده است."
    en = "What was held here has been settled or released before."


class AlreadyCorrected(Conflict):
    """Another correction has turned the journal back."""

    code = "already_corrected"
    fa = "این سند پیش‌تر اصلاح شده است."
    en = "This journal has been corrected before."


class ImpossibleJournal(ValueError):
    """A journal or hold that can never be posted: unbalanced, empty, malformed. A fault of the program."""


class Side(IntEnum):
    """On which side an account stands: what raises the balance as people read it."""

    CREDIT = 1
    DEBIT = -1


@dataclass(frozen=True, slots=True)
class AccountKind:
    """A line of the chart of accounts.

    Args:
        name: the beginning of its accounts' codes.
        side: its normal side.
        floor: the lowest balance, read on that side, holds counted; None: never locked, the balance is a sum.
    """

    name: str
    side: Side
    floor: int | None


CREDIT_GRANTED: Final = AccountKind("credit:granted", Side.DEBIT, None)
CREDIT_AVAILABLE: Final = AccountKind("credit:available", Side.CREDIT, 0)
GATEWAY_CLEARING: Final = AccountKind("gateway:clearing", Side.DEBIT, None)
PAYMENT_RECEIVED: Final = AccountKind("payment:received", Side.CREDIT, 0)
PAYMENT_REFUNDING: Final = AccountKind("payment:refunding", Side.CREDIT, 0)
BANK: Final = AccountKind("bank", Side.DEBIT, None)
EXPENSE_GATEWAY: Final = AccountKind("expense:gateway", Side.DEBIT, None)
EXPENSE_BANK: Final = AccountKind("expense:bank", Side.DEBIT, None)
CLEARING_DIFFERENCES: Final = AccountKind("clearing:differences", Side.CREDIT, None)
MEMBER_PAYABLE: Final = AccountKind("member:payable", Side.CREDIT, 0)
REVENUE_WITHDRAWAL: Final = AccountKind("revenue:withdrawal", Side.CREDIT, None)
ESCROW_HELD: Final = AccountKind("escrow:held", Side.CREDIT, 0)
REVENUE_ESCROW: Final = AccountKind("revenue:escrow", Side.CREDIT, None)
VAT_PAYABLE: Final = AccountKind("vat:payable", Side.CREDIT, None)
CHART: Final = (
    CREDIT_GRANTED,
    CREDIT_AVAILABLE,
    GATEWAY_CLEARING,
    PAYMENT_RECEIVED,
    PAYMENT_REFUNDING,
    BANK,
    EXPENSE_GATEWAY,
    EXPENSE_BANK,
    CLEARING_DIFFERENCES,
    MEMBER_PAYABLE,
    REVENUE_WITHDRAWAL,
    ESCROW_HELD,
    REVENUE_ESCROW,
    VAT_PAYABLE,
)


@dataclass(frozen=True, slots=True)
class Account:
    """An account to be opened or posted to.

    Args:
        kind: its line of the chart.
        subject: what it belongs to, mostly an id; never personal data.
        unit: the one unit of all its entries.
        owner_person: the member who may read it.
        organisation: the organisation concerned, if one is.
    """

    kind: AccountKind
    subject: str = ""
    unit: Unit = Unit.IRR
    owner_person: UUID | None = None
    organisation: UUID | None = None

    def __post_init__(self) -> None:
        """Refuse a subject that cannot be part of a code."""
        if self.subject and not _SUBJECT.fullmatch(self.subject):
            raise ImpossibleJournal("the subject of an account is lower-case letters, digits, - and _")

    @property
    def code(self) -> str:
        """Unique and readable: ``credit:available:<line>``."""
        return f"{self.kind.name}:{self.subject}" if self.subject else self.kind.name


@dataclass(frozen=True, slots=True)
class Entry:
    """One side of a journal: ``amount`` over 0 credits the account, under 0 debits it."""

    account: str
    amount: Money


@dataclass(frozen=True, slots=True)
class Occasion:
    """What a journal or hold is posted for. A retry must say exactly the same, the time included.

    Args:
        key: unique for ever; the same key again gives the first answer.
        case_id: the case, if one stands behind it.
        actor: who made it happen: ``system`` or ``person:<id>``.
        event_at: when it happened (the fact's time, not the clock's at the retry).
    """

    key: str
    case_id: UUID | None
    actor: str
    event_at: datetime


@dataclass(frozen=True, slots=True)
class Journal:
    """Entries that stand or fall together.

    Raises:
        ImpossibleJournal: not zero in each unit, fewer than two entries, an account twice, an amount of 0, a
            malformed key, reason or actor, or a time without zone.
    """

    occasion: Occasion
    reason: str
    entries: tuple[Entry, ...]

    def __post_init__(self) -> None:
        """Refuse what Postgres would refuse."""
        check_occasion(self.occasion, self.reason)
        accounts = {entry.account for entry in self.entries}
        if len(self.entries) < _LEAST_ENTRIES or len(accounts) < len(self.entries):
            raise ImpossibleJournal("a journal has two entries or more, each on another account")
        totals: dict[Unit, int] = {}
        for entry in self.entries:
            totals[entry.amount.unit] = totals.get(entry.amount.unit, 0) + entry.amount.amount
        if any(totals.values()) or not all(entry.amount.amount for entry in self.entries):
            raise ImpossibleJournal("a journal sums to zero in each unit, and no entry is zero")

    def content_hash(self, *, hold: UUID | None = None, corrects: UUID | None = None) -> bytes:
        """What the key stands for; Postgres computes the same (``ledger_journal_hash``)."""
        lines = sorted((entry.account, entry.amount.unit.value, entry.amount.amount) for entry in self.entries)
        return _digest(
            "journal/1",
            self.reason,
            str(self.occasion.case_id or ""),
            self.occasion.actor,
            _microseconds(self.occasion.event_at),
            str(hold or ""),
            str(corrects or ""),
            *(f"{account} {unit} {amount}" for account, unit, amount in lines),
        )


@dataclass(frozen=True, slots=True)
class HoldRequest:
    """An amount to be set apart on an account with a floor, until it is posted, voided or expired.

    Args:
        occasion: what for; its ``event_at`` is not kept with a hold.
        account: the code.
        amount: over 0.
        reason: a permanent code.
        expires_at: told to people; the process that waits decides, not this clock.

    Raises:
        ImpossibleJournal: an amount of 0 or less, or something malformed.
    """

    occasion: Occasion
    account: str
    amount: Money
    reason: str
    expires_at: datetime | None = None

    def __post_init__(self) -> None:
        """Refuse what Postgres would refuse."""
        check_occasion(self.occasion, self.reason)
        if self.amount.amount <= 0:
            raise ImpossibleJournal("what is held is more than nothing")

    def content_hash(self) -> bytes:
        """What the key stands for; Postgres computes the same (``ledger_hold_hash``)."""
        return _digest(
            "hold/1",
            self.account,
            self.amount.unit.value,
            str(self.amount.amount),
            self.reason,
            str(self.occasion.case_id or ""),
            self.occasion.actor,
            _microseconds(self.expires_at) if self.expires_at else "",
        )


def check_occasion(occasion: Occasion, reason: str) -> None:
    """Refuse a malformed key, actor, reason, or a time without zone with ImpossibleJournal."""
    wellformed = _KEY.fullmatch(occasion.key) and _ACTOR.fullmatch(occasion.actor) and _REASON.fullmatch(reason)
    if not wellformed or occasion.event_at.tzinfo is None:
        raise ImpossibleJournal("key, actor or reason is malformed, or the time has no zone")


def _microseconds(moment: datetime) -> str:
    return str((moment - _EPOCH) // timedelta(microseconds=1))


def _digest(*lines: str) -> bytes:
    return hashlib.sha256("\n".join(lines).encode()).digest()


def transfer(source: Account, target: Account, amount: Money) -> tuple[Entry, ...]:
    """Entries that move an amount over 0 from one account to another; ImpossibleJournal if it is not over 0."""
    if amount.amount <= 0:
        raise ImpossibleJournal("an event moves more than nothing")
    return Entry(source.code, -amount), Entry(target.code, amount)


GATEWAY_FEES: Final = Account(EXPENSE_GATEWAY)
BANK_ACCOUNT: Final = Account(BANK, "main")
BANK_CHARGES: Final = Account(EXPENSE_BANK)
DIFFERENCES: Final = Account(CLEARING_DIFFERENCES)
VAT_ACCOUNT: Final = Account(VAT_PAYABLE)
REVENUES: Final = {FeeKind.WITHDRAWAL: Account(REVENUE_WITHDRAWAL), FeeKind.SAFE_PAYMENT: Account(REVENUE_ESCROW)}


def payment_accounts(payment: UUID, payer: UUID | None = None) -> tuple[Account, Account]:
    """What of a payment was received and not taken, and what of it is to go back (E2)."""
    return (
        Account(PAYMENT_RECEIVED, str(payment), owner_person=payer),
        Account(PAYMENT_REFUNDING, str(payment), owner_person=payer),
    )


def member_account(person: UUID) -> Account:
    """A member's balance: what the platform owes them (E7)."""
    return Account(MEMBER_PAYABLE, str(person), owner_person=person)


def escrow_account(escrow: UUID) -> Account:
    """What of a safe payment is held in trust (E2): neither side's, so neither reads it as an account of theirs."""
    return Account(ESCROW_HELD, str(escrow))


def credit_accounts(line: UUID, owner: UUID | None = None, unit: Unit = Unit.IRR) -> tuple[Account, Account]:
    """The memorandum pair of a credit line: granted and available (A8)."""
    return (
        Account(CREDIT_GRANTED, str(line), unit, owner),
        Account(CREDIT_AVAILABLE, str(line), unit, owner),
    )


def credit_line_opened(line: UUID, ceiling: Money, occasion: Occasion) -> Journal:
    """A credit line becomes usable (A8): the ceiling is granted and wholly available."""
    granted, available = credit_accounts(line)
    return Journal(occasion, JournalReason.CREDIT_LINE_OPENED, transfer(granted, available, ceiling))


def credit_line_reduced(line: UUID, by: Money, occasion: Occasion) -> Journal:
    """The ceiling falls by an amount that must be available."""
    granted, available = credit_accounts(line)
    return Journal(occasion, JournalReason.CREDIT_LINE_REDUCED, transfer(available, granted, by))


def credit_line_closed(line: UUID, unused: Money, occasion: Occasion) -> Journal:
    """The line ends (A2): what is unused is no longer granted. With nothing unused there is nothing to post."""
    granted, available = credit_accounts(line)
    return Journal(occasion, JournalReason.CREDIT_LINE_CLOSED, transfer(available, granted, unused))


def gateway_account(gateway: str) -> Account:
    """What a gateway has verified and not yet paid out to the bank."""
    return Account(GATEWAY_CLEARING, gateway)


def payment_received(payment: UUID, gateway: str, amount: Money, occasion: Occasion) -> Journal:
    """A gateway verified a payment (E2): it stands apart until a purpose takes it."""
    received, _ = payment_accounts(payment)
    return Journal(occasion, JournalReason.PAYMENT_RECEIVED, transfer(gateway_account(gateway), received, amount))


def gateway_fee_kept(gateway: str, fee: Money, occasion: Occasion) -> Journal:
    """The gateway will keep its fee of what it pays out (C6): an entry of its own."""
    entries = transfer(GATEWAY_FEES, gateway_account(gateway), fee)
    return Journal(occasion, JournalReason.GATEWAY_FEE_KEPT, entries)


def gateway_fee_given_up(gateway: str, fee: Money, occasion: Occasion) -> Journal:
    """The gateway keeps less than it told: it gives a fee up with what it gave back, or corrects itself."""
    entries = transfer(gateway_account(gateway), GATEWAY_FEES, fee)
    return Journal(occasion, JournalReason.GATEWAY_FEE_GIVEN_UP, entries)


def gateway_fee_charged(payment: UUID, fee: Money, occasion: Occasion) -> Journal:
    """The payer bore the gateway's fee."""
    received, _ = payment_accounts(payment)
    return Journal(occasion, JournalReason.GATEWAY_FEE_CHARGED, transfer(received, GATEWAY_FEES, fee))


def gateway_settled(gateway: str, amount: Money, occasion: Occasion) -> Journal:
    """A gateway paid out to the bank what it held for us, its fees kept before."""
    return Journal(occasion, JournalReason.GATEWAY_SETTLED, transfer(BANK_ACCOUNT, gateway_account(gateway), amount))


def difference_corrected(wrong: Account, against: Account, more: Money, occasion: Occasion) -> Journal:
    """A gateway or the bank holds more of ours than an account says, or less, and no other entry explains it (E2)."""
    entries = transfer(wrong, against, more) if more.amount > 0 else transfer(against, wrong, -more)
    return Journal(occasion, JournalReason.DIFFERENCE_CORRECTED, entries)


def payment_to_return(payment: UUID, amount: Money, occasion: Occasion) -> Journal:
    """Nobody takes it: it is owed to the payer from now on."""
    return Journal(occasion, JournalReason.PAYMENT_TO_RETURN, transfer(*payment_accounts(payment), amount))


def payment_returned(payment: UUID, source: Account, amount: Money, occasion: Occasion) -> Journal:
    """It went back to the payer, out of what a gateway holds or from the bank."""
    _, refunding = payment_accounts(payment)
    return Journal(occasion, JournalReason.PAYMENT_RETURNED, transfer(refunding, source, amount))


def normal_payment_made(payment: UUID, payee: UUID, amount: Money, occasion: Occasion) -> Journal:
    """What a payer paid to a payee outside escrow goes straight to the payee's balance (E7)."""
    received, _ = payment_accounts(payment)
    return Journal(occasion, JournalReason.NORMAL_PAYMENT_MADE, transfer(received, member_account(payee), amount))


def payout_paid(person: UUID, amount: Money, occasion: Occasion, fee: Fee = NO_FEE) -> Journal:
    """The bank paid a member what they withdrew (E3); it was held until now, and the fee with it."""
    source = Entry(member_account(person).code, -(amount + fee.total))
    entries = (source, Entry(BANK_ACCOUNT.code, amount), *fee_earned(FeeKind.WITHDRAWAL, fee))
    return Journal(occasion, JournalReason.PAYOUT_PAID, entries)


def payout_returned(person: UUID, amount: Money, occasion: Occasion) -> Journal:
    """The bank gave back what it had paid (E3): it is in the member's balance; a fee stays earned."""
    return Journal(occasion, JournalReason.PAYOUT_RETURNED, transfer(BANK_ACCOUNT, member_account(person), amount))


def fee_earned(kind: FeeKind, fee: Fee) -> tuple[Entry, ...]:
    """The entries by which a journal books a fee: what is earned, and its VAT apart (E3); none of no fee."""
    parts = (Entry(REVENUES[kind].code, fee.net), Entry(VAT_ACCOUNT.code, fee.vat))
    return tuple(part for part in parts if part.amount)
