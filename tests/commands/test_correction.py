"""Correcting what finance returned: judged anew, guarantors asked again only if it grew (docs/rules.md, A3, A7)."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from uuid import UUID

import pytest

from activities.transition import ActivityContext
from commands.command import Context
from domain import errors
from domain import onboarding as rules
from domain.account import CodeNotAccepted
from domain.money import Money, Unit
from domain.review import ApprovalBlocked, NotReturned, ReturnReason
from messages.case import WAIT
from tests.arrange import Arrange
from tests.books import Superuser, assert_books_clean
from tests.commands.onboarding_steps import (
    MinipayOffice,
    TavanaScenario,
    accept_guarantee,
    answer_guarantee,
    approve,
    consent,
    correct,
    correction,
    give_back,
    guarantee_of,
    name,
    task_of,
    withdraw,
)

MONTHLY, COUNT = 50_000_000, 12


@pytest.fixture
async def tavana(context: Context, arrange: Arrange, activity_context: ActivityContext) -> TavanaScenario:
    """An applicant, a colleague and finance."""
    return await TavanaScenario.opened(context, arrange, activity_context)


@pytest.mark.parametrize(("monthly", "count"), [(MONTHLY, COUNT), (10, 1)])
async def test_a_correction_that_did_not_grow_goes_to_finance_without_asking_the_guarantor(
    tavana: TavanaScenario, superuser: Superuser, monthly: int, count: int
) -> None:
    case_id = await tavana.returned()
    consented = await guarantee_of(tavana.context, case_id, tavana.guarantor)

    await correct(tavana, case_id, await correction(tavana, monthly=monthly, instalments=count))
    await tavana.go_on(case_id)

    assert await superuser.value("SELECT phase FROM cases") == "awaiting_review"
    assert await guarantee_of(tavana.context, case_id, tavana.guarantor) == consented
    assert await superuser.rows("SELECT monthly, instalments, returned_at FROM applications") == [
        (monthly, count, None)
    ]
    await approve(tavana, case_id)
    await tavana.go_on(case_id)
    await tavana.take("activate_credit", case_id)
    assert await superuser.rows("SELECT monthly, instalments FROM credit_lines") == [(monthly, count)]
    await assert_books_clean(tavana.context.engine)


@pytest.mark.parametrize(("monthly", "count"), [(50_000_010, 6), (10_000_000, 13)])
async def test_a_correction_that_grew_asks_the_guarantor_again_and_the_old_consent_ends(
    tavana: TavanaScenario, superuser: Superuser, monthly: int, count: int
) -> None:
    case_id = await tavana.returned()
    before = await guarantee_of(tavana.context, case_id, tavana.guarantor)
    outdated = await consent(tavana.context, case_id, tavana.guarantor)

    await correct(tavana, case_id, await correction(tavana, monthly=monthly, instalments=count))
    outcome = await tavana.go_on(case_id)

    again = await guarantee_of(tavana.context, case_id, tavana.guarantor)
    assert outcome.step == WAIT
    assert (again.status, again.monthly, again.instalments, again.replaces_id) == ("asked", monthly, count, before.id)
    assert await superuser.value("SELECT status FROM guarantees WHERE id = %s", before.id) == "replaced"
    assert await superuser.value("SELECT phase FROM cases") == "awaiting_guarantor"
    task = await task_of(tavana.context, case_id, tavana.guarantor)
    with pytest.raises(CodeNotAccepted):
        await answer_guarantee(tavana.context, task.id, tavana.guarantor, outdated)
    await accept_guarantee(tavana, case_id, tavana.guarantor)
    await tavana.go_on(case_id)
    assert await superuser.value("SELECT phase FROM cases") == "awaiting_review"


async def test_after_an_unsuitable_guarantor_the_correction_asks_for_another_name(
    tavana: TavanaScenario, superuser: Superuser
) -> None:
    case_id = await tavana.returned(ReturnReason.GUARANTOR_UNSUITABLE)

    await correct(tavana, case_id, await correction(tavana, monthly=MONTHLY, instalments=COUNT))
    await tavana.go_on(case_id)

    assert await superuser.value("SELECT phase FROM cases") == "awaiting_another_guarantor"
    other = await tavana.colleague()
    await name(tavana, case_id, other)
    await tavana.go_on(case_id)
    await accept_guarantee(tavana, case_id, other)
    await tavana.go_on(case_id)
    assert await superuser.value("SELECT phase FROM cases") == "awaiting_review"


async def test_another_guarantor_may_be_named_while_the_correction_is_awaited_and_is_asked_after_it(
    tavana: TavanaScenario, superuser: Superuser
) -> None:
    case_id = await tavana.returned(ReturnReason.GUARANTOR_UNSUITABLE)
    other = await tavana.colleague()

    await name(tavana, case_id, other)
    assert (await tavana.go_on(case_id)).step == WAIT
    assert await superuser.rows("SELECT kind FROM tasks WHERE status = 'open'") == [("correct_application",)]
    await correct(tavana, case_id, await correction(tavana, monthly=60_000_000, instalments=COUNT))
    await tavana.go_on(case_id)

    assert await superuser.rows("SELECT kind, person_id FROM tasks WHERE status = 'open'") == [
        ("answer_guarantee", other.id)
    ]
    assert (await guarantee_of(tavana.context, case_id, other)).monthly == 60_000_000


@pytest.mark.parametrize("fallen", ["applicant", "guarantor"])
async def test_pay_that_fell_blocks_the_approval_and_a_correction_mends_it(
    tavana: TavanaScenario, superuser: Superuser, fallen: str
) -> None:
    case_id = await tavana.backed()
    poorer = tavana.applicant if fallen == "applicant" else tavana.guarantor
    await superuser.run("UPDATE employments SET net_pay = 160000000 WHERE person_id = %s", poorer.id)
    with pytest.raises(ApprovalBlocked):
        await approve(tavana, case_id)
    reason = ReturnReason.AMOUNT_TOO_HIGH if fallen == "applicant" else ReturnReason.GUARANTOR_UNSUITABLE
    other = tavana.guarantor if fallen == "applicant" else await tavana.colleague()

    await give_back(tavana, case_id, reason)
    await tavana.go_on(case_id)
    if fallen == "applicant":
        with pytest.raises(rules.AmountAboveShare):
            await correct(tavana, case_id, await correction(tavana, monthly=MONTHLY, instalments=COUNT))
    await correct(tavana, case_id, await correction(tavana, monthly=40_000_000, instalments=COUNT))
    await tavana.go_on(case_id)
    if fallen == "guarantor":
        await name(tavana, case_id, other)
        await tavana.go_on(case_id)
        await accept_guarantee(tavana, case_id, other)
        await tavana.go_on(case_id)

    await approve(tavana, case_id)

    expected = 160_000_000 if fallen == "applicant" else 400_000_000
    assert await superuser.rows("SELECT monthly, net_pay FROM applications") == [(40_000_000, expected)]


async def test_a_correction_stands_on_the_personnel_values_of_its_day(
    tavana: TavanaScenario, superuser: Superuser
) -> None:
    case_id = await tavana.returned(ReturnReason.PERSONNEL_DATA_WRONG)
    await superuser.run(
        "UPDATE employments SET net_pay = 360000000, region_code = '1104', hire_date = '2016-05-05'"
        " WHERE person_id = %s",
        tavana.applicant.id,
    )

    await correct(tavana, case_id, await correction(tavana, monthly=MONTHLY, instalments=COUNT))

    assert await superuser.rows("SELECT net_pay, region_code, hire_date::text FROM applications") == [
        (360_000_000, "1104", "2016-05-05")
    ]


async def test_a_correction_that_breaks_a_rule_leaves_everything_as_it_was(
    tavana: TavanaScenario, superuser: Superuser
) -> None:
    case_id = await tavana.returned()
    good = await correction(tavana, monthly=MONTHLY, instalments=COUNT)
    before = await superuser.effects()
    broken: list[tuple[dict[str, object], type[errors.Refusal]]] = [
        ({"monthly": Money(100_000_010, Unit.IRR)}, rules.AmountAboveShare),
        ({"monthly": Money(49_999_999, Unit.IRR)}, rules.AmountNotWholeToman),
        ({"instalments": 25}, rules.TooManyInstalments),
        ({"mandate_version": 2}, rules.MandateOutdated),
        # A code for other terms than these, the terms that were returned, say.
        ({"monthly": Money(40_000_000, Unit.IRR)}, CodeNotAccepted),
        ({"instalments": 6}, CodeNotAccepted),
    ]

    for changes, refusal in broken:
        with pytest.raises(refusal):
            await correct(tavana, case_id, replace(good, **changes))  # type: ignore[arg-type]

    assert await superuser.effects() == before


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ("UPDATE contracts SET state = 'suspended'", rules.ContractNotInForce),
        ("UPDATE employments SET state = 'left'", rules.NotOnPersonnelList),
        ("UPDATE persons SET money_paused_until = now() + interval '1 hour'", rules.MoneyPaused),
    ],
)
async def test_who_could_not_apply_now_cannot_resubmit_either(
    tavana: TavanaScenario, superuser: Superuser, change: str, refusal: type[errors.Refusal]
) -> None:
    case_id = await tavana.returned()
    good = await correction(tavana, monthly=MONTHLY, instalments=COUNT)
    await superuser.run(change)

    with pytest.raises(refusal):
        await correct(tavana, case_id, good)


async def test_only_a_returned_application_is_corrected_once_and_by_its_applicant(
    tavana: TavanaScenario, superuser: Superuser
) -> None:
    other = await tavana.colleague()
    earlier = await tavana.asked(applicant=other)
    with pytest.raises(NotReturned):
        await _correct_as(replace(tavana, applicant=other), earlier)
    case_id = await tavana.returned()
    for stranger in (tavana.guarantor, other):
        with pytest.raises(errors.NotFound):
            await _correct_as(replace(tavana, applicant=stranger), case_id)
    first, second = [await correction(tavana, monthly=MONTHLY, instalments=count) for count in (11, 10)]

    results = await asyncio.gather(
        correct(tavana, case_id, first), correct(tavana, case_id, second), return_exceptions=True
    )

    assert sorted(isinstance(result, errors.TaskDecidedByYou) for result in results) == [False, True]
    assert await superuser.value("SELECT count(*) FROM facts WHERE kind = 'application_corrected'") == 1
    with pytest.raises(errors.TaskDecidedByYou):
        await _correct_as(tavana, case_id)


async def _correct_as(tavana: TavanaScenario, case_id: UUID) -> None:
    await correct(tavana, case_id, await correction(tavana, monthly=MONTHLY, instalments=COUNT))


async def test_a_withdrawn_application_is_corrected_no_more(tavana: TavanaScenario, superuser: Superuser) -> None:
    case_id = await tavana.returned()
    good = await correction(tavana, monthly=MONTHLY, instalments=COUNT)

    results = await asyncio.gather(
        correct(tavana, case_id, good),
        withdraw(MinipayOffice(tavana.context, tavana.applicant, tavana.finance), case_id),
        return_exceptions=True,
    )
    await tavana.go_on(case_id)

    assert isinstance(results[0], errors.TaskMoot | None)
    assert results[1] is None
    assert await superuser.rows("SELECT outcome FROM cases") == [("withdrawn",)]
    assert await superuser.value("SELECT count(*) FROM guarantees WHERE ended_at IS NULL") == 0
