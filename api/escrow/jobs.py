"""Jobs of two members: begun, accepted or declined, and their safe payments (E1, E7, E8)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import Field

from api.case_view import Action, CaseRow, case_row
from api.dependencies import CommandDep, Reading, ReadingDep, require
from api.escrow.shown import PREFIX, ClauseOut, EscrowLine, RatesOut, SideOut, SumsOut, sides_of
from api.normal_payment import JobNormalPayment
from api.operation import Operation
from api.values import Amount, AmountIn, DayIn, IdCursor, Input, Limit, Moment, Out, Page
from commands.escrow import job as commands
from commands.refusals import refuses
from domain.access import Role
from domain.errors import NotFound
from domain.escrow.policy import EscrowPolicy
from domain.escrow.rules import MOST_AT_ONCE, MOST_PAYMENTS, PaymentWish
from messages.escrow import JobSide, TaskKind
from storage import tasks
from storage.escrow import jobs, payments
from storage.escrow.overview import EscrowState, EscrowSums, normal_payments_of, states_of
from storage.fee import vat_in_force
from storage.policies import in_force
from storage.rows.escrow import Job

router = APIRouter(prefix=PREFIX, tags=["escrow"], route_class=Operation)
_MEMBER = [Depends(require(member=True))]


class PaymentWishIn(Input):
    """A safe payment as it is proposed: agreed on for a day, or immediate, which only the employer makes."""

    title: str = Field(max_length=300, description="3 to 100 characters", examples=["طرح اولیه"])
    amount: AmountIn
    timing: Literal["agreed", "immediate"] = "agreed"
    due_on: DayIn | None = Field(default=None, description="Of one that both agree on")

    def wish(self) -> PaymentWish:
        """As the rules know it."""
        return PaymentWish(self.title, self.amount.money(), self.timing, self.due_on)


class JobIn(Input):
    """A job: which side the caller is, who the other one is, what it is about, and its first payments."""

    side: JobSide = Field(description="The caller's")
    mobile: str = Field(max_length=40, description="The other side's", examples=["09121234567"])
    title: str = Field(max_length=300, description="3 to 100 characters", examples=["طراحی سایت فروشگاه"])
    description: str = Field(
        default="", max_length=4_000, description="At most 2,000 characters", examples=["ده صفحه با پنل مدیریت"]
    )
    price: AmountIn
    payments: list[PaymentWishIn] = Field(min_length=1, max_length=MOST_AT_ONCE)
    clause_version: int = Field(strict=True, ge=1, le=1_000_000, description="The clause that was read", examples=[1])


class ClauseAccepted(Input):
    """Which arbitration clause is accepted."""

    clause_version: int = Field(strict=True, ge=1, le=1_000_000, description="That of the job", examples=[1])


class EscrowTerms(Out):
    """What counts for what is begun now; a job keeps its clause, and each payment its rates."""

    clause: ClauseOut
    rates: RatesOut


class JobDone(Out):
    """It is done."""

    job_id: UUID


class JobLine(Out):
    """A job in the member's list."""

    id: UUID
    title: str = Field(examples=["طراحی سایت فروشگاه"])
    price: Amount
    my_side: str | None = Field(examples=["employer"])
    sides: list[SideOut]
    begun: Moment = Field(validation_alias="begun_at")
    accepted: Moment | None = Field(validation_alias="accepted_at")
    waits_for_me: bool = Field(description="Whether a payment of it asks something of the caller")
    open_payments: int = Field(description="How many of its payments are under way", examples=[2])
    sums: SumsOut = Field(description="Of all its safe payments")


class JobOut(JobLine):
    """A job with its payments, in the eyes of a side, an operator or an auditor."""

    description: str = Field(examples=["ده صفحه با پنل مدیریت"])
    clause: ClauseOut = Field(description="What both accept with the job")
    begun_by: str = Field(examples=["employer"])
    payments: list[EscrowLine]
    normal_payments: list[JobNormalPayment] = Field(
        description="What is paid for it outside escrow, apart from the sums and from arbitration"
    )
    actions: list[Action]


@router.get("/terms", dependencies=_MEMBER)
async def read_escrow_terms(read: ReadingDep) -> EscrowTerms:
    """The arbitration clause in force, and what is charged of money that goes to a contractor."""
    row = await in_force(read.connection, EscrowPolicy.POLICY)
    if row is None:
        raise NotFound
    policy, vat = EscrowPolicy.from_policy(row.value), await vat_in_force(read.connection)
    return EscrowTerms(clause=ClauseOut.of(policy.clause_version), rates=RatesOut(fee=policy.fee_rate, vat=vat.rate))


@router.post("/jobs", status_code=201, dependencies=_MEMBER)
@refuses(commands.begin_job)
async def begin_job(command: CommandDep, body: JobIn) -> JobDone:
    """Begin a job with the holder of a mobile, as employer or contractor; the answer never tells who is a member."""
    wishes = [one.wish() for one in body.payments]
    wish = commands.JobWish(
        body.side, body.mobile, body.title, body.description, body.price.money(), wishes, body.clause_version
    )
    return JobDone(job_id=await commands.begin_job(command, wish))


@router.get("/jobs", dependencies=_MEMBER)
async def list_jobs(read: ReadingDep, before: IdCursor, limit: Limit = 25) -> Page[JobLine]:
    """The member's jobs on either side, newest first."""
    found = await jobs.list_jobs(read.connection, read.actor.person_id, before=before, limit=limit + 1)
    shown = {one.id: one for one in await _lines(read, found[:limit])}
    return Page.of(found, limit, lambda job: (job.id,), lambda job: shown[job.id])


@router.get("/jobs/{job_id}", dependencies=[Depends(require(Role.OPERATOR, Role.AUDITOR, member=True))])
async def read_job(read: ReadingDep, job_id: UUID) -> JobOut | None:
    """A job with its safe payments as its sides see it, their sum, and apart from it what is paid outside escrow.

    Operators and auditors see it too, where they take no part in it.
    """
    job = await jobs.read_job(read.connection, job_id)
    if job is None or (read.actor.capacity == "staff" and job.side_of(read.actor.person_id) is not None):
        return None
    rows = await payments.payments_of(read.connection, [job_id])
    states = await states_of(read.connection, read.actor, rows)
    asked = await _asked(read, states)
    side, sides = _my_side(read, job), (await sides_of(read, [job]))[job.id]
    is_asked = any(TaskKind.ANSWER_ESCROW in kinds for kinds in asked.values())
    return JobOut.of_row(
        job,
        **dict(_line(job, side, sides, states, waits_for_me=bool(asked))),
        clause=ClauseOut.of(job.clause_version),
        payments=[EscrowLine.of(one, side, asked.get(one.escrow.case_id, {})) for one in states],
        normal_payments=[JobNormalPayment.of(row) for row in await normal_payments_of(read.connection, job_id)],
        actions=_allowed(job, side, states, is_asked=is_asked),
    )


async def _lines(read: Reading, given: Sequence[Job]) -> list[JobLine]:
    if not given:
        return []
    rows = await payments.payments_of(read.connection, [job.id for job in given])
    states, sides = await states_of(read.connection, read.actor, rows), await sides_of(read, given)
    asked = await _asked(read, states)
    lines = []
    for job in given:
        own = [one for one in states if one.escrow.job_id == job.id]
        is_asked = any(one.escrow.case_id in asked for one in own)
        lines.append(_line(job, _my_side(read, job), sides[job.id], own, waits_for_me=is_asked))
    return lines


def _line(
    job: Job, side: JobSide | None, sides: list[SideOut], states: Sequence[EscrowState], *, waits_for_me: bool
) -> JobLine:
    return JobLine.of_row(
        job,
        my_side=side,
        sides=sides,
        waits_for_me=waits_for_me,
        open_payments=sum(one.row.is_open for one in states),
        sums=SumsOut.of(sum((one.sums for one in states), EscrowSums())),
    )


def _my_side(read: Reading, job: Job) -> JobSide | None:
    return job.side_of(read.actor.person_id) if read.actor.capacity == "member" else None


async def _asked(read: Reading, states: Sequence[EscrowState]) -> dict[UUID, dict[str, UUID]]:
    """What safe payments ask of the caller: by case the open tasks by kind."""
    under_way = [one.escrow.case_id for one in states if one.row.is_open]
    if read.actor.capacity != "member" or not under_way:
        return {}
    asked: dict[UUID, dict[str, UUID]] = {}
    for task in await tasks.open_tasks_of(read.connection, under_way):
        if task.person_id == read.actor.person_id:
            asked.setdefault(task.case_id, {})[task.kind] = task.id
    return asked


def _allowed(job: Job, side: JobSide | None, states: Sequence[EscrowState], *, is_asked: bool) -> list[Action]:
    if side is None:
        return []
    deeds = [("accept_job", "acceptance"), ("decline_job", "declination")] if is_asked else []
    if len(states) < MOST_PAYMENTS and (job.accepted_at is not None or (side is job.begun_by and job.mobile_index)):
        deeds.append(("propose_escrow", "payments"))
    actions = [Action(action=name, method="POST", href=f"{PREFIX}/jobs/{job.id}/{path}") for name, path in deeds]
    if side is JobSide.EMPLOYER and job.accepted_at is not None:
        actions.append(Action(action="request_normal_payment", method="POST", href="/v1/normal-payments"))
    return actions


@router.post("/jobs/{job_id}/acceptance", dependencies=_MEMBER)
@refuses(commands.accept_job)
async def accept_job(command: CommandDep, job_id: UUID, body: ClauseAccepted) -> JobDone:
    """Accept a job with its arbitration clause, and each payment of it that waits for the caller's answer."""
    return JobDone(job_id=await commands.accept_job(command, job_id, body.clause_version))


@router.post("/jobs/{job_id}/declination", dependencies=_MEMBER)
@refuses(commands.decline_job)
async def decline_job(command: CommandDep, job_id: UUID) -> JobDone:
    """Decline each payment of a job that waits for the caller's answer."""
    return JobDone(job_id=await commands.decline_job(command, job_id))


@router.post("/jobs/{job_id}/payments", status_code=201, dependencies=_MEMBER)
@refuses(commands.propose_payment)
async def propose_escrow(command: CommandDep, job_id: UUID, body: PaymentWishIn) -> CaseRow:
    """Propose a further payment of a job, or make an immediate one; answers with its case."""
    return await case_row(command, await commands.propose_payment(command, job_id, body.wish()))
