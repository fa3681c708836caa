"""The transitions of a safe payment: taken twice, each acts once; every rial goes where it was decided (E1 to E8)."""

from __future__ import annotations

import itertools
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from activities.transition import ActivityContext
from commands.command import Context
from domain.access import Role
from domain.escrow.rules import EscrowFrozen, Shares
from domain.money import Money
from messages.case import OVER, WAIT, StepInput
from messages.escrow import JobSide, Step, TaskKind
from tests.arrange import Arrange
from tests.books import Superuser, assert_books_clean
from tests.escrow_kept import escrow_with_held
from tests.escrow_process import AMOUNT, FEE_RATE, EscrowProcess, pass_time
from tests.fee_steps import change_policy

PART = 10_000_007
# Far from the rounds of the scenario.
_ROUNDS = itertools.count(500_000)


def net(gross: int) -> int:
    """What of a release reaches the contractor: less 3 per cent, and a tenth of that."""
    fee = gross * FEE_RATE // 10_000
    return gross - fee - fee // 10


@pytest.fixture
async def escrow(
    context: Context, arrange: Arrange, activity_context: ActivityContext, superuser: Superuser, tmp_path: Path
) -> EscrowProcess:
    """Two members, two arbitrators and an operator; money of theirs is held already."""
    return await escrow_with_held(context, arrange, activity_context, superuser, tmp_path)


async def _go_on_twice(escrow: EscrowProcess, superuser: Superuser, case_id: UUID) -> list[str]:
    """Take each step that follows twice in its round and once in another, which leaves nothing more than the first."""
    taken = [(await escrow.take("assess_escrow", case_id)).step]
    while taken[-1] not in {WAIT, OVER}:
        step, round_ = getattr(escrow.activities, taken[-1]), next(_ROUNDS)
        found = await step(StepInput(case_id, round_))
        before = await superuser.effects()
        assert (await step(StepInput(case_id, round_))).step == found.step
        after = await superuser.effects()
        assert {name: count for name, count in after.items() if before.get(name) != count} == {}
        taken.append(found.step)
    return taken[:-1]


async def test_each_step_that_is_taken_twice_acts_once(escrow: EscrowProcess, superuser: Superuser) -> None:
    (case_id,) = await escrow.begin()
    steps = await _go_on_twice(escrow, superuser, case_id)
    await escrow.accept(case_id)
    steps += await _go_on_twice(escrow, superuser, case_id)
    payment_id = await escrow.at_bank(case_id)
    await escrow.pay_at_bank(payment_id)
    await escrow.go_on(payment_id)
    steps += await _go_on_twice(escrow, superuser, case_id)
    await escrow.release(case_id, PART)
    steps += await _go_on_twice(escrow, superuser, case_id)
    await escrow.dispute(case_id)
    steps += await _go_on_twice(escrow, superuser, case_id)
    await escrow.take_back(case_id)
    steps += await _go_on_twice(escrow, superuser, case_id)
    await escrow.dispute(case_id)
    await _go_on_twice(escrow, superuser, case_id)
    await pass_time(superuser, timedelta(hours=121))
    steps += await _go_on_twice(escrow, superuser, case_id)
    await escrow.claim(case_id)
    steps += await _go_on_twice(escrow, superuser, case_id)
    await escrow.rule(case_id, PART)
    steps += await _go_on_twice(escrow, superuser, case_id)
    await pass_time(superuser, timedelta(hours=49))
    steps += await _go_on_twice(escrow, superuser, case_id)

    assert set(steps) >= set(Step) - {Step.REMIND_DORMANT}
    assert await escrow.balance() == 2 * net(PART)
    await escrow.finish_refunds(case_id)
    assert (await escrow.go_on(case_id)).step == OVER
    assert await escrow.phase(case_id) == "split"
    await assert_books_clean(escrow.context.engine)


async def test_what_is_released_is_the_contractors_less_the_fee_and_has_an_invoice(
    escrow: EscrowProcess, superuser: Superuser
) -> None:
    case_id = await escrow.held()
    assert await escrow.phase(case_id) == "held"
    await escrow.declare(case_id)
    await escrow.go_on(case_id)
    assert (await escrow.phase(case_id), await escrow.kinds(case_id)) == ("delivered", ["inspect_work"])
    await escrow.release(case_id, AMOUNT)
    assert await escrow.money(case_id) == (AMOUNT, 0)
    assert (await escrow.go_on(case_id)).step == OVER

    assert await escrow.phase(case_id) == "released"
    assert await escrow.balance() == net(AMOUNT)
    invoice = "SELECT person_id, fee + vat FROM invoices WHERE kind = 'safe_payment'"
    assert await superuser.rows(invoice) == [(escrow.contractor.id, AMOUNT - net(AMOUNT))]
    told = "SELECT template FROM notices WHERE case_id = %s AND person_id = %s ORDER BY id"
    assert [name for (name,) in await superuser.rows(told, case_id, escrow.contractor.id)] == [
        "task_answer_escrow",
        "escrow_funded",
        "escrow_credited",
        "escrow_ended",
    ]
    await assert_books_clean(escrow.context.engine)


async def test_a_part_that_goes_back_by_agreement_leaves_the_rest_held(escrow: EscrowProcess) -> None:
    case_id = await escrow.held()
    await escrow.ask_refund(case_id, PART)
    await escrow.go_on(case_id)
    assert (await escrow.phase(case_id), await escrow.kinds(case_id)) == ("refund_asked", ["answer_refund"])
    await escrow.answer_refund(case_id, PART - 7)
    assert (await escrow.go_on(case_id)).step == WAIT
    assert await escrow.money(case_id) == (AMOUNT - PART + 7, AMOUNT - PART + 7)
    assert (await escrow.phase(case_id), await escrow.kinds(case_id)) == ("held", [])
    await escrow.finish_refunds(case_id)
    await escrow.release(case_id, AMOUNT - PART + 7)
    assert (await escrow.go_on(case_id)).step == OVER
    assert await escrow.phase(case_id) == "split"
    assert await escrow.balance() == net(AMOUNT - PART + 7)
    await assert_books_clean(escrow.context.engine)


async def test_a_dispute_freezes_only_what_is_not_on_its_way(escrow: EscrowProcess) -> None:
    case_id = await escrow.held()
    await escrow.release(case_id, PART)
    await escrow.dispute(case_id, JobSide.CONTRACTOR)
    found = await escrow.dispute_of(case_id)
    assert found is not None
    assert found.frozen == AMOUNT - PART
    await escrow.go_on(case_id)
    assert await escrow.balance() == net(PART)
    assert await escrow.money(case_id) == (AMOUNT - PART, 0)
    assert await escrow.phase(case_id) == "in_dispute"
    with pytest.raises(EscrowFrozen):
        await escrow.release(case_id, 1)
    await escrow.take_back(case_id, JobSide.CONTRACTOR)
    await escrow.go_on(case_id)
    assert await escrow.money(case_id) == (AMOUNT - PART, AMOUNT - PART)
    await assert_books_clean(escrow.context.engine)


async def test_the_second_ruling_is_final_at_once_and_all_may_go_back(escrow: EscrowProcess) -> None:
    case_id = await escrow.disputed()
    await escrow.pass_wait(case_id)
    await escrow.claim(case_id)
    await escrow.rule(case_id, AMOUNT)
    await escrow.go_on(case_id)
    assert await escrow.money(case_id) == (AMOUNT, 0)
    assert await escrow.balance() == 0
    await escrow.object_to(case_id, JobSide.EMPLOYER)
    await escrow.go_on(case_id)
    await escrow.claim(case_id, 1)
    await escrow.rule(case_id, 0, 1)
    await escrow.go_on(case_id)
    assert await escrow.phase(case_id) == "refunding"
    await escrow.finish_refunds(case_id)
    assert (await escrow.go_on(case_id)).step == OVER
    assert (await escrow.phase(case_id), await escrow.balance()) == ("refunded", 0)
    first, second = await escrow.rulings_of(case_id)
    assert (first.final_at, second.final_at is not None) == (None, True)
    await assert_books_clean(escrow.context.engine)


async def test_where_no_arbitrator_may_claim_it_the_operations_desk_finds_one(
    escrow: EscrowProcess, arrange: Arrange, superuser: Superuser
) -> None:
    escrow.arbitrators.pop()
    last = escrow.arbitrators[0]
    case_id = await escrow.disputed()
    await escrow.pass_wait(case_id)
    assert await escrow.kinds(case_id) == ["rule_dispute"]
    # Who has claimed it and stays silent may not claim it again, and the other one is gone.
    await superuser.run(
        "UPDATE role_grants SET revoked_at = now() WHERE role = 'arbitrator' AND person_id <> %s", last.id
    )
    await escrow.claim(case_id)
    await escrow.go_on(case_id)
    await escrow.pass_wait(case_id)
    assert await escrow.phase(case_id) == "awaiting_arbitrator"
    assert sorted(await escrow.kinds(case_id)) == ["find_arbitrator", "rule_dispute"]
    escrow.arbitrators.append(await arrange.platform(Role.ARBITRATOR))
    await escrow.seek(case_id)
    await escrow.go_on(case_id)
    assert await escrow.kinds(case_id) == ["rule_dispute"]
    asked = "SELECT count(*) FROM notices WHERE person_id = %s AND template = 'task_rule_dispute'"
    assert await superuser.value(asked, escrow.arbitrators[1].id) == 1
    assert await escrow.money(case_id) == (AMOUNT, 0)


async def test_money_that_lies_comes_to_an_arbitrator_until_somebody_moves_it(
    escrow: EscrowProcess, superuser: Superuser
) -> None:
    case_id = await escrow.held()
    for _ in range(3):
        assert await escrow.kinds(case_id) == []
        await pass_time(superuser, timedelta(days=30))
        await escrow.go_on(case_id)
    assert await escrow.kinds(case_id) == ["review_dormant_escrow"]
    told = "SELECT count(*) FROM notices WHERE case_id = %s AND template = 'escrow_dormant'"
    assert await superuser.value(told, case_id) == 6
    await escrow.release(case_id, PART)
    await escrow.go_on(case_id)
    assert await escrow.kinds(case_id) == []


@pytest.mark.parametrize("is_on", [False, True])
async def test_silence_about_declared_work_releases_only_where_the_policy_says_so(
    escrow: EscrowProcess, superuser: Superuser, is_on: bool
) -> None:
    if is_on:
        await change_policy(escrow.context, "escrow", auto_release=True)
        # That one froze the policy that ships.
        escrow.ready.clear()
    case_id = await escrow.held()
    await escrow.declare(case_id)
    await escrow.pass_wait(case_id)
    last = "SELECT code FROM timeline WHERE case_id = %s ORDER BY id DESC LIMIT 1"
    if is_on:
        assert (await escrow.phase(case_id), await escrow.balance()) == ("released", net(AMOUNT))
    else:
        assert await escrow.money(case_id) == (AMOUNT, AMOUNT)
        assert (await superuser.value(last, case_id), await escrow.kinds(case_id)) == ("escrow_not_inspected", [])
    await assert_books_clean(escrow.context.engine)


async def test_payments_proposed_together_ask_remind_and_lapse_in_one_sms_each(
    escrow: EscrowProcess, superuser: Superuser
) -> None:
    cases = await escrow.begin(AMOUNT, PART, AMOUNT)
    for case_id in cases:
        await escrow.go_on(case_id)
    for case_id in cases:
        await escrow.pass_wait(case_id)
        assert await escrow.phase(case_id) == "lapsed"
    count = "SELECT template, count(*)::int FROM notices WHERE case_id = ANY(%s) GROUP BY 1 ORDER BY 1"
    assert await superuser.rows(count, cases) == [
        ("escrow_unanswered", 1),
        ("remind_answer_escrow", 1),
        ("task_answer_escrow", 1),
    ]
    assert await superuser.value("SELECT count(*) FROM escrow_jobs WHERE mobile_sealed IS NOT NULL") == 0


async def test_money_at_the_last_moment_is_taken_and_later_money_goes_back(escrow: EscrowProcess) -> None:
    in_time, late = await escrow.accepted(), await escrow.accepted()
    payment_id, other = await escrow.at_bank(in_time), await escrow.at_bank(late)
    await escrow.pay_at_bank(payment_id)
    await escrow.go_on(payment_id)
    found = await escrow.take("lapse_escrow", in_time)
    assert found.step == Step.TAKE_FUNDS
    await escrow.take(found.step, in_time)
    assert await escrow.money(in_time) == (AMOUNT, AMOUNT)

    assert (await escrow.take("lapse_escrow", late)).step == OVER
    await escrow.pay_at_bank(other)
    await escrow.go_on(other)
    assert (await escrow.phase(late), await escrow.phase(other)) == ("lapsed", "returned")
    assert await escrow.money(late) == (0, 0)
    await assert_books_clean(escrow.context.engine)


async def test_both_offer_and_only_what_is_accepted_divides_it(escrow: EscrowProcess) -> None:
    case_id = await escrow.disputed()
    await escrow.offer(case_id, JobSide.EMPLOYER, Shares(Money(0), Money(AMOUNT)))
    await escrow.offer(case_id, JobSide.CONTRACTOR, Shares(Money(PART), Money(AMOUNT - PART)))
    await escrow.answer_split(case_id, JobSide.CONTRACTOR, accept=False)
    await escrow.answer_split(case_id, JobSide.EMPLOYER, accept=True)
    assert await escrow.kinds(case_id) == []
    await escrow.go_on(case_id)
    assert await escrow.balance() == net(PART)
    await escrow.finish_refunds(case_id)
    assert (await escrow.go_on(case_id)).step == OVER
    assert await escrow.phase(case_id) == "split"
    await assert_books_clean(escrow.context.engine)


async def test_a_claimed_task_shows_until_when_it_is_ruled(escrow: EscrowProcess, superuser: Superuser) -> None:
    case_id = await escrow.disputed()
    await escrow.pass_wait(case_id)
    await escrow.claim(case_id)
    await escrow.go_on(case_id)
    assert await escrow.phase(case_id) == "awaiting_ruling"
    due = (
        "SELECT c.due_at = t.due_at FROM cases c JOIN tasks t ON t.case_id = c.id AND t.status = 'open' WHERE c.id = %s"
    )
    assert await superuser.value(due, case_id) is True
    assert await escrow.kinds(case_id) == [TaskKind.RULE_DISPUTE]
