"""What journals and accounts are called in statements and in the trial balance (docs/chart-of-accounts.md)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from domain.ledger import (
    BANK,
    CLEARING_DIFFERENCES,
    CREDIT_AVAILABLE,
    CREDIT_GRANTED,
    ESCROW_HELD,
    EXPENSE_BANK,
    EXPENSE_GATEWAY,
    GATEWAY_CLEARING,
    MEMBER_PAYABLE,
    PAYMENT_RECEIVED,
    PAYMENT_REFUNDING,
    REVENUE_ESCROW,
    REVENUE_WITHDRAWAL,
    VAT_PAYABLE,
    AccountKind,
    JournalReason,
)
from domain.wording import CapabilityWords, Sentence

WORDS: Final = CapabilityWords(
    terms={
        JournalReason: {
            JournalReason.CREDIT_LINE_OPENED: Sentence("اعتبار باز شد", "The credit was opened"),
            JournalReason.CREDIT_LINE_REDUCED: Sentence("سقف اعتبار کم شد", "The ceiling was reduced"),
            JournalReason.CREDIT_LINE_CLOSED: Sentence("اعتبار بسته شد", "The credit was closed"),
            JournalReason.PAYMENT_RECEIVED: Sentence("پرداخت از درگاه رسید", "A payment came through the gateway"),
            JournalReason.GATEWAY_FEE_KEPT: Sentence("کارمزد درگاه", "The gateway's fee"),
            JournalReason.GATEWAY_FEE_GIVEN_UP: Sentence("کارمزدی که درگاه پس داد", "A fee that the gateway gave up"),
            JournalReason.GATEWAY_FEE_CHARGED: Sentence(
                "کارمزد درگاه را پرداخت‌کننده پرداخت", "The payer bore the gateway's fee"
            ),
            JournalReason.GATEWAY_SETTLED: Sentence("واریز درگاه به بانک", "A gateway paid out to the bank"),
            JournalReason.DIFFERENCE_CORRECTED: Sentence("اصلاح مغایرت", "A difference was corrected"),
            JournalReason.PAYMENT_TO_RETURN: Sentence("پرداخت باید برگردد", "A payment is to go back"),
            JournalReason.PAYMENT_RETURNED: Sentence("پرداخت برگشت", "A payment went back"),
            JournalReason.NORMAL_PAYMENT_MADE: Sentence("دریافت پرداخت عادی", "A normal payment received"),
            JournalReason.PAYOUT_PAID: Sentence("برداشت به حساب بانکی", "Withdrawn to the bank account"),
            JournalReason.PAYOUT_RETURNED: Sentence("واریزی که از بانک برگشت", "A pay-out that the bank gave back"),
            JournalReason.ESCROW_FUNDED: Sentence("پرداخت امن به امانت سپرده شد", "A safe payment was funded"),
            JournalReason.ESCROW_RELEASED: Sentence("آزادسازی پرداخت امن", "A safe payment was released"),
            JournalReason.ESCROW_REFUNDED: Sentence(
                "بازگشت پرداخت امن با موافقت مجری", "A safe payment goes back, as the contractor agreed"
            ),
            JournalReason.ESCROW_SPLIT: Sentence(
                "تقسیم پرداخت امن با توافق دو طرف", "A safe payment was divided by agreement"
            ),
            JournalReason.ESCROW_RULED: Sentence(
                "تقسیم پرداخت امن با رأی داور", "A safe payment was divided by ruling"
            ),
        },
    },
)

# What the trial balance calls the lines of the chart.
ACCOUNT_WORDS: Final[Mapping[AccountKind, Sentence]] = {
    CREDIT_GRANTED: Sentence("اعتبار داده‌شده", "Credit granted"),
    CREDIT_AVAILABLE: Sentence("اعتبار در دسترس اعضا", "Credit available to members"),
    GATEWAY_CLEARING: Sentence("نزد درگاه‌ها، هنوز واریزنشده", "With gateways, not yet at the bank"),
    PAYMENT_RECEIVED: Sentence("پرداخت‌های رسیده، هنوز ثبت‌نشده", "Payments received and not taken yet"),
    PAYMENT_REFUNDING: Sentence("پرداخت‌هایی که باید برگردد", "Payments to be given back"),
    BANK: Sentence("حساب بانکی", "At the bank"),
    EXPENSE_GATEWAY: Sentence("هزینهٔ کارمزد درگاه", "Fees of gateways"),
    EXPENSE_BANK: Sentence("هزینه‌های بانکی", "Bank charges"),
    CLEARING_DIFFERENCES: Sentence("مغایرت‌های در دست بررسی", "Differences that are looked into"),
    MEMBER_PAYABLE: Sentence("موجودی اعضا", "Balances of members"),
    REVENUE_WITHDRAWAL: Sentence("درآمد کارمزد برداشت", "Earned by fees of withdrawals"),
    ESCROW_HELD: Sentence("پرداخت‌های امن نزد امانت", "Safe payments held in trust"),
    REVENUE_ESCROW: Sentence("درآمد کارمزد پرداخت امن", "Earned by fees of safe payments"),
    VAT_PAYABLE: Sentence("مالیات بر ارزش افزودهٔ پرداختنی", "VAT owed to the tax office"),
}
