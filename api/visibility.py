"""What a caller may see of a case (docs/rules.md, Roles)."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from commands.task import is_addressed_to
from domain.access import READS_EVERYTHING, Actor, Grant, Role, ScopeKind
from domain.catalogue import HELD
from storage import people, tasks
from storage.rows.cases import Case
from storage.rows.tasks import Task


@dataclass(frozen=True, slots=True)
class Visibility:
    """What an actor may see of a case.

    ``parts`` are the parts that they take or took in it. ``tasks`` are its open tasks that they may answer: none for
    staff in a case of their own (``is_own``), nor any of which they may not because what is asked came from them, or
    because they would have to claim it first (E5).
    ``is_asked``: whether anybody has an open task in it, as far as they see.
    """

    actor: Actor
    case: Case
    parts: AbstractSet[str]
    tasks: tuple[Task, ...]
    is_asked: bool

    @property
    def is_own(self) -> bool:
        """Whether they take part in it, or took part."""
        return self.actor.capacity == "member" or bool(self.parts)

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

    def sees(self, members: AbstractSet[str], *, held_only: bool) -> bool:
        """Whether a part of the case is for them.

        Args:
            members: the parts that a member must take in it.
            held_only: whether only the staff who have claimed a task in the case see it, or all who see the case.
        """
        if self.actor.capacity == "member":
            return bool(self.parts & members)
        return not held_only or any(task.claimed_by == self.actor.person_id for task in self.tasks)

    def task_of(self, kind: str) -> Task | None:
        """The open task of a kind that is theirs to answer now."""
        return next((task for task in self.tasks if task.kind == kind), None)

    def judges_as(self, kind: str) -> bool:
        """Whether they see the case as those who decide a kind of task in it: the present decider, and auditors."""
        if self.actor.capacity != "staff" or self.is_own:
            return False
        return self.task_of(kind) is not None or self.actor.holds_any({Role.AUDITOR})


async def visibility_of(connection: AsyncConnection, actor: Actor, case: Case) -> Visibility:
    """What an actor may see of a case, once row-level security has let them read it."""
    parts = await people.parts_in(connection, case.id, actor.person_id)
    asked = await tasks.open_tasks(connection, case.id)
    is_theirs = not parts or actor.capacity == "member"
    theirs = tuple(
        task
        for task in asked
        if is_theirs
        and is_addressed_to(task, actor)
        and task.not_by != actor.person_id
        and (task.kind not in HELD or task.claimed_by == actor.person_id)
    )
    return Visibility(actor, case, parts, theirs, is_asked=bool(asked))
