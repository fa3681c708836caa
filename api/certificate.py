"""Deduction certificates: what an organisation has certified; issuing, refusing and revoking one (A12)."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import AliasPath, Field

from api.answering import Decision, TaskDecisions
from api.dependencies import CommandDep, FreshCode, ReadingDep, require
from api.operation import Operation
from api.values import Amount, AmountIn, Day, DayIn, IdCursor, Input, Limit, Moment, Out, Page
from commands import certificate as commands
from commands.command import Command
from commands.refusals import refuses
from domain import errors
from domain.access import Role, ScopeKind
from domain.onboarding import RefusalReason
from messages.certificate import TaskKind
from storage import certificate
from storage.organisation import read_organisation
from storage.rows.tasks import Task

router = APIRouter(prefix="/v1", tags=["certificates"], route_class=Operation)


class IssueCertificate(Decision):
    """The employer certifies the deduction (A12)."""

    kind: Literal["issue_certificate"]
    decision: Literal["issue"]
    monthly_amount: AmountIn
    instalments: int = Field(strict=True, ge=1, le=120, examples=[12])
    valid_until: DayIn = Field(examples=["2027-03-20"])

    @refuses(commands.issue_certificate)
    async def decide(self, command: Command, task: Task) -> None:
        """Issue it."""
        terms = commands.CertificateTerms(self.monthly_amount.money(), self.instalments, self.valid_until)
        await commands.issue_certificate(command, task, terms)


class RefuseCertificate(Decision):
    """The employer refuses, with a reason (A12)."""

    kind: Literal["issue_certificate"]
    decision: Literal["refuse"]
    reason: RefusalReason

    @refuses(commands.refuse_certificate)
    async def decide(self, command: Command, task: Task) -> None:
        """Refuse it."""
        await commands.refuse_certificate(command, task, self.reason)


DECISIONS = (TaskDecisions(TaskKind.ISSUE_CERTIFICATE, (IssueCertificate, RefuseCertificate)),)


class RevocationIn(Input):
    """Why a certificate is revoked."""

    reason: str = Field(min_length=3, max_length=500, examples=["پایان همکاری"])


def _of_certificate(field: str) -> AliasPath:
    return AliasPath("certificate", field)


class CertificateOut(Out):
    """A deduction certificate, as the organisation that issued it reads it."""

    id: UUID = Field(validation_alias=_of_certificate("id"))
    case_id: UUID = Field(validation_alias=_of_certificate("case_id"))
    person_name: str = Field(examples=["مریم رضایی"])
    monthly: Amount = Field(validation_alias=_of_certificate("monthly"))
    instalments: int = Field(validation_alias=_of_certificate("instalments"))
    valid_until: Day = Field(validation_alias=_of_certificate("valid_until"))
    issued: Moment = Field(validation_alias=_of_certificate("issued_at"))
    revoked: Moment | None = Field(validation_alias=_of_certificate("revoked_at"))
    revoke_reason: str | None = Field(validation_alias=_of_certificate("revoke_reason"), examples=["پایان همکاری"])
    is_valid: bool = Field(description="Whether a credit may stand on it today")


@router.get("/certificates", dependencies=[Depends(require(Role.HR_OFFICER, Role.AUDITOR))])
@refuses(errors.NotFound)
async def list_certificates(
    read: ReadingDep, organisation_id: Annotated[UUID, Query()], before: IdCursor, limit: Limit = 25
) -> Page[CertificateOut] | None:
    """What an organisation has certified, newest first. For its HR and auditors."""
    is_theirs = read.actor.holds(Role.HR_OFFICER, ScopeKind.ORGANISATION, str(organisation_id))
    if not is_theirs and not read.actor.holds_any({Role.AUDITOR}):
        return None
    if await read_organisation(read.connection, organisation_id) is None:
        return None
    rows = await certificate.list_issued(read.connection, organisation_id, before=before, limit=limit + 1)
    return Page.of(rows, limit, lambda row: (row.certificate.id,), CertificateOut.model_validate)


@router.post("/certificates/{certificate_id}/revocation", dependencies=[Depends(require(Role.HR_OFFICER))])
@refuses(commands.revoke_certificate)
async def revoke_certificate(
    command: CommandDep, certificate_id: UUID, revocation: RevocationIn, totp: FreshCode
) -> CertificateOut:
    """Revoke a certificate: no new purchases; what was bought is still paid off (A12)."""
    await commands.revoke_certificate(command.with_code(totp), certificate_id, revocation.reason)
    revoked = await certificate.read_issued(command.connection, certificate_id)
    if revoked is None:
        raise errors.NotFound
    return CertificateOut.model_validate(revoked)
