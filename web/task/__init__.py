"""The inbox of staff, and a task with its decision (A7, A12, A13)."""

from __future__ import annotations

from fastapi import APIRouter

from web.task import inbox, pane

router = APIRouter()
router.include_router(inbox.router)
router.include_router(pane.router)
