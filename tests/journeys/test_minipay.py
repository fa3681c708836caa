"""A MiniPay application through the API, a relay, a Temporal server and a worker (SPEC A)."""

from __future__ import annotations

from pathlib import Path

import httpx2
import pytest

from relay import Relay
from tests.arrange import Arrange, sent_to
from tests.journeys.steps import ISSUE, REFUSE, Steps

pytestmark = pytest.mark.usefixtures("relay", "worker")


@pytest.fixture
def steps(api: httpx2.AsyncClient, messages_dir: Path) -> Steps:
    return Steps(api, messages_dir)


async def test_an_issued_certificate_makes_the_credit_usable(steps: Steps, arrange: Arrange) -> None:
    employer = await arrange.organisation()
    member, officer = await arrange.member(employer), await arrange.hr_officer(employer)

    case_id = await steps.apply(member)
    task = await steps.task(officer, case_id)
    decided = await steps.decide(officer, task["id"], ISSUE)
    case = await steps.phase(member, case_id, "active")

    assert decided.status_code == 200, decided.text
    assert case["outcome"] == "active"
    assert case["next_actor"] is None
    (line,) = await steps.lines(member)
    assert line["ceiling"]["amount"] == line["available"]["amount"] == 600_000_000
    assert line["used"]["amount"] == 0
    assert await steps.timeline(member, case_id) == [
        "application_submitted",
        "certificate_requested",
        "certificate_issued",
        "credit_activated",
    ]
