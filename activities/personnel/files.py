"""Personnel files that no import will read (A13)."""

from __future__ import annotations

from activities.files import sweep_folder
from activities.transition import ActivityContext
from storage import personnel


async def sweep_files(context: ActivityContext, limit: int) -> int:
    """Delete those of yesterday and before that no open import names; returns how many, about ``limit`` at most."""
    return await sweep_folder(context, personnel.FOLDER, personnel.files_in_use, limit)
