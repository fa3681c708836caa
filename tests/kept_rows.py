"""The rows of a whole database laid aside, and put into another one: what took a test long is played once for many."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from psycopg import sql

from tests.books import Superuser

_RELATIONS = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = %s ORDER BY 1"


@dataclass(frozen=True, slots=True)
class KeptRows:
    """The rows of each table that has any, as COPY writes them, and where each sequence stands."""

    tables: Mapping[str, bytes]
    sequences: Mapping[str, int]

    @classmethod
    async def of(cls, superuser: Superuser) -> KeptRows:
        """Lay aside what is in a database."""
        tables, sequences = {}, {}
        for (name,) in await superuser.rows(_RELATIONS, "r"):
            rows = b""
            async with superuser.connection.cursor().copy(_of("COPY {} TO STDOUT", name)) as copy:
                async for part in copy:
                    rows += part
            if rows:
                tables[name] = rows
        for (name,) in await superuser.rows(_RELATIONS, "S"):
            found = await superuser.connection.execute(_of("SELECT last_value FROM {} WHERE is_called", name))
            for (last,) in await found.fetchall():
                sequences[name] = last
        return cls(tables, sequences)

    async def put_back(self, superuser: Superuser) -> None:
        """Put them into a database that is as the migrations leave it, past triggers and keys."""
        async with superuser.connection.transaction():
            await superuser.run("SET LOCAL session_replication_role = replica")
            emptied = sql.SQL(";").join([_of("DELETE FROM {}", name) for name in self.tables])
            await superuser.connection.execute(emptied)
            for name, rows in self.tables.items():
                async with superuser.connection.cursor().copy(_of("COPY {} FROM STDIN", name)) as copy:
                    await copy.write(rows)
            for name, last in self.sequences.items():
                await superuser.run("SELECT setval(%s::regclass, %s)", name, last)


def _of(template: str, name: str) -> sql.Composed:
    return sql.SQL(template).format(sql.Identifier(name))
