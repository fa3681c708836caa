"""What the machine does about guarantors: ask them in person, and free them (A4, A5, A11)."""

from __future__ import annotations

from uuid import UUID

from activities.transition import Transition
from domain.programme import Programme
from domain.wording import task_sms
from messages.guarantor import Event, Sms
from messages.onboarding import TaskKind
from storage import guarantor
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
