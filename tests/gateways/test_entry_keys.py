"""Keys of the vault's entries: made, opened, destroyed, wrapped anew, and what is not theirs refused (F2)."""

from __future__ import annotations

import asyncio
import fcntl
import resource
import shutil
import signal
import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from domain.vault import EntryUnreadable, KeyGone, KeysNotThere
from gateways import entry_keys
from gateways.entry_keys import KeyDirectory, Rewrapped
from storage.sealing import Cipher
from tests.conftest import KEY
from tests.length import length

_OTHER_KEY = "//8DBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHwA="
_SOME = length(100, 1_000)
_TODAY = datetime.now(UTC).date()


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A directory of keys, as an installation makes it."""
    KeyDirectory.make(tmp_path / "keys")
    return tmp_path / "keys"


@pytest.fixture
def cipher() -> Cipher:
    return Cipher.from_ring("a", {"a": KEY})


@pytest.fixture
def keys(place: Path, cipher: Cipher) -> KeyDirectory:
    return KeyDirectory.at(place, cipher)


def file_of(place: Path, entry_id: UUID) -> Path:
    return place / "entries" / str(entry_id)


async def is_there(keys: KeyDirectory, entry_id: UUID) -> bool:
    try:
        await keys.open(entry_id)
    except KeyGone:
        return False
    return True


def days_of(place: Path) -> list[str]:
    return sorted(path.name for path in (place / "days").iterdir())


def unmount(place: Path) -> None:
    """Take the disk away; an empty directory is left where it was."""
    shutil.move(place, place.with_name("unmounted"))
    place.mkdir()


def everything(place: Path) -> list[Path]:
    return list(place.rglob("*"))


def swap(one: Path, other: Path) -> None:
    between = one.with_name("between")
    for source, target in ((one, between), (other, one), (between, other)):
        source.rename(target)


def left_behind(place: Path) -> list[Path]:
    return [path for path in everything(place) if path.name.startswith(".")]


async def test_a_key_is_made_once_opened_and_destroyed_for_good(keys: KeyDirectory, place: Path) -> None:
    entry_id = uuid4()
    key = await keys.create(entry_id, _TODAY)

    assert len(key) == 32
    assert await keys.open(entry_id) == key
    assert await is_there(keys, entry_id)
    with pytest.raises(FileExistsError):
        await keys.create(entry_id, _TODAY)

    await keys.destroy(entry_id)
    await keys.destroy(entry_id)
    assert not await is_there(keys, entry_id)
    with pytest.raises(KeyGone):
        await keys.open(entry_id)
    assert left_behind(place) == []


async def test_no_two_keys_are_alike_and_none_is_readable_in_its_file(keys: KeyDirectory, place: Path) -> None:
    made = {entry_id: await keys.create(entry_id, _TODAY) for entry_id in (uuid4() for _ in range(20))}

    assert len(set(made.values())) == len(made)
    written = b"".join(path.read_bytes() for path in everything(place) if path.is_file())
    assert not [key for key in made.values() if key in written]
    assert {path.stat().st_mode & 0o077 for path in everything(place)} == {0}, "for its owner alone"


async def test_many_processes_make_keys_at_once(place: Path, cipher: Cipher) -> None:
    several = [KeyDirectory.at(place, cipher) for _ in range(6)]
    ids = [uuid4() for _ in range(60)]

    made = await asyncio.gather(*(several[place % 6].create(entry_id, _TODAY) for place, entry_id in enumerate(ids)))

    assert [await several[0].open(entry_id) for entry_id in ids] == list(made)
    assert days_of(place) == [f"{_TODAY}.1"], "who comes second uses the first one's key of the day"


@pytest.mark.parametrize("damage", ["flipped", "cut", "empty", "moved", "no day", "another day"])
async def test_what_is_damaged_or_moved_opens_nothing(keys: KeyDirectory, place: Path, damage: str) -> None:
    entry_id, other = uuid4(), uuid4()
    await keys.create(entry_id, _TODAY)
    await keys.create(other, _TODAY)
    file = file_of(place, entry_id)
    content = bytearray(file.read_bytes())
    match damage:
        case "flipped":
            content[-1] ^= 1
        case "cut":
            content = content[:-5]
        case "empty":
            content = bytearray()
        case "moved":
            content = bytearray(file_of(place, other).read_bytes())
        case "no day":
            (place / "days" / f"{_TODAY}.1").unlink()
        case _:
            content[1:11] = b"2020-01-01"
    file.write_bytes(content)

    with pytest.raises(EntryUnreadable):
        await keys.open(entry_id)


async def test_the_keys_of_days_open_by_the_ring_alone(keys: KeyDirectory, place: Path) -> None:
    entry_id = uuid4()
    key = await keys.create(entry_id, _TODAY)

    with pytest.raises(EntryUnreadable):
        await KeyDirectory.at(place, Cipher.from_ring("b", {"b": _OTHER_KEY})).open(entry_id)
    both = Cipher.from_ring("b", {"a": KEY, "b": _OTHER_KEY})
    assert await KeyDirectory.at(place, both).open(entry_id) == key


async def test_a_directory_that_is_gone_refuses_and_makes_nothing(
    keys: KeyDirectory, place: Path, cipher: Cipher
) -> None:
    entry_id = uuid4()
    await keys.create(entry_id, _TODAY)
    unmount(place)

    for deed in (keys.create(uuid4(), _TODAY), keys.open(entry_id), keys.destroy(entry_id), keys.end_days(_TODAY)):
        with pytest.raises(KeysNotThere):
            await deed
    with pytest.raises(KeysNotThere, match="holds no keys"):
        KeyDirectory.at(place, cipher)
    assert everything(place) == []


def test_a_directory_is_made_once(place: Path, cipher: Cipher) -> None:
    first = KeyDirectory.at(place, cipher).vault_id
    KeyDirectory.make(place)

    assert KeyDirectory.at(place, cipher).vault_id == first


@pytest.fixture
def no_room() -> Iterator[None]:
    """No file may grow any more, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


async def test_on_a_full_disk_no_key_is_made_and_any_is_destroyed(
    keys: KeyDirectory, place: Path, request: pytest.FixtureRequest
) -> None:
    kept, wanted = uuid4(), uuid4()
    await keys.create(kept, _TODAY)
    request.getfixturevalue("no_room")

    with pytest.raises(OSError, match="File too large"):
        await keys.create(wanted, _TODAY)
    assert left_behind(place) == []
    await keys.destroy(kept)

    assert not await is_there(keys, kept)
    assert not await is_there(keys, wanted)


async def test_keys_are_wrapped_anew_and_the_old_ones_of_days_destroyed(keys: KeyDirectory, place: Path) -> None:
    made = {entry_id: await keys.create(entry_id, _TODAY) for entry_id in (uuid4() for _ in range(120))}
    before = {entry_id: file_of(place, entry_id).read_bytes() for entry_id in made}

    assert await keys.rewrap() == Rewrapped(keys=120, unreadable=0, days_ended=1)

    assert days_of(place) == [f"{_TODAY}.2"]
    assert {entry_id: await keys.open(entry_id) for entry_id in made} == made
    assert all(file_of(place, entry_id).read_bytes() != content for entry_id, content in before.items())
    assert left_behind(place) == []


async def test_wrapping_anew_that_broke_off_is_gone_on_with(
    keys: KeyDirectory, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = {entry_id: await keys.create(entry_id, _TODAY) for entry_id in (uuid4() for _ in range(30))}
    replace_, left = entry_keys._replace, iter(range(7))

    def dies(path: Path, content: bytes) -> None:
        if next(left, None) is None:
            raise OSError("the power went off")
        replace_(path, content)

    with monkeypatch.context() as patched:
        patched.setattr(entry_keys, "_replace", dies)
        with pytest.raises(OSError, match="power"):
            await keys.rewrap()
    assert days_of(place) == [f"{_TODAY}.1", f"{_TODAY}.2"], "both open what is there"
    assert {entry_id: await keys.open(entry_id) for entry_id in made} == made

    assert await keys.rewrap() == Rewrapped(keys=23, unreadable=0, days_ended=1)
    assert days_of(place) == [f"{_TODAY}.2"], "no third one"
    assert {entry_id: await keys.open(entry_id) for entry_id in made} == made


@pytest.mark.parametrize("part", ["days", "entries"])
async def test_a_second_name_that_a_killed_process_left_of_a_new_key_is_taken_away_and_the_key_stays(
    keys: KeyDirectory, place: Path, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    made = {entry_id: await keys.create(entry_id, _TODAY) for entry_id in (uuid4() for _ in range(3))}

    def dies(_: Path, __: bytes) -> None:
        raise OSError("the power went off")

    with monkeypatch.context() as patched:
        patched.setattr(entry_keys, "_replace", dies)
        with pytest.raises(OSError, match="power"):
            await keys.rewrap()
    # As if it had been killed a moment earlier: the key has its name, and has the one yet under which it was written.
    name = max((place / part).iterdir())
    name.with_name(f".fresh-{name.name}-{uuid4()}").hardlink_to(name)

    done = await keys.rewrap()

    assert (done.keys, done.unreadable) == (3, 0)
    assert days_of(place) == [f"{_TODAY}.2"]
    assert {entry_id: await keys.open(entry_id) for entry_id in made} == made
    assert left_behind(place) == []


async def test_a_key_that_cannot_be_opened_keeps_the_old_ones_of_days(keys: KeyDirectory, place: Path) -> None:
    good, bad = uuid4(), uuid4()
    key = await keys.create(good, _TODAY)
    await keys.create(bad, _TODAY)
    file_of(place, bad).write_bytes(file_of(place, bad).read_bytes()[:-1])

    assert await keys.rewrap() == Rewrapped(keys=1, unreadable=1, days_ended=0)
    assert await keys.open(good) == key
    assert days_of(place) == [f"{_TODAY}.1", f"{_TODAY}.2"]


async def test_keys_are_made_and_destroyed_while_others_are_wrapped_anew(place: Path, cipher: Cipher) -> None:
    rotating, working = KeyDirectory.at(place, cipher), KeyDirectory.at(place, cipher)
    kept = {entry_id: await working.create(entry_id, _TODAY) for entry_id in (uuid4() for _ in range(_SOME))}
    doomed = [uuid4() for _ in range(_SOME)]
    for entry_id in doomed:
        await working.create(entry_id, _TODAY)

    async def work() -> None:
        for entry_id in doomed:
            await working.destroy(entry_id)
            fresh = uuid4()
            kept[fresh] = await working.create(fresh, _TODAY)

    _, done = await asyncio.gather(work(), rotating.rewrap())

    assert done.unreadable == 0
    assert {entry_id: await working.open(entry_id) for entry_id in kept} == kept
    assert not [entry_id for entry_id in doomed if await is_there(working, entry_id)], "none came back"
    assert left_behind(place) == []


async def test_what_a_killed_process_left_of_a_key_goes_with_it(keys: KeyDirectory, place: Path) -> None:
    entry_id = uuid4()
    await keys.create(entry_id, _TODAY)
    left = file_of(place, entry_id).with_name(f".fresh-{entry_id}-{uuid4()}")
    left.write_bytes(file_of(place, entry_id).read_bytes())

    await keys.destroy(entry_id)

    assert left_behind(place) == []


async def test_days_end_and_what_they_wrapped_with_them(keys: KeyDirectory, place: Path) -> None:
    entry_id = uuid4()
    await keys.create(entry_id, _TODAY)

    assert await keys.end_days(_TODAY) == 0
    assert await keys.end_days(_TODAY + timedelta(days=1)) == 1
    with pytest.raises(KeyGone):
        await keys.open(entry_id)
    again = uuid4()
    assert await keys.create(again, _TODAY) == await keys.open(again), "the next key of that day is a new one"


async def test_a_days_key_that_cannot_be_destroyed_keeps_no_other_day(keys: KeyDirectory, place: Path) -> None:
    days = [_TODAY - timedelta(days=age) for age in range(1, 9)]
    for day in days:
        await keys.create(uuid4(), day)
    bad = place / "days" / f"{days[3]}.1"
    bad.unlink()
    bad.mkdir()

    with pytest.raises(OSError, match=str(days[3])):
        await keys.end_days(_TODAY)
    assert days_of(place) == [bad.name]
    assert list((place / "entries").iterdir()) == []


async def test_what_a_killed_process_left_of_a_days_key_goes_with_its_day(keys: KeyDirectory, place: Path) -> None:
    await keys.create(uuid4(), _TODAY)
    (place / "days" / f".fresh-{_TODAY}.1-{uuid4()}").write_bytes(b"the same key")

    assert await keys.end_days(_TODAY + timedelta(days=1)) == 2
    assert days_of(place) == []
    assert left_behind(place) == []
    assert list((place / "entries").iterdir()) == [], "what it wrapped is read by nobody"


async def test_another_vaults_directory_in_its_place_is_not_used(
    keys: KeyDirectory, place: Path, cipher: Cipher, tmp_path: Path
) -> None:
    entry_id = uuid4()
    key = await keys.create(entry_id, _TODAY)
    KeyDirectory.make(tmp_path / "other")
    swap(place, tmp_path / "other")

    for deed in (keys.create(uuid4(), _TODAY), keys.open(entry_id), keys.destroy(entry_id), keys.rewrap()):
        with pytest.raises(KeysNotThere, match="another vault"):
            await deed
    swap(place, tmp_path / "other")
    assert await keys.open(entry_id) == key


async def test_an_entry_whose_folder_is_away_is_not_called_destroyed(keys: KeyDirectory, place: Path) -> None:
    entry_id = uuid4()
    await keys.create(entry_id, _TODAY)
    shutil.move(place / "entries", place / "unmounted")

    with pytest.raises(FileNotFoundError):
        await keys.destroy(entry_id)


def test_of_many_that_make_a_directory_at_once_one_is_first(tmp_path: Path, cipher: Cipher) -> None:
    with ThreadPoolExecutor(20) as pool:
        made = list(pool.map(lambda _: KeyDirectory.make(tmp_path / "keys"), range(200)))

    assert len(made) == 200
    assert KeyDirectory.at(tmp_path / "keys", cipher).vault_id == KeyDirectory.at(tmp_path / "keys", cipher).vault_id


async def test_only_one_wraps_keys_anew(place: Path, cipher: Cipher) -> None:
    with (place / "rotating").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(BlockingIOError):
            await KeyDirectory.at(place, cipher).rewrap()
    assert days_of(place) == []


@pytest.mark.long
async def test_ten_thousand_keys_are_wrapped_anew_in_flat_memory(place: Path, cipher: Cipher) -> None:
    keys = KeyDirectory.at(place, cipher)
    ids = [uuid4() for _ in range(10_000)]
    for entry_id in ids:
        await keys.create(entry_id, _TODAY)
    tracemalloc.start()

    done = await keys.rewrap()

    # What is left is Python's own table of names, if it grew meanwhile.
    left, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert done == Rewrapped(keys=10_000, unreadable=0, days_ended=1)
    assert peak - left < 2 * 1024 * 1024, f"{peak / 1024:.0f} kB at most, {left / 1024:.0f} kB left"
    assert days_of(place) == [f"{_TODAY}.2"]
