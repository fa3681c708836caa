"""How long a personnel file takes, against a plain COPY of the same rows in the same run."""

from __future__ import annotations

import asyncio
import multiprocessing
import time
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID, uuid4

import pyotp
import sqlalchemy as sa
from temporalio.testing import ActivityEnvironment

from activities.personnel.imports import PersonnelImport
from bench.memory import forget_peak, peak_mb
from bench.people import add_officer, add_organisation
from bench.scratch import Scratch, scratch
from bench.table import Goal, Row, at_most
from commands.personnel import send_file
from commands.upload import Upload
from demo.authenticator import Authenticator
from demo.personnel_generator import generate
from gateways.personnel_file import read_rows
from messages.case import StepInput
from storage.database import SERVICE, transaction
from storage.rows.personnel import Import

_COPY_LIMIT_MS = 600_000
_TIMES_COPY = 5
_AND_SECONDS = 5
_MEMORY_MB = 150


async def measure(rows: int) -> list[Row]:
    """Import a generated file, then COPY its cells into one unindexed table.

    Args:
        rows: how many; one in a hundred is bad.
    """
    async with scratch() as place:
        path = place.directory / "personnel.csv"
        await asyncio.to_thread(_generate_elsewhere, path, rows)
        forget_peak()
        before = peak_mb()
        imported = await _import(place, path)
        grown = peak_mb() - before
        copied = await _copy(place, path)
    most = _TIMES_COPY * copied + _AND_SECONDS
    return [
        Row("rows", rows, ""),
        Row(
            "import (s)",
            imported,
            f"{imported / copied:.1f} × COPY",
            Goal(f"≤ {_TIMES_COPY} × COPY + {_AND_SECONDS} s = {most:.1f} s", imported <= most),
        ),
        Row("plain COPY into one unindexed table (s)", copied, ""),
        Row("rows a second", rows / imported, ""),
        Row("memory over start (MB)", grown, "", at_most(grown, _MEMORY_MB, "MB")),
    ]


def _generate_elsewhere(path: Path, rows: int) -> None:
    """Make the file in a process of its own, so that its memory is not counted."""
    process = multiprocessing.get_context("spawn").Process(
        target=generate, args=(path, rows, {"bad_mobile": max(rows // 100, 1)})
    )
    process.start()
    process.join()


async def _import(place: Scratch, path: Path) -> float:
    case_id = await _send(place, path)
    began = time.perf_counter()
    await ActivityEnvironment().run(PersonnelImport(place.activity_context).import_personnel, StepInput(case_id))
    return time.perf_counter() - began


async def _send(place: Scratch, path: Path) -> UUID:
    organisation_id = await add_organisation(place.context)
    secret = pyotp.random_base32()
    officer = await add_officer(place.context, organisation_id, secret)
    totp = await Authenticator(secret).code()

    content = await asyncio.to_thread(path.read_bytes)

    async def stream() -> AsyncIterator[bytes]:
        yield content

    def render(kept: Import) -> bytes:
        return kept.case_id.bytes

    upload = Upload(officer, organisation_id, str(uuid4()), "bench", stream(), totp)
    answer = await send_file(place.context, upload, render)
    return UUID(bytes=answer.body)


async def _copy(place: Scratch, path: Path) -> float:
    async with transaction(place.context.engine, SERVICE, limit_ms=_COPY_LIMIT_MS) as connection:
        await connection.execute(sa.text("CREATE TEMP TABLE plain (a text, b text, c text, d text, e text)"))
        raw = (await connection.get_raw_connection()).driver_connection
        began = time.perf_counter()
        async with raw.cursor() as cursor, cursor.copy("COPY plain FROM STDIN") as copy:  # type: ignore[union-attr]  # psycopg's own
            for row in read_rows(path):
                await copy.write_row(row.values[:5])
        return time.perf_counter() - began
