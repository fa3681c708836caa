"""The ledger in Postgres: read and prove; ``holding`` sets amounts apart, ``posting`` moves them.

Every call runs inside the caller's transaction. What is refused for want of money raises a Refusal of
domain/ledger.py before anything is written, so that the transaction may go on; a LedgerFault is a fault of the
program and leaves the transaction broken.
"""

from __future__ import annotations

from storage.ledger.checking import RULES, Violation, at_one_moment, breaches, check
from storage.ledger.faults import (
    AccountDiffers,
    BadBatch,
    BadCorrection,
    BadEntry,
    BadHold,
    KeyConflict,
    LedgerFault,
    UnbalancedJournal,
    UnitDiffers,
    UnknownAccount,
    UnknownHold,
    UnknownKind,
    typed_faults,
)
from storage.ledger.reading import (
    Balance,
    Cursor,
    StatementLine,
    StatementPage,
    TrialRow,
    balance,
    statement,
    sums_age,
    trial_balance,
)
from storage.ledger.summing import sum_accounts, sum_kinds

__all__ = [
    "RULES",
    "AccountDiffers",
    "BadBatch",
    "BadCorrection",
    "BadEntry",
    "BadHold",
    "Balance",
    "Cursor",
    "KeyConflict",
    "LedgerFault",
    "StatementLine",
    "StatementPage",
    "TrialRow",
    "UnbalancedJournal",
    "UnitDiffers",
    "UnknownAccount",
    "UnknownHold",
    "UnknownKind",
    "Violation",
    "at_one_moment",
    "balance",
    "breaches",
    "check",
    "statement",
    "sum_accounts",
    "sum_kinds",
    "sums_age",
    "trial_balance",
    "typed_faults",
]
