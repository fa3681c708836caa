"""What a bank's file calls rejected counts once another officer than its sender has confirmed it (E3)."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from uuid import UUID

import pytest

from activities.payout.answer import CHUNK_ROWS, apply_rejections
from activities.transition import ActivityContext
from commands import payout_answer
from commands.command import Context
from domain.access import Role
from domain.errors import OwnCase, Refusal, SentByYourself
from domain.money import Money
from domain.payout import PayoutDiffers, SettlementWaiting
from messages.payout import Step
from tests.arrange import Arrange
from tests.books import Superuser, assert_books_clean
from tests.commands.onboarding_steps import answer, open_task
from tests.payout_steps import AMOUNT, REJECT, PayoutOffice, give_money, queue_withdrawals

_WHOLE = 100_000_000


@pytest.fixture
async def office(context: Context, arrange: Arrange, activity_context: ActivityContext) -> PayoutOffice:
    """A member with 100 million rial, and two officers."""
    return await PayoutOffice.opened(context, arrange, activity_context)


async def proposed(office: PayoutOffice, count: int = 2) -> tuple[UUID, list[UUID]]:
    """A batch of which the bank's file calls the first line rejected."""
    asked = [await office.withdraw() for _ in range(count)]
    case_id = await office.sent()
    await office.answered(case_id, await office.answer_to(case_id, rejected=[1]), confirmed=False)
    return case_id, asked


async def states(office: PayoutOffice, asked: list[UUID]) -> list[str]:
    """Where withdrawals stand."""
    return [(await office.one(one)).state for one in asked]


async def test_one_officer_alone_settles_what_is_paid_and_gives_nothing_back(
    office: PayoutOffice, superuser: Superuser, context: Context
) -> None:
    case_id, asked = await proposed(office)
    assert await states(office, asked) == ["cut", "paid"]
    assert await office.balance() == (_WHOLE - 2 * AMOUNT.amount, AMOUNT.amount)
    await assert_books_clean(context.engine)

    await office.confirm_rejections(case_id)
    await office.go_on(case_id)

    assert await states(office, asked) == ["rejected", "paid"]
    assert (await office.one(asked[0])).reason == "حساب بسته است"
    assert await office.balance() == (_WHOLE - AMOUNT.amount, 0)
    assert await office.phase(case_id) == "settled"
    told = "SELECT template FROM notices WHERE person_id = %s AND template LIKE 'withdrawal_%%' ORDER BY id"
    kinds = [kind for (kind,) in await superuser.rows(told, office.member.id)]
    assert kinds[-2:] == ["withdrawal_paid", "withdrawal_rejected"]
    await assert_books_clean(context.engine)


async def test_neither_the_sender_nor_whoever_is_paid_confirms_and_only_what_was_seen(office: PayoutOffice) -> None:
    third = await office.arrange.platform(Role.SETTLEMENT_OFFICER)
    await give_money(office.context, third.id, AMOUNT)
    await queue_withdrawals(office.context, [third.id], 1, AMOUNT)
    case_id, _ = await proposed(office)
    with pytest.raises(SentByYourself):
        await office.confirm_rejections(case_id, office.maker)
    with pytest.raises(OwnCase):
        await office.confirm_rejections(case_id, third)
    seen, task_id = await office.seen_rejections(case_id), await open_task(office.context, case_id, REJECT)
    for other in (replace(seen, lines=2), replace(seen, amount=seen.amount + 1), replace(seen, sha256="0" * 64)):
        with pytest.raises(PayoutDiffers):
            await answer(office.context, office.checker, task_id, payout_answer.confirm_rejections, other)
    await office.confirm_rejections(case_id)


async def test_what_another_officer_refuses_stays_with_the_bank(office: PayoutOffice, superuser: Superuser) -> None:
    case_id, asked = await proposed(office)
    await office.refuse_rejections(case_id)
    await office.go_on(case_id)
    assert (await states(office, asked), await office.phase(case_id)) == (["cut", "paid"], "sent")
    said = "SELECT params ->> 'reason' FROM timeline WHERE code = 'payout_rejections_refused'"
    assert await superuser.value(said) == "بانک چنین نگفت"
    await office.answered(case_id, await office.answer_to(case_id))
    assert (await states(office, asked), await office.phase(case_id)) == (["paid", "paid"], "settled")


async def test_while_rejections_wait_nothing_else_settles_lines(office: PayoutOffice) -> None:
    case_id, asked = await proposed(office)
    with pytest.raises(SettlementWaiting):
        await office.send_answer(case_id, await office.answer_to(case_id))
    with pytest.raises(SettlementWaiting):
        await office.record(case_id, asked[0])


async def test_of_those_who_confirm_and_refuse_at_once_one_is_heard(office: PayoutOffice, context: Context) -> None:
    case_id, asked = await proposed(office)
    came = await asyncio.gather(
        office.confirm_rejections(case_id), office.refuse_rejections(case_id), return_exceptions=True
    )
    assert len([one for one in came if isinstance(one, Refusal)]) == 1
    await office.go_on(case_id)
    assert await states(office, asked) == (["cut", "paid"] if came[1] is None else ["rejected", "paid"])
    await assert_books_clean(context.engine)


async def test_workers_that_settle_the_same_rejections_at_once_give_each_back_once(
    office: PayoutOffice, context: Context
) -> None:
    count = CHUNK_ROWS + 5
    people = [await office.arrange.person("member") for _ in range(5)]
    for one in people:
        await give_money(context, one.id, Money(count // 5 * AMOUNT.amount))
    await queue_withdrawals(context, [one.id for one in people], count, AMOUNT)
    case_id = await office.sent()
    whole = await office.answer_to(case_id, rejected=range(1, count + 1))
    await office.answered(case_id, whole, confirmed=False)
    await apply_rejections(office.activity_context, case_id)
    assert {line.withdrawal.state for line in await office.lines(case_id)} == {"cut"}
    await office.confirm_rejections(case_id)
    await asyncio.gather(*(apply_rejections(office.activity_context, case_id) for _ in range(2)))
    assert {line.withdrawal.state for line in await office.lines(case_id)} == {"rejected"}
    for one in people:
        assert await office.balance(one) == (count // 5 * AMOUNT.amount, 0)
    assert (await office.take(Step.APPLY_REJECTIONS, case_id)).step == Step.CLOSE_PAYOUT
    await assert_books_clean(context.engine)
