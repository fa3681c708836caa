"""Forms that keep a draft: an address for every step, nothing lost, sent once. The form here sends an invitation."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final
from uuid import UUID, uuid4

import httpx2
import pytest
from fastapi import APIRouter
from starlette.responses import Response
from starlette.types import ASGIApp

from api.client import checked
from api.invitation import InvitationIn, invite
from commands.command import Context
from domain.draft import DraftForm
from tests.applications import api_over
from tests.arrange import Arrange, Someone
from tests.books import Superuser
from tests.serving import serving
from tests.web.conftest import HERE, Visit, cookies
from tests.web.test_kept import again, kept_in
from tests.web.visitor import PageVisitor
from web import app, draft
from web.draft import Draft, DraftWizard, Rows, Step
from web.page_request import PageRequest, SignedIn
from web.rendering import _TEMPLATES

_HOME: Final = "/trial"
_MOBILE: Final = "۰۹۱۲ ۱۲۳ ۴۵۶۷"
router = APIRouter()
_TEMPLATE: Final = """
{% extends "base.html" %}
{% import "parts.html" as parts %}
{% import "draft_parts.html" as own %}
{% block title %}Trial{% endblock %}
{% block content %}
<h1>Trial</h1>
{% if draft %}
{{ own.steps(draft, {"who": "Who", "work": "Work", "look": "Look"}) }}
{{ parts.problems(draft.form) }}
<form method="post" action="{{ draft.action }}" class="panel">
  {{ own.begin(draft) }}
  {% if draft.step.name == "who" %}
  {{ parts.field(draft.form, "mobile", "Mobile") }}
  {% elif draft.step.name == "work" %}
  {{ parts.field(draft.form, "title", "Title", required=false) }}
  {% for row in draft.rows %}
  {{ parts.toman(draft.form, row ~ ".amount", "Amount " ~ loop.index, required=false) }}
  {{ own.remove_row(draft, row, "Remove " ~ loop.index) }}
  {% endfor %}
  {{ own.add_row(draft, "One more") }}
  {% else %}
  <p>{{ draft.form.text("mobile") }} {{ draft.rows_of("payments")|length }}</p>
  {{ parts.choices(draft.form, "words", "Words", [("yes", "I accept")], many=true) }}
  {% endif %}
  {{ own.actions(draft, send="Send it") }}
</form>
{% else %}
<form method="post" action="/trial">{{ parts.key() }}<button class="btn btn-primary">Begin</button></form>
{{ own.listing(wizard, drafts) }}
{% endif %}
{% endblock %}
"""


async def _judge(_request: PageRequest, draft: Draft) -> None:
    match draft.step.name:
        case "who":
            draft.form.required("mobile")
        case "work":
            for row in draft.rows:
                draft.form.toman(f"{row}.amount")
        case "look":
            draft.form.chosen("words")


async def _show(request: PageRequest, draft: Draft) -> Response:
    return request.render("trial.html", status=draft.status, draft=draft)


async def _send(request: PageRequest, draft: Draft) -> Response:
    await request.api.perform(invite, draft.key, checked(InvitationIn, mobile=draft.form.text("mobile")))
    return request.redirect("/invite", done="invited")


WIZARD: Final = DraftWizard(
    DraftForm.JOB,
    path=_HOME,
    home=_HOME,
    steps=(
        Step("who", ("mobile",)),
        Step("work", ("title",), Rows("payments", ("amount",), most=3)),
        Step("look", ("words",)),
    ),
    judge=_judge,
    show=_show,
    send=_send,
)


@router.get(_HOME)
async def show_home(request: SignedIn) -> Response:
    return request.render("trial.html", draft=None, wizard=WIZARD, drafts=await draft.drafts_of(request, WIZARD))


@router.post(_HOME)
async def begin(request: SignedIn) -> Response:
    return await draft.begin(request, WIZARD, await request.form())


@router.post(f"{_HOME}/{{draft_id}}/removal")
async def discard(request: SignedIn, draft_id: UUID) -> Response:
    return await draft.discard(request, WIZARD, draft_id)


@router.get(f"{_HOME}/{{draft_id}}/{{step}}")
async def show_step(request: SignedIn, draft_id: UUID, step: str) -> Response:
    return await draft.show_step(request, WIZARD, draft_id, step)


@router.post(f"{_HOME}/{{draft_id}}/{{step}}")
async def take_step(request: SignedIn, draft_id: UUID, step: str) -> Response:
    return await draft.take_step(request, WIZARD, draft_id, step)


@pytest.fixture(scope="module")
def pages() -> list[ASGIApp]:
    """The site with the pages of this file: its routes are made once."""
    return []


@pytest.fixture
def trial(
    context: Context,
    messages_dir: Path,
    pages: list[ASGIApp],
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> ASGIApp:
    """The site with the pages of this file over the test's own context."""
    api = api_over(context, messages_dir)
    if not pages:
        templates = tmp_path_factory.mktemp("templates")
        (templates / "trial.html").write_text(_TEMPLATE, "utf-8")
        monkeypatch.setattr("web.rendering._TEMPLATES", [_TEMPLATES, templates])
        monkeypatch.setattr("web.app._ROUTERS", (*app._ROUTERS, router))
        pages.append(app.create_site(api, stand_alone=True))
    return pages[0]


@pytest.fixture
async def site(trial: ASGIApp) -> AsyncIterator[httpx2.AsyncClient]:
    """It in process, as a browser reaches it."""
    transport = httpx2.ASGITransport(app=trial, raise_app_exceptions=False, client=("192.0.2.7", 5000))
    async with httpx2.AsyncClient(transport=transport, base_url="https://amanat.test") as client:
        yield client


@pytest.fixture
async def address(trial: ASGIApp) -> AsyncIterator[str]:
    """It on a socket, for a browser."""
    async with serving(trial) as where:
        yield where


@pytest.fixture
async def member(arrange: Arrange) -> Someone:
    """Somebody who fills the form in."""
    return await arrange.person("member")


class Window:
    """A window at a draft: what its page was made from goes back with what is typed."""

    def __init__(self, site: httpx2.AsyncClient, someone: Someone, path: str) -> None:
        self.site, self.path, self.headers, self.seen, self.text = site, path, cookies(someone), "", ""

    async def open(self, step: str) -> str:
        """Look at a step."""
        self._read(await self.site.get(f"{self.path}/{step}", headers=self.headers))
        return self.text

    async def send(self, step: str, to: str = "on", **typed: str) -> httpx2.Response:
        """Press a button of the step that was looked at last."""
        body = {name.replace("__", "."): text for name, text in typed.items()} | {"seen": self.seen, "to": to}
        answer = await self.site.post(f"{self.path}/{step}", data=body, headers=self.headers | HERE)
        self._read(answer)
        return answer

    def _read(self, answer: httpx2.Response) -> None:
        found = re.search(r'name="seen" value="([0-9a-f]+)"', answer.text)
        self.text, self.seen = answer.text, found[1] if found else self.seen


async def begun(site: httpx2.AsyncClient, member: Someone, **typed: str) -> Window:
    """A new draft."""
    answer = await site.post(_HOME, data={"key": str(uuid4()), **typed}, headers=cookies(member) | HERE)
    assert answer.status_code == 303, answer.text
    return Window(site, member, answer.headers["location"].removesuffix("/who"))


async def filled(site: httpx2.AsyncClient, member: Someone) -> Window:
    """A draft that only waits to be sent."""
    window = await begun(site, member, mobile=_MOBILE)
    await window.open("work")
    assert (await window.send("work", payments__0__amount="۲٬۰۰۰")).status_code == 303
    await window.open("look")
    return window


async def invitations(superuser: Superuser) -> int:
    return int(await superuser.value("SELECT count(*) FROM invitations"))


async def _type_two_steps(visitor: PageVisitor) -> None:
    """Fill in the first step, and the second one with an amount that is none."""
    await visitor.go(_HOME)
    await visitor.press("Begin")
    await visitor.fill(mobile=_MOBILE)
    # The Enter key goes on, also where a row's button stands before.
    async with visitor.page.expect_navigation():
        await visitor.page.press('[name="mobile"]', "Enter")
    await visitor.fill(title="جزوه", payments__0__amount="۲٬۰۰۰")
    await visitor.press("One more")
    await visitor.fill(payments__1__amount="nonsense")
    async with visitor.page.expect_navigation():
        await visitor.page.press('[name="title"]', "Enter")
    assert await visitor.page.locator(".field-error").count() == 1
    await visitor.look()


async def test_going_back_and_reloading_lose_nothing(visit: Visit, member: Someone, superuser: Superuser) -> None:
    visitor = await visit(member, width=360)
    await _type_two_steps(visitor)
    page = visitor.page

    for look_again in (page.reload, page.go_back, page.go_forward):
        await look_again()
        typed = [await box.input_value() for box in await page.locator("main input.code").all()]
        assert (await page.input_value('[name="title"]'), typed) == ("جزوه", ["۲٬۰۰۰", "nonsense"])
    await visitor.go(page.url.split("#")[0].replace("/work", "/who"))
    assert await page.input_value('[name="mobile"]') == _MOBILE
    await visitor.press("Continue")
    await visitor.press("Remove 2")
    await visitor.press("Back")
    await visitor.press("Continue")
    assert await page.input_value('[name="title"]') == "جزوه"
    await visitor.press("Continue")

    await visitor.go(_HOME)
    await visitor.reads("جزوه")
    await visitor.look()
    await visitor.press("جزوه")
    left = page.url
    await visitor.go(left.replace("/who", "/look"))
    await page.check('[name="words"]')
    await visitor.press("Send it")
    await visitor.reads("The invitation is on its way.")
    assert await invitations(superuser) == 1
    await visitor.go(left)
    await visitor.reads("This draft is no longer there: it was sent or deleted, or its seven days are over.")


async def test_what_is_wrong_is_kept_as_it_was_typed_and_said_at_its_field(
    site: httpx2.AsyncClient, member: Someone
) -> None:
    window = await begun(site, member)
    await window.open("who")

    answer = await window.send("who", mobile="۰۹۱۲")

    # What is to be mended is read from an address of its own: coming back to it sends nothing again.
    assert (answer.status_code, answer.headers["location"]) == (303, f"{window.path}/who?faults=1")
    shown = await window.open("who?faults=1")
    assert (shown.count("field-error"), 'value="۰۹۱۲"' in shown) == (1, True)
    # Mended on that very page, it goes on; another window's change is none of it.
    assert (await window.send("who", mobile=_MOBILE)).status_code == 303
    await window.open("who")
    await window.send("who", mobile="۰۹۱۲")
    assert 'value="۰۹۱۲"' in await window.open("who")
    # Who goes to a step before, or further on by its address, is not held up; the last step judges all of them.
    await window.open("look")
    answer = await window.send("look", words="yes")
    assert answer.headers["location"] == f"{window.path}/who?faults=1"


async def test_two_windows_do_not_write_over_each_other_unseen(site: httpx2.AsyncClient, member: Someone) -> None:
    one = await begun(site, member)
    other = Window(site, member, one.path)
    for window in (one, other):
        await window.open("work")
    await one.send("work", title="first")

    answer = await other.send("work", title="second")

    assert (answer.status_code, 'value="second"' in answer.text) == (422, True)
    assert 'value="first"' in await one.open("work")
    # Once it was said, sending it once more is meant; and who changed nothing is asked nothing.
    assert (await other.send("work", "who", title="second")).status_code == 303
    assert 'value="second"' in await one.open("work")
    assert (await other.send("work", "who", title="second")).status_code == 303


async def test_two_windows_at_two_steps_keep_both(site: httpx2.AsyncClient, member: Someone) -> None:
    one = await begun(site, member)
    other = Window(site, member, one.path)
    await one.open("who")
    await other.open("work")

    both = await asyncio.gather(one.send("who", mobile=_MOBILE), other.send("work", "who", title="جزوه"))

    assert [answer.status_code for answer in both] == [303, 303]
    assert _MOBILE in await one.open("who")
    assert "جزوه" in await one.open("work")


async def test_rows_are_added_up_to_the_most_and_numbered_anew(site: httpx2.AsyncClient, member: Someone) -> None:
    window = await begun(site, member)
    amounts = {f"payments__{place}__amount": text for place, text in enumerate(("1", "2"))}
    await window.open("work")
    answer = await window.send("work", "add", **amounts)
    assert answer.headers["location"] == f"{window.path}/work#payments-2-amount"
    text = await window.open("work")
    assert ('value="add"' in text, 'value="remove 2"' in text) == (False, True)

    await window.send("work", "remove 0", **amounts, payments__2__amount="3")

    text = await window.open("work")
    assert re.findall(r'name="(payments[^"]+)"[^>]* value="(\d)"', text) == [
        ("payments.0.amount", "۲"),
        ("payments.1.amount", "۳"),
    ]
    for nonsense in ("remove 9999", "remove ۱", "remove", "elsewhere 7"):
        assert (await window.send("work", nonsense, payments__0__amount="2")).status_code == 303


async def test_sending_twice_does_once(site: httpx2.AsyncClient, member: Someone, superuser: Superuser) -> None:
    window = await filled(site, member)

    both = await asyncio.gather(*(window.send("look", words="yes") for _ in range(2)))

    # The second finds the draft as it was, or comes when the first has sent it.
    places = {answer.headers["location"] for answer in both}
    assert {"/invite?done=invited"} <= places <= {"/invite?done=invited", f"{_HOME}?done=draft_gone"}
    assert await invitations(superuser) == 1
    assert await superuser.value("SELECT count(*) FROM form_drafts") == 0
    late = await window.send("look", words="yes")
    assert late.headers["location"] == f"{_HOME}?done=draft_gone"


async def test_a_draft_that_stayed_after_it_was_sent_sends_nothing_new(
    site: httpx2.AsyncClient, member: Someone, superuser: Superuser
) -> None:
    window = await filled(site, member)
    await superuser.run("CREATE TABLE pg_temp.stayed AS SELECT * FROM form_drafts")
    await window.send("look", words="yes")
    await superuser.run("INSERT INTO form_drafts SELECT * FROM pg_temp.stayed")
    await superuser.run("DROP TABLE pg_temp.stayed")
    await window.open("who")
    await window.send("who", mobile="09351110009")
    await window.open("look")

    answer = await window.send("look", words="yes")

    assert (answer.status_code, await invitations(superuser)) == (422, 1)


async def test_what_the_api_refuses_is_said_and_the_draft_stays(
    site: httpx2.AsyncClient, member: Someone, superuser: Superuser
) -> None:
    statuses = []
    for _ in range(2):
        window = await filled(site, member)
        statuses.append((await window.send("look", words="yes")).status_code)

    # The same number is invited by the same member once a day.
    assert (statuses, await invitations(superuser)) == ([303, 422], 1)
    await window.open("who")
    await window.send("who", mobile="09351110009")
    await window.open("look")
    assert (await window.send("look", words="yes")).status_code == 303
    assert await invitations(superuser) == 2
    assert await superuser.value("SELECT count(*) FROM form_drafts") == 0


async def test_a_step_that_comes_after_the_session_has_ended_is_shown_again_and_kept_when_it_is_sent(
    site: httpx2.AsyncClient, member: Someone, superuser: Superuser, context: Context
) -> None:
    window = await begun(site, member)
    await window.open("who")
    await superuser.run("UPDATE sessions SET ended_at = now() WHERE person_id = %s", member.id)
    late = await window.send("who", mobile=_MOBILE)
    headers = await again(context, member, kept_in(late), "member")

    shown = await site.get("/resume", headers=headers)

    assert _MOBILE in shown.text
    assert f'action="{window.path}/who"' in shown.text
    window.headers = {"Cookie": headers["Cookie"]}
    assert (await window.send("who", mobile=_MOBILE)).status_code == 303
    assert _MOBILE in await window.open("who")


async def test_anothers_draft_looks_like_none(site: httpx2.AsyncClient, arrange: Arrange, member: Someone) -> None:
    window = await begun(site, member, mobile=_MOBILE)
    stranger = Window(site, await arrange.person("member"), window.path)
    missing = Window(site, member, f"{_HOME}/{uuid4()}")
    for one in (stranger, missing):
        answers = (await site.get(f"{one.path}/who", headers=one.headers), await one.send("who", mobile="x"))
        assert {answer.headers["location"] for answer in answers} == {f"{_HOME}?done=draft_gone"}
    assert (await site.get(f"{window.path}/elsewhere", headers=window.headers)).status_code == 404

    for _ in range(2):
        gone = await site.post(f"{window.path}/removal", data={}, headers=window.headers | HERE)
        assert gone.headers["location"] == f"{_HOME}?done=draft_deleted"
    assert (await site.get(f"{window.path}/who", headers=window.headers)).status_code == 303


@pytest.mark.parametrize("step", [("s", ("code",)), ("s", ("words.password",)), ("on", ("title",))])
def test_no_step_can_be_made_that_would_keep_a_secret(step: tuple[str, tuple[str, ...]]) -> None:
    with pytest.raises(ValueError, match="cannot be kept"):
        Step(*step)
