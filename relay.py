"""Sends the outbox: workflow starts and signals, and notices (docs/decisions/0001).

Runs inside every api and worker process. The process that wrote nudges its own relay right after the commit; a
sweep sends what a dying process left behind. The order is not guaranteed; every message is sent at least once.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from messages.case import CaseRef, CaseSignal, workflow_id
from messages.payload import decode
from messages.queue import Queue
from storage.chores import repeat
from storage.database import SERVICE, transaction
from storage.outbox import ALARM_ATTEMPTS, claim, mark_sent, put_back
from storage.retries import retried
from storage.rows.outbox import OutboxMessage
from workflows.registry import WORKFLOWS
from workflows.transitions import WORKFLOW_TASK_TIMEOUT

_log = logging.getLogger("amanat.relay")

SWEEP_SECONDS = 2.0
_BATCH = 20
_SEND_LIMIT = 8.0
# Between the longest sending and the moment from which another process would send it too.
_LEASE_MARGIN = 12.0
_RPC_LIMIT = timedelta(seconds=5)


class Lane(StrEnum):
    """What is drained apart from the rest."""

    SIGNALS = "signals"
    CODES = "codes"
    # Waits for a registry outside, behind which no code of anybody else waits.
    INQUIRIES = "inquiries"
    # Another registry: while it hangs, people who join are answered by theirs.
    ACCOUNT_INQUIRIES = "account_inquiries"
    NOTICES = "notices"
    # A mail server may be slow: no SMS waits behind it, and no code behind other e-mail.
    MAIL = "mail"
    MAIL_CODES = "mail_codes"
    # Keys lie on a disk of their own, which may hang.
    SECRETS = "secrets"


Sender = Callable[[Any], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Route:
    """Where a message goes: its class, who sends it, and how many seconds that may take.

    Lanes do not wait for each other: while Temporal is away, codes still reach people.
    """

    message: type
    send: Sender
    lane: Lane = Lane.SIGNALS
    seconds: float = _SEND_LIMIT


def signal_route(client: Client) -> Route:
    """The route of what starts and wakes processes."""

    async def send(signal: CaseSignal) -> None:
        """Signal the case's workflow, starting it first if it does not run.

        A restart after a termination is wanted, after completion it is not: then the case is over.
        """
        try:
            await client.start_workflow(
                WORKFLOWS[signal.kind].run,  # type: ignore[attr-defined]  # every workflow has run
                CaseRef(signal.case_id),
                id=workflow_id(signal.kind, signal.case_id),
                task_queue=Queue.PROCESSES,
                start_signal=signal.name,
                start_signal_args=[signal],
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                task_timeout=WORKFLOW_TASK_TIMEOUT,
                static_summary=str(signal.kind),
                rpc_timeout=_RPC_LIMIT,
            )
        except WorkflowAlreadyStartedError:
            return

    return Route(CaseSignal, send)


def _by_name(routes: Iterable[Route]) -> dict[str, Route]:
    """Routes by what the outbox calls their messages.

    Raises:
        ValueError: two for one name; the messages of one of them would go astray.
    """
    found: dict[str, Route] = {}
    for route in routes:
        name = route.message.__name__
        if name in found:
            raise ValueError(f"two routes for {name}")
        found[name] = route
    return found


class Relay:
    """Drains the outbox, lane by lane, when nudged and at every sweep."""

    def __init__(self, engine: AsyncEngine, routes: Iterable[Route], *, sweep_seconds: float = SWEEP_SECONDS) -> None:
        self._engine = engine
        self._routes = _by_name(routes)
        self._sweep_seconds = sweep_seconds
        self._nudged = {lane: asyncio.Event() for lane in Lane}
        self._sent = 0

    @property
    def sent(self) -> int:
        """How many messages this process has sent."""
        return self._sent

    def nudge(self) -> None:
        """Something was committed: look at once."""
        for nudged in self._nudged.values():
            nudged.set()

    async def run(self) -> None:
        """Send until cancelled. A database that is away is waited for."""
        await asyncio.gather(*(self._run_lane(lane) for lane in Lane))

    async def _run_lane(self, lane: Lane) -> None:
        async def drain_all() -> None:
            while await self.drain(lane) == _BATCH:
                continue

        async def until_nudged() -> None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._nudged[lane].wait(), self._sweep_seconds)
            self._nudged[lane].clear()

        await repeat(f"relay_{lane}", drain_all, until_nudged)

    async def drain(self, lane: Lane) -> int:
        """Claim a batch of a lane and send it; returns how many were claimed. What failed is due again later."""
        wanted = {name: route.seconds for name, route in self._routes.items() if route.lane is lane}
        lease = timedelta(seconds=max(wanted.values(), default=_SEND_LIMIT) + _LEASE_MARGIN)
        async with transaction(self._engine, SERVICE) as connection:
            messages = await claim(connection, wanted, _BATCH, lease)
        sent = [done for done in await asyncio.gather(*map(self._send, messages)) if done is not None]
        if sent:
            # A message that was sent but not marked would be sent twice.
            await retried(lambda: self._mark(sent), of="chore:mark_sent")
            self._sent += len(sent)
        return len(messages)

    async def _mark(self, sent: list[int]) -> None:
        async with transaction(self._engine, SERVICE) as connection:
            await mark_sent(connection, sent)

    async def _send(self, message: OutboxMessage) -> int | None:
        """Send one; its id if that worked."""
        try:
            route = self._routes[message.message]
            await asyncio.wait_for(route.send(decode(route.message, message.payload)), route.seconds)
        except Exception as error:  # noqa: BLE001 - after any error the message stays and is due again
            await self._postpone(message, error)
            return None
        return message.id

    async def _postpone(self, message: OutboxMessage, error: Exception) -> None:
        level = logging.ERROR if message.attempts >= ALARM_ATTEMPTS else logging.WARNING
        facts = {"outbox_id": message.id, "message_class": message.message, "attempts": message.attempts}
        _log.log(level, "message_not_sent", extra={**facts, "error": type(error).__name__})
        # If the database is down, the lease frees the row; the rest of the batch must still be marked.
        with contextlib.suppress(SQLAlchemyError, OSError):
            async with transaction(self._engine, SERVICE) as connection:
                await put_back(connection, message, type(error).__name__)
