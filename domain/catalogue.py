"""Every capability's words, which cases take files and words, and what only its holder sees: this room's lists."""

from __future__ import annotations

from typing import Final

from domain import (
    attachment,
    bank_account,
    case,
    certificate,
    clearing,
    correspondence,
    draft,
    employment,
    fee,
    guarantor,
    invitation,
    mobile_change,
    normal_payment,
    onboarding,
    paper,
    payment,
    payment_return,
    profile,
    reconciliation,
    review,
    staff_change,
    substitution,
    vault,
    withdrawal,
)
from domain import kyc_words as kyc
from domain import ledger_words as ledger
from domain import payout_words as payout
from domain.escrow import files as escrow_files
from domain.escrow import policy as escrow_policy
from domain.escrow import words as escrow
from domain.held_task import HeldTask
from domain.kyc import CORRESPONDENCE as KYC_CORRESPONDENCE
from domain.kyc import HELD as KYC_HELD
from domain.personnel import words as personnel
from domain.vault import SecretRules
from domain.wording import Catalogue

CAPABILITIES: Final = (
    attachment.WORDS,
    bank_account.WORDS,
    case.WORDS,
    certificate.WORDS,
    clearing.WORDS,
    correspondence.WORDS,
    draft.WORDS,
    employment.WORDS,
    escrow.WORDS,
    fee.WORDS,
    guarantor.WORDS,
    invitation.WORDS,
    kyc.WORDS,
    ledger.WORDS,
    mobile_change.WORDS,
    normal_payment.WORDS,
    onboarding.WORDS,
    paper.WORDS,
    payment.WORDS,
    payment_return.WORDS,
    payout.WORDS,
    personnel.WORDS,
    profile.WORDS,
    reconciliation.WORDS,
    review.WORDS,
    staff_change.WORDS,
    substitution.WORDS,
    vault.WORDS,
    withdrawal.WORDS,
)
words: Final = Catalogue(CAPABILITIES)
TASK_KINDS: Final = tuple(kind for words in CAPABILITIES for kind in words.tasks)
ATTACHMENTS: Final = {
    rules.kind: rules
    for rules in (
        escrow_files.ATTACHMENTS,
        mobile_change.ATTACHMENTS,
        onboarding.ATTACHMENTS,
        payment_return.ATTACHMENTS,
        payout.ATTACHMENTS,
    )
}
# By kind of task; a capability names its own ``HELD``.
_HELD: Final[tuple[HeldTask, ...]] = (*escrow_policy.HELD, *KYC_HELD)
HELD: Final[dict[str, HeldTask]] = {held.kind: held for held in _HELD}
# By kind of case; a capability names its own ``SECRETS``.
_SECRETS: Final[tuple[SecretRules, ...]] = (escrow_files.SECRETS,)
SECRETS: Final[dict[str, SecretRules]] = {rules.kind: rules for rules in _SECRETS}
CORRESPONDENCE: Final = {
    rules.kind: rules
    for rules in (
        escrow_files.CORRESPONDENCE,
        KYC_CORRESPONDENCE,
        onboarding.CORRESPONDENCE,
        payment_return.CORRESPONDENCE,
        substitution.CORRESPONDENCE,
    )
}
