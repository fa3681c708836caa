"""What somebody stands for and is asked to stand for, and their answer (A5)."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter()
