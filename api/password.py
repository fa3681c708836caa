"""A member's password: setting and removing it, signing in with it, and renewing a forgotten one (G1)."""

from __future__ import annotations

from typing import Self
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import Field, model_validator

from api.account.sessions import Challenge, DeviceToken, Session, Transport, session_of
from api.dependencies import CommandDep, VisitorDep, require
from api.operation import Operation
from api.values import CodeText, Input, Out
from commands import password as commands
from commands.refusals import refuses
from domain.profile import RENEWAL_SENT

router = APIRouter(prefix="/v1", tags=["account"], route_class=Operation)
_MEMBER = [Depends(require(member=True))]
# Longer than any that may be set, so that those are refused in words of their own.
_PASSWORD = Field(max_length=200, examples=["seven-green-lamps"])


class PasswordIn(Input):
    """A password of at least ten characters."""

    password: str = _PASSWORD


class PasswordKept(Out):
    """Whether there is a password now."""

    has_password: bool


class PasswordSignIn(Input):
    """What a member with a password signs in with."""

    national_id: str = Field(max_length=40, examples=["0499370899"])
    password: str = _PASSWORD
    transport: Transport = "bearer"
    device_token: DeviceToken = None


class RenewalIn(Input):
    """Whose password is renewed, and where the code goes: the member's number, or the address that they confirmed."""

    national_id: str = Field(max_length=40, examples=["0499370899"])
    mobile: str | None = Field(default=None, max_length=40, examples=["09121234567"])
    email: str | None = Field(default=None, max_length=200, examples=["maryam@example.com"])

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.mobile is None) == (self.email is None):
            raise ValueError("give mobile or email")
        return self


class RenewedPassword(Input):
    """The code that came, and the new password."""

    challenge_id: UUID
    code: CodeText
    password: str = _PASSWORD


@router.put("/me/password", dependencies=_MEMBER)
@refuses(commands.set_password)
async def set_password(command: CommandDep, body: PasswordIn) -> PasswordKept:
    """Set a password, or another one; one's other sessions end. Needs a fresh code."""
    await commands.set_password(command, body.password)
    return PasswordKept(has_password=True)


@router.delete("/me/password", dependencies=_MEMBER)
@refuses(commands.remove_password)
async def remove_password(command: CommandDep) -> PasswordKept:
    """Sign in by SMS only again. Needs a fresh code."""
    await commands.remove_password(command)
    return PasswordKept(has_password=False)


@router.post("/sign-in/password", status_code=201)
@refuses(commands.sign_in_with_password)
async def sign_in_with_password(visitor: VisitorDep, body: PasswordSignIn) -> Session:
    """Begin a member's session with national id and password."""
    signed_in = await commands.sign_in_with_password(
        visitor.context,
        national_id=body.national_id,
        password=body.password,
        origin=visitor.origin,
        device=body.device_token or visitor.device,
    )
    return session_of(signed_in, "member", body.transport, visitor)


@router.post("/password-renewals/codes", status_code=202)
@refuses(commands.request_renewal)
async def request_renewal(visitor: VisitorDep, body: RenewalIn) -> Challenge:
    """Ask for a code by which a forgotten password is replaced. The answer is the same for everybody."""
    challenge = await commands.request_renewal(
        visitor.context, national_id=body.national_id, mobile=body.mobile, email=body.email, origin=visitor.origin
    )
    return Challenge.told(challenge, RENEWAL_SENT)


@router.post("/password-renewals", status_code=204)
@refuses(commands.renew_password)
async def renew_password(visitor: VisitorDep, body: RenewedPassword) -> None:
    """Replace a forgotten password with the code; all sessions of the member end."""
    await commands.renew_password(
        visitor.context,
        challenge_id=body.challenge_id,
        code=body.code,
        password=body.password,
        origin=visitor.origin,
    )
