"""What the machine does with a change of staff: ask a second operator, and make it (G1)."""

from __future__ import annotations

from activities.decision import DecidedCase, DecisionRequest
from activities.transition import MACHINE, Transition
from domain.access import Grant, Role, ScopeKind
from domain.staff_change import StaffAction, StaffPolicy
from messages.case import CaseKind, NextStep
from messages.staff_change import Event, FactKind, Phase, Sms, TaskKind
from storage import audit, staff_change
from storage.policies import by_id, in_force
from storage.rows.cases import Fact
from storage.rows.staff_change import StaffChange

_OPERATOR = Grant(Role.OPERATOR, ScopeKind.PLATFORM)


class StaffChangeCase(DecidedCase):
    """Somebody added, a role granted or an account reset: proposed by one operator, confirmed by another."""

    kind = CaseKind.STAFF_CHANGE
    decided = (FactKind.CONFIRMED, FactKind.REJECTED)

    async def request(self, step: Transition) -> DecisionRequest:
        """Ask the operators who have no part in it."""
        policy = StaffPolicy.from_policy((await by_id(step.connection, step.case.policy_id)).value)
        return DecisionRequest(
            task=TaskKind.CONFIRM_STAFF_CHANGE,
            assignee=_OPERATOR,
            phase=Phase.AWAITING_CONFIRMATION,
            next_actor=_OPERATOR.role,
            remind_in=policy.confirm_remind,
            due_in=policy.confirm_expire,
        )

    async def apply(self, step: Transition, decision: Fact) -> NextStep:
        """Make the change, if nothing stands in its way now; the rules for roles are those of this moment."""
        change = await _change(step)
        if decision.kind == FactKind.REJECTED:
            await step.notify([change.proposed_by], FactKind.REJECTED)
            return await step.end(Phase.REJECTED)
        await staff_change.lock_staff(step.connection)
        present = await in_force(step.connection, StaffPolicy.POLICY)
        if present is None:
            raise LookupError("there is no policy for staff")
        policy, draft = StaffPolicy.from_policy(present.value), staff_change.draft_of(step.seals, change)
        obstacle = await staff_change.find_obstacle(step.connection, step.seals, draft, policy)
        if obstacle is not None:
            await step.add_event(Event.NOT_APPLIED, params={"reason": obstacle})
            await step.notify(draft.operators, Event.NOT_APPLIED)
            return await step.end(Phase.NOT_APPLIED, audited={"obstacle": obstacle})
        person_id = await staff_change.apply_draft(
            step.connection, step.seals, draft, by=f"case:{step.case.id}", link_life=policy.link_life
        )
        told = {"case": str(step.case.id), "by": [str(each) for each in draft.operators], "roles": change.grants}
        entry = audit.AuditEntry(f"{change.action}_staff", MACHINE, str(person_id), after=told)
        step.last.append(audit.audit_statement(audit.account_stream(person_id), entry))
        if change.action is StaffAction.GRANT:
            await step.notify([person_id], Sms.ROLE_GRANTED)
        await step.add_event(Event.APPLIED)
        await step.notify([change.proposed_by], Event.APPLIED)
        return await step.end(Phase.APPLIED, audited={"action": change.action, "person_id": str(person_id)})

    async def lapse(self, step: Transition) -> NextStep:
        """Nothing is changed."""
        await step.add_event(Event.LAPSED)
        await step.notify([(await _change(step)).proposed_by], Event.LAPSED)
        return await step.end(Phase.LAPSED)


async def _change(step: Transition) -> StaffChange:
    change = await staff_change.read_staff_change(step.connection, step.case.id)
    if change is None:
        raise LookupError(f"case {step.case.id} changes no staff")
    return change
