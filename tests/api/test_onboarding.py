"""What a member reads of their credit."""

from __future__ import annotations

import httpx2
import pytest

from activities.onboarding import OnboardingActivities
from activities.transition import Desk
from commands.command import Context
from messages.onboarding import Step
from tests.arrange import Arrange, Someone
from tests.books import Superuser
from tests.commands.onboarding_steps import Office, apply, issue


@pytest.fixture
async def member(context: Context, arrange: Arrange, desk: Desk) -> Someone:
    """A member with an active credit."""
    employer = await arrange.organisation()
    office = Office(context, await arrange.member(employer), await arrange.hr_officer(employer))
    case_id = await apply(office)
    activities = OnboardingActivities(desk)
    await activities.request_certificate(Step(case_id))
    await issue(office, case_id)
    await activities.activate_credit(Step(case_id))
    return office.member


async def shown_card(api: httpx2.AsyncClient, member: Someone) -> str:
    """The card number that the member is shown."""
    (line,) = (await api.get("/v1/credit-lines", headers=member.headers())).json()["items"]
    return str(line["card_number"])


async def test_the_whole_card_number_is_shown_only_after_a_fresh_code(
    api: httpx2.AsyncClient, member: Someone, superuser: Superuser
) -> None:
    shown = [await shown_card(api, member)]
    for moment in ("5 minutes", "-1 second"):
        await superuser.run(
            "UPDATE sessions SET strong_until = now() + %s::interval WHERE person_id = %s", moment, member.id
        )
        shown.append(await shown_card(api, member))

    before, whole, after = shown
    assert len(whole) == 16
    assert whole.isdigit()
    assert before == after == "*" * 12 + whole[-4:]
