"""What the machine does about guarantors: ask them in person, and free them (A4, A5, A11)."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from activities.transition import Transition
from domain.programme import Programme
from domain.wording import task_sms
from messages.guarantor import Event, Sms, TaskKind
from storage import guarantor
from storage.cases import touch_case
from storage.database import SERVICE, tehran_today, transaction
from storage.notices import notify
from storage.rows.guarantor import Guarantee


async def ask_guarantor(step: Transition, programme: Programme, guarantee: Guarantee) -> None:
    """Ask somebody who was named: they accept or refuse in person (A5)."""
    await guarantor.mark_asked(step.connection, guarantee)
    await step.ask(
        TaskKind.ANSWER_GUARANTEE,
        guarantee.person_id,
        remind_in=programme.answer_remind,
        due_in=programme.answer_expire,
        subject_id=guarantee.id,
        tell=False,
    )
    again = await guarantor.is_asked_again(step.connection, guarantee)
    await step.notify(
        [guarantee.person_id], Sms.GUARANTEE_ASKED_AGAIN if again else task_sms(TaskKind.ANSWER_GUARANTEE)
    )
    await step.tell(Event.GUARANTOR_ASKED)


async def release_guarantors(step: Transition, case_id: UUID) -> None:
    """Free everybody who is asked, or stands, in a case, and tell them."""
    for notice, people in (await guarantor.release_all(step.connection, case_id)).items():
        await step.notify(people, notice)
    await guarantor.end_parts(step.connection, case_id)


async def free_guarantors(engine: AsyncEngine, limit: int) -> int:
    """Free those who stand for a credit whose term has ended and on which nothing is owed (A4); returns how many."""
    async with transaction(engine, SERVICE) as connection:
        over = await guarantor.credits_run_out(connection, await tehran_today(connection), limit)
        for case_id in over:
            # The case first, as everybody else does; who has it open sees that it changed.
            await touch_case(connection, case_id)
            for notice, people in (await guarantor.release_all(connection, case_id)).items():
                await notify(connection, people, notice, case_id=case_id)
            await guarantor.end_parts(connection, case_id)
        return len(over)
