"""A member's application for credit: programmes, applying, correcting, withdrawing."""

from __future__ import annotations

from fastapi import APIRouter

from web.onboarding import application, case

router = APIRouter()
router.include_router(application.router)
router.include_router(case.router)
