"""What somebody may choose and by which personnel values, before an application and for its correction (A2, A3, A7)."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from activities.transition import ActivityContext
from commands.command import Context
from domain.review import ReturnReason
from tests.arrange import Arrange
from tests.books import Superuser
from tests.commands.onboarding_steps import TavanaScenario
from tests.journeys.steps import Steps


@pytest.fixture
async def tavana(context: Context, arrange: Arrange, activity_context: ActivityContext) -> TavanaScenario:
    """An applicant, a colleague and finance of one region."""
    return await TavanaScenario.opened(context, arrange, activity_context)


async def programmes(api: httpx2.AsyncClient, tavana: TavanaScenario) -> Any:
    """What the applicant is offered."""
    return (await api.get("/v1/programmes", headers=tavana.applicant.headers())).json()


async def test_an_open_application_is_named_in_its_programme_and_a_closed_service_said(
    api: httpx2.AsyncClient, tavana: TavanaScenario, superuser: Superuser
) -> None:
    before = await programmes(api, tavana)
    case_id = await tavana.apply(tavana.guarantor)
    await superuser.run(
        "UPDATE services SET is_open = false, reason = 'آزمون', changed_by = %s WHERE name = 'onboarding'",
        tavana.platform.id,
    )
    after = await programmes(api, tavana)

    assert (before["takes_applications"], after["takes_applications"]) == (True, False)
    assert {each["code"]: each["open_case_id"] for each in before["items"]} == {"minipay": None, "tavana": None}
    assert {each["code"]: each["open_case_id"] for each in after["items"]} == {"minipay": None, "tavana": str(case_id)}


async def test_the_limit_names_the_personnel_values_it_stands_on(
    api: httpx2.AsyncClient, tavana: TavanaScenario
) -> None:
    offered = (await programmes(api, tavana))["items"]

    assert {
        (limit["region_code"], limit["hire_date"]["date"], limit["net_pay"]["amount"], limit["region_name"] != "")
        for each in offered
        for limit in each["limits"]
    } == {("1101", "2015-04-04", 400_000_000, True)}


async def test_a_returned_application_says_what_it_may_be_corrected_to_by_the_values_of_today(
    tavana: TavanaScenario, steps: Steps, superuser: Superuser
) -> None:
    case_id = str(await tavana.returned(ReturnReason.AMOUNT_TOO_HIGH))
    await superuser.run("UPDATE employments SET net_pay = 320000000 WHERE person_id = %s", tavana.applicant.id)

    own = (await steps.case(tavana.applicant, case_id))["correction"]

    # Its own amount takes nothing from its limit.
    assert own["limit"]["monthly_limit"]["amount"] == own["limit"]["net_pay"]["amount"] // 4 == 80_000_000
    assert (own["mandate_version"], own["instalments_max"], own["mandate"]["fa"] != "") == (1, 24, True)
    assert (await steps.case(tavana.finance, case_id))["correction"] is None
    # Pay is for whom the employer means.
    await superuser.run("UPDATE employments SET mobile_index = 'x' WHERE person_id = %s", tavana.applicant.id)
    disputed = await steps.case(tavana.applicant, case_id)
    assert (disputed["correction"], [one["part"] for one in disputed["mobile_disputed"]]) == (None, ["applicant"])


async def test_an_application_that_is_not_returned_has_nothing_to_correct(tavana: TavanaScenario, steps: Steps) -> None:
    case_id = str(await tavana.backed())

    assert (await steps.case(tavana.applicant, case_id))["correction"] is None
