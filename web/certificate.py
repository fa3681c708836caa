"""Deduction certificates that an organisation issued (A12)."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter()
