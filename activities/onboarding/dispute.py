"""An application whose applicant's or guarantor's mobile is disputed: it pauses, then goes on by itself (A1, A8)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from activities.transition import Transition
from domain.onboarding import Obstacle
from messages.onboarding import Event, TaskKind
from storage import guarantor, tasks
from storage.organisation import read_employment
from storage.rows.onboarding import Application
from storage.rows.tasks import Task

_DISPUTES: Final = frozenset({Obstacle.MOBILE_DISPUTED, Obstacle.GUARANTOR_DISPUTED})


async def find_dispute(step: Transition, application: Application) -> Obstacle | None:
    """Whose mobile is disputed at the employment that the application, or a guarantee for it, rests on."""
    if (await read_employment(step.connection, application.employment_id)).is_disputed:
        return Obstacle.MOBILE_DISPUTED
    for guarantee in await guarantor.guarantees_in(step.connection, step.case.id):
        if (await read_employment(step.connection, guarantee.employment_id)).is_disputed:
            return Obstacle.GUARANTOR_DISPUTED
    return None


async def close_settled(step: Transition, application: Application, open_tasks: Sequence[Task]) -> Sequence[Task]:
    """Ask nobody any longer to mend a dispute that is over; returns what is still asked."""
    asked = [task for task in open_tasks if task.kind == TaskKind.CLEAR_OBSTACLE]
    if not asked or asked[0].details.get("obstacle") not in _DISPUTES or await find_dispute(step, application):
        return open_tasks
    await tasks.moot_tasks(step.connection, step.case.id, kind=TaskKind.CLEAR_OBSTACLE)
    await step.add_event(Event.DISPUTE_SETTLED)
    return [task for task in open_tasks if task not in asked]
