"""Changes of staff: proposed by one operator, confirmed by another, set up by the person themselves (G1)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx2
import pyotp
import pytest
from temporalio.client import WorkflowHandle
from temporalio.testing import WorkflowEnvironment

from commands.command import Context
from domain.access import Grant, Role, ScopeKind
from domain.account import TOTP_SECONDS
from messages.case import CaseKind, workflow_id
from relay import Relay
from tests.account_people import Credentials, add_employee, mobile
from tests.arrange import Arrange, Someone, eventually, newest_code, next_national_id, sent_to
from tests.books import Superuser, assert_books_clean
from tests.events import quiet_events
from tests.journeys.steps import Steps

pytestmark = pytest.mark.usefixtures("worker", "relay")

EVENT_BUDGET = 30
FINANCE = Grant(Role.FINANCE_OFFICER, ScopeKind.REGION, "1101")
KYC = Grant(Role.KYC_OFFICER, ScopeKind.PLATFORM)
CONFIRM = {"kind": "confirm_staff_change", "decision": "confirm"}
REJECT = {"kind": "confirm_staff_change", "decision": "reject", "reason": "این همکار را نمی‌شناسم"}
PASSWORD = "سرو بلند کنار رود"
NUMBER = "+989351110000"


@dataclass(frozen=True, slots=True)
class Office:
    """Two operators, with what they work on."""

    steps: Steps
    temporal: WorkflowEnvironment
    superuser: Superuser
    context: Context
    first: Someone
    second: Someone

    async def send(self, who: Someone, path: str, body: dict[str, Any] | None = None) -> httpx2.Response:
        """A command."""
        return await self.steps.api.post(f"/v1/staff{path}", json=body, headers=who.headers())

    async def propose(self, **changes: Any) -> httpx2.Response:
        """Propose to add somebody."""
        wish = {
            "national_id": next_national_id(),
            "mobile": NUMBER,
            "first_name": "نرگس",
            "last_name": "احمدی",
            "username": "narges.finance",
            "roles": [{"role": "finance_officer", "scope_kind": "region", "scope": "1101"}],
        }
        return await self.send(self.first, "", wish | changes)

    async def proposed(self, **changes: Any) -> str:
        """The case of such a proposal."""
        answer = await self.propose(**changes)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def decide(self, who: Someone, case_id: str, decision: dict[str, Any]) -> httpx2.Response:
        """Answer the task once the process has asked."""
        await self.phase(case_id, "awaiting_confirmation")
        sql = "SELECT id FROM tasks WHERE case_id = %s AND status = 'open'"
        ((task_id,),) = await self.superuser.rows(sql, case_id)
        return await self.steps.decide(who, str(task_id), decision)

    async def confirmed(self, case_id: str, phase: str = "applied") -> None:
        """The second operator confirms, and it takes effect."""
        answer = await self.decide(self.second, case_id, CONFIRM)
        assert answer.status_code == 200, answer.text
        await self.phase(case_id, phase)

    async def phase(self, case_id: str, phase: str) -> None:
        """Wait until it stands there, whoever may see it still."""

        async def stands() -> bool:
            return bool(await self.superuser.value("SELECT phase = %s FROM cases WHERE id = %s", phase, case_id))

        await eventually(stands, f"the phase {phase}")

    def handle(self, case_id: str) -> WorkflowHandle[Any, Any]:
        """A case's process."""
        return self.temporal.client.get_workflow_handle(workflow_id(CaseKind.STAFF_CHANGE, UUID(case_id)))

    async def link(self, number: str = NUMBER) -> str:
        """The token of the newest link that came to a mobile."""

        async def came() -> bool:
            return "code_staff_link" in sent_to(self.steps.messages, number)

        await eventually(came, "the link")
        return newest_code(self.steps.messages, number)

    async def account(self, path: str, **body: Any) -> httpx2.Response:
        """What the owner of a link sends."""
        return await self.steps.api.post(f"/v1/staff-account/{path}", json=body)

    async def set_up(self, token: str, **changes: Any) -> httpx2.Response:
        """Follow the link and set password and key."""
        opened = (await self.account("openings", token=token)).json()
        code = await self.code(opened["totp_secret"], step=-1)
        given = {"token": token, "password": PASSWORD, "totp_key": opened["totp_key"], "totp": code}
        return await self.account("set-up", **given | changes)

    async def code(self, secret: str, step: int = 0) -> str:
        """The TOTP code of Postgres's present step, or of one beside it."""
        now = await self.superuser.value("SELECT extract(epoch FROM now())::float8")
        return pyotp.TOTP(secret).generate_otp(int(now // TOTP_SECONDS) + step)


@pytest.fixture
async def office(
    steps: Steps, temporal: WorkflowEnvironment, superuser: Superuser, context: Context, arrange: Arrange
) -> Office:
    """Two operators with fresh codes."""
    first, second = await arrange.platform(Role.OPERATOR), await arrange.platform(Role.OPERATOR)
    return Office(steps, temporal, superuser, context, first, second)


async def test_two_operators_add_somebody_who_alone_learns_the_credentials(office: Office) -> None:
    case_id = await office.proposed()
    shown = (await office.steps.case(office.second, case_id))["staff_change"]
    assert (shown["name"], shown["mobile_masked"], shown["username"]) == ("نرگس احمدی", "0935***0000", "narges.finance")
    assert [role["role"] for role in shown["roles"]] == ["finance_officer"]
    await office.confirmed(case_id)
    token = await office.link()

    opened = (await office.account("openings", token=token)).json()
    assert opened["username"] == "narges.finance"
    assert opened["totp_secret"] in opened["totp_uri"]
    set_up = await office.set_up(token)
    assert (set_up.status_code, set_up.json()) == (200, {"username": "narges.finance"})

    given = await office.superuser.value("SELECT count(*) FROM role_grants WHERE granted_by = %s", f"case:{case_id}")
    assert given == 1
    assert await quiet_events(office.handle(case_id)) <= EVENT_BUDGET
    assert NUMBER.removeprefix("+98") not in str(await office.superuser.rows("SELECT payload FROM facts"))
    await assert_books_clean(office.context.engine)


async def test_they_sign_in_with_what_they_have_set_and_with_nothing_else(office: Office) -> None:
    await office.confirmed(await office.proposed())
    token = await office.link()
    opened = (await office.account("openings", token=token)).json()
    await office.account(
        "set-up",
        token=token,
        password=PASSWORD,
        totp_key=opened["totp_key"],
        totp=await office.code(opened["totp_secret"], step=-1),
    )
    for password, status in (("چیز دیگری که نیست", 401), (PASSWORD, 201)):
        body = {"username": "narges.finance", "password": password, "totp": await office.code(opened["totp_secret"])}
        assert (await office.steps.api.post("/v1/sign-in/staff", json=body)).status_code == status


async def test_no_answer_to_an_operator_holds_a_secret(office: Office) -> None:
    proposal = await office.propose()
    case_id = proposal.json()["id"]
    confirmation = await office.decide(office.second, case_id, CONFIRM)
    await office.phase(case_id, "applied")
    token = await office.link()
    person = await office.superuser.value("SELECT person_id FROM staff_credentials WHERE username = 'narges.finance'")
    api, seen = office.steps.api, [proposal.text, confirmation.text]
    paths = (f"/v1/cases/{case_id}", f"/v1/cases/{case_id}/timeline", f"/v1/staff/{person}", "/v1/notices")
    for who in (office.first, office.second):
        seen += [(await api.get(path, headers=who.headers())).text for path in paths]
    seen.append((await office.send(office.first, f"/{person}/link")).text)
    told = " ".join(seen)
    for secret in (token, token[32:], "password", "secret", "totp", "activate"):
        assert secret not in told, secret
    assert await office.superuser.value("SELECT count(*) FROM one_time_codes WHERE code_sealed IS NOT NULL") <= 1


async def test_one_operator_alone_makes_nobody(office: Office) -> None:
    case_id = await office.proposed()
    own = await office.decide(office.first, case_id, CONFIRM)

    assert (own.status_code, own.json()["code"]) == (403, "own_case")
    assert await office.superuser.value("SELECT count(*) FROM staff_credentials") == 0
    assert await office.superuser.value("SELECT count(*) FROM persons WHERE first_name = 'نرگس'") == 0
    with pytest.raises(Exception, match="two_operators"):
        await office.superuser.run("UPDATE staff_changes SET confirmed_by = proposed_by")
    await office.superuser.run("UPDATE sessions SET strong_until = now() WHERE person_id = %s", office.second.id)
    weak = await office.decide(office.second, case_id, CONFIRM)
    assert (weak.status_code, weak.json()["code"]) == (403, "step_up_required")


async def test_a_link_counts_once_in_its_time_and_only_the_newest(office: Office) -> None:
    await office.confirmed(await office.proposed())
    old = await office.link()
    person = await office.superuser.value("SELECT person_id FROM staff_credentials WHERE username = 'narges.finance'")
    assert (await office.send(office.second, f"/{person}/link")).status_code == 202

    async def came() -> bool:
        return newest_code(office.steps.messages, NUMBER) != old

    await eventually(came, "the new link")
    new = newest_code(office.steps.messages, NUMBER)
    for token in (old, "x", new[:-1], new[:32], "0" * 32):
        assert (await office.account("openings", token=token)).json()["code"] == "link_not_accepted"

    both = await asyncio.gather(office.set_up(new), office.set_up(new))
    assert sorted(answer.status_code for answer in both) == [200, 422]
    assert (await office.account("openings", token=new)).json()["code"] == "link_not_accepted"
    again = await office.send(office.second, f"/{person}/link")
    assert (again.status_code, again.json()["code"]) == (409, "account_set_up")


async def test_a_link_that_is_too_old_opens_nothing(office: Office) -> None:
    await office.confirmed(await office.proposed())
    token = await office.link()
    assert await office.superuser.value("SELECT expires_at - created_at FROM one_time_codes") == timedelta(hours=24)
    await office.superuser.run("UPDATE one_time_codes SET expires_at = now()")

    assert (await office.account("openings", token=token)).json()["code"] == "link_not_accepted"


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"password": "کوتاه"}, "weak_password"),
        ({"password": "narges.finance 1405"}, "weak_password"),
        ({"password": "1234 5678 9012"}, "weak_password"),
        ({"password": "ababababababab"}, "weak_password"),
        ({"totp": "000000"}, "code_not_accepted"),
        ({"totp_key": "QUJD"}, "bad_totp_key"),
    ],
)
async def test_a_weak_password_or_a_key_that_is_not_in_the_app_sets_nothing_up(
    office: Office, wrong: dict[str, str], code: str
) -> None:
    await office.confirmed(await office.proposed())
    token = await office.link()

    assert (await office.set_up(token, **wrong)).json()["code"] == code
    assert await office.superuser.value("SELECT password_hash FROM staff_credentials") is None
    assert (await office.set_up(token)).status_code == 200


async def employee(office: Office, *grants: Grant) -> Credentials:
    """Somebody of the staff who is set up."""
    return await add_employee(office.context, "narges.finance", *grants)


async def test_a_role_takes_two_operators_and_its_holder_is_told(office: Office) -> None:
    person = await employee(office, KYC)
    answer = await office.send(
        office.first,
        f"/{person.person_id}/grants",
        {"role": "finance_officer", "scope_kind": "region", "scope": "1101"},
    )
    assert answer.status_code == 201, answer.text
    held = "SELECT count(*) FROM role_grants WHERE person_id = %s"
    assert await office.superuser.value(held, person.person_id) == 1
    await office.confirmed(answer.json()["id"])

    assert await office.superuser.value(held, person.person_id) == 2

    async def told() -> bool:
        return "staff_role_granted" in sent_to(office.steps.messages, person.mobile)

    await eventually(told, "the SMS")


async def test_a_reset_takes_two_ends_the_sessions_and_the_old_password(office: Office) -> None:
    person = await employee(office, KYC)
    body = {
        "username": person.username,
        "password": person.password,
        "totp": await office.code(person.totp_secret),
    }
    session = (await office.steps.api.post("/v1/sign-in/staff", json=body)).json()["token"]
    mine = {"Authorization": f"Bearer {session}"}
    answer = await office.send(office.first, f"/{person.person_id}/reset")
    case_id = answer.json()["id"]
    assert (await office.decide(office.first, case_id, CONFIRM)).status_code == 403
    assert (await office.steps.api.get("/v1/me", headers=mine)).status_code == 200
    await office.confirmed(case_id)

    assert (await office.steps.api.get("/v1/me", headers=mine)).status_code == 401
    body["totp"] = await office.code(person.totp_secret, step=1)
    assert (await office.steps.api.post("/v1/sign-in/staff", json=body)).json()["code"] == "sign_in_refused"
    assert (await office.set_up(await office.link(person.mobile))).status_code == 200


async def test_roles_that_defeat_a_rule_of_two_are_refused_when_proposed(office: Office) -> None:
    person = await employee(office, FINANCE)
    both = [
        {"role": "hr_officer", "scope_kind": "region", "scope": "2201"},
        {"role": "finance_officer", "scope_kind": "region", "scope": "1101"},
    ]
    before = await office.superuser.effects()
    together = await office.propose(roles=both, username="another")
    later = await office.send(office.first, f"/{person.person_id}/grants", both[0])

    for answer in (together, later):
        assert (answer.status_code, answer.json()["code"]) == (409, "roles_exclude")
    assert await office.superuser.effects() == before


async def test_a_role_gained_meanwhile_stops_what_was_confirmed(office: Office, arrange: Arrange) -> None:
    person = await employee(office)
    wish = {"role": "finance_officer", "scope_kind": "region", "scope": "1101"}
    case_id = (await office.send(office.first, f"/{person.person_id}/grants", wish)).json()["id"]
    await arrange.acting(person.person_id, Grant(Role.HR_OFFICER, ScopeKind.REGION, "2201"))
    await office.confirmed(case_id, "not_applied")

    held = await office.superuser.rows("SELECT role FROM role_grants WHERE person_id = %s", person.person_id)
    assert held == [("hr_officer",)]
    told = await office.steps.api.get(f"/v1/cases/{case_id}/timeline", headers=office.first.headers())
    assert "decide alone what takes two" in told.text


@pytest.mark.parametrize("lost", ["first", "second"])
async def test_whoever_lost_operator_meanwhile_makes_nobody(office: Office, lost: str, relay: Relay) -> None:
    case_id = await office.proposed()
    await office.phase(case_id, "awaiting_confirmation")
    if lost == "first":
        await _revoke(office, office.first)
        await office.decide(office.second, case_id, CONFIRM)
    else:
        await office.handle(case_id).terminate("so that the decision waits")
        await office.decide(office.second, case_id, CONFIRM)
        await _revoke(office, office.second)
        await resume(office, case_id, relay)

    async def over() -> bool:
        return bool(await office.superuser.value("SELECT outcome FROM cases WHERE id = %s", case_id))

    await eventually(over, "the end")
    assert await office.superuser.value("SELECT outcome FROM cases WHERE id = %s", case_id) == "not_applied"
    assert await office.superuser.value("SELECT count(*) FROM staff_credentials") == 0


async def _revoke(office: Office, who: Someone) -> None:
    await office.superuser.run("UPDATE role_grants SET revoked_at = now() WHERE person_id = %s", who.id)


async def resume(office: Office, case_id: str, relay: Relay) -> None:
    """Start the case's process again."""
    await office.superuser.run(
        "INSERT INTO outbox (message, payload) VALUES ('CaseSignal', jsonb_build_object("
        "'kind', 'staff_change', 'case_id', %s::text, 'name', 'resumed', 'fact_id', null))",
        case_id,
    )
    relay.nudge()


async def test_nobody_proposes_for_themselves_nor_confirms_what_concerns_them(office: Office, arrange: Arrange) -> None:
    third = await add_employee(office.context, "third", Grant(Role.OPERATOR, ScopeKind.PLATFORM), number=510)
    concerned = Someone(third.person_id, "", third.mobile, await arrange._token(third.person_id))
    own = await office.send(concerned, f"/{third.person_id}/reset")
    case_id = (await office.send(office.first, f"/{third.person_id}/reset")).json()["id"]
    confirmed = await office.decide(concerned, case_id, CONFIRM)

    assert (own.status_code, own.json()["code"]) == (403, "own_role")
    assert (confirmed.status_code, confirmed.json()["code"]) == (403, "own_case")
    for column in ("confirmed_by", "proposed_by"):
        with pytest.raises(Exception, match="not_for_oneself"):
            await office.superuser.run(f"UPDATE staff_changes SET {column} = person_id")  # noqa: S608 - our own


@pytest.mark.parametrize(
    ("wish", "status", "code"),
    [
        ({"national_id": "1234567890"}, 422, "bad_national_id"),
        ({"mobile": "12"}, 422, "bad_mobile"),
        ({"username": "نرگس"}, 422, "bad_username"),
        ({"first_name": " "}, 422, "bad_name"),
        ({"username": "taken"}, 409, "username_taken"),
        ({"roles": [{"role": "finance_officer", "scope_kind": "region", "scope": "9999"}]}, 422, "bad_scope"),
        ({"roles": [{"role": "hr_officer", "scope_kind": "organisation", "scope": "none"}]}, 422, "bad_scope"),
        ({"roles": [{"role": "operator", "scope_kind": "region", "scope": "1101"}]}, 422, "bad_scope"),
    ],
)
async def test_nonsense_is_refused_and_nothing_changes(
    office: Office, wish: dict[str, Any], status: int, code: str
) -> None:
    await add_employee(office.context, "taken")
    before = await office.superuser.effects()
    answer = await office.propose(**wish)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert await office.superuser.effects() == before


async def test_a_known_person_becomes_staff_with_their_own_name_and_mobile_only(
    office: Office, arrange: Arrange
) -> None:
    member = await arrange.person("member")
    differs = await office.propose(national_id=member.national_id)
    assert (differs.status_code, differs.json()["code"]) == (409, "mobile_differs")
    case_id = await office.proposed(national_id=member.national_id, mobile=member.mobile)
    await office.confirmed(case_id)

    names = await office.superuser.rows("SELECT first_name FROM persons WHERE id = %s", member.id)
    assert names == [("مریم",)]
    again = await office.propose(national_id=member.national_id, mobile=member.mobile, username="another")
    assert (again.status_code, again.json()["code"]) == (409, "already_staff")


async def test_of_two_proposals_for_one_user_name_the_later_is_not_applied(office: Office) -> None:
    first, second = await office.proposed(), await office.proposed(mobile=mobile(77))
    await office.confirmed(first)
    await office.confirmed(second, "not_applied")

    assert await office.superuser.value("SELECT count(*) FROM staff_credentials") == 1


async def test_a_rejection_changes_nothing_and_its_reason_is_shown(office: Office) -> None:
    case_id = await office.proposed()
    assert (await office.decide(office.second, case_id, REJECT)).status_code == 200
    await office.phase(case_id, "rejected")

    assert await office.superuser.value("SELECT count(*) FROM staff_credentials") == 0
    told = await office.steps.api.get(f"/v1/cases/{case_id}/timeline", headers=office.first.headers())
    assert REJECT["reason"] in told.text


async def test_silence_brings_one_reminder_to_the_others_and_then_nothing_is_changed(office: Office) -> None:
    case_id = await office.proposed()
    await lapsed(office, case_id)
    await office.phase(case_id, "lapsed")

    assert await office.superuser.value("SELECT count(*) FROM staff_credentials") == 0
    assert "remind_confirm_staff_change" in sent_to(office.steps.messages, office.second.mobile)
    mine = sent_to(office.steps.messages, office.first.mobile)
    assert not {"task_confirm_staff_change", "remind_confirm_staff_change"} & set(mine)


async def lapsed(office: Office, case_id: str) -> None:
    """Nobody answers."""
    await office.phase(case_id, "awaiting_confirmation")
    handle = office.handle(case_id)
    await office.temporal.fast_forward(handle, timedelta(hours=24, seconds=5))

    async def reminded() -> bool:
        return "reminded" in await office.steps.timeline(office.first, case_id)

    await eventually(reminded, "the reminder")
    await office.temporal.fast_forward(handle)


async def test_a_disabled_account_ends_at_once_and_its_link_with_it(office: Office) -> None:
    await office.confirmed(await office.proposed())
    token = await office.link()
    person = await office.superuser.value("SELECT person_id FROM staff_credentials WHERE username = 'narges.finance'")
    assert (await office.send(office.first, f"/{person}/disabling")).status_code == 200

    assert (await office.account("openings", token=token)).json()["code"] == "link_not_accepted"
    again = await office.send(office.first, f"/{person}/link")
    assert (again.status_code, again.json()["code"]) == (409, "account_disabled")
    own = await office.send(office.first, f"/{office.first.id}/disabling")
    assert (own.status_code, own.json()["code"]) == (403, "own_role")


async def test_the_token_is_in_no_log_and_no_payload(office: Office, capfd: pytest.CaptureFixture[str]) -> None:
    await office.confirmed(await office.proposed())
    token = await office.link()
    await office.set_up(token)
    stored = (
        "SELECT (SELECT coalesce(json_agg(o), '[]') FROM outbox o)::text || (SELECT json_agg(a) FROM audit a)::text"
    )
    history = json.dumps((await office.handle((await _newest(office))).fetch_history()).to_json_dict())
    for place in (await office.superuser.value(stored), history, *capfd.readouterr()):
        assert token not in place
        assert PASSWORD not in place


async def _newest(office: Office) -> str:
    return str(await office.superuser.value("SELECT id FROM cases ORDER BY id DESC LIMIT 1"))


Path_ = Callable[[Office], Awaitable[None]]


async def applied(office: Office) -> None:
    """A second operator confirms."""
    await office.confirmed(await office.proposed())


async def silent(office: Office) -> None:
    """Nobody answers."""
    await lapsed(office, await office.proposed())


# The ways that are recorded; see tests/histories.
PATHS: dict[str, Path_] = {f"staff_change_{path.__name__}": path for path in (applied, silent)}
