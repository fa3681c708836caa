"""Every process, by the kinds of case that it sequences: this room's list."""

from __future__ import annotations

from collections.abc import Mapping

from messages.case import CaseKind
from workflows.case import CaseWorkflow
from workflows.clearing import ClearingWorkflow
from workflows.decision import DecisionWorkflow
from workflows.escrow import EscrowWorkflow
from workflows.normal_payment import NormalPaymentWorkflow
from workflows.onboarding import OnboardingWorkflow
from workflows.payment import PaymentWorkflow
from workflows.payout import PayoutWorkflow
from workflows.personnel import PersonnelImportWorkflow
from workflows.substitution import SubstitutionWorkflow


def _by_kind(*workflows: type[CaseWorkflow]) -> Mapping[CaseKind, type[CaseWorkflow]]:
    found: dict[CaseKind, type[CaseWorkflow]] = {}
    for process in workflows:
        for kind in process.kinds:
            if kind in found:
                raise ValueError(f"two processes for {kind}")
            found[kind] = process
    missing = set(CaseKind) - set(found)
    if missing:
        raise ValueError(f"no process for {', '.join(sorted(missing))}")
    return found


WORKFLOWS = _by_kind(
    OnboardingWorkflow,
    SubstitutionWorkflow,
    DecisionWorkflow,
    PersonnelImportWorkflow,
    PaymentWorkflow,
    NormalPaymentWorkflow,
    PayoutWorkflow,
    ClearingWorkflow,
    EscrowWorkflow,
)
