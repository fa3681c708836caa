"""One person's personnel data, looked up and corrected by HR (A3)."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import Field, StringConstraints

from api.dependencies import CallerDep, CommandDep, FreshCode, require
from api.dispute import EmploymentDispute
from api.operation import Operation
from api.values import Amount, Day, DayIn, IfMatch, Input, Moment, Out
from commands import employment as commands
from commands.refusals import refuses
from domain import errors
from domain.access import Role
from domain.identity import NationalId, mask_national_id
from storage import employment as store
from storage.employment import EarlierVersion, EmploymentCorrection, History

router = APIRouter(prefix="/v1/employments", tags=["personnel"], route_class=Operation)

_may_correct = require(Role.HR_OFFICER)


class EmploymentSearch(Input):
    """Whom to look up; a national id stands in no address."""

    national_id: str = Field(max_length=40, examples=["0499370899"])


class PayIn(Input):
    """Net pay a month in rial, as an integer with its unit."""

    amount: int = Field(strict=True, examples=[400_000_000])
    unit: Annotated[str, Field(pattern="^IRR$")] = "IRR"


class EmploymentCorrectionIn(Input):
    """The right values; what is left out stays as it is."""

    net_pay: PayIn | None = None
    region_code: str | None = Field(default=None, max_length=40, examples=["2201"])
    hire_date: DayIn | None = Field(default=None, examples=["2016-03-29"])
    reason: Annotated[str, StringConstraints(min_length=3, max_length=500, strip_whitespace=True)] = Field(
        examples=["حکم کارگزینی تازه"]
    )

    def correction(self) -> EmploymentCorrection:
        """As the command takes it."""
        return EmploymentCorrection(
            self.region_code, self.hire_date, None if self.net_pay is None else self.net_pay.amount
        )


class EarlierValues(Out):
    """What stood until a moment; values that did not change then are null."""

    until: Moment
    net_pay: Amount | None
    region_code: str | None
    hire_date: Day | None
    served_since: Day | None = Field(description="From when service counted; the hire date, if no length was given")
    state: str | None
    case_id: UUID | None = Field(description="The case of the file or decision that changed it; null for a correction")

    @classmethod
    def of(cls, version: EarlierVersion) -> EarlierValues:
        """An earlier version."""
        before: Any = version.before
        hired, served = before.get("hire_date"), before.get("service_start")
        return cls(
            until=version.until,
            net_pay=before.get("net_pay_rial"),
            region_code=before.get("region_code"),
            hire_date=None if hired is None else date.fromisoformat(hired),
            served_since=None if served is None else date.fromisoformat(served),
            state=before.get("state"),
            case_id=version.case_id,
        )


class EmployerOut(Out):
    """Whose list it is."""

    id: UUID
    name: str


class RegionOut(Out):
    """Where somebody works."""

    code: str
    name: str


class EmploymentOut(Out):
    """A person's line in an organisation's list, and what it was before."""

    id: UUID
    version: int = Field(description="Can be sent back as `If-Match`, in quotes, with a correction")
    first_name: str
    last_name: str
    national_id: str = Field(description="Masked")
    organisation: EmployerOut
    region: RegionOut
    hire_date: Day
    served_since: Day | None = Field(
        validation_alias="service_start",
        description="From when service counts, where the list gives its length; else it counts from the hire date",
    )
    net_pay: Amount
    state: str = Field(examples=["employed"])
    mobile_dispute: EmploymentDispute | None = Field(
        description="Null unless the list has another mobile than they sign in with"
    )
    earlier: list[EarlierValues] = Field(description=f"The newest {store.EARLIER_VERSIONS}, newest first")

    @classmethod
    def of(cls, history: History) -> EmploymentOut:
        """An employment with its earlier versions."""
        line = history.employment
        return cls.of_row(
            line,
            national_id=mask_national_id(NationalId(line.national_id)),
            organisation=EmployerOut(id=line.organisation_id, name=line.organisation_name),
            region=RegionOut(code=line.region_code, name=line.region_name),
            mobile_dispute=EmploymentDispute.of(history.dispute),
            earlier=[EarlierValues.of(version) for version in history.earlier],
        )


class Employments(Out):
    """Where somebody stands on a list."""

    items: list[EmploymentOut]


@router.post("/searches", dependencies=[Depends(_may_correct)])
@refuses(commands.search_employments, errors.NotFound)
async def search_employments(caller: CallerDep, search: EmploymentSearch) -> Employments:
    """Look up a colleague by national id, within the officer's organisations and regions; changes nothing."""
    found = await commands.search_employments(caller.context, caller.actor, search.national_id)
    return Employments(items=[EmploymentOut.of(history) for history in found])


@router.post("/{employment_id}/correction", dependencies=[Depends(_may_correct)])
@refuses(commands.correct_employment)
async def correct_employment(
    command: CommandDep, employment_id: UUID, body: EmploymentCorrectionIn, version: IfMatch, totp: FreshCode
) -> EmploymentOut:
    """Correct net pay, region or hire date of one colleague, who is told by SMS; for HR of the organisation or region.

    Running applications keep the values that they were judged by and are judged again when they go on.
    """
    await commands.correct_employment(
        command.with_code(totp), employment_id, body.correction(), reason=body.reason, version=version
    )
    corrected = await store.read_listed(command.connection, command.seals, employment_id)
    if corrected is None:
        raise errors.NotFound
    (history,) = await store.histories(command.connection, [corrected])
    return EmploymentOut.of(history)
