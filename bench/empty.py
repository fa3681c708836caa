"""A process with as many steps as an onboarding and nothing in them: what sequencing alone costs.

Its worker says on its standard output which step of which case is done, so that its driver knows when to answer.
"""

from __future__ import annotations

from datetime import timedelta

from temporalio import activity, workflow

from workflows.transitions import LOCAL_LIMIT, LOCAL_RETRIES

with workflow.unsafe.imports_passed_through():
    from messages.case import WAIT, CaseRef, CaseSignal, NextStep, StepInput

TASK_QUEUE = "bench-empty"
STEPS = ("request_backing", "assess_guarantee", "request_review", "assess_review", "activate_credit")
_REMINDER = timedelta(days=3)
_WAITING = timedelta(seconds=1)


@activity.defn
async def take_step(step: StepInput) -> NextStep:
    """Do nothing, and say so."""
    print(f"{step.case_id} {STEPS[step.round]}", flush=True)
    return NextStep(WAIT, 259_200, 604_800)


@workflow.defn
class EmptyWorkflow:
    """As many local activities, signals and timers as from application to usable credit."""

    @workflow.init
    def __init__(self, case: CaseRef) -> None:
        self._case = case
        self._heard = 0

    @workflow.run
    async def run(self, case: CaseRef) -> None:  # noqa: ARG002 - Temporal gives it to both
        """Two answers, each with a reminder that is not needed, then a wait that passes."""
        await self._take(0)
        await self._hear(1, _REMINDER)
        await self._take(1)
        await self._take(2)
        await self._hear(2, _REMINDER)
        await self._take(3)
        await self._hear(3, _WAITING)
        await self._take(4)
        await workflow.wait_condition(workflow.all_handlers_finished)

    @workflow.signal
    def application_submitted(self, message: CaseSignal) -> None:
        """Starts the process."""

    @workflow.signal
    def guarantee_answered(self, message: CaseSignal) -> None:  # noqa: ARG002 - what it says is nothing to us
        """The first answer."""
        self._heard += 1

    @workflow.signal
    def review_answered(self, message: CaseSignal) -> None:  # noqa: ARG002 - what it says is nothing to us
        """The second answer."""
        self._heard += 1

    async def _take(self, number: int) -> None:
        await workflow.execute_local_activity(
            take_step,
            StepInput(self._case.case_id, number),
            schedule_to_close_timeout=LOCAL_LIMIT,
            retry_policy=LOCAL_RETRIES,
            summary=STEPS[number],
        )

    async def _hear(self, count: int, limit: timedelta) -> None:
        try:
            await workflow.wait_condition(
                lambda: self._heard >= count, timeout=limit, timeout_summary="until the next step"
            )
        except TimeoutError:
            return
