"""Cases: the list, and one case with its timeline and what may be done now (A9)."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter()
