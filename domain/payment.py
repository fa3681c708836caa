"""Payments through a gateway: policy, limits, what becomes of the money, and the words of it (docs/rules.md, E2)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, Self

from domain.account import Limit
from domain.errors import Conflict
from domain.money import Money
from domain.programme import Programme
from domain.wording import CapabilityWords, Sentence, TaskWords
from messages.case import CaseKind
from messages.payment import Event, FactKind, Phase, TaskKind

# The payer never bears the gateway's fee of these (C6).
FREE_FOR_PAYER: Final = frozenset({"purchase", "instalment"})
# A gateway is asked for a link no more often than this for one member.
ATTEMPTS_PER_MEMBER: Final = Limit("payment_attempts", 20, timedelta(hours=1))
# So often within an hour a payer's coming back has the gateway asked about one try; who comes back more is led home.
CALLBACKS_PER_TRY: Final = Limit("payment_callbacks", 30, timedelta(hours=1))
# As often by pressing on the page of one payment.
LOOKS_PER_PAYMENT: Final = Limit("payment_looks", 30, timedelta(hours=1))
# Ways back that are none of ours, of a network. Any site may lead a browser there, as banks do: counted apart from
# signing in, or a page of somebody else's would use up what the network of its visitors has for that.
STRAY_CALLBACKS_PER_ADDRESS: Final = Limit("payment_callbacks_address", 300, timedelta(hours=1), timedelta(seconds=10))
_PARTS: Final = 1_000_000
_LONGEST_MINUTES: Final = 24 * 60
_LONGEST_HOURS: Final = 14 * 24
_MOST: Final = 10**13


class PaymentTooSmall(Conflict):
    """Less than a gateway takes."""

    code = "payment_too_small"
    fa = "کمترین مبلغی که از درگاه می‌توان پرداخت {least} است."
    en = "The least that can be paid through a gateway is {least}."


class PaymentTooLarge(Conflict):
    """More than one payment may be."""

    code = "payment_too_large"
    fa = "بیشترین مبلغ هر پرداخت {most} است."
    en = "The most of one payment is {most}."


class DayLimitReached(Conflict):
    """With what was paid and begun today it would be more than one person may pay in a day."""

    code = "payment_day_limit_reached"
    fa = "سقف پرداخت روزانهٔ شما {most} است و با این پرداخت از آن بیشتر می‌شود."
    en = "You may pay {most} a day, and this payment would go beyond it."


class NoGateway(Conflict):
    """No gateway takes payments at this moment."""

    code = "no_payment_gateway"
    fa = "اکنون هیچ درگاهی پرداخت نمی‌پذیرد؛ کمی بعد دوباره تلاش کنید."
    en = "No gateway takes payments at the moment; please try again a little later."


class PaymentUnclear(Conflict):
    """What became of an earlier try is not known yet: to pay once more could be to pay twice."""

    code = "payment_unclear"
    fa = "هنوز معلوم نیست پرداخت پیشین انجام شده است یا نه؛ تا روشن‌شدن آن دوباره پرداخت نکنید."
    en = "It is not known yet whether the earlier try was paid; please do not pay again before it is."


class AttemptsUsedUp(Conflict):
    """The payment was tried as often as it may be, or its time to begin a try is over."""

    code = "payment_attempts_used_up"
    fa = "برای این پرداخت دیگر نمی‌توان به درگاه رفت؛ پرداخت تازه‌ای آغاز کنید."
    en = "This payment cannot be tried again; please begin a new one."


class PaymentReceived(Conflict):
    """The money is there already."""

    code = "payment_received_already"
    fa = "این مبلغ پیش‌تر پرداخت شده است."
    en = "This was paid already."


class CardMissing(Conflict):
    """Only the payer's own confirmed card may pay this, and none is registered."""

    code = "own_card_missing"
    fa = (
        "این پرداخت تنها با کارت بانکی خودتان ممکن است؛"
        " پیش از پرداخت، کارت خود را در بخش «کارت‌ها و حساب‌های من» ثبت کنید."
    )
    en = "Only your own bank card may pay this; please register it under 'My cards and accounts' first."


class PaymentUnderWay(Conflict):
    """It is being paid by another payment already."""

    code = "payment_under_way"
    fa = "پرداخت این مورد در جریان است؛ همان را دنبال کنید."
    en = "This is being paid already; please follow that payment."


class RefundReason(StrEnum):
    """Why money goes back to its payer."""

    SECOND_ATTEMPT = "second_attempt"
    AMOUNT_DIFFERS = "amount_differs"
    FOREIGN_CARD = "foreign_card"
    NOT_TAKEN = "not_taken"
    FOUND_LATE = "found_late"
    LATER_REFUND = "later_refund"


class AttemptEnd(StrEnum):
    """Why a try to pay came to nothing, as gateways' answers are told."""

    CANCELLED = "cancelled"
    FAILED = "failed"
    EXPIRED = "expired"
    REVERSED = "reversed"
    AMOUNT_DIFFERS = "amount_differs"
    UNKNOWN_AUTHORITY = "unknown_authority"


class GatewayName(StrEnum):
    """The payment gateways."""

    ZARINPAL = "zarinpal"
    ZIBAL = "zibal"
    LOCAL = "local"


class TryState(StrEnum):
    """What became of a try to pay."""

    REQUESTED = "requested"
    OPEN = "open"
    UNCLEAR = "unclear"
    PAID = "paid"
    NOT_PAID = "not_paid"
    FAILED = "failed"
    GIVEN_UP = "given_up"


class ShareState(StrEnum):
    """Whether that which is paid for has taken its part, or gives back of it later."""

    OPEN = "open"
    OFFERED = "offered"
    TAKEN = "taken"
    REFUSED = "refused"
    REFUNDED = "refunded"


@dataclass(frozen=True, slots=True)
class PaymentPolicy:
    """The policy ``payment``: amounts in rial, waits, gateways in their order."""

    least: Money
    most: Money
    most_a_day: Money
    attempts: int
    pay_within: timedelta
    attempt_life: timedelta
    look_after: timedelta
    unclear_for: timedelta
    return_for: timedelta
    settle_remind: timedelta
    settle_expire: timedelta
    gateways: tuple[str, ...]
    own_card: frozenset[str]
    payer_bears_fee: frozenset[str]
    fee_ppm: int
    fee_most: Money

    POLICY = "payment"

    @classmethod
    def from_policy(cls, value: Mapping[str, Any]) -> Self:
        """Read a version; what a newer release added stays out.

        Raises:
            ValueError: a value is missing or out of its range, or a purchase would cost its payer a fee (C6).
        """
        rial = {
            name: Money(whole(value, f"{name}_rial", _MOST)) for name in ("least", "most", "most_a_day", "fee_most")
        }
        minutes = {
            name: timedelta(minutes=whole(value, f"{name}_minutes", _LONGEST_MINUTES))
            for name in ("pay_within", "attempt", "look")
        }
        hours = {
            name: timedelta(hours=whole(value, f"{name}_hours", _LONGEST_HOURS))
            for name in ("unclear", "return", "settle_remind", "settle_expire")
        }
        if not rial["least"] <= rial["most"] <= rial["most_a_day"]:
            raise ValueError("least_rial, most_rial and most_a_day_rial rise")
        if minutes["look"] >= minutes["attempt"] or hours["settle_remind"] >= hours["settle_expire"]:
            raise ValueError("a look comes before the end of an attempt, a reminder before its expiry")
        bears = _names(value, "payer_bears_fee")
        if barred := FREE_FOR_PAYER & set(bears):
            raise ValueError(f"payer_bears_fee: never {', '.join(sorted(barred))}")
        return cls(
            least=rial["least"],
            most=rial["most"],
            most_a_day=rial["most_a_day"],
            attempts=whole(value, "attempts", 20),
            pay_within=minutes["pay_within"],
            attempt_life=minutes["attempt"],
            look_after=minutes["look"],
            unclear_for=hours["unclear"],
            return_for=hours["return"],
            settle_remind=hours["settle_remind"],
            settle_expire=hours["settle_expire"],
            gateways=_names(value, "gateways"),
            own_card=frozenset(_names(value, "own_card")),
            payer_bears_fee=frozenset(bears),
            fee_ppm=whole(value, "fee_ppm", _PARTS),
            fee_most=rial["fee_most"],
        )

    def fee_of(self, amount: Money, purposes: Collection[str]) -> Money:
        """What the payer bears of the gateway's fee: for a payment whose every purpose says so, else nothing (C6)."""
        if not set(purposes) <= self.payer_bears_fee:
            return Money(0)
        return min(amount.share(self.fee_ppm, _PARTS), self.fee_most)

    def needs_own_card(self, purposes: Collection[str]) -> bool:
        """Whether only the payer's own card may pay."""
        return not self.own_card.isdisjoint(purposes)

    def usable(self, known: Collection[str], first: str | None = None) -> list[str]:
        """The gateways that take new payments among those that are set up, in their order; ``first`` comes first."""
        listed = [name for name in self.gateways if name in known]
        return sorted(listed, key=lambda name: name != first)


def whole(value: Mapping[str, Any], name: str, most: int, *, least: int = 1) -> int:
    """A value of a policy that is a whole number within bounds. Raises ValueError."""
    found = value.get(name)
    if type(found) is not int or not least <= found <= most:
        raise ValueError(f"{name}: a whole number from {least} to {most}")
    return found


def _names(value: Mapping[str, Any], name: str) -> tuple[str, ...]:
    found = value.get(name)
    if not isinstance(found, Sequence) or isinstance(found, str) or not all(isinstance(one, str) for one in found):
        raise ValueError(f"{name}: a list of names")
    return tuple(found)


# How long until the gateway is asked again: soon while the bank may still give the money back by itself, then rarely.
_SOON: Final = timedelta(minutes=30)
_FIRST: Final = timedelta(seconds=2)
_MINUTE: Final = timedelta(minutes=1)
_RARELY: Final = timedelta(minutes=10)
_TOLD_AFTER: Final = timedelta(minutes=5)


def ask_again_in(unclear: timedelta) -> timedelta:
    """The pause before the next question, by how long it has been unclear already: it doubles up to a minute."""
    if unclear >= _SOON:
        return _RARELY
    return min(max(unclear, _FIRST), _MINUTE)


def tells_unclear(since: datetime | None, asked: datetime | None, now: datetime) -> bool:
    """Whether the payer is told now that nobody knows yet: once, and not of a trouble that passes within minutes."""
    return since is not None and asked is not None and asked - since < _TOLD_AFTER <= now - since


_PAY: Final = Sentence("مبلغ را در درگاه بانک می‌پردازید.", "You pay at the bank.")
_CHECK: Final = Sentence("پرداخت از بانک پرسیده می‌شود.", "The bank is asked about the payment.")
_TAKE: Final = Sentence("مبلغ به مورد پرداخت می‌رسد.", "The money goes to what was paid for.")
_BEGUN: Final[Mapping[str, int]] = {
    Phase.AWAITING_LINK: 0,
    Phase.AT_BANK: 0,
    Phase.AWAITING_PAYER: 0,
    Phase.UNCLEAR: 1,
    Phase.AWAITING_SETTLEMENT: 1,
    Phase.RECEIVED: 2,
}


def _steps_ahead(phase: str, _programme: Programme | None) -> list[Sentence]:
    return [_PAY, _CHECK, _TAKE][_BEGUN[phase] :] if phase in _BEGUN else []


WORDS: Final = CapabilityWords(
    kinds={CaseKind.PAYMENT: Sentence("پرداخت از درگاه", "Payment through a gateway")},
    phases={
        CaseKind.PAYMENT: {
            Phase.AWAITING_LINK: Sentence("در حال گرفتن نشانی درگاه", "The gateway is being asked for a link"),
            Phase.AT_BANK: Sentence("در درگاه بانک", "At the bank"),
            Phase.AWAITING_PAYER: Sentence("پرداخت نشد؛ می‌توانید دوباره تلاش کنید", "Not paid; you may try again"),
            Phase.UNCLEAR: Sentence("هنوز نمی‌دانیم پرداخت شده است یا نه", "It is not known yet whether it was paid"),
            Phase.AWAITING_SETTLEMENT: Sentence("در انتظار پیگیری امور تسویه", "The settlement office looks into it"),
            Phase.RECEIVED: Sentence("پرداخت شد؛ در حال ثبت", "Paid; being recorded"),
            Phase.RETURNING: Sentence("در حال بازگرداندن مبلغ", "The money is on its way back"),
            Phase.AWAITING_PAYOUT: Sentence(
                "در انتظار واریز به شبای شما", "Waits for the pay-out to the payer's sheba"
            ),
            Phase.AWAITING_RETURN: Sentence("در انتظار بازپرداخت امور تسویه", "The settlement office pays it back"),
            Phase.PAID: Sentence("پرداخت شد", "Paid"),
            Phase.PARTLY_RETURNED: Sentence("بخشی پرداخت و بقیه بازگردانده شد", "Paid in part, the rest given back"),
            Phase.RETURNED: Sentence("مبلغ بازگردانده شد", "The money was given back"),
            Phase.NOT_PAID: Sentence("پرداخت نشد", "Not paid"),
        },
    },
    tasks={
        TaskKind.SETTLE_PAYMENT: TaskWords(
            Sentence("پیگیری پرداختی که نتیجه‌اش معلوم نیست", "Look into a payment whose outcome is not known"),
            sms="امانت: نتیجهٔ یک پرداخت از درگاه معلوم نشده و منتظر پیگیری شماست. کارتابل: {app_link}",
            reminder="امانت: یادآوری؛ نتیجهٔ یک پرداخت از درگاه هنوز پیگیری نشده است. {app_link}",
            outcomes={
                FactKind.PAYMENT_ASKED_AGAIN: Sentence(
                    "پرسش دوباره از درگاه را خواست", "had the gateway asked once more"
                ),
                FactKind.PAYMENT_GIVEN_UP: Sentence("پرداخت را انجام‌نشده ثبت کرد", "recorded that nothing was paid"),
            },
        ),
        TaskKind.RETURN_PAYMENT: TaskWords(
            Sentence("بازپرداخت مبلغی که درگاه برنگرداند", "Pay back what the gateway could not give back"),
            sms="امانت: بازپرداخت یک مبلغ که درگاه برنگرداند منتظر شماست. کارتابل: {app_link}",
            reminder="امانت: یادآوری؛ بازپرداخت یک مبلغ هنوز انجام نشده است. {app_link}",
            outcomes={
                FactKind.PAYMENT_RETURNED_BY_HAND: Sentence("بازپرداخت را ثبت کرد", "recorded that it was paid back"),
            },
            reasons=RefundReason,
        ),
        TaskKind.CONFIRM_RETURN: TaskWords(
            Sentence("تأیید بازپرداختی که همکارتان ثبت کرد", "Confirm that it was paid back as a colleague recorded"),
            sms="امانت: بازپرداختی که همکارتان ثبت کرد منتظر تأیید شماست. کارتابل: {app_link}",
            reminder="امانت: یادآوری؛ بازپرداختی که همکارتان ثبت کرد هنوز تأیید نشده است. {app_link}",
            outcomes={
                FactKind.PAYMENT_RETURN_CONFIRMED: Sentence(
                    "بازپرداخت را تأیید کرد", "confirmed that it was paid back"
                ),
                FactKind.PAYMENT_RETURN_REJECTED: Sentence("بازپرداخت را تأیید نکرد", "did not confirm it"),
            },
            reasons=RefundReason,
        ),
    },
    timeline={
        FactKind.PAYMENT_ATTEMPTED: Sentence("پرداخت آغاز شد.", "A payment was begun."),
        FactKind.PAYMENT_LOOKED_AT: Sentence(
            "پرداخت‌کننده خواست نتیجه از بانک پرسیده شود.", "The payer had the bank asked."
        ),
        FactKind.PAYMENT_ASKED_AGAIN: Sentence(
            "امور تسویه خواست از درگاه دوباره پرسیده شود.", "The settlement office had the gateway asked once more."
        ),
        FactKind.PAYMENT_GIVEN_UP: Sentence(
            "امور تسویه پس از پیگیری، پرداخت را انجام‌نشده ثبت کرد.",
            "The settlement office looked into it: nothing was paid.",
        ),
        FactKind.PAYMENT_RETURNED_BY_HAND: Sentence(
            "امور تسویه بازپرداخت مبلغ را ثبت کرد.", "The settlement office recorded that it paid the money back."
        ),
        Event.PAYMENT_LINK_GIVEN: Sentence("درگاه بانک آمادهٔ پرداخت شد.", "The gateway is ready."),
        Event.PAYMENT_LINK_REFUSED: Sentence("هیچ درگاهی در دسترس نبود.", "No gateway was to be reached."),
        Event.PAYMENT_CALLED_BACK: Sentence("پرداخت‌کننده از بانک برگشت.", "The payer came back."),
        Event.PAYMENT_ATTEMPT_FAILED: Sentence("پرداخت نشد: {end:AttemptEnd}.", "Not paid: {end:AttemptEnd}."),
        Event.PAYMENT_UNCLEAR: Sentence(
            "بانک هنوز نگفته است که پرداخت انجام شد یا نه؛ پیوسته از آن می‌پرسیم.",
            "The bank has not said yet whether it was paid; we go on asking.",
        ),
        Event.PAYMENT_RECEIVED: Sentence(
            "بانک پرداخت {amount:toman} را تأیید کرد.", "The bank confirmed {amount:toman}."
        ),
        Event.PAYMENT_RETURNING: Sentence(
            "{amount:toman} به پرداخت‌کننده برمی‌گردد: {reason:RefundReason}.",
            "{amount:toman} goes back to the payer: {reason:RefundReason}.",
        ),
        Event.PAYMENT_RETURNED: Sentence(
            "{amount:toman} به پرداخت‌کننده برگشت.", "{amount:toman} went back to the payer."
        ),
        Event.PAYMENT_ENDED: Sentence("این پرداخت بسته شد.", "This payment was closed."),
    },
    sms={
        Event.PAYMENT_UNCLEAR: (
            "امانت: بانک هنوز نتیجهٔ پرداخت شما را نگفته است. دوباره پرداخت نکنید؛ نتیجه را پیامک می‌کنیم. {app_link}"
        ),
        Event.PAYMENT_RECEIVED: "امانت: پرداخت شما به مبلغ {amount} انجام شد. پیگیری: {app_link}",
        Event.PAYMENT_RETURNING: (
            "امانت: {amount} از پرداخت شما پذیرفته نشد و به کارت شما برمی‌گردد. جزئیات: {app_link}"
        ),
        Event.PAYMENT_RETURNED: "امانت: {amount} به شما بازپرداخت شد. جزئیات: {app_link}",
    },
    ahead={CaseKind.PAYMENT: _steps_ahead},
    terms={
        GatewayName: {
            GatewayName.ZARINPAL: Sentence("زرین‌پال", "ZarinPal"),
            GatewayName.ZIBAL: Sentence("زیبال", "Zibal"),
            GatewayName.LOCAL: Sentence("بانک آزمایشی", "Trial bank"),
        },
        TryState: {
            TryState.REQUESTED: Sentence("در حال گرفتن نشانی درگاه", "the gateway is being asked"),
            TryState.OPEN: Sentence("هنوز پرداخت نشده است", "not paid yet"),
            TryState.UNCLEAR: Sentence("هنوز نمی‌دانیم پرداخت شده است یا نه", "not known yet"),
            TryState.PAID: Sentence("پرداخت شد", "paid"),
            TryState.NOT_PAID: Sentence("پرداخت نشد", "not paid"),
            TryState.FAILED: Sentence("درگاه در دسترس نبود", "no gateway was to be reached"),
            TryState.GIVEN_UP: Sentence(
                "پس از پیگیری، انجام‌نشده ثبت شد", "recorded as not paid after it was looked into"
            ),
        },
        ShareState: {
            ShareState.OPEN: Sentence("در انتظار پرداخت", "waits for the payment"),
            ShareState.OFFERED: Sentence("در حال ثبت", "being recorded"),
            ShareState.TAKEN: Sentence("ثبت شد", "recorded"),
            ShareState.REFUSED: Sentence("دیگر در جریان نیست", "not open any more"),
            ShareState.REFUNDED: Sentence("بازپرداخت", "refunded"),
        },
        AttemptEnd: {
            AttemptEnd.CANCELLED: Sentence("پرداخت‌کننده انصراف داد", "the payer cancelled"),
            AttemptEnd.FAILED: Sentence("بانک نپذیرفت", "the bank refused"),
            AttemptEnd.EXPIRED: Sentence("مهلت درگاه گذشت", "the time at the gateway ran out"),
            AttemptEnd.REVERSED: Sentence("بانک مبلغ را خودش برگرداند", "the bank gave the money back by itself"),
            AttemptEnd.AMOUNT_DIFFERS: Sentence(
                "مبلغ دیگری پرداخت شد و بانک برمی‌گرداند", "another amount was paid, and the bank gives it back"
            ),
            AttemptEnd.UNKNOWN_AUTHORITY: Sentence("درگاه این پرداخت را نمی‌شناسد", "the gateway does not know it"),
        },
    },
)
