"""Changes of staff: one operator proposes, another confirms or rejects (G1). Nobody's credentials are in any answer."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import Field, StringConstraints

from api.account.sessions import HeldRole
from api.answering import Decision, TaskDecisions
from api.case_view import CaseRow, CaseView, Section, case_row
from api.dependencies import CommandDep, require
from api.operation import Operation
from api.values import Input, Out, Words
from commands import account, staff_change
from commands.command import Command
from commands.refusals import refuses
from domain.access import Grant, Role, ScopeKind
from domain.catalogue import words
from domain.identity import Mobile, NationalId, mask_mobile, mask_national_id
from domain.staff_change import StaffAction
from messages.case import CaseKind
from messages.staff_change import TaskKind
from storage import staff_change as storage
from storage.organisation import list_regions, read_organisation
from storage.people import names_of
from storage.rows.tasks import Task

router = APIRouter(
    prefix="/v1/staff", tags=["staff"], route_class=Operation, dependencies=[Depends(require(Role.OPERATOR))]
)


class RoleWish(Input):
    """A role in a scope."""

    role: Role = Field(examples=["hr_officer"])
    scope_kind: ScopeKind = Field(examples=["organisation"])
    scope: str = Field(
        default="",
        max_length=60,
        description="A region's code, an organisation's id or code, or empty for the platform",
        examples=["education"],
    )

    async def as_grant(self, command: Command, field: str) -> Grant:
        """The grant. Raises BadScope."""
        return await account.read_grant(command.connection, self.role, self.scope_kind, self.scope, field=field)


class NewStaff(Input):
    """Whom to add. A person who is known already keeps their name; their mobile gets the link."""

    national_id: str = Field(max_length=40, examples=["0499370899"])
    mobile: str = Field(max_length=40, examples=["09121234567"])
    first_name: str = Field(max_length=200, examples=["مریم"])
    last_name: str = Field(max_length=200, examples=["رضایی"])
    username: str = Field(max_length=100, examples=["maryam.hr"])
    roles: list[RoleWish] = Field(default_factory=list, max_length=50)


@router.post("", status_code=201)
@refuses(staff_change.propose_staff, account.read_newcomer, account.read_grant)
async def propose_staff(command: CommandDep, body: NewStaff) -> CaseRow:
    """Propose to add a member of staff with their roles; another operator confirms. Needs a fresh code."""
    command.require_strong()
    newcomer = await account.read_newcomer(
        national_id=body.national_id,
        mobile=body.mobile,
        first_name=body.first_name,
        last_name=body.last_name,
        username=body.username,
    )
    grants = [await role.as_grant(command, f"roles.{place}.scope") for place, role in enumerate(body.roles)]
    return await case_row(command, await staff_change.propose_staff(command, newcomer, grants))


@router.post("/{person_id}/grants", status_code=201)
@refuses(staff_change.propose_role, account.read_grant)
async def propose_role(command: CommandDep, person_id: UUID, body: RoleWish) -> CaseRow:
    """Propose to give a member of staff a role; another operator confirms. Needs a fresh code."""
    command.require_strong()
    grant = await body.as_grant(command, "scope")
    return await case_row(command, await staff_change.propose_role(command, person_id, grant))


@router.post("/{person_id}/reset", status_code=201)
@refuses(staff_change.propose_reset)
async def propose_reset(command: CommandDep, person_id: UUID) -> CaseRow:
    """Propose to reset an account that lost its access; another operator confirms. Needs a fresh code."""
    return await case_row(command, await staff_change.propose_reset(command, person_id))


class ConfirmStaffChange(Decision):
    """A second operator is sure of it."""

    kind: Literal["confirm_staff_change"]
    decision: Literal["confirm"]

    @refuses(staff_change.confirm_staff_change)
    async def decide(self, command: Command, task: Task) -> None:
        """Confirm it."""
        await staff_change.confirm_staff_change(command, task)


class RejectStaffChange(Decision):
    """It is not to be made."""

    kind: Literal["confirm_staff_change"]
    decision: Literal["reject"]
    reason: Annotated[str, StringConstraints(min_length=3, max_length=500, strip_whitespace=True)] = Field(
        examples=["این همکار به این نقش نیاز ندارد"]
    )

    @refuses(staff_change.reject_staff_change)
    async def decide(self, command: Command, task: Task) -> None:
        """Reject it."""
        await staff_change.reject_staff_change(command, task, self.reason)


DECISIONS = (TaskDecisions(TaskKind.CONFIRM_STAFF_CHANGE, (ConfirmStaffChange, RejectStaffChange)),)


class ProposedRole(HeldRole):
    """A role that is to be given."""

    role_words: Words
    scope_name: str | None = Field(description="Of the organisation or the region", examples=["آموزش و پرورش"])


class StaffChangeOut(Out):
    """A change of staff, as far as it must be recognised to be judged."""

    action: StaffAction
    action_words: Words
    username: str | None = Field(description="Of somebody to be added", examples=["maryam.hr"])
    name: str = Field(examples=["مریم رضایی"])
    national_id_masked: str | None = Field(description="Of somebody to be added", examples=["049****899"])
    mobile_masked: str | None = Field(description="Where the link goes", examples=["0912***4567"])
    roles: list[ProposedRole]
    proposed_by: str = Field(description="Name", examples=["علی کریمی"])
    confirmed_by: str | None = Field(description="Name", examples=["سارا احمدی"])


class StaffChangeSection(Out):
    """Of a case about a change of staff."""

    staff_change: StaffChangeOut | None = Field(default=None, description="For operators and auditors")


async def _read(view: CaseView) -> StaffChangeSection:
    change = await storage.read_staff_change(view.connection, view.visibility.case.id)
    if change is None or not view.visibility.judges:
        return StaffChangeSection()
    people = [person for person in (change.person_id, change.proposed_by, change.confirmed_by) if person is not None]
    names = await names_of(view.connection, people)
    new = storage.draft_of(view.seals, change).newcomer
    name = names.get(change.person_id, "") if change.person_id else f"{change.first_name} {change.last_name}"
    return StaffChangeSection(
        staff_change=StaffChangeOut(
            action=change.action,
            action_words=Words.of(words.term(StaffAction, change.action)),
            username=change.username,
            name=name,
            national_id_masked=None if new is None else mask_national_id(NationalId(new.national_id)),
            mobile_masked=None if new is None else mask_mobile(Mobile(new.mobile)),
            roles=[await _role(view, grant) for grant in change.roles],
            proposed_by=names.get(change.proposed_by, ""),
            confirmed_by=None if change.confirmed_by is None else names.get(change.confirmed_by, ""),
        )
    )


async def _role(view: CaseView, grant: Grant) -> ProposedRole:
    name = None
    if grant.scope_kind is ScopeKind.ORGANISATION:
        organisation = await read_organisation(view.connection, UUID(grant.scope))
        name = None if organisation is None else organisation.name
    elif grant.scope_kind is ScopeKind.REGION:
        name = (await view.reading.once(list_regions)).get(grant.scope)
    return ProposedRole.of_row(grant, role_words=Words.of(words.who(grant.role)), scope_name=name)


SECTION = Section(CaseKind.STAFF_CHANGE, StaffChangeSection, _read, members=frozenset())
