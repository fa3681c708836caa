"""Withdrawals and the pay-out desk in a browser: a member asks, two officers pay, the bank answers (E3)."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import pytest

from activities.transition import ActivityContext
from commands.command import Context
from tests.arrange import Arrange, eventually
from tests.books import Superuser
from tests.fee_steps import charge
from tests.payout_steps import CONFIRM, HAND_OVER, REJECT, SETTLE, PayoutOffice
from tests.web.conftest import Visit
from tests.web.visitor import PageVisitor

pytestmark = [pytest.mark.usefixtures("relay"), pytest.mark.timeout(180)]


@pytest.fixture
async def office(context: Context, arrange: Arrange, activity_context: ActivityContext) -> PayoutOffice:
    """A member with 100 million rial, and two officers."""
    return await PayoutOffice.opened(context, arrange, activity_context)


async def test_a_member_withdraws_with_a_code_and_takes_it_back(visit: Visit, office: PayoutOffice) -> None:
    visitor = await visit(office.member, width=360)
    await visitor.go("/balance")
    await visitor.press("Withdraw to my account")
    await visitor.look()
    await visitor.fill(amount__amount="۲۰٬۰۰۰٬۰۰۰")
    await visitor.press("Send me the code")
    await visitor.reads("موجودی برای این کار کافی نیست")
    await visitor.fill(amount__amount="500000")
    await visitor.press("Send me the code")
    await visitor.reads("به شبای IR**۰۱۷***۱۲۳۴")
    await visitor.look()
    await visitor.fill(code=await visitor.code("withdraw"))
    await visitor.press("Withdraw the amount")
    await visitor.reads("در صف پرداخت")
    await visitor.look()
    assert await office.balance() == (95_000_000, 5_000_000)
    await visitor.open("Take it back")
    await visitor.press("Yes, take it back")
    await visitor.reads("پس گرفته شد")


async def test_a_member_sees_fee_and_vat_before_the_code_and_downloads_receipt_and_invoice(
    visit: Visit, office: PayoutOffice, context: Context
) -> None:
    await charge(context)
    visitor = await visit(office.member, width=360)
    await visitor.go("/withdrawals/new")
    for part in ("۱٬۲۳۴٫۵ تومان", "۱۲۳٫۴ تومان", "۱٬۳۵۷٫۹ تومان"):
        await visitor.reads(part)
    await visitor.look()
    await visitor.picture("withdrawal-fee")
    await visitor.fill(amount__amount="500000")
    await visitor.press("Send me the code")
    await visitor.reads("۵۰۱٬۳۵۷٫۹ تومان")
    await visitor.look()
    await visitor.picture("withdrawal-fee-code")
    await visitor.fill(code=await visitor.code("withdraw"))
    await visitor.press("Withdraw the amount")
    await visitor.reads("۵۰۱٬۳۵۷٫۹ تومان")
    case_id = await office.sent()
    await office.answered(case_id, await office.answer_to(case_id))
    for paper in ("Receipt (PDF)", "Invoice of the fee (PDF)"):
        await visitor.go("/withdrawals")
        await visitor.look()
        await visitor.picture("withdrawal-papers")
        await visitor.press(paper)
        await visitor.reads("The paper stands below; you can download it as often as you like.")
    await visitor.look()
    await visitor.picture("withdrawal-papers-listed")
    async with visitor.page.expect_download() as download:
        await visitor.page.get_by_text("دریافت (PDF)").first.click()
    assert (await download.value).suggested_filename.startswith("صورت حساب کارمزد")


async def test_two_officers_pay_a_batch_and_the_banks_refused_rows_are_listed(
    visit: Visit, office: PayoutOffice, superuser: Superuser, tmp_path: Path
) -> None:
    await office.withdraw()
    maker, checker = await visit(office.maker, width=1280), await visit(office.checker, width=360)
    await maker.go("/payouts")
    await maker.look()
    await maker.press("Make a batch")
    case_id = await superuser.value("SELECT case_id FROM payouts")
    await office.go_on(case_id)
    # The page follows by itself.
    await maker.reads("You made this batch: another officer confirms it.")
    await maker.look()

    task = await superuser.value("SELECT id FROM tasks WHERE kind = %s AND status = 'open'", CONFIRM)
    await checker.go(f"/tasks/{task}")
    await checker.look()
    await checker.press("Confirm the batch")
    await checker.reads("SHA-256 of the CSV file")
    await checker.look()
    await checker.fill(totp=office.checker.totp or "")
    await checker.press("Confirm the batch")
    await office.go_on(case_id)
    handing = await superuser.value("SELECT id FROM tasks WHERE kind = %s AND status = 'open'", HAND_OVER)
    await maker.go(f"/tasks/{handing}")
    await maker.press("The bank has the file")
    await office.go_on(case_id)

    await _answered(maker, office, case_id, tmp_path)
    noted = "SELECT count(*) FROM audit WHERE content::jsonb ->> 'action' = 'download_payout'"
    assert await superuser.value(noted) == 1


async def test_whoever_records_a_line_by_hand_sees_whose_it_is_and_how_much(visit: Visit, office: PayoutOffice) -> None:
    await office.withdraw()
    case_id = await office.sent()
    (line,) = await office.lines(case_id)
    maker = await visit(office.maker, width=360)
    await maker.go(f"/payouts/{case_id}/lines/{line.withdrawal.id}")
    for shown in (line.name, "IR**۰۱۷***۱۲۳۴", "۵۰۰٬۰۰۰ تومان"):
        await maker.reads(shown)
    await maker.look()


async def test_who_has_no_confirmed_sheba_is_led_to_their_accounts_before_typing_an_amount(
    visit: Visit, office: PayoutOffice
) -> None:
    visitor = await visit(await office.arrange.person("member"), width=360)
    await visitor.go("/withdrawals/new")
    assert not await visitor.page.locator('[name="amount.amount"]').count()
    await visitor.look()
    await visitor.picture("withdrawal-without-sheba")
    await visitor.press("My cards and accounts")
    await visitor.page.wait_for_url("**/profile/accounts")


async def _asked(superuser: Superuser, kind: str) -> str:
    """The page of the open task."""
    found = await superuser.value("SELECT id FROM tasks WHERE kind = %s AND status = 'open'", kind)
    return f"/tasks/{found}"


async def test_what_a_file_calls_rejected_is_confirmed_by_another(
    visit: Visit, office: PayoutOffice, superuser: Superuser
) -> None:
    await office.withdraw()
    await office.withdraw()
    case_id = await office.sent()
    await office.answered(case_id, await office.answer_to(case_id, rejected=[2]), confirmed=False)
    maker, checker = await visit(office.maker, width=1280), await visit(office.checker, width=360)
    await maker.go(f"/payouts/{case_id}")
    await maker.reads("Rejections await another officer")
    await maker.look()
    await maker.picture("payout-rejections-wait")
    await maker.press("Lines that it calls rejected")
    await maker.look()

    await checker.go(await _asked(superuser, REJECT))
    await checker.look()
    await checker.picture("payout-rejections")
    await checker.press("Confirm the rejections")
    await checker.look()
    await checker.fill(totp=office.checker.totp or "")
    await checker.press("Confirm the rejections")
    await office.go_on(case_id)
    assert await office.phase(case_id) == "settled"


async def test_what_comes_back_after_the_batch_is_over_is_recorded_by_one_and_confirmed_by_another(
    visit: Visit, office: PayoutOffice, superuser: Superuser
) -> None:
    one = await office.withdraw()
    case_id = await office.sent()
    await office.answered(case_id, await office.answer_to(case_id))
    maker, checker = await visit(office.maker, width=1280), await visit(office.checker, width=360)
    await maker.go(f"/payouts/{case_id}")
    await maker.press("Record that it came back")
    await maker.look()
    await maker.picture("payout-returned-form")
    await maker.fill(reference="BACK-1", note="بانک پایا را برگرداند", totp=office.maker.totp or "")
    await maker.press("Record")
    await maker.reads("It is recorded, and counts once another officer has confirmed it.")
    await checker.go(await _asked(superuser, SETTLE))
    await checker.reads("پس از واریز برگشت")
    await checker.look()
    await checker.picture("payout-returned-decision")
    await checker.press("Confirm what was recorded")
    await checker.fill(totp=office.checker.totp or "")
    await checker.press("Confirm and record")

    async def booked() -> bool:
        return (await office.one(one)).state == "returned"

    await eventually(booked, "the relay to have it booked")
    member = await visit(office.member, width=360)
    await member.go("/withdrawals")
    await member.reads("پس از واریز از بانک برگشت")
    await member.look()
    await member.picture("withdrawal-returned")


async def _answered(maker: PageVisitor, office: PayoutOffice, case_id: UUID, directory: Path) -> None:
    """The file is downloaded, the bank answers, and what it says of no line is listed."""
    said = directory / "answer.csv"
    said.write_text(f"{await office.answer_to(case_id)}\nsomething\n", "utf-8")
    await maker.go(f"/payouts/{case_id}")
    async with maker.page.expect_download() as download:
        await maker.page.get_by_role("link", name=maker.language.translate("Download CSV"), exact=True).click()
    assert "شبا" in (await (await download.value).path()).read_text("utf-8-sig")
    await maker.page.set_input_files('[name="file"]', said)
    await maker.fill(totp=office.maker.totp or "")
    await maker.press("Send the file")
    await office.go_on(case_id)
    await maker.reads("پایان‌یافته")
    await maker.look()
    await maker.press("Rows that were refused")
    await maker.reads("something")
    await maker.look()
