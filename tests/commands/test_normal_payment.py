"""What people may do about a normal payment, what is refused, and that nobody learns who is a member (E7)."""

from __future__ import annotations

from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest

from activities.transition import ActivityContext
from commands import invitation
from commands.command import Context
from commands.normal_payment import accept_normal_payment
from domain.errors import CaseClosed, NotFound, Refusal, ServiceClosed, TaskMoot, TooMany
from domain.money import Money
from domain.normal_payment import (
    REQUESTS_PER_PAIR,
    NoResponsibilityOutdated,
    PayeeIsPayer,
    WhatForUnreadable,
)
from domain.payment import PaymentReceived, PaymentTooLarge, PaymentTooSmall, PaymentUnderWay
from gateways.local_bank import LocalBank
from tests.arrange import Arrange
from tests.books import Superuser
from tests.commands.normal_payment_steps import ANSWER, NormalPaymentScenario, confirm_number
from tests.commands.onboarding_steps import answer, open_task, run

STRANGER = "09351110077"


@pytest.fixture
async def scenario(
    context: Context, arrange: Arrange, activity_context: ActivityContext, bank: LocalBank
) -> NormalPaymentScenario:
    """A payer and a payee."""
    return await NormalPaymentScenario.opened(context, arrange, activity_context, bank)


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"what_for": " ab "}, WhatForUnreadable),
        ({"what_for": "الف" * 67}, WhatForUnreadable),
        ({"terms_version": 2}, NoResponsibilityOutdated),
        ({"amount": Money(9_999)}, PaymentTooSmall),
        ({"amount": Money(1_000_000_001)}, PaymentTooLarge),
    ],
)
async def test_a_request_that_is_refused_changes_nothing(
    scenario: NormalPaymentScenario, superuser: Superuser, changes: dict[str, Any], refusal: type[Refusal]
) -> None:
    before = await superuser.effects()
    with pytest.raises(refusal):
        await scenario.request(**changes)
    assert await superuser.effects() == before


async def test_nobody_is_their_own_payee(scenario: NormalPaymentScenario, superuser: Superuser) -> None:
    before = await superuser.effects()
    with pytest.raises(PayeeIsPayer):
        await scenario.request(scenario.payer.mobile)
    assert await superuser.effects() == before


async def test_a_closed_service_takes_no_request_and_lets_running_ones_finish(
    scenario: NormalPaymentScenario, superuser: Superuser
) -> None:
    case_id = await scenario.accepted()
    closed = "UPDATE services SET is_open = false, reason = 'test', changed_by = %s WHERE name = 'normal_payment'"
    await superuser.run(closed, scenario.payer.id)
    with pytest.raises(ServiceClosed):
        await scenario.request()
    payment_id = await scenario.at_bank(case_id)
    await scenario.pay_at_bank(payment_id)
    for each in (payment_id, case_id):
        await scenario.go_on(each)
    assert await scenario.phase(case_id) == "paid"


async def test_what_the_payer_accepted_is_in_the_fact_and_the_number_in_no_payload(
    scenario: NormalPaymentScenario, superuser: Superuser
) -> None:
    case_id = await scenario.request()
    payload = await superuser.value("SELECT payload FROM facts WHERE case_id = %s", case_id)
    assert payload == {"terms_version": 1, "amount": 25_000_000}
    for table in ("facts", "outbox", "timeline", "audit"):
        query = f"SELECT count(*) FROM {table} t WHERE t::text LIKE %s"  # noqa: S608 - our own names
        assert await superuser.value(query, f"%{scenario.payee.mobile[3:]}%") == 0, table


async def test_who_is_no_member_is_invited_and_who_is_one_is_not(
    scenario: NormalPaymentScenario, superuser: Superuser
) -> None:
    await scenario.request()
    assert await superuser.value("SELECT count(*) FROM invitations") == 0
    await scenario.request(STRANGER)
    assert await superuser.value("SELECT count(*) FROM invitations") == 1


async def test_the_number_that_only_a_list_has_is_no_members(
    scenario: NormalPaymentScenario, arrange: Arrange, superuser: Superuser
) -> None:
    listed = await arrange.person("member")
    case_id = await scenario.asked(listed.mobile)
    assert await superuser.value("SELECT count(*) FROM tasks WHERE case_id = %s", case_id) == 0
    await confirm_number(scenario.context, listed)
    await scenario.go_on(case_id)
    assert await superuser.value("SELECT person_id FROM tasks WHERE case_id = %s", case_id) == listed.id


async def test_asking_counts_as_an_invitation_for_every_number_so_that_no_limit_tells_who_is_a_member(
    scenario: NormalPaymentScenario,
) -> None:
    for mobile in (scenario.payee.mobile, STRANGER):
        await scenario.request(mobile)
        with pytest.raises(TooMany):
            await run(scenario.context, scenario.payer, partial(invitation.invite, mobile=mobile))


async def test_one_number_is_asked_by_one_member_only_so_often_a_day(
    scenario: NormalPaymentScenario, superuser: Superuser
) -> None:
    for mobile in (scenario.payee.mobile, STRANGER):
        for _ in range(REQUESTS_PER_PAIR.allowed):
            await scenario.request(mobile)
        before = await superuser.effects()
        with pytest.raises(TooMany):
            await scenario.request(mobile)
        assert await superuser.effects() == before
    # Three requests brought the stranger one SMS.
    assert await superuser.value("SELECT count(*) FROM invitations") == 1


async def test_only_the_payee_answers_and_only_in_the_words_of_this_payment(
    scenario: NormalPaymentScenario, superuser: Superuser
) -> None:
    case_id = await scenario.asked()
    task_id = await open_task(scenario.context, case_id, ANSWER)
    before = await superuser.effects()
    with pytest.raises(NotFound):
        await answer(scenario.context, scenario.payer, task_id, accept_normal_payment, 1)
    with pytest.raises(NoResponsibilityOutdated):
        await scenario.accept(case_id, 2)
    assert await superuser.effects() == before


async def test_nothing_is_paid_before_the_payee_has_accepted_nor_by_another(
    scenario: NormalPaymentScenario, superuser: Superuser
) -> None:
    case_id = await scenario.asked()
    before = await superuser.effects()
    for who in (scenario.payer, scenario.payee):
        with pytest.raises(NotFound):
            await scenario.begin_payment(case_id, who)
    assert await superuser.effects() == before


async def test_two_payments_of_one_are_not_under_way_at_once(scenario: NormalPaymentScenario) -> None:
    case_id = await scenario.accepted()
    await scenario.begin_payment(case_id)
    with pytest.raises(PaymentUnderWay):
        await scenario.begin_payment(case_id)


async def test_the_payer_withdraws_until_it_is_paid_and_the_payee_never(scenario: NormalPaymentScenario) -> None:
    case_id = await scenario.accepted()
    with pytest.raises(NotFound):
        await scenario.withdraw(case_id, scenario.payee)
    await scenario.withdraw(case_id)
    with pytest.raises(CaseClosed):
        await scenario.withdraw(case_id)
    with pytest.raises(CaseClosed):
        await scenario.begin_payment(case_id)


async def test_what_has_come_is_not_withdrawn(scenario: NormalPaymentScenario, superuser: Superuser) -> None:
    case_id = await scenario.accepted()
    payment_id = await scenario.at_bank(case_id)
    await scenario.pay_at_bank(payment_id)
    await scenario.go_on(payment_id)
    before = await superuser.effects()
    with pytest.raises(PaymentReceived):
        await scenario.withdraw(case_id)
    assert await superuser.effects() == before


async def test_a_payee_who_answers_what_was_withdrawn_hears_of_it(scenario: NormalPaymentScenario) -> None:
    case_id = await scenario.asked()
    task_id = await open_task(scenario.context, case_id, ANSWER)
    await scenario.withdraw(case_id)
    with pytest.raises(TaskMoot):
        await answer(scenario.context, scenario.payee, task_id, accept_normal_payment, 1)


async def test_a_case_of_another_is_not_there(scenario: NormalPaymentScenario) -> None:
    for case_id in (uuid4(), UUID(int=0)):
        with pytest.raises(NotFound):
            await scenario.withdraw(case_id)
