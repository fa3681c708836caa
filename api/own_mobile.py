"""Another mobile of a member without an employer (G2)."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import Field

from api.dependencies import CommandDep, require
from api.operation import Operation
from api.values import CodeText, Input, Out
from commands import own_mobile as commands
from commands.refusals import refuses
from domain.account import CODE_LIFE

router = APIRouter(prefix="/v1/me/mobile", tags=["account"], route_class=Operation)
_MEMBER = [Depends(require(member=True))]


class OwnMobileIn(Input):
    """The new number."""

    mobile: str = Field(max_length=40, examples=["09351234567"])


class OwnMobileCodes(Out):
    """A code is on its way to each of the two numbers."""

    old_code_id: UUID
    new_code_id: UUID
    expires_in_seconds: int = Field(examples=[300])


class CodeOfNumber(Input):
    """A code that came to one of the numbers."""

    code_id: UUID
    code: CodeText


class OwnMobileConfirmation(Input):
    """The code that came to the present number, and the one that came to the new number."""

    old: CodeOfNumber
    new: CodeOfNumber


class OwnMobileChanged(Out):
    """The number is changed; every session has ended, this one too."""

    changed: bool


@router.post("", status_code=202, dependencies=_MEMBER)
@refuses(commands.request_own_mobile)
async def request_own_mobile(command: CommandDep, body: OwnMobileIn) -> OwnMobileCodes:
    """Have a code sent to one's present number and one to the new number."""
    old, new = await commands.request_own_mobile(command, body.mobile)
    return OwnMobileCodes(old_code_id=old, new_code_id=new, expires_in_seconds=int(CODE_LIFE.total_seconds()))


@router.post("/confirmation", dependencies=_MEMBER)
@refuses(commands.confirm_own_mobile)
async def confirm_own_mobile(command: CommandDep, body: OwnMobileConfirmation) -> OwnMobileChanged:
    """Make the new number one's own with both codes; all sessions end, and money actions pause."""
    old, new = (commands.TypedCode(typed.code_id, typed.code) for typed in (body.old, body.new))
    await commands.confirm_own_mobile(command, old, new)
    return OwnMobileChanged(changed=True)
