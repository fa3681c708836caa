"""A change that a file proposed: asked, answered or not, applied once; a second person for what moves an account."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from temporalio.testing import ActivityEnvironment

from activities.transition import ActivityContext
from commands.command import Command, Envelope, perform
from commands.personnel import confirm_change, reject_change
from commands.task import lock_task
from domain.access import Actor, Grant, Role, ScopeKind
from domain.errors import CodeRequired, NotFound, OwnCase, SentByYourself, StepUpRequired, TaskNotOpen, TaskOfOtherKind
from domain.personnel.change import ReasonMissing
from messages.case import OVER, WAIT, NextStep, StepInput
from messages.decision import Step
from messages.personnel import Change
from storage import tasks as stored_tasks
from storage.account import begin_session
from storage.database import SERVICE, transaction
from storage.rows.account import one_time_codes, sessions
from storage.rows.audit import audit
from storage.rows.cases import case_people, cases, timeline
from storage.rows.notices import notices
from storage.rows.people import persons
from storage.rows.tasks import tasks
from tests.arrange import Arrange, fresh_totp
from tests.books import Superuser
from tests.commands.onboarding_steps import TavanaScenario
from tests.personnel_steps import SHEBAS, Line, PersonnelOffice
from tests.transitions import Transitions

NEW_MOBILE = "+989990000001"
# A step-up that lasts as long as any test.
FRESH = datetime(2100, 1, 1, tzinfo=UTC)
SUPPORT = Grant(Role.SUPPORT_AGENT, ScopeKind.PLATFORM)


@pytest.fixture
async def office(activity_context: ActivityContext, arrange: Arrange) -> PersonnelOffice:
    return await PersonnelOffice.open(activity_context, arrange)


@pytest.fixture
async def support(arrange: Arrange) -> Actor:
    return await arrange.actor(await arrange.staff(SUPPORT))


@pytest.fixture
async def colleague(office: PersonnelOffice, arrange: Arrange) -> Actor:
    """A second hr_officer of the organisation."""
    return await arrange.actor(await arrange.hr_officer(office.organisation_id))


async def take(office: PersonnelOffice, step: str, case_id: UUID, round_: int = 0) -> NextStep:
    """Take a transition of the change."""
    activities = Transitions(office.activity_context)
    outcome: NextStep = await ActivityEnvironment().run(getattr(activities, step), StepInput(case_id, round_))
    return outcome


async def answer(
    office: PersonnelOffice,
    actor: Actor,
    case_id: UUID,
    *,
    confirm: bool = True,
    reason: str | None = None,
    key: str = "k" * 8,
    version: int | None = None,
    with_code: bool = True,
) -> None:
    """Answer the change's newest task as a person would."""
    task, *_ = await office.fetch(sa.select(tasks.c.id).where(tasks.c.case_id == case_id).order_by(tasks.c.id.desc()))

    async def work(command: Command) -> bytes:
        found = await lock_task(command, task.id, version=version)
        decided = command.with_code(fresh_totp() if with_code else None)
        if confirm:
            return str(await confirm_change(decided, found)).encode()
        return str(await reject_change(decided, found, reason or "")).encode()

    await perform(office.context, Envelope(actor, "decide_task", key, b"body"), work)


async def ask_for_mobile(office: PersonnelOffice) -> tuple[UUID, Line]:
    """A change of mobile that waits for its answer."""
    line = Line()
    case_id = await office.change(line, line.but(mobile=NEW_MOBILE))
    await take(office, "request_decision", case_id)
    return case_id, line


async def ask_for_exit(office: PersonnelOffice) -> tuple[UUID, Line]:
    """An exit that waits for its answer."""
    line = Line()
    case_id = await office.change(line, line.but(employment="بازنشسته"))
    await take(office, "request_decision", case_id)
    return case_id, line


async def end_of(office: PersonnelOffice, case_id: UUID) -> tuple[str, str | None]:
    """Phase and outcome of a case."""
    ((phase, outcome),) = await office.fetch(sa.select(cases.c.phase, cases.c.outcome).where(cases.c.id == case_id))
    return phase, outcome


async def templates(office: PersonnelOffice, case_id: UUID) -> list[str]:
    """What was sent in a case."""
    rows = await office.fetch(sa.select(notices.c.template).where(notices.c.case_id == case_id))
    return [template for (template,) in rows]


async def test_another_mobile_is_asked_of_support_and_the_present_number_is_told(office: PersonnelOffice) -> None:
    case_id, line = await ask_for_mobile(office)
    outcome = await take(office, "request_decision", case_id)
    assert outcome.step == WAIT
    assert 0 < outcome.remind_in <= 72 * 3600 < outcome.expire_in <= 720 * 3600
    (task,) = await office.fetch(sa.select(tasks).where(tasks.c.case_id == case_id))
    assert (task.kind, task.role, task.scope_kind, task.scope) == ("confirm_change", "support_agent", "platform", "")
    assert await templates(office, case_id) == ["mobile_proposed_new", "personnel_mobile_proposed"]
    (part,) = await office.fetch(sa.select(case_people).where(case_people.c.case_id == case_id))
    assert (part.person_id, part.part) == ((await office.person(line)).id, "subject")


async def test_an_exit_is_asked_of_the_organisations_hr_and_nobody_writes_to_the_person(
    office: PersonnelOffice, colleague: Actor
) -> None:
    case_id, line = await ask_for_exit(office)
    (task,) = await office.fetch(sa.select(tasks).where(tasks.c.case_id == case_id))
    assert (task.role, task.scope_kind, task.scope) == ("hr_officer", "organisation", str(office.organisation_id))
    await answer(office, colleague, case_id)
    await take(office, "apply_decision", case_id)
    subject = (await office.person(line)).id
    assert await office.fetch(sa.select(notices).where(notices.c.person_id == subject)) == []


async def test_a_confirmed_mobile_ends_sessions_and_codes_pauses_money_and_tells_the_old_number(
    office: PersonnelOffice, support: Actor
) -> None:
    case_id, line = await ask_for_mobile(office)
    person_id = (await office.person(line)).id
    async with transaction(office.context.engine, SERVICE) as connection:
        await connection.execute(sa.update(persons).values(mobile_confirmed_at=sa.func.now()))
        await begin_session(connection, person_id, "member")
        await connection.execute(
            sa.insert(one_time_codes).values(
                purpose="sign_in",
                person_id=person_id,
                binding=b"",
                code_hash=b"x",
                expires_at=sa.func.now() + timedelta(minutes=5),
            )
        )
    await answer(office, support, case_id)
    for _ in range(2):
        assert await take(office, "apply_decision", case_id) == NextStep(OVER)

    stored = await office.person(line)
    assert await office.mobile(line) == NEW_MOBILE
    assert stored.mobile_index == office.context.seals.index.of("mobile", NEW_MOBILE)
    assert stored.mobile_confirmed_at is None
    ((pause,),) = await office.fetch(
        sa.select(persons.c.money_paused_until - sa.func.now()).where(persons.c.id == person_id)
    )
    assert timedelta(hours=23) < pause <= timedelta(hours=24)
    wanted = sa.select(sessions.c.ended_at).where(sessions.c.person_id == person_id)
    assert [row for row in await office.fetch(wanted) if row.ended_at is None] == []
    assert await office.fetch(sa.select(one_time_codes).where(one_time_codes.c.used_at.is_(None))) == []
    assert await end_of(office, case_id) == ("confirmed", "confirmed")
    (old,) = await office.fetch(sa.select(notices).where(notices.c.template == "mobile_changed_old"))
    assert office.context.seals.cipher.open_text(old.mobile_sealed, "person.mobile") == line.mobile
    assert "personnel_mobile_confirmed" in await templates(office, case_id)


async def test_a_confirmed_sheba_is_the_employments(office: PersonnelOffice, support: Actor) -> None:
    line = Line()
    case_id = await office.change(line, line.but(sheba=SHEBAS[1]))
    await take(office, "request_decision", case_id)
    await answer(office, support, case_id)
    for _ in range(2):
        await take(office, "apply_decision", case_id)
    sealed = (await office.person(line)).job_sheba_sealed
    assert office.context.seals.cipher.open_text(sealed, "employment.sheba") == SHEBAS[1]


@pytest.mark.parametrize(("confirm", "state"), [(True, "left"), (False, "employed")])
async def test_an_exit_counts_once_it_is_confirmed_and_not_when_it_is_rejected(
    office: PersonnelOffice, colleague: Actor, confirm: bool, state: str
) -> None:
    case_id, line = await ask_for_exit(office)
    await answer(office, colleague, case_id, confirm=confirm, reason="اشتباه در فهرست")
    await take(office, "apply_decision", case_id)
    assert (await office.person(line)).job_state == state
    assert (await end_of(office, case_id))[0] == ("confirmed" if confirm else "rejected")


async def test_a_rejected_mobile_leaves_the_person_alone(office: PersonnelOffice, support: Actor) -> None:
    case_id, line = await ask_for_mobile(office)
    await answer(office, support, case_id, confirm=False, reason="شماره اشتباه است")
    await take(office, "apply_decision", case_id)
    assert await office.mobile(line) == line.mobile
    assert await end_of(office, case_id) == ("rejected", "rejected")


async def test_a_message_without_a_fact_changes_nothing(office: PersonnelOffice) -> None:
    case_id, line = await ask_for_mobile(office)
    assert (await take(office, "apply_decision", case_id)).step == WAIT
    assert await office.mobile(line) == line.mobile


async def test_silence_about_a_mobile_lets_it_lapse_and_the_same_file_may_propose_it_again(
    office: PersonnelOffice,
) -> None:
    case_id, line = await ask_for_mobile(office)
    for _ in range(2):
        assert (await take(office, "lapse_decision", case_id)).step == OVER
    assert await office.mobile(line) == line.mobile
    assert await end_of(office, case_id) == ("lapsed", "lapsed")
    assert (await office.import_(line.but(mobile=NEW_MOBILE))).changes_opened == 1


async def test_silence_about_an_exit_confirms_none_and_the_operators_are_told(
    office: PersonnelOffice, arrange: Arrange
) -> None:
    operator = await arrange.platform(Role.OPERATOR)
    case_id, line = await ask_for_exit(office)
    await take(office, "lapse_decision", case_id)
    assert (await office.person(line)).job_state == "employed"
    told = await office.fetch(sa.select(notices.c.person_id).where(notices.c.template == "personnel_exit_lapsed"))
    assert [row.person_id for row in told] == [operator.id]
    codes = await office.fetch(sa.select(timeline.c.code).where(timeline.c.case_id == case_id).order_by(timeline.c.id))
    assert [code for (code,) in codes] == [
        "personnel_change_proposed",
        "personnel_confirmation_requested",
        "personnel_change_lapsed",
    ]


async def test_many_exits_that_lapse_bring_the_operators_one_sms(office: PersonnelOffice, arrange: Arrange) -> None:
    await arrange.platform(Role.OPERATOR)
    lines = [Line(), Line()]
    await office.import_(*lines)
    await office.import_(*(line.but(employment="بازنشسته") for line in lines))
    for case in await office.changes():
        await take(office, "request_decision", case.id)
        await take(office, "lapse_decision", case.id)
    assert len(await office.fetch(sa.select(notices.c.id).where(notices.c.template == "personnel_exit_lapsed"))) == 1


async def test_an_answer_given_before_the_clock_wins_over_it(office: PersonnelOffice, support: Actor) -> None:
    case_id, line = await ask_for_mobile(office)
    await answer(office, support, case_id)
    assert (await take(office, "lapse_decision", case_id)).step == Step.APPLY_DECISION
    await take(office, "apply_decision", case_id)
    assert await office.mobile(line) == NEW_MOBILE
    assert await end_of(office, case_id) == ("confirmed", "confirmed")


async def test_an_answer_after_the_clock_is_refused(office: PersonnelOffice, support: Actor) -> None:
    case_id, line = await ask_for_mobile(office)
    await take(office, "lapse_decision", case_id)
    with pytest.raises(TaskNotOpen):
        await answer(office, support, case_id)
    assert await office.mobile(line) == line.mobile


async def test_a_reminder_goes_to_whoever_may_answer(office: PersonnelOffice, support: Actor) -> None:
    case_id, _ = await ask_for_mobile(office)
    assert (await take(office, "remind_decision", case_id)).step == WAIT
    wanted = sa.select(notices.c.person_id).where(notices.c.template == "remind_confirm_change")
    assert [row.person_id for row in await office.fetch(wanted)] == [support.person_id]


async def test_a_process_that_starts_anew_reminds_of_an_open_change_once(
    office: PersonnelOffice, support: Actor, superuser: Superuser
) -> None:
    case_id, _ = await ask_for_mobile(office)
    reminded = await take(office, "remind_decision", case_id)
    assert (reminded.step == WAIT, reminded.remind_in) == (True, 0)
    await superuser.run("UPDATE notices SET created_at = now() - interval '25 hours'")
    for round_ in (0, 1):
        assert (await take(office, "remind_decision", case_id, round_)).remind_in == 0
    assert (await templates(office, case_id)).count("remind_confirm_change") == 1
    codes = await office.fetch(sa.select(timeline.c.code).where(timeline.c.case_id == case_id))
    assert [code for (code,) in codes].count("reminded") == 1


async def test_a_reminder_of_a_change_that_came_due_while_nothing_ran_is_not_lost(
    office: PersonnelOffice, superuser: Superuser
) -> None:
    case_id, _ = await ask_for_mobile(office)
    await superuser.run(
        "UPDATE tasks SET remind_at = remind_at - interval '4 days', due_at = due_at - interval '4 days'"
    )
    assert (await take(office, "apply_decision", case_id)).remind_in == 1


async def test_many_changes_bring_one_reminder_and_no_sms_when_they_are_asked(
    office: PersonnelOffice, support: Actor, superuser: Superuser
) -> None:
    lines = [Line() for _ in range(4)]
    await office.import_(*lines)
    await office.import_(*(line.but(mobile=f"+98999000001{number}") for number, line in enumerate(lines)))
    asked = [case.id for case in await office.changes()]
    for case_id in asked:
        await take(office, "request_decision", case_id)
    to_support = sa.select(notices.c.template).where(notices.c.person_id == support.person_id)
    assert (len(asked), await office.fetch(to_support)) == (4, [])
    *early, late = asked
    for case_id in early:
        await take(office, "remind_decision", case_id)
    assert [row.template for row in await office.fetch(to_support)] == ["remind_confirm_change"]
    await superuser.run("UPDATE notices SET created_at = now() - interval '25 hours'")
    await take(office, "remind_decision", late)
    assert len(await office.fetch(to_support)) == 2


async def test_whoever_sent_the_file_cannot_confirm_another_mobile(office: PersonnelOffice, arrange: Arrange) -> None:
    case_id, _ = await ask_for_mobile(office)
    sender = await arrange.acting(office.actor.person_id, SUPPORT)
    for confirm in (True, False):
        with pytest.raises(SentByYourself):
            await answer(office, sender, case_id, confirm=confirm, reason="نمی‌شود")


async def test_the_person_concerned_decides_nothing_about_themselves(office: PersonnelOffice, arrange: Arrange) -> None:
    case_id, line = await ask_for_mobile(office)
    subject = await arrange.acting((await office.person(line)).id, SUPPORT)
    with pytest.raises(OwnCase):
        await answer(office, subject, case_id)


async def test_whoever_is_asked_to_stand_for_somebody_decides_nothing_about_them(
    activity_context: ActivityContext, arrange: Arrange
) -> None:
    tavana = await TavanaScenario.opened(arrange.context, arrange, activity_context)
    await tavana.asked()
    office, applicant = await PersonnelOffice.open(activity_context, arrange, tavana.employer), tavana.applicant
    await arrange.hr_officer(tavana.employer)
    line = Line(applicant.national_id, first_name="", last_name="", mobile=applicant.mobile, employment="قطع همکاری")
    await office.import_(line)
    (case_id,) = [change.id for change in await office.changes() if change.variant == "exit"]
    await take(office, "request_decision", case_id)
    guarantor = await arrange.acting(tavana.guarantor.id, *office.actor.grants)
    for confirm in (True, False):
        with pytest.raises(OwnCase):
            await answer(office, guarantor, case_id, confirm=confirm, reason="نمی‌شود")


async def test_another_organisations_hr_does_not_even_see_the_exit(
    office: PersonnelOffice, activity_context: ActivityContext, arrange: Arrange
) -> None:
    case_id, _ = await ask_for_exit(office)
    elsewhere = await PersonnelOffice.open(activity_context, arrange)
    with pytest.raises(NotFound):
        await answer(office, elsewhere.actor, case_id)


@pytest.mark.parametrize("reason", [None, "", "  "])
async def test_a_rejection_says_why(office: PersonnelOffice, support: Actor, reason: str | None) -> None:
    case_id, _ = await ask_for_mobile(office)
    with pytest.raises(ReasonMissing):
        await answer(office, support, case_id, confirm=False, reason=reason)


async def test_a_change_is_answered_once(office: PersonnelOffice, support: Actor) -> None:
    case_id, _ = await ask_for_mobile(office)
    await answer(office, support, case_id)
    with pytest.raises(TaskNotOpen):
        await answer(office, support, case_id, confirm=False, reason="دیر شد", key="another-key")


async def test_a_decision_about_a_change_answers_no_other_task(
    office: PersonnelOffice, support: Actor, superuser: Superuser
) -> None:
    case_id, _ = await ask_for_mobile(office)
    await superuser.run("UPDATE tasks SET kind = 'clear_obstacle'")
    with pytest.raises(TaskOfOtherKind):
        await answer(office, support, case_id)


async def test_the_audit_names_the_changed_field_and_no_value(office: PersonnelOffice, support: Actor) -> None:
    case_id, line = await ask_for_mobile(office)
    await answer(office, support, case_id)
    await take(office, "apply_decision", case_id)
    rows = await office.fetch(sa.select(audit.c.content).where(audit.c.stream == f"case:{case_id}"))
    trail = " ".join(content for (content,) in rows)
    assert sum('"outcome":"confirmed"' in content for (content,) in rows) == 1
    assert f'"fields":["{Change.MOBILE}"]' in trail
    assert not any(number[3:] in trail for number in (NEW_MOBILE, line.mobile))


async def test_an_open_change_waits_in_the_inbox_of_support(office: PersonnelOffice, support: Actor) -> None:
    case_id, _ = await ask_for_mobile(office)
    async with transaction(office.context.engine, SERVICE) as connection:
        wanted: Any = stored_tasks.InboxFilter()
        items = await stored_tasks.inbox(connection, support, wanted, after=None, limit=10)
    assert [item.task.case_id for item in items] == [case_id]


async def test_handing_an_account_to_another_mobile_needs_a_fresh_code(
    office: PersonnelOffice, arrange: Arrange
) -> None:
    case_id, _ = await ask_for_mobile(office)
    stale = await arrange.acting((await arrange.person("staff")).id, SUPPORT, is_fresh=False)
    for confirm in (True, False):
        with pytest.raises(StepUpRequired):
            await answer(office, stale, case_id, confirm=confirm, reason="شماره را نمی‌شناسد")


async def test_another_sheba_needs_a_code_of_its_own_and_a_rejection_none(
    office: PersonnelOffice, support: Actor
) -> None:
    line = Line()
    case_id = await office.change(line, line.but(sheba=SHEBAS[1]))
    await take(office, "request_decision", case_id)
    with pytest.raises(CodeRequired):
        await answer(office, support, case_id, with_code=False)
    await answer(office, support, case_id, confirm=False, reason="شبا از آن دیگری است", with_code=False)
