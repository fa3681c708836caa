"""A side of an arbitration entrusts a password and takes it back; nothing of it stands in any row but sealed (F2)."""

from __future__ import annotations

import fcntl
import logging
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Final

import psycopg
import pytest

from activities.transition import ActivityContext
from activities.vault import SecretEraser
from commands import vault as commands
from commands.command import Command, Context
from domain.account import Limit
from domain.errors import InvalidInput, NotFound, TooMany
from domain.vault import (
    LONGEST_LIFE,
    MAX_ADDRESS,
    MAX_LETTERS,
    MOST_OF_A_CASE,
    Login,
    SecretGone,
    SecretsNotTaken,
    SiteUnreadable,
    TooManySecrets,
    VaultAway,
)
from gateways.entry_keys import KeyDirectory
from messages.vault import EraseSecrets
from stack.ports import LOOPBACK, free_port
from storage.database import create_engine
from storage.vault import Vault
from tests.arrange import Arrange
from tests.books import Superuser
from tests.commands.onboarding_steps import run
from tests.commands.test_escrow_money import refused
from tests.escrow_kept import escrow_with_held
from tests.escrow_process import AMOUNT
from tests.secret_steps import LOGIN, PASSWORD, SITE, USER_NAME, Arbitration, arbitration_claimed, away

ONE_A_DAY: Final = Limit("secrets_of_the_test", 1, timedelta(days=1))
_ENTRIES: Final = "SELECT count(*) FROM vault.secrets"
_MARK: Final = "lantern-4711"


@pytest.fixture
async def arbitration(
    context: Context, arrange: Arrange, activity_context: ActivityContext, superuser: Superuser, tmp_path: Path
) -> Arbitration:
    """Both sides have filed, and an arbitrator has claimed it."""
    return await arbitration_claimed(context, arrange, activity_context, superuser, tmp_path)


async def test_a_side_entrusts_while_an_arbitrator_is_asked_and_nobody_else_does_ever(
    context: Context, arrange: Arrange, activity_context: ActivityContext, superuser: Superuser, tmp_path: Path
) -> None:
    escrow = await escrow_with_held(context, arrange, activity_context, superuser, tmp_path)
    case_id = await escrow.held()
    arbitration, stranger = Arbitration(escrow, case_id), await arrange.person("member")
    await refused(superuser, arbitration.entrust(), SecretsNotTaken)
    await escrow.dispute(case_id)
    await escrow.go_on(case_id)
    await refused(superuser, arbitration.entrust(), SecretsNotTaken)
    await escrow.pass_wait(case_id)
    # Nobody has claimed it, but somebody will.
    await arbitration.entrust()
    await arbitration.entrust(arbitration.contractor)
    for who in (stranger, escrow.operator, arbitration.holder):
        await refused(superuser, arbitration.entrust(who), NotFound)
    await escrow.claim(case_id)
    await escrow.go_on(case_id)
    await refused(superuser, arbitration.entrust(arbitration.holder), NotFound)
    await escrow.rule(case_id, AMOUNT)

    await refused(superuser, arbitration.entrust(), SecretsNotTaken)
    assert await superuser.value(_ENTRIES) == 2


async def test_each_side_is_told_of_its_own_alone(arbitration: Arbitration, arrange: Arrange) -> None:
    theirs, other = await arbitration.entrust(), await arbitration.entrust(arbitration.contractor)
    await arbitration.show(theirs)
    auditor_sees = {theirs, other}

    for who, ids, views, takes in (
        (arbitration.employer, {theirs}, 1, True),
        (arbitration.contractor, {other}, 0, True),
        (arbitration.holder, auditor_sees, 1, False),
        (arbitration.escrow.operator, auditor_sees, 1, False),
    ):
        seen = await arbitration.seen_by(who)
        assert seen is not None
        assert ({one.id for one in seen.secrets}, len(seen.views), seen.takes) == (ids, views, takes)
        assert (seen.task is not None) == (who is arbitration.holder)
    for who in (arbitration.colleague, await arrange.person("member")):
        assert await arbitration.seen_by(who) is None


async def test_what_is_no_site_or_no_login_is_refused_and_nothing_kept(
    arbitration: Arbitration, superuser: Superuser
) -> None:
    for site in (
        *("", "shop.example.com", "ftp://shop.example.com", "https://", "https://[::1", "javascript:alert(1)"),
        *(
            "https://me:secret@shop.example.com",
            "https://shop example.com",
            "https://shop.example.com/\x00",
        ),
        "https://shop.example.com/".ljust(MAX_ADDRESS + 1, "a"),
    ):
        await refused(superuser, arbitration.entrust(site=site), SiteUnreadable)
    for typed in ({"user_name": "  "}, {"user_name": "a\tb"}, {"password": ""}, {"password": "a\nb"}):
        await refused(superuser, arbitration.entrust(**typed), InvalidInput)
    for field in ("user_name", "password"):
        await refused(superuser, arbitration.entrust(**{field: "a" * (MAX_LETTERS + 1)}), InvalidInput)
    assert await superuser.value(_ENTRIES) == 0


async def test_the_longest_login_is_kept_letter_by_letter(arbitration: Arbitration) -> None:
    site = "https://shop.example.com/".ljust(MAX_ADDRESS, "ش")
    user_name, password = "😀" * MAX_LETTERS, f" {'𝒜' * (MAX_LETTERS - 2)} "

    secret_id = await arbitration.entrust(site=f"  {site} ", user_name=f" {user_name} ", password=password)

    assert await arbitration.show(secret_id) == Login(site, user_name, password)


async def test_a_half_space_is_a_letter_like_others(arbitration: Arbitration) -> None:
    password = "می\N{ZERO WIDTH NON-JOINER}روم"

    assert (await arbitration.show(await arbitration.entrust(password=password))).password == password


async def test_a_side_has_ten_at_most_and_sees_those_that_are_kept_before_others(
    arbitration: Arbitration, context: Context, vault: Vault, superuser: Superuser
) -> None:
    first, *rest = [await arbitration.entrust() for _ in range(MOST_OF_A_CASE)]
    await refused(superuser, arbitration.entrust(), TooManySecrets)
    await arbitration.entrust(arbitration.contractor)

    await arbitration.take_back(first)
    await SecretEraser(context.engine, vault).erase(EraseSecrets(arbitration.case_id))
    newest = await arbitration.entrust()

    seen = await arbitration.seen_by(arbitration.employer)
    assert seen is not None
    assert [one.id for one in seen.secrets] == [newest, *reversed(rest), first]


async def test_so_many_a_day_and_no_more(
    arbitration: Arbitration, context: Context, superuser: Superuser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "ENTRUSTED_PER_MEMBER", ONE_A_DAY)
    await superuser.run("DELETE FROM rate_windows")

    async def entrust(command: Command) -> object:
        case_id = arbitration.case_id
        return await commands.entrust_secret(command, case_id, site=SITE, user_name=USER_NAME, password=PASSWORD)

    await run(context, arbitration.employer, entrust)
    await refused(superuser, run(context, arbitration.employer, entrust), TooMany)
    await run(context, arbitration.contractor, entrust)


async def test_its_owner_takes_it_back_once_and_from_then_on_nobody_sees_it(
    arbitration: Arbitration, arrange: Arrange, superuser: Superuser
) -> None:
    secret_id, other = await arbitration.entrust(), await arbitration.entrust()
    for who in (
        arbitration.contractor,
        arbitration.holder,
        arbitration.escrow.operator,
        await arrange.person("member"),
    ):
        await refused(superuser, arbitration.take_back(secret_id, who), NotFound)

    await arbitration.take_back(secret_id)

    # Its key is there for a moment more.
    await refused(superuser, arbitration.show(secret_id), SecretGone)
    await refused(superuser, arbitration.take_back(secret_id), SecretGone)
    assert await arbitration.show(other) == LOGIN
    kept = "SELECT why, erase_at <= now(), erased_at FROM entrusted_secrets WHERE id = %s"
    assert await superuser.rows(kept, secret_id) == [("taken_back", True, None)]
    assert await superuser.rows(kept, other) == [(None, False, None)]
    assert await superuser.value("SELECT count(*) FROM timeline WHERE code = 'secret_taken_back'") == 1
    order = "SELECT case_id FROM outbox WHERE message = 'EraseSecrets' AND sent_at IS NULL"
    assert await superuser.rows(order) == [(arbitration.case_id,)]


async def test_its_owner_takes_back_what_they_entrusted_to_a_newer_release(
    arbitration: Arbitration, superuser: Superuser
) -> None:
    secret_id = await arbitration.entrust()
    await superuser.run("UPDATE entrusted_secrets SET kind = 'api_token'")

    seen = await arbitration.seen_by(arbitration.employer)
    assert seen is not None
    assert [one.kind for one in seen.secrets] == ["api_token"]
    await arbitration.take_back(secret_id)
    assert await superuser.value("SELECT why FROM entrusted_secrets") == "taken_back"


async def test_a_secret_of_another_case_is_none_of_this_one(arbitration: Arbitration, superuser: Superuser) -> None:
    secret_id = await arbitration.entrust()
    (other,) = await arbitration.escrow.begin(AMOUNT)
    there = replace(arbitration, case_id=other)

    for deed in (there.take_back(secret_id), there.show(secret_id)):
        await refused(superuser, deed, NotFound)
    assert await arbitration.show(secret_id) == LOGIN


async def test_no_secret_outlives_the_key_of_its_day(arbitration: Arbitration, superuser: Superuser) -> None:
    await arbitration.entrust()

    assert await superuser.value("SELECT erase_at - entrusted_at FROM entrusted_secrets") == LONGEST_LIFE
    with pytest.raises(psycopg.errors.CheckViolation):
        await superuser.run("UPDATE entrusted_secrets SET erase_at = erase_at + interval '1 second'")


async def test_while_keys_or_database_of_the_vault_are_away_nothing_is_kept_or_shown_and_that_is_said(
    arbitration: Arbitration, context: Context, vault: Vault, superuser: Superuser, tmp_path: Path
) -> None:
    secret_id = await arbitration.entrust()
    with away(tmp_path / "vault-keys"):
        for deed in (arbitration.entrust(), arbitration.show(secret_id)):
            await refused(superuser, deed, VaultAway)
    engine = create_engine(f"postgresql+psycopg://nobody:x@{LOOPBACK}:{free_port()}/nothing", pool=1)
    without = arbitration.elsewhere(replace(context, vault=Vault(engine, vault.keys)))
    for deed in (without.entrust(), without.show(secret_id)):
        await refused(superuser, deed, VaultAway)
    await engine.dispose()

    assert await arbitration.show(secret_id) == LOGIN
    assert await superuser.value(_ENTRIES) == 1


async def test_a_disk_of_keys_that_hangs_is_not_waited_for(
    arbitration: Arbitration, superuser: Superuser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret_id = await arbitration.entrust()
    monkeypatch.setattr(commands, "_REACHED_WITHIN", 0.1)
    with (tmp_path / "vault-keys" / "lock").open("r+b") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        for deed in (arbitration.entrust(), arbitration.show(secret_id)):
            await refused(superuser, deed, VaultAway)
    monkeypatch.undo()

    assert await arbitration.show(secret_id) == LOGIN
    assert await superuser.value(_ENTRIES) == 1


async def test_keys_of_another_vault_keep_and_show_nothing(
    arbitration: Arbitration, context: Context, vault: Vault, superuser: Superuser, tmp_path: Path
) -> None:
    secret_id = await arbitration.entrust()
    KeyDirectory.make(tmp_path / "other-keys")
    others = Vault(vault.engine, KeyDirectory.at(tmp_path / "other-keys", context.seals.cipher))
    wrong = arbitration.elsewhere(replace(context, vault=others))

    for deed in (wrong.entrust(), wrong.show(secret_id)):
        await refused(superuser, deed, VaultAway)
    assert await arbitration.show(secret_id) == LOGIN


async def _rows_with_mark(superuser: Superuser) -> list[str]:
    """The tables that say it anywhere, in clear or as bytes."""
    tables = "SELECT schemaname, tablename FROM pg_tables WHERE schemaname IN ('public', 'vault')"
    said = f"{_MARK}|{_MARK.encode().hex()}"
    found = []
    for schema, table in await superuser.rows(tables):
        counting = f"SELECT count(*) FROM {schema}.{table} AS r WHERE r::text ~* %s"  # noqa: S608 - our own names
        if await superuser.value(counting, said):
            found.append(f"{schema}.{table}")
    return found


async def test_nothing_of_it_stands_in_any_row_or_log(
    arbitration: Arbitration, context: Context, vault: Vault, superuser: Superuser, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "amanat")
    # The search finds what is there.
    await superuser.run("UPDATE cases SET phase = %s WHERE id = %s", f"x{_MARK}", arbitration.case_id)
    assert await _rows_with_mark(superuser) == ["public.cases"]
    await superuser.run("UPDATE cases SET phase = 'awaiting_ruling' WHERE id = %s", arbitration.case_id)

    typed = {"site": f"https://{_MARK}.example.com/{_MARK}", "user_name": f"user {_MARK}", "password": f"word {_MARK}"}
    secret_id = await arbitration.entrust(**typed)
    assert _MARK in (await arbitration.show(secret_id)).password
    assert await _rows_with_mark(superuser) == []
    await arbitration.take_back(secret_id)
    await refused(superuser, arbitration.show(secret_id), SecretGone)
    await SecretEraser(context.engine, vault).erase(EraseSecrets(arbitration.case_id))

    assert await _rows_with_mark(superuser) == []
    assert _MARK not in caplog.text
    assert not any(_MARK in repr(vars(record)) for record in caplog.records)
