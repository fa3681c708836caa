"""One's own profile at the pages: e-mail, password, sessions, and the credit to the rial (G1)."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest

from domain.account import CODE_SUBJECT
from tests.arrange import Arrange, Someone, eventually
from tests.books import Superuser
from tests.web.conftest import HERE, Visit, cookies
from tests.web.visitor import PageVisitor

pytestmark = pytest.mark.usefixtures("relay")


@pytest.fixture
async def member(arrange: Arrange, superuser: Superuser) -> Someone:
    """A member who has just shown a fresh code."""
    (found,) = await arrange.colleagues(1)
    await superuser.run("UPDATE sessions SET strong_until = now() + interval '1 hour' WHERE person_id = %s", found.id)
    return found


def _mailed(messages: Path) -> list[str]:
    found = [json.loads(file.read_text("utf-8")) for file in sorted(messages.glob("*.json"))]
    return [one["text"] for one in found if one["channel"] == "mail" and one["subject"] == CODE_SUBJECT]


async def mailed_code(messages: Path) -> str:
    """The six digits in the newest e-mail with a code."""

    async def came() -> list[str]:
        return _mailed(messages)

    text: str = (await eventually(came, "an e-mail"))[-1]
    return text.partition(": ")[2][:6]


async def test_the_profile_says_who_one_is_and_what_credit_is_possible_to_the_rial(
    visit: Visit, member: Someone
) -> None:
    visitor = await visit(member, width=360)
    await visitor.go("/")
    await visitor.page.get_by_role("navigation").get_by_role("link", name="پروفایل").click()
    await visitor.reads("My profile")
    text = await visitor.text()
    assert member.national_id not in text
    assert "IR**054***4628" in text
    assert text.count("۱۰٬۰۰۰٬۰۰۰ تومان") == 2
    assert text.count("۲۴۰٬۰۰۰٬۰۰۰ تومان") == 2
    await visitor.look()


async def test_nothing_is_called_possible_that_could_not_be_applied_for(visit: Visit, arrange: Arrange) -> None:
    visitor = await visit(await arrange.member(await arrange.organisation(), net_pay=10))
    await visitor.go("/profile")
    await visitor.reads("No credit is possible for you now.")
    assert await visitor.page.locator('main a[href^="/apply/"]').count() == 0
    await visitor.press("Why, and what can be done")
    await visitor.reads("سهمی از حقوق شما که می‌تواند صرف قسط شود")


async def test_an_address_is_confirmed_and_a_forgotten_password_renewed_by_it(
    visit: Visit, member: Someone, messages_dir: Path
) -> None:
    visitor = await visit(member)
    await visitor.go("/profile/email")
    await visitor.fill(email="maryam@example.com")
    await visitor.press("Send me the code")
    await visitor.look()
    await visitor.fill(code=await mailed_code(messages_dir))
    await visitor.press("Confirm")
    await visitor.reads("Your e-mail address is confirmed.")

    await visitor.press("Set a password")
    await visitor.fill(password="seven-green-lamps", again="seven-green-lamp")
    await visitor.press("Set the password")
    await visitor.reads("This is not the same as above.")
    await visitor.fill(password="seven-green-lamps", again="seven-green-lamps")
    await visitor.press("Set the password")
    await visitor.reads("Your password is set. Your other sessions are ended.")
    await visitor.look()
    await _renew(await visit(script=False, width=360), member, messages_dir)


async def _renew(visitor: PageVisitor, member: Someone, messages: Path) -> None:
    """Renew the password by e-mail, and sign in with the new one."""
    before = len(_mailed(messages))
    await visitor.go("/sign-in")
    await visitor.press("Sign in with a password")
    await visitor.fill(national_id=member.national_id, password="forgotten-it-all")
    await visitor.press("Sign in")
    await visitor.reads("ورود ممکن نشد؛ کد ملی و گذرواژه را بررسی کنید.")
    await visitor.press("Forgotten the password?")
    await visitor.fill(national_id=member.national_id)
    await visitor.press("Send me the code")
    await visitor.reads("Write your number or your address.")
    await visitor.fill(email="maryam@example.com")
    await visitor.press("Send me the code")

    async def came() -> bool:
        return len(_mailed(messages)) > before

    await eventually(came, "another e-mail")
    code, new = await mailed_code(messages), "eight-green-lamps"
    await visitor.fill(code=code, password=new, again=new)
    await visitor.press("Set the password")
    await visitor.reads("Your new password is set. Sign in with it.")
    await visitor.fill(national_id=member.national_id, password=new)
    await visitor.press("Sign in")
    await visitor.reads("کارهایی که باید انجام دهید")


async def test_other_sessions_are_ended(visit: Visit, member: Someone, arrange: Arrange) -> None:
    second = await arrange.as_staff(member)
    visitor, other = await visit(member), await visit(second)
    await other.go("/profile")
    await visitor.go("/profile")
    await visitor.press("End all others")
    await visitor.reads("Your other sessions are ended.")
    await other.go("/profile")
    assert "/sign-in" in other.page.url


async def test_a_chosen_language_is_kept_for_windows_without_one(visit: Visit, member: Someone) -> None:
    visitor = await visit(member)
    await visitor.go("/profile")
    await visitor.page.select_option('main [name="language"]', "en")
    await visitor.press("Keep it")
    assert await visitor.page.get_attribute("html", "lang") == "en"
    await visitor.context.clear_cookies(name="__Host-language")
    await visitor.go("/profile")
    assert await visitor.page.get_attribute("html", "lang") == "en"


async def test_without_a_fresh_code_it_comes_first(visit: Visit, member: Someone, superuser: Superuser) -> None:
    await superuser.run("UPDATE sessions SET strong_until = '-infinity'")
    visitor = await visit(member)
    for page in ("/profile/email", "/profile/password"):
        await visitor.go(page)
        assert await visitor.page.locator('main input[type="password"], main input[name="email"]').count() == 0
    await visitor.press("First confirm with a code")
    assert "/confirm?next=" in visitor.page.url


async def test_a_member_without_an_employer_changes_the_number_with_both_codes(
    visit: Visit, arrange: Arrange, member: Someone, messages_dir: Path
) -> None:
    employed = await visit(member)
    await employed.go("/profile/mobile")
    await employed.fill(mobile="09351110008")
    await employed.press("Send me both codes")
    await employed.reads("برای تغییر آن به واحد رفاه سازمان مراجعه کنید")

    alone = await arrange.person("member")
    visitor = await visit(alone, width=360)
    await visitor.go("/profile")
    await visitor.reads("No credit is possible for you now.")
    await visitor.press("Change my number")
    await visitor.fill(mobile="09351110008")
    await visitor.press("Send me both codes")
    await visitor.look()
    old = await visitor.code("change_mobile_old")
    visitor.someone = replace(alone, mobile="+989351110008")
    await visitor.fill(old__code=old, new__code=await visitor.code("change_mobile_new"))
    await visitor.press("Change my number")
    await visitor.reads("Your number is changed. Sign in with the new one.")


async def test_a_password_is_taken_as_it_was_typed_with_spaces_around_it(
    site: httpx2.AsyncClient, member: Someone
) -> None:
    typed = " seven green lamps "
    new = {"password": typed, "again": typed}
    assert (await site.post("/profile/password", data=new, headers=cookies(member) | HERE)).status_code == 303
    for password, status in ((typed.strip(), 422), (typed, 303)):
        who = {"national_id": member.national_id, "password": password}
        assert (await site.post("/sign-in/password", data=who, headers=HERE)).status_code == status
