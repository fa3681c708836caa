"""Who hears what when a guarantee ends, and what the applicant hears meanwhile (docs/rules.md, A5 to A7, A11)."""

from __future__ import annotations

import pytest

from activities.guarantor import free_guarantors
from activities.transition import ActivityContext
from commands.command import Context
from domain.guarantor import GuarantorNamedTwice
from tests.activities.test_tavana import lapse
from tests.arrange import Arrange, Someone
from tests.books import Superuser
from tests.commands.onboarding_steps import (
    MinipayOffice,
    TavanaScenario,
    accept_guarantee,
    add_programme,
    correct,
    correction,
    finance_officer,
    forward,
    name,
    refuse_guarantee,
    withdraw,
)
from tests.commands.substitution_steps import SubstitutionScenario

ASK, ACCEPT, NAME = "task_answer_guarantee", "guarantee_accepted", "task_name_guarantor"


@pytest.fixture
async def tavana(context: Context, arrange: Arrange, activity_context: ActivityContext) -> TavanaScenario:
    """An applicant, a colleague and finance."""
    return await TavanaScenario.opened(context, arrange, activity_context)


async def heard(superuser: Superuser, who: Someone) -> list[str]:
    """What somebody was told, oldest first."""
    return [
        row[0] for row in await superuser.rows("SELECT template FROM notices WHERE person_id = %s ORDER BY id", who.id)
    ]


@pytest.mark.parametrize(
    ("reached", "withdrawn", "replaced"),
    [
        ("apply", [], []),
        ("asked", [ASK, "guarantee_not_needed"], [ASK, "guarantee_not_needed"]),
        ("backed", [ASK, "guarantee_released"], [ASK, "guarantee_replaced"]),
        ("approved", [ASK, "guarantee_released"], [ASK, "guarantee_replaced"]),
    ],
)
async def test_what_a_guarantor_hears_at_the_end_follows_from_how_far_they_came(
    tavana: TavanaScenario, superuser: Superuser, reached: str, withdrawn: list[str], replaced: list[str]
) -> None:
    other, applicant = await tavana.colleague(), await tavana.colleague()
    kept = await getattr(tavana, reached)()
    await getattr(tavana, reached)(other, applicant=applicant)

    await name(tavana, kept, await tavana.colleague(), instead_of=tavana.guarantor)
    await withdraw(
        MinipayOffice(tavana.context, applicant, tavana.finance),
        await superuser.value("SELECT id FROM cases WHERE person_id = %s", applicant.id),
    )

    assert await heard(superuser, tavana.guarantor) == replaced
    assert await heard(superuser, other) == withdrawn


async def test_whoever_is_named_during_a_correction_and_replaced_before_it_hears_nothing(
    tavana: TavanaScenario, superuser: Superuser
) -> None:
    case_id = await tavana.returned()
    named, instead = await tavana.colleague(), await tavana.colleague()

    await name(tavana, case_id, named, instead_of=tavana.guarantor)
    await name(tavana, case_id, instead, instead_of=named)
    await lapse(tavana, case_id, superuser)

    assert await superuser.rows("SELECT status FROM guarantees ORDER BY id") == [
        ("replaced",),
        ("replaced",),
        ("released",),
    ]
    assert [await heard(superuser, one) for one in (named, instead)] == [[], []]
    assert await heard(superuser, tavana.guarantor) == [ASK, "guarantee_replaced"]


async def test_a_correction_that_grew_tells_the_guarantor_that_they_are_asked_again(
    tavana: TavanaScenario, superuser: Superuser
) -> None:
    case_id = await tavana.returned()
    await correct(tavana, case_id, await correction(tavana, monthly=60_000_000, instalments=12))
    await tavana.go_on(case_id)
    assert await heard(superuser, tavana.guarantor) == [ASK, "guarantee_asked_again"]

    other = await tavana.colleague()
    await name(tavana, case_id, other, instead_of=tavana.guarantor)
    await tavana.go_on(case_id)

    assert await heard(superuser, other) == [ASK]
    assert (await heard(superuser, tavana.guarantor))[2:] == ["guarantee_not_needed"]


async def test_a_second_refusal_tells_the_applicant_again_though_a_name_is_asked_for_already(
    tavana: TavanaScenario, superuser: Superuser
) -> None:
    code = await superuser.value("SELECT code FROM organisations WHERE id = %s", tavana.employer)
    shipped = await superuser.value("SELECT value -> 'guarantor' FROM policies WHERE name = 'programme:tavana'")
    await add_programme(tavana, "three", organisation=code, guarantor={**shipped, "count": 3})
    second, third = await tavana.colleague(), await tavana.colleague()
    case_id = await tavana.asked(tavana.guarantor, second, third, programme="three")

    told = []
    for one in (second, tavana.guarantor):
        await refuse_guarantee(tavana, case_id, one)
        await tavana.go_on(case_id)
        told.append((await heard(superuser, tavana.applicant)).count(NAME))
    await lapse(tavana, case_id, superuser)
    told.append((await heard(superuser, tavana.applicant)).count(NAME))

    assert told == [1, 2, 3]
    assert await superuser.value("SELECT count(*) FROM tasks WHERE kind = 'name_guarantor'") == 1


async def test_whoever_refused_is_not_named_again_in_the_same_case_but_in_another(
    tavana: TavanaScenario, superuser: Superuser
) -> None:
    case_id = await tavana.asked()
    await refuse_guarantee(tavana, case_id, tavana.guarantor)
    await tavana.go_on(case_id)

    with pytest.raises(GuarantorNamedTwice):
        await name(tavana, case_id, tavana.guarantor)
    assert await superuser.rows("SELECT status FROM guarantees") == [("refused",)]
    other = await tavana.colleague()
    await name(tavana, case_id, other)
    with pytest.raises(GuarantorNamedTwice):
        await name(tavana, case_id, tavana.guarantor, instead_of=other)
    await withdraw(MinipayOffice(tavana.context, tavana.applicant, tavana.finance), case_id)
    await tavana.go_on(case_id)
    await tavana.apply()


async def test_whoever_stayed_silent_may_be_named_again(tavana: TavanaScenario, superuser: Superuser) -> None:
    case_id = await tavana.asked()
    await lapse(tavana, case_id, superuser)
    await tavana.go_on(case_id)

    await name(tavana, case_id, tavana.guarantor)
    await tavana.go_on(case_id)
    await accept_guarantee(tavana, case_id, tavana.guarantor)

    assert await heard(superuser, tavana.guarantor) == [ASK, ASK]


async def test_the_applicant_hears_when_the_review_goes_to_another_office(
    tavana: TavanaScenario, superuser: Superuser
) -> None:
    await finance_officer(tavana.arrange, "1104")
    case_id = await tavana.backed()
    await superuser.run("UPDATE employments SET region_code = '1104'")
    told = []

    await forward(tavana, case_id)
    await tavana.go_on(case_id)
    told.append((await heard(superuser, tavana.applicant)).count("review_moved"))
    await lapse(tavana, case_id, superuser)
    told.append((await heard(superuser, tavana.applicant)).count("review_moved"))

    assert told == [1, 2]


@pytest.mark.parametrize(("how", "notice"), [("withdrawn", "guarantee_released"), ("replaced", "guarantee_replaced")])
async def test_whoever_stood_for_less_hears_that_it_is_over_though_nobody_had_asked_them_again(
    tavana: TavanaScenario, superuser: Superuser, how: str, notice: str
) -> None:
    case_id = await tavana.returned()
    await correct(tavana, case_id, await correction(tavana, monthly=60_000_000, instalments=12))

    if how == "withdrawn":
        await withdraw(MinipayOffice(tavana.context, tavana.applicant, tavana.finance), case_id)
    else:
        await name(tavana, case_id, await tavana.colleague(), instead_of=tavana.guarantor)
    await tavana.go_on(case_id)

    assert await heard(superuser, tavana.guarantor) == [ASK, notice]


async def test_a_substitute_who_was_only_asked_is_not_told_that_they_stood(
    context: Context, arrange: Arrange, activity_context: ActivityContext, superuser: Superuser
) -> None:
    scenario = await SubstitutionScenario.opened(context, arrange, activity_context)
    case_id = await scenario.asked()
    await superuser.run("UPDATE credit_lines SET ends_on = current_date - 2")

    await scenario.go_on(case_id)

    assert await heard(superuser, scenario.newcomer) == [ASK, "guarantee_not_needed"]


async def test_a_case_whose_guarantor_is_freed_has_changed(
    tavana: TavanaScenario, activity_context: ActivityContext, superuser: Superuser
) -> None:
    case_id = await tavana.approved()
    await tavana.take("activate_credit", case_id)
    await superuser.run("UPDATE credit_lines SET opened_at = now() - interval '3 years', ends_on = current_date - 2")
    version = await superuser.value("SELECT version FROM cases WHERE id = %s", case_id)

    assert await free_guarantors(activity_context, 1_000) == 1

    assert await superuser.value("SELECT version FROM cases WHERE id = %s", case_id) > version
