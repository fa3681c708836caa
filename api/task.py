"""The inbox: what waits for me or for my roles, and answering it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Body, Header, Query
from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import Response

from api.case_detail import CaseDetail, case_detail
from api.dependencies import PerformerDep, ReaderDep
from api.inbox import TaskOut, shown
from api.onboarding import MandateAcceptance
from api.problems import responses
from api.values import AmountIn, Cursor, DayIn, Input, Limit, Page, cut, read_cursor, write_cursor
from commands import certificate, guarantor, onboarding, personnel, review, substitution
from commands import task as commands
from commands.command import Command
from domain import certificate as certificate_rules
from domain import errors
from domain import guarantor as guarantor_rules
from domain import onboarding as rules
from domain import review as review_rules
from domain import substitution as substitution_rules
from domain.account import BadCode, CodeNotAccepted
from domain.onboarding import RefusalReason
from domain.programme import GUARANTORS_MAX
from domain.review import ReturnReason
from messages.onboarding import TaskKind
from messages.personnel import TaskKind as PersonnelTaskKind
from messages.substitution import TaskKind as SubstitutionTaskKind
from storage import tasks
from storage.rows.tasks import Task
from storage.tasks import InboxFilter

router = APIRouter(prefix="/v1/tasks", tags=["tasks"])

_WORK_ERRORS = (
    errors.Unauthenticated,
    errors.NotFound,
    errors.OwnCase,
    errors.TaskNotOpen,
    errors.TaskClaimed,
)
_DECISION_ERRORS = (
    *_WORK_ERRORS,
    errors.StepUpRequired,
    errors.PreconditionFailed,
    commands.TaskOfOtherKind,
    rules.AmountNotWholeToman,
    certificate_rules.CertificateTooHigh,
    certificate_rules.CertificateExpired,
    rules.MandateOutdated,
    rules.MoneyPaused,
    BadCode,
    CodeNotAccepted,
    guarantor_rules.GuarantorCapacityFull,
    guarantor_rules.GuarantorNotEligible,
    guarantor_rules.GuaranteeUnknown,
    review_rules.ApprovalBlocked,
    review_rules.ReasonsRepeated,
    review_rules.ForwardNotNeeded,
    substitution_rules.CreditLineOver,
    personnel.SentByYourself,
    personnel.ReasonMissing,
)


class IssueCertificate(Input):
    """The employer certifies the deduction (A12)."""

    kind: Literal["issue_certificate"]
    decision: Literal["issue"]
    monthly_amount: AmountIn
    instalments: int = Field(strict=True, ge=1, le=120, examples=[12])
    valid_until: DayIn = Field(examples=["2027-03-20"])


class RefuseCertificate(Input):
    """The employer refuses, with a reason (A12)."""

    kind: Literal["issue_certificate"]
    decision: Literal["refuse"]
    reason: RefusalReason


class AcceptGuarantee(Input):
    """The guarantor stands, with a fresh code for exactly the terms of the guarantee (A5)."""

    kind: Literal["answer_guarantee"]
    decision: Literal["accept"]
    mandate: MandateAcceptance


class RefuseGuarantee(Input):
    """The guarantor does not stand (A5)."""

    kind: Literal["answer_guarantee"]
    decision: Literal["refuse"]


class ApproveApplication(Input):
    """Finance approves; after the waiting time the credit is usable (A7, A8)."""

    kind: Literal["review_application"]
    decision: Literal["approve"]


class ReturnApplication(Input):
    """Finance returns the application to the applicant for correction (A7)."""

    kind: Literal["review_application"]
    decision: Literal["return"]
    reasons: list[ReturnReason] = Field(min_length=1, max_length=len(ReturnReason))
    unsuitable_guarantees: list[UUID] = Field(
        default_factory=list,
        max_length=GUARANTORS_MAX,
        description="Those that end; with the reason `guarantor_unsuitable` and none named, all of them",
    )


class ForwardApplication(Input):
    """The region hands the review to the one where the applicant works now (A7)."""

    kind: Literal["review_application"]
    decision: Literal["forward"]


class RefuseApplication(Input):
    """Finance refuses, with a reason (A7)."""

    kind: Literal["review_application"]
    decision: Literal["refuse"]
    reason: RefusalReason


class ApproveSubstitution(Input):
    """Finance approves: the new guarantor stands, the former one no longer does (A4)."""

    kind: Literal["review_substitution"]
    decision: Literal["approve"]


class RefuseSubstitution(Input):
    """Finance refuses, with a reason: the former guarantor goes on standing (A4)."""

    kind: Literal["review_substitution"]
    decision: Literal["refuse"]
    reason: RefusalReason


class ClearObstacle(Input):
    """What stood in the way is mended; the activation is tried again."""

    kind: Literal["clear_obstacle"]
    decision: Literal["cleared"]


class UpholdObstacle(Input):
    """What stands in the way cannot be mended; the application is refused."""

    kind: Literal["clear_obstacle"]
    decision: Literal["upheld"]
    reason: RefusalReason


class ConfirmChange(Input):
    """The change that a personnel file proposed is right."""

    kind: Literal["confirm_change"]
    decision: Literal["confirm"]


class RejectChange(Input):
    """The change that a personnel file proposed is wrong."""

    kind: Literal["confirm_change"]
    decision: Literal["reject"]
    reason: str = Field(min_length=3, max_length=500, examples=["شماره از آنِ این شخص نیست"])


CertificateDecision = Annotated[IssueCertificate | RefuseCertificate, Field(discriminator="decision")]
GuaranteeDecision = Annotated[AcceptGuarantee | RefuseGuarantee, Field(discriminator="decision")]
ReviewDecision = Annotated[
    ApproveApplication | ReturnApplication | ForwardApplication | RefuseApplication, Field(discriminator="decision")
]
SubstitutionDecision = Annotated[ApproveSubstitution | RefuseSubstitution, Field(discriminator="decision")]
ObstacleDecision = Annotated[ClearObstacle | UpholdObstacle, Field(discriminator="decision")]
ChangeDecision = Annotated[ConfirmChange | RejectChange, Field(discriminator="decision")]
Decision = Annotated[
    CertificateDecision | GuaranteeDecision | ReviewDecision | SubstitutionDecision | ObstacleDecision | ChangeDecision,
    Field(discriminator="kind"),
]


async def _decide(command: Command, task: Task, decision: Decision) -> None:
    """Hand a decision to the command of its kind."""
    match decision:
        case IssueCertificate():
            terms = certificate.CertificateTerms(
                decision.monthly_amount.money(), decision.instalments, decision.valid_until
            )
            await certificate.issue_certificate(command, task, terms)
        case RefuseCertificate():
            await certificate.refuse_certificate(command, task, decision.reason)
        case AcceptGuarantee():
            mandate = decision.mandate
            consent = guarantor.Consent(mandate.version, mandate.code_id, mandate.code)
            await guarantor.answer_guarantee(command, task, consent)
        case RefuseGuarantee():
            await guarantor.answer_guarantee(command, task, None)
        case ClearObstacle():
            await onboarding.answer_obstacle(command, task, None)
        case UpholdObstacle():
            await onboarding.answer_obstacle(command, task, decision.reason)
        case ConfirmChange():
            await personnel.answer_change(command, task, confirm=True, reason=None)
        case RejectChange():
            await personnel.answer_change(command, task, confirm=False, reason=decision.reason)
        case _:
            await _review(command, task, decision)


async def _review(command: Command, task: Task, decision: ReviewDecision | SubstitutionDecision) -> None:
    """Hand finance's decision to its command."""
    match decision:
        case ApproveApplication():
            await review.approve_application(command, task)
        case ReturnApplication():
            await review.return_application(command, task, decision.reasons, decision.unsuitable_guarantees)
        case ForwardApplication():
            await review.forward_application(command, task)
        case RefuseApplication():
            await review.refuse_application(command, task, decision.reason)
        case ApproveSubstitution():
            await substitution.approve_substitution(command, task)
        case RefuseSubstitution():
            await substitution.refuse_substitution(command, task, decision.reason)


@router.get("", operation_id="list_tasks", responses=responses(errors.Unauthenticated))
async def list_tasks(
    reader: ReaderDep,
    *,
    kind: Annotated[TaskKind | PersonnelTaskKind | SubstitutionTaskKind | None, Query()] = None,
    region_code: Annotated[str | None, Query(pattern="^[0-9]{4}$")] = None,
    late: Annotated[bool | None, Query()] = None,
    mine: Annotated[bool, Query(description="Only what I have claimed")] = False,
    cursor: Cursor = None,
    limit: Limit = 25,
) -> Page[TaskOut]:
    """Open tasks of mine or of my roles in my scopes, most urgent first."""
    after = read_cursor(cursor, datetime, UUID)

    async def query(connection: AsyncConnection) -> Page[TaskOut]:
        wanted = InboxFilter(kind, region_code, late, mine)
        rows = await tasks.inbox(
            connection, reader.actor, wanted, after=(after[0], after[1]) if after else None, limit=limit + 1
        )
        page, more = cut(rows, limit)
        last = page[-1].task if more else None
        return Page(
            items=await shown(connection, reader.actor, page),
            next=None if last is None else write_cursor(last.due_at, last.id),
        )

    return await reader.read(query)


@router.get("/{task_id}", operation_id="read_task", responses=responses(errors.Unauthenticated, errors.NotFound))
async def read_task(reader: ReaderDep, response: Response, task_id: UUID) -> TaskOut:
    """A task that is or was addressed to the caller; its ETag can be sent back with a decision."""

    async def query(connection: AsyncConnection) -> TaskOut | None:
        item = await tasks.read_item(connection, task_id)
        if item is None or not commands.is_addressed_to(item.task, reader.actor):
            return None
        return (await shown(connection, reader.actor, [item]))[0]

    found = await reader.read(query)
    response.headers["ETag"] = f'W/"{found.version}"'
    return found


async def _task_out(command: Command, task_id: UUID) -> TaskOut:
    item = await tasks.read_item(command.connection, task_id)
    if item is None:
        raise errors.NotFound
    return (await shown(command.connection, command.actor, [item]))[0]


@router.post("/{task_id}/claim", operation_id="claim_task", response_model=TaskOut, responses=responses(*_WORK_ERRORS))
async def claim_task(performer: PerformerDep, task_id: UUID) -> Response:
    """Take a task from the queue, so that colleagues leave it."""

    async def work(command: Command) -> TaskOut:
        return await _task_out(command, await commands.claim_task(command, task_id))

    return await performer.run(work)


@router.post(
    "/{task_id}/release", operation_id="release_task", response_model=TaskOut, responses=responses(*_WORK_ERRORS)
)
async def release_task(performer: PerformerDep, task_id: UUID) -> Response:
    """Give a claimed task back."""

    async def work(command: Command) -> TaskOut:
        return await _task_out(command, await commands.release_task(command, task_id))

    return await performer.run(work)


@router.post(
    "/{task_id}/decision", operation_id="decide_task", response_model=CaseDetail, responses=responses(*_DECISION_ERRORS)
)
async def decide_task(
    performer: PerformerDep,
    task_id: UUID,
    decision: Annotated[Decision, Body()],
    if_match: Annotated[
        str | None, Header(pattern='^(W/)?"[0-9]{1,18}"$', description="ETag of the task when it was looked at")
    ] = None,
) -> Response:
    """Answer a task. The answer is final and immediate; the process goes on from it."""
    version = None if if_match is None else int(if_match.removeprefix("W/").strip('"'))

    async def work(command: Command) -> CaseDetail:
        task = await commands.lock_task(command, task_id, version=version)
        await _decide(command, task, decision)
        detail = await case_detail(command.connection, command.seals, command.actor, task.case_id)
        if detail is None:
            raise errors.NotFound
        return detail

    return await performer.run(work)
