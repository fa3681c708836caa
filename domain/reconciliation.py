"""Where cases and processes disagree, what does not get on: processes, gateways, schedules; the words (H8)."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from domain.errors import Conflict
from domain.wording import CapabilityWords, Sentence


class FindingKind(StrEnum):
    """How case and process disagree, why that one does not get on, what it left; troubles of gateways and schedules."""

    PROCESS_MISSING = "process_missing"
    PROCESS_ENDED_EARLY = "process_ended_early"
    PROCESS_OUTLIVES_CASE = "process_outlives_case"
    PROCESS_FAILS = "process_fails"
    PROCESS_TIMES_OUT = "process_times_out"
    PROCESS_MISFITS = "process_misfits"
    STEP_FAILS = "step_fails"
    GATEWAY_REFUSES = "gateway_refuses"
    GATEWAY_NOT_SET_UP = "gateway_not_set_up"
    GATEWAY_FAILS = "gateway_fails"
    MONEY_IN_SUSPENSE = "money_in_suspense"
    ERASURE_LATE = "erasure_late"
    SCHEDULE_FAILS = "schedule_fails"
    SCHEDULE_STANDS = "schedule_stands"


class ScheduleName(StrEnum):
    """What is begun by the clock; the schedules of ``workflows/scheduled.py`` by their names."""

    CLEARING_DAYS = "clearing-days"
    WAITING_WITHDRAWALS = "waiting-withdrawals"
    IDENTITY_RENEWALS = "identity-renewals"


# Why a process may be stuck; for one reason at a time.
STUCK: Final = frozenset(
    {
        FindingKind.PROCESS_FAILS,
        FindingKind.PROCESS_TIMES_OUT,
        FindingKind.PROCESS_MISFITS,
        FindingKind.STEP_FAILS,
    }
)
# What our own rows say, whatever Temporal does.
OF_ROWS: Final = frozenset({FindingKind.MONEY_IN_SUSPENSE, FindingKind.ERASURE_LATE})
OF_SCHEDULES: Final = frozenset({FindingKind.SCHEDULE_FAILS, FindingKind.SCHEDULE_STANDS})
# A step that failed so often in a row does not get on by itself any more; that takes about half a minute.
STEP_TRIES: Final = 5


class NotStuck(Conflict):
    """The process is not stuck, or gets on again: there is nothing to start again."""

    code = "process_not_stuck"
    fa = "این فرایند متوقف نمانده است یا دوباره به راه افتاده است؛ نیازی به شروع دوباره نیست."
    en = "This process is not stuck, or gets on again: it need not be started again."


WORDS: Final = CapabilityWords(
    terms={
        FindingKind: {
            FindingKind.PROCESS_MISSING: Sentence(
                "فرایند این پرونده گم شده بود و دوباره به راه افتاد.", "Its process was missing and was started again."
            ),
            FindingKind.PROCESS_ENDED_EARLY: Sentence(
                "فرایند پایان یافته است، ولی پرونده هنوز باز است.", "Its process ended, though the case is open."
            ),
            FindingKind.PROCESS_OUTLIVES_CASE: Sentence(
                "پرونده چندی پیش بسته شده است، ولی فرایندش هنوز در جریان است.",
                "Its process still runs, though the case was closed a while ago.",
            ),
            FindingKind.PROCESS_FAILS: Sentence(
                "فرایند این پرونده متوقف مانده است: برنامه هر بار پیش از گام بعدی خطا می‌دهد.",
                "Its process is stuck: the programme fails each time before the next step.",
            ),
            FindingKind.PROCESS_TIMES_OUT: Sentence(
                "فرایند این پرونده متوقف مانده است: گام بعدی‌اش هر بار بیش از مهلت طول می‌کشد.",
                "Its process is stuck: the next step takes longer than it may each time.",
            ),
            FindingKind.PROCESS_MISFITS: Sentence(
                "فرایند این پرونده متوقف مانده است: نسخهٔ کنونی برنامه با آنچه در آن گذشته است نمی‌خواند.",
                "Its process is stuck: this version of the programme does not fit what has happened in it.",
            ),
            FindingKind.STEP_FAILS: Sentence(
                "فرایند این پرونده متوقف مانده است: گام بعدی‌اش هر بار ناموفق است و دوباره آزموده می‌شود.",
                "Its process is stuck: the next step fails each time, and is tried again.",
            ),
            FindingKind.GATEWAY_REFUSES: Sentence(
                "درگاه ما را نمی‌شناسد: کلید پذیرنده و وضعیت پایانه را بررسی کنید.",
                "The gateway does not know us: check the merchant's key and the terminal.",
            ),
            FindingKind.GATEWAY_NOT_SET_UP: Sentence(
                "پرداختی از این درگاه در جریان است، ولی درگاه دیگر در تنظیمات نیست.",
                "A payment by it is under way, but it is in the settings no more.",
            ),
            FindingKind.GATEWAY_FAILS: Sentence(
                "برنامه در گفت‌وگو با این درگاه خطا می‌دهد؛ نتیجهٔ پرداخت‌های آن فعلاً نامعلوم می‌ماند.",
                "The programme fails when it speaks to it; what became of its payments is not known meanwhile.",
            ),
            FindingKind.MONEY_IN_SUSPENSE: Sentence(
                "وجهی در این پرونده معلق مانده است و کاری برای تعیین تکلیف آن در جریان نیست.",
                "Money of this case stands apart, and nothing is under way that moves it.",
            ),
            FindingKind.ERASURE_LATE: Sentence(
                "گذرواژه‌ای که در این پرونده سپرده شده بود باید پاک می‌شد و هنوز پاک نشده است.",
                "A secret that was entrusted in this case should have been erased, and is not yet.",
            ),
            FindingKind.SCHEDULE_FAILS: Sentence(
                "این کار سر وقت آغاز شد ولی پیش نمی‌رود: هر بار ناموفق است یا نیمه‌کاره ماند.",
                "It was begun, but does not get on: it fails each time, or was ended before it was done.",
            ),
            FindingKind.SCHEDULE_STANDS: Sentence(
                "این کار سر وقت آغاز نمی‌شود: زمان‌بندی‌اش در سرور فرایندها نیست، نگه داشته شده یا نوبتش گذشته است.",
                "It is not begun in time: its schedule is missing on the process server, paused or late.",
            ),
        },
        ScheduleName: {
            ScheduleName.CLEARING_DAYS: Sentence(
                "آغاز تطبیق روزانه با درگاه‌ها", "Each morning: the comparison of past days with the gateways"
            ),
            ScheduleName.WAITING_WITHDRAWALS: Sentence(
                "یادآوری روزانهٔ برداشت‌های در انتظار", "Each morning: the reminder of withdrawals that wait"
            ),
            ScheduleName.IDENTITY_RENEWALS: Sentence(
                "درخواست روزانهٔ تمدید احراز هویت", "Each morning: the request to renew identities that end soon"
            ),
        },
    },
)
