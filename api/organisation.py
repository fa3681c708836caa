"""Organisations and their contracts, kept by the contracts office."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import Field, StringConstraints

from api.dependencies import CommandDep, FreshCode, ReadingDep, require
from api.operation import Operation
from api.values import Amount, AmountIn, Day, DayIn, IdCursor, Input, Limit, Out, Page
from commands import organisation as commands
from commands.refusals import refuses
from domain import errors
from domain.access import Actor, Role, ScopeKind
from domain.dates import tehran_day
from storage import organisation as store
from storage.database import tehran_today
from storage.rows.organisation import Contract

router = APIRouter(prefix="/v1", tags=["organisations"], route_class=Operation)

_READERS = (Role.CONTRACTS_OFFICER, Role.AUDITOR, Role.OPERATOR)
_Keeper = Depends(require(Role.CONTRACTS_OFFICER))


class OrganisationIn(Input):
    """A new employer."""

    code: str = Field(pattern="^[a-z0-9][a-z0-9-]{1,39}$", examples=["education"])
    name: Annotated[str, StringConstraints(min_length=2, max_length=200, strip_whitespace=True)] = Field(
        examples=["آموزش و پرورش"]
    )
    monthly_cap: AmountIn | None = Field(default=None, description="Its own limit for a member's month, if any (A2)")


class OrganisationOut(Out):
    """An employer."""

    id: UUID
    code: str
    name: str
    monthly_cap: Amount | None


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


class ContractOut(Out):
    """A contract between Amanat and an organisation."""

    id: UUID
    organisation_id: UUID
    number: str
    starts_on: Day
    ends_on: Day
    state: str = Field(examples=["active"])
    in_force: bool = Field(description="Whether it is active and covers today")

    @classmethod
    def of(cls, contract: Contract, today: date) -> ContractOut:
        """A contract on a day in Tehran."""
        return cls.of_row(contract, in_force=contract.covers(today))


class Contracts(Out):
    """An organisation's contracts, newest first."""

    items: list[ContractOut]


def _may_see(actor: Actor, organisation_id: UUID) -> bool:
    return actor.capacity == "staff" and (
        actor.holds_any(_READERS)
        or any(
            grant.scope_kind is ScopeKind.ORGANISATION and grant.scope == str(organisation_id) for grant in actor.grants
        )
    )


@router.get("/organisations", dependencies=[Depends(require(*_READERS, Role.HR_OFFICER))])
async def list_organisations(
    read: ReadingDep,
    *,
    mine: Annotated[
        bool,
        Query(description="Only those whose HR the caller is, in one of its regions too; HR gets no others anyway"),
    ] = False,
    after: IdCursor,
    limit: Limit = 25,
) -> Page[OrganisationOut]:
    """Organisations in the order they were added; to HR its own, and to HR of a region those with people there."""
    among, regions = None, list[str]()
    if mine or not read.actor.holds_any(_READERS):
        among = [UUID(scope) for scope in read.actor.scopes(Role.HR_OFFICER, ScopeKind.ORGANISATION)]
        regions = read.actor.scopes(Role.HR_OFFICER, ScopeKind.REGION)
    rows = await store.list_organisations(
        read.connection, after=after, limit=limit + 1, among=among, with_regions=regions
    )
    return Page.of(rows, limit, lambda row: (row.id,), OrganisationOut.model_validate)


@router.post("/organisations", status_code=201, dependencies=[_Keeper])
@refuses(commands.add_organisation)
async def add_organisation(command: CommandDep, organisation: OrganisationIn, totp: FreshCode) -> OrganisationOut:
    """Add an employer."""
    cap = None if organisation.monthly_cap is None else organisation.monthly_cap.money()
    confirmed = command.with_code(totp)
    added = await commands.add_organisation(confirmed, code=organisation.code, name=organisation.name, monthly_cap=cap)
    found = await store.read_organisation(command.connection, added)
    if found is None:
        raise errors.NotFound
    return OrganisationOut.model_validate(found)


@router.get("/organisations/{organisation_id}")
async def read_organisation(read: ReadingDep, organisation_id: UUID) -> OrganisationOut | None:
    """An employer, for the contracts office and the organisation's own officers."""
    may_see = _may_see(read.actor, organisation_id)
    found = await store.read_organisation(read.connection, organisation_id) if may_see else None
    return None if found is None else OrganisationOut.model_validate(found)


@router.get("/organisations/{organisation_id}/contracts")
async def list_contracts(read: ReadingDep, organisation_id: UUID) -> Contracts | None:
    """An organisation's contracts, for the contracts office and the organisation's own officers."""
    if not _may_see(read.actor, organisation_id):
        return None
    if await store.read_organisation(read.connection, organisation_id) is None:
        return None
    rows, today = await store.list_contracts(read.connection, organisation_id), await tehran_today(read.connection)
    return Contracts(items=[ContractOut.of(contract, today) for contract in rows])


@router.post("/organisations/{organisation_id}/contracts", status_code=201, dependencies=[_Keeper])
@refuses(commands.add_contract)
async def add_contract(
    command: CommandDep, organisation_id: UUID, contract: ContractIn, totp: FreshCode
) -> ContractOut:
    """Record a contract; it is in force within its dates."""
    added = await commands.add_contract(
        command.with_code(totp),
        organisation_id,
        number=contract.number,
        starts_on=contract.starts_on,
        ends_on=contract.ends_on,
    )
    return ContractOut.of(added, tehran_day(command.now))


@router.post("/contracts/{contract_id}/state", dependencies=[_Keeper])
@refuses(commands.change_contract)
async def change_contract(
    command: CommandDep, contract_id: UUID, change: ContractChange, totp: FreshCode
) -> ContractOut:
    """Suspend, resume or end a contract; running credits stay, new applications and activations stop."""
    changed = await commands.change_contract(
        command.with_code(totp), contract_id, state=change.state, reason=change.reason
    )
    return ContractOut.of(changed, tehran_day(command.now))
