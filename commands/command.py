"""How every command runs: one transaction with its idempotency key, its facts and its messages (H1).

A command authorises this person for this object, locks the case, judges by facts and open tasks, writes, and
commits; its answer is final at once, also while Temporal or every worker is down.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import Any, Literal, TypeVar, cast
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from domain.access import Actor, Role
from domain.contact import Contact
from domain.errors import Forbidden, NotFound, OwnCase, StepUpRequired, TaskNotOpen, Unauthenticated
from gateways.files import Files
from messages.case import CaseKind, CaseSignal
from storage import audit
from storage.account import actor_now, rights_statements
from storage.cases import add_event, lock_case, open_case, record_fact, touch_case
from storage.database import Acting, Statement, as_service, run_statements, transaction_with
from storage.idempotency import Answer, earlier_answer, lookup_statements, save_statement
from storage.notices import notify
from storage.outbox import enqueue
from storage.people import takes_part
from storage.retries import retried
from storage.rows.cases import Case
from storage.rows.tasks import Task
from storage.sealing import Seals
from storage.tasks import answer_task
from storage.vault import Vault

T = TypeVar("T")
_log = logging.getLogger("amanat.commands")


class _MustBeAlone(Exception):
    """The command begins again, after some work, with its person's rights locked alone."""

    def __init__(self, work: Callable[[], Awaitable[object]]) -> None:
        super().__init__()
        self.work = work


async def _nothing() -> None:
    """No work."""


@dataclass(frozen=True, slots=True)
class _Alone:
    """That a command has its person's rights locked alone, and what came of the work before."""

    done: object


@dataclass(frozen=True, slots=True)
class Context:
    """What commands work with; made once by an entry point.

    ``side`` is a small pool for what is committed even if the command fails, such as a try of a code; ``links`` are
    addresses in the texts of SMS, by name; ``contact`` is where people find help (G8), None where nobody named it;
    ``gateways`` are the payment gateways that are set up; ``vault`` keeps what members entrust.
    """

    engine: AsyncEngine
    side: AsyncEngine
    seals: Seals
    files: Files
    nudge: Callable[[], None] = field(default=lambda: None)
    links: Mapping[str, str] = field(default_factory=dict)
    contact: Contact | None = None
    gateways: Collection[str] = ()
    vault: Vault | None = None


@dataclass(frozen=True, slots=True)
class Envelope:
    """Who sent which operation, under which key, with which content, from where.

    ``origin`` is a keyed hash of the address, never the address; ``host`` is by which name of ours they came.
    """

    actor: Actor
    operation: str
    key: str
    fingerprint: bytes
    origin: str = ""
    host: str = ""


@dataclass(frozen=True, slots=True)
class Command:
    """A running command: its transaction, who acts, and Postgres's time.

    ``last`` are the statements that are sent with the COMMIT, ``locked`` the kinds of the cases that it has locked.
    ``totp`` is the code that came with exactly this, ``confirmed_until`` how long one counts that was given for several
    commands at once; see ``commands.account.require_code``. ``first`` is there once it runs ``alone``.
    """

    connection: AsyncConnection
    context: Context
    envelope: Envelope
    now: datetime
    last: list[Statement] = field(default_factory=list)
    locked: dict[UUID, CaseKind] = field(default_factory=dict)
    totp: str | None = field(default=None, repr=False)
    confirmed_until: datetime | None = None
    first: _Alone | None = field(default=None, repr=False)

    def with_code(self, totp: str | None) -> Command:
        """The same command with the code that came with its content (G1)."""
        return replace(self, totp=totp)

    @property
    def actor(self) -> Actor:
        """Who acts."""
        return self.envelope.actor

    @property
    def acting(self) -> Acting:
        """Who acts, as transactions know it."""
        return Acting.of(self.actor)

    @property
    def seals(self) -> Seals:
        """Keys for personal fields."""
        return self.context.seals

    def require_role(self, *roles: Role) -> None:
        """Refuse an actor who holds none of the roles in any scope.

        Raises:
            Forbidden: they do not.
        """
        if self.actor.capacity != "staff" or not self.actor.holds_any(roles):
            raise Forbidden

    def require_strong(self) -> None:
        """Refuse without a fresh code (G1).

        Raises:
            StepUpRequired: the session was not confirmed lately.
        """
        until = self.confirmed_until or self.actor.strong_until
        if until is None or until < self.now:
            raise StepUpRequired

    async def alone(self) -> None:
        """Go on when no other command of this person is under way, and let none begin until this one is done.

        For what ends their own sessions. Nothing is to be written before it: the command begins again.
        """
        await self.alone_after(_nothing)

    async def alone_after(self, work: Callable[[], Awaitable[T]]) -> T:
        """``alone``, after work that takes long, such as hashing: no transaction is open and no lock held meanwhile."""
        if self.first is None:
            raise _MustBeAlone(work)
        return cast("T", self.first.done)

    async def open_case(self, kind: CaseKind, **values: Any) -> UUID:
        """``storage.cases.open_case``; the case needs no lock: other transactions see it only after the COMMIT."""
        case_id = await open_case(self.connection, kind=kind, **values)
        self.locked[case_id] = kind
        return case_id

    async def lock_case(self, case_id: UUID) -> Case:
        """Lock a case: one thing at a time happens in it.

        Raises:
            NotFound: missing or hidden.
        """
        case = await lock_case(self.connection, case_id)
        if case is None:
            raise NotFound
        self.locked[case_id] = case.kind
        return case

    async def lock_own_case(self, case_id: UUID, kind: CaseKind | None = None) -> Case:
        """Lock a case, of a kind if one is named, that is about the member themselves.

        Raises:
            NotFound: missing, of another kind, or about another person.
        """
        case = await self.lock_case(case_id)
        if kind not in {None, case.kind} or case.person_id != self.actor.person_id:
            raise NotFound
        return case

    async def refuse_own_case(self, case_id: UUID) -> None:
        """Refuse an actor who takes part in the case, as its subject, guarantor or counterparty.

        Raises:
            OwnCase: they take part in it.
        """
        if await takes_part(self.connection, case_id, self.actor.person_id):
            raise OwnCase

    async def act(  # noqa: PLR0913 - an action has these consequences
        self,
        case_id: UUID,
        fact: StrEnum,
        payload: Mapping[str, Any] | None = None,
        *,
        part: str,
        closes: Task | None = None,
        outcome: str | None = None,
        event: StrEnum | Literal[""] | None = "",
        shown: Mapping[str, Any] | None = None,
        sms: Mapping[str, Sequence[UUID]] | None = None,
        audited: Mapping[str, Any] | None = None,
        wakes: bool = True,
    ) -> UUID:
        """Record an action in a case that this command has locked, with its immediate consequences.

        Args:
            case_id: the case.
            fact: what they did; also the signal that wakes the process.
            payload: of the fact.
            part: of the person who acts, as the timeline names it: a part in the case or a role.
            closes: the task that the fact answers.
            outcome: of that task, if it is not the fact's name.
            event: of the timeline, if it is not the fact's name; None where the process tells of it.
            shown: what the timeline says of it.
            sms: whom to tell with which template.
            audited: arguments of ``audit``: what the audit trail says instead of the task's outcome or of the payload.
            wakes: whether its process hears of it.

        Returns:
            The fact's id.

        Raises:
            TaskNotOpen: the clock or another person was first.
        """
        fact_id = await record_fact(self.connection, case_id, fact, self.actor, payload)
        trail: dict[str, Any] = {"subject": str(case_id), "after": payload}
        if closes is not None:
            by = self.actor.person_id
            if not await answer_task(
                self.connection, closes.id, outcome=outcome or fact, fact_id=fact_id, decided_by=by
            ):
                raise TaskNotOpen
            trail = {"subject": str(closes.id), "before": {"status": "open"}, "after": {"outcome": outcome or fact}}
        await touch_case(self.connection, case_id)
        if event is not None:
            await add_event(self.connection, case_id, event or fact, actor=part, params=shown)
        await self.audit(audit.case_stream(case_id), **(trail if audited is None else audited))
        for template, people in (sms or {}).items():
            await self.notify(people, template, case_id)
        if wakes:
            await enqueue(self.connection, CaseSignal(self.locked[case_id], case_id, fact, fact_id))
        return fact_id

    async def notify(self, people: Sequence[UUID], template: str, case_id: UUID) -> None:
        """Send a notice to people; row-level security hides notices to other people from the member who acts."""
        if self.actor.capacity == "member" and set(people) != {self.actor.person_id}:
            async with as_service(self.connection, self.acting):
                await notify(self.connection, people, template, case_id=case_id)
        else:
            await notify(self.connection, people, template, case_id=case_id)

    async def audit(
        self,
        stream: str,
        *,
        subject: str,
        before: Mapping[str, object] | None = None,
        after: Mapping[str, object] | None = None,
        reason: str | None = None,
    ) -> None:
        """Write the audit line of this command, when all else is done."""
        entry = audit.AuditEntry(
            action=self.envelope.operation,
            actor=f"{self.actor.capacity}:{self.actor.person_id}",
            subject=subject,
            before=before,
            after=after,
            reason=reason,
            origin=self.envelope.origin or None,
        )
        self.last.append(audit.audit_statement(stream, entry))
        structlog.contextvars.bind_contextvars(stream=stream)


async def perform(
    context: Context,
    envelope: Envelope,
    work: Callable[[Command], Awaitable[bytes]],
    *,
    status: int = 200,
    keep: Callable[[bytes], bytes] = bytes,
) -> Answer:
    """Run a command once per key and answer it; nudges the relay after the commit.

    Args:
        context: what commands work with.
        envelope: who sends what under which key.
        work: does it, and returns the answer's JSON body; run again if its transaction lost a race.
        status: the HTTP status of success.
        keep: what of the body is kept for a retry; leaves out what is shown only once.

    Raises:
        Refusal: the command was refused; nothing has changed.
    """

    async def tried(first: _Alone | None) -> Answer:
        once = partial(_perform_once, context, envelope, work, status, keep, first)
        return await retried(once, of=f"command:{envelope.operation}")

    try:
        answer = await tried(None)
    except _MustBeAlone as command:
        answer = await tried(_Alone(await command.work()))
    if not answer.replayed:
        context.nudge()
    _log.info("command_done", extra={"operation": envelope.operation, "replayed": answer.replayed})
    return answer


async def _perform_once(
    context: Context,
    envelope: Envelope,
    work: Callable[[Command], Awaitable[bytes]],
    status: int,
    keep: Callable[[bytes], bytes],
    first: _Alone | None,
) -> Answer:
    actor, cipher = envelope.actor, context.seals.cipher
    rights = rights_statements(actor, alone=first is not None)
    # The same person has separate keys as staff and as a member.
    key, fingerprint = f"{actor.capacity}:{envelope.key}", envelope.fingerprint
    lookups, acting = lookup_statements(actor.person_id, key), Acting.of(actor)
    async with transaction_with(context.engine, acting, *rights, *lookups) as (connection, found):
        # The request may have begun long ago: its body came slowly, or another command of its person was first.
        present = actor_now(found[len(rights) - 1])
        if present is None:
            raise Unauthenticated
        earlier, now = earlier_answer(cipher, found[len(rights) :], fingerprint)
        if earlier is not None:
            return earlier
        command = Command(connection, context, replace(envelope, actor=present), now, first=first)
        answer = Answer(status, await work(command))
        save = save_statement(cipher, actor.person_id, key, fingerprint, Answer(status, keep(answer.body)))
        await run_statements(connection, *command.last, save, commit=True)
        return answer
