"""Each transition of onboarding, taken twice, acts once; and what each does when it comes too late."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from uuid import UUID, uuid4

import pytest
from temporalio.exceptions import ApplicationError

from activities.transition import ActivityContext
from commands.command import Context
from domain.access import Role
from messages.case import OVER, WAIT, NextStep, StepInput
from messages.onboarding import Step
from tests.arrange import Arrange
from tests.books import Superuser, assert_books_clean
from tests.commands.onboarding_steps import MinipayOffice, apply, issue, refuse, withdraw
from tests.transitions import Transitions

NAMES = ["request_backing", "remind_onboarding", "assess_onboarding", "lapse_onboarding", "activate_credit"]


@pytest.fixture
def activities(activity_context: ActivityContext) -> Transitions:
    return Transitions(activity_context)


@pytest.fixture
async def office(context: Context, arrange: Arrange) -> MinipayOffice:
    """A member, their HR, the contracts office; nobody has done anything."""
    employer = await arrange.organisation()
    await arrange.platform(Role.CONTRACTS_OFFICER)
    return MinipayOffice(context, await arrange.member(employer), await arrange.hr_officer(employer))


def method(activities: Transitions, name: str) -> Callable[[StepInput], Awaitable[NextStep]]:
    """An activity by its name."""
    found: Callable[[StepInput], Awaitable[NextStep]] = getattr(activities, name)
    return found


async def prepared(activities: Transitions, office: MinipayOffice, name: str) -> UUID:
    """A case at which a transition has something to do."""
    case_id = await apply(office)
    if name != "request_backing":
        await activities.request_backing(StepInput(case_id))
    if name == "assess_onboarding":
        await refuse(office, case_id)
    if name == "activate_credit":
        await issue(office, case_id)
    return case_id


@pytest.mark.parametrize("name", NAMES)
async def test_a_transition_taken_twice_acts_once(
    activities: Transitions, office: MinipayOffice, superuser: Superuser, context: Context, name: str
) -> None:
    case_id = await prepared(activities, office, name)
    untouched = await superuser.effects()
    take = method(activities, name)

    first = await take(StepInput(case_id))
    after_first = await superuser.effects()
    second = await take(StepInput(case_id))

    assert after_first != untouched
    assert await superuser.effects() == after_first
    assert second.step == first.step
    await assert_books_clean(context.engine)


@pytest.mark.parametrize("name", NAMES)
async def test_a_transition_of_a_case_that_is_not_there_is_not_tried_again(activities: Transitions, name: str) -> None:
    with pytest.raises(ApplicationError) as raised:
        await method(activities, name)(StepInput(uuid4()))

    assert raised.value.non_retryable


@pytest.mark.parametrize("name", NAMES)
async def test_a_transition_of_a_case_that_is_over_changes_nothing(
    activities: Transitions, office: MinipayOffice, superuser: Superuser, name: str
) -> None:
    case_id = await apply(office)
    await activities.request_backing(StepInput(case_id))
    await issue(office, case_id)
    await activities.activate_credit(StepInput(case_id))
    before = await superuser.effects()

    outcome = await method(activities, name)(StepInput(case_id, 7))

    assert outcome.step == OVER
    assert await superuser.effects() == before


async def test_the_first_transition_of_a_process_started_anew_waits_on_for_the_same_task(
    activities: Transitions, office: MinipayOffice, superuser: Superuser
) -> None:
    case_id = await apply(office)
    first = await activities.request_backing(StepInput(case_id))
    await superuser.run("UPDATE tasks SET remind_at = remind_at - interval '1 day', due_at = due_at - interval '1 day'")

    again = await activities.request_backing(StepInput(case_id))

    assert again.step == WAIT
    assert abs(first.remind_in - again.remind_in - 86_400) <= 5
    assert abs(first.expire_in - again.expire_in - 86_400) <= 5


async def test_a_reminder_that_came_due_while_nothing_ran_is_not_lost(
    activities: Transitions, office: MinipayOffice, superuser: Superuser
) -> None:
    case_id = await apply(office)
    await activities.request_backing(StepInput(case_id))
    await superuser.run(
        "UPDATE tasks SET remind_at = remind_at - interval '4 days', due_at = due_at - interval '4 days'"
    )

    outcome = await activities.assess_onboarding(StepInput(case_id))
    reminded = await activities.remind_onboarding(StepInput(case_id))

    assert outcome.remind_in == 1
    assert reminded.remind_in == 0
    assert await superuser.value("SELECT count(*) FROM timeline WHERE code = 'reminded'") == 1


async def test_the_clock_comes_too_late_when_a_person_was_first(
    activities: Transitions, office: MinipayOffice, superuser: Superuser
) -> None:
    case_id = await apply(office)
    await activities.request_backing(StepInput(case_id))
    await issue(office, case_id)

    outcome = await activities.lapse_onboarding(StepInput(case_id))

    assert outcome.step == Step.ACTIVATE_CREDIT
    assert await superuser.rows("SELECT status, outcome FROM tasks") == [("done", "certificate_issued")]


async def test_activation_after_a_withdrawal_opens_nothing(
    activities: Transitions, office: MinipayOffice, superuser: Superuser
) -> None:
    case_id = await apply(office)
    await activities.request_backing(StepInput(case_id))
    await issue(office, case_id)
    await withdraw(office, case_id)

    outcome = await activities.activate_credit(StepInput(case_id))

    assert outcome.step == OVER
    assert await superuser.value("SELECT count(*) FROM credit_lines") == 0
    assert await superuser.rows("SELECT phase, outcome FROM cases") == [("withdrawn", "withdrawn")]


async def test_a_withdrawal_before_the_first_step_asks_nobody(
    activities: Transitions, office: MinipayOffice, superuser: Superuser
) -> None:
    case_id = await apply(office)
    await withdraw(office, case_id)

    outcome = await activities.request_backing(StepInput(case_id))

    assert outcome.step == OVER
    assert await superuser.value("SELECT count(*) FROM tasks") == 0


async def test_a_certificate_that_ran_out_meanwhile_is_asked_for_again(
    activities: Transitions, office: MinipayOffice, superuser: Superuser
) -> None:
    case_id = await apply(office)
    await activities.request_backing(StepInput(case_id))
    await issue(office, case_id)
    await superuser.run("UPDATE certificates SET valid_until = current_date - 2")

    outcome = await activities.activate_credit(StepInput(case_id))

    assert outcome.step == WAIT
    (details,) = (row[0] for row in await superuser.rows("SELECT details FROM tasks WHERE status = 'open'"))
    assert details["reason"] == "certificate_not_valid"


async def test_a_process_that_is_started_anew_learns_how_often_each_step_was_taken(
    activities: Transitions, office: MinipayOffice, superuser: Superuser
) -> None:
    case_id = await apply(office)
    for round_ in range(3):
        await activities.assess_onboarding(StepInput(case_id, round_))
    await activities.request_backing(StepInput(case_id))
    before = await superuser.effects()

    again = await activities.request_backing(StepInput(case_id))

    assert again.rounds == {"assess_onboarding": 3, "request_backing": 1}
    assert await superuser.effects() == before


async def test_a_step_that_does_not_follow_from_what_people_did_is_not_taken_whatever_its_round(
    activities: Transitions, office: MinipayOffice, superuser: Superuser
) -> None:
    case_id = await apply(office)
    await activities.request_backing(StepInput(case_id))
    before = await superuser.value("SELECT count(*) FROM tasks")

    found = [
        await activities.request_backing(StepInput(case_id, 5)),
        await activities.activate_credit(StepInput(case_id)),
    ]

    assert [(one.step, one.at_end) for one in found] == [(WAIT, ""), (WAIT, "")]
    assert await superuser.value("SELECT count(*) FROM tasks") == before
    assert await superuser.value("SELECT count(*) FROM credit_lines") == 0


async def test_while_money_actions_pause_the_credit_waits_and_afterwards_it_opens(
    activities: Transitions, office: MinipayOffice, superuser: Superuser, context: Context
) -> None:
    case_id = await prepared(activities, office, "activate_credit")
    await superuser.run(
        "UPDATE persons SET money_paused_until = now() + interval '1 hour' WHERE id = %s", office.member.id
    )

    paused = await activities.activate_credit(StepInput(case_id))

    assert paused.step == WAIT
    assert 3_590 < paused.expire_in <= 3_601
    assert await superuser.rows("SELECT phase, next_actor, due_at > now() + interval '59 minutes' FROM cases") == [
        ("awaiting_clearance", "machine", True)
    ]
    assert await superuser.value("SELECT count(*) FROM timeline WHERE code = 'activation_paused'") == 1
    assert await superuser.value("SELECT count(*) FROM credit_lines") == 0
    assert await superuser.value("SELECT count(*) FROM journals") == 0
    await superuser.run("UPDATE persons SET money_paused_until = now()")

    assert (await activities.activate_credit(StepInput(case_id, 1))).step == WAIT
    assert (await activities.activate_credit(StepInput(case_id, 2, paused.expires_at))).step == OVER
    assert await superuser.value("SELECT count(*) FROM credit_lines") == 1
    await assert_books_clean(context.engine)


async def test_staff_who_are_shut_out_get_no_notices(
    activities: Transitions, office: MinipayOffice, superuser: Superuser, arrange: Arrange
) -> None:
    case_id = await apply(office)
    employer = await superuser.value("SELECT organisation_id FROM cases")
    disabled, able = await arrange.hr_officer(employer), await arrange.hr_officer(employer)
    await superuser.run("UPDATE staff_credentials SET disabled_at = now() WHERE person_id = %s", disabled.id)

    await activities.request_backing(StepInput(case_id))
    await activities.remind_onboarding(StepInput(case_id))

    for template in ("task_issue_certificate", "remind_issue_certificate"):
        told = await superuser.rows("SELECT person_id FROM notices WHERE template = %s", template)
        assert {row[0] for row in told} == {office.officer.id, able.id}
