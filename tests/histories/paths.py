"""The ways an application can go, each driven to its end on real servers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from tests.journeys.steps import ISSUE, REFUSE
from tests.journeys.waiting import CLEARED, Waiting


async def issued(waiting: Waiting) -> None:
    """HR issues the certificate."""
    await waiting.decide(waiting.officer, "issue_certificate", ISSUE)


async def refused(waiting: Waiting) -> None:
    """HR refuses it."""
    await waiting.decide(waiting.officer, "issue_certificate", REFUSE)


async def withdrawn(waiting: Waiting) -> None:
    """The applicant withdraws."""
    answer = await waiting.steps.withdraw(waiting.member, waiting.case_id)
    assert answer.status_code == 200, answer.text


async def lapsed(waiting: Waiting) -> None:
    """Nobody answers: a reminder, then the end."""
    await waiting.pass_time(hours=73)
    await waiting.told("reminded")
    await waiting.pass_time(hours=97)


async def blocked_then_cleared(waiting: Waiting) -> None:
    """The contract is suspended meanwhile; the contracts office mends it after a reminder."""
    await waiting.block()
    await waiting.pass_time(hours=73)
    await waiting.told("reminded")
    await waiting.unblock()
    await waiting.decide(waiting.contracts, "clear_obstacle", CLEARED)


async def certificate_asked_again(waiting: Waiting) -> None:
    """The certificate runs out while an obstacle is looked at, so HR is asked once more."""
    await waiting.block()
    await waiting.superuser.run("UPDATE certificates SET valid_until = current_date - 2")
    await waiting.unblock()
    await waiting.decide(waiting.contracts, "clear_obstacle", CLEARED)
    await waiting.decide(waiting.officer, "issue_certificate", ISSUE)


async def paused(waiting: Waiting) -> None:
    """The member's mobile was changed lately: the credit opens by itself once the pause is over."""
    await waiting.pause()
    await waiting.end_pause()
    await waiting.pass_time(hours=24, minutes=1)


PATHS: dict[str, Callable[[Waiting], Awaitable[None]]] = {
    path.__name__: path
    for path in (issued, refused, withdrawn, lapsed, blocked_then_cleared, certificate_asked_again, paused)
}
