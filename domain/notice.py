"""Notices: how their text is made of a template, why one did not arrive, and how often one is sent (A9, G4)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from enum import StrEnum
from string import Formatter
from typing import Final, Literal

from domain.access import Role
from domain.account import CodePurpose, Limit, code_text
from domain.catalogue import words
from domain.errors import Conflict
from domain.wording import Sentence

# What the values of a notice are: text, or an amount of rial that an e-mail writes in its own language.
Value = str | int
Language = Literal["fa", "en"]

# Whoever gets the same SMS again and again is not served.
RESENDS_PER_NOTICE: Final = Limit("notice_resends", 3, timedelta(hours=1))

# Why a message did not arrive, by the beginning of the code; the first that fits counts.
_FAILURES: Final = {
    "no_number": Sentence(
        "شمارهٔ همراهی از گیرنده ثبت نشده است. پس از ثبت شماره به دست سازمانش، پیام را می‌توان دوباره فرستاد.",
        "No mobile of the recipient is on record. Once their organisation records one, it can be sent again.",
    ),
    "no_address": Sentence(
        "گیرنده نشانی ایمیل تأییدشده‌ای ندارد. پس از تأیید نشانی به دست خودش، پیام را می‌توان دوباره فرستاد.",
        "The recipient has no confirmed e-mail address. Once they confirm one, it can be sent again.",
    ),
    "no_mail": Sentence("فرستادن ایمیل در این سامانه راه‌اندازی نشده است.", "No e-mail is sent by this installation."),
    "bad_address": Sentence("نشانی ایمیل گیرنده درست نیست.", "The recipient's e-mail address is not valid."),
    "smtp_53": Sentence(
        "سرور ایمیل نام کاربری یا گذرواژهٔ سامانه را نپذیرفت.", "The mail server did not take our user and password."
    ),
    "mail_": Sentence("سرور ایمیل پاسخ نداد.", "The mail server could not be reached."),
    "smtp_": Sentence("سرور ایمیل آن را نپذیرفت.", "The mail server did not take it."),
    "no_such_template": Sentence(
        "این متن هنوز نزد سرویس پیامک تعریف نشده است.", "The SMS provider does not know this text yet."
    ),
    "unreachable_": Sentence("سرویس پیامک پاسخ نداد.", "The SMS provider could not be reached."),
    "kavenegar_": Sentence("سرویس پیامک (کاوه‌نگار) آن را نپذیرفت.", "The SMS provider (Kavenegar) did not take it."),
    "smsir_": Sentence("سرویس پیامک (SMS.ir) آن را نپذیرفت.", "The SMS provider (SMS.ir) did not take it."),
    "SendFailed": Sentence("فرستادن آن انجام نشد.", "It could not be sent."),
}
_OTHER_FAILURE: Final = Sentence("هنگام فرستادن آن خطایی رخ داد.", "Something went wrong while it was sent.")

# What is said of a message whose template this version does not know.
_UNKNOWN: Final = "امانت: پیامی برای شما فرستاده شد."
_MEMBER: Final = Sentence("عضو", "member")


class NoticePending(Conflict):
    """The message is being sent already: it is tried until it arrives or fails for good (G4)."""

    code = "notice_pending"
    fa = "این پیام هنوز در صف فرستادن است و نیازی به فرستادن دوباره ندارد."
    en = "This message is still waiting to be sent; it need not be sent again."


class NoticeWithoutNumber(Conflict):
    """No mobile of the recipient is on record, so sending the message again cannot work (G4)."""

    code = "notice_without_number"
    fa = "شمارهٔ همراهی از گیرندهٔ این پیام ثبت نشده است؛ تا ثبت نشود دوباره فرستاده نمی‌شود."
    en = "No mobile of this message's recipient is on record; until there is one it is not sent again."


class NoticeWithoutAddress(Conflict):
    """The recipient has no confirmed e-mail address, so sending the message again cannot work (G4)."""

    code = "notice_without_address"
    fa = "گیرندهٔ این پیام نشانی ایمیل تأییدشده‌ای ندارد؛ تا تأیید نکند دوباره فرستاده نمی‌شود."
    en = "This message's recipient has no confirmed e-mail address; until there is one it is not sent again."


class Channel(StrEnum):
    """How a message goes to people."""

    SMS = "sms"
    MAIL = "mail"


class _Known(dict[str, Value]):
    def __missing__(self, name: str) -> str:
        return "…"


def channels_of(template: str) -> list[Channel]:
    """How a notice goes: by SMS, by e-mail, or by both; one that this version does not know, by SMS."""
    by_sms = template in words.sms or template not in words.mails
    return [Channel.SMS] * by_sms + [Channel.MAIL] * (template in words.mails)


def sms_texts() -> dict[str, str]:
    """Every SMS by its template, with its values in braces: one-time codes and notices."""
    codes = {f"code_{purpose}": code_text(purpose, "{code}") for purpose in CodePurpose}
    return codes | dict(words.sms)


def names_in(text: str) -> list[str]:
    """The names of the values that a text wants, each once, in alphabetical order."""
    return sorted({name for _, name, _, _ in Formatter().parse(text) if name})


def compose(template: str, values: Mapping[str, Value]) -> str:
    """The text of an SMS, as it is sent; ``app_link`` and ``training_link`` come from the settings (A8).

    Raises:
        KeyError: there is no such template, or a value is missing.
    """
    return words.sms[template].format_map(values)


def compose_mail(template: str, values: Mapping[str, Value], language: Language) -> tuple[str, str]:
    """Subject and text of an e-mail in the recipient's language, with the same values as ``compose``.

    Raises:
        KeyError: there is no such template.
    """
    mail = words.mails[template]
    subject, text = words.fill(mail.subject, values), words.fill(mail.text, values)
    return (subject.en, text.en) if language == "en" else (subject.fa, text.fa)


def retell(channel: str, template: str, values: Mapping[str, Value]) -> str:
    """The Persian text of a notice for somebody who reads it later; what is not known any more stays out."""
    if channel == Channel.MAIL and template in words.mails:
        _, text = compose_mail(template, values, "fa")
        return text
    return words.sms.get(template, _UNKNOWN).format_map(_Known(values))


def recipient_words(roles: Iterable[Role]) -> Sentence:
    """What a recipient is, who is not named: the roles they hold, or a member."""
    held = [words.who(role) for role in roles] or [_MEMBER]
    return Sentence("، ".join(one.fa for one in held), ", ".join(one.en for one in held))


def failure_words(code: str) -> Sentence:
    """Why a message did not arrive, in words, for the operations desk."""
    return next((sentence for begin, sentence in _FAILURES.items() if code.startswith(begin)), _OTHER_FAILURE)
