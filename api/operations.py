"""The operations desk: the backlog of what is to be sent, services that may be closed, late cases (G5)."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import Field, StringConstraints

from api.case_detail import CaseOut
from api.dependencies import CommandDep, ReadingDep, require
from api.operation import Operation
from api.values import DueCursor, Input, Limit, Moment, Out, Page, Words
from commands import service as commands
from commands.refusals import refuses
from domain.access import READS_EVERYTHING, Role
from domain.catalogue import TASK_KINDS, words
from domain.errors import NotFound
from domain.reconciliation import FindingKind
from messages.case import CaseKind
from storage import outbox, services
from storage.case_lists import LateCase
from storage.case_lists import list_late_cases as find_late_cases
from storage.rows.services import Service
from storage.rows.tasks import Task

router = APIRouter(prefix="/v1/operations", tags=["operations"], route_class=Operation)

_READERS = Depends(require(*READS_EVERYTHING))


class WaitingOut(Out):
    """Messages of one class that wait to be sent."""

    message: str = Field(examples=["SendNotice"])
    waiting: int = Field(validation_alias="count", examples=[3])
    oldest_seconds: int = Field(description="How long the oldest has waited", examples=[41])
    tried: int = Field(description="How many of them were tried at least once", examples=[1])
    attempts_max: int = Field(examples=[4])
    last_error: str | None = Field(description="The class of the newest one's error", examples=["SendFailed"])


class OutboxOut(Out):
    """The backlog by class; a class without one is missing."""

    waiting: int = Field(description="All classes together", examples=[3])
    items: list[WaitingOut]


class ServiceOut(Out):
    """A service that may be closed to new cases."""

    name: CaseKind
    words: Words
    is_open: bool
    reason: str | None = Field(description="Why it was switched the last time; null if it never was")
    changed: Moment = Field(validation_alias="changed_at")
    changed_by: UUID | None

    @classmethod
    def of(cls, service: Service) -> ServiceOut:
        """A service."""
        return cls.of_row(service, words=Words.of(words.kind(service.name)))


class Services(Out):
    """Every service."""

    items: list[ServiceOut]


class SwitchIn(Input):
    """Whether a service takes new cases from now on, and why."""

    is_open: bool = Field(strict=True)
    reason: Annotated[str, StringConstraints(min_length=3, max_length=500, strip_whitespace=True)] = Field(
        examples=["نگهداشت سامانهٔ سازمان تا شنبه"]
    )


class AwaitedTask(Out):
    """An open task that a case waits for."""

    id: UUID
    kind: str = Field(examples=[*TASK_KINDS])
    words: Words
    role: str | None = Field(description="Null where one person is asked", examples=["hr_officer"])
    scope_kind: str | None = Field(examples=["organisation"])
    scope: str | None
    opened: Moment = Field(validation_alias="opened_at")
    due: Moment = Field(validation_alias="due_at")

    @classmethod
    def of(cls, task: Task) -> AwaitedTask:
        """A task."""
        return cls.of_row(task, words=Words.of(words.task(task.kind)))


class LateCaseOut(Out):
    """A case whose time is over, and why it stands still."""

    case: CaseOut
    late_since: Moment = Field(validation_alias="due_at")
    waits_for: list[AwaitedTask] = Field(description="Its open tasks, most urgent first; none: the machine is to act")
    finding: FindingKind | None = Field(description="What the reconciler found and is not settled")

    @classmethod
    def of(cls, late: LateCase) -> LateCaseOut:
        """A late case."""
        return cls.of_row(late, case=CaseOut.of(late.case), waits_for=[AwaitedTask.of(task) for task in late.waits_for])


@router.get("/outbox", dependencies=[_READERS])
async def read_outbox(read: ReadingDep) -> OutboxOut:
    """What waits to be sent at this moment: signals to processes, messages and codes to people."""
    found = await outbox.waiting_by_class(read.connection)
    items = [WaitingOut.model_validate(waiting) for waiting in found]
    return OutboxOut(waiting=sum(waiting.count for waiting in found), items=items)


@router.get("/services", dependencies=[_READERS])
async def list_services(read: ReadingDep) -> Services:
    """Which services take new cases."""
    return Services(items=[ServiceOut.of(service) for service in await services.list_services(read.connection)])


@router.put("/services/{name}", dependencies=[Depends(require(Role.OPERATOR))])
@refuses(commands.switch_service, NotFound)
async def switch_service(command: CommandDep, name: CaseKind, switched: SwitchIn) -> ServiceOut:
    """Close a service to new cases, or open it again; what runs goes on. Needs a fresh code (step-up)."""
    return ServiceOut.of(await commands.switch_service(command, name, is_open=switched.is_open, reason=switched.reason))


@router.get("/late-cases", dependencies=[_READERS])
async def list_late_cases(read: ReadingDep, after: DueCursor, limit: Limit = 25) -> Page[LateCaseOut]:
    """Cases whose time is over, those that are late for the longest time first, with what each waits for."""
    rows = await find_late_cases(read.connection, after=after, limit=limit + 1)
    return Page.of(rows, limit, lambda row: (row.due_at, row.case.id), LateCaseOut.of)
