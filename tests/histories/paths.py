"""The ways a process can go, each driven to its end on real servers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from tests.commands import substitution_steps
from tests.journeys.replacing import Replacing
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


async def substitution_approved(asked: Replacing) -> None:
    """The new guarantor accepts, finance approves."""
    await asked.accept()
    await asked.review()


async def substitution_blocked(asked: Replacing) -> None:
    """What finance approved does not hold any more, so that it is asked once more, and refuses."""
    await asked.accept()
    # Both work elsewhere now: nothing stands against it but whose finance decides.
    await asked.superuser.run("UPDATE employments SET region_code = '1104'")
    await asked.review()
    await asked.told("review_passed_on")
    await asked.review(substitution_steps.refuse, officer=asked.swap.branch.platform)


async def substitution_declined(asked: Replacing) -> None:
    """The new guarantor refuses."""
    await asked.refuse()


async def substitution_withdrawn(asked: Replacing) -> None:
    """The owner withdraws while finance looks at it."""
    await asked.accept()
    await asked.withdraw()


async def substitution_lapsed(asked: Replacing) -> None:
    """Nobody of finance decides."""
    await asked.accept()
    for event, times in (("reminded", 1), ("review_escalated", 1), ("reminded", 2), ("substitution_lapsed", 1)):
        await asked.pass_wait()
        await asked.told(event, times)


async def substitution_overtaken(asked: Replacing) -> None:
    """The credit is closed meanwhile."""
    await asked.close_line()


SUBSTITUTION_PATHS: dict[str, Callable[[Replacing], Awaitable[None]]] = {
    path.__name__: path
    for path in (
        substitution_approved,
        substitution_blocked,
        substitution_declined,
        substitution_withdrawn,
        substitution_lapsed,
        substitution_overtaken,
    )
}
