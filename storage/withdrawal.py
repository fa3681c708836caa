"""Withdrawals from members' balances: asked for, taken back, listed, and settled as lines of a batch (E3)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.fee import NO_FEE, Fee
from domain.identity import Sheba, mask_sheba
from domain.money import Money
from domain.payout import LinePurpose, PayoutPolicy, SentLine
from messages.withdrawal import WithdrawalState
from storage.fee import vat_in_force
from storage.policies import in_force
from storage.rows.ledger import holds
from storage.rows.payout import LineState, Withdrawal, payouts, withdrawals
from storage.rows.table import as_row, columns, find_one, read_all
from storage.sealing import Seals

_SHEBA: Final = "withdrawal.sheba"
_w = withdrawals.c
COLUMNS = columns(withdrawals, Withdrawal)


@dataclass(frozen=True, slots=True)
class WithdrawalRow:
    """A withdrawal in its owner's list, with when its batch was handed to the bank."""

    withdrawal: Withdrawal
    handed_at: datetime | None

    @property
    def state(self) -> WithdrawalState:
        """Where it stands, as its owner reads it."""
        if self.withdrawal.state == "cut":
            return WithdrawalState.IN_BATCH if self.handed_at is None else WithdrawalState.SENT
        return WithdrawalState(self.withdrawal.state)


@dataclass(frozen=True, slots=True)
class NewWithdrawal:
    """What a member is to be paid, to a sheba that is frozen now; ``hold_id`` holds the amount and what is charged."""

    id: UUID
    person_id: UUID
    amount: Money
    sheba: Sheba = field(repr=False)
    hold_id: UUID
    charged: Fee = NO_FEE
    purpose: LinePurpose = LinePurpose.BALANCE
    purpose_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class WithdrawalTerms:
    """What is asked of a withdrawal at this moment: the least amount, and what is charged besides."""

    least: Money
    charged: Fee


async def terms_in_force(connection: AsyncConnection) -> WithdrawalTerms:
    """The terms that a withdrawal freezes when it is asked for."""
    row = await in_force(connection, PayoutPolicy.POLICY)
    if row is None:
        raise LookupError("there is no policy of pay-outs, though version 1 ships")
    policy = PayoutPolicy.from_policy(row.value)
    return WithdrawalTerms(policy.least, (await vat_in_force(connection)).fee(policy.fee))


async def new_id(connection: AsyncConnection) -> UUID:
    """The id of a withdrawal that is about to be kept: its hold is named after it."""
    found: UUID = (await connection.execute(sa.select(sa.func.uuidv7(type_=sa.Uuid)))).scalar_one()
    return found


async def add_withdrawal(connection: AsyncConnection, seals: Seals, new: NewWithdrawal) -> None:
    """Keep it, to wait for a batch."""
    values = {
        "id": new.id,
        "person_id": new.person_id,
        "amount": new.amount.amount,
        "unit": new.amount.unit,
        "fee": new.charged.net.amount,
        "vat": new.charged.vat.amount,
        "vat_rate": new.charged.rate,
        "sheba_sealed": seals.cipher.seal_text(new.sheba, _SHEBA),
        "sheba_masked": mask_sheba(new.sheba),
        "hold_id": new.hold_id,
        "purpose": new.purpose,
        "purpose_id": new.purpose_id,
    }
    await connection.execute(sa.insert(withdrawals).values(values))


def sheba_of(seals: Seals, withdrawal: Withdrawal) -> str:
    """The whole sheba: for the bank's file and for comparing with its answer, for nobody's eyes."""
    return seals.cipher.open_text(withdrawal.sheba_sealed, _SHEBA)


def sent_line(seals: Seals, withdrawal: Withdrawal) -> SentLine:
    """The line as it was sent to the bank."""
    return SentLine(withdrawal.amount, sheba_of(seals, withdrawal), withdrawal.state, withdrawal.reference)


async def take_back(connection: AsyncConnection, withdrawal_id: UUID, person_id: UUID) -> bool:
    """Mark a member's own as taken back; False if it waits no more."""
    taking = (
        sa.update(withdrawals)
        .where(_w.id == withdrawal_id, _w.person_id == person_id, _w.state == "waiting")
        .values(state="taken_back", settled_at=sa.func.now())
    )
    return (await connection.execute(taking)).rowcount == 1


async def line_for(connection: AsyncConnection, purpose_id: UUID) -> Withdrawal | None:
    """The line by which something else than a balance is paid; None if it has none."""
    return await find_one(connection, Withdrawal, sa.select(*COLUMNS).where(_w.purpose_id == purpose_id))


async def read_withdrawal(connection: AsyncConnection, withdrawal_id: UUID, *, lock: bool = False) -> Withdrawal | None:
    """One of them; None if it is missing or hidden. ``lock`` keeps it as it is until the transaction ends."""
    query = sa.select(*COLUMNS).where(_w.id == withdrawal_id)
    return await find_one(connection, Withdrawal, query.with_for_update() if lock else query)


async def list_withdrawals(
    connection: AsyncConnection, person_id: UUID, *, before: UUID | None, limit: int
) -> list[WithdrawalRow]:
    """A member's own, newest first."""
    query = (
        sa.select(*COLUMNS, payouts.c.handed_at)
        .outerjoin(payouts, payouts.c.case_id == _w.payout_id)
        .where(_w.person_id == person_id, _w.purpose == LinePurpose.BALANCE)
        .order_by(_w.id.desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(_w.id < before)
    count = len(COLUMNS)
    return [WithdrawalRow(as_row(Withdrawal, row[:count]), row[count]) for row in await connection.execute(query)]


async def settle(
    connection: AsyncConnection, withdrawal_id: UUID, state: LineState, *, reference: str | None, reason: str
) -> bool:
    """Note what became of a line that was cut; False if that is known already."""
    settling = (
        sa.update(withdrawals)
        .where(_w.id == withdrawal_id, _w.state == "cut")
        .values(state=state, settled_at=sa.func.now(), reference=reference, reason=reason or None)
    )
    return (await connection.execute(settling)).rowcount == 1


async def note_returned(connection: AsyncConnection, withdrawal_id: UUID, *, reference: str, reason: str) -> bool:
    """Note that the bank gave back what it had paid; False if it was not paid, or that is known already."""
    returning = (
        sa.update(withdrawals)
        .where(_w.id == withdrawal_id, _w.state == "paid")
        .values(state="returned", returned_at=sa.func.now(), return_reference=reference, reason=reason)
    )
    return (await connection.execute(returning)).rowcount == 1


async def lock_lines(connection: AsyncConnection, payout_id: UUID, ids: list[UUID]) -> dict[UUID, Withdrawal]:
    """Those of some ids that are lines of a batch, each as it stands, until the transaction ends."""
    query = sa.select(*COLUMNS).where(_w.payout_id == payout_id, _w.id.in_(ids)).order_by(_w.id).with_for_update()
    return {one.id: one for one in await read_all(connection, Withdrawal, query)}


async def is_held(connection: AsyncConnection, one: Withdrawal) -> bool:
    """Whether its amount is still set apart."""
    query = sa.select(sa.exists().where(holds.c.id == one.hold_id, holds.c.state == "pending"))
    return bool(await connection.scalar(query))
