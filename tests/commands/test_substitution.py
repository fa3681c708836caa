"""Another guarantor behind a usable credit: who may ask, who stands when, and what finance approves (A4)."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest

from activities.transition import ActivityContext
from commands import substitution as commands
from commands.command import Context
from commands.task import lock_task
from domain import guarantor as guarantor_rules
from domain import substitution as rules
from domain.access import Grant, Role, ScopeKind
from domain.errors import CaseClosed, NotFound, OwnCase, TooMany
from domain.onboarding import ContractNotInForce, MoneyPaused, NotOnPersonnelList
from domain.review import ApprovalBlocked
from messages.case import OVER, WAIT, CaseKind, CaseSignal
from messages.payload import encode
from messages.substitution import Phase
from tests.arrange import Arrange, Someone
from tests.books import Superuser, assert_books_clean
from tests.commands.onboarding_steps import (
    accept_guarantee,
    finance_officer,
    guarantee_of,
    open_task,
    refuse_guarantee,
    run,
    run_as,
)
from tests.commands.substitution_steps import REVIEW, SubstitutionScenario, refuse

MOVE = "UPDATE employments SET region_code = '1104'"
NAMES = [
    "ask_substitute",
    "request_substitution_review",
    "remind_substitution",
    "assess_substitution",
    "lapse_substitution",
    "replace_guarantor",
]


@pytest.fixture
async def scenario(context: Context, arrange: Arrange, activity_context: ActivityContext) -> SubstitutionScenario:
    """A usable credit, its guarantor, and a colleague."""
    return await SubstitutionScenario.opened(context, arrange, activity_context)


async def told(superuser: Superuser, case_id: object) -> list[str]:
    """The codes of a case's timeline."""
    return [row[0] for row in await superuser.rows("SELECT code FROM timeline WHERE case_id = %s ORDER BY id", case_id)]


async def notices_to(superuser: Superuser, someone: Someone) -> list[str]:
    """Templates of somebody's newest messages."""
    query = "SELECT template FROM notices WHERE person_id = %s ORDER BY id DESC LIMIT 3"
    return [row[0] for row in await superuser.rows(query, someone.id)]


async def stands_now(superuser: Superuser, someone: Someone) -> int:
    """How many slots of somebody are taken."""
    query = "SELECT count(*) FROM guarantees WHERE person_id = %s AND status = 'accepted'"
    return int(await superuser.value(query, someone.id))


async def test_the_former_guarantor_stands_until_the_new_one_has_accepted_and_finance_approved(
    scenario: SubstitutionScenario, superuser: Superuser, context: Context
) -> None:
    old, new = scenario.tavana.guarantor, scenario.newcomer
    case_id = await scenario.asked()
    slots = [(await stands_now(superuser, old), await stands_now(superuser, new))]
    await accept_guarantee(scenario.tavana, case_id, new)
    await scenario.go_on(case_id)
    slots.append((await stands_now(superuser, old), await stands_now(superuser, new)))
    await scenario.review(case_id)
    slots.append((await stands_now(superuser, old), await stands_now(superuser, new)))
    outcome = await scenario.go_on(case_id)
    slots.append((await stands_now(superuser, old), await stands_now(superuser, new)))

    assert slots == [(1, 0), (1, 1), (1, 1), (0, 1)]
    assert outcome.step == OVER
    assert await scenario.guarantees() == {old.id: "replaced", new.id: "accepted"}
    assert await told(superuser, case_id) == [
        "substitution_requested",
        "guarantor_asked",
        "guarantee_accepted",
        "review_requested",
        "substitution_approved",
        "guarantor_replaced",
    ]
    assert (await told(superuser, scenario.credit_case_id))[-1] == "guarantor_replaced"
    assert (await notices_to(superuser, old))[0] == "guarantee_taken_over"
    assert (await notices_to(superuser, new))[0] == "guarantee_begun"
    assert (await notices_to(superuser, scenario.owner))[0] == "guarantor_replaced"
    await assert_books_clean(context.engine)


async def test_the_new_guarantor_takes_part_in_the_credit_and_the_former_one_no_longer_does(
    scenario: SubstitutionScenario, superuser: Superuser
) -> None:
    case_id = await scenario.accepted()
    await scenario.review(case_id)
    await scenario.go_on(case_id)

    parts = await superuser.rows(
        "SELECT person_id, until IS NULL FROM case_people WHERE case_id = %s AND part = 'guarantor'",
        scenario.credit_case_id,
    )
    assert set(parts) == {(scenario.newcomer.id, True), (scenario.tavana.guarantor.id, False)}


async def test_whoever_came_by_a_substitution_can_be_replaced_in_turn(scenario: SubstitutionScenario) -> None:
    first = await scenario.accepted()
    await scenario.review(first)
    await scenario.go_on(first)
    third = await scenario.tavana.colleague()
    current = await guarantee_of(scenario.tavana.context, first, scenario.newcomer)

    case_id = await scenario.request(third, current=current.id)
    await scenario.go_on(case_id)
    await accept_guarantee(scenario.tavana, case_id, third)
    await scenario.go_on(case_id)
    await scenario.review(case_id)
    await scenario.go_on(case_id)

    statuses = await scenario.guarantees()
    assert statuses == {
        scenario.tavana.guarantor.id: "replaced",
        scenario.newcomer.id: "replaced",
        third.id: "accepted",
    }


async def test_the_new_guarantor_stands_for_the_terms_of_the_line_and_not_for_what_was_once_asked(
    scenario: SubstitutionScenario, superuser: Superuser
) -> None:
    await superuser.run("UPDATE credit_lines SET monthly = 40000000, instalments = 10")

    case_id = await scenario.asked()

    asked = await guarantee_of(scenario.tavana.context, case_id, scenario.newcomer)
    assert (asked.monthly, asked.instalments) == (40_000_000, 10)


async def test_a_colleague_who_refuses_changes_nothing(scenario: SubstitutionScenario, superuser: Superuser) -> None:
    case_id = await scenario.asked()
    await refuse_guarantee(scenario.tavana, case_id, scenario.newcomer)
    await scenario.go_on(case_id)

    assert await scenario.guarantees() == {scenario.tavana.guarantor.id: "accepted", scenario.newcomer.id: "refused"}
    assert await superuser.value("SELECT phase FROM cases WHERE id = %s", case_id) == Phase.REFUSED
    assert (await notices_to(superuser, scenario.owner))[0] == "substitution_declined"
    await scenario.asked(await scenario.tavana.colleague())


async def test_finance_that_refuses_frees_the_new_guarantor_and_the_former_one_stands(
    scenario: SubstitutionScenario, superuser: Superuser
) -> None:
    case_id = await scenario.accepted()
    await scenario.review(case_id, refuse)
    await scenario.go_on(case_id)

    assert await scenario.guarantees() == {scenario.tavana.guarantor.id: "accepted", scenario.newcomer.id: "released"}
    assert (await notices_to(superuser, scenario.newcomer))[0] == "guarantee_released"
    refused = "SELECT params ->> 'reason' FROM timeline WHERE case_id = %s AND code = 'substitution_refused'"
    assert await superuser.value(refused, case_id) == "other"


async def test_the_owner_may_withdraw_until_it_takes_effect_and_nobody_else_may(
    scenario: SubstitutionScenario, superuser: Superuser
) -> None:
    case_id = await scenario.accepted()
    await scenario.review(case_id)
    for stranger in (scenario.newcomer, scenario.tavana.guarantor, await scenario.tavana.colleague()):
        with pytest.raises(NotFound):
            await scenario.withdraw(case_id, stranger)

    await scenario.withdraw(case_id)

    assert await stands_now(superuser, scenario.newcomer) == 0
    with pytest.raises(CaseClosed):
        await scenario.withdraw(case_id)
    await scenario.go_on(case_id)
    assert await scenario.guarantees() == {scenario.tavana.guarantor.id: "accepted", scenario.newcomer.id: "released"}
    assert await superuser.value("SELECT phase FROM cases WHERE id = %s", case_id) == Phase.WITHDRAWN


async def test_an_application_is_not_withdrawn_as_a_substitution(scenario: SubstitutionScenario) -> None:
    with pytest.raises(NotFound):
        await scenario.withdraw(scenario.credit_case_id)


async def test_only_the_owner_of_a_line_that_still_runs_asks_for_whom_nobody_is_replaced_yet(
    scenario: SubstitutionScenario, superuser: Superuser
) -> None:
    named = scenario.newcomer.national_id

    async def ask(who: Someone, line: object, guarantee: object) -> None:
        await run(
            scenario.tavana.context,
            who,
            lambda command: commands.request_substitution(command, line, guarantee, named),  # type: ignore[arg-type]
        )

    for who, line in ((scenario.tavana.guarantor, scenario.line_id), (scenario.owner, uuid4())):
        with pytest.raises(NotFound):
            await ask(who, line, scenario.current.id)
    with pytest.raises(guarantor_rules.GuaranteeUnknown):
        await ask(scenario.owner, scenario.line_id, uuid4())
    await superuser.run("UPDATE employments SET state = 'left' WHERE person_id = %s", scenario.owner.id)
    with pytest.raises(NotOnPersonnelList):
        await scenario.request()
    await superuser.run("UPDATE employments SET state = 'employed'")
    await superuser.run("UPDATE contracts SET state = 'suspended'")
    with pytest.raises(ContractNotInForce):
        await scenario.request()
    await superuser.run("UPDATE contracts SET state = 'active'")
    await superuser.run("UPDATE credit_lines SET ends_on = current_date - 2")
    with pytest.raises(rules.CreditLineOver):
        await scenario.request()
    await superuser.run("UPDATE credit_lines SET ends_on = current_date + 9")
    await scenario.request()
    with pytest.raises(rules.SubstitutionOpen):
        await scenario.request()


async def test_while_money_actions_pause_nobody_is_asked_for_and_afterwards_they_are(
    scenario: SubstitutionScenario, superuser: Superuser
) -> None:
    await superuser.run(
        "UPDATE persons SET money_paused_until = now() + interval '1 hour' WHERE id = %s", scenario.owner.id
    )
    with pytest.raises(MoneyPaused):
        await scenario.request()
    assert await superuser.value("SELECT count(*) FROM cases WHERE kind = 'substitution'") == 0
    await superuser.run("UPDATE persons SET money_paused_until = NULL")

    await scenario.request()


async def test_two_requests_at_the_same_moment_open_one_substitution(
    scenario: SubstitutionScenario, superuser: Superuser
) -> None:
    other = await scenario.tavana.colleague()

    results = await asyncio.gather(scenario.request(), scenario.request(other), return_exceptions=True)

    assert sorted(type(result).__name__ for result in results) == ["SubstitutionOpen", "UUID"]
    assert await superuser.value("SELECT count(*) FROM cases WHERE kind = 'substitution'") == 1


async def test_why_a_colleague_may_not_be_asked_stays_untold_and_few_are_tried_a_day(
    scenario: SubstitutionScenario,
) -> None:
    poorer, elsewhere = (
        await scenario.tavana.colleague(net_pay=399_999_990),
        await scenario.tavana.colleague(region="1104"),
    )
    for unfit in (poorer, elsewhere, await scenario.tavana.arrange.person("member")):
        with pytest.raises(guarantor_rules.GuarantorMayNotBeAsked):
            await scenario.request(unfit)
    with pytest.raises(guarantor_rules.GuarantorIsApplicant):
        await scenario.request(scenario.owner)
    with pytest.raises(guarantor_rules.GuarantorNamedTwice):
        await scenario.request(scenario.tavana.guarantor)
    await scenario.forget_limits()
    for _ in range(guarantor_rules.CHECKS_PER_PERSON.allowed):
        with pytest.raises(guarantor_rules.GuarantorMayNotBeAsked):
            await scenario.request(poorer)
    with pytest.raises(TooMany):
        await scenario.request()


async def test_an_approval_is_refused_while_a_condition_does_not_hold(
    scenario: SubstitutionScenario, superuser: Superuser
) -> None:
    case_id = await scenario.accepted()
    spoilt = {
        "UPDATE employments SET net_pay = 1 WHERE person_id = %s": "UPDATE employments SET net_pay = 400000000",
        "UPDATE employments SET state = 'left' WHERE person_id = %s": "UPDATE employments SET state = 'employed'",
        "UPDATE contracts SET state = 'suspended' WHERE %s::text > ''": "UPDATE contracts SET state = 'active'",
    }
    for spoil, mend in spoilt.items():
        await superuser.run(spoil, str(scenario.newcomer.id))
        with pytest.raises(ApprovalBlocked):
            await scenario.review(case_id)
        await superuser.run(mend)
    await superuser.run("UPDATE credit_lines SET closed_at = now()")
    with pytest.raises(rules.CreditLineOver):
        await scenario.review(case_id)
    await superuser.run("UPDATE credit_lines SET closed_at = NULL")

    await scenario.review(case_id)


async def test_a_condition_that_fails_after_the_approval_brings_it_back_to_finance_with_the_reason(
    scenario: SubstitutionScenario, superuser: Superuser
) -> None:
    case_id = await scenario.accepted()
    await scenario.review(case_id)
    await superuser.run("UPDATE employments SET state = 'left' WHERE person_id = %s", scenario.newcomer.id)

    outcome = await scenario.go_on(case_id)

    assert outcome.step == WAIT
    assert await stands_now(superuser, scenario.tavana.guarantor) == 1
    reason = "SELECT details ->> 'reason' FROM tasks WHERE kind = %s AND status = 'open'"
    assert await superuser.value(reason, REVIEW) == "guarantor_not_eligible"
    await superuser.run("UPDATE employments SET state = 'employed'")
    await scenario.review(case_id)
    assert (await scenario.go_on(case_id)).step == OVER
    assert await stands_now(superuser, scenario.tavana.guarantor) == 0


async def test_the_finance_of_the_region_where_the_owner_works_now_decides(
    scenario: SubstitutionScenario, superuser: Superuser, arrange: Arrange
) -> None:
    case_id = await scenario.accepted()
    await scenario.review(case_id)
    there = await finance_officer(arrange, "1104")
    await superuser.run(MOVE)

    await scenario.go_on(case_id)

    assert (await told(superuser, case_id))[-2:] == ["substitution_blocked", "review_requested"]
    with pytest.raises(NotFound):
        await scenario.review(case_id)
    await scenario.review(case_id, officer=there)
    assert (await scenario.go_on(case_id)).step == OVER
    assert await stands_now(superuser, scenario.newcomer) == 1


async def test_where_the_region_stays_silent_the_platforms_finance_decides(
    scenario: SubstitutionScenario, superuser: Superuser
) -> None:
    case_id = await scenario.accepted()

    assert (await scenario.take("lapse_substitution", case_id)).step == WAIT

    assert (await told(superuser, case_id))[-1] == "review_escalated"
    with pytest.raises(NotFound):
        await scenario.review(case_id)
    await scenario.review(case_id, officer=scenario.tavana.platform)
    assert (await scenario.go_on(case_id)).step == OVER
    assert await stands_now(superuser, scenario.newcomer) == 1


async def test_neither_guarantor_nor_the_owner_decides_whatever_roles_they_hold(
    scenario: SubstitutionScenario, superuser: Superuser, context: Context, arrange: Arrange
) -> None:
    case_id = await scenario.accepted()
    task_id = await open_task(context, case_id, REVIEW)
    finance = Grant(Role.FINANCE_OFFICER, ScopeKind.REGION, "1101")
    for involved in (scenario.owner, scenario.tavana.guarantor, scenario.newcomer):
        actor = await arrange.acting(involved.id, finance)
        with pytest.raises(OwnCase):
            await run_as(context, actor, lambda command: lock_task(command, task_id))
    told_of_task = "SELECT person_id FROM notices WHERE template = 'task_review_substitution'"
    assert await superuser.rows(told_of_task) == [(scenario.tavana.finance.id,)]


async def test_a_line_that_is_renewed_meanwhile_ends_the_substitution(
    scenario: SubstitutionScenario, superuser: Superuser
) -> None:
    case_id = await scenario.accepted()
    await scenario.review(case_id)
    renewal = await scenario.tavana.approved(await scenario.tavana.colleague())
    await scenario.tavana.take("activate_credit", renewal)

    told = await superuser.rows("SELECT payload FROM outbox WHERE payload ->> 'name' = 'substitution_overtaken'")
    outcome = await scenario.take("replace_guarantor", case_id)

    assert told == [(encode(CaseSignal(CaseKind.SUBSTITUTION, case_id, "substitution_overtaken")),)]
    assert outcome.step == OVER
    assert await superuser.value("SELECT phase FROM cases WHERE id = %s", case_id) == Phase.OVERTAKEN
    assert set((await scenario.guarantees()).values()) == {"released"}


@pytest.mark.parametrize("name", NAMES)
async def test_a_transition_taken_twice_acts_once_and_after_the_end_not_at_all(
    scenario: SubstitutionScenario, superuser: Superuser, name: str
) -> None:
    case_id = await (scenario.request() if name == "ask_substitute" else scenario.asked())
    if name in {"assess_substitution", "request_substitution_review", "replace_guarantor"}:
        await accept_guarantee(scenario.tavana, case_id, scenario.newcomer)
    if name in {"assess_substitution", "replace_guarantor"}:
        await scenario.go_on(case_id)
        await scenario.review(case_id, refuse if name == "assess_substitution" else commands.approve_substitution)
    before = await superuser.effects()
    first = await scenario.take_first(name, case_id)
    after = await superuser.effects()
    second = await scenario.take_first(name, case_id)

    assert before != after == await superuser.effects()
    assert second.step == first.step
    await superuser.run("UPDATE credit_lines SET ends_on = current_date - 2")
    await scenario.take("assess_substitution", case_id)
    over = await superuser.effects()
    assert (await scenario.take(name, case_id)).step == OVER
    assert await superuser.effects() == over
