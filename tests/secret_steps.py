"""Passwords that the sides of an arbitration entrust to its arbitrator (F2): entrusted, seen, taken back by commands.

The arbitration is played once for many tests, as safe payments are: each gets the very same rows.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final
from uuid import UUID

from activities.transition import ActivityContext
from commands.command import Command, Context
from commands.vault import SecretsOfCase, entrust_secret, secrets_in, show_secret, take_back_secret
from domain.vault import Login
from gateways.local_bank import LocalBank
from tests.arrange import Arrange, Someone
from tests.books import Superuser
from tests.commands.onboarding_steps import run
from tests.escrow_kept import escrow_with_held
from tests.escrow_process import EscrowProcess
from tests.kept_rows import KeptRows
from tests.transitions import Transitions

HOST: Final = "shop.example.com"
SITE: Final = f"https://{HOST}/admin?from=home"
USER_NAME: Final = "shop-owner-7"
# Letter by letter: spaces, markup and both scripts.
PASSWORD: Final = "چهار  فانوس <b>&green"
LOGIN: Final = Login(SITE, USER_NAME, PASSWORD)
# Sessions and codes of staff age with the rows.
_GOOD_FOR_SECONDS: Final = 120.0


@contextlib.contextmanager
def away(place: Path) -> Iterator[None]:
    """A directory is not where it was, as when a disk is not mounted."""
    elsewhere = place.with_name("unmounted")
    place.rename(elsewhere)
    try:
        yield
    finally:
        elsewhere.rename(place)


@dataclass(frozen=True, slots=True)
class Arbitration:
    """A safe payment in arbitration, which the first arbitrator has claimed."""

    escrow: EscrowProcess
    case_id: UUID

    @property
    def employer(self) -> Someone:
        """Who has asked for it."""
        return self.escrow.employer

    @property
    def contractor(self) -> Someone:
        """The other side."""
        return self.escrow.contractor

    @property
    def holder(self) -> Someone:
        """Who has claimed it."""
        return self.escrow.arbitrators[0]

    @property
    def colleague(self) -> Someone:
        """Another arbitrator."""
        return self.escrow.arbitrators[1]

    def elsewhere(self, context: Context) -> Arbitration:
        """The same by other engines or another vault."""
        return replace(self, escrow=replace(self.escrow, context=context))

    async def entrust(self, who: Someone | None = None, /, **typed: str) -> UUID:
        """A side entrusts a password, the employer unless another is said; returns the secret's id."""
        login = {"site": SITE, "user_name": USER_NAME, "password": PASSWORD} | typed

        async def work(command: Command) -> UUID:
            return (await entrust_secret(command, self.case_id, **login)).id

        secret_id: UUID = await self.escrow.command(who or self.employer, work)
        return secret_id

    async def show(self, secret_id: UUID, who: Someone | None = None) -> Login:
        """Somebody has it shown with a code, who holds the task unless another is said."""
        shown: Login = await self.escrow.command(
            who or self.holder, lambda command: show_secret(command, self.case_id, secret_id)
        )
        return shown

    async def take_back(self, secret_id: UUID, who: Someone | None = None) -> None:
        """Somebody takes it back, the employer unless another is said."""
        await self.escrow.command(
            who or self.employer, lambda command: take_back_secret(command, self.case_id, secret_id)
        )

    async def seen_by(self, who: Someone) -> SecretsOfCase | None:
        """What somebody is told of the secrets."""
        seen: SecretsOfCase | None = await run(
            self.escrow.context, who, lambda command: secrets_in(command.connection, command.actor, self.case_id)
        )
        return seen


@dataclass(frozen=True, slots=True)
class _Kept:
    """What was played, the rows, and when."""

    arbitration: Arbitration
    rows: KeptRows
    made_at: float


_KEPT: list[_Kept] = []


async def arbitration_claimed(
    context: Context, arrange: Arrange, activity_context: ActivityContext, superuser: Superuser, place: Path
) -> Arbitration:
    """Both sides had their time to file, and an arbitrator has claimed it; nothing is entrusted yet."""
    if not _KEPT or time.monotonic() - _KEPT[-1].made_at > _GOOD_FOR_SECONDS:
        escrow = await escrow_with_held(context, arrange, activity_context, superuser, place)
        arbitration = Arbitration(escrow, await escrow.claimed())
        _KEPT[:] = [_Kept(arbitration, await KeptRows.of(superuser), time.monotonic())]
        return arbitration
    kept = _KEPT[-1]
    await kept.rows.put_back(superuser)
    bank = next(one for one in activity_context.gateways.values() if isinstance(one, LocalBank))
    escrow = replace(
        kept.arbitration.escrow, context=context, activities=Transitions(activity_context), bank=bank, ready=[]
    )
    return replace(kept.arbitration, escrow=escrow)
