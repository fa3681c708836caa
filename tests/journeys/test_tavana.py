"""A Tavana application through the API, a relay, a Temporal server and a worker (docs/rules.md, A4 to A8)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from temporalio.testing import WorkflowEnvironment

from api.app import create_app
from commands.command import Context
from relay import Relay
from tests.arrange import Arrange, Someone, eventually, sent_to
from tests.books import Superuser, assert_books_clean
from tests.events import quiet_events
from tests.journeys.steps import REFUSE_GUARANTEE, RETURN, Steps
from tests.journeys.tavana import WAITING_HOURS, Tavana, apply_with_guarantor

pytestmark = pytest.mark.usefixtures("relay", "worker")

# The process that the platform is known by must stay cheap.
MOST_EVENTS, MOST_TRANSITIONS = 28, 5
LINKS = {"app": "https://app.test", "training": "https://training.test"}


@pytest.fixture
async def tavana(
    steps: Steps, temporal: WorkflowEnvironment, superuser: Superuser, relay: Relay, arrange: Arrange
) -> Tavana:
    """An application whose guarantor is asked."""
    return await apply_with_guarantor(steps, temporal, superuser, relay, arrange)


async def read_lines(context: Context, member: Someone) -> list[dict[str, Any]]:
    """A member's credit lines where the installation knows its links."""
    app = create_app(replace(context, links={"app_link": LINKS["app"], "training_link": LINKS["training"]}))
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="https://amanat.test") as client:
        items: list[dict[str, Any]] = (await client.get("/v1/credit-lines", headers=member.headers())).json()["items"]
        return items


async def assert_sent(messages: Path, someone: Someone, *templates: str) -> None:
    """Exactly these messages reach somebody."""

    async def all_sent() -> bool:
        return sorted(sent_to(messages, someone.mobile)) == sorted(templates)

    await eventually(all_sent, f"{templates} rather than {sent_to(messages, someone.mobile)}")


async def test_guarantor_finance_and_72_hours_make_the_credit_usable(tavana: Tavana, context: Context) -> None:
    steps, case_id = tavana.steps, tavana.case_id

    await tavana.accept()
    await tavana.approve()
    waiting = await steps.case(tavana.member, case_id)
    await tavana.wait_out()
    await tavana.end()

    assert await tavana.timeline() == [
        "application_submitted",
        "guarantor_asked",
        "guarantee_accepted",
        "review_requested",
        "application_approved",
        "credit_activated",
    ]
    activates = datetime.fromisoformat(waiting["application"]["activates"]["at"])
    approved = datetime.fromisoformat(waiting["application"]["approved"]["at"])
    assert activates - approved == timedelta(hours=WAITING_HOURS)
    assert waiting["due"]["at"] == waiting["application"]["activates"]["at"]
    (line,) = await read_lines(context, tavana.member)
    assert line["ceiling"]["amount"] == line["available"]["amount"] == 600_000_000
    assert line["card_number"].startswith("*" * 12)
    assert line["links"] == LINKS
    await assert_books_clean(context.engine)
    assert await quiet_events(tavana.handle) <= MOST_EVENTS
    assert await tavana.transitions() <= MOST_TRANSITIONS


async def test_the_applicant_always_sees_who_acts_next_and_everybody_concerned_gets_an_sms(
    tavana: Tavana, arrange: Arrange
) -> None:
    steps, case_id = tavana.steps, tavana.case_id
    elsewhere = await arrange.finance_officer("2201")
    seen = []
    for advance in (None, tavana.accept, tavana.approve):
        if advance is not None:
            await advance()
        case = await steps.case(tavana.member, case_id)
        left = datetime.fromisoformat(case["due"]["at"]) - datetime.now(UTC)
        seen.append((case["phase"], case["next_actor"], left > timedelta(0)))
        assert [action["action"] for action in case["allowed_actions"]] == ["withdraw_application", "name_guarantor"]
    await tavana.wait_out()

    assert seen == [
        ("awaiting_guarantor", "guarantor", True),
        ("awaiting_review", "finance_officer", True),
        ("awaiting_activation", "machine", True),
    ]
    expected = {
        tavana.member: [
            "code_accept_mandate",
            "application_submitted",
            "guarantee_accepted",
            "application_approved",
            "credit_activated",
        ],
        tavana.guarantor: ["task_answer_guarantee", "code_accept_guarantee", "guarantee_in_force"],
        tavana.officer: ["task_review_application"],
        elsewhere: [],
        tavana.colleagues[1]: [],
    }
    for someone, templates in expected.items():
        await assert_sent(steps.messages, someone, *templates)


async def test_a_refusal_is_followed_by_another_name_who_accepts(tavana: Tavana, superuser: Superuser) -> None:
    steps, case_id = tavana.steps, tavana.case_id
    first, second, *_ = tavana.colleagues

    await steps.answer(first, case_id, REFUSE_GUARANTEE)
    asked = await steps.task(tavana.member, case_id, "name_guarantor")
    case = await steps.case(tavana.member, case_id)
    named = await steps.name(tavana.member, case_id, second)
    await tavana.accept(second)
    await tavana.approve()
    await tavana.wait_out()

    assert asked["due"]["at"] == case["due"]["at"]
    assert (case["phase"], case["next_actor"]) == ("awaiting_another_guarantor", "applicant")
    assert named.status_code == 200, named.text
    guarantees = (await steps.case(tavana.member, case_id))["guarantees"]
    assert [guarantee["status"] for guarantee in guarantees] == ["accepted", "refused"]
    assert await tavana.timeline() == [
        "application_submitted",
        "guarantor_asked",
        "guarantee_refused",
        "guarantor_name_requested",
        "guarantor_named",
        "guarantor_asked",
        "guarantee_accepted",
        "review_requested",
        "application_approved",
        "credit_activated",
    ]
    await assert_sent(steps.messages, first, "task_answer_guarantee")
    assert await superuser.value("SELECT count(*) FROM guarantees WHERE status = 'accepted'") == 1


async def test_a_correction_that_asks_for_less_goes_back_to_finance_without_asking_the_guarantor_again(
    tavana: Tavana,
) -> None:
    steps, case_id = tavana.steps, tavana.case_id
    await tavana.accept()

    returned = await steps.answer(tavana.officer, case_id, RETURN)
    task = await steps.task(tavana.member, case_id, "correct_application")
    corrected = await steps.correct(tavana.member, case_id, instalments=10)
    await tavana.approve()
    await tavana.wait_out()

    assert returned.status_code == 200, returned.text
    assert [reason["code"] for reason in task["reasons"]] == ["amount_too_high"]
    assert corrected.status_code == 200, corrected.text
    assert (await tavana.timeline()).count("guarantor_asked") == 1
    (line,) = await steps.lines(tavana.member)
    assert line["ceiling"]["amount"] == 500_000_000


async def test_a_correction_that_asks_for_more_asks_the_guarantor_again(tavana: Tavana) -> None:
    steps, case_id = tavana.steps, tavana.case_id
    await tavana.accept()
    await steps.answer(tavana.officer, case_id, RETURN)
    await steps.task(tavana.member, case_id, "correct_application")

    corrected = await steps.correct(tavana.member, case_id, instalments=14)
    await tavana.accept()
    await tavana.approve()
    await tavana.wait_out()

    assert corrected.status_code == 200, corrected.text
    newest, oldest = await steps.guarantees(tavana.guarantor)
    assert (newest["status"], newest["instalments"], newest["counts"]) == ("accepted", 14, True)
    assert (oldest["status"], oldest["instalments"], oldest["counts"]) == ("replaced", 12, False)
    assert await tavana.timeline() == [
        "application_submitted",
        "guarantor_asked",
        "guarantee_accepted",
        "review_requested",
        "application_returned",
        "application_corrected",
        "guarantor_asked",
        "guarantee_accepted",
        "review_requested",
        "application_approved",
        "credit_activated",
    ]


async def test_a_guarantor_replaced_during_the_72_hours_takes_the_approval_with_them(tavana: Tavana) -> None:
    steps, case_id = tavana.steps, tavana.case_id
    first, second, *_ = tavana.colleagues
    await tavana.accept()
    await tavana.approve()
    (standing,) = (await steps.case(tavana.member, case_id))["guarantees"]

    replaced = await steps.name(tavana.member, case_id, second, replaces=standing["id"])
    await tavana.accept(second)
    await tavana.approve()
    await tavana.wait_out()

    assert replaced.status_code == 200, replaced.text
    assert (await tavana.timeline()).count("application_approved") == 2
    assert [guarantee["counts"] for guarantee in await steps.guarantees(first)] == [False]
    hidden = await steps.api.get(f"/v1/cases/{case_id}", headers=first.headers())
    assert hidden.status_code == 404
