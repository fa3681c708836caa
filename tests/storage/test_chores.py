"""A chore goes on whatever happens to it."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from sqlalchemy.exc import OperationalError

from storage.chores import every, repeat


@pytest.mark.parametrize("failure", [OperationalError("", {}, OSError()), OSError(), KeyError("row")])
async def test_a_chore_goes_on_after_any_failure(failure: Exception, caplog: pytest.LogCaptureFixture) -> None:
    rounds = 0
    second = asyncio.Event()

    async def work() -> None:
        nonlocal rounds
        rounds += 1
        if rounds == 1:
            raise failure
        second.set()

    task = asyncio.create_task(repeat("test", work, every(0)))
    await asyncio.wait_for(second.wait(), 5)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task

    level = "ERROR" if isinstance(failure, KeyError) else "WARNING"
    assert [record.levelname for record in caplog.records if record.name == "amanat.chores"] == [level]
