"""Identity review (F4): pictures and form of a member, their identity with its limits, and an officer's review."""

from __future__ import annotations

from fastapi import APIRouter

from api.kyc import member, review
from api.kyc.section import DECISIONS, SECTION, KycSection

router = APIRouter()
router.include_router(member.router)
router.include_router(review.router)

__all__ = ["DECISIONS", "SECTION", "KycSection", "router"]
