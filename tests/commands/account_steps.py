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
    Limit,
    mandate_binding,
)
from storage.database import SERVICE, transaction
from storage.housekeeping import tell_failures
from tests.account_people import (
    Member,
    add_employee,
    add_member,
    envelope,
    sent_code,
    totp,
    value,
)
from tests.books import Superuser

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


async def use_up(context: Context, limit: Limit, key: str, *, left: int = 0) -> None:
    """Leave so many uses of a limit for a key; with none left the next at its pace comes in a minute."""
    used = {limit.name: limit.allowed - left} | ({} if left else {f"{limit.name}_paced": 1})
    for name, count in used.items():
        await value(
            context,
            "INSERT INTO rate_windows (bucket, starts_at, ends_at, used)"
            " VALUES (:bucket, 'epoch', now() + interval '1 minute', :used)"
            " ON CONFLICT (bucket, starts_at) DO UPDATE SET used = excluded.used, ends_at = excluded.ends_at",
            bucket=context.seals.index.of(f"rate:{name}", key),
            used=count,
        )


async def let_pace_pass(context: Context, limit: Limit, key: str) -> None:
    """Let so much time pass that one more is let through at the pace of a limit that was reached."""
    bucket = context.seals.index.of(f"rate:{limit.name}_paced", key)
    await value(context, "UPDATE rate_windows SET ends_at = now() WHERE bucket = :bucket", bucket=bucket)


async def tell(context: Context, superuser: Superuser) -> None:
    """Let housekeeping tell the audit trail of the failures so far."""
    await superuser.run("UPDATE failed_sign_ins SET minute = minute - interval '1 hour'")
    await tell_failures(context.engine)
