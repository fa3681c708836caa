"""Compares open cases with running processes: what is missing is started again from its rows, and reported (G5).

What Temporal calls stuck is reported too, with the reason (H8): from the fifth task in a row that failed or took too
long, about half a minute after the first, so that operators see it within two minutes. So is money of a payment that
nobody is at work on (E2), and a schedule whose work is not begun or does not get on.

Runs inside every worker process, one at a time, about once a minute. What Temporal lists may lag behind, so it only
raises a suspicion; before anything is done Temporal is asked about that one process, and the case is looked at again
under its lock.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum, auto
from time import monotonic
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import (
    Client,
    ScheduleActionExecutionStartWorkflow,
    WorkflowExecutionDescription,
    WorkflowExecutionStatus,
)
from temporalio.service import RPCError, RPCStatusCode

from domain.clearing import ASK_AGAIN_AFTER
from domain.reconciliation import STEP_TRIES, STUCK, FindingKind
from messages.case import ASK_AGAIN, CaseKind, workflow_id
from schedules import schedule_id
from storage import audit, outbox, reconciliation, vault
from storage.chores import every, repeat
from storage.clearing import MOST_SHOWN, list_suspense, list_to_be_found
from storage.database import SERVICE, postgres_now, transaction
from storage.reconciliation import NO_ID, Claim, OpenFinding
from workflows.registry import WORKFLOWS

_log = logging.getLogger("amanat.reconciler")

ROUND_EVERY = timedelta(minutes=1)
# How often a process looks whether a round is due.
_LOOK_SECONDS = 10.0
# A round ends before its lease does.
_ROUND_SECONDS = 50.0
_LEASE = timedelta(seconds=60)
_PAGE = 500
# Running processes listed for one page of cases; more are a trouble of their own, told round by round.
_LISTED = 2_000
# About as many processes as a small server starts in a minute.
_SUSPECTS = 1_000
_AT_ONCE = 20
_RPC_LIMIT = timedelta(seconds=5)
# A process still running this long after its case was closed will not end by itself.
OUTLIVES_AFTER = timedelta(minutes=10)
ALARM_TIMES = 5
# How often a process of ours looks for money without a cause, and how long that may take.
_SUSPENSE_SECONDS = 600.0
_SUSPENSE_LIMIT_MS = 20_000
# A schedule begins each day, and what a server missed while it was away as soon as it is back.
_BEGINS_WITHIN = timedelta(days=1, hours=4)
_PROBLEMS = "TemporalReportedProblems"
_KINDS = tuple(sorted(WORKFLOWS))
_AWAY = frozenset(
    {
        RPCStatusCode.UNAVAILABLE,
        RPCStatusCode.DEADLINE_EXCEEDED,
        RPCStatusCode.RESOURCE_EXHAUSTED,
        RPCStatusCode.CANCELLED,
        # The connection broke under the call («transport error»).
        RPCStatusCode.UNKNOWN,
    }
)
# How the client and the server say that an answer took too long.
_TOO_LATE = frozenset({RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.CANCELLED})


class ProcessState(Enum):
    """What Temporal says about a case's process."""

    RUNNING = auto()
    COMPLETED = auto()
    # Terminated, failed, or unknown: a message starts it again.
    LOST = auto()


@dataclass(frozen=True, slots=True)
class _Found:
    """A case's process: its state, and why it is stuck, if it is."""

    state: ProcessState
    stuck: FindingKind | None = None


@dataclass(slots=True)
class _Walk:
    """How far a round came: the next page begins after this case; without a kind the walk is over."""

    kind: CaseKind | None
    after: UUID
    suspects: int = 0

    def turn(self, last: UUID | None) -> None:
        """Go on after the last case of a full page, else with the next kind."""
        if self.kind is None or last is not None:
            self.after = last or NO_ID
            return
        later = _KINDS[_KINDS.index(self.kind) + 1 :]
        self.kind, self.after = (later[0] if later else None), NO_ID


class Reconciler:
    """Compares, restarts and reports, round by round."""

    def __init__(
        self,
        engine: AsyncEngine,
        client: Client,
        nudge: Callable[[], None],
        *,
        round_every: timedelta = ROUND_EVERY,
        page: int = _PAGE,
        suspects: int = _SUSPECTS,
        schedules: Iterable[str] = (),
    ) -> None:
        """Prepare; nothing runs yet.

        Args:
            engine: where the cases are.
            client: of the server that runs their processes.
            nudge: tells the relay that there is something to send.
            round_every: how long after the start of a round the next is due.
            page: how many cases are compared at once.
            suspects: after how many suspicious cases a round leaves the rest to the next.
            schedules: the names of those that are to do their work.
        """
        self._engine = engine
        self._client = client
        self._nudge = nudge
        self._round_every = round_every
        self._page = page
        self._suspects = suspects
        self._suspense_due = 0.0
        self._schedules = tuple(schedules)
        # Not seen at the last look: a worker that has just started makes it in a moment.
        self._awaited: set[str] = set()

    async def run(self) -> None:
        """Compare again and again, until cancelled."""
        await repeat("reconciler", self.round, every(_LOOK_SECONDS))

    async def round(self) -> None:
        """One round, if it is due and no other process has it. Temporal away ends it; the next goes on there."""
        async with transaction(self._engine, SERVICE) as connection:
            claim = await reconciliation.claim_round(connection, every=self._round_every, lease=_LEASE)
        if claim is None:
            return
        walk = _begin(claim)
        try:
            async with asyncio.timeout(_ROUND_SECONDS):
                await self._look_for_suspense()
                await self._look_for_late_secrets()
                await self._client.service_client.check_health(timeout=_RPC_LIMIT)
                await self._review()
                await self._find_stuck()
                await self._look_at_schedules()
                await self._compare_all(walk)
        except TimeoutError:
            _log.warning("reconciler_ran_out_of_time")
        except RPCError as error:
            if error.status not in _AWAY:
                raise
            _log.warning("reconciler_waits_for_temporal", extra={"error": error.status.name})
        async with transaction(self._engine, SERVICE) as connection:
            await reconciliation.end_round(connection, claim, walk.kind, walk.after)

    async def _look_for_suspense(self) -> None:
        """Report money that nobody is at work on, or has found out for a week; settle what is so no longer."""
        if monotonic() < self._suspense_due:
            return
        self._suspense_due = monotonic() + _SUSPENSE_SECONDS
        kind = FindingKind.MONEY_IN_SUSPENSE
        async with transaction(self._engine, SERVICE, limit_ms=_SUSPENSE_LIMIT_MS) as connection:
            listed = await list_suspense(connection)
            parked = await list_to_be_found(connection)
            old = await postgres_now(connection) - ASK_AGAIN_AFTER
            unmoved = {one.payment_id for one in listed}
            lying = unmoved | {one.case_id for one in parked if one.found_at < old}
            known = await reconciliation.findings_of_kind(connection, kind)
            times = {case_id: await reconciliation.record(connection, case_id, kind) for case_id in sorted(lying)}
            # Of a list that is cut off nobody knows what is missing.
            if max(len(listed), len(parked)) < MOST_SHOWN:
                await reconciliation.settle(connection, [known[case_id] for case_id in known.keys() - lying])
        for case_id, seen in times.items():
            # What two officers booked to be found out waits for people, not for operators.
            _tell(case_id, kind, seen, alarm=case_id in unmoved)

    async def _look_for_late_secrets(self) -> None:
        """Report secrets that should have been erased minutes ago (F2); settle what is so no longer."""
        kind = FindingKind.ERASURE_LATE
        async with transaction(self._engine, SERVICE) as connection:
            late = await vault.late_cases(connection, self._suspects)
            known = await reconciliation.findings_of_kind(connection, kind)
            times = {case_id: await reconciliation.record(connection, case_id, kind) for case_id in sorted(late)}
            # Of a list that is cut off nobody knows what is missing.
            if len(late) < self._suspects:
                await reconciliation.settle(connection, [known[case_id] for case_id in known.keys() - late])
        for case_id, seen in times.items():
            _tell(case_id, kind, seen, alarm=True)

    async def _review(self) -> None:
        """Settle the findings that hold no longer."""
        async with transaction(self._engine, SERVICE) as connection:
            await reconciliation.settle_unasked(connection)
            findings = await reconciliation.findings_to_review(connection, self._suspects)
        states = await self._ask((finding.case_kind, finding.case_id) for finding in findings)
        for finding in findings:
            if finding.restart_asked and states[finding.case_id].stuck:
                await self._start_anew(finding)
        settled = [finding for finding in findings if not _holds(finding, states[finding.case_id])]
        if settled:
            async with transaction(self._engine, SERVICE) as connection:
                await reconciliation.settle(connection, [finding.id for finding in settled])
            for finding in settled:
                _log.info("finding_settled", extra={"case_id": str(finding.case_id), "finding": finding.kind})

    async def _start_anew(self, finding: OpenFinding) -> None:
        """End a stuck process, and have it started again from its rows; the next round sees whether it helped."""
        handle = self._client.get_workflow_handle(workflow_id(finding.case_kind, finding.case_id))
        await handle.terminate("started again from the operations desk", rpc_timeout=_RPC_LIMIT)
        async with transaction(self._engine, SERVICE) as connection:
            await reconciliation.note_restart(connection, finding.id)
            if finding.case_is_open:
                await outbox.resume(connection, finding.case_kind, finding.case_id)
        self._nudge()
        _log.info("process_started_anew", extra={"case_id": str(finding.case_id), "finding": finding.kind})

    async def _find_stuck(self) -> None:
        """Report what Temporal calls stuck; of very many those that a round can carry."""
        listed = self._client.list_workflows(
            f"ExecutionStatus = 'Running' AND {_PROBLEMS} IS NOT NULL", limit=self._suspects, rpc_timeout=_RPC_LIMIT
        )
        kinds = {case_id: kind async for process in listed for kind, case_id in _kind_and_case(process.id)}
        if not kinds:
            return
        async with transaction(self._engine, SERVICE) as connection:
            known = await reconciliation.known_cases(connection, kinds)
        if len(known) < len(kinds):
            _log.error("stuck_processes_without_case", extra={"count": len(kinds) - len(known)})
        found = await self._ask((kinds[case_id], case_id) for case_id in known)
        for case_id in known:
            if (stuck := found[case_id].stuck) is not None:
                async with transaction(self._engine, SERVICE) as connection:
                    times = await reconciliation.record(connection, case_id, stuck)
                _tell(case_id, stuck, times, alarm=True)

    async def _look_at_schedules(self) -> None:
        """Report schedules whose work is not begun or does not get on; settle what is so no longer."""
        for name in self._schedules:
            kind = await self._trouble_of(name)
            async with transaction(self._engine, SERVICE) as connection:
                await reconciliation.settle_schedule(connection, name, apart_from=kind)
                times = 0 if kind is None else await reconciliation.record(connection, name, kind)
            if kind is not None:
                _log.error(kind.value, extra={"schedule": name, "times": times})

    async def _trouble_of(self, name: str) -> FindingKind | None:
        """Why a schedule does not do its work; its last run tells, as long as the server keeps it.

        The server asks what begins the work about it: where that stands, this question alone has no answer.
        """
        try:
            found = await self._client.get_schedule_handle(schedule_id(name)).describe(rpc_timeout=_RPC_LIMIT)
        except RPCError as error:
            if error.status in _AWAY - _TOO_LATE:
                raise
            _log.warning("schedule_not_seen", extra={"schedule": name, "error": error.status.name})
            is_first = name not in self._awaited
            self._awaited.add(name)
            return None if is_first else FindingKind.SCHEDULE_STANDS
        self._awaited.discard(name)
        last = next(iter(found.info.recent_actions[-1:]), None)
        # A release that moves its hour may have it begin more than a day after the last time.
        moments = (found.info.created_at, found.info.last_updated_at, None if last is None else last.scheduled_at)
        since = max(moment for moment in moments if moment is not None)
        if found.schedule.state.paused or datetime.now(UTC) - since > _BEGINS_WITHIN:
            return FindingKind.SCHEDULE_STANDS
        if last is None or not isinstance(last.action, ScheduleActionExecutionStartWorkflow):
            return None
        run = await self._describe(last.action.workflow_id)
        if run is None or run.status is WorkflowExecutionStatus.COMPLETED:
            return None
        is_at_work = run.status is WorkflowExecutionStatus.RUNNING and _why_stuck(run) is None
        return None if is_at_work else FindingKind.SCHEDULE_FAILS

    async def _compare_all(self, walk: _Walk) -> None:
        while walk.kind is not None and walk.suspects < self._suspects:
            async with transaction(self._engine, SERVICE) as connection:
                page = await reconciliation.open_cases(connection, walk.kind, walk.after, self._page)
            last = page[-1] if len(page) == self._page else None
            walk.suspects += await self._compare(walk.kind, walk.after, page, last)
            walk.turn(last)

    async def _compare(self, kind: CaseKind, after: UUID, page: list[UUID], last: UUID | None) -> int:
        """Compare a page of open cases with what runs in the same range of ids; returns how many were suspicious."""
        running = await self._running(kind, after, last)
        async with transaction(self._engine, SERVICE) as connection:
            missing = await reconciliation.quiet_cases(connection, [found for found in page if found not in running])
            closed, unknown = await reconciliation.closed_cases(
                connection, running.difference(page), longer_than=OUTLIVES_AFTER
            )
        if unknown:
            _log.warning("processes_without_case", extra={"kind": kind, "count": unknown})
        states = await self._ask((kind, case_id) for case_id in (*missing, *closed))
        for case_id in missing:
            if states[case_id].state is ProcessState.LOST:
                await self._restart(kind, case_id)
            elif states[case_id].state is ProcessState.COMPLETED:
                await self._report_ended_early(case_id)
        for case_id in closed:
            if states[case_id].state is ProcessState.RUNNING:
                await self._report_outliving(case_id)
        return len(states)

    async def _running(self, kind: CaseKind, after: UUID, last: UUID | None) -> set[UUID]:
        """Cases after one and up to another, None for the end, whose process Temporal lists as running.

        Workflow ids sort as the ids in them do, so a page of cases is a range of workflow ids: one cheap question.
        """
        first = workflow_id(kind, after)
        end = f"{kind}/g" if last is None else workflow_id(kind, last)
        query = f"ExecutionStatus = 'Running' AND WorkflowId > '{first}' AND WorkflowId <= '{end}'"
        listed = self._client.list_workflows(query, page_size=_LISTED, limit=_LISTED, rpc_timeout=_RPC_LIMIT)
        return {case_id async for process in listed if (case_id := _case_of(process.id)) is not None}

    async def _ask(self, whose: Iterable[tuple[CaseKind, UUID]]) -> dict[UUID, _Found]:
        """Ask Temporal about single processes, a few at a time."""
        left, states = list(whose), dict[UUID, _Found]()
        while left:
            now, left = left[:_AT_ONCE], left[_AT_ONCE:]
            answers = await asyncio.gather(*(self._state(kind, case_id) for kind, case_id in now))
            states |= zip((case_id for _, case_id in now), answers, strict=True)
        return states

    async def _state(self, kind: CaseKind, case_id: UUID) -> _Found:
        found = await self._describe(workflow_id(kind, case_id))
        if found is None:
            return _Found(ProcessState.LOST)
        if found.status is WorkflowExecutionStatus.RUNNING:
            return _Found(ProcessState.RUNNING, _why_stuck(found))
        return _Found(
            ProcessState.COMPLETED if found.status is WorkflowExecutionStatus.COMPLETED else ProcessState.LOST
        )

    async def _describe(self, process: str) -> WorkflowExecutionDescription | None:
        try:
            return await self._client.get_workflow_handle(process).describe(rpc_timeout=_RPC_LIMIT)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return None
            raise

    async def _restart(self, kind: CaseKind, case_id: UUID) -> None:
        async with transaction(self._engine, SERVICE) as connection:
            if not await reconciliation.lock_quiet_case(connection, case_id):
                return
            await outbox.resume(connection, kind, case_id)
            times = await reconciliation.record(connection, case_id, FindingKind.PROCESS_MISSING)
            entry = audit.AuditEntry("resume_case", "machine", str(case_id))
            await audit.append(connection, audit.case_stream(case_id), entry)
        self._nudge()
        _tell(case_id, FindingKind.PROCESS_MISSING, times, alarm=times >= ALARM_TIMES)

    async def _report_ended_early(self, case_id: UUID) -> None:
        """Temporal starts no completed process again: an operator has to act."""
        async with transaction(self._engine, SERVICE) as connection:
            if not await reconciliation.lock_quiet_case(connection, case_id):
                return
            times = await reconciliation.record(connection, case_id, FindingKind.PROCESS_ENDED_EARLY)
        _tell(case_id, FindingKind.PROCESS_ENDED_EARLY, times, alarm=True)

    async def _report_outliving(self, case_id: UUID) -> None:
        async with transaction(self._engine, SERVICE) as connection:
            times = await reconciliation.record(connection, case_id, FindingKind.PROCESS_OUTLIVES_CASE)
        _tell(case_id, FindingKind.PROCESS_OUTLIVES_CASE, times, alarm=times >= ALARM_TIMES)


def _case_of(process: str) -> UUID | None:
    """The case in a workflow id; None for a workflow that was started by hand under another name."""
    try:
        return UUID(process.partition("/")[2])
    except ValueError:
        return None


def _kind_and_case(process: str) -> list[tuple[CaseKind, UUID]]:
    """The kind and the case in a workflow id; none where it is not one of ours, or of a newer version's kind."""
    kind, case_id = process.partition("/")[0], _case_of(process)
    return [] if case_id is None or kind not in _KINDS else [(CaseKind(kind), case_id)]


def _why_stuck(process: WorkflowExecutionDescription) -> FindingKind | None:
    """What Temporal's reported problems, ``category=…`` and ``cause=…``, mean; or a step that fails again and again."""
    told = " ".join(map(str, process.search_attributes.get(_PROBLEMS, ())))
    if "TimedOut" in told:
        return FindingKind.PROCESS_TIMES_OUT
    if told:
        return FindingKind.PROCESS_MISFITS if "NonDeterministic" in told else FindingKind.PROCESS_FAILS
    is_failing = any(
        step.attempt >= STEP_TRIES and step.last_failure.application_failure_info.type != ASK_AGAIN
        for step in process.raw_description.pending_activities
    )
    return FindingKind.STEP_FAILS if is_failing else None


def _begin(claim: Claim) -> _Walk:
    """Where the last round ended, or at the first case; a kind that this version does not know begins anew."""
    if claim.kind in _KINDS:
        return _Walk(CaseKind(claim.kind), claim.after)
    return _Walk(_KINDS[0], NO_ID)


def _holds(finding: OpenFinding, found: _Found) -> bool:
    if finding.kind in STUCK:
        return found.stuck is finding.kind
    if finding.kind is FindingKind.PROCESS_OUTLIVES_CASE:
        return found.state is ProcessState.RUNNING
    expected = ProcessState.COMPLETED if finding.kind is FindingKind.PROCESS_ENDED_EARLY else ProcessState.LOST
    return finding.case_is_open and found.state is expected


def _tell(case_id: UUID, kind: FindingKind, times: int, *, alarm: bool) -> None:
    level = logging.ERROR if alarm else logging.WARNING
    _log.log(level, kind.value, extra={"case_id": str(case_id), "times": times})
