"""Fees and their invoices (E3): the policy of VAT, the accounts, and a numbered invoice of each fee that is booked."""

from __future__ import annotations

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.dates import tehran_day, to_jalali
from domain.fee import Fee, FeeKind, VatPolicy
from domain.ledger import REVENUES, VAT_ACCOUNT, Occasion
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


async def open_fee_accounts(connection: AsyncConnection, kind: FeeKind, fee: Fee) -> None:
    """Open the accounts that ``domain.ledger.fee_earned`` books a fee to; none for no fee."""
    if fee.total:
        await posting.open_accounts(connection, (REVENUES[kind], VAT_ACCOUNT))


async def add_invoice(
    connection: AsyncConnection,
    kind: FeeKind,
    subject_id: UUID,
    person_id: UUID,
    fee: Fee,
    occasion: Occasion,
    journal_id: UUID,
) -> None:
    """Make the invoice of a fee in the transaction that books it; none of no fee. Its number comes with the commit.

    Args:
        connection: with the service's rights.
        kind: what it is taken for.
        subject_id: for which one of these; each has one invoice.
        person_id: who bears it.
        fee: as it was accepted.
        occasion: of its journal; names the case.
        journal_id: in which it is booked.
    """
    if not fee.total:
        return
    values = {
        "kind": kind,
        "subject_id": subject_id,
        "case_id": occasion.case_id,
        "person_id": person_id,
        "journal_id": journal_id,
        "policy_id": (await _policy(connection)).id,
        "fee": fee.net.amount,
        "vat": fee.vat.amount,
        "vat_rate": fee.rate,
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
