"""Staff and their roles, administered by operators."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Body, Depends
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import Response

from api.account.sessions import HeldRole
from api.dependencies import PerformerDep, ReaderDep, require
from api.problems import responses
from api.values import Cursor, Input, Limit, Page, cut, read_cursor, write_cursor
from commands.account import StaffWish, add_staff, grant_role, operators_office, revoke_role
from commands.command import Command
from domain.access import Grant, Role, ScopeKind
from domain.account import (
    AlreadyStaff,
    BadName,
    BadScope,
    BadUsername,
    MobileDiffers,
    MobileUnreadable,
    NationalIdUnreadable,
    OwnRole,
    RoleHeld,
    UsernameTaken,
    parse_grant,
)
from domain.errors import Forbidden, NotFound, StepUpRequired, Unauthenticated
from storage.account import staff_page

router = APIRouter(prefix="/v1/staff", tags=["staff"])

_REFUSALS = (Unauthenticated, Forbidden, StepUpRequired, OwnRole)


class RoleWish(Input):
    """A role in a scope."""

    role: Role = Field(examples=["hr_officer"])
    scope_kind: ScopeKind = Field(examples=["organisation"])
    scope: str = Field(
        default="",
        max_length=60,
        description="A region's code, an organisation's id, or empty for the platform",
        examples=["0192f0a1-5b7c-7c1e-8f00-2f6f0c7d9a11"],
    )

    def as_grant(self, field: str) -> Grant:
        """The grant. Raises BadScope."""
        return parse_grant(self.role, self.scope_kind, self.scope, field=field)


class NewStaff(Input):
    """Whom to add. A person who is known already keeps their name."""

    national_id: str = Field(max_length=40, examples=["0499370899"])
    mobile: str | None = Field(default=None, max_length=40, examples=["09121234567"])
    first_name: str = Field(max_length=200, examples=["مریم"])
    last_name: str = Field(max_length=200, examples=["رضایی"])
    username: str = Field(max_length=100, examples=["maryam.hr"])
    roles: list[RoleWish] = Field(default_factory=list, max_length=50)


class AddedStaff(BaseModel):
    """What the new member of staff signs in with; shown here and never again."""

    person_id: UUID
    username: str
    password: str | None = Field(description="Null in the repeated answer to a retry: then reset the account")
    totp_secret: str | None
    totp_uri: str | None = Field(description="For an authenticator app, as a QR code")

    @classmethod
    def without_secrets(cls, body: bytes) -> bytes:
        """What is kept for a retry."""
        shown = cls.model_validate_json(body)
        return (
            shown.model_copy(update=dict.fromkeys(("password", "totp_secret", "totp_uri"))).model_dump_json().encode()
        )


class RoleHolding(HeldRole):
    """A role in force, with the id by which it is taken back."""

    id: UUID


class StaffItem(BaseModel):
    """One of the staff."""

    person_id: UUID
    username: str
    first_name: str
    last_name: str
    disabled: bool
    roles: list[RoleHolding]


class RoleGranted(BaseModel):
    """A role was granted."""

    id: UUID


class RoleRevoked(BaseModel):
    """A role was taken back."""

    id: UUID


@router.post(
    "",
    operation_id="add_staff",
    status_code=201,
    response_model=AddedStaff,
    responses=responses(
        *_REFUSALS,
        NationalIdUnreadable,
        MobileUnreadable,
        BadName,
        BadUsername,
        BadScope,
        MobileDiffers,
        AlreadyStaff,
        UsernameTaken,
    ),
)
async def add_staff_operation(body: Annotated[NewStaff, Body()], performer: PerformerDep) -> Response:
    """Add a member of staff with their roles. Needs a fresh code."""

    async def work(command: Command) -> AddedStaff:
        office = operators_office(command)
        wish = StaffWish(
            national_id=body.national_id,
            mobile=body.mobile,
            first_name=body.first_name,
            last_name=body.last_name,
            username=body.username,
            grants=[role.as_grant(f"roles.{place}.scope") for place, role in enumerate(body.roles)],
        )
        added = await add_staff(office, wish)
        return AddedStaff(
            person_id=added.person_id,
            username=added.username,
            password=added.password,
            totp_secret=added.totp_secret,
            totp_uri=added.totp_uri,
        )

    return await performer.run(work, status=201, keep=AddedStaff.without_secrets)


@router.get(
    "",
    operation_id="list_staff",
    dependencies=[Depends(require(Role.OPERATOR, Role.AUDITOR))],
    responses=responses(Unauthenticated, Forbidden),
)
async def list_staff_operation(
    reader: ReaderDep,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[StaffItem]:
    """Staff and the roles they hold, for operators and auditors."""

    async def query(connection: AsyncConnection) -> Page[StaffItem]:
        after = read_cursor(cursor, UUID)
        found, more = cut(await staff_page(connection, None if after is None else after[0], limit + 1), limit)
        items = [
            StaffItem(
                person_id=member.person_id,
                username=member.username,
                first_name=member.first_name,
                last_name=member.last_name,
                disabled=member.disabled,
                roles=[
                    RoleHolding(
                        id=held.id, role=held.grant.role, scope_kind=held.grant.scope_kind, scope=held.grant.scope
                    )
                    for held in member.grants
                ],
            )
            for member in found
        ]
        return Page(items=items, next=write_cursor(items[-1].person_id) if more else None)

    return await reader.read(query)


@router.post(
    "/{person_id}/grants",
    operation_id="grant_role",
    status_code=201,
    response_model=RoleGranted,
    responses=responses(*_REFUSALS, NotFound, BadScope, RoleHeld),
)
async def grant_role_operation(person_id: UUID, body: Annotated[RoleWish, Body()], performer: PerformerDep) -> Response:
    """Give a member of staff a role in a scope; it counts at once. Needs a fresh code."""

    async def work(command: Command) -> RoleGranted:
        office = operators_office(command)
        return RoleGranted(id=await grant_role(office, person_id, body.as_grant("scope")))

    return await performer.run(work, status=201)


@router.delete(
    "/{person_id}/grants/{grant_id}",
    operation_id="revoke_role",
    response_model=RoleRevoked,
    responses=responses(*_REFUSALS, NotFound),
)
async def revoke_role_operation(person_id: UUID, grant_id: UUID, performer: PerformerDep) -> Response:
    """Take a role back, at once. Needs a fresh code."""

    async def work(command: Command) -> RoleRevoked:
        await revoke_role(operators_office(command), person_id, grant_id)
        return RoleRevoked(id=grant_id)

    return await performer.run(work)
