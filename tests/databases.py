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
        SELECT 'class' AS catalogue, oid, xmin FROM pg_class
            WHERE relnamespace IN ('public'::regnamespace, 'vault'::regnamespace)
        UNION ALL SELECT 'proc', oid, xmin FROM pg_proc WHERE pronamespace = 'public'::regnamespace
        UNION ALL SELECT 'trigger', oid, xmin FROM pg_trigger UNION ALL SELECT 'policy', oid, xmin FROM pg_policy
        UNION ALL SELECT 'constraint', oid, xmin FROM pg_constraint WHERE connamespace = 'public'::regnamespace
        UNION ALL SELECT 'namespace', oid, xmin FROM pg_namespace WHERE nspname !~ '^pg_(toast_)?temp_'
        UNION ALL SELECT 'setting', setdatabase, xmin FROM pg_db_role_setting
    ) found
"""
_SIZE = "SELECT pg_database_size(current_database())"
# Its plans stay with the connection: as text, the statements took three times as long to read as to run.
_EMPTYING = """
    CREATE FUNCTION shipped.refill() RETURNS void LANGUAGE plpgsql SET session_replication_role = replica
    AS $$ BEGIN {} END $$
"""
_ALL_END = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s"
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

    def make_template(self) -> None:
        """Migrate a database, and keep what ships in it."""
        with self._maintenance() as connection:
            if self._directory is not None:
                connection.execute(f"CREATE TABLESPACE memory LOCATION '{self._directory}'")
            place = "pg_default" if self._directory is None else "memory"
            connection.execute(f"CREATE DATABASE {_TEMPLATE} OWNER amanat_owner TABLESPACE {place}")
        upgrade(self.server.owner_url(_TEMPLATE))
        with self._connected(_TEMPLATE) as connection:
            connection.execute(TIME_PASSES)
            connection.execute(NO_PROCESS)
            self._keep_shipped(connection)

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

    @contextlib.contextmanager
    def copied(self, name: str) -> Iterator[str]:
        """A copy of a database as it stands, like one that a backup brings back, for this moment alone; its name.

        Who is connected to the first one loses the connection.
        """
        self._count += 1
        copy = f"amanat_{self._count}"
        with self._maintenance() as connection:
            connection.execute(_ALL_END, [name])
            connection.execute(f"CREATE DATABASE {copy} OWNER amanat_owner TEMPLATE {name}")
        try:
            yield copy
        finally:
            with self._maintenance() as connection:
                connection.execute(f"DROP DATABASE {copy} WITH (FORCE)")

    def _empty(self, kept: _Kept) -> bool:
        """Whether it is as it was again."""
        connection = kept.connection
        try:
            connection.execute(_OTHERS_END)
            if kept.uses % _USES_UNMEASURED == 0 and _value(connection, _SIZE) > _LARGEST:
                return False
            if _value(connection, _FINGERPRINT) != kept.fingerprint:
                return False
            connection.execute("SELECT shipped.refill()")
        except psycopg.Error:
            return False
        return True

    def _keep_shipped(self, connection: psycopg.Connection) -> None:
        """Lay aside what ships, and have Postgres learn how to delete every row past triggers and keys and put it back.

        A sequence is set, not altered, which would make a new file of it.
        """
        relations = "SELECT relname FROM pg_class WHERE relnamespace = to_regnamespace(%s) AND relkind = %s ORDER BY 1"
        tables, sequences, entrusted = (
            [row[0] for row in connection.execute(relations, found)]
            for found in (("public", "r"), ("public", "S"), ("vault", "r"))
        )
        connection.execute("CREATE SCHEMA shipped")
        deeds = [_statement("DELETE FROM {}", table) for table in tables]
        # The next test has other keys, and nothing ships there.
        deeds += [_statement("DELETE FROM vault.{}", table) for table in entrusted]
        deeds += [_statement("PERFORM setval({}::regclass, 1, false)", sequence, sql.Literal) for sequence in sequences]
        for table in tables:
            if _value(connection, _statement("SELECT EXISTS (SELECT FROM {})", table)):
                connection.execute(_statement("CREATE TABLE shipped.{0} AS TABLE public.{0}", table))
                deeds.append(_statement("INSERT INTO public.{0} SELECT * FROM shipped.{0}", table))
        connection.execute(sql.SQL(_EMPTYING).format(sql.SQL("").join(deed + sql.SQL(";") for deed in deeds)))
        connection.execute("SELECT shipped.refill()")

    def _connect(self, name: str) -> psycopg.Connection:
        return psycopg.connect(self.server.superuser_url(name).replace("+psycopg", ""), autocommit=True)

    @contextlib.contextmanager
    def _connected(self, name: str) -> Iterator[psycopg.Connection]:
        with contextlib.closing(self._connect(name)) as connection:
            yield connection

    def _maintenance(self) -> contextlib.AbstractContextManager[psycopg.Connection]:
        return self._connected("postgres")


def _statement(template: str, name: str, kind: type[sql.Identifier | sql.Literal] = sql.Identifier) -> sql.Composed:
    return sql.SQL(template).format(kind(name))


def _value(connection: psycopg.Connection, query: Any) -> Any:
    row = connection.execute(query).fetchone()
    return None if row is None else row[0]
