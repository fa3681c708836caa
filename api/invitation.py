"""Inviting somebody, and what a person who follows an invitation sees."""

from __future__ import annotations

from fastapi import APIRouter, Depends
from pydantic import Field

from api.dependencies import CommandDep, VisitorDep, require
from api.operation import Operation
from api.values import Input, Moment, Out
from commands import invitation as commands
from commands.refusals import refuses
from domain.invitation import INVITATION_DAYS, inviter_in_sms

router = APIRouter(prefix="/v1/invitations", tags=["account"], route_class=Operation)


class InvitationIn(Input):
    """Whom to invite."""

    mobile: str = Field(max_length=40, examples=["09121234567"])


class InvitationOnItsWay(Out):
    """The answer is the same whether or not the number is a member's."""

    days: int = Field(description="How long the link in the SMS is good", examples=[14])


class InvitationToken(Input):
    """The token of an invitation."""

    token: str = Field(
        max_length=64, description="What stands behind # in the link", examples=["b1Qm2Zt7cX0yK4sVn8wPjA"]
    )


class InvitationOut(Out):
    """An invitation that can still be used."""

    inviter: str = Field(examples=["مریم رضایی"])
    expires: Moment


@router.post("", status_code=202, dependencies=[Depends(require(member=True))])
@refuses(commands.invite)
async def invite(command: CommandDep, body: InvitationIn) -> InvitationOnItsWay:
    """Have an SMS with a link to join sent to a number."""
    await commands.invite(command, body.mobile)
    return InvitationOnItsWay(days=INVITATION_DAYS)


@router.post("/openings")
@refuses(commands.open_invitation)
async def open_invitation(visitor: VisitorDep, body: InvitationToken) -> InvitationOut:
    """Who invites, for anybody who has the link; not found once it was used or is over."""
    visitor.response.headers["Cache-Control"] = "no-store"
    found = await commands.open_invitation(visitor.context, token=body.token, origin=visitor.origin)
    return InvitationOut(inviter=inviter_in_sms(found.first_name, found.last_name), expires=found.expires_at)
