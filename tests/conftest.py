"""Real servers for tests; nothing of ours is replaced.

An embedded Postgres with a fresh migrated database for each test, a Temporal that skips time, the api in process, a
worker with its relay.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import gc
import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import QueuePool
from temporalio.client import Client
from temporalio.testing import TimeSkippingConfig, WorkflowEnvironment
from xdist.scheduler import LoadFileScheduling  # type: ignore[import-untyped]  # it has no types

from activities.bank_account import BankAccountCheck
from activities.invitation import InvitationSender
from activities.joining import JoiningCheck
from activities.mobile_change import MobileOwnerCheck
from activities.notice import NoticeSender
from activities.payout.settling import RecordSettling
from activities.transition import ActivityContext
from activities.vault import SecretEraser
from activities.withdrawal import WithdrawalRelease
from cli.checks import KEPT, kept_outcomes
from commands.command import Context
from commands.refusals import check_declarations
from domain.contact import Contact
from domain.wording import Sentence
from gateways.account_owner import LocalAccountOwners
from gateways.entry_keys import KeyDirectory
from gateways.files import Files
from gateways.local_bank import LocalBank
from gateways.mail import LocalMail
from gateways.mobile_owner import LocalMobileOwners
from gateways.sms import LocalSms
from messages.bank_account import CheckBankAccount
from messages.invitation import SendInvitation
from messages.joining import CheckJoining
from messages.mobile_change import CheckMobileOwner
from messages.notice import MailCode, MailNotice, SendCode, SendNotice
from messages.payout import SettleRecord
from messages.vault import EraseSecrets
from messages.withdrawal import ReleaseWithdrawal
from relay import Lane, Relay, Route, signal_route
from stack.postgres import EmbeddedPostgres
from stack.temporal import find_temporal
from storage.database import create_engine
from storage.sealing import BlindIndex, Cipher, Seals
from storage.vault import Vault
from tests.applications import api_over
from tests.arrange import Arrange
from tests.books import Superuser
from tests.databases import Databases
from tests.journeys.steps import Steps
from tests.length import IS_LONG, LONGER
from tests.transitions import WiredContext
from worker import build_workers, working
from workflows.client import data_converter

# What starts whole stacks, which look for free ports: one after the other, and first, for it takes longest.
_STACKS = ("cli", "docs", "bench", "deployment", "stack", "test_kills.py")
# Files with few tests that take long: each of them may go to another process.
_SINGLY = ("test_payment_model.py",)
# What comes next, in this order: a long file at the end would leave the other processes without work.
_LONGEST = ("test_checks.py", "test_canary.py", "web", "journeys", "workflows", "activities", "api", "commands")
KEY = base64.b64encode(bytes(range(32))).decode()
SITE = "https://amanat.test"
CONTACT = Contact(
    "021-88776655", Sentence("شنبه تا چهارشنبه، ۸ تا ۱۶", "Saturday to Wednesday, 8 to 16"), extension="1"
)

# In every test a command that refuses with what it did not declare is at fault.
check_declarations()


@dataclass(frozen=True, slots=True)
class Database:
    """A fresh migrated database, and the ways into it."""

    name: str
    app_url: str
    vault_url: str
    owner_url: str
    superuser_url: str


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """One server for the session."""
    server = EmbeddedPostgres(tmp_path_factory.mktemp("postgres"), durable=False)
    server.start()
    yield server
    server.remove()


@pytest.fixture(scope="session")
def databases(postgres: EmbeddedPostgres) -> Iterator[Databases]:
    """Where the tests' databases come from."""
    made = Databases(postgres)
    made.make_template()
    yield made
    made.end()


@pytest.fixture
def database(databases: Databases, request: pytest.FixtureRequest) -> Iterator[Database]:
    """A database as the migrations leave it; one that nobody used before for tests marked ``untouched``."""
    untouched = request.node.get_closest_marker("untouched") is not None
    if untouched:
        databases.throw_away()
    name, server = databases.take(), databases.server
    yield Database(
        name, server.app_url(name), server.vault_url(name), server.owner_url(name), server.superuser_url(name)
    )
    databases.give_back(keep=not untouched)


@dataclass(slots=True)
class Engines:
    """The ways into the database that is kept; the next test uses what their connections have prepared."""

    url: str = ""
    made: dict[int, AsyncEngine] = field(default_factory=dict)
    superuser_url: str = ""
    superuser: Superuser | None = None

    async def lend(self, url: str, pool: int) -> AsyncEngine:
        """The engine into a database with a pool of a size."""
        if url != self.url:
            await self.end()
            self.url = url
        if pool not in self.made:
            self.made[pool] = create_engine(url, pool=pool)
        return self.made[pool]

    async def take_back(self, pool: int) -> None:
        """Keep it for the next test, unless the last one left a connection in use."""
        if _in_use(self.made[pool]):
            await self.made.pop(pool).dispose()

    async def lend_superuser(self, url: str) -> Superuser:
        """The superuser's connection, as it began."""
        if self.superuser is not None and self.superuser_url == url:
            with contextlib.suppress(psycopg.Error):
                await self.superuser.run("DISCARD ALL")
                return self.superuser
        await self.end_superuser()
        self.superuser_url, self.superuser = url, await Superuser.connect(url)
        return self.superuser

    async def end_superuser(self) -> None:
        """Close the superuser's connection."""
        if self.superuser is not None:
            await self.superuser.connection.close()

    async def end(self) -> None:
        """Close all connections."""
        while self.made:
            await self.made.popitem()[1].dispose()


def _in_use(engine: AsyncEngine) -> int:
    """How many connections of an engine are in somebody's hands."""
    pool = engine.sync_engine.pool
    assert isinstance(pool, QueuePool)
    return pool.checkedout()


@pytest.fixture(scope="session")
async def engines() -> AsyncIterator[Engines]:
    """Where the tests' engines come from."""
    made = Engines()
    yield made
    await made.end()
    await made.end_superuser()


@pytest.fixture
async def engine(database: Database, engines: Engines) -> AsyncIterator[AsyncEngine]:
    """The app's own way into the database."""
    yield await engines.lend(database.app_url, 12)
    await engines.take_back(12)


def starts_stacks(file: str) -> bool:
    """Whether the tests of a file start whole stacks."""
    return not set(_STACKS).isdisjoint(Path(file).parts)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave long forms to ``./amanat prove``, and begin with what takes longest."""
    if not IS_LONG:
        left_out = [item for item in items if item.get_closest_marker("long")]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in set(left_out)]
    else:
        before = kept_outcomes()
        if "PYTEST_XDIST_WORKER" in os.environ:
            # Tests start runs of their own, which are no part of this one.
            os.environ.pop(KEPT, None)
        items[:] = [item for item in items if item.nodeid not in before]
        for item in items:
            _give_time(config, item)

    def turn(item: pytest.Item) -> int:
        file = item.nodeid.partition("::")[0]
        rooms = [place for place, room in enumerate(_LONGEST) if room in Path(file).parts]
        return -1 if starts_stacks(file) else min(rooms, default=len(_LONGEST))

    items.sort(key=turn)


def _give_time(config: pytest.Config, item: pytest.Item) -> None:
    """A long form does more, for an hour, on a machine that may be slow: a limit only ends a hang."""
    mark = item.get_closest_marker("timeout")
    seconds = float(config.getini("timeout") if mark is None else mark.args[0])
    item.add_marker(pytest.mark.timeout(seconds * LONGER), append=False)


def pytest_collection_finish() -> None:
    """Spare the garbage collector what stays for good: it walked over a million objects again and again."""
    gc.collect()
    gc.freeze()


class Divided(LoadFileScheduling):  # type: ignore[misc]  # untyped
    """Gives a process whole files to test, and all that start stacks to one."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        if Path(file).name in _SINGLY:
            return nodeid
        return "stacks" if starts_stacks(file) else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Divided:
    """How the suite is divided among processes."""
    return Divided(config, log)


@pytest.fixture(scope="session")
def seals() -> Seals:
    """Keys of the tests."""
    return Seals(Cipher.from_ring("t1", {"t1": KEY}), BlindIndex.from_base64(KEY), bytes(range(32)))


@pytest.fixture
def messages_dir(tmp_path: Path) -> Path:
    """Where the local SMS gateway leaves messages."""
    return tmp_path / "messages"


@pytest.fixture
def bank(tmp_path: Path) -> LocalBank:
    """The local bank, at which the members of a test pay."""
    return LocalBank(tmp_path / "bank", SITE)


@pytest.fixture
def unwired(engine: AsyncEngine, seals: Seals, context: Context, bank: LocalBank) -> ActivityContext:
    """What activities work with, in the long form too."""
    return ActivityContext(engine, seals, context.files, {bank.name: bank}, SITE)


@pytest.fixture
async def activity_context(database: Database, unwired: ActivityContext) -> AsyncIterator[ActivityContext]:
    """What activities work with; in the long form by a wire, on which ``Transitions`` lose answers."""
    if not IS_LONG:
        yield unwired
        return
    async with WiredContext.to(database.app_url, unwired.seals, unwired.files) as wired:
        yield replace(wired, gateways=unwired.gateways, site=unwired.site)


@pytest.fixture
async def vault(database: Database, seals: Seals, tmp_path: Path) -> AsyncIterator[Vault]:
    """Where members' secrets are kept: the test's database by its own role, and keys beside it."""
    KeyDirectory.make(tmp_path / "vault-keys")
    engine = create_engine(database.vault_url, pool=4)
    yield Vault(engine, KeyDirectory.at(tmp_path / "vault-keys", seals.cipher))
    await engine.dispose()


@pytest.fixture
async def context(
    database: Database, engine: AsyncEngine, engines: Engines, seals: Seals, tmp_path: Path, vault: Vault
) -> AsyncIterator[Context]:
    """What commands work with."""
    side = await engines.lend(database.app_url, 4)
    yield Context(
        engine,
        side,
        seals,
        Files.at((tmp_path / "files").as_uri(), seals.cipher),
        contact=CONTACT,
        gateways=("local",),
        vault=vault,
    )
    await engines.take_back(4)


@pytest.fixture
def arrange(context: Context) -> Arrange:
    """Makes organisations, staff and members to play with."""
    return Arrange(context)


@pytest.fixture
async def api(context: Context, messages_dir: Path) -> AsyncIterator[httpx2.AsyncClient]:
    """The API in process."""
    app = api_over(context, messages_dir)
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False, client=("192.0.2.1", 5000))
    async with httpx2.AsyncClient(transport=transport, base_url=SITE) as client:
        yield client


@pytest.fixture
def steps(api: httpx2.AsyncClient, messages_dir: Path, engine: AsyncEngine) -> Steps:
    """The steps of an application through the API."""
    return Steps(api, messages_dir, engine)


@pytest.fixture
async def superuser(database: Database, engines: Engines) -> Superuser:
    """A way past every wall: to age rows, to plant damage, and to look."""
    return await engines.lend_superuser(database.superuser_url)


@pytest.fixture(scope="session")
async def temporal_server() -> AsyncIterator[WorkflowEnvironment]:
    """A real Temporal server that can skip time; shared, each test's workflow ids are its own."""
    env = await WorkflowEnvironment.start_time_skipping_v2(
        ts_config=TimeSkippingConfig(enabled=False),
        dev_server_existing_path=find_temporal(),
        # The first task that fails makes a process stuck; five in a row would take half a minute.
        dev_server_extra_args=[
            *("--dynamic-config-value", "frontend.workflowTimeSkippingEnabled=true"),
            *("--dynamic-config-value", "system.numConsecutiveWorkflowTaskProblemsToTriggerSearchAttribute=1"),
        ],
        dev_server_log_level="error",
    )
    yield env
    await env.shutdown()


@pytest.fixture
def temporal(temporal_server: WorkflowEnvironment, seals: Seals) -> WorkflowEnvironment:
    """The server with our own payload codec on its client."""
    config = temporal_server.client.config()
    config["data_converter"] = data_converter(seals.cipher, temporal_server.client.namespace)
    temporal_server._client = Client(**config)
    return temporal_server


def routes(client: Client, activity_context: ActivityContext, messages_dir: Path) -> list[Route]:
    """Where the relay of the tests sends."""
    sms, links = LocalSms(messages_dir), {"app_link": "https://app", "training_link": "https://train"}
    sender = NoticeSender(activity_context, sms, links, LocalMail(messages_dir))
    invitations = InvitationSender(activity_context, sms, links)
    owners = LocalMobileOwners()
    check = JoiningCheck(activity_context, owners, lambda: None)
    return [
        signal_route(client),
        Route(SendNotice, sender.send_notice, Lane.NOTICES),
        Route(SendCode, sender.send_code, Lane.CODES),
        Route(MailNotice, sender.send_notice, Lane.MAIL),
        Route(MailCode, sender.send_code, Lane.MAIL_CODES),
        Route(CheckJoining, check.check, Lane.INQUIRIES),
        Route(CheckMobileOwner, MobileOwnerCheck(activity_context, owners).check, Lane.INQUIRIES),
        Route(CheckBankAccount, BankAccountCheck(activity_context, LocalAccountOwners()).check, Lane.ACCOUNT_INQUIRIES),
        Route(SendInvitation, invitations.send, Lane.NOTICES),
        Route(ReleaseWithdrawal, WithdrawalRelease(activity_context).release),
        Route(SettleRecord, RecordSettling(activity_context).settle),
    ]


@pytest.fixture
async def relay(
    context: Context,
    activity_context: ActivityContext,
    temporal: WorkflowEnvironment,
    messages_dir: Path,
    vault: Vault,
) -> AsyncIterator[Relay]:
    """A relay at work, nudged by the context's commands."""
    eraser = SecretEraser(context.engine, vault)
    told = [*routes(temporal.client, activity_context, messages_dir), Route(EraseSecrets, eraser.erase)]
    running = Relay(context.engine, told, sweep_seconds=0.2)
    task = asyncio.create_task(running.run())
    yield running
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


@pytest.fixture
async def worker(activity_context: ActivityContext, temporal: WorkflowEnvironment) -> AsyncIterator[None]:
    """A worker at work."""
    async with working(build_workers(temporal.client, activity_context)):
        yield
