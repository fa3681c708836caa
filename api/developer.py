"""The developer address of the stand-alone stack: SMS that would have been sent, and ready-made sign-ins.

Not there anywhere else.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyotp
from fastapi import APIRouter, Request
from pydantic import BaseModel

from api.values import Limit
from gateways.local_messages import read_local_messages
from gateways.local_sign_ins import read_local_sign_ins

router = APIRouter(prefix="/developer", include_in_schema=False)


class LocalMessages(BaseModel):
    """Messages of the local gateway, newest first."""

    items: list[dict[str, Any]]


class LocalSignIn(BaseModel):
    """What an invented person signs in with; ``totp`` is the present code of a member of staff."""

    fa: str
    en: str
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


@router.get("/messages")
def list_local_messages(request: Request, limit: Limit = 20) -> LocalMessages:
    """What the local SMS gateway would have sent."""
    return local_messages(request.app.state.local_messages, limit)


@router.get("/sign-ins")
def list_local_sign_ins(request: Request) -> LocalSignIns:
    """Who can be played."""
    return local_sign_ins(request.app.state.local_messages)
