"""What people may do about a payment, and what they are refused (E2)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from datetime import timedelta
from functools import partial
from uuid import UUID

import pytest

from activities.transition import ActivityContext
from commands import payment as commands
from commands.command import Context
from commands.invitation import open_invitation
from domain import payment as rules
from domain.errors import CaseClosed, NotFound, Refusal, TooMany
from gateways.local_bank import LocalBank
from messages.case import CaseKind
from tests.arrange import Arrange
from tests.books import Superuser
from tests.faulty_gateway import FaultyGateway, Trouble
from tests.payment_steps import AMOUNT, PaymentScenario, change_policy, open_purpose, pass_time, refuse, take


@pytest.fixture
async def scenario(
    context: Context, arrange: Arrange, activity_context: ActivityContext, bank: LocalBank
) -> PaymentScenario:
    """A payer, their bank, and the office."""
    return await PaymentScenario.opened(context, arrange, activity_context, bank)


async def refused(superuser: Superuser, refusal: type[Refusal], work: Awaitable[object]) -> None:
    """It is refused, and leaves no row more or less."""
    before = await superuser.effects()
    with pytest.raises(refusal):
        await work
    assert await superuser.effects() == before


@pytest.mark.parametrize(
    ("amount", "refusal"), [(9_999, rules.PaymentTooSmall), (1_000_000_001, rules.PaymentTooLarge)]
)
async def test_one_payment_has_bounds(
    scenario: PaymentScenario, superuser: Superuser, amount: int, refusal: type[Refusal]
) -> None:
    purpose = await scenario.purpose()
    await refused(superuser, refusal, scenario.open((purpose, amount)))


async def test_a_day_of_a_person_has_a_bound_and_what_came_to_nothing_does_not_count(
    scenario: PaymentScenario, superuser: Superuser, arrange: Arrange
) -> None:
    await change_policy(scenario.context, most_rial=1_000_000, most_a_day_rial=1_500_000)
    case_id = await scenario.at_bank((await scenario.purpose(), 1_000_000))
    purpose = await scenario.purpose()
    await refused(superuser, rules.DayLimitReached, scenario.open((purpose, 600_000)))
    # Another person has a day of their own.
    await scenario.open((await scenario.purpose(), 600_000), who=await arrange.person("member"))

    await scenario.cancel(case_id)
    await pass_time(superuser, timedelta(minutes=61))
    await scenario.go_on(case_id)
    assert await scenario.phase(case_id) == "not_paid"
    await scenario.open((purpose, 600_000))


async def test_payments_begun_at_once_do_not_pass_the_day_s_bound_together(scenario: PaymentScenario) -> None:
    await change_policy(scenario.context, most_rial=1_000_000, most_a_day_rial=1_500_000)
    purposes = [await scenario.purpose() for _ in range(4)]
    begun = await asyncio.gather(*(scenario.open((purpose, 700_000)) for purpose in purposes), return_exceptions=True)
    assert sorted(type(one).__name__ for one in begun) == ["DayLimitReached", "DayLimitReached", "UUID", "UUID"]


async def test_one_thing_is_paid_by_one_payment_at_a_time(
    scenario: PaymentScenario, superuser: Superuser, arrange: Arrange
) -> None:
    purpose, another = await scenario.purpose(), await arrange.person("member")
    begun = await asyncio.gather(
        *(scenario.open((purpose, AMOUNT), who=who) for who in (scenario.payer, another) * 2), return_exceptions=True
    )
    (case_id,) = [one for one in begun if isinstance(one, UUID)]
    assert sum(isinstance(one, rules.PaymentUnderWay) for one in begun) == 3
    await refused(superuser, rules.PaymentUnderWay, scenario.open((purpose, AMOUNT)))

    # Once it came to nothing it may be paid anew.
    await pass_time(superuser, timedelta(minutes=61))
    await scenario.go_on(case_id)
    await superuser.run("UPDATE payment_attempts SET look_at = now(), ends_at = now() WHERE payment_id = %s", case_id)
    await scenario.go_on(case_id)
    assert await scenario.phase(case_id) == "not_paid"
    await scenario.open((purpose, AMOUNT))


async def test_without_a_gateway_nobody_begins_to_pay(scenario: PaymentScenario, superuser: Superuser) -> None:
    purpose = await scenario.purpose()
    await refused(superuser, rules.NoGateway, scenario.with_gateways().open((purpose, AMOUNT)))
    await change_policy(scenario.context, gateways=[])
    await refused(superuser, rules.NoGateway, scenario.open((purpose, AMOUNT)))


async def test_who_has_no_card_of_their_own_cannot_pay_what_only_it_may(
    scenario: PaymentScenario, superuser: Superuser
) -> None:
    await change_policy(scenario.context, own_card=[CaseKind.ONBOARDING])
    purpose = await scenario.purpose()
    await refused(superuser, rules.CardMissing, scenario.open((purpose, AMOUNT)))


async def test_tries_are_bounded_in_number_and_time(scenario: PaymentScenario, superuser: Superuser) -> None:
    await change_policy(scenario.context, attempts=2)
    case_id = await scenario.at_bank((await scenario.purpose(), AMOUNT))
    await scenario.try_again(case_id)
    # Pressed twice, it is one try.
    await scenario.try_again(case_id)
    assert len(await scenario.attempts(case_id)) == 2
    await scenario.go_on(case_id)
    await refused(superuser, rules.AttemptsUsedUp, scenario.try_again(case_id))
    await change_policy(scenario.context, attempts=9)
    await pass_time(superuser, timedelta(minutes=9))
    await superuser.run("UPDATE payments SET pay_until = now()")
    await refused(superuser, rules.AttemptsUsedUp, scenario.try_again(case_id))


async def test_nobody_pays_once_more_for_what_is_unclear_received_or_not_wanted(
    scenario: PaymentScenario, superuser: Superuser, bank: LocalBank
) -> None:
    purpose = await scenario.purpose()
    case_id = await scenario.at_bank((purpose, AMOUNT))
    await scenario.pay(case_id)
    await refused(superuser, rules.PaymentUnclear, scenario.try_again(case_id))
    gateway = FaultyGateway(bank)
    gateway.always(Trouble.SILENT)
    with pytest.raises(Exception, match="asked again"):
        await scenario.with_gateways(local=gateway).go_on(case_id)
    await refused(superuser, rules.PaymentUnclear, scenario.try_again(case_id))
    await superuser.run("UPDATE payment_attempts SET look_at = now()")
    await scenario.go_on(case_id)
    await refused(superuser, rules.PaymentReceived, scenario.try_again(case_id))
    await take(scenario.context, purpose)
    await scenario.go_on(case_id)
    await refused(superuser, CaseClosed, scenario.try_again(case_id))

    unwanted = await scenario.purpose()
    other = await scenario.at_bank((unwanted, AMOUNT))
    await refuse(scenario.context, unwanted)
    await refused(superuser, rules.AttemptsUsedUp, scenario.try_again(other))


async def test_a_payment_is_its_payer_s_alone(
    scenario: PaymentScenario, superuser: Superuser, arrange: Arrange
) -> None:
    case_id = await scenario.at_bank((await scenario.purpose(), AMOUNT))
    stranger = await arrange.person("member")
    for deed in (commands.try_again, commands.look_at_payment):
        await refused(superuser, NotFound, scenario.command(partial(deed, case_id=case_id), stranger))


async def test_coming_back_is_noted_once_until_the_gateway_was_asked(
    scenario: PaymentScenario, superuser: Superuser
) -> None:
    case_id = await scenario.at_bank((await scenario.purpose(), AMOUNT))

    async def told() -> int:
        return int(await superuser.value("SELECT count(*) FROM timeline WHERE code = 'payment_called_back'"))

    for _ in range(3):
        assert await scenario.come_back(case_id) == case_id
    assert await told() == 1
    await scenario.go_on(case_id)
    await scenario.come_back(case_id)
    assert await told() == 2


async def test_a_forged_way_back_changes_nothing(scenario: PaymentScenario, superuser: Superuser) -> None:
    case_id = await scenario.at_bank((await scenario.purpose(), AMOUNT))
    token = await scenario.token(case_id)
    for forged in (token[:-1] + "x", "", "x" * 500, await scenario.authority(case_id)):
        call = commands.call_back(scenario.context, token=forged, origin="origin")
        await refused(superuser, NotFound, call)
    assert (await scenario.attempts(case_id))[0].called_back_at is None


async def test_who_presses_again_and_again_has_the_bank_asked_once_in_ten_seconds(
    scenario: PaymentScenario, superuser: Superuser
) -> None:
    case_id = await scenario.at_bank((await scenario.purpose(), AMOUNT))
    for _ in range(3):
        await scenario.look(case_id)
    assert await superuser.value("SELECT count(*) FROM facts WHERE kind = 'payment_looked_at'") == 1
    await scenario.go_on(case_id)
    await scenario.look(case_id)
    await pass_time(superuser, timedelta(seconds=11))
    await scenario.look(case_id)
    assert await superuser.value("SELECT count(*) FROM facts WHERE kind = 'payment_looked_at'") == 2


async def test_the_second_gateway_gives_the_link_where_the_first_is_down(
    scenario: PaymentScenario, bank: LocalBank
) -> None:
    await change_policy(scenario.context, gateways=["first", "second"])
    first, second = FaultyGateway(bank, "first"), FaultyGateway(bank, "second")
    both = scenario.with_gateways(first=first, second=second)
    first.always(Trouble.SILENT)
    case_id = await both.at_bank((await open_purpose(both.context), AMOUNT))
    assert [one.gateway for one in await both.attempts(case_id)] == ["second"]
    # The one that is wished comes first.
    first.always(Trouble.NONE)
    await both.try_again(case_id, "first")
    await both.go_on(case_id)
    assert [one.gateway for one in await both.attempts(case_id)] == ["second", "first"]
    # Switched off, it takes no link any more, also of a payment that has begun.
    await change_policy(scenario.context, gateways=["second"])
    await both.try_again(case_id, "first")
    await both.go_on(case_id)
    assert [one.gateway for one in await both.attempts(case_id)] == ["second", "first", "second"]


async def test_a_network_whose_browsers_are_led_to_ways_back_that_are_none_of_ours_signs_in_as_before(
    scenario: PaymentScenario,
) -> None:
    stray = partial(commands.call_back, scenario.context, token="x" * 22, origin="192.0.2.9")
    for _ in range(rules.STRAY_CALLBACKS_PER_ADDRESS.allowed + 1):
        with pytest.raises(NotFound):
            await stray()
    with pytest.raises(TooMany):
        await stray()
    with pytest.raises(NotFound):
        await open_invitation(scenario.context, token="x" * 22, origin="192.0.2.9")


async def test_whose_tries_are_used_up_begins_a_new_payment_at_once(
    scenario: PaymentScenario, superuser: Superuser
) -> None:
    await change_policy(scenario.context, attempts=2)
    purpose = await scenario.purpose()
    case_id = await scenario.at_bank((purpose, AMOUNT))
    await scenario.cancel(case_id)
    await scenario.go_on(case_id)
    assert await scenario.phase(case_id) == "awaiting_payer"
    await scenario.try_again(case_id)
    await scenario.go_on(case_id)
    await scenario.cancel(case_id)
    await scenario.go_on(case_id)

    assert await scenario.phase(case_id) == "not_paid"
    await refused(superuser, CaseClosed, scenario.try_again(case_id))
    await scenario.open((purpose, AMOUNT))
