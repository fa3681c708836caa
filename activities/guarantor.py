"""What the machine does about guarantors: ask them in person, ask for their names, and free them (A4 to A6, A11)."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from activities.transition import ActivityContext, Transition
from domain.access import Part
from domain.programme import Programme
from domain.wording import task_sms
from messages.case import NextStep
from messages.guarantor import Event, Sms, TaskKind
from messages.onboarding import Phase
from storage import guarantor, tasks
from storage.cases import touch_case
from storage.database import SERVICE, tehran_today, transaction
from storage.notices import notify
from storage.rows.guarantor import Guarantee
from storage.rows.tasks import Task


async def ask_guarantor(step: Transition, programme: Programme, guarantee: Guarantee) -> None:
    """Ask somebody who was named: they accept or refuse in person (A5)."""
    await guarantor.mark_asked(step.connection, guarantee)
    await step.ask(
        TaskKind.ANSWER_GUARANTEE,
        guarantee.person_id,
        remind_in=programme.answer_remind,
        due_in=programme.answer_expire,
        subject_id=guarantee.id,
        sms=False,
    )
    again = await guarantor.is_asked_again(step.connection, guarantee)
    await step.notify(
        [guarantee.person_id], Sms.GUARANTEE_ASKED_AGAIN if again else task_sms(TaskKind.ANSWER_GUARANTEE)
    )
    await step.add_event(Event.GUARANTOR_ASKED)


async def are_guarantors_missing(step: Transition, programme: Programme, open_tasks: Sequence[Task]) -> bool:
    """Whether somebody who was named is still to be asked, or the applicant for a name."""
    if programme.guarantor is None:
        return False
    live = await guarantor.guarantees_in(step.connection, step.case.id)
    if any(guarantee.status == "named" for guarantee in live):
        return True
    asked_for_name = any(task.kind == TaskKind.NAME_GUARANTOR for task in open_tasks)
    return len(live) < programme.guarantors and not asked_for_name


async def ask_guarantors(step: Transition, programme: Programme) -> NextStep:
    """Ask everybody who was named, and the applicant for as many names as are missing (A5, A6)."""
    await guarantor.end_parts(step.connection, step.case.id)
    live = await guarantor.guarantees_in(step.connection, step.case.id)
    for guarantee in live:
        if guarantee.status == "named":
            await ask_guarantor(step, programme, guarantee)
    if len(live) < programme.guarantors:
        await _ask_for_name(step, programme)
    open_tasks = await tasks.open_tasks(step.connection, step.case.id)
    await _show(step, open_tasks)
    return step.wait(open_tasks)


async def _ask_for_name(step: Transition, programme: Programme) -> None:
    if await tasks.find_open(step.connection, step.case.id, TaskKind.NAME_GUARANTOR) is None:
        (applicant,), terms = step.owner, programme.guarantor_terms
        await step.ask(TaskKind.NAME_GUARANTOR, applicant, remind_in=terms.name_remind, due_in=terms.name_expire)
        await step.add_event(Event.GUARANTOR_NAME_REQUESTED)


async def _show(step: Transition, open_tasks: Sequence[Task]) -> None:
    """Who acts next, and until when: the applicant as long as a name is missing."""
    names = [task.due_at for task in open_tasks if task.kind == TaskKind.NAME_GUARANTOR]
    answers = [task.due_at for task in open_tasks if task.kind == TaskKind.ANSWER_GUARANTEE]
    due_in = min(names or answers) - step.now
    if names:
        await step.move(Phase.AWAITING_ANOTHER_GUARANTOR, next_actor=Part.APPLICANT, due_in=due_in)
    else:
        await step.move(Phase.AWAITING_GUARANTOR, next_actor=Part.GUARANTOR, due_in=due_in)


async def give_up_guarantors(step: Transition, expired: Sequence[Task]) -> bool:
    """Ask guarantors who stayed silent no longer; the applicant may name others (A6).

    Returns:
        Whether nobody but guarantors was silent; otherwise nothing was done.
    """
    if any(task.kind != TaskKind.ANSWER_GUARANTEE for task in expired):
        return False
    silent = {task.person_id for task in expired}
    for guarantee in await guarantor.guarantees_in(step.connection, step.case.id):
        if guarantee.person_id in silent and guarantee.status == "asked":
            await guarantor.end_guarantee(step.connection, guarantee.id, "expired")
            await step.add_event(Event.GUARANTOR_SILENT)
    if await tasks.find_open(step.connection, step.case.id, TaskKind.NAME_GUARANTOR) is not None:
        # They were asked for one name already, and now another one is missing as well.
        await step.notify(step.owner, task_sms(TaskKind.NAME_GUARANTOR))
    return True


async def release_guarantors(step: Transition, case_id: UUID) -> None:
    """Free everybody who is asked, or stands, in a case, and tell them."""
    for notice, people in (await guarantor.release_all(step.connection, case_id)).items():
        await step.notify(people, notice)
    await guarantor.end_parts(step.connection, case_id)


async def free_guarantors(context: ActivityContext, limit: int) -> int:
    """Free those who stand for a credit whose term has ended and on which nothing is owed (A4); returns how many."""
    async with transaction(context.engine, SERVICE) as connection:
        over = await guarantor.credits_run_out(connection, await tehran_today(connection), limit)
        for case_id in over:
            # The case first, as everybody else does; who has it open sees that it changed.
            await touch_case(connection, case_id)
            for notice, people in (await guarantor.release_all(connection, case_id)).items():
                await notify(connection, people, notice, case_id=case_id)
            await guarantor.end_parts(connection, case_id)
        return len(over)
