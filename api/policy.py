"""Policies: what is in force, and changing it by two people."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Body, Depends, Path
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import Response

from api.dependencies import PerformerDep, ReaderDep, require
from api.problems import responses
from api.values import Input
from commands import policy as commands
from commands.command import Command
from domain import errors
from domain.access import Role
from storage.policies import Policy, all_in_force

router = APIRouter(prefix="/v1", tags=["policies"])

Name = Annotated[str, Path(pattern="^[a-z][a-z0-9_:.-]{1,79}$", examples=["programme:minipay"])]


class PolicyOut(BaseModel):
    """One version of a policy."""

    id: UUID
    name: str = Field(examples=["programme:minipay"])
    version: int
    value: dict[str, Any]

    @classmethod
    def of(cls, policy: Policy) -> PolicyOut:
        """A policy."""
        return cls(id=policy.id, name=policy.name, version=policy.version, value=dict(policy.value))


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
    dependencies=[Depends(require(Role.POLICY_ADMIN, Role.AUDITOR, Role.OPERATOR))],
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
        errors.KeyInFlight,
        errors.KeyReused,
        commands.PolicyMalformed,
    ),
)
async def propose_policy(performer: PerformerDep, name: Name, proposal: Annotated[PolicyIn, Body()]) -> Response:
    """Propose a new version; nothing changes until another policy_admin approves it."""

    async def work(command: Command) -> PolicyOut:
        return PolicyOut.of(await commands.propose_policy(command, name, proposal.value))

    return await performer.run(work, status=201)


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
        errors.KeyInFlight,
        errors.KeyReused,
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
