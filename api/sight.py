"""Who looks at a case, and what of it is for their eyes (docs/rules.md, Roles)."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from commands.task import is_addressed_to
from domain.access import READS_EVERYTHING, Actor, Grant, Role, ScopeKind
from messages.onboarding import TaskKind
from storage import people, tasks
from storage.database import Acting, seeing_all
from storage.rows.cases import Case
from storage.rows.tasks import Task


@dataclass(frozen=True, slots=True)
class Sight:
    """A case in somebody's eyes.

    ``tasks`` are those of its open tasks that are theirs to answer: none for staff in a case of their own, which
    ``is_own`` says.
    """

    actor: Actor
    case: Case
    is_own: bool
    tasks: tuple[Task, ...]

    @property
    def is_applicant(self) -> bool:
        """Whether a member looks at a case about themselves."""
        return self.actor.capacity == "member" and self.actor.person_id == self.case.person_id

    @property
    def judges(self) -> bool:
        """Whether they must recognise the person: staff who have a task in the case, operators and auditors."""
        return self.actor.capacity == "staff" and (bool(self.tasks) or self.actor.holds_any(READS_EVERYTHING))

    @property
    def sees_pay(self) -> bool:
        """Whether pay is for them: their own, or what they judge by; never as a guarantor who is staff as well."""
        if self.actor.person_id == self.case.person_id:
            return True
        if self.actor.capacity != "staff" or self.is_own:
            return False
        return bool(self.tasks) or any(grant in self.actor.grants for grant in self._offices())

    def _offices(self) -> list[Grant]:
        """Whose business the case's pay is now: the present region and organisation, not where it once was."""
        region, organisation = self.case.region_code or "", str(self.case.organisation_id or "")
        return [
            Grant(Role.AUDITOR, ScopeKind.PLATFORM),
            Grant(Role.FINANCE_OFFICER, ScopeKind.PLATFORM),
            Grant(Role.FINANCE_OFFICER, ScopeKind.REGION, region),
            Grant(Role.HR_OFFICER, ScopeKind.REGION, region),
            Grant(Role.HR_OFFICER, ScopeKind.ORGANISATION, organisation),
        ]

    @property
    def review(self) -> Task | None:
        """The review that is theirs to decide now."""
        return next((task for task in self.tasks if task.kind == TaskKind.REVIEW_APPLICATION), None)

    @property
    def sees_guarantors(self) -> bool:
        """Whether they look at the guarantors as finance does: whoever decides now, and auditors."""
        if self.actor.capacity != "staff" or self.is_own:
            return False
        return self.review is not None or self.actor.holds_any({Role.AUDITOR})


async def look(connection: AsyncConnection, actor: Actor, case: Case) -> Sight:
    """How somebody sees a case that they may see."""
    is_own = actor.capacity == "member" or await people.takes_part(connection, case.id, actor.person_id)
    if is_own and actor.capacity == "staff":
        return Sight(actor, case, is_own, ())
    theirs = [task for task in await tasks.open_tasks(connection, case.id) if is_addressed_to(task, actor)]
    return Sight(actor, case, is_own, tuple(theirs))


def reaching_further(connection: AsyncConnection, actor: Actor) -> contextlib.AbstractAsyncContextManager[None]:
    """For the few reads of other people's rows that a member's answer stands on; keep everything else out of it."""
    if actor.capacity == "staff":
        return contextlib.nullcontext()
    return seeing_all(connection, Acting.of(actor))
