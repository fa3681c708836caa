"""What people may do in onboarding to credit: apply, withdraw, correct, clear an obstacle."""

from __future__ import annotations

from dataclasses import dataclass, replace
from uuid import UUID

from commands.account.codes import check_code
from commands.command import Command
from commands.guarantor import ask_again, find_guarantors, release_guarantors
from commands.refusals import refuses
from commands.service import refuse_closed
from commands.task import CLOSED, DECISION, case_closed, closed_as, expect_kind
from domain import onboarding as rules
from domain.access import Part
from domain.account import CodePurpose, mandate_binding
from domain.dates import tehran_day
from domain.employment import MobileDisputed
from domain.errors import CaseClosed, Forbidden, NotFound, StepUpRequired
from domain.money import RIAL_A_TOMAN, Money, format_toman
from domain.onboarding import RefusalReason
from domain.programme import Programme
from domain.review import NotReturned
from messages.case import CaseKind
from messages.onboarding import ENDINGS, FactKind, Phase, TaskKind
from storage import onboarding, tasks
from storage.account import use_code
from storage.guarantor import add_guarantee
from storage.onboarding import is_open_to
from storage.organisation import contract_in_force, employments_of, read_employment
from storage.people import money_pause
from storage.policies import in_force
from storage.programme import programme_of
from storage.rows.onboarding import Application
from storage.rows.organisation import Employment
from storage.rows.policies import Policy
from storage.rows.tasks import Task

_APPLICANT = Part.APPLICANT
_OF_EMPLOYMENT = (rules.NotOnPersonnelList, MobileDisputed, rules.ChooseOrganisation, rules.ProgrammeUnknown)
_OF_TERMS = (
    rules.ContractNotInForce,
    rules.AmountNotWholeToman,
    rules.AmountAboveShare,
    rules.TooManyInstalments,
    rules.MandateOutdated,
)


@dataclass(frozen=True, slots=True)
class CreditRequest:
    """What a member asks for, and the fresh code with which they accepted the mandate (A2)."""

    programme: str
    monthly: Money
    instalments: int
    mandate_version: int
    code_id: UUID
    code: str
    organisation_id: UUID | None = None
    guarantors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ApplicationCorrection:
    """Corrected terms of an application that was returned, and the fresh code for them (A2, A7)."""

    monthly: Money
    instalments: int
    mandate_version: int
    code_id: UUID
    code: str


@refuses(
    refuse_closed, find_guarantors, check_code, *_OF_EMPLOYMENT, *_OF_TERMS, rules.MoneyPaused, rules.ApplicationOpen
)
async def apply_for_credit(command: Command, request: CreditRequest) -> UUID:
    """Open an application (A1, A2, A4, A10); returns the case's id."""
    if command.actor.capacity != "member":
        raise Forbidden
    await refuse_closed(command, CaseKind.ONBOARDING)
    if await money_pause(command.connection, command.actor.person_id):
        raise rules.MoneyPaused
    policy, programme = await read_programme(command, request.programme)
    employment = await find_employment(command, programme, request.organisation_id)
    await onboarding.lock_quota(command.connection, command.actor.person_id)
    await _refuse_second(command, programme)
    await _judge(command, programme, employment, request)
    guarantors = await find_guarantors(command, programme, employment, request.guarantors)
    await _accept_mandate(command, programme, request)
    application = await _open(command, policy, employment, request)
    for there in guarantors:
        await add_guarantee(command.connection, application, person_id=there.person_id, employment_id=there.id)
    await _record(command, application.case_id, request)
    return application.case_id


@refuses(rules.ProgrammeUnknown)
async def read_programme(command: Command, code: str) -> tuple[Policy, Programme]:
    """The programme of a code as new applications find it."""
    policy = await in_force(command.connection, Programme.PREFIX + code)
    if policy is None:
        raise rules.ProgrammeUnknown(field="programme")
    return policy, Programme.from_policy(policy.name, policy.value)


@refuses(*_OF_EMPLOYMENT)
async def find_employment(command: Command, programme: Programme, organisation_id: UUID | None) -> Employment:
    """The employment on whose pay the credit stands."""
    employed = [
        employment
        for employment in await employments_of(command.connection, command.actor.person_id)
        if employment.state == "employed" and organisation_id in {None, employment.organisation_id}
    ]
    counting = [employment for employment in employed if employment.counts]
    if not counting:
        raise MobileDisputed if employed else rules.NotOnPersonnelList
    if len(counting) > 1:
        raise rules.ChooseOrganisation(field="organisation_id")
    if not await is_open_to(command.connection, programme, counting[0].organisation_id):
        raise rules.ProgrammeUnknown(field="programme")
    return counting[0]


@refuses(rules.NotOnPersonnelList, MobileDisputed)
async def refuse_uncounted(employment: Employment) -> None:
    """Nothing new rests on an employment that has ended, or whose list means somebody with another mobile (A1)."""
    if not employment.counts:
        raise MobileDisputed if employment.state == "employed" else rules.NotOnPersonnelList


async def _refuse_second(command: Command, programme: Programme) -> None:
    """One open application per person and programme (A10); the person's quota is locked, so nobody races."""
    if await onboarding.has_open_application(command.connection, command.actor.person_id, programme.code):
        raise rules.ApplicationOpen


async def _judge(
    command: Command,
    programme: Programme,
    employment: Employment,
    request: CreditRequest | ApplicationCorrection,
    *,
    case_id: UUID | None = None,
) -> None:
    today = tehran_day(command.now)
    if not await contract_in_force(command.connection, employment.organisation_id, today):
        raise rules.ContractNotInForce
    limit = await onboarding.limit_now(command.connection, programme, employment, today, apart_from_case=case_id)
    if request.monthly.amount % RIAL_A_TOMAN:
        raise rules.AmountNotWholeToman(field="monthly_amount.amount")
    if request.monthly > limit:
        raise rules.AmountAboveShare(
            field="monthly_amount.amount", limit=format_toman(limit), limit_en=format_toman(limit, persian=False)
        )
    if request.instalments > programme.instalments_max:
        raise rules.TooManyInstalments(field="instalments", most=programme.instalments_max)
    if request.mandate_version != programme.mandate_version:
        raise rules.MandateOutdated(field="mandate_version")


async def _accept_mandate(
    command: Command, programme: Programme, request: CreditRequest | ApplicationCorrection
) -> None:
    binding = mandate_binding(programme.code, request.monthly.amount, request.instalments, request.mandate_version)
    await check_code(
        command.context.side,
        command.seals,
        code_id=request.code_id,
        person_id=command.actor.person_id,
        purpose=CodePurpose.ACCEPT_MANDATE,
        binding=binding,
        code=request.code,
        field="mandate.code",
    )
    await use_code(command.connection, request.code_id)


async def _open(command: Command, policy: Policy, employment: Employment, request: CreditRequest) -> Application:
    case_id = await command.open_case(
        CaseKind.ONBOARDING,
        variant=request.programme,
        phase=Phase.SUBMITTED,
        policy_id=policy.id,
        person_id=command.actor.person_id,
        organisation_id=employment.organisation_id,
        region_code=employment.region_code,
        next_actor=Part.MACHINE,
    )
    application = Application(
        case_id=case_id,
        person_id=command.actor.person_id,
        employment_id=employment.id,
        programme=request.programme,
        monthly=request.monthly.amount,
        instalments=request.instalments,
        net_pay=employment.net_pay,
        region_code=employment.region_code,
        hire_date=employment.hire_date,
        mandate_version=request.mandate_version,
    )
    await onboarding.add_application(command.connection, application)
    return application


async def _record(command: Command, case_id: UUID, request: CreditRequest) -> None:
    terms = {"monthly": request.monthly.amount, "instalments": request.instalments}
    fact = FactKind.APPLICATION_SUBMITTED
    await command.act(
        case_id,
        fact,
        {**terms, "mandate_version": request.mandate_version, "code_id": str(request.code_id)},
        part=_APPLICANT,
        shown=terms,
        sms={fact: [command.actor.person_id]},
        audited={"subject": str(case_id), "after": {"programme": request.programme, **terms}},
    )


@refuses(CaseClosed, rules.CreditAlreadyActive)
async def withdraw_application(command: Command, case_id: UUID) -> UUID:
    """Withdraw until activation (A11); what was asked of others becomes moot at once."""
    case = await command.lock_own_case(case_id, CaseKind.ONBOARDING)
    if not case.is_open:
        is_active = case.outcome == Phase.ACTIVE
        raise (
            rules.CreditAlreadyActive(ended_at=case.closed_at)
            if is_active
            else await case_closed(command, case, *ENDINGS)
        )
    if await onboarding.is_ending(command.connection, case_id):
        raise await case_closed(command, case, *ENDINGS)
    await release_guarantors(command, case_id)
    await tasks.moot_tasks(command.connection, case_id)
    fact, audited = FactKind.APPLICATION_WITHDRAWN, {"subject": str(case_id), "before": {"phase": case.phase}}
    await command.act(case_id, fact, part=_APPLICANT, sms={fact: [command.actor.person_id]}, audited=audited)
    return case_id


@refuses(check_code, refuse_uncounted, *_OF_TERMS, rules.MoneyPaused, NotReturned, *CLOSED)
async def correct_application(command: Command, case_id: UUID, correction: ApplicationCorrection) -> UUID:
    """Correct and resubmit what finance returned (A7): judged like a new application, by the values of today (A3).

    Guarantors who accepted less are asked again. Returns the case's id.
    """
    case = await command.lock_own_case(case_id, CaseKind.ONBOARDING)
    before = await onboarding.read_application(command.connection, case_id)
    if before is None:
        raise NotFound
    if await money_pause(command.connection, command.actor.person_id):
        raise rules.MoneyPaused
    task = await tasks.find_open(command.connection, case_id, TaskKind.CORRECT_APPLICATION)
    if task is None:
        asked = await tasks.last_task(command.connection, case_id, TaskKind.CORRECT_APPLICATION)
        raise NotReturned if asked is None else await closed_as(command.connection, command.actor, asked)
    programme = await programme_of(command.connection, case.policy_id)
    employment = await read_employment(command.connection, before.employment_id)
    await refuse_uncounted(employment)
    await onboarding.lock_quota(command.connection, command.actor.person_id)
    await _judge(command, programme, employment, correction, case_id=case_id)
    await _accept_mandate(command, programme, correction)
    await _resubmit(command, task, before, employment, correction)
    return case_id


async def _resubmit(
    command: Command, task: Task, before: Application, employment: Employment, correction: ApplicationCorrection
) -> None:
    corrected = replace(
        before,
        monthly=correction.monthly.amount,
        instalments=correction.instalments,
        net_pay=employment.net_pay,
        region_code=employment.region_code,
        hire_date=employment.hire_date,
        mandate_version=correction.mandate_version,
    )
    await onboarding.correct(command.connection, corrected)
    await ask_again(command, corrected)
    terms = {"monthly": corrected.monthly, "instalments": corrected.instalments}
    payload = {**terms, "mandate_version": correction.mandate_version, "code_id": str(correction.code_id)}
    await command.act(task.case_id, FactKind.APPLICATION_CORRECTED, payload, part=_APPLICANT, closes=task, shown=terms)


@refuses(*DECISION, StepUpRequired)
async def answer_obstacle(command: Command, task: Task, reason: RefusalReason | None) -> UUID:
    """Say that an obstacle is cleared, or with a reason that it remains; returns the fact's id."""
    expect_kind(task, TaskKind.CLEAR_OBSTACLE)
    command.require_strong()
    fact = FactKind.OBSTACLE_CLEARED if reason is None else FactKind.OBSTACLE_UPHELD
    payload = {} if reason is None else {"reason": reason}
    return await command.act(task.case_id, fact, payload, part=task.role or "", closes=task, shown=payload)
