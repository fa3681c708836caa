"""A member without an employer has lost their number: support opens, the registry agrees, another confirms (G2)."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import pytest
from temporalio.testing import WorkflowEnvironment

from activities.mobile_change import MobileOwnerCheck
from activities.transition import ActivityContext
from commands.command import Context
from domain.access import Role
from gateways.mobile_owner import OwnerUnknown
from messages.case import CaseKind
from messages.mobile_change import CheckMobileOwner
from relay import Relay
from storage.database import SERVICE, transaction
from storage.outbox import resume
from tests.arrange import Arrange, Someone, eventually, sent_to
from tests.books import Superuser, assert_books_clean
from tests.journeys.steps import Steps
from tests.workflows.test_mobile_change import CONFIRM, NEW, NEW_MOBILE, REJECT, RETURN, MobileChange, stands

pytestmark = pytest.mark.usefixtures("worker", "relay")

NOT_THEIRS, NO_ANSWER = "09350004040", "09350005050"
REASON = "کارت ملی و شناسنامه را حضوری دیدم"


@dataclasses.dataclass(frozen=True, slots=True)
class Support:
    """A member without an employer, and two support agents."""

    steps: Steps
    temporal: WorkflowEnvironment
    superuser: Superuser
    member: Someone
    opener: Someone
    second: Someone

    async def ask(self, who: Someone | None = None, **changes: str) -> httpx2.Response:
        """Open a change."""
        wish = {"national_id": self.member.national_id, "mobile": NEW, "reason": REASON, **changes}
        return await self.steps.api.post("/v1/lost-mobiles", json=wish, headers=(who or self.opener).headers())

    async def opened(self, mobile: str = NEW) -> MobileChange:
        """An open change that the second one is asked to confirm; the first one looks at it."""
        answer = await self.ask(mobile=mobile)
        assert answer.status_code == 201, answer.text
        case_id = answer.json()["id"]
        await self.steps.task(self.second, case_id, CONFIRM["kind"])
        return MobileChange(self.steps, self.temporal, self.superuser, self.member, self.opener, self.second, case_id)

    async def shown(self, change: MobileChange) -> dict[str, Any]:
        """What the second one sees of it."""
        shown: dict[str, Any] = (await self.steps.case(self.second, change.case_id))["mobile_change"]
        return shown

    async def matched(self, change: MobileChange) -> bool:
        """Wait for the registry; what it said."""

        async def answered() -> bool:
            return (await self.shown(change))["is_matched"] is not None

        await eventually(answered, "the registry's answer")
        return bool((await self.shown(change))["is_matched"])


@pytest.fixture
async def support(steps: Steps, temporal: WorkflowEnvironment, superuser: Superuser, arrange: Arrange) -> Support:
    """Nothing has happened yet."""
    opener, second = [await arrange.platform(Role.SUPPORT_AGENT) for _ in range(2)]
    return Support(steps, temporal, superuser, await arrange.person("member"), opener, second)


def refused(answer: httpx2.Response) -> tuple[int, str]:
    """Its status and code."""
    return answer.status_code, answer.json()["code"]


async def test_after_the_registrys_yes_another_agent_confirms_and_both_numbers_are_told_twice(
    support: Support, context: Context, messages_dir: Path
) -> None:
    change = await support.opened()
    assert await support.matched(change)
    shown = await support.shown(change)
    assert (shown["proposed_masked"], shown["reason"], shown["is_of_lost"]) == ("0935***0001", REASON, True)
    assert refused(await change.decide(support.opener, CONFIRM)) == (403, "forwarded_by_yourself")

    answer = await change.decide(support.second, CONFIRM)
    await change.end()

    assert answer.status_code == 200, answer.text
    assert await stands(change) == (True, True)
    assert (await support.steps.api.get("/v1/me", headers=support.member.headers())).status_code == 401

    async def told() -> bool:
        old, new = sent_to(messages_dir, support.member.mobile), sent_to(messages_dir, NEW_MOBILE)
        return {"mobile_change_opened", "mobile_changed_old"} <= set(old) and {
            "mobile_change_opened_new",
            "mobile_change_applied",
        } <= set(new)

    await eventually(told, "both numbers to be told")
    assert await support.steps.timeline(support.second, change.case_id) == [
        "mobile_change_opened",
        "mobile_change_matched",
        "mobile_change_confirmed",
        "mobile_change_applied",
    ]
    assert NEW_MOBILE not in str(await support.superuser.rows("SELECT payload FROM facts"))
    await assert_books_clean(context.engine)


@pytest.mark.parametrize("number", [NOT_THEIRS, NO_ANSWER])
async def test_without_the_registrys_yes_it_is_only_rejected(support: Support, number: str) -> None:
    change = await support.opened(mobile=number)
    if number == NOT_THEIRS:
        assert not await support.matched(change)
    assert refused(await change.decide(support.second, CONFIRM)) == (409, "mobile_not_matched")
    assert refused(await change.decide(support.second, RETURN)) == (409, "nobody_to_return_to")

    await change.decide(support.second, REJECT)
    await change.end()

    assert await stands(change) == (False, False)
    assert (await support.steps.api.get("/v1/me", headers=support.member.headers())).status_code == 200


async def test_the_registry_is_asked_again_for_a_day_at_most_and_never_once_it_has_answered(
    support: Support, activity_context: ActivityContext
) -> None:
    asked: list[str] = []

    class Asked:
        async def owns(self, national_id: str, mobile: str) -> bool:  # noqa: ARG002 - who it is, is not judged
            asked.append(national_id)
            if len(asked) == 1:
                raise OwnerUnknown("uid_http_503", retryable=True)
            return True

    change = await support.opened(mobile=NO_ANSWER)
    (case_id,) = (await support.superuser.rows("SELECT case_id FROM mobile_changes"))[0]
    check = MobileOwnerCheck(activity_context, Asked())
    age = "UPDATE cases SET opened_at = opened_at + %s::interval WHERE id = %s"
    await support.superuser.run(age, "-25 hours", case_id)
    await check.check(CheckMobileOwner(case_id))
    assert asked == []

    await support.superuser.run(age, "25 hours", case_id)
    with pytest.raises(OwnerUnknown):
        await check.check(CheckMobileOwner(case_id))
    for _ in range(2):
        await check.check(CheckMobileOwner(case_id))

    assert asked == [support.member.national_id] * 2
    assert await support.matched(change)


async def test_an_employer_decides_on_its_own_list_also_if_it_came_meanwhile(
    support: Support, arrange: Arrange
) -> None:
    change = await support.opened()
    assert await support.matched(change)
    assert refused(await support.ask()) == (409, "mobile_change_open")
    await arrange.employ(support.member.id, await arrange.organisation())

    assert refused(await change.decide(support.second, CONFIRM)) == (409, "member_has_employer")
    await change.decide(support.second, REJECT)
    await change.end()
    assert refused(await support.ask()) == (409, "member_has_employer")
    # Its list had the number until a dispute; then one that never had it.
    await support.superuser.run("UPDATE employments SET mobile_index = 'another'")
    assert refused(await support.ask()) == (409, "member_has_employer")
    await support.superuser.run("UPDATE employments SET mobile_agreed_at = NULL")
    assert (await support.ask()).status_code == 201


async def test_who_has_come_to_have_the_number_in_another_way_needs_no_answer(support: Support, relay: Relay) -> None:
    change = await support.opened()
    await support.superuser.run(
        "UPDATE persons p SET mobile_index = c.mobile_index FROM mobile_changes c WHERE c.person_id = p.id"
    )
    async with transaction(support.steps.engine, SERVICE) as connection:
        await resume(connection, CaseKind.MOBILE_CHANGE, UUID(change.case_id))
    relay.nudge()
    await change.end()

    assert (await support.steps.timeline(support.second, change.case_id))[-1] == "mobile_change_overtaken"


async def test_silence_ends_it_after_one_reminder_and_nothing_is_changed(support: Support) -> None:
    change = await support.opened()
    await support.temporal.fast_forward(change.handle, timedelta(hours=72, seconds=5))

    async def reminded() -> bool:
        return "reminded" in await support.steps.timeline(support.second, change.case_id)

    await eventually(reminded, "the reminder")
    await support.temporal.fast_forward(change.handle)
    await change.end()

    assert await stands(change) == (False, False)
    assert (await support.steps.timeline(support.second, change.case_id))[-1] == "mobile_change_lapsed"


async def test_nonsense_and_what_is_not_to_be_changed_are_refused_and_nothing_is_opened(
    support: Support, arrange: Arrange
) -> None:
    stranger = await arrange.person("member")
    await support.superuser.run("UPDATE persons SET mobile_index = NULL WHERE id = %s", stranger.id)
    weak = await arrange.platform(Role.SUPPORT_AGENT)
    await support.superuser.run("UPDATE sessions SET strong_until = now() WHERE person_id = %s", weak.id)

    found = {
        "number": refused(await support.ask(mobile="12")),
        "national id": refused(await support.ask(national_id="1234567890")),
        "reason": refused(await support.ask(reason="  ")),
        "no number": refused(await support.ask(national_id=stranger.national_id)),
        "own": refused(await support.ask(national_id=support.opener.national_id)),
        "present": refused(await support.ask(mobile=support.member.mobile)),
        "weak": refused(await support.ask(weak)),
    }

    assert found == {
        "number": (422, "invalid_input"),
        "national id": (422, "bad_national_id"),
        "reason": (422, "invalid_input"),
        "no number": (404, "not_found"),
        "own": (403, "own_case"),
        "present": (409, "mobile_unchanged"),
        "weak": (403, "step_up_required"),
    }
    assert await support.superuser.value("SELECT count(*) FROM cases") == 0


async def test_looking_people_up_is_noted_and_bounded_whatever_comes_of_it(support: Support, arrange: Arrange) -> None:
    unknown = "0499370899"
    employed = await arrange.member(await arrange.organisation())
    await support.ask(national_id=employed.national_id)
    found = {refused(await support.ask(national_id=unknown)) for _ in range(19)}
    assert found == {(404, "not_found")}
    assert refused(await support.ask())[0] == 429
    assert (await support.ask(support.second)).status_code == 201

    noted = await support.superuser.rows(
        "SELECT content FROM audit WHERE stream = %s AND content LIKE '%%look_up_member%%'",
        f"account:{support.opener.id}",
    )
    assert len(noted) == 20
    assert sum(str(employed.id) in content for (content,) in noted) == 1
    assert unknown not in str(noted)
