"""Deduction certificates: revoking one (A12). They are issued and refused as tasks."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Body, Depends
from pydantic import BaseModel, Field
from starlette.responses import Response

from api.dependencies import PerformerDep, require
from api.problems import responses
from api.values import AmountOut, DayOut, Input, MomentOut
from commands import certificate as commands
from commands.command import Command
from domain import errors
from domain import onboarding as rules
from domain.access import Role
from storage import certificate

router = APIRouter(prefix="/v1", tags=["onboarding"])


class RevocationIn(Input):
    """Why a certificate is revoked."""

    reason: str = Field(min_length=3, max_length=500, examples=["پایان همکاری"])


class CertificateOut(BaseModel):
    """A deduction certificate."""

    id: UUID
    case_id: UUID
    monthly: AmountOut
    instalments: int
    valid_until: DayOut
    issued: MomentOut
    revoked: MomentOut | None


@router.post(
    "/certificates/{certificate_id}/revocation",
    operation_id="revoke_certificate",
    response_model=CertificateOut,
    dependencies=[Depends(require(Role.HR_OFFICER))],
    responses=responses(
        errors.Unauthenticated,
        errors.Forbidden,
        errors.NotFound,
        errors.OwnCase,
        rules.CertificateRevoked,
    ),
)
async def revoke_certificate(
    performer: PerformerDep, certificate_id: UUID, revocation: Annotated[RevocationIn, Body()]
) -> Response:
    """Revoke a certificate: no new purchases; what was bought is still paid off (A12)."""

    async def work(command: Command) -> CertificateOut:
        await commands.revoke_certificate(command, certificate_id, revocation.reason)
        revoked = await certificate.read_certificate(command.connection, certificate_id)
        if revoked is None:
            raise errors.NotFound
        return CertificateOut(
            id=revoked.id,
            case_id=revoked.case_id,
            monthly=AmountOut.of(revoked.monthly),
            instalments=revoked.instalments,
            valid_until=DayOut.of(revoked.valid_until),
            issued=MomentOut.of(revoked.issued_at),
            revoked=None if revoked.revoked_at is None else MomentOut.of(revoked.revoked_at),
        )

    return await performer.run(work)
