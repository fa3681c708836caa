"""Keeps the sums short: snapshots of busy accounts without a floor, and sums by kind for the trial balance.

About one entry in 256 marks its account; each call here uses up to so many marks since the last one, so its work is
bounded however much was posted meanwhile. Neither ever makes a poster wait, nor counts what may still be overtaken by
an older transaction.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

_ACCOUNTS: Final = sa.text("SELECT ledger_sum_accounts(:marks)")
_KINDS: Final = sa.text("SELECT ledger_sum_kinds(:marks)")


async def sum_accounts(connection: AsyncConnection, marks: int) -> int:
    """Take a snapshot of each account that was marked since the last ones.

    Returns:
        How many marks were used; as many as asked for: others may wait, call again in a new transaction.
    """
    return int((await connection.execute(_ACCOUNTS, {"marks": marks})).scalar_one())


async def sum_kinds(connection: AsyncConnection, marks: int) -> int:
    """Take the sums by kind at a new horizon, if so many marks came since the last.

    Returns:
        How many marks were used; 0: too few came, nothing was done.
    """
    return int((await connection.execute(_KINDS, {"marks": marks})).scalar_one())
