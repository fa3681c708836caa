"""Values as they travel over HTTP: amounts with their unit, days with their Jalali form, pages with a cursor."""

from __future__ import annotations

import base64
import functools
import json
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any, Generic, Self, TypeVar
from uuid import UUID

from fastapi import Depends, Header, Query
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from domain.catalogue import words
from domain.dates import format_jalali, tehran_day
from domain.errors import InvalidInput, Refusal
from domain.money import Money, Unit, format_toman
from domain.wording import Sentence

_Date = date  # a field called date hides the class
T = TypeVar("T")
Row = TypeVar("Row")
MAX_PAGE = 100
# Far above any pay, far below what a bigint holds.
MAX_RIAL = 10**15
# The largest bigint: versions are counted, or are the microsecond of the last change.
MAX_VERSION = 2**63 - 1


def _as_text(value: Any) -> Any:
    """A day is written, 2027-03-20; a number would be read as seconds since 1970."""
    if isinstance(value, str | date):
        return value
    raise ValueError("a day is written as 2027-03-20")


DayIn = Annotated[date, BeforeValidator(_as_text)]
# A code that came by SMS, or that an authenticator app shows.
CodeText = Annotated[str, Field(max_length=32, description="Six digits", examples=["482913"])]


class _Model(BaseModel):
    """What travels; neither the text of an error nor how it prints, which may come into the log, holds its values."""

    model_config = ConfigDict(hide_input_in_errors=True)

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """Nothing of it."""
        return iter(())


class Input(_Model):
    """A request body: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")


class Out(_Model):
    """An answer; a row becomes one by its attributes, with ``model_validate`` or ``of_row``."""

    model_config = ConfigDict(from_attributes=True, validate_by_name=True, validate_by_alias=True)

    @classmethod
    def of_row(cls, row: object, /, **computed: object) -> Self:
        """An answer of a row's attributes, and of what is computed besides."""
        taken = {name: getattr(row, attribute) for name, attribute in _attributes(cls) if name not in computed}
        return cls(**taken, **computed)

    @classmethod
    def kept(cls, body: bytes) -> bytes:
        """What of a command's answer is kept for a retry: all of it, where nothing is shown only once."""
        return body


@functools.cache
def _attributes(model: type[Out]) -> list[tuple[str, str]]:
    """The fields of an answer, each with the attribute of a row that it is taken from."""
    return [(name, str(field.validation_alias or name)) for name, field in model.model_fields.items()]


class AmountIn(Input):
    """A positive amount of rial, as an integer with its unit."""

    amount: int = Field(strict=True, gt=0, le=MAX_RIAL, examples=[25_000_000])
    unit: Annotated[str, Field(pattern="^IRR$")] = "IRR"

    def money(self) -> Money:
        """As money."""
        return Money(self.amount, Unit.IRR)


class AmountOut(_Model):
    """An amount with its unit; ``fa`` is how people read it."""

    amount: int = Field(examples=[25_000_000])
    unit: str = Field(examples=["IRR"])
    fa: str = Field(examples=["۲٬۵۰۰٬۰۰۰ تومان"])

    @classmethod
    def of(cls, rial: int) -> AmountOut:
        """An amount of rial."""
        money = Money(rial, Unit.IRR)
        return cls(amount=rial, unit=money.unit, fa=format_toman(money))


class DayOut(_Model):
    """A day: ISO, and Jalali as people read it."""

    date: _Date
    jalali: str = Field(examples=["۱۴۰۵/۰۸/۳۰"])

    @classmethod
    def of(cls, day: _Date) -> DayOut:
        """A day."""
        return cls(date=day, jalali=format_jalali(day, persian=True))


class MomentOut(_Model):
    """A moment: UTC, and its Jalali day in Tehran."""

    at: datetime
    jalali: str = Field(examples=["۱۴۰۵/۰۸/۳۰"])

    @classmethod
    def of(cls, moment: datetime) -> MomentOut:
        """A moment."""
        return cls(at=moment, jalali=format_jalali(tehran_day(moment), persian=True))


def _shown(of: Callable[[Any], BaseModel], kind: type) -> BeforeValidator:
    """Let a field take the value of a row for what is shown of it."""
    return BeforeValidator(lambda value: of(value) if isinstance(value, kind) else value)


Amount = Annotated[AmountOut, _shown(AmountOut.of, int)]
Day = Annotated[DayOut, _shown(DayOut.of, date)]
Moment = Annotated[MomentOut, _shown(MomentOut.of, datetime)]


class Words(_Model):
    """The same in Persian and English."""

    fa: str
    en: str

    @classmethod
    def of(cls, sentence: Sentence) -> Words:
        """A sentence."""
        return cls(fa=sentence.fa, en=sentence.en)


class Reason(Out):
    """A code with its words."""

    code: str = Field(examples=["amount_too_high"])
    words: Words

    @classmethod
    def of(cls, enum: type[StrEnum], code: str) -> Reason:
        """A value of an enum."""
        return cls(code=code, words=Words.of(words.term(enum, code)))

    @classmethod
    def of_refusal(cls, refusal: Refusal) -> Reason:
        """What a refusal says."""
        return cls(code=refusal.code, words=Words(fa=refusal.sentence("fa"), en=refusal.sentence("en")))


class Page(_Model, Generic[T]):
    """A part of a list; ``next`` is the cursor of the following part, null at the end."""

    items: list[T]
    next: str | None = None

    @classmethod
    def of(
        cls, rows: Sequence[Row], limit: int, key: Callable[[Row], tuple[object, ...]], show: Callable[[Row], T]
    ) -> Page[T]:
        """The part that a query found.

        Args:
            rows: one more than ``limit``, if there are so many.
            limit: how many the caller wants at most.
            key: what the list is ordered by, as the cursor holds it.
            show: what the caller sees of a row.
        """
        shown = rows[:limit]
        return cls(
            items=[show(row) for row in shown], next=write_cursor(*key(shown[-1])) if len(rows) > limit else None
        )


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


def _id_in(cursor: Cursor = None) -> UUID | None:
    read = read_cursor(cursor, UUID)
    return read[0] if read else None


def number_in(cursor: Cursor = None) -> int:
    """The number that a list goes on after; 0 for the beginning. Raises InvalidInput."""
    read = read_cursor(cursor, int)
    return read[0] if read else 0


DueAfter = tuple[datetime, UUID] | None


def _due_in(cursor: Cursor = None) -> DueAfter:
    read = read_cursor(cursor, datetime, UUID)
    return (read[0], read[1]) if read else None


# Where the part before ended, in lists by id, by a number (0 for the beginning), and by due date and id.
IdCursor = Annotated[UUID | None, Depends(_id_in)]
NumberCursor = Annotated[int, Depends(number_in)]
DueCursor = Annotated[DueAfter, Depends(_due_in)]


def _version_in(
    if_match: Annotated[
        str | None,
        Header(
            pattern=f'^(W/)?"[0-9]{{1,{len(str(MAX_VERSION))}}}"$', description="ETag or version of what was looked at"
        ),
    ] = None,
) -> int | None:
    return None if if_match is None else int(if_match.removeprefix("W/").strip('"'))


IfMatch = Annotated[int | None, Depends(_version_in)]
