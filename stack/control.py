"""The stand-alone stack as others use it: start it in the background, stop it, use it for a while."""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Final

from stack.children import POLL_SECONDS, run_with_pdeathsig, send, wait_until
from stack.environment import Addresses, External, stack_environment
from stack.places import PROJECT, CliError, Places, last_lines, rotate
from stack.postgres import EmbeddedPostgres
from stack.progress import Progress
from stack.state import describe_running, is_running, read_state

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator, Sequence
    from pathlib import Path

START_SECONDS: Final = 300.0
STOP_SECONDS: Final = 120.0
_LOOK_SECONDS: Final = 0.5
_started: list[subprocess.Popen[bytes]] = []  # kept, so that they are reaped when they end
_SUPERVISOR: Final = (sys.executable, "-P", "-m", "cli", "up", "--foreground")


def start(
    places: Places,
    progress: Progress,
    *,
    reset: bool = False,
    dies_with_caller: bool = False,
    command: Sequence[str] = _SUPERVISOR,
) -> Addresses:
    """Start the stack in the background and wait until it is ready, repeating what its supervisor says.

    ``dies_with_caller``: it stops when the calling thread ends. ``command`` runs a supervisor for ``AMANAT_VAR``.

    Raises:
        CliError: it runs already, or does not start.

    """
    places.prepare()
    if is_running(places):
        raise CliError(describe_running(places))
    log = places.log / "stack.log"
    rotate(log)
    wanted = [*command, *(["--reset"] if reset else [])]
    if dies_with_caller:
        wanted = run_with_pdeathsig(wanted, signal.SIGTERM)
    supervisor = _spawn(wanted, log, places)
    _started.append(supervisor)
    return _follow(supervisor, log, places, progress)


def _spawn(command: Sequence[str], log: Path, places: Places) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "AMANAT_VAR": str(places.var), "PYTHONPATH": str(PROJECT), "PYTHONUTF8": "1"}
    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=environment,
            start_new_session=True,
        )


def _follow(supervisor: subprocess.Popen[bytes], log: Path, places: Places, progress: Progress) -> Addresses:
    """Repeat the supervisor's lines until it is ready."""
    with log.open(encoding="utf-8", errors="replace") as lines:

        def is_settled() -> bool:
            ended = supervisor.poll() is not None
            state = read_state(places)
            ready = state is not None and state.phase == "ready" and state.pid == supervisor.pid
            for line in lines:
                progress.say(line.rstrip("\n"))
            return ended or ready

        try:
            in_time = wait_until(is_settled, START_SECONDS)
        except BaseException:  # Ctrl-C while waiting: the start was not wanted after all
            supervisor.terminate()
            supervisor.wait()
            raise
    state = read_state(places)
    if not in_time or state is None or state.addresses is None:
        supervisor.terminate()
        supervisor.wait()
        message = f"the stack did not start: the lines above say why; its parts have logs of their own in {places.log}"
        raise CliError(message)
    return state.addresses


@atexit.register
def _reap() -> None:
    """Take note of what has ended by itself or by others."""
    _started[:] = [supervisor for supervisor in _started if supervisor.poll() is None]


def wait_for_end(places: Places, asked: threading.Event) -> bool:
    """Wait until ``asked`` is set or the running stack has ended; tell whether it has.

    Raises:
        CliError: it was ours and gave up by itself.

    """
    first = now = read_state(places)
    while first is not None and now is not None and now.pid == first.pid:
        if asked.wait(_LOOK_SECONDS):
            return False
        now = read_state(places)
    ours = [supervisor for supervisor in _started if first is not None and supervisor.pid == first.pid]
    if any(supervisor.wait(STOP_SECONDS) for supervisor in ours):
        log = places.log / "stack.log"
        message = f"the stack ended by itself; see {log}\n{last_lines(log.read_text('utf-8', errors='replace'))}"
        raise CliError(message)
    return True


def stop(places: Places, progress: Progress) -> bool:
    """Stop the running stack in order, by force if it takes too long; False when none ran."""
    runs = is_running(places)
    if runs:
        wait_until(lambda: read_state(places) is not None or not is_running(places), 5.0)
    state = read_state(places)
    if runs and state is not None:
        with progress.step("the stack is stopped"):
            if state.phase != "stopping":  # twice means "at once"
                send(state.pid, signal.SIGTERM)
            if not wait_until(lambda: not is_running(places), STOP_SECONDS):
                send(state.pid, signal.SIGKILL)  # its parts die with it
                wait_until(lambda: not is_running(places), POLL_SECONDS * 100)
    for supervisor in _started:
        if state is not None and supervisor.pid == state.pid:
            with contextlib.suppress(subprocess.TimeoutExpired):
                supervisor.wait(POLL_SECONDS * 100)  # it says that it stopped a moment before it ends
    _reap()
    return runs


@contextlib.contextmanager
def running(
    *,
    places: Places | None = None,
    progress: Progress | None = None,
    reset: bool = False,
    command: Sequence[str] = _SUPERVISOR,
) -> Iterator[Addresses]:
    """Use a stack for a while: the running one, which is left running, else one of our own, stopped after.

    One of our own also stops when the thread that called this ends, however it ends.

    Raises:
        CliError: it does not start, or ``reset`` was asked while it runs.

    """
    places, progress = places or Places(), progress or Progress()
    state = read_state(places) if is_running(places) else None
    if state is not None and state.addresses is not None and not reset:
        yield state.addresses
        return
    addresses = start(places, progress, reset=reset, dies_with_caller=True, command=command)
    try:
        yield addresses
    finally:
        stop(places, progress)


def running_environment(places: Places | None = None) -> dict[str, str]:
    """Return the environment for a command that works on the running stack, as ``settings.py`` reads it.

    ``OWNER_DATABASE_URL`` is in it, unlike in the environment of api and worker.

    Raises:
        CliError: no stack runs.

    """
    places = places or Places()
    state = read_state(places) if is_running(places) else None
    if state is None or state.addresses is None:
        message = "no stack is running; ./amanat up starts one"
        raise CliError(message)
    port = state.addresses.database_port
    if port is None:
        databases = External.from_environment(os.environ).databases
        if databases is None:
            message = "the running stack uses a database of your own: set DATABASE_URL as you did for ./amanat up"
            raise CliError(message)
    else:
        databases = EmbeddedPostgres(places.postgres, preferred_port=port).databases()
    return stack_environment(places, state.addresses, databases=databases)
