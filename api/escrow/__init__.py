"""Jobs, safe payments held in trust, and arbitration on them (E1 to E8)."""

from __future__ import annotations

from fastapi import APIRouter

from api.escrow import disputes, figures, jobs, payments
from api.escrow.answering import CODE_REFUSALS, CODES, DECISIONS
from api.escrow.section import SECTION, EscrowSection

router = APIRouter()
router.include_router(jobs.router)
router.include_router(payments.router)
router.include_router(disputes.router)
router.include_router(figures.router)

__all__ = ["CODES", "CODE_REFUSALS", "DECISIONS", "SECTION", "EscrowSection", "router"]
