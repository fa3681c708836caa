"""Strangers shut nobody out, guess slowly, and are told nothing by time (G1)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from uuid import uuid4

import pytest
import sqlalchemy as sa

from commands.account import (
    SignIn,
    disable_staff,
    request_sign_in_code,
    sign_in,
    sign_in_staff,
)
from commands.account.codes import code_uses
from commands.account.credentials import hash_password
from commands.command import Context
from domain.account import (
    CODES_PER_ADDRESS,
    CODES_PER_DAY,
    CODES_PER_DAY_THERE,
    CODES_PER_NUMBER,
    CODES_PER_NUMBER_THERE,
    DEVICES_PER_PERSON,
    FAILURE_SHARDS,
    STAFF_TRIES_EVERYWHERE,
    STAFF_TRIES_PER_NAME,
    STAFF_WRONG_TOTP,
    CodeNotAccepted,
    SignInRefused,
)
from domain.address import WIDER, origin_of
from domain.errors import TooMany
from storage import account
from storage.account.failures import failure_shard
from storage.database import SERVICE, transaction
from storage.housekeeping import keep_house
from storage.locks import About, lock
from tests.account_people import (
    OPERATOR,
    Credentials,
    Member,
    add_employee,
    add_member,
    audited,
    mobile,
    national_id,
    sent_code,
    totp,
    value,
)
from tests.arrange import eventually
from tests.books import Superuser, assert_books_clean
from tests.commands.account_steps import (
    ORIGIN,
    challenge,
    console,
    let_pace_pass,
    signed_in_member,
    statements,
    tell,
    use_up,
    wrong,
)


def network(context: Context, host: int, *, subnet: int = 0, site: int = 1) -> str:
    """Where an address of IPv6 comes from."""
    return origin_of(context.seals.pepper, f"2001:db8:{site:x}:{subnet:x}::{host:x}")


async def enter(
    context: Context, credentials: Credentials, *, later: int = 0, device: str = "", origin: str = ORIGIN
) -> SignIn:
    """Sign in staff with what is right."""
    code = await totp(context, credentials.totp_secret, later=later)
    return await sign_in_staff(
        context,
        username=credentials.username,
        password=credentials.password,
        totp=code,
        origin=origin,
        device=device,
    )


async def outcomes(deed: Callable[[int], Awaitable[object]], count: int) -> list[type]:
    """What became of so many tries, one after another."""
    found = []
    for number in range(count):
        try:
            found.append(type(await deed(number)))
        except (TooMany, SignInRefused, CodeNotAccepted) as refused:
            found.append(type(refused))
    return found


async def test_200_wrong_tries_from_one_network_shut_no_officer_out(context: Context) -> None:
    credentials = await add_employee(context, "boss", OPERATOR)
    device = (await enter(context, credentials)).device

    async def guess(number: int) -> SignIn:
        origin = network(context, number)
        return await sign_in_staff(context, username="boss", password="x", totp="123456", origin=origin)

    refused = await outcomes(guess, 200)

    assert refused.count(TooMany) >= 200 - STAFF_TRIES_PER_NAME.allowed - 5
    assert refused.count(SignInRefused) >= STAFF_TRIES_PER_NAME.allowed
    await enter(context, credentials, later=1, device=device, origin=network(context, 1))
    await value(context, "UPDATE staff_credentials SET totp_last_step = 0")
    await enter(context, credentials, origin="elsewhere")


async def test_past_its_limit_a_name_is_slowed_down_for_unknown_devices_only(context: Context) -> None:
    credentials = await add_employee(context, "boss", OPERATOR)
    device = (await enter(context, credentials)).device
    await use_up(context, STAFF_TRIES_EVERYWHERE, "boss")

    await enter(context, credentials, later=1, device=device)
    await value(context, "UPDATE staff_credentials SET totp_last_step = 0")
    with pytest.raises(TooMany):
        await enter(context, credentials)
    await let_pace_pass(context, STAFF_TRIES_EVERYWHERE, "boss")
    await enter(context, credentials)


async def test_a_name_past_its_limit_is_tried_at_the_stated_pace_whatever_the_network(context: Context) -> None:
    await add_employee(context, "boss", OPERATOR)
    await use_up(context, STAFF_TRIES_EVERYWHERE, "boss")
    await let_pace_pass(context, STAFF_TRIES_EVERYWHERE, "boss")

    async def guess(number: int) -> SignIn:
        origin = network(context, 1, site=number)
        return await sign_in_staff(context, username="boss", password="x", totp="123456", origin=origin)

    begun = asyncio.get_running_loop().time()
    refused = await outcomes(guess, 6)
    pace = STAFF_TRIES_EVERYWHERE.pace
    assert pace is not None
    passed = (asyncio.get_running_loop().time() - begun) / pace.total_seconds()
    assert 1 <= refused.count(SignInRefused) <= 2 + passed


async def test_a_strangers_device_is_not_known_for_another_person(context: Context) -> None:
    credentials = await add_employee(context, "boss", OPERATOR)
    foreign = (await enter(context, await add_employee(context, "other", number=501))).device
    await use_up(context, STAFF_TRIES_EVERYWHERE, "boss")
    with pytest.raises(TooMany):
        await enter(context, credentials, device=foreign)


async def test_whoever_has_the_password_guesses_20_codes_a_day_and_is_not_told_that_it_is_right(
    context: Context,
) -> None:
    credentials = await add_employee(context, "boss", OPERATOR)
    device = (await enter(context, credentials)).device
    far = await totp(context, credentials.totp_secret, later=9)

    async def guess(number: int) -> SignIn:
        origin = network(context, 1, site=number)
        return await sign_in_staff(context, username="boss", password=credentials.password, totp=far, origin=origin)

    password_hash = await value(context, "SELECT password_hash FROM staff_credentials")
    await use_up(context, STAFF_WRONG_TOTP, f"{credentials.person_id}/{password_hash}/", left=2)
    assert await outcomes(guess, 2) == [SignInRefused] * 2
    with pytest.raises(SignInRefused):
        await enter(context, credentials, later=1, origin="elsewhere")
    await enter(context, credentials, later=1, device=device)
    other = replace(credentials, password="بادبادک سرخ بر فراز تپه")
    async with transaction(context.engine, SERVICE) as connection:
        await account.set_credential(
            connection,
            context.seals,
            credentials.person_id,
            password_hash=await hash_password(other.password),
            totp_secret=None,
            step=0,
        )
    await enter(context, other, origin="elsewhere")


async def test_right_credentials_use_up_none_of_the_guesses(context: Context) -> None:
    credentials = await add_employee(context, "boss", OPERATOR)
    for _ in range(2):
        await enter(context, credentials)
        await value(context, "UPDATE staff_credentials SET totp_last_step = 0")
    password_hash = await value(context, "SELECT password_hash FROM staff_credentials")
    bucket = context.seals.index.of(f"rate:{STAFF_WRONG_TOTP.name}", f"{credentials.person_id}/{password_hash}/")
    assert await value(context, "SELECT used FROM rate_windows WHERE bucket = :bucket", bucket=bucket) == 0


async def test_320_code_requests_from_one_network_are_limited(context: Context) -> None:
    async def ask(number: int) -> object:
        return await request_sign_in_code(
            context, national_id=national_id(number), mobile=mobile(number), origin=network(context, number)
        )

    refused = await outcomes(ask, 20)
    assert TooMany not in refused
    await value(context, "UPDATE rate_windows SET used = used + 280 WHERE used = 20")
    refused = await outcomes(lambda number: ask(300 + number), 20)
    # All but what the pace lets through.
    assert refused.count(TooMany) >= 17
    assert await value(context, "SELECT max(used) FROM rate_windows") == 320


async def test_a_site_of_many_networks_is_limited_too(context: Context) -> None:
    async def ask(number: int) -> object:
        return await request_sign_in_code(
            context,
            national_id=national_id(number),
            mobile=mobile(number),
            origin=network(context, 1, subnet=number),
        )

    assert TooMany not in await outcomes(ask, 12)
    whole = CODES_PER_ADDRESS.allowed * WIDER
    await value(context, "UPDATE rate_windows SET used = :whole WHERE used = 12", whole=whole)
    assert (await outcomes(lambda number: ask(300 + number), 20)).count(TooMany) >= 17
    await request_sign_in_code(
        context, national_id=national_id(90), mobile=mobile(90), origin=network(context, 1, site=2)
    )


async def test_a_strangers_requests_do_not_bar_the_member_who_has_the_last_code(context: Context) -> None:
    member = await add_member(context)
    device = (await signed_in_member(context, member)).device
    await value(context, "DELETE FROM rate_windows")
    own = await challenge(context, member)
    code = await sent_code(context, own)
    await use_up(context, CODES_PER_NUMBER, f"{member.national_id}/{member.mobile}")
    with pytest.raises(TooMany):
        await challenge(context, member, origin="stranger")

    await sign_in(context, challenge_id=own, code=code, origin=ORIGIN)
    on_device = await request_sign_in_code(
        context, national_id=member.national_id, mobile=member.mobile, origin="stranger", device=device
    )
    await sign_in(context, challenge_id=on_device, code=await sent_code(context, on_device), origin=ORIGIN)


async def test_requests_from_one_network_leave_some_of_a_number_s_for_the_member(context: Context) -> None:
    member = await add_member(context)
    stranger = network(context, 1)

    async def ask(_number: int) -> object:
        await half_a_minute_later(context, member, stranger)
        return await challenge(context, member, origin=stranger)

    # One more is let through at once, then one each hour.
    assert (await outcomes(ask, 8)).count(TooMany) == 8 - CODES_PER_NUMBER_THERE.allowed - 1
    for origin in ("home", "work"):
        assert await outcomes(ask, 2) == [TooMany] * 2
        own = await challenge(context, member, origin=origin)
        await sign_in(context, challenge_id=own, code=await sent_code(context, own), origin=origin)


async def test_one_network_never_takes_the_turn_that_all_have_of_a_number_for_a_day(context: Context) -> None:
    member = await add_member(context)
    stranger, pair = network(context, 1), f"{member.national_id}/{member.mobile}"
    for limit, key in code_uses(pair, stranger):
        if limit in {CODES_PER_DAY_THERE, CODES_PER_DAY}:
            await use_up(context, limit, key)
    await let_pace_pass(context, CODES_PER_DAY, pair)

    assert await outcomes(lambda _: challenge(context, member, origin=stranger), 3) == [TooMany] * 3
    await challenge(context, member, origin="home")


async def test_what_one_limit_refuses_is_no_use_of_another_that_all_share(context: Context) -> None:
    member = await add_member(context)
    pair = f"{member.national_id}/{member.mobile}"
    await use_up(context, CODES_PER_NUMBER, pair)
    await let_pace_pass(context, CODES_PER_NUMBER, pair)
    await use_up(context, CODES_PER_DAY, pair)

    assert await outcomes(lambda number: challenge(context, member, origin=f"of {number}"), 9) == [TooMany] * 9
    await let_pace_pass(context, CODES_PER_DAY, pair)
    await challenge(context, member, origin="home")
    used = "SELECT used FROM rate_windows WHERE bucket = :bucket"
    bucket = context.seals.index.of(f"rate:{CODES_PER_NUMBER.name}", pair)
    assert await value(context, used, bucket=bucket) == CODES_PER_NUMBER.allowed + 1


async def half_a_minute_later(context: Context, member: Member, origin: str) -> None:
    """Let a network ask for another code for a pair, as far as the time between two goes."""
    bucket = context.seals.index.of("rate:codes_apart", f"{member.national_id}/{member.mobile}/{origin}")
    await value(context, "UPDATE rate_windows SET ends_at = now() WHERE bucket = :bucket", bucket=bucket)


async def test_a_stranger_cannot_use_up_the_tries_of_another_s_challenge(context: Context) -> None:
    member = await add_member(context)
    own = await challenge(context, member)
    # Random, so that nobody finds another's.
    assert own.version == 4
    await value(context, "DELETE FROM rate_windows")
    strangers = await challenge(context, member, origin="stranger")
    code = wrong(await sent_code(context, own))
    for challenge_id in [strangers] * 6 + [uuid4()] * 6:
        with pytest.raises(CodeNotAccepted):
            await sign_in(context, challenge_id=challenge_id, code=code, origin="stranger")
    await sign_in(context, challenge_id=own, code=await sent_code(context, own), origin=ORIGIN)


async def test_a_failure_waits_neither_for_the_account_nor_for_failures_elsewhere(context: Context) -> None:
    member = await add_member(context)
    known = await challenge(context, member)
    nobodys = await challenge(context, Member(uuid4(), national_id(7), mobile(7)))
    shards = {failure_shard(context.seals, str(each)) for each in (known, nobodys)}
    async with transaction(context.engine, SERVICE) as holding:
        for stream in (f"account:{member.person_id}", "sign-in"):
            await holding.execute(sa.text("SELECT audit_append(:stream, '{}')"), {"stream": stream})
        for shard in set(range(FAILURE_SHARDS)) - shards:
            await lock(holding, About.FAILED_SIGN_INS, shard)
        for each in (known, nobodys):
            async with asyncio.timeout(1):
                with pytest.raises(CodeNotAccepted):
                    await sign_in(context, challenge_id=each, code="000000", origin=ORIGIN)


async def test_a_failure_on_an_account_takes_the_locks_of_one_on_nobodys(context: Context) -> None:
    member = await add_member(context)
    wanted = [await challenge(context, each) for each in (member, Member(uuid4(), national_id(7), mobile(7)))]
    seen = []
    for each in wanted:
        with statements(context) as asked, pytest.raises(CodeNotAccepted):
            await sign_in(context, challenge_id=each, code="000000", origin=ORIGIN)
        seen.append(asked)
        async with transaction(context.engine, SERVICE) as holding:
            await lock(holding, About.FAILED_SIGN_INS, failure_shard(context.seals, str(each)))
            failing = asyncio.create_task(sign_in(context, challenge_id=each, code="000000", origin=ORIGIN))
            while not await value(context, "SELECT count(*) FROM pg_locks WHERE NOT granted"):
                assert not failing.done()
        with pytest.raises(CodeNotAccepted):
            await failing
    assert seen[0] == seen[1]


async def test_failures_become_few_lines_of_an_unbroken_trail(context: Context, superuser: Superuser) -> None:
    member = await add_member(context)
    wanted = await challenge(context, member)
    for _ in range(5):
        with pytest.raises(CodeNotAccepted):
            await sign_in(context, challenge_id=wanted, code=wrong(await sent_code(context, wanted)), origin=ORIGIN)
    for number in range(30):
        with pytest.raises(CodeNotAccepted):
            await sign_in(context, challenge_id=uuid4(), code="123456", origin=network(context, 1, site=number))
    assert await value(context, "SELECT sum(failures) FROM failed_sign_ins") == 35
    assert await audited(context, "sign-in") == []

    await tell(context, superuser)

    assert await value(context, "SELECT count(*) FROM failed_sign_ins") == 0
    found = await superuser.rows(
        "SELECT stream, content::jsonb #>> '{after,failures}', jsonb_array_length(content::jsonb #> '{after,origins}')"
        " FROM audit ORDER BY stream"
    )
    assert found == [(f"account:{member.person_id}", "5", 1), ("sign-in", "30", 10)]
    await assert_books_clean(context.engine)


async def test_housekeeping_tells_the_trail_by_itself(context: Context, superuser: Superuser) -> None:
    with pytest.raises(CodeNotAccepted):
        await sign_in(context, challenge_id=uuid4(), code="123456", origin=ORIGIN)
    await superuser.run("UPDATE failed_sign_ins SET minute = minute - interval '1 hour'")
    house = asyncio.create_task(keep_house(context.engine))
    assert await eventually(lambda: audited(context, "sign-in"), "the line of the trail") == ["sign_in_failed"]
    house.cancel()
    with pytest.raises(asyncio.CancelledError):
        await house


async def test_a_minute_that_is_not_over_is_not_told_yet(context: Context) -> None:
    with pytest.raises(CodeNotAccepted):
        await sign_in(context, challenge_id=uuid4(), code="123456", origin=ORIGIN)
    async with transaction(context.engine, SERVICE) as connection:
        assert await account.tell_failures(connection, 10) == 0
    assert await value(context, "SELECT sum(failures) FROM failed_sign_ins") == 1


async def test_a_device_stays_known_for_180_days_from_its_last_sign_in(context: Context) -> None:
    credentials = await add_employee(context, "boss", OPERATOR)
    first = await enter(context, credentials)
    await value(context, "UPDATE known_devices SET expires_at = now() + interval '1 day'")
    again = await enter(context, credentials, later=1, device=first.device)
    assert again.device == first.device
    assert await value(context, "SELECT expires_at > now() + interval '179 days' FROM known_devices")
    await value(context, "UPDATE known_devices SET expires_at = now()")
    async with transaction(context.engine, SERVICE) as connection:
        assert not await account.knows_device(connection, first.device, "staff", first.person.id)
        assert await account.purge_expired(connection, 10) >= 1
    assert await value(context, "SELECT count(*) FROM known_devices") == 0


async def test_one_device_may_be_known_for_several_people_each_apart(context: Context) -> None:
    one = await enter(context, await add_employee(context, "one", number=501))
    two = await enter(context, await add_employee(context, "two", number=502), device=one.device)
    assert one.device == two.device
    async with console(context) as office:
        await disable_staff(office, one.person.id)
    async with transaction(context.engine, SERVICE) as connection:
        known = [await account.knows_device(connection, one.device, "staff", who.person.id) for who in (one, two)]
        assert not await account.knows_device(connection, one.device, "member", two.person.id)
    assert known == [False, True]


async def test_a_person_has_so_many_known_devices_and_loses_the_oldest(context: Context) -> None:
    member = await add_member(context)
    async with transaction(context.engine, SERVICE) as connection:
        tokens = []
        for day in range(DEVICES_PER_PERSON + 2):
            tokens.append(await account.keep_device(connection, "", "member", member.person_id))
            await connection.execute(
                sa.text(
                    "UPDATE known_devices SET expires_at = now() + make_interval(days => :day) WHERE token_hash = :h"
                ),
                {"day": day, "h": account.hash_token(tokens[-1])},
            )
        known = [await account.knows_device(connection, each, "member", member.person_id) for each in tokens]
    assert known == [False, False] + [True] * DEVICES_PER_PERSON


async def test_devices_are_forgotten_when_all_sessions_of_a_person_end(context: Context) -> None:
    signed_in = await signed_in_member(context, await add_member(context))
    async with transaction(context.engine, SERVICE) as connection:
        await account.end_sessions(connection, signed_in.person.id)
        assert not await account.knows_device(connection, signed_in.device, "member", signed_in.person.id)
