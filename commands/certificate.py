"""What an employer's HR may do about deduction certificates: issue, refuse, revoke (A12)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from commands.account import require_code
from commands.command import Command
from commands.refusals import refuses
from commands.task import DECISION, expect_kind
from domain import certificate as rules
from domain.access import Role, ScopeKind
from domain.dates import tehran_day
from domain.employment import EmployeeMobileDisputed
from domain.errors import InvalidInput, NotFound, OwnCase, StepUpRequired
from domain.money import RIAL_A_TOMAN, Money
from domain.onboarding import AmountNotWholeToman, RefusalReason
from messages.certificate import FactKind, TaskKind
from storage import certificate, onboarding
from storage.organisation import read_employment
from storage.rows.onboarding import Application
from storage.rows.tasks import Task


@dataclass(frozen=True, slots=True)
class CertificateTerms:
    """What an employer certifies (A2, A12)."""

    monthly: Money
    instalments: int
    valid_until: date


@refuses(
    *DECISION,
    require_code,
    EmployeeMobileDisputed,
    AmountNotWholeToman,
    rules.CertificateTooHigh,
    rules.CertificateExpired,
)
async def issue_certificate(command: Command, task: Task, terms: CertificateTerms) -> UUID:
    """Answer a certificate task with a certificate; returns the fact's id."""
    expect_kind(task, TaskKind.ISSUE_CERTIFICATE)
    await require_code(command)
    application = await _application(command, task)
    if (await read_employment(command.connection, application.employment_id)).is_disputed:
        raise EmployeeMobileDisputed
    if terms.monthly.amount % RIAL_A_TOMAN:
        raise AmountNotWholeToman(field="monthly_amount.amount")
    if terms.monthly.amount > application.monthly:
        raise rules.CertificateTooHigh(field="monthly_amount.amount")
    if terms.instalments > application.instalments:
        raise rules.CertificateTooHigh(field="instalments")
    rules.check_certificate_day(terms.valid_until, tehran_day(command.now))
    certificate_id = await certificate.add_certificate(
        command.connection,
        application,
        organisation_id=UUID(task.scope or ""),
        monthly=terms.monthly.amount,
        instalments=terms.instalments,
        valid_until=terms.valid_until,
        issued_by=command.actor.person_id,
    )
    shown = {
        "monthly": terms.monthly.amount,
        "instalments": terms.instalments,
        "valid_until": terms.valid_until.isoformat(),
    }
    payload = {"certificate_id": str(certificate_id), **shown}
    fact, part = FactKind.CERTIFICATE_ISSUED, Role.HR_OFFICER
    return await command.act(task.case_id, fact, payload, part=part, closes=task, shown=shown)


@refuses(*DECISION, StepUpRequired)
async def refuse_certificate(command: Command, task: Task, reason: RefusalReason) -> UUID:
    """Answer a certificate task with a refusal and its reason; returns the fact's id."""
    expect_kind(task, TaskKind.ISSUE_CERTIFICATE)
    command.require_strong()
    fact, why = FactKind.CERTIFICATE_REFUSED, {"reason": reason}
    return await command.act(task.case_id, fact, why, part=Role.HR_OFFICER, closes=task, shown=why)


async def _application(command: Command, task: Task) -> Application:
    application = await onboarding.read_application(command.connection, task.case_id)
    if application is None:
        raise NotFound
    return application


@refuses(OwnCase, require_code, rules.CertificateRevoked)
async def revoke_certificate(command: Command, certificate_id: UUID, reason: str) -> UUID:
    """Revoke a certificate: no new purchases, running instalments stay (A12); returns the case's id."""
    seen = await certificate.read_certificate(command.connection, certificate_id)
    if seen is None or not command.actor.holds(Role.HR_OFFICER, ScopeKind.ORGANISATION, str(seen.organisation_id)):
        raise NotFound
    await command.refuse_own_case(seen.case_id)
    await require_code(command)
    await command.lock_case(seen.case_id)
    locked = await certificate.read_certificate(command.connection, certificate_id)
    if locked is None:
        raise NotFound
    if locked.revoked_at is not None:
        raise rules.CertificateRevoked(ended_at=locked.revoked_at)
    if not reason.strip():
        raise InvalidInput(field="reason")
    await certificate.revoke_certificate(command.connection, locked, by=command.actor.person_id, reason=reason)
    fact = FactKind.CERTIFICATE_REVOKED
    await command.act(
        seen.case_id,
        fact,
        {"certificate_id": str(seen.id)},
        part=Role.HR_OFFICER,
        sms={fact: [seen.person_id]},
        audited={"subject": str(seen.id), "reason": reason},
    )
    return seen.case_id
