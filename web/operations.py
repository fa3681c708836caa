"""The operations desk: what is late, stuck or unsent, and what the ledger says (G4, G5)."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter()
