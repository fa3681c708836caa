"""Own cards."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from storage.sealing import Seals


async def own_cards(connection: AsyncConnection, seals: Seals, person_id: UUID) -> list[str]:
    """Own cards."""
    return []
