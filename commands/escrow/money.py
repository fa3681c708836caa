"""What becomes of held money by the two sides alone: work declared, released, a refund asked and answered (E3, E6).

Each amount that a side decides about is held by the command; the process books it.
"""

from __future__ import annotations

from uuid import UUID

from commands.command import Command
from commands.escrow.party import (
    CODED,
    HOLDING,
    EscrowConfirmed,
    Party,
    SmsCode,
    free_money,
    hold_for,
    lock_party,
    refuse_more_than,
    refuse_paused,
)
from commands.payment import Toman
from commands.refusals import refuses
from domain.account import CodeNotAccepted, CodePurpose
from domain.escrow import rules
from domain.escrow.rules import MoveCause, Shares
from domain.ledger import JournalReason
from domain.money import Money
from messages.escrow import FactKind, JobSide, TaskKind
from storage import tasks
from storage.database import as_service
from storage.escrow import payments
from storage.rows.escrow import RefundAsk


@refuses(lock_party, free_money, rules.NoteTooLong, rules.WorkDeclared)
async def declare_work(command: Command, case_id: UUID, note: str = "") -> UUID:
    """The contractor declares the work done (E3); returns the fact's id."""
    await lock_party(command, case_id, JobSide.CONTRACTOR)
    said = rules.parse_note(note, field="note")
    await free_money(command, case_id)
    if await tasks.find_open(command.connection, case_id, TaskKind.INSPECT_WORK) is not None:
        raise rules.WorkDeclared
    async with as_service(command.connection, command.acting):
        await payments.stir(command.connection, case_id, declared=True)
    return await command.act(case_id, FactKind.ESCROW_WORK_DECLARED, {"note": said}, part=JobSide.CONTRACTOR)


@refuses(rules.EscrowMovesFull)
async def refuse_more_parts(command: Command, case_id: UUID, amount: Money, free: Money) -> None:
    """Refuse another part of money that has left in many parts: the whole rest may always leave."""
    moves = await payments.moves_of(command.connection, [case_id])
    if amount != free and len(moves) >= rules.MOST_MOVES:
        raise rules.EscrowMovesFull(field="amount", most=Toman(free))


@refuses(lock_party, free_money, refuse_more_than, refuse_more_parts, refuse_paused)
async def releasing(command: Command, case_id: UUID, amount: Money) -> EscrowConfirmed:
    """What a code for a release confirms, if so much may be released; asked before the code is sent, too."""
    _, confirmed = await _releasing(command, case_id, amount)
    return confirmed


async def _releasing(command: Command, case_id: UUID, amount: Money) -> tuple[Party, EscrowConfirmed]:
    party = await lock_party(command, case_id, JobSide.EMPLOYER)
    free = await free_money(command, case_id)
    await refuse_more_than(amount, free)
    await refuse_more_parts(command, case_id, amount, free)
    await refuse_paused(command)
    shares = Shares(amount, Money(0))
    return party, EscrowConfirmed.of(CodePurpose.ESCROW_RELEASE, "release", case_id, shares)


@refuses(releasing, *CODED, *HOLDING)
async def release_escrow(command: Command, case_id: UUID, amount: Money, code: SmsCode) -> UUID:
    """The employer releases all or a part of what is held to the contractor (E3); returns the move's id."""
    party, confirmed = await _releasing(command, case_id, amount)
    await confirmed.check(command, code)
    inspect = await tasks.find_open(command.connection, case_id, TaskKind.INSPECT_WORK)
    move_id, shares = payments.new_move(), Shares(amount, Money(0))
    async with as_service(command.connection, command.acting):
        hold_id = await hold_for(command, case_id, str(move_id), amount, JournalReason.ESCROW_RELEASED)
    shown = {"amount": amount.amount}
    payload = {**shown, "move_id": str(move_id)}
    fact_id = await command.act(
        case_id, FactKind.ESCROW_RELEASED, payload, part=JobSide.EMPLOYER, closes=inspect, shown=shown
    )
    await _move(command, party, MoveCause.RELEASE, shares, (move_id, hold_id, fact_id))
    return move_id


async def _move(command: Command, party: Party, cause: MoveCause, shares: Shares, ids: tuple[UUID, UUID, UUID]) -> None:
    """Store what was decided, by the ids of move, hold and fact; an ask that nothing is left for is overtaken."""
    connection, case_id = command.connection, party.case.id
    move_id, hold_id, fact_id = ids
    async with as_service(connection, command.acting):
        await payments.add_move(
            connection,
            party.escrow,
            move_id=move_id,
            cause=cause,
            hold_id=hold_id,
            to_contractor=shares.to_contractor,
            to_employer=shares.to_employer,
            fact_id=fact_id,
        )
        await payments.stir(connection, case_id)
        _, left = await payments.held(connection, case_id)
    if not left:
        await overtake(command, case_id)


async def overtake(command: Command, case_id: UUID) -> None:
    """Nothing is left for what was asked of the sides: the open refund is answered by nobody, and tasks are moot."""
    ask = await open_ask(command, case_id)
    if ask is not None:
        async with as_service(command.connection, command.acting):
            await payments.answer_ask(command.connection, ask.id, None)
    await tasks.moot_tasks(command.connection, case_id)


async def open_ask(command: Command, case_id: UUID) -> RefundAsk | None:
    """The refund that is asked for and not answered yet."""
    ask = await payments.last_ask(command.connection, case_id)
    return ask if ask is not None and ask.answered_at is None else None


@refuses(lock_party, free_money, refuse_more_than, refuse_more_parts, rules.ReasonUnreadable, rules.RefundAlreadyAsked)
async def ask_refund(command: Command, case_id: UUID, amount: Money, reason: str) -> UUID:
    """The employer asks the contractor to give back all or a part of what is held (E6); returns the fact's id."""
    await lock_party(command, case_id, JobSide.EMPLOYER)
    why = rules.parse_reason(reason, field="reason")
    free = await free_money(command, case_id)
    await refuse_more_than(amount, free)
    await refuse_more_parts(command, case_id, amount, free)
    if await open_ask(command, case_id) is not None:
        raise rules.RefundAlreadyAsked
    async with as_service(command.connection, command.acting):
        ask = await payments.add_ask(command.connection, case_id, amount, why)
        await payments.stir(command.connection, case_id)
    shown = {"amount": amount.amount}
    payload = {**shown, "ask_id": str(ask.id)}
    return await command.act(case_id, FactKind.ESCROW_REFUND_ASKED, payload, part=JobSide.EMPLOYER, shown=shown)


@refuses(lock_party, free_money, refuse_more_than, refuse_more_parts, refuse_paused, rules.NoRefundAsked)
async def agreeing_to_refund(command: Command, case_id: UUID, amount: Money) -> EscrowConfirmed:
    """What a code for agreeing to a refund confirms, if so much was asked and is there; before it is sent, too."""
    _, _, confirmed = await _agreeing(command, case_id, amount)
    return confirmed


async def _agreeing(command: Command, case_id: UUID, amount: Money) -> tuple[Party, RefundAsk, EscrowConfirmed]:
    party, ask = await _asked(command, case_id)
    free = await free_money(command, case_id)
    await refuse_more_than(amount, min(free, Money(ask.amount)))
    await refuse_more_parts(command, case_id, amount, free)
    await refuse_paused(command)
    shares = Shares(Money(0), amount)
    return party, ask, EscrowConfirmed.of(CodePurpose.ESCROW_REFUND, "refund", case_id, shares)


async def _asked(command: Command, case_id: UUID) -> tuple[Party, RefundAsk]:
    party = await lock_party(command, case_id, JobSide.CONTRACTOR)
    ask = await open_ask(command, case_id)
    if ask is None:
        raise rules.NoRefundAsked
    return party, ask


@refuses(agreeing_to_refund, *CODED, *HOLDING)
async def answer_refund(command: Command, case_id: UUID, amount: Money, code: SmsCode | None) -> UUID:
    """The contractor agrees to give back so much, which takes a code, or to nothing (E6); returns the fact's id."""
    if not amount or code is None:
        if amount:
            raise CodeNotAccepted(field="code")
        return await _decline_refund(command, case_id)
    party, ask, confirmed = await _agreeing(command, case_id, amount)
    await confirmed.check(command, code)
    task = await tasks.find_open(command.connection, case_id, TaskKind.ANSWER_REFUND)
    move_id = payments.new_move()
    async with as_service(command.connection, command.acting):
        hold_id = await hold_for(command, case_id, str(move_id), amount, JournalReason.ESCROW_REFUNDED)
        await payments.answer_ask(command.connection, ask.id, amount)
    fact, shown = FactKind.ESCROW_REFUND_AGREED, {"amount": amount.amount}
    payload = {**shown, "ask_id": str(ask.id), "move_id": str(move_id)}
    fact_id = await command.act(case_id, fact, payload, part=JobSide.CONTRACTOR, closes=task, shown=shown)
    await _move(command, party, MoveCause.REFUND, Shares(Money(0), amount), (move_id, hold_id, fact_id))
    return fact_id


async def _decline_refund(command: Command, case_id: UUID) -> UUID:
    party, ask = await _asked(command, case_id)
    task = await tasks.find_open(command.connection, case_id, TaskKind.ANSWER_REFUND)
    async with as_service(command.connection, command.acting):
        await payments.answer_ask(command.connection, ask.id, Money(0))
        await payments.stir(command.connection, case_id)
    fact, payload = FactKind.ESCROW_REFUND_DECLINED, {"ask_id": str(ask.id)}
    return await command.act(case_id, fact, payload, part=JobSide.CONTRACTOR, closes=task, sms={fact: party.others})
