"""What the machine does in onboarding to credit (docs/rules.md, A): transitions, each safe to run twice."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from temporalio import activity

from activities.onboarding.activation import activate_credit
from activities.onboarding.backing import request_backing
from activities.onboarding.judgement import weigh, weigh_again
from activities.onboarding.review import request_correction, request_review
from activities.onboarding.silence import lapse, remind
from activities.transition import Desk, Transition, take
from messages.onboarding import Outcome, Step

_Body = Callable[[Transition], Awaitable[Outcome]]
_Again = Callable[[Transition, Outcome], Awaitable[Outcome]]


class OnboardingActivities:
    """The transitions of onboarding."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def _take(self, step: Step, name: str, body: _Body, again: _Again = weigh_again) -> Outcome:
        return await take(
            self._desk,
            case_id=step.case_id,
            step=name,
            round_=step.round,
            result=Outcome,
            body=body,
            again=again,
        )

    # Named as the histories of running applications have it.
    @activity.defn(name="request_certificate")
    async def request_backing(self, step: Step) -> Outcome:
        """Ask whoever is to back the application: the employer (A12), guarantors (A5), or the applicant for names."""
        return await self._take(step, "request_backing", request_backing)

    @activity.defn
    async def request_review(self, step: Step) -> Outcome:
        """Ask the finance office of the applicant's region (A7)."""
        return await self._take(step, "request_review", request_review)

    @activity.defn
    async def request_correction(self, step: Step) -> Outcome:
        """Ask the applicant to correct what finance returned (A7)."""
        return await self._take(step, "request_correction", request_correction)

    @activity.defn
    async def remind(self, step: Step) -> Outcome:
        """Remind whoever is awaited (A6, A7)."""
        body = partial(remind, until=step.until)
        # A process that was started anew counts its rounds anew: the task, not the round, says who was reminded.
        return await self._take(step, "remind", body, again=lambda at, _: body(at))

    @activity.defn
    async def weigh_answer(self, step: Step) -> Outcome:
        """Read what people did and draw the consequence; a message without its fact changes nothing."""
        return await self._take(step, "weigh_answer", weigh)

    @activity.defn
    async def lapse(self, step: Step) -> Outcome:
        """Somebody's time to answer is over: draw the consequence of their silence, unless they were first (A6, A7)."""
        return await self._take(step, "lapse", partial(lapse, until=step.until))

    @activity.defn
    async def activate_credit(self, step: Step) -> Outcome:
        """Check everything again, then open the credit line in the ledger (A8), or ask for what must be mended."""
        return await self._take(step, "activate_credit", activate_credit)
