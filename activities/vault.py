"""Erases secrets whose time is over: at once by the relay, and by a sweep of every process, whatever was lost (F2)."""

from __future__ import annotations

import logging
from collections.abc import Coroutine
from datetime import UTC, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from activities.transition import MACHINE
from domain.vault import LONGEST_LIFE, ORPHAN_AFTER, KeysNotThere, WhyErased
from messages.vault import EraseSecrets, Event
from storage import audit, vault
from storage.cases import add_event, touch_case
from storage.chores import every, repeat
from storage.database import SERVICE, database_of, postgres_now, transaction
from storage.notices import notify
from storage.rows.vault import OverSecret
from storage.vault import Vault

_log = logging.getLogger("amanat.vault")
_SWEEP_SECONDS: Final = 60.0
_AT_ONCE: Final = 100
# A key's day may end while its entry lives to the last moment.
_DAY_ENDS_AFTER: Final = LONGEST_LIFE + timedelta(days=1)
_FIRST: Final = UUID(int=0)


class SecretEraser:
    """Erases, and tells the owner; what it is asked for twice it does once."""

    def __init__(self, engine: AsyncEngine, vault_: Vault) -> None:
        """Prepare; nothing runs yet."""
        self._engine = engine
        self._vault = vault_
        self._seen = _FIRST

    async def erase(self, message: EraseSecrets) -> None:
        """Erase the secrets of a case whose time is over.

        Raises:
            KeysNotThere: the keys are not there; asked for again later.
            OSError: a key is still there; likewise.
        """
        for secret in await self._over(_AT_ONCE, message.case_id):
            await self._erase(secret)

    async def run(self) -> None:
        """Sweep again and again, until cancelled."""
        await repeat("vault", self.sweep, every(_SWEEP_SECONDS))

    async def sweep(self) -> None:
        """One round: what is over, entries that no case has, and days that are over. None waits for another."""
        for part in (self._erase_over, self._clear_orphans, self._end_days):
            await self._tried(part(), part=part.__name__)

    async def _erase_over(self) -> None:
        failed = set[UUID]()
        while over := [one for one in await self._over(_AT_ONCE + len(failed)) if one.id not in failed]:
            for secret in over:
                if not await self._tried(self._erase(secret), secret_id=str(secret.id)):
                    failed.add(secret.id)

    async def _clear_orphans(self) -> None:
        """Entries of commands that broke off: no case has them. All have their turn, so many a round."""
        found = await self._vault.entries_after(self._seen, ORPHAN_AFTER, _AT_ONCE)
        self._seen = found[-1] if len(found) == _AT_ONCE else _FIRST
        async with transaction(self._engine, SERVICE) as connection:
            here, known = await database_of(connection), await vault.known_secrets(connection, found)
        unknown = set(found) - known
        if unknown and here != await self._vault.database():
            # Two settings name two databases: the cases of the one know of nothing that is in the other.
            raise KeysNotThere("the entries are in another database than the cases")
        for entry_id in unknown:
            await self._tried(self._vault.erase(entry_id), secret_id=str(entry_id))

    async def _end_days(self) -> None:
        # By Postgres's clock: one that is wrong here would destroy everything.
        async with transaction(self._engine, SERVICE) as connection:
            before = await postgres_now(connection) - _DAY_ENDS_AFTER
        await self._vault.keys.end_days(before.astimezone(UTC).date())

    async def _tried(self, work: Coroutine[Any, Any, None], **about: str) -> bool:
        """Whether it succeeded. That a secret is late is told (``storage.vault.late_cases``)."""
        try:
            await work
        except Exception:  # noqa: BLE001 - whatever it is, the next may be erased all the same
            _log.exception("vault_not_swept", extra=about)
            return False
        return True

    async def _over(self, most: int, case_id: UUID | None = None) -> list[OverSecret]:
        async with transaction(self._engine, SERVICE) as connection:
            return await vault.over_secrets(connection, most, case_id=case_id)

    async def _erase(self, secret: OverSecret) -> None:
        await self._vault.erase(secret.id)
        async with transaction(self._engine, SERVICE) as connection:
            why = await vault.note_erased(connection, secret, WhyErased.TIME_OVER)
            if why is None:
                return
            await add_event(connection, secret.case_id, Event.ERASED, actor=MACHINE, params={"why": why})
            await touch_case(connection, secret.case_id)
            await notify(connection, [secret.owner_id], Event.ERASED, case_id=secret.case_id)
            noted = audit.AuditEntry("erase_secret", MACHINE, str(secret.id), after={"why": why})
            await audit.append(connection, audit.case_stream(secret.case_id), noted)
