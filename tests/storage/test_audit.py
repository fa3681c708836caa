"""The audit trail: every alteration is found, and nobody but the function writes it (H2)."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.asyncio import AsyncEngine

from storage import audit
from storage.audit import AuditEntry, Broken
from storage.database import SERVICE, transaction
from tests.account_people import value
from tests.books import Superuser

LINES = 3
_DAMAGE = "SET session_replication_role = replica"


async def write(engine: AsyncEngine, stream: str, count: int = LINES) -> None:
    """Some lines in a stream."""
    for number in range(count):
        async with transaction(engine, SERVICE) as connection:
            await audit.append(
                connection, stream, AuditEntry(f"step {number}", "machine", "چیزی", after={"عدد": number})
            )


async def broken(engine: AsyncEngine) -> list[Broken]:
    """What verification finds."""
    async with transaction(engine, SERVICE) as connection:
        return [found async for found in audit.verify(connection)]


async def test_an_untouched_trail_is_whole(engine: AsyncEngine) -> None:
    await write(engine, "case:a")
    await write(engine, "case:b")

    assert await broken(engine) == []


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        ("UPDATE audit SET content = '{}' WHERE seq = 2", Broken("s", 2, "the line or its predecessor was altered")),
        (
            "UPDATE audit SET at = at + interval '1 microsecond' WHERE seq = 1",
            Broken("s", 1, "the line or its predecessor was altered"),
        ),
        ("DELETE FROM audit WHERE seq = 2", Broken("s", 2, "the line is missing")),
        ("DELETE FROM audit WHERE seq = 3", Broken("s", 3, "lines at the end are missing or altered")),
        ("DELETE FROM audit", Broken("s", 3, "lines at the end are missing or altered")),
        ("DELETE FROM audit_heads", Broken("s", 3, "the stream has no head")),
        ("UPDATE audit SET stream = 't'", Broken("t", 3, "the stream has no head")),
        ("UPDATE audit_heads SET seq = 2", Broken("s", 2, "lines at the end are missing or altered")),
    ],
)
async def test_an_alteration_is_found(engine: AsyncEngine, superuser: Superuser, damage: str, found: Broken) -> None:
    await write(engine, "s")
    await superuser.run(_DAMAGE)
    await superuser.run(damage)

    assert found in await broken(engine)


async def test_a_line_whose_own_hash_was_recomputed_still_breaks_the_next(
    engine: AsyncEngine, superuser: Superuser
) -> None:
    await write(engine, "s")
    ((before,),) = await superuser.rows("SELECT hash FROM audit WHERE seq = 1")
    ((at,),) = await superuser.rows("SELECT at FROM audit WHERE seq = 2")
    await superuser.run(_DAMAGE)
    forged = audit.link(bytes(before), "s", 2, at, "{}")
    await superuser.run("UPDATE audit SET content = '{}', hash = %s WHERE seq = 2", forged)

    assert [line.seq for line in await broken(engine)] == [3]


async def test_many_writers_of_one_stream_leave_one_chain(engine: AsyncEngine, superuser: Superuser) -> None:
    await asyncio.gather(*(write(engine, "busy") for _ in range(8)))

    assert await broken(engine) == []
    assert await superuser.value("SELECT max(seq) FROM audit") == 8 * LINES


async def test_a_line_goes_with_the_change_that_it_tells_of(engine: AsyncEngine, superuser: Superuser) -> None:
    async def fail() -> None:
        async with transaction(engine, SERVICE) as connection:
            await audit.append(connection, "s", AuditEntry("never", "machine", "x"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()

    assert await superuser.value("SELECT count(*) FROM audit") == 0


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO audit (stream, seq, at, content, hash) VALUES ('s', 9, now(), '{}', '')",
        "UPDATE audit SET content = '{}'",
        "DELETE FROM audit",
        "TRUNCATE audit",
        "UPDATE audit_heads SET seq = 0",
        "INSERT INTO audit_heads VALUES ('t', 0, '')",
    ],
)
async def test_the_apps_login_writes_only_through_the_function(
    engine: AsyncEngine, context: object, statement: str
) -> None:
    await write(engine, "s", 1)

    with pytest.raises(ProgrammingError, match="permission denied"):
        await value(context, statement)  # type: ignore[arg-type]
