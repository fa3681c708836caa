"""Signing in at the pages (A1, G1)."""

from __future__ import annotations

import re

import pyotp
import pytest

from activities.transition import ActivityContext
from commands.command import Context
from domain.access import Grant, Role, ScopeKind
from messages.case import StepInput
from tests.account_people import add_employee
from tests.arrange import Arrange, next_national_id
from tests.commands.onboarding_steps import MinipayOffice, apply, issue
from tests.transitions import Transitions
from tests.web.conftest import Visit
from web.language import language_of

pytestmark = pytest.mark.usefixtures("relay")


@pytest.mark.parametrize("script", [True, pytest.param(False, marks=pytest.mark.long)])
async def test_a_member_signs_in_with_the_code_and_out_again(visit: Visit, arrange: Arrange, script: bool) -> None:
    (member,) = await arrange.colleagues(1)
    visitor = await visit(script=script)
    visitor.someone = member
    await visitor.go("/cases")
    assert "/sign-in?next=%2Fcases" in visitor.page.url
    await visitor.fill(national_id=member.national_id, mobile=member.mobile.replace("+98", "۰"))
    await visitor.press("دریافت کد")
    await visitor.fill(code="۰۰۰۰۰۰")
    await visitor.press("ورود")
    await visitor.reads("لطفاً این موارد را اصلاح کنید")
    await visitor.fill(code=await visitor.code("sign_in"))
    await visitor.press("ورود")
    assert visitor.page.url.endswith("/cases")
    await visitor.page.get_by_role("button", name="خروج").click()
    await visitor.reads("از حساب خود خارج شدید")
    await visitor.go("/")
    assert visitor.page.url.endswith("/sign-in")


async def test_strangers_are_answered_as_everybody_is(visit: Visit) -> None:
    visitor = await visit()
    await visitor.go("/sign-in")
    await visitor.fill(national_id=next_national_id(), mobile="09351112233")
    await visitor.press("دریافت کد")
    await visitor.reads(
        "اگر با همین مشخصات عضو باشید یا سازمانتان شما را با آن معرفی کرده باشد، کد به تلفن همراه شما فرستاده شد"
    )


async def test_what_cannot_be_read_is_said_at_its_field_and_kept(visit: Visit) -> None:
    visitor = await visit()
    await visitor.go("/sign-in")
    await visitor.fill(national_id="1234567890", mobile="0912")
    await visitor.press("دریافت کد")
    assert await visitor.page.locator("#national_id-error").inner_text() != ""
    assert await visitor.page.input_value("#mobile") == "0912"
    assert await visitor.page.evaluate("document.activeElement.getAttribute('role')") == "alert"
    await visitor.assert_accessible()


async def test_staff_sign_in_with_password_and_totp(visit: Visit, context: Context) -> None:
    staff = await add_employee(context, "staff.sign-in", Grant(Role.FINANCE_OFFICER, ScopeKind.REGION, "1101"))
    visitor = await visit()
    await visitor.go("/sign-in/staff")
    await visitor.fill(username=staff.username, password="wrong", totp="000000")
    await visitor.press("ورود")
    await visitor.reads("لطفاً این موارد را اصلاح کنید")
    assert await visitor.page.input_value("#password") == ""
    await visitor.fill(password=staff.password, totp=pyotp.TOTP(staff.totp_secret).now())
    await visitor.press("ورود")
    assert visitor.page.url.endswith("/inbox")


async def test_the_language_is_kept(visit: Visit) -> None:
    visitor = await visit()
    await visitor.go("/sign-in")
    await visitor.page.get_by_role("button", name="English").click()
    visitor.language = language_of("en")
    await visitor.reads("Send me the code")
    assert await visitor.page.get_attribute("html", "dir") == "ltr"
    await visitor.go("/sign-in/staff")
    await visitor.reads("Staff sign-in")


async def test_a_member_sees_the_whole_number_of_their_card_once_with_a_code_for_it(
    visit: Visit, arrange: Arrange, context: Context, activity_context: ActivityContext
) -> None:
    employer = await arrange.organisation()
    office = MinipayOffice(context, await arrange.member(employer), await arrange.hr_officer(employer))
    case_id = await apply(office)
    await Transitions(activity_context).request_backing(StepInput(case_id))
    await issue(office, case_id)
    await Transitions(activity_context).activate_credit(StepInput(case_id))
    member = await visit(office.member, script=False)
    await member.go("/credit")
    await member.press("Show the whole number")
    await member.press("Send me the code")
    await member.fill(code="۰۰۰۰۰۰")
    await member.press("Show the whole number")
    await member.reads("Please correct the following")
    await member.fill(code=await member.code("show_card"))
    await member.press("Show the whole number")
    await member.reads("Give it to nobody who calls you. It is gone from this page once you leave it.")
    assert "•" not in await member.text()
    assert re.search(r"[۰-۹]{4}( [۰-۹]{4}){3}", await member.text())
    await member.go("/credit")
    await member.reads("••••")
