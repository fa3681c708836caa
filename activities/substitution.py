"""What the machine does in the substitution of a guarantor: ask, have it reviewed, replace, let lapse (A4)."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from activities.guarantor import ask_guarantor
from activities.process import Process
from activities.review import ask_finance, escalate_review
from activities.transition import MACHINE, Transition
from domain.access import Part
from domain.dates import tehran_day
from domain.guarantor import notice_of_end
from domain.review import ReviewFinding
from messages.case import NextStep
from messages.guarantor import FactKind as GuarantorFact
from messages.substitution import Event, FactKind, Phase, Sms, Step, TaskKind
from storage import cases, guarantor, substitution, tasks
from storage.cases import last_fact
from storage.programme import programme_of
from storage.rows.cases import Fact
from storage.rows.tasks import Task
from storage.substitution import Substitution

# The newest of these says how it goes on.
_DECISIVE = (
    GuarantorFact.GUARANTEE_ACCEPTED,
    GuarantorFact.GUARANTEE_REFUSED,
    FactKind.SUBSTITUTION_APPROVED,
    FactKind.SUBSTITUTION_REFUSED,
    FactKind.SUBSTITUTION_WITHDRAWN,
)


async def _read(step: Transition, *, for_update: bool = False) -> Substitution:
    asked = await substitution.read_substitution(step.connection, step.case.id, for_update=for_update)
    if asked is None:
        raise LookupError(f"case {step.case.id} has no substitution")
    return asked


async def assess(step: Transition) -> NextStep:
    """Which step follows; a substitution that was withdrawn, refused or overtaken ends here."""
    asked = await _read(step)
    answer = await last_fact(step.connection, step.case.id, *_DECISIVE)
    if answer is not None and answer.kind == FactKind.SUBSTITUTION_WITHDRAWN:
        return await _end(step, asked, Phase.WITHDRAWN)
    if asked.line.is_over(tehran_day(step.now)):
        return await _end(step, asked, Phase.OVERTAKEN, Event.SUBSTITUTION_OVERTAKEN)
    open_tasks = await tasks.open_tasks(step.connection, step.case.id)
    if open_tasks:
        return step.wait(open_tasks)
    return NextStep(Step.ASK_SUBSTITUTE) if answer is None else await _draw_consequence(step, asked, answer)


async def _draw_consequence(step: Transition, asked: Substitution, answer: Fact) -> NextStep:
    if answer.kind == GuarantorFact.GUARANTEE_REFUSED:
        return await _end(step, asked, Phase.REFUSED, Event.SUBSTITUTION_DECLINED)
    if answer.kind == FactKind.SUBSTITUTION_REFUSED:
        return await _end(step, asked, Phase.REFUSED, FactKind.SUBSTITUTION_REFUSED, reason=answer.payload["reason"])
    accepted = answer.kind == GuarantorFact.GUARANTEE_ACCEPTED
    return NextStep(Step.REQUEST_SUBSTITUTION_REVIEW if accepted else Step.REPLACE_GUARANTOR)


async def ask_substitute(step: Transition) -> NextStep:
    """Ask the new guarantor, in person (A5)."""
    asked, programme = await _read(step), await programme_of(step.connection, step.case.policy_id)
    # The guarantor who is to be freed decides nothing here, nor does anybody else who stands for this credit.
    others = set(await substitution.guarantors_of(step.connection, asked.current.credit_case_id))
    await guarantor.bar(step.connection, step.case.id, others - {asked.current.person_id, asked.proposed.person_id})
    await guarantor.add_part(step.connection, step.case.id, asked.current.person_id)
    await ask_guarantor(step, programme, asked.proposed)
    await step.move(Phase.AWAITING_GUARANTOR, next_actor=Part.GUARANTOR, due_in=programme.answer_expire)
    return await step.wait_now()


async def request_substitution_review(step: Transition) -> NextStep:
    """Ask the finance office of the owner's region (A4)."""
    return await ask_finance(step, TaskKind.REVIEW_SUBSTITUTION, (await _read(step)).application)


async def lapse(step: Transition, expired: Sequence[Task]) -> NextStep:
    """What silence means (A6, A7): the platform's finance, or the end."""
    escalated = await escalate_review(step, expired)
    return escalated or await _end(step, await _read(step), Phase.LAPSED, Event.SUBSTITUTION_LAPSED)


async def replace_guarantor(step: Transition) -> NextStep:
    """Check everything again, then free the former guarantor, or send it back to finance (A4)."""
    # A renewal closes the line: from here on it cannot, and if it has, nobody is replaced.
    asked = await _read(step, for_update=True)
    if asked.line.is_over(tehran_day(step.now)):
        return await assess(step)
    await guarantor.lock_slots(step.connection, asked.proposed.person_id)
    terms = (await programme_of(step.connection, step.case.policy_id)).guarantor_terms
    examination = await substitution.examine(step.connection, asked, terms, tehran_day(step.now))
    findings = examination.findings(await _reviewing_region(step))
    return await (_ask_again(step, asked, findings[0]) if findings else _replace(step, asked))


async def _reviewing_region(step: Transition) -> str | None:
    """The region whose finance approved; None for the platform's."""
    approval = await last_fact(step.connection, step.case.id, FactKind.SUBSTITUTION_APPROVED)
    return None if approval is None else approval.payload["region"]


async def _ask_again(step: Transition, asked: Substitution, finding: ReviewFinding) -> NextStep:
    """What finance approved does not hold any more: it stays with them, now of the owner's present region."""
    await step.add_event(Event.SUBSTITUTION_BLOCKED, params={"finding": finding})
    return await ask_finance(step, TaskKind.REVIEW_SUBSTITUTION, asked.application, reason=finding)


async def _replace(step: Transition, asked: Substitution) -> NextStep:
    """The new guarantor stands from here on, and the former one no longer does: together, or not at all."""
    current, proposed, credit_case_id = asked.current, asked.proposed, asked.line.case_id
    await guarantor.end_guarantee(step.connection, current.id, "replaced")
    await guarantor.add_part(step.connection, credit_case_id, proposed.person_id)
    await guarantor.end_parts(step.connection, credit_case_id)
    await cases.touch_case(step.connection, credit_case_id)
    await cases.add_event(step.connection, credit_case_id, Event.GUARANTOR_REPLACED, actor=MACHINE)
    await step.add_event(Event.GUARANTOR_REPLACED)
    await step.notify(step.owner, Event.GUARANTOR_REPLACED)
    await step.notify([current.person_id], Sms.GUARANTEE_TAKEN_OVER)
    await step.notify([proposed.person_id], Sms.GUARANTEE_BEGUN)
    audited = {"guarantee_id": str(proposed.id), "replaces": str(current.id)}
    ended = await step.end(Phase.REPLACED, audited=audited)
    await guarantor.end_parts(step.connection, step.case.id)
    return ended


async def _end(
    step: Transition, asked: Substitution, phase: Phase, told: StrEnum | None = None, *, reason: str | None = None
) -> NextStep:
    """End without a change: the former guarantor goes on standing, the new one does not stand.

    Args:
        step: at work.
        asked: the substitution.
        phase: how it ended.
        told: what timeline and SMS say; None if the person who ended it said so.
        reason: why, if somebody gave one.
    """
    if asked.proposed.is_live:
        silent = phase is Phase.LAPSED and asked.proposed.accepted_at is None
        await guarantor.end_guarantee(step.connection, asked.proposed.id, "expired" if silent else "released")
        notice = None if silent else notice_of_end(asked.proposed.status)
        if notice is not None:
            await step.notify([asked.proposed.person_id], notice)
    if told is not None:
        await step.add_event(told, params={} if reason is None else {"reason": reason})
        await step.notify(step.owner, told)
    ended = await step.end(phase)
    await guarantor.end_parts(step.connection, step.case.id)
    return ended


PROCESS = Process("substitution", assess, lapse, steps=(ask_substitute, request_substitution_review, replace_guarantor))
