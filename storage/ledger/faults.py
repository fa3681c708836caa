"""What Postgres raises as SQLSTATE ``AM…``, as Python exceptions. Each is a fault of the program, not of a person."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

from sqlalchemy.exc import DBAPIError


class LedgerFault(Exception):
    """The ledger was asked for something impossible; the transaction is broken and must be rolled back."""

    code: ClassVar[str] = "ledger_fault"
    sqlstate: ClassVar[str] = ""


class KeyConflict(LedgerFault):
    """The key stands for another content."""

    code = "ledger_key_conflict"
    sqlstate = "AM001"


class UnknownAccount(LedgerFault):
    """No account of that code."""

    code = "ledger_unknown_account"
    sqlstate = "AM002"


class UnbalancedJournal(LedgerFault):
    """Not zero in each unit, or fewer than two entries."""

    code = "ledger_unbalanced"
    sqlstate = "AM003"


class UnitDiffers(LedgerFault):
    """The unit of an entry is not its account's."""

    code = "ledger_unit_differs"
    sqlstate = "AM004"


class AccountDiffers(LedgerFault):
    """An account of that code exists with another kind, unit or owner."""

    code = "ledger_account_differs"
    sqlstate = "AM005"


class UnknownKind(LedgerFault):
    """No such line in the chart of accounts."""

    code = "ledger_unknown_kind"
    sqlstate = "AM006"


class UnknownHold(LedgerFault):
    """No such hold."""

    code = "ledger_unknown_hold"
    sqlstate = "AM007"


class BadHold(LedgerFault):
    """A hold on an account without a floor, in another unit, or posted with more than it holds."""

    code = "ledger_bad_hold"
    sqlstate = "AM008"


class BadCorrection(LedgerFault):
    """The journal is unknown, is itself a correction, or is not mirrored."""

    code = "ledger_bad_correction"
    sqlstate = "AM009"


class BadBatch(LedgerFault):
    """A batch whose arrays do not fit together, or one that is too large."""

    code = "ledger_bad_batch"
    sqlstate = "AM012"


class BadEntry(LedgerFault):
    """An entry outside its journal's transaction, or with a wrong running balance."""

    code = "ledger_bad_entry"
    sqlstate = "AM010"


_BY_STATE: dict[str, type[LedgerFault]] = {fault.sqlstate: fault for fault in LedgerFault.__subclasses__()}


@contextmanager
def typed_faults() -> Iterator[None]:
    """Turn SQLSTATE ``AM…`` into its LedgerFault; round a COMMIT it names what is found only there."""
    try:
        yield
    except DBAPIError as error:
        fault = _BY_STATE.get(getattr(error.orig, "sqlstate", None) or "")
        if fault is None:
            raise
        raise fault(fault.code) from error
