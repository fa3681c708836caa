"""Every kind of task with its answers; a capability stands here with one line."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Final, Literal, Union, get_args

from pydantic import Field

from api import (
    certificate,
    clearing,
    escrow,
    guarantor,
    kyc,
    mobile_change,
    normal_payment,
    onboarding,
    payment,
    payment_return,
    payout,
    payout_answer,
    personnel_change,
    review,
    staff_change,
    substitution,
)
from api.answering import Decision, TaskDecisions
from api.case_view import Action
from storage.rows.tasks import Task


def listed(*capabilities: Iterable[TaskDecisions]) -> dict[str, TaskDecisions]:
    """All of them by kind.

    Raises:
        ValueError: a kind is listed twice, or an answer under another kind than its own.
    """
    found: dict[str, TaskDecisions] = {}
    for answering in (each for capability in capabilities for each in capability):
        if answering.kind in found:
            raise ValueError(f"two capabilities answer {answering.kind}")
        if any(get_args(each.model_fields["kind"].annotation) != (answering.kind,) for each in answering.decisions):
            raise ValueError(f"an answer to {answering.kind} says that it is one to another kind")
        found[str(answering.kind)] = answering
    return found


TASK_DECISIONS: Final = listed(
    certificate.DECISIONS,
    clearing.DECISIONS,
    guarantor.DECISIONS,
    review.DECISIONS,
    onboarding.DECISIONS,
    substitution.DECISIONS,
    personnel_change.DECISIONS,
    mobile_change.DECISIONS,
    staff_change.DECISIONS,
    kyc.DECISIONS,
    normal_payment.DECISIONS,
    escrow.DECISIONS,
    payment.DECISIONS,
    payment_return.DECISIONS,
    payout.DECISIONS,
    payout_answer.DECISIONS,
)
DECISIONS: Final[tuple[type[Decision], ...]] = tuple(
    decision for answering in TASK_DECISIONS.values() for decision in answering.decisions
)

CLAIMING: Final = {kind: each.claiming for kind, each in TASK_DECISIONS.items() if each.claiming is not None}
RELEASING: Final = {kind: each.releasing for kind, each in TASK_DECISIONS.items() if each.releasing is not None}


def any_decision() -> Any:
    """The type of a decision about any task, told apart by ``kind`` and then by ``decision``."""
    kinds = [
        Annotated[Union[answering.decisions], Field(discriminator="decision")]  # noqa: UP007 - made at run time
        for answering in TASK_DECISIONS.values()
        if answering.decisions
    ]
    return Annotated[Union[tuple(kinds)], Field(discriminator="kind")]  # noqa: UP007 - made at run time


def any_kind() -> Any:
    """The type of the name of a kind of task."""
    return Literal[tuple(TASK_DECISIONS)]


def asks_another(task: Task) -> bool:
    """Whether a task asks somebody else than whom its case is about."""
    return task.kind in TASK_DECISIONS and TASK_DECISIONS[task.kind].asks_another


def action_of(task: Task) -> Action:
    """How a task is answered."""
    known = TASK_DECISIONS.get(task.kind)
    if known is not None and known.address:
        return Action(action=known.answered_by, method="POST", href=known.address.format(case_id=task.case_id))
    return Action(action=f"decide_{task.kind}", method="POST", href=f"/v1/tasks/{task.id}/decision")
