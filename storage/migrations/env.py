"""Alembic environment: runs the versions on the connection that storage/migrate.py hands over."""

from __future__ import annotations

from alembic import context

from storage.rows.table import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
