"""What the operations desk may do about a process that does not get on: have it started again (H8)."""

from __future__ import annotations

from uuid import UUID

from commands.command import Command
from commands.refusals import refuses
from domain.access import Role
from domain.errors import NotFound, StepUpRequired
from domain.reconciliation import NotStuck
from storage import audit, reconciliation
from storage.rows.reconciliation import Finding


@refuses(StepUpRequired, NotStuck)
async def restart_process(command: Command, finding_id: UUID) -> Finding:
    """Ask that a stuck process be ended and started again from its rows; the reconciler does it in its next round."""
    command.require_role(Role.OPERATOR)
    command.require_strong()
    finding = await reconciliation.read_finding(command.connection, finding_id)
    if finding is None:
        raise NotFound
    if finding.case_id is None:
        # A gateway in trouble is no process.
        raise NotStuck
    asked = await reconciliation.ask_restart(command.connection, finding_id, command.actor.person_id)
    if asked is None:
        raise NotStuck
    await command.audit(
        audit.case_stream(finding.case_id), subject=str(finding.case_id), after={"finding": finding.kind}
    )
    return asked
