"""What the stand-alone stack shows besides the pages: the demo's people and the messages that were not sent."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pyotp
import pytest
from playwright.async_api import Page

from api.app import create_app
from commands.command import Context
from domain.access import Role
from gateways.local_messages import write_local_message
from gateways.local_sign_ins import draw_ticket, write_local_sign_ins
from storage.audit import account_stream
from tests.account_people import audited
from tests.arrange import Arrange, Someone
from tests.books import Superuser
from tests.web.conftest import Visit
from tests.web.visitor import PageVisitor
from web.app import create_site

_PEOPLE = [
    {"fa": "متقاضی: سارا یزدانی", "en": "applicant", "national_id": "0499370899", "mobile": "09121234567"},
    {"fa": "میز عملیات", "en": "operator", "username": "operator-1", "password": "secret-1", "totp_secret": "A" * 32},
]
_HERE = {"Sec-Fetch-Site": "same-origin"}
_LOOPBACK = "http://127.0.0.1:8080"
_SESSION = "__Host-session"


async def _cast(arrange: Arrange, directory: Path) -> dict[str, Someone]:
    """Invented people of three roles, as a demo leaves them; by their host names."""
    cast = {
        "applicant": await arrange.member(await arrange.organisation()),
        "finance": await arrange.finance_officer(),
        "operator-1": await arrange.platform(Role.OPERATOR),
    }
    write_local_sign_ins(directory, [_kept(host, someone) for host, someone in cast.items()])
    return cast


def _kept(host: str, someone: Someone) -> dict[str, str]:
    words = {"fa": f"نقش {host}", "en": host, "host": host}
    if not someone.is_staff:
        return {**words, "national_id": someone.national_id, "mobile": someone.mobile.replace("+98", "0")}
    name = f"arranged-{someone.id.hex[-20:]}"
    return {**words, "username": name, "password": "long-Enough-4Words", "totp_secret": "A" * 32}


def _kept_names(directory: Path) -> str:
    return " ".join(str(path) for path in directory.rglob("*"))


async def _draw(site: httpx2.AsyncClient, host: str) -> str:
    """Press the button of somebody; returns the ticket, which no server but the browser's own is told."""
    answer = await site.post(f"{_LOOPBACK}/developer/sign-in", data={"host": host}, headers=_HERE)
    where = urlsplit(answer.headers["Location"])
    assert (answer.status_code, where.netloc, where.path) == (303, f"{host}.localhost:8080", "/developer/enter")
    assert where.query == ""
    return where.fragment


def _age(tickets: Path, seconds: int) -> None:
    """Make the one ticket that there is older."""
    (file,) = tickets.iterdir()
    os.utime(file, times=(time.time() - seconds,) * 2)


async def _enter(site: httpx2.AsyncClient, host: str, ticket: str) -> httpx2.Response:
    """Use a ticket on a host name; a server on this machine is told the name by the header Host."""
    headers = {**_HERE, "Host": f"{host}.localhost:8080"}
    return await site.post(f"{_LOOPBACK}/developer/enter", data={"ticket": ticket}, headers=headers)


async def test_whoever_tries_it_out_finds_people_with_their_present_codes_and_the_messages(
    visit: Visit, messages_dir: Path
) -> None:
    write_local_sign_ins(messages_dir, [{"fa": "کسی", "en": "somebody earlier"}])
    write_local_sign_ins(messages_dir, _PEOPLE)
    visitor = await visit(language="en")
    await visitor.go("/developer")
    await visitor.reads("0499370899")
    shown = await visitor.text()
    assert "secret-1" in shown
    assert "somebody earlier" not in shown
    totp, now = pyotp.TOTP("A" * 32), int(time.time())
    assert any(totp.at(now - earlier) in shown for earlier in (0, 30))
    await visitor.look()
    assert (messages_dir / "sign-ins.list").stat().st_mode & 0o077 == 0
    # A message that comes later appears by itself.
    message = {"channel": "sms", "mobile": "+989121234567", "text": "امانت: کد ۴۸۲۹۱۳", "values": {"code": "482913"}}
    write_local_message(messages_dir, {"template": "code_sign_in", **message})
    await visitor.reads("امانت: کد")


async def _press(visitor: PageVisitor, host: str) -> Page:
    """Press the button of somebody, and see the tab that opens."""
    row = visitor.page.locator("tr", has_text=host).filter(has=visitor.page.locator(f"[value='{host}']"))
    async with visitor.context.expect_page() as opened:
        await row.get_by_role("button", name=visitor.language.translate("Sign in as")).click()
    tab = await opened.value
    await tab.wait_for_url(lambda url: urlsplit(url).path in {"/", "/inbox"})
    return tab


async def _who(tab: Page) -> str:
    """Who is signed in there, as the API says it to the page's own script."""
    return str(await tab.evaluate("fetch('/v1/me').then((answer) => answer.json()).then((me) => me.person_id)"))


async def test_one_browser_holds_three_roles_each_signed_in_by_one_press(
    visit: Visit, messages_dir: Path, arrange: Arrange
) -> None:
    cast = await _cast(arrange, messages_dir)
    visitor = await visit(language="en")
    await visitor.go("/developer")
    await visitor.look()

    tabs = {host: await _press(visitor, host) for host in cast}

    assert [urlsplit(tab.url).hostname for tab in tabs.values()] == [f"{host}.localhost" for host in cast]
    assert [urlsplit(tabs[host].url).path for host in cast] == ["/", "/inbox", "/inbox"]
    # Each stays who they are after the others came, on pages that they open and in forms that they send.
    for host, tab in tabs.items():
        await tab.reload()
        assert await _who(tab) == str(cast[host].id)
        # The language goes along, though its cookie does not.
        await tab.get_by_role("button", name="فارسی").click()
        await tab.get_by_role("button", name="English").wait_for()
        assert await _who(tab) == str(cast[host].id)
        # What was in the address is neither in it any more, nor a step back.
        assert "#" not in await tab.evaluate("location.href")


async def test_without_script_the_code_in_the_address_is_pasted(
    visit: Visit, messages_dir: Path, arrange: Arrange
) -> None:
    await _cast(arrange, messages_dir)
    visitor = await visit(script=False)
    await visitor.go("/developer")
    async with visitor.context.expect_page() as opened:
        await visitor.page.locator("form:has([value=applicant]) button").click()
    tab = await opened.value
    await tab.locator("[name=ticket]").wait_for()
    assert "#" in tab.url, tab.url
    await tab.fill("[name=ticket]", tab.url)
    await tab.locator("main button").click()
    await tab.wait_for_url("http://applicant.localhost:*/")


async def test_what_people_sign_in_with_is_copied_by_one_press_and_marked_as_a_whole(
    visit: Visit, messages_dir: Path, arrange: Arrange
) -> None:
    await _cast(arrange, messages_dir)
    visitor = await visit(language="en")
    await visitor.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await visitor.go("/developer")
    row = visitor.page.locator("tr", has_text="finance")
    await row.get_by_role("button", name="Copy").nth(1).click()
    await row.get_by_role("button", name="Copied").wait_for()
    assert await visitor.page.evaluate("navigator.clipboard.readText()") == "long-Enough-4Words"
    await row.get_by_text("long-Enough-4Words").dblclick()
    assert await visitor.page.evaluate("getSelection().toString()") == "long-Enough-4Words"
    # A phone shows all of it, without scrolling sideways.
    await visitor.page.set_viewport_size({"width": 360, "height": 740})
    await visitor.look()
    for text in ("long-Enough-4Words", "Copy"):
        box = await row.get_by_text(text).first.bounding_box()
        assert box is not None
        assert 0 <= box["x"] <= box["x"] + box["width"] <= 360, text


async def test_a_ticket_lets_in_once_and_where_it_was_drawn_for(
    site: httpx2.AsyncClient, messages_dir: Path, arrange: Arrange, superuser: Superuser
) -> None:
    cast = await _cast(arrange, messages_dir)
    ticket = await _draw(site, "finance")
    assert ticket not in _kept_names(messages_dir)
    assert (await _enter(site, "operator-1", ticket)).status_code == 422

    answer = await _enter(site, "finance", ticket)

    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    cookie = next(line for line in answer.headers.get_list("set-cookie") if line.startswith(_SESSION))
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=lax"} <= set(cookie.split("; "))
    token = cookie.partition("=")[2].partition(";")[0]
    me = (await site.get("/v1/me", headers={"Authorization": f"Bearer {token}"})).json()
    assert (me["person_id"], me["capacity"]) == (str(cast["finance"].id), "staff")
    assert await audited(arrange.context, account_stream(cast["finance"].id)) == ["sign_in"]
    before = await superuser.effects()
    again = await _enter(site, "finance", ticket)
    assert again.status_code == 422
    assert "set-cookie" not in again.headers
    assert await superuser.effects() == before


async def test_a_ticket_that_is_old_forged_replaced_or_of_somebody_gone_is_refused(
    site: httpx2.AsyncClient, messages_dir: Path, arrange: Arrange, superuser: Superuser
) -> None:
    cast = await _cast(arrange, messages_dir)
    before = await superuser.effects()

    replaced, old = await _draw(site, "applicant"), await _draw(site, "applicant")
    _age(messages_dir / "sign-in-tickets", 61)
    for ticket in (replaced, old, "A" * 43, "../sign-ins.list", "x\x00"):
        assert (await _enter(site, "applicant", ticket)).status_code == 422, ticket

    # A person whom the next demo has in nobody's place, and one who is not in this stack's database.
    earlier = await _draw(site, "applicant")
    write_local_sign_ins(messages_dir, [_kept("applicant", cast["finance"])])
    assert (await _enter(site, "applicant", earlier)).status_code == 422
    write_local_sign_ins(messages_dir, [{**_PEOPLE[0], "host": "applicant"}, {**_PEOPLE[1], "host": "operator-1"}])
    for host in ("applicant", "operator-1"):
        assert (await _enter(site, host, await _draw(site, host))).status_code == 422, host
    assert await superuser.effects() == before


async def test_nobody_but_the_invented_people_can_be_signed_in(
    site: httpx2.AsyncClient, messages_dir: Path, arrange: Arrange
) -> None:
    await _cast(arrange, messages_dir)
    somebody = await arrange.platform(Role.AUDITOR)
    for host in ("", "auditor", f"arranged-{somebody.id.hex[-20:]}", "evil.example/", "finance.evil"):
        answer = await site.post(f"{_LOOPBACK}/developer/sign-in", data={"host": host}, headers=_HERE)
        assert answer.status_code == 404, host
        ticket = draw_ticket(messages_dir, f"{host}/arranged-{somebody.id.hex[-20:]}")
        assert (await _enter(site, re.sub(r"[^\w-]", "", host), ticket)).status_code in {404, 422}, host
    # Another site's page can press no button here.
    foreign = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}
    answer = await site.post(f"{_LOOPBACK}/developer/sign-in", data={"host": "finance"}, headers=foreign)
    assert answer.status_code == 403


async def test_from_another_machine_the_buttons_lead_to_the_usual_sign_in(
    site: httpx2.AsyncClient, messages_dir: Path, arrange: Arrange
) -> None:
    await _cast(arrange, messages_dir)
    here, there = [(await site.get(f"{base}/developer")).text for base in (_LOOPBACK, "http://192.0.2.1:8080")]

    assert here.count('action="/developer/sign-in"') == 3
    assert 'action="/developer/sign-in"' not in there
    assert there.count('href="/sign-in/staff"') == 2


@pytest.mark.parametrize(
    "path", ["/developer", "/developer/enter", "/styleguide", "/developer/messages", "/developer/sign-ins"]
)
async def test_a_real_installation_has_no_such_address(context: Context, path: str) -> None:
    transport = httpx2.ASGITransport(app=create_site(create_app(context)))
    async with httpx2.AsyncClient(transport=transport, base_url="https://amanat.test") as client:
        assert (await client.get(path)).status_code == 404


async def test_a_real_installation_signs_nobody_in_by_a_ticket(
    context: Context, messages_dir: Path, arrange: Arrange, superuser: Superuser
) -> None:
    cast = await _cast(arrange, messages_dir)
    ticket = draw_ticket(messages_dir, f"applicant/{cast['applicant'].national_id}")
    before = await superuser.effects()
    transport = httpx2.ASGITransport(app=create_site(create_app(context)))
    async with httpx2.AsyncClient(transport=transport, base_url="http://applicant.localhost:8080") as client:
        for path, data in (("/developer/sign-in", {"host": "applicant"}), ("/developer/enter", {"ticket": ticket})):
            assert (await client.post(path, data=data, headers=_HERE)).status_code == 404
    assert await superuser.effects() == before
