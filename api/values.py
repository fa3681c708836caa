"""Values as they travel over HTTP: amounts with their unit, days with their Jalali form, pages with a cursor."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from domain.dates import format_jalali, tehran_day
from domain.errors import InvalidInput
from domain.money import Money, Unit, format_toman
from domain.wording import Sentence

Day = date  # a field called date hides the class
T = TypeVar("T")
MAX_PAGE = 100
# Far above any pay, far below what a bigint holds.
MAX_RIAL = 10**15


def _as_text(value: Any) -> Any:
    """A day is written, 2027-03-20; a number would be read as seconds since 1970."""
    if isinstance(value, str | date):
        return value
    raise ValueError("a day is written as 2027-03-20")


DayIn = Annotated[date, BeforeValidator(_as_text)]


class Input(BaseModel):
    """A request body: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")


class AmountIn(Input):
    """A positive amount of rial, as an integer with its unit."""

    amount: int = Field(strict=True, gt=0, le=MAX_RIAL, examples=[25_000_000])
    unit: Annotated[str, Field(pattern="^IRR$")] = "IRR"

    def money(self) -> Money:
        """As money."""
        return Money(self.amount, Unit.IRR)


class AmountOut(BaseModel):
    """An amount with its unit; ``fa`` is how people read it."""

    amount: int = Field(examples=[25_000_000])
    unit: str = Field(examples=["IRR"])
    fa: str = Field(examples=["۲٬۵۰۰٬۰۰۰ تومان"])

    @classmethod
    def of(cls, rial: int) -> AmountOut:
        """An amount of rial."""
        money = Money(rial, Unit.IRR)
        return cls(amount=rial, unit=money.unit, fa=format_toman(money))


class DayOut(BaseModel):
    """A day: ISO, and Jalali as people read it."""

    date: Day
    jalali: str = Field(examples=["۱۴۰۵/۰۸/۳۰"])

    @classmethod
    def of(cls, day: Day) -> DayOut:
        """A day."""
        return cls(date=day, jalali=format_jalali(day, persian=True))


class MomentOut(BaseModel):
    """A moment: UTC, and its Jalali day in Tehran."""

    at: datetime
    jalali: str = Field(examples=["۱۴۰۵/۰۸/۳۰"])

    @classmethod
    def of(cls, moment: datetime) -> MomentOut:
        """A moment."""
        return cls(at=moment, jalali=format_jalali(tehran_day(moment), persian=True))


class Words(BaseModel):
    """The same in Persian and English."""

    fa: str
    en: str

    @classmethod
    def of(cls, sentence: Sentence) -> Words:
        """A sentence."""
        return cls(fa=sentence.fa, en=sentence.en)


class Page(BaseModel, Generic[T]):
    """A part of a list; ``next`` is the cursor of the following part, null at the end."""

    items: list[T]
    next: str | None = None


Limit = Annotated[int, Query(ge=1, le=MAX_PAGE, description="How many items at most")]
Cursor = Annotated[str | None, Query(max_length=300, description="`next` of the part before")]


def read_cursor(cursor: str | None, *types: type) -> tuple[Any, ...] | None:
    """The values in a cursor, or None for the beginning.

    Raises:
        InvalidInput: it is not one of ours.
    """
    if cursor is None:
        return None
    try:
        texts: list[str] = json.loads(base64.urlsafe_b64decode(cursor.encode()))
        readers = [datetime.fromisoformat if kind is datetime else kind for kind in types]
        return tuple(reader(text) for reader, text in zip(readers, list(texts), strict=True))
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise InvalidInput(field="cursor") from error


def write_cursor(*values: object) -> str:
    """A cursor of values that a list is ordered by."""
    texts = [value.isoformat() if isinstance(value, datetime) else str(value) for value in values]
    return base64.urlsafe_b64encode(json.dumps(texts).encode()).decode()


def cut(rows: Sequence[T], limit: int) -> tuple[Sequence[T], bool]:
    """The page of a query that asked for one row more, and whether there is more."""
    return rows[:limit], len(rows) > limit
