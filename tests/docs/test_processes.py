"""docs/processes.md draws each process as it is: as its code declares it, and as the stored histories went."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.processes import DOCUMENT, describe
from messages.case import WAIT
from messages.clearing import Step as ClearingStep
from messages.decision import Step
from messages.payment import Step as PaymentStep
from messages.payout import Step as PayoutStep
from tests.histories.record import STORED
from workflows.case import CaseWorkflow
from workflows.registry import WORKFLOWS

Arrow = tuple[str, str]
_OF_ACTIVITIES = ("markerRecorded", "activityTaskScheduled", "activityTaskCompleted")
_TWO_SUMS = "one of two sums goes back by hand, the other by a gateway: in tests/activities"
# Arrows that no stored history takes, each with its reason.
_NOT_STORED: dict[Arrow, str] = {
    (ClearingStep.BOOK_DIFFERENCES, ClearingStep.REQUEST_DECISIONS): "two officers decide at once: a race",
    (PayoutStep.CLOSE_PAYOUT, PayoutStep.REQUEST_SETTLEMENT_CONFIRMATION): "a race, in tests/activities",
    (PayoutStep.REQUEST_REJECTION_CONFIRMATION, PayoutStep.APPLY_BANK_ANSWER): "a race with the next file",
    (Step.REQUEST_DECISION, Step.REQUEST_DECISION): "a file overtakes a decision: a race, in tests/activities",
    (PaymentStep.RETURN_MONEY, PaymentStep.BOOK_RETURN): _TWO_SUMS,
    (PaymentStep.REQUEST_RETURN, PaymentStep.RETURN_MONEY): _TWO_SUMS,
    (PaymentStep.BOOK_RETURN, PaymentStep.RETURN_MONEY): _TWO_SUMS,
}
# Steps that are taken where they follow, in the same transaction: newer histories lead through them without a trace.
_AT_ONCE = frozenset(
    {
        PayoutStep.REQUEST_PAYOUT_CONFIRMATION,
        PayoutStep.REQUEST_HAND_OVER,
        PayoutStep.AWAIT_BANK,
        PayoutStep.REQUEST_REJECTION_CONFIRMATION,
        PayoutStep.REQUEST_SETTLEMENT_CONFIRMATION,
    }
)


def _payload(found: dict[str, Any]) -> Any:
    return json.loads(base64.b64decode(found["payloads"][0]["data"]))


def _taken(file: Path) -> Iterator[tuple[str, str]]:
    """Each activity of a history with the step that followed from it: local ones, and those that ask the outside."""
    asked = dict[str, str]()
    for event in json.loads(file.read_text("utf-8"))["history"]["events"]:
        marker, scheduled, completed = (event.get(f"{kind}EventAttributes") for kind in _OF_ACTIVITIES)
        if marker is not None and marker["markerName"] == "core_local_activity":
            name = _payload(marker["details"]["data"])["activity_type"]
            yield name, _payload(marker["details"]["result"])["step"]
        elif scheduled is not None:
            asked[event["eventId"]] = scheduled["activityType"]["name"]
        elif completed is not None:
            yield asked[completed["scheduledEventId"]], _payload(completed["result"])["step"]


def arrows(file: Path, process: type[CaseWorkflow]) -> set[Arrow]:
    """From which step to which a history went; what only assesses, reminds or lapses is no step."""
    at, found = "", set[Arrow]()
    for name, then in _taken(file):
        if name in process.steps:
            found |= {(at, name)} if at else set()
            at = name
        if then != WAIT:
            found.add((at, then))
    return found


def drawn(process: type[CaseWorkflow]) -> set[Arrow]:
    """The arrows that a process declares."""
    return {(str(name), str(after)) for name, step in process.steps.items() for after in step.then}


def led_through(found: set[Arrow]) -> set[Arrow]:
    """The arrows, and those that lead on through steps that are taken at once."""
    while more := {(a, d) for a, b in found for c, d in found if b == c and b in _AT_ONCE} - found:
        found = found | more
    return found


def test_the_page_is_what_the_code_says() -> None:
    assert DOCUMENT.read_text("utf-8") == describe(), "run ./amanat processes and commit docs/processes.md"


@pytest.mark.parametrize("process", [one for one in dict.fromkeys(WORKFLOWS.values()) if "import" not in one.process])
def test_the_stored_histories_take_the_drawn_arrows_and_no_others(process: type[CaseWorkflow]) -> None:
    taken = set[Arrow]()
    for file in STORED.glob("*.json"):
        kind = json.loads(file.read_text("utf-8"))["id"].partition("/")[0]
        if kind in process.kinds:
            taken |= arrows(file, process)

    assert taken - led_through(drawn(process)) == set()
    assert drawn(process) - taken - set(_NOT_STORED) == set()
