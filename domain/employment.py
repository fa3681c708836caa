"""What is said of an employment: its state, that its data were corrected, and why they were not (A3, A13)."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from domain.errors import Conflict, Forbidden, InvalidInput
from domain.personnel.rows import REFUSALS
from domain.wording import CapabilityWords, Sentence
from messages.employment import Sms


class EmploymentStatus(StrEnum):
    """Where somebody works, as an organisation sees it."""

    EMPLOYED = "employed"
    EMPLOYED_ELSEWHERE = "employed_elsewhere"
    EXIT_REPORTED = "exit_reported"
    LEFT = "left"
    MOBILE_DISPUTED = "mobile_disputed"


class MobileDisputed(Conflict):
    """The organisation lists another mobile for the person than they sign in with: nothing rests on it now (A1).

    Its name is not told: a person who signs in as them need not be the one whom it employs.
    """

    code = "mobile_disputed"
    fa = (
        "شمارهٔ همراه مورد اختلاف است: سازمان شمارهٔ دیگری برای شما اعلام کرده است. تا روشن شدن آن، کاری که به"
        " حقوقِ آن سازمان بسته است پیش نمی‌رود؛ به واحد رفاه سازمان خود مراجعه کنید."
    )
    en = (
        "Your organisation lists another mobile for you. Until this is settled, nothing that rests on its pay goes on;"
        " please ask your welfare office."
    )


class EmployeeMobileDisputed(Conflict):
    """The list has another mobile for the employee than they sign in with: no certificate is issued for them (A1)."""

    code = "employee_mobile_disputed"
    fa = (
        "شمارهٔ همراه این همکار مورد اختلاف است؛ تا یکی شدن شماره با فهرست سازمان، گواهی صادر نمی‌شود. شمارهٔ درست"
        " را با فهرست کارکنان یا از راه رفاه سازمان بفرستید."
    )
    en = (
        "Your list has another mobile for this employee than they sign in with; no certificate is issued before this is"
        " settled. Send the right number with a personnel file or by the welfare office."
    )


class HireDateImpossible(InvalidInput):
    """The hire date lies in the future or more than a working life ago (A13)."""

    code = "bad_date"
    fa = "تاریخ استخدام درست نیست؛ تاریخ آینده یا بیش از ۶۰ سال پیش پذیرفته نمی‌شود."
    en = "The hire date lies in the future or more than 60 years ago."


class NetPayImpossible(InvalidInput):
    """The net pay is no whole number of rial above zero and within bounds (A13)."""

    code = "bad_amount"
    fa, en = REFUSALS["bad_amount"]


class OwnEmployment(Forbidden):
    """Nobody corrects their own pay, region or hire date."""

    code = "own_employment"
    fa = "اطلاعات شغلی خودتان را همکار دیگری باید اصلاح کند."
    en = "A colleague has to correct your own employment."


class EmploymentEnded(Conflict):
    """The person has left; a file that lists them again brings them back."""

    code = "employment_ended"
    fa = "همکاری این فرد پایان یافته است؛ اگر بازگشته است، او را با فهرست کارکنان دوباره ثبت کنید."
    en = "This employment has ended; a person who is back is listed again by a personnel file."


class NothingToCorrect(Conflict):
    """No value differs from what stands."""

    code = "nothing_to_correct"
    fa = "مقدارهای فرستاده‌شده با آنچه ثبت شده یکی است؛ چیزی برای اصلاح نیست."
    en = "The values are those that stand already; there is nothing to correct."


WORDS: Final = CapabilityWords(
    sms={
        Sms.EMPLOYMENT_CORRECTED: (
            "امانت: منابع انسانی سازمان شما اطلاعات شغلی شما (خالص دریافتی، منطقه یا تاریخ"
            " استخدام) را اصلاح کرد. اگر درست نیست، به منابع انسانی سازمان خود بگویید."
        ),
    },
    terms={
        EmploymentStatus: {
            EmploymentStatus.EMPLOYED: Sentence("در همین سازمان شاغل است", "works there"),
            EmploymentStatus.EMPLOYED_ELSEWHERE: Sentence("در سازمان دیگری شاغل است", "works for another organisation"),
            EmploymentStatus.EXIT_REPORTED: Sentence(
                "پایان همکاری گزارش شده است", "the end of the employment was reported"
            ),
            EmploymentStatus.LEFT: Sentence("دیگر شاغل نیست", "no longer works there"),
            EmploymentStatus.MOBILE_DISPUTED: Sentence(
                "شمارهٔ همراه او مورد اختلاف است", "the organisation lists another mobile"
            ),
        },
    },
)
