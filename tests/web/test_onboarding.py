"""The whole onboarding, clicked by its people in windows of their own against the real servers (A1 to A12)."""

from __future__ import annotations

import re

import pytest
from temporalio.testing import WorkflowEnvironment

from domain.persian import persian_digits
from relay import Relay
from tests.arrange import Arrange, Someone, eventually, fresh_totp
from tests.books import Superuser, assert_books_clean
from tests.journeys.process import Process
from tests.journeys.steps import Steps
from tests.journeys.tavana import apply_with_guarantor
from tests.web.conftest import Visit
from tests.web.visitor import PageVisitor

pytestmark = [pytest.mark.usefixtures("relay", "worker"), pytest.mark.timeout(180)]

_MONTHLY, _LESS = "۵٬۰۰۰٬۰۰۰", "4,000,000"


async def apply(visitor: PageVisitor, programme: str, guarantor: Someone | None = None) -> str:
    """Apply step by step; returns the case's id."""
    await visitor.go("/apply")
    await visitor.page.locator(f'a[href="/apply/{programme}"]').click()
    await visitor.fill(monthly_amount__amount=_MONTHLY, instalments="۱۲")
    if visitor.script:
        await visitor.reads("۶۰٬۰۰۰٬۰۰۰ تومان")
        await visitor.picture_for_docs("apply")
    await visitor.look()
    await visitor.press("Continue")
    if guarantor is not None:
        await visitor.fill(guarantors__0__national_id=guarantor.national_id)
        await visitor.press("May I ask this colleague?")
        await visitor.reads("✓")
        await visitor.look()
        await visitor.press("Continue")
    await visitor.look()
    await visitor.press("I accept the mandate; send me the code")
    await visitor.look()
    await visitor.fill(mandate__code="111111")
    await visitor.press("Submit the application")
    await visitor.reads("Please correct the following")
    await visitor.fill(mandate__code=await visitor.code("accept_mandate"))
    await visitor.press("Submit the application")
    await visitor.reads("Your application was submitted. We tell you about every step by SMS.")
    found = re.search(r"/cases/([0-9a-f-]{36})", visitor.page.url)
    assert found is not None
    return found[1]


async def answer(visitor: PageVisitor, *, accept: bool) -> None:
    """Find at home what is asked, and accept with a code or refuse with a second look."""
    await visitor.go("/")
    await eventually(lambda: _reloaded_with(visitor, ".todo a.btn"), "to be asked")
    await visitor.page.locator(".todo a.btn").click()
    await visitor.page.wait_for_url("**/guarantees/*")
    await visitor.look()
    if accept:
        await visitor.press("I have read it: send me the code")
        await visitor.look()
        await visitor.fill(mandate__code=await visitor.code("accept_guarantee"))
        await visitor.press("I accept and stand")
        await visitor.reads("You accepted. The application goes on.")
    else:
        await visitor.open("I do not stand")
        await visitor.look()
        await visitor.press("Yes, I refuse")
        await visitor.reads("You refused. Nothing is on you.")


async def _reloaded_with(visitor: PageVisitor, selector: str) -> bool:
    await visitor.page.reload()
    return bool(await visitor.page.locator(selector).count())


async def open_task(visitor: PageVisitor) -> None:
    """Open the only task of the inbox, once it is there."""
    await visitor.go("/inbox")
    await eventually(lambda: _reloaded_with(visitor, "[data-task]"), "a task")
    await visitor.page.keyboard.press("j")
    await visitor.page.keyboard.press("Enter")
    await visitor.page.wait_for_url("**/tasks/*")
    await visitor.look()


async def send_back(finance: PageVisitor) -> None:
    """Return what waits for a decision, because it is too much."""
    await open_task(finance)
    await finance.picture_for_docs("review")
    await finance.open("Return for correction")
    await finance.page.check('input[value="amount_too_high"]')
    await finance.press("Return for these reasons")
    await finance.reads("Your decision was recorded. Nothing else waits for you.")


async def approve(finance: PageVisitor) -> None:
    """Press approve, read what follows from it, and confirm with a code."""
    await open_task(finance)
    await finance.press("Approve")
    await finance.reads("Nothing is decided yet. Look at it once more, then confirm.")
    await finance.reads("تا سقف ۴۸٬۰۰۰٬۰۰۰ تومان قابل استفاده می‌شود")
    await finance.look()
    await finance.fill(totp=persian_digits(fresh_totp()))
    await finance.press("Confirm the approval")
    await finance.reads("Your decision was recorded. Nothing else waits for you.")


async def correct(applicant: PageVisitor) -> None:
    """Ask for less, from the case's page, which has followed by itself."""
    await applicant.press("Correct the application")
    await applicant.look()
    await applicant.fill(monthly_amount__amount=_LESS)
    await applicant.press("Continue")
    await applicant.press("I accept the mandate; send me the code")
    await applicant.fill(mandate__code=await applicant.code("accept_mandate"))
    await applicant.press("Submit the corrected application")
    await applicant.reads("Your corrected application was submitted.")


async def test_tavana_with_refusal_return_and_approval_clicked_by_four_people(
    visit: Visit, arrange: Arrange, temporal: WorkflowEnvironment, superuser: Superuser, relay: Relay, steps: Steps
) -> None:
    member, first, second = await arrange.colleagues(3)
    finance = await visit(await arrange.finance_officer())
    applicant, unwilling, willing = [await visit(someone) for someone in (member, first, second)]

    case_id = await apply(applicant, "tavana", first)
    await answer(unwilling, accept=False)
    # The applicant's page follows by itself.
    await applicant.press("Name another guarantor")
    await applicant.look()
    await applicant.fill(national_id=second.national_id)
    await applicant.press("Name this colleague")
    await applicant.reads("The guarantor was named and is being asked.")
    await answer(willing, accept=True)
    # Their page goes on as the case does.
    await willing.reads("در انتظار بررسی امور مالی")
    assert "سامانه در حال پیش بردن پرونده است" not in await willing.text()
    await applicant.reads("در انتظار بررسی امور مالی")
    await applicant.picture_for_docs("case")

    await send_back(finance)
    await steps.forget_limits()
    await correct(applicant)
    # Less was asked for: nobody is asked again.
    await approve(finance)

    await applicant.reads("Approved: soon the credit is usable")
    await applicant.reads("۳ روز مانده")
    await applicant.look()
    await Process(steps, temporal, superuser, relay, member, case_id).pass_wait()
    await applicant.reads("The credit is usable")
    await applicant.press("Show my credit")
    await applicant.reads("۴۸٬۰۰۰٬۰۰۰ تومان")
    await assert_books_clean(arrange.context.engine)


async def test_minipay_without_script(visit: Visit, arrange: Arrange) -> None:
    employer = await arrange.organisation()
    member = await arrange.member(employer)
    applicant = await visit(member, script=False)
    officer = await visit(await arrange.hr_officer(employer), script=False)
    await apply(applicant, "minipay")
    await officer.go("/inbox")
    await eventually(lambda: _reloaded_with(officer, "[data-task]"), "a task")
    await officer.page.locator("[data-task]").click()
    await officer.fill(valid_until__day="۳۰", valid_until__month="۱۲", valid_until__year="۱۴۰۵")
    await officer.press("Issue the certificate")
    await officer.reads("Please correct the following")
    await officer.fill(valid_until__day="۲۹", valid_until__year="1406")
    await officer.press("Issue the certificate")
    await officer.reads("۲۹ اسفند ۱۴۰۶")
    # What was typed is there again, as it was typed.
    await officer.press("Back, not yet")
    assert await officer.page.input_value('[name="valid_until.year"]') == "1406"
    await officer.press("Issue the certificate")
    await officer.fill(totp="۱۲۳۴۵۶")
    await officer.press("Confirm and issue")
    await officer.reads("Please correct the following")
    await officer.fill(totp=persian_digits(fresh_totp()))
    await officer.press("Confirm and issue")
    await officer.reads("Your decision was recorded. Nothing else waits for you.")
    await eventually(lambda: _reloaded_with(applicant, 'main a[href="/credit"]'), "the credit")
    await applicant.go("/credit")
    await applicant.reads("۶۰٬۰۰۰٬۰۰۰ تومان")


async def test_an_application_that_nobody_answers_lapses_before_its_owners_eyes(
    visit: Visit, arrange: Arrange, temporal: WorkflowEnvironment, superuser: Superuser, relay: Relay, steps: Steps
) -> None:
    tavana = await apply_with_guarantor(steps, temporal, superuser, relay, arrange)
    applicant = await visit(tavana.member)
    await applicant.go(f"/cases/{tavana.case_id}")
    for told in ("reminded", "guarantor_silent", "reminded", "application_lapsed"):
        await tavana.pass_wait()
        await tavana.told(told)
    await applicant.reads("This application is over")
    await applicant.press("Apply again")
    await applicant.look()


async def test_an_applicant_withdraws_with_a_second_look_and_the_guarantor_is_free(
    visit: Visit, arrange: Arrange, temporal: WorkflowEnvironment, superuser: Superuser, relay: Relay, steps: Steps
) -> None:
    tavana = await apply_with_guarantor(steps, temporal, superuser, relay, arrange)
    applicant, guarantor = await visit(tavana.member, language="en"), await visit(tavana.guarantor, language="en")
    await guarantor.go("/")
    await applicant.go(f"/cases/{tavana.case_id}")
    await applicant.open("Withdraw the application")
    await applicant.press("Yes, withdraw")
    await applicant.reads("Your withdrawal was recorded.")
    await guarantor.page.reload()
    await guarantor.reads("Nothing waits for you now.")
