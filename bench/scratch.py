"""A Postgres of its own for a measurement: embedded, durable as in production, gone afterwards."""

from __future__ import annotations

import base64
import contextlib
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

from activities.transition import ActivityContext
from commands.command import Context
from gateways.files import Files
from stack.postgres import EmbeddedPostgres
from storage.database import create_engine
from storage.migrate import upgrade
from storage.sealing import BlindIndex, Cipher, Seals

_POOL = 24
_SIDE_POOL = 8


@dataclass(frozen=True, slots=True)
class Scratch:
    """What a measurement works with."""

    context: Context
    activity_context: ActivityContext
    directory: Path


def _new_seals() -> Seals:
    key = base64.b64encode(os.urandom(32)).decode()
    return Seals(Cipher.from_ring("b", {"b": key}), BlindIndex.from_base64(key), os.urandom(32))


@contextlib.contextmanager
def scratch_server() -> Iterator[EmbeddedPostgres]:
    """A server whose usual database is migrated and has nothing in it."""
    directory = Path(tempfile.mkdtemp(prefix="amanat-bench-"))
    server = EmbeddedPostgres(directory / "postgres")
    server.start()
    try:
        upgrade(server.owner_url())
        yield server
    finally:
        server.remove()
        shutil.rmtree(directory, ignore_errors=True)


@contextlib.asynccontextmanager
async def scratch() -> AsyncIterator[Scratch]:
    """A migrated database with nothing in it, on a server of its own, and a directory beside it."""
    with scratch_server() as server:
        engine, side = create_engine(server.app_url(), pool=_POOL), create_engine(server.app_url(), pool=_SIDE_POOL)
        seals = _new_seals()
        directory = server.home.parent
        files = Files.at((directory / "files").as_uri(), seals.cipher)
        try:
            yield Scratch(Context(engine, side, seals, files), ActivityContext(engine, seals, files), directory)
        finally:
            await engine.dispose()
            await side.dispose()
