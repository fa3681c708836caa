"""Processes of the stack: started, recorded in a pid file, stopped in steps, and swept up after a crash.

The kernel sends a child its death signal when its parent dies, but waits for nothing, and Postgres then needs seconds
to shut down. The pid files say what the next start has to wait for, or end, before it chooses ports and opens files.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from stack.places import CliError, last_lines, write_private
from stack.ports import PortLost

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

POLL_SECONDS = 0.05
_PROC = Path("/proc")
_TAKEN = os.strerror(errno.EADDRINUSE).lower()
_RUN_WITH_PDEATHSIG = Path(__file__).with_name("run_with_pdeathsig.py")


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Poll until the condition holds; False when it still does not after ``seconds``."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def start_time(pid: int) -> str | None:
    """Return when a process started, which tells it from a later one with its id; None when it does not run."""
    with contextlib.suppress(OSError, IndexError):
        after_name = (_PROC / str(pid) / "stat").read_text("ascii", errors="replace").rpartition(")")[2].split()
        boot = (_PROC / "sys/kernel/random/boot_id").read_text("ascii").strip()
        return None if after_name[0] == "Z" else f"{boot}/{after_name[19]}"
    if _PROC.joinpath("self/stat").exists():
        return None
    found = subprocess.run(["/bin/ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return found.stdout.strip() or None


def send(pid: int, number: signal.Signals) -> None:
    """Send a signal to a process that may have ended already."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def run_with_pdeathsig(
    command: Sequence[str], number: signal.Signals, user: tuple[int, int] | None = None
) -> list[str]:
    """Return the command that runs this one so that the kernel sends it a signal when the calling thread ends.

    Args:
        command: what to run; its program by its whole path.
        number: the signal.
        user: (uid, gid) to become; None: stay.
    """
    uid, gid = user or ("-", "-")
    wrapper = [sys.executable, "-I", "-S", str(_RUN_WITH_PDEATHSIG), str(int(number)), str(os.getpid())]
    return [*wrapper, str(uid), str(gid), "--", *command]


@dataclass
class Child:
    """One program of ours. Start it from a thread that lives as long as it should: it dies with that thread.

    ``death_signal`` is what the kernel sends it then; ``user`` is (uid, gid) to become.
    """

    name: str
    command: Sequence[str]
    log: Path
    pid_file: Path
    environment: Mapping[str, str]
    directory: Path
    death_signal: signal.Signals = signal.SIGKILL
    user: tuple[int, int] | None = None
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)
    _began: int = field(default=0, init=False)  # where in the log the words of this run begin

    def start(self) -> None:
        """Start the program, its output going to the end of the log."""
        with self.log.open("ab") as output:
            self._began = output.tell()
            self._process = subprocess.Popen(
                run_with_pdeathsig(self.command, self.death_signal, self.user),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(self.environment),
                cwd=self.directory,
                start_new_session=True,  # a Ctrl-C at the terminal is for the supervisor alone
            )
        record = {"name": self.name, "pid": self._process.pid, "started": start_time(self._process.pid)}
        write_private(self.pid_file, json.dumps(record))

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def exit_code(self) -> int | None:
        """How the last run ended; None while it runs or before it began."""
        return None if self._process is None else self._process.poll()

    def explain(self, fate: str) -> CliError:
        """Return what to raise when it did not come up, with its last words: PortLost if a port was taken."""
        words = self.log.read_bytes()[self._began :].decode("utf-8", errors="replace")
        was_port_lost = self.pid is None and _TAKEN in words.lower()
        text = f"{self.name} {fate}; see {self.log}\n{last_lines(words)}"
        return (PortLost if was_port_lost else CliError)(text)

    def stop(self, steps: Sequence[tuple[signal.Signals, float]] = ((signal.SIGTERM, 30.0),)) -> None:
        """Send each signal in turn, waiting so many seconds after each; at last SIGKILL."""
        for number, seconds in steps:
            if self.pid is None:
                break
            send(self.pid, number)
            wait_until(lambda: self.pid is None, seconds)
        self.kill()

    def kill(self) -> None:
        """End it at once, as a power cut would."""
        if self._process is not None:
            if self._process.poll() is None:
                self._process.kill()
            self._process.wait()
        self.pid_file.unlink(missing_ok=True)


def end_leftover(pid_file: Path, steps: Sequence[tuple[signal.Signals, float]]) -> str | None:
    """End the process that a pid file of ours names, if it is still that process; return its name."""
    try:
        record = json.loads(pid_file.read_text("utf-8"))
        pid, started, name = int(record["pid"]), str(record["started"]), str(record["name"])
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):  # cut short by a crash
        pid_file.unlink(missing_ok=True)
        return None
    ended = None
    if start_time(pid) == started:
        ended = name
        for number, seconds in (*steps, (signal.SIGKILL, 5.0)):
            send(pid, number)
            if wait_until(lambda: start_time(pid) != started, seconds):
                break
    pid_file.unlink(missing_ok=True)
    return ended


def processes_in(directory: Path) -> list[int]:
    """Return the processes whose current directory this is (Linux; elsewhere none)."""
    found = []
    for entry in _PROC.glob("[0-9]*/cwd"):
        with contextlib.suppress(OSError):
            if entry.readlink() == directory:
                found.append(int(entry.parent.name))
    return found
