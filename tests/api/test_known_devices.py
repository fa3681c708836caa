"""A device that signed in before: how its token goes to browsers and to clients of the API, and comes back."""

from __future__ import annotations

from http.cookies import SimpleCookie
from pathlib import Path
from uuid import UUID

import httpx2
import pytest

from commands.command import Context
from domain.account import CODES_PER_NUMBER, STAFF_TRIES_EVERYWHERE
from tests.account_people import OPERATOR, Credentials, Member, add_employee, add_member, sent_code, totp, value
from tests.applications import site_over
from tests.commands.account_steps import use_up

DEVICE = "__Host-device"


@pytest.fixture
async def officer(context: Context) -> Credentials:
    """An officer whose name strangers have tried too often."""
    return await add_employee(context, "boss", OPERATOR)


async def enter(api: httpx2.AsyncClient, context: Context, officer: Credentials, **more: str) -> httpx2.Response:
    """Sign in an officer with what is right."""
    await value(context, "UPDATE staff_credentials SET totp_last_step = 0")
    wish = {
        "username": officer.username,
        "password": officer.password,
        "totp": await totp(context, officer.totp_secret),
    }
    return await api.post("/v1/sign-in/staff", json=wish | more)


def cookies_of(answer: httpx2.Response) -> SimpleCookie:
    found = SimpleCookie()
    for line in answer.headers.get_list("set-cookie"):
        found.load(line)
    return found


async def test_a_client_of_the_api_keeps_the_token_and_shows_it_in_the_body(
    api: httpx2.AsyncClient, context: Context, officer: Credentials
) -> None:
    first = (await enter(api, context, officer)).json()
    await use_up(context, STAFF_TRIES_EVERYWHERE, "boss")

    assert (await enter(api, context, officer)).status_code == 429
    again = await enter(api, context, officer, device_token=first["device_token"])

    assert (again.status_code, again.json()["device_token"]) == (201, first["device_token"])


async def test_a_browser_keeps_it_in_a_cookie_that_no_script_reads_and_signing_out_leaves_it(
    api: httpx2.AsyncClient, context: Context, officer: Credentials
) -> None:
    answer = await enter(api, context, officer, transport="cookie")
    assert (answer.json()["device_token"], answer.json()["token"]) == (None, None)
    cookie = cookies_of(answer)[DEVICE]
    assert (cookie["httponly"], cookie["secure"], cookie["samesite"], cookie["path"]) == (True, True, "lax", "/")
    assert cookie["max-age"] == str(180 * 86_400)

    shown = {"Cookie": "; ".join(f"{name}={each.value}" for name, each in cookies_of(answer).items())}
    out = await api.post("/v1/sign-out", headers=shown | {"Sec-Fetch-Site": "same-origin"})
    assert (out.status_code, DEVICE in cookies_of(out)) == (204, False)
    # What pages left behind goes; "cookies" would be the device too.
    assert out.headers["Clear-Site-Data"] == '"cache", "storage"'

    await use_up(context, STAFF_TRIES_EVERYWHERE, "boss")
    api.cookies.clear()
    api.cookies.set(DEVICE, cookie.value, domain="amanat.test")
    assert (await enter(api, context, officer)).status_code == 201


async def test_the_pages_know_the_device_too(context: Context, messages_dir: Path) -> None:
    member = await add_member(context)
    transport = httpx2.ASGITransport(app=site_over(context, messages_dir), client=("192.0.2.1", 5000))
    async with httpx2.AsyncClient(transport=transport, base_url="https://amanat.test") as browser:
        browser.headers["Sec-Fetch-Site"] = "same-origin"
        await _enter_by_pages(browser, context, member)
        await use_up(context, CODES_PER_NUMBER, f"{member.national_id}/{member.mobile}")
        await _enter_by_pages(browser, context, member)
        device = browser.cookies.get(DEVICE)
        browser.cookies.clear()
        refused = await browser.post("/sign-in", data=_typed(member))
    assert (device is not None, refused.status_code) == (True, 422)


def _typed(member: Member) -> dict[str, str]:
    return {"national_id": member.national_id, "mobile": member.mobile}


async def _enter_by_pages(browser: httpx2.AsyncClient, context: Context, member: Member) -> None:
    sent = await browser.post("/sign-in", data=_typed(member))
    assert sent.status_code == 303
    challenge = sent.headers["location"].partition("challenge=")[2].partition("&")[0]
    typed = {"challenge_id": challenge, "code": await sent_code(context, UUID(challenge))}
    assert (await browser.post("/sign-in/code", data=typed)).status_code == 303
