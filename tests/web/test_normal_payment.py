"""A normal payment, clicked by both sides in windows of their own, until the money is in the payee's balance (E7)."""

from __future__ import annotations

import re
from uuid import UUID

import pytest

from activities.transition import ActivityContext
from commands.command import Context
from domain.persian import persian_digits
from gateways.local_bank import LocalBank
from relay import Relay
from tests.arrange import Arrange, eventually
from tests.books import assert_books_clean
from tests.commands.normal_payment_steps import WHAT_FOR, NormalPaymentScenario
from tests.web.conftest import Visit
from tests.web.visitor import PageVisitor

pytestmark = [pytest.mark.usefixtures("worker"), pytest.mark.timeout(180)]

_NEW, _AMOUNT = "/normal-payments/new", "۲٬۵۰۰٬۰۰۰"


@pytest.fixture
async def scenario(
    relay: Relay, context: Context, arrange: Arrange, activity_context: ActivityContext, bank: LocalBank
) -> NormalPaymentScenario:
    """A payer and a payee."""
    return await NormalPaymentScenario.opened(context, arrange, activity_context, bank)


async def _ask(visitor: PageVisitor, mobile: str) -> UUID:
    """Ask for a normal payment; returns the case's id."""
    await visitor.go(_NEW)
    await visitor.fill(mobile=persian_digits(f"0{mobile[3:]}"), amount__amount=_AMOUNT, what_for=WHAT_FOR)
    await visitor.look()
    await visitor.page.check('[name="accepted"]')
    await visitor.press("Ask the payee")
    await visitor.reads("The request was recorded. You are told by SMS when the payee has answered.")
    found = re.search(r"/cases/([0-9a-f-]{36})", visitor.page.url)
    assert found is not None
    return UUID(found[1])


async def _open_task(visitor: PageVisitor) -> None:
    """Find at home what is to be done, and open it."""
    await visitor.go("/")

    async def is_there() -> bool:
        await visitor.page.reload()
        return bool(await visitor.page.locator(".todo a.btn").count())

    await eventually(is_there, "to be asked")
    async with visitor.page.expect_navigation():
        await visitor.page.locator(".todo a.btn").first.click()


async def test_one_asks_the_other_accepts_and_what_is_paid_is_in_their_balance(
    visit: Visit, scenario: NormalPaymentScenario, context: Context
) -> None:
    payer, payee = await visit(scenario.payer, width=360), await visit(scenario.payee)
    case_id = await _ask(payer, scenario.payee.mobile)
    await payer.reads("در انتظار پاسخ گیرنده")
    await payer.look()
    await payer.picture("normal-payment-case-360")

    await _open_task(payee)
    await payee.reads(WHAT_FOR)
    await payee.look()
    await payee.picture("normal-payment-answer-1280")
    await payee.press("I accept the payment")
    await payee.reads("Without this nothing can be paid outside escrow.")
    await payee.look()
    await payee.page.check('[name="accepted"]')
    await payee.press("I accept the payment")
    await payee.reads("You accepted. Once the payer has paid, the money is in your balance.")

    await _open_task(payer)
    await payer.reads("Go to the bank and pay")
    await payer.look()
    await payer.picture("normal-payment-payment-360")
    # A card is added there, without which nothing is paid.
    await payer.page.locator('main a[href="/profile/accounts"]').wait_for()
    await _pay(scenario, case_id)
    for page, leads_to in ((f"/cases/{case_id}", "/papers"), ("/payments", "/normal-payments")):
        await payer.go(page)
        await payer.page.locator(f'main a[href="{leads_to}"]').wait_for()
    await payee.go("/balance")
    await payee.reads("دریافت پرداخت عادی")
    await payee.look()
    await payee.picture("balance-1280")
    await payee.page.set_viewport_size({"width": 360, "height": 800})
    await payee.look()
    await payee.picture("balance-360")
    await payee.go("/normal-payments")
    await payee.look()
    await payee.picture("normal-payments-360")
    await assert_books_clean(context.engine)


async def _pay(scenario: NormalPaymentScenario, case_id: UUID) -> None:
    """The payer pays at the bank, and the process takes the money."""
    payment_id = await scenario.begin_payment(case_id)

    async def has_link() -> bool:
        return await scenario.phase(payment_id) == "at_bank"

    await eventually(has_link, "a link of the bank")
    await scenario.pay_at_bank(payment_id)

    async def is_paid() -> bool:
        return await scenario.phase(case_id) == "paid"

    await eventually(is_paid, "the money to be taken")


async def test_what_is_missing_is_said_at_its_field_and_nothing_is_asked(
    visit: Visit, scenario: NormalPaymentScenario
) -> None:
    payer = await visit(scenario.payer, width=360)
    await payer.go(_NEW)
    await payer.fill(mobile="0912", amount__amount="۵۰۰", what_for="ab")
    await payer.press("Ask the payee")
    await payer.reads("Without this nothing can be paid outside escrow.")
    await payer.look()
    await payer.page.check('[name="accepted"]')
    await payer.fill(mobile=f"0{scenario.payer.mobile[3:]}", amount__amount="۵۰۰", what_for="ab")
    await payer.press("Ask the payee")
    await payer.reads("بنویسید این پرداخت بابت چیست؛ از ۳ تا ۲۰۰ نویسه.")
    await payer.fill(what_for=WHAT_FOR)
    await payer.press("Ask the payee")
    await payer.reads("کمترین مبلغی که از درگاه می‌توان پرداخت ۱٬۰۰۰ تومان است.")
    await payer.fill(amount__amount=_AMOUNT)
    await payer.press("Ask the payee")
    await payer.reads("این شمارهٔ خود شماست؛ شمارهٔ همراه گیرنده را وارد کنید.")
    await payer.look()
    await payer.picture("normal-payment-refused-360")


async def test_the_payee_refuses_with_a_second_look_and_the_payer_withdraws_another(
    visit: Visit, scenario: NormalPaymentScenario
) -> None:
    payer, payee = await visit(scenario.payer), await visit(scenario.payee, width=360)
    refused = await _ask(payer, scenario.payee.mobile)
    await _open_task(payee)
    await payee.open("I do not want it")
    await payee.look()
    await payee.press("Yes, I refuse")
    await payee.reads("You refused. Nothing is paid.")

    async def is_over() -> bool:
        return await scenario.phase(refused) == "refused"

    await eventually(is_over, "the refusal to end it")
    await _ask(payer, "+989351110055")
    await payer.open("Withdraw the normal payment")
    await payer.look()
    await payer.press("Yes, withdraw")
    await payer.reads("You withdrew. Nothing is paid.")
    await payer.reads("پرداخت‌کننده منصرف شد")
