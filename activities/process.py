"""The transitions of a process: each step is taken only where the case stands before it, whatever the round says.

What people did decides, never how often a step was taken: before a step acts, the case is assessed, and if another
step follows by now, that one is the answer. So a process that was started anew, or that heard a message twice, asks
nobody twice and moves nothing twice.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from temporalio import activity

from activities.outside import OutsideStep
from activities.transition import Activity, ActivityContext, Body, Transition, guarded, run_transition
from domain.wording import reminder_sms
from messages.case import Event, NextStep, StepInput
from storage import tasks
from storage.people import part_of
from storage.rows.tasks import Task


async def notify_reminded(step: Transition, task: Task, people: Sequence[UUID]) -> None:
    """Send the reminder of a task."""
    await step.notify(people, reminder_sms(task.kind))


@dataclass(frozen=True, slots=True)
class Process:
    """What the machine does for one process.

    ``name`` is the last word of ``assess_…``, ``remind_…`` and ``lapse_…``. ``assess`` says which step follows, or
    waits, and ends what people's facts have ended; a step that only asks it may take itself, which saves an event.
    ``lapse`` draws the consequence of the silence of those whose tasks it gets. ``steps``, ``outside`` and ``batches``
    are named as in the workflow. ``remind`` sends a reminder's SMS. ``untold`` are tasks whose reminder no timeline
    tells of: that somebody is asked at all is not for the others to know.
    """

    name: str
    assess: Body
    lapse: Callable[[Transition, Sequence[Task]], Awaitable[NextStep]]
    steps: tuple[Body, ...]
    remind: Callable[[Transition, Task, Sequence[UUID]], Awaitable[None]] = notify_reminded
    outside: tuple[OutsideStep[Any], ...] = ()
    batches: tuple[OutsideStep[Any], ...] = ()
    untold: frozenset[str] = frozenset()

    def activities(self, context: ActivityContext) -> list[Activity]:
        """Its transitions, as a worker registers them."""
        bodies = {
            f"assess_{self.name}": self.assess,
            f"remind_{self.name}": self._remind,
            f"lapse_{self.name}": self._lapse,
            **{body.__name__: guarded(body, self.assess) for body in self.steps},
        }
        return [_activity(context, name, body, self.assess) for name, body in bodies.items()]

    def outside_activities(self, context: ActivityContext) -> list[Activity]:
        """Its steps that ask the outside, as a worker registers them."""
        return [step.activity(context, self.assess) for step in self.outside]

    def batch_activities(self, context: ActivityContext) -> list[Activity]:
        """Its steps that take minutes, as a worker registers them."""
        return [step.activity(context, self.assess) for step in self.batches]

    async def _remind(self, step: Transition) -> NextStep:
        """Remind those of the open tasks whose reminder was due until the moment that was waited for."""
        waiting = [task for task in await tasks.open_tasks(step.connection, step.case.id) if task.reminded_at is None]
        until = step.until or min((task.remind_at for task in waiting), default=step.now)
        for task in waiting:
            if task.remind_at <= until:
                await self._remind_of(step, task)
        return await self.assess(step)

    async def _remind_of(self, step: Transition, task: Task) -> None:
        await tasks.mark_reminded(step.connection, task.id)
        people = await step.asked_of(task)
        role = task.role or await part_of(step.connection, step.case.id, people)
        await self.remind(step, task, people)
        if people and task.kind not in self.untold:
            await step.add_event(Event.REMINDED, params={"role": role})

    async def _lapse(self, step: Transition) -> NextStep:
        """Close what was due until the moment that was waited for; if people were first, go on with their answer."""
        expired = await tasks.expire_due(step.connection, step.case.id, step.until)
        return await (self.lapse(step, expired) if expired else self.assess(step))


def _activity(context: ActivityContext, name: str, body: Body, assess: Body) -> Activity:
    @activity.defn(name=name)
    async def take(step: StepInput) -> NextStep:
        return await run_transition(context, name, step, body, assess=assess)

    return take
