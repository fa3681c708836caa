"""``./amanat vault``: keys are made once, and wrapped anew while neither Postgres nor Temporal is there (F2)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from uuid import UUID, uuid4

import pytest
from typer.testing import CliRunner

from cli.vault import app
from gateways.entry_keys import KeyDirectory
from stack.ports import LOOPBACK, free_port
from storage.sealing import Cipher
from tests.conftest import KEY

_TODAY: Final = datetime.now(UTC).date()


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the environment says that keys are; no stack runs, and no database is there."""
    ring = json.dumps({"current": "t1", "keys": {"t1": KEY}})
    nowhere = f"postgresql://nobody@{LOOPBACK}:{free_port()}/nothing"
    environment = {
        "AMANAT_VAR": str(tmp_path),
        "DATABASE_URL": nowhere,
        "VAULT_DATABASE_URL": nowhere,
        "TEMPORAL_ADDRESS": f"{LOOPBACK}:{free_port()}",
        "AMANAT_FIELD_KEYS": ring,
        "AMANAT_CODEC_KEYS": ring,
        "AMANAT_VAULT_KEYS": ring,
        "AMANAT_VAULT_DIRECTORY": str(tmp_path / "keys"),
        "AMANAT_BLIND_INDEX_KEY": KEY,
        "AMANAT_CODE_PEPPER": KEY,
        "AMANAT_STAND_ALONE": "false",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return tmp_path / "keys"


@pytest.fixture
def keys(place: Path) -> KeyDirectory:
    """The keys of an installation."""
    KeyDirectory.make(place)
    return KeyDirectory.at(place, Cipher.from_ring("t1", {"t1": KEY}))


def made(keys: KeyDirectory, count: int) -> dict[UUID, bytes]:
    """Keys of so many entries of today."""

    async def make() -> dict[UUID, bytes]:
        return {entry_id: await keys.create(entry_id, _TODAY) for entry_id in (uuid4() for _ in range(count))}

    return asyncio.run(make())


def opened(keys: KeyDirectory, ids: Mapping[UUID, bytes]) -> dict[UUID, bytes]:
    """The keys of these entries."""

    async def open_() -> dict[UUID, bytes]:
        return {entry_id: await keys.open(entry_id) for entry_id in ids}

    return asyncio.run(open_())


def test_a_directory_is_made_once_and_stays_as_it_is(place: Path) -> None:
    cipher, results, ids = Cipher.from_ring("t1", {"t1": KEY}), [], []
    for _ in range(2):
        results.append(CliRunner().invoke(app, ["init", str(place)]))
        ids.append(KeyDirectory.at(place, cipher).vault_id)

    assert [(one.exit_code, one.output) for one in results] == [(0, f"keys of entrusted secrets go to {place}\n")] * 2
    assert ids[0] == ids[1]
    assert {path.name for path in place.iterdir()} == {"vault.json", "days", "entries"}


def test_keys_are_wrapped_anew_and_open_what_they_opened(keys: KeyDirectory, place: Path) -> None:
    kept = made(keys, 3)
    before = {path.name: path.read_bytes() for path in (place / "entries").iterdir()}

    result = CliRunner().invoke(app, ["rotate"])

    assert (result.exit_code, result.output) == (0, "3 keys wrapped anew, 1 keys of days destroyed\n")
    assert [path.name for path in (place / "days").iterdir()] == [f"{_TODAY}.2"]
    after = {path.name: path.read_bytes() for path in (place / "entries").iterdir()}
    assert after.keys() == before.keys()
    assert not [name for name, content in after.items() if before[name] == content]
    assert opened(keys, kept) == kept


def test_what_cannot_be_opened_is_told_and_keeps_the_old_key_of_its_day(keys: KeyDirectory, place: Path) -> None:
    kept = made(keys, 2)
    damaged, good = kept
    file = place / "entries" / str(damaged)
    file.write_bytes(file.read_bytes()[:-1])

    result = CliRunner().invoke(app, ["rotate"])

    assert result.exit_code == 1
    assert result.output.splitlines() == [
        "1 keys wrapped anew, 0 keys of days destroyed",
        "✗ of 1 days some keys could not be opened, so those days' old keys stay",
    ]
    assert sorted(path.name for path in (place / "days").iterdir()) == [f"{_TODAY}.1", f"{_TODAY}.2"]
    assert opened(keys, {good: b""}) == {good: kept[good]}


def test_a_disk_in_trouble_is_told_in_a_line(keys: KeyDirectory, place: Path) -> None:
    (place / "days").rmdir()

    result = CliRunner().invoke(app, ["rotate"])

    assert (result.exit_code, type(result.exception)) == (1, SystemExit)
    assert result.output.startswith("✗ ")
    assert str(place / "days") in result.output


def test_where_no_keys_are_none_are_made(place: Path) -> None:
    result = CliRunner().invoke(app, ["rotate"])

    assert result.exit_code == 1
    assert "holds no keys of a vault" in result.output
    assert not place.exists()
