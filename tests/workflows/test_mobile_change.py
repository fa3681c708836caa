"""A change of mobile that the welfare office forwards: confirmed, rejected, returned and corrected, silent (G2)."""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import pytest
from temporalio.client import WorkflowHandle
from temporalio.testing import WorkflowEnvironment

from commands.command import Context
from domain.access import Grant, Role, ScopeKind
from messages.case import CaseKind, workflow_id
from relay import Relay
from tests.arrange import Arrange, Someone, eventually, sent_to
from tests.books import Superuser, assert_books_clean
from tests.events import quiet_events
from tests.journeys.steps import Steps

pytestmark = pytest.mark.usefixtures("worker", "relay")

EVENT_BUDGET = 30
NEW = "۰۹۳۵ ۰۰۰ ۰۰۰۱"
NEW_MOBILE = "+989350000001"
REASON = "حضوری آمد و کارت ملی نشان داد"
CONFIRM = {"kind": "confirm_mobile_change", "decision": "confirm"}
REJECT = {"kind": "confirm_mobile_change", "decision": "reject", "reason": "صاحب شماره کس دیگری است"}
RETURN = {"kind": "confirm_mobile_change", "decision": "return", "note": "یک رقم جا افتاده است"}


@dataclass(frozen=True, slots=True)
class MobileChange:
    """A forwarded change, with its people and its clock."""

    steps: Steps
    temporal: WorkflowEnvironment
    superuser: Superuser
    member: Someone
    welfare: Someone
    support: Someone
    case_id: str

    @property
    def handle(self) -> WorkflowHandle[Any, Any]:
        """Its process."""
        return self.temporal.client.get_workflow_handle(workflow_id(CaseKind.MOBILE_CHANGE, UUID(self.case_id)))

    async def decide(self, who: Someone, decision: dict[str, Any]) -> httpx2.Response:
        """Answer the open task of the decision's kind."""
        task = await self.steps.task(who, self.case_id, decision["kind"])
        return await self.steps.decide(who, task["id"], decision)

    async def phase(self, phase: str) -> None:
        """Wait until it stands there; staff see it whatever becomes of the member's session."""
        await self.steps.phase(self.welfare, self.case_id, phase)

    async def end(self) -> None:
        """Wait until the process has completed."""
        await self.handle.result()


@pytest.fixture
async def change(steps: Steps, temporal: WorkflowEnvironment, superuser: Superuser, arrange: Arrange) -> MobileChange:
    """The welfare office forwarded a change; support is asked."""
    employer = await arrange.organisation()
    member = await arrange.member(employer)
    welfare = await arrange.staff(Grant(Role.WELFARE_MANAGER, ScopeKind.ORGANISATION, str(employer)))
    support = await arrange.platform(Role.SUPPORT_AGENT)
    answer = await forward(steps.api, welfare, member)
    assert answer.status_code == 201, answer.text
    case_id = answer.json()["id"]
    await steps.task(support, case_id, "confirm_mobile_change")
    return MobileChange(steps, temporal, superuser, member, welfare, support, case_id)


async def forward(api: httpx2.AsyncClient, welfare: Someone, member: Someone, **changes: str) -> httpx2.Response:
    """Forward a member's wish."""
    wish = {"national_id": member.national_id, "mobile": NEW, "reason": REASON, **changes}
    return await api.post("/v1/mobile-changes", json=wish, headers=welfare.headers())


async def stands(change: MobileChange) -> tuple[bool, bool]:
    """Whether the number is a new one, and whether money actions pause."""
    rows = await change.superuser.rows(
        "SELECT p.mobile_index = c.mobile_index, coalesce(p.money_paused_until > now() + interval '23 hours', false)"
        " FROM persons p JOIN mobile_changes c ON c.person_id = p.id"
    )
    ((is_new, is_paused),) = rows
    return is_new, is_paused


async def test_a_confirmed_number_takes_the_old_ones_place_and_both_are_told(
    change: MobileChange, context: Context, messages_dir: Path
) -> None:
    shown = (await change.steps.case(change.support, change.case_id))["mobile_change"]
    assert (shown["proposed_masked"], shown["reason"], shown["note"]) == ("0935***0001", REASON, None)
    assert sent_to(messages_dir, change.member.mobile).count("mobile_change_forwarded") == 1

    answer = await change.decide(change.support, CONFIRM)
    await change.end()

    assert answer.status_code == 200, answer.text
    assert await stands(change) == (True, True)
    assert (await change.steps.api.get("/v1/me", headers=change.member.headers())).status_code == 401

    async def told() -> bool:
        old, new = sent_to(messages_dir, change.member.mobile), sent_to(messages_dir, NEW_MOBILE)
        return "mobile_changed_old" in old and {"mobile_proposed_new", "mobile_change_applied"} <= set(new)

    await eventually(told, "both numbers to be told")
    assert await quiet_events(change.handle) <= EVENT_BUDGET
    assert NEW_MOBILE not in str(await change.superuser.rows("SELECT payload FROM facts"))
    await assert_books_clean(context.engine)


async def test_what_support_returns_is_corrected_by_the_welfare_office_and_asked_again(change: MobileChange) -> None:
    await change.decide(change.support, RETURN)
    corrected = {"kind": "correct_mobile_change", "decision": "correct", "mobile": "09350000002"}
    answer = await change.decide(change.welfare, corrected)
    assert answer.status_code == 200, answer.text
    await change.steps.task(change.support, change.case_id, "confirm_mobile_change")
    shown = (await change.steps.case(change.support, change.case_id))["mobile_change"]
    assert (shown["proposed_masked"], shown["note"]) == ("0935***0002", RETURN["note"])

    await change.decide(change.support, CONFIRM)
    await change.end()

    assert await stands(change) == (True, True)
    codes = await change.steps.timeline(change.welfare, change.case_id)
    assert codes[-4:] == [
        "mobile_change_returned",
        "mobile_change_corrected",
        "mobile_change_confirmed",
        "mobile_change_applied",
    ]


async def test_a_rejection_changes_nothing_and_the_session_lives_on(change: MobileChange) -> None:
    await change.decide(change.support, REJECT)
    await change.end()

    assert await stands(change) == (False, False)
    assert (await change.steps.api.get("/v1/me", headers=change.member.headers())).status_code == 200
    await change.phase("rejected")


async def test_the_present_number_may_be_forwarded_where_the_list_has_another_one(
    change: MobileChange, messages_dir: Path
) -> None:
    """Support confirms it: the list has it from then on, and nothing pauses or ends."""
    steps, member = change.steps, change.member
    await change.decide(change.support, REJECT)
    await change.end()
    await change.superuser.run("UPDATE employments SET mobile_index = 'x'")
    answer = await forward(steps.api, change.welfare, member, mobile=member.mobile)
    assert answer.status_code == 201, answer.text
    present = dataclasses.replace(change, case_id=answer.json()["id"])
    await present.decide(change.support, CONFIRM)
    await present.end()

    await present.phase("kept")
    assert (await steps.api.get("/v1/me", headers=member.headers())).status_code == 200
    assert await change.superuser.value(
        "SELECT e.mobile_index = p.mobile_index FROM employments e, persons p WHERE p.id = e.person_id"
    )
    assert await change.superuser.value("SELECT count(*) FROM persons WHERE money_paused_until IS NOT NULL") == 0

    async def told() -> bool:
        return "mobile_change_kept" in sent_to(messages_dir, member.mobile)

    await eventually(told, "the member to be told")
    again = await forward(steps.api, change.welfare, member, mobile=member.mobile)
    assert (again.status_code, again.json()["code"]) == (409, "mobile_unchanged")


async def test_an_office_of_another_employer_is_not_held_up(
    change: MobileChange, arrange: Arrange, steps: Steps
) -> None:
    elsewhere = await arrange.organisation()
    await arrange.employ(change.member.id, elsewhere)
    welfare = await arrange.staff(Grant(Role.WELFARE_MANAGER, ScopeKind.ORGANISATION, str(elsewhere)))

    answer = await forward(steps.api, welfare, change.member, mobile="09350000009")

    assert answer.status_code == 201, answer.text
    assert (await forward(steps.api, welfare, change.member)).json()["code"] == "mobile_change_open"


@pytest.mark.parametrize("returned", [False, True])
async def test_silence_brings_one_reminder_and_then_nothing_is_changed(change: MobileChange, returned: bool) -> None:
    if returned:
        await change.decide(change.support, RETURN)
        await change.phase("awaiting_correction")
    await change.temporal.fast_forward(change.handle, timedelta(hours=72, seconds=5))
    await eventually(lambda: _has(change, "reminded"), "the reminder")
    await change.temporal.fast_forward(change.handle)
    await change.end()

    assert await stands(change) == (False, False)
    assert (await change.steps.timeline(change.welfare, change.case_id))[-1] == "mobile_change_lapsed"


async def _has(change: MobileChange, code: str) -> bool:
    return code in await change.steps.timeline(change.welfare, change.case_id)


@pytest.mark.parametrize(
    ("broken", "code"),
    [
        ({"mobile": "12"}, "invalid_input"),
        ({"national_id": "1234567890"}, "bad_national_id"),
        ({"reason": "  "}, "invalid_input"),
    ],
)
async def test_nonsense_is_refused_and_nothing_changes(
    steps: Steps, arrange: Arrange, superuser: Superuser, broken: dict[str, str], code: str
) -> None:
    employer = await arrange.organisation()
    member = await arrange.member(employer)
    welfare = await arrange.staff(Grant(Role.WELFARE_MANAGER, ScopeKind.ORGANISATION, str(employer)))
    before = await superuser.effects()

    answer = await forward(steps.api, welfare, member, **broken)

    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert await superuser.effects() == before


async def test_one_change_a_person_within_reach_and_never_ones_own(
    change: MobileChange, arrange: Arrange, steps: Steps
) -> None:
    elsewhere = await arrange.organisation()
    stranger = await arrange.staff(Grant(Role.WELFARE_MANAGER, ScopeKind.ORGANISATION, str(elsewhere)))
    regional = await arrange.staff(Grant(Role.WELFARE_MANAGER, ScopeKind.REGION, "1101"))
    employer = await change.superuser.value("SELECT organisation_id FROM cases WHERE id = %s", change.case_id)
    colleague = await arrange.member(employer)
    self_serving = await arrange.staff(Grant(Role.WELFARE_MANAGER, ScopeKind.ORGANISATION, str(employer)))
    await change.superuser.run(
        "UPDATE employments SET person_id = %s WHERE person_id = %s", self_serving.id, colleague.id
    )

    found = {
        "again": await forward(steps.api, change.welfare, change.member),
        "out of reach": await forward(steps.api, stranger, change.member),
        "of the region": await forward(steps.api, regional, change.member),
        "own": await forward(steps.api, self_serving, self_serving),
    }

    assert {name: (answer.status_code, answer.json().get("code")) for name, answer in found.items()} == {
        "again": (409, "mobile_change_open"),
        "out of reach": (404, "not_found"),
        "of the region": (409, "mobile_change_open"),
        "own": (403, "own_case"),
    }


async def test_who_forwarded_does_not_confirm_and_a_weak_session_neither(
    change: MobileChange, superuser: Superuser
) -> None:
    await superuser.run(
        "INSERT INTO role_grants (person_id, role, scope_kind, granted_by)"
        " VALUES (%s, 'support_agent', 'platform', 'x')",
        change.welfare.id,
    )
    own = await change.decide(change.welfare, CONFIRM)
    await superuser.run("UPDATE sessions SET strong_until = now() WHERE person_id = %s", change.support.id)
    weak = await change.decide(change.support, CONFIRM)

    assert (own.status_code, own.json()["code"]) == (403, "forwarded_by_yourself")
    assert (weak.status_code, weak.json()["code"]) == (403, "step_up_required")
    assert await stands(change) == (False, False)


async def test_a_process_terminated_at_any_wait_goes_on_from_the_rows(change: MobileChange, relay: Relay) -> None:
    for who, decision in ((change.support, RETURN), (change.welfare, None), (change.support, CONFIRM)):
        await change.handle.terminate("operator")
        await change.superuser.run(
            "INSERT INTO outbox (message, payload) VALUES ('CaseSignal', jsonb_build_object("
            "'kind', 'mobile_change', 'case_id', %s::text, 'name', 'resumed', 'fact_id', null))",
            change.case_id,
        )
        relay.nudge()
        correct = {"kind": "correct_mobile_change", "decision": "correct", "mobile": "09350000003"}
        answer = await change.decide(who, decision or correct)
        assert answer.status_code == 200, answer.text
    await change.end()

    assert await stands(change) == (True, True)


Path_ = Callable[[MobileChange], Awaitable[None]]


async def confirmed(change: MobileChange) -> None:
    """Support confirms."""
    await change.decide(change.support, CONFIRM)


async def returned_corrected(change: MobileChange) -> None:
    """Support returns it, the welfare office corrects it, support confirms."""
    await change.decide(change.support, RETURN)
    await change.decide(
        change.welfare, {"kind": "correct_mobile_change", "decision": "correct", "mobile": "09350000002"}
    )
    await change.decide(change.support, CONFIRM)


async def returned_lapsed(change: MobileChange) -> None:
    """Support returns it, and the welfare office is silent."""
    await change.decide(change.support, RETURN)
    await change.phase("awaiting_correction")
    await change.temporal.fast_forward(change.handle, timedelta(hours=72, seconds=5))
    await eventually(lambda: _has(change, "reminded"), "the reminder")
    await change.temporal.fast_forward(change.handle)


# The ways that are recorded; see tests/histories.
PATHS: dict[str, Path_] = {
    f"mobile_change_{path.__name__}": path for path in (confirmed, returned_corrected, returned_lapsed)
}
