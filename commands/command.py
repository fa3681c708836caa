"""How every command runs: one transaction with its idempotency key, its facts and its promises (H1).

A command authorises this person for this object, locks the case, judges by facts and open tasks, writes, and
commits; its answer is final at once, also while Temporal or every worker is down.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from domain.access import Actor, Role
from domain.errors import Forbidden, NotFound, OwnCase, StepUpRequired
from gateways.files import Files
from messages.case import CaseKind
from storage import audit
from storage.cases import lock_case
from storage.database import Acting, Errand, asking, run_errands, seeing_all
from storage.idempotency import Answer, earlier_answer, keeping, questions
from storage.notices import notify
from storage.people import takes_part
from storage.retries import retried
from storage.rows.cases import Case
from storage.sealing import Seals

_log = logging.getLogger("amanat.commands")


@dataclass(frozen=True, slots=True)
class Context:
    """What commands work with; made once by an entry point.

    ``side`` is a small pool for what must be committed whatever becomes of the command, such as a try of a code.
    """

    engine: AsyncEngine
    side: AsyncEngine
    seals: Seals
    files: Files
    nudge: Callable[[], None] = field(default=lambda: None)


@dataclass(frozen=True, slots=True)
class Envelope:
    """Who sent which operation, under which key, with which content, from where.

    ``origin`` is a keyed hash of the address, never the address.
    """

    actor: Actor
    operation: str
    key: str
    fingerprint: bytes
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Command:
    """A command at work: its transaction, who acts, and Postgres's time.

    ``last`` are the statements that end the transaction.
    """

    connection: AsyncConnection
    context: Context
    envelope: Envelope
    now: datetime
    last: list[Errand] = field(default_factory=list)

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
        """Refuse whoever holds none of the roles anywhere.

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
        if self.actor.strong_until is None or self.actor.strong_until < self.now:
            raise StepUpRequired

    async def lock_own_case(self, case_id: UUID, kind: CaseKind) -> Case:
        """Lock a case of a kind that is about the member themselves.

        Raises:
            NotFound: missing, of another kind, or somebody else's.
        """
        case = await lock_case(self.connection, case_id)
        if case is None or case.kind is not kind or case.person_id != self.actor.person_id:
            raise NotFound
        return case

    async def refuse_own_case(self, case_id: UUID) -> None:
        """Nobody decides on their own case, nor where they are guarantor or counterparty.

        Raises:
            OwnCase: they take part in it.
        """
        if await takes_part(self.connection, case_id, self.actor.person_id):
            raise OwnCase

    async def notify_others(self, people: Sequence[UUID], template: str, case_id: UUID) -> None:
        """Send an SMS to other people than the member who acts: their notices are not the member's to see."""
        async with seeing_all(self.connection, self.acting):
            await notify(self.connection, people, template, case_id=case_id)

    async def note(
        self,
        stream: str,
        *,
        subject: str,
        before: Mapping[str, object] | None = None,
        after: Mapping[str, object] | None = None,
        reason: str | None = None,
    ) -> None:
        """Write the audit line of this command, when all else is done."""
        entry = audit.Entry(
            action=self.envelope.operation,
            actor=f"{self.actor.capacity}:{self.actor.person_id}",
            subject=subject,
            before=before,
            after=after,
            reason=reason,
            origin=self.envelope.origin or None,
        )
        self.last.append(audit.appending(stream, entry))
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
    answer = await retried(
        lambda: _perform_once(context, envelope, work, status, keep), of=f"command:{envelope.operation}"
    )
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
) -> Answer:
    actor, cipher = envelope.actor, context.seals.cipher
    # A person's key as staff is another than their key as a member.
    key, fingerprint = f"{actor.capacity}:{envelope.key}", envelope.fingerprint
    asked, acting = questions(actor.person_id, key), Acting.of(actor)
    async with asking(context.engine, acting, *asked) as (connection, found):
        earlier, now = earlier_answer(cipher, found, fingerprint)
        if earlier is not None:
            return earlier
        command = Command(connection, context, envelope, now)
        answer = Answer(status, await work(command))
        kept = keeping(cipher, actor.person_id, key, fingerprint, Answer(status, keep(answer.body)))
        await run_errands(connection, *command.last, kept, commit=True)
        return answer
