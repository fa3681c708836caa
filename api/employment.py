"""One person's personnel data, looked up and corrected by HR (A3)."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Body, Depends, Header
from pydantic import BaseModel, Field, StringConstraints
from starlette.responses import Response

from api.dependencies import ContextDep, ForeignOrigin, PerformerDep, require
from api.problems import responses
from api.values import AmountOut, DayIn, DayOut, Input, MomentOut
from commands import employment as commands
from commands.command import Command
from domain import errors
from domain.access import Actor, Role
from domain.account import NationalIdUnreadable
from domain.identity import NationalId, mask_national_id
from storage import employment as store
from storage.employment import Correction, EarlierVersion, History

router = APIRouter(prefix="/v1/employments", tags=["personnel"])

_may_correct = require(Role.HR_OFFICER)


class EmploymentSearch(Input):
    """Whom to look up; a national id stands in no address."""

    national_id: str = Field(max_length=40, examples=["0499370899"])


class PayIn(Input):
    """Net pay a month in rial, as an integer with its unit."""

    amount: int = Field(strict=True, examples=[400_000_000])
    unit: Annotated[str, Field(pattern="^IRR$")] = "IRR"


class CorrectionIn(Input):
    """The right values; what is left out stays as it is."""

    net_pay: PayIn | None = None
    region_code: str | None = Field(default=None, max_length=40, examples=["2201"])
    hire_date: DayIn | None = Field(default=None, examples=["2016-03-29"])
    reason: Annotated[str, StringConstraints(min_length=3, max_length=500, strip_whitespace=True)] = Field(
        examples=["حکم کارگزینی تازه"]
    )

    def correction(self) -> Correction:
        """As the command takes it."""
        return Correction(self.region_code, self.hire_date, None if self.net_pay is None else self.net_pay.amount)


class EarlierValues(BaseModel):
    """What stood until a moment; values that did not change then are null."""

    until: MomentOut
    net_pay: AmountOut | None
    region_code: str | None
    hire_date: DayOut | None
    state: str | None
    case_id: UUID | None = Field(description="The case of the file or decision that changed it; null for a correction")

    @classmethod
    def of(cls, version: EarlierVersion) -> EarlierValues:
        """An earlier version."""
        before: Any = version.before
        net_pay, hired = before.get("net_pay_rial"), before.get("hire_date")
        return cls(
            until=MomentOut.of(version.until),
            net_pay=None if net_pay is None else AmountOut.of(net_pay),
            region_code=before.get("region_code"),
            hire_date=None if hired is None else DayOut.of(date.fromisoformat(hired)),
            state=before.get("state"),
            case_id=version.case_id,
        )


class EmployerOut(BaseModel):
    """Whose list it is."""

    id: UUID
    name: str


class RegionOut(BaseModel):
    """Where somebody works."""

    code: str
    name: str


class EmploymentOut(BaseModel):
    """A person's line in an organisation's list, and what it was before."""

    id: UUID
    version: int = Field(description="Can be sent back as `If-Match`, in quotes, with a correction")
    first_name: str
    last_name: str
    national_id: str = Field(description="Masked")
    organisation: EmployerOut
    region: RegionOut
    hire_date: DayOut
    net_pay: AmountOut
    state: str = Field(examples=["employed"])
    earlier: list[EarlierValues] = Field(description=f"The newest {store.EARLIER_VERSIONS}, newest first")

    @classmethod
    def of(cls, history: History) -> EmploymentOut:
        """An employment with its earlier versions."""
        line = history.employment
        return cls(
            id=line.id,
            version=line.version,
            first_name=line.first_name,
            last_name=line.last_name,
            national_id=mask_national_id(NationalId(line.national_id)),
            organisation=EmployerOut(id=line.organisation_id, name=line.organisation_name),
            region=RegionOut(code=line.region_code, name=line.region_name),
            hire_date=DayOut.of(line.hire_date),
            net_pay=AmountOut.of(line.net_pay),
            state=line.state,
            earlier=[EarlierValues.of(version) for version in history.earlier],
        )


class Employments(BaseModel):
    """Where somebody stands on a list."""

    items: list[EmploymentOut]


@router.post(
    "/searches",
    operation_id="search_employments",
    responses=responses(
        errors.Unauthenticated, errors.Forbidden, ForeignOrigin, errors.NotFound, errors.TooLarge, NationalIdUnreadable
    ),
)
async def search_employments(
    context: ContextDep, actor: Annotated[Actor, Depends(_may_correct)], search: Annotated[EmploymentSearch, Body()]
) -> Employments:
    """Look up a colleague by national id, within the officer's organisations and regions; changes nothing."""
    found = await commands.search_employments(context, actor, search.national_id)
    return Employments(items=[EmploymentOut.of(history) for history in found])


@router.post(
    "/{employment_id}/correction",
    operation_id="correct_employment",
    response_model=EmploymentOut,
    dependencies=[Depends(_may_correct)],
    responses=responses(
        errors.Unauthenticated,
        errors.Forbidden,
        errors.NotFound,
        errors.PreconditionFailed,
        commands.OwnEmployment,
        errors.OwnCase,
        commands.EmploymentEnded,
        commands.NothingToCorrect,
        commands.UnknownRegion,
        commands.HireDateImpossible,
        commands.NetPayImpossible,
    ),
)
async def correct_employment(
    performer: PerformerDep,
    employment_id: UUID,
    body: Annotated[CorrectionIn, Body()],
    if_match: Annotated[
        str | None,
        Header(pattern='^(W/)?"[0-9]{1,18}"$', description="`version` of the employment when it was looked at"),
    ] = None,
) -> Response:
    """Correct net pay, region or hire date of one colleague, who is told by SMS; for HR of the organisation or region.

    Running applications keep the values that they were judged by and are judged again when they go on.
    """
    version = None if if_match is None else int(if_match.removeprefix("W/").strip('"'))

    async def work(command: Command) -> EmploymentOut:
        await commands.correct_employment(
            command, employment_id, body.correction(), reason=body.reason, version=version
        )
        corrected = await store.read_listed(command.connection, command.seals, employment_id)
        if corrected is None:
            raise errors.NotFound
        (history,) = await store.histories(command.connection, [corrected])
        return EmploymentOut.of(history)

    return await performer.run(work)
