"""Sign-in, sessions, fresh codes, and staff with their roles (G1)."""

from __future__ import annotations

from fastapi import APIRouter

from api.account import codes, sessions, setup, staff

router = APIRouter()
router.include_router(sessions.router)
router.include_router(codes.router)
router.include_router(staff.router)
router.include_router(setup.router)

__all__ = ["router"]
