"""Closing a service to new cases, and opening it again; what runs goes on to its end (G5)."""

from __future__ import annotations

from commands.command import Command
from commands.refusals import refuses
from domain.access import Role
from domain.errors import NotFound, ServiceClosed, StepUpRequired
from messages.case import CaseKind
from storage import services
from storage.rows.services import Service


@refuses(ServiceClosed)
async def refuse_closed(command: Command, name: CaseKind) -> None:
    """Refuse to begin a case while its service is closed; read in the command's own transaction."""
    if not await services.takes_new_cases(command.connection, name):
        raise ServiceClosed


@refuses(StepUpRequired)
async def switch_service(command: Command, name: CaseKind, *, is_open: bool, reason: str) -> Service:
    """Open or close a service, with the reason; counts for whatever begins from now on."""
    command.require_role(Role.OPERATOR)
    command.require_strong()
    found = await services.switch(
        command.connection, name, is_open=is_open, reason=reason, changed_by=command.actor.person_id
    )
    if found is None:
        raise NotFound
    switched, was_open = found
    await command.audit(
        f"service:{name}",
        subject=name,
        before={"is_open": was_open},
        after={"is_open": is_open},
        reason=reason,
    )
    return switched
