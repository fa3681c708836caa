"""The attack on a person through another employer's list, played through the API from end to end (A1, A13, G2)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import httpx2
import pytest

from commands.command import Context
from domain.access import Role
from tests.arrange import Arrange, Someone, eventually, newest_code, next_national_id, sent_to
from tests.books import Superuser, assert_books_clean
from tests.journeys.steps import ISSUE, TERMS, Steps
from tests.personnel_steps import Line, csv_of

pytestmark = pytest.mark.usefixtures("relay", "worker")

ATTACKERS, OWN = "+989350000011", "+989350000012"
CONFIRM = {"kind": "confirm_change", "decision": "confirm"}


@dataclass(frozen=True, slots=True)
class Employer:
    """An organisation and its HR."""

    steps: Steps
    id: UUID
    officer: Someone

    async def send(self, line: Line) -> None:
        """Send a file of one row, and wait until it is read."""
        api, headers = self.steps.api, {**self.officer.headers(), "Content-Type": "text/csv; charset=utf-8"}
        sent = await api.post(f"/v1/organisations/{self.id}/personnel-imports", content=csv_of([line]), headers=headers)
        assert sent.status_code == 202, sent.text
        address = f"/v1/personnel-imports/{sent.json()['id']}"

        async def read() -> bool:
            return bool((await api.get(address, headers=self.officer.headers())).json()["phase"] == "imported")

        await eventually(read, "the file to be read")

    async def dispute(self, line: Line) -> Any:
        """What HR sees of an employee's mobile."""
        asked = {"national_id": line.national_id}
        answer = await self.steps.api.post("/v1/employments/searches", json=asked, headers=self.officer.headers())
        (item,) = answer.json()["items"]
        return item["mobile_dispute"]


@dataclass(frozen=True, slots=True)
class Scene:
    """B lists somebody first, with the attacker's number; they work at A, which lists them rightly."""

    steps: Steps
    a: Employer
    b: Employer
    support: Someone
    line: Line

    async def sign_in(self, mobile: str) -> Someone:
        """Sign in as them with a number."""
        await self.steps.forget_limits()
        api, before = self.steps.api, sent_to(self.steps.messages, mobile).count("code_sign_in")
        wish = {"national_id": self.line.national_id, "mobile": mobile}
        challenge = (await api.post("/v1/sign-in/codes", json=wish)).json()["challenge_id"]

        async def sent() -> bool:
            return sent_to(self.steps.messages, mobile).count("code_sign_in") > before

        await eventually(sent, "the code")
        code = {"challenge_id": challenge, "code": newest_code(self.steps.messages, mobile)}
        session = (await api.post("/v1/sign-in/sessions", json=code)).json()
        return Someone(UUID(session["person"]["id"]), self.line.national_id, mobile, session["token"])

    async def offered(self, someone: Someone) -> tuple[bool, list[str]]:
        """Whether a number is disputed, and at which employers something is possible."""
        answer = (await self.steps.api.get("/v1/programmes", headers=someone.headers())).json()
        (minipay,) = [each for each in answer["items"] if each["code"] == "minipay"]
        return answer["mobile_disputed"], [limit["organisation_id"] for limit in minipay["limits"]]

    async def apply(self, someone: Someone, employer: Employer) -> httpx2.Response:
        """Apply on an employer's pay."""
        return await self.steps.try_to_apply(someone, organisation_id=str(employer.id))

    async def confirm_as_support(self, change_id: UUID) -> None:
        """Both numbers were told; support sees what both lists say, and confirms A's."""

        async def told() -> bool:
            old, new = [sent_to(self.steps.messages, number) for number in (ATTACKERS, OWN)]
            return "personnel_mobile_proposed" in old and "mobile_proposed_new" in new

        await eventually(told, "both numbers to be told")
        task = await self.steps.task(self.support, str(change_id), "confirm_change")
        lists = (await self.steps.case(self.support, str(change_id)))["change"]["lists"]
        assert [(one["organisation_id"], one["says"]) for one in lists] == [
            (str(self.b.id), "present"),
            (str(self.a.id), "proposed"),
        ]
        assert (await self.steps.decide(self.support, task["id"], CONFIRM, task["version"])).status_code == 200
        await self.steps.phase(self.support, str(change_id), "confirmed")


@pytest.fixture
async def scene(steps: Steps, arrange: Arrange) -> Scene:
    """Both lists were sent, B's first."""
    a, b = [
        Employer(steps, organisation, await arrange.hr_officer(organisation))
        for organisation in [await arrange.organisation() for _ in range(2)]
    ]
    line = Line(next_national_id(), mobile=OWN)
    await b.send(replace(line, mobile=ATTACKERS))
    await a.send(line)
    return Scene(steps, a, b, await arrange.platform(Role.SUPPORT_AGENT), line)


async def test_whoever_lists_somebody_first_gets_nothing_of_their_pay_elsewhere_and_they_get_it_themselves(
    scene: Scene, context: Context, superuser: Superuser
) -> None:
    steps, a, b = scene.steps, scene.a, scene.b
    attacker = await scene.sign_in(ATTACKERS)
    assert await scene.offered(attacker) == (True, [str(b.id)])
    refused = await scene.apply(attacker, a)
    assert (refused.status_code, refused.json()["code"]) == (409, "mobile_disputed")
    lines = (await steps.api.get("/v1/credit-lines", headers=attacker.headers())).json()
    assert (lines["mobile_disputed"], lines["items"]) == (True, [])
    cases = (await steps.api.get("/v1/cases", headers=attacker.headers())).json()["items"]
    assert [(case["kind"], case["organisation_id"]) for case in cases] == [("personnel_change", None)]
    assert (await steps.case(attacker, cases[0]["id"]))["organisation_name"] is None
    assert (await a.dispute(scene.line))["is_open"]
    assert await b.dispute(scene.line) is None

    await scene.confirm_as_support(await superuser.value("SELECT id FROM cases WHERE kind = 'personnel_change'"))

    assert (await steps.api.get("/v1/me", headers=attacker.headers())).status_code == 401
    victim = await scene.sign_in(OWN)
    assert await scene.offered(victim) == (True, [str(a.id)])
    await superuser.run("UPDATE persons SET money_paused_until = now()")
    case_id = (await scene.apply(victim, a)).json()["id"]
    await steps.answer(a.officer, case_id, ISSUE)
    await steps.phase(victim, case_id, "active")
    (line,) = await steps.lines(victim)
    assert (line["monthly"]["amount"], line["mobile_disputed"]) == (TERMS["monthly_amount"]["amount"], False)
    assert not (await b.dispute(scene.line))["is_open"]
    await assert_books_clean(context.engine)


async def test_a_certificate_waits_for_the_end_of_a_dispute_and_everybody_sees_why(
    scene: Scene, superuser: Superuser
) -> None:
    steps, a, b = scene.steps, scene.a, scene.b
    member = await scene.sign_in(ATTACKERS)
    case_id = (await scene.apply(member, b)).json()["id"]
    task = await steps.task(b.officer, case_id, "issue_certificate")
    await b.send(replace(scene.line, mobile=OWN))
    change_id = await superuser.value(
        "SELECT id FROM cases WHERE kind = 'personnel_change' AND organisation_id = %s", b.id
    )

    refused = await steps.decide(b.officer, task["id"], ISSUE)
    assert (refused.status_code, refused.json()["code"]) == (409, "employee_mobile_disputed")
    seen = {who.id: (await steps.case(who, case_id))["mobile_disputed"] for who in (member, b.officer)}
    assert [(one["part"], one["name"]) for one in seen[member.id]] == [("applicant", None)]
    assert [(one["part"], one["name"]) for one in seen[b.officer.id]] == [("applicant", "سارا یزدانی")]

    # A's change, which names the same number, still waits; B's ends by itself as its list agrees again.
    await b.send(replace(scene.line, mobile=ATTACKERS))
    await steps.phase(scene.support, str(change_id), "overtaken")
    assert (await a.dispute(scene.line))["is_open"]
    assert (await steps.decide(b.officer, task["id"], ISSUE)).status_code == 200
    await steps.phase(member, case_id, "active")
