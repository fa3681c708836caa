"""What changes between application and activation: contracts, certificates, pay, employment (A2, A12, roles)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

import httpx2
import pytest

from api.certificate import RevocationIn, revoke_certificate
from api.organisation import ContractChange, change_contract, list_contracts
from commands.command import Context
from domain.access import Role
from tests.arrange import Arrange, Someone, eventually, sent_to
from tests.books import Superuser, assert_books_clean, assert_nothing_held
from tests.journeys.steps import ISSUE, Steps
from tests.journeys.waiting import CLEARED, UPHELD

pytestmark = pytest.mark.usefixtures("relay", "worker")


@dataclass(frozen=True, slots=True)
class Scene:
    """An employer with its contract, and the people around one application."""

    steps: Steps
    employer: UUID
    member: Someone
    officer: Someone
    contracts: Someone

    async def turn_contract(self, state: Literal["active", "suspended"]) -> None:
        """Suspend or resume the employer's contract."""
        keeper = self.steps.by(self.contracts)
        contract = (await keeper.call(list_contracts, self.employer)).items[0]
        change = ContractChange(state=state, reason="تصمیم امور قراردادها")
        await keeper.call(change_contract, contract.id, change, self.contracts.totp)

    async def issue(self, case_id: str, **changes: Any) -> None:
        """HR issues the certificate."""
        issued = await self.steps.answer(self.officer, case_id, {**ISSUE, **changes})
        assert issued.status_code == 200, issued.text

    async def clear(self, case_id: str, by: Someone, decision: dict[str, Any]) -> None:
        """Somebody answers the obstacle."""
        answered = await self.steps.answer(by, case_id, decision)
        assert answered.status_code == 200, answered.text

    async def revoke(self, case_id: str) -> httpx2.Response:
        """HR revokes the case's certificate."""
        asked = await self.steps.member(self.member).asked_for(UUID(case_id))
        assert asked.certificate_id is not None
        why = RevocationIn(reason="پایان همکاری")
        return await self.steps.by(self.officer).send(revoke_certificate, asked.certificate_id, why, self.officer.totp)


@pytest.fixture
async def scene(steps: Steps, arrange: Arrange) -> Scene:
    """Everybody is there, nothing has happened."""
    employer = await arrange.organisation()
    member, officer = await arrange.member(employer), await arrange.hr_officer(employer)
    return Scene(steps, employer, member, officer, await arrange.platform(Role.CONTRACTS_OFFICER))


async def test_a_contract_suspended_meanwhile_goes_to_the_contracts_office_and_then_the_credit_opens(
    scene: Scene, context: Context
) -> None:
    steps = scene.steps
    case_id = await steps.apply(scene.member)
    await scene.turn_contract("suspended")
    await scene.issue(case_id)

    blocked = await steps.phase(scene.member, case_id, "awaiting_clearance")
    assert blocked["next_actor"] == "contracts_officer"
    assert blocked["due"] is not None
    task = await steps.task(scene.contracts, case_id, "clear_obstacle")
    assert task["reason"] == "contract_not_in_force"
    await scene.turn_contract("active")
    await scene.clear(case_id, scene.contracts, CLEARED)
    await steps.phase(scene.member, case_id, "active")

    assert await steps.timeline(scene.member, case_id) == [
        "application_submitted",
        "certificate_requested",
        "certificate_issued",
        "activation_blocked",
        "obstacle_cleared",
        "credit_activated",
    ]

    async def told() -> bool:
        return "activation_blocked" in sent_to(steps.messages, scene.member.mobile)

    await eventually(told, "the member to be told")
    assert sent_to(steps.messages, scene.contracts.mobile) == ["task_clear_obstacle"]
    await assert_books_clean(context.engine)


async def test_an_obstacle_called_cleared_that_is_still_there_is_asked_about_again(scene: Scene) -> None:
    steps = scene.steps
    case_id = await steps.apply(scene.member)
    await scene.turn_contract("suspended")
    await scene.issue(case_id)
    first = await steps.task(scene.contracts, case_id, "clear_obstacle")

    await scene.clear(case_id, scene.contracts, CLEARED)

    async def another() -> bool:
        return bool((await steps.task(scene.contracts, case_id, "clear_obstacle"))["id"] != first["id"])

    await eventually(another, "another task")
    assert (await steps.timeline(scene.member, case_id)).count("activation_blocked") == 2
    assert await steps.lines(scene.member) == []


async def test_an_obstacle_that_is_upheld_refuses_the_application_and_frees_everything(
    scene: Scene, context: Context, superuser: Superuser
) -> None:
    steps = scene.steps
    case_id = await steps.apply(scene.member)
    await scene.turn_contract("suspended")
    await scene.issue(case_id)
    await scene.clear(case_id, scene.contracts, UPHELD)
    await steps.phase(scene.member, case_id, "refused")

    assert (await steps.timeline(scene.member, case_id))[-2:] == ["obstacle_upheld", "application_refused"]
    await assert_nothing_held(superuser)
    await assert_books_clean(context.engine)


async def test_withdrawing_while_an_obstacle_is_looked_at_closes_that_task_too(
    scene: Scene, superuser: Superuser
) -> None:
    steps = scene.steps
    case_id = await steps.apply(scene.member)
    await scene.turn_contract("suspended")
    await scene.issue(case_id)
    task = await steps.task(scene.contracts, case_id, "clear_obstacle")

    assert (await steps.withdraw(scene.member, case_id)).status_code == 200
    await steps.phase(scene.member, case_id, "withdrawn")

    assert (await steps.decide(scene.contracts, task["id"], CLEARED)).json()["code"] == "task_moot"
    await assert_nothing_held(superuser)


async def test_a_certificate_revoked_before_activation_is_asked_for_again(scene: Scene, context: Context) -> None:
    steps = scene.steps
    case_id = await steps.apply(scene.member)
    await scene.turn_contract("suspended")
    await scene.issue(case_id)
    await steps.phase(scene.member, case_id, "awaiting_clearance")

    assert (await scene.revoke(case_id)).status_code == 200
    await scene.turn_contract("active")
    await scene.clear(case_id, scene.contracts, CLEARED)
    await steps.phase(scene.member, case_id, "awaiting_certificate")
    assert (await steps.task(scene.officer, case_id))["reason"] == "certificate_not_valid"
    await scene.issue(case_id)
    await steps.phase(scene.member, case_id, "active")

    timeline = await steps.timeline(scene.member, case_id)
    assert [timeline.count(code) for code in ("certificate_requested", "certificate_requested_again")] == [1, 1]
    await assert_books_clean(context.engine)


async def test_a_certificate_revoked_after_activation_stops_purchases_and_nothing_else(
    scene: Scene, context: Context
) -> None:
    steps = scene.steps
    case_id = await steps.apply(scene.member)
    await scene.issue(case_id)
    await steps.phase(scene.member, case_id, "active")

    revoked = await scene.revoke(case_id)
    again = await scene.revoke(case_id)

    assert revoked.status_code == 200
    assert (again.status_code, again.json()["code"]) == (409, "certificate_revoked")
    (line,) = await steps.lines(scene.member)
    assert line["purchases_stopped"] is not None
    assert line["closed"] is None
    assert line["available"]["amount"] == 600_000_000
    assert (await steps.timeline(scene.member, case_id))[-1] == "certificate_revoked"
    await assert_books_clean(context.engine)


async def test_when_net_pay_fell_meanwhile_a_quarter_of_it_becomes_usable(scene: Scene, superuser: Superuser) -> None:
    case_id = await scene.steps.apply(scene.member)
    await superuser.run("UPDATE employments SET net_pay = 160000004 WHERE person_id = %s", scene.member.id)
    await scene.issue(case_id)
    active = await scene.steps.phase(scene.member, case_id, "active")

    (line,) = await scene.steps.lines(scene.member)
    assert line["monthly"]["amount"] == active["application"]["approved_monthly"]["amount"] == 40_000_000
    assert line["ceiling"]["amount"] == 480_000_000
    assert active["application"]["monthly"]["amount"] == 50_000_000


@pytest.mark.parametrize(
    ("cap", "certified", "expected"), [(30_000_000, 45_000_000, 30_000_000), (45_000_000, 30_000_000, 30_000_000)]
)
async def test_the_lowest_of_certificate_quarter_and_cap_counts(
    scene: Scene, superuser: Superuser, cap: int, certified: int, expected: int
) -> None:
    case_id = await scene.steps.apply(scene.member)
    await superuser.run("UPDATE organisations SET monthly_cap = %s WHERE id = %s", cap, scene.employer)
    await scene.issue(case_id, monthly_amount={"amount": certified, "unit": "IRR"}, instalments=6)
    await scene.steps.phase(scene.member, case_id, "active")

    (line,) = await scene.steps.lines(scene.member)
    assert (line["monthly"]["amount"], line["instalments"]) == (expected, 6)


async def test_who_left_meanwhile_goes_back_to_hr(scene: Scene, superuser: Superuser) -> None:
    case_id = await scene.steps.apply(scene.member)
    await superuser.run("UPDATE employments SET state = 'exit_reported' WHERE person_id = %s", scene.member.id)
    await scene.issue(case_id)

    blocked = await scene.steps.phase(scene.member, case_id, "awaiting_clearance")
    task = await scene.steps.task(scene.officer, case_id, "clear_obstacle")

    assert blocked["next_actor"] == "hr_officer"
    assert task["reason"] == "not_employed"
    await scene.clear(case_id, scene.officer, UPHELD)
    await scene.steps.phase(scene.member, case_id, "refused")


async def test_all_programmes_together_stay_within_a_quarter(
    scene: Scene, superuser: Superuser, arrange: Arrange
) -> None:
    """Another programme's line counts against the quarter; when nothing is left, HR is asked."""
    case_id = await scene.steps.apply(scene.member)
    await superuser.run(
        "INSERT INTO credit_lines (case_id, person_id, organisation_id, programme, monthly, instalments, card_index,"
        " card_sealed, ends_on) VALUES (%s, %s, %s, 'tavana', 100000000, 12, 'x', 'x', now() + interval '1 year')",
        UUID(case_id),
        scene.member.id,
        scene.employer,
    )
    await scene.issue(case_id)

    await scene.steps.phase(scene.member, case_id, "awaiting_clearance")
    assert (await scene.steps.task(scene.officer, case_id, "clear_obstacle"))["reason"] == "share_used_up"
