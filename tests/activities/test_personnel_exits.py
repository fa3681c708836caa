"""Exits out of personnel files: what opens one, what ends it by itself, and who confirms it (A13, C7)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import psycopg
import pytest
import sqlalchemy as sa

from activities.transition import ActivityContext
from commands.task import lock_free_task
from domain.access import Actor, Grant, Role, ScopeKind
from domain.errors import NotFound, SentByYourself
from domain.onboarding import NotOnPersonnelList
from messages.case import OVER, WAIT
from messages.decision import Step
from storage import tasks as stored_tasks
from storage.database import SERVICE, transaction
from storage.rows.cases import timeline
from storage.rows.notices import notices
from storage.rows.organisation import employments
from storage.rows.personnel import personnel_changes, personnel_versions
from storage.rows.tasks import Task, tasks
from storage.tasks import InboxFilter, open_tasks
from tests.activities.test_personnel_change import SUPPORT, answer, end_of, take, templates
from tests.arrange import Arrange
from tests.books import Superuser
from tests.commands.onboarding_steps import MinipayOffice, apply, run_as
from tests.personnel_steps import SHEBAS, Line, PersonnelOffice

CASES: Final = Path(__file__).parent.parent / "personnel_cases"
CONTRACTS = Grant(Role.CONTRACTS_OFFICER, ScopeKind.PLATFORM)
LEFT = "ترک کار"


@pytest.fixture
async def office(activity_context: ActivityContext, arrange: Arrange) -> PersonnelOffice:
    """An organisation with one hr_officer, who sends its files."""
    return await PersonnelOffice.open(activity_context, arrange)


@pytest.fixture
async def colleague(office: PersonnelOffice, arrange: Arrange) -> Actor:
    """A second hr_officer of the organisation."""
    return await arrange.actor(await arrange.hr_officer(office.organisation_id))


async def send(office: PersonnelOffice, name: str, **words: str) -> Any:
    """Import one of the files that offices have sent, with some words written otherwise."""
    text = (CASES / name).read_text("utf-8-sig")
    for former, other in words.items():
        text = text.replace(former, other)
    return await office.run(await office.send(text.encode()))


async def states(office: PersonnelOffice) -> set[str]:
    """In which states employments of the organisation are."""
    query = sa.select(employments.c.state).where(employments.c.organisation_id == office.organisation_id)
    return {row.state for row in await office.fetch(query)}


async def asked(office: PersonnelOffice, line: Line | None = None) -> tuple[UUID, Line]:
    """An exit of somebody whose task is open."""
    line = line or Line()
    case_id = await office.change(line, line.but(employment=LEFT))
    await take(office, "request_decision", case_id)
    return case_id, line


async def open_task(office: PersonnelOffice, case_id: UUID) -> Task:
    """The one open task of a case."""
    async with transaction(office.context.engine, SERVICE) as connection:
        (task,) = await open_tasks(connection, case_id)
    return task


async def inbox(office: PersonnelOffice, actor: Actor) -> list[UUID]:
    """The cases of the tasks that wait for somebody."""
    async with transaction(office.context.engine, SERVICE) as connection:
        items = await stored_tasks.inbox(connection, actor, InboxFilter(), after=None, limit=10)
    return [item.task.case_id for item in items]


async def retire(office: PersonnelOffice, actor: Actor, superuser: Superuser) -> None:
    """Take somebody's roles away."""
    await superuser.run("UPDATE role_grants SET revoked_at = now() WHERE person_id = %s", actor.person_id)


def regional(region: str = "1101") -> Grant:
    """HR of a region."""
    return Grant(Role.HR_OFFICER, ScopeKind.REGION, region)


async def test_a_status_that_slipped_out_of_its_column_opens_no_exit(office: PersonnelOffice) -> None:
    await send(office, "base_of_known_people.csv")
    done = await send(office, "unquoted_thousands_known.csv")

    assert (done.rows_refused, done.changes_opened) == (1, 0)
    assert await office.changes() == []
    assert await states(office) == {"employed"}


async def test_a_status_that_cannot_be_read_refuses_the_row_and_opens_nothing(office: PersonnelOffice) -> None:
    line = Line()
    await office.import_(line)
    done = await office.import_(line.but(employment="نامشخص", net_pay_rial="500000000"))

    assert await office.refused(done.case_id) == {"1": "unreadable_status"}
    assert await office.changes() == []
    assert (await office.person(line)).job_net_pay == 400_000_000


async def test_kinds_of_employment_are_no_exits_and_their_rows_are_imported(office: PersonnelOffice) -> None:
    await send(office, "base_of_known_people.csv")
    done = await send(office, "status_kind_of_contract.csv")

    assert (done.rows_unchanged, done.rows_refused, done.changes_opened) == (3, 0, 0)
    assert await states(office) == {"employed"}


async def test_a_word_that_two_policy_admins_have_added_opens_an_exit(
    office: PersonnelOffice, superuser: Superuser
) -> None:
    line = Line()
    await office.import_(line, gone := Line())
    await superuser.run(
        "INSERT INTO policies (name, version, value, proposed_by, approved_by, approved_at)"
        " SELECT name, 2, jsonb_set(value, '{left}', value -> 'left' || '[\"رفته\"]'), 'a', 'b', now() FROM policies"
        " WHERE name = 'personnel_status'"
    )
    await office.import_(line, gone.but(employment="رفته"))

    assert [(await office.person(one)).job_state for one in (line, gone)] == ["employed", "exit_reported"]


@pytest.mark.parametrize(("word", "reason"), [("قطع همکاری", "left"), ("بازنشسته", "retired"), ("فوت", "died")])
async def test_an_exit_keeps_how_somebody_left_and_a_dead_persons_number_gets_no_message(
    office: PersonnelOffice, colleague: Actor, word: str, reason: str
) -> None:
    line = Line()
    case_id = await office.change(line, line.but(employment=word, net_pay_rial="", sheba="", mobile=""))
    await take(office, "request_decision", case_id)
    await take(office, "remind_decision", case_id)
    await answer(office, colleague, case_id)
    await take(office, "apply_decision", case_id)

    (kept,) = await office.fetch(sa.select(personnel_changes.c.exit_reason))
    assert (kept.exit_reason, (await office.person(line)).job_state) == (reason, "left")
    subject = (await office.person(line)).id
    assert await office.fetch(sa.select(notices).where(notices.c.person_id == subject)) == []


async def test_a_newer_row_that_says_employed_ends_the_waiting_exits_of_its_people(office: PersonnelOffice) -> None:
    await send(office, "base_of_known_people.csv")
    await send(office, "corrected.csv", شاغل=LEFT)
    exits = [case.id for case in await office.changes()]
    for case_id in exits:
        await take(office, "request_decision", case_id)
    assert (len(exits), await states(office)) == (2, {"employed", "exit_reported"})

    back = await send(office, "corrected.csv")

    assert (back.rows_unchanged, back.rows_changed, back.changes_waiting) == (2, 0, 0)
    assert await states(office) == {"employed"}
    for case_id in exits:
        assert (await take(office, "assess_decision", case_id)).step == OVER
        assert await end_of(office, case_id) == ("overtaken", "overtaken")
    query = sa.select(timeline.c.code).where(timeline.c.case_id.in_(exits), timeline.c.code.like("%overtaken"))
    assert [row.code for row in await office.fetch(query)] == ["personnel_exit_overtaken"] * 2
    kept = await office.fetch(sa.select(personnel_versions.c.before))
    assert [row.before for row in kept] == [{"state": "exit_reported"}] * 2


async def test_whose_exit_a_newer_row_ended_may_apply_at_once(
    activity_context: ActivityContext, arrange: Arrange
) -> None:
    employer = await arrange.organisation()
    member, officer = await arrange.member(employer), await arrange.hr_officer(employer)
    office = await PersonnelOffice.open(activity_context, arrange, employer)
    desk, line = MinipayOffice(arrange.context, member, officer), Line(member.national_id, mobile=member.mobile)
    await office.import_(line.but(employment=LEFT))
    with pytest.raises(NotOnPersonnelList):
        await apply(desk)

    await office.import_(line)

    await apply(desk)


async def test_the_newest_row_wins_though_the_process_has_not_looked_yet(
    office: PersonnelOffice, colleague: Actor
) -> None:
    case_id, line = await asked(office)
    first = await open_task(office, case_id)
    await office.import_(line)
    newest = await PersonnelOffice(office.context, office.activity_context, office.organisation_id, colleague).import_(
        line.but(employment=LEFT)
    )

    assert (newest.changes_opened, newest.changes_waiting) == (0, 1)
    assert (await take(office, "assess_decision", case_id)).step == WAIT
    assert (await office.person(line)).job_state == "exit_reported"
    again = await open_task(office, case_id)
    assert (again.version, again.not_by) == (first.version + 1, colleague.person_id)
    with pytest.raises(SentByYourself):
        await answer(office, colleague, case_id)
    await answer(office, office.actor, case_id)


async def test_an_older_file_that_is_sent_again_reports_the_exit_again(office: PersonnelOffice) -> None:
    case_id, line = await asked(office)
    await office.import_(line)
    await take(office, "assess_decision", case_id)
    await office.import_(line.but(employment=LEFT))

    assert [case.closed_at is None for case in await office.changes()] == [False, True]
    assert (await office.person(line)).job_state == "exit_reported"


@pytest.mark.parametrize("step", ["apply_decision", "lapse_decision"])
async def test_a_newer_row_wins_over_an_answer_or_a_silence_that_has_not_taken_effect(
    office: PersonnelOffice, colleague: Actor, step: str
) -> None:
    case_id, line = await asked(office)
    if step == "apply_decision":
        await answer(office, colleague, case_id)
    await office.import_(line)
    await take(office, step, case_id)

    assert (await office.person(line)).job_state == "employed"
    assert await end_of(office, case_id) == ("overtaken", "overtaken")
    assert "personnel_exit_lapsed" not in await templates(office, case_id)


async def test_a_confirmation_says_nothing_about_an_exit_that_was_reported_after_it(
    office: PersonnelOffice, colleague: Actor
) -> None:
    case_id, line = await asked(office)
    await answer(office, colleague, case_id)
    await office.import_(line)
    await office.import_(line.but(employment=LEFT))

    assert (await take(office, "apply_decision", case_id)).step == Step.REQUEST_DECISION
    assert (await office.person(line)).job_state == "exit_reported"


async def test_a_newer_row_that_knows_better_how_somebody_left_takes_the_place_of_the_one_before(
    office: PersonnelOffice,
) -> None:
    case_id, line = await asked(office)
    await office.import_(line.but(employment="فوت"))

    (kept,) = await office.fetch(sa.select(personnel_changes.c.case_id, personnel_changes.c.exit_reason))
    assert tuple(kept) == (case_id, "died")
    assert (await open_task(office, case_id)).version == 2


async def test_nobody_ends_an_exit_of_their_own(
    office: PersonnelOffice, activity_context: ActivityContext, arrange: Arrange, colleague: Actor
) -> None:
    _, line = await asked(office)
    own = await arrange.acting((await office.person(line)).id, *office.actor.grants)
    theirs = PersonnelOffice(office.context, activity_context, office.organisation_id, own)
    done = await theirs.import_(line)

    assert await office.refused(done.case_id) == {"1": "own_row"}
    assert (await office.person(line)).job_state == "exit_reported"


async def test_a_newer_row_with_the_present_sheba_ends_the_change_that_waits(office: PersonnelOffice) -> None:
    line = Line()
    case_id = await office.change(line, line.but(sheba=SHEBAS[1]))
    await take(office, "request_decision", case_id)
    back = await office.import_(line)

    assert (back.rows_unchanged, back.changes_opened, back.changes_waiting) == (1, 0, 0)
    assert (await take(office, "assess_decision", case_id)).step == OVER
    assert await end_of(office, case_id) == ("overtaken", "overtaken")
    assert "personnel_sheba_overtaken" in await templates(office, case_id)
    assert (await office.person(line)).job_sheba_index == office.context.seals.index.of("sheba", SHEBAS[0])


async def test_who_sent_the_file_neither_confirms_nor_rejects_nor_claims_an_exit_of_it(
    office: PersonnelOffice, colleague: Actor, superuser: Superuser
) -> None:
    case_id, _ = await asked(office)
    before = await superuser.effects()
    for confirm in (True, False):
        with pytest.raises(SentByYourself):
            await answer(office, office.actor, case_id, confirm=confirm, reason="اشتباه بود")
    task = await open_task(office, case_id)
    with pytest.raises(SentByYourself):
        await run_as(office.context, office.actor, lambda command: lock_free_task(command, task.id))

    assert await superuser.effects() == before
    assert (await inbox(office, office.actor), await inbox(office, colleague)) == ([], [case_id])
    for column in ("decided_by", "claimed_by"):
        with pytest.raises(psycopg.errors.CheckViolation, match="another_person"):
            await superuser.run(f"UPDATE tasks SET {column} = not_by")  # noqa: S608 - our own names


async def test_where_one_hr_officer_is_all_there_is_the_contracts_officer_confirms(
    office: PersonnelOffice, arrange: Arrange
) -> None:
    contracts = await arrange.actor(await arrange.staff(CONTRACTS))
    case_id, line = await asked(office)

    assert (await open_task(office, case_id)).grant == CONTRACTS
    assert (await inbox(office, office.actor), await inbox(office, contracts)) == ([], [case_id])
    await answer(office, contracts, case_id)
    await take(office, "apply_decision", case_id)
    assert (await office.person(line)).job_state == "left"


@pytest.mark.parametrize(
    ("others", "office_asked"),
    [
        (["region", "organisation"], "region"),
        (["organisation"], "organisation"),
        ([], "platform"),
    ],
)
async def test_the_exit_of_a_regions_file_goes_to_the_region_then_to_the_organisation_then_to_contracts(
    office: PersonnelOffice, arrange: Arrange, superuser: Superuser, others: Sequence[str], office_asked: str
) -> None:
    line, sender = Line(), office.actor
    case_id = await office.change(line, line.but(employment=LEFT))
    await retire(office, sender, superuser)
    await arrange.acting(sender.person_id, regional())
    if "region" in others:
        await arrange.staff(regional())
    if "organisation" in others:
        await arrange.hr_officer(office.organisation_id)
    await arrange.staff(regional("2203"))
    await take(office, "request_decision", case_id)

    task = await open_task(office, case_id)
    assert (task.scope_kind, task.not_by) == (office_asked, sender.person_id)


async def test_who_moves_while_their_exit_waits_is_the_regions_that_they_left_no_more(
    office: PersonnelOffice, arrange: Arrange, superuser: Superuser
) -> None:
    line, sender = Line(), office.actor
    case_id = await office.change(line, line.but(employment=LEFT))
    await retire(office, sender, superuser)
    await arrange.acting(sender.person_id, regional())
    left, present = [await arrange.actor(await arrange.staff(regional(region))) for region in ("1101", "2203")]
    await take(office, "request_decision", case_id)
    await superuser.run("UPDATE employments SET region_code = '2203'")

    with pytest.raises(NotFound):
        await answer(office, left, case_id)
    await take(office, "remind_decision", case_id)
    assert (await open_task(office, case_id)).grant == CONTRACTS
    assert (await inbox(office, left), await inbox(office, present)) == ([], [])


async def test_whoever_is_bound_to_the_person_is_not_counted_among_those_who_may_confirm(
    office: PersonnelOffice, arrange: Arrange
) -> None:
    line = Line()
    await office.import_(line)
    await arrange.acting((await office.person(line)).id, *office.actor.grants)
    await office.import_(line.but(employment=LEFT))
    (case,) = await office.changes()
    await take(office, "request_decision", case.id)

    assert (await open_task(office, case.id)).grant == CONTRACTS


@pytest.mark.parametrize("step", ["remind_decision", "lapse_decision"])
async def test_when_the_last_who_may_confirm_has_gone_the_next_office_is_asked(
    office: PersonnelOffice, arrange: Arrange, colleague: Actor, superuser: Superuser, step: str
) -> None:
    contracts = await arrange.staff(CONTRACTS)
    case_id, line = await asked(office)
    await retire(office, colleague, superuser)

    outcome = await take(office, step, case_id)

    assert (outcome.step, outcome.remind_in > 0) == (WAIT, True)
    assert (await open_task(office, case_id)).grant == CONTRACTS
    assert (await office.person(line)).job_state == "exit_reported"
    codes = await office.fetch(sa.select(timeline.c.code).where(timeline.c.case_id == case_id))
    assert "reminded" not in [row.code for row in codes]
    # From now on silence is what it was.
    for next_step in ("remind_decision", "lapse_decision"):
        outcome = await take(office, next_step, case_id, 1)
    assert (outcome.step, await end_of(office, case_id)) == (OVER, ("lapsed", "lapsed"))
    told = sa.select(notices.c.person_id).where(notices.c.template == "remind_confirm_change")
    assert [row.person_id for row in await office.fetch(told)] == [contracts.id]


async def test_an_exit_that_nobody_anywhere_may_confirm_is_asked_once_more_and_then_lapses(
    office: PersonnelOffice, colleague: Actor, superuser: Superuser
) -> None:
    case_id, _ = await asked(office)
    await retire(office, colleague, superuser)
    for round_ in range(2):
        await take(office, "remind_decision", case_id, round_)
    assert len(await office.fetch(sa.select(tasks.c.id).where(tasks.c.case_id == case_id))) == 2
    assert (await take(office, "lapse_decision", case_id)).step == OVER


async def test_another_mobile_still_goes_to_support_and_not_to_who_sent_it(
    office: PersonnelOffice, arrange: Arrange
) -> None:
    line = Line()
    case_id = await office.change(line, line.but(mobile="+989990000001"))
    await take(office, "request_decision", case_id)
    sender = await arrange.acting(office.actor.person_id, SUPPORT)

    task = await open_task(office, case_id)
    assert (task.grant, task.not_by) == (SUPPORT, office.actor.person_id)
    assert await inbox(office, sender) == []
