"""Steps that the tests of accounts share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from uuid import UUID

import sqlalchemy as sa

from commands.account import (
    SignIn,
    StaffAdministration,
    authenticate,
    check_code,
    console_administration,
    request_code,
    request_sign_in_code,
    sign_in,
    sign_in_staff,
)
from commands.command import Command, Context, perform
from domain.access import Actor, Grant, Role, ScopeKind
from domain.account import (
    CodePurpose,
    mandate_binding,
)
from storage.database import SERVICE, transaction
from tests.account_people import (
    Member,
    add_employee,
    add_member,
    envelope,
    sent_code,
    totp,
    value,
)

ORIGIN = "origin-of-the-tests"
TERMS = mandate_binding("minipay", 20_000_000, 12, 1)
FINANCE = Grant(Role.FINANCE_OFFICER, ScopeKind.REGION, "1101")


async def challenge(context: Context, member: Member, *, origin: str = ORIGIN) -> UUID:
    return await request_sign_in_code(context, national_id=member.national_id, mobile=member.mobile, origin=origin)


async def signed_in_member(context: Context, member: Member) -> SignIn:
    wanted = await challenge(context, member)
    return await sign_in(context, challenge_id=wanted, code=await sent_code(context, wanted), origin=ORIGIN)


async def member_actor(context: Context, number: int = 1) -> Actor:
    signed_in = await signed_in_member(context, await add_member(context, number))
    return await authenticate(context, signed_in.session.token)


async def do(context: Context, actor: Actor, work: Callable[[Command], Awaitable[object]]) -> None:
    async def as_json(command: Command) -> bytes:
        await work(command)
        return b"{}"

    await perform(context, envelope(actor), as_json)


async def code_for(context: Context, actor: Actor, purpose: CodePurpose, binding: bytes) -> UUID:
    found: list[UUID] = []

    async def work(command: Command) -> None:
        found.append(await request_code(command, purpose, binding))

    await do(context, actor, work)
    return found[-1]


async def check(context: Context, actor: Actor, code_id: UUID, code: str, binding: bytes = TERMS) -> None:
    await check_code(
        context.side,
        context.seals,
        code_id=code_id,
        person_id=actor.person_id,
        purpose=CodePurpose.ACCEPT_MANDATE,
        binding=binding,
        code=code,
    )


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06}"


@contextmanager
def statements(context: Context) -> Iterator[list[str]]:
    """Every statement that reaches Postgres meanwhile."""
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        seen.append(statement)

    sa.event.listen(context.engine.sync_engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        sa.event.remove(context.engine.sync_engine, "before_cursor_execute", note)


@asynccontextmanager
async def console(context: Context) -> AsyncIterator[StaffAdministration]:
    async with transaction(context.engine, SERVICE) as connection:
        yield console_administration(connection, context.seals)


async def staff_actor(
    context: Context, username: str, *grants: Grant, number: int = 500, strong: bool = False
) -> Actor:
    credentials = await add_employee(context, username, *grants, number=number)
    signed_in = await sign_in_staff(
        context,
        username=username,
        password=credentials.password,
        totp=await totp(context, credentials.totp_secret),
        origin=ORIGIN,
    )
    if not strong:
        stale = "UPDATE sessions SET strong_until = now() - interval '1 second' WHERE id = :id"
        await value(context, stale, id=signed_in.session.id)
    return await authenticate(context, signed_in.session.token)
