"""Normal payments from one member to another, outside escrow: policy, terms, limits and words (docs/rules.md, E7)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Self

from domain.account import Limit
from domain.errors import Conflict, InvalidInput
from domain.persian import clean_text
from domain.programme import Programme, is_wait
from domain.wording import CapabilityWords, MailText, Sentence, TaskWords
from messages.case import CaseKind
from messages.normal_payment import Event, FactKind, Phase, Sms, TaskKind

WHAT_FOR_LETTERS: Final = range(3, 201)
# A request asks somebody by SMS: so many of one member a day, so many of one member to one number, and of everybody
# together to one number.
REQUESTS_PER_MEMBER: Final = Limit("normal_payments_member", 20, timedelta(days=1))
REQUESTS_PER_PAIR: Final = Limit("normal_payments_pair", 3, timedelta(days=1))
REQUESTS_PER_NUMBER: Final = Limit("normal_payments_number", 30, timedelta(days=1), timedelta(minutes=30), shared=True)

# What both sides accept before anything is paid, by version (E7).
NORMAL_PAYMENT_TERMS: Final[Mapping[int, Sentence]] = {
    1: Sentence(
        fa=(
            "این پرداخت عادی و بدون امانت است: مبلغ نزد امانت نگه داشته نمی‌شود و پس از پرداخت، مستقیم به موجودی گیرنده"
            " می‌رسد. امانت در برابر کار، کالا یا خدمتی که بابت آن پرداخت می‌کنید و در برابر خود مبلغ هیچ مسئولیتی"
            " ندارد، میان دو طرف داوری نمی‌کند و مبلغ پرداخت‌شده را برنمی‌گرداند. اگر می‌خواهید مبلغ تا پایان کار نزد امانت"
            " بماند، از پرداخت عادی استفاده نکنید."
        ),
        en=(
            "This is a normal payment, outside escrow: Amanat does not hold the money; once it is paid it goes straight"
            " to the payee's balance. Amanat takes no responsibility for the work, goods or service that it is paid"
            " for, nor for the money itself, does not arbitrate between the two sides, and does not give back what was"
            " paid. If the money is to stay with Amanat until the work is done, do not use a normal payment."
        ),
    ),
}


class PayeeIsPayer(Conflict):
    """The number is the payer's own."""

    code = "payee_is_payer"
    fa = "این شمارهٔ خود شماست؛ شمارهٔ همراه گیرنده را وارد کنید."
    en = "This is your own number; please enter the payee's."


class WhatForUnreadable(InvalidInput):
    """What the payment is for is missing, too short or too long."""

    code = "payment_what_for_unreadable"
    fa = "بنویسید این پرداخت بابت چیست؛ از ۳ تا ۲۰۰ نویسه."
    en = "Please write what the payment is for, in 3 to 200 characters."


class NoResponsibilityOutdated(Conflict):
    """The words that were accepted are not those of this payment."""

    code = "no_responsibility_outdated"
    fa = "متن پذیرش پرداخت بدون امانت عوض شده است؛ متن تازه را بخوانید و دوباره بپذیرید."
    en = "The wording of the normal payment has changed; please read the new text and accept it."


def parse_what_for(text: str) -> str:
    """Read what a payment is for. Raises WhatForUnreadable."""
    what_for = clean_text(text)
    if len(what_for) not in WHAT_FOR_LETTERS:
        raise WhatForUnreadable(field="what_for")
    return what_for


@dataclass(frozen=True, slots=True)
class NormalPaymentPolicy:
    """The policy ``normal_payment``: which words are accepted, and how long each side is waited for."""

    terms_version: int
    accept_remind: timedelta
    accept_expire: timedelta
    pay_remind: timedelta
    pay_expire: timedelta

    POLICY = "normal_payment"

    @classmethod
    def from_policy(cls, value: Mapping[str, Any]) -> Self:
        """Read a version; what a newer release added stays out.

        Raises:
            ValueError: a value is missing or out of its range.
        """
        names = ("accept_remind", "accept_expire", "pay_remind", "pay_expire")
        hours = [value.get(f"{name}_hours") for name in names]
        waits = [timedelta(hours=int(wait)) for wait in hours if is_wait(wait) and wait]
        version = value.get("terms_version")
        if len(waits) != len(names) or type(version) is not int:
            raise ValueError(f"needs terms_version, and whole hours for {', '.join(names)}")
        accept_remind, accept_expire, pay_remind, pay_expire = waits
        if accept_remind >= accept_expire or pay_remind >= pay_expire:
            raise ValueError("a reminder comes before its expiry")
        return cls(version, accept_remind, accept_expire, pay_remind, pay_expire)

    def require_known(self) -> None:
        """Refuse what a person may not propose: words that there are not.

        Raises:
            ValueError: there is no text of that version.
        """
        if self.terms_version not in NORMAL_PAYMENT_TERMS:
            raise ValueError(f"terms_version: there is no text of version {self.terms_version}")


_AHEAD: Final = (
    Sentence("گیرنده پرداخت را می‌پذیرد یا رد می‌کند.", "The payee accepts or refuses."),
    Sentence("پرداخت‌کننده مبلغ را از درگاه بانک می‌پردازد.", "The payer pays through a gateway."),
    Sentence("مبلغ به موجودی گیرنده می‌رسد.", "The money goes to the payee's balance."),
)
# How many of these have begun, by the phase.
_BEGUN: Final[Mapping[str, int]] = {Phase.SUBMITTED: 0, Phase.AWAITING_PAYEE: 1, Phase.AWAITING_PAYMENT: 2}


def _steps_ahead(phase: str, _programme: Programme | None) -> list[Sentence]:
    return [*_AHEAD[_BEGUN[phase] :]] if phase in _BEGUN else []


WORDS: Final = CapabilityWords(
    kinds={CaseKind.NORMAL_PAYMENT: Sentence("پرداخت عادی، بدون امانت", "Normal payment, outside escrow")},
    phases={
        CaseKind.NORMAL_PAYMENT: {
            Phase.SUBMITTED: Sentence("درخواست ثبت شد", "Submitted"),
            Phase.AWAITING_PAYEE: Sentence("در انتظار پاسخ گیرنده", "Awaiting the payee's answer"),
            Phase.AWAITING_PAYMENT: Sentence("در انتظار پرداخت", "Awaiting the payment"),
            Phase.PAID: Sentence("پرداخت شد", "Paid"),
            Phase.REFUSED: Sentence("گیرنده نپذیرفت", "The payee refused"),
            Phase.WITHDRAWN: Sentence("پرداخت‌کننده منصرف شد", "Withdrawn"),
            Phase.LAPSED: Sentence("مهلت گذشت", "Lapsed"),
        },
    },
    tasks={
        TaskKind.ANSWER_NORMAL_PAYMENT: TaskWords(
            Sentence("پذیرش یا رد پرداخت عادی", "Accept or refuse a normal payment"),
            sms="امانت: یکی از اعضا می‌خواهد مبلغی را عادی و بدون امانت به شما بپردازد. بپذیرید یا رد کنید: {app_link}",
            reminder="امانت: یادآوری؛ یک پرداخت عادی هنوز منتظر پاسخ شماست. {app_link}",
            outcomes={
                FactKind.NORMAL_PAYMENT_ACCEPTED: Sentence("پرداخت عادی را پذیرفت", "accepted this normal payment"),
                FactKind.NORMAL_PAYMENT_REFUSED: Sentence("پرداخت عادی را رد کرد", "refused this normal payment"),
            },
        ),
        TaskKind.PAY_NORMAL_PAYMENT: TaskWords(
            Sentence("پرداخت مبلغ پرداخت عادی", "Pay a normal payment"),
            sms="امانت: گیرنده، پرداخت عادی شما را پذیرفت. اکنون می‌توانید مبلغ را بپردازید: {app_link}",
            reminder="امانت: یادآوری؛ مبلغ پرداخت عادی شما هنوز پرداخت نشده است. {app_link}",
            outcomes={},
        ),
    },
    timeline={
        FactKind.NORMAL_PAYMENT_REQUESTED: Sentence(
            "پرداخت‌کننده پرداخت عادی {amount:toman} را درخواست کرد و پذیرفت که امانت در برابر آن مسئولیتی ندارد.",
            "The payer asked for a normal payment of {amount:toman}, and accepted that Amanat takes no responsibility.",
        ),
        FactKind.NORMAL_PAYMENT_ACCEPTED: Sentence(
            "گیرنده پرداخت را پذیرفت و نیز پذیرفت که امانت در برابر آن مسئولیتی ندارد.",
            "The payee accepted, also that Amanat takes no responsibility.",
        ),
        FactKind.NORMAL_PAYMENT_REFUSED: Sentence("گیرنده پرداخت را نپذیرفت.", "The payee refused."),
        FactKind.NORMAL_PAYMENT_WITHDRAWN: Sentence("پرداخت‌کننده منصرف شد.", "The payer withdrew."),
        Event.NORMAL_PAYMENT_UNANSWERED: Sentence(
            "در مهلت مقرر پاسخی از گیرنده نرسید.", "No answer of the payee came in time."
        ),
        Event.NORMAL_PAYMENT_UNPAID: Sentence("مبلغ در مهلت مقرر پرداخت نشد.", "The money was not paid in time."),
        Event.NORMAL_PAYMENT_MADE: Sentence(
            "{amount:toman} پرداخت شد و به موجودی گیرنده رسید.",
            "{amount:toman} was paid and went to the payee's balance.",
        ),
    },
    sms={
        FactKind.NORMAL_PAYMENT_REFUSED: "امانت: گیرنده، پرداخت عادی شما را نپذیرفت و چیزی پرداخت نشد. {app_link}",
        FactKind.NORMAL_PAYMENT_WITHDRAWN: ("امانت: پرداخت‌کننده از پرداخت عادی به شما منصرف شد. جزئیات: {app_link}"),
        Event.NORMAL_PAYMENT_UNANSWERED: ("امانت: پاسخی از گیرندهٔ پرداخت عادی شما نرسید و درخواست بسته شد. {app_link}"),
        Event.NORMAL_PAYMENT_UNPAID: "امانت: مهلت پرداخت عادی گذشت و درخواست بسته شد. جزئیات: {app_link}",
        Event.NORMAL_PAYMENT_MADE: "امانت: {amount} به موجودی گیرندهٔ پرداخت عادی شما رسید. جزئیات: {app_link}",
        Sms.CREDITED: "امانت: {amount} با پرداخت عادی به موجودی شما رسید. موجودی شما: {app_link}",
    },
    mails={
        Event.NORMAL_PAYMENT_MADE: MailText(
            Sentence("پرداخت شما انجام شد", "Your payment was made"),
            Sentence(
                "{amount_rial:toman} پرداخت شد و به موجودی گیرنده رسید.\n"
                "رسید آن در بخش «مدارک من» است: {app_link:link}/papers",
                "{amount_rial:toman} was paid and went to the payee's balance.\n"
                "Its receipt stands under 'My papers': {app_link:link}/papers",
            ),
        ),
    },
    ahead={CaseKind.NORMAL_PAYMENT: _steps_ahead},
)
