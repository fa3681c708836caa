"""Fresh codes for what moves money or reveals credentials, and stepping up a session with one (G1, A2)."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Final, Literal, Self, Union
from uuid import UUID

from fastapi import APIRouter, Body
from pydantic import Field, model_validator

from api import bank_account, card, escrow, guarantor, onboarding, withdrawal
from api.answering import CodeRequest
from api.dependencies import CommandDep
from api.operation import Operation
from api.values import CodeText, Input, Out
from commands import account as commands
from commands.bank_account import sheba_to_add
from commands.command import Command
from commands.refusals import refuses
from commands.task import CLOSED
from commands.withdrawal import destination
from domain.account import CODE_LIFE, CodePurpose, step_up_binding
from domain.errors import Forbidden, NotFound

router = APIRouter(prefix="/v1", tags=["account"], route_class=Operation)


class StepUpCodeRequest(CodeRequest):
    """Asks for a code that confirms this session."""

    purpose: Literal["step_up"]

    async def binding(self, command: Command) -> bytes:
        """The session."""
        return step_up_binding(command.actor.session_id)


CODES: Final = (
    StepUpCodeRequest,
    *onboarding.CODES,
    *guarantor.CODES,
    *card.CODES,
    *bank_account.CODES,
    *withdrawal.CODES,
    *escrow.CODES,
)

if TYPE_CHECKING:
    AnyCodeWish = CodeRequest
else:
    # Two wishes of one purpose are refused as the program starts.
    AnyCodeWish = Annotated[Union[CODES], Field(discriminator="purpose")]  # noqa: UP007 - made at run time


class CodeOnItsWay(Out):
    """A code was sent to the member's mobile."""

    code_id: UUID
    expires_in_seconds: int = Field(examples=[300])


class StepUp(Input):
    """A fresh code: members give ``code_id`` and ``code``, staff ``totp``."""

    code_id: UUID | None = None
    code: CodeText | None = None
    totp: CodeText | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        by_code = self.code_id is not None and self.code is not None and self.totp is None
        by_totp = self.code_id is None and self.code is None and self.totp is not None
        if not by_code and not by_totp:
            raise ValueError("give code_id and code, or totp")
        return self


class SteppedUp(Out):
    """The session is confirmed for a while."""

    strong_until: datetime


@router.post("/codes", status_code=202)
@refuses(commands.request_code, sheba_to_add, destination, *escrow.CODE_REFUSALS, Forbidden, NotFound, *CLOSED)
async def request_code(command: CommandDep, wish: Annotated[AnyCodeWish, Body()]) -> CodeOnItsWay:
    """Ask for a code by SMS that confirms one thing; for another thing it is worth nothing."""
    code_id = await commands.request_code(command, CodePurpose(wish.purpose), *await wish.confirmed(command))
    return CodeOnItsWay(code_id=code_id, expires_in_seconds=int(CODE_LIFE.total_seconds()))


@router.post("/step-up")
@refuses(commands.step_up, Forbidden)
async def step_up(command: CommandDep, body: StepUp) -> SteppedUp:
    """Confirm the session with a fresh code; for a while it may then do what needs one.

    Five minutes of a member, ten of staff. What moves pay, terms or money takes a code of its own instead.
    """
    until = await commands.step_up(command, code_id=body.code_id, code=body.code or "", totp=body.totp or "")
    return SteppedUp(strong_until=until)
