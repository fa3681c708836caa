"""Files that stand open for a while: gone afterwards, and after a kill as soon as the next one comes (A13, G7)."""

from __future__ import annotations

import asyncio
import os
import tempfile
from pathlib import Path

import pytest

from gateways.workplace import workplace

_PREFIX = "amanat-attachment-"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files lie."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


async def test_what_a_killed_process_left_goes_with_the_next_and_what_somebody_works_with_stays(place: Path) -> None:
    left = place / f"{_PREFIX}left"
    left.mkdir()
    (left / "received").write_bytes(b"an identity card")
    async with workplace(_PREFIX) as directory:
        for old in (left, directory):
            os.utime(old, (0, 0))
        (place / "of-others").mkdir()
        async with workplace(_PREFIX):
            assert directory.exists()
            assert not left.exists()
    assert await asyncio.to_thread(os.listdir, place) == ["of-others"]
