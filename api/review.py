"""Finance reviews an application: its decisions, what it decides by, what a case shows of its guarantors (A4, A7)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal
from uuid import UUID

from pydantic import Field

from api.answering import Decision, TaskDecisions
from api.case_view import CaseView, Section
from api.guarantor import Disclosed, GuaranteeInCase
from api.onboarding import SECTION as APPLICATION
from api.values import Amount, Out, Reason
from commands import review as commands
from commands.command import Command
from commands.refusals import refuses
from domain.access import ScopeKind
from domain.onboarding import RefusalReason
from domain.programme import GUARANTORS_MAX
from domain.review import ReturnReason, ReviewFinding, may_forward
from messages.review import TaskKind
from storage import guarantor, onboarding, people
from storage.database import tehran_today, with_service_rights
from storage.organisation import list_regions
from storage.programme import programme_of
from storage.review import ApplicationExamination, examine
from storage.rows.guarantor import Guarantee
from storage.rows.tasks import Task


class ApproveApplication(Decision):
    """Finance approves; after the waiting time the credit is usable (A7, A8)."""

    kind: Literal["review_application"]
    decision: Literal["approve"]

    @refuses(commands.approve_application)
    async def decide(self, command: Command, task: Task) -> None:
        """Approve."""
        await commands.approve_application(command, task)


class ReturnApplication(Decision):
    """Finance returns the application to the applicant for correction (A7)."""

    kind: Literal["review_application"]
    decision: Literal["return"]
    reasons: list[ReturnReason] = Field(min_length=1, max_length=len(ReturnReason))
    unsuitable_guarantees: list[UUID] = Field(
        default_factory=list,
        max_length=GUARANTORS_MAX,
        description="Those that end; with the reason `guarantor_unsuitable` and none named, all of them",
    )

    @refuses(commands.return_application)
    async def decide(self, command: Command, task: Task) -> None:
        """Return it."""
        await commands.return_application(command, task, self.reasons, self.unsuitable_guarantees)


class ForwardApplication(Decision):
    """The region hands the review to the one where the applicant works now (A7)."""

    kind: Literal["review_application"]
    decision: Literal["forward"]

    @refuses(commands.forward_application)
    async def decide(self, command: Command, task: Task) -> None:
        """Hand it over."""
        await commands.forward_application(command, task)


class RefuseApplication(Decision):
    """Finance refuses, with a reason (A7)."""

    kind: Literal["review_application"]
    decision: Literal["refuse"]
    reason: RefusalReason

    @refuses(commands.refuse_application)
    async def decide(self, command: Command, task: Task) -> None:
        """Refuse."""
        await commands.refuse_application(command, task, self.reason)


DECISIONS = (
    TaskDecisions(
        TaskKind.REVIEW_APPLICATION, (ApproveApplication, ReturnApplication, ForwardApplication, RefuseApplication)
    ),
)


class ReviewOut(Out):
    """What the reviewer decides by, as it is at this moment (A7)."""

    findings: list[Reason] = Field(description="What stands against an approval; empty if nothing does")
    may_forward: bool = Field(description="Whether the applicant works in another region now, to hand it to")
    waiting_seconds: int = Field(description="From an approval to the usable credit (A8)", examples=[259200])
    monthly_limit: Amount = Field(description="The most that may be chosen per month")
    contract_in_force: bool
    net_pay_used: Amount
    net_pay_now: Amount
    region_used: str
    region_now: str
    region_now_name: str

    @classmethod
    def of(
        cls, examination: ApplicationExamination, reviewing_region: str | None, regions: Mapping[str, str]
    ) -> ReviewOut:
        """An examination."""
        used, now = examination.application, examination.employment
        return cls(
            findings=[Reason.of(ReviewFinding, finding) for finding in examination.findings(reviewing_region)],
            may_forward=may_forward(reviewing_region, now.region_code),
            waiting_seconds=int(examination.waiting.total_seconds()),
            monthly_limit=examination.limit.amount,
            contract_in_force=examination.contract_in_force,
            net_pay_used=used.net_pay,
            net_pay_now=now.net_pay,
            region_used=used.region_code,
            region_now=now.region_code,
            region_now_name=regions.get(now.region_code, now.region_code),
        )


class ReviewSection(Out):
    """Of an application."""

    guarantees: list[GuaranteeInCase] = Field(
        default_factory=list,
        description="Whoever was named, newest first: to the applicant, finance that decides and auditors all of them,"
        " to a guarantor their own (A5)",
    )
    review: ReviewOut | None = Field(default=None, description="For staff who have the open review (A7)")


async def _read(view: CaseView) -> ReviewSection:
    """A case's guarantees, newest first, and what its review goes by; both only as far as the caller may see them.

    A member sees the guarantees of their own application, or the one that is theirs; row-level security hides the rest.
    """
    visibility, connection = view.visibility, view.connection
    judges = visibility.judges_as(TaskKind.REVIEW_APPLICATION)
    if visibility.actor.capacity == "staff" and not judges:
        return ReviewSection()
    found = await guarantor.guarantees_for(connection, visibility.case.id)
    examination = await _examine(view) if judges and visibility.case.is_open else None
    regions = {} if examination is None else await view.reading.once(list_regions)
    disclosed = replace(await _disclose(view, found, examination, judges=judges), regions=regions)
    review, task = None, visibility.task_of(TaskKind.REVIEW_APPLICATION)
    if examination is not None and task is not None:
        region = task.scope if task.scope_kind == ScopeKind.REGION else None
        review = ReviewOut.of(examination, region, disclosed.regions)
    return ReviewSection(guarantees=[GuaranteeInCase.of(guarantee, disclosed) for guarantee in found], review=review)


async def _examine(view: CaseView) -> ApplicationExamination | None:
    case, connection = view.visibility.case, view.connection
    application = await view.reading.once(onboarding.read_application, case.id)
    if application is None:
        return None
    programme = await programme_of(connection, case.policy_id)
    return await examine(connection, application, programme, await tehran_today(connection))


async def _disclose(
    view: CaseView, found: list[Guarantee], examination: ApplicationExamination | None, *, judges: bool
) -> Disclosed:
    visibility, connection = view.visibility, view.connection
    if not found or not (visibility.is_applicant or judges):
        return Disclosed()
    persons = {guarantee.person_id for guarantee in found}
    async with with_service_rights(connection, visibility.actor):
        names = await people.names_of(connection, persons)
        national_ids = await people.national_ids_of(connection, view.seals, persons)
    # The applicant typed the national id; they see the name only once that guarantor has accepted.
    told = [one for one in found if one.accepted_at is not None or judges]
    return Disclosed(
        names={guarantee.id: names[guarantee.person_id] for guarantee in told},
        national_ids=national_ids,
        checks={} if examination is None else {check.guarantee.id: check for check in examination.guarantors},
        sees_pay=visibility.sees_pay,
    )


# Shown with the application that is reviewed.
SECTION = Section(APPLICATION.kind, ReviewSection, _read, members=frozenset({"applicant", guarantor.PART}))
