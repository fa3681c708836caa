"""What a credit programme asks for: read from its policy, versioned, and frozen into each case (docs/rules.md, A)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any, Self

# A wait is at most two years, a share is cut into at most so many parts: a slip of the pen must not bind for decades.
HOURS_MAX = 2 * 366 * 24
SHARE_PARTS_MAX = 10_000
INSTALMENTS_MAX = 120
GUARANTORS_MAX = 3
STANDS_FOR_MAX = 20
SERVICE_MONTHS_MAX = 600
WORKING_HOURS_MAX = 80


class Backing(StrEnum):
    """What stands behind a credit."""

    CERTIFICATE = "certificate"
    GUARANTOR = "guarantor"


class Review(StrEnum):
    """Who approves an application once it is backed."""

    NONE = "none"
    REGION = "region"


@dataclass(frozen=True, slots=True)
class GuarantorTerms:
    """What a programme asks of guarantors (A4, A6).

    ``count`` stand together for one credit; each for fewer than ``stands_for_max`` persons before, with less than
    ``service_months`` of service. ``name_*``: for the applicant to name another one.
    """

    count: int
    stands_for_max: int
    service_months: int
    mandate_version: int
    name_remind: timedelta
    name_expire: timedelta

    @classmethod
    def read(cls, given: _Given) -> Self:
        """Read the policy's part ``guarantor``."""
        terms = cls(
            count=given.whole("count", GUARANTORS_MAX),
            stands_for_max=given.whole("stands_for_max", STANDS_FOR_MAX),
            service_months=given.whole("service_months", SERVICE_MONTHS_MAX),
            mandate_version=given.whole("mandate_version", SHARE_PARTS_MAX),
            name_remind=given.wait("name_remind"),
            name_expire=given.wait("name_expire"),
        )
        given.end()
        _check_order(terms.name_remind, terms.name_expire)
        return terms


@dataclass(frozen=True, slots=True)
class ReviewTerms:
    """How long finance may take, and the applicant for a correction (A6, A7).

    The first two are working hours: a reminder to the region's officers, then a platform-wide one decides too.
    ``expire``: when even they stay silent, the application lapses.
    """

    remind_working_hours: int
    escalate_working_hours: int
    expire: timedelta
    correct_remind: timedelta
    correct_expire: timedelta

    @classmethod
    def read(cls, given: _Given) -> Self:
        """Read the policy's part ``finance``."""
        terms = cls(
            remind_working_hours=given.whole("remind_working_hours", WORKING_HOURS_MAX),
            escalate_working_hours=given.whole("escalate_working_hours", WORKING_HOURS_MAX),
            expire=given.wait("expire"),
            correct_remind=given.wait("correct_remind"),
            correct_expire=given.wait("correct_expire"),
        )
        given.end()
        _check_order(terms.correct_remind, terms.correct_expire)
        if not terms.remind_working_hours < terms.escalate_working_hours or not terms.expire:
            raise ValueError("a reminder comes before its expiry")
        return terms


@dataclass(frozen=True, slots=True)
class Programme:
    """What a programme asks for.

    ``waiting`` runs between approval and usable credit (A8); ``answer_*`` are for those who back the application,
    ``obstacle_*`` for the officer who clears an obstacle. ``organisation`` is the code of the only one
    whose employees it is for, empty if it is for all.
    """

    code: str
    title_fa: str
    title_en: str
    backing: Backing
    review: Review
    waiting: timedelta
    share: tuple[int, int]
    instalments_max: int
    line_term_months: int
    mandate_version: int
    answer_remind: timedelta
    answer_expire: timedelta
    obstacle_remind: timedelta
    obstacle_expire: timedelta
    guarantor: GuarantorTerms | None
    finance: ReviewTerms | None
    organisation: str

    PREFIX = "programme:"

    @classmethod
    def from_policy(cls, name: str, value: Mapping[str, Any]) -> Self:
        """Read a policy value.

        Raises:
            ValueError: the value is not a programme; it says what is wrong.
        """
        given = _Given(value)
        backing, review = Backing(given.take("backing")), Review(given.take("review"))
        programme = cls(
            code=name.removeprefix(cls.PREFIX),
            title_fa=given.text("title_fa"),
            title_en=given.text("title_en"),
            backing=backing,
            review=review,
            waiting=given.wait("waiting"),
            share=given.share("share_of_pay"),
            instalments_max=given.whole("instalments_max", INSTALMENTS_MAX),
            line_term_months=given.whole("line_term_months", INSTALMENTS_MAX),
            mandate_version=given.whole("mandate_version", SHARE_PARTS_MAX),
            answer_remind=given.wait("answer_remind"),
            answer_expire=given.wait("answer_expire"),
            obstacle_remind=given.wait("obstacle_remind"),
            obstacle_expire=given.wait("obstacle_expire"),
            guarantor=GuarantorTerms.read(given.part("guarantor")) if backing is Backing.GUARANTOR else None,
            finance=ReviewTerms.read(given.part("finance")) if review is Review.REGION else None,
            organisation=given.text("organisation") if "organisation" in value else "",
        )
        given.end()
        _check_order(programme.answer_remind, programme.answer_expire)
        _check_order(programme.obstacle_remind, programme.obstacle_expire)
        if programme.waiting and programme.review is Review.NONE:
            raise ValueError("waiting: it runs from an approval, so it needs a review")
        return programme

    @property
    def guarantors(self) -> int:
        """How many must stand for an application; none where the employer's certificate does."""
        return 0 if self.guarantor is None else self.guarantor.count

    @property
    def guarantor_terms(self) -> GuarantorTerms:
        """``guarantor``, where the case has guarantors.

        Raises:
            LookupError: the programme asks for none.
        """
        if self.guarantor is None:
            raise LookupError(f"programme {self.code} has no guarantors")
        return self.guarantor

    @property
    def finance_terms(self) -> ReviewTerms:
        """``finance``, where the case is reviewed.

        Raises:
            LookupError: the programme asks for no review.
        """
        if self.finance is None:
            raise LookupError(f"programme {self.code} has no review")
        return self.finance


def is_wait(value: object) -> bool:
    """Whether a value is a wait in whole hours."""
    return type(value) is int and 0 <= value <= HOURS_MAX


class _Given:
    """A policy value that is read name by name; what is left at the end is unknown."""

    def __init__(self, value: Mapping[str, Any]) -> None:
        self._left = dict(value)

    def take(self, name: str) -> Any:
        if name not in self._left:
            raise ValueError(f"{name} is missing")
        return self._left.pop(name)

    def part(self, name: str) -> _Given:
        value = self.take(name)
        if not isinstance(value, Mapping):
            raise ValueError(f"{name} must be an object")  # noqa: TRY004 - a bad value, whatever its type
        return _Given(value)

    def whole(self, name: str, most: int) -> int:
        value = self.take(name)
        if type(value) is not int or not 1 <= value <= most:
            raise ValueError(f"{name} must be an integer from 1 to {most}")
        return value

    def wait(self, name: str) -> timedelta:
        """A wait: ``…_hours`` in whole hours, or ``…_seconds`` where somebody wants to watch it pass."""
        unit = "seconds" if f"{name}_seconds" in self._left else "hours"
        value = self.take(f"{name}_{unit}")
        if not is_wait(value):
            raise ValueError(f"{name}_{unit} must be whole {unit}, at most {HOURS_MAX}")
        return timedelta(**{unit: value})

    def share(self, name: str) -> tuple[int, int]:
        value = self.take(name)
        if not (isinstance(value, list) and len(value) == 2 and all(type(part) is int for part in value)):
            raise ValueError(f"{name} must be two integers")
        if not 0 < value[0] <= value[1] <= SHARE_PARTS_MAX:
            raise ValueError(f"{name} must be over 0 and at most 1, in at most {SHARE_PARTS_MAX} parts")
        return value[0], value[1]

    def text(self, name: str) -> str:
        value = self.take(name)
        if not isinstance(value, str) or not 0 < len(value) <= 100:
            raise ValueError(f"{name} must be a text of at most 100 letters")
        return value

    def end(self) -> None:
        if self._left:
            raise ValueError(f"{', '.join(sorted(self._left))[:200]}: unknown")


def _check_order(remind: timedelta, expire: timedelta) -> None:
    if not timedelta() < remind < expire:
        raise ValueError("a reminder comes before its expiry")
