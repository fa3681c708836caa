"""Asks the registry whose number it is, for people who join and for people who have lost their number."""

from __future__ import annotations

import logging

from gateways.mobile_owner import MobileOwners, OwnerUnknown

_log = logging.getLogger("amanat.mobile_owner")


async def ask_owner(owners: MobileOwners, national_id: str, mobile: str) -> bool | None:
    """What the registry says, asked outside any transaction; None if nobody can be asked before an operator mends it.

    Raises:
        OwnerUnknown: it may be answered later.
    """
    try:
        return await owners.owns(national_id, mobile)
    except OwnerUnknown as unknown:
        if unknown.retryable:
            raise
        # A key is wrong or missing.
        _log.error("owner_not_asked", extra={"reason": unknown.reason})
        return None
