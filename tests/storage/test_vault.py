"""The vault: what is kept opens by its key alone, and once erased by nothing, not by a copy of the database (F2)."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.asyncio import AsyncEngine

from domain.vault import EntryUnreadable, KeyGone, KeysNotThere
from gateways.entry_keys import KeyDirectory
from storage.database import SERVICE, create_engine, transaction
from storage.sealing import Seals
from storage.vault import Vault
from tests.books import Superuser
from tests.conftest import Database
from tests.databases import Databases
from tests.secret_steps import away

PLAIN: Final = b'{"password": "four-green-lanterns"}'
ABOUT: Final = "case-one:site_login"
OTHER: Final = "case-two:site_login"
_ENTRIES: Final = "SELECT count(*) FROM vault.secrets"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Where the keys of the test's vault are."""
    return tmp_path / "vault-keys"


@pytest.fixture
def others(vault: Vault, seals: Seals, tmp_path: Path) -> Vault:
    """The same entries with another vault's keys."""
    KeyDirectory.make(tmp_path / "other-keys")
    return Vault(vault.engine, KeyDirectory.at(tmp_path / "other-keys", seals.cipher))


def keys_in(place: Path) -> list[str]:
    """The entries of which there is a key."""
    return sorted(path.name for path in (place / "entries").iterdir())


async def opened(vault: Vault, entry_id: UUID, about: str = ABOUT) -> bytes:
    """What was kept, without the spaces that may follow it."""
    return (await vault.open(entry_id, about)).rstrip(b" ")


async def attempt(engine: AsyncEngine, statement: str) -> None:
    """Run a statement by a role's engine."""
    async with transaction(engine, SERVICE) as connection:
        await connection.execute(sa.text(statement))


async def test_what_is_kept_opens_until_it_is_erased_for_good(vault: Vault, place: Path, superuser: Superuser) -> None:
    entry_id, stays = await vault.keep(PLAIN, ABOUT), await vault.keep(b"another", ABOUT)

    assert await opened(vault, entry_id) == PLAIN
    assert keys_in(place) == sorted([str(entry_id), str(stays)])

    await vault.erase(entry_id)
    await vault.erase(entry_id)
    with pytest.raises(KeyGone):
        await vault.open(entry_id, ABOUT)
    assert await superuser.value(_ENTRIES) == 1
    assert keys_in(place) == [str(stays)]
    assert await opened(vault, stays) == b"another"


async def test_what_never_was_is_gone(vault: Vault) -> None:
    with pytest.raises(KeyGone):
        await vault.open(uuid4(), ABOUT)


_DAMAGES: Final = {
    "a bit of the data key": "UPDATE vault.secrets SET data_key = set_byte(data_key, 20, get_byte(data_key, 20) # 1)",
    "its nonce": "UPDATE vault.secrets SET data_key = set_byte(data_key, 0, get_byte(data_key, 0) # 1)",
    "a bit of what is sealed": "UPDATE vault.secrets SET sealed = set_byte(sealed, 40, get_byte(sealed, 40) # 1)",
    "its last bit": "UPDATE vault.secrets SET sealed = set_byte(sealed, length(sealed) - 1,"
    " get_byte(sealed, length(sealed) - 1) # 128)",
    "cut": "UPDATE vault.secrets SET sealed = substr(sealed, 1, 11)",
    "empty": "UPDATE vault.secrets SET data_key = ''",
}


@pytest.mark.parametrize("damage", _DAMAGES)
async def test_a_damaged_entry_opens_nothing(vault: Vault, superuser: Superuser, damage: str) -> None:
    entry_id = await vault.keep(PLAIN, ABOUT)
    assert await superuser.run(_DAMAGES[damage]) == 1

    with pytest.raises(EntryUnreadable):
        await vault.open(entry_id, ABOUT)


async def test_an_entry_belongs_to_its_case_and_field(vault: Vault) -> None:
    entry_id = await vault.keep(PLAIN, ABOUT)

    for about in (OTHER, "case-one:other_field", "", f"{ABOUT} "):
        with pytest.raises(EntryUnreadable):
            await vault.open(entry_id, about)
    assert await opened(vault, entry_id) == PLAIN


async def test_rows_that_were_moved_open_nothing_with_or_without_their_keys(
    vault: Vault, superuser: Superuser, place: Path
) -> None:
    # Both are of one case and field: only the entry tells them apart.
    one, other = await vault.keep(PLAIN, ABOUT), await vault.keep(b"another", ABOUT)
    moving = (
        "UPDATE vault.secrets e SET data_key = o.data_key, sealed = o.sealed FROM vault.secrets o"
        " WHERE e.id = %s AND o.id = %s"
    )
    await superuser.run(moving, one, other)
    with pytest.raises(EntryUnreadable):
        await vault.open(one, ABOUT)

    shutil.copyfile(place / "entries" / str(other), place / "entries" / str(one))
    with pytest.raises(EntryUnreadable):
        await vault.open(one, ABOUT)
    assert await opened(vault, other) == b"another"


async def test_an_entry_says_nothing_neither_by_its_bytes_nor_by_its_length(vault: Vault, superuser: Superuser) -> None:
    for plain in (b"x", PLAIN, PLAIN, b"x" * 1_024):
        await vault.keep(plain, ABOUT)

    rows = await superuser.rows("SELECT data_key, sealed FROM vault.secrets")
    assert len({len(data_key) for data_key, _ in rows}) == 1
    assert len({len(sealed) for _, sealed in rows}) == 1
    assert len({part for row in rows for part in row}) == 8, "two of the same are not alike"
    assert not any(b"lanterns" in part for row in rows for part in row)


async def test_the_database_with_all_settings_opens_nothing_without_the_keys(
    vault: Vault, place: Path, seals: Seals, tmp_path: Path
) -> None:
    entry_id = await vault.keep(PLAIN, ABOUT)
    # A thief of the database and of every setting knows whose keys they were, and has those of days at most.
    (tmp_path / "empty" / "entries").mkdir(parents=True)
    shutil.copytree(place / "days", tmp_path / "empty" / "days")
    shutil.copyfile(place / "vault.json", tmp_path / "empty" / "vault.json")
    without = Vault(vault.engine, KeyDirectory.at(tmp_path / "empty", seals.cipher))

    with pytest.raises(KeyGone):
        await without.open(entry_id, ABOUT)


async def test_the_keys_of_another_vault_are_refused_for_everything(
    vault: Vault, others: Vault, superuser: Superuser, place: Path
) -> None:
    entry_id = await vault.keep(PLAIN, ABOUT)

    for deed in (
        others.recognise(),
        others.keep(PLAIN, ABOUT),
        others.open(entry_id, ABOUT),
        others.erase(entry_id),
        others.entries_after(UUID(int=0), timedelta(0), 10),
    ):
        with pytest.raises(KeysNotThere, match="the entries are of"):
            await deed
    assert await superuser.value(_ENTRIES) == 1
    assert keys_in(place) == [str(entry_id)]
    assert await opened(vault, entry_id) == PLAIN


async def test_of_two_directories_that_come_to_a_new_vault_at_once_one_is_its_own(
    vault: Vault, others: Vault, superuser: Superuser
) -> None:
    came = await asyncio.gather(vault.recognise(), others.recognise(), return_exceptions=True)

    assert [type(one) for one in came if one is not None] == [KeysNotThere]
    is_first = came[0] is None
    assert await superuser.rows("SELECT id FROM vault.directory") == [
        ((vault if is_first else others).keys.vault_id,),
    ]


async def test_entries_whose_vault_was_forgotten_are_no_new_vaults(
    vault: Vault, others: Vault, superuser: Superuser
) -> None:
    await vault.keep(PLAIN, ABOUT)
    await superuser.run("DELETE FROM vault.directory")

    for any_of_them in (vault, others):
        with pytest.raises(KeysNotThere):
            await any_of_them.recognise()


async def test_while_the_keys_are_away_nothing_is_kept_and_nothing_erased(
    vault: Vault, superuser: Superuser, place: Path
) -> None:
    entry_id = await vault.keep(PLAIN, ABOUT)
    with away(place):
        for deed in (vault.keep(PLAIN, ABOUT), vault.open(entry_id, ABOUT), vault.erase(entry_id)):
            with pytest.raises(KeysNotThere):
                await deed
    assert await superuser.value(_ENTRIES) == 1
    assert await opened(vault, entry_id) == PLAIN


async def test_a_key_that_cannot_be_destroyed_keeps_its_entry(vault: Vault, superuser: Superuser, place: Path) -> None:
    entry_id = await vault.keep(PLAIN, ABOUT)
    with away(place / "entries"), pytest.raises(OSError, match="entries"):
        await vault.erase(entry_id)
    assert await superuser.value(_ENTRIES) == 1
    assert await opened(vault, entry_id) == PLAIN


async def test_older_entries_come_in_the_order_of_their_ids(vault: Vault, superuser: Superuser) -> None:
    kept = sorted([await vault.keep(PLAIN, ABOUT) for _ in range(4)])
    await superuser.run("UPDATE vault.secrets SET kept_at = now() - interval '2 hours' WHERE id <> %s", kept[1])
    hour, first = timedelta(hours=1), UUID(int=0)

    assert await vault.entries_after(first, hour, 10) == [kept[0], kept[2], kept[3]]
    assert await vault.entries_after(first, hour, 2) == [kept[0], kept[2]]
    assert await vault.entries_after(kept[2], hour, 10) == [kept[3]]


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT FROM persons",
        "SELECT FROM cases",
        "SELECT FROM entrusted_secrets",
        "SELECT FROM secret_views",
        "SELECT FROM outbox",
        "INSERT INTO timeline (case_id, code, actor) VALUES (uuidv7(), 'x', 'x')",
        "UPDATE vault.secrets SET kept_at = now()",
        "UPDATE vault.directory SET id = uuidv7()",
        "DELETE FROM vault.directory",
        "TRUNCATE vault.secrets",
        "CREATE TABLE vault.own (id int)",
        "SET ROLE amanat_app",
        "SET ROLE amanat_owner",
    ],
)
async def test_the_role_of_the_vault_enters_the_vault_and_nothing_else(vault: Vault, statement: str) -> None:
    with pytest.raises(ProgrammingError, match=r"permission denied|must be owner"):
        await attempt(vault.engine, statement)


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT FROM vault.secrets",
        "SELECT FROM vault.directory",
        "DELETE FROM vault.secrets",
        "INSERT INTO vault.directory (id) VALUES (uuidv7())",
        "SET ROLE amanat_vault",
    ],
)
async def test_the_app_never_enters_the_vault(engine: AsyncEngine, statement: str) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"):
        await attempt(engine, statement)


@asynccontextmanager
async def restored(databases: Databases, database: Database, vault: Vault) -> AsyncIterator[Vault]:
    """The vault in a copy of the database as it stands now, with the keys of the one that lives on."""
    await vault.engine.dispose()
    with databases.copied(database.name) as copy:
        engine = create_engine(databases.server.vault_url(copy), pool=1)
        try:
            yield Vault(engine, vault.keys)
        finally:
            await engine.dispose()


@pytest.mark.untouched
async def test_a_backup_from_minutes_before_the_erasure_brings_nothing_back(
    databases: Databases, database: Database, vault: Vault, place: Path
) -> None:
    erased, kept = await vault.keep(PLAIN, ABOUT), await vault.keep(PLAIN, ABOUT)
    async with restored(databases, database, vault) as there:
        await vault.erase(erased)

        async with transaction(there.engine, SERVICE) as connection:
            rows = set(await connection.scalars(sa.text("SELECT id FROM vault.secrets")))
        assert rows == {erased, kept}, "the backup has both"
        assert [path.name for path in (place / "days").iterdir()] == [f"{datetime.now(UTC).date()}.1"], "its key lives"
        assert await opened(there, kept) == PLAIN, "nothing else stands in the way"
        with pytest.raises(KeyGone):
            await there.open(erased, ABOUT)
        await there.erase(erased)
