"""Who may stand for whose credit, and what stops them (docs/rules.md, A4 to A6); their words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from domain.account import Limit
from domain.dates import MONTHS_A_YEAR, service_ends
from domain.errors import Conflict, InvalidInput, NotFound
from domain.programme import GuarantorTerms
from domain.wording import CapabilityWords, Sentence, TaskWords
from messages.guarantor import Event, FactKind, Sms, TaskKind

# Asking about colleagues, and naming them, tells yes or no: few answers a day, so that nobody can map an office (A4a).
CHECKS_PER_PERSON: Final = Limit("guarantor_checks", 12, timedelta(days=1))


class Rule(StrEnum):
    """What is asked of a guarantor (A4)."""

    EMPLOYED_THERE = "employed_there"
    SAME_REGION = "same_region"
    SERVICE_SHORT_ENOUGH = "service_short_enough"
    PAY_HIGH_ENOUGH = "pay_high_enough"
    STANDS_FOR_FEW = "stands_for_few"


class GuaranteeState(StrEnum):
    """Where a guarantee stands."""

    NAMED = "named"
    ASKED = "asked"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    EXPIRED = "expired"
    REPLACED = "replaced"
    RELEASED = "released"


@dataclass(frozen=True, slots=True)
class Worker:
    """What a personnel list says of somebody, as far as standing for a credit goes. ``net_pay`` is rial a month.

    ``served_since``: the hire date, unless the list gives the length of service.
    """

    organisation_id: UUID
    region_code: str
    served_since: date
    net_pay: int
    is_employed: bool


class GuarantorMayNotBeAsked(InvalidInput):
    """The colleague may not be asked; why is not told, because it would tell of their pay and service (A4a)."""

    code = "guarantor_may_not_be_asked"
    fa = "این همکار را نمی‌توان به‌عنوان ضامن معرفی کرد؛ همکار دیگری از منطقهٔ خود را معرفی کنید."
    en = "This colleague may not be asked to stand for you; please name another one of your region."


class GuarantorIsApplicant(InvalidInput):
    """Nobody stands for their own credit (A4)."""

    code = "guarantor_is_applicant"
    fa = "متقاضی نمی‌تواند ضامن خودش باشد."
    en = "Nobody can stand for their own credit."


class GuarantorNamedTwice(InvalidInput):
    """The same colleague was named twice, or stands for this application already."""

    code = "guarantor_named_twice"
    fa = "این همکار برای همین درخواست پیش‌تر معرفی شده است."
    en = "This colleague has been named for this application already."


class GuarantorCountWrong(InvalidInput):
    """More or fewer guarantors than the programme asks for."""

    code = "guarantor_count_wrong"
    fa = "شمار ضامن‌های این طرح: {count}."
    en = "This programme asks for {count} guarantors."


class GuarantorPlacesFilled(Conflict):
    """Nobody is missing; to name another one, say whom they replace."""

    code = "guarantor_places_filled"
    fa = "جای ضامن پر است؛ برای تعویض، بگویید چه کسی عوض شود."
    en = "No guarantor is missing; to replace one, say which."


class GuaranteeUnknown(NotFound):
    """The applicant has no such guarantee that still counts."""

    code = "guarantee_unknown"
    fa = "چنین ضمانتی که برقرار باشد در این پرونده نیست."
    en = "There is no such guarantee in force in this case."


class GuarantorCapacityFull(Conflict):
    """The guarantor stands for as many persons as the programme allows (A4)."""

    code = "guarantor_capacity_full"
    fa = "شما هم‌اکنون ضامن {most} نفر هستید و تا آزاد شدن یکی از آن‌ها ضمانتِ تازه ممکن نیست."
    en = "You stand for {most} persons already; no more until one of them is settled."


class GuarantorNotEligible(Conflict):
    """What was right when the guarantor was named no longer is (A4)."""

    code = "guarantor_not_eligible"
    fa = "شرایط ضمانت دیگر برقرار نیست؛ از متقاضی بخواهید همکار دیگری را معرفی کند."
    en = "The conditions for this guarantee no longer hold; the applicant must name somebody else."


def judge(
    terms: GuarantorTerms, *, applicant: Worker, guarantor: Worker, stands_for: int, today: date
) -> Mapping[Rule, bool]:
    """Which rules a guarantor keeps (A4).

    Args:
        terms: of the programme.
        applicant: as the personnel list has them now.
        guarantor: the same.
        stands_for: for how many other persons the guarantor stands.
        today: in Tehran.
    """
    return {
        Rule.EMPLOYED_THERE: guarantor.is_employed and guarantor.organisation_id == applicant.organisation_id,
        Rule.SAME_REGION: guarantor.region_code == applicant.region_code,
        Rule.SERVICE_SHORT_ENOUGH: today < service_limit(terms, guarantor.served_since),
        Rule.PAY_HIGH_ENOUGH: guarantor.net_pay >= applicant.net_pay,
        Rule.STANDS_FOR_FEW: stands_for < terms.stands_for_max,
    }


def service_limit(terms: GuarantorTerms, served_since: date) -> date:
    """The first day on which somebody's service is too long for a guarantor (A4)."""
    years, months = divmod(terms.service_months, MONTHS_A_YEAR)
    return service_ends(served_since, years, months)


def as_faults(kept: Mapping[Rule, bool]) -> list[Rule]:
    """The rules that are broken."""
    return [rule for rule, holds in kept.items() if not holds]


def notice_of_end(was: str, standing: Sms = Sms.GUARANTEE_RELEASED) -> Sms | None:
    """What somebody is told whose guarantee ended: nothing if they were never asked.

    Args:
        was: the guarantee's status until then.
        standing: the notice for somebody who stood.
    """
    return {"asked": Sms.GUARANTEE_NOT_NEEDED, "accepted": standing}.get(was)


def free_places(asked_for: int, live: int) -> int:
    """How many guarantors may be named without taking anybody's place (A4).

    Args:
        asked_for: how many the programme asks for.
        live: how many are named, asked, or stand.
    """
    return max(asked_for - live, 0)


def has_grown(*, monthly: int, instalments: int, accepted_monthly: int, accepted_instalments: int) -> bool:
    """Whether an application asks for more than its guarantor accepted, so that they are asked again (A7)."""
    return monthly > accepted_monthly or instalments > accepted_instalments


WORDS: Final = CapabilityWords(
    tasks={
        TaskKind.ANSWER_GUARANTEE: TaskWords(
            Sentence("پذیرش یا رد ضمانت", "Accept or refuse to be guarantor"),
            sms="امانت: یک همکار شما را ضامن خود معرفی کرده است. پذیرش یا رد با شماست: {app_link}",
            reminder="امانت: یادآوری؛ درخواست ضمانت یک همکار هنوز بی‌پاسخ است. {app_link}",
            outcomes={
                FactKind.GUARANTEE_ACCEPTED: Sentence("این ضمانت را پذیرفت", "accepted to be guarantor"),
                FactKind.GUARANTEE_REFUSED: Sentence("این ضمانت را نپذیرفت", "refused to be guarantor"),
            },
        ),
        TaskKind.NAME_GUARANTOR: TaskWords(
            Sentence("معرفی ضامن دیگر", "Name another guarantor"),
            sms="امانت: ضامن شما نپذیرفت، پاسخ نداد یا دیگر شرایط ضمانت را ندارد؛ همکار دیگری معرفی کنید: {app_link}",
            reminder="امانت: یادآوری؛ هنوز ضامن دیگری معرفی نشده است. {app_link}",
            outcomes={FactKind.GUARANTOR_NAMED: Sentence("ضامن دیگری معرفی کرد", "named another guarantor")},
        ),
    },
    timeline={
        Event.GUARANTOR_ASKED: Sentence(
            "از ضامن خواسته شد ضمانت را بپذیرد یا رد کند.", "The guarantor was asked to accept or refuse."
        ),
        FactKind.GUARANTOR_NAMED: Sentence("متقاضی ضامن دیگری معرفی کرد.", "The applicant named another guarantor."),
        Event.GUARANTOR_NAME_REQUESTED: Sentence(
            "از متقاضی خواسته شد ضامن دیگری معرفی کند.", "The applicant was asked to name another guarantor."
        ),
        FactKind.GUARANTEE_ACCEPTED: Sentence("ضامن ضمانت را پذیرفت.", "The guarantor accepted."),
        FactKind.GUARANTEE_REFUSED: Sentence("ضامن ضمانت را نپذیرفت.", "The guarantor refused."),
        Event.GUARANTOR_SILENT: Sentence("ضامن در مهلت مقرر پاسخ نداد.", "The guarantor did not answer in time."),
    },
    sms={
        FactKind.GUARANTEE_ACCEPTED: "امانت: ضامن شما ضمانت را پذیرفت. وضعیت درخواست: {app_link}",
        Sms.GUARANTEE_IN_FORCE: "امانت: اعتباری که ضامن آن هستید فعال شد. ضمانت‌های شما: {app_link}",
        Sms.GUARANTEE_ASKED_AGAIN: (
            "امانت: مبلغ یا تعداد اقساطِ درخواستی که ضامن آن بودید بیشتر شد و پذیرش پیشین شما"
            " دیگر برقرار نیست. پذیرش یا رد با شماست: {app_link}"
        ),
        Sms.GUARANTEE_NOT_NEEDED: "امانت: درخواست ضمانت از شما پس گرفته شد و دیگر پاسخی لازم نیست.",
        Sms.GUARANTEE_REPLACED: "امانت: متقاضی ضامن دیگری معرفی کرد و ضمانت شما پایان یافت.",
        Sms.GUARANTEE_RELEASED: "امانت: ضمانتِ شما برای درخواست اعتبار یک همکار پایان یافت و بر عهدهٔ شما نیست.",
    },
    terms={
        Rule: {
            Rule.EMPLOYED_THERE: Sentence("شاغل در همان سازمان", "works in the same organisation"),
            Rule.SAME_REGION: Sentence("شاغل در همان منطقه", "works in the same region"),
            Rule.SERVICE_SHORT_ENOUGH: Sentence("سابقهٔ خدمت کمتر از حد مقرر", "service below the limit"),
            Rule.PAY_HIGH_ENOUGH: Sentence("خالص حقوق برابر یا بیشتر از متقاضی", "net pay at least the applicant's"),
            Rule.STANDS_FOR_FEW: Sentence("ظرفیت ضمانت دارد", "may stand for one more person"),
        },
        GuaranteeState: {
            GuaranteeState.NAMED: Sentence("معرفی شد", "Named"),
            GuaranteeState.ASKED: Sentence("در انتظار پاسخ", "Awaiting the answer"),
            GuaranteeState.ACCEPTED: Sentence("ضمانت پذیرفته شد", "Accepted"),
            GuaranteeState.REFUSED: Sentence("ضمانت رد شد", "Refused"),
            GuaranteeState.EXPIRED: Sentence("در مهلت پاسخ نداد", "No answer in time"),
            GuaranteeState.REPLACED: Sentence("ضامن دیگری جایگزین شد", "Replaced"),
            GuaranteeState.RELEASED: Sentence("ضمانت آزاد شد", "Released"),
        },
    },
)

# By what each rule was judged: the guarantor's value, and what it is measured against.
RULE_VALUES: Final[Mapping[Rule, Sentence]] = {
    Rule.EMPLOYED_THERE: Sentence("{employment:EmploymentStatus}", "{employment:EmploymentStatus}"),
    Rule.SAME_REGION: Sentence("{region}؛ متقاضی: {applicant_region}", "{region}; the applicant: {applicant_region}"),
    Rule.SERVICE_SHORT_ENOUGH: Sentence(
        "استخدام {hired:day}؛ سابقه از {since:day} حساب می‌شود و در {service_limit:day} به حد می‌رسد",
        "hired {hired:day}; service counts from {since:day} and reaches the limit on {service_limit:day}",
    ),
    Rule.PAY_HIGH_ENOUGH: Sentence(
        "{pay:toman}؛ متقاضی: {applicant_pay:toman}", "{pay:toman}; the applicant: {applicant_pay:toman}"
    ),
    Rule.STANDS_FOR_FEW: Sentence(
        "ضامن {count} نفر دیگر؛ باید کمتر از {most} نفر باشد", "stands for {count} others; fewer than {most} asked"
    ),
}
