"""Databases for tests, each as the migrations leave it: a used one is emptied rather than made anew.

Making a database copies ten megabytes; emptying one deletes the few rows that a test wrote. A database whose schema a
test has changed, or that was used often, is thrown away. Where there is room their files are in memory: a disk's file
system takes long to make and to delete hundreds of them, again and again.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from stack.postgres import EmbeddedPostgres
from stack.postgres_binaries import find_binaries
from storage.migrate import upgrade
from tests.arrange import NO_PROCESS, TIME_PASSES

_TEMPLATE = "amanat_template"
_MEMORY = Path("/dev/shm")  # noqa: S108 - each process has a directory of its own in it
_ROOM = 2 * 1024**3
# Dead rows add up, and every scan walks over them.
_USES_MAX = 40
# Its size is the sum over a thousand files: that takes longer than to delete what most tests wrote.
_USES_UNMEASURED = 4
_LARGEST = 24 * 1024 * 1024
# Whether the schema is what it was: any change to one of these rows gives it another xmin.
_FINGERPRINT = """
    SELECT md5(string_agg(catalogue || oid || ':' || xmin, ',' ORDER BY catalogue, oid)) FROM (
        SELECT 'class' AS catalogue, oid, xmin FROM pg_class WHERE relnamespace = 'public'::regnamespace
        UNION ALL SELECT 'proc', oid, xmin FROM pg_proc WHERE pronamespace = 'public'::regnamespace
        UNION ALL SELECT 'trigger', oid, xmin FROM pg_trigger UNION ALL SELECT 'policy', oid, xmin FROM pg_policy
        UNION ALL SELECT 'constraint', oid, xmin FROM pg_constraint WHERE connamespace = 'public'::regnamespace
        UNION ALL SELECT 'namespace', oid, xmin FROM pg_namespace WHERE nspname !~ '^pg_(toast_)?temp_'
        UNION ALL SELECT 'setting', setdatabase, xmin FROM pg_db_role_setting
    ) found
"""
_OTHERS_END = """
    SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND state IS DISTINCT FROM 'idle'
"""


def _memory() -> Path | None:
    """A directory in memory for this process's databases; None without room. Removes what killed runs left."""
    directory = _MEMORY / f"amanat-tests-{os.getpid()}"
    for left in _MEMORY.glob("amanat-tests-*"):
        if left == directory or not Path("/proc", left.name.rpartition("-")[2]).exists():
            shutil.rmtree(left, ignore_errors=True)
    if not _MEMORY.is_dir() or shutil.disk_usage(_MEMORY).free < _ROOM:
        return None
    directory.mkdir(mode=0o700)
    os.chown(directory, *(find_binaries().user or (-1, -1)))
    return directory


@dataclass(slots=True)
class _Kept:
    """A database that is used again and again, and a connection that knows its catalogues."""

    name: str
    connection: psycopg.Connection
    fingerprint: str
    uses: int = 0


@dataclass(slots=True)
class Databases:
    """Hands out one database at a time."""

    server: EmbeddedPostgres
    _directory: Path | None = field(default_factory=_memory)
    _count: int = 0
    _kept: _Kept | None = None
    _tables: list[str] = field(default_factory=list)
    _sequences: list[str] = field(default_factory=list)
    _shipped: dict[str, list[bytes]] = field(default_factory=dict)

    def make_template(self) -> None:
        """Migrate a database, and remember what ships in it."""
        with self._maintenance() as connection:
            if self._directory is not None:
                connection.execute(f"CREATE TABLESPACE memory LOCATION '{self._directory}'")
            place = "pg_default" if self._directory is None else "memory"
            connection.execute(f"CREATE DATABASE {_TEMPLATE} OWNER amanat_owner TABLESPACE {place}")
        upgrade(self.server.owner_url(_TEMPLATE))
        with self._connected(_TEMPLATE) as connection:
            connection.execute(TIME_PASSES)
            connection.execute(NO_PROCESS)
            self._tables = [row[0] for row in connection.execute(
                "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' ORDER BY 1"
            )]  # fmt: skip
            self._sequences = [row[0] for row in connection.execute(
                "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'S' ORDER BY 1"
            )]  # fmt: skip
            for table in self._tables:
                with connection.cursor().copy(_statement("COPY {} TO STDOUT", table)) as copy:
                    rows = [bytes(row) for row in copy]
                if rows:
                    self._shipped[table] = rows

    def end(self) -> None:
        """Drop everything."""
        self.throw_away()
        with self._maintenance() as connection:
            connection.execute(f"DROP DATABASE {_TEMPLATE}")
            if self._directory is not None:
                connection.execute("DROP TABLESPACE memory")
                self._directory.rmdir()

    def take(self) -> str:
        """A database as the migrations leave it."""
        if self._kept is None:
            self._count += 1
            name = f"amanat_{self._count}"
            with self._maintenance() as connection:
                connection.execute(f"CREATE DATABASE {name} OWNER amanat_owner TEMPLATE {_TEMPLATE}")
            connection = self._connect(name)
            self._kept = _Kept(name, connection, _value(connection, _FINGERPRINT))
        return self._kept.name

    def give_back(self, *, keep: bool = True) -> None:
        """Empty it for the next test, or throw it away."""
        kept = self._kept
        if kept is None:
            return
        kept.uses += 1
        if not keep or kept.uses >= _USES_MAX or not self._empty(kept):
            self.throw_away()

    def throw_away(self) -> None:
        """Drop the database that is kept."""
        kept, self._kept = self._kept, None
        if kept is not None:
            kept.connection.close()
            with self._maintenance() as connection:
                connection.execute(f"DROP DATABASE IF EXISTS {kept.name} WITH (FORCE)")

    @contextlib.contextmanager
    def spare(self) -> Iterator[str]:
        """The owner's address of a database with nothing in it, for this moment alone."""
        self._count += 1
        name = f"amanat_{self._count}"
        with self._maintenance() as connection:
            connection.execute(f"CREATE DATABASE {name} OWNER amanat_owner")
        try:
            yield self.server.owner_url(name)
        finally:
            with self._maintenance() as connection:
                connection.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def _empty(self, kept: _Kept) -> bool:
        """Whether it is as it was again."""
        connection = kept.connection
        try:
            connection.execute(_OTHERS_END)
            size = _value(connection, "SELECT pg_database_size(current_database())")
            if size > _LARGEST or _value(connection, _FINGERPRINT) != kept.fingerprint:
                return False
            with connection.transaction():
                self._refill(connection)
        except psycopg.Error:
            return False
        return True

    def _refill(self, connection: psycopg.Connection) -> None:
        """Delete every row past triggers and keys, and put back what ships."""
        connection.execute("SET LOCAL session_replication_role = replica")
        emptied = [_statement("DELETE FROM {}", table) for table in self._tables]
        # Not ALTER SEQUENCE, which makes a new file of it.
        restarted = [sql.SQL("SELECT setval({}, 1, false)").format(sequence) for sequence in self._sequences]
        connection.execute(sql.SQL(";").join([*emptied, *restarted]))
        for table, rows in self._shipped.items():
            with connection.cursor().copy(_statement("COPY {} FROM STDIN", table)) as copy:
                for row in rows:
                    copy.write(row)

    def _connect(self, name: str) -> psycopg.Connection:
        return psycopg.connect(self.server.superuser_url(name).replace("+psycopg", ""), autocommit=True)

    @contextlib.contextmanager
    def _connected(self, name: str) -> Iterator[psycopg.Connection]:
        with contextlib.closing(self._connect(name)) as connection:
            yield connection

    def _maintenance(self) -> contextlib.AbstractContextManager[psycopg.Connection]:
        return self._connected("postgres")


def _statement(template: str, name: str) -> sql.Composed:
    return sql.SQL(template).format(sql.Identifier(name))


def _value(connection: psycopg.Connection, query: Any) -> Any:
    row = connection.execute(query).fetchone()
    return None if row is None else row[0]
