"""Organisations and their contracts, kept by the contracts office."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Body, Depends, Query
from pydantic import BaseModel, Field, StringConstraints
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import Response

from api.dependencies import PerformerDep, ReaderDep, require
from api.problems import responses
from api.values import AmountIn, AmountOut, Cursor, DayIn, DayOut, Input, Limit, Page, cut, read_cursor, write_cursor
from commands import organisation as commands
from commands.command import Command
from domain import errors
from domain.access import Actor, Role, ScopeKind
from domain.dates import tehran_day
from storage import organisation as store
from storage.database import tehran_today
from storage.rows.organisation import Contract, Organisation

router = APIRouter(prefix="/v1", tags=["organisations"])

_READERS = (Role.CONTRACTS_OFFICER, Role.AUDITOR, Role.OPERATOR)
_Keeper = Depends(require(Role.CONTRACTS_OFFICER))
_CHANGE_ERRORS = (errors.Unauthenticated, errors.Forbidden)


class OrganisationIn(Input):
    """A new employer."""

    code: str = Field(pattern="^[a-z0-9][a-z0-9-]{1,39}$", examples=["education"])
    name: Annotated[str, StringConstraints(min_length=2, max_length=200, strip_whitespace=True)] = Field(
        examples=["آموزش و پرورش"]
    )
    monthly_cap: AmountIn | None = Field(default=None, description="Its own limit for a member's month, if any (A2)")


class OrganisationOut(BaseModel):
    """An employer."""

    id: UUID
    code: str
    name: str
    monthly_cap: AmountOut | None

    @classmethod
    def of(cls, organisation: Organisation) -> OrganisationOut:
        """An organisation."""
        cap = organisation.monthly_cap
        return cls(
            id=organisation.id,
            code=organisation.code,
            name=organisation.name,
            monthly_cap=None if cap is None else AmountOut.of(cap),
        )


# Days that both calendars can write.
ContractDay = Annotated[DayIn, Field(ge=date(1950, 1, 1), le=date(2150, 1, 1), examples=["2027-03-20"])]


class ContractIn(Input):
    """A new contract."""

    number: Annotated[str, StringConstraints(min_length=1, max_length=60, strip_whitespace=True)] = Field(
        examples=["1405/112"]
    )
    starts_on: ContractDay
    ends_on: ContractDay


class ContractChange(Input):
    """Suspend, resume or end a contract."""

    state: Literal["active", "suspended", "ended"]
    reason: Annotated[str, StringConstraints(min_length=3, max_length=500, strip_whitespace=True)] = Field(
        examples=["پایان مهلت تسویه"]
    )


class ContractOut(BaseModel):
    """A contract between Amanat and an organisation."""

    id: UUID
    organisation_id: UUID
    number: str
    starts_on: DayOut
    ends_on: DayOut
    state: str = Field(examples=["active"])
    in_force: bool = Field(description="Whether it is active and covers today")

    @classmethod
    def of(cls, contract: Contract, today: date) -> ContractOut:
        """A contract on a day in Tehran."""
        return cls(
            id=contract.id,
            organisation_id=contract.organisation_id,
            number=contract.number,
            starts_on=DayOut.of(contract.starts_on),
            ends_on=DayOut.of(contract.ends_on),
            state=contract.state,
            in_force=contract.covers(today),
        )


class Contracts(BaseModel):
    """An organisation's contracts, newest first."""

    items: list[ContractOut]


def _may_see(actor: Actor, organisation_id: UUID) -> bool:
    return actor.capacity == "staff" and (
        actor.holds_any(_READERS)
        or any(
            grant.scope_kind is ScopeKind.ORGANISATION and grant.scope == str(organisation_id) for grant in actor.grants
        )
    )


@router.get(
    "/organisations",
    operation_id="list_organisations",
    dependencies=[Depends(require(*_READERS, Role.HR_OFFICER))],
    responses=responses(errors.Unauthenticated, errors.Forbidden),
)
async def list_organisations(
    reader: ReaderDep,
    *,
    mine: Annotated[bool, Query(description="Only those whose HR the caller is; HR gets no others anyway")] = False,
    cursor: Cursor = None,
    limit: Limit = 25,
) -> Page[OrganisationOut]:
    """Organisations in the order they were added; to HR its own."""
    after = read_cursor(cursor, UUID)
    among = None
    if mine or not reader.actor.holds_any(_READERS):
        among = [UUID(scope) for scope in reader.actor.scopes(Role.HR_OFFICER, ScopeKind.ORGANISATION)]

    async def query(connection: AsyncConnection) -> Page[OrganisationOut]:
        rows = await store.list_organisations(
            connection, after=after[0] if after else None, limit=limit + 1, among=among
        )
        page, more = cut(rows, limit)
        return Page(items=[OrganisationOut.of(row) for row in page], next=write_cursor(page[-1].id) if more else None)

    return await reader.read(query)


@router.post(
    "/organisations",
    operation_id="add_organisation",
    status_code=201,
    response_model=OrganisationOut,
    dependencies=[_Keeper],
    responses=responses(*_CHANGE_ERRORS, commands.CodeTaken),
)
async def add_organisation(performer: PerformerDep, organisation: Annotated[OrganisationIn, Body()]) -> Response:
    """Add an employer."""
    cap = None if organisation.monthly_cap is None else organisation.monthly_cap.money()

    async def work(command: Command) -> OrganisationOut:
        added = await commands.add_organisation(
            command, code=organisation.code, name=organisation.name, monthly_cap=cap
        )
        found = await store.read_organisation(command.connection, added)
        if found is None:
            raise errors.NotFound
        return OrganisationOut.of(found)

    return await performer.run(work, status=201)


@router.get(
    "/organisations/{organisation_id}",
    operation_id="read_organisation",
    responses=responses(errors.Unauthenticated, errors.NotFound),
)
async def read_organisation(reader: ReaderDep, organisation_id: UUID) -> OrganisationOut:
    """An employer, for the contracts office and the organisation's own officers."""

    async def query(connection: AsyncConnection) -> OrganisationOut | None:
        if not _may_see(reader.actor, organisation_id):
            return None
        found = await store.read_organisation(connection, organisation_id)
        return None if found is None else OrganisationOut.of(found)

    return await reader.read(query)


@router.get(
    "/organisations/{organisation_id}/contracts",
    operation_id="list_contracts",
    responses=responses(errors.Unauthenticated, errors.NotFound),
)
async def list_contracts(reader: ReaderDep, organisation_id: UUID) -> Contracts:
    """An organisation's contracts, for the contracts office and the organisation's own officers."""

    async def query(connection: AsyncConnection) -> Contracts | None:
        if not _may_see(reader.actor, organisation_id):
            return None
        if await store.read_organisation(connection, organisation_id) is None:
            return None
        rows = await store.list_contracts(connection, organisation_id)
        today = await tehran_today(connection)
        return Contracts(items=[ContractOut.of(contract, today) for contract in rows])

    return await reader.read(query)


@router.post(
    "/organisations/{organisation_id}/contracts",
    operation_id="add_contract",
    status_code=201,
    response_model=ContractOut,
    dependencies=[_Keeper],
    responses=responses(*_CHANGE_ERRORS, errors.NotFound, commands.DaysReversed, commands.ContractNumberTaken),
)
async def add_contract(
    performer: PerformerDep, organisation_id: UUID, contract: Annotated[ContractIn, Body()]
) -> Response:
    """Record a contract; it is in force within its dates."""

    async def work(command: Command) -> ContractOut:
        added = await commands.add_contract(
            command,
            organisation_id,
            number=contract.number,
            starts_on=contract.starts_on,
            ends_on=contract.ends_on,
        )
        return ContractOut.of(added, tehran_day(command.now))

    return await performer.run(work, status=201)


@router.post(
    "/contracts/{contract_id}/state",
    operation_id="change_contract",
    response_model=ContractOut,
    dependencies=[_Keeper],
    responses=responses(*_CHANGE_ERRORS, errors.NotFound, commands.ContractEnded),
)
async def change_contract(
    performer: PerformerDep, contract_id: UUID, change: Annotated[ContractChange, Body()]
) -> Response:
    """Suspend, resume or end a contract; running credits stay, new applications and activations stop."""

    async def work(command: Command) -> ContractOut:
        changed = await commands.change_contract(command, contract_id, state=change.state, reason=change.reason)
        return ContractOut.of(changed, tehran_day(command.now))

    return await performer.run(work)
