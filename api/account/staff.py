"""Staff and their roles, as operators see them, and what one operator does alone; the rest takes two."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import AliasPath, Field

from api.account.sessions import HeldRole
from api.dependencies import CommandDep, ReadingDep, require
from api.operation import Operation
from api.values import IdCursor, Limit, Out, Page
from commands import account as commands
from commands.refusals import refuses
from domain.access import Role, ScopeKind
from domain.errors import Forbidden, StepUpRequired
from storage.account import read_staff as read_member
from storage.account import staff_page

router = APIRouter(prefix="/v1/staff", tags=["staff"], route_class=Operation)
_READERS = require(Role.OPERATOR, Role.AUDITOR)


class RoleHolding(HeldRole):
    """A role in force, with the id by which it is taken back."""

    id: UUID
    role: Role = Field(validation_alias=AliasPath("grant", "role"))
    scope_kind: ScopeKind = Field(validation_alias=AliasPath("grant", "scope_kind"))
    scope: str = Field(validation_alias=AliasPath("grant", "scope"))


class StaffItem(Out):
    """One of the staff."""

    person_id: UUID
    username: str
    first_name: str
    last_name: str
    disabled: bool
    is_set_up: bool = Field(description="Whether they have set password and TOTP through their link")
    roles: list[RoleHolding] = Field(validation_alias="grants")


class StaffChanged(Out):
    """Whose account was changed."""

    person_id: UUID


class RoleRevoked(Out):
    """A role was taken back."""

    id: UUID


@router.get("", dependencies=[Depends(_READERS)])
async def list_staff(read: ReadingDep, after: IdCursor, limit: Limit = 50) -> Page[StaffItem]:
    """Staff and the roles they hold, for operators and auditors."""
    rows = await staff_page(read.connection, after, limit + 1)
    return Page.of(rows, limit, lambda row: (row.person_id,), StaffItem.model_validate)


@router.get("/{person_id}", dependencies=[Depends(_READERS)])
async def read_staff(read: ReadingDep, person_id: UUID) -> StaffItem | None:
    """One of the staff, for operators and auditors."""
    member = await read_member(read.connection, person_id)
    return None if member is None else StaffItem.model_validate(member)


@router.delete("/{person_id}/grants/{grant_id}")
@refuses(commands.revoke_role, Forbidden, StepUpRequired)
async def revoke_role(command: CommandDep, person_id: UUID, grant_id: UUID) -> RoleRevoked:
    """Take a role back, at once. Needs a fresh code."""
    await commands.revoke_role(commands.operator_administration(command), person_id, grant_id)
    return RoleRevoked(id=grant_id)


@router.post("/{person_id}/disabling")
@refuses(commands.disable_staff, Forbidden, StepUpRequired)
async def disable_staff(command: CommandDep, person_id: UUID) -> StaffChanged:
    """Shut a member of staff out, at once; only a reset, which takes two, opens the account again. Needs a code."""
    await commands.disable_staff(commands.operator_administration(command), person_id)
    return StaffChanged(person_id=person_id)


@router.post("/{person_id}/link", status_code=202)
@refuses(commands.resend_staff_link, Forbidden, StepUpRequired)
async def resend_staff_link(command: CommandDep, person_id: UUID) -> StaffChanged:
    """Send another link to the mobile of somebody whose account is not set up yet. Needs a fresh code."""
    await commands.resend_staff_link(commands.operator_administration(command), person_id)
    return StaffChanged(person_id=person_id)
