"""What goes back, and what no gateway gives back: by pay-out, else by hand; its words (docs/rules.md, E2, E6a)."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Final

from domain.access import Part, Role
from domain.attachment import AttachmentRules
from domain.correspondence import CorrespondenceRules
from domain.payment import RefundReason
from domain.wording import CapabilityWords, Sentence
from messages.attachment import Purpose
from messages.case import CaseKind
from messages.payment import Event, FactKind, Variant

# How long money waits for the bank to pay it before its case says so; then as long again as it has waited already, so
# that a line which nobody settles is noted six times in a year.
PAYOUT_WAITS: Final = timedelta(days=7)
# The payer shows that their bank took the money; what the office shows of a transfer is of our own account.
ATTACHMENTS: Final = AttachmentRules(
    CaseKind.PAYMENT,
    (Purpose.PAYMENT_RECEIPT,),
    staff=frozenset({Role.SETTLEMENT_OFFICER}),
    members=frozenset({Part.PAYER}),
    staff_purposes=(Purpose.TRANSFER_EVIDENCE,),
)
CORRESPONDENCE: Final = CorrespondenceRules(CaseKind.PAYMENT, {Part.PAYER: frozenset({Role.SETTLEMENT_OFFICER})})


class RefundWay(StrEnum):
    """By which way money goes back."""

    REVERSE = "reverse"
    REFUND = "refund"
    SHEBA = "sheba"
    HAND = "hand"


class RecordedFrom(StrEnum):
    """Out of what an officer says that money went back: our account at the bank, or the gateway after all."""

    BANK = "bank"
    GATEWAY = "gateway"


WORDS: Final = CapabilityWords(
    variants={CaseKind.PAYMENT: {Variant.REFUND: Sentence("بازپرداخت", "Refund")}},
    timeline={
        FactKind.PAYMENT_RETURN_CONFIRMED: Sentence(
            "همکار دیگری در امور تسویه بازپرداخت را تأیید کرد.", "Another settlement officer confirmed it."
        ),
        FactKind.PAYMENT_RETURN_REJECTED: Sentence(
            "همکار دیگری در امور تسویه بازپرداخت را تأیید نکرد.", "Another settlement officer did not confirm it."
        ),
        Event.PAYMENT_REFUND_BEGUN: Sentence(
            "بازپرداخت {amount:toman} به کارت پرداخت‌کننده آغاز شد.",
            "The refund of {amount:toman} to the payer's card was begun.",
        ),
        Event.PAYMENT_TO_SHEBA: Sentence(
            "{amount:toman} با دستهٔ بعدی واریزها به شبای پرداخت‌کننده می‌رود.",
            "{amount:toman} goes to the payer's own sheba with the next pay-out.",
        ),
        Event.PAYMENT_TO_SHEBA_WAITS: Sentence(
            "واریز به شبای پرداخت‌کننده هنوز انجام نشده است؛ امور تسویه باید آن را پیگیری کند.",
            "The pay-out to the payer's sheba is still not made; the settlement office has to see to it.",
        ),
        Event.PAYMENT_TO_SHEBA_REJECTED: Sentence(
            "بانک واریز {amount:toman} به شبای پرداخت‌کننده را نپذیرفت؛ امور تسویه آن را بازمی‌پردازد.",
            "The bank rejected the pay-out of {amount:toman} to the payer's sheba; the settlement office pays it back.",
        ),
    },
    sms={
        Event.PAYMENT_REFUND_BEGUN: ("امانت: {amount} از پرداخت پیشین شما به کارت شما بازمی‌گردد. جزئیات: {app_link}"),
        Event.PAYMENT_TO_SHEBA: (
            "امانت: درگاه {amount} را به کارت شما برنگرداند؛ به شبای ختم به {last_four} واریز می‌شود. {app_link}"
        ),
        Event.PAYMENT_TO_SHEBA_REJECTED: (
            "امانت: بانک واریز {amount} به شبای ختم به {last_four} را نپذیرفت؛ همکاران ما پیگیری می‌کنند. {app_link}"
        ),
    },
    terms={
        RefundReason: {
            RefundReason.SECOND_ATTEMPT: Sentence("این مبلغ دو بار پرداخت شد", "it was paid twice"),
            RefundReason.AMOUNT_DIFFERS: Sentence(
                "مبلغ با مبلغ خواسته‌شده یکی نبود", "the amount was not the one asked for"
            ),
            RefundReason.FOREIGN_CARD: Sentence(
                "کارت پرداخت‌کننده به نام خود او ثبت نشده است", "the card is not registered as the payer's own"
            ),
            RefundReason.FOUND_LATE: Sentence(
                "پس از پایان پرداخت معلوم شد که بانک آن را دریافت کرده است",
                "it came to light after the payment was over",
            ),
            RefundReason.NOT_TAKEN: Sentence(
                "آنچه برایش پرداخت شد دیگر در جریان نیست", "what was paid for is not open any more"
            ),
            RefundReason.LATER_REFUND: Sentence("بازپرداخت از پرداخت پیشین", "a refund of an earlier payment"),
        },
        RefundWay: {
            RefundWay.REVERSE: Sentence("برگشت تراکنش از درگاه", "reversal by the gateway"),
            RefundWay.REFUND: Sentence("بازپرداخت از درگاه", "refund by the gateway"),
            RefundWay.SHEBA: Sentence("واریز به شبای پرداخت‌کننده", "paid out to the payer's own sheba"),
            RefundWay.HAND: Sentence("بازپرداخت امور تسویه", "paid back by the settlement office"),
        },
        RecordedFrom: {
            RecordedFrom.BANK: Sentence("از حساب بانکی ما پرداخت شد", "paid from our account at the bank"),
            RecordedFrom.GATEWAY: Sentence("سرانجام درگاه آن را برگرداند", "the gateway gave it back after all"),
        },
    },
)
