"""Onboarding to credit: programmes, applying, correcting, withdrawing, and the member's credit lines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Body, Depends, Query, Request
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import Response

from api.case_detail import CaseDetail, case_detail
from api.dependencies import PerformerDep, Reader, ReaderDep, require
from api.problems import responses
from api.terms import EmployerLimit, employer_limits
from api.values import AmountIn, AmountOut, DayOut, Input, MomentOut, Words
from commands import onboarding as commands
from commands.command import Command
from domain import errors
from domain import onboarding as rules
from domain.account import BadCode, CodeNotAccepted
from domain.guarantor import (
    GuarantorCountWrong,
    GuarantorIsApplicant,
    GuarantorMayNotBeAsked,
    GuarantorNamedTwice,
)
from domain.ledger import credit_accounts
from domain.mandate import GUARANTEE_MANDATES, MANDATES
from domain.programme import GUARANTORS_MAX, Backing, Programme, Review
from domain.review import NotReturned
from domain.wording import Sentence
from storage import onboarding
from storage.database import postgres_now
from storage.ledger import reading as ledger
from storage.ledger.reading import Balance
from storage.programme import programmes_in_force, programmes_of
from storage.rows.onboarding import CreditLine
from storage.rows.services import ServiceName
from storage.services import takes_new_cases

router = APIRouter(prefix="/v1", tags=["onboarding"])

_Member = Depends(require(member=True))


class ProgrammeOut(BaseModel):
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


class MandateAcceptance(Input):
    """The fresh code with which the member accepted the mandate for exactly these terms (A2)."""

    version: int = Field(strict=True, ge=1, examples=[1])
    code_id: UUID
    code: str = Field(max_length=32, examples=["482913"])


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


class CorrectionIn(Input):
    """The corrected terms, and a fresh code for exactly them (A7)."""

    monthly_amount: AmountIn
    instalments: int = Field(strict=True, ge=1, le=120, examples=[12])
    mandate: MandateAcceptance


class Links(BaseModel):
    """Where a member goes on with a credit: the app, and how to use it."""

    app: str = Field(examples=["https://amanat.example/app"])
    training: str = Field(examples=["https://amanat.example/training"])


class CreditLineOut(BaseModel):
    """A member's credit (C8): used, held and available come from the ledger."""

    id: UUID
    case_id: UUID
    programme: str
    programme_title: Words = Field(description="As the case began with it")
    monthly: AmountOut
    instalments: int
    ceiling: AmountOut
    available: AmountOut
    held: AmountOut
    used: AmountOut
    card_number: str = Field(
        description="Whole only after a fresh code (step-up), else its last four digits", examples=["************7897"]
    )
    opened: MomentOut
    ends_on: DayOut
    purchases_stopped: MomentOut | None
    closed: MomentOut | None
    links: Links | None = Field(description="Null where the installation names none, and once the line is closed")

    @classmethod
    def of(
        cls, line: CreditLine, programme: Programme, balance: Balance, card_number: str, links: Links | None
    ) -> CreditLineOut:
        """A line with its balance."""
        used = 0 if line.closed_at else line.ceiling.amount - balance.posted
        return cls(
            id=line.id,
            case_id=line.case_id,
            programme=line.programme,
            programme_title=Words.of(Sentence(programme.title_fa, programme.title_en)),
            monthly=AmountOut.of(line.monthly),
            instalments=line.instalments,
            ceiling=AmountOut.of(line.ceiling.amount),
            available=AmountOut.of(balance.available),
            held=AmountOut.of(balance.held),
            used=AmountOut.of(used),
            card_number=card_number,
            opened=MomentOut.of(line.opened_at),
            ends_on=DayOut.of(line.ends_on),
            purchases_stopped=None if line.purchases_stopped_at is None else MomentOut.of(line.purchases_stopped_at),
            closed=None if line.closed_at is None else MomentOut.of(line.closed_at),
            links=links if line.closed_at is None else None,
        )


class CreditLines(BaseModel):
    """The member's lines, newest first."""

    items: list[CreditLineOut]


class Programmes(BaseModel):
    """The programmes that exist."""

    takes_applications: bool = Field(description="False while operators have closed onboarding to new cases (G5)")
    items: list[ProgrammeOut]


@router.get(
    "/programmes",
    operation_id="list_programmes",
    dependencies=[_Member],
    responses=responses(errors.Unauthenticated, errors.Forbidden),
)
async def list_programmes(reader: ReaderDep) -> Programmes:
    """Programmes with their mandates and what the member may choose per month; an organisation's own for its people."""

    async def query(connection: AsyncConnection) -> Programmes:
        found = await programmes_in_force(connection)
        limits = await employer_limits(connection, reader.actor.person_id, found)
        opened = await onboarding.open_applications(connection, reader.actor.person_id)
        # Another organisation's own is for its people.
        shown = [programme for programme in found if not programme.organisation or limits[programme.code]]
        return Programmes(
            takes_applications=await takes_new_cases(connection, ServiceName.ONBOARDING),
            items=[_programme_out(each, limits[each.code], opened.get(each.code)) for each in shown],
        )

    return await reader.read(query)


def _programme_out(programme: Programme, limits: list[EmployerLimit], open_case_id: UUID | None) -> ProgrammeOut:
    asked = programme.guarantor
    return ProgrammeOut(
        code=programme.code,
        title=Words.of(Sentence(programme.title_fa, programme.title_en)),
        backing=programme.backing,
        review=programme.review,
        guarantors=programme.guarantors,
        instalments_max=programme.instalments_max,
        line_term_months=programme.line_term_months,
        waiting_seconds=int(programme.waiting.total_seconds()),
        mandate_version=programme.mandate_version,
        mandate=Words.of(MANDATES[programme.mandate_version]),
        guarantee_mandate_version=None if asked is None else asked.mandate_version,
        guarantee_mandate=None if asked is None else Words.of(GUARANTEE_MANDATES[asked.mandate_version]),
        open_case_id=open_case_id,
        limits=limits,
    )


@router.post(
    "/onboarding/applications",
    operation_id="apply_for_credit",
    status_code=201,
    response_model=CaseDetail,
    dependencies=[_Member],
    responses=responses(
        errors.Unauthenticated,
        errors.Forbidden,
        errors.ServiceClosed,
        rules.NotOnPersonnelList,
        rules.ContractNotInForce,
        rules.ApplicationOpen,
        rules.MoneyPaused,
        rules.MandateOutdated,
        rules.ProgrammeUnknown,
        rules.AmountAboveShare,
        rules.TooManyInstalments,
        rules.AmountNotWholeToman,
        rules.ChooseOrganisation,
        GuarantorCountWrong,
        GuarantorIsApplicant,
        GuarantorMayNotBeAsked,
        GuarantorNamedTwice,
        BadCode,
        CodeNotAccepted,
    ),
)
async def apply_for_credit(performer: PerformerDep, application: Annotated[ApplicationIn, Body()]) -> Response:
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

    async def work(command: Command) -> CaseDetail:
        return await detail_of(command, await commands.apply_for_credit(command, request))

    return await performer.run(work, status=201)


@router.post(
    "/onboarding/applications/{case_id}/withdrawal",
    operation_id="withdraw_application",
    response_model=CaseDetail,
    dependencies=[_Member],
    responses=responses(
        errors.Unauthenticated,
        errors.Forbidden,
        errors.NotFound,
        errors.CaseClosed,
        rules.CreditAlreadyActive,
    ),
)
async def withdraw_application(performer: PerformerDep, case_id: UUID) -> Response:
    """Withdraw an application until the credit is usable (A11)."""

    async def work(command: Command) -> CaseDetail:
        return await detail_of(command, await commands.withdraw_application(command, case_id))

    return await performer.run(work)


@router.post(
    "/onboarding/applications/{case_id}/correction",
    operation_id="correct_application",
    response_model=CaseDetail,
    dependencies=[_Member],
    responses=responses(
        errors.Unauthenticated,
        errors.Forbidden,
        errors.NotFound,
        errors.TaskNotOpen,
        rules.NotOnPersonnelList,
        rules.ContractNotInForce,
        rules.MandateOutdated,
        rules.AmountAboveShare,
        rules.TooManyInstalments,
        rules.AmountNotWholeToman,
        NotReturned,
        BadCode,
        CodeNotAccepted,
    ),
)
async def correct_application(
    performer: PerformerDep, case_id: UUID, correction: Annotated[CorrectionIn, Body()]
) -> Response:
    """Correct and resubmit what finance returned (A7). Ask for a code with purpose ``accept_mandate`` first.

    Guarantors are asked again only if amount or count grew.
    """
    request = commands.Correction(
        monthly=correction.monthly_amount.money(),
        instalments=correction.instalments,
        mandate_version=correction.mandate.version,
        code_id=correction.mandate.code_id,
        code=correction.mandate.code,
    )

    async def work(command: Command) -> CaseDetail:
        return await detail_of(command, await commands.correct_application(command, case_id, request))

    return await performer.run(work)


async def detail_of(command: Command, case_id: UUID) -> CaseDetail:
    """The case in which a command has acted, as whoever acted sees it then."""
    detail = await case_detail(command.connection, command.seals, command.actor, case_id)
    if detail is None:
        raise errors.NotFound
    return detail


@router.get(
    "/credit-lines",
    operation_id="list_credit_lines",
    dependencies=[_Member],
    responses=responses(errors.Unauthenticated, errors.Forbidden),
)
async def list_credit_lines(
    request: Request, reader: ReaderDep, is_open: Annotated[bool | None, Query()] = None
) -> CreditLines:
    """The member's own credit lines with what is used, held and available."""
    links: Links | None = request.app.state.links

    async def query(connection: AsyncConnection) -> CreditLines:
        lines = await onboarding.lines_of(connection, reader.actor.person_id)
        wanted = [line for line in lines if is_open is None or (line.closed_at is None) is is_open]
        return CreditLines(items=await _with_balances(connection, reader, wanted, links))

    return await reader.read(query)


@router.get(
    "/credit-lines/{line_id}",
    operation_id="read_credit_line",
    dependencies=[_Member],
    responses=responses(errors.Unauthenticated, errors.Forbidden, errors.NotFound),
)
async def read_credit_line(request: Request, reader: ReaderDep, line_id: UUID) -> CreditLineOut:
    """One of the member's own credit lines with what is used, held and available."""
    links: Links | None = request.app.state.links

    async def query(connection: AsyncConnection) -> CreditLineOut | None:
        line = await onboarding.read_line(connection, line_id)
        if line is None or line.person_id != reader.actor.person_id:
            return None
        return (await _with_balances(connection, reader, [line], links))[0]

    return await reader.read(query)


async def _with_balances(
    connection: AsyncConnection, reader: Reader, lines: Sequence[CreditLine], links: Links | None
) -> list[CreditLineOut]:
    seals, until = reader.context.seals, reader.actor.strong_until
    strong = until is not None and until > await postgres_now(connection)
    accounts = [available.code for _, available in (credit_accounts(line.id) for line in lines)]
    balances = await ledger.balances(connection, accounts)
    programmes = await programmes_of(connection, [line.case_id for line in lines])
    return [
        CreditLineOut.of(
            line,
            programmes[line.case_id],
            balances[account],
            onboarding.card_number(seals, line, whole=strong),
            links,
        )
        for line, account in zip(lines, accounts, strict=True)
    ]
