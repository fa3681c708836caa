"""Tavana's transitions: taken twice they act once, what silence of each person means, the waiting time (A4 to A8)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from activities.transition import ActivityContext
from commands.command import Context
from domain import errors
from domain.access import Role
from domain.catalogue import words
from domain.review import ApprovalBlocked, ReturnReason, ReviewFinding
from messages.case import OVER, WAIT, NextStep, StepInput
from messages.onboarding import Step
from storage.database import SERVICE, tehran_today, transaction
from storage.working_hours import put_holiday
from tests.arrange import Arrange
from tests.books import Superuser, assert_books_clean, assert_nothing_held
from tests.commands.onboarding_steps import (
    Branch,
    Office,
    accept_guarantee,
    approve,
    clear_obstacle,
    finance_officer,
    forward,
    give_back,
    name,
    open_task,
    refuse_application,
    refuse_guarantee,
    withdraw,
)
from tests.personnel_steps import Line
from tests.personnel_steps import Office as Employer


@pytest.fixture
async def branch(context: Context, arrange: Arrange, activity_context: ActivityContext) -> Branch:
    """An applicant, a colleague and finance."""
    return await Branch.opened(context, arrange, activity_context)


async def lapse(branch: Branch, case_id: UUID, superuser: Superuser) -> NextStep:
    """The moment that the process waited for has come."""
    due_at = await superuser.value("SELECT min(due_at) FROM tasks WHERE case_id = %s AND status = 'open'", case_id)
    return await branch.take("lapse_onboarding", case_id, due_at)


async def phase(superuser: Superuser, case_id: UUID) -> str:
    """Where a case stands."""
    return str(await superuser.value("SELECT phase FROM cases WHERE id = %s", case_id))


async def sms(superuser: Superuser, template: str) -> set[UUID]:
    """Who was told."""
    return {row[0] for row in await superuser.rows("SELECT person_id FROM notices WHERE template = %s", template)}


# Transition by transition: a case at which it has something to do.
async def _refused_by_guarantor(branch: Branch) -> UUID:
    case_id = await branch.asked()
    await refuse_guarantee(branch, case_id, branch.guarantor)
    return case_id


async def _accepted(branch: Branch) -> UUID:
    case_id = await branch.asked()
    await accept_guarantee(branch, case_id, branch.guarantor)
    return case_id


async def _given_back(branch: Branch) -> UUID:
    case_id = await branch.backed()
    await give_back(branch, case_id, ReturnReason.GUARANTOR_UNSUITABLE)
    return case_id


async def _refused(branch: Branch) -> UUID:
    case_id = await branch.backed()
    await refuse_application(branch, case_id)
    return case_id


async def _nameless(branch: Branch) -> UUID:
    case_id = await _refused_by_guarantor(branch)
    await branch.go_on(case_id)
    return case_id


async def _approved(branch: Branch) -> UUID:
    case_id = await branch.backed()
    await approve(branch, case_id)
    return case_id


PREPARED: list[tuple[str, Callable[[Branch], Awaitable[UUID]]]] = [
    ("request_backing", Branch.apply),
    ("request_backing", _refused_by_guarantor),
    ("request_review", _accepted),
    ("request_correction", _given_back),
    ("remind_onboarding", Branch.asked),
    ("remind_onboarding", Branch.backed),
    ("assess_onboarding", _refused),
    ("assess_onboarding", _approved),
    ("lapse_onboarding", Branch.asked),
    ("lapse_onboarding", Branch.backed),
    ("lapse_onboarding", _nameless),
    ("activate_credit", Branch.approved),
]


@pytest.mark.parametrize(
    ("step", "prepare"), PREPARED, ids=[f"{step}-{prepare.__name__.strip('_')}" for step, prepare in PREPARED]
)
async def test_a_transition_taken_twice_acts_once(
    branch: Branch, superuser: Superuser, step: str, prepare: Callable[[Branch], Awaitable[UUID]]
) -> None:
    case_id = await prepare(branch)
    untouched = await superuser.effects()
    take = getattr(branch.activities, step)

    first, second = await asyncio.gather(take(StepInput(case_id)), take(StepInput(case_id)))
    once = await superuser.effects()
    third = await take(StepInput(case_id))

    assert once["transitions"] == untouched["transitions"] + 1
    assert once != untouched
    assert await superuser.effects() == once
    assert first.step == second.step == third.step
    await assert_books_clean(branch.context.engine)


async def test_a_transition_that_comes_when_it_is_not_its_turn_asks_nobody(
    branch: Branch, superuser: Superuser
) -> None:
    case_id = await branch.backed()
    before = await superuser.effects()

    for step in ("request_backing", "request_review", "request_correction", "activate_credit", "assess_onboarding"):
        outcome = await branch.take(step, case_id)
        assert outcome.step == WAIT, step

    assert await superuser.effects() == before | {"transitions": before["transitions"] + 5}


async def test_the_happy_path_takes_few_transitions_and_opens_a_line_as_applied_for(
    branch: Branch, superuser: Superuser
) -> None:
    case_id = await branch.approved()
    await branch.take("activate_credit", case_id)

    assert await superuser.rows("SELECT monthly, instalments FROM credit_lines") == [(50_000_000, 12)]
    assert await superuser.rows("SELECT phase, outcome, next_actor, due_at FROM cases") == [
        ("active", "active", None, None)
    ]
    assert await superuser.rows("SELECT status, ended_at FROM guarantees") == [("accepted", None)]
    told = [row[0] for row in await superuser.rows("SELECT code FROM timeline ORDER BY id")]
    assert told == [
        "application_submitted",
        "guarantor_asked",
        "guarantee_accepted",
        "review_requested",
        "application_approved",
        "credit_activated",
    ]
    assert {branch.finance.id} == await sms(superuser, "task_review_application")
    await assert_books_clean(branch.context.engine)


async def test_a_guarantor_who_stays_silent_is_reminded_once_then_the_applicant_is_asked_for_another_name(
    branch: Branch, superuser: Superuser
) -> None:
    case_id = await branch.apply()
    asked = await branch.take("request_backing", case_id)
    assert (asked.remind_in, asked.expire_in) == (72 * 3_600, 168 * 3_600)

    reminded = await branch.take("remind_onboarding", case_id)
    again = await branch.take("remind_onboarding", case_id)

    assert (reminded.remind_in, again.remind_in) == (0, 0)
    assert await superuser.value("SELECT count(*) FROM notices WHERE template = 'remind_answer_guarantee'") == 1
    assert await sms(superuser, "remind_answer_guarantee") == {branch.guarantor.id}
    unbacked = await lapse(branch, case_id, superuser)
    assert unbacked.step == Step.REQUEST_BACKING
    outcome = await branch.go_on(case_id)
    assert (outcome.remind_in, outcome.expire_in) == (72 * 3_600, 336 * 3_600)
    assert await sms(superuser, "task_name_guarantor") == {branch.applicant.id}
    assert await phase(superuser, case_id) == "awaiting_another_guarantor"
    assert await superuser.rows("SELECT status FROM guarantees") == [("expired",)]
    other = await branch.colleague()
    await name(branch, case_id, other)
    await branch.go_on(case_id)
    assert await superuser.rows("SELECT person_id FROM tasks WHERE status = 'open'") == [(other.id,)]


async def test_an_applicant_who_names_nobody_lets_the_application_lapse_and_may_apply_again(
    branch: Branch, superuser: Superuser
) -> None:
    case_id = await _nameless(branch)
    await branch.take("remind_onboarding", case_id)
    assert await sms(superuser, "remind_name_guarantor") == {branch.applicant.id}

    outcome = await lapse(branch, case_id, superuser)

    assert outcome.step == OVER
    assert await superuser.rows("SELECT phase, outcome FROM cases") == [("lapsed", "lapsed")]
    assert await sms(superuser, "application_lapsed") == {branch.applicant.id}
    await assert_nothing_held(superuser)
    await branch.apply()


async def test_an_applicant_who_corrects_nothing_lets_it_lapse_and_the_guarantor_is_free(
    branch: Branch, superuser: Superuser
) -> None:
    case_id = await branch.returned()
    assert await superuser.value("SELECT due_at - opened_at FROM tasks WHERE status = 'open'") == timedelta(days=14)
    await branch.take("remind_onboarding", case_id)
    assert await sms(superuser, "remind_correct_application") == {branch.applicant.id}

    assert (await lapse(branch, case_id, superuser)).step == OVER

    assert await superuser.rows("SELECT status FROM guarantees") == [("released",)]
    assert await sms(superuser, "guarantee_released") == {branch.guarantor.id}
    await assert_nothing_held(superuser)


async def test_silence_of_the_region_hands_over_to_the_platform_and_its_silence_ends_the_application(
    branch: Branch, superuser: Superuser
) -> None:
    case_id = await branch.backed()
    task_id = await open_task(branch.context, case_id, "review_application")
    await branch.take("remind_onboarding", case_id)
    assert await sms(superuser, "remind_review_application") == {branch.finance.id}

    escalated = await lapse(branch, case_id, superuser)

    assert escalated.step == WAIT
    assert await superuser.value("SELECT status FROM tasks WHERE id = %s", task_id) == "expired"
    assert {branch.finance.id, branch.platform.id} == await sms(superuser, "task_review_application")
    with pytest.raises(errors.NotFound):
        await approve(branch, case_id)
    await branch.take("remind_onboarding", case_id)
    assert branch.platform.id in await sms(superuser, "remind_review_application")
    assert (await lapse(branch, case_id, superuser)).step == OVER
    assert await phase(superuser, case_id) == "lapsed"
    await assert_nothing_held(superuser)


async def test_the_platform_approves_what_the_region_left_lying(branch: Branch, superuser: Superuser) -> None:
    case_id = await branch.backed()
    await lapse(branch, case_id, superuser)

    await approve(branch, case_id, officer=branch.platform)

    assert (await branch.go_on(case_id)).step == WAIT


async def test_a_review_is_reminded_before_it_is_handed_over_in_working_hours(branch: Branch) -> None:
    case_id = await _accepted(branch)
    async with transaction(branch.context.engine, SERVICE) as connection:
        today = await tehran_today(connection)
        # Today and the next two; one more, should midnight pass meanwhile.
        for number in range(4):
            day = today + timedelta(days=number)
            await put_holiday(connection, day, name="تعطیل", closed=True, changed_by=branch.platform.id)

    outcome = await branch.go_on(case_id)

    assert 48 * 3_600 < outcome.remind_in < outcome.expire_in


async def test_an_approval_at_the_moment_of_the_escalation_is_one_or_the_other(
    branch: Branch, superuser: Superuser
) -> None:
    for round_ in range(4):
        guarantor, applicant = await branch.colleague(), await branch.colleague()
        case_id = await branch.backed(guarantor, applicant=applicant)
        works = [approve(branch, case_id), lapse(branch, case_id, superuser)]

        results = await asyncio.gather(*(works if round_ % 2 else works[::-1]), return_exceptions=True)
        await branch.go_on(case_id)

        refused = any(isinstance(result, errors.NotFound | errors.TaskNotOpen) for result in results)
        found = await superuser.rows(
            "SELECT a.approved_at IS NULL, c.phase, t.scope_kind, t.status FROM cases c"
            " JOIN applications a ON a.case_id = c.id JOIN tasks t ON t.case_id = c.id"
            " WHERE c.id = %s AND t.kind = 'review_application' ORDER BY t.id DESC LIMIT 1",
            case_id,
        )
        assert found == (
            [(True, "awaiting_review", "platform", "open")]
            if refused
            else [(False, "awaiting_activation", "region", "done")]
        )


async def test_a_guarantor_who_leaves_during_the_waiting_time_is_released_and_another_name_is_asked_for(
    branch: Branch, superuser: Superuser
) -> None:
    case_id = await branch.approved()
    await superuser.run("UPDATE employments SET state = 'left' WHERE person_id = %s", branch.guarantor.id)

    outcome = await branch.take("activate_credit", case_id)

    assert outcome.step == WAIT
    assert await phase(superuser, case_id) == "awaiting_another_guarantor"
    assert await superuser.rows("SELECT approved_at, activates_at FROM applications") == [(None, None)]
    assert await superuser.rows("SELECT status FROM guarantees") == [("released",)]
    assert await sms(superuser, "guarantee_released") == {branch.guarantor.id}
    assert await superuser.rows("SELECT until IS NULL FROM case_people WHERE part = 'guarantor'") == [(False,)]
    other = await branch.colleague()
    await name(branch, case_id, other)
    await branch.go_on(case_id)
    await accept_guarantee(branch, case_id, other)
    await branch.go_on(case_id)
    await approve(branch, case_id)
    assert (await branch.go_on(case_id)).step == WAIT
    await branch.take("activate_credit", case_id)
    assert await phase(superuser, case_id) == "active"


@pytest.mark.parametrize(
    ("broken", "mended", "role"),
    [
        (
            "UPDATE contracts SET ends_on = current_date - 2",
            "UPDATE contracts SET ends_on = current_date + 99",
            Role.CONTRACTS_OFFICER,
        ),
        (
            "UPDATE employments SET state = 'exit_reported' WHERE person_id = '{applicant}'",
            "UPDATE employments SET state = 'employed'",
            Role.HR_OFFICER,
        ),
    ],
)
async def test_what_ended_before_the_activation_goes_to_whoever_can_mend_it(
    branch: Branch, superuser: Superuser, broken: str, mended: str, role: Role
) -> None:
    officers = {
        Role.CONTRACTS_OFFICER: await branch.arrange.platform(Role.CONTRACTS_OFFICER),
        Role.HR_OFFICER: await branch.arrange.hr_officer(branch.employer),
    }
    case_id = await branch.approved()
    await superuser.run(broken.format(applicant=branch.applicant.id))

    outcome = await branch.take("activate_credit", case_id)

    assert outcome.step == WAIT
    assert await superuser.rows("SELECT kind, role FROM tasks WHERE status = 'open'") == [("clear_obstacle", role)]
    assert await phase(superuser, case_id) == "awaiting_clearance"
    assert await superuser.value("SELECT count(*) FROM credit_lines") == 0
    await superuser.run(mended)
    await clear_obstacle(branch, case_id, officer=officers[role])
    assert (await branch.go_on(case_id)).step == Step.ACTIVATE_CREDIT
    await branch.take("activate_credit", case_id)
    assert await phase(superuser, case_id) == "active"


async def test_pay_that_fell_during_the_waiting_time_lowers_what_becomes_usable(
    branch: Branch, superuser: Superuser
) -> None:
    case_id = await branch.approved()
    await superuser.run("UPDATE employments SET net_pay = 120000000 WHERE person_id = %s", branch.applicant.id)

    await branch.take("activate_credit", case_id)

    assert await superuser.rows("SELECT monthly, instalments FROM credit_lines") == [(30_000_000, 12)]
    await assert_books_clean(branch.context.engine)


async def test_a_withdrawal_during_the_waiting_time_and_the_activation_leave_one_outcome(
    branch: Branch, superuser: Superuser
) -> None:
    for round_ in range(4):
        guarantor, applicant = await branch.colleague(), await branch.colleague()
        case_id = await branch.approved(guarantor, applicant=applicant)
        office = Office(branch.context, applicant, branch.finance)
        works: list[Any] = [withdraw(office, case_id), branch.take("activate_credit", case_id)]

        results = await asyncio.gather(*(works if round_ % 2 else works[::-1]), return_exceptions=True)
        await branch.go_on(case_id)

        too_late = any(isinstance(result, errors.Conflict) for result in results)
        found = await superuser.rows(
            "SELECT c.outcome, (SELECT count(*) FROM credit_lines l WHERE l.case_id = c.id), g.status"
            " FROM cases c JOIN guarantees g ON g.case_id = c.id WHERE c.id = %s",
            case_id,
        )
        assert found == ([("active", 1, "accepted")] if too_late else [("withdrawn", 0, "released")])
    await assert_books_clean(branch.context.engine)


async def test_a_personnel_file_that_moves_the_applicant_blocks_the_approval_and_the_review_is_forwarded(
    branch: Branch, activity_context: ActivityContext, superuser: Superuser
) -> None:
    there = await finance_officer(branch.arrange, "1104")
    case_id = await branch.backed()
    employer = await Employer.open(activity_context, branch.arrange, branch.employer)
    listed = Line(branch.applicant.national_id, mobile=branch.applicant.mobile, region_code="1104")

    imported = await employer.import_(listed)
    with pytest.raises(ApprovalBlocked) as refused:
        await approve(branch, case_id)
    await forward(branch, case_id)
    outcome = await branch.go_on(case_id)

    assert (imported.rows_added, imported.rows_changed, imported.rows_refused) == (0, 1, 0)
    assert words.term(ReviewFinding, ReviewFinding.APPLICANT_MOVED).fa in str(refused.value.params["findings"])
    assert outcome.step == WAIT
    assert await superuser.rows("SELECT scope FROM tasks WHERE kind = 'review_application' AND status = 'open'") == [
        ("1104",)
    ]
    assert there.id in await sms(superuser, "task_review_application")
    with pytest.raises(errors.NotFound):
        await approve(branch, case_id)


async def test_forwarding_asks_the_other_region_anew(branch: Branch, superuser: Superuser) -> None:
    there = await finance_officer(branch.arrange, "1104")
    case_id = await branch.backed()
    await superuser.run("UPDATE employments SET region_code = '1104'")

    await forward(branch, case_id)
    outcome = await branch.go_on(case_id)

    assert outcome.step == WAIT
    assert there.id in await sms(superuser, "task_review_application")
    await approve(branch, case_id, officer=there)
