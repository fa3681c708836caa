"""Jobs and their payments until the money is there: begun, proposed, answered, withdrawn, funded (E1, E2, E6, E7)."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest

from activities.transition import ActivityContext
from commands import normal_payment
from commands.command import Context
from commands.escrow import job as commands
from commands.normal_payment import NormalPaymentWish
from domain.account import MobileUnreadable
from domain.errors import (
    CaseClosed,
    Forbidden,
    NotFound,
    Refusal,
    ServiceClosed,
    TaskDecidedByYou,
    TaskNotOpen,
    TooMany,
)
from domain.escrow import rules
from domain.escrow.rules import PaymentWish
from domain.money import Money
from domain.payment import PaymentReceived, PaymentTooSmall, PaymentUnderWay
from gateways.local_bank import LocalBank
from messages.escrow import JobSide, TaskKind
from tests.arrange import Arrange, Someone
from tests.books import Superuser
from tests.commands.normal_payment_steps import confirm_number
from tests.commands.onboarding_steps import answer, open_task, run
from tests.commands.test_escrow_money import refused
from tests.escrow_process import EscrowProcess

TODAY = datetime.now(UTC).date() + timedelta(days=1)
STRANGER = "09351110078"
FIRST = PaymentWish("مرحلهٔ نخست", Money(20_000_000), "agreed", TODAY)


@pytest.fixture
async def escrow(
    context: Context, arrange: Arrange, activity_context: ActivityContext, bank: LocalBank
) -> EscrowProcess:
    """An employer and a contractor."""
    return await EscrowProcess.opened(context, arrange, activity_context, bank)


def wish(escrow: EscrowProcess, **changes: Any) -> commands.JobWish:
    """A job of 50 million rial with two payments."""
    usual = commands.JobWish(
        side=JobSide.EMPLOYER,
        mobile=escrow.contractor.mobile,
        title="طراحی فروشگاه",
        description="سه صفحه\n\nو یک نشان",
        price=Money(50_000_000),
        payments=[FIRST, replace(FIRST, title="مرحلهٔ دوم")],
        clause_version=1,
    )
    return replace(usual, **changes)


async def begin(escrow: EscrowProcess, who: Someone | None = None, **changes: Any) -> UUID:
    begun: UUID = await run(
        escrow.context, who or escrow.employer, partial(commands.begin_job, wish=wish(escrow, **changes))
    )
    return begun


async def cases_of(superuser: Superuser, job_id: UUID) -> list[UUID]:
    found = await superuser.rows("SELECT case_id FROM escrows WHERE job_id = %s ORDER BY case_id", job_id)
    return [case_id for (case_id,) in found]


async def asked(escrow: EscrowProcess, superuser: Superuser, **changes: Any) -> UUID:
    job_id = await begin(escrow, **changes)
    for case_id in await cases_of(superuser, job_id):
        await escrow.go_on(case_id)
    return job_id


async def accepted(escrow: EscrowProcess, superuser: Superuser) -> UUID:
    job_id = await asked(escrow, superuser)
    await accept(escrow, job_id)
    return job_id


async def accept(escrow: EscrowProcess, job_id: UUID, who: Someone | None = None, version: int = 1) -> None:
    await run(
        escrow.context, who or escrow.contractor, partial(commands.accept_job, job_id=job_id, clause_version=version)
    )


async def propose(escrow: EscrowProcess, job_id: UUID, who: Someone, **changes: Any) -> UUID:
    proposed = replace(FIRST, amount=Money(10_000_000), **changes)
    case_id: UUID = await run(escrow.context, who, partial(commands.propose_payment, job_id=job_id, wish=proposed))
    return case_id


@pytest.mark.parametrize(
    ("changes", "by"),
    [
        ({"mobile": "0912"}, MobileUnreadable),
        ({"title": "اب"}, rules.TitleUnreadable),
        ({"description": "ب" * 2_001}, rules.DescriptionTooLong),
        ({"clause_version": 2}, rules.ClauseOutdated),
        ({"price": Money(0)}, rules.PriceOutOfRange),
        ({"price": Money(10**13 + 1)}, rules.PriceOutOfRange),
        ({"price": Money(39_999_999)}, rules.PriceTooSmall),
        ({"payments": []}, rules.PaymentsMissing),
        ({"payments": [FIRST] * 21}, rules.TooManyPayments),
        ({"payments": [replace(FIRST, title="")]}, rules.TitleUnreadable),
        ({"payments": [replace(FIRST, amount=Money(9_999))]}, PaymentTooSmall),
        ({"payments": [replace(FIRST, due_on=None)]}, rules.DueDayOutOfRange),
        ({"payments": [replace(FIRST, due_on=TODAY - timedelta(days=3))]}, rules.DueDayOutOfRange),
        ({"payments": [replace(FIRST, due_on=TODAY + timedelta(days=2_000))]}, rules.DueDayOutOfRange),
        ({"payments": [replace(FIRST, timing="immediate", due_on=None)]}, rules.JobNotAccepted),
    ],
)
async def test_a_job_that_is_refused_changes_nothing(
    escrow: EscrowProcess, superuser: Superuser, changes: dict[str, Any], by: type[Refusal]
) -> None:
    await refused(superuser, begin(escrow, **changes), by)


async def test_jobs_are_between_two_members_while_the_service_is_open(
    escrow: EscrowProcess, superuser: Superuser
) -> None:
    await refused(superuser, begin(escrow, mobile=escrow.employer.mobile), rules.OtherSideIsYou)
    await refused(superuser, begin(escrow, escrow.operator), Forbidden)
    closed = "UPDATE services SET is_open = false, reason = 'test', changed_by = %s WHERE name = 'escrow'"
    await superuser.run(closed, escrow.employer.id)
    await refused(superuser, begin(escrow), ServiceClosed)


async def test_nothing_tells_whether_a_number_is_a_members(escrow: EscrowProcess, superuser: Superuser) -> None:
    for mobile in (escrow.contractor.mobile, STRANGER):
        for _ in range(rules.JOBS_PER_PAIR.allowed):
            await begin(escrow, mobile=mobile)
        await refused(superuser, begin(escrow, mobile=mobile), TooMany)
    assert await superuser.value("SELECT count(*) FROM invitations") == 1
    for table in ("facts", "outbox", "timeline", "audit"):
        query = f"SELECT count(*) FROM {table} t WHERE t::text LIKE %s"  # noqa: S608 - our own names
        assert await superuser.value(query, f"%{escrow.contractor.mobile[3:]}%") == 0, table


async def test_a_job_is_accepted_once_whole_by_the_other_side_with_its_clause(
    escrow: EscrowProcess, superuser: Superuser, arrange: Arrange
) -> None:
    job_id, stranger = await asked(escrow, superuser), await arrange.person("member")
    for who, version, by in (
        (escrow.employer, 1, NotFound),
        (stranger, 1, NotFound),
        (escrow.operator, 1, Forbidden),
        (escrow.contractor, 2, rules.ClauseOutdated),
    ):
        await refused(superuser, accept(escrow, job_id, who, version), by)
    await accept(escrow, job_id)
    assert await superuser.value("SELECT count(*) FROM escrows WHERE accepted_at IS NOT NULL") == 2
    assert await superuser.rows("SELECT accepted_at IS NOT NULL, mobile_index FROM escrow_jobs") == [(True, None)]
    assert await superuser.value("SELECT count(*) FROM facts WHERE kind = 'escrow_accepted'") == 2
    await refused(superuser, accept(escrow, job_id), TaskDecidedByYou)
    declined = run(escrow.context, escrow.contractor, partial(commands.decline_job, job_id=job_id))
    await refused(superuser, declined, TaskDecidedByYou)


async def test_a_job_is_declined_with_all_of_its_payments_and_its_beginner_hears_it_once(
    escrow: EscrowProcess, superuser: Superuser
) -> None:
    job_id = await asked(escrow, superuser)
    await run(escrow.context, escrow.contractor, partial(commands.decline_job, job_id=job_id))
    assert await superuser.value("SELECT count(*) FROM notices WHERE template = 'escrow_declined'") == 1
    for case_id in await cases_of(superuser, job_id):
        await escrow.go_on(case_id)
        assert await escrow.phase(case_id) == "declined"
    await refused(superuser, propose(escrow, job_id, escrow.employer), rules.JobNotAccepted)


async def test_one_payment_is_accepted_with_the_clause_and_further_ones_without(
    escrow: EscrowProcess, superuser: Superuser
) -> None:
    job_id = await asked(escrow, superuser)
    tasks = [await open_task(escrow.context, one, TaskKind.ANSWER_ESCROW) for one in await cases_of(superuser, job_id)]

    async def take(place: int, clause_version: int | None) -> None:
        await answer(escrow.context, escrow.contractor, tasks[place], commands.accept_escrow, clause_version)

    await refused(superuser, take(0, None), rules.ClauseOutdated)
    await take(0, 1)
    await refused(superuser, take(1, 2), rules.ClauseOutdated)
    await take(1, None)


async def test_payments_of_an_accepted_job_stay_within_its_price(
    escrow: EscrowProcess, superuser: Superuser, arrange: Arrange
) -> None:
    job_id = await begin(escrow)
    await refused(superuser, propose(escrow, job_id, escrow.contractor), NotFound)
    for case_id in await cases_of(superuser, job_id):
        await escrow.go_on(case_id)
    await refused(superuser, propose(escrow, job_id, escrow.contractor), rules.JobNotAccepted)
    await refused(
        superuser, propose(escrow, job_id, escrow.employer, timing="immediate", due_on=None), rules.JobNotAccepted
    )
    await accept(escrow, job_id)
    for who, by in ((await arrange.person("member"), NotFound), (escrow.operator, Forbidden)):
        await refused(superuser, propose(escrow, job_id, who), by)
    immediate = {"timing": "immediate", "due_on": None}
    await refused(superuser, propose(escrow, job_id, escrow.contractor, **immediate), rules.NotImmediate)
    came = await asyncio.gather(
        propose(escrow, job_id, escrow.contractor), propose(escrow, job_id, escrow.employer), return_exceptions=True
    )
    assert [type(one) for one in came if isinstance(one, BaseException)] == [rules.PriceTooSmall]
    for case_id in await cases_of(superuser, job_id):
        await escrow.withdraw(case_id, JobSide(await _proposer(superuser, case_id)))
        await escrow.go_on(case_id)
    case_id = await propose(escrow, job_id, escrow.employer, **immediate)
    await escrow.begin_payment(case_id)


async def _proposer(superuser: Superuser, case_id: UUID) -> str:
    return str(await superuser.value("SELECT proposed_by FROM escrows WHERE case_id = %s", case_id))


async def test_only_the_employer_pays_what_both_agreed_on_and_once(escrow: EscrowProcess, superuser: Superuser) -> None:
    case_id = await escrow.proposed()
    await refused(superuser, escrow.begin_payment(case_id), rules.JobNotAccepted)
    await escrow.accept(case_id)
    by_another = run(escrow.context, escrow.contractor, partial(commands.fund_escrow, case_id=case_id))
    await refused(superuser, by_another, NotFound)
    payment_id = await escrow.at_bank(case_id)
    await refused(superuser, escrow.begin_payment(case_id), PaymentUnderWay)
    await escrow.pay_at_bank(payment_id)
    await escrow.go_on(payment_id)
    await refused(superuser, escrow.withdraw(case_id), rules.EscrowFunded)
    await escrow.go_on(case_id)
    await refused(superuser, escrow.begin_payment(case_id), PaymentReceived)
    await refused(superuser, escrow.withdraw(case_id, JobSide.CONTRACTOR), rules.EscrowFunded)


async def test_who_proposed_withdraws_before_it_is_accepted_and_either_side_after(
    escrow: EscrowProcess, superuser: Superuser
) -> None:
    case_id = await escrow.proposed()
    await refused(superuser, escrow.withdraw(case_id, JobSide.CONTRACTOR), NotFound)
    await escrow.accept(case_id)
    await escrow.withdraw(case_id, JobSide.CONTRACTOR)
    for deed in (escrow.withdraw(case_id), escrow.begin_payment(case_id)):
        await refused(superuser, deed, CaseClosed)
    assert await superuser.value("SELECT count(*) FROM notices WHERE template = 'escrow_withdrawn'") == 1


async def test_accepted_and_withdrawn_in_one_moment_it_is_withdrawn(
    escrow: EscrowProcess, superuser: Superuser
) -> None:
    case_id = await escrow.proposed()
    came = await asyncio.gather(escrow.accept(case_id), escrow.withdraw(case_id), return_exceptions=True)
    assert all(isinstance(one, TaskNotOpen) for one in came if one is not None)
    await escrow.go_on(case_id)
    assert await escrow.phase(case_id) == "withdrawn"
    assert await superuser.value("SELECT count(*) FROM tasks WHERE status = 'open'") == 0


async def test_who_has_the_number_as_somebody_is_asked_stays_the_other_side(
    escrow: EscrowProcess, superuser: Superuser, arrange: Arrange
) -> None:
    later = await arrange.person("member")
    job_id = await begin(escrow, mobile=later.mobile)
    case_ids = await cases_of(superuser, job_id)
    await escrow.go_on(case_ids[0])
    assert await escrow.kinds(case_ids[0]) == []
    await refused(superuser, accept(escrow, job_id, later), NotFound)
    await confirm_number(escrow.context, later)
    for case_id in case_ids:
        await escrow.go_on(case_id)
    # The number goes to another member, who shows that it is theirs.
    heir = await arrange.person("member")
    await superuser.run(
        "UPDATE persons SET mobile_index = (SELECT mobile_index FROM escrow_jobs), mobile_confirmed_at = now()"
        " WHERE id = %s",
        heir.id,
    )
    await refused(superuser, accept(escrow, job_id, heir), NotFound)
    await accept(escrow, job_id, later)


async def test_a_normal_payment_for_a_job_goes_to_its_contractor_by_no_number(
    escrow: EscrowProcess, superuser: Superuser
) -> None:
    job_id = await asked(escrow, superuser)
    by_job = NormalPaymentWish(None, Money(5_000_000), "پرداخت خارج از امانت", 1, job_id)
    request = partial(normal_payment.request_normal_payment, wish=by_job)
    await refused(superuser, run(escrow.context, escrow.employer, request), rules.JobNotAccepted)
    await accept(escrow, job_id)
    await refused(superuser, run(escrow.context, escrow.contractor, request), NotFound)
    unknown = partial(normal_payment.request_normal_payment, wish=replace(by_job, job_id=uuid4()))
    await refused(superuser, run(escrow.context, escrow.employer, unknown), NotFound)
    nobody = partial(normal_payment.request_normal_payment, wish=replace(by_job, job_id=None))
    await refused(superuser, run(escrow.context, escrow.employer, nobody), MobileUnreadable)

    case_id = await run(escrow.context, escrow.employer, request)
    await escrow.go_on(case_id)
    task_id = await open_task(escrow.context, case_id, "answer_normal_payment")
    await answer(escrow.context, escrow.contractor, task_id, normal_payment.accept_normal_payment, 1)
    row = "SELECT job_id, payee_id, accepted_at IS NOT NULL FROM normal_payments"
    assert await superuser.rows(row) == [(job_id, escrow.contractor.id, True)]
    assert await superuser.value("SELECT count(*) FROM invitations") == 0
