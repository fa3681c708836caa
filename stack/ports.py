"""Ports of the loopback interface: the usual one if it is free, else another."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Final

LOOPBACK = "127.0.0.1"
_LISTENING: Final = "0A"


def is_free(port: int, host: str = LOOPBACK) -> bool:
    """Tell whether a server could listen on the port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def free_port(taken: frozenset[int] = frozenset()) -> int:
    """Return a port that nobody listens on and that is not among ``taken``."""
    while True:
        with socket.socket() as probe:
            probe.bind((LOOPBACK, 0))
            port = int(probe.getsockname()[1])
        if port not in taken:
            return port


def choose_pair(preferred: int, distance: int, taken: frozenset[int] = frozenset()) -> int:
    """Return a port that is free together with the one ``distance`` above it, ``preferred`` if possible."""
    port = preferred
    while {port, port + distance} & taken or not (is_free(port) and is_free(port + distance)):
        port = free_port(taken)
    return port


def choose_port(preferred: int, taken: frozenset[int] = frozenset(), host: str = LOOPBACK) -> int:
    """Return ``preferred`` if it is free and not among ``taken``, else any other free port."""
    return preferred if preferred not in taken and is_free(preferred, host) else free_port(taken)


def listens(pid: int, port: int) -> bool:
    """Tell whether a process is known to listen on a loopback port itself; False also where the system does not say."""
    try:
        held = {str(link.readlink()) for link in Path("/proc", str(pid), "fd").iterdir()}
        lines = [line.split() for line in Path("/proc/net/tcp").read_text("ascii").splitlines()[1:]]
    except OSError:
        return False
    found = {line[9] for line in lines if line[3] == _LISTENING and int(line[1].rpartition(":")[2], 16) == port}
    return not held.isdisjoint({f"socket:[{inode}]" for inode in found})
