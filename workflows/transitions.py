"""How workflows run a transition: as a local activity; if that fails, as an activity with unlimited retries.

Local activities cost a third of the events of normal ones. Their limit is above Postgres's own (2 s) and below
the time after which Temporal gives the whole workflow task to another worker. What asks the outside takes longer than
that: it is an activity of a queue of its own.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, RetryState, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from messages.case import NextStep, StepInput
    from messages.queue import Queue

# A worker that dies inside a transition is replaced after this long.
WORKFLOW_TASK_TIMEOUT = timedelta(seconds=5)
LOCAL_LIMIT = timedelta(seconds=3)
LOCAL_RETRIES = RetryPolicy(
    initial_interval=timedelta(milliseconds=200), maximum_interval=timedelta(seconds=1), maximum_attempts=3
)
ATTEMPT_LIMIT = timedelta(seconds=10)
ENDLESS_RETRIES = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=30))
# A day of asking every few minutes, and an hour in which the last answer may come.
OUTSIDE_LIMIT = timedelta(hours=25)
# A worker that dies while it asks is replaced after this long.
OUTSIDE_ATTEMPT_LIMIT = timedelta(seconds=60)
# A batch works as long as this; a worker that dies meanwhile is replaced after a silence of so many seconds.
BATCH_ATTEMPT_LIMIT = timedelta(minutes=30)
HEARTBEAT_LIMIT = timedelta(seconds=15)
OUTSIDE_RETRIES = RetryPolicy(initial_interval=timedelta(seconds=2), maximum_interval=timedelta(seconds=60))


class Mailbox:
    """Messages that a process has not looked at yet. What they say stands in Postgres; here they only wake it."""

    def __init__(self) -> None:
        self._unread = 0
        self._received = 0

    def receive(self) -> None:
        """A message came."""
        self._unread += 1
        self._received += 1

    def empty(self) -> None:
        """What came so far is read."""
        self._unread = 0

    async def heard(self, seconds: int, summary: str) -> bool:
        """Whether a message came within the time; all that came are then read."""
        try:
            await workflow.wait_condition(
                lambda: self._unread > 0, timeout=timedelta(seconds=max(seconds, 1)), timeout_summary=summary
            )
        except TimeoutError:
            return False
        self._unread = 0
        return True

    async def next(self) -> None:
        """Until one more message comes; it stays unread."""
        so_far = self._received
        await workflow.wait_condition(lambda: self._received > so_far)


async def transition(name: str, step: StepInput, *, summary: str) -> NextStep:
    """Take a transition; an impossible state retries slowly and raises an alarm rather than failing the process.

    Args:
        name: of the activity.
        step: its input.
        summary: what the Temporal UI shows; no personal data.
    """
    found: NextStep
    try:
        found = await workflow.execute_local_activity(
            name,
            step,
            result_type=NextStep,
            schedule_to_close_timeout=LOCAL_LIMIT,
            retry_policy=LOCAL_RETRIES,
            summary=summary,
        )
    except (ActivityError, ApplicationError) as error:
        if is_cancelled_exception(error) or (isinstance(error, ApplicationError) and error.non_retryable):
            raise
        workflow.logger.warning("transition_taken_slowly", extra={"step": summary})
        found = await workflow.execute_activity(
            name,
            step,
            result_type=NextStep,
            start_to_close_timeout=ATTEMPT_LIMIT,
            retry_policy=ENDLESS_RETRIES,
            summary=summary,
        )
    return found


async def outside_step(
    name: str, step: StepInput, *, queue: Queue, limit: timedelta, mailbox: Mailbox, summary: str
) -> NextStep | None:
    """Ask the outside, or do what takes minutes, by an activity that is tried again and again.

    Its retries add nothing to the history. A message ends the rest between two questions, so that what people did is
    seen at once; a question that is under way, and a batch, go on to their end.

    Args:
        name: of the activity.
        step: its input.
        queue: where it is taken.
        limit: how long it is tried.
        mailbox: of the process.
        summary: what the Temporal UI shows; no personal data.

    Returns:
        What follows; None if the time was over without an answer, or a message came while it rested.
    """
    is_batch = queue is not Queue.OUTSIDE
    asking: workflow.ActivityHandle[NextStep] = workflow.start_activity(
        name,
        step,
        task_queue=queue,
        result_type=NextStep,
        start_to_close_timeout=BATCH_ATTEMPT_LIMIT if is_batch else OUTSIDE_ATTEMPT_LIMIT,
        heartbeat_timeout=HEARTBEAT_LIMIT if is_batch else None,
        schedule_to_close_timeout=limit,
        retry_policy=OUTSIDE_RETRIES,
        # Of a question under way the answer is waited for: put twice at once, it might be answered by two deeds.
        cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        summary=summary,
    )
    waking = None if is_batch else asyncio.create_task(_wake(asking, mailbox))
    try:
        return await asking
    except ActivityError as error:
        was_woken = waking is not None and waking.done() and workflow.cancellation_reason() is None
        is_cancelled = is_cancelled_exception(error) and not was_woken
        if is_cancelled or error.retry_state is RetryState.NON_RETRYABLE_FAILURE:
            raise
        workflow.logger.warning("outside_silent", extra={"step": summary})
        return None
    finally:
        if waking is not None:
            waking.cancel()


async def _wake(asking: workflow.ActivityHandle[Any], mailbox: Mailbox) -> None:
    """Have a question that rests given back as soon as a message comes; one under way the server leaves alone."""
    await mailbox.next()
    # Histories from before waited for the rest's end.
    if workflow.patched("woken-while-asking"):
        asking.cancel()
