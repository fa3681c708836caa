"""Ports of the loopback interface: the usual one if it is free, else another; held while the stack lives.

Several stacks may start on one machine in the same moment. What one has chosen no other chooses; where a program that
is no stack of ours was quicker, the part that lost its port is started again on another one.
"""

from __future__ import annotations

import contextlib
import socket
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from stack.places import CliError

LOOPBACK = "127.0.0.1"
_LISTENING: Final = "0A"
_TABLES: Final = ("/proc/net/tcp", "/proc/net/tcp6")
_STARTS: Final = 5


class PortLost(CliError):
    """Between the choice of a port and its use somebody else took it, and so a part ended at its start."""


def start_on_own_ports(start: Callable[[], None]) -> None:
    """Start something that chooses its ports, and again while somebody else is quicker to take one of them.

    Raises:
        PortLost: it lost five times.
    """
    for _ in range(_STARTS - 1):
        with contextlib.suppress(PortLost):
            return start()
    return start()


def is_free(port: int, host: str = LOOPBACK) -> bool:
    """Tell whether a server could listen on the port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except (OSError, OverflowError):
            return False
    return True


def free_port(host: str = LOOPBACK) -> int:
    """Return a port that nobody listens on.

    Raises:
        CliError: nobody could listen at such an address on this machine.
    """
    try:
        with socket.socket() as probe:
            probe.bind((host, 0))
            return int(probe.getsockname()[1])
    except OSError as failure:
        message = f"no server can listen at {host}: {failure.strerror}"
        raise CliError(message) from failure


class Ports:
    """The ports of a part, by the name of what listens there, held until ``release``.

    A port is held by an address of the kernel's that is no file and ends with the process, however that ends: other
    users' stacks see it too. Where the system has no such addresses (it is Linux's), nothing is held.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        """Hold nothing yet; ``say`` is told when a port is not the usual one."""
        self._say = say
        self._held: dict[str, contextlib.ExitStack] = {}

    def choose(self, name: str, preferred: int = 0, *, host: str = LOOPBACK, distances: Iterable[int] = (0,)) -> int:
        """Hold and return a free port for what has the name: ``preferred`` if possible, 0 for any.

        Those so many above it, by ``distances``, are free and held as well. What the name held before is given back.
        """
        self._give_back(name)
        port = preferred or free_port(host)
        while not self._hold(name, [port + distance for distance in distances], host):
            port = free_port(host)
        if preferred not in {0, port}:
            self._say(f"port {preferred} is busy; {port} is taken for {name}")
        return port

    def release(self) -> None:
        """Give all of them back."""
        for name in list(self._held):
            self._give_back(name)

    def _give_back(self, name: str) -> None:
        self._held.pop(name, contextlib.ExitStack()).close()

    def _hold(self, name: str, ports: Iterable[int], host: str) -> bool:
        with contextlib.ExitStack() as holders:
            for port in ports:
                holder = holders.enter_context(socket.socket(socket.AF_UNIX))
                try:
                    if sys.platform == "linux":
                        holder.bind(f"\0amanat-port-{port}")
                except OSError:  # another stack's
                    return False
                if not is_free(port, host):
                    return False
            self._held[name] = holders.pop_all()
        return True


def is_anothers(pid: int, port: int) -> bool:
    """Tell whether somebody is known to listen on a port, but not this process; False where the system does not say."""
    try:
        own = {str(link.readlink()) for link in Path("/proc", str(pid), "fd").iterdir()}
    except OSError:
        return False
    found = {f"socket:[{inode}]" for inode in _listeners(port)}
    return bool(found) and found.isdisjoint(own)


def _listeners(port: int) -> Iterable[str]:
    for table in _TABLES:
        with contextlib.suppress(OSError):
            for line in Path(table).read_text("ascii").splitlines()[1:]:
                _, local, _, state, *_, inode = line.split()[:10]
                if state == _LISTENING and int(local.rpartition(":")[2], 16) == port:
                    yield inode
