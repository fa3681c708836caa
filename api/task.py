"""The inbox: what waits for me or for my roles, and answering it."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Final, Self
from uuid import NAMESPACE_OID, UUID, uuid5

from fastapi import APIRouter, Body, Query
from pydantic import Field, model_validator

from api.case_view import CaseRow, case_row
from api.decisions import CLAIMING, DECISIONS, RELEASING, any_decision, any_kind
from api.dependencies import (
    REPLAYED,
    Caller,
    CallerDep,
    CommandDep,
    FreshCode,
    KeyDep,
    Performer,
    ReadingDep,
    restored,
)
from api.inbox import TaskOut, shown
from api.operation import Operation
from api.values import DueCursor, IfMatch, Input, Limit, Out, Page, Reason
from commands import task as commands
from commands.command import Command, Envelope
from commands.refusals import refuses
from domain import errors
from storage import tasks
from storage.database import with_service_rights
from storage.tasks import InboxFilter

if TYPE_CHECKING:
    from api.answering import Decision as AnyDecision

    TaskKind = str
else:
    AnyDecision = any_decision()
    TaskKind = any_kind()

# As many as an inbox shows at once.
TOGETHER_MAX: Final = 50


def _without_mapping(schema: dict[str, Any]) -> None:
    schema.pop("discriminator")


class DecisionIn(Input):
    """One of several decisions: about which task, as it was shown."""

    task_id: UUID
    version: int = Field(
        ge=1, description="Of the task that was looked at; of another one nothing is decided", examples=[1]
    )
    # The choice by kind and then by decision cannot be mapped in the document; each decision says both of itself.
    decision: AnyDecision = Field(json_schema_extra=_without_mapping)


class DecisionsIn(Input):
    """Decisions of one kind that one code confirms together: the person who gives it has looked at all of them."""

    items: list[DecisionIn] = Field(min_length=1, max_length=TOGETHER_MAX)

    @model_validator(mode="after")
    def _of_one_kind(self) -> Self:
        if len({item.decision.name() for item in self.items}) != 1:
            raise ValueError("give decisions of one kind")
        if len({item.task_id for item in self.items}) != len(self.items):
            raise ValueError("give each task once")
        return self


class Confirmed(Out):
    """What is kept of a code that was given for several decisions: in which session, and until when it counts."""

    session_id: UUID
    until: datetime


class DecisionOut(Out):
    """What came of one of the decisions."""

    task_id: UUID
    case: CaseRow | None = Field(description="Its case, if it was decided")
    refusal: Reason | None = Field(
        description="Why it was not, with the code of the refusal; nothing has changed in it"
    )


class DecisionsOut(Out):
    """What came of the decisions, in the given order."""

    items: list[DecisionOut]


router = APIRouter(prefix="/v1/tasks", tags=["tasks"], route_class=Operation)


@router.get("")
async def list_tasks(
    read: ReadingDep,
    *,
    after: DueCursor,
    kind: Annotated[TaskKind | None, Query()] = None,
    region_code: Annotated[str | None, Query(pattern="^[0-9]{4}$")] = None,
    late: Annotated[bool | None, Query()] = None,
    mine: Annotated[bool, Query(description="Only what I have claimed")] = False,
    limit: Limit = 25,
) -> Page[TaskOut]:
    """Open tasks of mine or of my roles in my scopes, most urgent first."""
    wanted = InboxFilter(kind, region_code, late, mine)
    rows = await tasks.inbox(read.connection, read.actor, wanted, after=after, limit=limit + 1)
    found = {task.id: task for task in await shown(read.connection, read.actor, rows[:limit])}
    return Page.of(rows, limit, lambda row: (row.task.due_at, row.task.id), lambda row: found[row.task.id])


@router.get("/{task_id}")
async def read_task(read: ReadingDep, task_id: UUID) -> TaskOut | None:
    """A task that is or was addressed to the caller; its ETag can be sent back with a decision."""
    # Of a case in which they take part no longer it says what became of it.
    async with with_service_rights(read.connection, read.actor):
        item = await tasks.read_item(read.connection, task_id)
    if item is None or not commands.is_addressed_to(item.task, read.actor):
        return None
    (found,) = await shown(read.connection, read.actor, [item])
    read.response.headers["ETag"] = f'W/"{found.version}"'
    return found


async def _task_out(command: Command, task_id: UUID) -> TaskOut:
    item = await tasks.read_item(command.connection, task_id)
    if item is None:
        raise errors.NotFound
    return (await shown(command.connection, command.actor, [item]))[0]


@router.post("/{task_id}/claim")
@refuses(commands.lock_free_task, commands.claim_task, *CLAIMING.values())
async def claim_task(command: CommandDep, task_id: UUID) -> TaskOut:
    """Take a task from the queue, so that colleagues leave it; of one with ``held`` the case is seen from then on."""
    task = await commands.lock_free_task(command, task_id)
    claiming = None if task.claimed_by == command.actor.person_id else CLAIMING.get(task.kind)
    await commands.claim_task(command, task, None if claiming is None else await claiming(command, task))
    return await _task_out(command, task_id)


@router.post("/{task_id}/release")
@refuses(commands.lock_free_task, commands.release_task, *RELEASING.values())
async def release_task(command: CommandDep, task_id: UUID) -> TaskOut:
    """Give a claimed task back, if ``may_release`` says that it can be."""
    task = await commands.lock_free_task(command, task_id)
    releasing = RELEASING.get(task.kind)
    await commands.release_task(command, task, None if releasing is None else await releasing(command, task))
    return await _task_out(command, task_id)


@router.post("/{task_id}/decision")
@refuses(commands.lock_task, errors.VersionMissing, *(decision.decide for decision in DECISIONS))
async def decide_task(
    command: CommandDep, task_id: UUID, decision: Annotated[AnyDecision, Body()], version: IfMatch, totp: FreshCode
) -> CaseRow:
    """Answer a task. The answer is final and immediate; the process goes on from it."""
    if version is None and decision.of_version:
        raise errors.VersionMissing
    task = await commands.lock_task(command, task_id, version=version)
    await decision.decide(command.with_code(totp), task)
    return await case_row(command, task.case_id)


@router.post("/decisions")
@refuses(commands.confirm_together, errors.KeyReused, errors.KeyInFlight, errors.DoneBefore, errors.Forbidden)
async def decide_tasks(caller: CallerDep, wish: DecisionsIn, key: KeyDep, totp: FreshCode) -> DecisionsOut:
    """Answer several tasks of one kind with one code, each by itself: what is refused stops none of the others.

    Sent again under the same key, the rest is done within the code's five minutes, and nothing twice.
    """
    content = hashlib.sha256(wish.model_dump_json().encode()).digest()
    envelope = Envelope(caller.actor, decide_tasks.__name__, key, content, caller.origin)

    async def confirm(command: Command) -> Confirmed:
        task_ids = [item.task_id for item in wish.items]
        until = await commands.confirm_together(command.with_code(totp), task_ids)
        return Confirmed(session_id=command.actor.session_id, until=until)

    answer = await Performer(caller.context, envelope).run(confirm)
    confirmed = restored(Confirmed, bytes(answer.body), replayed=REPLAYED in answer.headers)
    caller.response.headers["Cache-Control"] = "no-store"
    return DecisionsOut(items=[await _decide_one(caller, envelope, item, confirmed) for item in wish.items])


async def _decide_one(caller: Caller, envelope: Envelope, item: DecisionIn, confirmed: Confirmed) -> DecisionOut:
    """One of several decisions, in a transaction and under a key of its own."""
    # In another session the code counts for nothing that is not done yet.
    until = confirmed.until if confirmed.session_id == caller.actor.session_id else datetime.min.replace(tzinfo=UTC)
    own_key = str(uuid5(NAMESPACE_OID, f"{envelope.key} {item.task_id}"))
    own = replace(envelope, operation=decide_task.__name__, key=own_key)

    async def decide(command: Command) -> CaseRow:
        return await decide_task(
            replace(command, confirmed_until=until), item.task_id, item.decision, item.version, None
        )

    try:
        answer = await Performer(caller.context, own).run(decide)
        replayed = REPLAYED in answer.headers
        return DecisionOut(
            task_id=item.task_id, case=restored(CaseRow, bytes(answer.body), replayed=replayed), refusal=None
        )
    except errors.KeyInFlight:
        raise
    except errors.Refusal as refused:
        return DecisionOut(task_id=item.task_id, case=None, refusal=Reason.of_refusal(refused))
