"""Members' own bank cards and shebas: kept sealed, found by a blind index, believed after an inquiry (E3, F4)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.bank_account import INQUIRY_TRIES, MOST_OF_A_KIND, BankAccountKind, BankAccountState, WhyNotOwn
from domain.identity import CardNumber, Sheba, bank_code
from storage.people import read_contacts
from storage.rows.bank_account import BankAccount, bank_accounts
from storage.rows.people import persons
from storage.rows.table import columns, find_one, read_all, read_one
from storage.sealing import Seals

_NUMBER: Final = "bank_account.number"
_COLUMNS = columns(bank_accounts, BankAccount)
_KEPT = sa.select(*_COLUMNS).where(bank_accounts.c.removed_at.is_(None)).order_by(bank_accounts.c.id)
_MOST: Final = 2 * MOST_OF_A_KIND


@dataclass(frozen=True, slots=True)
class Inquiry:
    """What a bank is asked: whether this number is this person's. ``tries`` counts this inquiry."""

    person_id: UUID
    kind: BankAccountKind
    number: str = field(repr=False)
    national_id: str = field(repr=False)
    name: str = field(repr=False)
    tries: int


def masked(account: BankAccount) -> str:
    """The number with its bank and last four digits, as ``mask_sheba`` writes it; of a card the last four."""
    if account.kind is BankAccountKind.SHEBA:
        return f"IR**{account.bank or '***'}***{last4(account)}"
    return f"{'*' * 12}{last4(account)}"


def last4(account: BankAccount) -> str:
    """The digits by which its owner recognises it."""
    return account.last_four


async def accounts_of(connection: AsyncConnection, person_id: UUID) -> list[BankAccount]:
    """What the person has added and not removed, the oldest first."""
    return await read_all(connection, BankAccount, _KEPT.where(bank_accounts.c.person_id == person_id).limit(_MOST))


async def confirmed_accounts(connection: AsyncConnection, person_id: UUID) -> list[BankAccount]:
    """Those of them that the bank has confirmed, the default ones first."""
    mine = [one for one in await accounts_of(connection, person_id) if one.state is BankAccountState.CONFIRMED]
    return sorted(mine, key=lambda one: not one.is_default)


async def read_account(connection: AsyncConnection, person_id: UUID, account_id: UUID) -> BankAccount:
    """One of the person's, removed or not: what was submitted stays known. Raises NoResultFound for another's."""
    query = sa.select(*_COLUMNS).where(bank_accounts.c.person_id == person_id, bank_accounts.c.id == account_id)
    return await read_one(connection, BankAccount, query)


async def lock_accounts(connection: AsyncConnection, person_id: UUID, kind: BankAccountKind) -> list[BankAccount]:
    """The person's accounts of a kind, which stay as they are until this transaction ends."""
    query = _KEPT.where(bank_accounts.c.person_id == person_id, bank_accounts.c.kind == kind)
    return await read_all(connection, BankAccount, query.with_for_update())


async def find_account(connection: AsyncConnection, person_id: UUID, account_id: UUID) -> BankAccount | None:
    """One of the person's own; None if it is missing, removed or another's."""
    query = _KEPT.where(bank_accounts.c.person_id == person_id, bank_accounts.c.id == account_id)
    return await find_one(connection, BankAccount, query)


async def find_number(
    connection: AsyncConnection, seals: Seals, person_id: UUID, number: CardNumber | Sheba
) -> BankAccount | None:
    """What the person has added of this number."""
    index = seals.index.of(_kind(number), number)
    query = _KEPT.where(bank_accounts.c.person_id == person_id, bank_accounts.c.number_index == index)
    return await find_one(connection, BankAccount, query)


async def add_account(connection: AsyncConnection, seals: Seals, person_id: UUID, number: CardNumber | Sheba) -> UUID:
    """Keep a number that is to be checked; returns its id."""
    values = {
        "person_id": person_id,
        "kind": _kind(number),
        "number_index": seals.index.of(_kind(number), number),
        "number_sealed": seals.cipher.seal_text(number, _NUMBER),
        "last_four": number[-4:],
        "bank": bank_code(number),
    }
    adding = sa.insert(bank_accounts).values(values).returning(bank_accounts.c.id)
    account_id: UUID = (await connection.execute(adding)).scalar_one()
    return account_id


def _kind(number: CardNumber | Sheba) -> BankAccountKind:
    return BankAccountKind.SHEBA if number.startswith("IR") else BankAccountKind.CARD


async def remove_account(connection: AsyncConnection, account_id: UUID) -> None:
    """Let it count no more."""
    await _update(connection, account_id, removed_at=sa.func.now(), is_default=False)


async def choose_account(connection: AsyncConnection, account: BankAccount) -> None:
    """Make a confirmed account the default of its kind; the person's accounts of the kind are locked."""
    others = (
        bank_accounts.c.person_id == account.person_id,
        bank_accounts.c.kind == account.kind,
        bank_accounts.c.is_default,
    )
    await connection.execute(sa.update(bank_accounts).where(*others).values(is_default=False))
    await _update(connection, account.id, is_default=True)


async def _update(connection: AsyncConnection, account_id: UUID, **values: object) -> None:
    await connection.execute(sa.update(bank_accounts).where(bank_accounts.c.id == account_id).values(**values))


async def begin_inquiry(connection: AsyncConnection, seals: Seals, account_id: UUID) -> Inquiry | None:
    """Count an inquiry and say what to ask; None if it is answered or removed, or was asked often enough.

    Who died while asking for the last time has it counted all the same: the account has failed then.
    """
    open_one = (
        bank_accounts.c.id == account_id,
        bank_accounts.c.state == BankAccountState.CHECKING,
        bank_accounts.c.removed_at.is_(None),
    )
    counting = (
        sa.update(bank_accounts)
        .where(*open_one, bank_accounts.c.tries < INQUIRY_TRIES)
        .values(tries=bank_accounts.c.tries + 1, asked_at=sa.func.now())
        .returning(
            bank_accounts.c.person_id, bank_accounts.c.kind, bank_accounts.c.number_sealed, bank_accounts.c.tries
        )
    )
    row = (await connection.execute(counting)).one_or_none()
    if row is None:
        failed = {"state": BankAccountState.FAILED, "answered_at": sa.func.now()}
        await connection.execute(sa.update(bank_accounts).where(*open_one).values(failed))
        return None
    names = sa.select(persons.c.first_name, persons.c.last_name).where(persons.c.id == row.person_id)
    who = (await connection.execute(names)).one()
    national_id, _ = await read_contacts(connection, seals, row.person_id)
    return Inquiry(
        row.person_id,
        BankAccountKind(row.kind),
        seals.cipher.open_text(row.number_sealed, _NUMBER),
        national_id,
        f"{who.first_name} {who.last_name}",
        row.tries,
    )


async def record_answer(
    connection: AsyncConnection, account_id: UUID, asked: Inquiry, state: BankAccountState, reason: WhyNotOwn | None
) -> bool:
    """Keep what came of an inquiry, once; the first confirmed account of a kind becomes its default.

    Returns:
        Whether it still waited for the answer.
    """
    accounts = await lock_accounts(connection, asked.person_id, asked.kind)
    account = next((one for one in accounts if one.id == account_id), None)
    if account is None or account.state is not BankAccountState.CHECKING:
        return False
    is_default = state is BankAccountState.CONFIRMED and not any(one.is_default for one in accounts)
    answer = {"state": state, "reason": reason, "is_default": is_default}
    await _update(connection, account_id, **answer, answered_at=sa.func.now())
    return True


async def own_cards(connection: AsyncConnection, seals: Seals, person_id: UUID) -> list[str]:
    """The whole numbers of the person's confirmed cards, the default one first; to be opened where a gateway is asked.

    At most ``MOST_OF_A_KIND``.
    """
    accounts = await accounts_of(connection, person_id)
    cards = [one for one in accounts if (one.kind, one.state) == (BankAccountKind.CARD, BankAccountState.CONFIRMED)]
    cards.sort(key=lambda one: not one.is_default)
    return [whole_number(seals, one) for one in cards]


async def own_sheba(connection: AsyncConnection, person_id: UUID) -> BankAccount | None:
    """The sheba that the person's money goes to; None if none is confirmed and chosen. ``whole_number`` opens it."""
    query = _KEPT.where(
        bank_accounts.c.person_id == person_id,
        bank_accounts.c.kind == BankAccountKind.SHEBA,
        bank_accounts.c.is_default,
    )
    return await find_one(connection, BankAccount, query)


def whole_number(seals: Seals, account: BankAccount) -> str:
    """The number in clear: for the activity that asks a gateway or a bank, and for nobody's eyes."""
    return seals.cipher.open_text(account.number_sealed, _NUMBER)
