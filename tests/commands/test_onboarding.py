"""The commands of onboarding: what they write together, and what they refuse (docs/rules.md, A)."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from activities.transition import ActivityContext
from commands import onboarding as commands
from commands.certificate import revoke_certificate
from commands.command import Command, Context
from domain import certificate as certificate_rules
from domain import errors
from domain import onboarding as rules
from domain.account import CodeNotAccepted
from domain.money import Money, Unit
from messages.case import StepInput
from storage import onboarding
from tests.account_people import audited
from tests.arrange import Arrange
from tests.books import Superuser, assert_books_clean
from tests.commands.onboarding_steps import (
    MinipayOffice,
    TavanaScenario,
    apply,
    credit_request,
    issue,
    open_task,
    refuse,
    run,
    withdraw,
)
from tests.transitions import Transitions


@pytest.fixture
async def office(context: Context, arrange: Arrange) -> MinipayOffice:
    """A member and their HR."""
    employer = await arrange.organisation()
    return MinipayOffice(context, await arrange.member(employer), await arrange.hr_officer(employer))


async def test_applying_writes_case_fact_timeline_audit_notice_and_promise_together(
    office: MinipayOffice, superuser: Superuser
) -> None:
    case_id = await apply(office)

    assert await superuser.rows("SELECT kind, actor_id FROM facts") == [("application_submitted", office.member.id)]
    assert await superuser.rows("SELECT code, actor FROM timeline") == [("application_submitted", "applicant")]
    assert await superuser.rows("SELECT template, person_id FROM notices") == [
        ("application_submitted", office.member.id)
    ]
    assert await audited(office.context, f"case:{case_id}") == ["test"]
    messages = await superuser.rows(
        "SELECT message, payload ->> 'name' FROM outbox WHERE message <> 'SendCode' ORDER BY id"
    )
    assert messages == [("SendNotice", None), ("CaseSignal", "application_submitted")]
    assert await superuser.rows("SELECT phase, next_actor, due_at FROM cases") == [("submitted", "machine", None)]


async def test_nothing_personal_travels_in_a_promise_or_stands_in_the_audit_trail(
    office: MinipayOffice, superuser: Superuser
) -> None:
    await apply(office)

    texts = [str(row[0]) for row in await superuser.rows("SELECT payload FROM outbox")]
    texts += [row[0] for row in await superuser.rows("SELECT content FROM audit")]
    for secret in (office.member.national_id, office.member.mobile, office.member.mobile[3:], "مریم", "آزمون"):
        assert not [text for text in texts if secret in text]


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"monthly": Money(100_000_010, Unit.IRR)}, rules.AmountAboveShare),
        ({"monthly": Money(50_000_001, Unit.IRR)}, rules.AmountNotWholeToman),
        ({"instalments": 25}, rules.TooManyInstalments),
        ({"mandate_version": 2}, rules.MandateOutdated),
        ({"programme": "unheard"}, rules.ProgrammeUnknown),
        ({"code": "000000"}, CodeNotAccepted),
    ],
)
async def test_an_application_that_breaks_a_rule_leaves_nothing_behind(
    office: MinipayOffice, superuser: Superuser, changes: dict[str, Any], refusal: type[errors.Refusal]
) -> None:
    request = replace(await credit_request(office.context, office.member), **changes)
    before = await superuser.effects()

    with pytest.raises(refusal):
        await run(office.context, office.member, lambda command: commands.apply_for_credit(command, request))

    assert await superuser.effects() == before


async def test_exactly_a_quarter_of_pay_may_be_chosen(office: MinipayOffice, superuser: Superuser) -> None:
    await apply(office, monthly=100_000_000, instalments=24)

    assert await superuser.rows("SELECT monthly, instalments, net_pay FROM applications") == [
        (100_000_000, 24, 400_000_000)
    ]


async def test_staff_do_not_apply_as_staff(office: MinipayOffice) -> None:
    request = await credit_request(office.context, office.member)

    with pytest.raises(errors.Forbidden):
        await run(office.context, office.officer, lambda command: commands.apply_for_credit(command, request))


async def test_who_left_or_whose_exit_was_reported_may_not_apply(office: MinipayOffice, superuser: Superuser) -> None:
    for state in ("left", "exit_reported"):
        await superuser.run("UPDATE employments SET state = %s", state)
        with pytest.raises(rules.NotOnPersonnelList):
            await apply(office)


async def test_the_contract_must_cover_today_and_be_active(office: MinipayOffice, superuser: Superuser) -> None:
    for change in (
        "state = 'suspended'",
        "state = 'active', starts_on = current_date + 5, ends_on = current_date + 9",
        "starts_on = current_date - 9, ends_on = current_date - 5",
    ):
        await superuser.run(f"UPDATE contracts SET {change}")  # noqa: S608 - a table of one test
        with pytest.raises(rules.ContractNotInForce):
            await apply(office)
    await superuser.run("UPDATE contracts SET starts_on = current_date - 1, ends_on = current_date + 1")
    await apply(office)


async def test_another_programmes_line_counts_against_the_quarter_until_it_ends(
    office: MinipayOffice, superuser: Superuser, activity_context: ActivityContext
) -> None:
    case_id = await apply(office)
    activities = Transitions(activity_context)
    await activities.request_backing(StepInput(case_id))
    await issue(office, case_id)
    await activities.activate_credit(StepInput(case_id))
    await superuser.run("UPDATE credit_lines SET programme = 'tavana', monthly = 60000000")

    with pytest.raises(rules.AmountAboveShare) as refused:
        await apply(office)
    await apply(office, monthly=40_000_000)
    await withdraw(office, await superuser.value("SELECT id FROM cases WHERE closed_at IS NULL"))

    assert refused.value.params["limit_en"] == "4,000,000 toman"


async def test_an_own_line_that_is_renewed_does_not_count_against_itself(
    office: MinipayOffice, superuser: Superuser, activity_context: ActivityContext
) -> None:
    activities = Transitions(activity_context)
    for _ in range(2):
        case_id = await apply(office, monthly=100_000_000)
        await activities.request_backing(StepInput(case_id))
        await issue(office, case_id, monthly=Money(100_000_000, Unit.IRR))
        await activities.activate_credit(StepInput(case_id))

    assert await superuser.rows("SELECT monthly, closed_at IS NULL FROM credit_lines ORDER BY id") == [
        (100_000_000, False),
        (100_000_000, True),
    ]
    await assert_books_clean(office.context.engine)


@pytest.mark.parametrize("renewal", [60_000_000, 10_000_000])
async def test_a_line_and_the_application_that_renews_it_count_once_by_the_higher_of_both(
    context: Context, arrange: Arrange, activity_context: ActivityContext, superuser: Superuser, renewal: int
) -> None:
    tavana = await TavanaScenario.opened(context, arrange, activity_context)
    await tavana.take("activate_credit", await tavana.approved(monthly=60_000_000))
    office = MinipayOffice(context, tavana.applicant, await arrange.hr_officer(tavana.employer))
    case_id = await apply(office, monthly=40_000_000)
    await tavana.apply(monthly=renewal)

    await tavana.take("request_backing", case_id)
    await issue(office, case_id, monthly=Money(40_000_000, Unit.IRR))
    await tavana.take("activate_credit", case_id)

    assert await superuser.value("SELECT phase FROM cases WHERE id = %s", case_id) == "active"
    opened = "SELECT monthly FROM credit_lines WHERE case_id = %s"
    assert await superuser.value(opened, case_id) == 40_000_000
    await superuser.run("UPDATE credit_lines SET closed_at = now() WHERE case_id = %s", case_id)
    with pytest.raises(rules.AmountAboveShare) as refused:
        await apply(office, monthly=40_000_010)
    assert refused.value.params["limit_en"] == "4,000,000 toman"


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"monthly": Money(50_000_010, Unit.IRR)}, certificate_rules.CertificateTooHigh),
        ({"monthly": Money(49_999_999, Unit.IRR)}, rules.AmountNotWholeToman),
        ({"instalments": 13}, certificate_rules.CertificateTooHigh),
        ({"valid_until": datetime.now(UTC).date() - timedelta(days=2)}, certificate_rules.CertificateExpired),
    ],
)
async def test_a_certificate_beyond_the_application_is_refused_and_the_task_stays_open(
    office: MinipayOffice,
    activity_context: ActivityContext,
    superuser: Superuser,
    changes: dict[str, Any],
    refusal: type[errors.Refusal],
) -> None:
    case_id = await apply(office)
    await Transitions(activity_context).request_backing(StepInput(case_id))

    with pytest.raises(refusal):
        await issue(office, case_id, **changes)

    assert await superuser.value("SELECT id FROM tasks WHERE status = 'open'") == await open_task(
        office.context, case_id
    )


async def test_people_are_first_when_they_answer_after_the_due_moment_but_before_the_process_looks(
    office: MinipayOffice, superuser: Superuser, activity_context: ActivityContext
) -> None:
    case_id = await apply(office)
    activities = Transitions(activity_context)
    await activities.request_backing(StepInput(case_id))
    await superuser.run("UPDATE tasks SET due_at = now() - interval '1 hour'")

    await issue(office, case_id)
    await activities.lapse_onboarding(StepInput(case_id))

    assert await superuser.rows("SELECT status FROM tasks") == [("done",)]


async def test_withdrawal_and_lapse_at_the_same_moment_end_the_case_once(
    office: MinipayOffice, superuser: Superuser, activity_context: ActivityContext
) -> None:
    case_id = await apply(office)
    activities = Transitions(activity_context)
    await activities.request_backing(StepInput(case_id))

    results = await asyncio.gather(
        withdraw(office, case_id), activities.lapse_onboarding(StepInput(case_id)), return_exceptions=True
    )
    await activities.assess_onboarding(StepInput(case_id))

    outcome = await superuser.value("SELECT outcome FROM cases")
    assert outcome == ("lapsed" if isinstance(results[0], errors.CaseClosed) else "withdrawn")
    assert await superuser.value("SELECT count(*) FROM tasks WHERE status = 'open'") == 0


async def test_a_stranger_withdraws_nothing(office: MinipayOffice, arrange: Arrange) -> None:
    case_id = await apply(office)
    stranger = MinipayOffice(office.context, await arrange.person("member"), office.officer)

    with pytest.raises(errors.NotFound):
        await withdraw(stranger, case_id)


async def test_a_refusal_keeps_its_reason_with_the_fact(
    office: MinipayOffice, superuser: Superuser, activity_context: ActivityContext
) -> None:
    case_id = await apply(office)
    await Transitions(activity_context).request_backing(StepInput(case_id))
    await refuse(office, case_id)

    assert await superuser.value("SELECT payload FROM facts WHERE kind = 'certificate_refused'") == {
        "reason": "court_order"
    }


async def test_a_certificate_of_another_organisation_cannot_be_revoked(
    office: MinipayOffice, arrange: Arrange, activity_context: ActivityContext, superuser: Superuser
) -> None:
    case_id = await apply(office)
    await Transitions(activity_context).request_backing(StepInput(case_id))
    await issue(office, case_id)
    certificate = await superuser.value("SELECT id FROM certificates")
    stranger = await arrange.hr_officer(await arrange.organisation())

    with pytest.raises(errors.NotFound):
        await run(office.context, stranger, lambda command: revoke_certificate(command, certificate, "پایان همکاری"))
    with pytest.raises(errors.InvalidInput):
        await run(office.context, office.officer, lambda command: revoke_certificate(command, certificate, " "))


async def test_two_revocations_at_the_same_moment_revoke_once(
    office: MinipayOffice, activity_context: ActivityContext, superuser: Superuser
) -> None:
    case_id = await apply(office)
    await Transitions(activity_context).request_backing(StepInput(case_id))
    await issue(office, case_id)
    certificate = await superuser.value("SELECT id FROM certificates")

    def revoke() -> Any:
        return run(office.context, office.officer, lambda command: revoke_certificate(command, certificate, "اشتباه"))

    results = await asyncio.gather(revoke(), revoke(), return_exceptions=True)

    assert sorted(isinstance(result, certificate_rules.CertificateRevoked) for result in results) == [False, True]
    assert await superuser.value("SELECT count(*) FROM facts WHERE kind = 'certificate_revoked'") == 1


def test_a_card_number_passes_luhn() -> None:
    number = onboarding.new_card_number()
    doubled = [int(digit) * (2 if place % 2 == 0 else 1) for place, digit in enumerate(number)]

    assert len(number) == 16
    assert sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0


async def test_revoking_an_older_certificate_leaves_the_line_that_stands_on_the_newer_one_alone(
    office: MinipayOffice, activity_context: ActivityContext, superuser: Superuser
) -> None:
    case_id = await apply(office)
    activities = Transitions(activity_context)
    await activities.request_backing(StepInput(case_id))
    await issue(office, case_id)
    await superuser.run("UPDATE certificates SET valid_until = current_date - 2")
    await activities.activate_credit(StepInput(case_id))
    await issue(office, case_id)
    await activities.activate_credit(StepInput(case_id, 1))
    older, newer = [row[0] for row in await superuser.rows("SELECT id FROM certificates ORDER BY id")]

    stopped = []
    for certificate in (older, newer):

        async def revoke(command: Command, certificate: UUID = certificate) -> UUID:
            return await revoke_certificate(command, certificate, "اشتباه")

        await run(office.context, office.officer, revoke)
        stopped.append(await superuser.value("SELECT purchases_stopped_at IS NOT NULL FROM credit_lines"))

    assert stopped == [False, True]
    assert await superuser.value("SELECT count(*) FROM certificates WHERE revoked_at IS NOT NULL") == 2
