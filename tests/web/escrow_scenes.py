"""Scenes in which people send the forms of safe payments: a job is begun, paid, released, disputed and ruled on (E)."""

from __future__ import annotations

from datetime import timedelta
from typing import Final
from uuid import UUID

from domain.escrow.rules import Shares
from domain.money import RIAL_A_TOMAN, Money
from domain.persian import persian_digits
from gateways.local_bank import LocalBank
from messages.escrow import JobSide, TaskKind
from tests.escrow_process import AMOUNT, REASONS, STATEMENT, EscrowProcess, pass_time
from tests.web.form_window import Desk, Window

_BEGIN: Final = "/escrow/begin/{draft_id}/{step}"
_DEED: Final = "/escrow/payments/{case_id}/"
_CODE: Final = "/escrow/payments/{case_id}/code/code"
_HALF: Final = AMOUNT // 2


def _typed(rial: int) -> str:
    return persian_digits(f"{rial // RIAL_A_TOMAN:,}").replace(",", "٬")


_TOMAN: Final = _typed(AMOUNT)
_DAY: Final = {"payments__0__due_on__day": "1", "payments__0__due_on__month": "1", "payments__0__due_on__year": "1408"}


async def members_hold_money_in_trust(desk: Desk) -> None:
    """One begins a job with a draft, the other answers; they pay, release, ask, agree, dispute and object."""
    bank = desk.activity_context.gateways["local"]
    assert isinstance(bank, LocalBank)
    process = await EscrowProcess.opened(desk.context, desk.arrange, desk.activity_context, bank)
    employer, contractor = desk.of(process.employer), desk.of(process.contractor)
    await _begin(employer, process.contractor.mobile)
    await _answer(desk, process, employer, contractor)
    await _deal(process, employer, contractor)
    await _disagree(desk, process, employer, contractor)
    await _lie_dormant(desk, process)


async def _begin(employer: Window, mobile: str) -> None:
    await (await employer.go("/escrow/jobs")).send("/escrow/begin")
    await (await employer.go("/escrow/jobs")).send("/escrow/begin/{draft_id}/removal")
    await employer.send("/escrow/begin")
    await employer.send(_BEGIN, "to=on", side="employer", mobile=mobile.replace("+98", "0"))
    await employer.send(_BEGIN, "to=who", title="طراحی فروشگاه", price__amount="۲۰٬۰۰۰٬۰۰۰")
    await employer.send(_BEGIN, "to=on")
    await employer.send(_BEGIN, "to=on", description="ده صفحه")
    await employer.send(_BEGIN, "to=add", payments__0__title="طرح اولیه", payments__0__amount=_TOMAN, **_DAY)
    await employer.send(_BEGIN, "to=remove 0")
    await employer.send(_BEGIN, "to=add")
    await employer.send(_BEGIN, "to=remove 1")
    await employer.send(_BEGIN, "to=work")
    await employer.send(_BEGIN, "to=on")
    await employer.send(_BEGIN, "to=on", payments__0__title="طرح اولیه", payments__0__amount=_TOMAN, **_DAY)
    await employer.send(_BEGIN, "to=payments")
    await employer.send(_BEGIN, "to=on")
    await employer.send(_BEGIN, "to=on", accepted="yes")
    assert employer.path.startswith("/escrow/jobs/")


async def _answer(desk: Desk, process: EscrowProcess, employer: Window, contractor: Window) -> None:
    page = employer.path.partition("?")[0]
    job_id = UUID(page.rpartition("/")[2])
    ((case_id,),) = await desk.superuser.rows("SELECT case_id FROM escrows WHERE job_id = %s", job_id)
    await process.go_on(case_id)
    await (await contractor.go(page)).send("/escrow/jobs/{job_id}/acceptance", accepted="yes")
    await process.go_on(case_id)
    await (await employer.go(f"/cases/{case_id}")).send(f"{_DEED}refusals/proposal")
    await process.go_on(case_id)
    wish = {"title": "بخش دوم", "amount__amount": _TOMAN}
    day = {"due_on__day": "1", "due_on__month": "1", "due_on__year": "1408"}
    await (await contractor.go(f"{page}/payments/new")).send("/escrow/jobs/{job_id}/payments/new", **wish, **day)
    ((second,),) = await desk.superuser.rows("SELECT case_id FROM escrows WHERE proposed_by = 'contractor'")
    await process.go_on(second)
    await (await employer.go(page)).send("/escrow/jobs/{job_id}/declination")
    await (await employer.go(f"{page}/payments/new")).send(
        "/escrow/jobs/{job_id}/payments/new", timing="immediate", **wish
    )
    await employer.send(f"{_DEED}payment")


async def _deal(process: EscrowProcess, employer: Window, contractor: Window) -> None:
    case_id = await process.held()
    page, here = f"/cases/{case_id}", f"/escrow/payments/{case_id}"
    await (await contractor.go(f"{here}/work")).send(f"{_DEED}work", note="فایل‌ها پیوست است.")
    await process.go_on(case_id)
    await _coded(await employer.go(f"{here}/release"), "release", amount__amount=_typed(_HALF // 2))
    await process.go_on(case_id)
    await (await contractor.go(page)).send(_DEED + "papers/{what}/{subject_id}")
    for _ in range(2):
        reason = {"amount__amount": _typed(_HALF // 2), "reason": "بخشی انجام نشد"}
        await (await employer.go(f"{here}/refund")).send(f"{_DEED}refund", **reason)
        await process.go_on(case_id)
        await contractor.go(f"{here}/refund-answer")
        if _ == 0:
            await contractor.send(f"{_DEED}refusals/refund")
            await process.go_on(case_id)
    await _coded(contractor, "refund-answer", amount__amount=_typed(_HALF // 2))
    await process.go_on(case_id)


async def _coded(window: Window, deed: str, **typed: str) -> None:
    """Ask for the code, ask for another one, and do it."""
    await window.send(f"{_DEED}{deed}", **typed)
    await window.send(f"{_DEED}{deed}")
    await window.send(_CODE)


async def _disagree(desk: Desk, process: EscrowProcess, employer: Window, contractor: Window) -> None:
    case_id = await process.held()
    page, here = f"/cases/{case_id}", f"/escrow/payments/{case_id}"
    for _ in range(2):
        await (await employer.go(f"{here}/dispute")).send(f"{_DEED}dispute", about="work", text=STATEMENT)
        await process.go_on(case_id)
        if _ == 0:
            await (await employer.go(page)).send(f"{_DEED}refusals/dispute")
            await process.go_on(case_id)
    await (await contractor.go(f"{here}/statements")).send(f"{_DEED}statements", text=STATEMENT)
    await process.go_on(case_id)
    await _coded(await employer.go(f"{here}/split"), "split", to_contractor__amount=_typed(_HALF))
    await process.go_on(case_id)
    await (await contractor.go(page)).send(f"{_DEED}refusals/split")
    await process.go_on(case_id)
    await pass_time(desk.superuser, timedelta(days=6))
    await process.pass_wait(case_id)
    first = desk.of(process.arbitrators[0])
    await first.go(await desk.task(case_id, TaskKind.RULE_DISPUTE))
    await first.send("/tasks/{task_id}/claim")
    await process.go_on(case_id)
    # What is left out is the rest, without script too.
    await first.decide("rule", to_contractor__amount=_typed(_HALF), reasons=REASONS)
    await process.go_on(case_id)
    await (await contractor.go(page)).send(_DEED + "papers/{what}/{subject_id}")
    await (await contractor.go(page)).send(f"{_DEED}refusals/ruling")
    await process.go_on(case_id)
    await process.offer(case_id, JobSide.CONTRACTOR, Shares(Money(_HALF), Money(_HALF)))
    await process.go_on(case_id)
    offer_id = await desk.superuser.value("SELECT id FROM escrow_split_offers WHERE answer IS NULL")
    await _coded(await employer.go(f"{here}/split-answer?offer_id={offer_id}"), "split-answer")
    await process.go_on(case_id)


async def _lie_dormant(desk: Desk, process: EscrowProcess) -> None:
    """Nothing happens for long: an arbitrator lets it be, then another one opens arbitration; nobody claims it."""
    case_id = await process.held()
    for one, deed in zip(process.arbitrators, ("leave", "open_dispute"), strict=False):
        for _ in range(3):
            await process.pass_wait(case_id)
        arbitrator = desk.of(one)
        await arbitrator.go(await desk.task(case_id, TaskKind.REVIEW_DORMANT_ESCROW))
        await arbitrator.send("/tasks/{task_id}/claim")
        await arbitrator.decide(deed)
        await process.go_on(case_id)
    # The time to file is over, then the time to claim it.
    for _ in range(2):
        await process.pass_wait(case_id)
    operator = desk.of(process.operator)
    await operator.go(await desk.task(case_id, TaskKind.FIND_ARBITRATOR))
    await operator.decide("sought", note="با داور تماس گرفته شد")
    await process.go_on(case_id)
