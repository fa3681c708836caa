"""What a member may do with their balance: withdraw to a sheba of their own, and take it back (E3, G1, G2)."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

from commands.account import check_code
from commands.command import Command
from commands.payment import Toman
from commands.payout import refuse_closed_payouts
from commands.refusals import refuses
from domain.account import CodePurpose, withdrawal_binding
from domain.errors import Forbidden, NotFound, TooMany
from domain.fee import Fee
from domain.identity import Sheba
from domain.ledger import AccountFrozen, HoldRequest, InsufficientFunds, JournalReason, Occasion, member_account
from domain.money import Money, format_toman
from domain.onboarding import MoneyPaused
from domain.payout import LinePurpose
from domain.persian import persian_digits
from domain.withdrawal import WITHDRAWALS_PER_MEMBER, OwnShebaMissing, WithdrawalTooSmall, WithdrawalUnderWay
from messages.withdrawal import ReleaseWithdrawal, Sms
from storage import account, ledger, withdrawal
from storage.audit import account_stream
from storage.bank_account import own_sheba, whole_number
from storage.database import as_service
from storage.ledger.holding import hold
from storage.notices import notify
from storage.outbox import enqueue
from storage.people import money_pause
from storage.rows.payout import Withdrawal
from storage.withdrawal import NewWithdrawal, new_id


@dataclass(frozen=True, slots=True)
class Destination:
    """Where an amount would go, and what would be charged besides; a code confirms exactly that."""

    sheba: Sheba = field(repr=False)
    charged: Fee

    def binding(self, amount: Money) -> bytes:
        """What a code for withdrawing so much confirms."""
        fee = self.charged
        return withdrawal_binding(amount.amount, self.sheba, fee.net.amount, fee.vat.amount)

    def told(self, amount: Money) -> dict[str, str]:
        """What messages about withdrawing so much name."""
        return {"amount": format_toman(amount), "last_four": persian_digits(self.sheba[-4:])}


@refuses(refuse_closed_payouts, MoneyPaused, OwnShebaMissing, WithdrawalTooSmall, InsufficientFunds)
async def destination(command: Command, amount: Money) -> Destination:
    """Where an amount would go, if the member may withdraw it; asked before a code for it is sent, too."""
    await refuse_closed_payouts(command)
    connection, me = command.connection, command.actor.person_id
    if command.actor.capacity != "member":
        raise Forbidden
    if await money_pause(connection, me):
        raise MoneyPaused
    sheba = await own_sheba(connection, me)
    if sheba is None:
        raise OwnShebaMissing
    terms = await withdrawal.terms_in_force(connection)
    if amount < terms.least:
        raise WithdrawalTooSmall(field="amount", least=Toman(terms.least))
    if amount + terms.charged.total > await _available(command):
        raise InsufficientFunds(field="amount")
    return Destination(Sheba(whole_number(command.seals, sheba)), terms.charged)


async def _available(command: Command) -> Money:
    try:
        found = await ledger.balance(command.connection, member_account(command.actor.person_id).code)
    except NotFound:
        return Money(0)
    return Money(found.available)


@refuses(destination, check_code, AccountFrozen)
async def withdraw(command: Command, amount: Money, *, code_id: UUID, code: str) -> UUID:
    """Take an amount out of the balance, to the member's own sheba of this moment; returns the withdrawal's id.

    The code was sent for exactly this amount, sheba, fee and VAT. All is held until the bank has answered.
    """
    to, me = await destination(command, amount), command.actor.person_id
    await check_code(
        command.context.side,
        command.seals,
        code_id=code_id,
        person_id=me,
        purpose=CodePurpose.WITHDRAW,
        binding=to.binding(amount),
        code=code,
    )
    await account.use_code(command.connection, code_id)
    wait = await account.count_use(command.connection, command.seals, WITHDRAWALS_PER_MEMBER, str(me))
    if wait is not None:
        raise TooMany(retry_after=wait)
    withdrawal_id = await new_id(command.connection)
    occasion = Occasion(f"withdrawal:{withdrawal_id}", None, f"person:{me}", command.now)
    whole = amount + to.charged.total
    asked = HoldRequest(occasion, member_account(me).code, whole, JournalReason.PAYOUT_PAID)
    async with as_service(command.connection, command.acting):
        held = await hold(command.connection, asked)
        new = NewWithdrawal(withdrawal_id, me, amount, to.sheba, held, to.charged)
        await withdrawal.add_withdrawal(command.connection, command.seals, new)
    await notify(command.connection, [me], Sms.ASKED, params=to.told(amount))
    after = {"amount": amount.amount, "fee": to.charged.net.amount, "vat": to.charged.vat.amount}
    await command.audit(account_stream(me), subject=str(withdrawal_id), after=after)
    return withdrawal_id


@refuses(WithdrawalUnderWay)
async def take_back_withdrawal(command: Command, withdrawal_id: UUID) -> Withdrawal:
    """Take a withdrawal back that no batch has; what is held is given back by the machine at once."""
    found = await withdrawal.read_withdrawal(command.connection, withdrawal_id)
    if found is None or found.person_id != command.actor.person_id or found.purpose is not LinePurpose.BALANCE:
        raise NotFound
    async with as_service(command.connection, command.acting):
        is_taken = await withdrawal.take_back(command.connection, withdrawal_id, found.person_id)
    if not is_taken:
        raise WithdrawalUnderWay
    await enqueue(command.connection, ReleaseWithdrawal(withdrawal_id))
    await command.audit(account_stream(found.person_id), subject=str(withdrawal_id), after={"state": "taken_back"})
    return found
