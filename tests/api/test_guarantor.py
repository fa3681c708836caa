"""What guarantors and applicants see of one another, and what each may ask and answer (A4, A4a, A5)."""

from __future__ import annotations

import asyncio
from datetime import date
from typing import Any

import httpx2
import pytest
from starlette.responses import Response

from activities.transition import ActivityContext
from api.dependencies import Caller
from api.live import Watcher
from commands.account import authenticate
from commands.command import Context
from domain.access import Part
from domain.catalogue import words
from domain.guarantor import CHECKS_PER_PERSON
from domain.identity import NationalId, mask_national_id
from messages.case import Event as CaseEvent
from messages.onboarding import Event as ApplicationEvent
from storage.cases import add_event
from storage.database import SERVICE, transaction
from storage.rows.cases import TimelineEvent
from tests.arrange import Arrange, Someone, next_national_id
from tests.books import Superuser
from tests.commands.onboarding_steps import (
    TavanaScenario,
    accept_guarantee,
    add_programme,
    guarantee_of,
    name,
    refuse_guarantee,
    task_of,
)
from tests.journeys.steps import REFUSE_GUARANTEE, TAVANA, Steps, named

MANDATE = {"version": 1, "code_id": "01890000-0000-7000-8000-000000000000", "code": "000000"}


@pytest.fixture
async def tavana(context: Context, arrange: Arrange, activity_context: ActivityContext) -> TavanaScenario:
    """An applicant, a colleague and finance of one region."""
    return await TavanaScenario.opened(context, arrange, activity_context)


async def may_be_asked(
    api: httpx2.AsyncClient, who: Someone, national_id: str, programme: str = "tavana"
) -> httpx2.Response:
    """Ask whether somebody may be asked."""
    body = {"programme": programme, "national_id": national_id}
    return await api.post("/v1/guarantor-checks", json=body, headers=who.headers())


async def read(api: httpx2.AsyncClient, who: Someone, address: str) -> dict[str, Any]:
    """What somebody reads."""
    answer = await api.get(address, headers=who.headers())
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_the_check_says_yes_or_no_and_never_why(
    api: httpx2.AsyncClient, tavana: TavanaScenario, arrange: Arrange, superuser: Superuser
) -> None:
    silent = await tavana.colleague()
    await superuser.run("UPDATE persons SET mobile_index = NULL, mobile_sealed = NULL WHERE id = %s", silent.id)
    asked = {
        tavana.guarantor.national_id: True,
        (await tavana.colleague(region="2201")).national_id: False,
        (await tavana.colleague(net_pay=399_999_990)).national_id: False,
        (await tavana.colleague(hired=date(1997, 1, 1))).national_id: False,
        (await arrange.member(await arrange.organisation())).national_id: False,
        silent.national_id: False,
        next_national_id(): False,
        "1111111112": False,
        "nobody": False,
    }

    answers = {national_id: await may_be_asked(api, tavana.applicant, national_id) for national_id in asked}

    assert {national_id: answer.json() for national_id, answer in answers.items()} == {
        national_id: {"may_be_asked": may} for national_id, may in asked.items()
    }
    assert {answer.status_code for answer in answers.values()} == {200}


async def test_a_length_of_service_that_the_list_gives_counts_in_place_of_the_hire_date(
    api: httpx2.AsyncClient, tavana: TavanaScenario, superuser: Superuser
) -> None:
    late, early = await tavana.colleague(), await tavana.colleague(hired=date(1997, 1, 1))
    for who, start in ((late, date(1997, 1, 1)), (early, date(2015, 4, 4))):
        await superuser.run(
            "UPDATE employments SET service = 'P1Y0M0D', service_start = %s WHERE person_id = %s", start, who.id
        )

    answers = [await may_be_asked(api, tavana.applicant, who.national_id) for who in (late, early)]

    assert [answer.json() for answer in answers] == [{"may_be_asked": False}, {"may_be_asked": True}]


async def test_a_check_that_makes_no_sense_is_refused(api: httpx2.AsyncClient, tavana: TavanaScenario) -> None:
    own = await may_be_asked(api, tavana.applicant, tavana.applicant.national_id)
    without = await may_be_asked(api, tavana.applicant, tavana.guarantor.national_id, "minipay")
    unknown = await may_be_asked(api, tavana.applicant, tavana.guarantor.national_id, "nothing")

    assert [(answer.status_code, answer.json()["code"]) for answer in (own, without, unknown)] == [
        (422, "guarantor_is_applicant"),
        (422, "guarantor_count_wrong"),
        (422, "programme_unknown"),
    ]


async def test_nobody_maps_an_office_by_asking_all_day(api: httpx2.AsyncClient, tavana: TavanaScenario) -> None:
    answers = [
        await may_be_asked(api, tavana.applicant, tavana.guarantor.national_id)
        for _ in range(CHECKS_PER_PERSON.allowed + 1)
    ]
    body = {**TAVANA, "mandate": MANDATE, "guarantors": named(tavana.guarantor)}
    application = await api.post("/v1/onboarding/applications", json=body, headers=tavana.applicant.headers())
    another = await may_be_asked(api, tavana.guarantor, tavana.applicant.national_id)

    assert [answer.status_code for answer in answers] == [200] * CHECKS_PER_PERSON.allowed + [429]
    assert int(answers[-1].headers["Retry-After"]) > 0
    assert (application.status_code, application.json()["code"]) == (429, "too_many_requests")
    assert another.status_code == 200


async def test_an_application_names_as_many_as_the_programme_asks_for_and_only_who_may_stand(
    api: httpx2.AsyncClient, tavana: TavanaScenario, superuser: Superuser
) -> None:
    foreign, second = await tavana.colleague(region="2201"), await tavana.colleague()
    before = await superuser.effects()
    wishes: list[tuple[list[dict[str, str]], int, str]] = [
        ([], 422, "guarantor_count_wrong"),
        (named(tavana.guarantor, second), 422, "guarantor_count_wrong"),
        (named(foreign), 422, "guarantor_may_not_be_asked"),
        (named(tavana.applicant), 422, "guarantor_is_applicant"),
        (named(*[second] * 4), 422, "invalid_input"),
    ]
    for guarantors, status, code in wishes:
        body = {**TAVANA, "mandate": MANDATE, "guarantors": guarantors}
        answer = await api.post("/v1/onboarding/applications", json=body, headers=tavana.applicant.headers())
        assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert await superuser.effects() == before


async def test_a_guarantor_reads_what_they_would_stand_for_and_nothing_of_the_applicants_pay(
    api: httpx2.AsyncClient, tavana: TavanaScenario, context: Context
) -> None:
    case_id = await tavana.asked(monthly=60_000_000)

    listed = await api.get("/v1/guarantees", headers=tavana.guarantor.headers())
    case = await api.get(f"/v1/cases/{case_id}", headers=tavana.guarantor.headers())

    (asked,) = listed.json()["items"]
    assert await read(api, tavana.guarantor, f"/v1/guarantees/{asked['id']}") == asked
    assert (asked["monthly"]["amount"], asked["instalments"], asked["ceiling"]["amount"]) == (
        60_000_000,
        12,
        720_000_000,
    )
    assert (asked["applicant_name"], asked["organisation_name"]) == ("مریم آزمون", "سازمان آزمون")
    assert asked["task_id"] == str((await task_of(context, case_id, tavana.guarantor)).id)
    assert (asked["status"], asked["phase"], asked["counts"]) == ("asked", "awaiting_guarantor", False)
    assert asked["mandate_version"] == 1
    assert "ضمانت" in asked["mandate"]["fa"]
    assert listed.json()["stands_for"] == {"count": 0, "most": 3}
    assert case.json()["person_name"] == "مریم آزمون"
    (in_list,) = (await read(api, tavana.guarantor, "/v1/cases"))["items"]
    assert (in_list["id"], in_list["person_name"]) == (str(case_id), None)
    assert case.json()["application"] is None
    assert case.json()["national_id_masked"] is None
    (own,) = case.json()["guarantees"]
    assert (own["id"], own["facts"], own["ceiling"]["amount"]) == (asked["id"], None, 720_000_000)
    for text in (listed.text, case.text):
        assert str(tavana.applicant.national_id) not in text
        assert "400000000" not in text


async def test_a_place_counts_from_acceptance_until_the_guarantee_ends(
    api: httpx2.AsyncClient, tavana: TavanaScenario
) -> None:
    case_id = await tavana.asked()
    second = await tavana.colleague()
    await accept_guarantee(tavana, case_id, tavana.guarantor)
    standing = await read(api, tavana.guarantor, "/v1/guarantees")
    await name(tavana, case_id, second, instead_of=tavana.guarantor)
    await tavana.go_on(case_id)
    released = await read(api, tavana.guarantor, "/v1/guarantees")

    assert (standing["stands_for"]["count"], standing["items"][0]["counts"]) == (1, True)
    assert (released["stands_for"]["count"], released["items"][0]["counts"]) == (0, False)
    assert (released["items"][0]["status"], released["items"][0]["phase"]) == ("replaced", None)


async def test_guarantees_come_page_by_page_newest_first(api: httpx2.AsyncClient, tavana: TavanaScenario) -> None:
    cases = [await tavana.asked(tavana.guarantor, applicant=await tavana.colleague()) for _ in range(3)]

    first = await read(api, tavana.guarantor, "/v1/guarantees?limit=2")
    second = await read(api, tavana.guarantor, f"/v1/guarantees?limit=2&cursor={first['next']}")

    assert [item["case_id"] for item in first["items"] + second["items"]] == [str(one) for one in reversed(cases)]
    assert second["next"] is None
    assert first["stands_for"] == second["stands_for"]


async def test_the_applicant_sees_the_masked_national_id_they_typed_and_the_name_only_once_accepted(
    api: httpx2.AsyncClient, tavana: TavanaScenario
) -> None:
    case_id = await tavana.asked()
    before = (await read(api, tavana.applicant, f"/v1/cases/{case_id}"))["guarantees"]
    await accept_guarantee(tavana, case_id, tavana.guarantor)
    after = (await read(api, tavana.applicant, f"/v1/cases/{case_id}"))["guarantees"]

    assert [(one["status"], one["name"]) for one in before + after] == [("asked", None), ("accepted", "مریم آزمون")]
    masked = mask_national_id(NationalId(tavana.guarantor.national_id))
    assert [(one["national_id_masked"], one["facts"]) for one in before + after] == [(masked, None)] * 2


@pytest.mark.parametrize("how", ["refused", "replaced"])
async def test_whoever_has_nothing_to_do_with_it_any_more_sees_the_case_no_more(
    api: httpx2.AsyncClient, tavana: TavanaScenario, how: str
) -> None:
    case_id = await tavana.asked()
    if how == "refused":
        await refuse_guarantee(tavana, case_id, tavana.guarantor)
    else:
        await name(tavana, case_id, await tavana.colleague(), instead_of=tavana.guarantor)
    await tavana.go_on(case_id)

    headers = tavana.guarantor.headers()
    addresses = [f"/v1/cases/{case_id}", f"/v1/cases/{case_id}/timeline", f"/v1/cases/{case_id}/events"]
    assert [(await api.get(address, headers=headers)).status_code for address in addresses] == [404] * 3
    assert (await read(api, tavana.guarantor, "/v1/cases"))["items"] == []
    assert (await read(api, tavana.guarantor, "/v1/tasks"))["items"] == []
    assert [one["status"] for one in (await read(api, tavana.guarantor, "/v1/guarantees"))["items"]] == [how]


async def test_what_is_the_applicants_own_business_stays_out_of_the_guarantors_timeline(
    tavana: TavanaScenario, steps: Steps, context: Context
) -> None:
    case_id = await tavana.returned()
    async with transaction(context.engine, SERVICE) as connection:
        await add_event(
            connection,
            case_id,
            ApplicationEvent.ACTIVATION_BLOCKED,
            actor="machine",
            params={"obstacle": "share_used_up"},
        )
        await add_event(connection, case_id, ApplicationEvent.ACTIVATION_PAUSED, actor="machine", params={"hours": 24})
        await add_event(connection, case_id, CaseEvent.REMINDED, actor="machine", params={"role": "applicant"})

    of_guarantor, of_applicant, of_finance = [
        await steps.timeline(who, str(case_id)) for who in (tavana.guarantor, tavana.applicant, tavana.finance)
    ]

    hidden = {"application_returned", "activation_blocked", "activation_paused"}
    assert not any(words.is_seen_by(code, Part.GUARANTOR) for code in hidden)
    assert of_applicant == of_finance
    assert hidden <= set(of_applicant)
    assert of_guarantor == [code for code in of_applicant if code not in hidden]
    assert of_guarantor[-1] == "reminded"


async def test_the_live_stream_of_a_guarantor_leaves_out_the_same_lines_and_goes_on_after_them(
    tavana: TavanaScenario, context: Context, superuser: Superuser
) -> None:
    case_id = await tavana.returned()
    # More hidden lines than are read at once.
    await superuser.run(
        "INSERT INTO timeline (case_id, code, params, actor)"
        " SELECT %s, 'activation_paused', '{\"hours\": 24}', 'machine' FROM generate_series(1, 120)",
        case_id,
    )
    async with transaction(context.engine, SERVICE) as connection:
        await add_event(connection, case_id, CaseEvent.REMINDED, actor="machine", params={"role": "applicant"})

    async def heard_by(who: Someone) -> list[str]:
        codes: list[str] = []
        caller = Caller(context, "", Response(), await authenticate(context, who.token))
        async with asyncio.timeout(5):
            async for event in Watcher(context.engine, check_seconds=0.05).watch(caller, case_id, 0):
                assert isinstance(event, TimelineEvent)
                codes.append(event.code)
                if event.code == "reminded":
                    return codes
        raise AssertionError(codes)

    everything = await heard_by(tavana.applicant)

    assert await heard_by(tavana.guarantor) == [code for code in everything if words.is_seen_by(code, Part.GUARANTOR)]
    assert everything == await heard_by(tavana.finance)
    assert everything.count("application_returned") == 1


async def test_a_guarantors_code_is_for_the_guarantor_who_is_asked_and_nobody_else(
    api: httpx2.AsyncClient, tavana: TavanaScenario, context: Context
) -> None:
    case_id = await tavana.asked()
    guarantee = await guarantee_of(context, case_id, tavana.guarantor)
    wish = {
        "purpose": "accept_guarantee",
        "subject": {"guarantee_id": str(guarantee.id), "mandate_version": 1},
    }

    async def ask(who: Someone) -> tuple[int, str]:
        answer = await api.post("/v1/codes", json=wish, headers=who.headers())
        return answer.status_code, answer.json().get("code", "")

    assert await ask(tavana.applicant) == (404, "not_found")
    assert await ask(await tavana.colleague()) == (404, "not_found")
    assert await ask(tavana.finance) == (403, "not_allowed")
    assert await ask(tavana.guarantor) == (202, "")
    await accept_guarantee(tavana, case_id, tavana.guarantor)
    assert await ask(tavana.guarantor) == (409, "task_decided_by_you")


@pytest.mark.usefixtures("relay")
async def test_a_guarantor_accepts_with_a_code_for_exactly_this_guarantee(
    tavana: TavanaScenario, context: Context, steps: Steps
) -> None:
    first = await tavana.asked()
    second = await tavana.asked(tavana.guarantor, applicant=await tavana.colleague())
    guarantees = [await guarantee_of(context, case_id, tavana.guarantor) for case_id in (first, second)]
    task = await task_of(context, first, tavana.guarantor)
    consents = [await steps.member(tavana.guarantor).consent(one.id) for one in reversed(guarantees)]
    other, mandate = [consent.mandate.model_dump(mode="json") for consent in consents]

    async def accept(acceptance: dict[str, Any]) -> tuple[int, str]:
        decision = {"kind": "answer_guarantee", "decision": "accept", "mandate": acceptance}
        answer = await steps.decide(tavana.guarantor, str(task.id), decision)
        return answer.status_code, answer.json().get("code", "")

    assert await accept(other) == (422, "code_not_accepted")
    assert await accept({**mandate, "version": 2}) == (409, "mandate_outdated")
    assert await accept({**mandate, "code": "12345"}) == (422, "bad_code")
    assert await accept(mandate) == (200, "")
    assert await accept(mandate) == (409, "task_decided_by_you")


async def test_a_guarantor_whose_last_place_was_taken_is_told_so(
    api: httpx2.AsyncClient, tavana: TavanaScenario, context: Context, steps: Steps
) -> None:
    waiting = await tavana.asked()
    for _ in range(3):
        case_id = await tavana.asked(tavana.guarantor, applicant=await tavana.colleague())
        await accept_guarantee(tavana, case_id, tavana.guarantor)
    task = await task_of(context, waiting, tavana.guarantor)

    decision = {"kind": "answer_guarantee", "decision": "accept", "mandate": MANDATE}
    full = await steps.decide(tavana.guarantor, str(task.id), decision)
    refused = await steps.decide(tavana.guarantor, str(task.id), REFUSE_GUARANTEE)

    assert (full.status_code, full.json()["code"]) == (409, "guarantor_capacity_full")
    assert "۳ نفر" in full.json()["detail"]
    assert refused.status_code == 200
    assert (await read(api, tavana.guarantor, "/v1/guarantees"))["stands_for"] == {"count": 3, "most": 3}


async def test_another_name_takes_an_empty_place_or_somebodys(
    tavana: TavanaScenario, context: Context, steps: Steps
) -> None:
    case_id = await tavana.asked()
    second, third = await tavana.colleague(), await tavana.colleague()
    guarantee = await guarantee_of(context, case_id, tavana.guarantor)
    missing = "01890000-0000-7000-8000-000000000000"

    filled = await steps.name(tavana.applicant, str(case_id), second)
    unknown = await steps.name(tavana.applicant, str(case_id), second, replaces=missing)
    same = await steps.name(tavana.applicant, str(case_id), tavana.guarantor, replaces=str(guarantee.id))
    replaced = await steps.name(tavana.applicant, str(case_id), second, replaces=str(guarantee.id))
    stranger = await steps.name(third, str(case_id), third)

    assert [(answer.status_code, answer.json().get("code")) for answer in (filled, unknown, same, stranger)] == [
        (409, "guarantor_places_filled"),
        (404, "guarantee_unknown"),
        (422, "guarantor_named_twice"),
        (404, "not_found"),
    ]
    assert replaced.status_code == 200, replaced.text
    case = await steps.case(tavana.applicant, str(case_id))
    assert [one["status"] for one in case["guarantees"]] == ["named", "replaced"]


async def test_programmes_say_what_they_ask_for_and_an_organisations_own_is_for_its_people(
    api: httpx2.AsyncClient, tavana: TavanaScenario, arrange: Arrange, superuser: Superuser
) -> None:
    code = await superuser.value("SELECT code FROM organisations WHERE id = %s", tavana.employer)
    shipped = await superuser.value("SELECT value -> 'guarantor' FROM policies WHERE name = 'programme:tavana'")
    await add_programme(tavana, "own", organisation=code, share_of_pay=[1, 3], guarantor={**shipped, "count": 2})
    elsewhere = await arrange.member(await arrange.organisation())

    own = {one["code"]: one for one in (await read(api, tavana.applicant, "/v1/programmes"))["items"]}
    others = {one["code"]: one for one in (await read(api, elsewhere, "/v1/programmes"))["items"]}

    assert set(own) == {"minipay", "tavana", "own"}
    assert set(others) == {"minipay", "tavana"}
    terms, minipay = own["tavana"], own["minipay"]
    assert (terms["backing"], terms["review"], terms["guarantors"]) == ("guarantor", "region", 1)
    assert (terms["waiting_seconds"], terms["guarantee_mandate_version"]) == (259_200, 1)
    assert (minipay["backing"], minipay["review"], minipay["guarantors"]) == ("certificate", "none", 0)
    assert minipay["guarantee_mandate"] is None
    assert own["own"]["guarantors"] == 2
    assert own["own"]["limits"][0]["monthly_limit"]["amount"] == 133_333_330
