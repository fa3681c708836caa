"""What the reconciler found: cases and processes that disagree or disagreed (G5). Read only."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from api.dependencies import ReaderDep, require
from api.problems import responses
from api.values import Cursor, Limit, MomentOut, Page, cut, read_cursor, write_cursor
from domain import errors
from domain.access import READS_EVERYTHING
from domain.reconciliation import FindingKind
from storage.reconciliation import list_findings
from storage.rows.reconciliation import Finding

router = APIRouter(prefix="/v1", tags=["operations"])


class FindingOut(BaseModel):
    """A case and its process that disagree; settled as soon as they agree again or the case is over."""

    id: UUID
    case_id: UUID
    kind: FindingKind = Field(
        description="process_missing: it was started again;"
        " process_ended_early: the case is open all the same; process_outlives_case: the case was closed a while ago",
        examples=["process_missing"],
    )
    found: MomentOut
    seen_again: MomentOut | None = Field(description="When it was last seen, if more than once")
    times: int = Field(description="How often it was seen, also shortly before `found`", examples=[1])
    settled: MomentOut | None = Field(description="Since when it holds no longer; null while it does")

    @classmethod
    def of(cls, finding: Finding) -> FindingOut:
        """A finding."""
        return cls(
            id=finding.id,
            case_id=finding.case_id,
            kind=finding.kind,
            found=MomentOut.of(finding.found_at),
            seen_again=None if finding.seen_again_at is None else MomentOut.of(finding.seen_again_at),
            times=finding.times,
            settled=None if finding.settled_at is None else MomentOut.of(finding.settled_at),
        )


@router.get(
    "/reconciliation-findings",
    operation_id="list_reconciliation_findings",
    dependencies=[Depends(require(*READS_EVERYTHING))],
    responses=responses(errors.Unauthenticated, errors.Forbidden),
)
async def list_reconciliation_findings(
    reader: ReaderDep,
    *,
    is_open: Annotated[bool | None, Query(description="true: holds still; false: settled")] = None,
    cursor: Cursor = None,
    limit: Limit = 25,
) -> Page[FindingOut]:
    """Where cases and processes disagree or disagreed, newest first."""
    before = read_cursor(cursor, UUID)

    async def query(connection: AsyncConnection) -> Page[FindingOut]:
        rows = await list_findings(connection, is_open=is_open, before=before[0] if before else None, limit=limit + 1)
        page, more = cut(rows, limit)
        return Page(items=[FindingOut.of(found) for found in page], next=write_cursor(page[-1].id) if more else None)

    return await reader.read(query)
