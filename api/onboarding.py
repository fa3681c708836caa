"""Onboarding to credit: programmes, applying, correcting, withdrawing, and the member's credit lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncConnection

from api.answering import CodeRequest, Decision, TaskDecisions
from api.case_view import Action, CaseRow, CaseView, Section, case_row
from api.dependencies import CommandDep, Reading, ReadingDep, require
from api.guarantor import naming
from api.limits import CorrectionTerms, EmployerLimit, correction_terms, disputed_employers, employer_limits
from api.mandate import MandateAcceptance
from api.operation import Operation
from api.values import Amount, AmountIn, Day, Input, Moment, Out, Reason, Words
from commands import onboarding as commands
from commands.command import Command
from commands.refusals import refuses
from domain.account import mandate_binding
from domain.guarantor import free_places
from domain.ledger import credit_accounts
from domain.mandate import GUARANTEE_MANDATES, MANDATES
from domain.money import Money, Unit
from domain.onboarding import RefusalReason, ceiling, may_withdraw
from domain.programme import GUARANTORS_MAX, Backing, Programme, Review
from domain.review import ReturnReason
from domain.wording import Sentence
from messages.case import CaseKind
from messages.onboarding import FactKind, TaskKind
from messages.review import FactKind as ReviewFact
from storage import guarantor, onboarding
from storage.cases import last_fact
from storage.certificate import newest_certificate
from storage.ledger import reading as ledger
from storage.ledger.reading import Balance
from storage.organisation import list_regions
from storage.programme import programme_of, programmes_in_force, programmes_of
from storage.rows.cases import Case
from storage.rows.onboarding import CreditLine
from storage.rows.tasks import Task
from storage.services import takes_new_cases

router = APIRouter(prefix="/v1", tags=["onboarding"], route_class=Operation)

_Member = Depends(require(member=True))


class ClearObstacle(Decision):
    """What stood in the way is mended; the activation is tried again."""

    kind: Literal["clear_obstacle"]
    decision: Literal["cleared"]

    @refuses(commands.answer_obstacle)
    async def decide(self, command: Command, task: Task) -> None:
        """Go on."""
        await commands.answer_obstacle(command, task, None)


class UpholdObstacle(Decision):
    """What stands in the way cannot be mended; the application is refused."""

    kind: Literal["clear_obstacle"]
    decision: Literal["upheld"]
    reason: RefusalReason

    @refuses(commands.answer_obstacle)
    async def decide(self, command: Command, task: Task) -> None:
        """Refuse."""
        await commands.answer_obstacle(command, task, self.reason)


DECISIONS = (
    TaskDecisions(TaskKind.CLEAR_OBSTACLE, (ClearObstacle, UpholdObstacle)),
    TaskDecisions(TaskKind.CORRECT_APPLICATION, address="/v1/onboarding/applications/{case_id}/correction"),
)


class ProgrammeOut(Out):
    """A programme, and what is possible for the caller at each of their employers at this moment (A2)."""

    code: str = Field(examples=["minipay"])
    title: Words
    backing: Backing = Field(description="What stands behind the credit", examples=["guarantor"])
    review: Review = Field(description="Who approves an application once it is backed", examples=["region"])
    guarantors: int = Field(description="How many to name with the application (A4)", examples=[1])
    instalments_max: int
    line_term_months: int
    waiting_seconds: int = Field(description="Between approval and usable credit (A8)", examples=[259200])
    mandate_version: int
    mandate: Words
    guarantee_mandate_version: int | None = Field(description="What guarantors accept; null where there are none")
    guarantee_mandate: Words | None
    open_case_id: UUID | None = Field(description="The caller's open application in it, before which no other (A10)")
    limits: list[EmployerLimit]


class MandateSubject(Input):
    """The terms of the deduction mandate that the code accepts: the application must be for exactly these."""

    programme: str = Field(pattern=r"^[a-z][a-z0-9_]{1,39}$", examples=["minipay"])
    monthly_amount: AmountIn
    instalments: int = Field(strict=True, gt=0, le=1_000, examples=[12])
    mandate_version: int = Field(strict=True, gt=0, le=1_000_000, examples=[1])


class MandateCodeRequest(CodeRequest):
    """Asks for a code that accepts a deduction mandate."""

    purpose: Literal["accept_mandate"]
    subject: MandateSubject

    async def binding(self, command: Command) -> bytes:  # noqa: ARG002 - needs only what was sent
        """The terms that it accepts."""
        terms = self.subject
        return mandate_binding(terms.programme, terms.monthly_amount.amount, terms.instalments, terms.mandate_version)


CODES = (MandateCodeRequest,)


class NamedGuarantor(Input):
    """A colleague who is to be asked to stand (A4)."""

    national_id: str = Field(max_length=40, examples=["0499370899"])


class ApplicationIn(Input):
    """What a member asks for."""

    programme: str = Field(pattern="^[a-z][a-z0-9_.-]{1,60}$", examples=["minipay"])
    monthly_amount: AmountIn
    instalments: int = Field(strict=True, ge=1, le=120, examples=[12])
    mandate: MandateAcceptance
    organisation_id: UUID | None = Field(default=None, description="Needed by those who work for several")
    guarantors: list[NamedGuarantor] = Field(
        default_factory=list, max_length=GUARANTORS_MAX, description="As many as the programme asks for"
    )


class ApplicationCorrectionIn(Input):
    """The corrected terms, and a fresh code for exactly them (A7)."""

    monthly_amount: AmountIn
    instalments: int = Field(strict=True, ge=1, le=120, examples=[12])
    mandate: MandateAcceptance


class Links(Out):
    """Where a member goes on with a credit: the app, and how to use it."""

    app: str = Field(examples=["https://amanat.example/app"])
    training: str = Field(examples=["https://amanat.example/training"])

    @classmethod
    def of(cls, links: Mapping[str, str]) -> Links | None:
        """Those of the installation, if it names any."""
        return cls(app=links["app_link"], training=links["training_link"]) if links else None


class CreditLineOut(Out):
    """A member's credit (C8): used, held and available come from the ledger."""

    id: UUID
    case_id: UUID
    programme: str
    programme_title: Words = Field(description="As the case began with it")
    monthly: Amount
    instalments: int
    ceiling: Amount
    available: Amount
    held: Amount
    used: Amount
    card_number: str = Field(
        description="Its last four digits; `reveal_card` shows the whole", examples=["************7897"]
    )
    mobile_disputed: bool = Field(description="Its employer lists another mobile for the member than they sign in with")
    opened: Moment = Field(validation_alias="opened_at")
    ends_on: Day
    purchases_stopped: Moment | None = Field(validation_alias="purchases_stopped_at")
    closed: Moment | None = Field(validation_alias="closed_at")
    links: Links | None = Field(description="Null where the installation names none, and once the line is closed")

    @classmethod
    def of(
        cls,
        line: CreditLine,
        programme: Programme,
        balance: Balance,
        links: Links | None,
        *,
        card_number: str,
        mobile_disputed: bool,
    ) -> CreditLineOut:
        """A line with its balance."""
        used = 0 if line.closed_at else line.ceiling.amount - balance.posted
        return cls.of_row(
            line,
            programme_title=Words.of(Sentence(programme.title_fa, programme.title_en)),
            ceiling=line.ceiling.amount,
            available=balance.available,
            held=balance.held,
            used=used,
            card_number=card_number,
            mobile_disputed=mobile_disputed,
            links=links if line.closed_at is None else None,
        )


class CreditLines(Out):
    """The member's lines, newest first."""

    mobile_disputed: bool = Field(description="An employer lists another mobile for the member than they sign in with")
    items: list[CreditLineOut]


class Programmes(Out):
    """The programmes that exist.

    ``limits`` leaves out employers where the member's mobile is disputed, and does not name them: the person who signs
    in as somebody need not be the one whom an organisation employs.
    """

    takes_applications: bool = Field(description="False while operators have closed onboarding to new cases (G5)")
    mobile_disputed: bool = Field(description="An employer lists another mobile for the member than they sign in with")
    items: list[ProgrammeOut]


class ApplicationOut(Out):
    """What was asked for, and which personnel values were used (A3)."""

    monthly: Amount
    instalments: int
    ceiling: Amount
    net_pay_used: Amount | None = Field(description="For the applicant and those who judge by it")
    region_used: str = Field(validation_alias="region_code")
    region_used_name: str | None = Field(examples=["منطقه ۱ تهران"])
    hire_date_used: Day | None
    mandate_version: int
    approved_monthly: Amount | None
    approved_instalments: int | None
    approved: Moment | None = Field(
        validation_alias="approved_at", description="When finance approved; null again if that no longer counts (A7)"
    )
    activates: Moment | None = Field(validation_alias="activates_at", description="From when the credit is usable (A8)")
    returned: Moment | None = Field(
        validation_alias="returned_at", description="Since when it waits for the applicant's correction"
    )
    return_reasons: list[Reason] = Field(description="Why it was returned the last time (A7)")
    certificate_id: UUID | None
    guarantors: int = Field(description="How many its programme asks for (A4)", examples=[1])
    free_places: int = Field(
        description="How many guarantors may be named without taking anybody's place; none once the case is over",
        examples=[0],
    )

    @classmethod
    async def of(cls, view: CaseView) -> ApplicationOut | None:
        """The application of a case, if it is one that the caller may read."""
        connection, visibility = view.connection, view.visibility
        asked = await view.reading.once(onboarding.read_application, visibility.case.id)
        if asked is None:
            return None
        certificate = await newest_certificate(connection, visibility.case.id)
        returned = await last_fact(connection, visibility.case.id, ReviewFact.APPLICATION_RETURNED)
        programme = await programme_of(connection, visibility.case.policy_id)
        return cls.of_row(
            asked,
            ceiling=ceiling(Money(asked.monthly, Unit.IRR), asked.instalments).amount,
            net_pay_used=asked.net_pay if visibility.sees_pay else None,
            region_used_name=(await view.reading.once(list_regions)).get(asked.region_code),
            hire_date_used=asked.hire_date if visibility.sees_pay else None,
            return_reasons=[]
            if returned is None
            else [Reason.of(ReturnReason, code) for code in returned.payload["reasons"]],
            certificate_id=None if certificate is None else certificate.id,
            guarantors=programme.guarantors,
            free_places=await _free_places(connection, visibility.case, programme),
        )


async def _free_places(connection: AsyncConnection, case: Case, programme: Programme) -> int:
    if not case.is_open or not programme.guarantors:
        return 0
    return free_places(programme.guarantors, len(await guarantor.guarantees_in(connection, case.id)))


class ApplicationSection(Out):
    """Of an application."""

    application: ApplicationOut | None = Field(default=None, description="For the applicant and staff")
    correction: CorrectionTerms | None = Field(
        default=None, description="For the applicant while a correction is asked for: what it may be corrected to"
    )


async def _read(view: CaseView) -> ApplicationSection:
    visibility = view.visibility
    is_returned = visibility.is_applicant and visibility.task_of(TaskKind.CORRECT_APPLICATION) is not None
    return ApplicationSection(
        application=await ApplicationOut.of(view),
        correction=await correction_terms(view.reading, visibility.case) if is_returned else None,
    )


async def _allowed(view: CaseView, part: ApplicationSection) -> list[Action]:
    case = view.visibility.case
    if not view.visibility.is_applicant or part.application is None:
        return []
    if not may_withdraw(is_open=case.is_open, withdrawn=await onboarding.is_ending(view.connection, case.id)):
        return []
    withdrawal = f"/v1/onboarding/applications/{case.id}/withdrawal"
    withdrawing = Action(action="withdraw_application", method="POST", href=withdrawal)
    # Until then another guarantor may be named too: a missing one, or in the place of somebody.
    return [withdrawing, naming(case.id)] if part.application.guarantors else [withdrawing]


SECTION = Section(
    CaseKind.ONBOARDING,
    ApplicationSection,
    _read,
    _allowed,
    by_programme=True,
    endings=(FactKind.APPLICATION_WITHDRAWN,),
)


@router.get("/programmes", dependencies=[_Member])
async def list_programmes(read: ReadingDep) -> Programmes:
    """Programmes with their mandates and what the member may choose per month; an organisation's own for its people."""
    connection, person_id = read.connection, read.actor.person_id
    found = await programmes_in_force(connection)
    limits = await employer_limits(read, found)
    opened = await onboarding.open_applications(connection, person_id)
    # Another organisation's own is for its people.
    shown = [programme for programme in found if not programme.organisation or limits[programme.code]]
    return Programmes(
        takes_applications=await takes_new_cases(connection, CaseKind.ONBOARDING),
        mobile_disputed=bool(await disputed_employers(read)),
        items=[_programme_out(each, limits[each.code], opened.get(each.code)) for each in shown],
    )


def _programme_out(programme: Programme, limits: list[EmployerLimit], open_case_id: UUID | None) -> ProgrammeOut:
    asked = programme.guarantor
    return ProgrammeOut.of_row(
        programme,
        title=Words.of(Sentence(programme.title_fa, programme.title_en)),
        waiting_seconds=int(programme.waiting.total_seconds()),
        mandate=Words.of(MANDATES[programme.mandate_version]),
        guarantee_mandate_version=None if asked is None else asked.mandate_version,
        guarantee_mandate=None if asked is None else Words.of(GUARANTEE_MANDATES[asked.mandate_version]),
        open_case_id=open_case_id,
        limits=limits,
    )


@router.post("/onboarding/applications", status_code=201, dependencies=[_Member])
@refuses(commands.apply_for_credit)
async def apply_for_credit(command: CommandDep, application: ApplicationIn) -> CaseRow:
    """Apply for credit. Ask for a code with purpose ``accept_mandate`` and the same terms first."""
    request = commands.CreditRequest(
        programme=application.programme,
        monthly=application.monthly_amount.money(),
        instalments=application.instalments,
        mandate_version=application.mandate.version,
        code_id=application.mandate.code_id,
        code=application.mandate.code,
        organisation_id=application.organisation_id,
        guarantors=tuple(guarantor.national_id for guarantor in application.guarantors),
    )
    return await case_row(command, await commands.apply_for_credit(command, request))


@router.post("/onboarding/applications/{case_id}/withdrawal", dependencies=[_Member])
@refuses(commands.withdraw_application)
async def withdraw_application(command: CommandDep, case_id: UUID) -> CaseRow:
    """Withdraw an application until the credit is usable (A11)."""
    return await case_row(command, await commands.withdraw_application(command, case_id))


@router.post("/onboarding/applications/{case_id}/correction", dependencies=[_Member])
@refuses(commands.correct_application)
async def correct_application(command: CommandDep, case_id: UUID, correction: ApplicationCorrectionIn) -> CaseRow:
    """Correct and resubmit what finance returned (A7). Ask for a code with purpose ``accept_mandate`` first.

    Guarantors are asked again only if amount or count grew.
    """
    request = commands.ApplicationCorrection(
        monthly=correction.monthly_amount.money(),
        instalments=correction.instalments,
        mandate_version=correction.mandate.version,
        code_id=correction.mandate.code_id,
        code=correction.mandate.code,
    )
    return await case_row(command, await commands.correct_application(command, case_id, request))


@router.get("/credit-lines", dependencies=[_Member])
async def list_credit_lines(read: ReadingDep, is_open: Annotated[bool | None, Query()] = None) -> CreditLines:
    """The member's own credit lines with what is used, held and available."""
    lines = await onboarding.lines_of(read.connection, read.actor.person_id)
    wanted = [line for line in lines if is_open is None or (line.closed_at is None) is is_open]
    return CreditLines(mobile_disputed=bool(await disputed_employers(read)), items=await _with_balances(read, wanted))


@router.get("/credit-lines/{line_id}", dependencies=[_Member])
async def read_credit_line(read: ReadingDep, line_id: UUID) -> CreditLineOut | None:
    """One of the member's own credit lines with what is used, held and available."""
    line = await onboarding.read_line(read.connection, line_id)
    if line is None or line.person_id != read.actor.person_id:
        return None
    return (await _with_balances(read, [line]))[0]


async def _with_balances(read: Reading, lines: Sequence[CreditLine]) -> list[CreditLineOut]:
    connection = read.connection
    accounts = [available.code for _, available in (credit_accounts(line.id) for line in lines)]
    balances = await ledger.balances(connection, accounts)
    programmes = await programmes_of(connection, [line.case_id for line in lines])
    links = Links.of(read.context.links)
    disputed = await disputed_employers(read)
    return [
        CreditLineOut.of(
            line,
            programmes[line.case_id],
            balances[account],
            links,
            card_number=onboarding.card_number(read.seals, line),
            mobile_disputed=line.organisation_id in disputed,
        )
        for line, account in zip(lines, accounts, strict=True)
    ]
