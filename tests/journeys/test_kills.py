"""Parts of a real stack are killed, or all of it is stopped, while applications wait: none is lost, all go on."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import pytest

from messages.onboarding import Phase
from stack import control
from stack.places import Places
from tests.journeys.load import Load
from tests.journeys.real_stack import UNREACHABLE, Visit, back, kill, quiet, real_stack, visiting
from tests.length import length

# At least one in every phase.
WAITING_CASES = length(7, 42)
WAITING_SECONDS = 3
PEOPLE_ACT = (
    Phase.AWAITING_GUARANTOR,
    Phase.AWAITING_ANOTHER_GUARANTOR,
    Phase.AWAITING_REVIEW,
    Phase.AWAITING_CORRECTION,
)
PEOPLE_MEND = (Phase.AWAITING_CERTIFICATE, Phase.AWAITING_CLEARANCE)
THE_CLOCK_ACTS = Phase.AWAITING_ACTIVATION


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Places]:
    """Where one stack runs for this module."""
    with real_stack(tmp_path_factory.mktemp("kills")) as found:
        yield found


@pytest.fixture
async def visit(places: Places) -> AsyncIterator[Visit]:
    """The ways into the running stack."""
    async with visiting(places) as found:
        yield found


# What people see of it: nothing, unless the part stands between them and the commit.
@pytest.mark.parametrize(
    ("victim", "seen_besides"),
    [
        ("worker", set()),
        pytest.param("api", {UNREACHABLE}, marks=pytest.mark.long),
        pytest.param("temporal", set(), marks=pytest.mark.long),
        pytest.param("postgres", {503}, marks=pytest.mark.long),
    ],
)
async def test_a_part_killed_while_applications_wait_in_every_phase_loses_none(
    visit: Visit, victim: str, seen_besides: set[int]
) -> None:
    load = await Load.gathered(visit)
    programme = await load.add_programme(waiting_seconds=WAITING_SECONDS)
    waiting = await load.bring(PEOPLE_ACT, programme)
    steps = await load.next_steps(waiting)
    waiting += await load.bring([THE_CLOCK_ACTS], programme)
    await load.wait_for(waiting)

    pid = await kill(visit.places, victim)
    seen: list[int] = []
    await asyncio.gather(*(visit.insist(step, seen) for step in steps))
    await back(visit.places, victim, pid)
    await load.drive(waiting)

    assert set(seen) == {200} | seen_besides
    await load.assert_usable_once(waiting)
    await visit.assert_nothing_left()


@pytest.mark.timeout(120 + WAITING_CASES)
async def test_everything_is_stopped_and_started_again_and_all_that_waited_go_on(visit: Visit) -> None:
    places = visit.places
    load = await Load.gathered(visit)
    programme = await load.add_programme(waiting_seconds=WAITING_SECONDS + WAITING_CASES // 50)
    clocks = WAITING_CASES // (len(PEOPLE_ACT) + len(PEOPLE_MEND) + 1)
    phases = itertools.islice(itertools.cycle(PEOPLE_ACT + PEOPLE_MEND), WAITING_CASES - clocks)
    waiting = await load.bring(phases, programme)
    waiting += await load.bring([THE_CLOCK_ACTS] * clocks, programme)
    await load.wait_for(waiting)

    assert await asyncio.to_thread(control.stop, places, quiet())
    await asyncio.to_thread(control.start, places, quiet())

    async with visiting(places) as later:
        load = replace(load, visit=later)
        await load.set_contract("active")
        await load.drive(waiting)
        await load.assert_usable_once(waiting)
        await later.assert_nothing_left()
        assert await later.command_line("ledger", "check") == "the ledger is whole\n"
        assert await later.command_line("audit", "verify") == "the audit trail is whole\n"
