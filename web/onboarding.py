"""Applying for credit step by step, correcting, withdrawing, naming a guarantor (A1 to A7, A11)."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter()
