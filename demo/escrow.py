"""Safe payments in the demo: a job of two payments, one released, one ruled on, objected to and ruled on again (E).

A password is entrusted to the arbitrator meanwhile (F2). What both sides and arbitrators do stands here too, step by
step, for a story of anybody's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from api.balance import read_balance
from api.escrow.answering import HeldAmount, ReleaseCodeRequest, RuleDispute, SplitCodeRequest, SplitSubject
from api.escrow.disputes import (
    DisputeIn,
    DisputeStatementIn,
    PartIn,
    SharesIn,
    SplitAnswerIn,
    SplitOfferIn,
    answer_split,
    file_statement,
    object_to_ruling,
    offer_split,
    open_dispute,
)
from api.escrow.jobs import (
    ClauseAccepted,
    JobIn,
    PaymentWishIn,
    accept_job,
    begin_job,
    list_jobs,
    read_escrow_terms,
    read_job,
)
from api.escrow.payments import ReleaseIn, WorkIn, declare_work, fund_escrow, release_escrow
from api.escrow.section import EscrowOut
from api.payment import AttemptIn
from api.policy import PolicyDecision, PolicyIn, decide_policy, list_policies, propose_policy
from api.task import claim_task
from api.values import AmountIn
from demo import vault
from demo.actors import Member, Officer, SignedInUser, wait_for
from demo.payment import pay_at_bank
from demo.personnel_generator import Employee
from demo.play import Play, Told
from domain.escrow.policy import EscrowPolicy
from messages.escrow import JobSide
from stack.places import CliError

EVIDENCE_SECONDS = 10
# So long who plays on has for what takes days.
PLAYED_SECONDS = 120
_MILESTONES: Final = {"طرح اولیه": 40_000_000, "نسخهٔ نهایی": 60_000_000}
# To the contractor, and back to the employer; then what the contractor offers to give back.
_FIRST: Final = (30_000_000, 30_000_000)
_SECOND: Final = (45_000_000, 15_000_000)
_CONCEDED: Final = 10_000_000
_REASONS: Final = "بر پایهٔ مدارک دو طرف، بخشی از کار برابر قرارداد تحویل شده است."
_FILED: Final = {
    JobSide.EMPLOYER: "نسخهٔ نهایی در روز توافق‌شده تحویل نشد و نیمی از صفحه‌ها کم است.",
    JobSide.CONTRACTOR: "همهٔ صفحه‌ها تحویل شده است؛ نشانی و تاریخ هر کدام در پیام‌هاست.",
}
_WATCHED: Final = ("evidence_remind", "evidence_expire", "objection")


def shares_of(contractor: int, employer: int) -> SharesIn:
    """How much of what is frozen goes to each side, in rial."""
    return SharesIn(to_contractor=PartIn(amount=contractor), to_employer=PartIn(amount=employer))


# What somebody does in a safe payment.


async def begin(member: Member, side: JobSide, mobile: str, payments: Mapping[str, int]) -> UUID:
    """Begin a job with the holder of a number, by titles and rial of its payments; returns its id."""
    terms = await member.client.call(read_escrow_terms)
    due_on = datetime.now(UTC).date() + timedelta(days=14)
    wish = JobIn(
        side=side,
        mobile=mobile,
        title="طراحی سایت فروشگاه",
        description="ده صفحه با پنل مدیریت",
        price=AmountIn(amount=sum(payments.values())),
        payments=[
            PaymentWishIn(title=title, amount=AmountIn(amount=amount), due_on=due_on)
            for title, amount in payments.items()
        ],
        clause_version=terms.clause.version,
    )
    return (await member.client.call(begin_job, wish)).job_id


async def accept(member: Member, job_id: UUID) -> None:
    """Wait until a job asks for an answer, and accept all of it, with its arbitration clause."""

    async def asked() -> bool | None:
        jobs = (await member.client.call(list_jobs, before=None)).items
        return any(job.id == job_id and job.waits_for_me for job in jobs) or None

    await wait_for(asked, "the job to be asked about")
    job = await member.client.call(read_job, job_id)
    await member.client.call(accept_job, job_id, ClauseAccepted(clause_version=job.clause.version))


async def payments_of(member: SignedInUser, job_id: UUID) -> list[UUID]:
    """The cases of a job's safe payments, in the order in which they were proposed."""
    return [line.case_id for line in (await member.client.call(read_job, job_id)).payments]


async def begin_to_pay(member: Member, case_id: UUID) -> UUID:
    """Wait to be asked for the money, and begin to pay; returns the payment's case."""
    await member.task(case_id, "fund_escrow")
    return (await member.client.call(fund_escrow, case_id, AttemptIn())).id


async def declare(member: Member, case_id: UUID) -> None:
    """Declare the work done."""
    await member.client.call(declare_work, case_id, WorkIn(note="فایل‌ها در همین پرونده است."))


async def release(member: Member, case_id: UUID, amount: int) -> None:
    """Release so much, with a code for exactly that."""
    wanted = AmountIn(amount=amount)
    subject = HeldAmount(case_id=case_id, amount=wanted)
    code_id, code = await member.read_code(member.client, ReleaseCodeRequest(purpose="escrow_release", subject=subject))
    await member.client.call(release_escrow, case_id, ReleaseIn(amount=wanted, code_id=code_id, code=code))


async def dispute(member: Member, case_id: UUID, side: JobSide = JobSide.EMPLOYER) -> None:
    """Ask for arbitration."""
    await member.client.call(open_dispute, case_id, DisputeIn(about="work", text=_FILED[side]))


async def state(member: Member, case_id: UUID, side: JobSide) -> None:
    """File a statement."""
    await member.client.call(file_statement, case_id, DisputeStatementIn(text=_FILED[side]))


async def offer(member: Member, case_id: UUID, shares: SharesIn) -> None:
    """Offer to divide what is frozen, with a code for exactly these amounts."""
    subject = SplitSubject(case_id=case_id, shares=shares)
    code_id, code = await member.read_code(member.client, SplitCodeRequest(purpose="escrow_split", subject=subject))
    body = SplitOfferIn(**dict(shares), code_id=code_id, code=code)
    await member.client.call(offer_split, case_id, body)


async def decline_offer(member: Member, case_id: UUID) -> None:
    """Decline the newest split that the other side offers."""
    found = (await escrow_of(member, case_id)).dispute
    if found is None:
        raise LookupError(case_id)
    answer = SplitAnswerIn(offer_id=found.offers[-1].id, accept=False)
    await member.client.call(answer_split, case_id, answer)


async def claim(officer: SignedInUser, case_id: UUID) -> None:
    """Wait until an arbitrator is looked for, and take the dispute: from then on they see it."""
    task = await officer.task(case_id, "rule_dispute")
    await officer.client.call(claim_task, task.id)


async def rule(officer: SignedInUser, case_id: UUID, shares: SharesIn) -> None:
    """Divide what is frozen, with reasons."""
    ruling = RuleDispute(kind="rule_dispute", decision="rule", shares=shares, reasons=_REASONS)
    await officer.decide(case_id, ruling)


async def escrow_of(user: SignedInUser, case_id: UUID) -> EscrowOut:
    """A safe payment as somebody sees it.

    Raises:
        LookupError: the case is none, or they may not see it.
    """
    found = (await user.case(case_id)).escrow
    if found is None:
        raise LookupError(case_id)
    return found


# The story.


@dataclass(frozen=True, slots=True)
class _Job:
    """A job that is told: both sides, the number of the one who does it, and its payments."""

    employer: Member
    contractor: Member
    mobile: str
    id: UUID
    released: UUID
    disputed: UUID


async def told(play: Play, person: Employee, colleague: Employee) -> list[Told]:
    """A job of two payments: one is released; one is disputed, a split refused, ruled, objected to and ruled again.

    Raises:
        CliError: what both sides got is not what was paid.
    """
    play.screen.chapter("13. Safe payments: a job of two milestones, one in arbitration twice")
    administrators = [await play.sign_in(f"policy administrator {place}") for place in (1, 2)]
    await _put_in_force(administrators, EVIDENCE_SECONDS)
    play.screen.done(f"two administrators gave both sides {EVIDENCE_SECONDS} seconds for evidence instead of five days")
    employer, contractor = await play.member(person), await play.member(colleague)
    before = await _balance(contractor)
    job = await _funded(play, employer, contractor, colleague)
    await _release(play, job)
    await _argue(play, job)
    await _decide(play, job)
    await _hold_to_the_last_rial(play, job, before)
    await _put_in_force(administrators, PLAYED_SECONDS)
    return [
        Told("Case 9: a safe payment, released", employer, job.released),
        Told("Case 10: a safe payment, ruled on twice", employer, job.disputed),
    ]


async def _put_in_force(administrators: Sequence[Officer], evidence: int) -> None:
    """What begins now takes evidence for so many seconds, and objections for ``PLAYED_SECONDS``."""
    first, second = administrators
    in_force = (await first.client.call(list_policies)).items
    now: Mapping[str, Any] = next(policy for policy in in_force if policy.name == EscrowPolicy.POLICY).value
    watched = {f"{name}_{unit}" for name in _WATCHED for unit in ("hours", "seconds")}
    seconds = {"evidence_remind": evidence // 2, "evidence_expire": evidence, "objection": PLAYED_SECONDS}
    value = {name: kept for name, kept in now.items() if name not in watched}
    value |= {f"{name}_seconds": seconds[name] for name in _WATCHED}
    proposal = await first.client.call(propose_policy, EscrowPolicy.POLICY, PolicyIn(value=value), await first.code())
    approval = PolicyDecision(decision="approve")
    await second.client.call(decide_policy, proposal.id, approval, await second.code())


async def _balance(member: Member) -> int:
    return (await member.client.call(read_balance)).total.amount


async def _funded(play: Play, employer: Member, contractor: Member, colleague: Employee) -> _Job:
    job_id = await begin(employer, JobSide.EMPLOYER, colleague.mobile, _MILESTONES)
    await accept(contractor, job_id)
    released, disputed = await payments_of(employer, job_id)
    for case_id in (released, disputed):
        await pay_at_bank(employer, await begin_to_pay(employer, case_id))
        await employer.case_in(case_id, "held")
    sums = (await employer.client.call(read_job, job_id)).sums
    play.screen.done(
        f"a job was begun, and accepted with its arbitration clause; both payments were paid: {sums.held.fa} are held"
    )
    return _Job(employer, contractor, colleague.mobile, job_id, released, disputed)


async def _release(play: Play, job: _Job) -> None:
    await declare(job.contractor, job.released)
    await job.employer.task(job.released, "inspect_work")
    await release(job.employer, job.released, (await escrow_of(job.employer, job.released)).sums.available.amount)
    await job.contractor.case_in(job.released, "released")
    sums = (await escrow_of(job.contractor, job.released)).sums
    play.screen.done(
        f"the first was declared done and released with a code of its own: {sums.released.fa} reached the contractor,"
        f" {sums.fees.fa} are Amanat's fee with VAT"
    )


async def _argue(play: Play, job: _Job) -> None:
    """Both file, a split is offered and refused; then the time for evidence passes."""
    frozen = _MILESTONES[(await escrow_of(job.employer, job.disputed)).title]
    await declare(job.contractor, job.disputed)
    await dispute(job.employer, job.disputed)
    await state(job.contractor, job.disputed, JobSide.CONTRACTOR)
    await offer(job.contractor, job.disputed, shares_of(frozen - _CONCEDED, _CONCEDED))
    play.screen.done("the second was declared done and disputed; both sides said why, unseen by the other until later")
    await decline_offer(job.employer, job.disputed)
    play.screen.done("the contractor offered to divide it, with a code for exactly that; the employer refused")


async def _decide(play: Play, job: _Job) -> None:
    first, second = [await play.sign_in(name) for name in ("arbitrator", "second arbitrator")]
    await claim(first, job.disputed)
    read = (await escrow_of(first, job.disputed)).dispute
    if read is None or {said.side for said in read.statements} != set(JobSide):
        raise CliError("the arbitrator does not see what both sides said")
    secret = await vault.entrusted(job.contractor, job.mobile, job.disputed)
    await vault.shown(play, secret, first)
    await rule(first, job.disputed, shares_of(*_FIRST))
    await job.contractor.case_in(job.disputed, "awaiting_objection")
    play.screen.done(f"an arbitrator claimed it, read both and ruled: {_FIRST[0]:,} rial and {_FIRST[1]:,} back")
    await job.contractor.client.call(object_to_ruling, job.disputed)
    await claim(second, job.disputed)
    await rule(second, job.disputed, shares_of(*_SECOND))
    await job.employer.case_in(job.disputed, "split")
    play.screen.done(f"the contractor objected; another ruled finally: {_SECOND[0]:,} rial and {_SECOND[1]:,} back")
    await vault.erased(play, secret)


async def _hold_to_the_last_rial(play: Play, job: _Job, before: int) -> None:
    """Funded = released + fees + refunded + held, and it is in the contractor's balance."""
    sums = (await job.employer.client.call(read_job, job.id)).sums
    got = await _balance(job.contractor) - before
    gross, back = _MILESTONES["طرح اولیه"] + _SECOND[0], _SECOND[1]
    found = (sums.funded.amount, sums.released.amount + sums.fees.amount, sums.refunded.amount, sums.held.amount)
    if found != (gross + back, gross, back, 0) or got != sums.released.amount:
        raise CliError(f"the job is not whole: {found}, and {got:,} rial came to the contractor's balance")
    play.screen.done(
        f"to the last rial: paid {sums.funded.amount:,} = {got:,} in the contractor's balance + {sums.fees.amount:,}"
        f" fees with VAT + {back:,} back to the employer's card"
    )
