"""The store of sealed files: streams in and out, bounds, and damage that must not pass unnoticed."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateways.files import FileDamaged, Files, FileTooLarge
from storage.sealing import SealBroken, Seals

MEGABYTE = 1024 * 1024


@pytest.fixture(params=["directory", "memory"])
def files(request: pytest.FixtureRequest, seals: Seals, tmp_path: Path) -> Files:
    return Files.at((tmp_path / "store").as_uri() if request.param == "directory" else "memory:///", seals.cipher)


@pytest.fixture
def directory(seals: Seals, tmp_path: Path) -> Files:
    return Files.at((tmp_path / "store").as_uri(), seals.cipher)


async def parts(content: bytes, size: int = 70_000) -> AsyncIterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


def stored(tmp_path: Path) -> list[Path]:
    return [path for path in (tmp_path / "store").rglob("*") if path.is_file()]


@pytest.mark.parametrize("size", [0, 1, MEGABYTE - 1, MEGABYTE, MEGABYTE + 1, 13 * MEGABYTE + 7])
async def test_what_was_kept_comes_back(files: Files, tmp_path: Path, size: int) -> None:
    content = os.urandom(size)
    kept = await files.keep("folder", parts(content), limit=20 * MEGABYTE)
    assert (kept.size, kept.sha256) == (size, hashlib.sha256(content).digest())
    await files.fetch(kept.key, tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == content


async def test_nothing_stands_in_clear(directory: Files, tmp_path: Path) -> None:
    await directory.keep("folder", parts(b"0499370899" * 200_000), limit=20 * MEGABYTE)
    (path,) = stored(tmp_path)
    assert b"0499370899" not in path.read_bytes()


async def test_a_stream_over_its_bound_is_read_no_further_and_leaves_nothing(directory: Files, tmp_path: Path) -> None:
    given = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal given
        while True:
            given += MEGABYTE
            yield bytes(MEGABYTE)

    with pytest.raises(FileTooLarge):
        await directory.keep("folder", endless(), limit=12 * MEGABYTE)
    assert given == 13 * MEGABYTE
    assert stored(tmp_path) == []


async def test_a_stream_that_breaks_off_leaves_nothing(directory: Files, tmp_path: Path) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield bytes(7 * MEGABYTE)
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await directory.keep("folder", broken(), limit=20 * MEGABYTE)
    assert stored(tmp_path) == []


async def test_an_upload_that_is_cancelled_leaves_nothing(directory: Files, tmp_path: Path) -> None:
    waiting = asyncio.Event()

    async def stuck() -> AsyncIterator[bytes]:
        yield bytes(7 * MEGABYTE)
        waiting.set()
        await asyncio.Event().wait()

    upload = asyncio.create_task(directory.keep("folder", stuck(), limit=20 * MEGABYTE))
    await waiting.wait()
    upload.cancel()
    with pytest.raises(asyncio.CancelledError):
        await upload
    assert [path for path in stored(tmp_path) if "#" not in path.name] == []


async def test_a_file_cut_at_a_frame_or_inside_one_is_not_opened(directory: Files, tmp_path: Path) -> None:
    kept = await directory.keep("folder", parts(os.urandom(3 * MEGABYTE)), limit=20 * MEGABYTE)
    (path,) = stored(tmp_path)
    whole = path.read_bytes()
    first = 4 + int.from_bytes(whole[:4], "big")
    for broken in (whole[:first], whole[: first + 10], whole[:2], b"", whole[first:], b"\xff" * 100):
        path.write_bytes(broken)
        with pytest.raises((FileDamaged, SealBroken)):
            await directory.fetch(kept.key, tmp_path / "back")


async def test_a_file_does_not_open_under_another_name(directory: Files, tmp_path: Path) -> None:
    one = await directory.keep("folder", parts(b"one"), limit=10)
    other = await directory.keep("folder", parts(b"two"), limit=10)
    (tmp_path / "store" / other.key).write_bytes((tmp_path / "store" / one.key).read_bytes())
    with pytest.raises(SealBroken):
        await directory.fetch(other.key, tmp_path / "back")


async def test_a_removed_file_is_gone_and_may_be_removed_again(files: Files, tmp_path: Path) -> None:
    kept = await files.keep("folder", parts(b"x"), limit=10)
    for _ in range(2):
        await files.remove(kept.key)
    with pytest.raises(FileNotFoundError):
        await files.fetch(kept.key, tmp_path / "back")
