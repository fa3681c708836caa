"""Policies: what is in force, and changing it by two people."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Body, Depends, Path, Query
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import Response

from api.dependencies import PerformerDep, ReaderDep, require
from api.problems import responses
from api.values import Cursor, Input, Limit, MomentOut, Page, cut, read_cursor, write_cursor
from commands import policy as commands
from commands.command import Command
from domain import errors
from domain.access import Role
from storage.policies import all_in_force, list_versions
from storage.rows.policies import Policy, PolicyState

router = APIRouter(prefix="/v1", tags=["policies"])

_Readers = Depends(require(Role.POLICY_ADMIN, Role.AUDITOR, Role.OPERATOR))
Name = Annotated[str, Path(pattern="^[a-z][a-z0-9_:.-]{1,79}$", examples=["programme:minipay"])]


class PolicyOut(BaseModel):
    """One version of a policy."""

    id: UUID
    name: str = Field(examples=["programme:minipay"])
    version: int
    state: PolicyState
    value: dict[str, Any]
    proposed_by: str = Field(description="A person's id, or system", examples=["system"])
    proposed_at: MomentOut
    approved_by: str | None = Field(description="A person's id, or system", examples=["system"])
    approved_at: MomentOut | None

    @classmethod
    def of(cls, policy: Policy) -> PolicyOut:
        """A policy."""
        return cls(
            id=policy.id,
            name=policy.name,
            version=policy.version,
            state=policy.state,
            value=dict(policy.value),
            proposed_by=policy.proposed_by,
            proposed_at=MomentOut.of(policy.proposed_at),
            approved_by=policy.approved_by,
            approved_at=None if policy.approved_at is None else MomentOut.of(policy.approved_at),
        )


class Policies(BaseModel):
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


@router.get(
    "/policies",
    operation_id="list_policies",
    dependencies=[_Readers],
    responses=responses(errors.Unauthenticated, errors.Forbidden),
)
async def list_policies(reader: ReaderDep) -> Policies:
    """The newest approved version of each policy."""

    async def query(connection: AsyncConnection) -> Policies:
        return Policies(items=[PolicyOut.of(policy) for policy in await all_in_force(connection, "")])

    return await reader.read(query)


@router.post(
    "/policies/{name}/versions",
    operation_id="propose_policy",
    status_code=201,
    response_model=PolicyOut,
    dependencies=[Depends(require(Role.POLICY_ADMIN))],
    responses=responses(
        errors.Unauthenticated,
        errors.Forbidden,
        errors.NotFound,
        commands.PolicyMalformed,
    ),
)
async def propose_policy(performer: PerformerDep, name: Name, proposal: Annotated[PolicyIn, Body()]) -> Response:
    """Propose a new version; nothing changes until another policy_admin approves it."""

    async def work(command: Command) -> PolicyOut:
        return PolicyOut.of(await commands.propose_policy(command, name, proposal.value))

    return await performer.run(work, status=201)


@router.get(
    "/policy-versions",
    operation_id="list_policy_versions",
    dependencies=[_Readers],
    responses=responses(errors.Unauthenticated, errors.Forbidden),
)
async def list_policy_versions(
    reader: ReaderDep,
    is_open: Annotated[
        bool | None, Query(alias="open", description="true: waits for another person's word; false: decided")
    ] = None,
    cursor: Cursor = None,
    limit: Limit = 25,
) -> Page[PolicyOut]:
    """Versions of policies, newest first; the open ones are the proposals that a second person has to judge."""
    before = read_cursor(cursor, UUID)

    async def query(connection: AsyncConnection) -> Page[PolicyOut]:
        rows = await list_versions(connection, is_open=is_open, before=before[0] if before else None, limit=limit + 1)
        page, more = cut(rows, limit)
        return Page(items=[PolicyOut.of(policy) for policy in page], next=write_cursor(page[-1].id) if more else None)

    return await reader.read(query)


@router.post(
    "/policy-versions/{policy_id}/decision",
    operation_id="decide_policy",
    response_model=PolicyOut,
    dependencies=[Depends(require(Role.POLICY_ADMIN))],
    responses=responses(
        errors.Unauthenticated,
        errors.Forbidden,
        errors.StepUpRequired,
        errors.NotFound,
        commands.SamePerson,
        commands.NotNewest,
    ),
)
async def decide_policy(
    performer: PerformerDep, policy_id: UUID, decision: Annotated[PolicyDecision, Body()]
) -> Response:
    """Approve or reject a proposal of another person; running cases keep the version they began with."""

    async def work(command: Command) -> PolicyOut:
        return PolicyOut.of(
            await commands.decide_policy(
                command, policy_id, approve=decision.decision == "approve", reason=decision.reason
            )
        )

    return await performer.run(work)
