"""pgbench, which comes with the embedded Postgres: its own TPC-B, and the scripts beside this file."""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self
from uuid import uuid4

import sqlalchemy as sa

from stack.places import CliError
from stack.postgres_binaries import find_binaries
from storage.database import STATEMENT_LIMIT_MS

_SCRIPTS: Final = Path(__file__).parent
_THREADS: Final = 2
_LIMIT_SECONDS: Final = 900
# As api and worker set them, and the capacity in which they read the ledger.
_SETTINGS: Final = (
    f"-c statement_timeout={STATEMENT_LIMIT_MS} -c lock_timeout={STATEMENT_LIMIT_MS} -c amanat.capacity=service"
)


@dataclass(frozen=True, slots=True)
class Taken:
    """What clients got done.

    Args:
        rate: transactions a second, without the time to connect.
        done: transactions by client.
        waits: how long each took (s), at a pace from when it was due.
        failed: transactions by what made them fail: ``serialization`` (a refusal) or ``deadlock``.
    """

    rate: float
    done: Counter[int]
    waits: list[float]
    failed: Counter[str]

    @classmethod
    def together(cls, all_taken: Iterable[Self]) -> Self:
        """Several rounds as one, at the rate in the middle."""
        rounds = list(all_taken)
        return cls(
            statistics.median(one.rate for one in rounds),
            sum((one.done for one in rounds), Counter()),
            [wait for one in rounds for wait in one.waits],
            sum((one.failed for one in rounds), Counter()),
        )

    @property
    def asked(self) -> int:
        """Transactions, done or failed."""
        return self.done.total() + self.failed.total()

    @property
    def p50_ms(self) -> float:
        """What half of the waits stay under."""
        return self._cut_ms(50)

    @property
    def p95_ms(self) -> float:
        """What 95 of a hundred waits stay under."""
        return self._cut_ms(95)

    def _cut_ms(self, percent: int) -> float:
        return statistics.quantiles(self.waits, n=100, method="inclusive")[percent - 1] * 1_000


async def run(url: str, script: str, *options: str, clients: int, seconds: int = 0, **variables: object) -> Taken:
    """Run a script from several clients at once, each on a connection of its own.

    Args:
        url: the database, and who enters it.
        script: a file beside this one, without its end, or a script that pgbench brings.
        options: pgbench's own.
        clients: how many.
        seconds: how long; 0: the options say it.
        variables: of the script.

    Raises:
        CliError: pgbench failed, or got nothing done in its time, or a client met an error that is neither a refusal
            nor a dead-lock.
    """
    file = _SCRIPTS / f"{script}.sql"
    chosen = ["-M", "prepared", "-f", str(file)] if file.exists() else ["-b", script]
    given = {"number": 0, "run": uuid4().hex[:12], "clients": clients} | variables
    defined = [part for name, value in given.items() for part in ("-D", f"{name}={value}")]
    lasting = ["-T", str(seconds)] if seconds else []
    many = ("-n", "-c", str(clients), "-j", str(_THREADS))
    return await asyncio.to_thread(_take, url, [*chosen, *many, *lasting, *options, *defined])


def _take(url: str, arguments: Sequence[str]) -> Taken:
    with tempfile.TemporaryDirectory(prefix="amanat-pgbench-") as logs:
        logging = ("-l", f"--log-prefix={logs}/log", "--failures-detailed")
        said = pgbench(url, *arguments, *logging, settings=_SETTINGS)
        lines = [line.split() for log in Path(logs).iterdir() for line in log.read_text("ascii").splitlines()]
    rates = [float(line.split()[2]) for line in said.splitlines() if line.startswith("tps = ")]
    if not rates:
        message = f"pgbench got nothing done in its time: {' '.join(arguments)}"
        raise CliError(message)
    # Each line begins: client, its number, microseconds or what made it fail.
    done = [(int(client), int(took) / 1e6) for client, _, took, *_ in lines if took.isdecimal()]
    return Taken(
        rates[0],
        Counter(client for client, _ in done),
        [wait for _, wait in done],
        Counter(took for _, _, took, *_ in lines if not took.isdecimal()),
    )


def pgbench(url: str, *arguments: str, settings: str = "") -> str:
    """Run pgbench on a database; what it prints.

    Raises:
        CliError: it failed.
    """
    binaries, at = find_binaries(), sa.make_url(url)
    where = ("-h", str(at.host), "-p", str(at.port), "-U", str(at.username), str(at.database))
    entering = {"PGPASSWORD": str(at.password), "PGSSLMODE": "disable", "PGOPTIONS": settings}
    done = subprocess.run(  # noqa: S603 - fixed arguments
        [binaries.program("pgbench"), *arguments, *where],
        env=binaries.environment | entering,
        capture_output=True,
        text=True,
        timeout=_LIMIT_SECONDS,
        check=False,
    )
    if done.returncode:
        message = f"pgbench failed:\n{done.stderr[-2000:]}"
        raise CliError(message)
    return done.stdout
