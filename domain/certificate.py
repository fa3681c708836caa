"""Deduction certificates (docs/rules.md, A12): what stops them, and their words."""

from __future__ import annotations

from datetime import date
from typing import Final

from domain.dates import MONTHS_A_YEAR, add_months, to_jalali
from domain.errors import Conflict, InvalidInput
from domain.onboarding import Obstacle
from domain.wording import OWNER, CapabilityWords, Line, Sentence, TaskWords
from messages.certificate import Event, FactKind, TaskKind

# The longest a certificate may be dated ahead, in years: a slip of the pen must not bind for decades.
CERTIFICATE_YEARS_MAX = 5


class CertificateTooHigh(InvalidInput):
    """A certificate for more than was applied for."""

    code = "certificate_above_application"
    fa = "مبلغ یا تعداد ماه‌های گواهی بیش از درخواست است."
    en = "The certificate is for more than was applied for."


class CertificateExpired(InvalidInput):
    """The certificate would not be valid any more."""

    code = "certificate_valid_until_past"
    fa = "تاریخ اعتبار گواهی گذشته است یا بیش از اندازه دور است."
    en = "The certificate's last day has passed, or is too far ahead."


class CertificateRevoked(Conflict):
    """The certificate was revoked at ``ended_at``."""

    code = "certificate_revoked"
    fa = "این گواهی {ended_at} لغو شده است."
    en = "This certificate was revoked on {ended_at}."


def check_certificate_day(valid_until: date, today: date) -> None:
    """A certificate must be valid today and end within five years.

    Raises:
        CertificateExpired: it does not.
    """
    latest = add_months(to_jalali(today), CERTIFICATE_YEARS_MAX * MONTHS_A_YEAR).to_gregorian()
    if not today <= valid_until <= latest:
        raise CertificateExpired(field="valid_until")


WORDS: Final = CapabilityWords(
    tasks={
        TaskKind.ISSUE_CERTIFICATE: TaskWords(
            Sentence("صدور گواهی کسر از حقوق", "Issue the deduction certificate"),
            sms="امانت: یک درخواست گواهی کسر از حقوق منتظر شماست. کارتابل: {app_link}",
            reminder="امانت: یادآوری؛ یک درخواست گواهی کسر از حقوق هنوز بی‌پاسخ است. {app_link}",
            outcomes={
                FactKind.CERTIFICATE_ISSUED: Sentence("گواهی کسر از حقوق را صادر کرد", "issued the certificate"),
                FactKind.CERTIFICATE_REFUSED: Sentence("صدور گواهی را نپذیرفت", "refused to issue the certificate"),
            },
            reasons=Obstacle,
        ),
    },
    timeline={
        Event.CERTIFICATE_REQUESTED: Line(
            Sentence(
                "از منابع انسانی سازمان گواهی کسر از حقوق خواسته شد.",
                "The organisation's HR was asked for the deduction certificate.",
            ),
            seen_by=OWNER,
        ),
        Event.CERTIFICATE_REQUESTED_AGAIN: Line(
            Sentence(
                "از منابع انسانی سازمان دوباره گواهی کسر از حقوق خواسته شد: {reason:Obstacle}.",
                "The organisation's HR was asked for another deduction certificate: {reason:Obstacle}.",
            ),
            seen_by=OWNER,
        ),
        FactKind.CERTIFICATE_ISSUED: Line(
            Sentence(
                (
                    "گواهی کسر از حقوق برای ماهی {monthly:toman} و {instalments} ماه، با اعتبار تا"
                    " {valid_until:day} صادر شد."
                ),
                (
                    "The deduction certificate was issued: {monthly:toman} a month, {instalments} months,"
                    " valid until {valid_until:day}."
                ),
            ),
            seen_by=OWNER,
        ),
        FactKind.CERTIFICATE_REFUSED: Line(
            Sentence(
                "منابع انسانی گواهی صادر نکرد: {reason:RefusalReason}.",
                "HR did not issue the certificate: {reason:RefusalReason}.",
            ),
            seen_by=OWNER,
        ),
        FactKind.CERTIFICATE_REVOKED: Line(
            Sentence(
                "گواهی کسر از حقوق لغو شد؛ خرید تازه ممکن نیست.", "The certificate was revoked; no new purchases."
            ),
            seen_by=OWNER,
        ),
    },
    sms={
        Event.CERTIFICATE_REQUESTED_AGAIN: (
            "امانت: گواهی کسر از حقوق پیشین معتبر نبود و گواهی تازه‌ای خواسته شد. جزئیات: {app_link}"
        ),
        FactKind.CERTIFICATE_REVOKED: "امانت: گواهی کسر از حقوق شما لغو شد و خرید تازه با این اعتبار ممکن نیست.",
    },
)
