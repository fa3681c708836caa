"""Files that no case has: of an upload that broke off, or removed (G7)."""

from __future__ import annotations

import time
from typing import Final

from activities.files import sweep_folder
from activities.transition import ActivityContext
from storage import attachment

# Each share has its turn, for as long as a round of the housekeeping: all of them take two days.
_TURN_SECONDS: Final = 600


async def sweep_attachments(context: ActivityContext, limit: int) -> int:
    """Delete what no case has of the share whose turn it is; returns how many, about ``limit`` at most."""
    return await sweep_share(context, int(time.time() // _TURN_SECONDS) % attachment.SHARES, limit)


async def sweep_share(context: ActivityContext, share: int, limit: int) -> int:
    """Delete the files of a share that were stored a day ago or earlier and that no case has."""
    return await sweep_folder(context, attachment.folder_of(share), attachment.files_in_use, limit)
