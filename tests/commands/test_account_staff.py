"""Staff sign in, step up, and are administered."""

from __future__ import annotations

import asyncio
import time
from uuid import UUID, uuid4

import pytest

from commands.account import (
    NewCredentials,
    SignIn,
    add_operator,
    authenticate,
    change_staff_credentials,
    disable_staff,
    draw_totp_key,
    operator_administration,
    read_newcomer,
    reset_operator,
    revoke_role,
    sign_in_staff,
    step_up,
)
from commands.account.credentials import hash_password, password_matches
from commands.command import Command, Context
from domain.access import Actor
from domain.account import (
    STAFF_TRIES_PER_NAME,
    BadTotpKey,
    CodeNotAccepted,
    CredentialsNotAccepted,
    NothingToChange,
    OwnRole,
    SignInRefused,
)
from domain.address import from_network
from domain.errors import Forbidden, NotFound, StepUpRequired, TooMany, Unauthenticated
from domain.password import WeakPassword
from domain.staff_change import ConsoleClosed
from storage.account import add_grant, begin_session, read_credential
from storage.database import SERVICE, transaction
from storage.staff_change import Newcomer
from tests.account_people import (
    AUDITOR,
    OPERATOR,
    Credentials,
    add_employee,
    audited,
    mobile,
    national_id,
    totp,
    value,
)
from tests.account_people import totp as code_of
from tests.books import Superuser
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
        await disable_staff(office, disabled.person_id)
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
    officer = await staff_actor(context, "finance", number=501)
    async with transaction(context.engine, SERVICE) as connection:
        granted = await add_grant(connection, officer.person_id, FINANCE, "case")
        session = await begin_session(connection, officer.person_id, "staff")
    assert granted is not None
    assert (await authenticate(context, session.token)).grants == (FINANCE,)

    async def revoke(command: Command) -> None:
        await revoke_role(operator_administration(command), officer.person_id, granted)

    await do(context, operator, revoke)
    assert (await authenticate(context, session.token)).grants == ()
    with pytest.raises(NotFound):
        await do(context, operator, revoke)
    assert (await audited(context, f"account:{officer.person_id}"))[-1] == "revoke_role"


async def test_whoever_is_shut_out_hears_of_it_and_of_what_the_console_does_then(
    context: Context, superuser: Superuser
) -> None:
    first = await staff_actor(context, "first", OPERATOR, number=500, strong=True)
    second = await add_employee(context, "second", OPERATOR, number=501)
    await do(context, first, lambda command: disable_staff(operator_administration(command), second.person_id))
    async with console(context) as office:
        await add_operator(office, await newcomer(600, "third"))

    told = await superuser.rows("SELECT template FROM notices WHERE person_id = %s ORDER BY id", second.person_id)
    assert told == [("staff_rights_taken",), ("staff_console_acted",)]


async def test_an_operator_takes_nothing_from_themselves(context: Context) -> None:
    operator = await staff_actor(context, "boss", OPERATOR, strong=True)
    own = await value(context, "SELECT id FROM role_grants")
    assert isinstance(own, UUID)
    with pytest.raises(OwnRole):
        await do(
            context, operator, lambda command: revoke_role(operator_administration(command), operator.person_id, own)
        )
    with pytest.raises(OwnRole):
        await do(context, operator, lambda command: disable_staff(operator_administration(command), operator.person_id))


async def test_secrets_of_staff_are_stored_only_hashed_or_sealed(context: Context) -> None:
    credentials = await add_employee(context, "maryam.hr")
    stored = str(await value(context, "SELECT staff_credentials::text FROM staff_credentials"))
    assert credentials.password not in stored
    assert credentials.totp_secret not in stored


async def newcomer(number: int, username: str) -> Newcomer:
    """Somebody who is to be an operator."""
    return await read_newcomer(
        national_id=national_id(number),
        mobile=mobile(number),
        first_name="نرگس",
        last_name="احمدی",
        username=username,
    )


async def test_the_console_makes_operators_until_two_can_sign_in(context: Context) -> None:
    async with console(context) as office:
        first = await add_operator(office, await newcomer(1, "first"))
    await add_employee(context, "second", OPERATOR, number=2)
    await _reset(context, first)
    await add_employee(context, "third", OPERATOR, number=3)
    for closed in (_added(context), _reset(context, first)):
        with pytest.raises(ConsoleClosed):
            await closed
    third = await value(context, "SELECT person_id FROM staff_credentials WHERE username = 'third'")
    async with console(context) as office:
        await disable_staff(office, UUID(str(third)))
    await _added(context)
    assert await audited(context, f"account:{first}") == ["add_operator", "reset_operator"]
    told = await value(context, "SELECT count(*) FROM notices WHERE template = 'staff_console_acted'")
    assert isinstance(told, int)
    assert told >= 2


async def _added(context: Context) -> None:
    async with console(context) as office:
        await add_operator(office, await newcomer(9, "fourth"))


async def _reset(context: Context, person_id: UUID) -> None:
    async with console(context) as office:
        await reset_operator(office, person_id)


async def test_the_console_resets_operators_and_nobody_else(context: Context) -> None:
    officer = await add_employee(context, "finance", FINANCE)
    for stranger in (officer.person_id, uuid4()):
        with pytest.raises(NotFound):
            async with console(context) as office:
                await reset_operator(office, stranger)


async def test_an_account_that_is_not_set_up_answers_a_sign_in_as_any_other(context: Context) -> None:
    async with console(context) as office:
        await add_operator(office, await newcomer(1, "first"))
    for username in ("first", "nobody"):
        with pytest.raises(SignInRefused):
            await sign_in_staff(context, username=username, password="", totp="000000", origin=ORIGIN)


class Own:
    """A member of staff who changes what they sign in with."""

    def __init__(self, context: Context, credentials: Credentials, actor: Actor) -> None:
        self.context, self.credentials, self.actor = context, credentials, actor

    async def change(self, *, password: str | None = None, totp: str | None = None, **new: str | None) -> None:
        """Change it, with the present password and code unless said otherwise."""
        code = totp or await code_of(self.context, self.credentials.totp_secret, later=1)
        wish = NewCredentials(new.get("new_password"), new.get("totp_key"), new.get("new_totp"))

        async def work(command: Command) -> None:
            await change_staff_credentials(command, password=password or self.credentials.password, totp=code, new=wish)

        await do(self.context, self.actor, work)


@pytest.fixture
async def own(context: Context) -> Own:
    """Somebody who is signed in."""
    credentials = await add_employee(context, "maryam.hr", FINANCE)
    signed_in = await sign_in_staff(
        context,
        username="maryam.hr",
        password=credentials.password,
        totp=await code_of(context, credentials.totp_secret, later=-1),
        origin=ORIGIN,
    )
    return Own(context, credentials, await authenticate(context, signed_in.session.token))


async def test_staff_change_their_password_themselves_and_other_sessions_end(context: Context, own: Own) -> None:
    async with transaction(context.engine, SERVICE) as connection:
        other = await begin_session(connection, own.actor.person_id, "staff")
    await own.change(new_password="چنار پیر میان دشت")

    with pytest.raises(Unauthenticated):
        await authenticate(context, other.token)
    assert await value(context, "SELECT count(*) FROM sessions WHERE ended_at IS NULL") == 1
    assert await value(context, "SELECT template FROM notices") == "staff_credentials_set"
    stored = str(await value(context, "SELECT password_hash FROM staff_credentials"))
    assert await password_matches("چنار پیر میان دشت", stored)


async def test_another_key_counts_once_a_code_of_it_was_typed(context: Context, own: Own) -> None:
    key = await draw_totp_key(context, own.actor.person_id)
    with pytest.raises(CodeNotAccepted):
        await own.change(totp_key=key.sealed, new_totp="000000")
    with pytest.raises(BadTotpKey):
        await own.change(totp_key="QUJD", new_totp=await code_of(context, key.secret))
    await own.change(totp_key=key.sealed, new_totp=await code_of(context, key.secret))
    async with transaction(context.engine, SERVICE) as connection:
        now = await read_credential(connection, context.seals, username="maryam.hr")
    assert now is not None
    assert now.totp_secret == key.secret


async def test_without_the_present_password_and_code_nothing_is_changed(context: Context, own: Own) -> None:
    before = await value(context, "SELECT staff_credentials::text FROM staff_credentials")
    for wrong in ({"password": "چیز دیگری که نیست"}, {"totp": "000000"}):
        with pytest.raises(CredentialsNotAccepted):
            await own.change(new_password="چنار پیر میان دشت", **wrong)
    with pytest.raises(NothingToChange):
        await own.change()
    with pytest.raises(WeakPassword):
        await own.change(new_password="maryam.hr 1405")
    assert await value(context, "SELECT staff_credentials::text FROM staff_credentials") == before
