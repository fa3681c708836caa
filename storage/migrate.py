"""Brings a database to the newest version, as its owner role."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from domain.errors import Conflict

_LOCK = 0x616D616E  # "aman": one migration at a time per database


class UnknownVersion(Conflict):
    """The database is at a version that this checkout does not have: it is of a newer one, or older than the first."""

    code = "database_version_unknown"
    fa = (
        "این نسخهٔ برنامه نسخهٔ پایگاه داده ({at}) را نمی‌شناسد: اگر نسخهٔ تازه‌تری آن را ساخته است همان را اجرا کنید،"
        " و اگر چیزی از آن نباید بماند، ./amanat up --reset همهٔ var/ را پاک می‌کند و از نو می‌سازد."
    )
    en = (
        "The database is at version {at}, which this checkout does not know: run the newer one that made it, or, if"
        " nothing in it has to be kept, let ./amanat up --reset delete var/ and begin anew."
    )


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


def upgrade(owner_url: str, *, to: str = "head") -> None:
    """Run every migration that is missing up to a version; safe to start from several processes at once.

    Raises:
        UnknownVersion: the database is at a version that this checkout does not have.
        sqlalchemy.exc.OperationalError: the database cannot be reached.
    """
    engine = sa.create_engine(owner_url, hide_parameters=True)
    try:
        with engine.connect() as connection:
            connection.execute(sa.select(sa.func.pg_advisory_lock(_LOCK)))
            connection.commit()
            config = _config()
            _require_known(connection, config)
            config.attributes["connection"] = connection
            command.upgrade(config, to)
            connection.commit()
            connection.execute(sa.select(sa.func.pg_advisory_unlock(_LOCK)))
            connection.commit()
    finally:
        engine.dispose()


def _require_known(connection: sa.Connection, config: Config) -> None:
    at = current(connection)
    connection.rollback()
    if at and at not in {version.revision for version in ScriptDirectory.from_config(config).walk_revisions()}:
        raise UnknownVersion(at=at)


def head() -> str:
    """The newest version that this checkout knows."""
    return ScriptDirectory.from_config(_config()).get_current_head() or ""


def current(connection: sa.Connection) -> str:
    """The version a database is at; empty for a new one."""
    return MigrationContext.configure(connection).get_current_revision() or ""
