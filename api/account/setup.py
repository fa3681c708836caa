"""What staff sign in with, set by themselves: first through the link that came by SMS, later when they like (G1)."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field

from api.dependencies import CallerDep, CommandDep, VisitorDep
from api.operation import Operation
from api.values import CodeText, Input, Out
from commands import account as commands
from commands.refusals import refuses
from domain.errors import Forbidden

router = APIRouter(prefix="/v1/staff-account", tags=["account"], route_class=Operation)

_Token = Annotated[str, Field(max_length=100, description="What stands behind # in the link")]
_Password = Annotated[
    str, Field(max_length=200, description="12 to 128 characters; not the user name, nothing easily guessed")
]
_Key = Annotated[str, Field(max_length=500, description="``totp_key`` as it was shown with the secret")]
_EXAMPLE_TOKEN = "ExampleOfATokenOf24Signs"  # noqa: S105 - opens nothing
_EXAMPLE_PASSWORD = "سرو بلند کنار رود"  # noqa: S105 - nobody's
_EXAMPLE_KEY = "AQJ0MS…"


class StaffLink(Input):
    """The token of a link."""

    token: _Token = Field(examples=[_EXAMPLE_TOKEN])


class TotpKey(Out):
    """A new key for an authenticator app; it counts once a code of it came back with ``totp_key``."""

    username: str = Field(examples=["maryam.hr"])
    totp_secret: str = Field(validation_alias="secret", examples=["JBSWY3DPEHPK3PXP"])
    totp_uri: str = Field(validation_alias="uri", examples=["otpauth://totp/Amanat:maryam.hr?secret=…"])
    totp_key: str = Field(validation_alias="sealed", examples=[_EXAMPLE_KEY])


class StaffSetUp(Input):
    """Password and key, with a code of the key."""

    token: _Token = Field(examples=[_EXAMPLE_TOKEN])
    password: _Password = Field(examples=[_EXAMPLE_PASSWORD])
    totp_key: _Key = Field(examples=[_EXAMPLE_KEY])
    totp: CodeText


class StaffAccount(Out):
    """The account that may sign in now."""

    username: str = Field(examples=["maryam.hr"])


class CredentialsChange(Input):
    """The present password and a present code, and what takes their place: a password, a key with its code, or both."""

    password: str = Field(max_length=200, examples=[_EXAMPLE_PASSWORD])
    totp: CodeText
    new_password: _Password | None = Field(default=None, examples=["چنار پیر میان دشت"])
    totp_key: _Key | None = Field(default=None, examples=[_EXAMPLE_KEY])
    new_totp: CodeText | None = None


class CredentialsChanged(Out):
    """Whose credentials were changed."""

    person_id: UUID


@router.post("/openings")
@refuses(commands.open_staff_link)
async def open_staff_link(visitor: VisitorDep, body: StaffLink) -> TotpKey:
    """Open the link that came by SMS: whose account it is for, and a new key for the authenticator app."""
    visitor.response.headers["Cache-Control"] = "no-store"
    return TotpKey.model_validate(
        await commands.open_staff_link(visitor.context, token=body.token, origin=visitor.origin)
    )


@router.post("/set-up")
@refuses(commands.set_up_staff)
async def set_up_staff(visitor: VisitorDep, body: StaffSetUp) -> StaffAccount:
    """Set password and key through the link, which is used up; then sign in with the next code."""
    credential = await commands.set_up_staff(
        visitor.context,
        token=body.token,
        password=body.password,
        totp_key=body.totp_key,
        totp=body.totp,
        origin=visitor.origin,
    )
    return StaffAccount(username=credential.username)


@router.get("/new-key")
@refuses(commands.draw_totp_key, Forbidden)
async def draw_totp_key(caller: CallerDep) -> TotpKey:
    """A new key for the authenticator app of the member of staff who asks; nothing is changed by it."""
    if caller.actor.capacity != "staff":
        raise Forbidden
    caller.response.headers["Cache-Control"] = "no-store"
    return TotpKey.model_validate(await commands.draw_totp_key(caller.context, caller.actor.person_id))


@router.post("/credentials")
@refuses(commands.change_staff_credentials, Forbidden)
async def change_staff_credentials(command: CommandDep, body: CredentialsChange) -> CredentialsChanged:
    """Change the own password or key with the present ones; other sessions end and an SMS tells of it."""
    new = commands.NewCredentials(body.new_password, body.totp_key, body.new_totp)
    person_id = await commands.change_staff_credentials(command, password=body.password, totp=body.totp, new=new)
    return CredentialsChanged(person_id=person_id)
