"""The inbox of staff, and a task with its decision (A7, A12, A13)."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter()
