"""The transitions of a normal payment: each taken twice acts once, and what comes too late goes back (E7)."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest

from activities.transition import ActivityContext
from commands.command import Context
from gateways.local_bank import BankDeed, LocalBank
from messages.case import OVER, StepInput
from messages.normal_payment import Step
from storage.database import SERVICE, transaction
from storage.profile import seal_email, set_email
from tests.arrange import Arrange
from tests.books import Superuser, assert_books_clean
from tests.commands.normal_payment_steps import AMOUNT, ANSWER, PAY, NormalPaymentScenario, confirm_number
from tests.joining_steps import Joining, Newcomer

_END_OF_TIME = datetime(2100, 1, 1, tzinfo=UTC)


@pytest.fixture
async def scenario(
    context: Context, arrange: Arrange, activity_context: ActivityContext, bank: LocalBank
) -> NormalPaymentScenario:
    """A payer and a payee."""
    return await NormalPaymentScenario.opened(context, arrange, activity_context, bank)


async def _take_twice(scenario: NormalPaymentScenario, name: str, case_id: UUID) -> None:
    for _ in range(2):
        await getattr(scenario.activities, name)(StepInput(case_id))
    await scenario.take(name, case_id)


async def test_each_step_that_is_taken_twice_acts_once(scenario: NormalPaymentScenario, superuser: Superuser) -> None:
    async with transaction(scenario.context.engine, SERVICE) as connection:
        sealed = seal_email(scenario.context.seals, "payer@example.org")
        await set_email(connection, scenario.context.seals, scenario.payer.id, sealed)
    case_id = await scenario.request()
    await _take_twice(scenario, Step.ASK_PAYEE, case_id)
    await scenario.accept(case_id)
    await _take_twice(scenario, Step.REQUEST_PAYMENT, case_id)
    payment_id = await scenario.at_bank(case_id)
    await scenario.pay_at_bank(payment_id)
    await scenario.go_on(payment_id)
    await _take_twice(scenario, Step.TAKE_PAYMENT, case_id)

    tasks = await superuser.rows("SELECT kind FROM tasks WHERE case_id = %s ORDER BY id", case_id)
    assert tasks == [(ANSWER,), (PAY,)]
    assert await scenario.balance() == AMOUNT.amount
    told = "SELECT channel, person_id FROM notices WHERE case_id = %s AND template = %s ORDER BY channel"
    payer, payee = scenario.payer.id, scenario.payee.id
    assert await superuser.rows(told, case_id, "normal_payment_made") == [("mail", payer), ("sms", payer)]
    assert await superuser.rows(told, case_id, "normal_payment_credited") == [("sms", payee)]


async def test_what_is_paid_goes_from_the_payment_to_the_payees_balance_in_one_journal(
    scenario: NormalPaymentScenario, superuser: Superuser, context: Context
) -> None:
    case_id = await scenario.paid()

    assert await scenario.phase(case_id) == "paid"
    assert await scenario.balance() == AMOUNT.amount
    entries = await superuser.rows(
        "SELECT a.kind, e.amount FROM entries e JOIN accounts a ON a.id = e.account_id"
        " JOIN journals j ON j.id = e.journal_id WHERE j.reason = 'normal_payment_made' ORDER BY e.amount"
    )
    assert entries == [("payment:received", -AMOUNT.amount), ("member:payable", AMOUNT.amount)]
    assert await superuser.value("SELECT phase FROM cases WHERE kind = 'payment'") == "paid"
    await assert_books_clean(context.engine)


async def test_payer_and_payee_see_one_and_the_same_before_the_answer_whoever_has_the_number(
    scenario: NormalPaymentScenario, superuser: Superuser
) -> None:
    seen = []
    for mobile in (scenario.payee.mobile, "09351110078"):
        case_id = await scenario.asked(mobile)
        row = await superuser.rows(
            "SELECT phase, next_actor, version, due_at - opened_at FROM cases WHERE id = %s", case_id
        )
        timeline = await superuser.rows("SELECT code, params, actor FROM timeline WHERE case_id = %s", case_id)
        seen.append(([(*row[0][:3], round(row[0][3].total_seconds() / 60))], timeline))
    assert seen[0] == seen[1]


async def test_a_reminder_of_the_payee_is_not_told_to_the_payer(
    scenario: NormalPaymentScenario, superuser: Superuser
) -> None:
    case_id = await scenario.asked()
    await scenario.take("remind_normal_payment", case_id, until=_END_OF_TIME)
    assert await superuser.value("SELECT count(*) FROM tasks WHERE reminded_at IS NOT NULL") == 1
    codes = await superuser.rows("SELECT code FROM timeline WHERE case_id = %s", case_id)
    assert codes == [("normal_payment_requested",)]


async def test_silence_ends_it_at_the_same_moment_whether_or_not_somebody_joined(
    scenario: NormalPaymentScenario, superuser: Superuser
) -> None:
    member, stranger = await scenario.asked(), await scenario.asked("09351110079")
    await scenario.take("lapse_normal_payment", member, until=_END_OF_TIME)
    await scenario.take(Step.ASK_PAYEE, stranger, until=_END_OF_TIME)
    for case_id in (member, stranger):
        assert await scenario.phase(case_id) == "lapsed"
        last = "SELECT code FROM timeline WHERE case_id = %s ORDER BY id DESC LIMIT 1"
        assert await superuser.value(last, case_id) == "normal_payment_unanswered"
    due = "SELECT count(DISTINCT answer_until - c.opened_at) FROM normal_payments n JOIN cases c ON c.id = n.case_id"
    assert await superuser.value(due) == 1


async def test_whoever_joins_with_the_number_is_asked(
    scenario: NormalPaymentScenario, activity_context: ActivityContext, superuser: Superuser
) -> None:
    newcomer = Newcomer()
    case_id = await scenario.asked(newcomer.mobile)
    await Joining(scenario.context, activity_context).join(newcomer)
    woken = "SELECT count(*) FROM outbox WHERE message = 'CaseSignal' AND payload->>'name' = 'resumed'"
    assert await superuser.value(woken) == 1
    await scenario.go_on(case_id)
    assert await superuser.value("SELECT kind FROM tasks WHERE case_id = %s AND status = 'open'", case_id) == ANSWER
    assert await scenario.phase(case_id) == "awaiting_payee"


async def test_of_two_who_have_the_number_whoever_proved_it_last_is_asked(
    scenario: NormalPaymentScenario, arrange: Arrange, superuser: Superuser
) -> None:
    other = await arrange.person("member")
    await confirm_number(scenario.context, other)
    await superuser.run(
        "UPDATE persons SET mobile_index = p.mobile_index FROM persons p WHERE p.id = %s AND persons.id = %s",
        scenario.payee.id,
        other.id,
    )
    case_id = await scenario.asked()
    assert await superuser.value("SELECT payee_id FROM normal_payments WHERE case_id = %s", case_id) == other.id


async def test_the_number_is_forgotten_once_nobody_is_waited_for(
    scenario: NormalPaymentScenario, superuser: Superuser
) -> None:
    kept = "SELECT count(*) FROM normal_payments WHERE mobile_sealed IS NOT NULL"
    accepted, refused, withdrawn = [await scenario.asked() for _ in range(3)]
    assert await superuser.value(kept) == 3
    await scenario.accept(accepted)
    await scenario.refuse(refused)
    await scenario.withdraw(withdrawn)
    for case_id in (refused, withdrawn):
        assert (await scenario.go_on(case_id)).step == OVER
    assert await superuser.value(kept) == 0


async def test_what_is_paid_for_one_that_was_withdrawn_meanwhile_goes_back(
    scenario: NormalPaymentScenario, bank: LocalBank, context: Context
) -> None:
    case_id = await scenario.accepted()
    payment_id = await scenario.at_bank(case_id)
    await scenario.withdraw(case_id)
    assert (await scenario.go_on(case_id)).step == OVER
    await _money_goes_back(scenario, payment_id, bank, context)


async def test_what_is_paid_after_the_time_is_over_goes_back(
    scenario: NormalPaymentScenario, bank: LocalBank, context: Context
) -> None:
    case_id = await scenario.accepted()
    payment_id = await scenario.at_bank(case_id)
    await scenario.take("lapse_normal_payment", case_id, until=_END_OF_TIME)
    assert await scenario.phase(case_id) == "lapsed"
    await _money_goes_back(scenario, payment_id, bank, context)


async def _money_goes_back(
    scenario: NormalPaymentScenario, payment_id: UUID, bank: LocalBank, context: Context
) -> None:
    await scenario.pay_at_bank(payment_id)
    await scenario.go_on(payment_id)
    assert await scenario.phase(payment_id) == "returned"
    assert await scenario.balance() == 0
    paid = bank.find(await scenario.authority(payment_id))
    assert paid.line(BankDeed.REVERSED, BankDeed.REFUNDED) is not None
    await assert_books_clean(context.engine)


async def test_money_that_came_at_the_last_moment_is_taken(scenario: NormalPaymentScenario) -> None:
    case_id = await scenario.accepted()
    payment_id = await scenario.at_bank(case_id)
    await scenario.pay_at_bank(payment_id)
    await scenario.go_on(payment_id)
    found = await scenario.take("lapse_normal_payment", case_id, until=_END_OF_TIME)
    assert found.step == Step.TAKE_PAYMENT
    await scenario.take(found.step, case_id)
    assert await scenario.balance() == AMOUNT.amount


async def test_a_payment_that_came_to_nothing_may_be_followed_by_another(scenario: NormalPaymentScenario) -> None:
    case_id = await scenario.accepted()
    first = await scenario.at_bank(case_id)
    await scenario.cancel_at_bank(first)
    await scenario.go_on(first)
    await scenario.take("close_payment", first, until=_END_OF_TIME)
    assert await scenario.phase(first) == "not_paid"
    second = await scenario.at_bank(case_id)
    await scenario.pay_at_bank(second)
    for each in (second, case_id):
        await scenario.go_on(each)
    assert await scenario.phase(case_id) == "paid"
    assert await scenario.balance() == AMOUNT.amount
