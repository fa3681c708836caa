"""Arbitration: what each side may do, what the arbitrator rules, and that it is settled once (E5, E6a)."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from uuid import UUID

import pytest

from activities.transition import ActivityContext
from commands.command import Command, Context
from commands.escrow import arbitration
from commands.escrow import dispute as commands
from commands.task import lock_task
from domain.account import CodeNotAccepted
from domain.errors import CodeRequired, Refusal, StepUpRequired, TaskNotOpen
from domain.escrow import rules
from domain.escrow.rules import Shares
from domain.held_task import ClaimConflict, TaskNotClaimed
from domain.money import Money
from messages.escrow import JobSide, TaskKind
from storage.escrow import disputes
from tests.arrange import Arrange
from tests.books import Superuser, assert_books_clean
from tests.commands.onboarding_steps import open_task, run, run_as
from tests.commands.test_escrow_money import PART, refused
from tests.escrow_kept import escrow_with_held
from tests.escrow_process import AMOUNT, REASONS, STATEMENT, EscrowProcess
from tests.payout_steps import give_sheba

EMPLOYER, CONTRACTOR = JobSide.EMPLOYER, JobSide.CONTRACTOR
SHEBA = "IR490546091390996030824628"
HALF = Shares(Money(AMOUNT // 2), Money(AMOUNT // 2))


@pytest.fixture
async def escrow(
    context: Context, arrange: Arrange, activity_context: ActivityContext, superuser: Superuser, tmp_path: Path
) -> EscrowProcess:
    """An employer, a contractor and two arbitrators."""
    return await escrow_with_held(context, arrange, activity_context, superuser, tmp_path)


async def ruling_asked(escrow: EscrowProcess) -> UUID:
    """The time for evidence is over; the first arbitrator has claimed it."""
    case_id = await escrow.disputed()
    await escrow.pass_wait(case_id)
    await escrow.claim(case_id)
    await escrow.go_on(case_id)
    return case_id


async def objected(escrow: EscrowProcess) -> UUID:
    """Ruled for the first time, and a side has objected."""
    case_id = await ruling_asked(escrow)
    await escrow.rule(case_id, PART)
    await escrow.go_on(case_id)
    await escrow.object_to(case_id, CONTRACTOR)
    await escrow.go_on(case_id)
    return case_id


async def test_a_dispute_freezes_all_that_is_free_and_ends_what_was_asked_of_the_sides(
    escrow: EscrowProcess, superuser: Superuser
) -> None:
    case_id = await escrow.held()
    await escrow.declare(case_id)
    await escrow.ask_refund(case_id, PART)
    await escrow.go_on(case_id)
    await escrow.dispute(case_id)

    assert (await escrow.money(case_id), await escrow.kinds(case_id)) == ((AMOUNT, 0), [])
    assert await superuser.rows("SELECT agreed, answered_at IS NOT NULL FROM escrow_refund_asks") == [(None, True)]
    assert await superuser.rows("SELECT side FROM escrow_statements") == [("employer",)]
    said = "SELECT count(*) FROM escrow_statements WHERE position(convert_to(%s, 'UTF8') IN text_sealed) > 0"
    assert await superuser.value(said, STATEMENT) == 0
    for deed, by in (
        (escrow.dispute(case_id, CONTRACTOR), rules.EscrowFrozen),
        (escrow.release(case_id, PART), rules.EscrowFrozen),
        (escrow.ask_refund(case_id, PART), rules.EscrowFrozen),
        (escrow.declare(case_id), rules.EscrowFrozen),
        (escrow.answer_refund(case_id, 0), rules.NoRefundAsked),
    ):
        await refused(superuser, deed, by)


async def test_who_asked_takes_it_back_and_nothing_is_free_before_the_process_has_freed_it(
    escrow: EscrowProcess, superuser: Superuser
) -> None:
    case_id = await escrow.disputed()
    await refused(superuser, escrow.take_back(case_id, CONTRACTOR), rules.NotWhoAsked)
    await escrow.take_back(case_id)
    await refused(superuser, escrow.release(case_id, PART), rules.EscrowFrozen)
    await refused(superuser, escrow.take_back(case_id), rules.NoDispute)
    await escrow.go_on(case_id)
    await escrow.dispute(case_id, CONTRACTOR)


async def test_statements_are_filed_until_evidence_is_closed_and_the_others_are_unseen_until_then(
    escrow: EscrowProcess, superuser: Superuser, monkeypatch: pytest.MonkeyPatch
) -> None:
    case_id = await escrow.disputed()
    for text in ("کوتاه", "ب" * 4_001):
        filed = partial(commands.file_statement, case_id=case_id, text=text)
        await refused(superuser, run(escrow.context, escrow.contractor, filed), rules.EscrowStatementUnreadable)
    assert await escrow.kinds(case_id) == [TaskKind.FILE_STATEMENT]
    await escrow.state(case_id, CONTRACTOR)
    assert await escrow.kinds(case_id) == []
    assert await _seen(escrow, case_id) == 1
    monkeypatch.setattr(disputes, "MOST_STATEMENTS", 1)
    await refused(superuser, escrow.state(case_id, CONTRACTOR), rules.TooManyStatements)
    await escrow.pass_wait(case_id)
    assert await _seen(escrow, case_id) == 2
    await refused(superuser, escrow.state(case_id, EMPLOYER), rules.EvidenceClosed)


async def _seen(escrow: EscrowProcess, case_id: UUID) -> int:
    """How many statements the contractor sees."""
    found = await escrow.dispute_of(case_id)
    assert found is not None
    dispute_id = found.id

    async def look(command: Command) -> int:
        return len(await disputes.statements_of(command.connection, dispute_id))

    seen: int = await run(escrow.context, escrow.contractor, look)
    return seen


async def test_a_split_is_offered_with_a_code_in_the_right_sum_and_accepted_once_by_the_other_side(
    escrow: EscrowProcess, superuser: Superuser
) -> None:
    case_id = await escrow.disputed()
    for contractor, employer in ((AMOUNT, 1), (AMOUNT + 1, -1), (0, AMOUNT - 1)):
        shares = Shares(Money(contractor), Money(employer))
        await refused(superuser, escrow.offer(case_id, CONTRACTOR, shares), rules.SharesDoNotSum)
    await escrow.offer(case_id, CONTRACTOR, Shares(Money(AMOUNT), Money(0)))
    await escrow.offer(case_id, CONTRACTOR, HALF)
    replaced, offer_id = [one for (one,) in await superuser.rows("SELECT id FROM escrow_split_offers ORDER BY id")]
    for who, one in ((escrow.employer, replaced), (escrow.contractor, offer_id)):
        accepting = partial(commands.accepting_split, case_id=case_id, offer_id=one)
        await refused(superuser, run(escrow.context, who, accepting), rules.NoOffer)
    without = partial(commands.answer_split, case_id=case_id, offer_id=offer_id, accept=True, code=None)
    await refused(superuser, run(escrow.context, escrow.employer, without), CodeNotAccepted)

    await escrow.answer_split(case_id, EMPLOYER, accept=True)
    assert await superuser.rows("SELECT cause, to_contractor, to_employer FROM escrow_moves") == [
        ("split", AMOUNT // 2, AMOUNT // 2)
    ]
    assert await superuser.rows("SELECT ended_as FROM escrow_disputes") == [("split",)]
    assert await escrow.kinds(case_id) == []
    await refused(superuser, escrow.answer_split(case_id, EMPLOYER, accept=True), rules.NoDispute)
    await escrow.go_on(case_id)
    await assert_books_clean(escrow.context.engine)


async def test_a_declined_split_leaves_all_as_it_is(escrow: EscrowProcess, superuser: Superuser) -> None:
    case_id = await escrow.disputed()
    await escrow.offer(case_id, EMPLOYER, HALF)
    await escrow.answer_split(case_id, CONTRACTOR, accept=False)
    await refused(superuser, escrow.answer_split(case_id, CONTRACTOR, accept=True), rules.NoOffer)
    assert (await escrow.money(case_id), await escrow.phase(case_id)) == ((AMOUNT, 0), "in_dispute")


async def test_an_arbitrator_rules_what_they_claimed_with_a_code_reasons_and_the_right_sum(
    escrow: EscrowProcess, superuser: Superuser, arrange: Arrange
) -> None:
    case_id = await escrow.disputed()
    await escrow.pass_wait(case_id)
    await refused(superuser, escrow.rule(case_id, PART), TaskNotClaimed)
    await escrow.claim(case_id)
    await escrow.go_on(case_id)
    task_id = await open_task(escrow.context, case_id, TaskKind.RULE_DISPUTE)
    stale = await arrange.acting(escrow.arbitrators[0].id, is_fresh=False)

    async def rule(command: Command, shares: Shares, reasons: str = REASONS, totp: str | None = "") -> None:
        task = await lock_task(command, task_id)
        typed = command if totp == "" else command.with_code(totp)
        await arbitration.rule_dispute(typed, task, shares, reasons)

    for work, by in (
        (partial(rule, shares=Shares(Money(1), Money(1))), rules.SharesDoNotSum),
        (partial(rule, shares=HALF, reasons="کوتاه"), rules.RulingReasonsUnreadable),
        (partial(rule, shares=HALF, totp=None), CodeRequired),
    ):
        await refused(superuser, run_as(escrow.context, stale, work), by)
    await escrow.rule(case_id, PART)
    assert await superuser.value("SELECT count(*) FROM notices WHERE template = 'escrow_ruled'") == 2
    assert await escrow.money(case_id) == (AMOUNT, 0)
    await escrow.go_on(case_id)
    await refused(superuser, escrow.take_back(case_id), rules.DisputeRuled)
    await refused(superuser, escrow.offer(case_id, EMPLOYER, HALF), rules.DisputeRuled)


async def test_a_link_that_came_after_the_claim_keeps_an_arbitrator_from_ruling(
    escrow: EscrowProcess, superuser: Superuser
) -> None:
    case_id = await ruling_asked(escrow)
    for who in (escrow.arbitrators[0], escrow.contractor):
        await give_sheba(escrow.context, who.id, SHEBA)
    await refused(superuser, escrow.rule(case_id, PART), ClaimConflict)


async def test_a_side_objects_once_to_the_first_ruling_and_another_arbitrator_is_final(
    escrow: EscrowProcess, superuser: Superuser
) -> None:
    case_id = await ruling_asked(escrow)
    await refused(superuser, escrow.object_to(case_id, EMPLOYER), rules.NoObjection)
    await escrow.offer(case_id, EMPLOYER, HALF)
    await escrow.rule(case_id, PART)
    await escrow.go_on(case_id)
    await escrow.object_to(case_id, CONTRACTOR)
    await refused(superuser, escrow.object_to(case_id, EMPLOYER), rules.NoObjection)
    # Who offered it could not take it back since it was ruled.
    await refused(superuser, escrow.answer_split(case_id, CONTRACTOR, accept=True), rules.NoOffer)
    await escrow.go_on(case_id)
    await refused(superuser, escrow.claim(case_id), Refusal)
    await escrow.claim(case_id, 1)
    await escrow.rule(case_id, 0, 1)
    await refused(superuser, escrow.object_to(case_id, EMPLOYER), rules.NoObjection)
    await escrow.go_on(case_id)
    assert await superuser.rows("SELECT cause, to_contractor, to_employer FROM escrow_moves") == [("ruling", 0, AMOUNT)]
    assert await superuser.value("SELECT count(*) FROM escrow_rulings WHERE final_at IS NOT NULL AND round = 2") == 1


async def test_a_split_and_a_ruling_in_one_moment_settle_it_once(escrow: EscrowProcess, superuser: Superuser) -> None:
    case_id = await objected(escrow)
    await escrow.claim(case_id, 1)
    await escrow.go_on(case_id)
    await escrow.offer(case_id, EMPLOYER, HALF)
    came = await asyncio.gather(
        escrow.answer_split(case_id, CONTRACTOR, accept=True), escrow.rule(case_id, PART, 1), return_exceptions=True
    )
    lost = [type(one) for one in came if isinstance(one, BaseException)]
    assert len(lost) == 1
    assert issubclass(lost[0], rules.DisputeRuled | TaskNotOpen), came
    await escrow.go_on(case_id)
    settled = await superuser.rows("SELECT cause FROM escrow_moves")
    assert settled == [("split" if issubclass(lost[0], TaskNotOpen) else "ruling",)]
    await assert_books_clean(escrow.context.engine)


async def test_an_objection_and_the_end_of_its_time_in_one_moment_are_one_after_the_other(
    escrow: EscrowProcess, superuser: Superuser
) -> None:
    case_id = await ruling_asked(escrow)
    await escrow.rule(case_id, PART)
    found = await escrow.go_on(case_id)
    came = await asyncio.gather(
        escrow.object_to(case_id, EMPLOYER),
        escrow.take("make_final", case_id, until=found.expires_at),
        return_exceptions=True,
    )
    is_final = await superuser.value("SELECT count(*) FROM escrow_rulings WHERE final_at IS NOT NULL") == 1
    assert [type(one) for one in came if isinstance(one, BaseException)] == ([rules.NoObjection] if is_final else [])
    assert await superuser.value("SELECT count(*) FROM escrow_moves") == int(is_final)


async def test_two_disputes_in_one_moment_are_one(escrow: EscrowProcess, superuser: Superuser) -> None:
    case_id = await escrow.held()
    came = await asyncio.gather(escrow.dispute(case_id), escrow.dispute(case_id, CONTRACTOR), return_exceptions=True)
    assert [type(one) for one in came if isinstance(one, BaseException)] == [rules.EscrowFrozen]
    assert await superuser.value("SELECT count(*) FROM escrow_disputes") == 1


async def test_taking_back_and_agreeing_in_one_moment_end_it_once(escrow: EscrowProcess, superuser: Superuser) -> None:
    case_id = await escrow.disputed()
    await escrow.offer(case_id, EMPLOYER, HALF)
    came = await asyncio.gather(
        escrow.take_back(case_id), escrow.answer_split(case_id, CONTRACTOR, accept=True), return_exceptions=True
    )
    assert [type(one) for one in came if isinstance(one, BaseException)] == [rules.NoDispute]
    (ended,) = [one for (one,) in await superuser.rows("SELECT ended_as FROM escrow_disputes")]
    assert await superuser.value("SELECT count(*) FROM escrow_moves") == int(ended == "split")
    await escrow.go_on(case_id)
    await assert_books_clean(escrow.context.engine)


async def test_an_arbitrator_who_looks_at_what_lies_opens_arbitration_or_lets_it_be(
    escrow: EscrowProcess, superuser: Superuser, arrange: Arrange
) -> None:
    link = """INSERT INTO case_people (case_id, person_id, part, until)
        SELECT payment_id, %s, 'payee', now() FROM escrows WHERE case_id = %s"""
    for opens in (False, True):
        case_id = await escrow.held()
        for _ in range(3):
            await escrow.pass_wait(case_id)
        await escrow.claim(case_id, kind=TaskKind.REVIEW_DORMANT_ESCROW)
        stale = await arrange.acting(escrow.arbitrators[0].id, is_fresh=False)
        task_id = await open_task(escrow.context, case_id, TaskKind.REVIEW_DORMANT_ESCROW)

        async def review(command: Command, task_id: UUID = task_id, opens: bool = opens) -> None:
            await arbitration.review_dormant(command, await lock_task(command, task_id), opens, "")

        await refused(superuser, run_as(escrow.context, stale, review), StepUpRequired)
        await superuser.run(link, escrow.arbitrators[0].id, case_id)
        await refused(superuser, escrow.review(case_id, opens=opens), ClaimConflict)
        await superuser.run("DELETE FROM case_people WHERE person_id = %s", escrow.arbitrators[0].id)
        await escrow.review(case_id, opens=opens)
        assert (await escrow.money(case_id))[1] == (0 if opens else AMOUNT)
        times = "SELECT dormant_times FROM escrows WHERE case_id = %s"
        assert await superuser.value(times, case_id) == 0
    assert await superuser.rows("SELECT opened_by, about, frozen FROM escrow_disputes") == [
        ("arbitrator", "work", AMOUNT)
    ]
    told = "SELECT actor, params ->> 'amount' FROM timeline WHERE code = 'escrow_dispute_opened'"
    assert await superuser.rows(told) == [("arbitrator", str(AMOUNT))]
    await escrow.go_on(case_id)
    await refused(superuser, escrow.take_back(case_id), rules.NotWhoAsked)


async def test_where_no_arbitrator_may_claim_the_operations_desk_finds_one(
    escrow: EscrowProcess, superuser: Superuser
) -> None:
    for who in escrow.arbitrators:
        await give_sheba(escrow.context, who.id, SHEBA)
    await give_sheba(escrow.context, escrow.contractor.id, SHEBA)
    case_id = await escrow.disputed()
    await escrow.pass_wait(case_id)
    await refused(superuser, escrow.claim(case_id), ClaimConflict)
    await escrow.seek(case_id)
    assert await superuser.value("SELECT count(*) FROM facts WHERE kind = 'escrow_arbitrator_sought'") == 1
    assert await escrow.money(case_id) == (AMOUNT, 0)
