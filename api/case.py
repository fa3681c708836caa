"""Cases: where each stands, who acts next and until when, its timeline, and its live status."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import Response

from api.dependencies import ReaderDep
from api.live import TooManyStreams, Watcher
from api.problems import responses
from api.values import AmountOut, Cursor, DayOut, Limit, MomentOut, Page, Words, cut, read_cursor, write_cursor
from commands.task import is_addressed_to
from domain import errors, wording
from domain.access import READS_EVERYTHING, Actor, Role
from domain.identity import Mobile, NationalId, Sheba, mask_mobile, mask_national_id, mask_sheba
from domain.onboarding import may_withdraw
from messages.case import CaseKind
from messages.personnel import Change
from storage import case_lists, onboarding, people, personnel, tasks
from storage.case_lists import CaseFilter, Event
from storage.cases import Case
from storage.personnel.values import read_values
from storage.sealing import Seals
from storage.tasks import Task

router = APIRouter(prefix="/v1/cases", tags=["cases"])


_SEES_PAY = frozenset({Role.HR_OFFICER, Role.FINANCE_OFFICER, Role.AUDITOR})


class Action(BaseModel):
    """Something that the caller may do now."""

    action: str = Field(examples=["withdraw_application"])
    method: str = Field(examples=["POST"])
    href: str = Field(examples=["/v1/onboarding/applications/…/withdrawal"])


class CaseOut(BaseModel):
    """A case as its people see it."""

    id: UUID
    kind: str = Field(examples=["onboarding"])
    kind_words: Words
    variant: str = Field(description="For onboarding the programme", examples=["minipay"])
    phase: str = Field(examples=["awaiting_certificate"])
    phase_words: Words
    next_actor: str | None = Field(description="Who acts next; null when the case is over", examples=["hr_officer"])
    next_actor_words: Words | None
    due: MomentOut | None = Field(description="Until when")
    outcome: str | None = Field(examples=["active"])
    organisation_id: UUID | None
    region_code: str | None
    opened: MomentOut
    changed: MomentOut
    closed: MomentOut | None
    version: int

    @classmethod
    def of(cls, case: Case) -> CaseOut:
        """A case."""
        actor = case.next_actor
        return cls(
            id=case.id,
            kind=case.kind,
            kind_words=Words.of(wording.said(wording.KINDS, case.kind)),
            variant=case.variant,
            phase=case.phase,
            phase_words=Words.of(wording.said(wording.PHASES, case.phase)),
            next_actor=actor,
            next_actor_words=None if actor is None else Words.of(wording.said(wording.ROLES, actor)),
            due=None if case.due_at is None else MomentOut.of(case.due_at),
            outcome=case.outcome,
            organisation_id=case.organisation_id,
            region_code=case.region_code,
            opened=MomentOut.of(case.opened_at),
            changed=MomentOut.of(case.changed_at),
            closed=None if case.closed_at is None else MomentOut.of(case.closed_at),
            version=case.version,
        )


class ApplicationOut(BaseModel):
    """What was asked for, and which personnel values were used (A3)."""

    monthly: AmountOut
    instalments: int
    net_pay_used: AmountOut | None = Field(description="For the applicant and those who judge by it")
    region_used: str
    hire_date_used: DayOut
    mandate_version: int
    approved_monthly: AmountOut | None
    approved_instalments: int | None
    certificate_id: UUID | None

    @classmethod
    async def of(cls, connection: AsyncConnection, actor: Actor, case_id: UUID) -> ApplicationOut | None:
        """The application of a case, if it is one."""
        asked = await onboarding.read_application(connection, case_id)
        if asked is None:
            return None
        sees_pay = asked.person_id == actor.person_id or actor.holds_any(_SEES_PAY)
        certificate = await onboarding.newest_certificate(connection, case_id)
        return cls(
            monthly=AmountOut.of(asked.monthly),
            instalments=asked.instalments,
            net_pay_used=AmountOut.of(asked.net_pay) if sees_pay else None,
            region_used=asked.region_code,
            hire_date_used=DayOut.of(asked.hire_date),
            mandate_version=asked.mandate_version,
            approved_monthly=None if asked.approved_monthly is None else AmountOut.of(asked.approved_monthly),
            approved_instalments=asked.approved_instalments,
            certificate_id=None if certificate is None else certificate.id,
        )


class ChangeOut(BaseModel):
    """What a personnel file proposes (A13), as far as it must be recognised to be judged."""

    what: Change
    present_masked: str | None = Field(description="What stands now; null for an exit", examples=["0912***4567"])
    proposed_masked: str | None = Field(description="Null for an exit", examples=["0935***0001"])

    @classmethod
    async def of(cls, connection: AsyncConnection, seals: Seals, case_id: UUID) -> ChangeOut | None:
        """The change of a case, if it is one."""
        change = await personnel.read_change(connection, case_id)
        if change is None:
            return None
        values = await read_values(connection, seals, change)
        return cls(
            what=change.what,
            present_masked=_masked(change.what, values.present),
            proposed_masked=_masked(change.what, values.proposed),
        )


def _masked(what: Change, value: str | None) -> str | None:
    if value is None:
        return None
    return mask_mobile(Mobile(value)) if what is Change.MOBILE else mask_sheba(Sheba(value))


class CaseDetail(CaseOut):
    """A case with what it is about and what the caller may do."""

    person_name: str | None = Field(examples=["مریم رضایی"])
    national_id_masked: str | None = Field(
        description="For staff who have a task in the case, operators and auditors", examples=["049****899"]
    )
    application: ApplicationOut | None
    change: ChangeOut | None = Field(description="For the same people, where a personnel file proposes a change")
    allowed_actions: list[Action]


class EventOut(BaseModel):
    """A line of a timeline: what happened, in plain words."""

    id: int
    at: MomentOut
    code: str = Field(examples=["certificate_issued"])
    actor: str = Field(examples=["hr_officer"])
    actor_words: Words
    words: Words

    @classmethod
    def of(cls, event: Event) -> EventOut:
        """A line."""
        return cls(
            id=event.id,
            at=MomentOut.of(event.at),
            code=event.code,
            actor=event.actor,
            actor_words=Words.of(wording.said(wording.ROLES, event.actor)),
            words=Words.of(wording.said(wording.TIMELINE, event.code, event.params)),
        )


async def case_detail(connection: AsyncConnection, seals: Seals, actor: Actor, case_id: UUID) -> CaseDetail | None:
    """A case in full, if the caller may see it."""
    case = await case_lists.see_case(connection, actor, case_id)
    if case is None:
        return None
    person = None if case.person_id is None else await people.read_person(connection, case.person_id)
    theirs = await _tasks_of(connection, actor, case)
    judges = actor.capacity == "staff" and (bool(theirs) or actor.holds_any(READS_EVERYTHING))
    asks_change = judges and case.kind is CaseKind.PERSONNEL_CHANGE
    return CaseDetail(
        **CaseOut.of(case).model_dump(),
        person_name=None if person is None else f"{person.first_name} {person.last_name}".strip(),
        national_id_masked=await _national_id(connection, seals, case.person_id) if judges else None,
        application=await ApplicationOut.of(connection, actor, case.id) if case.kind is CaseKind.ONBOARDING else None,
        change=await ChangeOut.of(connection, seals, case.id) if asks_change else None,
        allowed_actions=await _allowed_actions(connection, actor, case, theirs),
    )


async def _national_id(connection: AsyncConnection, seals: Seals, person_id: UUID | None) -> str | None:
    if person_id is None:
        return None
    national_id, _ = await people.read_contacts(connection, seals, person_id)
    return mask_national_id(NationalId(national_id))


async def _tasks_of(connection: AsyncConnection, actor: Actor, case: Case) -> list[Task]:
    """The case's open tasks that are the caller's to answer; none for staff in a case of their own."""
    if actor.capacity == "staff" and await people.takes_part(connection, case.id, actor.person_id):
        return []
    return [task for task in await tasks.open_tasks(connection, case.id) if is_addressed_to(task, actor)]


async def _allowed_actions(
    connection: AsyncConnection, actor: Actor, case: Case, theirs: Sequence[Task]
) -> list[Action]:
    actions: list[Action] = []
    withdrawn = case.kind is not CaseKind.ONBOARDING or await onboarding.is_withdrawn(connection, case.id)
    is_applicant = actor.capacity == "member" and actor.person_id == case.person_id
    if is_applicant and may_withdraw(is_open=case.is_open, withdrawn=withdrawn):
        href = f"/v1/onboarding/applications/{case.id}/withdrawal"
        actions.append(Action(action="withdraw_application", method="POST", href=href))
    for task in theirs:
        if task.claimed_by in {None, actor.person_id}:
            href = f"/v1/tasks/{task.id}/decision"
            actions.append(Action(action=f"decide_{task.kind}", method="POST", href=href))
    return actions


@router.get("", operation_id="list_cases", responses=responses(errors.Unauthenticated))
async def list_cases(
    reader: ReaderDep,
    kind: Annotated[CaseKind | None, Query()] = None,
    phase: Annotated[str | None, Query(max_length=40, pattern="^[a-z_]+$")] = None,
    is_open: Annotated[bool | None, Query()] = None,
    region_code: Annotated[str | None, Query(pattern="^[0-9]{4}$")] = None,
    late: Annotated[bool | None, Query(description="Whether its time is over")] = None,
    cursor: Cursor = None,
    limit: Limit = 25,
) -> Page[CaseOut]:
    """Cases that the caller may see, newest first."""
    wanted = CaseFilter(kind, phase, is_open, region_code, late)
    before = read_cursor(cursor, UUID)

    async def query(connection: AsyncConnection) -> Page[CaseOut]:
        rows = await case_lists.list_cases(
            connection, reader.actor, wanted, before=before[0] if before else None, limit=limit + 1
        )
        page, more = cut(rows, limit)
        return Page(items=[CaseOut.of(case) for case in page], next=write_cursor(page[-1].id) if more else None)

    return await reader.read(query)


@router.get("/{case_id}", operation_id="read_case", responses=responses(errors.Unauthenticated, errors.NotFound))
async def read_case(
    reader: ReaderDep,
    response: Response,
    case_id: UUID,
    if_none_match: Annotated[str | None, Header(description="ETag of what the caller has")] = None,
) -> CaseDetail:
    """A case; its ETag changes whenever something happens in it. 304 if the caller's copy is still right."""
    detail = await reader.read(lambda connection: case_detail(connection, reader.context.seals, reader.actor, case_id))
    etag = f'W/"{detail.version}"'
    if if_none_match == etag:
        return Response(status_code=304, headers={"ETag": etag})  # type: ignore[return-value]  # FastAPI passes a Response on
    response.headers["ETag"] = etag
    return detail


@router.get(
    "/{case_id}/timeline", operation_id="read_timeline", responses=responses(errors.Unauthenticated, errors.NotFound)
)
async def read_timeline(reader: ReaderDep, case_id: UUID, cursor: Cursor = None, limit: Limit = 50) -> Page[EventOut]:
    """What happened in a case, oldest first."""
    after = read_cursor(cursor, int)

    async def query(connection: AsyncConnection) -> Page[EventOut] | None:
        if await case_lists.see_case(connection, reader.actor, case_id) is None:
            return None
        rows = await case_lists.events_after(connection, case_id, after[0] if after else 0, limit + 1)
        page, more = cut(rows, limit)
        return Page(items=[EventOut.of(event) for event in page], next=write_cursor(page[-1].id) if more else None)

    return await reader.read(query)


async def _may_watch(request: Request, reader: ReaderDep, case_id: UUID) -> None:
    """Refuse before the stream begins: afterwards there is no status left to say it with."""
    await reader.read(lambda connection: case_lists.see_case(connection, reader.actor, case_id))
    request.app.state.watcher.refuse_when_full(reader.actor.person_id)


@router.get(
    "/{case_id}/events",
    operation_id="watch_case",
    response_class=EventSourceResponse,
    dependencies=[Depends(_may_watch)],
    responses=responses(errors.Unauthenticated, errors.NotFound, TooManyStreams),
)
async def watch_case(
    request: Request,
    reader: ReaderDep,
    case_id: UUID,
    last_event_id: Annotated[str | None, Header(pattern="^[0-9]{1,18}$")] = None,
) -> AsyncIterator[ServerSentEvent]:
    """The timeline as it grows (server-sent events); ends after ten minutes, then the browser connects again."""
    watcher: Watcher = request.app.state.watcher
    async for event in watcher.watch(reader, case_id, int(last_event_id or 0)):
        yield ServerSentEvent(data=EventOut.of(event).model_dump(mode="json"), event="timeline", id=str(event.id))
