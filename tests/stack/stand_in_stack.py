"""A supervisor whose programs are stand-ins, run as a process of its own: ``stand_in_stack.py [--reset]``."""

from __future__ import annotations

import os
import sys
from http.server import HTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

from stack.places import CliError, Places
from stack.ports import LOOPBACK
from stack.programs import Program
from stack.progress import Progress
from stack.supervisor import StopRequested, Supervisor
from tests.stack.stand_in_program import Ready

if TYPE_CHECKING:
    from stack.environment import Addresses

_PROGRAM = str(Path(__file__).with_name("stand_in_program.py"))


def meet_a_rival(port: int, told: Path) -> None:
    """Let somebody who is quicker answer on a port as a ready api does; the file says which."""
    rival = HTTPServer((LOOPBACK, port), Ready)
    Thread(target=rival.serve_forever, daemon=True).start()
    told.write_text(str(port), "ascii")


def programs(addresses: Addresses) -> list[Program]:
    """Return an api and a worker that only answer; where there is an empty file ``rival``, the api's port gets lost."""
    told = Places().var / "rival"
    if told.exists() and not told.read_text("ascii"):
        meet_a_rival(addresses.api_port, told)
    worker_port = addresses.metrics_ports["worker"]
    return [
        Program("api", [sys.executable, _PROGRAM, "api", str(addresses.api_port)], f"{addresses.local_api}/readyz"),
        Program(
            "worker",
            [sys.executable, _PROGRAM, "worker", str(worker_port)],
            f"http://127.0.0.1:{worker_port}/livez",
            {"AMANAT_METRICS_PORT": str(worker_port)},
        ),
    ]


def note_upgrade(owner_url: str) -> None:
    """Stand in for the migrations: note the address that they would get."""
    (Places().var / "upgraded").write_text(owner_url, "utf-8")


def main() -> None:
    """Run until stopped."""
    supervisor = Supervisor(Places(), Progress(), programs=programs, upgrade=note_upgrade)
    try:
        supervisor.run(reset="--reset" in sys.argv)
    except StopRequested:
        code = 0
    except CliError as error:
        print(error, flush=True)  # noqa: T201 - the log of this process
        code = 1
    os._exit(code)


if __name__ == "__main__":
    main()
