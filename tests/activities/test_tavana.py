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
from domain.notice import compose_mail
from domain.review import ApprovalBlocked, ReturnReason, ReviewFinding
from messages.case import OVER, WAIT, NextStep, StepInput
from messages.onboarding import Step
from storage.database import SERVICE, tehran_today, transaction
from storage.working_hours import put_holiday
from tests.arrange import Arrange
from tests.books import Superuser, assert_books_clean, assert_nothing_held
from tests.commands.onboarding_steps import (
    MinipayOffice,
    TavanaScenario,
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
from tests.personnel_steps import PersonnelOffice as Employer


@pytest.fixture
async def tavana(context: Context, arrange: Arrange, activity_context: ActivityContext) -> TavanaScenario:
    """An applicant, a colleague and finance."""
    return await TavanaScenario.opened(context, arrange, activity_context)


async def lapse(tavana: TavanaScenario, case_id: UUID, superuser: Superuser) -> NextStep:
    """The moment that the process waited for has come."""
    due_at = await superuser.value("SELECT min(due_at) FROM tasks WHERE case_id = %s AND status = 'open'", case_id)
    return await tavana.take("lapse_onboarding", case_id, due_at)


async def phase(superuser: Superuser, case_id: UUID) -> str:
    """Where a case stands."""
    return str(await superuser.value("SELECT phase FROM cases WHERE id = %s", case_id))


async def sms(superuser: Superuser, template: str) -> set[UUID]:
    """Who was told."""
    return {row[0] for row in await superuser.rows("SELECT person_id FROM notices WHERE template = %s", template)}


# Transition by transition: a case at which it has something to do.
async def _refused_by_guarantor(tavana: TavanaScenario) -> UUID:
    case_id = await tavana.asked()
    await refuse_guarantee(tavana, case_id, tavana.guarantor)
    return case_id


async def _accepted(tavana: TavanaScenario) -> UUID:
    case_id = await tavana.asked()
    await accept_guarantee(tavana, case_id, tavana.guarantor)
    return case_id


async def _given_back(tavana: TavanaScenario) -> UUID:
    case_id = await tavana.backed()
    await give_back(tavana, case_id, ReturnReason.GUARANTOR_UNSUITABLE)
    return case_id


async def _refused(tavana: TavanaScenario) -> UUID:
    case_id = await tavana.backed()
    await refuse_application(tavana, case_id)
    return case_id


async def _nameless(tavana: TavanaScenario) -> UUID:
    case_id = await _refused_by_guarantor(tavana)
    await tavana.go_on(case_id)
    return case_id


async def _approved(tavana: TavanaScenario) -> UUID:
    case_id = await tavana.backed()
    await approve(tavana, case_id)
    return case_id


PREPARED: list[tuple[str, Callable[[TavanaScenario], Awaitable[UUID]]]] = [
    ("request_backing", TavanaScenario.apply),
    ("request_backing", _refused_by_guarantor),
    ("request_review", _accepted),
    ("request_correction", _given_back),
    ("remind_onboarding", TavanaScenario.asked),
    ("remind_onboarding", TavanaScenario.backed),
    ("assess_onboarding", _refused),
    ("assess_onboarding", _approved),
    ("lapse_onboarding", TavanaScenario.asked),
    ("lapse_onboarding", TavanaScenario.backed),
    ("lapse_onboarding", _nameless),
    ("activate_credit", TavanaScenario.approved),
]


@pytest.mark.parametrize(
    ("step", "prepare"), PREPARED, ids=[f"{step}-{prepare.__name__.strip('_')}" for step, prepare in PREPARED]
)
async def test_a_transition_taken_twice_acts_once(
    tavana: TavanaScenario, superuser: Superuser, step: str, prepare: Callable[[TavanaScenario], Awaitable[UUID]]
) -> None:
    case_id = await prepare(tavana)
    untouched = await superuser.effects()
    take = getattr(tavana.activities, step)

    first, second = await asyncio.gather(take(StepInput(case_id)), take(StepInput(case_id)))
    once = await superuser.effects()
    third = await take(StepInput(case_id))

    assert once["transitions"] == untouched["transitions"] + 1
    assert once != untouched
    assert await superuser.effects() == once
    assert first.step == second.step == third.step
    await assert_books_clean(tavana.context.engine)


async def test_a_transition_that_comes_when_it_is_not_its_turn_asks_nobody(
    tavana: TavanaScenario, superuser: Superuser
) -> None:
    case_id = await tavana.backed()
    before = await superuser.effects()

    for step in ("request_backing", "request_review", "request_correction", "activate_credit", "assess_onboarding"):
        outcome = await tavana.take(step, case_id)
        assert outcome.step == WAIT, step

    assert await superuser.effects() == before | {"transitions": before["transitions"] + 5}


async def test_the_happy_path_takes_few_transitions_and_opens_a_line_as_applied_for(
    tavana: TavanaScenario, superuser: Superuser
) -> None:
    case_id = await tavana.approved()
    await tavana.take("activate_credit", case_id)

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
    assert {tavana.finance.id} == await sms(superuser, "task_review_application")
    params = await superuser.value("SELECT params FROM notices WHERE template = 'credit_activated'")
    links = {"app_link": "https://app", "training_link": "https://t"}
    assert [text for text in compose_mail("credit_activated", {**links, **params}, "en") if "…" in text] == []
    await assert_books_clean(tavana.context.engine)


async def test_a_guarantor_who_stays_silent_is_reminded_once_then_the_applicant_is_asked_for_another_name(
    tavana: TavanaScenario, superuser: Superuser
) -> None:
    case_id = await tavana.apply()
    asked = await tavana.take("request_backing", case_id)
    assert (asked.remind_in, asked.expire_in) == (72 * 3_600, 168 * 3_600)

    reminded = await tavana.take("remind_onboarding", case_id)
    again = await tavana.take("remind_onboarding", case_id)

    assert (reminded.remind_in, again.remind_in) == (0, 0)
    assert await superuser.value("SELECT count(*) FROM notices WHERE template = 'remind_answer_guarantee'") == 1
    assert await sms(superuser, "remind_answer_guarantee") == {tavana.guarantor.id}
    unbacked = await lapse(tavana, case_id, superuser)
    assert unbacked.step == Step.REQUEST_BACKING
    outcome = await tavana.go_on(case_id)
    assert (outcome.remind_in, outcome.expire_in) == (72 * 3_600, 336 * 3_600)
    assert await sms(superuser, "task_name_guarantor") == {tavana.applicant.id}
    assert await phase(superuser, case_id) == "awaiting_another_guarantor"
    assert await superuser.rows("SELECT status FROM guarantees") == [("expired",)]
    other = await tavana.colleague()
    await name(tavana, case_id, other)
    await tavana.go_on(case_id)
    assert await superuser.rows("SELECT person_id FROM tasks WHERE status = 'open'") == [(other.id,)]


async def test_an_applicant_who_names_nobody_lets_the_application_lapse_and_may_apply_again(
    tavana: TavanaScenario, superuser: Superuser
) -> None:
    case_id = await _nameless(tavana)
    await tavana.take("remind_onboarding", case_id)
    assert await sms(superuser, "remind_name_guarantor") == {tavana.applicant.id}

    outcome = await lapse(tavana, case_id, superuser)

    assert outcome.step == OVER
    assert await superuser.rows("SELECT phase, outcome FROM cases") == [("lapsed", "lapsed")]
    assert await sms(superuser, "application_lapsed") == {tavana.applicant.id}
    await assert_nothing_held(superuser)
    await tavana.apply()


async def test_an_applicant_who_corrects_nothing_lets_it_lapse_and_the_guarantor_is_free(
    tavana: TavanaScenario, superuser: Superuser
) -> None:
    case_id = await tavana.returned()
    assert await superuser.value("SELECT due_at - opened_at FROM tasks WHERE status = 'open'") == timedelta(days=14)
    await tavana.take("remind_onboarding", case_id)
    assert await sms(superuser, "remind_correct_application") == {tavana.applicant.id}

    assert (await lapse(tavana, case_id, superuser)).step == OVER

    assert await superuser.rows("SELECT status FROM guarantees") == [("released",)]
    assert await sms(superuser, "guarantee_released") == {tavana.guarantor.id}
    await assert_nothing_held(superuser)


async def test_silence_of_the_region_hands_over_to_the_platform_and_its_silence_ends_the_application(
    tavana: TavanaScenario, superuser: Superuser
) -> None:
    case_id = await tavana.backed()
    task_id = await open_task(tavana.context, case_id, "review_application")
    await tavana.take("remind_onboarding", case_id)
    assert await sms(superuser, "remind_review_application") == {tavana.finance.id}

    escalated = await lapse(tavana, case_id, superuser)

    assert escalated.step == WAIT
    assert await superuser.value("SELECT status FROM tasks WHERE id = %s", task_id) == "expired"
    assert {tavana.finance.id, tavana.platform.id} == await sms(superuser, "task_review_application")
    with pytest.raises(errors.NotFound):
        await approve(tavana, case_id)
    await tavana.take("remind_onboarding", case_id)
    assert tavana.platform.id in await sms(superuser, "remind_review_application")
    assert (await lapse(tavana, case_id, superuser)).step == OVER
    assert await phase(superuser, case_id) == "lapsed"
    await assert_nothing_held(superuser)


async def test_the_platform_approves_what_the_region_left_lying(tavana: TavanaScenario, superuser: Superuser) -> None:
    case_id = await tavana.backed()
    await lapse(tavana, case_id, superuser)

    await approve(tavana, case_id, officer=tavana.platform)

    assert (await tavana.go_on(case_id)).step == WAIT


async def test_a_review_is_reminded_before_it_is_handed_over_in_working_hours(tavana: TavanaScenario) -> None:
    case_id = await _accepted(tavana)
    async with transaction(tavana.context.engine, SERVICE) as connection:
        today = await tehran_today(connection)
        # Today and the next two; one more, should midnight pass meanwhile.
        for number in range(4):
            day = today + timedelta(days=number)
            await put_holiday(connection, day, name="تعطیل", closed=True, changed_by=tavana.platform.id)

    outcome = await tavana.go_on(case_id)

    assert 48 * 3_600 < outcome.remind_in < outcome.expire_in


async def test_an_approval_at_the_moment_of_the_escalation_is_one_or_the_other(
    tavana: TavanaScenario, superuser: Superuser
) -> None:
    for round_ in range(4):
        guarantor, applicant = await tavana.colleague(), await tavana.colleague()
        case_id = await tavana.backed(guarantor, applicant=applicant)
        works = [approve(tavana, case_id), lapse(tavana, case_id, superuser)]

        results = await asyncio.gather(*(works if round_ % 2 else works[::-1]), return_exceptions=True)
        await tavana.go_on(case_id)

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
    tavana: TavanaScenario, superuser: Superuser
) -> None:
    case_id = await tavana.approved()
    await superuser.run("UPDATE employments SET state = 'left' WHERE person_id = %s", tavana.guarantor.id)

    outcome = await tavana.take("activate_credit", case_id)

    assert outcome.step == WAIT
    assert await phase(superuser, case_id) == "awaiting_another_guarantor"
    assert await superuser.rows("SELECT approved_at, activates_at FROM applications") == [(None, None)]
    assert await superuser.rows("SELECT status FROM guarantees") == [("released",)]
    assert await sms(superuser, "guarantee_released") == {tavana.guarantor.id}
    assert await superuser.rows("SELECT until IS NULL FROM case_people WHERE part = 'guarantor'") == [(False,)]
    other = await tavana.colleague()
    await name(tavana, case_id, other)
    await tavana.go_on(case_id)
    await accept_guarantee(tavana, case_id, other)
    await tavana.go_on(case_id)
    await approve(tavana, case_id)
    assert (await tavana.go_on(case_id)).step == WAIT
    await tavana.take("activate_credit", case_id)
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
    tavana: TavanaScenario, superuser: Superuser, broken: str, mended: str, role: Role
) -> None:
    officers = {
        Role.CONTRACTS_OFFICER: await tavana.arrange.platform(Role.CONTRACTS_OFFICER),
        Role.HR_OFFICER: await tavana.arrange.hr_officer(tavana.employer),
    }
    case_id = await tavana.approved()
    await superuser.run(broken.format(applicant=tavana.applicant.id))

    outcome = await tavana.take("activate_credit", case_id)

    assert outcome.step == WAIT
    assert await superuser.rows("SELECT kind, role FROM tasks WHERE status = 'open'") == [("clear_obstacle", role)]
    assert await phase(superuser, case_id) == "awaiting_clearance"
    assert await superuser.value("SELECT count(*) FROM credit_lines") == 0
    await superuser.run(mended)
    await clear_obstacle(tavana, case_id, officer=officers[role])
    assert (await tavana.go_on(case_id)).step == Step.ACTIVATE_CREDIT
    await tavana.take("activate_credit", case_id)
    assert await phase(superuser, case_id) == "active"


async def test_pay_that_fell_during_the_waiting_time_lowers_what_becomes_usable(
    tavana: TavanaScenario, superuser: Superuser
) -> None:
    case_id = await tavana.approved()
    await superuser.run("UPDATE employments SET net_pay = 120000000 WHERE person_id = %s", tavana.applicant.id)

    await tavana.take("activate_credit", case_id)

    assert await superuser.rows("SELECT monthly, instalments FROM credit_lines") == [(30_000_000, 12)]
    await assert_books_clean(tavana.context.engine)


async def test_a_withdrawal_during_the_waiting_time_and_the_activation_leave_one_outcome(
    tavana: TavanaScenario, superuser: Superuser
) -> None:
    for round_ in range(4):
        guarantor, applicant = await tavana.colleague(), await tavana.colleague()
        case_id = await tavana.approved(guarantor, applicant=applicant)
        office = MinipayOffice(tavana.context, applicant, tavana.finance)
        works: list[Any] = [withdraw(office, case_id), tavana.take("activate_credit", case_id)]

        results = await asyncio.gather(*(works if round_ % 2 else works[::-1]), return_exceptions=True)
        await tavana.go_on(case_id)

        too_late = any(isinstance(result, errors.Conflict) for result in results)
        found = await superuser.rows(
            "SELECT c.outcome, (SELECT count(*) FROM credit_lines l WHERE l.case_id = c.id), g.status"
            " FROM cases c JOIN guarantees g ON g.case_id = c.id WHERE c.id = %s",
            case_id,
        )
        assert found == ([("active", 1, "accepted")] if too_late else [("withdrawn", 0, "released")])
    await assert_books_clean(tavana.context.engine)


async def test_a_personnel_file_that_moves_the_applicant_blocks_the_approval_and_the_review_is_forwarded(
    tavana: TavanaScenario, activity_context: ActivityContext, superuser: Superuser
) -> None:
    there = await finance_officer(tavana.arrange, "1104")
    case_id = await tavana.backed()
    employer = await Employer.open(activity_context, tavana.arrange, tavana.employer)
    listed = Line(tavana.applicant.national_id, mobile=tavana.applicant.mobile, region_code="1104")

    imported = await employer.import_(listed)
    with pytest.raises(ApprovalBlocked) as refused:
        await approve(tavana, case_id)
    await forward(tavana, case_id)
    outcome = await tavana.go_on(case_id)

    assert (imported.rows_added, imported.rows_changed, imported.rows_refused) == (0, 1, 0)
    assert words.term(ReviewFinding, ReviewFinding.APPLICANT_MOVED).fa in str(refused.value.params["findings"])
    assert outcome.step == WAIT
    assert await superuser.rows("SELECT scope FROM tasks WHERE kind = 'review_application' AND status = 'open'") == [
        ("1104",)
    ]
    assert there.id in await sms(superuser, "task_review_application")
    with pytest.raises(errors.NotFound):
        await approve(tavana, case_id)


async def test_forwarding_asks_the_other_region_anew(tavana: TavanaScenario, superuser: Superuser) -> None:
    there = await finance_officer(tavana.arrange, "1104")
    case_id = await tavana.backed()
    await superuser.run("UPDATE employments SET region_code = '1104'")

    await forward(tavana, case_id)
    outcome = await tavana.go_on(case_id)

    assert outcome.step == WAIT
    assert there.id in await sms(superuser, "task_review_application")
    await approve(tavana, case_id, officer=there)
