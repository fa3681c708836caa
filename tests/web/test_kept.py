"""A session that ends loses nothing that was typed: it is kept, its person signs in, and finds it again (G1)."""

from __future__ import annotations

import re
import secrets
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import httpx2
import pyotp
import pytest

from api.task import TOGETHER_MAX
from commands.command import Context
from domain.access import Grant, Role, ScopeKind
from domain.account import Capacity, NotSentYet
from domain.draft import SECRETS
from stack.places import PROJECT
from storage.account import begin_session
from storage.database import SERVICE, transaction
from tests.account_people import add_employee
from tests.arrange import Arrange, Someone
from tests.books import Superuser
from tests.commands.onboarding_steps import MinipayOffice, apply
from tests.web.conftest import HERE, Visit, cookies
from tests.web.visitor import SESSION_COOKIE
from web.kept import NOTES
from web.page_request import BACK

COOKIE = "__Host-form"
_KEY = "0192f0a1-5b7c-7c1e-8f00-2f6f0c7d9a11"
_SWITCH = "/operations/services/onboarding"
_CLOSING = {"key": _KEY, "is_open": "false", "reason": "تعمیر سامانهٔ بانک", "totp": "123456"}
_ENDED = "UPDATE sessions SET ended_at = now() WHERE person_id = %s"


async def again(context: Context, someone: Someone, kept: str, capacity: Capacity = "staff") -> dict[str, str]:
    """What the browser of somebody who has signed in again sends."""
    async with transaction(context.engine, SERVICE) as connection:
        session = await begin_session(connection, someone.id, capacity)
    return {"Cookie": f"{SESSION_COOKIE}={session.token}; {COOKIE}={kept}"}


async def send_late(
    site: httpx2.AsyncClient, superuser: Superuser, operator: Someone, data: dict[str, str]
) -> httpx2.Response:
    """A form of an operator whose session has ended meanwhile."""
    await superuser.run(_ENDED, operator.id)
    referer = {"Referer": "https://amanat.test/operations"}
    return await site.post(_SWITCH, data=data, headers={**cookies(operator), **HERE, **referer})


def kept_in(answer: httpx2.Response) -> str:
    found = re.search(rf"{COOKIE}=([^;]+);", answer.headers.get("set-cookie", ""))
    return found[1] if found else ""


@pytest.mark.usefixtures("relay")
async def test_a_member_whose_session_ends_in_a_form_signs_in_and_goes_on_with_it(
    visit: Visit, arrange: Arrange, superuser: Superuser
) -> None:
    member = await arrange.member(await arrange.organisation())
    visitor = await visit(member)
    await visitor.go("/apply/minipay")
    await visitor.fill(monthly_amount__amount="۲٬۵۰۰٬۰۰۰", instalments="۱۱")
    await superuser.run(_ENDED, member.id)

    await visitor.press("Continue")
    await visitor.reads("Your session has ended. Please sign in again; what you wrote is kept.")
    await visitor.look()
    await visitor.picture("session-ended")
    await visitor.fill(national_id=member.national_id, mobile=member.mobile)
    await visitor.press("Send me the code")
    await visitor.fill(code=await visitor.code("sign_in"))
    await visitor.press("Sign in")

    await visitor.reads(NOTES["form_back"])
    await visitor.look()
    await visitor.picture("form-back")
    await visitor.reads("۲٬۵۰۰٬۰۰۰ تومان")
    await visitor.press("I accept the mandate; send me the code")
    assert await visitor.page.input_value('[name="monthly_amount.amount"]') == "۲٬۵۰۰٬۰۰۰"
    await visitor.fill(mandate__code=await visitor.code("accept_mandate"))
    await visitor.press("Submit the application")
    assert "/cases/" in visitor.page.url


async def test_staff_whose_session_ends_come_back_to_their_form_by_their_own_sign_in(
    visit: Visit, context: Context, superuser: Superuser
) -> None:
    staff = await add_employee(context, "ops.kept", Grant(Role.OPERATOR, ScopeKind.PLATFORM, ""))
    visitor = await visit()

    async def sign_in() -> None:
        await visitor.fill(username=staff.username, password=staff.password, totp=pyotp.TOTP(staff.totp_secret).now())
        await visitor.press("Sign in")

    await visitor.go("/operations")
    await visitor.reads("Please sign in to go on; then you come to the page that you wanted.")
    await sign_in()
    assert visitor.page.url.endswith("/operations")
    await visitor.go(_SWITCH)
    await visitor.fill(reason="تعمیر سامانهٔ بانک")
    key = await visitor.page.input_value('main [name="key"]')
    await superuser.run("UPDATE sessions SET ended_at = now(); UPDATE staff_credentials SET totp_last_step = 0")
    await visitor.page.locator("main form button").first.click()
    await visitor.reads("Your session has ended. Please sign in again; what you wrote is kept.")
    await sign_in()

    await visitor.reads(NotSentYet.fa)
    await visitor.look()
    assert await visitor.page.input_value('[name="reason"]') == "تعمیر سامانهٔ بانک"
    assert await visitor.page.input_value('main [name="key"]') == key
    assert await superuser.value("SELECT count(*) FROM audit WHERE stream = 'service:onboarding'") == 0


async def test_a_form_is_shown_again_with_its_key_and_without_its_code_and_does_nothing(
    site: httpx2.AsyncClient, arrange: Arrange, context: Context, superuser: Superuser
) -> None:
    operator = await arrange.platform(Role.OPERATOR)
    answer = await send_late(site, superuser, operator, _CLOSING)
    led = urlsplit(answer.headers["Location"])

    assert (led.path, parse_qs(led.query)) == ("/sign-in/staff", {"next": [BACK], "done": ["form_kept"]})
    shown = await site.get(BACK, headers=await again(context, operator, kept_in(answer)))
    assert _CLOSING["reason"] in shown.text
    assert f'name="key" value="{_KEY}"' in shown.text
    assert "123456" not in shown.text
    assert ["هنوز فرستاده نشده است</h2>" in shown.text, "این موارد را اصلاح کنید" in shown.text] == [True, False]
    assert await superuser.value("SELECT count(*) FROM audit WHERE stream = 'service:onboarding'") == 0


async def test_what_is_kept_opens_for_its_own_person_in_the_same_capacity_and_nobody_else(
    site: httpx2.AsyncClient, arrange: Arrange, context: Context, superuser: Superuser
) -> None:
    operator, other = await arrange.platform(Role.OPERATOR), await arrange.platform(Role.OPERATOR)
    kept = kept_in(await send_late(site, superuser, operator, _CLOSING))

    for headers in (
        await again(context, other, kept),
        await again(context, operator, kept, "member"),
        await again(context, operator, kept[:-8] + "AAAAAAA="),
        await again(context, operator, "nonsense"),
    ):
        answer = await site.get(BACK, headers=headers)
        assert (answer.status_code, answer.headers["Location"]) == (303, "/")
        assert f'{COOKIE}=""' in answer.headers["set-cookie"]


async def test_what_is_kept_is_for_half_an_hour(
    site: httpx2.AsyncClient, arrange: Arrange, context: Context, superuser: Superuser, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator = await arrange.platform(Role.OPERATOR)
    answer = await send_late(site, superuser, operator, _CLOSING)
    assert "Max-Age=1800" in answer.headers["set-cookie"]
    monkeypatch.setattr("web.kept.LIFE", timedelta(0))

    over = await site.get(BACK, headers=await again(context, operator, kept_in(answer)))

    assert over.headers["Location"] == "/"


async def test_nothing_is_kept_of_a_stranger_a_foreign_page_or_too_much(
    site: httpx2.AsyncClient, arrange: Arrange, superuser: Superuser
) -> None:
    operator = await arrange.platform(Role.OPERATOR)
    long = await send_late(site, superuser, operator, _CLOSING | {"reason": secrets.token_hex(8_000)})
    new_key = await send_late(site, superuser, operator, _CLOSING | {"totp_key": "x", "totp_secret": "x"})
    foreign = await site.post(
        _SWITCH,
        data=_CLOSING,
        headers={**cookies(operator), "Sec-Fetch-Site": "cross-site", "Origin": "https://x.test"},
    )
    stranger = await site.post(_SWITCH, data=_CLOSING, headers={"Cookie": f"{SESSION_COOKIE}=x", **HERE})

    assert [kept_in(answer) for answer in (long, new_key, foreign, stranger)] == [""] * 4
    assert long.headers["Location"] == "/sign-in/staff?next=%2Foperations&done=form_not_kept"
    assert foreign.status_code == 403
    assert stranger.headers["Location"] == "/sign-in/staff?next=%2F&done=sign_in_first"


async def test_a_file_is_not_kept_and_that_is_said(
    site: httpx2.AsyncClient, arrange: Arrange, superuser: Superuser
) -> None:
    organisation = await arrange.organisation()
    officer = await arrange.hr_officer(organisation)
    await superuser.run(_ENDED, officer.id)
    address = f"/personnel?organisation_id={organisation}"

    answer = await site.post(
        address,
        data={"key": _KEY},
        files={"file": ("people.csv", b"x" * 200_000, "text/csv")},
        headers={**cookies(officer), **HERE, "Referer": f"https://amanat.test{address}"},
    )

    assert kept_in(answer) == ""
    led = urlsplit(answer.headers["Location"])
    assert (led.path, parse_qs(led.query)) == ("/sign-in/staff", {"next": [address], "done": ["file_not_kept"]})


async def test_pages_of_staff_lead_to_their_sign_in_and_both_sign_ins_keep_where_one_goes(
    site: httpx2.AsyncClient,
) -> None:
    staff = ("/inbox", "/tasks/x", "/operations", "/personnel/people", "/certificates", "/staff", "/staff-account/key")
    for path in staff:
        assert (await site.get(path)).headers["Location"].startswith(f"/sign-in/staff?next={path.replace('/', '%2F')}")
    for form, other in (("/sign-in", "/sign-in/staff"), ("/sign-in/staff", "/sign-in")):
        page = await site.get(f"{form}?next=%2Finbox%3Fmine%3Dtrue")
        assert f'href="{other}?next=/inbox%3Fmine%3Dtrue"' in page.text


async def test_whoever_ticked_as_many_tasks_as_one_may_comes_back_to_them_after_the_sign_in(
    site: httpx2.AsyncClient,
) -> None:
    ticked = "/inbox/together?" + "&".join(f"task={uuid4()}" for _ in range(TOGETHER_MAX))
    led = await site.get(ticked)

    form = await site.get(led.headers["Location"])

    assert form.status_code == 200
    assert f'name="next" value="{ticked.replace("&", "&amp;")}"' in form.text


def test_no_password_and_no_code_is_ever_kept() -> None:
    marked = r'(?:field\(form, |name=)"([\w.]+)"[^\n]*(?:type="password"|one-time-code|keep_value=false)'
    secret = re.compile(rf'{marked}|\bsecret\(form, "(\w+)"')
    found = {
        (one[1] or one[2]).rpartition(".")[2]
        for path in (PROJECT / "web" / "templates").glob("*.html")
        for one in secret.finditer(path.read_text("utf-8"))
    }

    assert found == SECRETS


@pytest.mark.usefixtures("relay")
async def test_a_national_id_that_was_looked_up_is_in_no_address_and_its_answer_comes_back(
    site: httpx2.AsyncClient, arrange: Arrange, context: Context, superuser: Superuser
) -> None:
    employer = await arrange.organisation()
    office = MinipayOffice(context, await arrange.member(employer), await arrange.hr_officer(employer))
    await apply(office)
    people = "/personnel/people"
    await superuser.run(_ENDED, office.officer.id)
    answer = await site.post(
        people,
        data={"national_id": office.member.national_id},
        headers={**cookies(office.officer), **HERE, "Referer": f"https://amanat.test{people}"},
    )

    assert office.member.national_id not in answer.headers["set-cookie"]
    shown = await site.get(BACK, headers=await again(context, office.officer, kept_in(answer)))
    assert shown.status_code == 200
    assert 'name="net_pay.amount"' in shown.text
