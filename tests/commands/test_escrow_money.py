"""What the two sides may do about held money, what each deed writes together, and what is refused (E2 to E6)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from activities.transition import ActivityContext
from commands.command import Context
from commands.escrow import dispute as dispute_commands
from commands.escrow import money as commands
from commands.escrow.party import SmsCode
from domain.account import CodeNotAccepted
from domain.errors import CaseClosed, Forbidden, NotFound, Refusal
from domain.escrow import rules
from domain.ledger import AccountFrozen, escrow_account
from domain.money import Money
from domain.onboarding import MoneyPaused
from messages.escrow import JobSide
from storage.database import SERVICE, transaction
from storage.ledger import posting
from tests.arrange import Arrange
from tests.books import Superuser, assert_books_clean
from tests.commands.onboarding_steps import run
from tests.escrow_kept import escrow_with_held
from tests.escrow_process import AMOUNT, STATEMENT, EscrowProcess

PART = 15_000_000


@pytest.fixture
async def escrow(
    context: Context, arrange: Arrange, activity_context: ActivityContext, superuser: Superuser, tmp_path: Path
) -> EscrowProcess:
    """An employer and a contractor."""
    return await escrow_with_held(context, arrange, activity_context, superuser, tmp_path)


async def refused(superuser: Superuser, deed: Awaitable[Any], by: type[Refusal]) -> None:
    """A deed is refused, and has changed nothing."""
    before = await superuser.effects()
    with pytest.raises(by):
        await deed
    assert await superuser.effects() == before


async def release_code(escrow: EscrowProcess, case_id: UUID, amount: int) -> SmsCode:
    return await escrow.code(escrow.employer, lambda command: commands.releasing(command, case_id, Money(amount)))


async def release(escrow: EscrowProcess, case_id: UUID, amount: int, code: SmsCode) -> None:
    await run(
        escrow.context, escrow.employer, lambda command: commands.release_escrow(command, case_id, Money(amount), code)
    )


async def test_a_release_holds_its_amount_and_names_its_fact_and_leaves_the_rest(
    escrow: EscrowProcess, superuser: Superuser
) -> None:
    case_id = await escrow.held()
    await escrow.declare(case_id)
    await escrow.go_on(case_id)
    await escrow.release(case_id, PART)

    assert await escrow.money(case_id) == (AMOUNT, AMOUNT - PART)
    move = "SELECT cause, to_contractor, fee, vat, to_employer, booked_at FROM escrow_moves m"
    assert await superuser.rows(f"{move} JOIN facts f ON f.id = m.fact_id AND f.kind = 'escrow_released'") == [
        ("release", PART, 450_000, 45_000, 0, None)
    ]
    assert await superuser.value("SELECT outcome FROM tasks WHERE kind = 'inspect_work'") == "escrow_released"
    assert (
        await superuser.value("SELECT count(*) FROM holds WHERE state = 'pending' AND reason = 'escrow_released'") == 1
    )
    await escrow.go_on(case_id)
    assert (await escrow.money(case_id), await escrow.balance()) == ((AMOUNT - PART, AMOUNT - PART), PART - 495_000)
    await assert_books_clean(escrow.context.engine)


async def test_nothing_moves_that_is_not_held_or_more_than_that_or_nothing(
    escrow: EscrowProcess, superuser: Superuser
) -> None:
    accepted = await escrow.accepted()
    await refused(superuser, escrow.release(accepted, PART), rules.EscrowNotHeld)
    await refused(superuser, escrow.declare(accepted), rules.EscrowNotHeld)
    case_id = await escrow.held()
    for amount, by in (
        (AMOUNT + 1, rules.EscrowAmountTooLarge),
        (0, rules.EscrowAmountMissing),
        (-1, rules.EscrowAmountMissing),
    ):
        await refused(superuser, escrow.release(case_id, amount), by)
        await refused(superuser, escrow.ask_refund(case_id, amount), by)
    with pytest.raises(rules.EscrowAmountTooLarge) as told:
        await escrow.release(case_id, AMOUNT + 1)
    assert "۴٬۰۰۰٬۰۰۰ تومان" in told.value.sentence("fa")


async def test_each_deed_is_for_its_side_alone(escrow: EscrowProcess, superuser: Superuser, arrange: Arrange) -> None:
    case_id = await escrow.held()
    stranger, clerk = await arrange.person("member"), escrow.arbitrators[0]
    deeds: list[tuple[Any, Any, type[Refusal]]] = [
        (escrow.contractor, lambda c: commands.releasing(c, case_id, Money(1)), NotFound),
        (escrow.contractor, lambda c: commands.ask_refund(c, case_id, Money(1), "دلیل"), NotFound),
        (escrow.employer, lambda c: commands.declare_work(c, case_id), NotFound),
        (escrow.employer, lambda c: commands.answer_refund(c, case_id, Money(0), None), NotFound),
        (stranger, lambda c: commands.releasing(c, case_id, Money(1)), NotFound),
        (stranger, lambda c: dispute_commands.open_dispute(c, case_id, "work", STATEMENT), NotFound),
        (clerk, lambda c: commands.releasing(c, case_id, Money(1)), Forbidden),
        (clerk, lambda c: dispute_commands.open_dispute(c, case_id, "work", STATEMENT), Forbidden),
    ]
    for who, deed, by in deeds:
        await refused(superuser, run(escrow.context, who, deed), by)


async def test_a_code_is_worth_nothing_for_another_amount_payment_or_deed_or_a_second_time(
    escrow: EscrowProcess, superuser: Superuser
) -> None:
    case_id, other = await escrow.held(), await escrow.held()
    code = await release_code(escrow, case_id, PART)
    await refused(superuser, release(escrow, case_id, PART + 1, code), CodeNotAccepted)
    await refused(superuser, release(escrow, other, PART, code), CodeNotAccepted)
    await release(escrow, case_id, PART, code)
    await refused(superuser, release(escrow, case_id, PART, code), CodeNotAccepted)
    await escrow.ask_refund(case_id, PART)
    answered = commands.answer_refund
    await refused(
        superuser,
        run(escrow.context, escrow.contractor, lambda command: answered(command, case_id, Money(PART), None)),
        CodeNotAccepted,
    )


async def test_money_pauses_after_a_change_of_mobile_and_what_was_decided_goes_on(
    escrow: EscrowProcess, superuser: Superuser
) -> None:
    case_id = await escrow.held()
    await escrow.release(case_id, PART)
    paused = "UPDATE persons SET money_paused_until = now() + interval '1 hour' WHERE id = %s"
    await superuser.run(paused, escrow.employer.id)
    await refused(superuser, escrow.release(case_id, PART), MoneyPaused)
    await escrow.dispute(case_id)
    await escrow.go_on(case_id)
    assert await escrow.balance() == PART - 495_000


async def test_of_a_frozen_account_nothing_is_released(escrow: EscrowProcess, superuser: Superuser) -> None:
    case_id = await escrow.held()
    code = await release_code(escrow, case_id, PART)
    async with transaction(escrow.context.engine, SERVICE) as connection:
        await posting.freeze(connection, escrow_account(case_id).code)
    await refused(superuser, release(escrow, case_id, PART, code), AccountFrozen)


async def test_the_work_is_declared_once_until_it_was_looked_at(escrow: EscrowProcess, superuser: Superuser) -> None:
    case_id = await escrow.held()
    await escrow.declare(case_id)
    await escrow.go_on(case_id)
    await refused(superuser, escrow.declare(case_id), rules.WorkDeclared)
    note = "ی" * 501
    too_long = run(escrow.context, escrow.contractor, lambda command: commands.declare_work(command, case_id, note))
    await refused(superuser, too_long, rules.NoteTooLong)
    await escrow.release(case_id, PART)
    await escrow.go_on(case_id)
    await escrow.declare(case_id)


async def test_a_refund_is_asked_once_and_agreed_to_in_part_or_not_at_all(
    escrow: EscrowProcess, superuser: Superuser
) -> None:
    case_id = await escrow.held()
    await refused(superuser, escrow.answer_refund(case_id, 0), rules.NoRefundAsked)
    await escrow.ask_refund(case_id, PART)
    await escrow.go_on(case_id)
    await refused(superuser, escrow.ask_refund(case_id, PART), rules.RefundAlreadyAsked)
    await refused(superuser, escrow.answer_refund(case_id, PART + 1), rules.EscrowAmountTooLarge)
    await escrow.answer_refund(case_id, 0)
    assert await escrow.money(case_id) == (AMOUNT, AMOUNT)
    assert await superuser.value("SELECT count(*) FROM notices WHERE template = 'escrow_refund_declined'") == 1

    await escrow.ask_refund(case_id, PART)
    await escrow.go_on(case_id)
    await escrow.answer_refund(case_id, 5_000_000)
    assert await escrow.money(case_id) == (AMOUNT, AMOUNT - 5_000_000)
    assert await superuser.rows("SELECT cause, to_contractor, fee, to_employer FROM escrow_moves") == [
        ("refund", 0, 0, 5_000_000)
    ]
    assert await superuser.rows("SELECT agreed FROM escrow_refund_asks ORDER BY id") == [(0,), (5_000_000,)]
    assert await superuser.value("SELECT count(*) FROM tasks WHERE kind = 'answer_refund' AND status = 'open'") == 0
    await escrow.go_on(case_id)
    await assert_books_clean(escrow.context.engine)


async def test_what_is_released_meanwhile_is_not_refunded_and_with_the_last_rial_the_request_is_over(
    escrow: EscrowProcess, superuser: Superuser
) -> None:
    case_id = await escrow.held()
    await escrow.ask_refund(case_id, AMOUNT)
    await escrow.go_on(case_id)
    await escrow.release(case_id, PART)
    await refused(superuser, escrow.answer_refund(case_id, AMOUNT), rules.EscrowAmountTooLarge)
    await escrow.release(case_id, AMOUNT - PART)
    await refused(superuser, escrow.answer_refund(case_id, PART), rules.NoRefundAsked)
    await refused(superuser, escrow.release(case_id, 1), rules.EscrowNotHeld)
    assert await escrow.kinds(case_id) == []
    await escrow.go_on(case_id)
    await refused(superuser, escrow.release(case_id, 1), CaseClosed)


async def test_after_many_parts_only_the_whole_rest_leaves(
    escrow: EscrowProcess, monkeypatch: pytest.MonkeyPatch, superuser: Superuser
) -> None:
    monkeypatch.setattr(rules, "MOST_MOVES", 1)
    case_id = await escrow.held()
    await escrow.release(case_id, PART)
    await refused(superuser, escrow.release(case_id, PART), rules.EscrowMovesFull)
    await refused(superuser, escrow.ask_refund(case_id, PART), rules.EscrowMovesFull)
    await escrow.ask_refund(case_id, AMOUNT - PART)
    await escrow.go_on(case_id)
    await refused(superuser, escrow.answer_refund(case_id, PART), rules.EscrowMovesFull)
    await escrow.answer_refund(case_id, AMOUNT - PART)


async def test_of_a_release_and_a_dispute_in_one_moment_the_dispute_freezes_what_is_not_on_its_way(
    escrow: EscrowProcess,
) -> None:
    case_id = await escrow.held()
    code = await release_code(escrow, case_id, PART)
    released, _ = await asyncio.gather(
        release(escrow, case_id, PART, code), escrow.dispute(case_id, JobSide.CONTRACTOR), return_exceptions=True
    )
    found = await escrow.dispute_of(case_id)
    assert found is not None
    if isinstance(released, BaseException):
        assert (type(released), found.frozen) == (rules.EscrowFrozen, AMOUNT)
    else:
        assert found.frozen == AMOUNT - PART
    assert await escrow.money(case_id) == (AMOUNT, 0)


async def test_two_releases_that_fit_singly_but_not_together_one_of_them_is_made(escrow: EscrowProcess) -> None:
    case_id = await escrow.held()
    amount = 25_000_000
    codes = [await release_code(escrow, case_id, amount) for _ in range(2)]
    came = await asyncio.gather(*(release(escrow, case_id, amount, one) for one in codes), return_exceptions=True)
    assert [type(one) for one in came if isinstance(one, BaseException)] == [rules.EscrowAmountTooLarge]
    assert await escrow.money(case_id) == (AMOUNT, AMOUNT - amount)


async def test_a_release_and_an_agreed_refund_in_one_moment_never_leave_more_than_is_held(
    escrow: EscrowProcess,
) -> None:
    case_id = await escrow.held()
    await escrow.ask_refund(case_id, 25_000_000)
    code = await release_code(escrow, case_id, 25_000_000)
    came = await asyncio.gather(
        release(escrow, case_id, 25_000_000, code), escrow.answer_refund(case_id, 25_000_000), return_exceptions=True
    )
    assert [type(one) for one in came if isinstance(one, BaseException)] == [rules.EscrowAmountTooLarge]
    assert await escrow.money(case_id) == (AMOUNT, PART)
