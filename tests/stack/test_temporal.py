"""The embedded Temporal server, run for real."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

import pytest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client, WorkflowExecutionStatus

from stack.answers import answers
from stack.children import start_time
from stack.places import CliError
from stack.ports import LOOPBACK, PortLost
from stack.temporal import NAMESPACE, EmbeddedTemporal, find_temporal
from tests.stack.test_ports import once_free

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def temporal(tmp_path: Path) -> Iterator[EmbeddedTemporal]:
    """Run a server of its own for the test."""
    server = EmbeddedTemporal(tmp_path / "temporal.db", preferred_ports=(0, 0))
    server.start()
    yield server
    server.stop()


def test_closed_cases_are_kept_for_thirty_days(temporal: EmbeddedTemporal) -> None:
    """The default of this server is one day."""

    async def days() -> int:
        client = await Client.connect(temporal.address, namespace=NAMESPACE)
        found = await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=NAMESPACE))
        return found.config.workflow_execution_retention_ttl.seconds // (24 * 60 * 60)

    assert asyncio.run(days()) == 30


def test_its_pages_answer(temporal: EmbeddedTemporal) -> None:
    """The address that is announced works."""
    assert answers(f"{temporal.ui}/")


def test_a_killed_server_takes_its_waiting_cases_up_again(temporal: EmbeddedTemporal) -> None:
    """A case that waits for a worker still does after the kill, on the same address."""

    async def begin() -> None:
        client = await Client.connect(temporal.address, namespace=NAMESPACE)
        await client.start_workflow("Waiting", id="case/1", task_queue="nobody")

    async def status() -> WorkflowExecutionStatus | None:
        client = await Client.connect(temporal.address, namespace=NAMESPACE)
        return (await client.get_workflow_handle("case/1").describe()).status

    asyncio.run(begin())
    before = temporal.address, temporal.ui
    temporal.kill()
    assert temporal.pid is None
    temporal.start()
    assert (temporal.address, temporal.ui) == before
    assert asyncio.run(status()) == WorkflowExecutionStatus.RUNNING


def test_stopping_ends_the_process(temporal: EmbeddedTemporal) -> None:
    """Nothing goes on after an orderly stop."""
    pid = temporal.pid
    assert pid is not None
    temporal.stop()
    assert start_time(pid) is None


def test_busy_ports_are_replaced_and_announced(tmp_path: Path) -> None:
    """Other programs' ports are left alone, and the person is told."""
    said: list[str] = []
    with socket.socket() as first, socket.socket() as second:
        for busy in (first, second):
            busy.bind((LOOPBACK, 0))
            busy.listen()
        ports = first.getsockname()[1], second.getsockname()[1]
        server = EmbeddedTemporal(tmp_path / "temporal.db", preferred_ports=ports, say=said.append)
        server.start()
        try:
            assert {server.port, server.ui_port}.isdisjoint(ports)
            assert len(said) == 2
        finally:
            server.stop()


def put_in_front(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Have a script run first wherever the server is started; ``$count`` is which start it is."""
    program, starts = tmp_path / "program", tmp_path / "starts"
    counted = f"echo >>{starts}; count=$(wc -l <{starts}); {script}"
    program.write_text(f'#!/bin/sh\n{counted}\nexec {find_temporal()} "$@"\n', "utf-8")
    program.chmod(0o755)
    monkeypatch.setattr("stack.temporal.find_temporal", lambda: str(program))


@pytest.mark.parametrize(("losses", "is_started"), [(4, True), (5, False)])
def test_a_server_that_loses_a_port_is_started_again_on_others_four_times(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, losses: int, is_started: bool
) -> None:
    lost = f'[ "$count" -le {losses} ] && echo "can\'t set UI port: address already in use" && exit 1'
    put_in_front(tmp_path, monkeypatch, lost)
    server = EmbeddedTemporal(tmp_path / "temporal.db", preferred_ports=(0, 0))
    try:
        if is_started:
            server.start()
        else:
            with pytest.raises(PortLost, match="did not become ready"):
                server.start()
        assert (server.pid is not None) is is_started
    finally:
        server.stop()


def test_a_server_that_ends_for_another_reason_says_it_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_in_front(tmp_path, monkeypatch, 'echo "start $count: the disk is full"; exit 1')
    server = EmbeddedTemporal(tmp_path / "temporal.db", preferred_ports=(0, 0))
    with pytest.raises(CliError, match="start 1: the disk is full"):
        server.start()


def test_another_servers_answer_is_not_taken_for_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = EmbeddedTemporal(tmp_path / "other" / "temporal.db", preferred_ports=(0, 0))
    other.start()
    other.ports.release()  # as a program that is no stack of ours holds nothing
    # It looks for a moment before it finds its port taken, so the other answers first.
    put_in_front(tmp_path, monkeypatch, '[ "$count" -gt 1 ] || sleep 0.5')
    monkeypatch.setattr("stack.ports.is_free", once_free(other.port))
    server = EmbeddedTemporal(tmp_path / "own" / "temporal.db", preferred_ports=(other.port, 0))
    try:
        server.start()
        assert server.pid is not None
        assert server.port != other.port
    finally:
        server.stop()
        other.stop()
