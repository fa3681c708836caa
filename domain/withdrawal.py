"""Withdrawals from a member's balance to a sheba of their own: limits, refusals and words (docs/rules.md, E3)."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from domain.account import Limit
from domain.errors import Conflict, InvalidInput
from domain.wording import CapabilityWords, MailText, Sentence
from messages.withdrawal import Sms, WithdrawalState

# Each one tells its owner by SMS and is a line that the office pays for.
WITHDRAWALS_PER_MEMBER: Final = Limit("withdrawals_member", 10, timedelta(days=1))


class OwnShebaMissing(Conflict):
    """The member has no confirmed sheba that their money goes to."""

    code = "own_sheba_missing"
    fa = "برای برداشت، نخست شبای خودتان را در بخش «کارت‌ها و حساب‌های من» ثبت کنید و تا تأیید بانک صبر کنید."
    en = "To withdraw, please first add a sheba of your own under 'My cards and accounts', and wait for the bank's yes."


class WithdrawalTooSmall(InvalidInput):
    """The amount is under the least of a withdrawal; ``least`` says it."""

    code = "withdrawal_too_small"
    fa = "کمترین مبلغ برداشت {least} است."
    en = "The least that can be withdrawn is {least}."


class WithdrawalUnderWay(Conflict):
    """It was cut into a batch, or is settled, and cannot be taken back any more."""

    code = "withdrawal_under_way"
    fa = "این برداشت دیگر پس‌گرفتنی نیست؛ برای بانک آماده شده یا کارش پایان یافته است."
    en = "This withdrawal can no longer be taken back; it is being prepared for the bank, or is over."


class WithdrawalWithoutPaper(Conflict):
    """It is not paid, so there is no receipt; or it cost no fee, so there is no invoice."""

    code = "withdrawal_without_paper"
    fa = "برای این برداشت چنین سندی نیست؛ یا هنوز واریز نشده یا کارمزدی نداشته است."
    en = "There is no such paper of this withdrawal: it is not paid yet, or it cost no fee."


WORDS: Final = CapabilityWords(
    terms={
        WithdrawalState: {
            WithdrawalState.WAITING: Sentence("در صف پرداخت", "Waiting"),
            WithdrawalState.IN_BATCH: Sentence("در حال آماده‌سازی برای بانک", "Being prepared for the bank"),
            WithdrawalState.SENT: Sentence("به بانک سپرده شد", "Handed to the bank"),
            WithdrawalState.PAID: Sentence("واریز شد", "Paid"),
            WithdrawalState.REJECTED: Sentence("بانک نپذیرفت", "The bank rejected it"),
            WithdrawalState.RETURNED: Sentence("پس از واریز از بانک برگشت", "Came back from the bank"),
            WithdrawalState.TAKEN_BACK: Sentence("پس گرفته شد", "Taken back"),
        },
    },
    sms={
        Sms.ASKED: (
            "امانت: درخواست برداشت {amount} از موجودی شما به شبای ختم به {last_four} ثبت شد. اگر کار شما نیست خبر"
            " دهید: {app_link}"
        ),
        Sms.TAKEN_BACK: "امانت: برداشت {amount} را پس گرفتید و مبلغ به موجودی شما برگشت. {app_link}",
        Sms.PAID: "امانت: {amount} به شبای ختم به {last_four} واریز شد. جزئیات: {app_link}",
        Sms.REJECTED: (
            "امانت: بانک واریز {amount} به شبای ختم به {last_four} را نپذیرفت و مبلغ در موجودی شماست. علت: {app_link}"
        ),
        Sms.RETURNED: (
            "امانت: {amount} که به شبای ختم به {last_four} واریز شده بود از بانک برگشت و در موجودی شماست. {app_link}"
        ),
    },
    mails={
        Sms.PAID: MailText(
            Sentence("برداشت شما واریز شد", "Your withdrawal was paid"),
            Sentence(
                "{amount_rial:toman} به شبای شما واریز شد.\n"
                "رسید آن در بخش «برداشت‌های من» است: {app_link:link}/withdrawals",
                "{amount_rial:toman} was paid to your sheba.\n"
                "Its receipt stands under 'My withdrawals': {app_link:link}/withdrawals",
            ),
        ),
    },
)
