"""A member's profile: e-mail and password, which are both optional (docs/rules.md, G1)."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

from domain.account import Limit
from domain.errors import InvalidInput, Unauthenticated
from domain.wording import CapabilityWords, MailText, Sentence
from messages.profile import Sms

# As for staff, but that a password alone opens the account: from strangers' devices few in all are looked at.
PASSWORD_TRIES_PER_ADDRESS: Final = Limit("password_address", 60, timedelta(minutes=15), timedelta(seconds=5))
PASSWORD_TRIES_PER_PERSON: Final = Limit("password_person_address", 10, timedelta(minutes=15), timedelta(minutes=1))
PASSWORD_TRIES_EVERYWHERE: Final = Limit(
    "password_person", 50, timedelta(minutes=15), timedelta(seconds=10), shared=True
)
PASSWORD_TRIES_PER_DEVICE: Final = Limit("password_device", 10, timedelta(minutes=15))
EMAILS_PER_PERSON: Final = Limit("email_codes", 5, timedelta(hours=1))

_EMAIL: Final = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,24}")
_EMAIL_MAX: Final = 200

RENEWAL_SENT: Final = Sentence(
    "اگر این مشخصات از آنِ عضوی باشد که گذرواژه دارد، کد برایش فرستاده شد.",
    "If these details belong to a member who has a password, a code was sent.",
)


class BadEmail(InvalidInput):
    """No e-mail address."""

    code = "bad_email"
    fa = "نشانی ایمیل درست نیست؛ آن را مانند name@example.com وارد کنید."
    en = "The e-mail address is not valid; please enter it like name@example.com."


class PasswordRefused(Unauthenticated):
    """National id and password do not belong together; which one is wrong is not told (G1)."""

    code = "password_refused"
    fa = "ورود ممکن نشد؛ کد ملی و گذرواژه را بررسی کنید."
    en = "Sign-in was refused; check the national id and the password."


def parse_email(text: str, *, field: str = "email") -> str:
    """Read an e-mail address; the host in small letters. Raises BadEmail."""
    address = text.strip()
    if len(address) > _EMAIL_MAX or not _EMAIL.fullmatch(address):
        raise BadEmail(field=field)
    name, _, host = address.rpartition("@")
    return f"{name}@{host.lower()}"


def mask_email(address: str) -> str:
    """An address of which only the beginning and the host are told."""
    name, _, host = address.rpartition("@")
    return f"{name[:2]}***@{host}"


WORDS: Final = CapabilityWords(
    sms={
        Sms.EMAIL_CHANGED: "امانت: نشانی ایمیل حساب شما ثبت شد. اگر شما نبوده‌اید، زود با پشتیبانی تماس بگیرید.",
        Sms.EMAIL_REMOVED: "امانت: نشانی ایمیل حساب شما حذف شد. اگر شما نبوده‌اید، زود با پشتیبانی تماس بگیرید.",
        Sms.PASSWORD_SET: (
            "امانت: برای حساب شما گذرواژهٔ تازه‌ای گذاشته شد و نشست‌های دیگر پایان یافت."
            " اگر شما نبوده‌اید، همین حالا با پشتیبانی تماس بگیرید."
        ),
        Sms.PASSWORD_REMOVED: (
            "امانت: گذرواژهٔ حساب شما حذف شد و ورود تنها با پیامک است."
            " اگر شما نبوده‌اید، همین حالا با پشتیبانی تماس بگیرید."
        ),
    },
    mails={
        Sms.EMAIL_CHANGED: MailText(
            Sentence("نشانی ایمیل شما در امانت ثبت شد", "Your e-mail address is on record at Amanat"),
            Sentence(
                "از این پس برخی پیام‌های امانت به این نشانی هم فرستاده می‌شود.\n"
                "اگر شما این نشانی را ثبت نکرده‌اید، زود با پشتیبانی امانت تماس بگیرید.",
                "From now on some messages from Amanat come to this address too.\n"
                "If it was not you who recorded this address, please call Amanat's support soon.",
            ),
        ),
    },
)
