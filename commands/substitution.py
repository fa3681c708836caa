"""What people may do about a guarantor behind a usable credit: ask for another one, approve, refuse, withdraw (A4)."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from commands.account import require_code
from commands.command import Command
from commands.guarantor import find_guarantor, release_guarantors
from commands.onboarding import refuse_uncounted
from commands.refusals import refuses
from commands.review import blocked
from commands.service import refuse_closed
from commands.task import DECISION, case_closed, expect_kind
from domain import guarantor as guarantor_rules
from domain import substitution as rules
from domain.access import Part, Role, ScopeKind
from domain.dates import tehran_day
from domain.errors import CaseClosed, NotFound, StepUpRequired
from domain.onboarding import ContractNotInForce, MoneyPaused, RefusalReason
from domain.programme import GuarantorTerms
from domain.review import ApprovalBlocked
from messages.case import CaseKind
from messages.substitution import FactKind, Phase, TaskKind
from storage import guarantor, onboarding, substitution, tasks
from storage.cases import last_fact, read_case
from storage.organisation import contract_in_force, read_employment
from storage.people import money_pause
from storage.programme import programme_of
from storage.rows.cases import Case
from storage.rows.guarantor import Guarantee
from storage.rows.onboarding import Application, CreditLine
from storage.rows.organisation import Employment
from storage.rows.tasks import Task
from storage.substitution import Substitution

_OWNER = Part.APPLICANT


@refuses(
    refuse_closed,
    find_guarantor,
    guarantor_rules.GuarantorNamedTwice,
    guarantor_rules.GuaranteeUnknown,
    rules.CreditLineOver,
    rules.SubstitutionOpen,
    refuse_uncounted,
    ContractNotInForce,
    MoneyPaused,
)
async def request_substitution(command: Command, line_id: UUID, guarantee_id: UUID, national_id: str) -> UUID:
    """Ask for another colleague in a guarantor's place; who stands now goes on standing (A4). Returns the case's id."""
    await refuse_closed(command, CaseKind.SUBSTITUTION)
    if await money_pause(command.connection, command.actor.person_id):
        raise MoneyPaused
    line, current = await _lock_line(command, line_id, guarantee_id)
    credit, application = await _credit(command, line)
    own = await read_employment(command.connection, application.employment_id)
    await _refuse_hopeless(command, own)
    there = await find_guarantor(command, await _terms(command, credit), own, national_id)
    if there.person_id in await substitution.guarantors_of(command.connection, line.case_id):
        raise guarantor_rules.GuarantorNamedTwice(field="national_id")
    case_id = await _open(command, line, credit, own)
    proposed_id = await guarantor.add_guarantee(
        command.connection,
        replace(application, monthly=line.monthly, instalments=line.instalments),
        person_id=there.person_id,
        employment_id=there.id,
        case_id=case_id,
        replaces=current.id,
    )
    await _record_request(command, case_id, proposed_id, current)
    return case_id


async def _lock_line(command: Command, line_id: UUID, guarantee_id: UUID) -> tuple[CreditLine, Guarantee]:
    line = await onboarding.read_line(command.connection, line_id, for_update=True)
    if line is None or line.person_id != command.actor.person_id:
        raise NotFound
    if line.is_over(tehran_day(command.now)):
        raise rules.CreditLineOver
    if await substitution.open_substitution(command.connection, line.case_id) is not None:
        raise rules.SubstitutionOpen
    current = await guarantor.read_guarantee(command.connection, guarantee_id)
    if current is None or current.credit_case_id != line.case_id or current.status != "accepted":
        raise guarantor_rules.GuaranteeUnknown(field="guarantee_id")
    return line, current


async def _credit(command: Command, line: CreditLine) -> tuple[Case, Application]:
    credit = await read_case(command.connection, line.case_id)
    application = await onboarding.read_application(command.connection, line.case_id)
    if credit is None or application is None:
        raise NotFound
    return credit, application


async def _refuse_hopeless(command: Command, own: Employment) -> None:
    """Nobody is asked for what finance could not approve as things are."""
    await refuse_uncounted(own)
    if not await contract_in_force(command.connection, own.organisation_id, tehran_day(command.now)):
        raise ContractNotInForce


async def _terms(command: Command, case: Case) -> GuarantorTerms:
    """What the programme asks of guarantors, as the credit's case froze it; a substitution's case freezes the same."""
    return (await programme_of(command.connection, case.policy_id)).guarantor_terms


async def _open(command: Command, line: CreditLine, credit: Case, own: Employment) -> UUID:
    return await command.open_case(
        CaseKind.SUBSTITUTION,
        variant=line.programme,
        phase=Phase.SUBMITTED,
        policy_id=credit.policy_id,
        person_id=line.person_id,
        organisation_id=line.organisation_id,
        region_code=own.region_code,
        next_actor=Part.MACHINE,
    )


async def _record_request(command: Command, case_id: UUID, proposed_id: UUID, current: Guarantee) -> None:
    fact, payload = FactKind.SUBSTITUTION_REQUESTED, {"guarantee_id": str(proposed_id), "replaces": str(current.id)}
    await command.act(case_id, fact, payload, part=_OWNER, sms={fact: [command.actor.person_id]})


@refuses(CaseClosed)
async def withdraw_substitution(command: Command, case_id: UUID) -> UUID:
    """Withdraw until the guarantor is replaced; the new one does not stand any more. Returns the case's id."""
    case = await command.lock_own_case(case_id, CaseKind.SUBSTITUTION)
    if not case.is_open or await last_fact(command.connection, case_id, FactKind.SUBSTITUTION_WITHDRAWN):
        raise await case_closed(command, case, FactKind.SUBSTITUTION_WITHDRAWN)
    await release_guarantors(command, case_id)
    await tasks.moot_tasks(command.connection, case_id)
    fact, audited = FactKind.SUBSTITUTION_WITHDRAWN, {"subject": str(case_id), "before": {"phase": case.phase}}
    await command.act(case_id, fact, part=_OWNER, sms={fact: [command.actor.person_id]}, audited=audited)
    return case_id


@refuses(*DECISION, require_code, rules.CreditLineOver, ApprovalBlocked)
async def approve_substitution(command: Command, task: Task) -> UUID:
    """Approve: the process frees the former guarantor (A4); returns the fact's id."""
    asked, case = await _read(command, task)
    await require_code(command)
    today = tehran_day(command.now)
    if asked.line.is_over(today):
        raise rules.CreditLineOver
    await guarantor.lock_slots(command.connection, asked.proposed.person_id)
    examination = await substitution.examine(command.connection, asked, await _terms(command, case), today)
    findings = examination.findings()
    if findings:
        raise blocked(findings)
    region = task.scope if task.scope_kind == ScopeKind.REGION else None
    fact, part = FactKind.SUBSTITUTION_APPROVED, Role.FINANCE_OFFICER
    return await command.act(task.case_id, fact, {"region": region}, part=part, closes=task)


@refuses(*DECISION, StepUpRequired)
async def refuse_substitution(command: Command, task: Task, reason: RefusalReason) -> UUID:
    """Refuse with a reason: the former guarantor goes on standing (A4). Returns the fact's id."""
    await _read(command, task)
    command.require_strong()
    fact, part = FactKind.SUBSTITUTION_REFUSED, Role.FINANCE_OFFICER
    return await command.act(task.case_id, fact, {"reason": reason}, part=part, closes=task, event=None)


async def _read(command: Command, task: Task) -> tuple[Substitution, Case]:
    expect_kind(task, TaskKind.REVIEW_SUBSTITUTION)
    case = await read_case(command.connection, task.case_id)
    asked = await substitution.read_substitution(command.connection, task.case_id)
    if case is None or asked is None:
        raise NotFound
    return asked, case
