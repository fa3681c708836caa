"""From nothing to an offer of credit: a file first and joining then, or the other way round (A1)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import httpx2
import pytest

from activities.transition import ActivityContext
from api import joining, onboarding
from api.account.sessions import MemberSignIn, read_me
from demo.remote import RemoteClient
from tests.arrange import Arrange, eventually, newest_code, next_national_id, sent_to
from tests.personnel_steps import Line, PersonnelOffice

pytestmark = pytest.mark.usefixtures("relay")


@dataclass(frozen=True, slots=True)
class Site:
    """Where somebody joins over HTTP, and where their SMS come."""

    http: httpx2.AsyncClient
    messages: Path

    async def join(self, national_id: str, mobile: str) -> RemoteClient:
        """Join, with the code from the SMS; returns what they call the API with."""
        guest = RemoteClient(self.http)
        terms = await guest.call(joining.read_terms)
        body = joining.JoiningIn(
            national_id=national_id, mobile=mobile, first_name="نگار", last_name="صالحی", terms_version=terms.version
        )
        challenge: UUID = (await guest.call(joining.request_joining, body)).challenge_id

        async def came() -> bool:
            return "code_join" in sent_to(self.messages, mobile)

        await eventually(came, "the code")
        code = MemberSignIn(challenge_id=challenge, code=newest_code(self.messages, mobile))
        return RemoteClient(self.http, (await guest.call(joining.join, code)).token or "")


@pytest.fixture
def site(api: httpx2.AsyncClient, messages_dir: Path) -> Site:
    """The API over HTTP."""
    return Site(api, messages_dir)


@pytest.fixture
async def office(activity_context: ActivityContext, arrange: Arrange) -> PersonnelOffice:
    """HR of an organisation with a contract in force."""
    return await PersonnelOffice.open(activity_context, arrange)


async def offered(member: RemoteClient) -> list[onboarding.ProgrammeOut]:
    """The programmes, with what is possible in each."""
    return list((await member.call(onboarding.list_programmes)).items)


@pytest.mark.parametrize("file_first", [True, False])
async def test_in_either_order_a_member_with_the_lists_number_is_offered_credit(
    site: Site, office: PersonnelOffice, file_first: bool
) -> None:
    line = Line(next_national_id(), mobile="+989351110001")
    if file_first:
        await office.import_(line)
    member = await site.join(line.national_id, line.mobile)
    if not file_first:
        assert [programme.limits for programme in await offered(member)] == [[], []]
        await office.import_(line)

    for programme in await offered(member):
        (limit,) = programme.limits
        assert limit.organisation_id == office.organisation_id
        assert limit.monthly_limit.amount == int(line.net_pay_rial) // 4
    me = await member.call(read_me)
    assert me.terms_due is None
    # The list names its people; what a stranger typed renames nobody.
    assert (me.first_name, me.last_name) == (line.first_name, line.last_name)


@pytest.mark.parametrize("file_first", [True, False])
async def test_in_either_order_a_member_with_another_number_is_offered_no_credit(
    site: Site, office: PersonnelOffice, file_first: bool
) -> None:
    line = Line(next_national_id())
    if file_first:
        await office.import_(line)
    member = await site.join(line.national_id, "+989351110001")
    if not file_first:
        await office.import_(line)

    assert [programme.limits for programme in await offered(member)] == [[], []]
    assert len(await office.changes()) == 1


async def test_a_number_of_somebody_else_gets_nothing(site: Site) -> None:
    guest = RemoteClient(site.http)
    bodies = [
        joining.JoiningIn(
            national_id=next_national_id(), mobile=mobile, first_name="نگار", last_name="صالحی", terms_version=1
        )
        for mobile in ("+989351114040", "+989351110001")
    ]
    answers = [await guest.call(joining.request_joining, body) for body in bodies]

    async def came() -> bool:
        return "code_join" in sent_to(site.messages, "+989351110001")

    await eventually(came, "the code of the other one")
    assert sent_to(site.messages, "+989351114040") == []
    assert answers[0].sentence == answers[1].sentence
