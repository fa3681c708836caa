"""A programme of an organisation's own, a row of policy that asks for two guarantors (A4 to A8)."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from activities.transition import ActivityContext
from commands.command import Context
from domain.guarantor import GuarantorCountWrong, GuarantorMayNotBeAsked, GuarantorNamedTwice
from domain.onboarding import AmountAboveShare, ProgrammeUnknown
from domain.review import ReturnReason
from messages.case import OVER, WAIT
from messages.onboarding import Step
from tests.activities.test_tavana import lapse, phase, sms
from tests.arrange import Arrange, Someone
from tests.books import Superuser, assert_books_clean, assert_nothing_held
from tests.commands.onboarding_steps import (
    TavanaScenario,
    accept_guarantee,
    add_programme,
    answer_guarantee,
    approve,
    consent,
    correct,
    correction,
    give_back,
    guarantee_of,
    name,
    refuse_guarantee,
    task_of,
)

OWN = "refinery"


@pytest.fixture
async def tavana(context: Context, arrange: Arrange, activity_context: ActivityContext) -> TavanaScenario:
    """An applicant, a colleague and finance."""
    return await TavanaScenario.opened(context, arrange, activity_context)


@pytest.fixture
async def second(tavana: TavanaScenario, superuser: Superuser) -> Someone:
    """Another colleague; the organisation's own programme asks for two, for a day of waiting and a third of pay."""
    code = await superuser.value("SELECT code FROM organisations WHERE id = %s", tavana.employer)
    shipped = await superuser.value("SELECT value FROM policies WHERE name = 'programme:tavana'")
    await add_programme(
        tavana,
        OWN,
        organisation=code,
        guarantor={**shipped["guarantor"], "count": 2},
        waiting_hours=24,
        share_of_pay=[1, 3],
        instalments_max=36,
    )
    return await tavana.colleague()


async def own(tavana: TavanaScenario, second: Someone, **changes: Any) -> UUID:
    """Both guarantors are asked in the organisation's own programme."""
    return await tavana.asked(tavana.guarantor, second, programme=OWN, **changes)


async def test_a_programme_of_an_organisations_own_is_a_row_of_policy(
    tavana: TavanaScenario, second: Someone, superuser: Superuser
) -> None:
    foreign = await tavana.arrange.organisation()
    stranger, other = await tavana.arrange.member(foreign), await tavana.arrange.member(foreign)
    third = await tavana.arrange.member(foreign)
    with pytest.raises(ProgrammeUnknown):
        await tavana.apply(other, third, applicant=stranger, programme=OWN)
    with pytest.raises(GuarantorCountWrong):
        await tavana.apply(tavana.guarantor, programme=OWN)
    with pytest.raises(GuarantorNamedTwice):
        await tavana.apply(tavana.guarantor, tavana.guarantor, programme=OWN)
    with pytest.raises(GuarantorMayNotBeAsked):
        await tavana.apply(tavana.guarantor, other, programme=OWN)
    with pytest.raises(AmountAboveShare):
        await tavana.apply(tavana.guarantor, second, programme=OWN, monthly=133_333_340)

    case_id = await own(tavana, second, monthly=133_333_330, instalments=36)
    await accept_guarantee(tavana, case_id, second)
    assert (await tavana.go_on(case_id)).step == WAIT
    assert await phase(superuser, case_id) == "awaiting_guarantor"
    await accept_guarantee(tavana, case_id, tavana.guarantor)
    await tavana.go_on(case_id)
    await approve(tavana, case_id)
    outcome = await tavana.go_on(case_id)

    assert 24 * 3_600 - 60 < outcome.expire_in <= 24 * 3_600
    await tavana.take("activate_credit", case_id)
    assert await superuser.rows("SELECT programme, monthly, instalments FROM credit_lines") == [(OWN, 133_333_330, 36)]
    await assert_books_clean(tavana.context.engine)


async def test_of_two_guarantors_one_refuses_and_one_is_silent_and_both_are_replaced(
    tavana: TavanaScenario, second: Someone, superuser: Superuser
) -> None:
    case_id = await own(tavana, second)
    await refuse_guarantee(tavana, case_id, second)
    await tavana.go_on(case_id)
    kinds = {row[0] for row in await superuser.rows("SELECT kind FROM tasks WHERE status = 'open'")}
    assert kinds == {"answer_guarantee", "name_guarantor"}

    waiting = await lapse(tavana, case_id, superuser)

    assert waiting.step == WAIT
    assert await superuser.rows("SELECT kind FROM tasks WHERE status = 'open'") == [("name_guarantor",)]
    third, fourth = await tavana.colleague(), await tavana.colleague()
    await superuser.run("UPDATE tasks SET due_at = due_at - interval '5 days' WHERE status = 'open'")
    due_at = await superuser.value("SELECT due_at FROM tasks WHERE status = 'open'")
    await name(tavana, case_id, third)
    await tavana.go_on(case_id)
    assert await superuser.rows("SELECT next_actor, due_at FROM cases") == [("applicant", due_at)]
    assert {row[0] for row in await superuser.rows("SELECT kind FROM tasks WHERE status = 'open'")} == kinds
    await name(tavana, case_id, fourth)
    await tavana.go_on(case_id)
    for one in (third, fourth):
        await accept_guarantee(tavana, case_id, one)
    await tavana.go_on(case_id)
    assert await phase(superuser, case_id) == "awaiting_review"


async def test_guarantors_with_different_due_moments_are_given_up_one_by_one(
    tavana: TavanaScenario, second: Someone, superuser: Superuser
) -> None:
    case_id = await own(tavana, second)
    early = await task_of(tavana.context, case_id, second)
    await superuser.run("UPDATE tasks SET due_at = due_at - interval '1 day' WHERE id = %s", early.id)
    waits = await tavana.take("assess_onboarding", case_id)
    assert waits.expires_at == early.due_at - timedelta(days=1)
    given = await consent(tavana.context, case_id, tavana.guarantor)
    other_task = await task_of(tavana.context, case_id, tavana.guarantor)

    # The one whose time is not over answers at the very moment that the other's ends.
    lapsed, answered = await asyncio.gather(
        tavana.take("lapse_onboarding", case_id, waits.expires_at),
        answer_guarantee(tavana.context, other_task.id, tavana.guarantor, given),
    )
    await tavana.go_on(case_id)

    assert lapsed.step in {Step.REQUEST_BACKING, WAIT}
    assert answered is None
    assert dict(await superuser.rows("SELECT person_id, status FROM guarantees")) == {
        tavana.guarantor.id: "accepted",
        second.id: "expired",
    }
    assert await phase(superuser, case_id) == "awaiting_another_guarantor"
    # The accepted one is not asked again, and has not to wait for the other's answer.
    assert await superuser.rows("SELECT kind, person_id FROM tasks WHERE status = 'open'") == [
        ("name_guarantor", tavana.applicant.id)
    ]


async def test_a_name_and_a_guarantor_given_up_at_one_moment_end_the_application_once(
    tavana: TavanaScenario, second: Someone, superuser: Superuser
) -> None:
    case_id = await own(tavana, second)
    await refuse_guarantee(tavana, case_id, second)
    await tavana.go_on(case_id)
    await superuser.run("UPDATE tasks SET due_at = now() WHERE status = 'open'")

    assert (await lapse(tavana, case_id, superuser)).step == OVER

    assert await phase(superuser, case_id) == "lapsed"
    assert await superuser.value("SELECT count(*) FROM guarantees WHERE ended_at IS NULL") == 0
    await assert_nothing_held(superuser)


async def test_each_of_two_guarantors_is_reminded_once_at_their_own_moment(
    tavana: TavanaScenario, second: Someone, superuser: Superuser
) -> None:
    case_id = await own(tavana, second)
    later = await task_of(tavana.context, case_id, second)
    await superuser.run("UPDATE tasks SET remind_at = remind_at + interval '1 hour' WHERE id = %s", later.id)

    first = await tavana.take("remind_onboarding", case_id)
    assert await sms(superuser, "remind_answer_guarantee") == {tavana.guarantor.id}
    assert 73 * 3_600 - 60 < first.remind_in <= 73 * 3_600
    await tavana.take("remind_onboarding", case_id)
    last = await tavana.take("remind_onboarding", case_id)

    assert last.remind_in == 0
    told = await superuser.rows("SELECT person_id, count(*) FROM notices WHERE template LIKE 'remind%%' GROUP BY 1")
    assert dict(told) == {tavana.guarantor.id: 1, second.id: 1}


async def test_both_guarantors_answer_at_one_moment_and_neither_answer_is_lost(
    tavana: TavanaScenario, second: Someone, superuser: Superuser
) -> None:
    case_id = await own(tavana, second)
    prepared = [
        (await task_of(tavana.context, case_id, one), one, await consent(tavana.context, case_id, one))
        for one in (tavana.guarantor, second)
    ]

    await asyncio.gather(*(answer_guarantee(tavana.context, task.id, one, by) for task, one, by in prepared))
    await tavana.go_on(case_id)

    assert await superuser.rows("SELECT DISTINCT status FROM guarantees") == [("accepted",)]
    assert await phase(superuser, case_id) == "awaiting_review"


async def test_a_correction_that_grew_asks_both_guarantors_again(
    tavana: TavanaScenario, second: Someone, superuser: Superuser
) -> None:
    case_id = await own(tavana, second)
    for one in (tavana.guarantor, second):
        await accept_guarantee(tavana, case_id, one)
    await tavana.go_on(case_id)
    unsuitable = (await guarantee_of(tavana.context, case_id, second)).id
    await give_back(tavana, case_id, ReturnReason.GUARANTOR_UNSUITABLE, unsuitable=[unsuitable])
    await tavana.go_on(case_id)
    assert dict(await superuser.rows("SELECT person_id, status FROM guarantees")) == {
        tavana.guarantor.id: "accepted",
        second.id: "released",
    }

    await correct(tavana, case_id, await correction(tavana, programme=OWN, monthly=60_000_000, instalments=12))
    await tavana.go_on(case_id)

    assert {tuple(row) for row in await superuser.rows("SELECT kind, person_id FROM tasks WHERE status = 'open'")} == {
        ("answer_guarantee", tavana.guarantor.id),
        ("name_guarantor", tavana.applicant.id),
    }
