"""Pages on which a code is typed: tries, times, asking anew, and the way back to a code that is still good (G1)."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import httpx2
import pytest
from playwright.async_api import expect

from tests.arrange import Arrange, next_national_id
from tests.books import Superuser
from tests.web.conftest import HERE, Visit, cookies
from tests.web.visitor import SESSION_COOKIE, PageVisitor
from web.codes import not_yet
from web.language import language_of

pytestmark = pytest.mark.usefixtures("relay")

_OLDER = "UPDATE rate_windows SET ends_at = now()"
_OTHER = "0192f0a1-5b7c-7c1e-8f00-2f6f0c7d9a11"
_STRANGER = {"mobile": "09351112233"}


async def ask(visitor: PageVisitor, **typed: str) -> None:
    await visitor.fill(**typed)
    await visitor.press("Send me the code")


async def test_a_wrong_digit_and_a_code_asked_for_too_early_leave_the_first_code_good(
    visit: Visit, arrange: Arrange
) -> None:
    (member,) = await arrange.colleagues(1)
    visitor = await visit(script=False)
    visitor.someone = member
    await visitor.go("/sign-in?next=/cases")
    await ask(visitor, national_id=member.national_id, mobile=member.mobile)
    code = await visitor.code("sign_in")
    await visitor.look()

    await visitor.fill(code=f"{(int(code) + 1) % 1_000_000:06}")
    await visitor.press("Sign in")
    await visitor.reads("کد درست نیست؛ ۴ بار دیگر می‌توانید امتحان کنید.")
    await visitor.reads("این کد تا ")
    await visitor.look()
    await visitor.picture("code-wrong")

    await visitor.press("No code came? Check your details and ask again")
    assert await visitor.page.input_value("#national_id") == member.national_id
    assert await visitor.page.input_value("#mobile") == member.mobile
    await visitor.press("Send me the code")
    assert urlsplit(visitor.page.url).path == "/sign-in/code"
    await visitor.reads("The code that was sent is still good: enter it here.")
    assert re.search("هر نیم دقیقه یک بار می‌توانید کد بگیرید؛ [۰-۹]+ ثانیهٔ دیگر", await visitor.text())
    await visitor.look()
    await visitor.picture("code-too-early")
    await visitor.fill(code=code)
    await visitor.press("Sign in")
    assert visitor.page.url.endswith("/cases")


async def test_a_code_is_counted_down_in_view(visit: Visit, arrange: Arrange) -> None:
    (member,) = await arrange.colleagues(1)
    visitor = await visit(member)
    await visitor.go("/confirm?next=/profile")
    await visitor.press("Send me the code")
    times = visitor.page.locator("[data-countdown]")
    await expect(times.first).to_contain_text("۰۴:")
    assert re.search("کد تازه را ۰۰:[۰-۹]{2} دیگر", await times.nth(1).inner_text())
    await visitor.picture("code-counted-down")

    await visitor.press("Send another code")
    await visitor.reads("هر نیم دقیقه یک بار می‌توانید کد بگیرید")
    await visitor.fill(code=await visitor.code("step_up"))
    await visitor.press("Confirm")
    assert urlsplit(visitor.page.url).path == "/profile"


async def test_the_limit_of_an_hour_says_until_when_to_known_and_unknown_alike(
    site: httpx2.AsyncClient, arrange: Arrange, superuser: Superuser
) -> None:
    (member,) = await arrange.colleagues(1)
    pages = []
    for national_id, mobile in ((member.national_id, member.mobile), (next_national_id(), "09351112233")):
        for _ in range(5):
            site.cookies.clear()
            answer = await site.post("/sign-in", data={"national_id": national_id, "mobile": mobile}, headers=HERE)
            await superuser.run(f"{_OLDER} WHERE ends_at < now() + interval '1 minute'")
        assert answer.status_code == 422
        found = re.search(
            r"فعلاً کد دیگری فرستاده نمی‌شود؛ از ساعت [۰-۹]{2}:[۰-۹]{2} می‌توانید کد تازه بگیرید", answer.text
        )
        pages.append(found is not None)

    assert pages == [True, True]


def test_only_who_asks_within_half_a_minute_is_told_of_that_half_minute() -> None:
    told = [not_yet(language_of("fa"), seconds) for seconds in (30, 31, 119)]

    assert ["هر نیم دقیقه" in words for words in told] == [True, False, False]
    assert all(re.search("از ساعت [۰-۹]{2}:[۰-۹]{2}", words) for words in told[1:])


async def test_what_was_typed_is_filled_in_again_only_from_the_page_of_its_code(
    site: httpx2.AsyncClient,
) -> None:
    national_id = next_national_id()
    answer = await site.post("/sign-in", data={"national_id": national_id, **_STRANGER}, headers=HERE)
    challenge = re.search("challenge=([0-9a-f-]{36})&", answer.headers["Location"])
    assert challenge

    assert national_id not in f"{answer.headers['Location']}{answer.headers['set-cookie']}"
    assert {"HttpOnly", "Secure", "Max-Age=300"} <= set(answer.headers["set-cookie"].split("; "))
    assert national_id in (await site.get(f"/sign-in?again={challenge[1]}")).text
    for address in ("/sign-in", f"/sign-in?again={_OTHER}", "/join"):
        assert national_id not in (await site.get(address)).text
    site.cookies.set("__Host-asked", "nonsense", domain="amanat.test")
    assert national_id not in (await site.get(f"/sign-in?again={challenge[1]}")).text


async def test_another_number_gets_no_way_back_to_a_code_that_went_elsewhere(site: httpx2.AsyncClient) -> None:
    first, second = next_national_id(), next_national_id()
    for national_id in (second, first):
        await site.post("/sign-in", data={"national_id": national_id, **_STRANGER}, headers=HERE)
    answer = await site.post("/sign-in", data={"national_id": second, **_STRANGER}, headers=HERE)

    assert answer.status_code == 422
    assert "هر نیم دقیقه یک بار می‌توانید کد بگیرید" in answer.text


@pytest.mark.parametrize("sent_at", ["x", "9" * 10, "9" * 12, "-1", "۱۲", ""])
async def test_times_that_nobody_has_sent_are_no_fault(site: httpx2.AsyncClient, sent_at: str) -> None:
    answer = await site.get(
        "/sign-in/code",
        params={"challenge": _OTHER, "sent_at": sent_at, "next_at": sent_at},
    )
    assert answer.status_code == 200


async def test_a_code_that_confirms_is_asked_for_anew_on_its_own_page(
    site: httpx2.AsyncClient, arrange: Arrange
) -> None:
    (member,) = await arrange.colleagues(1)
    sent = await site.post(
        "/confirm/code", data={"key": "k" * 36, "next": "/profile"}, headers={**cookies(member), **HERE}
    )
    page = await site.get(sent.headers["Location"], headers=cookies(member))
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page.text))

    again = await site.post("/confirm/code", data={**hidden, "key": "l" * 36}, headers={**cookies(member), **HERE})

    assert again.status_code == 422
    assert "هر نیم دقیقه یک بار می‌توانید کد بگیرید" in again.text
    assert f'name="code_id" value="{hidden["code_id"]}"' in again.text
    assert "data-countdown" in again.text


_WAYS: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("/sign-in", "/sign-in/code", {}),
    ("/sign-in/renewal", "/sign-in/renewal/code", {}),
    ("/join", "/join/code", {"first_name": "نگار", "last_name": "صالحی", "terms_version": "1"}),
    ("/profile/mobile", "/profile/mobile", {}),
)


@pytest.mark.parametrize(("form", "code_page", "more"), _WAYS, ids=[form for form, _, _ in _WAYS])
async def test_every_form_that_asks_for_a_code_leads_back_to_the_one_that_is_good_and_keeps_what_was_typed(
    site: httpx2.AsyncClient, arrange: Arrange, form: str, code_page: str, more: dict[str, str]
) -> None:
    someone = await arrange.person("member")
    if form == "/profile/mobile":
        site.cookies.set(SESSION_COOKIE, someone.token, domain="amanat.test")
    typed = {"national_id": next_national_id(), **_STRANGER, **more}
    first = await site.post(form, data={**typed, "key": "k" * 36, "next": "/cases"}, headers=HERE)
    second = await site.post(form, data={**typed, "key": "l" * 36, "next": "/cases"}, headers=HERE)

    led, again = urlsplit(first.headers["Location"]), urlsplit(second.headers["Location"])
    before, after = parse_qs(led.query), parse_qs(again.query)
    assert (led.path, again.path) == (code_page, code_page)
    assert after.pop("next_at")
    assert before == after
    shown = (await site.get(second.headers["Location"])).text
    assert "کدی که فرستاده شده است هنوز معتبر است؛ همان را وارد کنید." in shown
    (way,) = re.findall(rf'href="({form}[?]again=[^"]+)"', shown)
    filled = (await site.get(way.replace("&amp;", "&"))).text
    assert all(f'value="{text}"' in filled for name, text in typed.items() if f'name="{name}"' in filled)


async def test_a_code_for_a_mandate_that_is_asked_for_too_early_stays_good_for_its_terms_only(
    site: httpx2.AsyncClient, arrange: Arrange
) -> None:
    member = await arrange.member(await arrange.organisation())
    mine = {**cookies(member), **HERE}

    async def ask_with(page: str, amount: str) -> str:
        hidden = dict(re.findall(r'<input type="hidden" name="([\w.]+)" value="([^"]*)"', page.partition("<main")[2]))
        typed = {"monthly_amount.amount": amount, "instalments": "11", "mandate.version": "1", "to": "code"}
        return (await site.post("/apply/minipay", data={**hidden, "key": uuid4().hex, **typed}, headers=mine)).text

    sent = await ask_with("", "2500000")
    early, other = await ask_with(sent, "2500000"), await ask_with(sent, "2000000")

    still, wait = "کدی که فرستاده شده است هنوز معتبر است", "هر نیم دقیقه یک بار می‌توانید کد بگیرید"
    assert [text in page for page in (sent, early, other) for text in (wait, still, "data-countdown")] == [
        *(False, False, True),
        *(True, True, True),
        *(True, False, False),
    ]
