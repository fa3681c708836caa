"""A safe payment that a command has locked, for one of its two sides, and what of its money is free (E2 to E6)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from commands.account import check_code
from commands.command import Command
from commands.payment import Toman
from commands.refusals import refuses
from commands.task import case_closed
from domain.account import CodePurpose, escrow_binding
from domain.errors import CaseClosed, Forbidden, NotFound
from domain.escrow import rules
from domain.escrow.rules import Shares
from domain.ledger import AccountFrozen, HoldRequest, InsufficientFunds, JournalReason, Occasion, escrow_account
from domain.money import Money, format_toman
from domain.onboarding import MoneyPaused
from messages.case import CaseKind
from messages.escrow import FactKind, JobSide
from storage import account
from storage.database import as_service
from storage.escrow import disputes, jobs, payments
from storage.ledger.holding import hold
from storage.people import money_pause
from storage.rows.cases import Case
from storage.rows.escrow import Escrow, EscrowDispute, Job

# With these a person has ended it, though the process may not have heard yet.
ENDINGS: Final = (FactKind.ESCROW_DECLINED, FactKind.ESCROW_WITHDRAWN)


@dataclass(frozen=True, slots=True)
class Party:
    """A safe payment that is locked, and the side that acts in it."""

    case: Case
    escrow: Escrow
    job: Job
    side: JobSide

    @property
    def others(self) -> list[UUID]:
        """The other side, as whom notices go to; nobody before they are known."""
        other = self.job.person_of(self.side.other)
        return [] if other is None else [other]


@dataclass(frozen=True, slots=True)
class SmsCode:
    """A code that came by SMS for exactly one deed."""

    code_id: UUID
    code: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class EscrowConfirmed:
    """What a code confirms: the deed and its amounts, and what of it the SMS names."""

    purpose: CodePurpose
    binding: bytes
    told: Mapping[str, str]

    @classmethod
    def of(cls, purpose: CodePurpose, deed: str, case_id: UUID, shares: Shares) -> EscrowConfirmed:
        """A deed by which so much of a safe payment would go to each side."""
        contractor, employer = shares.to_contractor, shares.to_employer
        amount, rest = (employer, contractor) if purpose is CodePurpose.ESCROW_REFUND else (contractor, employer)
        told = {"amount": format_toman(amount)}
        if purpose is CodePurpose.ESCROW_SPLIT:
            told["rest"] = format_toman(rest)
        return cls(purpose, escrow_binding(purpose, deed, case_id, contractor.amount, employer.amount), told)

    async def check(self, command: Command, given: SmsCode) -> None:
        """Check the code that came for this, and use it up with what it confirms."""
        await check_code(
            command.context.side,
            command.seals,
            code_id=given.code_id,
            person_id=command.actor.person_id,
            purpose=self.purpose,
            binding=self.binding,
            code=given.code,
        )
        await account.use_code(command.connection, given.code_id)


# What a deed that takes a code of its own refuses because of the code or of who gives it.
CODED: Final = (check_code, MoneyPaused)
# What placing a hold refuses besides what was judged before.
HOLDING: Final = (AccountFrozen, InsufficientFunds)


def require_member(command: Command) -> None:
    """Refuse staff: jobs and safe payments are between members.

    Raises:
        Forbidden: not as a member.
    """
    if command.actor.capacity != "member":
        raise Forbidden


@refuses(CaseClosed)
async def lock_party(command: Command, case_id: UUID, *sides: JobSide) -> Party:
    """Lock a safe payment that is under way, for a side of it: either one, unless some are named."""
    require_member(command)
    case = await command.lock_case(case_id)
    party = await party_of(command, case)
    if party is None or party.side not in (sides or tuple(JobSide)):
        raise NotFound
    if not case.is_open:
        raise await case_closed(command, case, *ENDINGS)
    return party


async def party_of(command: Command, case: Case) -> Party | None:
    """The side on which the actor is in a case that is locked; None if on none, or if it is of another kind."""
    if case.kind is not CaseKind.ESCROW:
        return None
    escrow = await payments.read_escrow(command.connection, case.id)
    job = None if escrow is None else await jobs.read_job(command.connection, escrow.job_id)
    side = None if job is None else job.side_of(command.actor.person_id)
    return None if escrow is None or job is None or side is None else Party(case, escrow, job, side)


@refuses(MoneyPaused)
async def refuse_paused(command: Command) -> None:
    """Refuse who moves money while it pauses because their mobile was changed (G2)."""
    if await money_pause(command.connection, command.actor.person_id):
        raise MoneyPaused


async def open_dispute_of(command: Command, case_id: UUID) -> EscrowDispute | None:
    """The dispute that is under way in a safe payment."""
    found = await disputes.last_dispute(command.connection, case_id)
    return found if found is not None and found.ended_at is None else None


@refuses(rules.EscrowNotHeld, rules.EscrowFrozen)
async def free_money(command: Command, case_id: UUID) -> Money:
    """What of a safe payment may be decided about now: held, not on its way, not in arbitration."""
    if await open_dispute_of(command, case_id) is not None:
        raise rules.EscrowFrozen
    async with as_service(command.connection, command.acting):
        posted, available = await payments.held(command.connection, case_id)
    if not available:
        last = await disputes.last_dispute(command.connection, case_id)
        # The process frees within seconds what a dispute froze that was taken back.
        raise (
            rules.EscrowFrozen if posted and last is not None and last.ended_as == "withdrawn" else rules.EscrowNotHeld
        )
    return available


@refuses(rules.EscrowAmountMissing, rules.EscrowAmountTooLarge)
async def refuse_more_than(amount: Money, most: Money) -> None:
    """Refuse an amount of nothing, and one of more than there is."""
    if amount <= Money(0):
        raise rules.EscrowAmountMissing(field="amount")
    if amount > most:
        raise rules.EscrowAmountTooLarge(field="amount", most=Toman(most))


async def hold_for(command: Command, case_id: UUID, key: str, amount: Money, reason: JournalReason) -> UUID:
    """Set an amount of a safe payment apart, which is on its way or frozen from now on; with the service's rights.

    Raises:
        AccountFrozen, InsufficientFunds: as ``hold``.
    """
    occasion = Occasion(f"escrow:{key}", case_id, f"person:{command.actor.person_id}", command.now)
    return await hold(command.connection, HoldRequest(occasion, escrow_account(case_id).code, amount, reason))
