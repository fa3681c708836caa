"""Transitions of a payment: taken twice they act once, whatever is lost, and no matter who was faster (E2)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from temporalio.exceptions import ApplicationError

from activities.transition import ActivityContext
from commands import payment as commands
from commands.command import Context
from gateways.local_bank import USUAL_CARD, BankDeed, LocalBank
from gateways.payment import Outcome, Paid
from messages.case import OVER, WAIT, CaseKind
from messages.payment import TaskKind
from tests.arrange import Arrange
from tests.books import Superuser, assert_books_clean
from tests.conftest import SITE, Database
from tests.faulty_gateway import FaultyGateway, Trouble, WorkerDied
from tests.length import length
from tests.payment_desk import DAY, Desk
from tests.payment_steps import AMOUNT, PaymentScenario, change_policy, end_purpose, pass_time, refuse, take
from tests.transitions import WiredContext

Prepare = Callable[[Desk], Awaitable[UUID]]


@pytest.fixture
async def scenario(
    context: Context, arrange: Arrange, activity_context: ActivityContext, bank: LocalBank
) -> PaymentScenario:
    """A payer, their bank, and the office."""
    return await PaymentScenario.opened(context, arrange, activity_context, bank)


@pytest.fixture
def desk(scenario: PaymentScenario, superuser: Superuser, bank: LocalBank) -> Desk:
    """Nothing is paid yet."""
    return Desk(scenario, FaultyGateway(bank), superuser)


async def _opened(desk: Desk) -> UUID:
    return await desk.scenario.open((await desk.scenario.purpose(), AMOUNT))


async def _came_back(desk: Desk) -> UUID:
    case_id = await desk.at_bank()
    await desk.scenario.pay(case_id)
    return case_id


async def _nobody_knows(desk: Desk) -> UUID:
    case_id = await desk.at_office()
    await desk.superuser.run("UPDATE tasks SET status = 'moot', closed_at = now()")
    return case_id


async def _not_taken_for_a_day(desk: Desk) -> UUID:
    case_id = await desk.paid()
    await pass_time(desk.superuser, DAY)
    return case_id


async def _not_taken_for_hours(desk: Desk) -> UUID:
    case_id = await desk.paid()
    await pass_time(desk.superuser, timedelta(hours=2, seconds=1))
    return case_id


async def _refused(desk: Desk) -> UUID:
    case_id = await desk.paid()
    await refuse(desk.scenario.context, desk.purposes[0])
    return case_id


async def _one_refused(desk: Desk) -> UUID:
    case_id = await desk.paid(AMOUNT, 2 * AMOUNT)
    await take(desk.scenario.context, desk.purposes[0])
    await refuse(desk.scenario.context, desk.purposes[1])
    await desk.scenario.step("return_rest", case_id)
    return case_id


async def _owed_by_hand(desk: Desk) -> UUID:
    case_id = await desk.by_hand()
    await desk.superuser.run("UPDATE tasks SET status = 'moot', closed_at = now()")
    return case_id


async def _not_paid(desk: Desk) -> UUID:
    case_id = await desk.at_bank()
    await desk.scenario.cancel(case_id)
    await desk.scenario.go_on(case_id)
    await pass_time(desk.superuser, timedelta(minutes=61))
    return case_id


PREPARED: list[tuple[str, Prepare]] = [
    ("request_link", _opened),
    ("verify_payment", _came_back),
    ("request_settlement", _nobody_knows),
    ("hand_over", _not_taken_for_hours),
    ("hand_over", _not_taken_for_a_day),
    ("return_rest", _refused),
    ("return_money", Desk.foreign_card),
    ("return_money", _one_refused),
    ("request_return", _owed_by_hand),
    ("book_return", Desk.booked),
    ("close_payment", _not_paid),
]
_NAMES = [f"{step}-{prepare.__name__.strip('_')}" for step, prepare in PREPARED]


@pytest.mark.parametrize(("step", "prepare"), PREPARED, ids=_NAMES)
async def test_each_step_taken_twice_acts_once(desk: Desk, step: str, prepare: Prepare) -> None:
    case_id = await prepare(desk)
    before = await desk.superuser.effects()

    first = await desk.scenario.step_in(step, case_id, 7)
    after, balances, calls = await desk.superuser.effects(), await desk.balances(), desk.gateway.calls.copy()
    again = await desk.scenario.step_in(step, case_id, 7)
    assert after != before
    assert (await desk.superuser.effects(), await desk.balances(), desk.gateway.calls) == (after, balances, calls)
    assert again.step == first.step

    # As a process that was started anew takes it: another round, and nothing follows from it.
    await desk.scenario.step_in(step, case_id, 8)
    apart = {"transitions": after["transitions"]}
    assert (await desk.superuser.effects() | apart, await desk.balances()) == (after, balances)
    await assert_books_clean(desk.scenario.context.engine)


# In the long form every test of a transition loses the answers to its COMMITs.
@pytest.mark.parametrize(
    ("step", "prepare"), [("verify_payment", _came_back), ("return_money", _one_refused), ("book_return", Desk.booked)]
)
async def test_a_step_whose_commit_s_answer_is_lost_acts_once(
    desk: Desk, database: Database, step: str, prepare: Prepare
) -> None:
    case_id = await prepare(desk)
    plain, before = desk.scenario.activity_context, await desk.deeds()
    async with WiredContext.to(database.app_url, plain.seals, plain.files) as wired:
        by_wire = replace(wired, gateways=plain.gateways, site=plain.site)
        taken = await replace(desk.scenario, activity_context=by_wire).step(step, case_id)

    assert taken.step != step
    assert len(await desk.deeds()) - len(before) <= 1
    assert await desk.superuser.value("SELECT count(*) FROM journals WHERE reason = 'payment_received'") <= 1
    await assert_books_clean(plain.engine)


@pytest.mark.parametrize("trouble", [Trouble.DIES, Trouble.DIES_AFTER])
@pytest.mark.parametrize("call", ["request_link", "settle", "reverse", "refund"])
async def test_a_worker_that_dies_before_or_after_a_call_moves_nothing_twice(
    desk: Desk, call: str, trouble: Trouble
) -> None:
    if call == "refund":
        desk.gateway.always(Trouble.REFUSES, "reverse")
    case_id = await {"request_link": _opened, "settle": _came_back}.get(call, Desk.foreign_card)(desk)
    step = {"request_link": "request_link", "settle": "verify_payment"}.get(call, "return_money")
    if call == "refund":
        desk.gateway.always(Trouble.NONE)
        desk.gateway.reverses_within = None
    desk.gateway.once(trouble, call)

    with pytest.raises(WorkerDied):
        await desk.scenario.step_in(step, case_id, 7)
    taken = await desk.scenario.step_in(step, case_id, 7)

    assert taken.step == WAIT
    expected = {"request_link": [], "settle": ["settled"], "reverse": ["settled", "reversed"]}
    assert await desk.deeds() == expected.get(call, ["settled", "refunded"])
    assert desk.gateway.calls["refund"] == (0 if call != "refund" else 1 + (trouble is Trouble.DIES))
    assert await desk.superuser.value("SELECT count(*) FROM journals WHERE reason = 'payment_received'") == (
        call != "request_link"
    )
    assert await desk.superuser.value("SELECT count(*) FROM payment_attempts WHERE state = 'requested'") == 0


async def test_a_day_of_unclear_answers_is_one_step_and_then_the_office_is_asked(desk: Desk) -> None:
    hours = length(2, 24)
    await change_policy(desk.scenario.context, unclear_hours=hours)
    case_id = await desk.at_bank()
    await desk.scenario.come_back(case_id)
    desk.gateway.always(Trouble.SILENT, "settle")
    passed = timedelta(0)
    while passed < timedelta(hours=hours):
        with pytest.raises(ApplicationError, match="asked again") as asked:
            await desk.scenario.step_in("verify_payment", case_id, 7)
        pause = asked.value.next_retry_delay
        assert pause is not None
        passed += pause
        await pass_time(desk.superuser, pause)

    assert desk.gateway.calls["settle"] > length(40, 150)
    assert await desk.superuser.value("SELECT count(*) FROM timeline WHERE code = 'payment_unclear'") == 1
    assert await desk.superuser.value("SELECT count(*) FROM notices WHERE template = 'payment_unclear'") == 1
    assert (await desk.scenario.step_in("verify_payment", case_id, 7)).step == "request_settlement"


async def test_verify_says_paid_after_we_gave_up_and_the_bank_gives_it_back(desk: Desk, tmp_path: Path) -> None:
    case_id = await desk.at_office()
    await desk.scenario.decide(case_id, TaskKind.SETTLE_PAYMENT, commands.give_up, "nothing came")
    await desk.scenario.go_on(case_id)
    token = await desk.scenario.token(case_id)
    desk.gateway.always(Trouble.NONE)
    desk.gateway.bank.pay(await desk.scenario.authority(case_id), USUAL_CARD)
    before = await desk.superuser.effects()

    assert await commands.call_back(desk.scenario.context, token=token, origin="origin") == case_id
    assert (await desk.scenario.step("verify_payment", case_id)).step == OVER

    assert (await desk.superuser.effects(), await desk.deeds()) == (before, [])
    later = LocalBank(tmp_path / "bank", SITE, lambda: datetime.now(UTC) + timedelta(minutes=16))
    assert later.find(await desk.scenario.authority(case_id)).line(BankDeed.RETURNED)


async def test_an_unclear_second_try_holds_back_nothing_of_the_first(desk: Desk) -> None:
    case_id = await desk.at_bank(AMOUNT, AMOUNT)
    await desk.scenario.try_again(case_id)
    await desk.scenario.go_on(case_id)
    await desk.scenario.pay(case_id, 0)
    await desk.scenario.go_on(case_id)
    await desk.scenario.come_back(case_id, 1)
    await desk.unclear(case_id)
    assert await desk.scenario.phase(case_id) == "received"

    await take(desk.scenario.context, desk.purposes[0])
    await refuse(desk.scenario.context, desk.purposes[1])
    # The process asks the gateway again: before that it looks what follows by now.
    assert (await desk.scenario.step("verify_payment", case_id)).step == "return_rest"
    assert await desk.superuser.value("SELECT count(*) FROM notices WHERE template = 'payment_unclear'") == 0


async def test_an_open_and_an_unclear_try_are_asked_about_by_one_step(desk: Desk) -> None:
    """The payer may still pay by one link; the gateway cannot tell about the other: the process does not turn."""
    case_id = await desk.at_bank()
    await desk.scenario.try_again(case_id)
    await desk.scenario.go_on(case_id)
    await desk.scenario.pay(case_id, 1, unclear=2)
    for _ in range(2):
        with pytest.raises(ApplicationError, match="asked again"):
            await desk.scenario.step_in("verify_payment", case_id, 7)
        await desk.superuser.run("UPDATE payment_attempts SET look_at = now() WHERE state = 'unclear'")
    await desk.scenario.step_in("verify_payment", case_id, 7)
    assert [one.state for one in await desk.scenario.attempts(case_id)] == ["open", "paid"]


async def test_the_office_is_asked_no_more_for_what_has_become_clear(desk: Desk) -> None:
    case_id = await desk.at_office()
    desk.gateway.always(Trouble.NONE)
    await desk.scenario.pay(case_id)
    await desk.scenario.go_on(case_id)
    assert await desk.scenario.phase(case_id) == "received"
    assert await desk.superuser.value("SELECT status FROM tasks") == "moot"


async def test_the_office_is_asked_once_however_often_the_payer_looks(desk: Desk) -> None:
    case_id = await desk.at_office()
    for _ in range(3):
        await pass_time(desk.superuser, timedelta(minutes=1))
        await desk.scenario.look(case_id)
        await desk.scenario.go_on(case_id)
    assert await desk.superuser.rows("SELECT status FROM tasks") == [("open",)]
    assert await desk.scenario.phase(case_id) == "awaiting_settlement"


async def test_a_return_in_the_office_s_hands_does_not_keep_the_rest_from_being_offered(desk: Desk) -> None:
    case_id = await desk.at_bank()
    await desk.scenario.try_again(case_id)
    await desk.scenario.go_on(case_id)
    desk.gateway.always(Trouble.REFUSES, "reverse", "refund")
    await desk.scenario.pay(case_id, 0)
    await desk.scenario.pay(case_id, 1)
    await desk.scenario.go_on(case_id)
    assert await desk.superuser.rows("SELECT kind FROM tasks WHERE status = 'open'") == [("return_payment",)]
    assert await desk.scenario.phase(case_id) == "received"

    await pass_time(desk.superuser, timedelta(hours=2, seconds=1))
    assert (await desk.scenario.step("assess_payment", case_id)).step == "hand_over"
    await pass_time(desk.superuser, DAY)
    desk.gateway.always(Trouble.NONE)
    await desk.scenario.go_on(case_id)
    assert [one.state for one in await desk.scenario.items(case_id)] == ["refused"]


async def test_a_number_of_another_payment_is_booked_by_nobody_and_looked_into_by_the_office(desk: Desk) -> None:
    await desk.paid()
    (known,) = await desk.superuser.rows("SELECT reference FROM payment_attempts")
    case_id = await desk.at_bank()
    await desk.scenario.pay(case_id)

    class Repeating(FaultyGateway):
        async def settle(self, authority: str, amount: int, order: str) -> Outcome:
            paid = await self.bank.settle(authority, amount, order)
            return replace(paid, reference=known[0]) if isinstance(paid, Paid) else paid

    await desk.scenario.with_gateways(local=Repeating(desk.gateway.bank)).go_on(case_id)
    assert await desk.scenario.phase(case_id) == "awaiting_settlement"
    assert await desk.superuser.rows("SELECT kind FROM tasks WHERE status = 'open'") == [("settle_payment",)]
    assert await desk.superuser.value("SELECT count(*) FROM journals WHERE reason = 'payment_received'") == 1

    # It has the gateway asked again, which has mended its answer.
    await desk.scenario.decide(case_id, TaskKind.SETTLE_PAYMENT, commands.ask_again)
    await desk.scenario.go_on(case_id)
    assert await desk.scenario.phase(case_id) == "received"
    assert await desk.superuser.value("SELECT count(*) FROM journals WHERE reason = 'payment_received'") == 2


async def test_a_purpose_that_ended_and_said_nothing_gets_nothing(desk: Desk) -> None:
    case_id = await desk.at_bank()
    await end_purpose(desk.scenario.context, desk.purposes[0])
    await desk.scenario.pay(case_id)
    await desk.scenario.go_on(case_id)
    assert await desk.scenario.phase(case_id) == "returned"
    assert await desk.balances() == {}


async def test_while_all_workers_are_away_the_bank_gives_it_back_and_nothing_is_booked(
    scenario: PaymentScenario, superuser: Superuser, tmp_path: Path
) -> None:
    late = [timedelta(0)]
    bank = LocalBank(tmp_path / "slow", SITE, lambda: datetime.now(UTC) + late[0])
    away = replace(scenario.with_gateways(local=bank), bank=bank)
    case_id = await away.at_bank((await away.purpose(), AMOUNT))
    bank.pay(await away.authority(case_id), USUAL_CARD)
    late[0] = timedelta(minutes=40)
    await pass_time(superuser, late[0])

    await away.go_on(case_id)

    assert [one.reason for one in await away.attempts(case_id)] == ["reversed"]
    assert await superuser.value("SELECT count(*) FROM journals") == 0
    await pass_time(superuser, timedelta(minutes=30))
    await away.go_on(case_id)
    assert await away.phase(case_id) == "not_paid"


async def test_fees_of_two_payments_are_charged_both(desk: Desk) -> None:
    await change_policy(desk.scenario.context, payer_bears_fee=[CaseKind.ONBOARDING], fee_ppm=20_000)
    for _ in range(2):
        case_id = await desk.paid()
        await take(desk.scenario.context, desk.purposes[0])
        await desk.scenario.go_on(case_id)
        assert await desk.scenario.phase(case_id) == "paid"
    await assert_books_clean(desk.scenario.context.engine)


@pytest.mark.parametrize("is_taken", [True, False])
async def test_a_fee_that_the_payer_bears_is_charged_with_what_is_taken_and_else_goes_back(
    desk: Desk, is_taken: bool
) -> None:
    await change_policy(desk.scenario.context, payer_bears_fee=[CaseKind.ONBOARDING], fee_ppm=20_000)
    case_id = await desk.paid()
    fee, kept = AMOUNT // 50, (AMOUNT + AMOUNT // 50) // 100
    assert (await desk.balances())["payment:received"] == AMOUNT + fee

    await (take if is_taken else refuse)(desk.scenario.context, desk.purposes[0])
    await desk.scenario.go_on(case_id)

    taken = {"bank": AMOUNT, "gateway:clearing": kept - AMOUNT - fee, "expense:gateway": fee - kept}
    assert await desk.balances() == (taken if is_taken else {})
    assert await desk.scenario.phase(case_id) == ("paid" if is_taken else "returned")
