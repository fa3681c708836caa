"""Staff and their roles, administered by operators."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import AliasPath, Field

from api.account.sessions import HeldRole
from api.dependencies import CommandDep, ReadingDep, require
from api.operation import Operation
from api.values import IdCursor, Input, Limit, Out, Page
from commands import account as commands
from commands.refusals import refuses
from domain.access import Grant, Role, ScopeKind
from domain.account import parse_grant
from domain.errors import Forbidden, StepUpRequired
from storage.account import staff_page

router = APIRouter(prefix="/v1/staff", tags=["staff"], route_class=Operation)


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


class AddedStaff(Out):
    """What the new member of staff signs in with; shown here and never again."""

    person_id: UUID
    username: str
    password: str | None = Field(description="Null in the repeated answer to a retry: then reset the account")
    totp_secret: str | None
    totp_uri: str | None = Field(description="For an authenticator app, as a QR code")

    @classmethod
    def kept(cls, body: bytes) -> bytes:
        """What is kept for a retry: no secrets."""
        shown = cls.model_validate_json(body)
        return (
            shown.model_copy(update=dict.fromkeys(("password", "totp_secret", "totp_uri"))).model_dump_json().encode()
        )


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
    roles: list[RoleHolding] = Field(validation_alias="grants")


class RoleGranted(Out):
    """A role was granted."""

    id: UUID


class RoleRevoked(Out):
    """A role was taken back."""

    id: UUID


@router.post("", status_code=201)
@refuses(commands.add_staff, Forbidden, StepUpRequired)
async def add_staff(command: CommandDep, body: NewStaff) -> AddedStaff:
    """Add a member of staff with their roles. Needs a fresh code."""
    office = commands.operator_administration(command)
    wish = commands.StaffWish(
        national_id=body.national_id,
        mobile=body.mobile,
        first_name=body.first_name,
        last_name=body.last_name,
        username=body.username,
        grants=[role.as_grant(f"roles.{place}.scope") for place, role in enumerate(body.roles)],
    )
    return AddedStaff.model_validate(await commands.add_staff(office, wish))


@router.get("", dependencies=[Depends(require(Role.OPERATOR, Role.AUDITOR))])
async def list_staff(read: ReadingDep, after: IdCursor, limit: Limit = 50) -> Page[StaffItem]:
    """Staff and the roles they hold, for operators and auditors."""
    rows = await staff_page(read.connection, after, limit + 1)
    return Page.of(rows, limit, lambda row: (row.person_id,), StaffItem.model_validate)


@router.post("/{person_id}/grants", status_code=201)
@refuses(commands.grant_role, Forbidden, StepUpRequired)
async def grant_role(command: CommandDep, person_id: UUID, body: RoleWish) -> RoleGranted:
    """Give a member of staff a role in a scope; it counts at once. Needs a fresh code."""
    office = commands.operator_administration(command)
    return RoleGranted(id=await commands.grant_role(office, person_id, body.as_grant("scope")))


@router.delete("/{person_id}/grants/{grant_id}")
@refuses(commands.revoke_role, Forbidden, StepUpRequired)
async def revoke_role(command: CommandDep, person_id: UUID, grant_id: UUID) -> RoleRevoked:
    """Take a role back, at once. Needs a fresh code."""
    await commands.revoke_role(commands.operator_administration(command), person_id, grant_id)
    return RoleRevoked(id=grant_id)
