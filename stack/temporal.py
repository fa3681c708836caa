"""The embedded Temporal server: the real one with its UI, on a SQLite file, from a wheel.

It keeps closed cases for thirty days, and takes its waiting cases up again after any kind of end.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from google.protobuf.duration_pb2 import Duration
from temporalio.api.namespace.v1 import NamespaceConfig
from temporalio.api.workflowservice.v1 import (
    DescribeNamespaceRequest,
    ListWorkflowExecutionsRequest,
    UpdateNamespaceRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError

from stack.children import POLL_SECONDS, Child, end_leftover
from stack.places import CliError, rotate
from stack.ports import LOOPBACK, Ports, is_anothers, start_on_own_ports

if TYPE_CHECKING:
    from collections.abc import Callable

PREFERRED_PORT: Final = 7233
PREFERRED_UI_PORT: Final = 8233
NAMESPACE: Final = "amanat"
RETENTION_DAYS: Final = 30
READY_SECONDS: Final = 60.0
_STOP_STEPS: Final = ((signal.SIGTERM, 15.0),)


class _Ended(Exception):
    """The server ended before it was ready."""


def find_temporal() -> str:
    """Return the path of the server's program.

    Raises:
        CliError: it is not installed.

    """
    beside_python = Path(sys.executable).with_name("temporal")
    found = str(beside_python) if os.access(beside_python, os.X_OK) else shutil.which("temporal")
    if found is None:
        message = "the program temporal is missing; run ./amanat, which installs it"
        raise CliError(message)
    return found


def _silent(_: str) -> None:
    """Say nothing: the default of ``say``."""


class EmbeddedTemporal:
    """One server on one database file. Start it from a thread that lives as long as it should."""

    def __init__(
        self,
        database: Path,
        *,
        preferred_ports: tuple[int, int] = (PREFERRED_PORT, PREFERRED_UI_PORT),
        log: Path | None = None,
        say: Callable[[str], None] = _silent,
    ) -> None:
        """Prepare the launcher; nothing runs yet. ``preferred_ports`` are the server's and the UI's."""
        self.database = database.resolve()
        self.log = log or self.database.with_name("temporal.log")
        self.port, self.ui_port = preferred_ports
        self._say = say
        self.ports = Ports(say)
        self._child: Child | None = None

    def start(self) -> None:
        """End what a crash left, start, wait until the namespace answers, set its retention.

        Raises:
            CliError: the server does not come up; the text ends with its last words.

        """
        self.database.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        rotate(self.log)
        self._pid_file = self.database.with_name("temporal.pid")
        if end_leftover(self._pid_file, _STOP_STEPS):
            self._say("ended a Temporal server that an earlier run left behind")
        start_on_own_ports(self._come_up)

    def _come_up(self) -> None:
        options = self._options()
        self._child = child = Child(
            name="temporal",
            command=[find_temporal(), "server", "start-dev", *options],
            log=self.log,
            pid_file=self._pid_file,
            environment={"PATH": os.defpath, "HOME": str(self.database.parent)},
            directory=self.database.parent,
        )
        child.start()
        try:
            asyncio.run(asyncio.wait_for(self._prepare_namespace(), READY_SECONDS))
        except (TimeoutError, _Ended) as failure:
            reason = child.explain("did not become ready")
            self.stop()
            raise reason from failure

    def stop(self) -> None:
        """End it in order."""
        if self._child is not None:
            self._child.stop(_STOP_STEPS)
        self.ports.release()

    def kill(self) -> None:
        """End it as a power cut would; the next start goes on where it was."""
        if self._child is not None:
            self._child.kill()
        self.ports.release()

    def restart(self) -> None:
        """Stop and start on the same ports."""
        self.stop()
        self.start()

    @property
    def pid(self) -> int | None:
        """The process id of the server while it runs."""
        return None if self._child is None else self._child.pid

    @property
    def address(self) -> str:
        """What a client connects to."""
        return f"{LOOPBACK}:{self.port}"

    @property
    def ui(self) -> str:
        """The address of the pages."""
        return f"http://{LOOPBACK}:{self.ui_port}"

    def _options(self) -> list[str]:
        """Choose the ports, and say them with the rest."""
        self.port = self.ports.choose("Temporal", self.port)
        self.ui_port = self.ports.choose("Temporal's UI", self.ui_port)
        http, metrics = self.ports.choose("Temporal's HTTP"), self.ports.choose("Temporal's metrics")
        return [
            *(
                "--ip",
                LOOPBACK,
                "--port",
                str(self.port),
                "--ui-ip",
                LOOPBACK,
                "--ui-port",
                str(self.ui_port),
            ),
            *("--http-port", str(http), "--metrics-port", str(metrics)),
            *("--db-filename", str(self.database), "--namespace", NAMESPACE),
            *("--log-level", "warn", "--log-format", "json", "--disable-config-file", "--disable-config-env"),
            "--ui-disable-news-fetch",
        ]

    async def _prepare_namespace(self) -> None:
        """Wait for the server and its namespace, then make it keep closed cases long enough."""
        client = await self._connect()
        service = client.workflow_service
        kept = Duration(seconds=RETENTION_DAYS * 24 * 60 * 60)
        while True:
            try:
                found = await service.describe_namespace(DescribeNamespaceRequest(namespace=NAMESPACE))
                if found.config.workflow_execution_retention_ttl.seconds != kept.seconds:
                    config = NamespaceConfig(workflow_execution_retention_ttl=kept)
                    await service.update_namespace(UpdateNamespaceRequest(namespace=NAMESPACE, config=config))
                await service.list_workflow_executions(ListWorkflowExecutionsRequest(namespace=NAMESPACE, page_size=1))
            except RPCError:  # services come up one after the other
                await self._pause()
            else:
                break
        # What answers may be another stack's server that was quicker to take a port: then ours ends in a moment.
        while self.pid is None or any(is_anothers(self.pid, port) for port in (self.port, self.ui_port)):
            await self._pause()

    async def _connect(self) -> Client:
        while True:
            try:
                return await Client.connect(self.address, namespace=NAMESPACE)
            except RuntimeError:  # not listening yet
                await self._pause()

    async def _pause(self) -> None:
        if self.pid is None:
            raise _Ended
        await asyncio.sleep(POLL_SECONDS)
