"""The operations desk: the backlog of what is to be sent, services that may be closed, late cases (G5)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Body, Depends
from pydantic import BaseModel, Field, StringConstraints
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import Response

from api.case_detail import CaseOut
from api.dependencies import PerformerDep, ReaderDep, require
from api.problems import responses
from api.values import Cursor, Input, Limit, MomentOut, Page, Words, cut, read_cursor, write_cursor
from commands import service as commands
from commands.command import Command
from domain import errors
from domain.access import READS_EVERYTHING, Role
from domain.catalogue import words
from domain.reconciliation import FindingKind
from storage import outbox, services
from storage.late_cases import LateCase, list_late_cases
from storage.outbox import Waiting
from storage.rows.services import Service, ServiceName
from storage.rows.tasks import Task

router = APIRouter(prefix="/v1/operations", tags=["operations"])

_READERS = Depends(require(*READS_EVERYTHING))
_REFUSED = responses(errors.Unauthenticated, errors.Forbidden)


class WaitingOut(BaseModel):
    """Messages of one class that wait to be sent."""

    message: str = Field(examples=["SendNotice"])
    waiting: int = Field(examples=[3])
    oldest_seconds: int = Field(description="How long the oldest has waited", examples=[41])
    tried: int = Field(description="How many of them were tried at least once", examples=[1])
    attempts_max: int = Field(examples=[4])
    last_error: str | None = Field(description="The class of the newest one's error", examples=["SendFailed"])

    @classmethod
    def of(cls, waiting: Waiting) -> WaitingOut:
        """A class."""
        return cls(
            message=waiting.message,
            waiting=waiting.count,
            oldest_seconds=waiting.oldest_seconds,
            tried=waiting.tried,
            attempts_max=waiting.attempts_max,
            last_error=waiting.last_error,
        )


class OutboxOut(BaseModel):
    """The backlog by class; a class without one is missing."""

    waiting: int = Field(description="All classes together", examples=[3])
    items: list[WaitingOut]


class ServiceOut(BaseModel):
    """A service that may be closed to new cases."""

    name: ServiceName
    words: Words
    is_open: bool
    reason: str | None = Field(description="Why it was switched the last time; null if it never was")
    changed: MomentOut
    changed_by: UUID | None

    @classmethod
    def of(cls, service: Service) -> ServiceOut:
        """A service."""
        return cls(
            name=service.name,
            words=Words.of(words.kind(service.name)),
            is_open=service.is_open,
            reason=service.reason,
            changed=MomentOut.of(service.changed_at),
            changed_by=service.changed_by,
        )


class Services(BaseModel):
    """Every service."""

    items: list[ServiceOut]


class SwitchIn(Input):
    """Whether a service takes new cases from now on, and why."""

    is_open: bool = Field(strict=True)
    reason: Annotated[str, StringConstraints(min_length=3, max_length=500, strip_whitespace=True)] = Field(
        examples=["نگهداشت سامانهٔ سازمان تا شنبه"]
    )


class AwaitedTask(BaseModel):
    """An open task that a case waits for."""

    id: UUID
    kind: str = Field(examples=["issue_certificate"])
    words: Words
    role: str | None = Field(description="Null where one person is asked", examples=["hr_officer"])
    scope_kind: str | None = Field(examples=["organisation"])
    scope: str | None
    opened: MomentOut
    due: MomentOut

    @classmethod
    def of(cls, task: Task) -> AwaitedTask:
        """A task."""
        return cls(
            id=task.id,
            kind=task.kind,
            words=Words.of(words.task(task.kind)),
            role=task.role,
            scope_kind=task.scope_kind,
            scope=task.scope,
            opened=MomentOut.of(task.opened_at),
            due=MomentOut.of(task.due_at),
        )


class LateCaseOut(BaseModel):
    """A case whose time is over, and why it stands still."""

    case: CaseOut
    late_since: MomentOut
    waits_for: list[AwaitedTask] = Field(description="Its open tasks, most urgent first; none: the machine is to act")
    finding: FindingKind | None = Field(description="What the reconciler found and is not settled")

    @classmethod
    def of(cls, late: LateCase) -> LateCaseOut:
        """A late case."""
        return cls(
            case=CaseOut.of(late.case),
            late_since=MomentOut.of(late.due_at),
            waits_for=[AwaitedTask.of(task) for task in late.waits_for],
            finding=late.finding,
        )


@router.get("/outbox", operation_id="read_outbox", dependencies=[_READERS], responses=_REFUSED)
async def read_outbox(reader: ReaderDep) -> OutboxOut:
    """What waits to be sent at this moment: signals to processes, messages and codes to people."""

    async def query(connection: AsyncConnection) -> OutboxOut:
        found = await outbox.waiting_by_class(connection)
        return OutboxOut(
            waiting=sum(waiting.count for waiting in found), items=[WaitingOut.of(waiting) for waiting in found]
        )

    return await reader.read(query)


@router.get("/services", operation_id="list_services", dependencies=[_READERS], responses=_REFUSED)
async def list_services(reader: ReaderDep) -> Services:
    """Which services take new cases."""

    async def query(connection: AsyncConnection) -> Services:
        return Services(items=[ServiceOut.of(service) for service in await services.list_services(connection)])

    return await reader.read(query)


@router.put(
    "/services/{name}",
    operation_id="switch_service",
    response_model=ServiceOut,
    dependencies=[Depends(require(Role.OPERATOR))],
    responses=responses(errors.Unauthenticated, errors.Forbidden, errors.StepUpRequired),
)
async def switch_service(performer: PerformerDep, name: ServiceName, switched: Annotated[SwitchIn, Body()]) -> Response:
    """Close a service to new cases, or open it again; what runs goes on. Needs a fresh code (step-up)."""

    async def work(command: Command) -> ServiceOut:
        return ServiceOut.of(
            await commands.switch_service(command, name, is_open=switched.is_open, reason=switched.reason)
        )

    return await performer.run(work)


@router.get("/late-cases", operation_id="list_late_cases", dependencies=[_READERS], responses=_REFUSED)
async def read_late_cases(reader: ReaderDep, cursor: Cursor = None, limit: Limit = 25) -> Page[LateCaseOut]:
    """Cases whose time is over, those that are late for the longest time first, with what each waits for."""
    after = read_cursor(cursor, datetime, UUID)

    async def query(connection: AsyncConnection) -> Page[LateCaseOut]:
        rows = await list_late_cases(connection, after=(after[0], after[1]) if after else None, limit=limit + 1)
        page, more = cut(rows, limit)
        items = [LateCaseOut.of(late) for late in page]
        return Page(items=items, next=write_cursor(page[-1].due_at, page[-1].case.id) if more else None)

    return await reader.read(query)
