"""What is begun by the clock, whatever the case: the schedules, and the small workflows that they start.

A schedule's id and those of its workflows begin with ``schedule/``, which is no kind of case: the reconciler leaves
them alone. ``schedules.py`` puts the schedules onto the server.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from temporalio import workflow

from workflows.transitions import ATTEMPT_LIMIT, BATCH_ATTEMPT_LIMIT, ENDLESS_RETRIES

with workflow.unsafe.imports_passed_through():
    from messages.queue import Queue


@dataclass(frozen=True, slots=True)
class Daily:
    """A schedule: at an hour of Tehran each day. A changed one needs a higher ``version``."""

    workflow: type
    hour: int
    version: int
    # What was missed for longer is not done any more.
    catch_up: timedelta = timedelta(days=7)


@workflow.defn
class ClearingDaysWorkflow:
    """Each morning: open each past day of each gateway that was not compared yet. Missed days come with the next."""

    @workflow.run
    async def run(self) -> None:
        """Take the one activity, again and again until it succeeds."""
        await workflow.execute_activity(
            "open_clearings",
            result_type=int,
            start_to_close_timeout=ATTEMPT_LIMIT,
            retry_policy=ENDLESS_RETRIES,
            summary="opens what was not compared",
        )


@workflow.defn
class WaitingWithdrawalsWorkflow:
    """Each morning: tell the settlement office of withdrawals that no batch took in time."""

    @workflow.run
    async def run(self) -> None:
        """Take the one activity, again and again until it succeeds."""
        await workflow.execute_activity(
            "remind_of_withdrawals",
            result_type=int,
            start_to_close_timeout=ATTEMPT_LIMIT,
            retry_policy=ENDLESS_RETRIES,
            summary="looks for withdrawals that wait",
        )


@workflow.defn
class IdentityRenewalsWorkflow:
    """Each morning: ask those whose identity ends soon to renew it."""

    @workflow.run
    async def run(self) -> None:
        """Take the one activity, again and again until it succeeds."""
        await workflow.execute_activity(
            "ask_identity_renewals",
            result_type=int,
            task_queue=Queue.BATCH,
            start_to_close_timeout=BATCH_ATTEMPT_LIMIT,
            retry_policy=ENDLESS_RETRIES,
            summary="asks for renewals",
        )


# By the last part of their ids.
SCHEDULES: Final[Mapping[str, Daily]] = {
    "clearing-days": Daily(ClearingDaysWorkflow, hour=6, version=1),
    # What was missed for hours is not told late: the next morning tells it.
    "waiting-withdrawals": Daily(WaitingWithdrawalsWorkflow, hour=9, version=1, catch_up=timedelta(hours=4)),
    "identity-renewals": Daily(IdentityRenewalsWorkflow, hour=10, version=1),
}
