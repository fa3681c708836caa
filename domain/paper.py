"""Papers (docs/rules.md, G9): what is printed on each kind, how often one may be checked, and their words.

What a paper says is frozen when it is issued. Whoever holds one checks it on a page that names nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import ClassVar, Final, Protocol

from domain.account import Limit
from domain.dates import format_deadline, format_weekday
from domain.errors import Conflict
from domain.fee import percent
from domain.money import Money, format_rial, format_toman, toman_in_words
from domain.persian import clean_text, persian_digits
from domain.wording import CapabilityWords, Sentence

# Of a network: those of an office come from one address. Apart from signing in, which nobody slows down by checking.
CHECKS_PER_ADDRESS: Final = Limit("paper_checks_address", 300, timedelta(hours=1), timedelta(seconds=10))


class PaperKind(StrEnum):
    """Which papers there are; each is the name of its template too."""

    PAYMENT_RECEIPT = "payment_receipt"
    CREDIT_CONFIRMATION = "credit_confirmation"
    PAYOUT_RECEIPT = "payout_receipt"
    FEE_INVOICE = "fee_invoice"
    ESCROW_RULING = "escrow_ruling"


class PaperState(StrEnum):
    """How it stands with what a paper is about."""

    PAID = "paid"
    RETURNED = "returned"
    USABLE = "usable"
    PURCHASES_STOPPED = "purchases_stopped"
    ENDED = "ended"
    OPEN_TO_OBJECTION = "open_to_objection"
    OBJECTED = "objected"
    FINAL = "final"


class CreditOver(Conflict):
    """A confirmation of a credit that has ended."""

    code = "credit_over"
    fa = "این اعتبار پایان یافته است؛ برای آن تأییدیهٔ تازه صادر نمی‌شود."
    en = "This credit has ended; no confirmation of it is issued any more."


class MoveWithoutInvoice(Conflict):
    """What left a safe payment cost no fee, or is not booked yet."""

    code = "escrow_without_invoice"
    fa = "برای این مبلغ صورت‌حسابی نیست؛ یا هنوز به موجودی شما نرسیده یا کارمزدی نداشته است."
    en = "There is no invoice of this amount: it is not in your balance yet, or it cost no fee."


class PaperContent(Protocol):
    """What a paper says, as values. ``amount`` is the one that its check page tells, in rial."""

    kind: ClassVar[PaperKind]

    @property
    def amount(self) -> int:
        """In rial."""

    @property
    def state(self) -> PaperState:
        """When it was issued."""

    def printed(self) -> Mapping[str, object]:
        """Each value as people read it, by its name in the template.

        Raises:
            ValueError: an amount is negative or out of bounds.
        """


@dataclass(frozen=True, slots=True)
class PaymentReceipt:
    """The receipt of a payment: ``amount`` is all that came, ``fee`` the gateway's part; ``card`` is masked."""

    payer: str
    purpose: str
    receiver: str
    amount: int
    gateway: str
    reference: str
    paid: datetime
    case_number: str
    fee: int | None = None
    card: str | None = None
    state: PaperState = PaperState.PAID

    kind: ClassVar = PaperKind.PAYMENT_RECEIPT

    def printed(self) -> Mapping[str, object]:
        """As ``PaperContent``."""
        return {
            "payer": clean_text(self.payer),
            "purpose": clean_text(self.purpose),
            "receiver": clean_text(self.receiver),
            "amount": _printed(self.amount),
            "fee": None if self.fee is None else _printed(self.fee),
            "gateway": clean_text(self.gateway),
            "reference": clean_text(self.reference),
            "card": None if self.card is None else persian_digits(clean_text(self.card)),
            "paid": format_deadline(self.paid, persian=True, with_year=True),
            "case_number": persian_digits(self.case_number),
            "state": _STATES[self.state].fa,
        }


@dataclass(frozen=True, slots=True)
class CreditConfirmation:
    """The confirmation of a usable credit for its holder. Amounts are rial; the national id is masked."""

    holder: str
    national_id: str
    programme: str
    amount: int
    monthly: int
    instalments: int
    since: date
    until: date
    case_number: str
    state: PaperState

    kind: ClassVar = PaperKind.CREDIT_CONFIRMATION

    def printed(self) -> Mapping[str, object]:
        """As ``PaperContent``."""
        return {
            "holder": clean_text(self.holder),
            "national_id": persian_digits(self.national_id),
            "programme": clean_text(self.programme),
            "amount": _printed(self.amount),
            "monthly": _printed(self.monthly),
            "instalments": persian_digits(str(self.instalments)),
            "since": format_weekday(self.since),
            "until": format_weekday(self.until),
            "case_number": persian_digits(self.case_number),
            "state": _STATES[self.state].fa,
        }


@dataclass(frozen=True, slots=True)
class PayoutReceipt:
    """The receipt of what the bank paid to a member; the sheba is masked, ``charged`` is a fee with its VAT."""

    receiver: str
    what_for: str
    amount: int
    sheba: str
    reference: str
    paid: datetime
    charged: int | None = None
    state: PaperState = PaperState.PAID

    kind: ClassVar = PaperKind.PAYOUT_RECEIPT

    def printed(self) -> Mapping[str, object]:
        """As ``PaperContent``."""
        return {
            "receiver": clean_text(self.receiver),
            "what_for": clean_text(self.what_for),
            "amount": _printed(self.amount),
            "charged": None if self.charged is None else _printed(self.charged),
            "sheba": persian_digits(clean_text(self.sheba)),
            "reference": clean_text(self.reference),
            "paid": format_deadline(self.paid, persian=True, with_year=True),
            "state": _STATES[self.state].fa,
        }


@dataclass(frozen=True, slots=True)
class FeeInvoice:
    """The invoice of a fee (E3): ``amount`` is fee and VAT together, ``rate`` parts of ten thousand.

    ``invoice`` is its number in the gapless series of a Jalali year.
    """

    buyer: str
    what_for: str
    invoice: str
    fee: int
    vat: int
    rate: int
    amount: int
    charged: datetime
    seller: str | None = None
    economic_number: str | None = None
    address: str | None = None
    state: PaperState = PaperState.PAID

    kind: ClassVar = PaperKind.FEE_INVOICE

    def printed(self) -> Mapping[str, object]:
        """As ``PaperContent``."""
        return {
            "seller": None if self.seller is None else clean_text(self.seller),
            "economic_number": None if self.economic_number is None else persian_digits(self.economic_number),
            "address": None if self.address is None else clean_text(self.address),
            "buyer": clean_text(self.buyer),
            "what_for": clean_text(self.what_for),
            "invoice": persian_digits(self.invoice),
            "fee": _printed(self.fee),
            "rate": percent(self.rate),
            "vat": _printed(self.vat),
            "amount": _printed(self.amount),
            "charged": format_deadline(self.charged, persian=True, with_year=True),
            "state": _STATES[self.state].fa,
        }


@dataclass(frozen=True, slots=True)
class EscrowRulingPaper:
    """A ruling on a safe payment (E5): ``amount`` is what was frozen, the sum of both parts.

    ``objection_until`` is when the time to object to a first ruling is over; None where nobody may object any more.
    """

    employer: str
    contractor: str
    job: str
    title: str
    case_number: str
    amount: int
    to_contractor: int
    to_employer: int
    reasons: str
    ruled: datetime
    objection_until: datetime | None
    state: PaperState

    kind: ClassVar = PaperKind.ESCROW_RULING

    def printed(self) -> Mapping[str, object]:
        """As ``PaperContent``; the reasons keep their paragraphs."""
        until = self.objection_until
        paragraphs = (clean_text(line) for line in self.reasons.splitlines())
        return {
            "employer": clean_text(self.employer),
            "contractor": clean_text(self.contractor),
            "job": clean_text(self.job),
            "title": clean_text(self.title),
            "case_number": persian_digits(self.case_number),
            "amount": _printed(self.amount),
            "to_contractor": _printed(self.to_contractor),
            "to_employer": _printed(self.to_employer),
            "reasons": "\n".join(paragraph for paragraph in paragraphs if paragraph),
            "ruled": format_deadline(self.ruled, persian=True, with_year=True),
            "objection_until": None if until is None else format_deadline(until, persian=True, with_year=True),
            "state": _STATES[self.state].fa,
        }


_Content = PaymentReceipt | CreditConfirmation | PayoutReceipt | FeeInvoice | EscrowRulingPaper
CONTENTS: Final[Mapping[PaperKind, type[_Content]]] = {
    content.kind: content
    for content in (PaymentReceipt, CreditConfirmation, PayoutReceipt, FeeInvoice, EscrowRulingPaper)
}


def _printed(rial: int) -> Mapping[str, str]:
    """An amount in the three ways in which papers say it."""
    money = Money(rial)
    return {"toman": format_toman(money), "rial": format_rial(money), "words": toman_in_words(money)}


_STATES: Final[Mapping[StrEnum, Sentence]] = {
    PaperState.PAID: Sentence("پرداخت شده", "paid"),
    PaperState.RETURNED: Sentence("بازگردانده شده", "returned"),
    PaperState.USABLE: Sentence("برقرار", "usable"),
    PaperState.PURCHASES_STOPPED: Sentence("برقرار، بدون خرید تازه", "usable, without new purchases"),
    PaperState.ENDED: Sentence("پایان‌یافته", "ended"),
    PaperState.OPEN_TO_OBJECTION: Sentence("صادرشده، در مهلت اعتراض", "ruled, open to objection"),
    PaperState.OBJECTED: Sentence("با اعتراض به داور دیگری سپرده شد", "objected to and given to another arbitrator"),
    PaperState.FINAL: Sentence("قطعی", "final"),
}

WORDS: Final = CapabilityWords(
    terms={
        PaperKind: {
            PaperKind.PAYMENT_RECEIPT: Sentence("رسید پرداخت", "Receipt of a payment"),
            PaperKind.CREDIT_CONFIRMATION: Sentence("تأییدیهٔ اعتبار", "Confirmation of a credit"),
            PaperKind.PAYOUT_RECEIPT: Sentence("رسید واریز", "Receipt of a pay-out"),
            PaperKind.FEE_INVOICE: Sentence("صورت‌حساب کارمزد", "Invoice of a fee"),
            PaperKind.ESCROW_RULING: Sentence("رأی داوری پرداخت امن", "Ruling on a safe payment"),
        },
        PaperState: _STATES,
    },
)
