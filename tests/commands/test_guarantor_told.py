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
    Branch,
    Office,
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
from tests.commands.substitution_steps import Swap

ASK, ACCEPT, NAME = "task_answer_guarantee", "guarantee_accepted", "task_name_guarantor"


@pytest.fixture
async def branch(context: Context, arrange: Arrange, activity_context: ActivityContext) -> Branch:
    """An applicant, a colleague and finance."""
    return await Branch.opened(context, arrange, activity_context)


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
    branch: Branch, superuser: Superuser, reached: str, withdrawn: list[str], replaced: list[str]
) -> None:
    other, applicant = await branch.colleague(), await branch.colleague()
    kept = await getattr(branch, reached)()
    await getattr(branch, reached)(other, applicant=applicant)

    await name(branch, kept, await branch.colleague(), instead_of=branch.guarantor)
    await withdraw(
        Office(branch.context, applicant, branch.finance),
        await superuser.value("SELECT id FROM cases WHERE person_id = %s", applicant.id),
    )

    assert await heard(superuser, branch.guarantor) == replaced
    assert await heard(superuser, other) == withdrawn


async def test_whoever_is_named_during_a_correction_and_replaced_before_it_hears_nothing(
    branch: Branch, superuser: Superuser
) -> None:
    case_id = await branch.returned()
    named, instead = await branch.colleague(), await branch.colleague()

    await name(branch, case_id, named, instead_of=branch.guarantor)
    await name(branch, case_id, instead, instead_of=named)
    await lapse(branch, case_id, superuser)

    assert await superuser.rows("SELECT status FROM guarantees ORDER BY id") == [
        ("replaced",),
        ("replaced",),
        ("released",),
    ]
    assert [await heard(superuser, one) for one in (named, instead)] == [[], []]
    assert await heard(superuser, branch.guarantor) == [ASK, "guarantee_replaced"]


async def test_a_correction_that_grew_tells_the_guarantor_that_they_are_asked_again(
    branch: Branch, superuser: Superuser
) -> None:
    case_id = await branch.returned()
    await correct(branch, case_id, await correction(branch, monthly=60_000_000, instalments=12))
    await branch.go_on(case_id)
    assert await heard(superuser, branch.guarantor) == [ASK, "guarantee_asked_again"]

    other = await branch.colleague()
    await name(branch, case_id, other, instead_of=branch.guarantor)
    await branch.go_on(case_id)

    assert await heard(superuser, other) == [ASK]
    assert (await heard(superuser, branch.guarantor))[2:] == ["guarantee_not_needed"]


async def test_a_second_refusal_tells_the_applicant_again_though_a_name_is_asked_for_already(
    branch: Branch, superuser: Superuser
) -> None:
    code = await superuser.value("SELECT code FROM organisations WHERE id = %s", branch.employer)
    shipped = await superuser.value("SELECT value -> 'guarantor' FROM policies WHERE name = 'programme:tavana'")
    await add_programme(branch, "three", organisation=code, guarantor={**shipped, "count": 3})
    second, third = await branch.colleague(), await branch.colleague()
    case_id = await branch.asked(branch.guarantor, second, third, programme="three")

    told = []
    for one in (second, branch.guarantor):
        await refuse_guarantee(branch, case_id, one)
        await branch.go_on(case_id)
        told.append((await heard(superuser, branch.applicant)).count(NAME))
    await lapse(branch, case_id, superuser)
    told.append((await heard(superuser, branch.applicant)).count(NAME))

    assert told == [1, 2, 3]
    assert await superuser.value("SELECT count(*) FROM tasks WHERE kind = 'name_guarantor'") == 1


async def test_whoever_refused_is_not_named_again_in_the_same_case_but_in_another(
    branch: Branch, superuser: Superuser
) -> None:
    case_id = await branch.asked()
    await refuse_guarantee(branch, case_id, branch.guarantor)
    await branch.go_on(case_id)

    with pytest.raises(GuarantorNamedTwice):
        await name(branch, case_id, branch.guarantor)
    assert await superuser.rows("SELECT status FROM guarantees") == [("refused",)]
    other = await branch.colleague()
    await name(branch, case_id, other)
    with pytest.raises(GuarantorNamedTwice):
        await name(branch, case_id, branch.guarantor, instead_of=other)
    await withdraw(Office(branch.context, branch.applicant, branch.finance), case_id)
    await branch.go_on(case_id)
    await branch.apply()


async def test_whoever_stayed_silent_may_be_named_again(branch: Branch, superuser: Superuser) -> None:
    case_id = await branch.asked()
    await lapse(branch, case_id, superuser)
    await branch.go_on(case_id)

    await name(branch, case_id, branch.guarantor)
    await branch.go_on(case_id)
    await accept_guarantee(branch, case_id, branch.guarantor)

    assert await heard(superuser, branch.guarantor) == [ASK, ASK]


async def test_the_applicant_hears_when_the_review_goes_to_another_office(branch: Branch, superuser: Superuser) -> None:
    await finance_officer(branch.arrange, "1104")
    case_id = await branch.backed()
    await superuser.run("UPDATE employments SET region_code = '1104'")
    told = []

    await forward(branch, case_id)
    await branch.go_on(case_id)
    told.append((await heard(superuser, branch.applicant)).count("review_moved"))
    await lapse(branch, case_id, superuser)
    told.append((await heard(superuser, branch.applicant)).count("review_moved"))

    assert told == [1, 2]


@pytest.mark.parametrize(("how", "notice"), [("withdrawn", "guarantee_released"), ("replaced", "guarantee_replaced")])
async def test_whoever_stood_for_less_hears_that_it_is_over_though_nobody_had_asked_them_again(
    branch: Branch, superuser: Superuser, how: str, notice: str
) -> None:
    case_id = await branch.returned()
    await correct(branch, case_id, await correction(branch, monthly=60_000_000, instalments=12))

    if how == "withdrawn":
        await withdraw(Office(branch.context, branch.applicant, branch.finance), case_id)
    else:
        await name(branch, case_id, await branch.colleague(), instead_of=branch.guarantor)
    await branch.go_on(case_id)

    assert await heard(superuser, branch.guarantor) == [ASK, notice]


async def test_a_substitute_who_was_only_asked_is_not_told_that_they_stood(
    context: Context, arrange: Arrange, activity_context: ActivityContext, superuser: Superuser
) -> None:
    swap = await Swap.opened(context, arrange, activity_context)
    case_id = await swap.asked()
    await superuser.run("UPDATE credit_lines SET ends_on = current_date - 2")

    await swap.go_on(case_id)

    assert await heard(superuser, swap.newcomer) == [ASK, "guarantee_not_needed"]


async def test_a_case_whose_guarantor_is_freed_has_changed(branch: Branch, superuser: Superuser) -> None:
    case_id = await branch.approved()
    await branch.take("activate_credit", case_id)
    await superuser.run("UPDATE credit_lines SET opened_at = now() - interval '3 years', ends_on = current_date - 2")
    version = await superuser.value("SELECT version FROM cases WHERE id = %s", case_id)

    assert await free_guarantors(branch.context.engine, 1_000) == 1

    assert await superuser.value("SELECT version FROM cases WHERE id = %s", case_id) > version
