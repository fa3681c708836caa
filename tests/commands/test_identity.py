"""Whoever lists a person first does not own them: each employer's list gives way to its own pay only (A1, G2)."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

import pytest
import sqlalchemy as sa

from activities.transition import ActivityContext
from commands.employment import search_employments
from domain.access import Actor, Grant, Role, ScopeKind
from domain.employment import EmployeeMobileDisputed, MobileDisputed
from domain.errors import SentByYourself
from domain.onboarding import NotOnPersonnelList
from messages.case import OVER, NextStep
from storage.account import begin_session
from storage.database import SERVICE, transaction
from storage.dispute import Dispute, ListSays, listed_mobiles
from storage.organisation import employments_of
from storage.people import add_person
from storage.profile import shebas_of
from storage.rows.cases import cases
from storage.rows.notices import notices
from storage.rows.organisation import Employment
from storage.rows.outbox import outbox
from storage.rows.people import persons
from tests.activities.test_personnel_change import answer, end_of, take
from tests.arrange import Arrange, Someone
from tests.books import Superuser
from tests.commands.onboarding_steps import MinipayOffice, apply, issue
from tests.personnel_steps import Line, PersonnelOffice

STRANGERS, OWN, THIRD = "+989350000001", "+989350000002", "+989350000003"
SUPPORT = Grant(Role.SUPPORT_AGENT, ScopeKind.PLATFORM)


@dataclass(frozen=True, slots=True)
class TwoEmployers:
    """One lists somebody first, with a stranger's number; the other is where they work, with their own."""

    first: PersonnelOffice
    real: PersonnelOffice
    line: Line
    support: Actor

    async def employment(self, office: PersonnelOffice) -> Employment:
        """Their line on an organisation's list."""
        person = await office.person(self.line)
        async with transaction(office.context.engine, SERVICE) as connection:
            found = await employments_of(connection, person.id)
        return next(one for one in found if one.organisation_id == office.organisation_id)

    async def applicant(self, office: PersonnelOffice) -> Someone:
        """Whoever signs in as them; the pause after a change is over."""
        person = await office.person(self.line)
        async with transaction(office.context.engine, SERVICE) as connection:
            await connection.execute(sa.update(persons).values(money_paused_until=None))
            session = await begin_session(connection, person.id, "member")
        return Someone(person.id, self.line.national_id, await office.mobile(self.line), session.token)

    async def apply(self, office: PersonnelOffice) -> UUID:
        """They apply on an organisation's pay."""
        someone = await self.applicant(office)
        return await apply(MinipayOffice(office.context, someone, someone), organisation_id=office.organisation_id)

    async def decide(self, office: PersonnelOffice, *, confirm: bool = True) -> NextStep:
        """Support answers the newest change that an organisation's list proposed."""
        change = (await office.changes())[-1]
        await take(office, "request_decision", change.id)
        await answer(office, self.support, change.id, confirm=confirm, reason="شماره پاسخ نمی‌دهد", key=str(change.id))
        return await take(office, "apply_decision", change.id)

    async def dispute(self, office: PersonnelOffice) -> Dispute | None:
        """What HR of an organisation sees of it."""
        (found,) = await search_employments(office.context, office.actor, self.line.national_id)
        return found.dispute


@pytest.fixture
async def both(activity_context: ActivityContext, arrange: Arrange) -> TwoEmployers:
    """Two organisations that list the same person, the second one rightly."""
    first, real = [await PersonnelOffice.open(activity_context, arrange) for _ in range(2)]
    line = Line(mobile=STRANGERS)
    await first.import_(line)
    await real.import_(line.but(mobile=OWN))
    return TwoEmployers(first, real, line, await arrange.acting((await arrange.person("staff")).id, SUPPORT))


async def test_a_strangers_number_gives_no_way_to_the_pay_of_another_employer(both: TwoEmployers) -> None:
    assert (await both.employment(both.first)).counts
    assert (await both.employment(both.real)).is_disputed

    with pytest.raises(MobileDisputed):
        await both.apply(both.real)


async def test_a_number_under_which_somebody_was_added_as_staff_gives_no_way_to_an_employers_pay(
    both: TwoEmployers,
) -> None:
    line, office = Line(mobile=OWN), both.real
    async with transaction(office.context.engine, SERVICE) as connection:
        names = {"first_name": line.first_name, "last_name": line.last_name}
        await add_person(connection, office.context.seals, national_id=line.national_id, mobile=STRANGERS, **names)
    await office.import_(line)

    with pytest.raises(MobileDisputed):
        await TwoEmployers(both.first, office, line, both.support).apply(office)


async def test_whoever_never_signed_in_takes_another_lists_number_only_by_two_people(
    both: TwoEmployers, arrange: Arrange
) -> None:
    (change,) = await both.real.changes()
    await take(both.real, "request_decision", change.id)
    with pytest.raises(SentByYourself):
        await answer(both.real, await arrange.acting(both.real.actor.person_id, SUPPORT), change.id)

    assert (await both.real.person(both.line)).mobile_confirmed_at is None
    assert await both.real.mobile(both.line) == STRANGERS
    await both.decide(both.real)
    assert await both.real.mobile(both.line) == OWN


async def test_the_profile_does_not_name_an_employer_whose_list_has_another_number(both: TwoEmployers) -> None:
    context, person = both.first.context, await both.first.person(both.line)
    async with transaction(context.engine, SERVICE) as connection:
        shown = await shebas_of(connection, context.seals, person.id)
    assert len(shown) == 1


async def test_a_confirmed_number_counts_for_the_list_by_which_it_came_and_for_no_other(both: TwoEmployers) -> None:
    await both.decide(both.real)

    assert await both.real.mobile(both.line) == OWN
    assert (await both.employment(both.real)).counts
    with pytest.raises(MobileDisputed):
        await both.apply(both.first)
    await both.apply(both.real)


async def test_a_list_that_comes_to_have_the_persons_number_counts_again(both: TwoEmployers) -> None:
    await both.decide(both.real)
    await both.first.import_(both.line.but(mobile=OWN))

    assert (await both.employment(both.first)).counts


async def test_a_list_with_another_number_disputes_its_own_employment_alone(both: TwoEmployers) -> None:
    await both.decide(both.real)
    await both.first.import_(both.line.but(mobile=THIRD))

    assert (await both.employment(both.first)).is_disputed
    assert (await both.employment(both.real)).counts
    await both.apply(both.real)


async def test_whoever_has_left_is_on_no_list_disputed_or_not(both: TwoEmployers, superuser: Superuser) -> None:
    await superuser.run("UPDATE employments SET state = 'left'")

    with pytest.raises(NotOnPersonnelList):
        await both.apply(both.real)


async def test_no_certificate_is_issued_while_the_list_has_another_number(both: TwoEmployers) -> None:
    case_id = await both.apply(both.first)
    member = await both.applicant(both.first)
    officer = Someone(both.first.actor.person_id, "", "", "")
    async with transaction(both.first.context.engine, SERVICE) as connection:
        session = await begin_session(connection, officer.id, "staff")
    office = MinipayOffice(both.first.context, member, Someone(officer.id, "", "", session.token))
    await take(both.first, "request_backing", case_id)
    await both.first.import_(both.line.but(mobile=THIRD))

    with pytest.raises(EmployeeMobileDisputed):
        await issue(office, case_id)
    await both.first.import_(both.line)
    await issue(office, case_id)


async def test_both_numbers_are_told_when_a_list_proposes_one_and_when_it_proposes_another(
    both: TwoEmployers,
) -> None:
    (change,) = await both.real.changes()
    await take(both.real, "request_decision", change.id)
    await both.real.import_(both.line.but(mobile=THIRD))

    rows = await both.real.fetch(
        sa.select(notices.c.template, notices.c.mobile_sealed, notices.c.params)
        .where(notices.c.case_id == change.id)
        .order_by(notices.c.template, notices.c.id)
    )
    cipher = both.real.context.seals.cipher
    told = [(row[0], row[1] and cipher.open_text(row[1], "person.mobile")) for row in rows]
    # The person's present number is theirs when the SMS is sent; the other notices name the one they go to.
    assert told == [
        ("mobile_proposed_new", OWN),
        ("mobile_proposed_new", THIRD),
        ("personnel_mobile_proposed", None),
        ("personnel_mobile_proposed", None),
    ]
    assert all(row.params == {} for row in rows)


async def test_a_change_ends_by_itself_when_the_list_agrees_again(both: TwoEmployers) -> None:
    (change,) = await both.real.changes()
    await take(both.real, "request_decision", change.id)
    await both.real.import_(both.line)

    assert await _was_woken(both.real, change.id)
    assert (await take(both.real, "assess_decision", change.id)).step == OVER
    assert await end_of(both.real, change.id) == ("overtaken", "overtaken")
    assert (await both.employment(both.real)).counts


async def test_a_change_that_was_confirmed_before_the_list_agreed_again_changes_nothing(both: TwoEmployers) -> None:
    (change,) = await both.real.changes()
    await take(both.real, "request_decision", change.id)
    await answer(both.real, both.support, change.id)
    await both.real.import_(both.line)

    assert (await take(both.real, "apply_decision", change.id)).step == OVER
    assert await end_of(both.real, change.id) == ("overtaken", "overtaken")
    assert await both.real.mobile(both.line) == STRANGERS


async def test_one_confirmation_ends_the_changes_of_all_lists_that_have_the_number(
    both: TwoEmployers, activity_context: ActivityContext, arrange: Arrange
) -> None:
    same, other = [await PersonnelOffice.open(activity_context, arrange) for _ in range(2)]
    await same.import_(both.line.but(mobile=OWN))
    await other.import_(both.line.but(mobile=THIRD))
    for office in (same, other):
        await take(office, "request_decision", (await office.changes())[0].id)
    await both.decide(both.real)

    for office, step in ((same, OVER), (other, "wait")):
        (waiting,) = await office.changes()
        assert await _was_woken(office, waiting.id)
        assert (await take(office, "assess_decision", waiting.id)).step == step


async def test_after_a_rejection_the_employment_stays_disputed_and_its_hr_sees_why(both: TwoEmployers) -> None:
    await both.decide(both.real, confirm=False)

    dispute = await both.dispute(both.real)
    assert dispute is not None
    assert (dispute.is_open, dispute.rejected_because) == (False, "شماره پاسخ نمی‌دهد")
    assert await both.dispute(both.first) is None
    with pytest.raises(MobileDisputed):
        await both.apply(both.real)
    await both.apply(both.first)


async def test_nobody_ends_a_dispute_about_their_own_mobile(both: TwoEmployers, arrange: Arrange) -> None:
    theirs = await both.real.person(both.line)
    officer = Grant(Role.HR_OFFICER, ScopeKind.ORGANISATION, str(both.real.organisation_id))
    own = PersonnelOffice(
        both.real.context,
        both.real.activity_context,
        both.real.organisation_id,
        await arrange.acting(theirs.id, officer),
    )
    imported = await own.send([both.line])

    await own.run(imported)

    assert await own.refused(imported) == {"1": "own_row"}
    assert (await both.employment(both.real)).is_disputed


async def test_support_sees_what_each_list_says_and_since_when(both: TwoEmployers) -> None:
    proposed = both.real.context.seals.index.of("mobile", OWN)
    person = await both.real.person(both.line)
    async with transaction(both.real.context.engine, SERVICE) as connection:
        lists = await listed_mobiles(connection, person.id, proposed)

    assert [(one.organisation_id, one.says) for one in lists] == [
        (both.first.organisation_id, ListSays.PRESENT),
        (both.real.organisation_id, ListSays.PROPOSED),
    ]
    assert lists[0].since < lists[1].since


async def _was_woken(office: PersonnelOffice, case_id: UUID) -> bool:
    """Whether the process of a case is told to look again."""
    kind = sa.select(cases.c.kind).where(cases.c.id == case_id).scalar_subquery()
    woken = sa.func.jsonb_build_object("kind", kind, "case_id", str(case_id), "name", "resumed")
    return bool(await office.fetch(sa.select(outbox.c.id).where(outbox.c.payload == woken)))
