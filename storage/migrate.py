"""Brings a database to the newest version, as its owner role."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

_LOCK = 0x616D616E  # "aman": one migration at a time per database


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


def upgrade(owner_url: str) -> None:
    """Run every migration that is missing; safe to start from several processes at once.

    Raises:
        sqlalchemy.exc.OperationalError: the database cannot be reached.
    """
    engine = sa.create_engine(owner_url, hide_parameters=True)
    try:
        with engine.connect() as connection:
            connection.execute(sa.select(sa.func.pg_advisory_lock(_LOCK)))
            connection.commit()
            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            connection.commit()
            connection.execute(sa.select(sa.func.pg_advisory_unlock(_LOCK)))
            connection.commit()
    finally:
        engine.dispose()


def head() -> str:
    """The newest version that this checkout knows."""
    return ScriptDirectory.from_config(_config()).get_current_head() or ""


def current(connection: sa.Connection) -> str:
    """The version a database is at; empty for a new one."""
    return MigrationContext.configure(connection).get_current_revision() or ""
