"""The tables as Python declares them are those of storage/schema, and every rule there holds for every row."""

from __future__ import annotations

import contextlib
import importlib
import pkgutil
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.dialects.postgresql import DOMAIN

import storage.rows
from storage.migrate import current, head, upgrade
from storage.rows.table import metadata
from tests.books import NO_EFFECTS, Superuser
from tests.conftest import Database

# Checks, indexes, defaults and keys to other tables stand in storage/schema only.
_ONLY_IN_SCHEMA = {
    "remove_index",
    "remove_constraint",
    "remove_fk",
    "modify_default",
    "add_index",
    "modify_comment",
}


class TransactionId(sa.Text):
    """Postgres's xid8, which SQLAlchemy does not know."""


@contextlib.contextmanager
def connected(database: Database) -> Iterator[sa.Connection]:
    """The database as its owner sees it."""
    engine = sa.create_engine(database.owner_url)
    engine.dialect.ischema_names = {**engine.dialect.ischema_names, "xid8": TransactionId}  # type: ignore[attr-defined]
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def base_differs(
    context: MigrationContext,
    inspected: sa.Column[Any],
    declared: sa.Column[Any],
    found: sa.types.TypeEngine[Any],
    _: sa.types.TypeEngine[Any],
) -> bool | None:
    """A domain is compared as the type beneath it: its rule stands in storage/schema only, like an integer's width."""
    base = found.data_type if isinstance(found, DOMAIN) else found
    if isinstance(base, sa.Integer):
        return not isinstance(declared.type, sa.Integer)
    return bool(context.impl.compare_type(sa.Column(inspected.name, base), declared))


def declare_all() -> None:
    """Import every module that declares tables, so that none is forgotten."""
    for module in pkgutil.walk_packages(storage.rows.__path__, f"{storage.rows.__name__}."):
        importlib.import_module(module.name)


def test_tables_columns_types_and_nullability_are_those_of_the_migrated_database(database: Database) -> None:
    declare_all()
    with connected(database) as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": base_differs, "compare_server_default": False}
        )
        differences = compare_metadata(context, metadata)

    flat = [part for found in differences for part in (found if isinstance(found, list) else [found])]
    known = {"alembic_version"}
    surprising = [
        found
        for found in flat
        if found[0] not in _ONLY_IN_SCHEMA and not (found[0] == "remove_table" and found[1].name in known)
    ]
    assert surprising == []


def test_migrating_again_changes_nothing(database: Database) -> None:
    upgrade(database.owner_url)

    with connected(database) as connection:
        assert current(connection) == head()


def test_every_constraint_was_checked_and_is_enforced(database: Database) -> None:
    lax = sa.text("SELECT conrelid::regclass, conname FROM pg_constraint WHERE NOT convalidated OR NOT conenforced")
    with connected(database) as connection:
        assert connection.execute(lax).all() == []


async def test_every_table_shows_effects_unless_a_reason_stands_against_it(superuser: Superuser) -> None:
    assert {*await superuser.effects(), *NO_EFFECTS} == {*metadata.tables, "alembic_version"}
