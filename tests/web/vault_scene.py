"""The scene in which a password is entrusted, seen by who holds the task, and taken back (F2)."""

from __future__ import annotations

from html import unescape
from typing import Final

from domain.vault import WhyErased
from tests.web.form_window import Desk

_HERE: Final = "/cases/{case_id}/secrets"
_PASSWORD: Final = "چهار فانوس <سبز>"


async def members_entrust_secrets(desk: Desk) -> None:
    """A side entrusts a password to the arbitrator, who looks at it; then it is taken back."""
    case_id = desk.world.things["secret_case"]
    page, newest = f"/cases/{case_id}/secrets", "SELECT id FROM entrusted_secrets ORDER BY entrusted_at DESC LIMIT 1"
    member, arbitrator = desk.of("member_own"), desk.of("arbitrator")
    typed = {"user_name": "shop-owner", "site": "https://shop.example.com/admin", "password": _PASSWORD}
    await (await member.go(page)).send(_HERE, **typed)
    secret_id = await desk.superuser.value(newest)
    await (await arbitrator.go(f"{page}/{secret_id}")).send(_HERE + "/{secret_id}")
    assert _PASSWORD in unescape(arbitrator.html)
    await (await member.go(page)).send(_HERE + "/{secret_id}/removal", naming=str(secret_id))
    why = await desk.superuser.value("SELECT why FROM entrusted_secrets WHERE id = %s", secret_id)
    assert why == WhyErased.TAKEN_BACK
