"""A payment for one purpose or two, taken step by step, with a gateway that can be in trouble."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from temporalio.exceptions import ApplicationError

from gateways.local_bank import BankDeed
from storage import ledger
from storage.database import SERVICE, transaction
from tests.books import Superuser
from tests.faulty_gateway import FaultyGateway, Trouble
from tests.payment_steps import AMOUNT, PaymentScenario, pass_time

DAY = timedelta(hours=25)


class Desk:
    """A payment for one purpose or two, with a gateway that can be in trouble."""

    def __init__(self, scenario: PaymentScenario, gateway: FaultyGateway, superuser: Superuser) -> None:
        self.scenario = scenario.with_gateways(local=gateway)
        self.gateway, self.superuser = gateway, superuser
        self.purposes: list[UUID] = []

    async def at_bank(self, *amounts: int) -> UUID:
        """The payer is at the bank, to pay for as many purposes."""
        self.purposes = [await self.scenario.purpose() for _ in amounts or (AMOUNT,)]
        return await self.scenario.at_bank(*zip(self.purposes, amounts or (AMOUNT,), strict=True))

    async def paid(self, *amounts: int) -> UUID:
        """It is paid, and offered to what it was paid for."""
        case_id = await self.at_bank(*amounts)
        await self.scenario.pay(case_id)
        await self.scenario.go_on(case_id)
        return case_id

    async def unclear(self, case_id: UUID) -> None:
        """The bank is asked, and nobody can say; it is asked again after a pause."""
        self.gateway.always(Trouble.SILENT, "settle")
        with pytest.raises(ApplicationError, match="asked again"):
            await self.scenario.go_on(case_id)

    async def at_office(self) -> UUID:
        """After a day without an answer the settlement office is asked."""
        case_id = await self.at_bank()
        await self.scenario.come_back(case_id)
        await self.unclear(case_id)
        await pass_time(self.superuser, DAY)
        await self.scenario.go_on(case_id)
        return case_id

    async def foreign_card(self) -> UUID:
        """Paid by a card that is not the payer's; it is owed to them."""
        case_id = await self.at_bank()
        await self.superuser.run("UPDATE payments SET own_card = true")
        await self.scenario.pay(case_id)
        await self.scenario.step("verify_payment", case_id)
        return case_id

    async def by_hand(self) -> UUID:
        """What no gateway can give back is for the office."""
        case_id = await self.foreign_card()
        self.gateway.always(Trouble.REFUSES, "reverse", "refund")
        await self.scenario.go_on(case_id)
        return case_id

    async def booked(self) -> UUID:
        """The office has paid it back."""
        case_id = await self.by_hand()
        await self.scenario.pay_back(case_id, "bank-1")
        return case_id

    async def balances(self) -> dict[str, int]:
        """What lies where, by kind of account; nothing of it at 0."""
        async with transaction(self.scenario.context.engine, SERVICE) as connection:
            return {row.kind: row.total for row in await ledger.trial_balance(connection) if row.total}

    async def deeds(self) -> list[str]:
        """What the bank did, apart from being paid."""
        bank = self.gateway.bank
        payments = [bank.find(file.stem) for file in bank._directory.glob("*.json")]
        apart = {BankDeed.PAID, BankDeed.CANCELLED, BankDeed.FAILED, BankDeed.EXPIRED}
        lines = sorted((line for one in payments for line in one.lines), key=lambda line: line.at)
        return [str(line.what) for line in lines if line.what not in apart]
