"""A supervisor whose programs are stand-ins, run as a process of its own: ``stand_in_stack.py [--reset]``."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from stack.places import CliError, Places
from stack.programs import Program
from stack.progress import Progress
from stack.supervisor import StopRequested, Supervisor

if TYPE_CHECKING:
    from stack.environment import Addresses

_PROGRAM = str(Path(__file__).with_name("stand_in_program.py"))


def programs(addresses: Addresses) -> list[Program]:
    """Return an api and a worker that only answer."""
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
