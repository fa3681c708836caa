"""Regional finance: what an approval stands on, who may decide, and decisions at one moment (docs/rules.md, A7)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any
from uuid import uuid4

import pytest

from activities.transition import ActivityContext
from commands import onboarding as onboarding_commands
from commands import review as commands
from commands.account import authenticate
from commands.command import Command, Context
from commands.task import lock_task
from domain import errors
from domain.access import Grant, Role, ScopeKind
from domain.catalogue import words
from domain.errors import TaskOfOtherKind
from domain.guarantor import GuaranteeUnknown
from domain.onboarding import RefusalReason
from domain.review import ApprovalBlocked, ForwardNotNeeded, ReasonsRepeated, ReturnReason, ReviewFinding
from messages.case import OVER, WAIT
from tests.account_people import audited
from tests.arrange import Arrange, Someone
from tests.books import Superuser
from tests.commands.onboarding_steps import (
    MinipayOffice,
    TavanaScenario,
    accept_guarantee,
    approve,
    finance_officer,
    forward,
    give_back,
    guarantee_of,
    name,
    open_task,
    refuse_application,
    run,
    run_as,
    task_of,
    withdraw,
)

ROUNDS = 6
OTHER_REGION = "1104"


@pytest.fixture
async def tavana(context: Context, arrange: Arrange, activity_context: ActivityContext) -> TavanaScenario:
    """An applicant, a colleague and finance."""
    return await TavanaScenario.opened(context, arrange, activity_context)


async def blocked(tavana: TavanaScenario, case_id: Any, *findings: ReviewFinding) -> None:
    """An approval is refused, and says exactly this."""
    with pytest.raises(ApprovalBlocked) as refused:
        await approve(tavana, case_id)
    assert refused.value.params["findings"] == "، ".join(words.term(ReviewFinding, finding).fa for finding in findings)
    assert refused.value.field == "decision"


async def move(superuser: Superuser, person: Someone, region: str = OTHER_REGION) -> None:
    """A personnel list brings somebody's other region."""
    await superuser.run("UPDATE employments SET region_code = %s WHERE person_id = %s", region, person.id)


async def test_an_approval_stores_who_when_and_from_when_the_credit_is_usable(
    tavana: TavanaScenario, superuser: Superuser
) -> None:
    case_id = await tavana.backed()

    await approve(tavana, case_id)

    found = await superuser.rows("SELECT approved_by, activates_at - approved_at = '72 hours' FROM applications")
    assert found == [(tavana.finance.id, True)]
    told = await superuser.rows("SELECT person_id FROM notices WHERE template = 'application_approved'")
    assert told == [(tavana.applicant.id,)]
    outcome = await tavana.go_on(case_id)
    assert outcome.step == WAIT
    assert 72 * 3_600 - 60 < outcome.expire_in <= 72 * 3_600
    assert await superuser.rows("SELECT phase, next_actor FROM cases") == [("awaiting_activation", "machine")]
    assert (await audited(tavana.context, f"case:{case_id}"))[-1] == "test"


MENDED = (
    "UPDATE contracts SET state = 'active'",
    "UPDATE organisations SET monthly_cap = NULL",
    "UPDATE employments SET net_pay = 400000000, state = 'employed', region_code = '1101', hire_date = '2015-04-04'",
)
CHANGES: list[tuple[str, ReviewFinding]] = [
    ("UPDATE contracts SET state = 'suspended'", ReviewFinding.CONTRACT_NOT_IN_FORCE),
    ("UPDATE employments SET state = 'left' WHERE person_id = '{applicant}'", ReviewFinding.NOT_EMPLOYED),
    (
        "UPDATE employments SET net_pay = 199999999 WHERE person_id = '{applicant}'",
        ReviewFinding.AMOUNT_ABOVE_SHARE,
    ),
    ("UPDATE organisations SET monthly_cap = 49999990", ReviewFinding.AMOUNT_ABOVE_SHARE),
    (
        "UPDATE employments SET net_pay = net_pay - 1 WHERE person_id = '{guarantor}'",
        ReviewFinding.GUARANTOR_NOT_ELIGIBLE,
    ),
    (
        "UPDATE employments SET net_pay = net_pay + 1 WHERE person_id = '{applicant}'",
        ReviewFinding.GUARANTOR_NOT_ELIGIBLE,
    ),
    (
        "UPDATE employments SET state = 'exit_reported' WHERE person_id = '{guarantor}'",
        ReviewFinding.GUARANTOR_NOT_ELIGIBLE,
    ),
    (
        "UPDATE employments SET region_code = '1104' WHERE person_id = '{guarantor}'",
        ReviewFinding.GUARANTOR_NOT_ELIGIBLE,
    ),
    (
        "UPDATE employments SET hire_date = '1990-01-01' WHERE person_id = '{guarantor}'",
        ReviewFinding.GUARANTOR_NOT_ELIGIBLE,
    ),
]


async def test_what_changed_since_the_naming_blocks_the_approval_until_it_is_mended(
    tavana: TavanaScenario, superuser: Superuser
) -> None:
    case_id = await tavana.backed()
    before = await superuser.rows("SELECT phase, next_actor, due_at, version FROM cases")
    people = {"applicant": tavana.applicant.id, "guarantor": tavana.guarantor.id}

    for change, finding in CHANGES:
        await superuser.run(change.format(**people))
        await blocked(tavana, case_id, finding)
        for mended in MENDED:
            await superuser.run(mended)

    assert await superuser.rows("SELECT phase, next_actor, due_at, version FROM cases") == before
    await approve(tavana, case_id)


async def test_an_applicant_in_another_region_is_forwarded_to_its_officers_and_the_guarantor_stays_behind(
    tavana: TavanaScenario, superuser: Superuser
) -> None:
    there = await finance_officer(tavana.arrange, OTHER_REGION)
    case_id = await tavana.backed()
    with pytest.raises(ForwardNotNeeded):
        await forward(tavana, case_id)
    await move(superuser, tavana.applicant)

    await blocked(tavana, case_id, ReviewFinding.APPLICANT_MOVED, ReviewFinding.GUARANTOR_NOT_ELIGIBLE)
    await forward(tavana, case_id)
    await tavana.go_on(case_id)

    assert await superuser.value("SELECT region_code FROM cases") == OTHER_REGION
    assert await superuser.rows("SELECT scope FROM tasks WHERE kind = 'review_application' AND status = 'open'") == [
        (OTHER_REGION,)
    ]
    with pytest.raises(errors.NotFound):
        await approve(tavana, case_id)
    with pytest.raises(ApprovalBlocked) as refused:
        await approve(tavana, case_id, officer=there)
    assert refused.value.params["findings"] == words.term(ReviewFinding, ReviewFinding.GUARANTOR_NOT_ELIGIBLE).fa
    await move(superuser, tavana.guarantor)
    await approve(tavana, case_id, officer=there)


async def test_a_region_without_anybody_who_may_decide_hands_over_to_the_platform_at_once(
    tavana: TavanaScenario, superuser: Superuser
) -> None:
    guarantor_too = Grant(Role.FINANCE_OFFICER, ScopeKind.REGION, "1101")
    await superuser.run("UPDATE role_grants SET revoked_at = now() WHERE person_id = %s", tavana.finance.id)
    nobody = await tavana.backed()
    async with tavana.context.engine.begin() as connection:
        await connection.exec_driver_sql("SELECT set_config('amanat.capacity', 'service', true)")
        await tavana.arrange.grant(connection, tavana.guarantor.id, guarantor_too)
    barred = await tavana.backed(applicant=await tavana.colleague())

    for case_id in (nobody, barred):
        found = await superuser.rows(
            "SELECT scope_kind, due_at > now() + interval '700 hours' FROM tasks"
            " WHERE case_id = %s AND kind = 'review_application'",
            case_id,
        )
        assert found == [("platform", True)]
        with pytest.raises(errors.NotFound):
            await approve(tavana, case_id)
        await approve(tavana, case_id, officer=tavana.platform)


async def test_an_officer_who_loses_the_role_with_the_task_open_decides_nothing_and_a_colleague_does(
    tavana: TavanaScenario, superuser: Superuser
) -> None:
    colleague = await finance_officer(tavana.arrange)
    case_id = await tavana.backed()
    task_id = await open_task(tavana.context, case_id, "review_application")
    actor = await authenticate(tavana.context, tavana.finance.token)
    assert actor.grants
    await superuser.run("UPDATE role_grants SET revoked_at = now() WHERE person_id = %s", tavana.finance.id)
    await superuser.run(
        "UPDATE tasks SET claimed_by = %s, claimed_at = now() WHERE id = %s", tavana.finance.id, task_id
    )

    with pytest.raises(errors.NotFound):
        await approve(tavana, case_id)
    await approve(tavana, case_id, officer=colleague)

    assert await superuser.rows("SELECT approved_by FROM applications") == [(colleague.id,)]


@pytest.mark.parametrize("part", ["applicant", "guarantor", "former"])
async def test_whoever_takes_or_took_part_does_not_decide_whatever_roles_they_hold(
    tavana: TavanaScenario, superuser: Superuser, part: str
) -> None:
    former = await tavana.colleague()
    case_id = await tavana.asked(former)
    await name(tavana, case_id, tavana.guarantor, instead_of=former)
    await tavana.go_on(case_id)
    await accept_guarantee(tavana, case_id, tavana.guarantor)
    await tavana.go_on(case_id)
    person = {"applicant": tavana.applicant, "guarantor": tavana.guarantor, "former": former}[part]
    grant = Grant(Role.FINANCE_OFFICER, ScopeKind.REGION, "1101")
    await superuser.run(
        "INSERT INTO role_grants (person_id, role, scope_kind, scope, granted_by) VALUES (%s, %s, %s, %s, 'test')",
        person.id,
        grant.role,
        grant.scope_kind,
        grant.scope,
    )
    await superuser.run("UPDATE sessions SET capacity = 'staff' WHERE person_id = %s", person.id)

    for decide in (approve, refuse_application, forward):
        with pytest.raises(errors.OwnCase):
            await decide(tavana, case_id, officer=person)
    with pytest.raises(errors.OwnCase):
        await give_back(tavana, case_id, ReturnReason.OTHER_CORRECTION, officer=person)


async def test_an_officer_of_another_region_and_a_member_find_no_task(tavana: TavanaScenario) -> None:
    elsewhere = await finance_officer(tavana.arrange, OTHER_REGION)
    case_id = await tavana.backed()

    for stranger in (elsewhere, tavana.platform, tavana.applicant, tavana.guarantor):
        with pytest.raises(errors.NotFound):
            await approve(tavana, case_id, officer=stranger)


async def test_a_review_is_answered_as_a_review_and_nothing_else_is(tavana: TavanaScenario) -> None:
    case_id = await tavana.asked()
    task = await task_of(tavana.context, case_id, tavana.guarantor)

    async def approve_guarantee(command: Command) -> Any:
        return await commands.approve_application(command, await lock_task(command, task.id))

    async def clear_review(command: Command) -> Any:
        task_id = await open_task(tavana.context, case_id, "review_application")
        return await onboarding_commands.answer_obstacle(command, await lock_task(command, task_id), None)

    with pytest.raises(TaskOfOtherKind):
        await run(tavana.context, tavana.guarantor, approve_guarantee)
    await accept_guarantee(tavana, case_id, tavana.guarantor)
    await tavana.go_on(case_id)
    with pytest.raises(TaskOfOtherKind):
        await run(tavana.context, tavana.finance, clear_review)


async def test_a_return_needs_reasons_that_differ_and_guarantees_of_this_case(
    tavana: TavanaScenario, superuser: Superuser
) -> None:
    case_id = await tavana.backed()
    twice = ReturnReason.AMOUNT_TOO_HIGH

    with pytest.raises(ReasonsRepeated):
        await give_back(tavana, case_id, twice, twice)
    with pytest.raises(GuaranteeUnknown):
        await give_back(tavana, case_id, ReturnReason.GUARANTOR_UNSUITABLE, unsuitable=[uuid4()])

    assert await superuser.value("SELECT returned_at FROM applications") is None
    assert (await guarantee_of(tavana.context, case_id, tavana.guarantor)).status == "accepted"


async def test_a_return_for_an_unsuitable_guarantor_releases_them_and_they_see_the_case_no_longer(
    tavana: TavanaScenario, superuser: Superuser
) -> None:
    case_id = await tavana.returned(ReturnReason.GUARANTOR_UNSUITABLE)

    assert await superuser.rows("SELECT status FROM guarantees") == [("released",)]
    told = await superuser.rows("SELECT person_id FROM notices WHERE template = 'guarantee_released'")
    assert told == [(tavana.guarantor.id,)]
    assert await superuser.rows("SELECT until IS NULL FROM case_people WHERE part = 'guarantor'") == [(False,)]
    assert await superuser.rows("SELECT phase, next_actor FROM cases WHERE id = %s", case_id) == [
        ("awaiting_correction", "applicant")
    ]


async def test_a_refusal_by_finance_ends_the_application_with_its_reason(
    tavana: TavanaScenario, superuser: Superuser
) -> None:
    case_id = await tavana.backed()

    await refuse_application(tavana, case_id)
    outcome = await tavana.go_on(case_id)

    assert outcome.step == OVER
    assert await superuser.rows("SELECT phase, outcome FROM cases") == [("refused", "refused")]
    assert await superuser.value("SELECT payload FROM facts WHERE kind = 'application_refused'") == {
        "reason": RefusalReason.OTHER
    }
    assert await superuser.value("SELECT count(*) FROM guarantees WHERE ended_at IS NULL") == 0
    await tavana.apply()


async def test_a_refused_application_takes_no_other_guarantor(tavana: TavanaScenario, superuser: Superuser) -> None:
    case_id = await tavana.backed()
    await refuse_application(tavana, case_id)

    with pytest.raises(errors.CaseClosed):
        await name(tavana, case_id, await tavana.colleague(), instead_of=tavana.guarantor)


async def test_approval_return_and_withdrawal_at_one_moment_leave_one_consistent_outcome(
    tavana: TavanaScenario, superuser: Superuser
) -> None:
    seconds = [await finance_officer(tavana.arrange) for _ in range(2)]
    for round_ in range(ROUNDS):
        applicant = await tavana.colleague()
        case_id = await tavana.backed(applicant=applicant)
        deeds: list[Callable[[], Coroutine[Any, Any, None]]] = [
            lambda: approve(tavana, case_id, officer=seconds[0]),  # noqa: B023 - run within the round
            lambda: give_back(tavana, case_id, ReturnReason.OTHER_CORRECTION, officer=seconds[1]),  # noqa: B023
            lambda: withdraw(MinipayOffice(tavana.context, applicant, tavana.finance), case_id),  # noqa: B023
        ]
        turned = deeds[round_ % 3 :] + deeds[: round_ % 3]

        results = await asyncio.gather(*(deed() for deed in turned), return_exceptions=True)
        outcome = await tavana.go_on(case_id)

        refused = [result for result in results if result is not None]
        assert all(isinstance(one, errors.TaskNotOpen | errors.NotFound | AssertionError) for one in refused)
        assert outcome.step == OVER
        found = await superuser.rows(
            "SELECT c.outcome, (SELECT count(*) FROM tasks t WHERE t.case_id = c.id AND t.status = 'open'),"
            " (SELECT count(*) FROM guarantees g WHERE g.case_id = c.id AND g.ended_at IS NULL),"
            " (SELECT count(*) FROM facts f WHERE f.case_id = c.id"
            "   AND f.kind IN ('application_approved', 'application_returned')) <= 1"
            " FROM cases c WHERE c.id = %s",
            case_id,
        )
        assert found == [("withdrawn", 0, 0, True)]


async def test_two_officers_who_approve_and_return_at_one_moment_decide_once(
    tavana: TavanaScenario, superuser: Superuser
) -> None:
    second = await finance_officer(tavana.arrange)
    actors = [await authenticate(tavana.context, one.token) for one in (tavana.finance, second)]
    for round_ in range(ROUNDS):
        case_id = await tavana.backed(await tavana.colleague(), applicant=await tavana.colleague())
        task_id = await open_task(tavana.context, case_id, "review_application")

        async def approving(command: Command, task_id: Any = task_id) -> Any:
            return await commands.approve_application(command, await lock_task(command, task_id))

        async def returning(command: Command, task_id: Any = task_id) -> Any:
            task = await lock_task(command, task_id)
            return await commands.return_application(command, task, [ReturnReason.OTHER_CORRECTION])

        works = [(actors[0], approving), (actors[1], returning)]
        results = await asyncio.gather(
            *(run_as(tavana.context, actor, work) for actor, work in (works if round_ % 2 else works[::-1])),
            return_exceptions=True,
        )
        await tavana.go_on(case_id)

        assert sorted(isinstance(result, errors.TaskNotOpen) for result in results) == [False, True]
        found = await superuser.rows(
            "SELECT a.approved_at IS NULL, a.returned_at IS NULL, c.phase FROM applications a"
            " JOIN cases c ON c.id = a.case_id WHERE c.id = %s",
            case_id,
        )
        assert found in (
            [(False, True, "awaiting_activation")],
            [(True, False, "awaiting_correction")],
        )
