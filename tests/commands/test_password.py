"""A member's password: optional, never a way around the number, renewed by number or confirmed address (G1)."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from commands.account import SignIn, authenticate
from commands.command import Command, Context
from commands.password import (
    remove_password,
    renew_password,
    request_renewal,
    set_password,
    sign_in_with_password,
)
from commands.profile import confirm_email
from domain.access import Actor
from domain.account import CODES_PER_NUMBER, CodeNotAccepted
from domain.address import from_network
from domain.errors import NotFound, StepUpRequired, TooMany, Unauthenticated
from domain.password import MEMBER_PASSWORD_LENGTHS, WeakPassword, parse_password
from domain.profile import PASSWORD_TRIES_EVERYWHERE, PASSWORD_TRIES_PER_PERSON, PasswordRefused
from storage import personnel
from storage.account import take_unsent_code
from storage.database import SERVICE, transaction
from storage.people import seal_number
from tests.account_people import Member, add_member, audited, national_id, sent_code, value
from tests.books import Superuser
from tests.commands.account_steps import ORIGIN, do, statements, use_up, wrong
from tests.commands.test_profile import email_code, signed_in

GOOD, BETTER = "seven-green-lamps", "eight-green-lamps"
EMAIL = "maryam@example.com"
OWN = ("0499370899", "9121234567")


@pytest.fixture
async def member(context: Context) -> Member:
    """A member without a password."""
    return await add_member(context)


@pytest.fixture
async def actor(context: Context, member: Member, superuser: Superuser) -> Actor:
    """The member, with a fresh code and a password."""
    found = await authenticate(context, (await signed_in(context, member, superuser)).session.token)
    await do(context, found, lambda command: set_password(command, GOOD))
    return found


async def sign_in(context: Context, member: Member, password: str, *, origin: str = ORIGIN, device: str = "") -> SignIn:
    """Sign in by password."""
    return await sign_in_with_password(
        context, national_id=member.national_id, password=password, origin=origin, device=device
    )


async def renewal(context: Context, member: Member, **where: str) -> UUID:
    """Ask for a renewal by number, unless an address is given; some time after another code."""
    await value(context, "DELETE FROM rate_windows")
    given: dict[str, str | None] = {"mobile": None, "email": None} | (where or {"mobile": member.mobile})
    return await request_renewal(context, national_id=member.national_id, origin=ORIGIN, **given)


async def renew(context: Context, challenge: UUID, code: str, password: str = BETTER) -> None:
    """Type the code and a new password."""
    await renew_password(context, challenge_id=challenge, code=code, password=password, origin=ORIGIN)


async def is_sent(context: Context, code_id: UUID) -> bool:
    """Whether the code goes anywhere."""
    async with transaction(context.engine, SERVICE) as connection:
        return await take_unsent_code(connection, context.seals, code_id) is not None


async def with_email(context: Context, actor: Actor) -> None:
    """Give the member a confirmed address."""
    code_id = await email_code(context, actor, EMAIL)
    code = await sent_code(context, code_id)
    await do(context, actor, lambda command: confirm_email(command, code_id, code))


async def test_a_member_signs_in_with_the_password_they_set_and_no_other(
    context: Context, member: Member, actor: Actor, superuser: Superuser
) -> None:
    found = await sign_in(context, member, GOOD)

    session = await authenticate(context, found.session.token)
    assert (session.person_id, session.capacity, session.strong_until) == (member.person_id, "member", None)
    with pytest.raises(PasswordRefused):
        await sign_in(context, member, BETTER)
    assert await superuser.rows("SELECT template FROM notices") == [("profile_password_set",)]
    assert GOOD not in str(await superuser.rows("SELECT * FROM profiles"))


async def test_the_unknown_and_those_without_a_password_look_like_a_wrong_one(
    context: Context, member: Member, superuser: Superuser
) -> None:
    unknown = Member(UUID(int=0), national_id(900), "")
    seen = []
    for whose in (unknown, member):
        await superuser.run("DELETE FROM rate_windows")
        with statements(context) as ran, pytest.raises(PasswordRefused):
            await sign_in(context, whose, GOOD)
        seen.append(len(ran))
    assert seen[0] == seen[1]


async def test_setting_another_one_ends_the_other_sessions(context: Context, member: Member, actor: Actor) -> None:
    other = await sign_in(context, member, GOOD)

    await do(context, actor, lambda command: set_password(command, BETTER))

    with pytest.raises(Unauthenticated):
        await authenticate(context, other.session.token)
    with pytest.raises(PasswordRefused):
        await sign_in(context, member, GOOD)
    await sign_in(context, member, BETTER)


async def test_a_password_needs_a_fresh_code_and_can_be_removed(
    context: Context, member: Member, actor: Actor, superuser: Superuser
) -> None:
    await do(context, actor, remove_password)
    with pytest.raises(PasswordRefused):
        await sign_in(context, member, GOOD)
    with pytest.raises(NotFound):
        await do(context, actor, remove_password)

    await superuser.run("UPDATE sessions SET strong_until = '-infinity'")
    before = await superuser.effects()
    with pytest.raises(StepUpRequired):
        await do(context, actor, lambda command: set_password(command, BETTER))
    assert await superuser.effects() == before


async def test_a_forgotten_one_is_renewed_by_the_number_and_all_sessions_end(
    context: Context, member: Member, actor: Actor, superuser: Superuser
) -> None:
    other = await sign_in(context, member, GOOD)
    challenge = await renewal(context, member)
    code = await sent_code(context, challenge)

    with pytest.raises(CodeNotAccepted):
        await renew(context, challenge, wrong(code))
    await renew(context, challenge, code)

    for token in (other.session.token,):
        with pytest.raises(Unauthenticated):
            await authenticate(context, token)
    await sign_in(context, member, BETTER)
    with pytest.raises(CodeNotAccepted):
        await renew(context, challenge, code)
    assert [row for (row,) in await superuser.rows("SELECT template FROM notices")] == ["profile_password_set"] * 2
    assert "renew_password" in await audited(context, f"account:{member.person_id}")


async def test_a_forgotten_one_is_renewed_by_the_confirmed_address(
    context: Context, member: Member, actor: Actor
) -> None:
    await with_email(context, actor)
    challenge = await renewal(context, member, email="Maryam@example.com")
    async with transaction(context.engine, SERVICE) as connection:
        unsent = await take_unsent_code(connection, context.seals, challenge)
    assert unsent is not None
    assert (unsent.channel, unsent.to) == ("mail", EMAIL)

    await renew(context, challenge, unsent.code)

    await sign_in(context, member, BETTER)


async def test_nobody_else_gets_a_code_for_renewing(
    context: Context, member: Member, actor: Actor, superuser: Superuser
) -> None:
    await with_email(context, actor)
    without = await add_member(context, 2)
    asked = [
        await renewal(context, without),
        await renewal(context, member, mobile="+989351110009"),
        await renewal(context, member, email="other@example.com"),
        await renewal(context, Member(UUID(int=0), national_id(900), "+989351110009")),
    ]
    assert [await is_sent(context, code_id) for code_id in asked] == [False] * 4
    await superuser.run("UPDATE profiles SET email_confirmed_at = NULL")
    assert not await is_sent(context, await renewal(context, member, email=EMAIL))


async def test_however_an_address_is_spelt_its_codes_count_together(
    context: Context, member: Member, actor: Actor
) -> None:
    await with_email(context, actor)
    await value(context, "DELETE FROM rate_windows")
    alive = 0
    for number in range(CODES_PER_NUMBER.allowed + 6):
        # Others than the person's count as well.
        email = f"{EMAIL[:number].upper()}{EMAIL[number:]}" if number % 3 else f"other{number}@example.com"
        with suppress(TooMany):
            challenge = await request_renewal(
                context, national_id=member.national_id, mobile=None, email=email, origin=f"network {number}"
            )
            alive += await is_sent(context, challenge)

    assert await value(context, "SELECT count(*) FROM one_time_codes WHERE purpose = 'renew_password'") == (
        CODES_PER_NUMBER.allowed + 1
    )
    assert alive == 4
    # By the number it is another matter.
    await request_renewal(context, national_id=member.national_id, mobile=member.mobile, email=None, origin=ORIGIN)


async def test_another_number_takes_password_and_address_away(
    context: Context, member: Member, actor: Actor, superuser: Superuser
) -> None:
    await with_email(context, actor)

    class Change:
        case_id, person_id, employment_id = uuid4(), member.person_id, uuid4()

    number = seal_number(context.seals, "+989351110009")
    await superuser.run("UPDATE persons SET mobile_sealed = NULL")
    async with transaction(context.engine, SERVICE) as connection:
        await personnel.replace_mobile(
            connection, Change(), index=number.index, sealed=number.sealed, pause=timedelta(hours=24)
        )

    with pytest.raises(PasswordRefused):
        await sign_in(context, member, GOOD)
    assert await superuser.value("SELECT email_confirmed_at FROM profiles") is None


async def test_tries_have_their_limits(context: Context, member: Member, actor: Actor, superuser: Superuser) -> None:
    with pytest.raises(PasswordRefused):
        await sign_in(context, member, BETTER, origin="stranger")
    (limit, key), *_ = from_network(PASSWORD_TRIES_PER_PERSON, "stranger", member.national_id)
    await use_up(context, limit, key)
    with pytest.raises(TooMany):
        await sign_in(context, member, GOOD, origin="stranger")
    known = await sign_in(context, member, GOOD)
    await use_up(context, PASSWORD_TRIES_EVERYWHERE, member.national_id)
    with pytest.raises(TooMany):
        await sign_in(context, member, GOOD)
    await sign_in(context, member, GOOD, device=known.device)


async def test_a_code_for_a_renewal_is_none_for_anything_else(context: Context, member: Member, actor: Actor) -> None:
    challenge = await renewal(context, member)
    code = await sent_code(context, challenge)

    async def confirm(command: Command) -> None:
        await confirm_email(command, challenge, code)

    with pytest.raises(CodeNotAccepted):
        await do(context, actor, confirm)


@pytest.mark.parametrize(
    "password",
    ["", "short", "aaaaaaaaaaaa", "abababababab", "my 0499370899 x", "۰۴۹۹۳۷۰۸۹۹-abc", "tel 9121234567", "x" * 201],
)
def test_a_password_that_is_easily_guessed_is_refused(password: str) -> None:
    with pytest.raises(WeakPassword):
        parse_password(password, lengths=MEMBER_PASSWORD_LENGTHS, apart_from=OWN)


def test_a_long_password_of_words_is_good() -> None:
    assert parse_password("هفت چراغ سبز روشن", lengths=MEMBER_PASSWORD_LENGTHS, apart_from=OWN)
