"""Working hours: when so many hours of an office's time have passed, its holidays left out (A7, F5).

Hours come as an opening-hours expression of OpenStreetMap, read by ``opening-hours-py``: a notation that people can
look up, with every special case (a shorter Thursday, a month of fasting) that we would otherwise invent again. The
library computes and does no I/O, so it is welcome here; but it cannot be loaded inside the workflow sandbox, so
workflows never import this module: they wait for seconds that a transition has counted. It knows no holidays of
Iran: those are days that the caller hands over.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, ClassVar, Final, Self

from opening_hours import OpeningHours, State, validate

from domain.dates import TEHRAN

LOOK_AHEAD: Final = timedelta(days=60)
_LONGEST: Final = 300
_LONGEST_WAIT: Final = 200
_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)
# Any look-ahead holds a whole span, so whatever offices count in fits into it with room for holidays.
_SPAN: Final = timedelta(weeks=4)
_LEAST_A_SPAN: Final = timedelta(hours=40)
_LASTS_FROM: Final = datetime(2026, 3, 21)  # noqa: DTZ001 - by the wall clock
_LASTS_SPANS: Final = 400
# The library reads these, but knows neither our holidays nor where the office is, and would count wrongly.
_NOT_OURS: Final = re.compile(r"\b(?:PH|SH|easter|dawn|sunrise|sunset|dusk)\b", re.IGNORECASE)


class NoWorkingTime(Exception):
    """The hours asked for do not fit into the look-ahead: nearly everything is closed."""


@dataclass(frozen=True, slots=True)
class WorkingWait:
    """After how many working hours people are reminded, and when their time is over."""

    remind: int
    expire: int

    @classmethod
    def from_policy(cls, value: Mapping[str, Any], name: str) -> Self:
        """Read it from a policy; a ValueError says what is wrong with it."""
        remind, expire = (value.get(f"{name}_{what}_working_hours") for what in ("remind", "expire"))
        if type(remind) is not int or type(expire) is not int or not 0 < remind < expire <= _LONGEST_WAIT:
            raise ValueError(
                f"{name}_remind_working_hours, {name}_expire_working_hours: whole numbers up to {_LONGEST_WAIT}, a"
                " reminder comes before its expiry"
            )
        return cls(remind, expire)


@dataclass(frozen=True, slots=True)
class WorkingHours:
    """An office's hours on the wall clock of Asia/Tehran."""

    POLICY: ClassVar[str] = "working_hours"

    expression: str
    _hours: OpeningHours = field(repr=False, compare=False)

    @classmethod
    def from_policy(cls, value: Mapping[str, Any]) -> WorkingHours:
        """Read the policy ``working_hours``; a ValueError says what is wrong with it."""
        if set(value) != {"opening_hours"}:
            raise ValueError("needs opening_hours and nothing else")
        expression = value["opening_hours"]
        if not isinstance(expression, str) or not expression.strip() or len(expression) > _LONGEST:
            raise ValueError(f"opening_hours: needs a text of at most {_LONGEST} characters")
        if _NOT_OURS.search(expression):
            raise ValueError("opening_hours: holidays come from the calendar, and the sun is not asked")
        if not validate(expression):
            raise ValueError("opening_hours: not readable as opening hours")
        return cls(expression, OpeningHours(expression))

    def require_lasting(self) -> None:
        """Raise a ValueError unless offices open enough all year round, for decades: no wait must be without end."""
        for number in range(_LASTS_SPANS):
            begins = _LASTS_FROM + number * _SPAN
            passed = sum((closes - opens for opens, closes in self._open(begins, begins + _SPAN)), timedelta())
            if passed < _LEAST_A_SPAN:
                raise ValueError(
                    f"opening_hours: less than {_LEAST_A_SPAN // _HOUR} open hours in the {_SPAN.days} days"
                    f" from {begins.date()}"
                )

    def after(self, moment: datetime, hours: int, holidays: Collection[date]) -> datetime:
        """The moment (UTC) when so many working hours have passed since ``moment``.

        From outside working time it counts from the next opening; with 0 hours it is that opening, or ``moment``
        itself in working time.

        Args:
            moment: when counting begins; aware.
            hours: how many; not negative.
            holidays: days on which everything is closed from midnight to midnight.

        Raises:
            ValueError: ``moment`` is naive, or ``hours`` negative.
            NoWorkingTime: they do not fit into ``LOOK_AHEAD``.
        """
        if moment.tzinfo is None or hours < 0:
            raise ValueError("needs an instant with its time zone, and no negative hours")
        # The wall clock's time: the library does not know every time zone that an instant may come in.
        start = moment.astimezone(UTC).astimezone(TEHRAN).replace(tzinfo=None)
        left = timedelta(hours=hours)
        for opens, closes in self._open(start, start + LOOK_AHEAD):
            for begins, ends in _without(opens, closes, holidays):
                if left <= ends - begins:
                    return (begins + left).replace(tzinfo=TEHRAN).astimezone(UTC)
                left -= ends - begins
        raise NoWorkingTime(f"{hours} working hours do not fit into {LOOK_AHEAD.days} days")

    def _open(self, start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
        for opens, closes, state, _ in self._hours.intervals(start, end):
            if state is State.OPEN:
                yield opens, closes


def _without(opens: datetime, closes: datetime, holidays: Collection[date]) -> Iterator[tuple[datetime, datetime]]:
    """The parts of an open time that fall on no holiday, day by day."""
    while opens < closes:
        midnight = datetime.combine(opens.date(), time()) + _DAY
        if opens.date() not in holidays:
            yield opens, min(closes, midnight)
        opens = midnight
