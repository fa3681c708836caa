"""What is said of an employment: its state, and that its data were corrected (A13)."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from domain.wording import Sentence, Words
from messages.employment import Sms


class Employment(StrEnum):
    """Where somebody works, as an organisation sees it."""

    EMPLOYED = "employed"
    EMPLOYED_ELSEWHERE = "employed_elsewhere"
    EXIT_REPORTED = "exit_reported"
    LEFT = "left"


WORDS: Final = Words(
    sms={
        Sms.EMPLOYMENT_CORRECTED: (
            "امانت: منابع انسانی سازمان شما اطلاعات شغلی شما (خالص دریافتی، منطقه یا تاریخ"
            " استخدام) را اصلاح کرد. اگر درست نیست، به منابع انسانی سازمان خود بگویید."
        ),
    },
    terms={
        Employment: {
            Employment.EMPLOYED: Sentence("در همین سازمان شاغل است", "works there"),
            Employment.EMPLOYED_ELSEWHERE: Sentence("در سازمان دیگری شاغل است", "works for another organisation"),
            Employment.EXIT_REPORTED: Sentence("پایان همکاری گزارش شده است", "the end of the employment was reported"),
            Employment.LEFT: Sentence("دیگر شاغل نیست", "no longer works there"),
        },
    },
)
