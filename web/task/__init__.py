"""The inbox of staff, and a task with its decision (A7, A12, A13)."""

from __future__ import annotations

from fastapi import APIRouter

from web.task.inbox import router as inbox
from web.task.pane import router as pane
from web.task.together import router as together

router = APIRouter()
router.include_router(inbox)
router.include_router(together)
router.include_router(pane)
