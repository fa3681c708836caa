"""Arbitration as the two sides see it: asked for, taken back, statements, split offers, objection (E5, E6a)."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from commands.command import Command
from commands.escrow.money import overtake
from commands.escrow.party import (
    CODED,
    HOLDING,
    EscrowConfirmed,
    Party,
    SmsCode,
    free_money,
    hold_for,
    lock_party,
    open_dispute_of,
    refuse_paused,
)
from commands.payment import Toman
from commands.refusals import refuses
from domain.account import CodeNotAccepted, CodePurpose
from domain.errors import TooMany
from domain.escrow import rules
from domain.escrow.rules import MoveCause, Shares
from domain.ledger import JournalReason
from domain.money import Money
from messages.escrow import FactKind, TaskKind
from storage import account, tasks
from storage.database import as_service
from storage.escrow import disputes, payments
from storage.rows.escrow import EscrowDispute, SplitOffer


@refuses(lock_party, free_money, rules.EscrowStatementUnreadable, *HOLDING)
async def open_dispute(command: Command, case_id: UUID, about: Literal["work", "amount"], text: str) -> UUID:
    """Either side asks for arbitration (E5): all that is held and not on its way is frozen; returns the dispute's id.

    ``text`` is the first statement of who asks.
    """
    party = await lock_party(command, case_id)
    said = rules.parse_statement(text, field="text")
    free = await free_money(command, case_id)
    uses = ((rules.DISPUTES_PER_MEMBER, str(command.actor.person_id)),)
    wait = await account.count_uses(command.connection, command.seals, uses)
    if wait is not None:
        raise TooMany(retry_after=wait)
    dispute_id = await freeze(command, case_id, free, opened_by=party.side, about=about)
    async with as_service(command.connection, command.acting):
        me = command.actor.person_id
        await disputes.add_statement(
            command.connection, command.seals, dispute_id, side=party.side, author_id=me, text=said
        )
    shown = {"about": about, "amount": free.amount}
    payload = {**shown, "dispute_id": str(dispute_id)}
    await command.act(case_id, FactKind.ESCROW_DISPUTE_OPENED, payload, part=party.side, shown=shown)
    return dispute_id


async def freeze(
    command: Command, case_id: UUID, free: Money, *, opened_by: str, about: Literal["work", "amount"]
) -> UUID:
    """Begin a dispute about all that is free; whatever else was asked of the sides is moot. Returns its id."""
    dispute_id = disputes.new_dispute()
    async with as_service(command.connection, command.acting):
        hold_id = await hold_for(command, case_id, f"dispute:{dispute_id}", free, JournalReason.ESCROW_RULED)
        await disputes.add_dispute(
            command.connection, dispute_id, case_id, opened_by=opened_by, about=about, frozen=free, hold_id=hold_id
        )
        await payments.stir(command.connection, case_id)
    await overtake(command, case_id)
    return dispute_id


async def _dispute(command: Command, case_id: UUID) -> EscrowDispute:
    found = await open_dispute_of(command, case_id)
    if found is None:
        raise rules.NoDispute
    return found


@refuses(lock_party, rules.NoDispute, rules.NotWhoAsked, rules.DisputeRuled)
async def withdraw_dispute(command: Command, case_id: UUID) -> UUID:
    """Who asked for arbitration takes it back, while nobody has ruled (E6a); returns the fact's id."""
    party = await lock_party(command, case_id)
    dispute = await _dispute(command, case_id)
    if dispute.opened_by != party.side:
        raise rules.NotWhoAsked
    if await disputes.rulings_of(command.connection, dispute.id):
        raise rules.DisputeRuled
    async with as_service(command.connection, command.acting):
        await disputes.end_dispute(command.connection, dispute.id, "withdrawn")
        await payments.stir(command.connection, case_id)
    await tasks.moot_tasks(command.connection, case_id)
    fact, payload = FactKind.ESCROW_DISPUTE_WITHDRAWN, {"dispute_id": str(dispute.id)}
    return await command.act(case_id, fact, payload, part=party.side, sms={fact: party.others})


@refuses(lock_party, rules.EscrowStatementUnreadable, rules.NoDispute, rules.EvidenceClosed, rules.TooManyStatements)
async def file_statement(command: Command, case_id: UUID, text: str) -> UUID:
    """A side says what it has to say, until the time for it is over (E5); returns the fact's id."""
    party = await lock_party(command, case_id)
    said, me = rules.parse_statement(text, field="text"), command.actor.person_id
    dispute = await _dispute(command, case_id)
    if dispute.evidence_closed_at is not None:
        raise rules.EvidenceClosed
    task = await tasks.find_open(command.connection, case_id, TaskKind.FILE_STATEMENT, person_id=me)
    async with as_service(command.connection, command.acting):
        is_filed = await disputes.add_statement(
            command.connection, command.seals, dispute.id, side=party.side, author_id=me, text=said
        )
    if not is_filed:
        raise rules.TooManyStatements
    payload = {"dispute_id": str(dispute.id)}
    return await command.act(case_id, FactKind.ESCROW_STATEMENT_FILED, payload, part=party.side, closes=task)


@refuses(lock_party, refuse_paused, rules.NoDispute, rules.DisputeRuled, rules.SharesDoNotSum)
async def offering(command: Command, case_id: UUID, shares: Shares) -> EscrowConfirmed:
    """What a code for offering a split confirms, if it may be offered; asked before the code is sent, too."""
    _, _, confirmed = await _offering(command, case_id, shares)
    return confirmed


async def _offering(command: Command, case_id: UUID, shares: Shares) -> tuple[Party, EscrowDispute, EscrowConfirmed]:
    party, dispute = await _undecided(command, case_id)
    refuse_other_sum(shares, dispute)
    await refuse_paused(command)
    return party, dispute, EscrowConfirmed.of(CodePurpose.ESCROW_SPLIT, "offer", case_id, shares)


def refuse_other_sum(shares: Shares, dispute: EscrowDispute) -> None:
    """Refuse shares that are not together what is frozen.

    Raises:
        SharesDoNotSum: they are not.
    """
    frozen = Money(dispute.frozen)
    if not shares.divide(frozen):
        raise rules.SharesDoNotSum(field="to_contractor", frozen=Toman(frozen))


async def _undecided(command: Command, case_id: UUID) -> tuple[Party, EscrowDispute]:
    """A dispute that the sides may still end together: not ruled, or objected to what was."""
    party = await lock_party(command, case_id)
    dispute = await _dispute(command, case_id)
    rulings = await disputes.rulings_of(command.connection, dispute.id)
    if rulings and rulings[-1].objected_at is None:
        raise rules.DisputeRuled
    return party, dispute


@refuses(offering, rules.TooManyStatements, *CODED)
async def offer_split(command: Command, case_id: UUID, shares: Shares, code: SmsCode) -> UUID:
    """A side offers to divide what is frozen, in place of its former offer (E5); returns the offer's id."""
    party, dispute, confirmed = await _offering(command, case_id, shares)
    await confirmed.check(command, code)
    async with as_service(command.connection, command.acting):
        offer_id = await disputes.add_offer(command.connection, dispute.id, party.side, shares)
    if offer_id is None:
        raise rules.TooManyStatements
    fact, shown = FactKind.ESCROW_SPLIT_OFFERED, _shown(shares)
    payload = {**shown, "offer_id": str(offer_id), "dispute_id": str(dispute.id)}
    await command.act(case_id, fact, payload, part=party.side, shown=shown, sms={fact: party.others})
    return offer_id


def _shown(shares: Shares) -> dict[str, int]:
    return {"to_contractor": shares.to_contractor.amount, "to_employer": shares.to_employer.amount}


@refuses(lock_party, refuse_paused, rules.NoDispute, rules.DisputeRuled, rules.NoOffer)
async def accepting_split(command: Command, case_id: UUID, offer_id: UUID) -> EscrowConfirmed:
    """What a code for accepting a split confirms, if it may be accepted; asked before the code is sent, too."""
    return (await _accepting(command, case_id, offer_id))[-1]


async def _accepting(
    command: Command, case_id: UUID, offer_id: UUID
) -> tuple[Party, EscrowDispute, Shares, EscrowConfirmed]:
    party, dispute, offer = await _offered(command, case_id, offer_id)
    await refuse_paused(command)
    shares = Shares(Money(offer.to_contractor), Money(offer.to_employer))
    return party, dispute, shares, EscrowConfirmed.of(CodePurpose.ESCROW_SPLIT, f"accept:{offer_id}", case_id, shares)


async def _offered(command: Command, case_id: UUID, offer_id: UUID) -> tuple[Party, EscrowDispute, SplitOffer]:
    """An offer of the other side that stands."""
    party, dispute = await _undecided(command, case_id)
    for offer in await disputes.offers_of(command.connection, dispute.id):
        if offer.id == offer_id and offer.offered_by == party.side.other and offer.answered_at is None:
            return party, dispute, offer
    raise rules.NoOffer


@refuses(accepting_split, *CODED)
async def answer_split(command: Command, case_id: UUID, offer_id: UUID, accept: bool, code: SmsCode | None) -> UUID:  # noqa: FBT001 - as it is asked
    """The other side accepts a split, which takes a code and ends the dispute, or declines it (E5).

    Returns the fact's id.
    """
    if not accept:
        return await _decline_split(command, case_id, offer_id)
    if code is None:
        raise CodeNotAccepted(field="code")
    party, dispute, shares, confirmed = await _accepting(command, case_id, offer_id)
    await confirmed.check(command, code)
    await tasks.moot_tasks(command.connection, case_id)
    fact, shown = FactKind.ESCROW_SPLIT_ACCEPTED, _shown(shares)
    payload = {**shown, "offer_id": str(offer_id), "dispute_id": str(dispute.id)}
    fact_id = await command.act(case_id, fact, payload, part=party.side, shown=shown, sms={fact: party.others})
    async with as_service(command.connection, command.acting):
        await disputes.answer_offer(command.connection, offer_id, "accepted")
        await payments.add_move(
            command.connection,
            party.escrow,
            move_id=payments.new_move(),
            cause=MoveCause.SPLIT,
            hold_id=dispute.hold_id,
            to_contractor=shares.to_contractor,
            to_employer=shares.to_employer,
            fact_id=fact_id,
            dispute_id=dispute.id,
        )
        await disputes.end_dispute(command.connection, dispute.id, "split")
        await payments.stir(command.connection, case_id)
    return fact_id


async def _decline_split(command: Command, case_id: UUID, offer_id: UUID) -> UUID:
    party, dispute, _ = await _offered(command, case_id, offer_id)
    async with as_service(command.connection, command.acting):
        await disputes.answer_offer(command.connection, offer_id, "declined")
    fact, payload = FactKind.ESCROW_SPLIT_DECLINED, {"offer_id": str(offer_id), "dispute_id": str(dispute.id)}
    return await command.act(case_id, fact, payload, part=party.side, sms={fact: party.others})


@refuses(lock_party, rules.NoObjection)
async def object_to_ruling(command: Command, case_id: UUID) -> UUID:
    """A side objects to the first ruling before it is final: another arbitrator rules (E5); returns the fact's id."""
    party = await lock_party(command, case_id)
    dispute = await open_dispute_of(command, case_id)
    rulings = [] if dispute is None else await disputes.rulings_of(command.connection, dispute.id)
    if len(rulings) != 1 or rulings[0].objected_at is not None or rulings[0].final_at is not None:
        raise rules.NoObjection
    async with as_service(command.connection, command.acting):
        await disputes.object_to(command.connection, rulings[0].id, party.side)
    fact, payload = FactKind.ESCROW_OBJECTED, {"ruling_id": str(rulings[0].id)}
    return await command.act(case_id, fact, payload, part=party.side, sms={fact: party.others})
