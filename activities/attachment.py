"""Files that no case has: of an upload that broke off, or removed (G7)."""

from __future__ import annotations

from activities.files import share_now, sweep_folder
from activities.transition import ActivityContext
from storage import attachment


async def sweep_attachments(context: ActivityContext, limit: int) -> int:
    """Delete what no case has of the share whose turn it is; returns how many, about ``limit`` at most."""
    return await sweep_share(context, share_now(), limit)


async def sweep_share(context: ActivityContext, share: int, limit: int) -> int:
    """Delete the files of a share that were stored a day ago or earlier and that no case has."""
    return await sweep_folder(context, attachment.folder_of(share), attachment.files_in_use, limit)
