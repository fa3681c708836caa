"""What other processes may know about a running stack: its lock and its state file (0600, no secrets)."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from stack.children import start_time, wait_until
from stack.environment import Addresses
from stack.places import CliError, Places, write_private

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class StackState:
    """A running stack: ``phase`` is starting, ready or stopping; ``pids`` are its parts'."""

    phase: str
    addresses: Addresses | None
    pids: dict[str, int]
    pid: int = field(default_factory=os.getpid)
    started: str | None = field(default_factory=lambda: start_time(os.getpid()))

    def write(self, places: Places) -> None:
        """Write it for others to read."""
        addresses = self.addresses.as_state() if self.addresses else None
        record = {
            "phase": self.phase,
            "addresses": addresses,
            "pids": self.pids,
            "pid": self.pid,
            "started": self.started,
        }
        write_private(places.state, json.dumps(record, indent=2) + "\n")


def read_state(places: Places) -> StackState | None:
    """Return the state of the stack that runs here; None when none does."""
    try:
        record = json.loads(places.state.read_text("utf-8"))
        addresses = Addresses.from_state(record["addresses"]) if record["addresses"] else None
        state = StackState(record["phase"], addresses, record["pids"], record["pid"], record["started"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return state if start_time(state.pid) == state.started else None


@contextlib.contextmanager
def held_lock(places: Places) -> Iterator[None]:
    """Hold the lock that makes a stack the only one in its directory.

    Raises:
        CliError: another supervisor holds it; the text says where it answers.

    """
    with places.lock.open("a") as file:
        if not wait_until(lambda: _lock(file.fileno(), fcntl.LOCK_EX), 1.0):  # somebody may just be looking
            raise CliError(describe_running(places))
        yield


def is_running(places: Places) -> bool:
    """Tell whether a supervisor holds the lock."""
    if not places.lock.exists():
        return False
    with places.lock.open("a") as file:
        return not _lock(file.fileno(), fcntl.LOCK_SH)


def describe_running(places: Places) -> str:
    """Say that the stack runs, and where."""
    state = read_state(places)
    where = f" at {state.addresses.api}" if state and state.addresses else ""
    return f"this stack is running already{where}; ./amanat down stops it"


def _lock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
