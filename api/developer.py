"""The developer address of the stand-alone stack: SMS that would have been sent, and ready-made sign-ins.

Not there anywhere else.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import pyotp
from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from api.account.sessions import Session, session_of
from api.client import refusing
from api.dependencies import Visitor
from api.values import Limit
from commands.developer import sign_in_as
from domain.developer import TICKET_LIFE, TicketNotAccepted
from domain.errors import NotFound
from gateways.local_messages import read_local_messages
from gateways.local_sign_ins import draw_ticket, read_local_sign_ins, take_ticket

router = APIRouter(prefix="/developer", include_in_schema=False)

# A part of a host name (RFC 1123); empty in what an earlier release's demo left.
_HostLabel = Annotated[str, Field(pattern=r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)?$")]


class LocalMessages(BaseModel):
    """Messages of the local gateway, newest first."""

    items: list[dict[str, Any]]


class LocalSignIn(BaseModel):
    """What an invented person signs in with; ``totp`` is the present code of a member of staff."""

    fa: str
    en: str
    host: _HostLabel = ""
    national_id: str = ""
    mobile: str = ""
    username: str = ""
    password: str = ""
    totp: str = ""


class LocalSignIns(BaseModel):
    """The invented people of the last demo."""

    items: list[LocalSignIn]


def local_messages(directory: Path, limit: int) -> LocalMessages:
    """What the local gateways wrote to a directory."""
    return LocalMessages(items=read_local_messages(directory, limit))


def local_sign_ins(directory: Path) -> LocalSignIns:
    """Who can be played, with the codes of this moment."""
    found = []
    for person in read_local_sign_ins(directory):
        secret = person.pop("totp_secret", "")
        found.append(LocalSignIn(**person, totp=pyotp.TOTP(secret).now() if secret else ""))
    return LocalSignIns(items=found)


def draw_local_ticket(directory: Path, host: str) -> str:
    """A ticket to sign in once as the invented person who has a host name.

    Raises:
        NotFound: nobody has it.
    """
    person = _person_at(directory, host)
    if person is None:
        raise NotFound
    return draw_ticket(directory, _whose(person))


async def sign_in_with_ticket(visitor: Visitor, directory: Path, host: str, ticket: str) -> Session:
    """Begin a browser's session as the invented person who has the host name and whose ticket it is.

    Raises:
        TicketNotAccepted: it is not, or not any more.
    """
    person = _person_at(directory, host)
    if person is None or not take_ticket(directory, _whose(person), ticket, TICKET_LIFE):
        raise TicketNotAccepted(field="ticket")
    async with refusing():
        signed_in = await sign_in_as(
            visitor.context,
            username=person.username,
            national_id=person.national_id,
            origin=visitor.origin,
            device=visitor.device,
        )
    return session_of(signed_in, "staff" if person.username else "member", "cookie", visitor)


def _person_at(directory: Path, host: str) -> LocalSignIn | None:
    people = local_sign_ins(directory).items
    return next((person for person in people if person.host and person.host == host), None)


def _whose(person: LocalSignIn) -> str:
    """Whom a ticket is bound to: another demo's people may have the same host names."""
    return f"{person.host}/{person.username or person.national_id}"


@router.get("/messages")
def list_local_messages(request: Request, limit: Limit = 20) -> LocalMessages:
    """What the local SMS gateway would have sent."""
    return local_messages(request.app.state.local_messages, limit)


@router.get("/sign-ins")
def list_local_sign_ins(request: Request) -> LocalSignIns:
    """Who can be played."""
    return local_sign_ins(request.app.state.local_messages)
