"""What operators do about staff together: one proposes, another confirms or rejects (G1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from commands.account import staff_policy
from commands.command import Command
from commands.refusals import refuses
from commands.service import refuse_closed
from commands.task import DECISION, expect_kind
from domain.access import Grant, Part, Role
from domain.account import OwnRole
from domain.errors import InvalidInput, NotFound, OwnCase, StepUpRequired
from domain.staff_change import StaffAction, StaffObstacle
from messages.case import CaseKind
from messages.staff_change import FactKind, Phase, TaskKind
from storage import account
from storage import staff_change as storage
from storage.people import find_person
from storage.rows.staff_change import StaffChange
from storage.rows.tasks import Task
from storage.staff_change import Newcomer, StaffDraft, find_obstacle

_REASON_LENGTHS: Final = range(3, 501)
_OBSTACLES: Final = tuple(obstacle.refusal for obstacle in StaffObstacle)
# What is wrong is said at the field of the form that it is about.
_FIELDS: Final = {
    StaffObstacle.ALREADY_STAFF: "national_id",
    StaffObstacle.USERNAME_TAKEN: "username",
    StaffObstacle.MOBILE_DIFFERS: "mobile",
}


@refuses(refuse_closed, StepUpRequired, OwnRole, *_OBSTACLES)
async def propose_staff(command: Command, newcomer: Newcomer, grants: Sequence[Grant]) -> UUID:
    """Propose to add somebody to the staff with their roles; returns the case's id."""
    known = await find_person(command.connection, command.seals, newcomer.national_id)
    return await _propose(
        command, StaffAction.ADD, person_id=None if known is None else known.id, newcomer=newcomer, grants=grants
    )


@refuses(refuse_closed, StepUpRequired, OwnRole, *_OBSTACLES)
async def propose_role(command: Command, person_id: UUID, grant: Grant) -> UUID:
    """Propose to give a member of staff a role in a scope; returns the case's id."""
    await _require_staff(command, person_id)
    return await _propose(command, StaffAction.GRANT, person_id=person_id, grants=[grant])


@refuses(refuse_closed, StepUpRequired, OwnRole, *_OBSTACLES)
async def propose_reset(command: Command, person_id: UUID) -> UUID:
    """Propose to reset a member of staff, who lost password or key or was shut out; returns the case's id."""
    await _require_staff(command, person_id)
    return await _propose(command, StaffAction.RESET, person_id=person_id)


async def _require_staff(command: Command, person_id: UUID) -> None:
    command.require_role(Role.OPERATOR)
    if not await account.is_staff(command.connection, person_id):
        raise NotFound


@refuses(refuse_closed, StepUpRequired, OwnRole, *_OBSTACLES)
async def _propose(
    command: Command,
    action: StaffAction,
    *,
    person_id: UUID | None,
    newcomer: Newcomer | None = None,
    grants: Sequence[Grant] = (),
) -> UUID:
    command.require_role(Role.OPERATOR)
    command.require_strong()
    await refuse_closed(command, CaseKind.STAFF_CHANGE)
    by = command.actor.person_id
    if person_id == by:
        raise OwnRole
    draft = StaffDraft(action, (by,), person_id, newcomer, grants)
    policy_id, policy = await staff_policy(command.connection)
    obstacle = await find_obstacle(command.connection, command.seals, draft, policy)
    if obstacle is not None:
        raise obstacle.refusal(field=_FIELDS.get(obstacle))
    case_id = await command.open_case(
        CaseKind.STAFF_CHANGE,
        phase=Phase.PROPOSED,
        policy_id=policy_id,
        person_id=person_id,
        part=Part.SUBJECT,
        next_actor=Part.MACHINE,
    )
    await storage.add_staff_change(command.connection, command.seals, case_id, draft)
    roles = [[grant.role, grant.scope_kind, grant.scope] for grant in grants]
    audited = {"subject": str(person_id or case_id), "after": {"action": action, "roles": roles}}
    shown = {"action": action}
    await command.act(case_id, FactKind.PROPOSED, shown, part=Role.OPERATOR, shown=shown, audited=audited)
    return case_id


@refuses(*DECISION, StepUpRequired, OwnCase)
async def confirm_staff_change(command: Command, task: Task) -> UUID:
    """Confirm what another operator proposed, for somebody else; it is judged once more. Returns the fact's id."""
    await _judge(command, task)
    await storage.confirm_staff_change(command.connection, task.case_id, command.actor.person_id)
    return await command.act(task.case_id, FactKind.CONFIRMED, part=Role.OPERATOR, closes=task)


@refuses(*DECISION, StepUpRequired, OwnCase)
async def reject_staff_change(command: Command, task: Task, reason: str) -> UUID:
    """Reject it with a reason: nothing is changed. Returns the fact's id."""
    await _judge(command, task)
    words = reason.strip()
    if len(words) not in _REASON_LENGTHS:
        raise InvalidInput(field="reason")
    shown = {"reason": words}
    return await command.act(task.case_id, FactKind.REJECTED, shown, part=Role.OPERATOR, closes=task, shown=shown)


async def _judge(command: Command, task: Task) -> StaffChange:
    """A second operator decides, whom it does not concern."""
    expect_kind(task, TaskKind.CONFIRM_STAFF_CHANGE)
    change = await storage.read_staff_change(command.connection, task.case_id)
    if change is None:
        raise NotFound
    if command.actor.person_id in {change.proposed_by, change.person_id}:
        raise OwnCase
    command.require_strong()
    return change
