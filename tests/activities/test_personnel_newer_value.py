"""A file that brings a newer value than the one that waits for its confirmation (A13)."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
import sqlalchemy as sa

from activities.transition import ActivityContext
from domain.access import Actor
from domain.errors import PreconditionFailed
from messages.case import OVER, WAIT
from messages.decision import Step
from storage.rows.cases import facts, timeline
from storage.rows.tasks import tasks
from tests.activities.test_personnel_change import NEW_MOBILE, SUPPORT, answer, ask_for_mobile, take
from tests.arrange import Arrange
from tests.personnel_steps import SHEBAS, Line, PersonnelOffice

NEWER_MOBILE = "+989990000002"


@pytest.fixture
async def office(activity_context: ActivityContext, arrange: Arrange) -> PersonnelOffice:
    return await PersonnelOffice.open(activity_context, arrange)


@pytest.fixture
async def support(arrange: Arrange) -> Actor:
    return await arrange.actor(await arrange.staff(SUPPORT))


@pytest.mark.parametrize("what", ["mobile", "sheba"])
async def test_a_newer_value_of_the_same_organisation_takes_the_waiting_ones_place(
    office: PersonnelOffice, support: Actor, what: str
) -> None:
    line = Line()
    old, new = {"mobile": (NEW_MOBILE, NEWER_MOBILE), "sheba": (SHEBAS[1], SHEBAS[2])}[what]
    case_id = await office.change(line, line.but(**{what: old}))
    await take(office, "request_decision", case_id)
    (seen,) = await office.fetch(sa.select(tasks.c.version).where(tasks.c.case_id == case_id))
    newer = await office.import_(line.but(**{what: new}))
    again = await office.import_(line.but(**{what: new}))
    assert [(done.changes_opened, done.changes_waiting) for done in (newer, again)] == [(0, 1), (0, 1)]
    codes = await office.fetch(sa.select(timeline.c.code).where(timeline.c.case_id == case_id).order_by(timeline.c.id))
    assert [code for (code,) in codes].count("personnel_change_replaced") == 1
    proposals = await office.fetch(
        sa.select(facts.c.payload)
        .where(facts.c.case_id == case_id, facts.c.kind == "change_proposed")
        .order_by(facts.c.id)
    )
    index = office.context.seals.index
    assert [row.payload["value"] for row in proposals] == [index.of(what, value).hex() for value in (old, new)]
    with pytest.raises(PreconditionFailed):
        await answer(office, support, case_id, version=seen.version)

    await answer(office, support, case_id, version=seen.version + 1)
    await take(office, "apply_decision", case_id)
    stored = await office.person(line)
    assert getattr(stored, {"mobile": "mobile_index", "sheba": "job_sheba_index"}[what]) == index.of(what, new)


@pytest.mark.parametrize("confirm", [True, False])
async def test_a_decision_says_nothing_about_a_value_that_was_proposed_after_it(
    office: PersonnelOffice, support: Actor, confirm: bool
) -> None:
    case_id, line = await ask_for_mobile(office)
    await answer(office, support, case_id, confirm=confirm, reason="نادرست است")
    await office.import_(line.but(mobile=NEWER_MOBILE))
    for round_ in (0, 0, 1):
        assert (await take(office, "apply_decision", case_id, round_)).step == Step.REQUEST_DECISION
    for round_ in (1, 1, 2):
        assert (await take(office, "request_decision", case_id, round_)).step == WAIT
    assert await office.mobile(line) == line.mobile
    open_now = sa.select(tasks.c.id).where(tasks.c.case_id == case_id, tasks.c.status == "open")
    assert len(await office.fetch(open_now)) == 1

    await answer(office, support, case_id, key="another-key")
    assert (await take(office, "apply_decision", case_id, 2)).step == OVER
    assert await office.mobile(line) == NEWER_MOBILE


async def test_two_organisations_propose_two_mobiles_and_each_is_decided_on_its_own(
    office: PersonnelOffice, activity_context: ActivityContext, arrange: Arrange, support: Actor
) -> None:
    case_id, line = await ask_for_mobile(office)
    elsewhere = await PersonnelOffice.open(activity_context, arrange)
    await elsewhere.import_(line.but(mobile=NEWER_MOBILE))
    (theirs,) = await elsewhere.changes()
    await take(elsewhere, "request_decision", theirs.id)
    await answer(office, support, case_id, confirm=False, reason="نادرست است")
    await take(office, "apply_decision", case_id)
    assert await office.mobile(line) == line.mobile
    await answer(elsewhere, support, theirs.id, key="another-key")
    await take(elsewhere, "apply_decision", theirs.id)
    assert await office.mobile(line) == NEWER_MOBILE


async def test_a_file_and_a_decision_of_one_moment_do_not_lock_each_other_out(
    office: PersonnelOffice, support: Actor
) -> None:
    lines = [Line() for _ in range(8)]
    await office.import_(*lines)
    await office.import_(*(line.but(mobile=f"+98999000002{number}") for number, line in enumerate(lines)))
    asked = [case.id for case in await office.changes()]
    for case_id in asked:
        await take(office, "request_decision", case_id)
        await answer(office, support, case_id, key=str(case_id))
    newer = await office.send([line.but(mobile=f"+98999000003{number}") for number, line in enumerate(lines)])
    # Whose answer is lost cannot be said of things that are done at once.
    office = replace(
        office, activity_context=ActivityContext(office.context.engine, office.context.seals, office.context.files)
    )
    await asyncio.gather(office.run(newer), *(take(office, "apply_decision", case_id) for case_id in asked))
    for number, line in enumerate(lines):
        assert await office.mobile(line) in {f"+98999000002{number}", line.mobile}
    assert (await office.read(newer)).changes_waiting + (await office.read(newer)).changes_opened == len(lines)
