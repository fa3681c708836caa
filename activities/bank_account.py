"""Asks the bank whose card or sheba it is, for members who have added one; by the relay (E3, F4)."""

from __future__ import annotations

import logging

from activities.transition import MACHINE, ActivityContext
from domain.bank_account import INQUIRY_TRIES, BankAccountKind, BankAccountState, WhyNotOwn
from gateways.account_owner import AccountOwners, AccountUnknown, Holder, Ownership
from messages.bank_account import CheckBankAccount
from storage import audit, bank_account
from storage.bank_account import Inquiry
from storage.database import SERVICE, transaction

_log = logging.getLogger("amanat.bank_account")


class BankAccountCheck:
    """Asks outside any transaction, and keeps the answer."""

    def __init__(self, context: ActivityContext, owners: AccountOwners) -> None:
        self._context = context
        self._owners = owners

    async def check(self, message: CheckBankAccount) -> None:
        """Ask, ``INQUIRY_TRIES`` times at most; without an answer by then the account has failed.

        Raises:
            AccountUnknown: it may be answered later.
        """
        engine = self._context.engine
        async with transaction(engine, SERVICE) as connection:
            asked = await bank_account.begin_inquiry(connection, self._context.seals, message.account_id)
        if asked is None:
            return
        state, reason = await self._ask(asked)
        async with transaction(engine, SERVICE) as connection:
            if await bank_account.record_answer(connection, message.account_id, asked, state, reason):
                noted = audit.AuditEntry(
                    "check_bank_account",
                    MACHINE,
                    str(message.account_id),
                    before={"state": BankAccountState.CHECKING},
                    after={"state": state, "reason": reason},
                )
                await audit.append(connection, audit.account_stream(asked.person_id), noted)

    async def _ask(self, asked: Inquiry) -> tuple[BankAccountState, WhyNotOwn | None]:
        try:
            return _verdict(await self._answer(asked))
        except AccountUnknown as unknown:
            if unknown.retryable and asked.tries < INQUIRY_TRIES:
                raise
            # Either a key is wrong or missing, or nobody has answered for minutes.
            _log.error("bank_account_not_checked", extra={"reason": unknown.reason, "tries": asked.tries})
            return BankAccountState.FAILED, None

    async def _answer(self, asked: Inquiry) -> Ownership:
        holder = Holder(asked.national_id, asked.name)
        if asked.kind is BankAccountKind.CARD:
            return await self._owners.owns_card(holder, asked.number)
        return await self._owners.owns_sheba(holder, asked.number)


def _verdict(answer: Ownership) -> tuple[BankAccountState, WhyNotOwn | None]:
    if not answer.is_owner:
        # Of another's account nothing is said, not even whether it is active.
        return BankAccountState.REFUSED, WhyNotOwn.NOT_OWNER
    if not answer.is_active:
        return BankAccountState.REFUSED, WhyNotOwn.NOT_ACTIVE
    return BankAccountState.CONFIRMED, None
