"""Fresh codes: tied to what they confirm, counted whatever becomes of their command."""

from __future__ import annotations

import asyncio

import pytest

from commands.account import (
    RightTotp,
    authenticate,
    sign_in,
    step_up,
    use_code,
    use_totp,
)
from commands.command import Command, Context
from domain.account import (
    CodeNotAccepted,
    CodePurpose,
    mandate_binding,
    step_up_binding,
)
from domain.errors import Forbidden, NotFound, StepUpRequired, TooMany
from storage.account import read_credential
from storage.database import SERVICE, transaction
from tests.account_people import (
    OPERATOR,
    add_member,
    sent_code,
    value,
)
from tests.books import Superuser
from tests.commands.account_steps import (
    ORIGIN,
    TERMS,
    check,
    code_for,
    do,
    member_actor,
    signed_in_member,
    staff_actor,
    wrong,
)


async def test_a_code_for_a_mandate_is_right_for_exactly_its_terms_and_person(context: Context) -> None:
    actor, other = await member_actor(context, 1), await member_actor(context, 2)
    code_id = await code_for(context, actor, CodePurpose.ACCEPT_MANDATE, TERMS)
    code = await sent_code(context, code_id)
    with pytest.raises(CodeNotAccepted):
        await check(context, actor, code_id, code, mandate_binding("minipay", 20_000_001, 12, 1))
    with pytest.raises(CodeNotAccepted):
        await check(context, other, code_id, code)
    await check(context, actor, code_id, code)
    with pytest.raises(CodeNotAccepted):
        await sign_in(context, challenge_id=code_id, code=code, origin=ORIGIN)
    assert await value(context, "SELECT tries FROM one_time_codes WHERE id = :id", id=code_id) == 2


async def test_a_wrong_code_costs_a_try_even_when_its_command_is_rolled_back(context: Context) -> None:
    actor = await member_actor(context)
    code_id = await code_for(context, actor, CodePurpose.ACCEPT_MANDATE, TERMS)
    code = await sent_code(context, code_id)

    async def accept(command: Command, typed: str) -> None:
        await check(context, command.actor, code_id, typed)
        await use_code(command.connection, code_id)

    for _ in range(5):
        with pytest.raises(CodeNotAccepted):
            await do(context, actor, lambda command: accept(command, wrong(code)))
    with pytest.raises(CodeNotAccepted):
        await do(context, actor, lambda command: accept(command, code))


async def test_a_code_whose_command_was_rolled_back_can_be_used_again(context: Context) -> None:
    actor = await member_actor(context)
    code_id = await code_for(context, actor, CodePurpose.ACCEPT_MANDATE, TERMS)
    code = await sent_code(context, code_id)

    async def accept(command: Command, *, refuse: bool) -> None:
        await check(context, command.actor, code_id, code)
        await use_code(command.connection, code_id)
        if refuse:
            raise NotFound

    with pytest.raises(NotFound):
        await do(context, actor, lambda command: accept(command, refuse=True))
    await do(context, actor, lambda command: accept(command, refuse=False))
    with pytest.raises(CodeNotAccepted):
        await do(context, actor, lambda command: accept(command, refuse=False))


async def test_many_commands_that_check_codes_at_once_do_not_starve_each_other(context: Context) -> None:
    actor = await member_actor(context)
    code_id = await code_for(context, actor, CodePurpose.STEP_UP, step_up_binding(actor.session_id))
    code = wrong(await sent_code(context, code_id))

    async def guess(command: Command) -> None:
        await step_up(command, code_id=code_id, code=code, totp="")

    answers = await asyncio.wait_for(
        asyncio.gather(*(do(context, actor, guess) for _ in range(30)), return_exceptions=True), timeout=4
    )
    assert {type(answer) for answer in answers} == {CodeNotAccepted}


async def test_a_member_s_codes_are_bounded_for_each_purpose(context: Context) -> None:
    actor = await member_actor(context)
    await code_for(context, actor, CodePurpose.ACCEPT_MANDATE, TERMS)
    await code_for(context, actor, CodePurpose.STEP_UP, step_up_binding(actor.session_id))
    with pytest.raises(TooMany):
        await code_for(context, actor, CodePurpose.ACCEPT_MANDATE, TERMS)


async def test_a_step_up_code_counts_only_in_the_session_that_asked(context: Context) -> None:
    member = await add_member(context)
    first = await authenticate(context, (await signed_in_member(context, member)).session.token)
    await value(context, "DELETE FROM rate_windows")
    second_session = (await signed_in_member(context, member)).session
    second = await authenticate(context, second_session.token)
    code_id = await code_for(context, second, CodePurpose.STEP_UP, step_up_binding(second.session_id))
    code = await sent_code(context, code_id)
    with pytest.raises(CodeNotAccepted):
        await do(context, first, lambda command: step_up(command, code_id=code_id, code=code, totp=""))
    await do(context, second, lambda command: step_up(command, code_id=code_id, code=code, totp=""))
    strong = await authenticate(context, second_session.token)
    assert strong.strong_until is not None
    await do(context, strong, _require_strong)
    with pytest.raises(StepUpRequired):
        await do(context, first, _require_strong)


async def _require_strong(command: Command) -> None:
    command.require_strong()


async def test_a_member_cannot_step_up_by_totp_nor_staff_by_sms(context: Context) -> None:
    member, staff = await member_actor(context), await staff_actor(context, "boss", OPERATOR)
    with pytest.raises(Forbidden):
        await do(context, member, lambda command: step_up(command, code_id=None, code="", totp="123456"))
    with pytest.raises(Forbidden):
        await code_for(context, staff, CodePurpose.STEP_UP, step_up_binding(staff.session_id))


async def test_a_code_counts_five_minutes_at_most_however_slowly_its_content_comes(
    context: Context, superuser: Superuser
) -> None:
    actor = await staff_actor(context, "boss", OPERATOR)
    await superuser.run("UPDATE staff_credentials SET totp_last_step = 0")
    async with transaction(context.engine, SERVICE) as connection:
        credential = await read_credential(connection, context.seals, person_id=actor.person_id)
    assert credential is not None
    too_old, old = [RightTotp(credential, credential.step - ago) for ago in (12, 8)]
    with pytest.raises(CodeNotAccepted):
        await do(context, actor, lambda command: use_totp(command, too_old))
    await do(context, actor, lambda command: use_totp(command, old))
    with pytest.raises(CodeNotAccepted):
        await do(context, actor, lambda command: use_totp(command, old))
