"""The desk of HR: personnel files, people's data, the contract (A3, A13)."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter()
