"""What finance may do with an application: approve, return for correction, forward, refuse (A7, A8)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from commands.account import require_code
from commands.command import Command
from commands.refusals import refuses
from commands.task import DECISION, expect_kind
from domain import guarantor as guarantor_rules
from domain import review as rules
from domain.access import Role, ScopeKind
from domain.catalogue import words
from domain.dates import tehran_day
from domain.errors import NotFound, StepUpRequired
from domain.onboarding import RefusalReason
from domain.programme import Programme
from domain.review import ReturnReason, ReviewFinding
from messages.guarantor import Sms as GuarantorSms
from messages.onboarding import FactKind as ApplicationFact
from messages.review import FactKind, Sms, TaskKind
from storage import guarantor, onboarding
from storage.cases import read_case
from storage.notices import notify
from storage.organisation import read_employment
from storage.programme import programme_of
from storage.review import examine
from storage.rows.onboarding import Application
from storage.rows.tasks import Task


@refuses(*DECISION, require_code, rules.ApprovalBlocked)
async def approve_application(command: Command, task: Task) -> UUID:
    """Approve: after the programme's waiting time the credit becomes usable (A8); returns the fact's id."""
    application, programme = await _read(command, task)
    await require_code(command)
    await onboarding.lock_quota(command.connection, application.person_id)
    examination = await examine(command.connection, application, programme, tehran_day(command.now))
    findings = examination.findings(_region_of(task))
    if findings:
        raise blocked(findings)
    activates_at = await onboarding.approve(
        command.connection, task.case_id, by=command.actor.person_id, waiting=programme.waiting
    )
    payload = {"monthly": application.monthly, "instalments": application.instalments}
    shown = {**payload, "activates_at": activates_at.isoformat()}
    told: dict[str, list[UUID]] = {FactKind.APPLICATION_APPROVED: [application.person_id]}
    return await _answer(command, task, FactKind.APPLICATION_APPROVED, shown, sms=told)


def blocked(findings: Sequence[ReviewFinding]) -> rules.ApprovalBlocked:
    """The refusal that says what speaks against an approval."""
    terms = [words.term(ReviewFinding, finding) for finding in findings]
    return rules.ApprovalBlocked(
        field="decision", findings="، ".join(one.fa for one in terms), findings_en=", ".join(one.en for one in terms)
    )


@refuses(*DECISION, StepUpRequired, rules.ReasonsRepeated, guarantor_rules.GuaranteeUnknown)
async def return_application(
    command: Command, task: Task, reasons: Sequence[ReturnReason], unsuitable: Sequence[UUID] = ()
) -> UUID:
    """Return for correction with reason codes (A7); returns the fact's id.

    Args:
        command: at work.
        task: the review.
        reasons: at least one.
        unsuitable: guarantees that end; all of the case's where ``GUARANTOR_UNSUITABLE`` names none.
    """
    await _read(command, task)
    command.require_strong()
    if len(set(reasons)) != len(reasons):
        raise rules.ReasonsRepeated(field="reasons")
    await onboarding.reopen_review(command.connection, task.case_id, returned=True)
    if ReturnReason.GUARANTOR_UNSUITABLE in reasons or unsuitable:
        await _release(command, task.case_id, unsuitable)
    shown: dict[str, Any] = {"reasons": list(reasons)}
    return await _answer(command, task, FactKind.APPLICATION_RETURNED, shown)


async def _release(command: Command, case_id: UUID, unsuitable: Sequence[UUID]) -> None:
    live = {guarantee.id: guarantee for guarantee in await guarantor.guarantees_in(command.connection, case_id)}
    if not set(unsuitable) <= set(live):
        raise guarantor_rules.GuaranteeUnknown(field="unsuitable_guarantees")
    for guarantee_id in set(unsuitable) or live:
        await guarantor.end_guarantee(command.connection, guarantee_id, "released")
        person_id = live[guarantee_id].person_id
        await notify(command.connection, [person_id], GuarantorSms.GUARANTEE_RELEASED, case_id=case_id)


@refuses(*DECISION, StepUpRequired, rules.ForwardNotNeeded)
async def forward_application(command: Command, task: Task) -> UUID:
    """Hand the review to the region where the applicant works now (A7); returns the fact's id."""
    application, _ = await _read(command, task)
    command.require_strong()
    region = (await read_employment(command.connection, application.employment_id)).region_code
    if not rules.may_forward(_region_of(task), region):
        raise rules.ForwardNotNeeded
    told: dict[str, list[UUID]] = {Sms.REVIEW_MOVED: [application.person_id]}
    return await _answer(command, task, FactKind.APPLICATION_FORWARDED, {"region": region}, sms=told)


@refuses(*DECISION, StepUpRequired)
async def refuse_application(command: Command, task: Task, reason: RefusalReason) -> UUID:
    """Refuse with a reason (A7); everything that it held is freed. Returns the fact's id."""
    expect_kind(task, TaskKind.REVIEW_APPLICATION)
    command.require_strong()
    fact, part = ApplicationFact.APPLICATION_REFUSED, Role.FINANCE_OFFICER
    return await command.act(task.case_id, fact, {"reason": reason}, part=part, closes=task, event=None)


def _region_of(task: Task) -> str | None:
    """Which region reviews; None for the whole platform."""
    return task.scope if task.scope_kind == ScopeKind.REGION else None


async def _read(command: Command, task: Task) -> tuple[Application, Programme]:
    expect_kind(task, TaskKind.REVIEW_APPLICATION)
    case = await read_case(command.connection, task.case_id)
    application = await onboarding.read_application(command.connection, task.case_id)
    if case is None or application is None:
        raise NotFound
    return application, await programme_of(command.connection, case.policy_id)


async def _answer(
    command: Command,
    task: Task,
    fact: FactKind,
    shown: Mapping[str, Any],
    sms: Mapping[str, Sequence[UUID]] | None = None,
) -> UUID:
    part = Role.FINANCE_OFFICER
    return await command.act(task.case_id, fact, shown, part=part, closes=task, shown=shown, sms=sms)
