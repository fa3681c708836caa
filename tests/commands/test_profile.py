"""One's own profile: an address that is confirmed, a language, and sessions to end (G1)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest

from commands.account import SignIn, authenticate
from commands.command import Command, Context
from commands.profile import (
    choose_language,
    confirm_email,
    end_other_sessions,
    end_session,
    remove_email,
    send_email_code,
)
from domain.access import Actor, Role
from domain.account import CodeNotAccepted
from domain.errors import Forbidden, NotFound, StepUpRequired, TooMany, Unauthenticated
from domain.profile import BadEmail, parse_email
from storage.account import live_sessions, strengthen_session
from storage.database import SERVICE, transaction
from storage.profile import open_email, read_profile
from tests.account_people import Member, add_member, audited, sent_code, value
from tests.arrange import Arrange
from tests.books import Superuser
from tests.commands.account_steps import do, signed_in_member, wrong


@pytest.fixture
async def member(context: Context) -> Member:
    """A member."""
    return await add_member(context)


async def signed_in(context: Context, member: Member, superuser: Superuser) -> SignIn:
    """Signed in, with a fresh code."""
    await superuser.run("DELETE FROM rate_windows")
    found = await signed_in_member(context, member)
    async with transaction(context.engine, SERVICE) as connection:
        await strengthen_session(connection, found.session.id, "member")
    return found


@pytest.fixture
async def actor(context: Context, member: Member, superuser: Superuser) -> Actor:
    """The member, with a fresh code."""
    return await authenticate(context, (await signed_in(context, member, superuser)).session.token)


async def result(context: Context, actor: Actor, work: Callable[[Command], Awaitable[Any]]) -> Any:
    """What a command returns."""
    found: list[Any] = []

    async def keep(command: Command) -> None:
        found.append(await work(command))

    await do(context, actor, keep)
    return found[-1]


async def email_code(context: Context, actor: Actor, email: str = "maryam@Example.com") -> UUID:
    """Ask for a code to an address."""
    code_id: UUID = await result(context, actor, lambda command: send_email_code(command, email))
    return code_id


async def email_of(context: Context, person_id: UUID) -> str | None:
    """The address in clear."""
    async with transaction(context.engine, SERVICE) as connection:
        profile = await read_profile(connection, person_id)
    return None if profile.email_sealed is None else open_email(context.seals, profile.email_sealed)


async def test_an_address_counts_once_its_code_is_back_and_the_owner_is_told(
    context: Context, actor: Actor, superuser: Superuser
) -> None:
    code_id = await email_code(context, actor)
    assert await email_of(context, actor.person_id) is None
    code = await sent_code(context, code_id)

    with pytest.raises(CodeNotAccepted):
        await do(context, actor, lambda command: confirm_email(command, code_id, wrong(code)))
    await do(context, actor, lambda command: confirm_email(command, code_id, code))

    assert await email_of(context, actor.person_id) == "maryam@example.com"
    told = await superuser.rows("SELECT channel, template FROM notices ORDER BY channel")
    assert told == [("mail", "profile_email_changed"), ("sms", "profile_email_changed")]
    with pytest.raises(CodeNotAccepted):
        await do(context, actor, lambda command: confirm_email(command, code_id, code))

    await do(context, actor, remove_email)
    assert await email_of(context, actor.person_id) is None


async def test_another_members_code_confirms_nothing(context: Context, actor: Actor, superuser: Superuser) -> None:
    code_id = await email_code(context, actor)
    code = await sent_code(context, code_id)
    stranger = await signed_in(context, await add_member(context, 2), superuser)
    other = await authenticate(context, stranger.session.token)

    with pytest.raises(CodeNotAccepted):
        await do(context, other, lambda command: confirm_email(command, code_id, code))


async def test_an_address_needs_a_fresh_code_a_member_and_a_form(
    context: Context, actor: Actor, arrange: Arrange, superuser: Superuser
) -> None:
    before = await superuser.effects()
    with pytest.raises(BadEmail):
        await email_code(context, actor, "maryam@example")
    with pytest.raises(Forbidden):
        await email_code(context, await arrange.actor(await arrange.platform(Role.OPERATOR)))
    await superuser.run("UPDATE sessions SET strong_until = '-infinity'")
    with pytest.raises(StepUpRequired):
        await email_code(context, actor)
    with pytest.raises(StepUpRequired):
        await do(context, actor, remove_email)
    after, arranged = await superuser.effects(), {"persons", "role_grants", "staff_credentials"}
    assert {name: after[name] for name in after if name not in arranged} == {
        name: before[name] for name in before if name not in arranged
    }


async def test_five_addresses_an_hour(context: Context, actor: Actor) -> None:
    for _ in range(5):
        await email_code(context, actor)
    with pytest.raises(TooMany):
        await email_code(context, actor)


async def test_sessions_are_seen_and_ended_one_or_all_others(
    context: Context, member: Member, superuser: Superuser
) -> None:
    first, second, third = [await signed_in(context, member, superuser) for _ in range(3)]
    actor = await authenticate(context, first.session.token)
    async with transaction(context.engine, SERVICE) as connection:
        seen = await live_sessions(connection, member.person_id)
    assert {session.id for session in seen} == {one.session.id for one in (first, second, third)}

    await do(context, actor, lambda command: end_session(command, second.session.id))
    with pytest.raises(Unauthenticated):
        await authenticate(context, second.session.token)
    with pytest.raises(NotFound):
        await do(context, actor, lambda command: end_session(command, second.session.id))

    assert await result(context, actor, end_other_sessions) == 1
    assert await value(context, "SELECT count(*) FROM known_devices") == 0
    with pytest.raises(Unauthenticated):
        await authenticate(context, third.session.token)
    assert (await authenticate(context, first.session.token)).person_id == member.person_id
    assert await audited(context, f"account:{member.person_id}") == ["sign_in"] * 3 + ["test_operation"] * 2


async def test_nobody_ends_another_ones_session_not_even_staff(
    context: Context, member: Member, arrange: Arrange, superuser: Superuser
) -> None:
    theirs = await signed_in(context, member, superuser)
    for stranger in (await arrange.person("member"), await arrange.platform(Role.OPERATOR)):
        actor = await arrange.actor(stranger)
        with pytest.raises(NotFound):
            await do(context, actor, lambda command: end_session(command, theirs.session.id))


async def test_a_language_is_kept(context: Context, actor: Actor) -> None:
    for language in ("en", "fa"):
        await do(context, actor, lambda command, chosen=language: choose_language(command, chosen))  # type: ignore[misc]  # bound at once
    async with transaction(context.engine, SERVICE) as connection:
        assert (await read_profile(connection, actor.person_id)).language == "fa"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a@b",
        "a b@example.com",
        "@example.com",
        "a@example.com\nBcc: x@y.ir",
        "م@example.com",
        "a" * 200 + "@example.com",
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(BadEmail):
        parse_email(text)
