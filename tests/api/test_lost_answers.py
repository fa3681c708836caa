"""No command is lost or done twice, whichever answer of Postgres is lost on the way (H1).

Each command of the table of calls is sent over a wire that loses an answer after Postgres gave it, then sent again
under its key, as the 503 says. What has happened then is what happens when nothing is lost.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import httpx2
import pytest
import sqlalchemy as sa

from activities.transition import ActivityContext
from api.app import create_app
from api.operation import OPERATIONS
from commands.command import Context
from storage.database import create_engine
from tests.api.calls import Call, calls
from tests.api.matrix import MATRIX, WITHOUT_SUCCESS
from tests.api.world import World, make_world
from tests.arrange import Arrange, eventually
from tests.books import Superuser, assert_books_clean
from tests.conftest import Database
from tests.databases import Databases
from tests.length import length
from tests.wire import Wire

# The longest has a few more on connections that are new.
_MOST = 16


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a command, how many rows more each table has, and what Postgres answered and committed for it."""

    status: int
    effects: dict[str, int]
    answers: int
    commits: int


@dataclass(slots=True)
class Sender:
    """Sends commands over the wire, one after the other."""

    api: httpx2.AsyncClient
    wire: Wire
    superuser: Superuser
    files: Path

    async def send(self, call: Call, world: World, who: str, **lose: int) -> Outcome:
        """Send a command until it is answered for sure; ``lose``: what is lost, as the wire says it."""
        await self.superuser.run("DELETE FROM rate_windows")
        before = await self._effects()
        request = call.request(self.api, world, who)
        self.wire.begin(**lose)
        answered: list[httpx2.Response] = []

        async def is_sure() -> bool:
            # Postgres may be at work on what was sent first, which is told too.
            answered.append(await self.api.send(request))
            return "Retry-After" not in answered[-1].headers

        await eventually(is_sure, "a sure answer")
        answers, commits, after = self.wire.answers, self.wire.commits, await self._effects()
        more = {name: after[name] - before[name] for name in after}
        return Outcome(answered[-1].status_code, more, answers, commits)

    async def _effects(self) -> dict[str, int]:
        kept = sum(path.is_file() for path in self.files.rglob("*"))
        more = {name: await self.superuser.value(f"SELECT count(*) FROM {name}") for name in ("outbox", "audit")}  # noqa: S608 - our own names
        return {**await self.superuser.effects(), **more, "files": kept}


@pytest.fixture
async def sender(
    database: Database, context: Context, superuser: Superuser, messages_dir: Path, tmp_path: Path
) -> AsyncIterator[Sender]:
    """The API behind a wire."""
    there = sa.make_url(database.app_url)
    async with Wire.to(str(there.host), int(there.port or 0)) as wire:
        engine = create_engine(wire.url(database.app_url), pool=4)
        app = create_app(replace(context, engine=engine, side=engine), local_messages=messages_dir)
        transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False, client=("192.0.2.1", 5000))
        async with httpx2.AsyncClient(transport=transport, base_url="https://amanat.test") as api:
            yield Sender(api, wire, superuser, tmp_path / "files")
        await engine.dispose()


async def play(sender: Sender, world: World, lose: Callable[[str], dict[str, int]]) -> dict[str, Outcome]:
    """Every command that somebody may do, once, in the table's order; ``lose``: what is lost of each."""
    done, keyed = {}, {operation.operation_id for operation in OPERATIONS.values() if operation.takes_key}
    for operation, call in calls(world).items():
        if operation in keyed and operation not in WITHOUT_SUCCESS:
            done[operation] = await sender.send(call, world, min(MATRIX[operation].let_in), **lose(operation))
    return done


def losing(place: int, known: Mapping[str, Outcome]) -> Callable[[str], dict[str, int]]:
    """What is lost of each command: the answer at a place, or that of its own COMMIT, which is the last."""
    return lambda name: {"lose_answer": place} if place else {"lose_commit": known[name].commits}


@pytest.mark.untouched
@pytest.mark.parametrize("place", range(length(1, _MOST)))
async def test_a_command_whose_answer_is_lost_is_done_once_when_it_is_sent_again(
    sender: Sender,
    databases: Databases,
    context: Context,
    activity_context: ActivityContext,
    arrange: Arrange,
    superuser: Superuser,
    place: int,
) -> None:
    known = await play(sender, await make_world(context, activity_context, arrange, superuser), lambda _: {})
    assert {name: outcome.status for name, outcome in known.items() if outcome.status >= 300} == {}
    name = databases.take()
    databases.give_back()
    assert databases.take() == name

    world = await make_world(context, activity_context, arrange, superuser)
    again = await play(sender, world, losing(place, known))

    assert sender.wire.lost == len(known) or (place and sender.wire.lost)
    # A file whose import was not noted stays for a day: nobody can know that it was not.
    apart_from = {"files"} if place else set()
    for operation, outcome in again.items():
        expected = known[operation]
        differ = {name for name, count in outcome.effects.items() if count != expected.effects[name]}
        assert (operation, outcome.status, differ - apart_from) == (operation, expected.status, set())
    await assert_books_clean(context.engine)
