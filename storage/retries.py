"""A transaction that lost a race is run again: a few times, after a short pause, counted.

Postgres ends one of the transactions that wait for each other (40P01), and one whose rows were changed under it
(40001). It is rolled back whole, also if the error comes at its COMMIT, so to run it again is right whatever it did.

A lost connection is not such a race: the transaction may have been committed, and nothing here runs it again. Callers
with a key do: a client sends a command again under its Idempotency-Key, and Temporal runs a transition again under its
key (answer and result are stored in the transaction of the effect); a journal or a hold posted again under its key is
answered with the first one's id; a chore has its next round.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final, TypeVar

from opentelemetry import metrics
from sqlalchemy.exc import DBAPIError
from stamina import AsyncRetryingCaller
from stamina.instrumentation import set_on_retry_hooks

T = TypeVar("T")

TRIES: Final = 4
WITHIN: Final = timedelta(seconds=5)
_LOST: Final = frozenset({"40001", "40P01"})
_FIRST_PAUSE: Final = timedelta(milliseconds=10)
_LONGEST_PAUSE: Final = timedelta(milliseconds=250)
# Two that met once must not meet again.
_JITTER: Final = timedelta(milliseconds=50)

_log = logging.getLogger("amanat.retries")
_meter = metrics.get_meter("amanat")
# Prometheus shows them with _total behind.
_retries = _meter.create_counter(
    "amanat_transaction_retries", description="Transactions run again after a dead-lock or serialisation failure"
)
_given_up = _meter.create_counter(
    "amanat_transactions_given_up", description="Transactions that lost too many races, and failed"
)
# The library's own would print plain lines to standard output, and count without saying what.
set_on_retry_hooks(())


async def retried(work: Callable[[], Awaitable[T]], *, of: str, tries: int = TRIES, within: timedelta = WITHIN) -> T:
    """Run a whole transaction, again if Postgres ended it in favour of another one.

    Args:
        work: begins a transaction, does everything and commits; what it does outside Postgres it may do several times.
        of: what it is, for metrics and logs: from a small set, nothing personal.
        tries: how often it is run at most.
        within: it is not run again later than this after the beginning.

    Raises:
        DBAPIError: it lost the last race too, or failed in another way.
    """
    state: str | None = None

    def lost(error: Exception) -> bool:
        nonlocal state
        state = _state_of(error)
        return state is not None

    async def one_try() -> T:
        if state is not None:
            _count(_retries, "transaction_run_again", logging.INFO, of, state)
        return await work()

    trying = AsyncRetryingCaller(
        attempts=tries, timeout=within, wait_initial=_FIRST_PAUSE, wait_max=_LONGEST_PAUSE, wait_jitter=_JITTER
    )
    try:
        return await trying(lost, one_try)
    except DBAPIError as error:
        if (last := _state_of(error)) is not None:
            _count(_given_up, "transaction_given_up", logging.WARNING, of, last)
        raise


def _state_of(error: Exception) -> str | None:
    """The state by which Postgres tells a lost race, None for any other failure."""
    state = getattr(error.orig, "sqlstate", None) if isinstance(error, DBAPIError) else None
    return state if state in _LOST else None


def _count(counter: metrics.Counter, event: str, level: int, of: str, state: str) -> None:
    facts = {"what": of, "sqlstate": state}
    counter.add(1, facts)
    _log.log(level, event, extra=facts)
