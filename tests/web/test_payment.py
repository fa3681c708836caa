"""Payments clicked by their payers: to the bank, which is another site, and back, whatever happens there (E2)."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import httpx2
import pytest
from playwright.async_api import Browser

from activities.transition import ActivityContext
from commands.command import Context
from domain.persian import persian_digits
from gateways.local_bank import USUAL_CARD, LocalBank
from messages.payment import TaskKind
from tests.arrange import Arrange, eventually
from tests.books import Superuser
from tests.commands.onboarding_steps import open_task
from tests.payment_steps import PaymentScenario, give_back, take
from tests.web.conftest import HERE, Visit, cookies
from tests.web.visitor import PageVisitor, open_window
from web.app import MAX_FORM
from web.language import language_of

pytestmark = pytest.mark.timeout(180)

_AMOUNT = 2_500_000
FROM_BANK = {"Sec-Fetch-Site": "cross-site"}


@pytest.fixture
def bank(tmp_path: Path, address: str) -> LocalBank:
    """The bank of the site, under another name: to browsers another site."""
    return LocalBank(tmp_path / "bank", address.replace("127.0.0.1", "localhost"))


@pytest.fixture
async def activity_context(activity_context: ActivityContext, address: str) -> ActivityContext:
    """Banks send browsers back to where the site answers."""
    return replace(activity_context, site=address)


@pytest.fixture
async def paying(
    context: Context, arrange: Arrange, activity_context: ActivityContext, bank: LocalBank
) -> PaymentScenario:
    """A payer, their bank, and a settlement officer."""
    return await PaymentScenario.opened(context, arrange, activity_context, bank)


async def _open(paying: PaymentScenario) -> tuple[UUID, UUID]:
    """What is paid for, and the payment."""
    purpose = await paying.purpose()
    return purpose, await paying.open((purpose, _AMOUNT))


async def _to_bank(payer: PageVisitor, paying: PaymentScenario, case_id: UUID) -> None:
    """Open the payment's page while the gateway is still to be asked for a link."""
    await payer.go(f"/payments/{case_id}")
    await _led_to_bank(payer, paying, case_id)


async def _led_to_bank(payer: PageVisitor, paying: PaymentScenario, case_id: UUID) -> None:
    """Once there is a link the page leads to the bank by itself; without script its link does."""
    await paying.go_on(case_id)
    if not payer.script:
        await payer.press("Go to the bank")
    await payer.page.wait_for_url(_is_bank)


def _is_bank(url: str) -> bool:
    return url.startswith("http://localhost:") and "/bank/" in url


async def _back(payer: PageVisitor, paying: PaymentScenario, case_id: UUID, deed: str) -> None:
    """Press something at the bank, come back from there, and the process hears of it."""
    await payer.press(deed)
    await payer.page.wait_for_url(re.compile(f"127.0.0.1.*/payments/{case_id}$"))
    await paying.go_on(case_id)


@pytest.mark.usefixtures("relay", "worker", "temporal")
async def test_the_payer_is_led_to_the_bank_and_back_and_sees_that_it_is_paid(
    visit: Visit, paying: PaymentScenario
) -> None:
    purpose, case_id = await _open(paying)
    payer = await visit(paying.payer, width=360)
    await eventually(lambda: _has_links(paying, case_id, 1), "a link")
    await payer.go(f"/payments/{case_id}")
    await payer.press("رفتن به درگاه «بانک آزمایشی»")
    await payer.press("Pay")
    await payer.page.wait_for_url(re.compile(f"127.0.0.1.*/payments/{case_id}$"))
    await payer.reads("The bank confirmed the payment; it is being recorded.")
    await payer.look()
    await payer.picture("payment-received-360")
    assert await take(paying.context, purpose)
    await payer.reads("دویست و پنجاه هزار تومان")
    await eventually(lambda: _is(paying, case_id, "paid"), "the end")
    await payer.go("/payments")
    await payer.reads("۲۵۰٬۰۰۰ تومان")
    await payer.look()
    await payer.picture("payments-360")


async def _is(paying: PaymentScenario, case_id: UUID, phase: str) -> bool:
    return await paying.phase(case_id) == phase


async def test_the_bank_is_told_our_origin_and_no_more(visit: Visit, paying: PaymentScenario, address: str) -> None:
    _, case_id = await _open(paying)
    payer, told = await visit(paying.payer), list[str]()
    payer.page.on("request", lambda sent: told.append(sent.headers.get("referer", "")) if _is_bank(sent.url) else None)
    await _to_bank(payer, paying, case_id)
    await payer.page.go_back()
    await payer.page.wait_for_url(f"{address}/payments/{case_id}")
    await payer.press("رفتن به درگاه «بانک آزمایشی»")
    await payer.page.wait_for_url(_is_bank)
    assert told == [f"{address}/"] * 2


async def test_without_script_the_same_way_leads_there_and_back(visit: Visit, paying: PaymentScenario) -> None:
    _, case_id = await _open(paying)
    payer = await visit(paying.payer, script=False)
    await _to_bank(payer, paying, case_id)
    await _back(payer, paying, case_id, "Pay")
    assert await paying.phase(case_id) == "received"
    await payer.go(f"/payments/{case_id}")
    await payer.reads("The bank confirmed the payment; it is being recorded.")


async def test_who_cancelled_reads_why_it_is_not_paid_and_pays_again(visit: Visit, paying: PaymentScenario) -> None:
    _, case_id = await _open(paying)
    payer = await visit(paying.payer, width=360)
    await _to_bank(payer, paying, case_id)
    await _back(payer, paying, case_id, "Cancel and go back")
    await payer.reads("پرداخت نشد: پرداخت‌کننده انصراف داد")
    await payer.look()
    await payer.picture("payment-not-paid-360")
    await payer.press("Pay again")
    await _led_to_bank(payer, paying, case_id)
    await _back(payer, paying, case_id, "Pay")
    await payer.reads("The bank confirmed the payment; it is being recorded.")
    assert [one.state for one in await paying.attempts(case_id)] == ["not_paid", "paid"]
    hosts = {one.host for one in await paying.attempts(case_id)}
    assert hosts == {"", payer.page.url.split("/")[2]}


async def test_a_payer_whom_nothing_brought_back_has_the_bank_asked(visit: Visit, paying: PaymentScenario) -> None:
    _, case_id = await _open(paying)
    payer = await visit(paying.payer, width=360)
    await _to_bank(payer, paying, case_id)
    await payer.press("Pay and lose the way back")
    await payer.reads("This is paid")
    await payer.go(f"/payments/{case_id}")
    await payer.look()
    await payer.picture("payment-at-bank-360")
    await payer.press("Ask the bank")
    await paying.go_on(case_id)
    await payer.reads("The bank confirmed the payment; it is being recorded.")


async def test_a_doubled_way_back_is_booked_once_and_leads_home_both_times(
    visit: Visit, paying: PaymentScenario, superuser: Superuser
) -> None:
    _, case_id = await _open(paying)
    payer = await visit(paying.payer)
    await _to_bank(payer, paying, case_id)
    await payer.press("Pay and go back twice")
    ways = await payer.page.locator("main a").evaluate_all("links => links.map(link => link.href)")
    assert len(ways) == 2
    for way in ways:
        await payer.page.goto(way)
        await payer.page.wait_for_url(re.compile(f"127.0.0.1.*/payments/{case_id}$"))
    await paying.go_on(case_id)
    await payer.reads("The bank confirmed the payment; it is being recorded.")
    sql = "SELECT count(*) FROM timeline WHERE case_id = %s AND code = 'payment_received'"
    assert await superuser.value(sql, case_id) == 1


async def test_who_goes_back_at_the_bank_and_pays_by_two_links_gets_the_later_money_back(
    visit: Visit, paying: PaymentScenario
) -> None:
    _, case_id = await _open(paying)
    payer = await visit(paying.payer, width=360)
    await _to_bank(payer, paying, case_id)
    first = payer.page.url
    await payer.page.go_back()
    await payer.page.wait_for_url(re.compile(f"/payments/{case_id}$"))
    await payer.reads("Pay at the bank")
    await payer.open("You did not pay at the bank?")
    await payer.press("Pay again")
    await _led_to_bank(payer, paying, case_id)
    assert payer.page.url != first
    await _back(payer, paying, case_id, "Pay")
    assert await paying.phase(case_id) == "received"
    await payer.page.goto(first)
    await _back(payer, paying, case_id, "Pay")
    await payer.reads("این مبلغ دو بار پرداخت شد")
    await payer.reads("Given back")
    await payer.look()
    await payer.picture("payment-twice-360")
    (returned,) = await paying.returns(case_id)
    assert (returned.reason, returned.amount) == ("second_attempt", _AMOUNT)


async def _has_links(paying: PaymentScenario, case_id: UUID, count: int) -> bool:
    return sum(one.link is not None for one in await paying.attempts(case_id)) == count


async def test_a_payer_under_another_name_of_ours_is_led_home_though_the_bank_knows_one_address_alone(
    browser: Browser, paying: PaymentScenario, address: str, messages_dir: Path
) -> None:
    _, case_id = await _open(paying)
    payer = await open_window(browser, address.replace("127.0.0.1", "payer.localhost"), messages_dir, paying.payer)
    await paying.go_on(case_id)
    await payer.go(f"/payments/{case_id}")
    await payer.open("You did not pay at the bank?")
    await payer.press("Pay again")
    await _led_to_bank(payer, paying, case_id)
    await payer.press("Pay")
    await payer.page.wait_for_url(re.compile(f"payer.localhost.*/payments/{case_id}$"))
    await paying.go_on(case_id)
    await payer.reads("The bank confirmed the payment; it is being recorded.")
    await payer.context.close()
    payer.assert_no_complaints()


async def test_a_bank_may_send_the_browser_back_by_a_form_of_its_own_page(
    visit: Visit, paying: PaymentScenario, address: str, bank: LocalBank
) -> None:
    _, case_id = await _open(paying)
    await paying.go_on(case_id)
    bank.pay(await paying.authority(case_id), USUAL_CARD)
    payer = await visit(paying.payer)
    way = f"{address}/pay/return/{await paying.token(case_id)}"
    page = f'<form method="post" action="{way}"><input name="State" value="OK"><button>back</button></form>'
    await payer.page.route("http://bank.example/*", lambda route: route.fulfill(body=page, content_type="text/html"))
    await payer.page.goto("http://bank.example/")
    await payer.page.click("button")
    await payer.page.wait_for_url(f"{address}/payments/{case_id}")
    await paying.go_on(case_id)
    await payer.reads("The bank confirmed the payment; it is being recorded.")


async def test_who_comes_back_without_a_session_reads_that_the_result_comes_by_sms_and_nothing_of_the_payment(
    visit: Visit, paying: PaymentScenario
) -> None:
    _, case_id = await _open(paying)
    await paying.go_on(case_id)
    stranger = await visit()
    await stranger.page.goto(bank_page := (await paying.attempts(case_id))[0].link or "")
    assert _is_bank(bank_page)
    await stranger.press("Pay")
    await stranger.page.wait_for_url(re.compile(f"/payments/{case_id}/back$"))
    shown = await stranger.text()
    assert "از بانک برگشتید؛ نتیجه را می‌پرسیم و پیامک می‌کنیم. برای دیدن جزئیات وارد شوید." in shown
    assert "تومان" not in shown
    await stranger.look()
    await stranger.picture("payment-back")


async def test_a_forged_token_is_not_found_and_counted_and_a_payment_is_its_payers_alone(
    site: httpx2.AsyncClient, paying: PaymentScenario, arrange: Arrange, superuser: Superuser
) -> None:
    _, case_id = await _open(paying)
    before = await superuser.value("SELECT count(*) FROM rate_windows")
    for method in ("GET", "POST"):
        answer = await site.request(method, "/pay/return/forged", headers=FROM_BANK)
        assert answer.status_code == 404
    assert await superuser.value("SELECT count(*) FROM rate_windows") > before
    too_much = await site.post("/pay/return/forged", content=b"x" * (MAX_FORM + 1), headers=FROM_BANK)
    assert too_much.status_code == 413
    other = cookies(await arrange.person("member"))
    for path in ("", "/bank"):
        assert (await site.get(f"/payments/{case_id}{path}", headers=other)).status_code == 404
    for path in ("look", "attempts"):
        data = {"key": "key-of-the-test"}
        assert (await site.post(f"/payments/{case_id}/{path}", data=data, headers=HERE | other)).status_code == 404


async def test_the_office_looks_twice_at_the_amount_before_it_records_what_it_did(
    visit: Visit, paying: PaymentScenario, superuser: Superuser
) -> None:
    _, case_id = await _open(paying)
    await paying.go_on(case_id)
    await superuser.run(
        "UPDATE payment_attempts SET state = 'unclear', unclear_since = now() - interval '2 days', look_at = NULL"
    )
    await paying.go_on(case_id)
    officer, payer = await visit(paying.officer), await visit(paying.payer, width=360)
    await payer.go(f"/payments/{case_id}")
    await payer.reads("هنوز نمی‌دانیم پرداخت شده است یا نه")
    await payer.look()
    await payer.picture("payment-unclear-360")
    task = await open_task(paying.context, case_id, TaskKind.SETTLE_PAYMENT)
    await officer.go(f"/tasks/{task}")
    await officer.look()
    await officer.picture("payment-settle")
    await officer.reads(await paying.authority(case_id))
    await officer.fill(note="پشتیبانی درگاه: چنین تراکنشی نیست")
    await officer.press("Record that nothing was paid")
    await officer.reads("دویست و پنجاه هزار تومان")
    await officer.look()
    await officer.picture("payment-give-up")
    await officer.fill(totp=str(paying.officer.totp))
    await officer.press("Confirm and record")
    await officer.reads("Your decision was recorded. Nothing else waits for you.")
    await paying.go_on(case_id)
    await payer.reads("پرداخت نشد")


async def _another_officer_confirms(visit: Visit, paying: PaymentScenario, case_id: UUID) -> None:
    await paying.go_on(case_id)
    checker = await visit(paying.checker)
    await checker.go(f"/tasks/{await open_task(paying.context, case_id, TaskKind.CONFIRM_RETURN)}")
    await checker.look()
    await checker.picture("payment-confirm")
    await checker.press("Confirm what was recorded")
    await checker.reads("140509090012345678")
    await checker.look()
    await checker.picture("payment-confirm-summary")
    await checker.fill(totp=str(paying.checker.totp))
    await checker.press("Confirm and record")
    await paying.go_on(case_id)


async def test_the_office_pays_back_what_no_gateway_could_and_is_warned_of_one_that_was_asked(
    visit: Visit, paying: PaymentScenario, superuser: Superuser
) -> None:
    _, case_id = await _open(paying)
    await paying.go_on(case_id)
    await paying.try_again(case_id)
    await paying.go_on(case_id)
    for number in range(2):
        await paying.pay(case_id, number)
    await paying.step("verify_payment", case_id)
    await superuser.run("UPDATE payment_returns SET way = 'hand', asked_at = now()")
    await paying.go_on(case_id)
    # An earlier sum, which a gateway gave up only after the office was asked for this one.
    await superuser.run(
        "INSERT INTO payment_returns (id, payment_id, attempt_id, amount, reason, way)"
        " SELECT %s, payment_id, attempt_id, 70000, 'not_taken', 'hand' FROM payment_returns",
        UUID(int=1),
    )
    officer = await visit(paying.officer)
    task = await open_task(paying.context, case_id, TaskKind.RETURN_PAYMENT)
    await officer.go(f"/tasks/{task}")
    await officer.reads("نخست از پشتیبانی درگاه بپرسید")
    asked = officer.page.locator(".warning", has_text="نخست از پشتیبانی درگاه بپرسید")
    assert await paying.authority(case_id, 1) in await asked.inner_text()
    await officer.look()
    await officer.picture("payment-return")
    await officer.page.get_by_label(language_of("fa").translate("You paid it from our account at the bank")).check()
    await officer.fill(reference="140509090012345678", note="از بانک پرسیدم")
    await officer.press("Record that it was paid back")
    await officer.reads("دویست و پنجاه هزار تومان")
    await officer.picture("payment-return-summary")
    await officer.fill(totp=str(paying.officer.totp))
    await officer.press("Confirm and record")
    await officer.reads("Your decision was recorded. Nothing else waits for you.")
    await _another_officer_confirms(visit, paying, case_id)
    payer = await visit(paying.payer, width=360)
    await payer.go(f"/cases/{case_id}")
    await payer.reads("140509090012345678")
    await payer.look()
    await payer.picture("payment-case-360")


async def test_a_refund_reads_as_money_that_comes_back_and_not_as_a_payment_that_failed(
    site: httpx2.AsyncClient, paying: PaymentScenario
) -> None:
    purpose, payment = await _open(paying)
    await paying.go_on(payment)
    await paying.pay(payment)
    await paying.go_on(payment)
    assert await take(paying.context, purpose)
    await paying.go_on(payment)
    refund = await give_back(paying.context, purpose, payment, _AMOUNT)
    translate = language_of("fa").translate

    async def page(address: str) -> str:
        answer = await site.get(address, headers=cookies(paying.payer))
        assert answer.status_code == 200
        return answer.text

    number = str((await paying.case(refund)).number)
    under_way = await page(f"/payments/{refund}")
    for said in ("The money is on its way back to you", "It goes back to the card that paid; you get an SMS."):
        assert translate(said) in under_way
    assert translate("Refund %(number)s") % {"number": persian_digits(number)} in under_way
    assert f'href="/payments/{payment}"' in under_way
    await paying.go_on(refund)
    for text in (under_way, over := await page(f"/payments/{refund}")):
        for unsaid in ("Pay again", "Not paid", "Ask the bank", "At the bank"):
            assert translate(unsaid) not in text
    assert "مبلغ بازگردانده شد" in over
    assert f"{translate('Refund')} ·" in await page("/payments")
    case = await page(f"/cases/{refund}")
    assert "بازپرداخت ۲۵۰٬۰۰۰ تومان به کارت پرداخت‌کننده آغاز شد." in case


async def test_a_link_whose_time_is_over_and_money_that_came_while_the_page_was_read_are_said_to_be_so(
    site: httpx2.AsyncClient, paying: PaymentScenario, superuser: Superuser
) -> None:
    _, case_id = await _open(paying)
    await paying.go_on(case_id)

    async def says(sentence: str) -> bool:
        answer = await site.get(f"/payments/{case_id}", headers=cookies(paying.payer))
        assert answer.status_code == 200
        return language_of("fa").translate(sentence) in answer.text

    await superuser.run("UPDATE payment_attempts SET ends_at = now() - interval '1 second'")
    assert await says("The time at the bank is over")
    await superuser.run("UPDATE payment_attempts SET ends_at = now() + interval '5 minutes'")
    await paying.pay(case_id)
    assert await says("The bank is being asked what became of it…")
    await paying.step("verify_payment", case_id)
    await superuser.run("UPDATE cases SET phase = 'at_bank' WHERE id = %s", case_id)
    assert await says("The bank confirmed the payment; it is being recorded.")
