"""Policies: what is in force, and changing it by two people."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query
from pydantic import Field

from api.dependencies import CommandDep, FreshCode, ReadingDep, require
from api.operation import Operation
from api.values import IdCursor, Input, Limit, Moment, Out, Page
from commands import policy as commands
from commands.refusals import refuses
from domain.access import Role
from domain.errors import NotFound
from storage.policies import all_in_force, list_versions
from storage.rows.policies import PolicyState

router = APIRouter(prefix="/v1", tags=["policies"], route_class=Operation)

_Readers = Depends(require(Role.POLICY_ADMIN, Role.AUDITOR, Role.OPERATOR))
_Admin = Depends(require(Role.POLICY_ADMIN))
Name = Annotated[str, Path(pattern="^[a-z][a-z0-9_:.-]{1,79}$", examples=["programme:minipay"])]


class PolicyOut(Out):
    """One version of a policy."""

    id: UUID
    name: str = Field(examples=["programme:minipay"])
    version: int
    state: PolicyState
    value: dict[str, Any]
    proposed_by: str = Field(description="A person's id, or system", examples=["system"])
    proposed_at: Moment
    approved_by: str | None = Field(description="A person's id, or system", examples=["system"])
    approved_at: Moment | None


class Policies(Out):
    """The policies in force."""

    items: list[PolicyOut]


class PolicyIn(Input):
    """A proposed value."""

    value: dict[str, Any] = Field(
        max_length=100,
        examples=[{"change_remind_hours": 72, "change_expire_hours": 720, "money_pause_hours": 24}],
    )


class PolicyDecision(Input):
    """Another policy_admin's word on a proposal."""

    decision: Literal["approve", "reject"]
    reason: str | None = Field(default=None, max_length=500, examples=["مصوبهٔ هیئت مدیره"])


@router.get("/policies", dependencies=[_Readers])
async def list_policies(read: ReadingDep) -> Policies:
    """The newest approved version of each policy."""
    return Policies(items=[PolicyOut.model_validate(policy) for policy in await all_in_force(read.connection, "")])


@router.post("/policies/{name}/versions", status_code=201, dependencies=[_Admin])
@refuses(commands.propose_policy, NotFound)
async def propose_policy(command: CommandDep, name: Name, proposal: PolicyIn, totp: FreshCode) -> PolicyOut:
    """Propose a new version; nothing changes until another policy_admin approves it."""
    return PolicyOut.model_validate(await commands.propose_policy(command.with_code(totp), name, proposal.value))


@router.get("/policy-versions", dependencies=[_Readers])
async def list_policy_versions(
    read: ReadingDep,
    before: IdCursor,
    is_open: Annotated[
        bool | None, Query(alias="open", description="true: waits for another person's word; false: decided")
    ] = None,
    limit: Limit = 25,
) -> Page[PolicyOut]:
    """Versions of policies, newest first; the open ones are the proposals that a second person has to judge."""
    rows = await list_versions(read.connection, is_open=is_open, before=before, limit=limit + 1)
    return Page.of(rows, limit, lambda row: (row.id,), PolicyOut.model_validate)


@router.post("/policy-versions/{policy_id}/decision", dependencies=[_Admin])
@refuses(commands.decide_policy)
async def decide_policy(command: CommandDep, policy_id: UUID, decision: PolicyDecision, totp: FreshCode) -> PolicyOut:
    """Approve or reject a proposal of another person; running cases keep the version they began with."""
    approve = decision.decision == "approve"
    return PolicyOut.model_validate(
        await commands.decide_policy(command.with_code(totp), policy_id, approve=approve, reason=decision.reason)
    )
