"""A member's own bank cards and shebas: what may be added, when one is believed, and its words (docs/rules.md, E3)."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Final

from domain.account import Limit
from domain.errors import Conflict, InvalidInput
from domain.persian import squashed_key
from domain.wording import CapabilityWords, Sentence
from messages.bank_account import Sms

MOST_OF_A_KIND: Final = 10
# The last unanswered inquiry ends it, about two minutes after the first.
INQUIRY_TRIES: Final = 8
# Each inquiry costs money: what one member, and what all together may have asked.
INQUIRIES_PER_MEMBER: Final = Limit("account_inquiries_member", 10, timedelta(days=1))
ACCOUNT_INQUIRIES: Final = Limit("account_inquiries", 1_000, timedelta(hours=1), timedelta(seconds=5), shared=True)


class BankAccountKind(StrEnum):
    """What is added: money comes from a card and goes to a sheba."""

    CARD = "card"
    SHEBA = "sheba"


class BankAccountState(StrEnum):
    """Whether it is believed to be the member's own."""

    CHECKING = "checking"
    CONFIRMED = "confirmed"
    REFUSED = "refused"
    FAILED = "failed"


class WhyNotOwn(StrEnum):
    """Why the bank's answer was no."""

    NOT_OWNER = "not_owner"
    NOT_ACTIVE = "not_active"


class CardUnreadable(InvalidInput):
    """No number of a bank card: not 16 digits, or the check digit is wrong."""

    code = "bad_card"
    fa = "شمارهٔ کارت درست نیست؛ شانزده رقم روی کارت را دوباره وارد کنید."
    en = "The card number is not valid; please enter the sixteen digits on the card again."


class ShebaUnreadable(InvalidInput):
    """No Iranian sheba: not 24 digits after IR, or the checksum is wrong."""

    code = "bad_sheba"
    fa = "شمارهٔ شبا درست نیست؛ IR و بیست‌وچهار رقم پس از آن را دوباره وارد کنید."
    en = "The sheba is not valid; please enter IR and its twenty-four digits again."


class BankAccountKnown(Conflict):
    """The member has added this number already, and it is confirmed or being checked."""

    code = "bank_account_known"
    fa = "این شماره را پیش‌تر ثبت کرده‌اید."
    en = "You have added this number already."


class TooManyBankAccounts(Conflict):
    """The member has as many of this kind as may be kept."""

    code = "too_many_bank_accounts"
    fa = "بیش از {most} شماره ثبت نمی‌شود؛ نخست یکی را حذف کنید."
    en = "No more than {most} can be kept; remove one first."


class BankAccountUnconfirmed(Conflict):
    """Only what the bank has confirmed can be chosen."""

    code = "bank_account_unconfirmed"
    fa = "این شماره هنوز تأیید نشده است و نمی‌توان آن را برگزید."
    en = "This number is not confirmed, so it cannot be chosen."


def same_person(one: str, another: str) -> bool:
    """Whether two full names, as a bank and we write them, are one: forms of letters, spaces and marks fold away."""
    key = squashed_key(one)
    return key != "" and key == squashed_key(another)


_TELL_SUPPORT: Final = " اگر شما نبوده‌اید، همین حالا با پشتیبانی تماس بگیرید."

WORDS: Final = CapabilityWords(
    sms={
        Sms.SHEBA_ADDED: f"امانت: شمارهٔ شبایی که به {{last_four}} ختم می‌شود به حساب شما افزوده شد.{_TELL_SUPPORT}",
        Sms.SHEBA_REMOVED: f"امانت: شمارهٔ شبایی که به {{last_four}} ختم می‌شود از حساب شما حذف شد.{_TELL_SUPPORT}",
        Sms.SHEBA_CHOSEN: (
            f"امانت: از این پس پول شما به شبایی واریز می‌شود که به {{last_four}} ختم می‌شود.{_TELL_SUPPORT}"
        ),
    },
    terms={
        BankAccountKind: {
            BankAccountKind.CARD: Sentence("کارت بانکی", "Bank card"),
            BankAccountKind.SHEBA: Sentence("شمارهٔ شبا", "Sheba"),
        },
        BankAccountState: {
            BankAccountState.CHECKING: Sentence("در حال استعلام از بانک", "Being checked with the bank"),
            BankAccountState.CONFIRMED: Sentence("تأیید شد", "Confirmed"),
            BankAccountState.REFUSED: Sentence("پذیرفته نشد", "Refused"),
            BankAccountState.FAILED: Sentence(
                "استعلام ممکن نشد؛ دوباره ثبت کنید", "It could not be checked; add it again"
            ),
        },
        WhyNotOwn: {
            WhyNotOwn.NOT_OWNER: Sentence("به نام شما نیست", "It is not in your name"),
            WhyNotOwn.NOT_ACTIVE: Sentence("این حساب فعال نیست", "The account is not active"),
        },
    },
)
