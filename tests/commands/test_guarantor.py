"""Guarantors: who may be asked, what an answer does, and which slots it takes (docs/rules.md, A4 to A6)."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from activities.guarantor import free_guarantors
from activities.transition import ActivityContext
from commands import guarantor as commands
from commands.command import Command, Context
from commands.guarantor import Consent
from commands.onboarding import find_employment, read_programme
from domain import errors
from domain import guarantor as rules
from domain.account import CodeNotAccepted
from domain.ledger import HoldRequest, Occasion
from domain.money import Money, Unit
from domain.onboarding import MandateOutdated, MoneyPaused
from messages.case import OVER, WAIT
from messages.onboarding import Step
from storage.database import SERVICE, transaction
from storage.ledger import holding, posting
from tests.arrange import Arrange, Someone, next_national_id
from tests.books import Superuser
from tests.commands.onboarding_steps import (
    MinipayOffice,
    TavanaScenario,
    accept_guarantee,
    answer_guarantee,
    consent,
    guarantee_of,
    name,
    refuse_application,
    refuse_guarantee,
    run,
    task_of,
    withdraw,
)


@pytest.fixture
async def tavana(context: Context, arrange: Arrange, activity_context: ActivityContext) -> TavanaScenario:
    """An applicant, a colleague and finance."""
    return await TavanaScenario.opened(context, arrange, activity_context)


async def may_ask(tavana: TavanaScenario, national_id: str, *, who: Someone | None = None) -> bool:
    """Whether the applicant is told that a colleague may be asked."""

    async def work(command: Command) -> bool:
        _, programme = await read_programme(command, "tavana")
        own = await find_employment(command, programme, None)
        return await commands.may_be_asked(command, programme, own, national_id)

    answer: bool = await run(tavana.context, who or tavana.applicant, work)
    return answer


async def slots(superuser: Superuser, person: Someone) -> int:
    """How many slots of a guarantor are taken."""
    return int(
        await superuser.value(
            "SELECT count(DISTINCT applicant_id) FROM guarantees WHERE person_id = %s AND status = 'accepted'",
            person.id,
        )
    )


async def filled(tavana: TavanaScenario, guarantor: Someone, count: int) -> list[UUID]:
    """The guarantor stands for so many others."""
    found = []
    for _ in range(count):
        case_id = await tavana.asked(guarantor, applicant=await tavana.colleague())
        await accept_guarantee(tavana, case_id, guarantor)
        found.append(case_id)
    return found


async def test_a_colleague_of_the_region_may_be_asked_and_the_applicant_learns_nothing_else(
    tavana: TavanaScenario, superuser: Superuser
) -> None:
    other = await tavana.arrange.organisation()
    poorer, elsewhere = await tavana.colleague(net_pay=399_999_999), await tavana.colleague(region="1104")
    foreign, left, old = await tavana.arrange.member(other), await tavana.colleague(), await tavana.colleague()
    await superuser.run("UPDATE employments SET state = 'left' WHERE person_id = %s", left.id)
    await superuser.run("UPDATE employments SET hire_date = '1990-01-01' WHERE person_id = %s", old.id)

    assert await may_ask(tavana, tavana.guarantor.national_id) is True
    for one in (poorer, elsewhere, foreign, left, old):
        assert await may_ask(tavana, one.national_id) is False
        with pytest.raises(rules.GuarantorMayNotBeAsked):
            await tavana.apply(one)
    for nobody in (next_national_id(), "1111111111", "x"):
        assert await may_ask(tavana, nobody) is False


async def test_questions_are_counted_and_refused_ones_too(tavana: TavanaScenario) -> None:
    for _ in range(10):
        await may_ask(tavana, next_national_id())
    for _ in range(2):
        with pytest.raises(rules.GuarantorIsApplicant):
            await may_ask(tavana, tavana.applicant.national_id)

    with pytest.raises(errors.TooMany) as refused:
        await may_ask(tavana, tavana.guarantor.national_id)

    assert refused.value.retry_after is not None
    assert 86_000 < refused.value.retry_after <= 86_400
    assert await may_ask(tavana, tavana.applicant.national_id, who=tavana.guarantor) is True


async def test_a_programme_without_guarantors_asks_nobody(tavana: TavanaScenario) -> None:
    async def work(command: Command) -> bool:
        _, programme = await read_programme(command, "minipay")
        own = await find_employment(command, programme, None)
        return await commands.may_be_asked(command, programme, own, tavana.guarantor.national_id)

    with pytest.raises(rules.GuarantorCountWrong):
        await run(tavana.context, tavana.applicant, work)
    with pytest.raises(rules.GuarantorCountWrong):
        await tavana.apply(programme="minipay")


async def test_an_application_names_exactly_as_many_as_its_programme_asks_for(
    tavana: TavanaScenario, superuser: Superuser
) -> None:
    for named in ((), (tavana.guarantor.national_id, (await tavana.colleague()).national_id)):
        with pytest.raises(rules.GuarantorCountWrong) as refused:
            await tavana.apply(guarantors=named)
        assert refused.value.params == {"count": 1}

    assert await superuser.value("SELECT count(*) FROM cases") == 0


async def test_nobody_stands_for_themselves_and_nobody_is_named_twice(tavana: TavanaScenario) -> None:
    with pytest.raises(rules.GuarantorIsApplicant):
        await tavana.apply(tavana.applicant)
    case_id = await tavana.asked()

    with pytest.raises(rules.GuarantorIsApplicant):
        await name(tavana, case_id, tavana.applicant, instead_of=tavana.guarantor)
    with pytest.raises(rules.GuarantorNamedTwice):
        await name(tavana, case_id, tavana.guarantor, instead_of=tavana.guarantor)
    with pytest.raises(rules.GuarantorPlacesFilled):
        await name(tavana, case_id, await tavana.colleague())


async def test_while_money_actions_pause_nobody_is_named_and_afterwards_they_are(
    tavana: TavanaScenario, superuser: Superuser
) -> None:
    case_id, other = await tavana.approved(), await tavana.colleague()
    await superuser.run(
        "UPDATE persons SET money_paused_until = now() + interval '1 hour' WHERE id = %s", tavana.applicant.id
    )
    with pytest.raises(MoneyPaused):
        await name(tavana, case_id, other, instead_of=tavana.guarantor)
    assert await superuser.rows("SELECT person_id, status FROM guarantees") == [(tavana.guarantor.id, "accepted")]
    await superuser.run("UPDATE persons SET money_paused_until = NULL")

    await name(tavana, case_id, other, instead_of=tavana.guarantor)


async def test_two_people_of_a_region_stand_for_each_other(tavana: TavanaScenario, superuser: Superuser) -> None:
    first = await tavana.asked()
    second = await tavana.asked(tavana.applicant, applicant=tavana.guarantor)
    prepared = [
        (
            case_id,
            person,
            await task_of(tavana.context, case_id, person),
            await consent(tavana.context, case_id, person),
        )
        for case_id, person in ((first, tavana.guarantor), (second, tavana.applicant))
    ]

    await asyncio.gather(*(answer_guarantee(tavana.context, task.id, person, by) for _, person, task, by in prepared))

    assert [await slots(superuser, one) for one in (tavana.applicant, tavana.guarantor)] == [1, 1]


async def test_an_acceptance_keeps_consent_fact_audit_and_tells_the_applicant(
    tavana: TavanaScenario, superuser: Superuser
) -> None:
    case_id = await tavana.asked()

    await accept_guarantee(tavana, case_id, tavana.guarantor)

    guarantee = await guarantee_of(tavana.context, case_id, tavana.guarantor)
    assert (guarantee.status, guarantee.mandate_version) == ("accepted", 1)
    (payload,) = (row[0] for row in await superuser.rows("SELECT payload FROM facts WHERE kind = 'guarantee_accepted'"))
    assert (payload["guarantee_id"], payload["mandate_version"]) == (str(guarantee.id), 1)
    assert payload["code_id"]
    told = await superuser.rows("SELECT person_id FROM notices WHERE template = 'guarantee_accepted'")
    assert told == [(tavana.applicant.id,)]
    assert await superuser.value("SELECT count(*) FROM outbox WHERE payload ->> 'name' = 'guarantee_accepted'") == 1


async def test_without_mandate_and_fresh_code_nobody_stands(tavana: TavanaScenario, superuser: Superuser) -> None:
    case_id = await tavana.asked()
    other_case = await tavana.asked(applicant=await tavana.colleague())
    task = await task_of(tavana.context, case_id, tavana.guarantor)
    elsewhere = await consent(tavana.context, other_case, tavana.guarantor)
    good = await consent(tavana.context, case_id, tavana.guarantor)
    wrong = "000000" if good.code != "000000" else "000001"

    async def refused(given: Consent, refusal: type[errors.Refusal]) -> None:
        with pytest.raises(refusal):
            await answer_guarantee(tavana.context, task.id, tavana.guarantor, given)

    await refused(replace(good, mandate_version=2), MandateOutdated)
    await refused(replace(good, code=wrong), CodeNotAccepted)
    await refused(replace(good, code_id=uuid4()), CodeNotAccepted)
    await refused(elsewhere, CodeNotAccepted)
    await superuser.run(
        "UPDATE persons SET money_paused_until = now() + interval '1 hour' WHERE id = %s", tavana.guarantor.id
    )
    await refused(good, MoneyPaused)
    assert await slots(superuser, tavana.guarantor) == 0
    await superuser.run("UPDATE persons SET money_paused_until = NULL")

    await answer_guarantee(tavana.context, task.id, tavana.guarantor, good)
    assert await slots(superuser, tavana.guarantor) == 1


async def test_nobody_answers_for_a_guarantor(tavana: TavanaScenario) -> None:
    case_id = await tavana.asked()
    task = await task_of(tavana.context, case_id, tavana.guarantor)

    for stranger in (tavana.applicant, await tavana.colleague(), tavana.finance):
        with pytest.raises(errors.NotFound):
            await answer_guarantee(tavana.context, task.id, stranger, None)


async def test_what_was_right_when_named_is_asked_again_when_accepting(
    tavana: TavanaScenario, superuser: Superuser
) -> None:
    case_id = await tavana.asked()
    task = await task_of(tavana.context, case_id, tavana.guarantor)
    given = await consent(tavana.context, case_id, tavana.guarantor)

    for change in (
        "net_pay = net_pay - 1",
        "region_code = '1104'",
        "hire_date = '1990-01-01'",
        "state = 'left'",
        "state = 'exit_reported'",
    ):
        await superuser.run(f"UPDATE employments SET {change} WHERE person_id = %s", tavana.guarantor.id)  # noqa: S608 - a table of one test
        with pytest.raises(rules.GuarantorNotEligible):
            await answer_guarantee(tavana.context, task.id, tavana.guarantor, given)
        assert (await guarantee_of(tavana.context, case_id, tavana.guarantor)).status == "asked"
        await superuser.run(
            "UPDATE employments SET net_pay = 400000000, region_code = '1101', hire_date = '2015-04-04',"
            " state = 'employed'"
        )
    await answer_guarantee(tavana.context, task.id, tavana.guarantor, given)


async def test_more_pay_of_the_applicant_than_of_the_guarantor_stops_the_acceptance_but_not_the_refusal(
    tavana: TavanaScenario, superuser: Superuser
) -> None:
    case_id = await tavana.asked()
    await superuser.run("UPDATE employments SET net_pay = net_pay + 10 WHERE person_id = %s", tavana.applicant.id)

    with pytest.raises(rules.GuarantorNotEligible):
        await accept_guarantee(tavana, case_id, tavana.guarantor)
    await refuse_guarantee(tavana, case_id, tavana.guarantor)

    assert (await tavana.go_on(case_id)).step == WAIT
    assert await superuser.value("SELECT phase FROM cases") == "awaiting_another_guarantor"


async def test_slots_are_free_again_after_withdrawal_refusal_and_lapse(
    tavana: TavanaScenario, superuser: Superuser
) -> None:
    guarantor = tavana.guarantor
    withdrawn = await tavana.backed()
    refused, lapsed = [await tavana.backed(guarantor, applicant=await tavana.colleague()) for _ in range(2)]
    assert await slots(superuser, guarantor) == 3

    await withdraw(MinipayOffice(tavana.context, tavana.applicant, tavana.finance), withdrawn)
    assert await slots(superuser, guarantor) == 2
    await refuse_application(tavana, refused)
    await tavana.go_on(refused)
    assert await slots(superuser, guarantor) == 1
    await tavana.take("lapse_onboarding", lapsed)
    assert (await tavana.take("lapse_onboarding", lapsed)).step == OVER

    assert await slots(superuser, guarantor) == 0
    assert await superuser.rows("SELECT DISTINCT status FROM guarantees") == [("released",)]
    told = "SELECT count(*) FROM notices WHERE template = 'guarantee_released' AND person_id = %s"
    assert await superuser.value(told, guarantor.id) == 3


async def test_a_slot_is_taken_until_the_line_has_ended_and_nothing_is_owed_on_it(
    tavana: TavanaScenario, activity_context: ActivityContext, superuser: Superuser
) -> None:
    case_id = await tavana.approved()
    await tavana.take("activate_credit", case_id)
    await filled(tavana, tavana.guarantor, 2)
    asking = await tavana.colleague()

    assert await may_ask(tavana, tavana.guarantor.national_id, who=asking) is False
    await superuser.run("UPDATE credit_lines SET opened_at = now() - interval '3 years', ends_on = current_date - 2")
    account = await superuser.value("SELECT code FROM accounts WHERE kind = 'credit:available' AND balance > 0")
    occasion = Occasion(key="purchase", case_id=case_id, actor="test", event_at=datetime.now(UTC))
    request = HoldRequest(occasion, account, Money(10, Unit.IRR), "purchase", datetime.now(UTC) + timedelta(days=1))
    async with transaction(tavana.context.engine, SERVICE) as connection:
        held = await holding.hold(connection, request)
    assert await free_guarantors(activity_context, 1_000) == 0
    assert await may_ask(tavana, tavana.guarantor.national_id, who=asking) is False

    async with transaction(tavana.context.engine, SERVICE) as connection:
        await posting.void_hold(connection, held)
    assert await free_guarantors(activity_context, 1_000) == 1

    assert await may_ask(tavana, tavana.guarantor.national_id, who=asking) is True
    assert await superuser.rows("SELECT status FROM guarantees WHERE case_id = %s", case_id) == [("released",)]
    told = "SELECT count(*) FROM notices WHERE template = 'guarantee_released' AND person_id = %s"
    assert await superuser.value(told, tavana.guarantor.id) == 1
    parts = "SELECT until IS NULL FROM case_people WHERE case_id = %s AND part = 'guarantor'"
    assert await superuser.rows(parts, case_id) == [(False,)]


async def test_a_renewal_by_the_same_guarantor_takes_no_second_slot(
    tavana: TavanaScenario, superuser: Superuser
) -> None:
    for _ in range(2):
        case_id = await tavana.approved()
        await tavana.take("activate_credit", case_id)

    assert await superuser.rows("SELECT closed_at IS NULL FROM credit_lines ORDER BY id") == [(False,), (True,)]
    assert await superuser.rows("SELECT status FROM guarantees ORDER BY id") == [("released",), ("accepted",)]
    assert await slots(superuser, tavana.guarantor) == 1


async def test_replacing_a_guarantor_who_is_asked_makes_their_task_moot(
    tavana: TavanaScenario, superuser: Superuser
) -> None:
    case_id = await tavana.asked()
    task = await task_of(tavana.context, case_id, tavana.guarantor)
    given = await consent(tavana.context, case_id, tavana.guarantor)
    other = await tavana.colleague()

    await name(tavana, case_id, other, instead_of=tavana.guarantor)

    with pytest.raises(errors.TaskMoot):
        await answer_guarantee(tavana.context, task.id, tavana.guarantor, given)
    await superuser.run("UPDATE cases SET due_at = due_at - interval '3 days'")
    await tavana.go_on(case_id)
    assert await superuser.rows("SELECT person_id, status FROM tasks ORDER BY id") == [
        (tavana.guarantor.id, "moot"),
        (other.id, "open"),
    ]
    due_at = (await task_of(tavana.context, case_id, other)).due_at
    assert await superuser.value("SELECT due_at FROM cases") == due_at
    told = await superuser.rows("SELECT person_id FROM notices WHERE template = 'guarantee_not_needed'")
    assert told == [(tavana.guarantor.id,)]


async def test_replacing_a_guarantor_who_has_accepted_frees_their_slot_and_stops_the_review(
    tavana: TavanaScenario, superuser: Superuser
) -> None:
    case_id = await tavana.backed()
    other = await tavana.colleague()

    await name(tavana, case_id, other, instead_of=tavana.guarantor)

    assert await slots(superuser, tavana.guarantor) == 0
    assert await superuser.rows("SELECT status FROM tasks WHERE kind = 'review_application'") == [("moot",)]
    await tavana.go_on(case_id)
    await accept_guarantee(tavana, case_id, other)
    await tavana.go_on(case_id)
    assert await superuser.value("SELECT phase FROM cases") == "awaiting_review"


async def test_replacing_a_guarantor_after_the_approval_makes_it_void(
    tavana: TavanaScenario, superuser: Superuser
) -> None:
    case_id = await tavana.approved()
    other = await tavana.colleague()

    await name(tavana, case_id, other, instead_of=tavana.guarantor)

    assert await superuser.rows("SELECT approved_at, approved_by, activates_at FROM applications") == [
        (None, None, None)
    ]
    outcome = await tavana.take("activate_credit", case_id)
    assert outcome.step == Step.REQUEST_BACKING
    assert await superuser.value("SELECT count(*) FROM credit_lines") == 0


async def test_only_the_applicant_names_and_only_while_the_application_runs(
    tavana: TavanaScenario, superuser: Superuser
) -> None:
    case_id = await tavana.asked()
    other = await tavana.colleague()

    for stranger in (tavana.guarantor, other):
        with pytest.raises(errors.NotFound):
            await name(replace(tavana, applicant=stranger), case_id, other, instead_of=tavana.guarantor)
    with pytest.raises(rules.GuaranteeUnknown):
        await run(
            tavana.context,
            tavana.applicant,
            lambda command: commands.name_guarantor(command, case_id, other.national_id, replaces=uuid4()),
        )
    await withdraw(MinipayOffice(tavana.context, tavana.applicant, tavana.finance), case_id)
    with pytest.raises(errors.CaseClosed):
        await run(
            tavana.context,
            tavana.applicant,
            lambda command: commands.name_guarantor(command, case_id, other.national_id),
        )
    assert await superuser.value("SELECT count(*) FROM guarantees WHERE ended_at IS NULL") == 0


async def test_another_name_while_an_obstacle_is_looked_at_makes_that_moot(
    tavana: TavanaScenario, superuser: Superuser
) -> None:
    case_id = await tavana.approved()
    await superuser.run("UPDATE contracts SET state = 'suspended'")
    await tavana.take("activate_credit", case_id)
    other = await tavana.colleague()

    await name(tavana, case_id, other, instead_of=tavana.guarantor)
    await tavana.go_on(case_id)

    assert await superuser.rows("SELECT kind, person_id FROM tasks WHERE status = 'open'") == [
        ("answer_guarantee", other.id)
    ]
    assert await superuser.value("SELECT status FROM tasks WHERE kind = 'clear_obstacle'") == "moot"
