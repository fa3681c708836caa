"""What people may do about guarantors: ask whether a colleague may be asked, name one, accept, refuse (A4 to A6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from commands.account.codes import check_code
from commands.command import Command
from commands.refusals import refuses
from commands.task import CLOSED, DECISION, case_closed, closed_as, expect_kind
from domain import guarantor as rules
from domain.access import Part
from domain.account import CodePurpose, guarantee_binding
from domain.dates import tehran_day
from domain.employment import MobileDisputed
from domain.errors import CaseClosed, NotFound, TaskNotOpen, TooMany
from domain.guarantor import Rule, as_faults
from domain.identity import BadNationalId, NationalId, parse_national_id
from domain.onboarding import MandateOutdated, MoneyPaused
from domain.programme import GuarantorTerms, Programme
from domain.wording import task_sms
from messages.guarantor import FactKind, Sms, TaskKind
from messages.onboarding import ENDINGS
from storage import account, guarantor, onboarding, tasks
from storage.account import use_code
from storage.database import SERVICE, as_service, transaction
from storage.guarantor import as_worker
from storage.organisation import employment_in, read_employment
from storage.people import find_person, money_pause
from storage.programme import programme_of
from storage.rows.guarantor import Guarantee
from storage.rows.onboarding import Application
from storage.rows.organisation import Employment
from storage.rows.tasks import Task


@dataclass(frozen=True, slots=True)
class Consent:
    """The mandate's version that a guarantor accepts, and the fresh code with which they do (A2)."""

    mandate_version: int
    code_id: UUID
    code: str


@refuses(rules.GuarantorIsApplicant, rules.GuarantorCountWrong)
async def may_be_asked(command: Command, programme: Programme, own: Employment, national_id: str) -> bool:
    """Whether a colleague may be asked to stand for the caller: yes or no, nothing else (A4a)."""
    if programme.guarantor is None:
        raise rules.GuarantorCountWrong(field="programme", count=0)
    await _count_checks(command, 1)
    return await _find(command, programme.guarantor, own, national_id, field="national_id") is not None


@refuses(rules.GuarantorCountWrong, rules.GuarantorMayNotBeAsked, rules.GuarantorIsApplicant, rules.GuarantorNamedTwice)
async def find_guarantors(
    command: Command, programme: Programme, own: Employment, national_ids: Sequence[str]
) -> list[Employment]:
    """Where the named guarantors work; each may be asked."""
    if len(national_ids) != programme.guarantors:
        raise rules.GuarantorCountWrong(field="guarantors", count=programme.guarantors)
    if programme.guarantor is None:
        return []
    await _count_checks(command, len(national_ids))
    found: list[Employment] = []
    for place, national_id in enumerate(national_ids):
        field = f"guarantors.{place}.national_id"
        guarantor_there = await _find(command, programme.guarantor, own, national_id, field=field)
        if guarantor_there is None:
            raise rules.GuarantorMayNotBeAsked(field=field)
        if any(guarantor_there.person_id == other.person_id for other in found):
            raise rules.GuarantorNamedTwice(field=field)
        found.append(guarantor_there)
    return found


@refuses(rules.GuarantorMayNotBeAsked, rules.GuarantorIsApplicant)
async def find_guarantor(command: Command, terms: GuarantorTerms, own: Employment, national_id: str) -> Employment:
    """Where one more named guarantor works; they may be asked."""
    await _count_checks(command, 1)
    there = await _find(command, terms, own, national_id, field="national_id")
    if there is None:
        raise rules.GuarantorMayNotBeAsked(field="national_id")
    return there


async def _count_checks(command: Command, times: int) -> None:
    """Count in a transaction of its own: a refused command's count must not be rolled back with it."""
    uses = [(rules.CHECKS_PER_PERSON, str(command.actor.person_id))] * times
    async with transaction(command.context.side, SERVICE) as connection:
        wait = await account.count_uses(connection, command.seals, uses)
    if wait is not None:
        raise TooMany(retry_after=wait)


async def _find(
    command: Command, terms: GuarantorTerms, own: Employment, national_id: str, *, field: str
) -> Employment | None:
    """The colleague's employment if every rule is kept, else None: which one was broken stays here (A4a)."""
    identity = _read(national_id)
    async with as_service(command.connection, command.acting):
        person = None if identity is None else await find_person(command.connection, command.seals, identity)
        if person is not None and person.id == own.person_id:
            raise rules.GuarantorIsApplicant(field=field)
        there = None
        if person is not None and person.has_mobile:
            there = await employment_in(command.connection, person.id, own.organisation_id)
        if there is None or await _faults(command, terms, own, there):
            return None
    return there


def _read(national_id: str) -> NationalId | None:
    try:
        return parse_national_id(national_id)
    except BadNationalId:
        return None


async def _faults(command: Command, terms: GuarantorTerms, applicant: Employment, there: Employment) -> list[Rule]:
    today = tehran_day(command.now)
    others = await guarantor.count_guaranteed(command.connection, there.person_id, apart_from=applicant.person_id)
    kept = rules.judge(
        terms, applicant=as_worker(applicant), guarantor=as_worker(there), stands_for=others, today=today
    )
    return as_faults(kept)


async def release_guarantors(command: Command, case_id: UUID) -> None:
    """Release all guarantors of a case that its owner withdrew (A11), and notify them."""
    for notice, people in (await guarantor.release_all(command.connection, case_id)).items():
        await command.notify(people, notice, case_id)


@refuses(
    find_guarantor,
    CaseClosed,
    rules.GuaranteeUnknown,
    rules.GuarantorPlacesFilled,
    rules.GuarantorNamedTwice,
    MobileDisputed,
    MoneyPaused,
    TaskNotOpen,
)
async def name_guarantor(command: Command, case_id: UUID, national_id: str, *, replaces: UUID | None = None) -> UUID:
    """Name another guarantor until the credit is usable (A4, A6); whatever was approved is to be approved anew.

    Returns:
        The case's id.
    """
    application, programme = await _lock_unended(command, case_id)
    live = await guarantor.guarantees_in(command.connection, case_id)
    replaced = next((guarantee for guarantee in live if guarantee.id == replaces), None)
    if replaces is not None and replaced is None:
        raise rules.GuaranteeUnknown(field="replaces")
    free = rules.free_places(programme.guarantors, len(live))
    if replaced is None and not free:
        raise rules.GuarantorPlacesFilled(field="replaces")
    if await money_pause(command.connection, command.actor.person_id):
        raise MoneyPaused
    own = await read_employment(command.connection, application.employment_id)
    if own.is_disputed:
        raise MobileDisputed
    there = await find_guarantor(command, programme.guarantor_terms, own, national_id)
    named = await guarantor.guarantees_for(command.connection, case_id)
    if any(one.person_id == there.person_id and (one.is_live or one.status == "refused") for one in named):
        raise rules.GuarantorNamedTwice(field="national_id")
    if replaced is not None:
        await _replace(command, replaced)
    guarantee_id = await guarantor.add_guarantee(
        command.connection, application, person_id=there.person_id, employment_id=there.id, replaces=replaces
    )
    missing = free + (replaced is not None)
    await _record_name(command, application, guarantee_id, replaces, is_last=missing == 1)
    return case_id


async def _lock_unended(command: Command, case_id: UUID) -> tuple[Application, Programme]:
    case = await command.lock_own_case(case_id)
    application = await onboarding.read_application(command.connection, case_id)
    if application is None:
        raise NotFound
    if not case.is_open or await onboarding.is_ending(command.connection, case_id):
        raise await case_closed(command, case, *ENDINGS)
    programme = await programme_of(command.connection, case.policy_id)
    if programme.guarantor is None:
        raise NotFound
    return application, programme


async def _replace(command: Command, replaced: Guarantee) -> None:
    await guarantor.end_guarantee(command.connection, replaced.id, "replaced")
    await tasks.moot_tasks(
        command.connection, replaced.case_id, kind=TaskKind.ANSWER_GUARANTEE, person_id=replaced.person_id
    )
    stood = replaced.status == "named" and await guarantor.is_asked_again(command.connection, replaced)
    notice = rules.notice_of_end("accepted" if stood else replaced.status, Sms.GUARANTEE_REPLACED)
    if notice is not None:
        await command.notify([replaced.person_id], notice, replaced.case_id)


async def _record_name(
    command: Command, application: Application, guarantee_id: UUID, replaces: UUID | None, *, is_last: bool
) -> None:
    """The fact, and what it makes moot: a review of other guarantors, and its approval."""
    case_id = application.case_id
    payload = {"guarantee_id": str(guarantee_id), "replaces": None if replaces is None else str(replaces)}
    asked = await tasks.find_open(command.connection, case_id, TaskKind.NAME_GUARANTOR)
    # Staff were asked to judge with other guarantors; activation looks at everything again, whatever stood in its way.
    await tasks.moot_tasks(command.connection, case_id, of_staff=True)
    await onboarding.reopen_review(command.connection, case_id)
    await command.act(
        case_id,
        FactKind.GUARANTOR_NAMED,
        payload,
        part=Part.APPLICANT,
        closes=asked if is_last else None,
        audited=None if asked is not None and is_last else {"subject": str(guarantee_id), "after": payload},
    )


async def ask_again(command: Command, application: Application) -> None:
    """Name those guarantors anew who accepted less than the application now asks for, or are still to answer (A7)."""
    for guarantee in await guarantor.guarantees_in(command.connection, application.case_id):
        grown = rules.has_grown(
            monthly=application.monthly,
            instalments=application.instalments,
            accepted_monthly=guarantee.monthly,
            accepted_instalments=guarantee.instalments,
        )
        same = (guarantee.monthly, guarantee.instalments) == (application.monthly, application.instalments)
        if grown or (guarantee.status != "accepted" and not same):
            await guarantor.end_guarantee(command.connection, guarantee.id, "replaced")
            await guarantor.add_guarantee(
                command.connection,
                application,
                person_id=guarantee.person_id,
                employment_id=guarantee.employment_id,
                replaces=guarantee.id,
            )


@refuses(*CLOSED)
async def asked_guarantee(command: Command, guarantee_id: UUID) -> Guarantee:
    """The caller's guarantee that waits for their answer (A5); of one that does no longer it is said why.

    Raises:
        NotFound: missing, somebody else's, or the caller was never asked.
    """
    found = await guarantor.read_guarantee(command.connection, guarantee_id)
    if found is None or found.person_id != command.actor.person_id:
        raise NotFound
    if found.status != "asked":
        async with as_service(command.connection, command.acting):
            asked = await tasks.last_task(
                command.connection, found.case_id, TaskKind.ANSWER_GUARANTEE, subject_id=found.id
            )
        raise NotFound if asked is None else await closed_as(command.connection, command.actor, asked)
    return found


@refuses(
    *DECISION,
    check_code,
    rules.GuarantorCapacityFull,
    rules.GuarantorNotEligible,
    MobileDisputed,
    MandateOutdated,
    MoneyPaused,
)
async def answer_guarantee(command: Command, task: Task, consent: Consent | None) -> UUID:
    """Accept with a consent, or refuse without (A5); returns the fact's id."""
    expect_kind(task, TaskKind.ANSWER_GUARANTEE)
    guarantee = await guarantor.read_guarantee(command.connection, task.subject_id)
    if guarantee is None or guarantee.person_id != command.actor.person_id:
        raise NotFound
    if not guarantee.is_live:
        raise TaskNotOpen
    if consent is None:
        if not await guarantor.end_guarantee(command.connection, guarantee.id, "refused"):
            raise TaskNotOpen
        return await _record_answer(command, task, guarantee, FactKind.GUARANTEE_REFUSED, {})
    await _judge(command, guarantee, consent)
    if not await guarantor.accept(command.connection, guarantee.id, mandate_version=consent.mandate_version):
        raise TaskNotOpen
    payload = {"mandate_version": consent.mandate_version, "code_id": str(consent.code_id)}
    return await _record_answer(command, task, guarantee, FactKind.GUARANTEE_ACCEPTED, payload)


async def _judge(command: Command, guarantee: Guarantee, consent: Consent) -> None:
    if await money_pause(command.connection, command.actor.person_id):
        raise MoneyPaused
    async with as_service(command.connection, command.acting):
        terms = (await guarantor.programme_behind(command.connection, guarantee)).guarantor_terms
        if consent.mandate_version != terms.mandate_version:
            raise MandateOutdated(field="mandate.version")
        await guarantor.lock_slots(command.connection, guarantee.person_id)
        application = await onboarding.read_application(command.connection, guarantee.credit_case_id)
        if application is None:
            raise NotFound
        applicant = await read_employment(command.connection, application.employment_id)
        there = await read_employment(command.connection, guarantee.employment_id)
        faults = await _faults(command, terms, applicant, there)
    if there.is_disputed:
        raise MobileDisputed
    if Rule.STANDS_FOR_FEW in faults:
        raise rules.GuarantorCapacityFull(most=terms.stands_for_max)
    if faults:
        raise rules.GuarantorNotEligible
    await _use_code(command, guarantee, consent)


async def _use_code(command: Command, guarantee: Guarantee, consent: Consent) -> None:
    binding = guarantee_binding(guarantee.id, guarantee.monthly, guarantee.instalments, consent.mandate_version)
    await check_code(
        command.context.side,
        command.seals,
        code_id=consent.code_id,
        person_id=command.actor.person_id,
        purpose=CodePurpose.ACCEPT_GUARANTEE,
        binding=binding,
        code=consent.code,
        field="mandate.code",
    )
    await use_code(command.connection, consent.code_id)


async def _record_answer(
    command: Command, task: Task, guarantee: Guarantee, fact: FactKind, payload: dict[str, object]
) -> UUID:
    case_id, name_asked = guarantee.case_id, task_sms(TaskKind.NAME_GUARANTOR)
    sms: dict[str, list[UUID]] = {}
    if fact is FactKind.GUARANTEE_ACCEPTED:
        sms[fact] = [guarantee.applicant_id]
    elif await tasks.find_open(command.connection, case_id, TaskKind.NAME_GUARANTOR) is not None:
        # They were asked for one name already, and now another one is missing as well.
        sms[name_asked] = [guarantee.applicant_id]
    given = {"guarantee_id": str(guarantee.id), **payload}
    return await command.act(case_id, fact, given, part=guarantor.PART, closes=task, sms=sms)
