"""A job, clicked by its two sides and an arbitrator in windows of their own: released, disputed, ruled on (E)."""

from __future__ import annotations

import re
from datetime import timedelta
from uuid import UUID

import pytest
from playwright.async_api import Locator

from activities.transition import ActivityContext
from commands.command import Context
from domain.money import RIAL_A_TOMAN
from domain.persian import persian_digits
from gateways.local_bank import LocalBank
from messages.escrow import TaskKind
from relay import Relay
from tests.arrange import Arrange, eventually
from tests.books import Superuser, assert_books_clean
from tests.commands.onboarding_steps import open_task
from tests.escrow_process import AMOUNT, REASONS, EscrowProcess, pass_time
from tests.files_made import picture
from tests.length import IS_LONG
from tests.web.conftest import Visit
from tests.web.visitor import PageVisitor

pytestmark = pytest.mark.timeout(180)

_TITLE, _STATEMENT = "طراحی سایت فروشگاه", "صفحهٔ پرداخت تحویل نشده است."
_ANSWER = "همهٔ صفحه‌ها در روز توافق‌شده تحویل شد."
_EVIDENCE = "نمای صفحه.png"
_FIRST, _SECOND = AMOUNT, AMOUNT // 2


def _toman(rial: int) -> str:
    return persian_digits(f"{rial // RIAL_A_TOMAN:,}").replace(",", "٬")


@pytest.fixture
async def process(
    relay: Relay, context: Context, arrange: Arrange, activity_context: ActivityContext, bank: LocalBank
) -> EscrowProcess:
    """An employer, a contractor, arbitrators and an operator."""
    return await EscrowProcess.opened(context, arrange, activity_context, bank)


@pytest.mark.long
async def test_a_job_of_two_payments_one_released_and_one_ruled_on(
    visit: Visit, process: EscrowProcess, superuser: Superuser, context: Context
) -> None:
    employer, contractor = await visit(process.employer, width=360), await visit(process.contractor)
    page = await _begin(employer, process.contractor.mobile) if IS_LONG else await _begun(process, superuser)
    first, second = await _cases(superuser, process)
    if IS_LONG:
        await _accept(contractor, page)
    else:
        for case_id in (first, second):
            await process.accept(case_id)
    for case_id in (first, second):
        await _fund(process, case_id)
    await _release(employer, contractor, process, first)
    await _dispute(employer, contractor, process, second)
    arbitrator = await visit(process.arbitrators[0])
    await _rule(arbitrator, process, superuser, second)
    await _object(contractor, process, second)
    await _board(employer, page)
    await assert_books_clean(context.engine)


async def _begin(employer: PageVisitor, mobile: str) -> str:
    """Step by step, with Back and a reload that lose nothing; returns the page of the job."""
    await employer.go("/escrow/jobs")
    await employer.press("Begin a job")
    await employer.page.check('[name="side"][value="employer"]')
    await employer.fill(mobile=persian_digits(f"0{mobile[3:]}"))
    await employer.look()
    await employer.press("Continue")
    await employer.fill(title=_TITLE, description="ده صفحه با پنل مدیریت", price__amount=_toman(_FIRST + _SECOND))
    await employer.press("Continue")
    await employer.page.go_back()
    await employer.page.reload()
    assert await employer.page.input_value('[name="title"]') == _TITLE
    await employer.press("Continue")
    await employer.press("One more payment")
    for number, (title, amount) in enumerate((("طرح اولیه", _FIRST), ("تحویل نهایی", _SECOND))):
        row = f"payments.{number}"
        typed = {
            "title": title,
            "amount": _toman(amount),
            "due_on.day": "۱",
            "due_on.month": "۱",
            "due_on.year": "۱۴۰۸",
        }
        for name, value in typed.items():
            await employer.page.fill(f'[name="{row}.{name}"]', value)
    await employer.look()
    await employer.picture("escrow-begin-payments-360")
    await employer.press("Continue")
    await employer.press("Record the job and ask the other side")
    await employer.reads("Without the arbitration clause no job can begin.")
    await employer.page.check('[name="accepted"]')
    await employer.look()
    await employer.picture("escrow-begin-look-360")
    await employer.press("Record the job and ask the other side")
    await employer.reads("The job is recorded. The other side is asked; who is no member yet is invited by SMS.")
    found = re.search(r"/escrow/jobs/[0-9a-f-]{36}", employer.page.url)
    assert found is not None
    return found[0]


async def _begun(process: EscrowProcess, superuser: Superuser) -> str:
    """The same without a window: in the suite ``test_escrow_job.py`` shows how it is clicked."""
    await process.begin(_FIRST, _SECOND)
    job_id = await superuser.value("SELECT id FROM escrow_jobs")
    return f"/escrow/jobs/{job_id}"


async def _cases(superuser: Superuser, process: EscrowProcess) -> list[UUID]:
    rows = await superuser.rows("SELECT case_id FROM escrows ORDER BY amount DESC")
    cases = [case_id for (case_id,) in rows]
    for case_id in cases:
        await process.go_on(case_id)
    return cases


async def _accept(contractor: PageVisitor, page: str) -> None:
    await contractor.go("/")
    async with contractor.page.expect_navigation():
        await contractor.page.locator(".todo a.btn").first.click()
    await contractor.page.wait_for_url(f"**{page}")
    await contractor.look()
    await contractor.picture("escrow-answer-1280")
    await contractor.page.check('[name="accepted"]')
    await contractor.press("Accept")
    await contractor.reads("You accepted. The employer can pay now.")


async def _fund(process: EscrowProcess, case_id: UUID) -> None:
    await process.go_on(case_id)
    payment_id = await process.at_bank(case_id)
    await process.pay_at_bank(payment_id)
    for each in (payment_id, case_id, payment_id):
        await process.go_on(each)


async def _release(employer: PageVisitor, contractor: PageVisitor, process: EscrowProcess, case_id: UUID) -> None:
    """The work is declared done; the employer sees what reaches the contractor, and releases it by a code."""
    await contractor.go(f"/cases/{case_id}")
    await contractor.press("Declare the work done")
    await contractor.fill(note="فایل‌ها پیوست است.")
    await contractor.look()
    await contractor.press("The work is done")
    await contractor.reads("It is recorded. The employer is asked to look at the work.")
    await process.go_on(case_id)
    await employer.go(f"/cases/{case_id}")
    await employer.look()
    await employer.picture("escrow-case-delivered-360")
    await employer.press("Release the money")
    await employer.look()
    await employer.picture("escrow-release-360")
    # All of it is there to be confirmed.
    assert await employer.page.input_value('[name="amount.amount"]') == _toman(_FIRST)
    await employer.press("Send me the code")
    await employer.reads("You cannot take this back.")
    await employer.look()
    await employer.picture("escrow-release-code-360")
    await employer.fill(code=await employer.code("escrow_release"))
    await employer.press("Release it")
    await employer.reads("You released it. The money is on its way to the contractor.")
    await process.go_on(case_id)
    assert await process.balance() == _FIRST - _charged(_FIRST)


def _charged(rial: int) -> int:
    return rial * 300 // 10_000 * 11 // 10


async def _dispute(employer: PageVisitor, contractor: PageVisitor, process: EscrowProcess, case_id: UUID) -> None:
    """Both tell their story, and cannot agree how to divide it."""
    await employer.go(f"/escrow/payments/{case_id}/dispute")
    await employer.page.check('[name="about"][value="work"]')
    await employer.fill(text=_STATEMENT)
    await employer.look()
    await employer.press("Ask for arbitration")
    await employer.reads("Arbitration is asked for. What is held is frozen until it ends.")
    await process.go_on(case_id)
    await contractor.go(f"/cases/{case_id}")
    assert _STATEMENT not in await contractor.text()
    await contractor.press("File a statement")
    await contractor.fill(text=_ANSWER)
    await contractor.press("File it")
    await contractor.reads("Your statement is recorded.")
    await process.go_on(case_id)
    await _file_evidence(contractor, case_id)
    await employer.go(f"/escrow/payments/{case_id}/split")
    await employer.page.locator('[name="to_contractor.amount"]').press_sequentially(_toman(_SECOND // 4))
    rest = await employer.page.input_value('[name="to_employer.amount"]')
    assert rest == _toman(_SECOND * 3 // 4)
    await employer.look()
    await employer.picture("escrow-split-360")
    await employer.press("Send me the code")
    await employer.look()
    await employer.picture("escrow-split-code-360")
    await employer.fill(code=await employer.code("escrow_split"))
    await employer.press("Offer it")
    await employer.reads("Your offer is recorded. The other side is told.")
    await process.go_on(case_id)
    await contractor.go(f"/cases/{case_id}")
    await contractor.look()
    await contractor.picture("escrow-case-offer-1280")
    await contractor.open("Decline")
    await contractor.press("Yes, decline")
    await contractor.reads("You declined. The arbitration goes on.")
    await process.go_on(case_id)


async def _file_evidence(contractor: PageVisitor, case_id: UUID) -> None:
    await contractor.go(f"/cases/{case_id}/attachments")
    await contractor.page.locator("details", has=contractor.page.locator("[name=file]")).locator("summary").click()
    await contractor.page.check('[name="purpose"][value="dispute_evidence"]')
    content = {"name": _EVIDENCE, "mimeType": "image/png", "buffer": picture("PNG")}
    await contractor.page.set_input_files("[name=file]", content)  # type: ignore[arg-type]  # as Playwright takes it
    await contractor.press("Add this file")
    await contractor.reads("The file was added.")


async def _rule(arbitrator: PageVisitor, process: EscrowProcess, superuser: Superuser, case_id: UUID) -> None:
    """The time to file is over; an arbitrator takes it, reads both, and rules with reasons and a code."""
    await pass_time(superuser, timedelta(days=6))
    await process.pass_wait(case_id)
    await arbitrator.go("/inbox")
    queue = await arbitrator.text()
    assert all(said not in queue for said in (_TITLE, "طراحی فروشگاه"))
    await arbitrator.picture("escrow-queue-1280")
    await arbitrator.go(f"/tasks/{await open_task(process.context, case_id, TaskKind.RULE_DISPUTE)}")
    await arbitrator.press("Claim")
    await process.go_on(case_id)
    await arbitrator.go(f"/tasks/{await open_task(process.context, case_id, TaskKind.RULE_DISPUTE)}")
    for said in (_STATEMENT, _ANSWER):
        await arbitrator.reads(said)
    # The picture is fetched once it is opened, and shown in its place.
    shown = arbitrator.page.locator(".evidence img")
    assert not await shown.is_visible()
    await arbitrator.page.locator(".evidence summary").click()
    await eventually(lambda: _is_drawn(shown), "the picture")
    await arbitrator.look()
    await arbitrator.picture("escrow-ruling-1280")
    await arbitrator.fill(to_contractor__amount=_toman(_SECOND // 2), reasons=REASONS)
    await arbitrator.press("Look at it once more")
    await arbitrator.look()
    await arbitrator.picture("escrow-ruling-look-1280")
    assert arbitrator.someone is not None
    await arbitrator.fill(totp=arbitrator.someone.totp or "")
    await arbitrator.press("Confirm and rule")
    await process.go_on(case_id)


async def _is_drawn(image: Locator) -> bool:
    return bool(await image.evaluate("image => image.complete && image.naturalWidth > 0"))


async def _object(contractor: PageVisitor, process: EscrowProcess, case_id: UUID) -> None:
    await contractor.go(f"/cases/{case_id}")
    for said in (REASONS, _STATEMENT):
        await contractor.reads(said)
    await contractor.look()
    await contractor.picture("escrow-case-ruled-1280")
    await contractor.open("Object to the ruling")
    await contractor.press("Yes, object")
    await contractor.reads("Your objection is recorded. Another arbitrator rules, finally.")
    await process.go_on(case_id)


async def _board(employer: PageVisitor, page: str) -> None:
    """Of what was funded each rial is released, a fee, gone back or held."""
    await employer.go(page)
    await employer.reads(_toman(_FIRST + _SECOND))
    await employer.reads(_toman(_FIRST - _charged(_FIRST)))
    await employer.look()
    await employer.picture("escrow-job-360")
