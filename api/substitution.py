"""Another guarantor behind a usable credit: asking for one, withdrawing, deciding, and what each sees of it (A4)."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncConnection

from api.answering import Decision, TaskDecisions
from api.case_view import Action, CaseRow, CaseView, Section, case_row
from api.dependencies import CommandDep, ReadingDep, require
from api.guarantor import Disclosed, GuaranteeInCase
from api.operation import Operation
from api.values import Input, Out, Reason
from api.visibility import Visibility, visibility_of
from commands import substitution as commands
from commands.command import Command
from commands.refusals import refuses
from domain.onboarding import RefusalReason, may_withdraw
from domain.review import ReviewFinding
from messages.case import CaseKind
from messages.substitution import FactKind, TaskKind
from storage import case_lists, people, substitution
from storage.cases import last_fact
from storage.database import tehran_today, with_service_rights
from storage.organisation import list_regions
from storage.programme import programme_of
from storage.rows.tasks import Task
from storage.sealing import Seals
from storage.substitution import Substitution, SubstitutionExamination

router = APIRouter(prefix="/v1", tags=["guarantors"], route_class=Operation)

_Member = Depends(require(member=True))


class ApproveSubstitution(Decision):
    """Finance approves: the new guarantor stands, the former one no longer does (A4)."""

    kind: Literal["review_substitution"]
    decision: Literal["approve"]

    @refuses(commands.approve_substitution)
    async def decide(self, command: Command, task: Task) -> None:
        """Approve."""
        await commands.approve_substitution(command, task)


class RefuseSubstitution(Decision):
    """Finance refuses, with a reason: the former guarantor goes on standing (A4)."""

    kind: Literal["review_substitution"]
    decision: Literal["refuse"]
    reason: RefusalReason

    @refuses(commands.refuse_substitution)
    async def decide(self, command: Command, task: Task) -> None:
        """Refuse."""
        await commands.refuse_substitution(command, task, self.reason)


DECISIONS = (TaskDecisions(TaskKind.REVIEW_SUBSTITUTION, (ApproveSubstitution, RefuseSubstitution)),)


class SubstitutionIn(Input):
    """Whose place which colleague is to take."""

    guarantee_id: UUID = Field(description="The guarantee that is to end")
    national_id: str = Field(max_length=40, examples=["0499370899"])


class SubstitutionOut(Out):
    """Who stands for a credit, and who is to take their place; ``current`` does until finance has approved (A4)."""

    case_id: UUID
    credit_case_id: UUID
    credit_line_id: UUID
    current: GuaranteeInCase | None = Field(description="For the owner, finance that decides, auditors, and themselves")
    proposed: GuaranteeInCase | None = Field(description="Likewise")
    findings: list[Reason] | None = Field(
        description="What stands against an approval at this moment; for staff who have the open review"
    )


async def _allowed(view: CaseView, _: Out) -> list[Action]:
    case = view.visibility.case
    if not view.visibility.is_applicant or not case.is_open:
        return []
    withdrawn = await last_fact(view.connection, case.id, FactKind.SUBSTITUTION_WITHDRAWN) is not None
    if not may_withdraw(is_open=case.is_open, withdrawn=withdrawn):
        return []
    href = f"/v1/guarantor-substitutions/{case.id}/withdrawal"
    return [Action(action="withdraw_substitution", method="POST", href=href)]


SECTION: Section[Out] = Section(
    CaseKind.SUBSTITUTION, allowed=_allowed, by_programme=True, endings=(FactKind.SUBSTITUTION_WITHDRAWN,)
)


@router.post("/credit-lines/{line_id}/guarantor-substitutions", status_code=201, dependencies=[_Member])
@refuses(commands.request_substitution)
async def request_substitution(command: CommandDep, line_id: UUID, wish: SubstitutionIn) -> CaseRow:
    """Ask for another guarantor behind a usable credit (A4); the present one stays bound until finance approves."""
    case_id = await commands.request_substitution(command, line_id, wish.guarantee_id, wish.national_id)
    return await case_row(command, case_id)


@router.post("/guarantor-substitutions/{case_id}/withdrawal", dependencies=[_Member])
@refuses(commands.withdraw_substitution)
async def withdraw_substitution(command: CommandDep, case_id: UUID) -> CaseRow:
    """Withdraw a substitution until it has taken effect; the guarantor who stands goes on standing."""
    return await case_row(command, await commands.withdraw_substitution(command, case_id))


@router.get("/guarantor-substitutions/{case_id}")
async def read_substitution(read: ReadingDep, case_id: UUID) -> SubstitutionOut | None:
    """A substitution: to each of its people their own part of it, to finance what it decides by."""
    case = await read.once(case_lists.see_case, read.actor, case_id)
    if case is None or case.kind is not CaseKind.SUBSTITUTION:
        return None
    visibility = await visibility_of(read.connection, read.actor, case)
    # The other guarantor and the credit are other people's rows.
    async with with_service_rights(read.connection, read.actor):
        asked = await substitution.read_substitution(read.connection, case_id)
        return None if asked is None else await _show(read.connection, read.seals, visibility, asked)


async def _show(
    connection: AsyncConnection, seals: Seals, visibility: Visibility, asked: Substitution
) -> SubstitutionOut:
    judges = visibility.judges_as(TaskKind.REVIEW_SUBSTITUTION)
    examination = await _examine(connection, visibility, asked) if judges and visibility.case.is_open else None
    both = (asked.current, asked.proposed)
    disclosed = Disclosed()
    if judges or visibility.is_applicant:
        names = await people.names_of(connection, [one.person_id for one in both])
        # The owner typed the national id; they see the name only once that guarantor has accepted.
        disclosed = Disclosed(
            names={one.id: names[one.person_id] for one in both if judges or one.accepted_at is not None},
            national_ids=await people.national_ids_of(connection, seals, [one.person_id for one in both]),
            checks={} if examination is None else {asked.proposed.id: examination.proposed},
            sees_pay=judges and visibility.sees_pay,
            regions={} if examination is None else await list_regions(connection),
        )
    shown = [
        GuaranteeInCase.of(one, disclosed)
        if judges or visibility.actor.person_id in {one.person_id, one.applicant_id}
        else None
        for one in both
    ]
    return SubstitutionOut(
        case_id=asked.case_id,
        credit_case_id=asked.line.case_id,
        credit_line_id=asked.line.id,
        current=shown[0],
        proposed=shown[1],
        findings=_findings(examination) if visibility.task_of(TaskKind.REVIEW_SUBSTITUTION) is not None else None,
    )


def _findings(examination: SubstitutionExamination | None) -> list[Reason]:
    found = [] if examination is None else examination.findings()
    return [Reason.of(ReviewFinding, one) for one in found]


async def _examine(connection: AsyncConnection, visibility: Visibility, asked: Substitution) -> SubstitutionExamination:
    programme = await programme_of(connection, visibility.case.policy_id)
    today = await tehran_today(connection)
    return await substitution.examine(connection, asked, programme.guarantor_terms, today)
