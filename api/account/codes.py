"""Fresh codes for what moves money or reveals credentials, and stepping up a session with one (G1, A2)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from fastapi import APIRouter, Body
from pydantic import Field, model_validator

from api.account.sessions import CodeText
from api.dependencies import CommandDep
from api.operation import Operation
from api.values import AmountIn, Input, Out
from commands import account as commands
from commands.command import Command
from commands.refusals import refuses
from domain.account import (
    CODE_LIFE,
    CodePurpose,
    guarantee_binding,
    mandate_binding,
    step_up_binding,
)
from domain.errors import Forbidden, NotFound
from storage.guarantor import read_guarantee

router = APIRouter(prefix="/v1", tags=["account"], route_class=Operation)


class MandateSubject(Input):
    """The terms of the deduction mandate that the code accepts: the application must be for exactly these."""

    programme: str = Field(pattern=r"^[a-z][a-z0-9_]{1,39}$", examples=["minipay"])
    monthly_amount: AmountIn
    instalments: int = Field(strict=True, gt=0, le=1_000, examples=[12])
    mandate_version: int = Field(strict=True, gt=0, le=1_000_000, examples=[1])


class StepUpCodeWish(Input):
    """Asks for a code that confirms this session."""

    purpose: Literal["step_up"]


class MandateCodeWish(Input):
    """Asks for a code that accepts a deduction mandate."""

    purpose: Literal["accept_mandate"]
    subject: MandateSubject


class GuaranteeSubject(Input):
    """What the caller was asked to stand for; the code accepts exactly the terms of that guarantee."""

    guarantee_id: UUID
    mandate_version: int = Field(strict=True, gt=0, le=1_000_000, examples=[1])


class GuaranteeCodeWish(Input):
    """Asks for a code with which a guarantor accepts (A5)."""

    purpose: Literal["accept_guarantee"]
    subject: GuaranteeSubject


CodeWish = Annotated[StepUpCodeWish | MandateCodeWish | GuaranteeCodeWish, Body(discriminator="purpose")]


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
@refuses(commands.request_code, Forbidden, NotFound)
async def request_code(command: CommandDep, wish: CodeWish) -> CodeOnItsWay:
    """Ask for a code by SMS that confirms one thing; for another thing it is worth nothing."""
    code_id = await commands.request_code(command, CodePurpose(wish.purpose), await _binding(command, wish))
    return CodeOnItsWay(code_id=code_id, expires_in_seconds=int(CODE_LIFE.total_seconds()))


async def _binding(command: Command, wish: StepUpCodeWish | MandateCodeWish | GuaranteeCodeWish) -> bytes:
    match wish:
        case MandateCodeWish():
            terms = wish.subject
            return mandate_binding(
                terms.programme, terms.monthly_amount.amount, terms.instalments, terms.mandate_version
            )
        case GuaranteeCodeWish():
            return await _guarantee_binding(command, wish.subject)
        case StepUpCodeWish():
            return step_up_binding(command.actor.session_id)


async def _guarantee_binding(command: Command, subject: GuaranteeSubject) -> bytes:
    """The terms are the guarantee's own, whatever the guarantor believes; it must be waiting for their answer.

    Raises:
        Forbidden: staff guarantee nothing.
        NotFound: missing, answered, or another person's.
    """
    if command.actor.capacity != "member":
        raise Forbidden
    guarantee = await read_guarantee(command.connection, subject.guarantee_id)
    if guarantee is None or guarantee.person_id != command.actor.person_id or guarantee.status != "asked":
        raise NotFound
    return guarantee_binding(guarantee.id, guarantee.monthly, guarantee.instalments, subject.mandate_version)


@router.post("/step-up")
@refuses(commands.step_up, Forbidden)
async def step_up(command: CommandDep, body: StepUp) -> SteppedUp:
    """Confirm the session with a fresh code; for five minutes it may then do what needs one."""
    until = await commands.step_up(command, code_id=body.code_id, code=body.code or "", totp=body.totp or "")
    return SteppedUp(strong_until=until)
