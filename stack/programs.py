"""Amanat's own processes as parts of the stack: what to run, when it is ready, how often it may crash."""

from __future__ import annotations

import collections
import signal
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import urlsplit

from stack.answers import answers
from stack.children import Child, end_leftover, send, wait_until
from stack.environment import SDK_METRICS_DISTANCE
from stack.places import PROJECT, rotate
from stack.ports import LOOPBACK, is_anothers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stack.environment import Addresses
    from stack.places import Places

READY_SECONDS: Final = 60.0
CRASHES_FORGIVEN: Final = 5
CRASH_WINDOW_SECONDS: Final = 60.0
_FIRST_DELAY_SECONDS: Final = 0.1
STOP_SECONDS: Final = 35.0


class StackPart(Protocol):
    """What the supervisor can watch: Postgres, Temporal, or a program."""

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""

    def start(self) -> None:
        """Start it."""

    def stop(self) -> None:
        """Stop it in order."""

    def kill(self) -> None:
        """End it at once."""


@dataclass(frozen=True)
class Program:
    """A process of the stack: its command, and the address that says it is ready (None: at once)."""

    name: str
    command: Sequence[str]
    ready_url: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)


def default_programs(addresses: Addresses) -> list[Program]:
    """Return Amanat's own processes. A worker serves nobody: the metrics that come last tell that it is up."""
    metrics = addresses.metrics_ports["worker"]
    return [
        Program("api", [sys.executable, "-P", "-m", "api"], f"{addresses.local_api}/readyz"),
        Program(
            "worker",
            [sys.executable, str(PROJECT / "worker.py")],
            f"http://{LOOPBACK}:{metrics + SDK_METRICS_DISTANCE}/metrics",
            {"AMANAT_METRICS_PORT": str(metrics)},
        ),
    ]


class ProgramPart:
    """A program, started without waiting; ``wait`` until it says that it is ready."""

    def __init__(self, program: Program, places: Places, environment: Mapping[str, str]) -> None:
        """Prepare it; nothing runs yet."""
        self._program = program
        self._child = Child(
            name=program.name,
            command=program.command,
            log=places.log / f"{program.name}.log",
            pid_file=places.run / f"{program.name}.pid",
            environment={**environment, **program.environment},
            directory=PROJECT,
        )
        self._asked_to_stop = False

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._child.pid

    def start(self) -> None:
        """Start it with a new log."""
        rotate(self._child.log)
        self._asked_to_stop = False
        self._child.start()

    def wait(self) -> None:
        """Wait until it is ready itself: on its port another stack's may answer, if it was quicker.

        Raises:
            CliError: it ended, or was not ready in time.

        """
        url = self._program.ready_url
        if url is None:
            return
        port = urlsplit(url).port or 0

        def is_ready() -> bool:
            pid = self.pid
            return pid is not None and answers(url) and not is_anothers(pid, port)

        wait_until(lambda: self.pid is None or is_ready(), READY_SECONDS)
        if self.pid is None:
            raise self._child.explain("ended at its start")
        if not is_ready():
            raise self._child.explain(f"was not ready after {READY_SECONDS:.0f} s")

    def ask_to_stop(self) -> None:
        """Ask it to end, without waiting."""
        if self.pid is not None and not self._asked_to_stop:
            self._asked_to_stop = True
            send(self.pid, signal.SIGTERM)

    def stop(self) -> None:
        """Let it finish what it does, within limits; it is asked once, for twice means "at once" to many."""
        self.ask_to_stop()
        wait_until(lambda: self.pid is None, STOP_SECONDS)
        self._child.kill()

    def kill(self) -> None:
        """End it at once."""
        self._child.kill()


def end_leftover_programs(places: Places) -> list[str]:
    """End what a killed supervisor left behind; return the names."""
    ended = [end_leftover(file, ((signal.SIGTERM, STOP_SECONDS),)) for file in sorted(places.run.glob("*.pid"))]
    return [name for name in ended if name is not None]


class CrashRecord:
    """How often a part ended by itself lately, and so how long to wait before starting it again."""

    def __init__(self) -> None:
        """Begin with a clean record."""
        self._crashes: collections.deque[float] = collections.deque()

    def delay_after_crash(self, now: float) -> float | None:
        """Note a crash at ``now`` (seconds); return the seconds to wait, or None when it is hopeless."""
        self._crashes.append(now)
        while now - self._crashes[0] > CRASH_WINDOW_SECONDS:
            self._crashes.popleft()
        recent = len(self._crashes)
        return None if recent > CRASHES_FORGIVEN else _FIRST_DELAY_SECONDS * 2 ** (recent - 1)
