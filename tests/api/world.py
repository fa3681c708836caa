"""One of everything that operations work on, and one of everybody who may ask."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy.ext.asyncio import AsyncConnection

from activities.transition import ActivityContext
from commands import substitution
from commands.command import Command, Context
from commands.paper import issue_credit_confirmation
from domain.access import Grant, Role, ScopeKind
from domain.draft import DraftForm
from domain.escrow.rules import Shares
from domain.money import Money
from gateways.local_bank import LocalBank
from messages.case import CaseKind, StepInput
from storage import policies
from storage.database import SERVICE, Acting, transaction
from storage.draft import add_draft
from storage.escrow import disputes, payments
from storage.onboarding import lines_of
from storage.paper import Paper
from storage.people import people_in
from storage.rows.onboarding import CreditLine
from tests.arrange import Arrange, Someone
from tests.attachment_steps import attach
from tests.books import Superuser
from tests.clearing_steps import compared_day
from tests.commands.normal_payment_steps import NormalPaymentScenario, confirm_number, let_any_card_pay
from tests.commands.onboarding_steps import MinipayOffice, TavanaScenario, apply, guarantee_of, issue, open_task, run
from tests.escrow_process import AMOUNT, REASONS, EscrowProcess
from tests.identity_steps import under_review
from tests.payment_steps import PaymentScenario, open_purpose
from tests.payout_steps import give_money, queue_withdrawals
from tests.secret_steps import Arbitration
from tests.transitions import Transitions

PLATFORM_ROLES = [
    Role.FINANCE_OFFICER,
    Role.CONTRACTS_OFFICER,
    Role.SETTLEMENT_OFFICER,
    Role.KYC_OFFICER,
    Role.FX_OPERATOR,
    Role.ARBITRATOR,
    Role.CLUB_OFFICER,
    Role.SUPPORT_AGENT,
    Role.OPERATOR,
    Role.POLICY_ADMIN,
    Role.AUDITOR,
]
NOBODY = ("anonymous", "expired")
STAFF = (
    *(
        "hr_own",
        "hr_other",
        "hr_region",
        "hr_other_region",
        "welfare_own",
        "welfare_other",
        "finance_own",
        "finance_other",
    ),
    *(role.value for role in PLATFORM_ROLES),
)
EVERYBODY = (*NOBODY, "member_own", "member_foreign", "guarantor_own", *STAFF)
_REGION, _OTHER_REGION = "1101", "2201"
# Who is who in the eyes of the other organisation.
_PAIRS = (
    *(("member_own", "member_foreign"), ("guarantor_own", "guarantor_foreign")),
    *((f"{office}_own", f"{office}_other") for office in ("hr", "welfare", "finance")),
)
_OTHER_SIDE = dict(_PAIRS) | {theirs: own for own, theirs in _PAIRS}
# Those who belong to one of the two organisations.
OF_ORGANISATIONS = tuple(name for pair in _PAIRS for name in pair if name != "guarantor_foreign")
# Enough for a credit of each programme at the same time.
_PAY = 1_200_000_000


@dataclass(slots=True)
class World:
    """Objects by name, people by name."""

    people: dict[str, Someone] = field(default_factory=dict)
    things: dict[str, Any] = field(default_factory=dict)
    newcomers: list[Someone] = field(default_factory=list)
    region: str = ""

    def headers(self, who: str) -> dict[str, str]:
        """How somebody signs a request."""
        return {"Idempotency-Key": str(uuid4())} if who == "anonymous" else self.people[who].headers()


async def make_world(
    context: Context, activity_context: ActivityContext, arrange: Arrange, superuser: Superuser
) -> World:
    """A member with lines and applications of both programmes, a guarantor, another member, and all kinds of staff."""
    world = World(region=_REGION)
    own, other = await arrange.organisation(), await arrange.organisation()
    world.things = {"organisation": own, "other_organisation": other}
    await _people(world, arrange, superuser)
    await let_any_card_pay(context)
    await _objects(world, context, activity_context, arrange, superuser)
    await _of_the_platform(world, context, arrange, superuser)
    return world


async def make_worlds(
    context: Context, activity_context: ActivityContext, arrange: Arrange, superuser: Superuser
) -> tuple[World, World]:
    """Two organisations of two regions, each with all of that, as each of them looks at it; two work for both."""
    world = await make_world(context, activity_context, arrange, superuser)
    own, other = world.things["organisation"], world.things["other_organisation"]
    there = World({_OTHER_SIDE.get(name, name): one for name, one in world.people.items()}, region=_OTHER_REGION)
    there.things = {**world.things, "organisation": other, "other_organisation": own}
    await _objects(there, context, activity_context, arrange, superuser)
    for side in (world, there):
        someone = side.people["member_own"]
        await arrange.employ(someone.id, side.things["other_organisation"], net_pay=_PAY, region=side.region)
    return world, there


async def _people(world: World, arrange: Arrange, superuser: Superuser) -> None:
    people, own, other = world.people, world.things["organisation"], world.things["other_organisation"]
    people["member_own"], people["guarantor_own"] = await arrange.colleagues(2, own, net_pay=_PAY)
    people["member_foreign"], people["guarantor_foreign"] = await arrange.colleagues(
        2, other, net_pay=_PAY, region=_OTHER_REGION
    )
    people["hr_own"], people["hr_other"] = await arrange.hr_officer(own), await arrange.hr_officer(other)
    people["hr_region"], people["hr_other_region"] = [
        await arrange.staff(Grant(Role.HR_OFFICER, ScopeKind.REGION, region)) for region in (_REGION, _OTHER_REGION)
    ]
    people["welfare_own"], people["welfare_other"] = [
        await arrange.staff(Grant(Role.WELFARE_MANAGER, ScopeKind.ORGANISATION, str(place))) for place in (own, other)
    ]
    people["finance_own"], people["finance_other"] = (
        await arrange.finance_officer(),
        await arrange.finance_officer(_OTHER_REGION),
    )
    for role in PLATFORM_ROLES:
        people[role.value] = await arrange.platform(role)
    people["expired"] = await arrange.platform(Role.OPERATOR)
    await superuser.run(
        "UPDATE sessions SET created_at = now() - interval '2 days', expires_at = now() - interval '1 day'"
        " WHERE person_id = %s",
        people["expired"].id,
    )


async def _objects(
    world: World, context: Context, activity_context: ActivityContext, arrange: Arrange, superuser: Superuser
) -> None:
    """What an organisation's people have to do with."""
    await _credit(world, context, activity_context)
    await _others(world, arrange, superuser)
    await _guaranteed(world, context, activity_context, arrange)
    await _normal_payments(world, context, activity_context)
    await _escrow(world, context, activity_context)
    await _secret(world, context, activity_context)
    await _identity(world, context, activity_context)
    await _payment(world, context, activity_context)
    await _payout(world, context, superuser)
    await _draft(world, context)


async def _payment(world: World, context: Context, activity_context: ActivityContext) -> None:
    """A member is at the bank to pay something."""
    bank = activity_context.gateways["local"]
    assert isinstance(bank, LocalBank)
    officer = world.people["settlement_officer"]
    paying = PaymentScenario(context, activity_context, bank, world.people["member_own"], officer, officer)
    # A case that lists show though no process stands behind it.
    kind = CaseKind.PERSONNEL_IMPORT
    payment = await paying.at_bank((await open_purpose(context, kind=kind), 500_000), purpose=kind)
    world.things |= {"payment": payment, "token": await paying.token(payment)}


async def _credit(world: World, context: Context, activity_context: ActivityContext) -> None:
    """An active credit, then a renewal that HR was asked about."""
    office = MinipayOffice(context, world.people["member_own"], world.people["hr_own"])
    activities = Transitions(activity_context)
    active = await apply(office)
    await activities.request_backing(StepInput(active))
    await issue(office, active)
    await activities.activate_credit(StepInput(active))
    await _paper(world, context)
    waiting = await apply(office)
    await activities.request_backing(StepInput(waiting))
    attached = (await attach(context, world.people["member_own"], waiting)).id
    world.things |= {"active": active, "case": waiting, "task": await open_task(context, waiting)}
    world.things["attachment"] = attached


async def _paper(world: World, context: Context) -> None:
    """The confirmation of the active credit."""

    async def confirm(command: Command) -> Paper:
        (line,) = await _lines(command)
        return await issue_credit_confirmation(command, line.id)

    paper = await run(context, world.people["member_own"], confirm)
    world.things |= {"paper": paper.id, "paper_token": paper.token}


async def _guaranteed(world: World, context: Context, activity_context: ActivityContext, arrange: Arrange) -> None:
    """A usable Tavana credit, its renewal that a guarantor is asked about, an application that finance looks at."""
    people, things = world.people, world.things
    tavana = TavanaScenario(
        context,
        arrange,
        Transitions(activity_context),
        things["organisation"],
        people["member_own"],
        people["guarantor_own"],
        people["finance_own"],
        people["finance_officer"],
    )
    current, newcomer, *others = await arrange.colleagues(6, things["organisation"], net_pay=_PAY, region=world.region)
    usable = await tavana.approved(current)
    await tavana.take("activate_credit", usable)
    asked = await tavana.asked()
    reviewed = await tavana.backed(others[0], applicant=others[1])
    things |= {
        "asked_case": asked,
        "guarantee": (await guarantee_of(context, asked, people["guarantor_own"])).id,
        "guarantee_task": await open_task(context, asked, "answer_guarantee"),
        "reviewed_case": reviewed,
        "review_task": await open_task(context, reviewed, "review_application"),
    }
    world.newcomers = [newcomer, others[2], others[3]]
    await _substitution(world, context, activity_context, current)


async def _substitution(world: World, context: Context, activity_context: ActivityContext, current: Someone) -> None:
    """The member asks for somebody else in the place of a guarantor."""
    lines = await run(context, world.people["member_own"], _lines)
    line = next(line for line in lines if line.programme == "tavana")
    guarantee = await guarantee_of(context, line.case_id, current)

    async def ask(command: Command) -> UUID:
        national_id = world.newcomers[1].national_id
        return await substitution.request_substitution(command, line.id, guarantee.id, national_id)

    case_id = await run(context, world.people["member_own"], ask)
    await Transitions(activity_context).ask_substitute(StepInput(case_id))
    world.things |= {"tavana_line": line.id, "current_guarantee": guarantee.id, "substitution": case_id}


async def _normal_payments(world: World, context: Context, activity_context: ActivityContext) -> None:
    """The member is to pay what a colleague has accepted, and asked them once more."""
    bank, payer, payee = (
        activity_context.gateways["local"],
        world.people["member_own"],
        world.people["guarantor_own"],
    )
    assert isinstance(bank, LocalBank)
    await confirm_number(context, payee)
    scenario = NormalPaymentScenario(context, Transitions(activity_context), bank, payer, payee)
    world.things |= {"payable": await scenario.accepted(), "asked_payment": await scenario.asked()}
    world.things["payee_task"] = await open_task(context, world.things["asked_payment"], "answer_normal_payment")


async def _escrow(world: World, context: Context, activity_context: ActivityContext) -> None:
    """A job of the member's with a colleague: a payment whose money is held, one to be paid, one to be accepted."""
    things, bank = world.things, activity_context.gateways["local"]
    assert isinstance(bank, LocalBank)
    employer, contractor = world.people["member_own"], world.people["guarantor_own"]
    job = EscrowProcess(context, Transitions(activity_context), bank, employer, contractor, [], employer)
    await confirm_number(context, employer)
    held, payable, asked = await job.begin(AMOUNT, AMOUNT, AMOUNT)
    for case_id in (held, payable, asked):
        await job.go_on(case_id)
    for case_id in (held, payable):
        await job.accept(case_id)
        await job.go_on(case_id)
    payment_id = await job.at_bank(held)
    await job.pay_at_bank(payment_id)
    for case_id in (payment_id, held, payment_id):
        await job.go_on(case_id)
    await job.release(held, AMOUNT // 2)
    await job.go_on(held)
    async with transaction(context.engine, SERVICE) as connection:
        escrow = await payments.read_escrow(connection, held)
        (move,) = await payments.moves_of(connection, [held])
        assert escrow is not None
        assert move.fact_id is not None
        things |= {"job": escrow.job_id, "held_escrow": held, "payable_escrow": payable, "asked_escrow": asked}
        things |= {"escrow_move": move.id, "ruling": await _ruling(connection, context, held, move.fact_id)}
    things["escrow_task"] = await open_task(context, asked, "answer_escrow")


async def _secret(world: World, context: Context, activity_context: ActivityContext) -> None:
    """The arbitrator has claimed what the member disputes, and was entrusted a password of another site."""
    bank, people = activity_context.gateways["local"], world.people
    assert isinstance(bank, LocalBank)
    sides, desk = (people["member_own"], people["guarantor_own"]), [people["arbitrator"]]
    escrow = EscrowProcess(context, Transitions(activity_context), bank, *sides, desk, people["operator"])
    arbitration = Arbitration(escrow, await escrow.claimed())
    world.things |= {"secret_case": arbitration.case_id, "secret": await arbitration.entrust()}


async def _identity(world: World, context: Context, activity_context: ActivityContext) -> None:
    """The guarantor has sent an identity form, which the officer has claimed; of the member nothing is known."""
    people = world.people
    review = await under_review(context, activity_context, people["guarantor_own"], people["kyc_officer"])
    world.things |= review.things()


async def _ruling(connection: AsyncConnection, context: Context, case_id: UUID, fact_id: UUID) -> UUID:
    """A ruling in an arbitration that is over."""
    dispute_id, frozen, by = disputes.new_dispute(), Money(AMOUNT), uuid4()
    await disputes.add_dispute(
        connection, dispute_id, case_id, opened_by="employer", about="work", frozen=frozen, hold_id=by
    )
    await disputes.end_dispute(connection, dispute_id, "ruled")
    arbitrator = (await people_in(connection, case_id))[0]
    ruled = disputes.NewRuling(dispute_id, 1, arbitrator, fact_id, Shares(frozen, Money(0)), REASONS)
    ruling_id = await disputes.add_ruling(connection, context.seals, ruled)
    await disputes.make_final(connection, ruling_id)
    return ruling_id


async def _lines(command: Command) -> list[CreditLine]:
    return await lines_of(command.connection, command.actor.person_id)


async def _others(world: World, arrange: Arrange, superuser: Superuser) -> None:
    things = world.things
    things["line"] = await superuser.value("SELECT id FROM credit_lines WHERE case_id = %s", things["active"])
    things["certificate"] = await superuser.value("SELECT id FROM certificates WHERE case_id = %s", things["active"])
    things["contract"] = await superuser.value(
        "SELECT id FROM contracts WHERE organisation_id = %s", things["organisation"]
    )
    things["employment"] = await superuser.value(
        "SELECT id FROM employments WHERE person_id = %s", world.people["member_own"].id
    )
    things["import"] = await _import(superuser, things["organisation"], world.region)
    colleague = await arrange.staff(Grant(Role.HR_OFFICER, ScopeKind.ORGANISATION, str(things["organisation"])))
    things["colleague"] = colleague.id
    things["grant"] = await superuser.value("SELECT id FROM role_grants WHERE person_id = %s", colleague.id)
    await superuser.run(
        "UPDATE staff_credentials SET username = %s, password_hash = NULL, totp_sealed = NULL WHERE person_id = %s",
        f"colleague.{world.region}",
        colleague.id,
    )
    await _of_members(world, superuser)


async def _of_the_platform(world: World, context: Context, arrange: Arrange, superuser: Superuser) -> None:
    """What belongs to no organisation."""
    things = world.things
    things["notice"] = await superuser.value("SELECT id FROM notices ORDER BY id LIMIT 1")
    await superuser.run("UPDATE notices SET state = 'failed', failure = 'refused' WHERE id = %s", things["notice"])
    things["finding"] = await superuser.value(
        "INSERT INTO reconciliation_findings (case_id, kind)"
        " SELECT id, 'process_fails' FROM cases ORDER BY id LIMIT 1 RETURNING id"
    )
    things |= await compared_day(context, superuser)
    proposer = await arrange.platform(Role.POLICY_ADMIN)
    async with transaction(context.engine, SERVICE) as connection:
        now = await policies.in_force(connection, "personnel")
        assert now is not None
        proposal = await policies.propose(connection, "personnel", now.value, proposer.id)
    assert proposal is not None
    things["proposal"], things["policy_value"] = proposal.id, dict(proposal.value)


async def _of_members(world: World, superuser: Superuser) -> None:
    """What members have of their own."""
    things, own = world.things, world.people["member_own"].id
    # Members have just shown a fresh code; one of them is signed in twice.
    await superuser.run("UPDATE sessions SET strong_until = now() + interval '1 hour' WHERE capacity = 'member'")
    things["session"] = await superuser.value(
        "INSERT INTO sessions (token_hash, person_id, capacity, expires_at, idle_after)"
        " VALUES (sha256(%s), %s, 'member', now() + interval '1 hour', interval '1 hour') RETURNING id",
        world.region.encode(),
        own,
    )
    things["bank_account"] = await superuser.value(
        "INSERT INTO bank_accounts (person_id, kind, number_index, number_sealed, last_four, bank, state, answered_at)"
        " VALUES (%s, 'card', 'x', 'x', '1234', '017', 'confirmed', now()) RETURNING id",
        own,
    )
    things["invitation"] = f"token-of-the-invitation-{world.region}"
    await superuser.run(
        "INSERT INTO invitations (id, inviter_id, mobile_index, mobile_sealed, token_hash, expires_at)"
        " VALUES (uuidv7(), %s, 'x', 'x', sha256(%s), now() + interval '1 day')",
        own,
        things["invitation"].encode(),
    )


async def _draft(world: World, context: Context) -> None:
    """What a member has begun to write."""
    own = world.people["member_own"].id
    level = {"level": ["full"]}
    async with transaction(context.engine, Acting("member", own)) as connection:
        world.things["draft"] = (await add_draft(connection, context.seals, own, DraftForm.JOB, {})).id
        begun = await add_draft(connection, context.seals, own, DraftForm.IDENTITY, level)
        world.things["identity_draft"] = begun.id


async def _payout(world: World, context: Context, superuser: Superuser) -> None:
    """A withdrawal that waits, a batch that is over with a line of its own, and a file of the bank."""
    things, own = world.things, world.people["member_own"].id
    things["payout"] = await superuser.value(
        "INSERT INTO cases (kind, phase, policy_id, outcome, closed_at)"
        " SELECT 'payout', 'settled', id, 'settled', now()"
        " FROM policies WHERE name = 'payout' RETURNING id"
    )
    await superuser.run(
        "INSERT INTO payouts (case_id, made_by, most_lines) SELECT %s, id, 1 FROM persons LIMIT 1", things["payout"]
    )
    things["payout_answer"] = await superuser.value(
        "INSERT INTO payout_answers (payout_id, file_key, sha256, sent_by, ended_at)"
        " VALUES (%s, gen_random_uuid()::text, 'x', %s, now()) RETURNING id",
        things["payout"],
        own,
    )
    await give_money(context, own, Money(200_000))
    await queue_withdrawals(context, [own], 2, Money(100_000))
    lines = await superuser.rows("SELECT id FROM withdrawals WHERE person_id = %s", own)
    (things["withdrawal"],), (things["payout_line"],) = lines
    cut = "UPDATE withdrawals SET state = 'cut', payout_id = %s, line = 1 WHERE id = %s"
    await superuser.run(cut, things["payout"], things["payout_line"])


async def _import(superuser: Superuser, organisation: UUID, region: str) -> UUID:
    """A file that was sent for a region."""
    case_id = await superuser.value(
        "INSERT INTO cases (kind, phase, organisation_id, policy_id, outcome, closed_at)"
        " SELECT 'personnel_import', 'imported', %s, id, 'imported', now()"
        " FROM policies WHERE name = 'personnel' AND version = 1"
        " RETURNING id",
        organisation,
    )
    await superuser.run(
        "INSERT INTO personnel_imports (case_id, organisation_id, file_key, file_size, file_sha256, regions)"
        " VALUES (%s, %s, 'personnel/x', 1, 'x', jsonb_build_array(%s::text))",
        case_id,
        organisation,
        region,
    )
    return UUID(str(case_id))
