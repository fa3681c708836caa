"""How a transition runs: one transaction, safe to run twice, its result stored under case, step and round."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.turns import Turns
from domain.access import Grant, Part
from domain.catalogue import HELD, SECRETS
from domain.notice import Value
from domain.reconciliation import STEP_TRIES, FindingKind
from domain.vault import WhyErased
from domain.wording import task_sms
from gateways.files import Files
from gateways.payment import Gateways
from messages.case import OVER, WAIT, NextStep, StepInput
from messages.payload import encode
from storage import audit, cases, deadlines, reconciliation, tasks, vault
from storage.database import SERVICE, Statement, run_statements, transaction, transaction_with
from storage.links import barred_from
from storage.notices import notice_statements
from storage.people import holders_of, people_in
from storage.retries import retried
from storage.rows.cases import Case
from storage.rows.tasks import Task
from storage.sealing import Seals
from storage.transitions import count_rounds, lookup_statements, read_beginning, save_statement

MACHINE = Part.MACHINE
END = NextStep(OVER)
# A dead-lock shows after a second: room for one more try in the 3 s of a local activity, the next is Temporal's.
_TRIES = 3
_WITHIN = timedelta(seconds=1.5)
_log = logging.getLogger("amanat.activities")


@dataclass(frozen=True, slots=True)
class ActivityContext:
    """What activities work with; made once by the worker.

    ``gateways`` are those that are set up, ``site`` is the address under which people reach the pages, ``turns`` bound
    what each provider keeps busy.
    """

    engine: AsyncEngine
    seals: Seals
    files: Files
    gateways: Gateways = field(default_factory=dict)
    site: str = ""
    turns: Turns = field(default_factory=Turns)


@dataclass(frozen=True, slots=True)
class Transition:
    """A running transition: its transaction, its locked case, and Postgres's time.

    ``until`` is the moment that the process waited for, ``deadlines`` are the case's own deadlines by step, ``last``
    are the statements that are sent with the COMMIT.
    """

    connection: AsyncConnection
    seals: Seals
    case: Case
    name: str
    now: datetime
    until: datetime | None
    deadlines: dict[str, datetime]
    last: list[Statement] = field(default_factory=list)

    @property
    def owner(self) -> list[UUID]:
        """The person whom the case is about, to be notified of what becomes of it; empty if there is none."""
        return [] if self.case.person_id is None else [self.case.person_id]

    async def move(self, phase: str, *, next_actor: str | None, due_in: timedelta | None = None) -> None:
        """Set phase, who acts next and until when."""
        await cases.move_case(self.connection, self.case.id, phase=phase, next_actor=next_actor, due_in=due_in)

    async def end(
        self, phase: str, *, outcome: str | None = None, audited: Mapping[str, Any] | None = None
    ) -> NextStep:
        """End the case; its open tasks become moot, its deadlines are deleted and its secrets erased.

        Args:
            phase: the last one.
            outcome: how it ended, if the phase does not say it.
            audited: what the audit trail says besides.
        """
        outcome = outcome or phase
        await tasks.moot_tasks(self.connection, self.case.id)
        await self.clear_deadlines()
        await cases.end_case(self.connection, self.case.id, phase=phase, outcome=outcome)
        if self.case.kind in SECRETS:
            await vault.end_secrets(self.connection, WhyErased.CASE_ENDED, case_id=self.case.id)
        entry = audit.AuditEntry(
            action=self.name,
            actor=MACHINE,
            subject=str(self.case.id),
            before={"phase": self.case.phase},
            after={"phase": phase, "outcome": outcome, **(audited or {})},
        )
        self.last.append(audit.audit_statement(audit.case_stream(self.case.id), entry))
        return END

    async def add_event(self, code: StrEnum, *, actor: str = MACHINE, params: Mapping[str, Any] | None = None) -> None:
        """Add a line to the timeline."""
        self.last.append(cases.event_statement(self.case.id, code, actor=actor, params=params))

    async def notify(self, people: Iterable[UUID], template: str, params: Mapping[str, Value] | None = None) -> None:
        """Send a notice to each, by the channels of its template."""
        self.last.extend(notice_statements(people, template, case_id=self.case.id, params=params))

    async def ask(
        self,
        kind: str,
        assignee: Grant | UUID,
        *,
        remind_in: timedelta,
        due_in: timedelta,
        subject_id: UUID | None = None,
        details: Mapping[str, Any] | None = None,
        sms: bool = True,
        not_by: UUID | None = None,
    ) -> None:
        """Open a task for a person or a role.

        Args:
            kind: of the task.
            assignee: a person, or a role in a scope.
            remind_in: when they are reminded, once.
            due_in: when their time is over.
            subject_id: what it is about, besides the case.
            details: what else is shown with it.
            sms: whether those who may answer it get an SMS.
            not_by: who holds the role and must not answer it, for what is asked came from them.
        """
        await tasks.open_task(
            self.connection,
            self.case.id,
            kind,
            assignee=assignee,
            remind_in=remind_in,
            due_in=due_in,
            subject_id=subject_id,
            details=details,
            not_by=not_by,
        )
        if sms:
            people = [assignee] if isinstance(assignee, UUID) else await self.askable(kind, assignee, not_by)
            await self.notify(people, task_sms(kind))

    async def holders(self, grant: Grant, not_by: UUID | None = None) -> list[UUID]:
        """Who holds a role now, apart from those who take part in the case, and from one more."""
        others = [] if not_by is None else [not_by]
        apart_from = [*await people_in(self.connection, self.case.id), *others]
        return await holders_of(self.connection, grant, apart_from=apart_from)

    async def askable(self, kind: str, grant: Grant, not_by: UUID | None = None) -> list[UUID]:
        """Who of a role may answer a kind of task in this case; of one that must be claimed, who may claim it (E5)."""
        found, held = await self.holders(grant, not_by), HELD.get(kind)
        if held is None:
            return found
        barred = await barred_from(self.connection, self.case.id, found, held)
        return [person_id for person_id in found if person_id not in barred]

    async def asked_of(self, task: Task) -> list[UUID]:
        """Who is asked by an open task now: its person or its holder, or who of its role may answer."""
        if task.grant is None:
            return [] if task.person_id is None else [task.person_id]
        if task.kind in HELD and task.claimed_by is not None and await tasks.claim_holds(self.connection, task):
            return [task.claimed_by]
        return await self.askable(task.kind, task.grant, task.not_by)

    async def set_deadline(self, step: str, due_in: timedelta) -> None:
        """Set the deadline of a step, which is taken then although no task is open; replaces the step's former one."""
        self.deadlines[step] = await deadlines.set_deadline(self.connection, self.case.id, step, due_in)

    async def clear_deadlines(self) -> None:
        """Delete the case's deadlines; only open tasks are waited for then."""
        if self.deadlines:
            await deadlines.clear_deadlines(self.connection, self.case.id)
            self.deadlines.clear()

    async def clear_deadline(self, step: str) -> None:
        """Delete the deadline of one step, if it has one."""
        if self.deadlines.pop(step, None) is not None:
            await deadlines.clear_deadlines(self.connection, self.case.id, step)

    async def pass_deadline(self) -> None:
        """Delete this step's deadline if it is over."""
        due = self.deadlines.get(self.name)
        if due is not None and self.until is not None and due <= self.until:
            await self.clear_deadline(self.name)

    def wait(self, open_tasks: Sequence[Task]) -> NextStep:
        """How long tasks and deadlines are still waited for, by Postgres's clock: the first reminder, the first end.

        Raises:
            LookupError: nothing is waited for; an open case in which nothing can happen is an impossible state.
        """
        ends = [(task.due_at, "") for task in open_tasks] + [(due, step) for step, due in self.deadlines.items()]
        if not ends:
            raise LookupError(f"case {self.case.id} is open, but nothing is waited for")
        expires_at, at_end = min(ends)
        expire_in = max(whole_seconds(expires_at - self.now), 0)
        reminds_at = min((task.remind_at for task in open_tasks if task.reminded_at is None), default=None)
        remind_in = 0 if reminds_at is None else min(max(whole_seconds(reminds_at - self.now), 1), expire_in)
        return NextStep(WAIT, remind_in, expire_in, reminds_at, expires_at, at_end)

    async def wait_now(self) -> NextStep:
        """``wait`` for the tasks that are open now."""
        return self.wait(await tasks.open_tasks(self.connection, self.case.id))


Body = Callable[[Transition], Awaitable[NextStep]]
Activity = Callable[[StepInput], Awaitable[NextStep]]


async def run_transition(
    context: ActivityContext, name: str, step: StepInput, body: Body, *, assess: Body | None = None
) -> NextStep:
    """Run a transition once per case, step and round; does nothing in a closed case.

    Args:
        context: what activities work with.
        name: verb and noun of the transition.
        step: whose, and which round.
        body: does it; run again if its transaction lost a race.
        assess: says what follows where the step was taken before; the kept result may be older than people's answers.

    Raises:
        ApplicationError: there is no such case; not retried.
    """
    try:
        return await take_transition(context, name, step, body, assess=assess)
    except Exception:
        if activity.in_activity() and activity.info().attempt >= STEP_TRIES:
            await report_failing(context, step.case_id)
        raise


async def take_transition(
    context: ActivityContext, name: str, step: StepInput, body: Body, *, assess: Body | None
) -> NextStep:
    """``run_transition`` for who reports failures in another way."""
    taken, is_new = await retried(
        lambda: _run_once(context, name, step, body, assess), of=f"transition:{name}", tries=_TRIES, within=_WITHIN
    )
    if is_new:
        facts = {"case_id": str(step.case_id), "step": name, "round": step.round}
        _log.info("transition_taken", extra=facts | _whose())
    return taken


async def report_failing(context: ActivityContext, case_id: UUID) -> None:
    """Report a step that failed so often that it will not succeed by itself (H8); while Postgres is away, nothing."""
    _log.error("step_fails", extra={"case_id": str(case_id)} | _whose())
    with contextlib.suppress(SQLAlchemyError, OSError):
        async with transaction(context.engine, SERVICE) as connection:
            await reconciliation.record(connection, case_id, FindingKind.STEP_FAILS)


def guarded(body: Body, assess: Body) -> Body:
    """A body that runs only where its step follows; where another does by now, that one is the answer."""

    async def take(step: Transition) -> NextStep:
        await step.pass_deadline()
        found = await assess(step)
        return await body(step) if found.step == step.name else found

    return take


async def _run_once(
    context: ActivityContext, name: str, step: StepInput, body: Body, assess: Body | None
) -> tuple[NextStep, bool]:
    """One transaction; the result, and whether it is new."""
    lookups = lookup_statements(step.case_id, name, step.round)
    async with transaction_with(context.engine, SERVICE, *lookups) as (connection, found):
        begun = read_beginning(found)
        if begun is None:
            raise ApplicationError(f"no case {step.case_id}", type="NoSuchCase", non_retryable=True)
        if not begun.case.is_open:
            return END, False
        transition = Transition(connection, context.seals, begun.case, name, begun.now, step.until, begun.deadlines)
        if begun.was_taken:
            result = END if assess is None else await assess(transition)
            rounds = await count_rounds(connection, step.case_id)
            await run_statements(connection, *transition.last, commit=True)
            return dataclasses.replace(result, rounds=rounds), False
        result = await body(transition)
        save = save_statement(step.case_id, name, step.round, encode(result))
        await run_statements(connection, *transition.last, save, commit=True)
        return result, True


def _whose() -> dict[str, str]:
    """Which workflow asked, for the logs."""
    if not activity.in_activity():
        return {}
    return {"workflow_id": activity.info().workflow_id or "", "run_id": activity.info().workflow_run_id or ""}


def whole_seconds(span: timedelta) -> int:
    """A wait as a process takes it, rounded up: none ends before the moment that people were shown."""
    return -(-span // timedelta(seconds=1))
