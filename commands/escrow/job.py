"""What the two sides may do about a job and its payments until the money is there (E1, E2, E6).

Nothing tells who begins a job whether a number is a member's before that member has accepted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final
from uuid import UUID

from commands.account.codes import read_mobile
from commands.command import Command
from commands.escrow.party import ENDINGS, Party, lock_party, party_of, require_member
from commands.invitation import invite_stranger, is_own_number
from commands.payment import open_payment, refuse_size
from commands.refusals import refuses
from commands.service import refuse_closed
from commands.task import CLOSED, DECISION, case_closed, closed_as, expect_kind
from domain import payment as payment_rules
from domain.access import Part
from domain.account import MobileUnreadable
from domain.dates import tehran_day
from domain.errors import CaseClosed, NotFound, TaskNotOpen, TooMany
from domain.escrow import rules
from domain.escrow.policy import EscrowPolicy
from domain.escrow.rules import PaymentWish
from domain.identity import Mobile
from domain.money import Money
from domain.payment import PaymentPolicy
from messages.case import CaseKind
from messages.escrow import FactKind, JobSide, Phase, TaskKind
from storage import account, tasks
from storage.cases import last_fact
from storage.database import as_service
from storage.escrow import jobs, payments
from storage.escrow.jobs import NewJob
from storage.escrow.payments import Rates
from storage.fee import vat_in_force
from storage.payment import NewItem, offered_to
from storage.people import seal_number
from storage.policies import in_force
from storage.rows.escrow import Job
from storage.rows.policies import Policy
from storage.rows.tasks import Task

# What a payment that is proposed may be refused for.
_WISH: Final = (
    rules.TitleUnreadable,
    rules.DueDayOutOfRange,
    rules.NotImmediate,
    rules.JobNotAccepted,
    rules.PriceTooSmall,
    rules.TooManyPayments,
    payment_rules.PaymentTooSmall,
    payment_rules.PaymentTooLarge,
    payment_rules.NoGateway,
)


@dataclass(frozen=True, slots=True)
class JobWish:
    """What a member begins: their side, the other side's number, what it is, its price and first payments (E1)."""

    side: JobSide
    mobile: str = field(repr=False)
    title: str = field(repr=False)
    description: str = field(repr=False)
    price: Money
    payments: Sequence[PaymentWish]
    clause_version: int


@dataclass(frozen=True, slots=True)
class _Terms:
    """What counts for whatever is proposed now."""

    row: Policy
    policy: EscrowPolicy
    rates: Rates


@refuses(
    refuse_closed,
    MobileUnreadable,
    rules.DescriptionTooLong,
    rules.ClauseOutdated,
    rules.OtherSideIsYou,
    rules.PriceOutOfRange,
    rules.PaymentsMissing,
    *_WISH,
)
async def begin_job(command: Command, wish: JobWish) -> UUID:
    """Begin a job with the holder of a number, and propose its first payments (E1); returns the job's id.

    The answer is the same whether or not the number is a member's; who is none gets an invitation.
    """
    require_member(command)
    await refuse_closed(command, CaseKind.ESCROW)
    terms, number = await _terms(command), read_mobile(wish.mobile)
    title, description = _read_texts(wish)
    if wish.clause_version != terms.policy.clause_version:
        raise rules.ClauseOutdated(field="clause_version")
    proposed = await _read_wishes(command, wish)
    if await is_own_number(command, number):
        raise rules.OtherSideIsYou(field="mobile")
    await _count(command, number)
    sealed, me = seal_number(command.seals, number), command.actor.person_id
    within = terms.policy.accept.expire
    new = NewJob(wish.side, me, sealed, title, description, wish.price, wish.clause_version, within)
    async with as_service(command.connection, command.acting):
        job = await jobs.add_job(command.connection, new)
    for one in proposed:
        await _propose(command, job, wish.side, one, terms)
    await invite_stranger(command, number, sealed.index)
    return job.id


def _read_texts(wish: JobWish) -> tuple[str, str]:
    title = rules.parse_title(wish.title, field="title")
    description = rules.parse_description(wish.description, field="description")
    if not 0 < wish.price.amount <= rules.MOST_PRICE:
        raise rules.PriceOutOfRange(field="price.amount")
    return title, description


async def _read_wishes(command: Command, wish: JobWish) -> list[PaymentWish]:
    """The first payments of a job: each has a day, and together they are not more than its price."""
    if not wish.payments:
        raise rules.PaymentsMissing(field="payments")
    if len(wish.payments) > rules.MOST_AT_ONCE:
        raise rules.TooManyPayments(field="payments")
    proposed = []
    for place, one in enumerate(wish.payments):
        at = f"payments.{place}."
        if one.timing == "immediate":
            # Both accept the job before anything is payable.
            raise rules.JobNotAccepted(field=f"{at}timing")
        proposed.append(await _read_wish(command, one, wish.side, at))
    if Money.total(one.amount for one in proposed) > wish.price:
        raise rules.PriceTooSmall(field="payments")
    return proposed


async def _read_wish(command: Command, wish: PaymentWish, side: JobSide, at: str = "") -> PaymentWish:
    """A payment with its title cleaned; ``at`` is where it stands in what came."""
    title = rules.parse_title(wish.title, field=f"{at}title")
    if wish.timing == "immediate":
        if side is not JobSide.EMPLOYER or wish.due_on is not None:
            raise rules.NotImmediate(field=f"{at}timing")
    elif wish.due_on is None:
        raise rules.DueDayOutOfRange(field=f"{at}due_on")
    else:
        rules.refuse_day(wish.due_on, tehran_day(command.now), field=f"{at}due_on")
    row = await in_force(command.connection, PaymentPolicy.POLICY)
    if row is None:
        raise payment_rules.NoGateway
    # Nobody is asked to accept what no gateway takes.
    refuse_size(PaymentPolicy.from_policy(row.value), wish.amount, field=f"{at}amount.amount")
    return replace(wish, title=title)


async def _terms(command: Command) -> _Terms:
    row = await in_force(command.connection, EscrowPolicy.POLICY)
    if row is None:
        raise LookupError("there is no policy of safe payments, though version 1 ships")
    policy = EscrowPolicy.from_policy(row.value)
    return _Terms(row, policy, Rates(policy.fee_rate, (await vat_in_force(command.connection)).rate))


async def _count(command: Command, number: Mobile) -> None:
    # A refused job sends nothing, so its count may be rolled back with it.
    me = command.actor.person_id
    limits = (
        (rules.JOBS_PER_MEMBER, str(me)),
        (rules.JOBS_PER_PAIR, f"{me}/{number}"),
        (rules.JOBS_PER_NUMBER, number),
    )
    wait = await account.count_uses(command.connection, command.seals, limits)
    if wait is not None:
        raise TooMany(retry_after=wait)


async def _propose(command: Command, job: Job, side: JobSide, wish: PaymentWish, terms: _Terms) -> UUID:
    """Open the case of a payment; the side that is known already takes part in it at once."""
    case_id = await command.open_case(
        CaseKind.ESCROW,
        phase=Phase.PROPOSED,
        policy_id=terms.row.id,
        person_id=command.actor.person_id,
        part=Part(side),
        next_actor=Part.MACHINE,
    )
    async with as_service(command.connection, command.acting):
        await payments.add_escrow(
            command.connection,
            case_id,
            job.id,
            proposed_by=side,
            wish=wish,
            rates=terms.rates,
            answer_within=terms.policy.accept.expire,
            is_accepted=wish.timing == "immediate",
        )
        other = job.person_of(side.other)
        if other is not None:
            await payments.take_part(command.connection, case_id, other, side.other)
    shown = {"amount": wish.amount.amount}
    payload = {**shown, "timing": wish.timing, "clause_version": job.clause_version}
    await command.act(case_id, FactKind.ESCROW_PROPOSED, payload, part=side, shown=shown)
    return case_id


@refuses(refuse_closed, *_WISH)
async def propose_payment(command: Command, job_id: UUID, wish: PaymentWish) -> UUID:
    """Propose another payment of a job, or make an immediate one (E1); returns its case.

    Either side may once the job is accepted; until then only who began it, as long as the other side is asked.
    """
    require_member(command)
    await refuse_closed(command, CaseKind.ESCROW)
    side = await _side_in(command, job_id)
    proposed, terms = await _read_wish(command, wish, side), await _terms(command)
    async with as_service(command.connection, command.acting):
        job = await jobs.read_job(command.connection, job_id, lock=True)
        if job is None:
            raise NotFound
        left, count = await payments.promised(command.connection, job_id)
    _refuse_unaccepted(job, side, wish)
    if count >= rules.MOST_PAYMENTS:
        raise rules.TooManyPayments
    if left + wish.amount > Money(job.price):
        raise rules.PriceTooSmall(field="amount")
    uses = ((rules.PAYMENTS_PER_MEMBER, str(command.actor.person_id)),)
    wait = await account.count_uses(command.connection, command.seals, uses)
    if wait is not None:
        raise TooMany(retry_after=wait)
    return await _propose(command, job, side, proposed, terms)


async def _side_in(command: Command, job_id: UUID) -> JobSide:
    job = await jobs.read_job(command.connection, job_id)
    side = None if job is None else job.side_of(command.actor.person_id)
    if side is None:
        raise NotFound
    return side


def _refuse_unaccepted(job: Job, side: JobSide, wish: PaymentWish) -> None:
    if job.accepted_at is not None:
        return
    if side is not job.begun_by or wish.timing == "immediate" or job.mobile_index is None:
        raise rules.JobNotAccepted


@refuses(*CLOSED, rules.ClauseOutdated)
async def accept_job(command: Command, job_id: UUID, clause_version: int) -> UUID:
    """Accept a job with its clause, and each payment of it that waits for one's answer (E1); returns the job's id."""
    asked = await _lock_asked(command, job_id)
    if clause_version != asked[0][0].job.clause_version:
        raise rules.ClauseOutdated(field="clause_version")
    for place, (party, task) in enumerate(asked):
        await _accept(command, party, task, is_told=place == 0)
    return job_id


@refuses(*CLOSED)
async def decline_job(command: Command, job_id: UUID) -> UUID:
    """Decline each payment of a job that waits for one's answer; returns the job's id."""
    for place, (party, task) in enumerate(await _lock_asked(command, job_id)):
        await _decline(command, party, task, is_told=place == 0)
    return job_id


async def _lock_asked(command: Command, job_id: UUID) -> list[tuple[Party, Task]]:
    """The payments of a job that wait for this side's answer, their cases locked in the order of their ids."""
    require_member(command)
    await _side_in(command, job_id)
    connection, me, asked = command.connection, command.actor.person_id, []
    rows = await payments.payments_of(connection, [job_id])
    for row in rows:
        if not row.is_open:
            continue
        case = await command.lock_case(row.escrow.case_id)
        party = await party_of(command, case)
        task = await tasks.find_open(connection, case.id, TaskKind.ANSWER_ESCROW, person_id=me)
        if party is not None and task is not None:
            asked.append((party, task))
    if asked:
        return asked
    for row in reversed(rows):
        last = await tasks.last_task(connection, row.escrow.case_id, TaskKind.ANSWER_ESCROW)
        if last is not None and last.person_id == me:
            raise await closed_as(connection, command.actor, last)
    raise NotFound


async def _accept(command: Command, party: Party, task: Task, *, is_told: bool) -> UUID:
    case_id, job = party.case.id, party.job
    async with as_service(command.connection, command.acting):
        await payments.mark_accepted(command.connection, case_id)
        await jobs.mark_job_accepted(command.connection, job.id)
    fact, payload = FactKind.ESCROW_ACCEPTED, {"clause_version": job.clause_version}
    # An employer who proposed it is asked to pay, and hears of it so.
    told: dict[str, list[UUID]] | None = {fact: party.others} if is_told and party.side is JobSide.EMPLOYER else None
    return await command.act(case_id, fact, payload, part=party.side, closes=task, sms=told)


async def _decline(command: Command, party: Party, task: Task, *, is_told: bool) -> UUID:
    fact = FactKind.ESCROW_DECLINED
    told: dict[str, list[UUID]] | None = {fact: party.others} if is_told else None
    return await command.act(party.case.id, fact, part=party.side, closes=task, sms=told)


@refuses(*DECISION, rules.ClauseOutdated)
async def accept_escrow(command: Command, task: Task, clause_version: int | None = None) -> UUID:
    """The other side accepts a payment, with its amount and day, and the job's clause if it has not yet (E1).

    Returns the fact's id.
    """
    party = await _answering(command, task)
    needed = party.job.clause_version
    if clause_version != needed and (clause_version is not None or party.job.accepted_at is None):
        raise rules.ClauseOutdated(field="clause_version")
    return await _accept(command, party, task, is_told=True)


@refuses(*DECISION)
async def decline_escrow(command: Command, task: Task) -> UUID:
    """The other side does not want a payment; returns the fact's id."""
    return await _decline(command, await _answering(command, task), task, is_told=True)


async def _answering(command: Command, task: Task) -> Party:
    expect_kind(task, TaskKind.ANSWER_ESCROW)
    party = await party_of(command, await command.lock_case(task.case_id))
    if party is None or task.person_id != command.actor.person_id:
        raise NotFound
    if party.escrow.accepted_at is not None:
        raise TaskNotOpen
    return party


@refuses(lock_party, CaseClosed, rules.EscrowFunded)
async def withdraw_escrow(command: Command, case_id: UUID) -> UUID:
    """Withdraw a payment that is not paid: who proposed it, or either side once both agreed (E6); returns the case.

    What is paid afterwards goes back.
    """
    party = await _lock_unfunded(command, case_id)
    if party.escrow.accepted_at is None and party.side is not party.escrow.proposed_by:
        raise NotFound
    if party.escrow.funded_at is not None or await _is_offered(command, case_id):
        raise rules.EscrowFunded
    await tasks.moot_tasks(command.connection, case_id)
    fact = FactKind.ESCROW_WITHDRAWN
    told: dict[str, list[UUID]] | None = {fact: party.others} if party.escrow.accepted_at is not None else None
    await command.act(case_id, fact, part=party.side, sms=told)
    return case_id


async def _lock_unfunded(command: Command, case_id: UUID, *sides: JobSide) -> Party:
    party = await lock_party(command, case_id, *sides)
    if await last_fact(command.connection, case_id, *ENDINGS) is not None:
        raise await case_closed(command, party.case, *ENDINGS)
    return party


async def _is_offered(command: Command, case_id: UUID) -> bool:
    # Its lock is none of a member's.
    async with as_service(command.connection, command.acting):
        return await offered_to(command.connection, case_id) is not None


@refuses(lock_party, CaseClosed, rules.JobNotAccepted, payment_rules.PaymentReceived, open_payment)
async def fund_escrow(command: Command, case_id: UUID, gateway: str | None = None) -> UUID:
    """The employer begins to pay what both agreed on, by a gateway of their choice (E2); returns the payment's case."""
    party = await _lock_unfunded(command, case_id, JobSide.EMPLOYER)
    if party.escrow.accepted_at is None or party.job.accepted_at is None:
        raise rules.JobNotAccepted
    if party.escrow.funded_at is not None:
        raise payment_rules.PaymentReceived
    return await open_payment(command, [NewItem(CaseKind.ESCROW, case_id, party.escrow.money)], gateway)
