"""Changes of staff: proposed by one operator, confirmed by another, judged anew when they take effect (G1)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from domain.access import Grant, Role, ScopeKind
from relay import Relay
from tests.account_people import Credentials, add_employee, audited, mobile
from tests.arrange import Arrange, Someone, eventually, sent_to
from tests.books import assert_books_clean
from tests.events import quiet_events
from tests.staff_steps import CONFIRM, HOW_MANY_ADDED, NUMBER, REJECT, WHO_WAS_ADDED, Desk, desk, lapsed

pytestmark = pytest.mark.usefixtures("worker", "relay")
__all__ = ["desk"]  # a fixture

EVENT_BUDGET = 30
FINANCE = Grant(Role.FINANCE_OFFICER, ScopeKind.REGION, "1101")
KYC = Grant(Role.KYC_OFFICER, ScopeKind.PLATFORM)


async def test_two_operators_add_somebody_who_alone_learns_the_credentials(desk: Desk) -> None:
    case_id = await desk.proposed()
    shown = (await desk.steps.case(desk.second, case_id))["staff_change"]
    assert (shown["name"], shown["mobile_masked"], shown["username"]) == ("نرگس احمدی", "0935***0000", "narges.finance")
    assert [role["role"] for role in shown["roles"]] == ["finance_officer"]
    await desk.confirmed(case_id)
    token = await desk.link()

    opened = (await desk.account("openings", token=token)).json()
    assert opened["username"] == "narges.finance"
    assert opened["totp_secret"] in opened["totp_uri"]
    set_up = await desk.set_up(token)
    assert (set_up.status_code, set_up.json()) == (200, {"username": "narges.finance"})

    given = await desk.superuser.value("SELECT count(*) FROM role_grants WHERE granted_by = %s", f"case:{case_id}")
    assert given == 1
    person = await desk.superuser.value(WHO_WAS_ADDED)
    assert await audited(desk.context, f"account:{person}") == ["add_staff", "set_up_staff"]
    assert await quiet_events(desk.handle(case_id)) <= EVENT_BUDGET
    assert NUMBER.removeprefix("+98") not in str(await desk.superuser.rows("SELECT payload FROM facts"))
    await assert_books_clean(desk.context.engine)


async def test_one_operator_alone_makes_nobody(desk: Desk) -> None:
    case_id = await desk.proposed()
    own = await desk.decide(desk.first, case_id, CONFIRM)

    assert (own.status_code, own.json()["code"]) == (403, "own_case")
    assert await desk.superuser.value(HOW_MANY_ADDED) == 0
    assert await desk.superuser.value("SELECT count(*) FROM persons WHERE first_name = 'نرگس'") == 0
    with pytest.raises(Exception, match="two_operators"):
        await desk.superuser.run("UPDATE staff_changes SET confirmed_by = proposed_by")
    await desk.superuser.run("UPDATE sessions SET strong_until = now() WHERE person_id = %s", desk.second.id)
    weak = await desk.decide(desk.second, case_id, CONFIRM)
    assert (weak.status_code, weak.json()["code"]) == (403, "step_up_required")


async def employee(desk: Desk, *grants: Grant) -> Credentials:
    """Somebody of the staff who is set up."""
    return await add_employee(desk.context, "narges.finance", *grants)


async def test_a_role_takes_two_operators_and_its_holder_is_told(desk: Desk) -> None:
    person = await employee(desk, KYC)
    answer = await desk.send(
        desk.first,
        f"/{person.person_id}/grants",
        {"role": "finance_officer", "scope_kind": "region", "scope": "1101"},
    )
    assert answer.status_code == 201, answer.text
    held = "SELECT count(*) FROM role_grants WHERE person_id = %s"
    assert await desk.superuser.value(held, person.person_id) == 1
    await desk.confirmed(answer.json()["id"])

    assert await desk.superuser.value(held, person.person_id) == 2

    async def told() -> bool:
        return "staff_role_granted" in sent_to(desk.steps.messages, person.mobile)

    await eventually(told, "the SMS")


async def test_a_reset_takes_two_ends_the_sessions_and_the_old_password(desk: Desk) -> None:
    person = await employee(desk, KYC)
    body = {
        "username": person.username,
        "password": person.password,
        "totp": await desk.code(person.totp_secret),
    }
    session = (await desk.steps.api.post("/v1/sign-in/staff", json=body)).json()["token"]
    mine = {"Authorization": f"Bearer {session}"}
    answer = await desk.send(desk.first, f"/{person.person_id}/reset")
    case_id = answer.json()["id"]
    assert (await desk.decide(desk.first, case_id, CONFIRM)).status_code == 403
    assert (await desk.steps.api.get("/v1/me", headers=mine)).status_code == 200
    await desk.confirmed(case_id)

    assert (await desk.steps.api.get("/v1/me", headers=mine)).status_code == 401
    body["totp"] = await desk.code(person.totp_secret, step=1)
    assert (await desk.steps.api.post("/v1/sign-in/staff", json=body)).json()["code"] == "sign_in_refused"
    assert (await desk.set_up(await desk.link(person.mobile))).status_code == 200


async def test_roles_that_defeat_a_rule_of_two_are_refused_when_proposed(desk: Desk) -> None:
    person = await employee(desk, FINANCE)
    both = [
        {"role": "hr_officer", "scope_kind": "region", "scope": "2201"},
        {"role": "finance_officer", "scope_kind": "region", "scope": "1101"},
    ]
    before = await desk.superuser.effects()
    together = await desk.propose(roles=both, username="another")
    later = await desk.send(desk.first, f"/{person.person_id}/grants", both[0])

    for answer in (together, later):
        assert (answer.status_code, answer.json()["code"]) == (409, "roles_exclude")
    assert await desk.superuser.effects() == before


async def test_a_role_gained_meanwhile_stops_what_was_confirmed(desk: Desk, arrange: Arrange) -> None:
    person = await employee(desk)
    wish = {"role": "finance_officer", "scope_kind": "region", "scope": "1101"}
    case_id = (await desk.send(desk.first, f"/{person.person_id}/grants", wish)).json()["id"]
    await arrange.acting(person.person_id, Grant(Role.HR_OFFICER, ScopeKind.REGION, "2201"))
    await desk.confirmed(case_id, "not_applied")

    held = await desk.superuser.rows("SELECT role FROM role_grants WHERE person_id = %s", person.person_id)
    assert held == [("hr_officer",)]
    told = await desk.steps.api.get(f"/v1/cases/{case_id}/timeline", headers=desk.first.headers())
    assert "decide alone what takes two" in told.text


@pytest.mark.parametrize("lost", ["first", "second"])
async def test_whoever_lost_operator_meanwhile_makes_nobody(desk: Desk, lost: str, relay: Relay) -> None:
    case_id = await desk.proposed()
    await desk.phase(case_id, "awaiting_confirmation")
    if lost == "first":
        await _revoke(desk, desk.first)
        await desk.decide(desk.second, case_id, CONFIRM)
    else:
        await desk.handle(case_id).terminate("so that the decision waits")
        await desk.decide(desk.second, case_id, CONFIRM)
        await _revoke(desk, desk.second)
        await resume(desk, case_id, relay)

    async def over() -> bool:
        return bool(await desk.superuser.value("SELECT outcome FROM cases WHERE id = %s", case_id))

    await eventually(over, "the end")
    assert await desk.superuser.value("SELECT outcome FROM cases WHERE id = %s", case_id) == "not_applied"
    assert await desk.superuser.value(HOW_MANY_ADDED) == 0


async def _revoke(desk: Desk, who: Someone) -> None:
    await desk.superuser.run("UPDATE role_grants SET revoked_at = now() WHERE person_id = %s", who.id)


async def resume(desk: Desk, case_id: str, relay: Relay) -> None:
    """Start the case's process again."""
    await desk.superuser.run(
        "INSERT INTO outbox (message, payload) VALUES ('CaseSignal', jsonb_build_object("
        "'kind', 'staff_change', 'case_id', %s::text, 'name', 'resumed', 'fact_id', null))",
        case_id,
    )
    relay.nudge()


async def test_nobody_proposes_for_themselves_nor_confirms_what_concerns_them(desk: Desk, arrange: Arrange) -> None:
    third = await add_employee(desk.context, "third", Grant(Role.OPERATOR, ScopeKind.PLATFORM), number=510)
    concerned = Someone(third.person_id, "", third.mobile, await arrange._token(third.person_id))
    own = await desk.send(concerned, f"/{third.person_id}/reset")
    case_id = (await desk.send(desk.first, f"/{third.person_id}/reset")).json()["id"]
    confirmed = await desk.decide(concerned, case_id, CONFIRM)

    assert (own.status_code, own.json()["code"]) == (403, "own_role")
    assert (confirmed.status_code, confirmed.json()["code"]) == (403, "own_case")
    for column in ("confirmed_by", "proposed_by"):
        with pytest.raises(Exception, match="not_for_oneself"):
            await desk.superuser.run(f"UPDATE staff_changes SET {column} = person_id")  # noqa: S608 - our own


_NONSENSE: tuple[tuple[dict[str, Any], int, str], ...] = (
    ({"national_id": "1234567890"}, 422, "bad_national_id"),
    ({"mobile": "12"}, 422, "bad_mobile"),
    ({"username": "نرگس"}, 422, "bad_username"),
    ({"first_name": " "}, 422, "bad_name"),
    ({"username": "taken"}, 409, "username_taken"),
    ({"roles": [{"role": "finance_officer", "scope_kind": "region", "scope": "9999"}]}, 422, "bad_scope"),
    ({"roles": [{"role": "hr_officer", "scope_kind": "organisation", "scope": "none"}]}, 422, "bad_scope"),
    ({"roles": [{"role": "operator", "scope_kind": "region", "scope": "1101"}]}, 422, "bad_scope"),
)


async def test_nonsense_is_refused_and_nothing_changes(desk: Desk) -> None:
    await add_employee(desk.context, "taken")
    before = await desk.superuser.effects()

    for wish, status, code in _NONSENSE:
        answer = await desk.propose(**wish)
        assert (answer.status_code, answer.json()["code"]) == (status, code), wish
    assert await desk.superuser.effects() == before


async def test_a_known_person_becomes_staff_with_their_own_name_and_mobile_only(desk: Desk, arrange: Arrange) -> None:
    member = await arrange.person("member")
    differs = await desk.propose(national_id=member.national_id)
    assert (differs.status_code, differs.json()["code"]) == (409, "mobile_differs")
    case_id = await desk.proposed(national_id=member.national_id, mobile=member.mobile)
    await desk.confirmed(case_id)

    names = await desk.superuser.rows("SELECT first_name FROM persons WHERE id = %s", member.id)
    assert names == [("مریم",)]
    again = await desk.propose(national_id=member.national_id, mobile=member.mobile, username="another")
    assert (again.status_code, again.json()["code"]) == (409, "already_staff")


async def test_of_two_proposals_for_one_user_name_the_later_is_not_applied(desk: Desk) -> None:
    first, second = await desk.proposed(), await desk.proposed(mobile=mobile(77))
    await desk.confirmed(first)
    await desk.confirmed(second, "not_applied")

    assert await desk.superuser.value(HOW_MANY_ADDED) == 1


async def test_a_rejection_changes_nothing_and_its_reason_is_shown(desk: Desk) -> None:
    case_id = await desk.proposed()
    assert (await desk.decide(desk.second, case_id, REJECT)).status_code == 200
    await desk.phase(case_id, "rejected")

    assert await desk.superuser.value(HOW_MANY_ADDED) == 0
    told = await desk.steps.api.get(f"/v1/cases/{case_id}/timeline", headers=desk.first.headers())
    assert REJECT["reason"] in told.text


async def test_silence_brings_one_reminder_to_the_others_and_then_nothing_is_changed(desk: Desk) -> None:
    case_id = await desk.proposed()
    await lapsed(desk, case_id)
    await desk.phase(case_id, "lapsed")

    assert await desk.superuser.value(HOW_MANY_ADDED) == 0
    assert "remind_confirm_staff_change" in sent_to(desk.steps.messages, desk.second.mobile)
    mine = sent_to(desk.steps.messages, desk.first.mobile)
    assert not {"task_confirm_staff_change", "remind_confirm_staff_change"} & set(mine)


Path_ = Callable[[Desk], Awaitable[str]]


async def applied(desk: Desk) -> str:
    """A second operator confirms; the case's id."""
    case_id = await desk.proposed()
    await desk.confirmed(case_id)
    return case_id


async def silent(desk: Desk) -> str:
    """Nobody answers; the case's id."""
    case_id = await desk.proposed()
    await lapsed(desk, case_id)
    return case_id


# The ways that are recorded; see tests/histories.
PATHS: dict[str, Path_] = {f"staff_change_{path.__name__}": path for path in (applied, silent)}
