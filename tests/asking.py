"""The smallest process with a step that asks the outside, in the place of one of the real ones."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar
from uuid import UUID

import pytest
from temporalio import workflow
from temporalio.client import Client, WorkflowHandle
from temporalio.testing import WorkflowEnvironment

from activities import registry
from activities.outside import OutsideStep
from activities.process import Process
from activities.transition import ActivityContext, Transition
from messages.case import OVER, CaseRef, NextStep, workflow_id
from messages.queue import Queue
from storage.rows.tasks import Task
from tests.reconciliation_steps import KIND
from workflows.case import CaseWorkflow, ProcessStep
from workflows.registry import WORKFLOWS

ASK, GIVE_UP = "ask_gateway", "give_up"


@workflow.defn(sandboxed=False)
class AskingWorkflow(CaseWorkflow):
    """Asks a gateway, and gives up where that stays silent for 25 hours."""

    kinds = (KIND,)
    process = "asking"
    steps: ClassVar[Mapping[str, ProcessStep]] = {
        ASK: ProcessStep(
            asks="the gateway",
            silence="ends it",
            then={OVER: "answered", GIVE_UP: "no answer"},
            queue=Queue.OUTSIDE,
        ),
        GIVE_UP: ProcessStep(then={OVER: "told"}),
    }
    signals: ClassVar[Mapping[str, str]] = {}

    @workflow.init
    def __init__(self, case: CaseRef) -> None:
        super().__init__(case)

    @workflow.run
    async def run(self, _: CaseRef) -> None:
        """Go on until answered or given up."""
        await self.go_on()


@dataclass(slots=True)
class Asking:
    """What the gateway says, one after the other and the last one ever after; what was asked and recorded.

    ``is_late`` says that it is not to be asked any more; ``hangs``, that it never answers; ``thinks``, until when it
    thinks; ``ends``, whether an answer ends the case.
    """

    script: list[str | Exception]
    record_fails: list[Exception] = field(default_factory=list)
    is_late_once_asked: bool = False
    asked: int = 0
    recorded: list[str] = field(default_factory=list)
    is_late: bool = False
    hangs: bool = False
    thinks: asyncio.Event | None = None
    ends: bool = True

    @property
    def process(self) -> Process:
        """What the machine does for it."""
        return Process("asking", self._assess, _lapse, (give_up,), outside=(OutsideStep(ASK, self._ask, self._record),))

    async def _assess(self, _: Transition) -> NextStep:
        return NextStep(GIVE_UP if self.is_late else ASK)

    async def _ask(self, _: ActivityContext, __: UUID) -> str:
        self.asked += 1
        self.is_late = self.is_late or self.is_late_once_asked
        if self.hangs:
            await asyncio.Event().wait()
        if self.thinks is not None:
            await self.thinks.wait()
        said = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if isinstance(said, Exception):
            raise said
        return said

    async def _record(self, step: Transition, answer: str) -> NextStep:
        if self.record_fails:
            raise self.record_fails.pop()
        self.recorded.append(answer)
        return await step.end(answer) if self.ends else NextStep(GIVE_UP)

    def take_over(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Be the process of a kind of case in this test."""
        monkeypatch.setattr(registry, "PROCESSES", (*registry.PROCESSES, self.process))
        monkeypatch.setitem(WORKFLOWS, KIND, AskingWorkflow)


async def give_up(step: Transition) -> NextStep:
    """End it without an answer."""
    return await step.end("lapsed")


async def _lapse(_: Transition, __: Sequence[Task]) -> NextStep:
    raise LookupError("nobody is asked")


async def start(temporal: WorkflowEnvironment, case_id: UUID) -> WorkflowHandle[AskingWorkflow, None]:
    """Start a case's process."""
    client: Client = temporal.client
    return await client.start_workflow(
        AskingWorkflow.run, CaseRef(case_id), id=workflow_id(KIND, case_id), task_queue=Queue.PROCESSES
    )
