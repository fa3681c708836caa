"""Tasks as those who are to answer them see them."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncConnection

from api.decisions import asks_another
from api.values import AmountOut, Moment, Out, Reason, Words
from commands.task import closed_as
from domain.access import Actor
from domain.catalogue import HELD, TASK_KINDS, words
from domain.errors import TaskNotOpen
from domain.held_task import AMOUNT
from domain.review import ReturnReason
from domain.wording import Sentence
from messages.case import CaseKind
from storage.database import with_service_rights
from storage.people import names_of
from storage.rows.tasks import Task
from storage.tasks import InboxItem


class TaskOut(Out):
    """Something that a case waits for."""

    id: UUID
    case_id: UUID
    case_kind: str = Field(examples=[*CaseKind])
    variant: str = Field(examples=["minipay"])
    region_code: str | None
    kind: str = Field(examples=[*TASK_KINDS])
    words: Words
    person_name: str | None = Field(
        description="Whose case it is, for staff and for guarantors who are asked (A5); null for one's own, and with"
        " ``held`` for all but its holder",
        examples=["مریم رضایی"],
    )
    programme: Words | None = Field(description="The programme's title, where the case is about a credit")
    role: str | None = Field(examples=["hr_officer"])
    scope_kind: str | None = Field(examples=["organisation"])
    scope: str | None
    status: str = Field(examples=["open"])
    reason: str | None = Field(description="Why it is asked, if that is not plain", examples=[None])
    subject_id: UUID | None = Field(
        description="What it is about, where others than the case's own person are asked: a guarantee (A5), a sum that"
        " is to be paid back (E2)"
    )
    reasons: list[Reason] = Field(description="Why finance returned what is to be corrected (A7)")
    opened: Moment = Field(validation_alias="opened_at")
    due: Moment = Field(validation_alias="due_at")
    late: bool = Field(description="Whether it is open though its time is over")
    claimed_by: UUID | None
    claimed_by_me: bool
    held: bool = Field(
        description="Whether it must be claimed before its case is seen and before it is decided (E5)", examples=[False]
    )
    may_release: bool = Field(description="Whether who has claimed it may give it back", examples=[True])
    amount: AmountOut | None = Field(description="With ``held``, how much it is about")
    sent_by_me: bool = Field(description="Whether what is asked came from the caller, who therefore must not answer")
    version: int
    closed: Moment | None = Field(validation_alias="closed_at", description="Since when nothing waits for it")
    ended: Reason | None = Field(
        description="What became of it and when, once it is closed, with the code of the refusal of a late decision"
    )

    @classmethod
    def of(cls, item: InboxItem, actor: Actor, person_name: str | None, ended: TaskNotOpen | None = None) -> TaskOut:
        """An inbox item in somebody's eyes; ``ended`` is what a decision about it would be refused with."""
        task, held = item.task, HELD.get(item.task.kind)
        is_hidden = held is not None and (task.status != "open" or task.claimed_by != actor.person_id)
        amount = None if held is None else task.details.get(AMOUNT)
        reason = task.details.get("obstacle") or task.details.get("reason")
        return cls.of_row(
            task,
            case_kind=item.case_kind,
            variant=item.variant,
            region_code=None if is_hidden else item.region_code,
            words=Words.of(words.task(task.kind)),
            person_name=None if is_hidden or item.person_id == actor.person_id else person_name,
            programme=None if is_hidden or item.programme is None else Words.of(Sentence(*item.programme)),
            reason=reason,
            subject_id=task.subject_id if asks_another(task) else None,
            reasons=[Reason.of(ReturnReason, code) for code in task.details.get("reasons", [])],
            late=item.is_late,
            claimed_by=None if held is not None and not item.holder_is_able else task.claimed_by,
            claimed_by_me=task.claimed_by == actor.person_id,
            held=held is not None,
            may_release=held is None or held.released is not None,
            amount=None if amount is None else AmountOut.of(amount),
            ended=None if ended is None else Reason.of_refusal(ended),
            sent_by_me=task.not_by == actor.person_id,
        )


async def shown(connection: AsyncConnection, actor: Actor, items: Sequence[InboxItem]) -> list[TaskOut]:
    """Tasks with the names of those whose cases they are."""
    names = await _applicants(connection, actor, items) if actor.capacity == "member" else {}
    return [
        TaskOut.of(item, actor, names.get(item.task.id, item.person_name), await _ending(connection, actor, item.task))
        for item in items
    ]


async def _ending(connection: AsyncConnection, actor: Actor, task: Task) -> TaskNotOpen | None:
    return None if task.status == "open" else await closed_as(connection, actor, task)


async def _applicants(connection: AsyncConnection, actor: Actor, items: Sequence[InboxItem]) -> dict[UUID, str | None]:
    """By task, for whom a member is asked (A5): the applicant's row is hidden from a member's transaction."""
    asking = {item.task.id: item.person_id for item in items if asks_another(item.task) and item.person_id is not None}
    if not asking:
        return {}
    async with with_service_rights(connection, actor):
        names = await names_of(connection, set(asking.values()))
    return {task_id: names.get(person_id) for task_id, person_id in asking.items()}
