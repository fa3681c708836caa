"""``./amanat staff``: make and change staff accounts on the running stack, as "console" in the audit trail."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Final, TypeVar
from uuid import UUID

import typer

from commands.account import (
    FirstCredentials,
    StaffAdministration,
    StaffWish,
    add_staff,
    console_administration,
    disable_staff,
    grant_role,
    reset_staff,
    revoke_role,
)
from domain.access import SCOPES, Grant, Role, ScopeKind
from domain.account import BadScope, parse_grant, parse_username
from domain.errors import NotFound
from stack.places import CliError
from stack.refusals import said_in_one_line
from storage.account import find_staff, staff_page
from storage.database import SERVICE, transaction
from storage.organisation import find_organisation

T = TypeVar("T")
_PAGE: Final = 100
_ROLE_HELP: Final = (
    "ROLE, ROLE:region:CODE or ROLE:organisation:CODE, for example operator, finance_officer:region:1101,"
    " hr_officer:organisation:education"
)

app = typer.Typer(
    add_completion=False,
    help="Make and change staff accounts.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

Username = Annotated[str, typer.Argument(help="User name: 3 to 40 of a-z, 0-9, dot, dash, underscore")]
RoleText = Annotated[str, typer.Argument(metavar="ROLE", help=_ROLE_HELP)]


@app.command()
def add(
    username: Username,
    national_id: Annotated[str, typer.Option(prompt=True, help="National id; asked for if left out")],
    first_name: Annotated[str, typer.Option(prompt=True)],
    last_name: Annotated[str, typer.Option(prompt=True)],
    mobile: Annotated[str | None, typer.Option(help="Mobile, for messages")] = None,
    role: Annotated[list[str] | None, typer.Option(help=f"{_ROLE_HELP}; may be given several times")] = None,
) -> None:
    """Add a member of staff; prints the password and the TOTP secret, once."""

    async def work(administration: StaffAdministration) -> FirstCredentials:
        grants = [await _read_role(administration, text) for text in role or ()]
        return await add_staff(administration, StaffWish(national_id, mobile, first_name, last_name, username, grants))

    _print_once(_run(work))


@app.command("list")
def list_() -> None:
    """Show all staff with their roles and the ids of these."""

    async def work(administration: StaffAdministration) -> None:
        after: UUID | None = None
        while page := await staff_page(administration.connection, after, _PAGE):
            for member in page:
                state = "  (disabled)" if member.disabled else ""
                typer.echo(f"{member.username}  {member.first_name} {member.last_name}  {member.person_id}{state}")
                for held in member.grants:
                    scope = f":{held.grant.scope_kind}:{held.grant.scope}" if held.grant.scope else ""
                    typer.echo(f"    {held.grant.role}{scope}  {held.id}")
            after = page[-1].person_id

    _run(work)


@app.command()
def grant(username: Username, role: RoleText) -> None:
    """Give a member of staff a role; it counts at once."""

    async def work(administration: StaffAdministration) -> UUID:
        person_id = await _person(administration, username)
        return await grant_role(administration, person_id, await _read_role(administration, role))

    typer.echo(f"granted {_run(work)}")


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
    """Give a new password and TOTP secret, printed once; sessions end, and a disabled account opens again."""

    async def work(administration: StaffAdministration) -> FirstCredentials:
        return await reset_staff(administration, username)

    _print_once(_run(work))


@app.command()
def disable(username: Username) -> None:
    """Shut a member of staff out, at once."""

    async def work(administration: StaffAdministration) -> None:
        await disable_staff(administration, username)

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


async def _read_role(administration: StaffAdministration, text: str) -> Grant:
    name, _, rest = text.partition(":")
    kind, _, scope = rest.partition(":")
    try:
        role, scope_kind = Role(name), ScopeKind(kind or "platform")
    except ValueError:
        known = ", ".join(f"{role} ({' or '.join(sorted(SCOPES[role]))})" for role in Role)
        raise CliError(f"{text} is no role with a scope; roles: {known}") from None
    if scope_kind is ScopeKind.ORGANISATION:
        organisation = await find_organisation(administration.connection, scope)
        if organisation is None:
            raise BadScope(field=text)
        scope = str(organisation.id)
    return parse_grant(role, scope_kind, scope, field=text)


def _print_once(credentials: FirstCredentials) -> None:
    typer.echo(f"user name    {credentials.username}")
    typer.echo(f"password     {credentials.password}")
    typer.echo(f"TOTP secret  {credentials.totp_secret}")
    typer.echo(f"TOTP address {credentials.totp_uri}")
    typer.echo("Shown once: keep it now.")
