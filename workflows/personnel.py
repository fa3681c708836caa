"""A personnel file (A13).

HR sends it. Its rows are imported one chunk after the other, the bad ones refused alone; then the sender is told, and
the file is deleted. Nobody is waited for. What a file proposes but may not change by itself becomes a case of its own,
which is asked and decided.
"""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

from workflows.case import CaseWorkflow, ProcessStep
from workflows.transitions import ENDLESS_RETRIES, HEARTBEAT_LIMIT, transition

with workflow.unsafe.imports_passed_through():
    from messages.case import OVER, CaseKind, CaseRef, StepInput
    from messages.personnel import FactKind, ImportStep
    from messages.queue import Queue

IMPORT_LIMIT = timedelta(minutes=30)
DISCARD_LIMIT = timedelta(seconds=30)
# The activity gives up a file that breaks off its reading; the pauses grow, for what stops a reader may pass.
IMPORT_RETRIES = RetryPolicy(
    initial_interval=timedelta(seconds=1), backoff_coefficient=5, maximum_interval=timedelta(minutes=5)
)


@workflow.defn
class PersonnelImportWorkflow(CaseWorkflow):
    """Sequences one import; see the module for the story."""

    kinds = (CaseKind.PERSONNEL_IMPORT,)
    process = "personnel_import"
    steps = {
        ImportStep.IMPORT_PERSONNEL: ProcessStep(
            then={ImportStep.FINISH_IMPORT: "read to the end, or not to be read"}, queue=Queue.BATCH
        ),
        ImportStep.FINISH_IMPORT: ProcessStep(then={ImportStep.DISCARD_FILE: "the sender is told"}),
        ImportStep.DISCARD_FILE: ProcessStep(
            then={OVER: "what is needed of it stands in Postgres"}, queue=Queue.OUTSIDE
        ),
    }
    signals = {FactKind.FILE_RECEIVED: "HR sent a file"}

    @workflow.init
    def __init__(self, case: CaseRef) -> None:
        super().__init__(case)

    @workflow.run
    async def run(self, case: CaseRef) -> None:
        """Import, end, and delete the file."""
        step = StepInput(case.case_id)
        await workflow.execute_activity(
            ImportStep.IMPORT_PERSONNEL,
            step,
            task_queue=Queue.BATCH,
            start_to_close_timeout=IMPORT_LIMIT,
            heartbeat_timeout=HEARTBEAT_LIMIT,
            retry_policy=IMPORT_RETRIES,
            summary=ImportStep.IMPORT_PERSONNEL,
        )
        await transition(ImportStep.FINISH_IMPORT, step, summary=ImportStep.FINISH_IMPORT)
        await workflow.execute_activity(
            ImportStep.DISCARD_FILE,
            step,
            task_queue=Queue.OUTSIDE,
            start_to_close_timeout=DISCARD_LIMIT,
            retry_policy=ENDLESS_RETRIES,
            summary=ImportStep.DISCARD_FILE,
        )
        await workflow.wait_condition(workflow.all_handlers_finished)
