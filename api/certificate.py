"""Deduction certificates: what an organisation has certified, and revoking one (A12). Tasks issue and refuse them."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Body, Depends, Query
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import Response

from api.dependencies import PerformerDep, ReaderDep, require
from api.problems import responses
from api.values import AmountOut, Cursor, DayOut, Input, Limit, MomentOut, Page, cut, read_cursor, write_cursor
from commands import certificate as commands
from commands.command import Command
from domain import certificate as rules
from domain import errors
from domain.access import Role, ScopeKind
from storage import certificate
from storage.certificate import IssuedCertificate
from storage.organisation import read_organisation

router = APIRouter(prefix="/v1", tags=["onboarding"])


class RevocationIn(Input):
    """Why a certificate is revoked."""

    reason: str = Field(min_length=3, max_length=500, examples=["پایان همکاری"])


class CertificateOut(BaseModel):
    """A deduction certificate, as the organisation that issued it reads it."""

    id: UUID
    case_id: UUID
    person_name: str = Field(examples=["مریم رضایی"])
    monthly: AmountOut
    instalments: int
    valid_until: DayOut
    issued: MomentOut
    revoked: MomentOut | None
    revoke_reason: str | None = Field(examples=["پایان همکاری"])
    is_valid: bool = Field(description="Whether a credit may stand on it today")

    @classmethod
    def of(cls, issued: IssuedCertificate) -> CertificateOut:
        """A certificate."""
        found = issued.certificate
        return cls(
            id=found.id,
            case_id=found.case_id,
            person_name=issued.person_name,
            monthly=AmountOut.of(found.monthly),
            instalments=found.instalments,
            valid_until=DayOut.of(found.valid_until),
            issued=MomentOut.of(found.issued_at),
            revoked=None if found.revoked_at is None else MomentOut.of(found.revoked_at),
            revoke_reason=found.revoke_reason,
            is_valid=issued.is_valid,
        )


@router.get(
    "/certificates",
    operation_id="list_certificates",
    dependencies=[Depends(require(Role.HR_OFFICER, Role.AUDITOR))],
    responses=responses(errors.Unauthenticated, errors.Forbidden, errors.NotFound),
)
async def list_certificates(
    reader: ReaderDep, organisation_id: Annotated[UUID, Query()], cursor: Cursor = None, limit: Limit = 25
) -> Page[CertificateOut]:
    """What an organisation has certified, newest first. For its HR and auditors."""
    before = read_cursor(cursor, UUID)

    async def query(connection: AsyncConnection) -> Page[CertificateOut] | None:
        is_theirs = reader.actor.holds(Role.HR_OFFICER, ScopeKind.ORGANISATION, str(organisation_id))
        if not is_theirs and not reader.actor.holds_any({Role.AUDITOR}):
            return None
        if await read_organisation(connection, organisation_id) is None:
            return None
        rows = await certificate.list_issued(
            connection, organisation_id, before=before[0] if before else None, limit=limit + 1
        )
        page, more = cut(rows, limit)
        return Page(
            items=[CertificateOut.of(issued) for issued in page],
            next=write_cursor(page[-1].certificate.id) if more else None,
        )

    return await reader.read(query)


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
        revoked = await certificate.read_issued(command.connection, certificate_id)
        if revoked is None:
            raise errors.NotFound
        return CertificateOut.of(revoked)

    return await performer.run(work)
