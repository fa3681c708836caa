"""Erases secrets whose time is over: at once by the relay, and by a sweep of every process, whatever was lost (F2)."""

from __future__ import annotations

import logging
import secrets
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from activities.transition import MACHINE
from domain.vault import LONGEST_LIFE, ORPHAN_AFTER, KeysNotThere, WhyErased
from messages.vault import EraseSecrets, Event
from storage import audit, vault
from storage.cases import add_event, touch_case
from storage.chores import every, repeat
from storage.database import SERVICE, postgres_now, transaction
from storage.notices import notify
from storage.vault import Vault

_log = logging.getLogger("amanat.vault")
_SWEEP_SECONDS: Final = 60.0
_AT_ONCE: Final = 100
_SHARES: Final = 256
# A key's day may end while its entry lives to the last moment.
_DAY_ENDS_AFTER: Final = LONGEST_LIFE + timedelta(days=1)


class SecretEraser:
    """Erases, and tells the owner; what it is asked for twice it does once."""

    def __init__(self, engine: AsyncEngine, vault_: Vault) -> None:
        """Prepare; nothing runs yet."""
        self._engine = engine
        self._vault = vault_
        self._seen = UUID(int=0)

    async def erase(self, message: EraseSecrets) -> None:
        """Erase the secrets of a case whose time is over.

        Raises:
            KeysNotThere: the keys are not there; asked for again later.
            OSError: a key is still there; likewise.
        """
        async with transaction(self._engine, SERVICE) as connection:
            over = await vault.over_secrets(connection, _AT_ONCE, case_id=message.case_id)
        for secret in over:
            await self._erase(secret.id, secret.case_id, secret.owner_id, WhyErased.TIME_OVER)

    async def run(self) -> None:
        """Sweep again and again, until cancelled."""
        await repeat("vault", self.sweep, every(_SWEEP_SECONDS))

    async def sweep(self) -> None:
        """One round: what is over, what came back with a backup, what no case has, and days that are over."""
        try:
            await self._erase_over()
            await self._find_returned()
            await self._clear_orphans(secrets.randbelow(_SHARES))
            await self._vault.keys.end_days((datetime.now(UTC) - _DAY_ENDS_AFTER).date())
        except KeysNotThere:
            _log.exception("vault_keys_not_there")

    async def _erase_over(self) -> None:
        async with transaction(self._engine, SERVICE) as connection:
            over = await vault.over_secrets(connection, _AT_ONCE)
        for secret in over:
            try:
                await self._erase(secret.id, secret.case_id, secret.owner_id, WhyErased.TIME_OVER)
            except (OSError, SQLAlchemyError):
                # The others must not wait for it; that it is late is told (storage.vault.late_cases).
                _log.exception("secret_not_erased", extra={"secret_id": str(secret.id)})

    async def _find_returned(self) -> None:
        """A backup of before an erasure brought rows back, and not their keys: they are erased all the same."""
        async with transaction(self._engine, SERVICE) as connection:
            kept = await vault.kept_secrets(connection, self._seen, _AT_ONCE)
        self._seen = kept[-1].id if len(kept) == _AT_ONCE else UUID(int=0)
        for secret in kept:
            if not await self._vault.keys.exists(secret.id):
                await self._erase(secret.id, secret.case_id, secret.owner_id, WhyErased.KEY_GONE)

    async def _clear_orphans(self, share: int) -> None:
        """Entries and keys of commands that broke off: no case has them."""
        async with transaction(self._engine, SERVICE) as connection:
            limit = await postgres_now(connection) - ORPHAN_AFTER
        found = [entry_id for entry_id, made_at in await self._vault.keys.listed(share) if made_at < limit]
        found += await self._vault.entries_older(ORPHAN_AFTER, _AT_ONCE, share)
        for start in range(0, len(found), _AT_ONCE):
            some = found[start : start + _AT_ONCE]
            async with transaction(self._engine, SERVICE) as connection:
                known = await vault.known_secrets(connection, some)
            for entry_id in set(some) - known:
                await self._vault.erase(entry_id)

    async def _erase(self, secret_id: UUID, case_id: UUID, owner_id: UUID, why: WhyErased) -> None:
        await self._vault.erase(secret_id)
        async with transaction(self._engine, SERVICE) as connection:
            cause = await vault.note_erased(connection, secret_id, why)
            if cause is None:
                return
            await add_event(connection, case_id, Event.ERASED, actor=MACHINE, params={"why": cause})
            await touch_case(connection, case_id)
            await notify(connection, [owner_id], Event.ERASED, case_id=case_id)
            noted = audit.AuditEntry("erase_secret", MACHINE, str(secret_id), after={"why": cause})
            await audit.append(connection, audit.case_stream(case_id), noted)
