"""What the reconciler found: cases and processes that disagree, and processes that are stuck (H8)."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import Field

from api.dependencies import CommandDep, ReadingDep, require
from api.operation import Operation
from api.values import IdCursor, Limit, Moment, Out, Page
from commands import reconciliation as commands
from commands.refusals import refuses
from domain.access import READS_EVERYTHING, Role
from domain.reconciliation import FindingKind
from storage.reconciliation import list_findings

router = APIRouter(prefix="/v1", tags=["operations"], route_class=Operation)


class FindingOut(Out):
    """A case and its process that disagree, a stuck process, a gateway or schedule in trouble, money left lying.

    It is about a case, a gateway or a schedule, and settled once it is over.
    """

    id: UUID
    case_id: UUID | None
    gateway: str | None = Field(
        description="The payment gateway in trouble; null where it is about something else", examples=["zarinpal"]
    )
    schedule: str | None = Field(
        description="What is to be done by the clock and is not; null where it is about something else",
        examples=["clearing-days"],
    )
    kind: FindingKind = Field(
        description="process_missing: it was started again;"
        " process_ended_early: the case is open all the same; process_outlives_case: the case was closed a while ago;"
        " process_fails, process_times_out, process_misfits, step_fails: it is stuck, for the programme fails each time"
        " before the next step, that takes too long each time, this version does not fit its history, the step fails;"
        " gateway_refuses, gateway_not_set_up, gateway_fails: a payment gateway does not know us, is in the settings no"
        " more though payments are under way, or its adapter fails; what became of its payments is not known meanwhile;"
        " money_in_suspense: nothing is under way that would move money of this payment, or a difference of this"
        " comparison was booked a week ago and is not found out yet;"
        " schedule_fails, schedule_stands: what the clock begins fails each time or was ended before it was done, or is"
        " not begun, for the schedule is missing, paused, or late",
        examples=["process_missing"],
    )
    found: Moment = Field(validation_alias="found_at")
    seen_again: Moment | None = Field(
        validation_alias="seen_again_at", description="When it was last seen, if more than once"
    )
    times: int = Field(description="How often it was seen, also shortly before `found`", examples=[1])
    restart_asked: Moment | None = Field(
        validation_alias="restart_asked_at",
        description="Since when the process is to be started again; null if nobody asked, or it was done",
    )
    settled: Moment | None = Field(
        validation_alias="settled_at", description="Since when it holds no longer; null while it does"
    )


@router.get("/reconciliation-findings", dependencies=[Depends(require(*READS_EVERYTHING))])
async def list_reconciliation_findings(
    read: ReadingDep,
    before: IdCursor,
    is_open: Annotated[bool | None, Query(description="true: holds still; false: settled")] = None,
    limit: Limit = 25,
) -> Page[FindingOut]:
    """Where cases and processes disagree or disagreed, and what is or was stuck or in trouble, newest first."""
    rows = await list_findings(read.connection, is_open=is_open, before=before, limit=limit + 1)
    return Page.of(rows, limit, lambda row: (row.id,), FindingOut.model_validate)


@router.post("/reconciliation-findings/{finding_id}/restart", dependencies=[Depends(require(Role.OPERATOR))])
@refuses(commands.restart_process)
async def restart_process(command: CommandDep, finding_id: UUID) -> FindingOut:
    """Have a stuck process ended and started again from its rows, within about a minute; nothing is done twice."""
    return FindingOut.model_validate(await commands.restart_process(command, finding_id))
