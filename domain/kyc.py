"""Identity review (docs/rules.md, F4): what a level asks for and allows, what a submission lacks, what is returned."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any, Final, Self

from domain.access import Part, Role
from domain.account import Limit
from domain.correspondence import CorrespondenceRules
from domain.dates import MONTHS_A_YEAR, add_months, to_jalali
from domain.errors import Conflict, InvalidInput
from domain.held_task import HeldTask
from domain.money import Money
from domain.payment import whole
from domain.working_hours import WorkingWait
from messages.case import CaseKind
from messages.kyc import DocumentKind, FactKind, TaskKind

# Who reviews has claimed it, has no interest in the person, and was not reviewed by them.
HELD: Final = (
    HeldTask(
        TaskKind.REVIEW_IDENTITY,
        claimed=FactKind.KYC_CLAIMED,
        released=FactKind.KYC_RELEASED,
        not_each_other=True,
        wakes=False,
    ),
)
# The person writes to the officer who holds the review.
CORRESPONDENCE: Final = CorrespondenceRules(CaseKind.KYC, {Part.SUBJECT: frozenset({Role.KYC_OFFICER})}, held_only=True)
MOST_DOCUMENTS: Final = 20
DOCUMENTS_PER_PERSON: Final = Limit("identity_documents", 40, timedelta(days=1))
SUBMISSIONS_PER_PERSON: Final = Limit("identity_submissions", 5, timedelta(days=1))
# A picture that was never submitted goes after this; one that was, so long after its case and its identity have ended.
UNUSED_FOR: Final = timedelta(days=7)
KEPT_FOR: Final = timedelta(days=90)
NOTE_LETTERS: Final = range(3, 501)
_LONGEST_HOURS: Final = 24 * 90
_MOST_MONTHS: Final = 120
_BORN_FROM: Final = date(1900, 1, 1)
_MOST_RIAL: Final = 10**15
_NAME: Final = re.compile(r"[a-z][a-z_]{0,30}")
# As passports print it.
_LATIN: Final = re.compile(r"[A-Z][A-Z' -]{0,58}[A-Z]")


class LevelName(StrEnum):
    """The levels of version 1; a policy may have others, which are shown by their names."""

    BASIC = "basic"
    FULL = "full"


class FormField(StrEnum):
    """What an officer may return, beside documents."""

    BIRTH_DATE = "birth_date"
    LATIN_NAME = "latin_name"
    CARD = "card"
    SHEBA = "sheba"


class FaultReason(StrEnum):
    """What is wrong with what was returned."""

    UNREADABLE = "unreadable"
    CUT_OFF = "cut_off"
    WRONG_DOCUMENT = "wrong_document"
    EXPIRED = "expired"
    NOT_ORIGINAL = "not_original"
    DOES_NOT_MATCH = "does_not_match"
    OTHER = "other"


class Missing(StrEnum):
    """What somebody has not seen to yet."""

    EMAIL = "email"
    CARD = "card"
    SHEBA = "sheba"
    DOCUMENT = "document"


# What is typed or chosen can only differ from what the documents say.
OF_TYPED: Final = frozenset({FaultReason.DOES_NOT_MATCH, FaultReason.OTHER})
Faults = Mapping[str, FaultReason]


class IdentityIncomplete(Conflict):
    """Something is missing that the level asks for."""

    code = "identity_incomplete"
    fa = "پیش از فرستادن فرم، این موارد را کامل کنید: {missing}."
    en = "Before the form is sent, these are to be completed: {missing}."


class IdentityUnderReview(Conflict):
    """A submission of the member is open."""

    code = "identity_under_review"
    fa = "یک فرم احراز هویت شما هنوز باز است؛ نتیجهٔ آن را ببینید یا همان را اصلاح کنید."
    en = "A form of yours is still open; see what became of it, or mend that one."


class IdentityHeld(Conflict):
    """The member has this level or a higher one, and it is not time to renew it."""

    code = "identity_held"
    fa = "هویت شما در این سطح یا بالاتر تأیید شده است و هنوز زمان تمدید آن نرسیده است."
    en = "Your identity is confirmed at this level or a higher one, and it is not time to renew it yet."


class LevelUnknown(InvalidInput):
    """There is no such level."""

    code = "identity_level_unknown"
    fa = "چنین سطحی برای احراز هویت وجود ندارد."
    en = "There is no such level of identity."


class LatinNameUnreadable(InvalidInput):
    """No name in Latin letters."""

    code = "bad_latin_name"
    fa = "نام را با حروف انگلیسی و همان‌گونه که در گذرنامه می‌آید بنویسید، مانند MARYAM."
    en = "Please write the name in Latin letters as in a passport, like MARYAM."


class BirthDateUnreadable(InvalidInput):
    """No day, one to come, or one of somebody too young."""

    code = "bad_birth_date"
    fa = "تاریخ تولد درست نیست یا سن شما کمتر از {age} سال است."
    en = "The date of birth is not valid, or you are younger than {age}."


class RightAlready(Conflict):
    """The officer found it right: it stays as it is."""

    code = "identity_right_already"
    fa = "این بخش درست بوده است و تغییر نمی‌کند؛ تنها آنچه را برگردانده شده است اصلاح کنید."
    en = "This was right and stays as it is; please mend only what was returned."


class NotMended(InvalidInput):
    """Something that was returned came back as it was."""

    code = "identity_not_mended"
    fa = "آنچه برگردانده شده هنوز اصلاح نشده است."
    en = "What was returned is not mended yet."


class FaultUnfit(InvalidInput):
    """What is returned is no part of the submission, or for a reason that it cannot have."""

    code = "identity_fault_unfit"
    fa = "این دلیل برای این بخش از فرم نیست؛ دلیل دیگری برگزینید."
    en = "This reason does not fit that part of the form; please choose another."


class AccountGone(Conflict):
    """Card or sheba of the form are their person's no more: that part is to be returned."""

    code = "identity_account_gone"
    fa = "کارت یا شبای این فرم دیگر از کارت‌ها و شباهای تأییدشدهٔ این شخص نیست؛ همان بخش را برای اصلاح برگردانید."
    en = "The card or sheba of this form has been removed since; please return that part."


class FaultUnexplained(InvalidInput):
    """A part is returned for another reason, and no note says which."""

    code = "identity_fault_unexplained"
    fa = "برای «دلیل دیگر» توضیحی بنویسید که صاحب فرم بداند چه را اصلاح کند."
    en = "Where the reason is another one, please write what is to be mended."


class SubmissionChanged(Conflict):
    """The member has mended the submission since it was looked at."""

    code = "submission_changed"
    fa = "این فرم پس از آن‌که دیدید تغییر کرده است؛ نسخهٔ تازه را ببینید و تصمیم بگیرید."
    en = "This form has changed since you saw it; look at the new version and decide."


class TooManyDocuments(Conflict):
    """The member keeps as many pictures as one may that were not submitted."""

    code = "too_many_documents"
    fa = "بیش از این تصویر نگه داشته نمی‌شود؛ نخست یکی از تصویرهای فرستاده‌نشده را حذف کنید."
    en = "No more pictures are kept; remove one that was not submitted first."


class DocumentInUse(Conflict):
    """It was submitted, so it stays with its case."""

    code = "document_in_use"
    fa = "این تصویر همراه فرم فرستاده شده است و حذف نمی‌شود."
    en = "This picture was submitted with a form and stays with it."


@dataclass(frozen=True, slots=True)
class Level:
    """A level of identity: what it asks for, what it allows (rial), and for how long (Jalali months).

    ``unknown`` are documents that it asks for too and that only a newer release knows.
    """

    name: str
    documents: tuple[DocumentKind, ...]
    unknown: tuple[str, ...]
    per_order: Money
    per_day: Money
    per_month: Money
    valid_months: int

    def valid_until(self, accepted: date) -> date:
        """The last day on which an identity of this level holds that was accepted on a day."""
        return add_months(to_jalali(accepted), self.valid_months).to_gregorian()


@dataclass(frozen=True, slots=True)
class ClockWait:
    """When somebody is reminded, and when their time is over; by the clock."""

    remind: timedelta
    expire: timedelta


@dataclass(frozen=True, slots=True)
class KycPolicy:
    """A version of the policy ``kyc``; the levels from the lowest up."""

    levels: tuple[Level, ...]
    review: WorkingWait
    awaited: WorkingWait
    correction: ClockWait
    awaited_correction: ClockWait
    renewal: timedelta
    least_age: int

    POLICY = "kyc"

    @classmethod
    def from_policy(cls, value: Mapping[str, Any]) -> Self:
        """Read a version; documents of a newer release are asked for by that one alone.

        Raises:
            ValueError: a value is missing or out of its range.
        """
        given = value.get("levels")
        levels = tuple(_level(each) for each in given) if isinstance(given, list) else ()
        if not levels or len({level.name for level in levels}) < len(levels):
            raise ValueError("levels: needs some, each with a name of its own")
        return cls(
            levels=levels,
            review=WorkingWait.from_policy(value, "review"),
            awaited=WorkingWait.from_policy(value, "awaited"),
            correction=_clock_wait(value, "correction"),
            awaited_correction=_clock_wait(value, "awaited_correction"),
            renewal=timedelta(days=whole(value, "renewal_days", 365)),
            least_age=whole(value, "least_age_years", 100),
        )

    def require_known(self) -> None:
        """Refuse what a person may not propose: a document that there is not.

        Raises:
            ValueError: a level asks for one.
        """
        if unknown := {kind for level in self.levels for kind in level.unknown}:
            raise ValueError(f"levels: there is no document {', '.join(sorted(unknown))}")

    def level(self, name: str) -> Level:
        """The level of a name.

        Raises:
            LevelUnknown: there is none.
        """
        found = next((level for level in self.levels if level.name == name), None)
        if found is None:
            raise LevelUnknown(field="level")
        return found

    def is_above(self, name: str, other: str) -> bool:
        """Whether a level is higher than another; one that is gone is the lowest."""
        order = [level.name for level in self.levels]
        return order.index(name) > (order.index(other) if other in order else -1)


def judge_faults(faults: Faults, documents: Iterable[str], note: str) -> None:
    """Whether an officer may return this.

    Raises:
        FaultUnfit: a part is no part of the submission, or cannot have that fault.
        FaultUnexplained: ``other`` needs a note that says it.
        InvalidInput: nothing is returned.
    """
    parts = set(documents)
    for part, reason in faults.items():
        is_typed = part in set(FormField)
        if (part not in parts and not is_typed) or (is_typed and reason not in OF_TYPED):
            raise FaultUnfit(field=f"faults.{part}")
    if not faults:
        raise InvalidInput(field="faults")
    if FaultReason.OTHER in faults.values() and len(note) not in NOTE_LETTERS:
        raise FaultUnexplained(field="note")


def judge_correction(changed: Collection[str], returned: Collection[str], lost: Collection[str]) -> None:
    """Whether a member mended what was returned, and nothing else.

    Args:
        changed: the parts that differ from what was submitted before.
        returned: the parts that an officer returned.
        lost: what is theirs no more, and has to be chosen anew though nobody returned it.

    Raises:
        RightAlready: something differs that was right.
        NotMended: something that was returned is as it was.
    """
    for part in changed:
        if part not in returned and part not in lost:
            raise RightAlready(field=part)
    for part in returned:
        if part not in changed:
            raise NotMended(field=part)


def parse_latin_name(text: str, field: str) -> str:
    """A name as passports print it, in capitals. Raises LatinNameUnreadable."""
    name = " ".join(text.upper().split())
    if not _LATIN.fullmatch(name):
        raise LatinNameUnreadable(field=field)
    return name


def judge_birth_date(born: date, today: date, least_age: int) -> None:
    """Whether somebody born on a day is old enough. Raises BirthDateUnreadable."""
    if not _BORN_FROM <= born <= today or add_months(to_jalali(born), MONTHS_A_YEAR * least_age).to_gregorian() > today:
        raise BirthDateUnreadable(field="birth_date", age=least_age)


def _clock_wait(value: Mapping[str, Any], name: str) -> ClockWait:
    remind, expire = (
        timedelta(hours=whole(value, f"{name}_{what}_hours", _LONGEST_HOURS)) for what in ("remind", "expire")
    )
    if remind >= expire:
        raise ValueError(f"{name}: a reminder comes before its expiry")
    return ClockWait(remind, expire)


def _level(value: object) -> Level:
    if not isinstance(value, Mapping):
        raise ValueError("levels: each is a table")  # noqa: TRY004 - a policy is refused by its value
    name, documents = value.get("name"), value.get("documents")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ValueError("levels: each has a name of small letters")
    if not isinstance(documents, list) or not documents or not all(isinstance(one, str) for one in documents):
        raise ValueError(f"levels.{name}.documents: needs some of {', '.join(DocumentKind)}")
    per_order, per_day, per_month = (
        Money(whole(value, f"per_{span}", _MOST_RIAL)) for span in ("order", "day", "month")
    )
    if not per_order.amount <= per_day.amount <= per_month.amount:
        raise ValueError(f"levels.{name}: a day allows no less than an order, a month no less than a day")
    known = tuple(kind for kind in DocumentKind if kind in documents)
    unknown = tuple(kind for kind in documents if kind not in known)
    return Level(name, known, unknown, per_order, per_day, per_month, whole(value, "valid_months", _MOST_MONTHS))
