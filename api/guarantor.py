"""Guarantors: who may be asked, naming another one, answering, what a member stands for (A4, A4a, A5)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import Field

from api.answering import CodeRequest, Decision, TaskDecisions
from api.case_view import Action, CaseRow, case_row
from api.dependencies import CommandDep, Reading, ReadingDep, require
from api.mandate import MandateAcceptance
from api.operation import Operation
from api.values import Amount, Day, IdCursor, Input, Limit, Moment, Out, Page, Words
from commands import guarantor as commands
from commands.command import Command
from commands.onboarding import find_employment, read_programme
from commands.refusals import refuses
from domain.account import guarantee_binding
from domain.catalogue import words
from domain.employment import EmploymentStatus
from domain.errors import Forbidden
from domain.guarantor import RULE_VALUES, GuaranteeState, Rule, service_limit
from domain.identity import NationalId, mask_national_id
from domain.mandate import GUARANTEE_MANDATES
from domain.money import Money, Unit
from domain.onboarding import ceiling
from domain.programme import Programme
from domain.wording import Sentence
from messages.guarantor import TaskKind
from storage import guarantor
from storage.database import with_service_rights
from storage.guarantor import GuaranteeRequest
from storage.onboarding import is_open_to
from storage.organisation import employments_of
from storage.programme import programme_of, programmes_in_force
from storage.review import GuarantorCheck
from storage.rows.guarantor import Guarantee
from storage.rows.organisation import Employment
from storage.rows.tasks import Task

router = APIRouter(prefix="/v1", tags=["guarantors"], route_class=Operation)

_Member = Depends(require(member=True))


class AcceptGuarantee(Decision):
    """The guarantor stands, with a fresh code for exactly the terms of the guarantee (A5)."""

    kind: Literal["answer_guarantee"]
    decision: Literal["accept"]
    mandate: MandateAcceptance

    @refuses(commands.answer_guarantee)
    async def decide(self, command: Command, task: Task) -> None:
        """Stand."""
        consent = commands.Consent(self.mandate.version, self.mandate.code_id, self.mandate.code)
        await commands.answer_guarantee(command, task, consent)


class RefuseGuarantee(Decision):
    """The guarantor does not stand (A5)."""

    kind: Literal["answer_guarantee"]
    decision: Literal["refuse"]

    @refuses(commands.answer_guarantee)
    async def decide(self, command: Command, task: Task) -> None:
        """Do not stand."""
        await commands.answer_guarantee(command, task, None)


_NAMING = "/v1/onboarding/applications/{case_id}/guarantors"
DECISIONS = (
    TaskDecisions(TaskKind.ANSWER_GUARANTEE, (AcceptGuarantee, RefuseGuarantee), asks_another=True),
    TaskDecisions(TaskKind.NAME_GUARANTOR, address=_NAMING),
)


def naming(case_id: UUID) -> Action:
    """Naming another guarantor, also where no task asks for it."""
    return Action(action=TaskKind.NAME_GUARANTOR, method="POST", href=_NAMING.format(case_id=case_id))


class GuaranteeSubject(Input):
    """What the caller was asked to stand for; the code accepts exactly the terms of that guarantee."""

    guarantee_id: UUID
    mandate_version: int = Field(strict=True, gt=0, le=1_000_000, examples=[1])


class GuaranteeCodeRequest(CodeRequest):
    """Asks for a code with which a guarantor accepts (A5)."""

    purpose: Literal["accept_guarantee"]
    subject: GuaranteeSubject

    async def binding(self, command: Command) -> bytes:
        """The terms are the guarantee's own, whatever the guarantor believes; it must be waiting for their answer.

        Raises:
            Forbidden: staff guarantee nothing.
            NotFound: missing, or another person's.
            TaskNotOpen: it was answered, or is not asked for any more.
        """
        if command.actor.capacity != "member":
            raise Forbidden
        found = await commands.asked_guarantee(command, self.subject.guarantee_id)
        return guarantee_binding(found.id, found.monthly, found.instalments, self.subject.mandate_version)


CODES = (GuaranteeCodeRequest,)


class CheckIn(Input):
    """Which colleague, for which programme."""

    programme: str = Field(pattern="^[a-z][a-z0-9_.-]{1,60}$", examples=["tavana"])
    national_id: str = Field(max_length=40, examples=["0499370899"])
    organisation_id: UUID | None = Field(default=None, description="Needed by those who work for several")


class CheckOut(Out):
    """Yes or no, and never why not (A4a)."""

    may_be_asked: bool


class GuarantorIn(Input):
    """The colleague who is to be asked."""

    national_id: str = Field(max_length=40, examples=["0499370899"])
    replaces: UUID | None = Field(
        default=None, description="The guarantee whose place they take; without it, one must be missing"
    )


class GuaranteeOut(Out):
    """A credit that the member stands for, stood for or was asked to stand for (A5)."""

    id: UUID
    case_id: UUID = Field(description="Where they are asked; to be seen while it lasts")
    task_id: UUID | None = Field(description="To be answered with `answer_guarantee`; null once it is")
    status: str = Field(examples=["asked"])
    words: Words
    applicant_name: str = Field(examples=["مریم رضایی"])
    organisation_name: str
    region_name: str
    programme: str = Field(examples=["tavana"])
    programme_title: Words
    monthly: Amount
    instalments: int
    ceiling: Amount
    mandate_version: int = Field(description="To be accepted, or what was accepted")
    mandate: Words
    named: Moment = Field(validation_alias="named_at")
    accepted: Moment | None = Field(validation_alias="accepted_at")
    ended: Moment | None = Field(validation_alias="ended_at")
    phase: str | None = Field(
        description="Where the application stands; null once they have nothing to do with it", examples=["active"]
    )
    phase_words: Words | None
    counts: bool = Field(description="Whether it takes one of the places in `stands_for` now")

    @classmethod
    def of(cls, request: GuaranteeRequest, programme: Programme) -> GuaranteeOut:
        """A guarantee in its guarantor's eyes; the programme as the credit's case froze it."""
        asked = request.guarantee
        asks = 0 if programme.guarantor is None else programme.guarantor.mandate_version
        version = asked.mandate_version or asks
        return cls.of_row(
            asked,
            task_id=request.task_id,
            words=Words.of(words.term(GuaranteeState, asked.status)),
            applicant_name=request.applicant_name,
            organisation_name=request.organisation_name,
            region_name=request.region_name,
            programme=programme.code,
            programme_title=Words.of(Sentence(programme.title_fa, programme.title_en)),
            ceiling=ceiling_of(asked),
            mandate_version=version,
            mandate=Words.of(GUARANTEE_MANDATES[version]),
            phase=request.phase if asked.is_live else None,
            phase_words=Words.of(words.phase(request.kind, request.phase)) if asked.is_live else None,
            counts=asked.status == "accepted",
        )


class RuleOut(Out):
    """A rule about guarantors, and whether it is kept at this moment (A4)."""

    code: Rule
    words: Words
    holds: bool
    value: Words | None = Field(description="What it was judged by; pay only for those who judge by it")


class GuarantorFacts(Out):
    """A guarantor's personnel data of this moment, for finance and auditors."""

    region_code: str
    hire_date: Day
    net_pay: Amount | None = Field(description="For those who judge by it")
    stands_for: int = Field(description="For how many other persons they stand")
    rules: list[RuleOut]

    @classmethod
    def of(cls, check: GuarantorCheck, disclosed: Disclosed) -> GuarantorFacts:
        """What an examination found."""
        there, sees_pay = check.employment, disclosed.sees_pay
        values = _values(check, disclosed.regions)
        return cls(
            region_code=there.region_code,
            hire_date=there.hire_date,
            net_pay=there.net_pay if sees_pay else None,
            stands_for=check.stands_for,
            rules=[
                RuleOut(
                    code=rule,
                    words=Words.of(words.term(Rule, rule)),
                    holds=holds,
                    value=Words.of(words.fill(RULE_VALUES[rule], values))
                    if sees_pay or rule is not Rule.PAY_HIGH_ENOUGH
                    else None,
                )
                for rule, holds in check.rules.items()
            ],
        )


def _values(check: GuarantorCheck, regions: Mapping[str, str]) -> dict[str, object]:
    """What the rules about a guarantor were judged by, as the words about it name it."""
    there, applicant = check.employment, check.applicant
    return {
        "employment": _status_of(there, applicant),
        "region": regions.get(there.region_code, there.region_code),
        "applicant_region": regions.get(applicant.region_code, applicant.region_code),
        "hired": there.hire_date.isoformat(),
        "since": there.served_since.isoformat(),
        "service_limit": service_limit(check.terms, there.served_since).isoformat(),
        "pay": there.net_pay,
        "applicant_pay": applicant.net_pay,
        "count": check.stands_for,
        "most": check.terms.stands_for_max,
    }


def _status_of(there: Employment, applicant: Employment) -> str:
    if there.state != EmploymentStatus.EMPLOYED:
        return there.state
    if there.organisation_id != applicant.organisation_id:
        return EmploymentStatus.EMPLOYED_ELSEWHERE
    return EmploymentStatus.MOBILE_DISPUTED if there.is_disputed else EmploymentStatus.EMPLOYED


class GuaranteeInCase(Out):
    """Somebody who was named for a credit, as far as the caller may know of them."""

    id: UUID
    status: str = Field(examples=["asked"])
    words: Words
    national_id_masked: str | None = Field(
        description="For the applicant, finance that decides and auditors", examples=["049****899"]
    )
    name: str | None = Field(
        description="For the applicant once they accepted; for finance that decides and auditors",
        examples=["علی کریمی"],
    )
    monthly: Amount = Field(description="With `instalments`: what they were asked to stand for")
    instalments: int
    ceiling: Amount
    mandate_version: int | None = Field(description="Which mandate they accepted")
    replaces: UUID | None = Field(validation_alias="replaces_id", description="The guarantee whose place it took")
    named: Moment = Field(validation_alias="named_at")
    accepted: Moment | None = Field(validation_alias="accepted_at")
    ended: Moment | None = Field(validation_alias="ended_at")
    facts: GuarantorFacts | None = Field(description="While it lasts, for finance that decides and auditors")

    @classmethod
    def of(cls, guarantee: Guarantee, disclosed: Disclosed) -> GuaranteeInCase:
        """A guarantee, with what the caller may know."""
        national_id = disclosed.national_ids.get(guarantee.person_id)
        check = disclosed.checks.get(guarantee.id)
        return cls.of_row(
            guarantee,
            words=Words.of(words.term(GuaranteeState, guarantee.status)),
            national_id_masked=None if national_id is None else mask_national_id(national_id),
            name=disclosed.names.get(guarantee.id),
            ceiling=ceiling_of(guarantee),
            facts=None if check is None else GuarantorFacts.of(check, disclosed),
        )


@dataclass(frozen=True, slots=True)
class Disclosed:
    """What the caller may know of guarantors: names by guarantee, national ids by person, findings by guarantee.

    ``regions``: names by code.
    """

    names: Mapping[UUID, str] = field(default_factory=dict)
    national_ids: Mapping[UUID, NationalId] = field(default_factory=dict)
    checks: Mapping[UUID, GuarantorCheck] = field(default_factory=dict)
    sees_pay: bool = False
    regions: Mapping[str, str] = field(default_factory=dict)


def ceiling_of(guarantee: Guarantee) -> int:
    """The most that a guarantor stands for, in rial: monthly times count."""
    return ceiling(Money(guarantee.monthly, Unit.IRR), guarantee.instalments).amount


class StandsFor(Out):
    """For how many persons the member stands now, and for how many anybody may."""

    count: int = Field(examples=[1])
    most: int = Field(
        description="The highest of the programmes in force; each application goes by its own programme's", examples=[3]
    )


class Guarantees(Page[GuaranteeOut]):
    """What the member was asked to stand for, newest first."""

    stands_for: StandsFor


@router.post("/guarantor-checks", dependencies=[_Member])
@refuses(read_programme, find_employment, commands.may_be_asked)
async def check_guarantor(command: CommandDep, check: CheckIn) -> CheckOut:
    """Whether a colleague may be asked to stand for the caller (A4a): yes or no; 12 answers a day."""
    _, programme = await read_programme(command, check.programme)
    own = await find_employment(command, programme, check.organisation_id)
    return CheckOut(may_be_asked=await commands.may_be_asked(command, programme, own, check.national_id))


@router.post("/onboarding/applications/{case_id}/guarantors", dependencies=[_Member])
@refuses(commands.name_guarantor)
async def name_guarantor(command: CommandDep, case_id: UUID, named: GuarantorIn) -> CaseRow:
    """Name another guarantor until the credit is usable (A4, A6); what finance approved is to be approved anew."""
    await commands.name_guarantor(command, case_id, named.national_id, replaces=named.replaces)
    return await case_row(command, case_id)


@router.get("/guarantees", dependencies=[_Member])
async def list_guarantees(read: ReadingDep, before: IdCursor, limit: Limit = 25) -> Guarantees:
    """What the member stands for and was asked to stand for (A5), newest first."""
    # The applicants' names are other people's rows.
    async with with_service_rights(read.connection, read.actor):
        rows = await guarantor.requests_to(read.connection, read.actor.person_id, before=before, limit=limit + 1)
        stands_for = await _stands_for(read)
    policies = {row.policy_id for row in rows[:limit]}
    programmes = {policy_id: await programme_of(read.connection, policy_id) for policy_id in policies}
    page = Page.of(
        rows, limit, lambda row: (row.guarantee.id,), lambda row: GuaranteeOut.of(row, programmes[row.policy_id])
    )
    return Guarantees(items=page.items, next=page.next, stands_for=stands_for)


@router.get("/guarantees/{guarantee_id}", dependencies=[_Member])
async def read_guarantee(read: ReadingDep, guarantee_id: UUID) -> GuaranteeOut | None:
    """One of those that the member stands for, stood for or was asked to stand for (A5)."""
    # The applicant's name is somebody else's row.
    async with with_service_rights(read.connection, read.actor):
        found = await guarantor.request_to(read.connection, read.actor.person_id, guarantee_id)
    return None if found is None else GuaranteeOut.of(found, await programme_of(read.connection, found.policy_id))


async def _stands_for(read: Reading) -> StandsFor:
    me, connection = read.actor.person_id, read.connection
    employers = {employment.organisation_id for employment in await employments_of(connection, me)}
    most = 0
    for programme in await programmes_in_force(connection):
        if programme.guarantor is not None and programme.guarantor.stands_for_max > most:
            is_theirs = [await is_open_to(connection, programme, employer) for employer in employers]
            most = programme.guarantor.stands_for_max if any(is_theirs) else most
    return StandsFor(count=await guarantor.count_guaranteed(connection, me, apart_from=me), most=most)
