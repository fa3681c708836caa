"""Codes, sessions, rate windows and credentials against Postgres, with real concurrency."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from commands.command import Context
from domain.access import Actor
from domain.account import CODE_TRIES, NO_BINDING, Capacity, CodeNotAccepted, CodePurpose, Limit, code_hash
from storage import account
from storage.account import NewSession, TriedCode
from storage.database import SERVICE, Acting, transaction
from tests.account_people import AUDITOR, OPERATOR, add_employee, add_member, national_id, value
from tests.books import Superuser

LIMIT = Limit("test", 3, timedelta(minutes=10))


async def used(context: Context, limit: Limit = LIMIT, key: str = "key") -> int | None:
    async with transaction(context.engine, SERVICE) as connection:
        return await account.count_use(connection, context.seals, limit, key)


async def new_code(context: Context, person_id: UUID | None) -> UUID:
    async with transaction(context.engine, SERVICE) as connection:
        return await account.create_code(connection, context.seals, CodePurpose.SIGN_IN, person_id, NO_BINDING)


async def pay(
    context: Context, code_id: UUID, purpose: CodePurpose = CodePurpose.SIGN_IN, person_id: UUID | None = None
) -> TriedCode | None:
    async with transaction(context.engine, SERVICE) as connection:
        return await account.pay_try(connection, code_id, purpose, person_id)


async def begin(context: Context, person_id: UUID, capacity: Capacity = "member") -> NewSession:
    async with transaction(context.engine, SERVICE) as connection:
        return await account.begin_session(connection, person_id, capacity)


async def live(context: Context, token: str) -> Actor | None:
    return await account.read_live_session(context.engine, token)


async def test_a_limit_is_reached_after_so_many_and_tells_when_it_ends(context: Context) -> None:
    assert [await used(context) for _ in range(LIMIT.allowed)] == [None] * LIMIT.allowed
    wait = await used(context)
    assert wait is not None
    assert 590 <= wait <= 600
    assert await used(context, key="another") is None


async def test_refused_uses_do_not_make_the_window_longer_and_a_new_one_begins_after_it(context: Context) -> None:
    for _ in range(LIMIT.allowed + 5):
        await used(context)
    await value(context, "UPDATE rate_windows SET ends_at = now() + interval '5 seconds'")
    assert (await used(context) or 0) <= 5
    await value(context, "UPDATE rate_windows SET ends_at = now()")
    assert [await used(context) for _ in range(LIMIT.allowed)] == [None] * LIMIT.allowed
    assert (await used(context) or 0) >= 590


async def test_many_at_once_never_get_more_than_the_limit(context: Context) -> None:
    answers = await asyncio.gather(*(used(context) for _ in range(30)))
    assert sum(answer is None for answer in answers) == LIMIT.allowed


async def test_several_limits_are_counted_up_to_the_first_that_is_reached(context: Context) -> None:
    tight, wide = Limit("tight", 1, timedelta(minutes=1)), Limit("wide", 2, timedelta(hours=1))
    for expected in (True, False, False):
        async with transaction(context.engine, SERVICE) as connection:
            wait = await account.count_uses(connection, context.seals, [(tight, "k"), (wide, "k")])
        assert (wait is None) == expected
    assert await used(context, wide, "k") is None


async def test_a_bucket_holds_nothing_that_can_be_read(context: Context) -> None:
    await used(context, key=f"{national_id(1)}/+989120000001")
    stored = await value(context, "SELECT bucket FROM rate_windows")
    assert isinstance(stored, bytes)
    assert len(stored) == 32
    assert national_id(1).encode() not in stored


async def test_parallel_tries_never_exceed_five(context: Context) -> None:
    member = await add_member(context)
    code_id = await new_code(context, member.person_id)
    tried = await asyncio.gather(*(pay(context, code_id) for _ in range(25)))
    assert sum(one is not None for one in tried) == CODE_TRIES
    assert await value(context, "SELECT tries FROM one_time_codes") == CODE_TRIES


@pytest.mark.parametrize(
    "aged",
    [
        "UPDATE one_time_codes SET expires_at = now()",
        "UPDATE one_time_codes SET tries = 5",
    ],
    ids=["too old", "tried out"],
)
async def test_a_code_past_its_end_gives_no_try(context: Context, superuser: Superuser, aged: str) -> None:
    member = await add_member(context)
    code_id = await new_code(context, member.person_id)
    await superuser.run(aged)
    assert await pay(context, code_id) is None


async def test_nobody_pays_a_try_of_another_s_code_or_for_another_purpose(context: Context) -> None:
    member = await add_member(context)
    code_id = await new_code(context, member.person_id)
    assert await pay(context, code_id, person_id=uuid4()) is None
    assert await pay(context, code_id, CodePurpose.ACCEPT_MANDATE, member.person_id) is None
    assert await value(context, "SELECT tries FROM one_time_codes") == 0
    assert await pay(context, code_id, person_id=member.person_id) is not None


async def test_a_code_is_used_once_and_its_clear_form_is_gone(context: Context) -> None:
    member = await add_member(context)
    code_id = await new_code(context, member.person_id)

    async def use() -> bool:
        try:
            async with transaction(context.engine, SERVICE) as connection:
                await account.use_code(connection, code_id)
        except CodeNotAccepted:
            return False
        return True

    assert sum(await asyncio.gather(*(use() for _ in range(8)))) == 1
    assert await value(context, "SELECT code_sealed FROM one_time_codes") is None


async def test_the_relay_gets_a_code_until_it_says_it_was_sent(context: Context) -> None:
    member = await add_member(context)
    code_id = await new_code(context, member.person_id)
    for _ in range(2):
        async with transaction(context.engine, SERVICE) as connection:
            unsent = await account.take_unsent_code(connection, context.seals, code_id)
        assert unsent is not None
        assert (unsent.to, len(unsent.code)) == (member.mobile, 6)
        assert unsent.code not in repr(unsent)
    async with transaction(context.engine, SERVICE) as connection:
        await account.mark_code_sent(connection, code_id)
        assert await account.take_unsent_code(connection, context.seals, code_id) is None


async def test_a_code_that_is_nobody_s_or_too_old_is_not_sent(context: Context, superuser: Superuser) -> None:
    member = await add_member(context)
    nobodys, old = await new_code(context, None), await new_code(context, member.person_id)
    await superuser.run("UPDATE one_time_codes SET expires_at = now() WHERE id = %s", old)
    async with transaction(context.engine, SERVICE) as connection:
        assert await account.take_unsent_code(connection, context.seals, nobodys) is None
        assert await account.take_unsent_code(connection, context.seals, old) is None


async def test_cancelled_codes_are_worthless(context: Context) -> None:
    member = await add_member(context)
    code_id = await new_code(context, member.person_id)
    async with transaction(context.engine, SERVICE) as connection:
        await account.cancel_codes(connection, member.person_id)
    tried = await pay(context, code_id)
    # Its tries are counted on, so that nobody learns of it by their number.
    assert tried is not None
    assert (tried.is_open, tried.tries_left) == (False, CODE_TRIES - 1)


async def test_a_link_that_the_release_before_has_sent_still_opens(context: Context, superuser: Superuser) -> None:
    member, link = await add_member(context), CodePurpose.STAFF_LINK
    async with transaction(context.engine, SERVICE) as connection:
        made = await account.create_link(connection, context.seals, link, member.person_id, timedelta(days=1))
    token = f"{made.hex}0123456789-_abcdefghij"
    sent = code_hash(context.seals.pepper, made, token, NO_BINDING)
    await superuser.run("UPDATE one_time_codes SET code_hash = %s", sent)

    async with transaction(context.engine, SERVICE) as connection:
        found = [await account.find_link(connection, context.seals, given, link) for given in (token, token[:-1])]

    assert found == [(made, member.person_id), None]


async def test_a_token_is_stored_only_as_its_hash(context: Context) -> None:
    member = await add_member(context)
    session = await begin(context, member.person_id)
    assert session.token not in repr(session)
    assert await value(context, "SELECT strpos(sessions::text, :token) FROM sessions", token=session.token) == 0
    stored = await value(context, "SELECT token_hash FROM sessions")
    assert stored == account.hash_token(session.token)


@pytest.mark.parametrize(
    ("capacity", "aged", "lives"),
    [
        ("member", "UPDATE sessions SET last_used_at = now() - interval '29 minutes'", True),
        ("member", "UPDATE sessions SET last_used_at = now() - interval '31 minutes'", False),
        ("staff", "UPDATE sessions SET last_used_at = now() - interval '19 minutes'", True),
        ("staff", "UPDATE sessions SET last_used_at = now() - interval '21 minutes'", False),
        ("member", "UPDATE sessions SET expires_at = expires_at - interval '11 hours 59 minutes'", True),
        ("member", "UPDATE sessions SET expires_at = expires_at - interval '12 hours'", False),
        ("staff", "UPDATE sessions SET expires_at = expires_at - interval '7 hours 59 minutes'", True),
        ("staff", "UPDATE sessions SET expires_at = expires_at - interval '8 hours'", False),
        ("member", "UPDATE sessions SET ended_at = now()", False),
    ],
)
async def test_a_session_lives_as_long_as_it_may(
    context: Context, superuser: Superuser, capacity: Capacity, aged: str, lives: bool
) -> None:
    person_id = (await add_employee(context, "someone")).person_id
    session = await begin(context, person_id, capacity)
    assert await live(context, session.token) is not None
    await superuser.run(aged)
    assert (await live(context, session.token) is not None) == lives


async def test_a_session_in_use_is_written_to_at_most_once_a_minute(context: Context) -> None:
    member = await add_member(context)
    session = await begin(context, member.person_id)
    ages = []
    for age in (timedelta(seconds=59), timedelta(seconds=61)):
        await value(context, "UPDATE sessions SET last_used_at = now() - CAST(:age AS interval)", age=age)
        await live(context, session.token)
        ages.append(await value(context, "SELECT now() - last_used_at FROM sessions"))
    assert ages[0] >= timedelta(seconds=59)  # type: ignore[operator]
    assert ages[1] < timedelta(seconds=30)  # type: ignore[operator]


async def test_roles_count_in_a_session_of_staff_only_and_as_they_are_now(context: Context) -> None:
    person_id = (await add_employee(context, "someone", OPERATOR, AUDITOR)).person_id
    as_staff, as_member = await begin(context, person_id, "staff"), await begin(context, person_id)
    found, own = await live(context, as_staff.token), await live(context, as_member.token)
    assert found is not None
    assert own is not None
    assert set(found.grants) == {OPERATOR, AUDITOR}
    assert own.grants == ()
    await value(context, "UPDATE role_grants SET revoked_at = now() WHERE role = 'operator'")
    found = await live(context, as_staff.token)
    assert found is not None
    assert found.grants == (AUDITOR,)


async def test_a_disabled_credential_ends_staff_sessions_at_once_and_leaves_the_member(context: Context) -> None:
    person_id = (await add_employee(context, "someone")).person_id
    as_staff, as_member = await begin(context, person_id, "staff"), await begin(context, person_id)
    async with transaction(context.engine, SERVICE) as connection:
        await account.disable_credential(connection, person_id)
    assert await live(context, as_staff.token) is None
    assert await live(context, as_member.token) is not None


async def test_ending_sessions_of_one_capacity_leaves_the_other(context: Context) -> None:
    person_id = (await add_employee(context, "someone")).person_id
    as_staff, as_member = await begin(context, person_id, "staff"), await begin(context, person_id)
    async with transaction(context.engine, SERVICE) as connection:
        assert await account.end_sessions(connection, person_id, "staff") == 1
    assert await live(context, as_staff.token) is None
    assert await live(context, as_member.token) is not None
    async with transaction(context.engine, SERVICE) as connection:
        assert await account.end_sessions(connection, person_id) == 1
    assert await live(context, as_member.token) is None


async def test_a_strong_session_is_strong_for_five_minutes(context: Context) -> None:
    member = await add_member(context)
    session = await begin(context, member.person_id)
    actor = await live(context, session.token)
    assert actor is not None
    assert actor.strong_until is None
    async with transaction(context.engine, Acting("member", member.person_id)) as connection:
        until = await account.strengthen_session(connection, session.id, "member")
    actor = await live(context, session.token)
    assert actor is not None
    assert actor.strong_until == until
    left = await value(context, "SELECT strong_until - now() FROM sessions")
    assert timedelta(minutes=4) < left <= timedelta(minutes=5)  # type: ignore[operator]


async def test_a_totp_step_is_used_once_and_never_goes_back(context: Context) -> None:
    person_id = (await add_employee(context, "someone")).person_id

    async def use(step: int) -> bool:
        async with transaction(context.engine, SERVICE) as connection:
            credential = await account.read_credential(connection, context.seals, person_id=person_id)
            assert credential is not None
            return await account.use_totp_step(connection, credential, step)

    assert sum(await asyncio.gather(*(use(100) for _ in range(8)))) == 1
    assert not await use(99)
    assert await use(101)


async def test_credentials_that_were_reset_meanwhile_use_up_no_step(context: Context) -> None:
    person_id = (await add_employee(context, "someone")).person_id
    async with transaction(context.engine, SERVICE) as connection:
        old = await account.read_credential(connection, context.seals, person_id=person_id)
        assert old is not None
        await account.set_credential(connection, context.seals, person_id, password_hash="another hash", step=0)
        assert not await account.use_totp_step(connection, old, old.step)
        new = await account.read_credential(connection, context.seals, username="someone")
        assert new is not None
        assert await account.use_totp_step(connection, new, new.step)


async def test_what_is_over_is_purged_a_bounded_number_at_a_time(context: Context, superuser: Superuser) -> None:
    member = await add_member(context)
    for _ in range(3):
        await new_code(context, member.person_id)
        await used(context, key=str(uuid4()))
    kept = await new_code(context, member.person_id)
    await used(context, key="kept")
    await superuser.run("UPDATE one_time_codes SET expires_at = now() - interval '2 hours' WHERE id <> %s", kept)
    await value(
        context,
        "UPDATE rate_windows SET ends_at = now() - interval '1 second' WHERE bucket <> :b",
        b=context.seals.index.of("rate:test", "kept"),
    )
    counts = []
    for _ in range(3):
        async with transaction(context.engine, SERVICE) as connection:
            counts.append(await account.purge_expired(connection, 2))
    assert counts == [4, 2, 0]
    assert await value(context, "SELECT id FROM one_time_codes") == kept
    assert await value(context, "SELECT count(*) FROM rate_windows") == 1
