"""A job, begun step by step by one member and accepted by another, each in a window of their own (E1, E7)."""

from __future__ import annotations

import pytest

from activities.transition import ActivityContext
from commands.command import Context
from domain.persian import persian_digits
from gateways.local_bank import LocalBank
from storage.database import SERVICE, transaction
from storage.escrow import payments
from tests.arrange import Arrange
from tests.books import Superuser
from tests.escrow_process import EscrowProcess
from tests.web.conftest import Visit
from tests.web.visitor import PageVisitor

pytestmark = pytest.mark.timeout(180)

_JOBS, _PRICE, _FIRST, _SECOND = "/escrow/jobs", "۲۰٬۰۰۰٬۰۰۰", "۱۲٬۰۰۰٬۰۰۰", "۸٬۰۰۰٬۰۰۰"
_OVER = "جمع پرداخت‌های این کار از مبلغ کل آن بیشتر می‌شود."


@pytest.fixture
async def process(
    context: Context, arrange: Arrange, activity_context: ActivityContext, bank: LocalBank
) -> EscrowProcess:
    """An employer and a contractor."""
    return await EscrowProcess.opened(context, arrange, activity_context, bank, arbitrators=0)


async def _type_payment(visitor: PageVisitor, row: int, title: str, amount: str) -> None:
    """Fill in a payment's row."""
    at = f"payments__{row}__"
    day = {f"{at}due_on__day": "۱", f"{at}due_on__month": "۱", f"{at}due_on__year": "۱۴۰۸"}
    await visitor.fill(**{f"{at}title": title, f"{at}amount": amount}, **day)


async def _typed(visitor: PageVisitor) -> list[str]:
    """The amounts that stand in the fields."""
    return [await box.input_value() for box in await visitor.page.locator("[data-amount]").all()]


async def _follows(visitor: PageVisitor, what: str) -> str:
    """What stands beside the fields of the amounts that are typed."""
    return await visitor.page.locator(f'[data-follows="{what}"]').inner_text()


async def _begin(visitor: PageVisitor, mobile: str) -> None:
    """The first two steps, with a look back at the first one."""
    await visitor.go(_JOBS)
    await visitor.press("Begin a job")
    await visitor.page.check('[name="side"][value="employer"]')
    await visitor.fill(mobile=mobile)
    await visitor.press("Continue")
    # What no job would take is said at once, and the browser's Back to that page sends nothing again.
    await visitor.fill(title="ط", price__amount=_PRICE)
    await visitor.press("Continue")
    await visitor.reads("عنوان را از ۳ تا ۱۰۰ نویسه بنویسید.")
    await visitor.fill(title="طراحی فروشگاه")
    await visitor.press("Continue")
    await visitor.page.go_back()
    assert await visitor.page.input_value('[name="title"]') == "طراحی فروشگاه"
    # Left there, home leads on.
    await visitor.go("/")
    await visitor.look()
    await visitor.press("طراحی فروشگاه")
    await visitor.press("Continue")
    assert await visitor.page.input_value('[name="title"]') == "طراحی فروشگاه"
    await visitor.press("Back")
    assert await visitor.page.input_value('[name="mobile"]') == mobile
    await visitor.press("Continue")
    assert await visitor.page.input_value('[name="title"]') == "طراحی فروشگاه"
    await visitor.press("Continue")


async def _divide(visitor: PageVisitor) -> None:
    """Two payments: at first more than the price, which is said while it is typed and once it is sent."""
    await _type_payment(visitor, 0, "طرح اولیه", _FIRST)
    assert (await _follows(visitor, "sum"), await _follows(visitor, "rest")) == ("۱۲٬۰۰۰٬۰۰۰ تومان", "۸٬۰۰۰٬۰۰۰ تومان")
    await visitor.press("One more payment")
    await _type_payment(visitor, 1, "اجرا", _FIRST)
    said = await _follows(visitor, "sum"), await _follows(visitor, "rest")
    assert said == ("۲۴٬۰۰۰٬۰۰۰ تومان", visitor.language.translate("More than the price"))
    await visitor.press("Continue")
    await visitor.reads(_OVER)
    assert (await _follows(visitor, "sum"), await _follows(visitor, "rest")) == said
    assert await _typed(visitor) == [_FIRST, _FIRST]
    await visitor.fill(payments__1__amount=_SECOND)
    await visitor.look()
    await visitor.picture("escrow-begin-payments-360")
    await visitor.press("Continue")


async def _send(visitor: PageVisitor) -> None:
    """A look at everything, back by the button, a reload and on again; the clause by a tick."""
    await visitor.press("Back")
    await visitor.page.reload()
    assert await _typed(visitor) == [_FIRST, _SECOND]
    await visitor.press("Continue")
    for text in ("طراحی فروشگاه", "۲۰٬۰۰۰٬۰۰۰ تومان", "طرح اولیه", "اجرا", "۱ فروردین ۱۴۰۸"):
        await visitor.reads(text)
    await visitor.look()
    await visitor.picture("escrow-begin-look-360")
    await visitor.press("Record the job and ask the other side")
    await visitor.reads("Without the arbitration clause no job can begin.")
    await visitor.page.check('[name="accepted"]')
    await visitor.press("Record the job and ask the other side")
    await visitor.reads("The job is recorded. The other side is asked; who is no member yet is invited by SMS.")


async def _accept(visitor: PageVisitor) -> None:
    """From home to all that is proposed, and one yes to it."""
    await visitor.go("/")
    async with visitor.page.expect_navigation():
        await visitor.page.locator(".todo a.btn").first.click()
    for text in ("It waits for your answer", "طرح اولیه", "اجرا", "مبلغ هر پرداخت امن", "کارمزد امانت"):
        await visitor.reads(text)
    await visitor.look()
    await visitor.picture("escrow-job-answer-1280")
    await visitor.press("Accept")
    await visitor.reads("Without the arbitration clause nothing is paid.")
    await visitor.page.check('[name="accepted"]')
    await visitor.press("Accept")
    await visitor.reads("You accepted. The employer can pay now.")


async def test_a_job_is_begun_with_a_draft_and_accepted_as_a_whole(
    visit: Visit, process: EscrowProcess, context: Context, superuser: Superuser
) -> None:
    employer, contractor = await visit(process.employer, width=360), await visit(process.contractor)
    mobile = persian_digits(f"0{process.contractor.mobile[3:]}")
    await _begin(employer, mobile)
    await _divide(employer)
    await _send(employer)
    job_id = await superuser.value("SELECT id FROM escrow_jobs")
    assert employer.page.url.partition("?")[0].endswith(f"{_JOBS}/{job_id}")
    async with transaction(context.engine, SERVICE) as connection:
        cases = [row.escrow.case_id for row in await payments.payments_of(connection, [job_id])]
    assert len(cases) == 2
    for case_id in cases:
        await process.go_on(case_id)

    await _accept(contractor)
    for case_id in cases:
        await process.go_on(case_id)
    await employer.page.reload()
    board = employer.page.locator(".board > li")
    waits = employer.language.translate("Waits for you")
    assert [waits in await card.inner_text() for card in await board.all()] == [True, True]
    assert "۷ روز مانده" in await board.first.inner_text()
    await contractor.page.reload()
    await contractor.reads("نوبت اقدام: کارفرما · ۷ روز مانده")
    await employer.look()
    await employer.picture("escrow-job-360")
    await _pay_apart(employer)
    async with employer.page.expect_navigation():
        await board.first.locator("a.btn").click()
    assert employer.page.url.endswith(f"/escrow/payments/{cases[0]}/payment")


async def _pay_apart(employer: PageVisitor) -> None:
    """What is paid for the job outside escrow needs no number, and stands apart on its page."""
    job = employer.page.url.partition("?")[0]
    await employer.press("Pay the contractor outside escrow")
    await employer.fill(amount__amount="۵۰۰٬۰۰۰", what_for="خرید دامنه")
    await employer.look()
    await employer.press("Ask the payee")
    await employer.reads("Without this nothing can be paid outside escrow.")
    await employer.page.check('[name="accepted"]')
    await employer.press("Ask the payee")
    await employer.reads("The request was recorded. You are told by SMS when the payee has answered.")
    await employer.page.goto(job)
    apart = employer.page.locator('[aria-labelledby="normal-title"]')
    assert "خرید دامنه" in await apart.inner_text()
    assert "۵۰۰٬۰۰۰ تومان" in await apart.inner_text()
