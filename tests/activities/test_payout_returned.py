"""A pay-out that the bank gives back days later: recorded by one, confirmed by another, in the balance once (E3)."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

import httpx2
import pytest

from activities.payout.settling import RecordSettling
from activities.transition import ActivityContext
from commands.command import Context
from domain.access import Role
from domain.dates import tehran_day
from domain.errors import OwnCase, Refusal, SentByYourself
from domain.money import Money
from domain.payout import LineNotPaid, LineSettled, PayoutNotReady, ReferenceUnreadable, SettlementWaiting
from messages.case import WAIT
from messages.payout import SettleRecord, Step
from storage.database import SERVICE, transaction
from storage.paper import read_paper
from tests.activities.test_bank_matching import compared, matched
from tests.arrange import Arrange
from tests.books import Superuser, assert_books_clean
from tests.fee_steps import FEE, charge, withdraw_with_fee
from tests.payout_steps import AMOUNT, PayoutOffice, give_money, queue_withdrawals

_WHOLE = 100_000_000
_ENTRIES = (
    "SELECT a.kind, sum(e.amount)::bigint FROM entries e JOIN journals j ON j.id = e.journal_id"
    " JOIN accounts a ON a.id = e.account_id WHERE j.reason = 'payout_returned' GROUP BY a.kind"
)


@pytest.fixture
async def office(context: Context, arrange: Arrange, activity_context: ActivityContext) -> PayoutOffice:
    """A member with 100 million rial, and two officers."""
    return await PayoutOffice.opened(context, arrange, activity_context)


async def paid(office: PayoutOffice, count: int = 1, *, left_out: int | None = None) -> tuple[UUID, list[UUID]]:
    """A batch of so many withdrawals that the bank has paid, apart from one; the batch is over then, or goes on."""
    asked = [await office.withdraw() for _ in range(count)]
    case_id = await office.sent()
    rows = await office.answer_to(case_id, left_out=[] if left_out is None else [left_out])
    await office.answered(case_id, rows)
    return case_id, asked


async def settled(office: PayoutOffice, case_id: UUID) -> None:
    """What the relay has done, twice, as it may."""
    for _ in range(2):
        await RecordSettling(office.activity_context).settle(SettleRecord(case_id))


async def came_back(office: PayoutOffice, case_id: UUID, one: UUID) -> None:
    """Recorded by one and confirmed by another, and booked."""
    await office.record(case_id, one, result="returned")
    await office.confirm_record(case_id)
    await settled(office, case_id)


async def test_what_comes_back_after_the_batch_is_over_is_in_the_balance_again_once_two_have_said_so(
    office: PayoutOffice, superuser: Superuser, context: Context
) -> None:
    case_id, (one,) = await paid(office)
    assert await office.phase(case_id) == "settled"
    await office.record(case_id, one, result="returned")
    await settled(office, case_id)
    assert (await office.one(one)).state == "paid"
    assert await office.balance() == (_WHOLE - AMOUNT.amount, 0)

    await office.confirm_record(case_id)
    assert await superuser.value("SELECT count(*) FROM outbox WHERE message = 'SettleRecord'") == 1
    await settled(office, case_id)

    line = await office.one(one)
    assert (line.state, line.reference, line.return_reference) == ("returned", "REF-1", "BACK-777")
    assert await office.balance() == (_WHOLE, 0)
    assert dict(await superuser.rows(_ENTRIES)) == {"bank": -AMOUNT.amount, "member:payable": AMOUNT.amount}
    told = "SELECT count(*) FROM notices WHERE template = 'withdrawal_returned' AND person_id = %s"
    assert await superuser.value(told, office.member.id) == 1
    assert await superuser.value("SELECT count(*) FROM timeline WHERE code = 'payout_line_returned'") == 1
    await assert_books_clean(context.engine)


async def test_what_comes_back_while_the_batch_goes_on_is_booked_by_its_process(
    office: PayoutOffice, context: Context
) -> None:
    case_id, (one, other) = await paid(office, 2, left_out=2)
    await office.record(case_id, one, result="returned")
    await office.go_on(case_id)
    await office.confirm_record(case_id)
    await office.go_on(case_id)
    assert [(await office.one(each)).state for each in (one, other)] == ["returned", "cut"]
    assert await office.phase(case_id) == "sent"
    await office.answered(case_id, await office.answer_to(case_id))
    assert await office.phase(case_id) == "settled"
    assert await office.balance() == (_WHOLE - AMOUNT.amount, 0)
    await assert_books_clean(context.engine)


async def test_a_batch_that_is_about_to_end_asks_first_about_what_came_back(
    office: PayoutOffice, context: Context
) -> None:
    one = await office.withdraw()
    case_id = await office.sent()
    await office.send_answer(case_id, await office.answer_to(case_id))
    assert (await office.take(Step.APPLY_BANK_ANSWER, case_id)).step == Step.CLOSE_PAYOUT
    await office.record(case_id, one, result="returned")
    assert (await office.take(Step.CLOSE_PAYOUT, case_id)).step == WAIT
    await office.confirm_record(case_id)
    await office.go_on(case_id)
    assert ((await office.one(one)).state, await office.phase(case_id)) == ("returned", "settled")
    await assert_books_clean(context.engine)


async def test_only_what_was_paid_comes_back_once_and_with_the_banks_reference(
    office: PayoutOffice, context: Context
) -> None:
    case_id, (one, other) = await paid(office, 2, left_out=2)
    with pytest.raises(LineNotPaid):
        await office.record(case_id, other, result="returned")
    with pytest.raises(LineSettled):
        await office.record(case_id, one, result="rejected")
    with pytest.raises(ReferenceUnreadable):
        await office.record(case_id, one, result="returned", reference="")
    await office.answered(case_id, await office.answer_to(case_id))
    with pytest.raises(PayoutNotReady):
        await office.record(case_id, other, result="paid")
    await came_back(office, case_id, one)
    with pytest.raises(LineSettled):
        await office.record(case_id, one, result="returned")
    await assert_books_clean(context.engine)


async def test_neither_who_recorded_it_nor_whoever_is_paid_confirms_that_it_came_back(office: PayoutOffice) -> None:
    third = await office.arrange.platform(Role.SETTLEMENT_OFFICER)
    await give_money(office.context, third.id, AMOUNT)
    await queue_withdrawals(office.context, [third.id], 1, AMOUNT)
    case_id = await office.sent()
    await office.answered(case_id, await office.answer_to(case_id))
    (line,) = await office.lines(case_id)
    with pytest.raises(OwnCase):
        await office.record(case_id, line.withdrawal.id, result="returned", who=third)
    await office.record(case_id, line.withdrawal.id, result="returned")
    with pytest.raises(SentByYourself):
        await office.confirm_record(case_id, office.maker)
    with pytest.raises(OwnCase):
        await office.confirm_record(case_id, third)
    await office.reject_record(case_id)
    await settled(office, case_id)
    assert (await office.one(line.withdrawal.id)).state == "paid"


async def test_two_who_record_and_two_who_confirm_at_once_bring_it_back_once(
    office: PayoutOffice, superuser: Superuser, context: Context
) -> None:
    case_id, (one,) = await paid(office)
    third = await office.arrange.platform(Role.SETTLEMENT_OFFICER)
    recorded = await asyncio.gather(
        *(office.record(case_id, one, result="returned", who=who) for who in (office.maker, office.maker)),
        return_exceptions=True,
    )
    assert [type(each) for each in recorded if each is not None] == [SettlementWaiting]
    confirmed = await asyncio.gather(
        *(office.confirm_record(case_id, who) for who in (office.checker, third)), return_exceptions=True
    )
    assert len([each for each in confirmed if isinstance(each, Refusal)]) == 1
    worker = RecordSettling(office.activity_context)
    await asyncio.gather(*(worker.settle(SettleRecord(case_id)) for _ in range(3)))
    assert await office.balance() == (_WHOLE, 0)
    assert await superuser.value("SELECT count(*) FROM journals WHERE reason = 'payout_returned'") == 1
    await assert_books_clean(context.engine)


async def test_fee_and_invoice_stay_and_the_receipt_says_that_it_came_back(
    office: PayoutOffice, api: httpx2.AsyncClient, context: Context
) -> None:
    await charge(context)
    one = await withdraw_with_fee(office)
    case_id = await office.sent()
    await office.answered(case_id, await office.answer_to(case_id))
    receipt = (await api.post(f"/v1/withdrawals/{one}/receipt", headers=office.member.headers())).json()
    await came_back(office, case_id, one)

    assert await office.balance() == (_WHOLE - FEE.total.amount, 0)
    async with transaction(context.engine, SERVICE) as connection:
        paper = await read_paper(connection, context.seals, UUID(receipt["id"]), of=office.member.id)
    assert paper is not None
    assert (await api.get(f"/v1/papers/checks/{paper.token}")).json()["state"] == "returned"
    (listed,) = (await api.get("/v1/withdrawals", headers=office.member.headers())).json()["items"]
    assert (listed["state"], listed["has_receipt"], listed["has_invoice"]) == ("returned", False, True)
    assert (await api.post(f"/v1/withdrawals/{one}/invoice", headers=office.member.headers())).status_code == 201
    await assert_books_clean(context.engine)


async def test_the_statement_finds_the_row_that_came_in_and_misses_one_that_did_not(
    office: PayoutOffice, superuser: Superuser
) -> None:
    case_id, (one,) = await paid(office)
    await came_back(office, case_id, one)
    today, each = tehran_day(datetime.now(UTC)), AMOUNT.amount
    then = today - timedelta(days=2)
    sent, found = await compared(office, (then, -each, "REF-1"), (then, each, "BACK-777"), (then, each, "BACK-778"))
    assert found == {("bank_unmatched", 0, each, "BACK-778")}
    assert await matched(office, sent) == (2, 0)

    await give_money(office.context, office.member.id, Money(each))
    second, (other,) = await paid(office)
    await came_back(office, second, other)
    await superuser.run("UPDATE withdrawals SET returned_at = returned_at - interval '1 day'")
    _, found = await compared(office, (today, -each, "REF-1"), (today, -1, "other"))
    assert ("bank_missing", each, 0, "BACK-777") in found


async def test_a_later_answer_that_calls_it_paid_or_rejected_says_what_is_known(office: PayoutOffice) -> None:
    case_id, (one, _) = await paid(office, 2, left_out=2)
    await office.record(case_id, one, result="returned")
    await office.go_on(case_id)
    await office.confirm_record(case_id)
    await office.go_on(case_id)
    for rejected in ([], [1]):
        read = await office.answered(case_id, await office.answer_to(case_id, rejected=rejected, left_out=[2]))
        assert (read.repeated, read.refused) == (1, 0)
