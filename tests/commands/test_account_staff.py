"""Staff sign in, step up, and are administered."""

from __future__ import annotations

import asyncio
import time
from uuid import UUID, uuid4

import pytest

from commands.account import (
    SignIn,
    StaffWish,
    add_staff,
    authenticate,
    disable_staff,
    grant_role,
    operator_administration,
    reset_staff,
    revoke_role,
    sign_in_staff,
    step_up,
)
from commands.account.credentials import hash_password, password_matches
from commands.command import Command, Context
from domain.access import Grant, Role, ScopeKind
from domain.account import (
    STAFF_TRIES_PER_NAME,
    AlreadyStaff,
    BadScope,
    CodeNotAccepted,
    MobileDiffers,
    OwnRole,
    RoleHeld,
    SignInRefused,
    UsernameTaken,
)
from domain.address import from_network
from domain.errors import Forbidden, NotFound, StepUpRequired, TooMany, Unauthenticated
from tests.account_people import (
    AUDITOR,
    OPERATOR,
    add_employee,
    add_member,
    audited,
    mobile,
    national_id,
    totp,
    value,
)
from tests.commands.account_steps import FINANCE, ORIGIN, console, do, member_actor, staff_actor, statements, use_up


async def test_staff_sign_in_with_password_and_totp_and_act_through_their_roles(context: Context) -> None:
    actor = await staff_actor(context, "maryam.hr", AUDITOR)
    assert (actor.capacity, actor.grants) == ("staff", (AUDITOR,))
    assert (await audited(context, f"account:{actor.person_id}"))[-1] == "sign_in"


async def test_a_totp_code_is_worth_one_sign_in_and_the_next_is_welcome(context: Context) -> None:
    credentials = await add_employee(context, "maryam.hr")

    async def enter(code: str) -> SignIn:
        return await sign_in_staff(
            context, username="maryam.hr", password=credentials.password, totp=code, origin=ORIGIN
        )

    now = await totp(context, credentials.totp_secret)
    answers = await asyncio.gather(enter(now), enter(now), enter(now), return_exceptions=True)
    assert sum(isinstance(answer, SignIn) for answer in answers) == 1
    with pytest.raises(SignInRefused):
        await enter(now)
    await enter(await totp(context, credentials.totp_secret, later=1))
    with pytest.raises(SignInRefused):
        await enter(now)


async def test_every_wrong_part_gets_the_same_answer_by_the_same_statements(context: Context) -> None:
    credentials = await add_employee(context, "maryam.hr")
    right = await totp(context, credentials.totp_secret)
    far = await totp(context, credentials.totp_secret, later=5)
    disabled = await add_employee(context, "gone", number=501)
    async with console(context) as office:
        await disable_staff(office, "gone")
    seen = []
    for username, password, code in (
        ("maryam.hr", "wrong password", right),
        ("maryam.hr", credentials.password, far),
        ("nobody", credentials.password, right),
        ("no such\x00name", credentials.password, right),
        ("gone", disabled.password, await totp(context, disabled.totp_secret)),
    ):
        with statements(context) as asked, pytest.raises(SignInRefused) as refused:
            await sign_in_staff(context, username=username, password=password, totp=code, origin=ORIGIN)
        seen.append((asked, refused.value.sentence("fa"), refused.value.field))
    assert all(one == seen[0] for one in seen)
    assert await value(context, "SELECT count(*) FROM sessions") == 0


async def test_an_unknown_name_costs_as_much_hashing_as_a_known_one() -> None:
    stored = await hash_password("right password")

    async def cost(password_hash: str | None) -> float:
        begun = time.process_time()
        assert not await password_matches("wrong password", password_hash)
        return time.process_time() - begun

    await cost(None)
    known = min([await cost(stored) for _ in range(3)])
    unknown = min([await cost(None) for _ in range(3)])
    assert known / 2 < unknown < known * 2


async def test_a_user_name_gets_so_many_tries_from_one_network(context: Context) -> None:
    (near, key), _ = from_network(STAFF_TRIES_PER_NAME, "stranger", "boss")
    await use_up(context, near, key)
    with pytest.raises(TooMany):
        await sign_in_staff(context, username=" BOSS", password="x", totp="123456", origin="stranger")


async def test_staff_step_up_by_totp_once_for_each_code(context: Context) -> None:
    credentials = await add_employee(context, "boss", OPERATOR)
    code = await totp(context, credentials.totp_secret)
    signed_in = await sign_in_staff(context, username="boss", password=credentials.password, totp=code, origin=ORIGIN)
    actor = await authenticate(context, signed_in.session.token)
    with pytest.raises(CodeNotAccepted):
        await do(context, actor, lambda command: step_up(command, code_id=None, code="", totp=code))
    later = await totp(context, credentials.totp_secret, later=1)
    await do(context, actor, lambda command: step_up(command, code_id=None, code="", totp=later))
    assert (await authenticate(context, signed_in.session.token)).strong_until is not None


async def test_guessing_totp_codes_is_bounded_though_each_command_is_rolled_back(context: Context) -> None:
    actor = await staff_actor(context, "boss", OPERATOR)

    async def guess(command: Command) -> None:
        await step_up(command, code_id=None, code="", totp="000000")

    for _ in range(10):
        with pytest.raises(CodeNotAccepted):
            await do(context, actor, guess)
    with pytest.raises(TooMany):
        await do(context, actor, guess)


async def test_only_an_operator_with_a_fresh_code_administers_staff(context: Context) -> None:
    auditor = await staff_actor(context, "auditor", AUDITOR, number=501, strong=True)
    member = await member_actor(context)

    async def open_office(command: Command) -> None:
        operator_administration(command)

    for actor, refusal in ((auditor, Forbidden), (member, Forbidden)):
        with pytest.raises(refusal):
            await do(context, actor, open_office)
    stale = await staff_actor(context, "weak", OPERATOR)
    with pytest.raises(StepUpRequired):
        await do(context, stale, open_office)


async def test_a_granted_role_counts_at_once_and_a_revoked_one_no_more(context: Context) -> None:
    operator = await staff_actor(context, "boss", OPERATOR, strong=True)
    credentials = await add_employee(context, "finance", number=501)
    signed_in = await sign_in_staff(
        context,
        username="finance",
        password=credentials.password,
        totp=await totp(context, credentials.totp_secret),
        origin=ORIGIN,
    )
    granted: list[UUID] = []

    async def grant(command: Command) -> None:
        granted.append(await grant_role(operator_administration(command), credentials.person_id, FINANCE))

    await do(context, operator, grant)
    assert (await authenticate(context, signed_in.session.token)).grants == (FINANCE,)
    with pytest.raises(RoleHeld):
        await do(context, operator, grant)
    await do(
        context,
        operator,
        lambda command: revoke_role(operator_administration(command), credentials.person_id, granted[0]),
    )
    assert (await authenticate(context, signed_in.session.token)).grants == ()
    with pytest.raises(NotFound):
        await do(
            context,
            operator,
            lambda command: revoke_role(operator_administration(command), credentials.person_id, granted[0]),
        )
    assert await audited(context, f"account:{credentials.person_id}") == [
        "add_staff", "sign_in", "grant_role", "revoke_role",
    ]  # fmt: skip


async def test_an_operator_neither_grants_to_themselves_nor_takes_from_themselves(context: Context) -> None:
    operator = await staff_actor(context, "boss", OPERATOR, strong=True)
    own = await value(context, "SELECT id FROM role_grants")
    assert isinstance(own, UUID)
    with pytest.raises(OwnRole):
        await do(
            context, operator, lambda command: grant_role(operator_administration(command), operator.person_id, AUDITOR)
        )
    with pytest.raises(OwnRole):
        await do(
            context, operator, lambda command: revoke_role(operator_administration(command), operator.person_id, own)
        )


async def test_a_role_needs_a_scope_that_exists_and_a_member_of_staff(context: Context) -> None:
    member = await add_member(context)
    credentials = await add_employee(context, "finance")
    for grant in (
        Grant(Role.FINANCE_OFFICER, ScopeKind.REGION, "9999"),
        Grant(Role.HR_OFFICER, ScopeKind.ORGANISATION, str(uuid4())),
        Grant(Role.MERCHANT_CLERK, ScopeKind.MERCHANT, str(uuid4())),
    ):
        with pytest.raises(BadScope):
            async with console(context) as office:
                await grant_role(office, credentials.person_id, grant)
    for stranger in (member.person_id, uuid4()):
        with pytest.raises(NotFound):
            async with console(context) as office:
                await grant_role(office, stranger, AUDITOR)


async def test_a_known_person_becomes_staff_without_changing_name_or_mobile(context: Context) -> None:
    member = await add_member(context)
    wish = StaffWish(member.national_id, mobile(77), "دیگر", "کسی", "maryam.hr")
    with pytest.raises(MobileDiffers):
        async with console(context) as office:
            await add_staff(office, wish)
    async with console(context) as office:
        added = await add_staff(office, StaffWish(member.national_id, member.mobile, "دیگر", "کسی", "maryam.hr"))
    assert added.person_id == member.person_id
    assert await value(context, "SELECT first_name FROM persons") == "مریم"
    with pytest.raises(AlreadyStaff):
        async with console(context) as office:
            await add_staff(office, StaffWish(member.national_id, None, "م", "ر", "another"))
    with pytest.raises(UsernameTaken):
        async with console(context) as office:
            await add_staff(office, StaffWish(national_id(9), None, "م", "ر", "Maryam.HR"))
    assert await value(context, "SELECT count(*) FROM persons") == 1


async def test_secrets_of_staff_are_stored_only_hashed_or_sealed(context: Context) -> None:
    credentials = await add_employee(context, "maryam.hr")
    stored = str(await value(context, "SELECT staff_credentials::text FROM staff_credentials"))
    assert credentials.password not in stored
    assert credentials.totp_secret not in stored
    assert credentials.password not in repr(credentials)
    assert credentials.totp_secret in credentials.totp_uri
    assert await value(context, "SELECT count(*) FROM audit WHERE content LIKE :s", s=f"%{credentials.password}%") == 0


async def test_a_reset_ends_the_sessions_and_the_old_password(context: Context) -> None:
    old = await add_employee(context, "maryam.hr")
    code = await totp(context, old.totp_secret)
    signed_in = await sign_in_staff(context, username="maryam.hr", password=old.password, totp=code, origin=ORIGIN)
    async with console(context) as office:
        await disable_staff(office, "maryam.hr")
    async with console(context) as office:
        new = await reset_staff(office, "maryam.hr")
    with pytest.raises(Unauthenticated):
        await authenticate(context, signed_in.session.token)
    later = await totp(context, new.totp_secret, later=1)
    with pytest.raises(SignInRefused):
        await sign_in_staff(context, username="maryam.hr", password=old.password, totp=later, origin=ORIGIN)
    await sign_in_staff(context, username="maryam.hr", password=new.password, totp=later, origin=ORIGIN)
    with pytest.raises(NotFound):
        async with console(context) as office:
            await reset_staff(office, "nobody")
