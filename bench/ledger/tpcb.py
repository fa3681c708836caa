"""pgbench's TPC-B, the baseline: in a database of its own on the server that is measured."""

from __future__ import annotations

import asyncio
import math
import re
import subprocess
from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa

from bench.ledger.books import administered
from stack.places import CliError
from stack.postgres import EmbeddedPostgres
from stack.postgres_binaries import find_binaries

CLIENTS: Final = 8
_THREADS: Final = 2
_DATABASE: Final = "pgbench"
_RATE: Final = re.compile(r"tps = ([0-9.]+)")
_LIMIT_SECONDS: Final = 300.0


class Tpcb:
    """Its tables, filled when first asked."""

    def __init__(self, server: EmbeddedPostgres, scale: int) -> None:
        self._server = server
        self._scale = scale
        self._is_filled = False

    async def rate(self, seconds: float) -> float:
        """Transactions a second of 8 clients, over whole seconds, without the time to connect."""
        if not self._is_filled:
            async with administered(self._server) as connection:
                await connection.execute(sa.text(f"CREATE DATABASE {_DATABASE}"))
            await asyncio.to_thread(self._run, ("-i", "-q", "-s", str(self._scale)))
            self._is_filled = True
        options = ("-c", str(CLIENTS), "-j", str(_THREADS), "-T", str(math.ceil(seconds)))
        said = await asyncio.to_thread(self._run, options)
        found = _RATE.search(said)
        if found is None:
            message = f"pgbench told no rate:\n{said}"
            raise CliError(message)
        return float(found[1])

    def _run(self, options: Sequence[str]) -> str:
        binaries, url = find_binaries(), sa.make_url(self._server.superuser_url(_DATABASE))
        where = ("-h", str(url.host), "-p", str(url.port), "-U", str(url.username))
        done = subprocess.run(  # noqa: S603 - fixed arguments
            [binaries.program("pgbench"), *where, *options, _DATABASE],
            env=binaries.environment | {"PGPASSWORD": str(url.password), "PGSSLMODE": "disable"},
            capture_output=True,
            text=True,
            timeout=_LIMIT_SECONDS,
            check=False,
        )
        if done.returncode:
            message = f"pgbench failed:\n{done.stderr[-2000:]}"
            raise CliError(message)
        return done.stdout
