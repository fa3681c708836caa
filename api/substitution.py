"""Another guarantor behind a usable credit: asking for one, withdrawing, and what each sees of it (A4)."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Body, Depends
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import Response

from api.case_detail import CaseDetail
from api.dependencies import PerformerDep, ReaderDep, require
from api.onboarding import detail_of
from api.problems import responses
from api.review import Coded, GuaranteeInCase, Known
from api.sight import Sight, look, reaching_further
from api.values import Input
from commands import substitution as commands
from commands.command import Command
from domain import errors
from domain import guarantor as guarantor_rules
from domain import substitution as rules
from domain.access import Role
from domain.onboarding import ContractNotInForce, MoneyPaused, NotOnPersonnelList
from domain.review import ReviewFinding
from messages.case import CaseKind
from messages.substitution import TaskKind
from storage import case_lists, people, substitution
from storage.database import tehran_today
from storage.organisation import list_regions
from storage.programme import programme_of
from storage.sealing import Seals
from storage.substitution import Examination, Substitution

router = APIRouter(prefix="/v1", tags=["guarantors"])

_Member = Depends(require(member=True))


class SubstitutionIn(Input):
    """Whose place which colleague is to take."""

    guarantee_id: UUID = Field(description="The guarantee that is to end")
    national_id: str = Field(max_length=40, examples=["0499370899"])


class SubstitutionOut(BaseModel):
    """Who stands for a credit, and who is to take their place; ``bound`` does until finance has approved (A4)."""

    case_id: UUID
    credit_case_id: UUID
    credit_line_id: UUID
    bound: GuaranteeInCase | None = Field(description="For the owner, finance that decides, auditors, and themselves")
    substitute: GuaranteeInCase | None = Field(description="Likewise")
    findings: list[Coded] | None = Field(
        description="What stands against an approval at this moment; for whoever has the open review"
    )


@router.post(
    "/credit-lines/{line_id}/guarantor-substitutions",
    operation_id="request_substitution",
    status_code=201,
    response_model=CaseDetail,
    dependencies=[_Member],
    responses=responses(
        errors.Unauthenticated,
        errors.Forbidden,
        errors.NotFound,
        errors.ServiceClosed,
        rules.CreditLineOver,
        rules.SubstitutionOpen,
        MoneyPaused,
        NotOnPersonnelList,
        ContractNotInForce,
        guarantor_rules.GuaranteeUnknown,
        guarantor_rules.GuarantorMayNotBeAsked,
        guarantor_rules.GuarantorIsApplicant,
        guarantor_rules.GuarantorNamedTwice,
    ),
)
async def request_substitution(
    performer: PerformerDep, line_id: UUID, wish: Annotated[SubstitutionIn, Body()]
) -> Response:
    """Ask for another guarantor behind a usable credit (A4); whoever stands now does until finance has approved."""

    async def work(command: Command) -> CaseDetail:
        case_id = await commands.request_substitution(command, line_id, wish.guarantee_id, wish.national_id)
        return await detail_of(command, case_id)

    return await performer.run(work, status=201)


@router.post(
    "/guarantor-substitutions/{case_id}/withdrawal",
    operation_id="withdraw_substitution",
    response_model=CaseDetail,
    dependencies=[_Member],
    responses=responses(errors.Unauthenticated, errors.Forbidden, errors.NotFound, errors.CaseClosed),
)
async def withdraw_substitution(performer: PerformerDep, case_id: UUID) -> Response:
    """Withdraw a substitution until it has taken effect; the guarantor who stands goes on standing."""

    async def work(command: Command) -> CaseDetail:
        return await detail_of(command, await commands.withdraw_substitution(command, case_id))

    return await performer.run(work)


@router.get(
    "/guarantor-substitutions/{case_id}",
    operation_id="read_substitution",
    responses=responses(errors.Unauthenticated, errors.NotFound),
)
async def read_substitution(reader: ReaderDep, case_id: UUID) -> SubstitutionOut:
    """A substitution: to each of its people their own part of it, to finance what it decides by."""

    async def query(connection: AsyncConnection) -> SubstitutionOut | None:
        case = await case_lists.see_case(connection, reader.actor, case_id)
        if case is None or case.kind is not CaseKind.SUBSTITUTION:
            return None
        sight = await look(connection, reader.actor, case)
        # The other guarantor and the credit are other people's rows.
        async with reaching_further(connection, reader.actor):
            asked = await substitution.read_substitution(connection, case_id)
            return None if asked is None else await _show(connection, reader.context.seals, sight, asked)

    return await reader.read(query)


def _decides(sight: Sight) -> bool:
    return any(task.kind == TaskKind.REVIEW_SUBSTITUTION for task in sight.tasks)


async def _show(connection: AsyncConnection, seals: Seals, sight: Sight, asked: Substitution) -> SubstitutionOut:
    judges = _decides(sight) or (sight.actor.holds_any({Role.AUDITOR}) and not sight.is_own)
    examination = await _examine(connection, sight, asked) if judges and sight.case.is_open else None
    both = (asked.bound, asked.substitute)
    known = Known()
    if judges or sight.is_applicant:
        names = await people.names_of(connection, [one.person_id for one in both])
        # The owner typed the national id; whose it is, they learn from whoever accepted.
        known = Known(
            names={one.id: names[one.person_id] for one in both if judges or one.accepted_at is not None},
            national_ids=await people.national_ids_of(connection, seals, [one.person_id for one in both]),
            checks={} if examination is None else {asked.substitute.id: examination.substitute},
            sees_pay=judges and sight.sees_pay,
            regions={} if examination is None else await list_regions(connection),
        )
    shown = [
        GuaranteeInCase.of(one, known) if judges or sight.actor.person_id in {one.person_id, one.applicant_id} else None
        for one in both
    ]
    return SubstitutionOut(
        case_id=asked.case_id,
        credit_case_id=asked.line.case_id,
        credit_line_id=asked.line.id,
        bound=shown[0],
        substitute=shown[1],
        findings=_findings(examination) if _decides(sight) else None,
    )


def _findings(examination: Examination | None) -> list[Coded]:
    found = [] if examination is None else examination.findings()
    return [Coded.of(ReviewFinding, one) for one in found]


async def _examine(connection: AsyncConnection, sight: Sight, asked: Substitution) -> Examination:
    programme = await programme_of(connection, sight.case.policy_id)
    today = await tehran_today(connection)
    return await substitution.examine(connection, asked, programme.guarantor_terms, today)
