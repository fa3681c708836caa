"""What the machine does in the substitution of a guarantor: ask, have it reviewed, replace, let lapse (A4)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial

from temporalio import activity

from activities.onboarding.backing import ask_guarantor
from activities.onboarding.judgement import applicant, read_programme, waits, waits_now
from activities.onboarding.review import ask_platform, ask_region
from activities.onboarding.silence import send_reminders
from activities.transition import MACHINE, Desk, Transition, take
from domain.access import ScopeKind
from domain.dates import tehran_day
from domain.guarantor import notice_of_end
from domain.review import ReviewFinding
from messages.onboarding import FactKind as OnboardingFact
from messages.onboarding import Outcome, Standing, Step
from messages.substitution import FactKind, Phase, TaskKind
from storage import cases, guarantor, substitution, tasks
from storage.cases import last_fact
from storage.rows.cases import Fact
from storage.substitution import Substitution

_OVER = Outcome(Standing.OVER)
# The newest of these says how it goes on.
_DECISIVE = (
    OnboardingFact.GUARANTEE_ACCEPTED,
    OnboardingFact.GUARANTEE_REFUSED,
    FactKind.SUBSTITUTION_APPROVED,
    FactKind.SUBSTITUTION_REFUSED,
    FactKind.SUBSTITUTION_WITHDRAWN,
)
_Body = Callable[[Transition], Awaitable[Outcome]]
_Again = Callable[[Transition, Outcome], Awaitable[Outcome]]


class SubstitutionActivities:
    """The transitions of a substitution."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def _take(self, step: Step, name: str, body: _Body, again: _Again | None = None) -> Outcome:
        return await take(
            self._desk,
            case_id=step.case_id,
            step=name,
            round_=step.round,
            result=Outcome,
            body=body,
            again=again or _weigh_again,
        )

    @activity.defn
    async def ask_substitute(self, step: Step) -> Outcome:
        """Ask the new guarantor, in person (A5)."""
        return await self._take(step, "ask_substitute", _ask)

    @activity.defn
    async def request_substitution_review(self, step: Step) -> Outcome:
        """Ask the finance office of the owner's region (A4)."""
        return await self._take(step, "request_substitution_review", _request_review)

    @activity.defn
    async def remind_substitution(self, step: Step) -> Outcome:
        """Remind whoever is awaited (A6, A7)."""
        body = partial(_remind, until=step.until)
        # A process that was started anew counts its rounds anew: the task, not the round, says who was reminded.
        return await self._take(step, "remind_substitution", body, again=lambda at, _: body(at))

    @activity.defn
    async def weigh_substitution(self, step: Step) -> Outcome:
        """Read what people did and draw the consequence; a message without its fact changes nothing."""
        return await self._take(step, "weigh_substitution", _weigh)

    @activity.defn
    async def lapse_substitution(self, step: Step) -> Outcome:
        """Somebody's time to answer is over: draw the consequence, unless they were first (A6, A7)."""
        return await self._take(step, "lapse_substitution", partial(_lapse, step=step))

    @activity.defn
    async def replace_guarantor(self, step: Step) -> Outcome:
        """Check everything again, then free the former guarantor, or send it back to finance (A4)."""
        return await self._take(step, "replace_guarantor", _replace)


async def _read(at: Transition, *, hold: bool = False) -> Substitution:
    asked = await substitution.read_substitution(at.connection, at.case.id, hold=hold)
    if asked is None:
        raise LookupError(f"case {at.case.id} has no substitution")
    return asked


async def _weigh(at: Transition) -> Outcome:
    """Judge; a substitution that was withdrawn, refused or overtaken ends here."""
    if not at.case.is_open:
        return _OVER
    asked = await _read(at)
    answer = await last_fact(at.connection, at.case.id, *_DECISIVE)
    if answer is not None and answer.kind == FactKind.SUBSTITUTION_WITHDRAWN:
        return await _end(at, asked, Phase.WITHDRAWN)
    if asked.line.is_over(tehran_day(at.now)):
        return await _end(at, asked, Phase.OVERTAKEN, "substitution_overtaken")
    open_tasks = await tasks.open_tasks(at.connection, at.case.id)
    if open_tasks:
        return waits(at, open_tasks)
    return Outcome(Standing.UNBACKED) if answer is None else await _draw_consequence(at, asked, answer)


async def _draw_consequence(at: Transition, asked: Substitution, answer: Fact) -> Outcome:
    if answer.kind == OnboardingFact.GUARANTEE_REFUSED:
        return await _end(at, asked, Phase.REFUSED, "substitution_declined")
    if answer.kind == FactKind.SUBSTITUTION_REFUSED:
        return await _end(at, asked, Phase.REFUSED, "substitution_refused", reason=answer.payload["reason"])
    accepted = answer.kind == OnboardingFact.GUARANTEE_ACCEPTED
    return Outcome(Standing.UNREVIEWED if accepted else Standing.APPROVED)


async def _weigh_again(at: Transition, kept: Outcome) -> Outcome:
    """A kept result may be old: whoever was awaited then may have answered since."""
    return kept if kept.standing is Standing.OVER else await _weigh(at)


async def _ask(at: Transition) -> Outcome:
    standing = await _weigh(at)
    if standing.standing is not Standing.UNBACKED:
        return standing
    asked, programme = await _read(at), await read_programme(at)
    # Whoever is to be freed decides nothing here, nor does anybody else who stands for this credit.
    others = set(await substitution.guarantors_of(at.connection, asked.bound.credit_case_id))
    await guarantor.bar(at.connection, at.case.id, others - {asked.bound.person_id, asked.substitute.person_id})
    await guarantor.add_part(at.connection, at.case.id, asked.bound.person_id)
    await ask_guarantor(at, programme, asked.substitute)
    await at.move(Phase.AWAITING_GUARANTOR, next_actor="guarantor", due_in=programme.answer_expire)
    return await waits_now(at)


async def _request_review(at: Transition) -> Outcome:
    standing = await _weigh(at)
    if standing.standing is not Standing.UNREVIEWED:
        return standing
    return await ask_region(at, TaskKind.REVIEW_SUBSTITUTION, (await _read(at)).application)


async def _remind(at: Transition, *, until: datetime | None) -> Outcome:
    await send_reminders(at, until)
    return await _weigh(at)


async def _lapse(at: Transition, *, step: Step) -> Outcome:
    expired = await tasks.expire_due(at.connection, at.case.id, step.until) if at.case.is_open else []
    if not expired:
        return await _weigh(at)
    if any(task.scope_kind == ScopeKind.REGION for task in expired):
        return await ask_platform(at, "review_escalated", TaskKind.REVIEW_SUBSTITUTION)
    return await _end(at, await _read(at), Phase.LAPSED, "substitution_lapsed")


async def _replace(at: Transition) -> Outcome:
    if at.case.is_open:
        # First of all: whoever renews the credit closes its line, and then nobody is replaced.
        await _read(at, hold=True)
    standing = await _weigh(at)
    if standing.standing is not Standing.APPROVED:
        return standing
    asked = await _read(at)
    await guarantor.hold_slots(at.connection, asked.substitute.person_id)
    terms = (await read_programme(at)).guarantor_terms
    examination = await substitution.examine(at.connection, asked, terms, tehran_day(at.now))
    findings = examination.findings(await _reviewing_region(at))
    if findings:
        return await _ask_again(at, asked, findings[0])
    await _swap(at, asked)
    return _OVER


async def _reviewing_region(at: Transition) -> str | None:
    """The region whose finance approved; None for the platform's."""
    approval = await last_fact(at.connection, at.case.id, FactKind.SUBSTITUTION_APPROVED)
    return None if approval is None else approval.payload["region"]


async def _ask_again(at: Transition, asked: Substitution, finding: ReviewFinding) -> Outcome:
    """What finance approved does not hold any more: it stays with them, now of the owner's present region."""
    await at.tell("substitution_blocked", params={"finding": finding})
    return await ask_region(at, TaskKind.REVIEW_SUBSTITUTION, asked.application, reason=finding)


async def _swap(at: Transition, asked: Substitution) -> None:
    """The new guarantor stands from here on, and the former one no longer does: together, or not at all."""
    bound, substitute, credit_case_id = asked.bound, asked.substitute, asked.line.case_id
    await guarantor.end_guarantee(at.connection, bound.id, "replaced")
    await guarantor.add_part(at.connection, credit_case_id, substitute.person_id)
    await guarantor.end_parts(at.connection, credit_case_id)
    await cases.touch_case(at.connection, credit_case_id)
    await cases.tell(at.connection, credit_case_id, "guarantor_replaced", actor=MACHINE)
    noted = {"guarantee_id": str(substitute.id), "replaces": str(bound.id)}
    await at.end(Phase.REPLACED, outcome=Phase.REPLACED, noted=noted)
    await guarantor.end_parts(at.connection, at.case.id)
    await at.tell("guarantor_replaced")
    await at.notify(applicant(at), "guarantor_replaced")
    await at.notify([bound.person_id], "guarantee_taken_over")
    await at.notify([substitute.person_id], "guarantee_begun")


async def _end(
    at: Transition, asked: Substitution, phase: Phase, told: str | None = None, *, reason: str | None = None
) -> Outcome:
    """End without a change: the former guarantor goes on standing, the new one does not stand.

    Args:
        at: the transition.
        asked: the substitution.
        phase: how it ended.
        told: what timeline and SMS say; None if whoever ended it said so.
        reason: why, if somebody gave one.
    """
    if asked.substitute.is_live:
        silent = phase is Phase.LAPSED and asked.substitute.accepted_at is None
        await guarantor.end_guarantee(at.connection, asked.substitute.id, "expired" if silent else "released")
        notice = None if silent else notice_of_end(asked.substitute.status)
        if notice is not None:
            await at.notify([asked.substitute.person_id], notice)
    await at.end(phase, outcome=phase)
    await guarantor.end_parts(at.connection, at.case.id)
    if told is not None:
        await at.tell(told, params={} if reason is None else {"reason": reason})
        await at.notify(applicant(at), told)
    return _OVER
