"""Bad days: parts of the system die while people act. What was answered stays answered, and everything arrives."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import UUID

import httpx2
import pytest
from temporalio.testing import WorkflowEnvironment

from activities.transition import ActivityContext
from api.app import create_app
from api.onboarding import withdraw_application
from api.task import decide_task
from commands.command import Context
from demo.actors import certificate
from demo.remote import RemoteClient
from gateways.files import Files
from relay import Relay
from stack.environment import choose_metrics_port
from stack.ports import Ports, free_port
from stack.postgres import EmbeddedPostgres
from storage.database import create_engine
from storage.locks import About
from storage.migrate import upgrade
from storage.sealing import Seals
from tests.arrange import TIME_PASSES, Arrange, Someone, eventually
from tests.books import Superuser, assert_books_clean
from tests.commands.onboarding_steps import MinipayOffice, apply, open_task
from tests.conftest import KEY, Database, routes
from tests.journeys.steps import ISSUE, Steps
from worker import build_workers, working
from workflows.client import connect

PROJECT = Path(__file__).parents[2]
TAKEN_OVER_SECONDS = 15.0


@contextlib.asynccontextmanager
async def relaying(relay: Relay) -> AsyncIterator[Relay]:
    """A relay at work for a while."""
    task = asyncio.create_task(relay.run())
    try:
        yield relay
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def everything_sent(superuser: Superuser) -> None:
    """Wait until no promise is left, without waiting for pauses and leases."""

    async def sent() -> bool:
        await superuser.run("UPDATE outbox SET due_at = now(), claimed_until = NULL WHERE sent_at IS NULL")
        return not await superuser.value("SELECT count(*) FROM outbox WHERE sent_at IS NULL")

    await eventually(sent, "everything to be sent")


async def test_while_temporal_is_away_people_act_and_afterwards_everything_arrives(
    steps: Steps,
    arrange: Arrange,
    context: Context,
    activity_context: ActivityContext,
    seals: Seals,
    temporal: WorkflowEnvironment,
    superuser: Superuser,
) -> None:
    employer = await arrange.organisation()
    officer = await arrange.hr_officer(employer)
    first, second, third = [await arrange.member(employer) for _ in range(3)]
    live = Relay(context.engine, routes(temporal.client, activity_context, steps.messages), sweep_seconds=0.1)
    nowhere = await connect(f"127.0.0.1:{free_port()}", "default", seals.cipher, lazy=True)
    cut_off = Relay(context.engine, routes(nowhere, activity_context, steps.messages), sweep_seconds=0.1)

    async with working(build_workers(temporal.client, activity_context)):
        async with relaying(live):
            waiting, leaving = await steps.apply(first), await steps.apply(second)
            task = await steps.task(officer, waiting)
            await steps.task(officer, leaving)
        async with relaying(cut_off):
            decided = await steps.decide(officer, task["id"], ISSUE)
            withdrawn = await steps.withdraw(second, leaving)
            applied = await steps.apply(third)

            async def failed() -> bool:
                return bool(await superuser.value("SELECT count(*) FROM outbox WHERE last_error IS NOT NULL"))

            await eventually(failed, "the relay to notice")
        assert (decided.status_code, withdrawn.status_code) == (200, 200)
        assert await superuser.value("SELECT count(*) FROM outbox WHERE sent_at IS NULL") >= 3
        async with relaying(live):
            await everything_sent(superuser)
            await steps.phase(first, waiting, "active")
            await steps.phase(second, leaving, "withdrawn")
            await steps.phase(third, applied, "awaiting_certificate")
    await assert_books_clean(context.engine)


@pytest.fixture
def worker_environment(
    database: Database, temporal: WorkflowEnvironment, messages_dir: Path, tmp_path: Path
) -> Iterator[dict[str, str]]:
    """What a worker process of its own needs to work for this test."""
    ports = Ports(lambda _: None)
    ring = json.dumps({"current": "t1", "keys": {"t1": KEY}})
    yield {
        **os.environ,
        "PYTHONPATH": str(PROJECT),
        "DATABASE_URL": database.app_url,
        "TEMPORAL_ADDRESS": temporal.client.service_client.config.target_host,
        "TEMPORAL_NAMESPACE": temporal.client.namespace,
        "AMANAT_FIELD_KEYS": ring,
        "AMANAT_CODEC_KEYS": ring,
        "AMANAT_VAULT_KEYS": ring,
        "AMANAT_VAULT_DIRECTORY": str(tmp_path / "vault-keys"),
        "VAULT_DATABASE_URL": database.vault_url,
        "AMANAT_BLIND_INDEX_KEY": KEY,
        "AMANAT_CODE_PEPPER": KEY,
        "AMANAT_LOCAL_MESSAGES": str(messages_dir),
        "AMANAT_STAND_ALONE": "true",
        "AMANAT_FILES_URL": (tmp_path / "files").as_uri(),
        "AMANAT_METRICS_PORT": str(choose_metrics_port("test", ports)),
    }
    ports.release()


@contextlib.contextmanager
def worker_process(environment: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """``python worker.py`` as a real process; killed at the end if it still runs."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, str(PROJECT / "worker.py")], env=environment, cwd=PROJECT, stdout=output, stderr=output
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()


async def test_a_worker_killed_inside_a_transition_is_replaced_in_time_and_the_credit_opens_once(
    context: Context,
    arrange: Arrange,
    activity_context: ActivityContext,
    temporal: WorkflowEnvironment,
    superuser: Superuser,
    worker_environment: dict[str, str],
    tmp_path: Path,
    steps: Steps,
) -> None:
    """The worker holds the case's row and waits for the person's quota, which the test holds, when it dies."""
    employer = await arrange.organisation()
    office = MinipayOffice(context, await arrange.member(employer), await arrange.hr_officer(employer))
    case_id = await apply(office)
    quota = f"{int(About.SHARE_OF_PAY)}, hashtext(%s)"

    async def blocked() -> bool:
        return bool(
            await superuser.value(
                "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database"
                " WHERE l.locktype = 'advisory' AND NOT l.granted AND d.datname = current_database()"
            )
        )

    with worker_process(worker_environment, tmp_path / "worker.log") as process:
        task = await steps.task(office.officer, str(case_id))
        await superuser.rows(f"SELECT pg_advisory_lock({quota})", str(office.member.id))
        assert (await steps.decide(office.officer, task["id"], ISSUE)).status_code == 200
        await eventually(blocked, "the worker to be inside the transition")
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    died = time.monotonic()
    await superuser.rows(f"SELECT pg_advisory_unlock({quota})", str(office.member.id))
    async with working(build_workers(temporal.client, activity_context)):
        await steps.phase(office.member, str(case_id), "active")

    assert time.monotonic() - died < TAKEN_OVER_SECONDS
    assert await superuser.value("SELECT count(*) FROM credit_lines") == 1
    assert await superuser.value("SELECT count(*) FROM journals") == 1
    assert await superuser.value("SELECT count(*) FROM timeline WHERE code = 'credit_activated'") == 1
    await assert_books_clean(context.engine)


@pytest.fixture
async def own_server(tmp_path: Path) -> AsyncIterator[EmbeddedPostgres]:
    """A Postgres that only this test uses, and may hurt."""
    server = EmbeddedPostgres(tmp_path / "postgres", preferred_port=free_port(), durable=False)
    await asyncio.to_thread(server.start)
    await asyncio.to_thread(upgrade, server.owner_url())
    yield server
    await asyncio.to_thread(server.remove)


async def insist(api: httpx2.AsyncClient, request: httpx2.Request, seen: list[int]) -> None:
    """Send a command with one key until it is answered, as a patient client does."""

    async def answered() -> bool:
        answer = await api.send(request)
        seen.append(answer.status_code)
        if answer.status_code == 503:
            assert answer.json()["code"] == "temporarily_unavailable"
        return answer.status_code == 200

    await eventually(answered, request.url.path, seconds=60)


async def keep_reading(api: httpx2.AsyncClient, who: Someone, seen: list[int]) -> None:
    """Read until cancelled."""
    while True:
        seen.append((await api.get("/v1/cases", headers=who.headers())).status_code)
        seen.append((await api.get("/readyz")).status_code)
        await asyncio.sleep(0.01)


async def test_postgres_restarted_while_people_act_loses_nothing_and_shows_no_fault(
    own_server: EmbeddedPostgres, seals: Seals, temporal: WorkflowEnvironment, tmp_path: Path, messages_dir: Path
) -> None:
    engine, side = create_engine(own_server.app_url(), pool=12), create_engine(own_server.app_url(), pool=4)
    context = Context(engine, side, seals, Files.at((tmp_path / "files").as_uri(), seals.cipher))
    activity_context, arrange = ActivityContext(engine, seals, context.files), Arrange(context)
    relay = Relay(engine, routes(temporal.client, activity_context, messages_dir), sweep_seconds=0.1)
    transport = httpx2.ASGITransport(app=create_app(context), raise_app_exceptions=False)
    async with (
        httpx2.AsyncClient(transport=transport, base_url="https://amanat.test") as api,
        relaying(relay),
        working(build_workers(temporal.client, activity_context)),
    ):
        outcomes = await _act_through_a_restart(own_server, context, arrange, api)
    await assert_books_clean(engine)
    assert outcomes == {"active": 4, "withdrawn": 4}
    await engine.dispose()
    await side.dispose()


async def _act_through_a_restart(
    server: EmbeddedPostgres, context: Context, arrange: Arrange, api: httpx2.AsyncClient
) -> dict[str, int]:
    async with Superuser.connected(server.superuser_url()) as superuser:
        await superuser.run(TIME_PASSES)
    employer = await arrange.organisation()
    officer = await arrange.hr_officer(employer)
    members = [await arrange.member(employer) for _ in range(8)]
    cases = [await apply(MinipayOffice(context, member, officer)) for member in members]
    tasks = {case_id: await _task(context, case_id) for case_id in cases}
    seen: list[int] = []
    reading = asyncio.create_task(keep_reading(api, officer, seen))
    restart = asyncio.create_task(asyncio.to_thread(server.restart))
    for place, (member, case_id) in enumerate(zip(members, cases, strict=True)):
        if place % 2:
            request = RemoteClient(api, member.token).request(withdraw_application, case_id)
        else:
            issue = certificate(50_000_000, 12)
            request = RemoteClient(api, officer.token).request(
                decide_task, tasks[case_id], issue, version=None, totp=officer.totp
            )
        await insist(api, request, seen)
        if place == 3:
            await restart
    reading.cancel()
    async with Superuser.connected(server.superuser_url()) as superuser:
        await everything_sent(superuser)

        async def over() -> bool:
            return not await superuser.value("SELECT count(*) FROM cases WHERE closed_at IS NULL")

        await eventually(over, "all cases to end", seconds=60)
        assert set(seen) == {200, 503}
        return dict(await superuser.rows("SELECT outcome, count(*)::int FROM cases GROUP BY outcome"))


async def _task(context: Context, case_id: UUID) -> UUID:
    async def asked() -> UUID | None:
        try:
            return await open_task(context, case_id)
        except AssertionError:
            return None

    found: UUID = await eventually(asked, "the task")
    return found
