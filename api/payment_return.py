"""Money that no gateway gives back: what one officer records and another confirms, and to which sheba (E2)."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import AfterValidator, Field, StringConstraints

from api.answering import Decision, TaskDecisions
from api.dependencies import CommandDep, FreshCode, require
from api.operation import Operation
from api.values import Out
from commands import payment_return as commands
from commands.command import Command
from commands.payment_return import WentBack
from commands.refusals import refuses
from domain.access import Role
from domain.payment_return import RecordedFrom
from domain.persian import clean_text, value_text
from messages.payment import TaskKind
from storage.rows.tasks import Task

router = APIRouter(prefix="/v1/payments", tags=["payments"], route_class=Operation)

_Reference = Annotated[
    str, StringConstraints(max_length=40), AfterValidator(value_text), StringConstraints(min_length=4)
]
_Note = Annotated[str, StringConstraints(max_length=500), AfterValidator(clean_text), StringConstraints(min_length=3)]


class ReturnByHand(Decision):
    """The money went back by hand, as the bank or the gateway's desk says; with a code of its own (G1)."""

    kind: Literal["return_payment"]
    decision: Literal["return_by_hand"]
    source: RecordedFrom = Field(
        default=RecordedFrom.BANK, description="Out of our account at the bank, or by the gateway after all"
    )
    reference: _Reference = Field(description="The bank's or the gateway's", examples=["140509090012345678"])
    note: _Note = Field(description="How that is known", examples=["از بانک‌داری اینترنتی به شبای عضو پرداخت شد"])

    @refuses(commands.record_return)
    async def decide(self, command: Command, task: Task) -> None:
        """Record it."""
        await commands.record_return(command, task, WentBack(self.source, self.reference, self.note))


class ConfirmReturn(Decision):
    """Another officer confirms that the money went back as it was recorded; with a code of its own (G1)."""

    kind: Literal["confirm_return"]
    decision: Literal["confirm"]

    @refuses(commands.confirm_return)
    async def decide(self, command: Command, task: Task) -> None:
        """Confirm."""
        await commands.confirm_return(command, task)


class RejectReturn(Decision):
    """Another officer does not confirm it; the money is to be paid back as before."""

    kind: Literal["confirm_return"]
    decision: Literal["reject"]
    reason: _Note = Field(examples=["چنین حواله‌ای در صورت‌حساب بانک نیست"])

    @refuses(commands.reject_return)
    async def decide(self, command: Command, task: Task) -> None:
        """Reject."""
        await commands.reject_return(command, task, self.reason)


DECISIONS = (
    # Which of several sums it is about decides how much is paid back.
    TaskDecisions(TaskKind.RETURN_PAYMENT, (ReturnByHand,), asks_another=True),
    TaskDecisions(TaskKind.CONFIRM_RETURN, (ConfirmReturn, RejectReturn), asks_another=True),
)


class WholeSheba(Out):
    """A whole sheba; shown here and not kept."""

    sheba: str | None = Field(
        description="Null in the repeated answer to a retry: then look anew", examples=["IR820540102680020817909002"]
    )

    @classmethod
    def kept(cls, body: bytes) -> bytes:
        """What is kept for a retry: no number."""
        return cls.model_validate_json(body).model_copy(update={"sheba": None}).model_dump_json().encode()


@router.post("/{case_id}/returns/{return_id}/sheba", dependencies=[Depends(require(Role.SETTLEMENT_OFFICER))])
@refuses(commands.reveal_return_sheba)
async def reveal_return_sheba(command: CommandDep, case_id: UUID, return_id: UUID, totp: FreshCode) -> WholeSheba:
    """Show the whole sheba to which an officer is to pay money back by hand; each look is audited."""
    return WholeSheba(sheba=await commands.reveal_return_sheba(command.with_code(totp), case_id, return_id))
