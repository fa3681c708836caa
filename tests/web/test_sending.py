"""What is sent: once although pressed twice, by whom it may be, and asked for a code before anything is typed."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from urllib.parse import quote
from uuid import uuid4

import httpx2
import pytest
from playwright.async_api import Page, Route

from activities.transition import ActivityContext
from commands.account import authenticate
from commands.command import Command, Context, Envelope, perform
from domain.access import Role
from domain.errors import InvalidInput
from messages.case import StepInput
from tests.api.world import make_world
from tests.arrange import Arrange, Someone, eventually
from tests.books import Superuser
from tests.personnel_steps import SHEBAS, Line, PersonnelOffice
from tests.reconciliation_steps import add_cases
from tests.transitions import Transitions
from tests.web.conftest import HERE, Visit, cookies

_SWITCH = "/operations/services/onboarding"
_NOBODYS = "0192f0a1-5b7c-7c1e-8f00-2f6f0c7d9a11"
_SECOND = 1_000
_FIRST_CODE = "نخست تأیید با کد"


def key_in(page: str, action: str) -> str:
    """The key of the form that a page sends to an address."""
    found = re.search(rf'action="{action}".*?name="key" value="([^"]+)"', page, re.DOTALL)
    assert found is not None
    return found[1]


async def test_a_form_keeps_its_key_only_until_there_is_a_final_answer(
    site: httpx2.AsyncClient, arrange: Arrange, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.client._LOOKS", 1)
    operator, key = await arrange.platform(Role.OPERATOR), str(uuid4())
    started, go_on = asyncio.Event(), asyncio.Event()

    async def slow(_: Command) -> bytes:
        started.set()
        await go_on.wait()
        return b"{}"

    async def send() -> str:
        data = {"key": key, "is_open": "false", "reason": "نگهداشت سامانه"}
        answer = await site.post(_SWITCH, data=data, headers={**cookies(operator), **HERE})
        assert answer.status_code == 422
        return answer.text

    envelope = Envelope(await authenticate(context, operator.token), "test", key, b"1")
    first = asyncio.create_task(perform(context, envelope, slow))
    await started.wait()
    running = await send()
    go_on.set()
    await first
    refused = await send()

    assert key_in(running, _SWITCH) == key
    assert "هنوز پاسخ نهایی نیامده است" in running
    assert key_in(refused, _SWITCH) != key
    assert "لطفاً این موارد را اصلاح کنید" in refused


async def test_what_was_done_is_not_called_unsent_and_is_not_done_again(
    site: httpx2.AsyncClient, arrange: Arrange, context: Context, superuser: Superuser
) -> None:
    operator, key = await arrange.platform(Role.OPERATOR), str(uuid4())
    data = {"key": key, "is_open": "false", "reason": "نگهداشت سامانه"}
    headers = {**cookies(operator), **HERE}
    assert (await site.post(_SWITCH, data=data, headers=headers)).status_code == 303
    done = await superuser.effects()
    earlier = context.seals.cipher.seal(b'{"surname": "x"}', "idempotency.answer")
    await superuser.run("UPDATE idempotency SET answer_sealed = %s", earlier)

    for _ in range(2):
        again = await site.post(_SWITCH, data=data, headers=headers)
        assert again.status_code == 422
        assert "این کار پیش‌تر انجام شده است" in again.text
        assert "لطفاً این موارد را اصلاح کنید" not in again.text
        assert key_in(again.text, _SWITCH) == key
    assert await superuser.effects() == done


async def weaken(superuser: Superuser, someone: Someone) -> None:
    """Let a session's fresh code be over."""
    await superuser.run("UPDATE sessions SET strong_until = now() WHERE person_id = %s", someone.id)


async def test_a_switch_asks_for_the_code_before_the_reason(
    site: httpx2.AsyncClient, arrange: Arrange, superuser: Superuser
) -> None:
    operator = await arrange.platform(Role.OPERATOR)
    confirmed = (await site.get(_SWITCH, headers=cookies(operator))).text
    await weaken(superuser, operator)
    weak = (await site.get(_SWITCH, headers=cookies(operator))).text
    late = await site.post(
        _SWITCH, data={"is_open": "false", "reason": "نگهداشت"}, headers={**cookies(operator), **HERE}
    )

    assert 'name="reason"' in confirmed
    assert _FIRST_CODE not in confirmed
    assert 'name="reason"' not in weak
    assert f'href="/confirm?next={_SWITCH}"' in weak
    assert late.headers["Location"] == f"/confirm?next={quote(_SWITCH, safe='')}"


@pytest.mark.parametrize(
    ("changed", "own_code"),
    [({"mobile": "09121110099"}, False), ({"employment": "بازنشسته"}, False), ({"sheba": SHEBAS[1]}, True)],
)
async def test_a_decision_asks_for_its_own_code_or_for_a_step_up_first(
    site: httpx2.AsyncClient,
    arrange: Arrange,
    activity_context: ActivityContext,
    superuser: Superuser,
    changed: dict[str, str],
    own_code: bool,
) -> None:
    office, line = await PersonnelOffice.open(activity_context, arrange), Line()
    is_exit = "employment" in changed
    officer = await (arrange.hr_officer(office.organisation_id) if is_exit else arrange.platform(Role.SUPPORT_AGENT))
    case_id = await office.change(line, line.but(**changed))
    await Transitions(activity_context).request_decision(StepInput(case_id))
    task = await superuser.value("SELECT id FROM tasks WHERE case_id = %s", case_id)
    confirmed = (await site.get(f"/tasks/{task}", headers=cookies(officer))).text
    await weaken(superuser, officer)
    weak = (await site.get(f"/tasks/{task}", headers=cookies(officer))).text

    assert _FIRST_CODE not in confirmed
    assert [f'value="{decision}"' in confirmed for decision in ("confirm", "reject")] == [True, True]
    assert [f'value="{decision}"' in weak for decision in ("confirm", "reject")] == [own_code, False]
    assert f'href="/confirm?next=/tasks/{task}"' in weak
    summary = (await site.get(f"/tasks/{task}/decision?decision=confirm&version=1", headers=cookies(officer))).text
    assert ['name="totp"' in page for page in (confirmed, weak, summary)] == [False, False, own_code]


async def test_a_file_is_taken_in_only_from_the_organisations_own_officer(
    site: httpx2.AsyncClient, arrange: Arrange
) -> None:
    organisation = await arrange.organisation()
    own, path = await arrange.hr_officer(organisation), f"/personnel?organisation_id={organisation}"
    taken = []

    async def file() -> AsyncIterator[bytes]:
        for _ in range(3):
            taken.append(1)
            yield b"x" * 65_536

    form = {"Content-Type": "multipart/form-data; boundary=x"}
    for other in (await arrange.platform(Role.AUDITOR), await arrange.hr_officer(await arrange.organisation())):
        answer = await site.post(path, content=file(), headers={**cookies(other), **HERE, **form})
        assert answer.status_code == 404
    assert taken == []
    much = {"key": "k" * 10_000}
    answer = await site.post(path, data=much, files={"file": ("a.csv", b"x")}, headers={**cookies(own), **HERE})
    assert answer.status_code == 400
    key = {"key": str(uuid4()), "totp": own.totp or ""}
    answer = await site.post(path, data=key, files={"file": ("a.csv", b"x")}, headers={**cookies(own), **HERE})
    assert answer.headers["Location"].startswith("/personnel/imports/")


@pytest.mark.parametrize(
    ("charset", "name", "value"),
    [
        ("utf-7", "reason", "+2AA-"),
        ("utf-7", "+2AA-", "x"),
        ("unicode_escape", "key", r"\udfff"),
        ("undefined", "a", "b"),
    ],
)
async def test_a_text_that_is_none_is_refused(
    site: httpx2.AsyncClient, arrange: Arrange, charset: str, name: str, value: str
) -> None:
    operator = await arrange.platform(Role.OPERATOR)
    form = {"Content-Type": f"multipart/form-data; boundary=x; charset={charset}"}
    content = f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n--x--\r\n'

    for path in ("/sign-in", _SWITCH):
        answer = await site.post(path, content=content, headers={**cookies(operator), **HERE, **form})
        assert (answer.status_code, InvalidInput.fa in answer.text) == (422, True), answer.text


@pytest.mark.parametrize("path", ["/inbox/bulk", f"/tasks/{_NOBODYS}/claim", f"/tasks/{_NOBODYS}/release"])
async def test_members_have_no_inbox(site: httpx2.AsyncClient, arrange: Arrange, path: str) -> None:
    (member,) = await arrange.colleagues(1)
    answer = await site.post(path, data={"action": "claim"}, headers={**cookies(member), **HERE})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")


@dataclass
class Watched:
    """A page whose questions are counted; time stands still in it, and while ``is_down`` the site answers none."""

    page: Page
    asked: int = 0
    is_down: bool = False

    @classmethod
    async def of(cls, page: Page, path: str) -> Watched:
        """A page that asks at a path."""
        watched = cls(page)
        await page.clock.install(time=0)
        await page.clock.pause_at(_SECOND)
        await page.route(f"**{path}", watched.answer)
        return watched

    async def answer(self, route: Route) -> None:
        """Count, and let pass what is not to fail."""
        is_question = route.request.resource_type == "fetch"
        self.asked += is_question
        if is_question and self.is_down:
            await route.fulfill(status=429, body="")
        else:
            await route.continue_()

    async def asks(self, times: int) -> None:
        """Wait until it has asked so often and has its answers; fails if it asked more often."""

        async def has() -> bool:
            return self.asked >= times and await self.page.locator(".htmx-request").count() == 0

        await eventually(has, f"{times} questions with their answers")
        assert self.asked == times


async def test_progress_goes_on_after_a_failure_and_asks_only_while_somebody_is_there(
    visit: Visit, arrange: Arrange, activity_context: ActivityContext
) -> None:
    office = await PersonnelOffice.open(activity_context, arrange)
    path = f"/personnel/imports/{await office.send([Line()])}"
    visitor = await visit(await arrange.hr_officer(office.organisation_id))
    page, clock = visitor.page, visitor.page.clock
    watched = await Watched.of(page, path)
    await visitor.go(path)
    watched.is_down = True
    await clock.run_for(_SECOND)
    await watched.asks(1)
    assert await page.locator("#import progress").count() == 1
    watched.is_down = False
    await clock.run_for(_SECOND)
    await watched.asks(2)
    # Nobody is there for longer than ten minutes; then somebody comes back.
    await clock.fast_forward(11 * 60 * _SECOND)
    await page.mouse.move(5, 5)
    await page.mouse.move(9, 9)
    await clock.run_for(_SECOND)
    await watched.asks(3)
    await page.evaluate("Object.defineProperty(document, 'hidden', {value: true, configurable: true})")
    await clock.run_for(3 * _SECOND)
    await page.evaluate("delete document.hidden")
    await clock.run_for(_SECOND)
    await watched.asks(4)
    await visitor.context.clear_cookies()
    await clock.run_for(_SECOND)
    await page.wait_for_url("**/sign-in/staff?next=*")


async def test_a_holiday_is_not_opened_by_leaving_something_out(
    site: httpx2.AsyncClient, arrange: Arrange, superuser: Superuser
) -> None:
    operator = await arrange.platform(Role.OPERATOR)
    headers = {**cookies(operator), **HERE}
    day = {"day.year": "1406", "day.month": "1", "day.day": "9", "name": "روز آزمون", "key": str(uuid4())}
    assert (await site.post("/operations/holidays", data=day, headers=headers)).status_code == 303

    answer = await site.post("/operations/holidays/2027-03-29", data={"holiday": "روز آزمون"}, headers=headers)

    assert answer.status_code == 422
    assert await superuser.rows("SELECT closed FROM holidays WHERE day = '2027-03-29'") == [(True,)]


async def test_a_refused_revocation_keeps_its_reason_in_its_open_panel(
    site: httpx2.AsyncClient,
    context: Context,
    activity_context: ActivityContext,
    arrange: Arrange,
    superuser: Superuser,
) -> None:
    world = await make_world(context, activity_context, arrange, superuser)
    path = f"/certificates/{world.things['certificate']}/revocation"

    answer = await site.post(path, data={"reason": "ab"}, headers={**cookies(world.people["hr_own"]), **HERE})

    assert answer.status_code == 422
    assert 'value="ab"' in answer.text
    assert "دست‌کم ۳ حرف بنویسید" in answer.text
    assert re.search(r"<details[^>]* open", answer.text)


async def test_a_stuck_process_is_started_again_from_the_desk_by_an_operator(
    site: httpx2.AsyncClient, arrange: Arrange, superuser: Superuser
) -> None:
    operator, auditor = await arrange.platform(Role.OPERATOR), await arrange.platform(Role.AUDITOR)
    (case_id,) = await add_cases(superuser)
    finding_id = await superuser.value(
        "INSERT INTO reconciliation_findings (case_id, kind) VALUES (%s, 'process_fails') RETURNING id", case_id
    )
    action = f"/operations/findings/{finding_id}/restart"

    page = (await site.get("/operations/findings", headers=cookies(operator))).text
    data = {"key": key_in(page, action)}
    sent = await site.post(action, data=data, headers={**cookies(operator), **HERE})
    after = (await site.get(sent.headers["Location"], headers=cookies(operator))).text

    assert (sent.status_code, sent.headers["Location"]) == (303, "/operations/findings?done=restart_asked")
    assert "دوباره شروع می‌شود" in after
    assert "در نوبت شروع دوباره است" in after
    assert action not in after
    assert action not in (await site.get("/operations/findings", headers=cookies(auditor))).text


async def test_a_gateway_or_schedule_in_trouble_stands_on_the_desk_by_its_name(
    site: httpx2.AsyncClient, arrange: Arrange, superuser: Superuser
) -> None:
    operator = await arrange.platform(Role.OPERATOR)
    await superuser.run(
        "INSERT INTO reconciliation_findings (gateway, schedule, kind) VALUES ('zibal', NULL, 'gateway_refuses'),"
        " ('new', NULL, 'gateway_fails'), (NULL, 'clearing-days', 'schedule_stands')"
    )
    for address in ("/operations", "/operations/findings"):
        page = (await site.get(address, headers=cookies(operator))).text
        assert "<b>زیبال</b>" in page
        assert "<b>new</b>" in page
        assert "درگاه ما را نمی‌شناسد" in page
        assert "<b>آغاز تطبیق روزانه با درگاه‌ها</b>: این کار سر وقت آغاز نمی‌شود" in page
        assert "/cases/None" not in page
