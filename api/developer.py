"""The developer address of the stand-alone stack: SMS that would have been sent. Not there anywhere else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel

from api.values import Limit
from gateways.local_messages import read_local_messages

router = APIRouter(prefix="/developer", include_in_schema=False)


class LocalMessages(BaseModel):
    """Messages of the local gateway, newest first."""

    items: list[dict[str, Any]]


@router.get("/messages")
def list_local_messages(request: Request, limit: Limit = 20) -> LocalMessages:
    """What the local SMS gateway would have sent."""
    directory: Path = request.app.state.local_messages
    return LocalMessages(items=read_local_messages(directory, limit))
