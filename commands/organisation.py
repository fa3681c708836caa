"""What the contracts office may do: add organisations, and make, suspend, resume and end their contracts."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from commands.account import require_code
from commands.command import Command
from commands.refusals import refuses
from domain.access import Role
from domain.errors import NotFound
from domain.money import Money
from domain.organisation import CodeTaken, ContractEnded, ContractNumberTaken, DaysReversed
from storage import organisation as store
from storage.rows.organisation import Contract


def stream(organisation_id: UUID) -> str:
    """The audit stream of an organisation."""
    return f"organisation:{organisation_id}"


@refuses(require_code, CodeTaken)
async def add_organisation(command: Command, *, code: str, name: str, monthly_cap: Money | None) -> UUID:
    """Add an employer; returns its id."""
    command.require_role(Role.CONTRACTS_OFFICER)
    await require_code(command)
    try:
        async with command.connection.begin_nested():
            organisation_id = await store.add_organisation(
                command.connection,
                code=code,
                name=name,
                monthly_cap=None if monthly_cap is None else monthly_cap.amount,
            )
    except IntegrityError as error:
        raise CodeTaken(field="code") from error
    after = {"code": code, "name": name, "monthly_cap": None if monthly_cap is None else monthly_cap.amount}
    await command.audit(stream(organisation_id), subject=str(organisation_id), after=after)
    return organisation_id


@refuses(require_code, DaysReversed, ContractNumberTaken)
async def add_contract(
    command: Command, organisation_id: UUID, *, number: str, starts_on: date, ends_on: date
) -> Contract:
    """Record a contract."""
    command.require_role(Role.CONTRACTS_OFFICER)
    await require_code(command)
    if await store.read_organisation(command.connection, organisation_id) is None:
        raise NotFound
    if ends_on < starts_on:
        raise DaysReversed(field="ends_on")
    try:
        async with command.connection.begin_nested():
            contract = await store.add_contract(
                command.connection, organisation_id, number=number, starts_on=starts_on, ends_on=ends_on
            )
    except IntegrityError as error:
        raise ContractNumberTaken(field="number") from error
    after = {"number": number, "starts_on": str(starts_on), "ends_on": str(ends_on), "state": contract.state}
    await command.audit(stream(organisation_id), subject=str(contract.id), after=after)
    return contract


@refuses(require_code, ContractEnded)
async def change_contract(command: Command, contract_id: UUID, *, state: str, reason: str) -> Contract:
    """Suspend, resume or end a contract: new applications and activations stop while it is not active."""
    command.require_role(Role.CONTRACTS_OFFICER)
    await require_code(command)
    contract = await store.lock_contract(command.connection, contract_id)
    if contract is None:
        raise NotFound
    if contract.state == "ended":
        raise ContractEnded
    changed = await store.set_contract_state(command.connection, contract_id, state)
    await command.audit(
        stream(contract.organisation_id),
        subject=str(contract_id),
        before={"state": contract.state},
        after={"state": state},
        reason=reason,
    )
    return changed
