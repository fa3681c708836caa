"""Fees in tests: the policies that set them, and a withdrawal that costs one, as members meet it (E3)."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa

from commands.command import Context
from commands.withdrawal import Destination
from domain.account import CodePurpose
from domain.fee import Fee
from domain.identity import Sheba
from domain.money import Money
from storage.database import SERVICE, transaction
from storage.policies import in_force
from storage.rows.policies import policies
from tests.commands.onboarding_steps import fresh_code
from tests.payout_steps import AMOUNT, PayoutOffice

# 12,345 rial, and 10 % of it without the part of a rial.
FEE: Final = Fee.of(Money(12_345), 1_000)
SELLER: Final = {"name": "شرکت امانت‌پرداز", "economic_number": "10101234567", "address": "تهران، خیابان آزادی"}


async def change_policy(context: Context, name: str, **values: Any) -> None:
    """A version of a policy with other values, in force at once."""
    async with transaction(context.engine, SERVICE) as connection:
        before = await in_force(connection, name)
        assert before is not None
        row = {
            "name": name,
            "version": before.version + 1,
            "value": {**before.value, **values},
            "proposed_by": "test",
            "approved_by": "another",
            "approved_at": sa.func.now(),
        }
        await connection.execute(sa.insert(policies).values(row))


async def charge(context: Context, fee: Money = FEE.net) -> None:
    """From now on a withdrawal costs so much without VAT."""
    await change_policy(context, "payout", fee_rial=fee.amount)


async def code_for(office: PayoutOffice, amount: Money = AMOUNT, fee: Fee = FEE) -> tuple[UUID, str]:
    """A code for so much, with that fee, to the sheba in use."""
    binding = Destination(Sheba(await office.sheba()), fee).binding(amount)
    return await fresh_code(office.context, office.member, CodePurpose.WITHDRAW, binding)


async def withdraw_with_fee(office: PayoutOffice, amount: Money = AMOUNT, fee: Fee = FEE) -> UUID:
    """A member withdraws, and accepts that fee."""
    return await office.withdraw_with(amount, *await code_for(office, amount, fee))
