"""What a person may do is judged at the moment of the deed, however long ago the request began (G1)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx2
import pytest
import sqlalchemy as sa

from commands.account import disable_staff, operator_administration, revoke_role
from commands.command import Command, Context
from domain.access import Actor, Grant, Role, ScopeKind
from domain.errors import Forbidden, Unauthenticated
from storage.account import end_session, end_sessions
from storage.database import SERVICE, transaction
from storage.locks import About, lock
from storage.rows.account import role_grants
from tests.arrange import Arrange, Someone, eventually
from tests.books import Superuser
from tests.commands.onboarding_steps import run_as

CONTRACTS = Grant(Role.CONTRACTS_OFFICER, ScopeKind.PLATFORM)
WAITS = (
    "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database"
    " WHERE l.locktype = 'advisory' AND NOT l.granted AND d.datname = current_database()"
)


@pytest.fixture
async def employee(arrange: Arrange) -> Someone:
    """Somebody with one role."""
    return await arrange.staff(CONTRACTS)


@pytest.fixture
async def officer(arrange: Arrange, employee: Someone) -> Actor:
    """Them as their request found them."""
    return await arrange.actor(employee)


@pytest.fixture
async def operator(arrange: Arrange) -> Actor:
    """Who takes it away."""
    return await arrange.actor(await arrange.platform(Role.OPERATOR))


async def act(command: Command) -> None:
    """What needs the role."""
    command.require_role(Role.CONTRACTS_OFFICER)


async def revoke(context: Context, operator: Actor, officer: Actor) -> None:
    """Take the role away."""
    async with transaction(context.engine, SERVICE) as connection:
        held = sa.select(role_grants.c.id).where(role_grants.c.person_id == officer.person_id)
        grant_id = (await connection.execute(held)).scalar_one()

    async def work(command: Command) -> None:
        await revoke_role(operator_administration(command), officer.person_id, grant_id)

    await run_as(context, operator, work)


async def test_a_role_revoked_since_the_request_began_counts_no_more(
    context: Context, officer: Actor, operator: Actor
) -> None:
    await run_as(context, officer, act)
    await revoke(context, operator, officer)

    with pytest.raises(Forbidden):
        await run_as(context, officer, act)


async def _sign_out(context: Context, officer: Actor) -> None:
    async with transaction(context.engine, SERVICE) as connection:
        await end_session(connection, officer.person_id, officer.session_id)


async def _end_all(context: Context, officer: Actor) -> None:
    async with transaction(context.engine, SERVICE) as connection:
        await end_sessions(connection, officer.person_id)


@pytest.mark.parametrize("end", [_sign_out, _end_all])
async def test_a_session_that_ended_since_the_request_began_does_nothing_more(
    context: Context, officer: Actor, end: Callable[[Context, Actor], Awaitable[None]]
) -> None:
    await end(context, officer)

    with pytest.raises(Unauthenticated):
        await run_as(context, officer, act)


async def test_whoever_was_shut_out_since_the_request_began_does_nothing_more(
    context: Context, officer: Actor, operator: Actor
) -> None:
    async def shut_out(command: Command) -> None:
        await disable_staff(operator_administration(command), officer.person_id)

    await run_as(context, operator, shut_out)

    with pytest.raises(Unauthenticated):
        await run_as(context, officer, act)


async def test_taking_a_role_away_waits_for_the_command_that_goes_by_it(
    context: Context, officer: Actor, operator: Actor, superuser: Superuser
) -> None:
    order, begun, go_on = list[str](), asyncio.Event(), asyncio.Event()

    async def slow(command: Command) -> None:
        await act(command)
        begun.set()
        await go_on.wait()

    async def do() -> None:
        await run_as(context, officer, slow)
        order.append("done")

    async def take() -> None:
        await revoke(context, operator, officer)
        order.append("revoked")

    async def waits() -> bool:
        return bool(await superuser.value(WAITS))

    doing = asyncio.create_task(do())
    await begun.wait()
    taking = asyncio.create_task(take())
    await eventually(waits, "the revocation to wait")
    go_on.set()
    await asyncio.gather(doing, taking)

    assert order == ["done", "revoked"]


async def test_an_operation_asks_for_the_role_again_when_its_body_has_come(
    api: httpx2.AsyncClient, context: Context, employee: Someone, officer: Actor, operator: Actor, superuser: Superuser
) -> None:
    before = await superuser.value("SELECT count(*) FROM organisations")

    async def body() -> Any:
        yield b'{"code": "education",'
        await revoke(context, operator, officer)
        yield '"name": "آموزش و پرورش"}'.encode()

    headers = {**employee.headers(), "Content-Type": "application/json"}
    answer = await api.post("/v1/organisations", content=body(), headers=headers)

    assert answer.status_code == 403
    assert await superuser.value("SELECT count(*) FROM organisations") == before


async def test_a_lock_of_one_kind_is_never_one_of_another(context: Context) -> None:
    async with transaction(context.engine, SERVICE) as connection:
        for about in About:
            await lock(connection, about, "a name that somebody chose")
        held = await connection.scalar(
            sa.text("SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND objsubid = 2")
        )

    assert held == len(About)
