"""Fees and their invoices (E3): the policy of VAT, the accounts, and a numbered invoice of each fee that is booked."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.dates import tehran_day, to_jalali
from domain.fee import Fee, FeeKind, VatPolicy
from domain.ledger import REVENUES, VAT_ACCOUNT, Journal, Occasion
from storage.ledger import posting
from storage.policies import by_id, in_force
from storage.rows.fee import Invoice, invoices
from storage.rows.policies import Policy
from storage.rows.table import columns, find_one

_i = invoices.c


async def vat_in_force(connection: AsyncConnection) -> VatPolicy:
    """The rate at which a fee that is shown now has its VAT."""
    return VatPolicy.from_policy((await _policy(connection)).value)


async def _policy(connection: AsyncConnection) -> Policy:
    row = await in_force(connection, VatPolicy.POLICY)
    if row is None:
        raise LookupError("there is no policy of VAT, though version 1 ships")
    return row


@dataclass(frozen=True, slots=True)
class Charged:
    """A fee as it was accepted: for which one of what it is taken, each of which has one invoice, and who bears it."""

    kind: FeeKind
    subject_id: UUID
    person_id: UUID
    fee: Fee


async def post_charged(connection: AsyncConnection, hold_id: UUID, journal: Journal, charged: Charged) -> None:
    """Turn a hold into a journal that has ``fee_earned`` among its entries, and make the invoice of the fee.

    Of no fee there is none. The invoice's number comes with the commit.

    Args:
        connection: with the service's rights.
        hold_id: what was held, for the fee too.
        journal: of a case.
        charged: the fee that is in it.

    Raises:
        HoldResolved, InsufficientFunds, AccountFrozen, LedgerFault: as ``post_hold``.
    """
    if charged.fee.total:
        await posting.open_accounts(connection, (REVENUES[charged.kind], VAT_ACCOUNT))
    journal_id = await posting.post_hold(connection, hold_id, journal)
    if charged.fee.total:
        await add_invoice(connection, charged, journal.occasion, journal_id)


async def add_invoice(connection: AsyncConnection, charged: Charged, occasion: Occasion, journal_id: UUID) -> None:
    """Make the invoice of a fee, in the transaction that books it."""
    values = {
        "kind": charged.kind,
        "subject_id": charged.subject_id,
        "case_id": occasion.case_id,
        "person_id": charged.person_id,
        "journal_id": journal_id,
        "policy_id": (await _policy(connection)).id,
        "fee": charged.fee.net.amount,
        "vat": charged.fee.vat.amount,
        "vat_rate": charged.fee.rate,
        "issued_at": occasion.event_at,
        "year": to_jalali(tehran_day(occasion.event_at)).year,
    }
    await connection.execute(sa.insert(invoices).values(values))


async def invoice_of(connection: AsyncConnection, kind: FeeKind, subject_id: UUID) -> Invoice | None:
    """The invoice of a fee; None if there was none, or it is another's."""
    query = sa.select(*columns(invoices, Invoice)).where(_i.kind == kind, _i.subject_id == subject_id)
    return await find_one(connection, Invoice, query)


async def policy_of(connection: AsyncConnection, invoice: Invoice) -> VatPolicy:
    """The policy that was in force when the invoice was made: it says who the seller was."""
    return VatPolicy.from_policy((await by_id(connection, invoice.policy_id)).value)
