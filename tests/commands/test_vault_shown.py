"""An entrusted password is shown to who holds the task, with a code of its own each time; its owner is told (F2)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from activities import vault as activities
from activities.transition import ActivityContext
from activities.vault import SecretEraser
from commands import vault as commands
from commands.command import Command, Context
from domain.access import Grant, Role, ScopeKind
from domain.account import CodeNotAccepted
from domain.catalogue import words
from domain.errors import CodeRequired, NotFound, OwnCase, TooMany
from domain.held_task import TaskNotClaimed
from domain.vault import Login, SecretGone, SecretUnreadable
from messages.escrow import TaskKind
from messages.vault import EraseSecrets, Event
from storage.account.sessions import lock_rights
from storage.database import SERVICE, create_engine, transaction
from storage.vault import Vault
from tests.arrange import Arrange, eventually, fresh_totp
from tests.books import Superuser
from tests.commands.onboarding_steps import open_task, run, run_as
from tests.commands.test_escrow_money import refused
from tests.commands.test_rights import WAITS
from tests.commands.test_vault import ONE_A_DAY
from tests.conftest import Database
from tests.databases import Databases
from tests.secret_steps import LOGIN, Arbitration, arbitration_claimed

_VIEWS = "SELECT viewer_id FROM secret_views ORDER BY id"


@pytest.fixture
async def arbitration(
    context: Context, arrange: Arrange, activity_context: ActivityContext, superuser: Superuser, tmp_path: Path
) -> Arbitration:
    """Both sides have filed, and an arbitrator has claimed it."""
    return await arbitration_claimed(context, arrange, activity_context, superuser, tmp_path)


def showing(arbitration: Arbitration, secret_id: Any, totp: str | None) -> Callable[[Command], Awaitable[Login]]:
    """The command that shows it, with a code or with none."""

    async def show(command: Command) -> Login:
        return await commands.show_secret(command.with_code(totp), arbitration.case_id, secret_id)

    return show


async def test_who_holds_the_task_sees_it_and_each_time_its_owner_is_told_and_it_is_recorded(
    arbitration: Arbitration, superuser: Superuser
) -> None:
    secret_id, holder = await arbitration.entrust(), arbitration.holder.id
    assert [await arbitration.show(secret_id) for _ in range(2)] == [LOGIN, LOGIN]

    task_id = await open_task(arbitration.escrow.context, arbitration.case_id, TaskKind.RULE_DISPUTE)
    views = await superuser.rows("SELECT secret_id, task_id, viewer_id, role FROM secret_views")
    assert views == [(secret_id, task_id, holder, "arbitrator")] * 2
    told = "SELECT person_id, channel, params ->> 'role' FROM notices WHERE template = %s"
    assert (
        await superuser.rows(told, Event.SHOWN.value)
        == [
            (arbitration.employer.id, "sms", words.who(Role.ARBITRATOR).fa),
        ]
        * 2
    )
    line = "SELECT code, actor, params FROM timeline WHERE case_id = %s AND starts_with(code, 'secret_') ORDER BY id"
    assert await superuser.rows(line, arbitration.case_id) == [
        ("secret_entrusted", "employer", {}),
        *[("secret_shown", "arbitrator", {})] * 2,
    ]
    audited = (
        "SELECT content::jsonb ->> 'actor', content::jsonb -> 'after' FROM audit"
        " WHERE stream = %s AND content::jsonb ->> 'subject' = %s ORDER BY seq"
    )
    of_holder = (f"staff:{holder}", {"kind": "site_login", "part": "arbitrator"})
    assert await superuser.rows(audited, f"case:{arbitration.case_id}", str(secret_id)) == [
        (f"member:{arbitration.employer.id}", {"kind": "site_login", "part": "employer"}),
        *[of_holder] * 2,
    ]


async def test_each_time_takes_a_code_of_its_own_however_fresh_or_old_the_sessions_step_up_is(
    arbitration: Arbitration, arrange: Arrange, context: Context, superuser: Superuser
) -> None:
    secret_id = await arbitration.entrust()
    fresh, stale = [await arrange.acting(arbitration.holder.id, is_fresh=is_fresh) for is_fresh in (True, False)]

    for actor in (fresh, stale):
        await refused(superuser, run_as(context, actor, showing(arbitration, secret_id, None)), CodeRequired)
        await refused(superuser, run_as(context, actor, showing(arbitration, secret_id, "000000")), CodeNotAccepted)
        assert await run_as(context, actor, showing(arbitration, secret_id, fresh_totp())) == LOGIN


async def test_a_code_that_showed_it_once_shows_it_to_nobody_again(
    arbitration: Arbitration, context: Context, superuser: Superuser
) -> None:
    secret_id, holder = await arbitration.entrust(), arbitration.holder
    # From now on codes are used up, as those of people are.
    await superuser.run("UPDATE staff_credentials SET username = 'real' WHERE person_id = %s", holder.id)
    with_one_code = showing(arbitration, secret_id, fresh_totp())

    came = await asyncio.gather(*(run(context, holder, with_one_code) for _ in range(3)), return_exceptions=True)

    assert [one for one in came if isinstance(one, Login)] == [LOGIN]
    assert [type(one) for one in came if not isinstance(one, Login)] == [CodeNotAccepted] * 2
    assert await superuser.rows(_VIEWS) == [(holder.id,)]


async def test_nobody_else_sees_it(arbitration: Arbitration, arrange: Arrange, superuser: Superuser) -> None:
    secret_id, escrow = await arbitration.entrust(), arbitration.escrow
    of_their_own = await arrange.as_staff(arbitration.employer, Grant(Role.ARBITRATOR, ScopeKind.PLATFORM))

    for who, by in (
        (arbitration.colleague, NotFound),
        (await arrange.platform(Role.FINANCE_OFFICER), NotFound),
        (await arrange.person("member"), NotFound),
        (escrow.operator, TaskNotClaimed),
        (await arrange.platform(Role.AUDITOR), TaskNotClaimed),
        (arbitration.employer, OwnCase),
        (arbitration.contractor, OwnCase),
        (of_their_own, OwnCase),
    ):
        await refused(superuser, arbitration.show(secret_id, who), by)
    assert await superuser.rows(_VIEWS) == []


async def test_who_gave_the_task_back_sees_it_no_more_and_who_has_taken_it_does(
    arbitration: Arbitration, superuser: Superuser
) -> None:
    secret_id, escrow, case_id = await arbitration.entrust(), arbitration.escrow, arbitration.case_id
    assert await arbitration.show(secret_id) == LOGIN
    await escrow.recuse(await open_task(escrow.context, case_id, TaskKind.RULE_DISPUTE))
    for who in (arbitration.holder, arbitration.colleague):
        await refused(superuser, arbitration.show(secret_id, who), NotFound)
    await escrow.go_on(case_id)
    await escrow.claim(case_id, 1)

    assert await arbitration.show(secret_id, arbitration.colleague) == LOGIN
    await refused(superuser, arbitration.show(secret_id), NotFound)
    assert await superuser.rows(_VIEWS) == [(arbitration.holder.id,), (arbitration.colleague.id,)]
    await superuser.run("UPDATE role_grants SET revoked_at = now() WHERE person_id = %s", arbitration.colleague.id)
    await refused(superuser, arbitration.show(secret_id, arbitration.colleague), NotFound)


async def test_once_it_is_needed_no_more_nobody_sees_it_though_its_key_is_there_yet(
    arbitration: Arbitration, superuser: Superuser
) -> None:
    secret_id = await arbitration.entrust()
    await arbitration.escrow.take_back(arbitration.case_id)

    await refused(superuser, arbitration.show(secret_id), NotFound)
    await refused(superuser, arbitration.show(secret_id, arbitration.escrow.operator), TaskNotClaimed)
    assert await superuser.value("SELECT count(*) FROM vault.secrets") == 1


async def test_when_its_time_is_over_nobody_sees_it_before_anybody_has_swept(
    arbitration: Arbitration, superuser: Superuser
) -> None:
    secret_id = await arbitration.entrust()
    await superuser.run("UPDATE entrusted_secrets SET erase_at = now()")

    await refused(superuser, arbitration.show(secret_id), SecretGone)
    await refused(superuser, arbitration.take_back(secret_id), SecretGone)


async def test_what_began_before_it_was_taken_back_does_not_show_it_after(
    arbitration: Arbitration, context: Context, superuser: Superuser
) -> None:
    secret_id = await arbitration.entrust()

    async def is_waiting() -> bool:
        assert not showing_.done(), "it did not wait"
        return bool(await superuser.value(WAITS))

    async with transaction(context.engine, SERVICE) as held:
        # Its transaction begins, and stands before its first lock.
        await lock_rights(held, arbitration.holder.id)
        showing_ = asyncio.create_task(arbitration.show(secret_id))
        await eventually(is_waiting, "the command to wait", seconds=10)
        await arbitration.take_back(secret_id)

    with pytest.raises(SecretGone):
        await showing_
    assert await superuser.rows(_VIEWS) == []
    assert await superuser.value("SELECT count(*) FROM vault.secrets") == 1, "it was there to be opened"


async def test_showing_and_erasing_at_once_show_it_before_or_not_at_all(
    arbitration: Arbitration, context: Context, vault: Vault, superuser: Superuser
) -> None:
    secret_id, eraser = await arbitration.entrust(), SecretEraser(context.engine, vault)
    await superuser.run("UPDATE entrusted_secrets SET erase_at = now() + interval '30 milliseconds'")

    async def show_until_it_is_gone() -> int:
        for seen in range(200):
            try:
                assert await arbitration.show(secret_id) == LOGIN
            except SecretGone:
                return seen
        raise AssertionError("it is shown for ever")

    async def erase() -> None:
        while await superuser.value("SELECT erased_at IS NULL FROM entrusted_secrets"):
            await eraser.sweep()

    seen, _ = await asyncio.gather(show_until_it_is_gone(), erase())

    assert len(await superuser.rows(_VIEWS)) == seen
    await refused(superuser, arbitration.show(secret_id), SecretGone)


async def test_what_is_damaged_is_told_so_and_what_is_gone_is_gone(
    arbitration: Arbitration, superuser: Superuser, tmp_path: Path
) -> None:
    flipped, moved, gone, good = [await arbitration.entrust() for _ in range(4)]
    damaging = "UPDATE vault.secrets SET sealed = set_byte(sealed, 40, get_byte(sealed, 40) # 1) WHERE id = %s"
    assert await superuser.run(damaging, flipped) == 1
    moving = (
        "UPDATE vault.secrets e SET data_key = o.data_key, sealed = o.sealed FROM vault.secrets o"
        " WHERE e.id = %s AND o.id = %s"
    )
    assert await superuser.run(moving, moved, good) == 1
    (tmp_path / "vault-keys" / "entries" / str(gone)).unlink()

    for secret_id, by in ((flipped, SecretUnreadable), (moved, SecretUnreadable), (gone, SecretGone)):
        await refused(superuser, arbitration.show(secret_id), by)
    assert await arbitration.show(good) == LOGIN


async def test_one_of_the_staff_has_so_many_shown_a_day(
    arbitration: Arbitration, context: Context, superuser: Superuser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "SHOWN_PER_OFFICER", ONE_A_DAY)
    secret_id, other = await arbitration.entrust(), await arbitration.entrust()
    show = partial(commands.show_secret, case_id=arbitration.case_id)

    assert await run(context, arbitration.holder, partial(show, secret_id=secret_id)) == LOGIN
    await refused(superuser, run(context, arbitration.holder, partial(show, secret_id=other)), TooMany)


@asynccontextmanager
async def restored(databases: Databases, database: Database, context: Context, vault: Vault) -> AsyncIterator[Context]:
    """The app on a copy of the database as it stands now, with the keys of the one that lives on."""
    for engine in (context.engine, context.side, vault.engine):
        await engine.dispose()
    with databases.copied(database.name) as copy:
        server = databases.server
        engines = [create_engine(url, pool=2) for url in (server.app_url(copy), server.vault_url(copy))]
        try:
            yield replace(context, engine=engines[0], side=engines[0], vault=Vault(engines[1], vault.keys))
        finally:
            for engine in engines:
                await engine.dispose()


@pytest.mark.untouched
async def test_an_app_on_a_backup_from_before_the_erasure_shows_it_to_nobody(
    arbitration: Arbitration, context: Context, databases: Databases, database: Database, vault: Vault
) -> None:
    erased, kept = await arbitration.entrust(), await arbitration.entrust()
    async with restored(databases, database, context, vault) as there:
        await arbitration.take_back(erased)
        await SecretEraser(context.engine, vault).erase(EraseSecrets(arbitration.case_id))

        back = arbitration.elsewhere(there)
        seen = await back.seen_by(arbitration.employer)
        assert seen is not None
        assert [one.why for one in seen.secrets] == [None, None], "the backup knows nothing of the erasure"
        assert await back.show(kept) == LOGIN, "nothing else stands in the way"
        with pytest.raises(SecretGone):
            await back.show(erased)


@pytest.mark.untouched
async def test_what_is_in_another_database_than_the_cases_is_not_taken_for_left_behind(
    arbitration: Arbitration,
    context: Context,
    databases: Databases,
    database: Database,
    vault: Vault,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(activities, "ORPHAN_AFTER", timedelta(0))
    async with restored(databases, database, context, vault) as there:
        secret_id = await arbitration.entrust()
        # Of two settings one names the copy: no case there has it.
        await SecretEraser(there.engine, vault).sweep()

        assert await arbitration.show(secret_id) == LOGIN
