"""Another mobile of a member without an employer: nothing without both codes, and never past an employer (G2)."""

from __future__ import annotations

from uuid import UUID

import pytest

from commands.account import authenticate, request_sign_in_code
from commands.command import Command, Context
from commands.own_mobile import TypedCode, confirm_own_mobile, request_own_mobile
from domain.access import Actor, Role
from domain.account import CodeNotAccepted
from domain.errors import Forbidden, TooMany, Unauthenticated
from domain.mobile_change import MobileUnchanged
from domain.own_mobile import CHANGES_PER_NUMBER, EmployerDecides
from storage.account import take_unsent_code
from storage.database import SERVICE, transaction
from tests.account_people import Member, add_member, sent_code, value
from tests.arrange import Arrange
from tests.books import Superuser
from tests.commands.account_steps import ORIGIN, do, let_pace_pass, use_up, wrong
from tests.commands.test_profile import result, signed_in

NEW = "+989351110008"
Codes = tuple[TypedCode, TypedCode]


@pytest.fixture
async def member(context: Context) -> Member:
    """A member without an employer."""
    return await add_member(context)


@pytest.fixture
async def actor(context: Context, member: Member, superuser: Superuser) -> Actor:
    """The member, signed in."""
    return await authenticate(context, (await signed_in(context, member, superuser)).session.token)


async def ask(context: Context, actor: Actor, mobile: str = NEW) -> tuple[UUID, UUID]:
    """Ask for both codes."""
    found: tuple[UUID, UUID] = await result(context, actor, lambda command: request_own_mobile(command, mobile))
    return found


async def typed(context: Context, ids: tuple[UUID, UUID]) -> Codes:
    """Both codes as they came."""
    old, new = [TypedCode(code_id, await sent_code(context, code_id)) for code_id in ids]
    return old, new


async def confirm(context: Context, actor: Actor, codes: Codes) -> None:
    """Type both."""

    async def work(command: Command) -> None:
        await confirm_own_mobile(command, *codes)

    await do(context, actor, work)


async def mobile_of(context: Context, member: Member) -> str:
    """Their number in clear."""
    sealed = await value(context, "SELECT mobile_sealed FROM persons WHERE id = :id", id=member.person_id)
    return context.seals.cipher.open_text(sealed, "person.mobile")  # type: ignore[arg-type]  # bytes


async def test_with_both_codes_the_number_changes_sessions_end_money_pauses_and_both_are_told(
    context: Context, member: Member, actor: Actor, superuser: Superuser
) -> None:
    other = await signed_in(context, member, superuser)
    ids = await ask(context, actor)
    to = []
    for code_id in ids:
        async with transaction(context.engine, SERVICE) as connection:
            unsent = await take_unsent_code(connection, context.seals, code_id)
        assert unsent is not None
        to.append(unsent.to)
    assert to == [member.mobile, NEW]

    await confirm(context, actor, await typed(context, ids))

    assert await mobile_of(context, member) == NEW
    with pytest.raises(Unauthenticated):
        await authenticate(context, other.session.token)
    person = "SELECT mobile_confirmed_at IS NOT NULL AND money_paused_until > now() FROM persons WHERE id = :id"
    assert await value(context, person, id=member.person_id)
    told = await superuser.rows("SELECT template, mobile_sealed IS NULL FROM notices ORDER BY template")
    assert told == [("mobile_change_applied", True), ("mobile_changed_old", False)]
    await superuser.run("DELETE FROM rate_windows")
    challenge = await request_sign_in_code(context, national_id=member.national_id, mobile=NEW, origin=ORIGIN)
    assert await sent_code(context, challenge)


@pytest.mark.parametrize("which", [0, 1])
async def test_one_wrong_code_changes_nothing_and_uses_up_neither(
    context: Context, member: Member, actor: Actor, which: int
) -> None:
    codes = await typed(context, await ask(context, actor))
    guessed = list(codes)
    guessed[which] = TypedCode(codes[which].code_id, wrong(codes[which].code))

    with pytest.raises(CodeNotAccepted):
        await confirm(context, actor, (guessed[0], guessed[1]))

    assert await mobile_of(context, member) == member.mobile
    await confirm(context, actor, codes)


async def test_codes_of_two_different_wishes_do_not_fit_together(
    context: Context, member: Member, actor: Actor, superuser: Superuser
) -> None:
    first = await typed(context, await ask(context, actor))
    await superuser.run("DELETE FROM rate_windows")
    second = await typed(context, await ask(context, actor, "+989351110009"))

    for mixed in ((first[0], second[1]), (second[0], first[1]), (first[1], first[0]), (first[0], first[0])):
        with pytest.raises(CodeNotAccepted):
            await confirm(context, actor, mixed)
    assert await mobile_of(context, member) == member.mobile


async def test_nobody_changes_anothers_number(
    context: Context, member: Member, actor: Actor, superuser: Superuser
) -> None:
    codes = await typed(context, await ask(context, actor))
    stranger = await signed_in(context, await add_member(context, 2), superuser)

    with pytest.raises(CodeNotAccepted):
        await confirm(context, await authenticate(context, stranger.session.token), codes)


async def test_an_employer_decides_unless_its_list_never_had_the_number(
    context: Context, arrange: Arrange, superuser: Superuser
) -> None:
    (employed,) = await arrange.colleagues(1)
    actor = await arrange.actor(employed)
    with pytest.raises(EmployerDecides):
        await ask(context, actor)

    await superuser.run("UPDATE employments SET mobile_index = 'another'")
    # Its list had the number until a dispute, in which its office and support decide.
    with pytest.raises(EmployerDecides):
        await ask(context, actor)

    await superuser.run("UPDATE employments SET mobile_agreed_at = NULL")
    await ask(context, actor)


async def test_an_employer_that_came_meanwhile_decides(
    context: Context, member: Member, actor: Actor, arrange: Arrange
) -> None:
    codes = await typed(context, await ask(context, actor))
    await arrange.employ(member.person_id, await arrange.organisation())

    with pytest.raises(EmployerDecides):
        await confirm(context, actor, codes)
    assert await mobile_of(context, member) == member.mobile


async def test_the_present_number_staff_and_too_many_are_refused(
    context: Context, member: Member, actor: Actor, arrange: Arrange, superuser: Superuser
) -> None:
    with pytest.raises(MobileUnchanged):
        await ask(context, actor, member.mobile)
    with pytest.raises(Forbidden):
        await ask(context, await arrange.actor(await arrange.platform(Role.OPERATOR)))
    await ask(context, actor)
    with pytest.raises(TooMany):
        await ask(context, actor)


async def test_one_member_does_not_keep_another_from_a_number(
    context: Context, member: Member, actor: Actor, superuser: Superuser
) -> None:
    other = await authenticate(
        context, (await signed_in(context, await add_member(context, 2), superuser)).session.token
    )

    async def ask_half_a_minute_later(who: Actor) -> int:
        apart = context.seals.index.of("rate:codes_apart", f"{who.person_id}/change_mobile_new")
        await superuser.run("UPDATE rate_windows SET ends_at = now() WHERE bucket = %s", apart)
        try:
            await ask(context, who)
        except TooMany as refused:
            return refused.retry_after or 0
        return 0

    for _ in range(5):
        await ask_half_a_minute_later(actor)
    assert await ask_half_a_minute_later(other) == 0
    await use_up(context, CHANGES_PER_NUMBER, NEW)
    assert await ask_half_a_minute_later(other) > 0
    await let_pace_pass(context, CHANGES_PER_NUMBER, NEW)
    assert await ask_half_a_minute_later(other) == 0
