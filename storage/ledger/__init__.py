"""The ledger in Postgres: post, hold, correct, read, and prove. The only door to its tables.

Every call runs inside the caller's transaction. What is refused for want of money raises a Refusal of
domain/ledger.py before anything is written, so that the transaction may go on; a LedgerFault is a fault of the
program and leaves the transaction broken.
"""

from storage.ledger.checking import RULES, Violation, breaches, check
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
from storage.ledger.posting import (
    BATCH_MAX,
    correct,
    expire_hold,
    freeze,
    hold,
    open_account,
    open_accounts,
    post,
    post_batch,
    post_hold,
    unfreeze,
    void_hold,
)
from storage.ledger.reading import (
    Balance,
    Cursor,
    Page,
    StatementLine,
    TrialRow,
    balance,
    statement,
    sums_age,
    trial_balance,
)
from storage.ledger.summing import sum_accounts, sum_kinds

__all__ = [
    "BATCH_MAX",
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
    "Page",
    "StatementLine",
    "TrialRow",
    "UnbalancedJournal",
    "UnitDiffers",
    "UnknownAccount",
    "UnknownHold",
    "UnknownKind",
    "Violation",
    "balance",
    "breaches",
    "check",
    "correct",
    "expire_hold",
    "freeze",
    "hold",
    "open_account",
    "open_accounts",
    "post",
    "post_batch",
    "post_hold",
    "statement",
    "sum_accounts",
    "sum_kinds",
    "sums_age",
    "trial_balance",
    "typed_faults",
    "unfreeze",
    "void_hold",
]
