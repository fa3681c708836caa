"""Safe payments by random sequences of everything that can happen to them: every rial is where it was decided (E8)."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from activities.transition import ActivityContext
from commands.command import Context
from gateways.local_bank import LocalBank
from tests.arrange import Arrange
from tests.books import Superuser, assert_books_clean
from tests.conftest import SITE
from tests.escrow_played import Played
from tests.escrow_process import EscrowProcess
from tests.fee_steps import change_policy
from tests.length import IS_LONG, length
from tests.transitions import WiredContext

SEQUENCES, LENGTH = length(1, 200), 40 if IS_LONG else 20
# So many share a database: every check of the books reads all that was written before it.
_TOGETHER = 20
# In the long form one in so many loses answers to commands and steps: that to the COMMIT, or one before it.
_BY_WIRE = 10
_LOST: tuple[dict[str, int], ...] = ({}, {"lose_commit": 1}, {"lose_commit": 1}, {"lose_commit": 2})
_ANSWERS = 14
# One in so many has a policy by which silence about declared work releases.
_AUTO_RELEASE = 3
# In so many ways money leaves at the least, of release, refund, split, ruling and silence.
_WAYS = 3


@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("first", range(0, SEQUENCES, _TOGETHER))
async def test_whatever_happens_every_rial_is_where_it_was_decided(
    context: Context,
    arrange: Arrange,
    activity_context: ActivityContext,
    unwired: ActivityContext,
    superuser: Superuser,
    tmp_path: Path,
    first: int,
) -> None:
    for seed in range(first, min(first + _TOGETHER, SEQUENCES)):
        chance = random.Random(seed)  # noqa: S311 - a game
        played: Played
        bank = LocalBank(tmp_path / f"bank-{seed}", SITE, lambda: datetime.now(UTC) + played.late)  # noqa: B023
        is_silent = seed % _AUTO_RELEASE == 0
        await change_policy(context, "escrow", auto_release=is_silent)
        wired = replace(activity_context if seed % _BY_WIRE == 0 else unwired, gateways={bank.name: bank})
        if isinstance(wired, WiredContext):
            wired = replace(wired, losing=partial(what_is_lost, chance))
        escrow = (await EscrowProcess.opened(context, arrange, wired, bank)).by_wire(wired)
        played = Played(escrow, arrange, superuser, chance, is_silent)
        try:
            await played.through(LENGTH)
        except Exception as error:
            raise AssertionError(f"sequence {seed}: {' '.join(played.log)}") from error
        await assert_books_clean(context.engine)
    if first + _TOGETHER <= SEQUENCES:
        # Sequences in which money left in one way alone would have proved little.
        assert await superuser.value("SELECT count(DISTINCT cause) FROM escrow_moves") >= _WAYS
        assert await superuser.value("SELECT count(*) FROM escrow_disputes WHERE ended_at IS NOT NULL")


def what_is_lost(chance: random.Random) -> dict[str, int]:
    """Which answer is lost of a command or a step; perhaps none."""
    return chance.choice((*_LOST, {"lose_answer": chance.randint(1, _ANSWERS)}))
