"""The messages that a member was sent (A9)."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter()
