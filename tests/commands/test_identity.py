"""Whoever lists a person first does not own them: each employer's list gives way to its own pay only (A1, G2)."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

import pytest

from activities.transition import ActivityContext
from domain.access import Grant, Role, ScopeKind
from domain.onboarding import NotOnPersonnelList
from storage.account import begin_session
from storage.database import SERVICE, transaction
from storage.organisation import employments_of
from storage.rows.organisation import Employment
from tests.activities.test_personnel_change import answer, take
from tests.arrange import Arrange, Someone
from tests.commands.onboarding_steps import MinipayOffice, apply
from tests.personnel_steps import Line, PersonnelOffice

STRANGERS, OWN = "+989350000001", "+989350000002"
SUPPORT = Grant(Role.SUPPORT_AGENT, ScopeKind.PLATFORM)


@dataclass(frozen=True, slots=True)
class TwoEmployers:
    """One lists somebody first, with a stranger's number; the other is where they work, with their own."""

    first: PersonnelOffice
    real: PersonnelOffice
    line: Line

    async def employment(self, office: PersonnelOffice) -> Employment:
        """Their line on an organisation's list."""
        person = await office.person(self.line)
        async with transaction(office.context.engine, SERVICE) as connection:
            found = await employments_of(connection, person.id)
        return next(one for one in found if one.organisation_id == office.organisation_id)

    async def apply(self, office: PersonnelOffice) -> UUID:
        """Whoever signs in as them applies on an organisation's pay."""
        person = await office.person(self.line)
        async with transaction(office.context.engine, SERVICE) as connection:
            session = await begin_session(connection, person.id, "member")
        someone = Someone(person.id, self.line.national_id, await office.mobile(self.line), session.token)
        return await apply(MinipayOffice(office.context, someone, someone), organisation_id=office.organisation_id)

    async def confirm_own_number(self, arrange: Arrange) -> None:
        """Support confirms the number that the real employer lists."""
        (change,) = await self.real.changes()
        await take(self.real, "request_decision", change.id)
        support = await arrange.acting((await arrange.person("staff")).id, SUPPORT)
        await answer(self.real, support, change.id)
        await take(self.real, "apply_decision", change.id)


@pytest.fixture
async def both(activity_context: ActivityContext, arrange: Arrange) -> TwoEmployers:
    """Two organisations that list the same person, the second one rightly."""
    first, real = [await PersonnelOffice.open(activity_context, arrange) for _ in range(2)]
    line = Line(mobile=STRANGERS)
    await first.import_(line)
    await real.import_(line.but(mobile=OWN))
    return TwoEmployers(first, real, line)


async def test_a_strangers_number_gives_no_way_to_the_pay_of_another_employer(both: TwoEmployers) -> None:
    assert (await both.employment(both.first)).counts
    assert (await both.employment(both.real)).is_disputed

    with pytest.raises(NotOnPersonnelList):
        await both.apply(both.real)


async def test_a_confirmed_number_counts_for_the_list_by_which_it_came_and_for_no_other(
    both: TwoEmployers, arrange: Arrange
) -> None:
    await both.confirm_own_number(arrange)

    assert await both.real.mobile(both.line) == OWN
    assert (await both.employment(both.real)).counts
    assert (await both.employment(both.first)).is_disputed
    with pytest.raises(NotOnPersonnelList):
        await both.apply(both.first)


async def test_a_list_that_comes_to_have_the_persons_number_counts_again(both: TwoEmployers, arrange: Arrange) -> None:
    await both.confirm_own_number(arrange)
    await both.first.import_(both.line.but(mobile=OWN))

    assert (await both.employment(both.first)).counts


async def test_a_list_with_another_number_disputes_its_own_employment_alone(
    both: TwoEmployers, arrange: Arrange
) -> None:
    await both.confirm_own_number(arrange)
    await both.first.import_(both.line.but(mobile="+989350000003"))

    assert (await both.employment(both.real)).counts
    assert (await both.employment(both.first)).is_disputed
