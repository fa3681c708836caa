"""Papers (G9): what members have issued (confirmation, receipt, invoice, ruling), and the check by a holder."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from commands.card import own_line
from commands.command import Command, Context
from commands.refusals import refuses
from domain.address import from_network
from domain.catalogue import words
from domain.dates import tehran_day
from domain.errors import NotFound, TooMany
from domain.fee import FeeKind
from domain.identity import mask_national_id
from domain.ledger import JournalReason
from domain.paper import (
    CHECKS_PER_ADDRESS,
    CreditConfirmation,
    CreditOver,
    EscrowRulingPaper,
    FeeInvoice,
    MoveWithoutInvoice,
    PaperContent,
    PaperKind,
    PaperState,
    PayoutReceipt,
)
from domain.payout import LinePurpose
from domain.withdrawal import WithdrawalWithoutPaper
from storage import account
from storage.audit import account_stream, case_stream
from storage.cases import read_case
from storage.database import SERVICE, as_service, tehran_today, transaction
from storage.escrow.disputes import open_reasons
from storage.escrow.papers import RuledEscrow, contractor_of_move, read_ruled, read_ruling
from storage.escrow.payments import policy_of as escrow_policy_of
from storage.fee import invoice_of, policy_of
from storage.onboarding import line_of_case
from storage.paper import Paper, find_paper, issue
from storage.people import names_of, national_ids_of
from storage.programme import programme_of
from storage.rows.escrow import Ruling
from storage.rows.fee import Invoice
from storage.rows.onboarding import CreditLine
from storage.rows.payout import Withdrawal
from storage.withdrawal import read_withdrawal


@dataclass(frozen=True, slots=True)
class CheckedPaper:
    """What the holder of a paper is told of it: nothing of a person. ``amount`` is rial, ``state`` that of now."""

    kind: PaperKind
    number: str
    issued_at: datetime
    amount: int
    state: PaperState


@refuses(own_line, CreditOver)
async def issue_credit_confirmation(command: Command, line_id: UUID) -> Paper:
    """Issue the confirmation of one's own credit, or find the one that was issued."""
    line = await own_line(command, line_id)
    today = await tehran_today(command.connection)
    if line.is_over(today):
        raise CreditOver
    content = await _confirmation(command, line, today)
    async with as_service(command.connection, command.acting):
        paper = await issue(command.connection, command.seals, line.case_id, line.person_id, content)
    await command.audit(case_stream(line.case_id), subject=str(paper.id), after={"sha256": paper.sha256.hex()})
    return paper


async def _confirmation(command: Command, line: CreditLine, today: date) -> CreditConfirmation:
    connection, person_id = command.connection, line.person_id
    case = await read_case(connection, line.case_id)
    if case is None:
        raise NotFound
    programme = await programme_of(connection, case.policy_id)
    return CreditConfirmation(
        holder=(await names_of(connection, [person_id]))[person_id],
        national_id=mask_national_id((await national_ids_of(connection, command.seals, [person_id]))[person_id]),
        programme=programme.title_fa,
        amount=line.ceiling.amount,
        monthly=line.monthly,
        instalments=line.instalments,
        since=tehran_day(line.opened_at),
        until=line.ends_on,
        case_number=case.number,
        state=_state_of(line, today),
    )


@refuses(WithdrawalWithoutPaper)
async def issue_payout_receipt(command: Command, withdrawal_id: UUID) -> Paper:
    """Issue the receipt of one's own withdrawal that the bank has paid, or find the one that was issued."""
    paid = await _paid_withdrawal(command, withdrawal_id)
    # Of what came back no receipt is issued any more; one that was issued says so on its check page.
    if paid.state != "paid" or paid.payout_id is None or paid.reference is None or paid.settled_at is None:
        raise WithdrawalWithoutPaper
    receipt = PayoutReceipt(
        receiver=(await names_of(command.connection, [paid.person_id]))[paid.person_id],
        what_for=words.term(JournalReason, JournalReason.PAYOUT_PAID).fa,
        amount=paid.amount,
        sheba=paid.sheba_masked,
        reference=paid.reference,
        paid=paid.settled_at,
        charged=paid.charged.total.amount or None,
    )
    return await _issue_about(command, paid.payout_id, paid.id, receipt)


async def _paid_withdrawal(command: Command, withdrawal_id: UUID) -> Withdrawal:
    found = await read_withdrawal(command.connection, withdrawal_id)
    if found is None or found.person_id != command.actor.person_id or found.purpose is not LinePurpose.BALANCE:
        raise NotFound
    if found.state not in {"paid", "returned"}:
        raise WithdrawalWithoutPaper
    return found


@refuses(WithdrawalWithoutPaper)
async def issue_withdrawal_invoice(command: Command, withdrawal_id: UUID) -> Paper:
    """Print the invoice of one's own withdrawal's fee, or find the one that was printed."""
    paid = await _paid_withdrawal(command, withdrawal_id)
    invoice = await invoice_of(command.connection, FeeKind.WITHDRAWAL, paid.id)
    if invoice is None:
        raise WithdrawalWithoutPaper
    return await issue_fee_invoice(command, invoice)


@refuses(MoveWithoutInvoice)
async def issue_escrow_invoice(command: Command, move_id: UUID) -> Paper:
    """Print the invoice of the fee of what went to one as contractor, or find the one that was printed (E3)."""
    if await contractor_of_move(command.connection, move_id) != command.actor.person_id:
        raise NotFound
    invoice = await invoice_of(command.connection, FeeKind.SAFE_PAYMENT, move_id)
    if invoice is None:
        raise MoveWithoutInvoice
    return await issue_fee_invoice(command, invoice)


@refuses(NotFound)
async def issue_ruling(command: Command, ruling_id: UUID) -> Paper:
    """Issue a ruling to one of its two sides, or find the paper that they have of it (E5)."""
    found = await read_ruled(command.connection, ruling_id)
    if found is None or found.job.side_of(command.actor.person_id) is None:
        raise NotFound
    return await _issue_about(command, found.escrow.case_id, ruling_id, await _ruling(command, found))


async def _ruling(command: Command, found: RuledEscrow) -> EscrowRulingPaper:
    ruling, escrow, job = found.ruling, found.escrow, found.job
    # A side may read the other's name only with the service's rights; both know it since the job was accepted.
    async with as_service(command.connection, command.acting):
        case = await read_case(command.connection, escrow.case_id)
        names = await names_of(command.connection, job.people)
    if case is None or job.employer_id is None or job.contractor_id is None:
        raise NotFound
    policy, state = await escrow_policy_of(command.connection, case.policy_id), _state_of_ruling(ruling)
    return EscrowRulingPaper(
        employer=names[job.employer_id],
        contractor=names[job.contractor_id],
        job=job.title,
        title=escrow.title,
        case_number=case.number,
        amount=ruling.to_contractor + ruling.to_employer,
        to_contractor=ruling.to_contractor,
        to_employer=ruling.to_employer,
        reasons=open_reasons(command.seals, ruling),
        ruled=ruling.ruled_at,
        objection_until=ruling.ruled_at + policy.objection if state is PaperState.OPEN_TO_OBJECTION else None,
        state=state,
    )


def _state_of_ruling(ruling: Ruling) -> PaperState:
    if ruling.objected_at is not None:
        return PaperState.OBJECTED
    is_final = ruling.round > 1 or ruling.final_at is not None
    return PaperState.FINAL if is_final else PaperState.OPEN_TO_OBJECTION


async def issue_fee_invoice(command: Command, invoice: Invoice) -> Paper:
    """Print one's own invoice, or find the one that was printed: whatever fee it is of (E3)."""
    seller = (await policy_of(command.connection, invoice)).seller
    printed = FeeInvoice(
        buyer=(await names_of(command.connection, [invoice.person_id]))[invoice.person_id],
        what_for=words.term(FeeKind, invoice.kind).fa,
        invoice=f"{invoice.year}-{invoice.number:06}",
        fee=invoice.fee,
        vat=invoice.vat,
        rate=invoice.vat_rate,
        amount=invoice.charged.total.amount,
        charged=invoice.issued_at,
        seller=None if seller is None else seller.name,
        economic_number=None if seller is None else seller.economic_number,
        address=None if seller is None else seller.address or None,
    )
    return await _issue_about(command, invoice.case_id, invoice.subject_id, printed)


async def _issue_about(command: Command, case_id: UUID, subject_id: UUID, content: PaperContent) -> Paper:
    me = command.actor.person_id
    async with as_service(command.connection, command.acting):
        paper = await issue(command.connection, command.seals, case_id, me, content, subject_id=subject_id)
    await command.audit(account_stream(me), subject=str(paper.id), after={"sha256": paper.sha256.hex()})
    return paper


def _state_of(line: CreditLine, today: date) -> PaperState:
    if line.is_over(today):
        return PaperState.ENDED
    return PaperState.USABLE if line.purchases_stopped_at is None else PaperState.PURCHASES_STOPPED


async def _credit_now(connection: AsyncConnection, paper: Paper) -> PaperState:
    line = await line_of_case(connection, paper.case_id)
    return paper.content.state if line is None else _state_of(line, await tehran_today(connection))


async def _payout_now(connection: AsyncConnection, paper: Paper) -> PaperState:
    line = None if paper.subject_id is None else await read_withdrawal(connection, paper.subject_id)
    return PaperState.RETURNED if line is not None and line.state == "returned" else paper.content.state


async def _ruling_now(connection: AsyncConnection, paper: Paper) -> PaperState:
    ruling = None if paper.subject_id is None else await read_ruling(connection, paper.subject_id)
    return paper.content.state if ruling is None else _state_of_ruling(ruling)


# How it stands now with what a paper is about; without one, as the paper says.
_STATES: Final[Mapping[PaperKind, Callable[[AsyncConnection, Paper], Awaitable[PaperState]]]] = {
    PaperKind.CREDIT_CONFIRMATION: _credit_now,
    PaperKind.PAYOUT_RECEIPT: _payout_now,
    PaperKind.ESCROW_RULING: _ruling_now,
}


@refuses(NotFound)
async def check_paper(context: Context, *, token: str, origin: str) -> CheckedPaper:
    """The paper of a token, for anybody; each look counts for the network."""
    async with transaction(context.engine, SERVICE) as connection:
        wait = await account.count_uses(connection, context.seals, from_network(CHECKS_PER_ADDRESS, origin))
        found = None if wait else await find_paper(connection, context.seals, token)
        state = None if found is None else await _state_now(connection, found)
    # After the commit: what was counted stays counted.
    if wait is not None:
        raise TooMany(retry_after=wait)
    if found is None or state is None:
        raise NotFound
    return CheckedPaper(found.kind, found.number, found.issued_at, found.content.amount, state)


async def _state_now(connection: AsyncConnection, paper: Paper) -> PaperState:
    ask = _STATES.get(paper.kind)
    return paper.content.state if ask is None else await ask(connection, paper)
