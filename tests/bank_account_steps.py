"""Invented cards and shebas, and what the tests do with them."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

from schwifty.checksum import luhn

from activities.bank_account import BankAccountCheck
from activities.transition import ActivityContext
from commands.bank_account import add_card, add_sheba
from commands.command import Context
from domain.access import Actor
from domain.account import CodePurpose, sheba_binding
from gateways.account_owner import AccountOwners, LocalAccountOwners
from messages.bank_account import CheckBankAccount
from storage.account import create_code
from storage.bank_account import accounts_of
from storage.database import SERVICE, transaction
from storage.rows.bank_account import BankAccount
from tests.account_people import sent_code
from tests.commands.test_profile import result


def a_card(ending: str = "1234", number: int = 0) -> str:
    """A card that ends so; another one for each number up to 10."""
    bodies = (f"603799{number:02}{filling:04}{ending[:-1]}" for filling in range(100))
    return next(body + ending[-1] for body in bodies if luhn(body) == ending[-1])


def a_sheba(ending: str = "1234", number: int = 0) -> str:
    """A sheba that ends so; another one for each number."""
    account = f"017{number:015}{ending}"
    return f"IR{98 - int(f'{account}182700') % 97:02}{account}"


@dataclass(frozen=True, slots=True)
class Accounts:
    """A member's own cards and shebas, through the real commands and the real inquiry."""

    context: Context
    activity_context: ActivityContext
    actor: Actor
    owners: AccountOwners = field(default_factory=LocalAccountOwners)

    async def add_card(self, number: str) -> UUID:
        """Add a card; nobody has been asked yet."""
        added: UUID = await result(self.context, self.actor, lambda command: add_card(command, number))
        return added

    async def add_sheba(self, number: str) -> UUID:
        """Add a sheba with the code for it; nobody has been asked yet."""
        code_id = await self.code_for(number)
        return await self.type_code(number, code_id, await sent_code(self.context, code_id))

    async def code_for(self, number: str) -> UUID:
        """A code for a sheba, however soon after another one."""
        binding = sheba_binding(number)
        async with transaction(self.context.engine, SERVICE) as connection:
            return await create_code(
                connection, self.context.seals, CodePurpose.ADD_SHEBA, self.actor.person_id, binding
            )

    async def type_code(self, number: str, code_id: UUID, code: str) -> UUID:
        """Add a sheba with a code."""
        added: UUID = await result(
            self.context, self.actor, lambda command: add_sheba(command, number, code_id=code_id, code=code)
        )
        return added

    async def check(self, account_id: UUID) -> None:
        """Have the bank asked."""
        await BankAccountCheck(self.activity_context, self.owners).check(CheckBankAccount(account_id))

    async def confirmed_card(self, number: str) -> UUID:
        """A card that the bank has confirmed."""
        await self.check(added := await self.add_card(number))
        return added

    async def confirmed_sheba(self, number: str) -> UUID:
        """A sheba that the bank has confirmed."""
        await self.check(added := await self.add_sheba(number))
        return added

    async def mine(self) -> dict[UUID, BankAccount]:
        """All that are kept, by id."""
        async with transaction(self.context.engine, SERVICE) as connection:
            return {one.id: one for one in await accounts_of(connection, self.actor.person_id)}
