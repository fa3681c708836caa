"""A table made from the class of its rows, and the one way in which rows are read."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import cache
from types import NoneType
from typing import Any, Final, Literal, TypeVar, cast, get_args, get_origin, get_type_hints
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

Row = TypeVar("Row")

metadata = sa.MetaData()
_TYPES: Final[Mapping[type, Any]] = {
    UUID: sa.Uuid,
    str: sa.Text,
    bool: sa.Boolean,
    int: sa.BigInteger,
    bytes: sa.LargeBinary,
    datetime: sa.DateTime(timezone=True),
    date: sa.Date,
    timedelta: sa.Interval,
    Decimal: sa.Numeric,
    Mapping: JSONB,
    Sequence: JSONB,
    dict: JSONB,
    list: JSONB,
}


@cache
def _hints(row: type) -> dict[str, Any]:
    return get_type_hints(row)


def table(name: str, row: type | None = None, /, *, apart_from: Collection[str] = (), **others: object) -> sa.Table:
    """Declare a table. Keys, defaults and rules are not declared here: Postgres holds them.

    Args:
        name: of the table.
        row: the class of its rows; each field is a column of its name, which may be NULL where the field may be None.
        apart_from: fields of the row that are read from elsewhere.
        others: columns that the row does not hold, and their types.
    """
    hints = {} if row is None else {field: hint for field, hint in _hints(row).items() if field not in apart_from}
    return sa.Table(name, metadata, *(_column(field, hint) for field, hint in (hints | others).items()))


def _kind(hint: Any) -> tuple[type, bool]:
    """The type of a field, and whether the field may be None."""
    parts = get_args(hint)
    may_be_none = NoneType in parts
    kind = next(part for part in parts if part is not NoneType) if may_be_none else hint
    if get_origin(kind) is Literal:
        return type(get_args(kind)[0]), may_be_none
    return get_origin(kind) or kind, may_be_none


def _column(name: str, hint: Any) -> sa.Column[Any]:
    kind, may_be_null = _kind(hint)
    return sa.Column(name, next(_TYPES[base] for base in kind.__mro__ if base in _TYPES), nullable=may_be_null)


def columns(source: sa.Table, row: type, **elsewhere: sa.ColumnElement[Any]) -> tuple[sa.ColumnElement[Any], ...]:
    """The columns of a row in the order of its fields: those of the table, and those that are ``elsewhere``."""
    return tuple(elsewhere[field] if field in elsewhere else source.c[field] for field in _hints(row))


@cache
def _words(row: type) -> list[tuple[int, type[StrEnum]]]:
    """The fields that are words of ours, by their place; Postgres has them as text."""
    kinds = [_kind(hint)[0] for hint in _hints(row).values()]
    return [(place, kind) for place, kind in enumerate(kinds) if issubclass(kind, StrEnum)]


def as_row(row: type[Row], values: Iterable[Any]) -> Row:
    """A row of some values in the order of its fields.

    Raises:
        ValueError: a word is not known; another version of the programme may have written it.
    """
    made = list(values)
    for place, word in _words(cast("type", row)):
        if made[place] is not None:
            made[place] = word(made[place])
    return row(*made)


async def find_one(
    connection: AsyncConnection, row: type[Row], query: sa.Executable, values: Mapping[str, Any] | None = None
) -> Row | None:
    """The one row that a query finds, or None.

    Args:
        connection: in a transaction.
        row: what to make of it; the query's columns are its fields in their order.
        query: may also change something and return it.
        values: of the query's parameters.

    Raises:
        sqlalchemy.exc.MultipleResultsFound: there are several.
    """
    found = (await connection.execute(query, values)).one_or_none()
    return None if found is None else as_row(row, found)


async def read_one(
    connection: AsyncConnection, row: type[Row], query: sa.Executable, values: Mapping[str, Any] | None = None
) -> Row:
    """``find_one``, where there must be a row.

    Raises:
        sqlalchemy.exc.NoResultFound: there is none.
        sqlalchemy.exc.MultipleResultsFound: there are several.
    """
    return as_row(row, (await connection.execute(query, values)).one())


async def read_all(
    connection: AsyncConnection, row: type[Row], query: sa.Executable, values: Mapping[str, Any] | None = None
) -> list[Row]:
    """All rows that a query finds, in its order; bound its number by the query."""
    return [as_row(row, found) for found in await connection.execute(query, values)]
