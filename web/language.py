"""The two languages of the pages: words by gettext, and how each writes amounts, digits and days.

English stands in the code as gettext's message ids; ``locale/fa/`` holds the Persian, which is what people see first,
in one catalogue a capability.
"""

from __future__ import annotations

import functools
import io
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from math import ceil
from pathlib import Path
from typing import Final, Literal

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations

from api.values import AmountOut, DayOut, MomentOut, Words
from domain.dates import TEHRAN, format_day, format_deadline, format_moment
from domain.fee import percent
from domain.money import RIAL_A_TOMAN, Money, Unit, format_toman, toman_in_words
from domain.number_words import AND, BELOW_TWENTY, HUNDREDS, TENS, THOUSANDS
from domain.persian import persian_digits
from domain.wording import Sentence

COOKIE: Final = "__Host-language"
CATALOGUES: Final = Path(__file__).parent / "locale" / "fa"
_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
_WAIT_IN_HOURS_MAX: Final = 96


def noop(message: str) -> str:
    """Marks a message for the catalogue that is said later; imported as ``_``."""
    return message


@dataclass(frozen=True, slots=True)
class Language:
    """A language of the pages. Days are Jalali and amounts are in toman in both."""

    code: Literal["fa", "en"]
    translations: NullTranslations

    @property
    def direction(self) -> str:
        """The direction of its script."""
        return "rtl" if self.code == "fa" else "ltr"

    def translate(self, message: str, **values: object) -> str:
        """A message of the catalogue, with its values."""
        text: str = self.translations.ugettext(message)
        return text % values if values else text

    def count(self, one: str, many: str, number: int, **values: object) -> str:
        """A message that depends on a number, which it writes as ``%(n)s``."""
        text: str = self.translations.ungettext(one, many, number)
        return text % {"n": self.digits(number), **values}

    def words(self, both: Words | Sentence) -> str:
        """What is said in both languages, in this one."""
        return both.fa if self.code == "fa" else both.en

    def digits(self, value: object) -> str:
        """A number or a text with this language's digits."""
        return persian_digits(str(value)) if self.code == "fa" else str(value)

    def number(self, value: int) -> str:
        """A whole number with separators."""
        return self.digits(f"{value:,}").replace(",", "٬" if self.code == "fa" else ",")

    def money(self, amount: AmountOut | int) -> str:
        """An amount of rial, in toman."""
        rial = amount if isinstance(amount, int) else amount.amount
        return format_toman(Money(rial, Unit.IRR), persian=self.code == "fa")

    def percent(self, rate: int) -> str:
        """A rate in parts of ten thousand: ۹٫۵٪."""
        return percent(rate, persian=self.code == "fa")

    def typed_toman(self, rial: int) -> str:
        """An amount of rial as it stands in a field for toman, which reads it back: ۲٬۵۰۰٬۰۰۰."""
        toman, rest = divmod(rial, RIAL_A_TOMAN)
        return f"{self.number(toman)}٫{self.digits(rest)}" if rest else self.number(toman)

    def in_full(self, amount: AmountOut | int) -> str:
        """A non-negative amount where somebody decides about it: in toman, in rial, and in Persian in words."""
        rial = amount if isinstance(amount, int) else amount.amount
        both = f"{self.money(rial)} ({self.number(rial)} {self.translate('rial')})"
        return f"{both}، {toman_in_words(Money(rial))}" if self.code == "fa" else both

    def day(self, value: DayOut | MomentOut | date) -> str:
        """A day as people say it: ۳۰ آبان ۱۴۰۵; of an instant, the day in Tehran."""
        return format_day(_as_day(value), persian=self.code == "fa")

    def deadline(self, value: MomentOut | datetime) -> str:
        """An instant in Tehran by which people act: یکشنبه ۹ آذر، ساعت ۱۵:۰۰."""
        return format_deadline(as_moment(value), persian=self.code == "fa")

    def moment(self, value: MomentOut | datetime) -> str:
        """An instant in Tehran: ۳۰ آبان ۱۴۰۵، ۱۴:۳۰."""
        return format_moment(as_moment(value), persian=self.code == "fa")

    def clock(self, value: datetime, *, seconds: bool = True) -> str:
        """A time of day in Tehran: ۱۴:۳۰:۵۵."""
        return self.digits(f"{value.astimezone(TEHRAN):{'%H:%M:%S' if seconds else '%H:%M'}}")

    def wait(self, seconds: int) -> str:
        """How long something is to take: up to four days in hours, as rules name it: ۷۲ ساعت."""
        hours, rest = divmod(seconds, _HOUR)
        if rest == 0 and 0 < hours <= _WAIT_IN_HOURS_MAX:
            return self.count("%(n)s hour", "%(n)s hours", hours)
        return self.span(seconds)

    def span(self, seconds: int) -> str:
        """A length of time in its two largest units: ۲ روز و ۴ ساعت."""
        if seconds < _MINUTE:
            return self.translate("less than a minute")
        days, rest = divmod(seconds, _DAY)
        hours, minutes = rest // _HOUR, rest % _HOUR // _MINUTE
        parts = [
            self.count("%(n)s day", "%(n)s days", days) if days else "",
            self.count("%(n)s hour", "%(n)s hours", hours) if hours else "",
            self.count("%(n)s minute", "%(n)s minutes", minutes) if minutes else "",
        ]
        return self.translate(" and ").join([part for part in parts if part][:2])

    def remaining(self, value: MomentOut | datetime, now: datetime | None = None) -> str:
        """How long it is until an instant, or since when it is over.

        What is left is rounded to what is said: to the hour from a day on, up to the minute below; of the last minute
        nothing is rounded, so that nothing is left once the time is over.
        """
        seconds = (as_moment(value) - (now or datetime.now(UTC))).total_seconds()
        if seconds < 0:
            return self.translate("%(span)s late", span=self.span(int(-seconds)))
        left = round(seconds / _HOUR) * _HOUR if seconds >= _DAY else ceil(seconds / _MINUTE) * _MINUTE
        return self.translate("%(span)s left", span=self.span(left if seconds >= _MINUTE else 0))


def from_now(seconds: int) -> datetime:
    """The instant that comes so much later."""
    return datetime.now(UTC) + timedelta(seconds=seconds)


def amount_words(language: Language) -> dict[str, object]:
    """What the pages' script needs to say an amount as ``Language.in_full`` does; English has no words for numbers."""
    names = {"ones": BELOW_TWENTY, "tens": TENS, "hundreds": HUNDREDS, "thousands": THOUSANDS, "and": AND}
    is_persian = language.code == "fa"
    return {
        "toman": language.translate("toman"),
        "rial": language.translate("rial"),
        "separator": language.number(1_000)[1],
        "names": names if is_persian else None,
    }


def as_moment(value: MomentOut | datetime) -> datetime:
    """An instant as the API answers it, or itself."""
    return value if isinstance(value, datetime) else value.at


def _as_day(value: DayOut | MomentOut | date) -> date:
    if isinstance(value, DayOut):
        return value.date
    if isinstance(value, MomentOut | datetime):
        return as_moment(value).astimezone(TEHRAN).date()
    return value


class TranslatedTwice(Exception):
    """Two catalogues have another Persian for the same message."""


def merged(catalogues: Iterable[Path]) -> Catalog:
    """All catalogues as one.

    Raises:
        TranslatedTwice: two say the same message differently.
    """
    whole = Catalog(locale="fa")
    for path in catalogues:
        with path.open("rb") as source:
            read = read_po(source, locale="fa")
        for message in read:
            known = whole.get(message.id) if message.id else None
            if known is not None and known.string != message.string:
                raise TranslatedTwice(f"{path.name}: {message.id}")
            if message.id:
                whole[message.id] = message
    return whole


@functools.cache
def languages() -> dict[str, Language]:
    """Persian, which is first, and English."""
    packed = io.BytesIO()
    write_mo(packed, merged(sorted(CATALOGUES.glob("*.po"))))
    packed.seek(0)
    return {"fa": Language("fa", Translations(packed)), "en": Language("en", NullTranslations())}


def language_of(code: str | None) -> Language:
    """The language of a code, Persian for an unknown one."""
    known = languages()
    return known.get(code or "fa", known["fa"])
