"""Members sign in and out: what is accepted, what is refused, and that refusals tell nothing."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest
import sqlalchemy as sa

from commands.account import (
    SignIn,
    authenticate,
    request_sign_in_code,
    sign_in,
    sign_out,
)
from commands.command import Context
from domain.account import (
    CODES_PER_ADDRESS,
    CODES_PER_NUMBER,
    TRIES_PER_ADDRESS,
    BadCode,
    CodeNotAccepted,
    MobileUnreadable,
    NationalIdUnreadable,
)
from domain.address import from_network
from domain.errors import InvalidInput, TooMany, Unauthenticated
from storage import account
from storage.database import SERVICE, transaction
from tests.account_people import (
    Member,
    add_member,
    audited,
    mobile,
    national_id,
    sent_code,
    value,
)
from tests.books import Superuser
from tests.commands.account_steps import (
    ORIGIN,
    challenge,
    let_pace_pass,
    signed_in_member,
    statements,
    tell,
    use_up,
    wrong,
)


async def test_a_member_signs_in_with_the_code_and_the_mobile_is_confirmed(context: Context) -> None:
    member = await add_member(context)
    signed_in = await signed_in_member(context, member)
    assert signed_in.person.id == member.person_id
    actor = await authenticate(context, signed_in.session.token)
    assert (actor.person_id, actor.capacity, actor.grants) == (member.person_id, "member", ())
    assert await value(context, "SELECT mobile_confirmed_at IS NOT NULL FROM persons")
    assert await audited(context, f"account:{member.person_id}") == ["sign_in"]


async def test_the_first_confirmation_of_a_mobile_stays(context: Context) -> None:
    member = await add_member(context)
    await value(context, "UPDATE persons SET mobile_confirmed_at = '2020-01-01'")
    await signed_in_member(context, member)
    assert await value(context, "SELECT mobile_confirmed_at = '2020-01-01' FROM persons")


async def test_known_and_unknown_people_cost_the_same_statements(context: Context) -> None:
    member = await add_member(context)
    # Warm connection pools send a ping each; the first call would differ by it.
    await challenge(context, Member(uuid4(), national_id(7), mobile(7)))
    seen: dict[str, list[str]] = {}
    for name, whose in {
        "known": member,
        "unknown": Member(uuid4(), national_id(8), mobile(8)),
        "another mobile": Member(uuid4(), member.national_id, mobile(9)),
    }.items():
        with statements(context) as asked:
            wanted = await challenge(context, whose)
        with statements(context) as answered, pytest.raises(CodeNotAccepted):
            await sign_in(context, challenge_id=wanted, code="000000", origin=ORIGIN)
        seen[name] = asked + answered
    assert seen["known"] == seen["unknown"] == seen["another mobile"]
    assert await value(context, "SELECT count(*) FROM outbox WHERE message = 'SendCode'") == 4


async def test_a_mobile_of_another_person_gets_no_code(context: Context) -> None:
    first, second = await add_member(context, 1), await add_member(context, 2)
    await challenge(context, Member(first.person_id, first.national_id, second.mobile))
    assert await value(context, "SELECT count(*) FROM one_time_codes WHERE person_id IS NOT NULL") == 0


@pytest.mark.parametrize(
    ("identity", "number", "refusal", "field"),
    [
        ("1111111111", mobile(1), NationalIdUnreadable, "national_id"),
        ("\x00", mobile(1), NationalIdUnreadable, "national_id"),
        (national_id(1), "02188888888", MobileUnreadable, "mobile"),
        (national_id(1), "", MobileUnreadable, "mobile"),
    ],
)
async def test_what_cannot_be_a_number_is_refused_with_its_field(
    context: Context, identity: str, number: str, refusal: type[InvalidInput], field: str
) -> None:
    with pytest.raises(refusal) as refused:
        await request_sign_in_code(context, national_id=identity, mobile=number, origin=ORIGIN)
    assert refused.value.field == field


@pytest.mark.parametrize("known", [True, False])
async def test_a_second_code_within_a_minute_is_refused_for_known_and_unknown_alike(
    context: Context, known: bool
) -> None:
    member = await add_member(context) if known else Member(uuid4(), national_id(8), mobile(8))
    await challenge(context, member)
    with pytest.raises(TooMany) as refused:
        await challenge(context, member)
    assert 20 <= (refused.value.retry_after or 0) <= 30
    assert await value(context, "SELECT count(*) FROM one_time_codes") == 1


async def test_a_number_gets_so_many_codes_an_hour_and_waiting_costs_none(context: Context) -> None:
    member = await add_member(context)
    # One more is let through at once, then one each ten minutes.
    for number in range(CODES_PER_NUMBER.allowed + 1):
        await challenge(context, member, origin=f"origin {number}")
        for _ in range(2):
            with pytest.raises(TooMany):
                await challenge(context, member, origin=f"origin {number}")
    with pytest.raises(TooMany) as refused:
        await challenge(context, member)
    assert 500 < (refused.value.retry_after or 0) <= 600


async def test_a_network_gets_so_many_codes_an_hour_and_then_some_at_a_pace(context: Context) -> None:
    (near, key), _ = from_network(CODES_PER_ADDRESS, ORIGIN)
    await use_up(context, near, key, left=2)
    for number in range(2):
        await challenge(context, Member(uuid4(), national_id(number), mobile(number)))
    await challenge(context, Member(uuid4(), national_id(9_000), mobile(9_000)))
    await use_up(context, near, key)
    with pytest.raises(TooMany):
        await challenge(context, Member(uuid4(), national_id(9_001), mobile(9_001)))
    await challenge(context, Member(uuid4(), national_id(9_002), mobile(9_002)), origin="another")
    await let_pace_pass(context, near, key)
    await challenge(context, Member(uuid4(), national_id(9_003), mobile(9_003)))


async def test_refused_requests_of_a_network_count_too(context: Context) -> None:
    member = await add_member(context)
    await challenge(context, member)
    (near, key), _ = from_network(CODES_PER_ADDRESS, ORIGIN)
    for _ in range(3):
        with pytest.raises(TooMany):
            await challenge(context, member)
    bucket = context.seals.index.of(f"rate:{near.name}", key)
    assert await value(context, "SELECT used FROM rate_windows WHERE bucket = :bucket", bucket=bucket) == 4


async def test_a_network_gets_so_many_tries_an_hour(context: Context) -> None:
    (near, key), _ = from_network(TRIES_PER_ADDRESS, ORIGIN)
    await use_up(context, near, key)
    with pytest.raises(TooMany):
        await sign_in(context, challenge_id=uuid4(), code="123456", origin=ORIGIN)


async def test_after_five_wrong_codes_the_right_one_is_worthless_too(context: Context) -> None:
    wanted = await challenge(context, await add_member(context))
    right = await sent_code(context, wanted)
    for _ in range(5):
        with pytest.raises(CodeNotAccepted):
            await sign_in(context, challenge_id=wanted, code=wrong(right), origin=ORIGIN)
    with pytest.raises(CodeNotAccepted):
        await sign_in(context, challenge_id=wanted, code=right, origin=ORIGIN)
    assert await value(context, "SELECT count(*) FROM sessions") == 0


async def test_the_fifth_try_may_still_be_the_right_one(context: Context, superuser: Superuser) -> None:
    member = await add_member(context)
    wanted = await challenge(context, member)
    right = await sent_code(context, wanted)
    for _ in range(4):
        with pytest.raises(CodeNotAccepted):
            await sign_in(context, challenge_id=wanted, code=wrong(right), origin=ORIGIN)
    await sign_in(context, challenge_id=wanted, code=right, origin=ORIGIN)
    await tell(context, superuser)
    assert await audited(context, f"account:{member.person_id}") == ["sign_in", "sign_in_failed"]


async def test_guesses_sent_at_once_are_counted_too(context: Context) -> None:
    wanted = await challenge(context, await add_member(context))
    right = int(await sent_code(context, wanted))
    guesses = [f"{(right + step) % 1_000_000:06}" for step in range(1, 21)]
    answers = await asyncio.gather(
        *(sign_in(context, challenge_id=wanted, code=guess, origin=ORIGIN) for guess in guesses),
        return_exceptions=True,
    )
    assert all(isinstance(answer, CodeNotAccepted) for answer in answers)
    assert await value(context, "SELECT tries FROM one_time_codes") == 5
    with pytest.raises(CodeNotAccepted):
        await sign_in(context, challenge_id=wanted, code=f"{right:06}", origin=ORIGIN)


async def test_a_right_code_sent_twice_at_once_begins_one_session(context: Context) -> None:
    wanted = await challenge(context, await add_member(context))
    right = await sent_code(context, wanted)
    answers = await asyncio.gather(
        *(sign_in(context, challenge_id=wanted, code=right, origin=ORIGIN) for _ in range(5)), return_exceptions=True
    )
    assert sum(isinstance(answer, SignIn) for answer in answers) == 1
    assert sum(isinstance(answer, CodeNotAccepted) for answer in answers) == 4
    assert await value(context, "SELECT count(*) FROM sessions") == 1


async def test_a_used_or_old_code_begins_no_session(context: Context, superuser: Superuser) -> None:
    member = await add_member(context)
    wanted = await challenge(context, member)
    right = await sent_code(context, wanted)
    await sign_in(context, challenge_id=wanted, code=right, origin=ORIGIN)
    with pytest.raises(CodeNotAccepted):
        await sign_in(context, challenge_id=wanted, code=right, origin=ORIGIN)
    await value(context, "DELETE FROM rate_windows")
    late = await challenge(context, member)
    right = await sent_code(context, late)
    await superuser.run("UPDATE one_time_codes SET expires_at = now() - interval '1 second'")
    with pytest.raises(CodeNotAccepted):
        await sign_in(context, challenge_id=late, code=right, origin=ORIGIN)


async def test_a_sign_in_that_meets_a_change_of_mobile_waits_for_it_and_is_refused(context: Context) -> None:
    member = await add_member(context)
    wanted = await challenge(context, member)
    code = await sent_code(context, wanted)
    async with transaction(context.engine, SERVICE) as changing:
        await changing.execute(sa.text("SELECT FROM persons WHERE id = :id FOR UPDATE"), {"id": member.person_id})
        entering = asyncio.create_task(sign_in(context, challenge_id=wanted, code=code, origin=ORIGIN))
        while not await value(context, "SELECT count(*) FROM pg_locks WHERE NOT granted"):
            assert not entering.done()
        await account.end_sessions(changing, member.person_id)
        await account.cancel_codes(changing, member.person_id)
    with pytest.raises(CodeNotAccepted):
        await entering
    assert await value(context, "SELECT count(*) FROM sessions") == 0


async def test_nobody_s_challenge_stays_closed_whatever_the_code(context: Context, superuser: Superuser) -> None:
    nobody = await challenge(context, Member(uuid4(), national_id(8), mobile(8)))
    sealed = await value(context, "SELECT code_sealed FROM one_time_codes")
    assert isinstance(sealed, bytes)
    code = context.seals.cipher.open_text(sealed, f"one_time_code:{nobody}")
    with pytest.raises(CodeNotAccepted):
        await sign_in(context, challenge_id=nobody, code=code, origin=ORIGIN)
    await tell(context, superuser)
    assert await audited(context, "sign-in") == ["sign_in_failed"]


async def test_what_is_no_code_costs_no_try(context: Context) -> None:
    wanted = await challenge(context, await add_member(context))
    with pytest.raises(BadCode):
        await sign_in(context, challenge_id=wanted, code="12345", origin=ORIGIN)
    assert await value(context, "SELECT tries FROM one_time_codes") == 0


async def test_signing_out_ends_the_session_at_once(context: Context) -> None:
    signed_in = await signed_in_member(context, await add_member(context))
    actor = await authenticate(context, signed_in.session.token)
    await sign_out(context, actor, ORIGIN)
    with pytest.raises(Unauthenticated):
        await authenticate(context, signed_in.session.token)
    assert (await audited(context, f"account:{actor.person_id}"))[-1] == "sign_out"


@pytest.mark.parametrize("token", ["", "x", "x" * 10_000, "\x00", "توکن"])
async def test_a_token_that_is_none_is_refused(context: Context, token: str) -> None:
    with pytest.raises(Unauthenticated):
        await authenticate(context, token)
