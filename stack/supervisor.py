"""The process that owns the stack: starts its parts in order, restarts what crashes, stops in order.

Postgres → migrations → Temporal → api → worker. It works in the main thread only, because what it starts is
told to die with the thread that started it; so even a killed supervisor leaves nothing behind.
"""

from __future__ import annotations

import collections
import os
import signal
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NoReturn

from stack.environment import Addresses, Databases, External, choose_process_ports, stack_environment
from stack.keys import keys_environment
from stack.places import CliError, Places
from stack.ports import PortLost, Ports, start_on_own_ports
from stack.postgres import EmbeddedPostgres
from stack.programs import CrashRecord, ProgramPart, StackPart, default_programs, end_leftover_programs
from stack.state import StackState, held_lock
from stack.temporal import NAMESPACE, EmbeddedTemporal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from stack.programs import Program
    from stack.progress import Progress

WATCH_SECONDS: Final = 0.2
_KILLED: Final = 130


class StopRequested(KeyboardInterrupt):
    """Somebody asked the supervisor to end, by any signal; asyncio lets only this family through."""


def migrate(owner_url: str) -> None:
    """Bring the database to the newest version; imported late, because it is slow to import."""
    from stack.refusals import said_in_one_line  # noqa: PLC0415 - see above
    from storage.migrate import upgrade  # noqa: PLC0415 - see above

    with said_in_one_line():
        upgrade(owner_url)


class Supervisor:
    """Runs one stack until it is told to stop.

    ``programs`` lists the processes to run beside Postgres and Temporal; ``upgrade`` brings the database to
    its newest version; ``environment`` is the person's own.
    """

    def __init__(
        self,
        places: Places,
        progress: Progress,
        *,
        programs: Callable[[Addresses], list[Program]] = default_programs,
        upgrade: Callable[[str], None] = migrate,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Prepare; nothing runs yet."""
        self.places = places
        self.progress = progress
        self._programs = programs
        self._upgrade = upgrade
        self._environment = dict(os.environ if environment is None else environment)
        self._external = External.from_environment(self._environment)
        self._postgres: EmbeddedPostgres | None = None
        self._temporal: EmbeddedTemporal | None = None
        self._parts: dict[str, StackPart] = {}  # in the order of their start
        self._crashes: dict[str, CrashRecord] = collections.defaultdict(CrashRecord)
        self._restart_at: dict[str, float] = {}
        self._ports = Ports(progress.say)
        self._addresses: Addresses | None = None
        self._stopping = False

    def run(self, *, reset: bool = False) -> NoReturn:
        """Start, watch, and stop when asked by a signal; a second signal kills.

        Raises:
            StopRequested: the orderly end after a signal.
            CliError: a part does not start or keeps crashing, or the stack runs already.

        """
        self.places.prepare()
        with held_lock(self.places):
            self._listen_to_signals()
            try:
                self._begin(reset=reset)
                while True:
                    time.sleep(WATCH_SECONDS)
                    self._watch()
            finally:
                self._stopping = True
                self._stop()

    def _listen_to_signals(self) -> None:
        def on_signal(_number: int, _frame: object) -> None:
            if self._stopping:
                for part in self._parts.values():
                    part.kill()
                os._exit(_KILLED)
            self._stopping = True
            raise StopRequested

        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, on_signal)

    def _begin(self, *, reset: bool) -> None:
        for name in end_leftover_programs(self.places):
            self.progress.say(f"ended the {name} that an earlier run left behind")
        if reset:
            EmbeddedPostgres(self.places.postgres).remove()
            self.places.clear()
            self.places.prepare()
            self.progress.say(f"✓ {self.places.var} is cleared")
        self._publish("starting")
        # before the database is made, so that a missing key file is noticed and not replaced
        keys_environment(self.places, has_data=EmbeddedPostgres(self.places.postgres).exists)
        databases = self._start_database()
        self._start_temporal()
        start_on_own_ports(lambda: self._start_programs(databases))
        self._publish("ready")

    def _start_database(self) -> Databases:
        """Start Postgres unless there is one, migrate, and return its addresses."""
        databases = self._external.databases
        if databases is None:
            log, say = self.places.log / "postgres.log", self.progress.say
            self._postgres = EmbeddedPostgres(self.places.postgres, log=log, say=say)
            self._parts["postgres"] = self._postgres
            with self.progress.step("Postgres"):
                self._postgres.start()
            databases = self._postgres.databases()
        with self.progress.step("migrations"):
            self._upgrade(databases.owner)
        return databases

    def _start_temporal(self) -> None:
        if self._external.temporal is None:
            log, say = self.places.log / "temporal.log", self.progress.say
            self._temporal = EmbeddedTemporal(self.places.temporal, log=log, say=say)
            self._parts["temporal"] = self._temporal
            with self.progress.step("Temporal"):
                self._temporal.start()

    def _choose_addresses(self) -> Addresses:
        temporal, postgres = self._temporal, self._postgres
        api, metrics = choose_process_ports(self._environment, self._ports)
        return Addresses(
            api=api,
            temporal=temporal.address if temporal else str(self._external.temporal),
            temporal_ui=temporal.ui if temporal else self._environment.get("AMANAT_TEMPORAL_UI", ""),
            temporal_namespace=self._environment.get("TEMPORAL_NAMESPACE", NAMESPACE) if not temporal else NAMESPACE,
            database_port=postgres.port if postgres else None,
            metrics_ports=metrics,
        )

    def _start_programs(self, databases: Databases) -> None:
        addresses = self._addresses = self._choose_addresses()
        environment = stack_environment(self.places, addresses, databases=databases, base=self._environment)
        # no running process may change the schema or hand itself rights
        environment.pop("OWNER_DATABASE_URL")
        parts = {p.name: ProgramPart(p, self.places, environment) for p in self._programs(addresses)}
        self._parts |= parts
        for part in parts.values():
            part.start()
        try:
            for name, part in parts.items():
                with self.progress.step(name):
                    part.wait()
        except PortLost:
            for part in parts.values():
                part.stop()
            raise
        self.progress.say(f"✓ ready: {addresses.api}")

    def _watch(self) -> None:
        """Start again what crashed, after a growing wait.

        Raises:
            CliError: a part crashed too often.

        """
        for name, part in self._parts.items():
            if part.pid is not None:
                continue
            now = time.monotonic()
            if name not in self._restart_at:
                delay = self._crashes[name].delay_after_crash(now)
                if delay is None:
                    message = f"{name} crashes again and again; see {self.places.log / name}.log"
                    raise CliError(message)
                self.progress.say(f"{name} ended by itself; starting it again in {delay:g} s")
                self._restart_at[name] = now + delay
            elif now >= self._restart_at[name]:
                del self._restart_at[name]
                part.start()
                self._publish("ready")

    def _publish(self, phase: str) -> None:
        pids = {name: part.pid for name, part in self._parts.items() if part.pid is not None}
        StackState(phase=phase, addresses=self._addresses, pids=pids).write(self.places)

    def _stop(self) -> None:
        """Stop in the opposite order; api and worker, which do not need each other, together."""
        running = any(part.pid is not None for part in self._parts.values())
        if running:
            with suppress(OSError):  # a full disk must not keep anything running
                self._publish("stopping")
        for part in self._parts.values():
            if isinstance(part, ProgramPart):
                part.ask_to_stop()
        for name, part in reversed(self._parts.items()):
            if part.pid is not None:
                self.progress.say(f"stopping {name}")
            part.stop()
        self._ports.release()
        self.places.state.unlink(missing_ok=True)
