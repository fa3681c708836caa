"""Rules of onboarding to credit (docs/rules.md, A): what may be asked for, what stands in the way, and its words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Final

from domain.access import Part, Role
from domain.attachment import AttachmentRules
from domain.correspondence import CorrespondenceRules
from domain.errors import Conflict, Forbidden, InvalidInput
from domain.money import RIAL_A_TOMAN, Money
from domain.programme import Backing, Programme, Review
from domain.review import ReturnReason
from domain.wording import OWNER, CapabilityWords, Line, MailText, Sentence, TaskWords
from messages.attachment import Purpose
from messages.case import CaseKind
from messages.onboarding import Event, FactKind, Phase, TaskKind

# Papers by which HR and finance judge an application; no guarantor sees them (A5).
ATTACHMENTS: Final = AttachmentRules(
    CaseKind.ONBOARDING,
    (Purpose.SUPPORTING_PAPER,),
    staff=frozenset({Role.HR_OFFICER, Role.FINANCE_OFFICER}),
    members=frozenset({Part.APPLICANT}),
)
# HR has nothing to do with a guarantor, and may be their own.
CORRESPONDENCE: Final = CorrespondenceRules(
    CaseKind.ONBOARDING,
    {
        Part.APPLICANT: frozenset({Role.HR_OFFICER, Role.FINANCE_OFFICER}),
        Part.GUARANTOR: frozenset({Role.FINANCE_OFFICER}),
    },
)


class Obstacle(StrEnum):
    """Why a decision cannot take effect now; each goes to the person who can mend it."""

    CONTRACT_NOT_IN_FORCE = "contract_not_in_force"
    NOT_EMPLOYED = "not_employed"
    MOBILE_DISPUTED = "mobile_disputed"
    SHARE_USED_UP = "share_used_up"
    CERTIFICATE_NOT_VALID = "certificate_not_valid"
    GUARANTOR_GONE = "guarantor_gone"
    GUARANTOR_DISPUTED = "guarantor_disputed"


class RefusalReason(StrEnum):
    """Why an employer refuses a deduction certificate (A12), or finance an application (A7)."""

    DEDUCTIONS_EXHAUSTED = "deductions_exhausted"
    EMPLOYMENT_ENDING = "employment_ending"
    COURT_ORDER = "court_order"
    DATA_WRONG = "data_wrong"
    OTHER = "other"


class ProgrammeUnknown(InvalidInput):
    """No such programme."""

    code = "programme_unknown"
    fa = "چنین طرحی وجود ندارد."
    en = "There is no such programme."


class NotOnPersonnelList(Forbidden):
    """The person stands on no personnel list as employed (A1)."""

    code = "not_on_personnel_list"
    fa = "نام شما در فهرست کارکنان هیچ سازمانِ طرف قراردادی نیست؛ به واحد رفاه سازمان خود مراجعه کنید."
    en = "You are not on the personnel list of a contracted organisation; please ask your welfare office."


class ChooseOrganisation(InvalidInput):
    """The person works for several organisations and named none."""

    code = "choose_organisation"
    fa = "شما در بیش از یک سازمان شاغل هستید؛ سازمان را انتخاب کنید."
    en = "You work for more than one organisation; choose one."


class ContractNotInForce(Conflict):
    """The organisation's contract is not in force today (A1)."""

    code = "contract_not_in_force"
    fa = "قرارداد سازمان شما در حال حاضر برقرار نیست و درخواست تازه پذیرفته نمی‌شود."
    en = "The contract of your organisation is not in force; no new application is accepted."


class AmountNotWholeToman(InvalidInput):
    """An amount in rial that is not a whole toman."""

    code = "amount_not_whole_toman"
    fa = "مبلغ باید به تومانِ کامل باشد."
    en = "The amount must be a whole number of toman (10 rial)."


class AmountAboveShare(InvalidInput):
    """The monthly instalment is above what net pay and running credits allow (A2)."""

    code = "amount_above_share"
    fa = "قسط ماهانه بیش از سقف شماست؛ بیشترین مبلغ ممکن {limit} است."
    en = "The monthly instalment is above your limit; the most is {limit_en}."


class TooManyInstalments(InvalidInput):
    """More instalments than the programme allows (A2)."""

    code = "too_many_instalments"
    fa = "تعداد اقساط بیش از حد مجاز است؛ بیشترین تعداد {most} است."
    en = "Too many instalments; the most is {most}."


class MandateOutdated(Conflict):
    """The mandate that was accepted is not the version in force (A2)."""

    code = "mandate_outdated"
    fa = "متن تعهدنامهٔ کسر از حقوق تغییر کرده است؛ نسخهٔ تازه را بخوانید و دوباره تأیید کنید."
    en = "The deduction mandate has a newer version; please read and accept that one."


class ApplicationOpen(Conflict):
    """The person has an open application in this programme (A10)."""

    code = "application_open"
    fa = "شما در این طرح یک درخواست باز دارید؛ تا پایان آن درخواست دیگری ثبت نمی‌شود."
    en = "You have an open application in this programme."


class CreditAlreadyActive(Conflict):
    """The credit has been usable since ``ended_at``; it can no longer be withdrawn (A11)."""

    code = "credit_already_active"
    fa = "اعتبار شما {ended_at} فعال شده است و انصراف دیگر ممکن نیست."
    en = "Your credit became active on {ended_at}; withdrawing is no longer possible."


class MoneyPaused(Conflict):
    """The person's mobile was changed lately: what moves money waits (G2)."""

    code = "money_paused"
    fa = "شمارهٔ همراه شما به‌تازگی تغییر کرده است؛ برای ایمنی، کارهای مالی تا پایان مهلتِ توقف ممکن نیست."
    en = "Your mobile was changed lately; for your safety, money actions pause for a while."


def monthly_limit(programme: Programme, *, net_pay: Money, taken: Money, cap: Money | None) -> Money:
    """The most that a person may choose per month (A2), whole toman, never negative.

    Args:
        programme: whose share of pay counts.
        net_pay: monthly.
        taken: monthly sum of the person's other credits and open applications, all programmes together.
        cap: the organisation's own limit, if it has one.
    """
    room = net_pay.share(*programme.share) - taken
    if cap is not None and cap < room:
        room = cap
    return Money(max(room.amount, 0) // RIAL_A_TOMAN * RIAL_A_TOMAN, room.unit)


def ceiling(monthly: Money, instalments: int) -> Money:
    """The whole of a credit: monthly times count (A2)."""
    return monthly.times(instalments)


def approved_terms(*, limit: Money, asked: Money, certified: Money) -> Money:
    """The monthly amount that becomes usable: the lowest counts (A2)."""
    return min(limit, asked, certified)


def may_withdraw(*, is_open: bool, withdrawn: bool) -> bool:
    """The applicant may withdraw until activation, once (A11)."""
    return is_open and not withdrawn


_HOUR: Final = timedelta(hours=1)
_BACKING: Final = {
    Backing.GUARANTOR: Sentence("ضامن ضمانت را می‌پذیرد یا رد می‌کند.", "The guarantor accepts or refuses."),
    Backing.CERTIFICATE: Sentence(
        "منابع انسانی سازمان گواهی کسر از حقوق را صادر یا رد می‌کند.",
        "The organisation's HR issues or refuses the deduction certificate.",
    ),
}
_REVIEW: Final = Sentence(
    "امور مالی منطقه درخواست را بررسی می‌کند: تأیید، برگشت برای اصلاح، یا رد.",
    "Regional finance reviews the application: it approves, returns it for correction, or refuses.",
)
_WAITING: Final = Sentence(
    "از تأیید تا فعال شدن اعتبار {hours} ساعت می‌گذرد.", "From approval until the credit is usable {hours} hours pass."
)
_USABLE: Final = Sentence(
    "اعتبار فعال می‌شود و شمارهٔ کارت و پیوند برنامه در بخش اعتبار می‌آید.",
    "The credit becomes usable; the card number and the link of the app stand under Credit.",
)

# How many of the steps of an application have begun, by its phase.
_BEGUN: Final[Mapping[str, int]] = {
    Phase.SUBMITTED: 0,
    Phase.AWAITING_ANOTHER_GUARANTOR: 0,
    Phase.AWAITING_CERTIFICATE: 1,
    Phase.AWAITING_GUARANTOR: 1,
    Phase.AWAITING_CORRECTION: 1,
    Phase.AWAITING_REVIEW: 2,
    Phase.AWAITING_ACTIVATION: 3,
    Phase.AWAITING_CLEARANCE: 3,
}


def _steps_ahead(phase: str, programme: Programme | None) -> list[Sentence]:
    """Backing, review, waiting, credit, as the programme asks for them."""
    if phase not in _BEGUN or programme is None:
        return []
    # Less than an hour is not worth a word.
    hours = programme.waiting // _HOUR
    steps: list[Sentence | None] = [
        _BACKING[programme.backing],
        _REVIEW if programme.review is Review.REGION else None,
        _WAITING.fill({"hours": hours}) if hours else None,
        _USABLE,
    ]
    return [step for step in steps[_BEGUN[phase] :] if step is not None]


WORDS: Final = CapabilityWords(
    kinds={
        CaseKind.ONBOARDING: Sentence("درخواست اعتبار", "Credit application"),
    },
    phases={
        CaseKind.ONBOARDING: {
            Phase.SUBMITTED: Sentence("درخواست ثبت شد", "Submitted"),
            Phase.AWAITING_CERTIFICATE: Sentence("در انتظار گواهی کسر از حقوق", "Awaiting the deduction certificate"),
            Phase.AWAITING_GUARANTOR: Sentence("در انتظار پاسخ ضامن", "Awaiting the guarantor's answer"),
            Phase.AWAITING_ANOTHER_GUARANTOR: Sentence(
                "در انتظار معرفی ضامن دیگر", "Awaiting another guarantor's name"
            ),
            Phase.AWAITING_REVIEW: Sentence("در انتظار بررسی امور مالی", "Awaiting the finance office"),
            Phase.AWAITING_CORRECTION: Sentence("برگشت برای اصلاح", "Returned for correction"),
            Phase.AWAITING_ACTIVATION: Sentence("تأیید شد؛ در انتظار فعال شدن", "Approved, awaiting activation"),
            Phase.AWAITING_CLEARANCE: Sentence("در انتظار رفع مانع", "Awaiting clearance of an obstacle"),
            Phase.ACTIVE: Sentence("اعتبار فعال است", "Active"),
            Phase.REFUSED: Sentence("رد شد", "Refused"),
            Phase.WITHDRAWN: Sentence("متقاضی انصراف داد", "Withdrawn"),
            Phase.LAPSED: Sentence("مهلت گذشت", "Lapsed"),
        },
    },
    tasks={
        TaskKind.CORRECT_APPLICATION: TaskWords(
            Sentence("اصلاح درخواست", "Correct the application"),
            sms="امانت: درخواست اعتبار شما برای اصلاح برگشت. دلیل و اصلاح: {app_link}",
            reminder="امانت: یادآوری؛ درخواست اعتبار شما هنوز منتظر اصلاح است. {app_link}",
            outcomes={
                FactKind.APPLICATION_CORRECTED: Sentence(
                    "درخواست اصلاح‌شده را فرستاد", "sent the corrected application"
                ),
            },
            reasons=ReturnReason,
        ),
        TaskKind.CLEAR_OBSTACLE: TaskWords(
            Sentence("رفع مانعِ فعال‌سازی اعتبار", "Clear what blocks the activation"),
            sms="امانت: فعال‌سازی یک اعتبار منتظر رسیدگی شماست. کارتابل: {app_link}",
            reminder="امانت: یادآوری؛ رسیدگی به یک مانع فعال‌سازی هنوز انجام نشده است. {app_link}",
            outcomes={
                FactKind.OBSTACLE_CLEARED: Sentence("مانع را برطرف‌شده اعلام کرد", "said that the obstacle is cleared"),
                FactKind.OBSTACLE_UPHELD: Sentence(
                    "این درخواست را به سبب مانع رد کرد", "refused this application because of the obstacle"
                ),
            },
            reasons=Obstacle,
        ),
    },
    timeline={
        FactKind.APPLICATION_SUBMITTED: Sentence(
            "درخواست اعتبار با قسط ماهانهٔ {monthly:toman} در {instalments} قسط ثبت شد.",
            "Applied for {monthly:toman} a month in {instalments} instalments.",
        ),
        FactKind.APPLICATION_CORRECTED: Sentence(
            "متقاضی درخواست را اصلاح کرد و دوباره فرستاد: ماهی {monthly:toman} در {instalments} قسط.",
            "The applicant corrected and resubmitted: {monthly:toman} a month in {instalments} instalments.",
        ),
        Event.ACTIVATION_PAUSED: Line(
            Sentence(
                (
                    "شمارهٔ همراه به‌تازگی عوض شده است؛ تا {hours} ساعت دیگر اعتبار فعال نمی‌شود و سپس"
                    " خودبه‌خود ادامه می‌یابد."
                ),
                (
                    "The mobile was changed lately; for another {hours} hours no credit is activated,"
                    " then it goes on by itself."
                ),
            ),
            seen_by=OWNER,
        ),
        Event.ACTIVATION_BLOCKED: Line(
            Sentence(
                "فعال‌سازی متوقف ماند: {obstacle:Obstacle}. از کسی که می‌تواند آن را برطرف کند خواستیم رسیدگی کند.",
                "Activation is blocked: {obstacle:Obstacle}. Whoever can mend it was asked.",
            ),
            seen_by=OWNER,
        ),
        Event.DISPUTE_SETTLED: Line(
            Sentence(
                "شمارهٔ همراه دیگر مورد اختلاف نیست؛ درخواست ادامه می‌یابد.",
                "The mobile is no longer disputed; the application goes on.",
            ),
            seen_by=OWNER,
        ),
        FactKind.OBSTACLE_CLEARED: Line(
            Sentence("مانع برطرف شد؛ دوباره بررسی می‌کنیم.", "The obstacle was cleared; checking again."), seen_by=OWNER
        ),
        FactKind.OBSTACLE_UPHELD: Line(
            Sentence("مانع برطرف‌شدنی نبود: {reason:RefusalReason}.", "The obstacle remains: {reason:RefusalReason}."),
            seen_by=OWNER,
        ),
        FactKind.APPLICATION_REFUSED: Line(
            Sentence("درخواست رد شد: {reason:RefusalReason}.", "The application was refused: {reason:RefusalReason}."),
            seen_by=OWNER,
        ),
        FactKind.APPLICATION_WITHDRAWN: Sentence("متقاضی از درخواست انصراف داد.", "The applicant withdrew."),
        Event.APPLICATION_LAPSED: Sentence(
            "در مهلت مقرر پاسخی نرسید و درخواست بسته شد؛ می‌توانید دوباره درخواست دهید.",
            "No answer came in time and the application was closed; a new one is possible at once.",
        ),
        Event.CREDIT_ACTIVATED: Sentence(
            "اعتبار فعال شد: ماهی {monthly:toman} در {instalments} قسط، تا {ends_on:day}.",
            "The credit is usable: {monthly:toman} a month, {instalments} instalments, until {ends_on:day}.",
        ),
    },
    sms={
        FactKind.APPLICATION_SUBMITTED: "امانت: درخواست اعتبار شما ثبت شد. از این پس هر مرحله را خبر می‌دهیم.",
        FactKind.APPLICATION_REFUSED: "امانت: درخواست اعتبار شما پذیرفته نشد. دلیل آن در پرونده آمده است: {app_link}",
        Event.APPLICATION_LAPSED: (
            "امانت: مهلت درخواست اعتبار شما بدون پاسخ گذشت. می‌توانید همین حالا دوباره درخواست دهید."
        ),
        FactKind.APPLICATION_WITHDRAWN: "امانت: انصراف شما از درخواست اعتبار ثبت شد.",
        Event.ACTIVATION_BLOCKED: "امانت: فعال‌سازی اعتبار شما نیاز به رسیدگی دارد. جزئیات: {app_link}",
        Event.CREDIT_ACTIVATED: (
            "امانت: اعتبار شما تا سقف {ceiling} فعال شد و تا {ends_on} برقرار است. برنامه:"
            " {app_link} راهنما: {training_link}"
        ),
    },
    mails={
        Event.CREDIT_ACTIVATED: MailText(
            Sentence("اعتبار شما فعال شد", "Your credit is usable"),
            Sentence(
                "اعتبار شما تا سقف {ceiling_rial:toman} فعال شد و تا {last_day:day} برقرار است.\n"
                "برنامه: {app_link:link}\n"
                "راهنما: {training_link:link}",
                "Your credit of up to {ceiling_rial:toman} is usable, until {last_day:day}.\n"
                "The app: {app_link:link}\n"
                "How it works: {training_link:link}",
            ),
        ),
    },
    ahead={CaseKind.ONBOARDING: _steps_ahead},
    terms={
        RefusalReason: {
            RefusalReason.DEDUCTIONS_EXHAUSTED: Sentence("ظرفیت کسر از حقوق پر است", "deductions are exhausted"),
            RefusalReason.EMPLOYMENT_ENDING: Sentence("همکاری رو به پایان است", "the employment is ending"),
            RefusalReason.COURT_ORDER: Sentence("حکم قضایی بر حقوق", "a court order on the pay"),
            RefusalReason.DATA_WRONG: Sentence("اطلاعات پرسنلی نادرست است", "personnel data are wrong"),
            RefusalReason.OTHER: Sentence("دلیل دیگر", "another reason"),
        },
        Obstacle: {
            Obstacle.CONTRACT_NOT_IN_FORCE: Sentence(
                "قرارداد سازمان برقرار نیست", "the organisation's contract is not in force"
            ),
            Obstacle.NOT_EMPLOYED: Sentence("اشتغال در سازمان تأیید نشد", "employment there is not confirmed"),
            Obstacle.MOBILE_DISPUTED: Sentence(
                "شمارهٔ همراه متقاضی مورد اختلاف است", "the organisation lists another mobile of the applicant"
            ),
            Obstacle.SHARE_USED_UP: Sentence("سقف کسر از حقوق پر شده است", "the share of pay is used up"),
            Obstacle.CERTIFICATE_NOT_VALID: Sentence("گواهی پیشین معتبر نیست", "the earlier certificate is not valid"),
            Obstacle.GUARANTOR_GONE: Sentence("ضامن دیگر در سازمان شاغل نیست", "the guarantor no longer works there"),
            Obstacle.GUARANTOR_DISPUTED: Sentence(
                "شمارهٔ همراه ضامن مورد اختلاف است", "the organisation lists another mobile of the guarantor"
            ),
        },
    },
)
