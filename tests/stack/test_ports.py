"""Ports: no two stacks choose the same, and one that loses its own to a stranger notices."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from stack.places import PROJECT, CliError
from stack.ports import LOOPBACK, PortLost, Ports, free_port, is_anothers, is_free, start_on_own_ports

_HOLDER = """
import sys
from stack.ports import Ports
ports = Ports(print)
print(ports.choose("it", int(sys.argv[1])), flush=True)
sys.stdin.read()
"""


def once_free(port: int) -> Callable[[int, str], bool]:
    """A look at ports that finds one free the first time, as it was a moment ago."""
    looks = iter([True])
    return lambda looked_at, host: (looked_at == port and next(looks, False)) or is_free(looked_at, host)


@pytest.fixture
def said() -> list[str]:
    """What was said about ports."""
    return []


@pytest.fixture
def ports(said: list[str]) -> Iterator[Ports]:
    """The ports of one part."""
    held = Ports(said.append)
    yield held
    held.release()


def test_a_port_that_one_has_chosen_is_not_chosen_by_another_before_anybody_listens(
    ports: Ports, said: list[str]
) -> None:
    wanted = free_port()
    others = Ports(lambda _: None)

    first, second = others.choose("its api", wanted), ports.choose("the api", wanted)
    others.release()
    third = ports.choose("the api", wanted)

    assert first == third == wanted
    assert second != wanted
    assert said == [f"port {wanted} is busy; {second} is taken for the api"]


def test_what_another_process_has_chosen_is_free_again_when_it_ends(ports: Ports) -> None:
    wanted = free_port()
    command = [sys.executable, "-P", "-c", _HOLDER, str(wanted)]
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert int(other.stdout.readline()) == wanted
        assert ports.choose("the api", wanted) != wanted
        other.kill()
    assert ports.choose("the api", wanted) == wanted


def test_two_names_of_one_part_never_get_the_same_port(ports: Ports) -> None:
    wanted = free_port()
    assert ports.choose("server", wanted) == wanted
    assert ports.choose("pages", wanted) != wanted
    assert ports.choose("server", wanted) == wanted


def test_a_port_is_chosen_only_with_the_one_above_it(ports: Ports) -> None:
    with socket.socket() as busy:
        busy.bind((LOOPBACK, 0))
        busy.listen()
        above = busy.getsockname()[1]
        chosen = ports.choose("metrics", above - 1, distances=(0, 1))
    assert chosen not in {above - 1, above}


def test_a_port_that_does_not_exist_is_not_free() -> None:
    assert not is_free(65_536)


def test_who_listens_is_known() -> None:
    with socket.socket() as listening, subprocess.Popen(["cat"], stdin=subprocess.PIPE) as other:
        listening.bind((LOOPBACK, 0))
        port = listening.getsockname()[1]
        assert not is_anothers(other.pid, port)  # nobody does yet
        listening.listen()
        assert is_anothers(other.pid, port)
        assert not is_anothers(os.getpid(), port)
        assert other.stdin is not None
        other.stdin.close()


def test_what_fails_for_another_reason_than_a_port_is_not_tried_again() -> None:
    tries = []

    def start(failure: CliError) -> None:
        tries.append(failure)
        raise failure

    with pytest.raises(CliError, match="the disk is full"):
        start_on_own_ports(lambda: start(CliError("the disk is full")))
    assert len(tries) == 1
    with pytest.raises(PortLost):
        start_on_own_ports(lambda: start(PortLost("the port is taken")))
    assert len(tries) == 6


@pytest.mark.parametrize("host", ["192.0.2.7", "no-such-host.invalid", "::1"])
def test_an_address_at_which_nobody_can_listen_here_is_said_instead_of_looked_for_without_end(
    ports: Ports, host: str
) -> None:
    with pytest.raises(CliError, match=f"no server can listen at {host}: "):
        ports.choose("the api", free_port(), host=host)
