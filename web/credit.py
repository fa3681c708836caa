"""A member's credit lines, their statements, and asking for another guarantor (C8, A4)."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter()
