"""What goes back by hand: one officer records it, another confirms; nobody alone, nobody of their own (E2, G1)."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest
from psycopg.errors import CheckViolation

from activities.transition import ActivityContext
from commands import payment_return as commands
from commands.command import Context
from domain.access import Role
from domain.errors import NotFound, OwnCase, Refusal, SentByYourself, TaskNotOpen
from domain.payment_return import RecordedFrom
from gateways.local_bank import LocalBank
from messages.payment import TaskKind
from tests.arrange import Arrange, Someone
from tests.bank_account_steps import a_sheba
from tests.books import Superuser, assert_books_clean
from tests.commands.onboarding_steps import answer, open_task, run
from tests.faulty_gateway import FaultyGateway
from tests.payment_desk import Desk
from tests.payment_steps import AMOUNT, PaymentScenario, refuse, take
from tests.payout_steps import give_sheba

PART = 15_000
SHEBA = a_sheba("1234", 88)


@pytest.fixture
async def desk(
    context: Context, arrange: Arrange, activity_context: ActivityContext, bank: LocalBank, superuser: Superuser
) -> Desk:
    """Nothing is paid yet."""
    return Desk(await PaymentScenario.opened(context, arrange, activity_context, bank), FaultyGateway(bank), superuser)


@pytest.fixture
async def case_id(desk: Desk) -> UUID:
    """A part is owed that is too small for the gateway, by a payer without a sheba: the office is asked."""
    paid = await desk.paid(AMOUNT, PART)
    await take(desk.scenario.context, desk.purposes[0])
    await refuse(desk.scenario.context, desk.purposes[1])
    await desk.scenario.go_on(paid)
    return paid


async def _refused(desk: Desk, attempt: object, refusal: type[Refusal]) -> None:
    before = await desk.superuser.effects()
    with pytest.raises(refusal):
        await attempt  # type: ignore[misc]
    assert await desk.superuser.effects() == before


async def _confirm(desk: Desk, case_id: UUID, who: Someone) -> None:
    task_id = await open_task(desk.scenario.context, case_id, TaskKind.CONFIRM_RETURN)
    await answer(desk.scenario.context, who, task_id, commands.confirm_return)


async def test_nothing_is_booked_before_another_officer_has_confirmed_it(desk: Desk, case_id: UUID) -> None:
    owed = (await desk.balances())["payment:refunding"]
    await desk.scenario.record_return(case_id, "bank-1")
    await desk.scenario.go_on(case_id)
    assert (await desk.balances())["payment:refunding"] == owed == PART
    await _refused(desk, _confirm(desk, case_id, desk.scenario.officer), SentByYourself)
    with pytest.raises(CheckViolation, match="two_officers"):
        await desk.superuser.run("UPDATE payment_returns SET confirmed_by = recorded_by")

    await _confirm(desk, case_id, desk.scenario.checker)
    await desk.scenario.go_on(case_id)
    assert "payment:refunding" not in await desk.balances()
    await assert_books_clean(desk.scenario.context.engine)


async def test_what_another_officer_does_not_confirm_is_to_be_paid_back_as_before(desk: Desk, case_id: UUID) -> None:
    await desk.scenario.record_return(case_id, "bank-1")
    await desk.scenario.go_on(case_id)
    task_id = await open_task(desk.scenario.context, case_id, TaskKind.CONFIRM_RETURN)
    await answer(desk.scenario.context, desk.scenario.checker, task_id, commands.reject_return, "چنین حواله‌ای نیست")
    await desk.scenario.go_on(case_id)

    (owed,) = await desk.scenario.returns(case_id)
    assert (owed.recorded_by, owed.note, owed.returned_at) == (None, None, None)
    # The next record may be of the one who did not confirm this one.
    await desk.scenario.pay_back(case_id, "bank-2")
    await desk.scenario.go_on(case_id)
    assert await desk.superuser.value("SELECT reference FROM payment_returns") == "bank-2"


async def test_what_the_gateway_gave_back_after_all_is_booked_as_the_gateway_s(desk: Desk, case_id: UUID) -> None:
    before = await desk.balances()
    await desk.scenario.pay_back(case_id, "gateway-1", RecordedFrom.GATEWAY)
    await desk.scenario.go_on(case_id)
    after = await desk.balances()
    assert after.get("bank") == before.get("bank")
    # What the gateway has for us is so much less.
    assert after["gateway:clearing"] - before["gateway:clearing"] == PART
    assert await desk.superuser.value("SELECT way FROM payment_returns") == "refund"
    await assert_books_clean(desk.scenario.context.engine)


async def test_of_two_officers_who_record_or_confirm_at_once_one_does(
    desk: Desk, case_id: UUID, arrange: Arrange
) -> None:
    found = commands.WentBack(RecordedFrom.BANK, "bank-1", "از بانک پرسیدم")
    context, third = desk.scenario.context, await arrange.platform(Role.SETTLEMENT_OFFICER)
    task_id = await open_task(context, case_id, TaskKind.RETURN_PAYMENT)
    both = [desk.scenario.officer, desk.scenario.checker]
    done = await asyncio.gather(
        *(answer(context, one, task_id, commands.record_return, found) for one in both), return_exceptions=True
    )
    assert sum(isinstance(one, Refusal) for one in done) == 1
    await desk.scenario.go_on(case_id)
    recorder = await desk.superuser.value("SELECT recorded_by FROM payment_returns")
    others = [one for one in (*both, third) if one.id != recorder]
    done = await asyncio.gather(*(_confirm(desk, case_id, one) for one in others), return_exceptions=True)
    assert sum(isinstance(one, Refusal) for one in done) == 1
    await desk.scenario.go_on(case_id)
    assert await desk.superuser.value("SELECT count(*) FROM journals WHERE reason = 'payment_returned'") == 1


async def test_who_takes_part_in_what_was_paid_for_neither_records_nor_looks(desk: Desk, case_id: UUID) -> None:
    part = "INSERT INTO case_people (case_id, person_id, part) VALUES (%s, %s, 'payee')"
    await desk.superuser.run(part, desk.purposes[1], desk.scenario.officer.id)
    await _refused(desk, desk.scenario.record_return(case_id, "bank-1"), OwnCase)
    owed = await desk.superuser.value("SELECT id FROM payment_returns")
    await _refused(desk, _look(desk, case_id, owed, desk.scenario.officer), OwnCase)


async def _look(desk: Desk, case_id: UUID, owed: UUID, who: Someone) -> str:
    shown: str = await run(
        desk.scenario.context, who, lambda command: commands.reveal_return_sheba(command, case_id, owed)
    )
    return shown


async def test_the_whole_sheba_is_shown_to_who_is_asked_and_each_look_is_on_the_record(
    desk: Desk, case_id: UUID
) -> None:
    owed, officer = await desk.superuser.value("SELECT id FROM payment_returns"), desk.scenario.officer
    await _refused(desk, _look(desk, case_id, owed, officer), NotFound)
    await give_sheba(desk.scenario.context, desk.scenario.payer.id, SHEBA)
    audited = "SELECT count(*) FROM audit WHERE content LIKE '%%' || %s || '%%'"
    before = await desk.superuser.value(audited, str(owed))
    assert await _look(desk, case_id, owed, officer) == SHEBA
    assert await desk.superuser.value(audited, str(owed)) == before + 1
    await desk.scenario.pay_back(case_id, "bank-1")
    await desk.scenario.go_on(case_id)
    await _refused(desk, _look(desk, case_id, owed, officer), TaskNotOpen)


async def test_of_what_another_s_card_paid_no_sheba_is_shown(desk: Desk) -> None:
    await give_sheba(desk.scenario.context, desk.scenario.payer.id, SHEBA)
    case_id = await desk.by_hand()
    owed = await desk.superuser.value("SELECT id FROM payment_returns")
    await _refused(desk, _look(desk, case_id, owed, desk.scenario.officer), NotFound)
