"""What the stand-alone stack shows besides: messages that were not sent, and the style guide."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter()
