"""Tables made from the classes of their rows, and values made into rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Literal

import pytest
import sqlalchemy as sa

from storage.rows import table as rows


class Colour(StrEnum):
    """A word of ours."""

    RED = "red"


@dataclass(frozen=True, slots=True)
class Thing:
    """A row with a field of each sort that needs a second look."""

    day: date
    colour: Colour
    other: Colour | None
    seen_at: datetime | None
    side: Literal["left", "right"]
    details: Mapping[str, Any]
    elsewhere: int


@pytest.fixture
def things(monkeypatch: pytest.MonkeyPatch) -> sa.Table:
    monkeypatch.setattr(rows, "metadata", sa.MetaData())
    return rows.table("things", Thing, apart_from={"elsewhere"}, used=bool)


def test_a_tables_columns_are_its_rows_fields_and_the_others(things: sa.Table) -> None:
    assert {column.name: (str(column.type), column.nullable) for column in things.c} == {
        "day": ("DATE", False),
        "colour": ("TEXT", False),
        "other": ("TEXT", True),
        "seen_at": ("DATETIME", True),
        "side": ("TEXT", False),
        "details": ("JSONB", False),
        "used": ("BOOLEAN", False),
    }


def test_a_field_that_is_elsewhere_keeps_its_place(things: sa.Table) -> None:
    found = rows.columns(things, Thing, elsewhere=sa.literal_column("1"))

    assert [str(column) for column in found[-2:]] == ["things.details", "1"]


def test_words_are_ours_and_nothing_stays_nothing() -> None:
    values = [date(2026, 1, 1), "red", None, None, "left", {}, 1]

    made = rows.as_row(Thing, values)

    assert made.colour is Colour.RED
    assert made.other is None
    assert rows.as_row(Thing, [*values[:2], "red", *values[3:]]).other is Colour.RED


def test_a_word_that_is_not_known_is_refused() -> None:
    with pytest.raises(ValueError, match="blue"):
        rows.as_row(Thing, [date(2026, 1, 1), "blue", None, None, "left", {}, 1])


def test_a_value_too_few_or_too_many_is_refused() -> None:
    values = [date(2026, 1, 1), "red", None, None, "left", {}, 1]

    for wrong in (values[:-1], [*values, 2]):
        with pytest.raises(TypeError):
            rows.as_row(Thing, wrong)
