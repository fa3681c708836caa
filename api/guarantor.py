"""Guarantors: who may be asked, naming another one, and what a member stands for (A4, A4a, A5)."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Body, Depends
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import Response

from api.case_detail import CaseDetail
from api.dependencies import PerformerDep, Reader, ReaderDep, require
from api.onboarding import detail_of
from api.problems import responses
from api.review import ceiling_of
from api.sight import reaching_further
from api.values import AmountOut, Cursor, Input, Limit, MomentOut, Page, Words, cut, read_cursor, write_cursor
from commands import guarantor as commands
from commands.command import Command
from commands.onboarding import find_employment, read_programme
from domain import errors
from domain import guarantor as rules
from domain.catalogue import words
from domain.guarantor import GuaranteeState
from domain.mandate import GUARANTEE_MANDATES
from domain.onboarding import ChooseOrganisation, MoneyPaused, NotOnPersonnelList, ProgrammeUnknown
from domain.programme import Programme
from domain.wording import Sentence
from storage import guarantor
from storage.guarantor import Request
from storage.onboarding import is_open_to
from storage.organisation import employments_of
from storage.programme import programme_of, programmes_in_force

router = APIRouter(prefix="/v1", tags=["guarantors"])

_Member = Depends(require(member=True))


class CheckIn(Input):
    """Which colleague, for which programme."""

    programme: str = Field(pattern="^[a-z][a-z0-9_.-]{1,60}$", examples=["tavana"])
    national_id: str = Field(max_length=40, examples=["0499370899"])
    organisation_id: UUID | None = Field(default=None, description="Needed by those who work for several")


class CheckOut(BaseModel):
    """Yes or no, and never why not (A4a)."""

    may_be_asked: bool


class GuarantorIn(Input):
    """The colleague who is to be asked."""

    national_id: str = Field(max_length=40, examples=["0499370899"])
    replaces: UUID | None = Field(
        default=None, description="The guarantee whose place they take; without it, one must be missing"
    )


class GuaranteeOut(BaseModel):
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
    monthly: AmountOut
    instalments: int
    ceiling: AmountOut
    mandate_version: int = Field(description="To be accepted, or what was accepted")
    mandate: Words
    named: MomentOut
    accepted: MomentOut | None
    ended: MomentOut | None
    phase: str | None = Field(
        description="Where the application stands; null once they have nothing to do with it", examples=["active"]
    )
    phase_words: Words | None
    counts: bool = Field(description="Whether it takes one of the places in `stands_for` now")

    @classmethod
    def of(cls, request: Request, programme: Programme) -> GuaranteeOut:
        """A guarantee in its guarantor's eyes; the programme as the credit's case froze it."""
        asked = request.guarantee
        asks = 0 if programme.guarantor is None else programme.guarantor.mandate_version
        version = asked.mandate_version or asks
        return cls(
            id=asked.id,
            case_id=asked.case_id,
            task_id=request.task_id,
            status=asked.status,
            words=Words.of(words.term(GuaranteeState, asked.status)),
            applicant_name=request.applicant_name,
            organisation_name=request.organisation_name,
            region_name=request.region_name,
            programme=programme.code,
            programme_title=Words.of(Sentence(programme.title_fa, programme.title_en)),
            monthly=AmountOut.of(asked.monthly),
            instalments=asked.instalments,
            ceiling=ceiling_of(asked),
            mandate_version=version,
            mandate=Words.of(GUARANTEE_MANDATES[version]),
            named=MomentOut.of(asked.named_at),
            accepted=None if asked.accepted_at is None else MomentOut.of(asked.accepted_at),
            ended=None if asked.ended_at is None else MomentOut.of(asked.ended_at),
            phase=request.phase if asked.is_live else None,
            phase_words=Words.of(words.phase(request.kind, request.phase)) if asked.is_live else None,
            counts=asked.status == "accepted",
        )


class StandsFor(BaseModel):
    """For how many persons the member stands now, and for how many anybody may."""

    count: int = Field(examples=[1])
    most: int = Field(
        description="The highest of the programmes in force; each application goes by its own programme's", examples=[3]
    )


class Guarantees(Page[GuaranteeOut]):
    """What the member was asked to stand for, newest first."""

    stands_for: StandsFor


@router.post(
    "/guarantor-checks",
    operation_id="check_guarantor",
    response_model=CheckOut,
    dependencies=[_Member],
    responses=responses(
        errors.Unauthenticated,
        errors.Forbidden,
        NotOnPersonnelList,
        ProgrammeUnknown,
        ChooseOrganisation,
        rules.GuarantorCountWrong,
        rules.GuarantorIsApplicant,
    ),
)
async def check_guarantor(performer: PerformerDep, check: Annotated[CheckIn, Body()]) -> Response:
    """Whether a colleague may be asked to stand for the caller (A4a): yes or no; 12 answers a day."""

    async def work(command: Command) -> CheckOut:
        _, programme = await read_programme(command, check.programme)
        own = await find_employment(command, programme, check.organisation_id)
        return CheckOut(may_be_asked=await commands.may_be_asked(command, programme, own, check.national_id))

    return await performer.run(work)


@router.post(
    "/onboarding/applications/{case_id}/guarantors",
    operation_id="name_guarantor",
    response_model=CaseDetail,
    dependencies=[_Member],
    responses=responses(
        errors.Unauthenticated,
        errors.Forbidden,
        errors.NotFound,
        errors.CaseClosed,
        errors.TaskNotOpen,
        rules.GuaranteeUnknown,
        rules.GuarantorPlacesFilled,
        MoneyPaused,
        rules.GuarantorMayNotBeAsked,
        rules.GuarantorIsApplicant,
        rules.GuarantorNamedTwice,
    ),
)
async def name_guarantor(performer: PerformerDep, case_id: UUID, named: Annotated[GuarantorIn, Body()]) -> Response:
    """Name another guarantor until the credit is usable (A4, A6); what finance approved is to be approved anew."""

    async def work(command: Command) -> CaseDetail:
        await commands.name_guarantor(command, case_id, named.national_id, replaces=named.replaces)
        return await detail_of(command, case_id)

    return await performer.run(work)


@router.get(
    "/guarantees",
    operation_id="list_guarantees",
    dependencies=[_Member],
    responses=responses(errors.Unauthenticated, errors.Forbidden),
)
async def list_guarantees(reader: ReaderDep, cursor: Cursor = None, limit: Limit = 25) -> Guarantees:
    """What the member stands for and was asked to stand for (A5), newest first."""
    before = read_cursor(cursor, UUID)

    async def query(connection: AsyncConnection) -> Guarantees:
        me = reader.actor.person_id
        # The applicants' names are other people's rows.
        async with reaching_further(connection, reader.actor):
            rows = await guarantor.requests_to(connection, me, before=before[0] if before else None, limit=limit + 1)
            stands_for = await _stands_for(connection, reader)
        page, more = cut(rows, limit)
        programmes = {
            policy_id: await programme_of(connection, policy_id) for policy_id in {row.policy_id for row in page}
        }
        return Guarantees(
            items=[GuaranteeOut.of(row, programmes[row.policy_id]) for row in page],
            next=write_cursor(page[-1].guarantee.id) if more else None,
            stands_for=stands_for,
        )

    return await reader.read(query)


@router.get(
    "/guarantees/{guarantee_id}",
    operation_id="read_guarantee",
    dependencies=[_Member],
    responses=responses(errors.Unauthenticated, errors.Forbidden, errors.NotFound),
)
async def read_guarantee(reader: ReaderDep, guarantee_id: UUID) -> GuaranteeOut:
    """One of those that the member stands for, stood for or was asked to stand for (A5)."""

    async def query(connection: AsyncConnection) -> GuaranteeOut | None:
        # The applicant's name is somebody else's row.
        async with reaching_further(connection, reader.actor):
            found = await guarantor.request_to(connection, reader.actor.person_id, guarantee_id)
        return None if found is None else GuaranteeOut.of(found, await programme_of(connection, found.policy_id))

    return await reader.read(query)


async def _stands_for(connection: AsyncConnection, reader: Reader) -> StandsFor:
    me = reader.actor.person_id
    employers = {employment.organisation_id for employment in await employments_of(connection, me)}
    most = 0
    for programme in await programmes_in_force(connection):
        if programme.guarantor is not None and programme.guarantor.stands_for_max > most:
            is_theirs = [await is_open_to(connection, programme, employer) for employer in employers]
            most = programme.guarantor.stands_for_max if any(is_theirs) else most
    return StandsFor(count=await guarantor.stands_for(connection, me, apart_from=me), most=most)
