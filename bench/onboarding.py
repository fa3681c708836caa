"""What an onboarding to Tavana costs, against as many empty steps, signals and timers in the same run."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID, uuid4

import httpx2
from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy

from api.app import create_app
from api.session_load import UNBOUNDED
from bench.empty import STEPS, TASK_QUEUE, EmptyWorkflow
from bench.people import Pair, add_organisation, add_pairs, add_reviewer
from bench.processes import Used
from bench.stack import Stack, real_stack
from bench.table import Row
from bench.tavana import PROGRAMME, Tavana, put_in_force
from bench.watch import Lines, Watch
from messages.case import CaseKind, CaseRef, CaseSignal, workflow_id
from workflows.transitions import WORKFLOW_TASK_TIMEOUT

CONCURRENT = 50
_CASE_SECONDS = 120.0
_NOTHING = Used(0, 0, 0, 0, 0)
_MS = 1_000


@dataclass(frozen=True, slots=True)
class Figures:
    """What a number of cases used together, and how many events and local activities one of them has."""

    cases: int
    used: Used
    events: int
    local_activities: int
    timers: int
    signals: int

    def each(self, seconds: float) -> float:
        """Milliseconds a case."""
        return seconds / self.cases * _MS

    @property
    def rate(self) -> float:
        """Cases a second."""
        return self.cases / self.used.passed

    @property
    def sequencing(self) -> float:
        """What Temporal's server and the worker use for a case, in milliseconds."""
        return self.each(self.used.server + self.used.worker)


async def measure(count: int) -> list[Row]:
    """Onboardings and empty processes in turn, 50 of a kind at once.

    Args:
        count: how many of each; they are taken in two halves, the empty ones first and last. Others go before them,
            so that nothing is done for the first time while it is measured.
    """
    half = max(count // 2, 1)
    first = min(half, CONCURRENT)
    async with real_stack() as stack, _drivers(stack, first + 2 * half + 1) as (onboard, pass_empty):
        for drive in (pass_empty, onboard):
            await _at_once(drive, first)
        empty_used = tavana_used = _NOTHING
        empty_used += await _used(stack, pass_empty, half, is_empty=True)
        tavana_used += await _used(stack, onboard, half, is_empty=False)
        tavana_used += await _used(stack, onboard, half, is_empty=False)
        empty_used += await _used(stack, pass_empty, half, is_empty=True)
        empty = await _figures(stack.parts.client, await pass_empty(), 2 * half, empty_used)
        tavana = await _figures(stack.parts.client, await onboard(), 2 * half, tavana_used)
    return _rows(tavana, empty)


Drive = Callable[[], Awaitable[str]]


@contextlib.asynccontextmanager
async def _drivers(stack: Stack, count: int) -> AsyncIterator[tuple[Drive, Drive]]:
    """Take one onboarding, or one empty process, from its beginning to its end; returns the workflow's id."""
    context = stack.parts.context
    await put_in_force(context, PROGRAMME, waiting_seconds=1)
    organisation_id = await add_organisation(context)
    transport = httpx2.ASGITransport(create_app(context, session_load=UNBOUNDED))
    async with (
        httpx2.AsyncClient(transport=transport, base_url="https://amanat.bench") as http,
        Watch(context.engine).running() as watch,
        Lines(stack.places.log / "empty.log").running() as lines,
    ):
        tavana = Tavana(watch, iter([await add_reviewer(context, http) for _ in range(count)]))
        pairs = iter(await add_pairs(context, http, organisation_id, count))

        async def onboard() -> str:
            pair: Pair = next(pairs)
            return workflow_id(CaseKind.ONBOARDING, await tavana.take(pair))

        async def pass_empty() -> str:
            return await _pass_empty(stack.parts.client, lines)

        yield onboard, pass_empty


async def _pass_empty(client: Client, lines: Lines) -> str:
    case_id = uuid4()
    for signal, step in (("application_submitted", 0), ("guarantee_answered", 2), ("review_answered", 4)):
        await _signal(client, case_id, signal)
        await lines.seen(f"{case_id} {STEPS[step]}")
    return f"bench/{case_id}"


async def _signal(client: Client, case_id: UUID, signal: str) -> None:
    """The call that the relay makes."""
    await client.start_workflow(
        EmptyWorkflow.run,
        CaseRef(case_id),
        id=f"bench/{case_id}",
        task_queue=TASK_QUEUE,
        start_signal=signal,
        start_signal_args=[CaseSignal(CaseKind.ONBOARDING, case_id, signal, uuid4())],
        id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        task_timeout=WORKFLOW_TASK_TIMEOUT,
        static_summary="bench",
    )


async def _used(stack: Stack, drive: Drive, count: int, *, is_empty: bool) -> Used:
    worker = stack.empty_worker if is_empty else stack.worker
    before = stack.used(worker)
    await _at_once(drive, count)
    return stack.used(worker) - before


async def _at_once(drive: Drive, count: int) -> None:
    """Take so many cases, 50 at once; each within its time."""
    waiting = iter(range(count))

    async def person() -> None:
        for _ in waiting:
            await asyncio.wait_for(drive(), _CASE_SECONDS)

    await asyncio.gather(*(person() for _ in range(min(CONCURRENT, count))))


async def _figures(client: Client, name: str, cases: int, used: Used) -> Figures:
    """Look into the history of one case, so that what is compared can be seen to be alike."""
    handle = client.get_workflow_handle(name)
    await asyncio.wait_for(handle.result(), _CASE_SECONDS)
    history = (await handle.fetch_history()).events
    return Figures(
        cases,
        used,
        events=len(history),
        local_activities=sum(event.HasField("marker_recorded_event_attributes") for event in history),
        timers=sum(event.HasField("timer_started_event_attributes") for event in history),
        signals=sum(event.HasField("workflow_execution_signaled_event_attributes") for event in history),
    )


def _rows(tavana: Figures, empty: Figures) -> list[Row]:
    def row(name: str, one: float, other: float, *, ratio: bool = False) -> list[Row]:
        compared = f"{one / other:.2f} × empty" if ratio and other else ""
        return [Row(f"Tavana, {name}", one, compared), Row(f"empty, {name}", other, "")]

    ours, theirs = tavana.used, empty.used
    return [
        *row("cases a second", tavana.rate, empty.rate, ratio=True),
        *row("server and worker CPU a case (ms)", tavana.sequencing, empty.sequencing, ratio=True),
        *row("Temporal server CPU a case (ms)", tavana.each(ours.server), empty.each(theirs.server), ratio=True),
        *row("worker CPU a case (ms)", tavana.each(ours.worker), empty.each(theirs.worker), ratio=True),
        *row("Postgres CPU a case (ms)", tavana.each(ours.postgres), empty.each(theirs.postgres)),
        *row("driving process CPU a case (ms)", tavana.each(ours.driver), empty.each(theirs.driver)),
        *row("events a case", tavana.events, empty.events),
        *row("local activities a case", tavana.local_activities, empty.local_activities),
        *row("timers a case", tavana.timers, empty.timers),
        *row("signals a case", tavana.signals, empty.signals),
    ]
