"""Puts the schedules onto the Temporal server as every worker starts: made once, and changed by a higher version only.

Any number of workers may do it at once: who comes second finds the schedule there. While an older and a newer release
run side by side, the older one leaves what the newer has made.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from functools import partial

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleCalendarSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleRange,
    ScheduleSpec,
    ScheduleUpdate,
    ScheduleUpdateInput,
)
from temporalio.service import RPCError

from messages.queue import Queue
from workflows.scheduled import SCHEDULES, Daily

_log = logging.getLogger("amanat.schedules")
_RPC_LIMIT = timedelta(seconds=10)
_PAUSE_SECONDS = 10.0
# One that hangs is over before its schedule begins the next: otherwise none would begin any more.
_LONGEST = timedelta(hours=23)


def schedule_id(name: str) -> str:
    """The id of a schedule on the server."""
    return f"schedule/{name}"


async def keep_schedules(client: Client, schedules: Mapping[str, Daily] = SCHEDULES) -> None:
    """Create each schedule, or bring it to this release's version; a server that is away is waited for.

    One that fails otherwise, a fault of ours, is told with its trace and tried again, and the others are kept.
    """
    left = dict(schedules)
    while True:
        left = {name: daily for name, daily in left.items() if not await _is_kept(client, schedule_id(name), daily)}
        if not left:
            return
        await asyncio.sleep(_PAUSE_SECONDS)


async def _is_kept(client: Client, id_: str, daily: Daily) -> bool:
    try:
        await _keep(client, id_, daily)
    except RPCError as error:
        _log.warning("schedule_waits_for_temporal", extra={"schedule": id_, "error": error.status.name})
        return False
    except Exception:  # noqa: BLE001 - see keep_schedules
        _log.exception("schedule_not_kept", extra={"schedule": id_})
        return False
    return True


async def _keep(client: Client, id_: str, daily: Daily) -> None:
    try:
        await client.create_schedule(id_, _schedule(id_, daily), rpc_timeout=_RPC_LIMIT)
    except ScheduleAlreadyRunningError:
        change = partial(_newer, id_=id_, daily=daily)
        await client.get_schedule_handle(id_).update(change, rpc_timeout=_RPC_LIMIT)
    _log.info("schedule_kept", extra={"schedule": id_, "version": daily.version})


def _schedule(id_: str, daily: Daily) -> Schedule:
    return Schedule(
        # The version stands where nobody writes by hand: who pauses a schedule writes over its note.
        action=ScheduleActionStartWorkflow(
            daily.workflow.__name__,
            id=f"{id_}/{daily.version}",
            task_queue=Queue.PROCESSES,
            execution_timeout=_LONGEST,
        ),
        spec=ScheduleSpec(
            calendars=[ScheduleCalendarSpec(hour=[ScheduleRange(daily.hour)])], time_zone_name="Asia/Tehran"
        ),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=daily.catch_up),
    )


def _newer(found: ScheduleUpdateInput, *, id_: str, daily: Daily) -> ScheduleUpdate | None:
    """The schedule as this release has it; None where the server has this version or a newer one."""
    there = found.description.schedule
    told = there.action.id.rpartition("/")[2] if isinstance(there.action, ScheduleActionStartWorkflow) else ""
    if told.isdecimal() and int(told) >= daily.version:
        return None
    # Somebody may have paused it on purpose, and said why.
    return ScheduleUpdate(schedule=replace(_schedule(id_, daily), state=there.state))
