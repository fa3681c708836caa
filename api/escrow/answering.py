"""How the tasks of safe payments are answered, and which of their deeds take a code by SMS (E1, E3, E4, E5, E6)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Self
from uuid import UUID

from pydantic import Field, model_validator

from api.answering import CodeRequest, Decision, TaskDecisions
from api.escrow.disputes import SharesIn
from api.escrow.shown import PREFIX
from api.values import AmountIn, Input
from commands.command import Command
from commands.escrow import arbitration, dispute, job, money
from commands.refusals import refuses
from domain.errors import InvalidInput
from messages.escrow import TaskKind
from storage.rows.tasks import Task

_NOTE = Field(
    default="", max_length=1_000, description="At most 500 characters", examples=["با هر دو طرف تماس گرفته شد"]
)


class AcceptEscrow(Decision):
    """The other side accepts a safe payment, and with the first one the job's arbitration clause (E1)."""

    kind: Literal["answer_escrow"]
    decision: Literal["accept"]
    clause_version: int | None = Field(
        default=None, strict=True, ge=1, le=1_000_000, description="Needed until the job is accepted", examples=[1]
    )

    @refuses(job.accept_escrow)
    async def decide(self, command: Command, task: Task) -> None:
        """Accept."""
        await job.accept_escrow(command, task, self.clause_version)


class DeclineEscrow(Decision):
    """The other side does not want a safe payment (E1)."""

    kind: Literal["answer_escrow"]
    decision: Literal["decline"]

    @refuses(job.decline_escrow)
    async def decide(self, command: Command, task: Task) -> None:
        """Decline."""
        await job.decline_escrow(command, task)


class RuleDispute(Decision):
    """The arbitrator divides what is frozen, with reasons (E5)."""

    kind: Literal["rule_dispute"]
    decision: Literal["rule"]
    shares: SharesIn
    reasons: str = Field(
        max_length=10_000, description="20 to 8,000 characters", examples=["بر پایهٔ مدارک، دو سوم کار انجام شده است."]
    )

    @refuses(arbitration.rule_dispute)
    async def decide(self, command: Command, task: Task) -> None:
        """Rule."""
        await arbitration.rule_dispute(command, task, self.shares.shares(), self.reasons)


class OpenDormantDispute(Decision):
    """An arbitrator opens arbitration on money with which nothing happens (E4)."""

    kind: Literal["review_dormant_escrow"]
    decision: Literal["open_dispute"]
    note: str = _NOTE

    @refuses(arbitration.review_dormant)
    async def decide(self, command: Command, task: Task) -> None:
        """Open it."""
        await arbitration.review_dormant(command, task, True, self.note)  # noqa: FBT003 - what the decision says


class LeaveDormant(Decision):
    """An arbitrator lets money lie with which nothing happens; it is looked at again (E4)."""

    kind: Literal["review_dormant_escrow"]
    decision: Literal["leave"]
    note: str = _NOTE

    @refuses(arbitration.review_dormant)
    async def decide(self, command: Command, task: Task) -> None:
        """Let it lie."""
        await arbitration.review_dormant(command, task, False, self.note)  # noqa: FBT003 - what the decision says


class SeekArbitrator(Decision):
    """The operations desk has seen to an arbitrator who may take the dispute (E5)."""

    kind: Literal["find_arbitrator"]
    decision: Literal["sought"]
    note: str = _NOTE

    @refuses(arbitration.seek_arbitrator)
    async def decide(self, command: Command, task: Task) -> None:
        """Record it."""
        await arbitration.seek_arbitrator(command, task, self.note)


_PAYMENT = f"{PREFIX}/payments/{{case_id}}"
DECISIONS = (
    TaskDecisions(TaskKind.ANSWER_ESCROW, (AcceptEscrow, DeclineEscrow), asks_another=True),
    TaskDecisions(TaskKind.FUND_ESCROW, address=f"{_PAYMENT}/payment"),
    TaskDecisions(TaskKind.INSPECT_WORK, address=f"{_PAYMENT}/release", operation="release_escrow"),
    TaskDecisions(TaskKind.ANSWER_REFUND, address=f"{_PAYMENT}/refund-answer"),
    TaskDecisions(TaskKind.FILE_STATEMENT, address=f"{_PAYMENT}/statements"),
    TaskDecisions(TaskKind.RULE_DISPUTE, (RuleDispute,), claiming=arbitration.claimed_until),
    TaskDecisions(TaskKind.FIND_ARBITRATOR, (SeekArbitrator,)),
    TaskDecisions(
        TaskKind.REVIEW_DORMANT_ESCROW, (OpenDormantDispute, LeaveDormant), claiming=arbitration.claimed_until
    ),
)


class HeldAmount(Input):
    """How much of which safe payment."""

    case_id: UUID
    amount: AmountIn


class ReleaseCodeRequest(CodeRequest):
    """Asks for a code that releases exactly so much (E3)."""

    purpose: Literal["escrow_release"]
    subject: HeldAmount

    async def confirmed(self, command: Command) -> tuple[bytes, Mapping[str, str]]:
        """The payment and the amount, which the SMS names. Refused as releasing would be."""
        found = await money.releasing(command, self.subject.case_id, self.subject.amount.money())
        return found.binding, found.told


class RefundCodeRequest(CodeRequest):
    """Asks for a code with which the contractor agrees to exactly so much of a refund (E6)."""

    purpose: Literal["escrow_refund"]
    subject: HeldAmount

    async def confirmed(self, command: Command) -> tuple[bytes, Mapping[str, str]]:
        """The payment and the amount, which the SMS names. Refused as agreeing would be."""
        found = await money.agreeing_to_refund(command, self.subject.case_id, self.subject.amount.money())
        return found.binding, found.told


class SplitSubject(Input):
    """A split of which safe payment: one to be offered, by its amounts, or an offer to be accepted, by its id."""

    case_id: UUID
    shares: SharesIn | None = Field(default=None, description="To be offered")
    offer_id: UUID | None = Field(default=None, description="Of the other side's offer that is to be accepted")

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.shares is None) == (self.offer_id is None):
            raise ValueError("give shares or offer_id")
        return self


class SplitCodeRequest(CodeRequest):
    """Asks for a code that offers, or accepts, exactly this split (E5)."""

    purpose: Literal["escrow_split"]
    subject: SplitSubject

    async def confirmed(self, command: Command) -> tuple[bytes, Mapping[str, str]]:
        """The payment and both amounts, which the SMS names. Refused as offering or accepting would be."""
        case_id, shares, offer_id = self.subject.case_id, self.subject.shares, self.subject.offer_id
        if offer_id is not None:
            found = await dispute.accepting_split(command, case_id, offer_id)
        elif shares is not None:
            found = await dispute.offering(command, case_id, shares.shares())
        else:
            raise InvalidInput(field="subject")
        return found.binding, found.told


CODES = (ReleaseCodeRequest, RefundCodeRequest, SplitCodeRequest)
# What asking for one of them may be refused with.
CODE_REFUSALS = (money.releasing, money.agreeing_to_refund, dispute.offering, dispute.accepting_split)
