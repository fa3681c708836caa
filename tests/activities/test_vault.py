"""Entrusted passwords are erased once, at once or as soon as it can be, and told to their owner (F2)."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from activities import vault as activities
from activities.transition import ActivityContext
from activities.vault import SecretEraser
from commands.command import Context
from domain.vault import KeysNotThere, SecretKind
from messages.escrow import JobSide
from messages.vault import EraseSecrets, Event
from relay import Lane, Relay, Route
from storage import vault as stored
from storage.database import SERVICE, transaction
from storage.vault import Vault
from tests.arrange import Arrange
from tests.books import Superuser, assert_books_clean
from tests.escrow_process import AMOUNT
from tests.secret_steps import LOGIN, Arbitration, arbitration_claimed, away

_HOUR = timedelta(hours=1)
_TOLD = Event.ERASED.value
_CLOSE = "UPDATE cases SET closed_at = now(), outcome = phase, next_actor = NULL, due_at = NULL WHERE id = %s"


@pytest.fixture
async def arbitration(
    context: Context, arrange: Arrange, activity_context: ActivityContext, superuser: Superuser, tmp_path: Path
) -> Arbitration:
    """Both sides have filed, and an arbitrator has claimed it."""
    return await arbitration_claimed(context, arrange, activity_context, superuser, tmp_path)


@pytest.fixture
def eraser(context: Context, vault: Vault) -> SecretEraser:
    """As each process has one."""
    return SecretEraser(context.engine, vault)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Where the keys are."""
    return tmp_path / "vault-keys"


def keys_in(place: Path) -> set[UUID]:
    """The entries of which there is a key."""
    return {UUID(path.name) for path in (place / "entries").iterdir() if path.is_file()}


def break_key(place: Path, entry_id: UUID) -> bytes:
    """Something stands in a key's place that cannot be deleted, as on a disk with a bad block; returns the key."""
    path = place / "entries" / str(entry_id)
    content = path.read_bytes()
    path.unlink()
    path.mkdir()
    return content


def mend_key(place: Path, entry_id: UUID, content: bytes) -> None:
    """The key is back."""
    path = place / "entries" / str(entry_id)
    path.rmdir()
    path.write_bytes(content)


async def entries(superuser: Superuser) -> set[UUID]:
    """What the vault holds."""
    return {entry_id for (entry_id,) in await superuser.rows("SELECT id FROM vault.secrets")}


async def erased(superuser: Superuser) -> dict[UUID, str]:
    """The secrets that are erased, and why."""
    rows = await superuser.rows("SELECT id, why FROM entrusted_secrets WHERE erased_at IS NOT NULL")
    return {row[0]: row[1] for row in rows}


async def told(superuser: Superuser) -> list[UUID]:
    """Who was told that a secret of theirs is erased; the timeline and the audit trail say each too."""
    rows = await superuser.rows("SELECT person_id FROM notices WHERE template = %s ORDER BY created_at", _TOLD)
    said = await superuser.value("SELECT count(*) FROM timeline WHERE code = %s", _TOLD)
    audited = await superuser.value("SELECT count(*) FROM audit WHERE content::jsonb ->> 'action' = 'erase_secret'")
    assert said == audited == len(rows)
    return [person_id for (person_id,) in rows]


async def its_time_is_over(superuser: Superuser, *secrets: UUID, for_: timedelta = timedelta(0)) -> None:
    """So long already."""
    over = "UPDATE entrusted_secrets SET erase_at = now() - %s, entrusted_at = now() - %s WHERE id = ANY(%s)"
    assert await superuser.run(over, for_, for_ + timedelta(days=1), list(secrets)) == len(secrets)


async def test_what_was_taken_back_is_erased_once_however_often_that_is_asked_for(
    arbitration: Arbitration, context: Context, vault: Vault, superuser: Superuser, place: Path
) -> None:
    secret_id, stays = await arbitration.entrust(), await arbitration.entrust()
    await arbitration.take_back(secret_id)
    order, two = EraseSecrets(arbitration.case_id), [SecretEraser(context.engine, vault) for _ in range(2)]

    # The relay sends twice what it does not know to be sent, and every process sweeps.
    await asyncio.gather(*(one.erase(order) for one in two), *(one.sweep() for one in two))
    for again in (two[0].erase(order), two[1].sweep()):
        await again

    assert await erased(superuser) == {secret_id: "taken_back"}
    assert await entries(superuser) == keys_in(place) == {stays}
    assert await told(superuser) == [arbitration.employer.id]
    assert await superuser.value("SELECT params ->> 'why' FROM timeline WHERE code = %s", _TOLD) == "taken_back"
    assert await arbitration.show(stays) == LOGIN
    await assert_books_clean(context.engine)


async def test_an_order_erases_what_is_over_in_its_case_and_nothing_else(
    arbitration: Arbitration, eraser: SecretEraser, superuser: Superuser
) -> None:
    secret_id, stays = await arbitration.entrust(), await arbitration.entrust()
    await its_time_is_over(superuser, secret_id)

    await eraser.erase(EraseSecrets(uuid4()))
    assert await erased(superuser) == {}
    await eraser.erase(EraseSecrets(arbitration.case_id))
    assert await erased(superuser) == {secret_id: "time_over"}
    assert await entries(superuser) == {stays}


async def test_the_relay_erases_at_once_and_asks_again_where_the_keys_are_away(
    arbitration: Arbitration, context: Context, eraser: SecretEraser, superuser: Superuser, place: Path
) -> None:
    relay = Relay(context.engine, [Route(EraseSecrets, eraser.erase, Lane.SECRETS)])
    secret_id = await arbitration.entrust()
    await arbitration.take_back(secret_id)
    orders = "SELECT sent_at IS NOT NULL, attempts, last_error FROM outbox WHERE message = 'EraseSecrets'"

    with away(place):
        assert await relay.drain(Lane.SECRETS) == 1
    assert await erased(superuser) == {}
    ((is_sent, attempts, error),) = await superuser.rows(orders)
    assert (is_sent, attempts > 0, error) == (False, True, "KeysNotThere")

    await superuser.run("UPDATE outbox SET due_at = now(), claimed_until = NULL WHERE message = 'EraseSecrets'")
    assert await relay.drain(Lane.SECRETS) == 1
    assert await erased(superuser) == {secret_id: "taken_back"}
    assert (await superuser.rows(orders))[0][0]


async def test_what_one_side_withdraws_ends_what_both_have_entrusted(
    arbitration: Arbitration, eraser: SecretEraser, superuser: Superuser
) -> None:
    theirs, other = await arbitration.entrust(), await arbitration.entrust(arbitration.contractor)

    await arbitration.escrow.take_back(arbitration.case_id)
    assert set(await superuser.rows("SELECT id, why, erase_at <= now() FROM entrusted_secrets")) == {
        (theirs, "not_needed", True),
        (other, "not_needed", True),
    }
    assert await superuser.value("SELECT count(*) FROM outbox WHERE message = 'EraseSecrets'") == 1
    await eraser.erase(EraseSecrets(arbitration.case_id))

    assert await erased(superuser) == {theirs: "not_needed", other: "not_needed"}
    assert set(await told(superuser)) == {arbitration.employer.id, arbitration.contractor.id}
    assert await entries(superuser) == set()


async def test_a_ruling_that_is_final_ends_them_and_one_that_may_be_objected_to_does_not(
    arbitration: Arbitration, eraser: SecretEraser, superuser: Superuser
) -> None:
    secret_id, escrow, case_id = await arbitration.entrust(), arbitration.escrow, arbitration.case_id
    await escrow.rule(case_id, AMOUNT)
    await escrow.go_on(case_id)
    await eraser.sweep()
    assert await erased(superuser) == {}, "another arbitrator may need it"

    await escrow.pass_wait(case_id)
    await eraser.sweep()

    assert await erased(superuser) == {secret_id: "not_needed"}
    assert await entries(superuser) == set()


async def test_a_case_that_ends_takes_with_it_whatever_it_still_holds(
    arbitration: Arbitration, context: Context, vault: Vault, eraser: SecretEraser, superuser: Superuser
) -> None:
    escrow, kind = arbitration.escrow, SecretKind.SITE_LOGIN
    ending = await escrow.proposed()
    secret_id = await vault.keep(b"{}", stored.about_secret(ending, kind))
    async with transaction(context.engine, SERVICE) as connection:
        await stored.add_secret(
            connection,
            context.seals,
            secret_id,
            case_id=ending,
            owner_id=escrow.employer.id,
            part="employer",
            kind=kind,
            host="example.com",
        )
    stays = await arbitration.entrust()

    await escrow.decline(ending)
    await escrow.go_on(ending)

    orders = "SELECT case_id FROM outbox WHERE message = 'EraseSecrets'"
    assert await superuser.rows(orders) == [(ending,)]
    await eraser.erase(EraseSecrets(ending))
    assert await erased(superuser) == {secret_id: "case_ended"}
    assert await entries(superuser) == {stays}


async def test_after_everything_was_down_the_first_sweep_erases_what_fell_due_and_whose_order_was_lost(
    arbitration: Arbitration, eraser: SecretEraser, superuser: Superuser, place: Path
) -> None:
    over, lost, stays = [await arbitration.entrust() for _ in range(3)]
    await arbitration.take_back(lost)
    await superuser.run("DELETE FROM outbox")
    await its_time_is_over(superuser, over, for_=timedelta(days=2))

    await eraser.sweep()

    assert await erased(superuser) == {over: "time_over", lost: "taken_back"}
    assert await entries(superuser) == keys_in(place) == {stays}
    assert await told(superuser) == [arbitration.employer.id] * 2


async def test_however_many_are_over_one_sweep_erases_them(
    arbitration: Arbitration, eraser: SecretEraser, superuser: Superuser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(activities, "_AT_ONCE", 2)
    secrets = [await arbitration.entrust() for _ in range(5)]
    await its_time_is_over(superuser, *secrets)

    await eraser.sweep()

    assert set(await erased(superuser)) == set(secrets)


async def test_while_the_keys_are_away_nothing_is_called_erased_and_as_soon_as_they_are_back_it_is(
    arbitration: Arbitration,
    context: Context,
    eraser: SecretEraser,
    superuser: Superuser,
    place: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    secret_id = await arbitration.entrust()
    await its_time_is_over(superuser, secret_id, for_=timedelta(minutes=4))

    async def late() -> set[UUID]:
        async with transaction(context.engine, SERVICE) as connection:
            return await stored.late_cases(connection, 10)

    with away(place):
        await eraser.sweep()
        with pytest.raises(KeysNotThere):
            await eraser.erase(EraseSecrets(arbitration.case_id))
    with away(place / "entries"):
        # The disk is there in part only: that a file is missing is no proof that it was destroyed.
        await eraser.sweep()
    assert (await erased(superuser), await told(superuser)) == ({}, [])
    assert await entries(superuser) == {secret_id}
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"].count(
        "vault_not_swept"
    ) >= 2
    assert await late() == set(), "that may take a while"
    await its_time_is_over(superuser, secret_id, for_=timedelta(minutes=6))
    assert await late() == {arbitration.case_id}, "and is an alarm after that"

    await eraser.sweep()
    assert await erased(superuser) == {secret_id: "time_over"}
    assert (await late(), keys_in(place)) == (set(), set())


async def test_one_bad_file_stops_neither_the_others_nor_orphans_nor_the_end_of_days(
    arbitration: Arbitration, vault: Vault, eraser: SecretEraser, superuser: Superuser, place: Path
) -> None:
    first, bad, last = [await arbitration.entrust() for _ in range(3)]
    orphan = await vault.keep(b"broken off", "nothing")
    await superuser.run("UPDATE vault.secrets SET kept_at = now() - interval '2 hours' WHERE id = %s", orphan)
    long_ago = datetime.now(UTC).date() - timedelta(days=62)
    await vault.keys.create(uuid4(), long_ago)
    for secret_id, over_for in ((first, 3 * _HOUR), (bad, 2 * _HOUR), (last, _HOUR)):
        await its_time_is_over(superuser, secret_id, for_=over_for)
    content = break_key(place, bad)

    await eraser.sweep()

    assert set(await erased(superuser)) == {first, last}
    assert await entries(superuser) == {bad}
    assert f"{long_ago}.1" not in {path.name for path in (place / "days").iterdir()}
    mend_key(place, bad, content)
    await eraser.sweep()
    assert set(await erased(superuser)) == {first, bad, last}
    assert await entries(superuser) == set()


async def test_a_fault_of_ours_with_one_stops_neither_the_others_nor_the_end_of_days(
    arbitration: Arbitration,
    vault: Vault,
    eraser: SecretEraser,
    superuser: Superuser,
    place: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bad, good = await arbitration.entrust(), await arbitration.entrust()
    long_ago = datetime.now(UTC).date() - timedelta(days=62)
    await vault.keys.create(uuid4(), long_ago)
    await its_time_is_over(superuser, bad, for_=_HOUR)
    await its_time_is_over(superuser, good)
    destroy = vault.keys.destroy

    async def stumble(entry_id: UUID) -> None:
        if entry_id == bad:
            raise LookupError(entry_id)
        await destroy(entry_id)

    monkeypatch.setattr(vault.keys, "destroy", stumble)
    await eraser.sweep()

    assert set(await erased(superuser)) == {good}
    assert f"{long_ago}.1" not in {path.name for path in (place / "days").iterdir()}


async def test_entries_of_commands_that_broke_off_go_after_an_hour_and_all_have_their_turn(
    arbitration: Arbitration,
    vault: Vault,
    eraser: SecretEraser,
    superuser: Superuser,
    place: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(activities, "_AT_ONCE", 2)
    kept = {await arbitration.entrust() for _ in range(3)}
    orphans = {await vault.keep(b"broken off", "nothing") for _ in range(5)}
    await eraser.sweep()
    assert await entries(superuser) == kept | orphans, "their command may be about to commit"
    await superuser.run("UPDATE vault.secrets SET kept_at = now() - interval '2 hours'")
    fresh = await vault.keep(b"broken off", "nothing")

    # Two a round of eight, whichever they are.
    for _ in range(5):
        await eraser.sweep()

    assert await entries(superuser) == keys_in(place) == kept | {fresh}
    assert await told(superuser) == []


async def test_days_end_after_the_longest_life_and_not_before(vault: Vault, eraser: SecretEraser, place: Path) -> None:
    today = datetime.now(UTC).date()
    for age in (62, 61, 60, 0):
        await vault.keys.create(uuid4(), today - timedelta(days=age))

    await eraser.sweep()

    days = [f"{today - timedelta(days=age)}.1" for age in (61, 60, 0)]
    assert sorted(path.name for path in (place / "days").iterdir()) == sorted(days)


async def test_what_a_newer_release_entrusted_is_erased_by_an_older_one(
    arbitration: Arbitration, eraser: SecretEraser, superuser: Superuser
) -> None:
    secret_id, other = await arbitration.entrust(), await arbitration.entrust()
    await its_time_is_over(superuser, secret_id, other)
    await superuser.run("UPDATE entrusted_secrets SET kind = 'api_token', part = 'courier' WHERE id = %s", secret_id)
    await superuser.run("UPDATE cases SET kind = 'order' WHERE id = %s", arbitration.case_id)

    await eraser.sweep()

    assert set(await erased(superuser)) == {secret_id, other}


async def test_what_a_release_that_knows_no_secrets_left_in_an_ended_case_is_erased(
    arbitration: Arbitration, eraser: SecretEraser, superuser: Superuser
) -> None:
    secret_id = await arbitration.entrust()
    await superuser.run(_CLOSE, arbitration.case_id)

    await eraser.sweep()

    assert set(await erased(superuser)) == {secret_id}
    assert await entries(superuser) == set()


async def test_a_dispute_that_comes_again_begins_without_what_was_entrusted_before(
    arbitration: Arbitration, eraser: SecretEraser, superuser: Superuser
) -> None:
    escrow, case_id = arbitration.escrow, arbitration.case_id
    before = await arbitration.entrust()
    await escrow.take_back(case_id)
    await escrow.go_on(case_id)
    await escrow.dispute(case_id, JobSide.CONTRACTOR)
    await escrow.go_on(case_id)
    await escrow.pass_wait(case_id)
    after = await arbitration.entrust()

    await eraser.sweep()

    assert await erased(superuser) == {before: "not_needed"}
    assert await entries(superuser) == {after}
