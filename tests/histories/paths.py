"""The ways a process can go, each driven to its end on real servers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from tests.commands import substitution_steps
from tests.journeys.replacing import Replacing
from tests.journeys.steps import FORWARD, ISSUE, REFUSE, REFUSE_APPLICATION
from tests.journeys.tavana import Tavana
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
    await asked.review(substitution_steps.refuse, officer=asked.scenario.tavana.platform)


async def substitution_blocked_then_approved(asked: Replacing) -> None:
    """What finance approved does not hold any more; asked once more, the platform approves."""
    await asked.accept()
    await asked.superuser.run("UPDATE employments SET region_code = '1104'")
    await asked.review()
    await asked.told("review_passed_on")
    await asked.review(officer=asked.scenario.tavana.platform)


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
        substitution_blocked_then_approved,
        substitution_declined,
        substitution_withdrawn,
        substitution_lapsed,
        substitution_overtaken,
    )
}


async def tavana_activated(tavana: Tavana) -> None:
    """Guarantor, finance, 72 hours."""
    await tavana.accept()
    await tavana.approve()
    await tavana.wait_out()


async def tavana_another_guarantor(tavana: Tavana) -> None:
    """The guarantor refuses; another one accepts."""
    await tavana.refuse()
    await tavana.name(tavana.colleagues[1])
    await tavana.accept(tavana.colleagues[1])
    await tavana.approve()
    await tavana.wait_out()


async def tavana_corrected(tavana: Tavana) -> None:
    """Finance returns it; the applicant asks for more instalments, so the guarantor is asked again."""
    await tavana.accept()
    await tavana.send_back()
    await tavana.correct(instalments=18)
    await tavana.accept()
    await tavana.approve()
    await tavana.wait_out()


async def tavana_expired(tavana: Tavana) -> None:
    """The guarantor is silent, and so is the applicant."""
    for event in ("reminded", "guarantor_silent", "reminded", "application_lapsed"):
        times = (await tavana.timeline()).count(event)
        await tavana.pass_wait()
        await tavana.told(event, times + 1)


async def tavana_escalated(tavana: Tavana) -> None:
    """The region is silent; the platform's finance refuses."""
    await tavana.accept()
    await tavana.pass_wait()
    await tavana.told("reminded")
    await tavana.pass_wait()
    await tavana.told("review_escalated")
    await tavana.decide(tavana.chief, "review_application", REFUSE_APPLICATION)


async def tavana_replaced_after_approval(tavana: Tavana) -> None:
    """During the 72 hours the applicant names another guarantor; finance approves anew."""
    await tavana.accept()
    await tavana.approve()
    (standing,) = (await tavana.steps.case(tavana.member, tavana.case_id))["guarantees"]
    await tavana.name(tavana.colleagues[1], replaces=standing["id"])
    await tavana.accept(tavana.colleagues[1])
    await tavana.approve()
    await tavana.wait_out()


async def tavana_guarantor_gone(tavana: Tavana) -> None:
    """The guarantor leaves during the 72 hours; nobody else is named."""
    await tavana.accept()
    await tavana.approve()
    await tavana.superuser.run("UPDATE employments SET state = 'left' WHERE person_id = %s", tavana.guarantor.id)
    await tavana.pass_wait()
    await tavana.told("activation_blocked")
    answer = await tavana.steps.withdraw(tavana.member, tavana.case_id)
    assert answer.status_code == 200, answer.text


async def tavana_guarantor_gone_another_named(tavana: Tavana) -> None:
    """The guarantor leaves during the 72 hours; another one accepts, and finance approves anew."""
    await tavana.accept()
    await tavana.approve()
    await tavana.superuser.run("UPDATE employments SET state = 'left' WHERE person_id = %s", tavana.guarantor.id)
    await tavana.pass_wait()
    await tavana.told("activation_blocked")
    await tavana.name(tavana.colleagues[1])
    await tavana.accept(tavana.colleagues[1])
    await tavana.approve()
    await tavana.wait_out()


async def tavana_lowered(tavana: Tavana) -> None:
    """Finance returns it; the applicant asks for fewer instalments, so the guarantor is not asked again."""
    await tavana.accept()
    await tavana.send_back()
    await tavana.correct(instalments=6)
    await tavana.steps.task(tavana.officer, tavana.case_id, "review_application")
    await tavana.approve()
    await tavana.wait_out()


async def tavana_returned_withdrawn(tavana: Tavana) -> None:
    """Finance returns it; the applicant withdraws."""
    await tavana.accept()
    await tavana.send_back()
    answer = await tavana.steps.withdraw(tavana.member, tavana.case_id)
    assert answer.status_code == 200, answer.text


async def tavana_forwarded(tavana: Tavana) -> None:
    """The applicant has moved: their region hands the review on, where only the platform may decide."""
    await tavana.accept()
    await tavana.superuser.run("UPDATE employments SET region_code = '1104'")
    await tavana.decide(tavana.officer, "review_application", FORWARD)
    await tavana.told("review_passed_on")
    await tavana.approve(tavana.chief)
    await tavana.wait_out()


TAVANA_PATHS: dict[str, Callable[[Tavana], Awaitable[None]]] = {
    path.__name__: path
    for path in (
        tavana_activated,
        tavana_another_guarantor,
        tavana_corrected,
        tavana_expired,
        tavana_escalated,
        tavana_replaced_after_approval,
        tavana_guarantor_gone,
        tavana_guarantor_gone_another_named,
        tavana_lowered,
        tavana_returned_withdrawn,
        tavana_forwarded,
    )
}
