"""What is told of a code that is not right: how often it may be typed yet, alike for everybody (G1)."""

from __future__ import annotations

from uuid import UUID

import pytest

from commands.account import sign_in
from commands.command import Context
from commands.password import renew_password, request_renewal
from domain.account import CODE_TRIES, CodeNotAccepted
from storage.account import cancel_codes
from storage.database import SERVICE, transaction
from tests.account_people import Member, add_member, mobile, national_id, sent_code
from tests.commands.account_steps import ORIGIN, challenge, wrong

_NEW = "بادبادک سرخ بر فراز تپه"


async def tell(context: Context, challenge_id: UUID, code: str) -> CodeNotAccepted:
    with pytest.raises(CodeNotAccepted) as refused:
        await sign_in(context, challenge_id=challenge_id, code=code, origin=ORIGIN)
    return refused.value


async def test_a_wrong_digit_says_how_many_tries_are_left_and_the_code_stays_good(context: Context) -> None:
    wanted = await challenge(context, await add_member(context))
    code = await sent_code(context, wanted)

    refused = await tell(context, wanted, wrong(code))

    assert refused.tries_left == CODE_TRIES - 1
    assert refused.sentence("fa") == "کد درست نیست؛ ۴ بار دیگر می‌توانید امتحان کنید."
    assert refused.sentence("en") == "The code is not right; tries left: 4."
    await sign_in(context, challenge_id=wanted, code=code, origin=ORIGIN)


async def test_an_unknown_number_is_told_the_same_tries_as_a_known_one(context: Context) -> None:
    known = await challenge(context, await add_member(context))
    unknown = await challenge(context, Member(known, national_id(77), mobile(77)))
    code = wrong(await sent_code(context, known))

    told = [
        [(await tell(context, each, code)).sentence("fa") for _ in range(CODE_TRIES + 1)] for each in (known, unknown)
    ]

    assert told[0] == told[1]
    assert len(set(told[0])) == CODE_TRIES + 1


async def test_who_does_not_know_a_code_is_not_told_that_it_was_cancelled(context: Context) -> None:
    member = await add_member(context)
    wanted = await challenge(context, member)
    code = await sent_code(context, wanted)
    async with transaction(context.engine, SERVICE) as connection:
        await cancel_codes(connection, member.person_id)

    assert (await tell(context, wanted, wrong(code))).tries_left == CODE_TRIES - 1
    assert (await tell(context, wanted, code)).tries_left is None


async def test_a_wrong_code_for_another_password_is_told_its_tries_whoever_asked(context: Context) -> None:
    asked = await request_renewal(context, national_id=national_id(5), mobile=mobile(5), email=None, origin=ORIGIN)

    with pytest.raises(CodeNotAccepted) as refused:
        await renew_password(context, challenge_id=asked, code="000000", password=_NEW, origin=ORIGIN)

    assert refused.value.tries_left == CODE_TRIES - 1
