"""Alembic environment: runs the versions on the connection that storage/migrate.py hands over."""

from __future__ import annotations

from alembic import context

from storage.migrations.shipping import apply_functions
from storage.rows.table import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata)
with context.begin_transaction():
    apply_functions(connection)
    context.run_migrations()
