"""``./amanat staff``: the first operators, and taking away, on the running stack; as "console" in the audit trail.

Everything else about staff is proposed by one operator and confirmed by another, on the pages or through the API.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Final, TypeVar
from uuid import UUID

import typer

from commands.account import (
    StaffAdministration,
    add_operator,
    console_administration,
    disable_staff,
    read_newcomer,
    reset_operator,
    revoke_role,
)
from domain.account import parse_username
from domain.errors import NotFound
from stack.refusals import said_in_one_line
from storage.account import find_staff, staff_page
from storage.database import SERVICE, transaction

T = TypeVar("T")
_PAGE: Final = 100
_SENT: Final = "A link to set password and TOTP goes to their mobile by SMS; it counts once, for a day."

app = typer.Typer(
    add_completion=False,
    help="The first two operators, and taking rights away.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

Username = Annotated[str, typer.Argument(help="User name: 3 to 40 of a-z, 0-9, dot, dash, underscore")]


@app.command()
def add(
    username: Username,
    national_id: Annotated[str, typer.Option(prompt=True, help="National id; asked for if left out")],
    mobile: Annotated[str, typer.Option(prompt=True, help="Where the link goes")],
    first_name: Annotated[str, typer.Option(prompt=True)],
    last_name: Annotated[str, typer.Option(prompt=True)],
) -> None:
    """Add an operator, while fewer than two can sign in; they set password and TOTP themselves, by a link."""

    async def work(administration: StaffAdministration) -> None:
        newcomer = await read_newcomer(
            national_id=national_id, mobile=mobile, first_name=first_name, last_name=last_name, username=username
        )
        await add_operator(administration, newcomer)

    _run(work)
    typer.echo(_SENT)


@app.command("list")
def list_() -> None:
    """Show all staff with their roles and the ids of these."""

    async def work(administration: StaffAdministration) -> None:
        after: UUID | None = None
        while page := await staff_page(administration.connection, after, _PAGE):
            for member in page:
                state = "  (disabled)" if member.disabled else "" if member.is_set_up else "  (not set up)"
                typer.echo(f"{member.username}  {member.first_name} {member.last_name}  {member.person_id}{state}")
                for held in member.grants:
                    scope = f":{held.grant.scope_kind}:{held.grant.scope}" if held.grant.scope else ""
                    typer.echo(f"    {held.grant.role}{scope}  {held.id}")
            after = page[-1].person_id

    _run(work)


@app.command()
def revoke(
    username: Username, grant_id: Annotated[UUID, typer.Argument(help="The grant's id, see ./amanat staff list")]
) -> None:
    """Take a role back, at once."""

    async def work(administration: StaffAdministration) -> None:
        await revoke_role(administration, await _person(administration, username), grant_id)

    _run(work)
    typer.echo("revoked")


@app.command()
def reset(username: Username) -> None:
    """Reset an operator, while fewer than two can sign in; sessions end, and a disabled account opens again."""

    async def work(administration: StaffAdministration) -> None:
        await reset_operator(administration, await _person(administration, username))

    _run(work)
    typer.echo(_SENT)


@app.command()
def disable(username: Username) -> None:
    """Shut a member of staff out, at once."""

    async def work(administration: StaffAdministration) -> None:
        await disable_staff(administration, await _person(administration, username))

    _run(work)
    typer.echo("disabled")


def _run(work: Callable[[StaffAdministration], Awaitable[T]]) -> T:
    with said_in_one_line():
        return asyncio.run(_with_administration(work))


async def _with_administration(work: Callable[[StaffAdministration], Awaitable[T]]) -> T:
    from stack.connect import connected  # noqa: PLC0415 - --help needs no stack

    async with connected() as assembly, transaction(assembly.engine, SERVICE) as connection:
        return await work(console_administration(connection, assembly.context.seals))


async def _person(administration: StaffAdministration, username: str) -> UUID:
    person_id = await find_staff(administration.connection, parse_username(username))
    if person_id is None:
        raise NotFound(field="username")
    return person_id
