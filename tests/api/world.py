"""One of everything that operations work on, and one of everybody who may ask."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import httpx2

from activities.transition import ActivityContext
from commands import substitution
from commands.command import Command, Context
from domain.access import Grant, Role, ScopeKind
from messages.case import StepInput
from storage import policies
from storage.database import SERVICE, transaction
from storage.onboarding import lines_of
from storage.rows.onboarding import CreditLine
from tests.arrange import Arrange, Someone, next_national_id
from tests.books import Superuser
from tests.commands.onboarding_steps import MinipayOffice, TavanaScenario, apply, guarantee_of, issue, open_task, run
from tests.journeys.steps import ISSUE, TERMS
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
    *("hr_own", "hr_other", "welfare_own", "welfare_other", "finance_own", "finance_other"),
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
_CSV = "کد ملی,شماره همراه,نام,نام خانوادگی,کد منطقه,تاریخ استخدام,خالص دریافتی,شماره شبا,وضعیت اشتغال\n"


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


async def _credit(world: World, context: Context, activity_context: ActivityContext) -> None:
    """An active credit, then a renewal that HR was asked about."""
    office = MinipayOffice(context, world.people["member_own"], world.people["hr_own"])
    activities = Transitions(activity_context)
    active = await apply(office)
    await activities.request_backing(StepInput(active))
    await issue(office, active)
    await activities.activate_credit(StepInput(active))
    waiting = await apply(office)
    await activities.request_backing(StepInput(waiting))
    world.things |= {"active": active, "case": waiting, "task": await open_task(context, waiting)}


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
    things["import"] = await _import(superuser, things["organisation"])
    colleague = await arrange.staff(Grant(Role.HR_OFFICER, ScopeKind.ORGANISATION, str(things["organisation"])))
    things["colleague"] = colleague.id
    things["grant"] = await superuser.value("SELECT id FROM role_grants WHERE person_id = %s", colleague.id)
    await superuser.run(
        "UPDATE staff_credentials SET username = %s WHERE person_id = %s", f"colleague.{world.region}", colleague.id
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
        " VALUES ('x', %s, 'member', now() + interval '1 hour', interval '1 hour') RETURNING id",
        own,
    )
    things["invitation"] = "token-of-the-invitation"
    await superuser.run(
        "INSERT INTO invitations (id, inviter_id, mobile_index, mobile_sealed, token_hash, expires_at)"
        " VALUES (uuidv7(), %s, 'x', 'x', sha256(%s), now() + interval '1 day')",
        own,
        things["invitation"].encode(),
    )


async def _import(superuser: Superuser, organisation: UUID) -> UUID:
    case_id = await superuser.value(
        "INSERT INTO cases (kind, phase, organisation_id, policy_id, outcome, closed_at)"
        " SELECT 'personnel_import', 'imported', %s, id, 'imported', now()"
        " FROM policies WHERE name = 'personnel' AND version = 1"
        " RETURNING id",
        organisation,
    )
    await superuser.run(
        "INSERT INTO personnel_imports (case_id, organisation_id, file_key, file_size, file_sha256)"
        " VALUES (%s, %s, 'personnel/x', 1, 'x')",
        case_id,
        organisation,
    )
    return UUID(str(case_id))


@dataclass(frozen=True, slots=True)
class Call:
    """How an operation is called: its address, and what goes with it. ``{name}`` is a thing of the world."""

    method: str
    path: str
    body: Any = None
    content: bytes | None = None
    content_type: str = "text/csv"

    def request(self, api: httpx2.AsyncClient, world: World, who: str) -> httpx2.Request:
        """What somebody sends to call it."""
        path, body = self.path.format_map(world.things), filled(self.body, world.things)
        headers = world.headers(who)
        if self.content is not None:
            headers["Content-Type"] = self.content_type
            return api.build_request(self.method, path, content=self.content, headers=headers)
        return api.build_request(self.method, path, json=body, headers=headers)

    async def send(self, api: httpx2.AsyncClient, world: World, who: str) -> httpx2.Response:
        """Call it as somebody."""
        return await api.send(self.request(api, world, who))


def filled(body: Any, things: dict[str, Any]) -> Any:
    """A body whose texts that name a thing have become that thing's id."""
    if isinstance(body, dict):
        return {name: filled(value, things) for name, value in body.items()}
    if isinstance(body, list):
        return [filled(value, things) for value in body]
    if isinstance(body, str) and body[:1] + body[-1:] == "{}":
        return str(things[body[1:-1]])
    return body


def _mandate() -> dict[str, Any]:
    return {"version": 1, "code_id": str(uuid4()), "code": "000000"}


def calls(world: World) -> dict[str, Call]:
    """Every operation of the API, called so that only the caller's rights can stand in its way."""
    staff = {"first_name": "علی", "last_name": "کریمی", "national_id": next_national_id(), "username": "new.staff"}
    staff["mobile"] = "09121234567"
    grant = {"role": "hr_officer", "scope_kind": "organisation", "scope": str(world.things["organisation"])}
    organisation = {"code": "new-organisation", "name": "سازمان تازه"}
    contract = {"number": "2", "starts_on": "2026-03-21", "ends_on": "2027-03-20"}
    wish = {"national_id": next_national_id(), "mobile": "09121234567"}
    newcomer = wish | {"first_name": "نگار", "last_name": "صالحی", "terms_version": 1}
    challenge = {"challenge_id": str(uuid4()), "code": "000000"}
    return {
        "read_liveness": Call("GET", "/livez"),
        "read_readiness": Call("GET", "/readyz"),
        "request_sign_in_code": Call("POST", "/v1/sign-in/codes", wish),
        "sign_in": Call("POST", "/v1/sign-in/sessions", challenge),
        "sign_in_staff": Call("POST", "/v1/sign-in/staff", {"username": "x", "password": "x", "totp": "000000"}),
        "read_terms": Call("GET", "/v1/terms"),
        "request_joining": Call("POST", "/v1/joining/codes", newcomer),
        "join": Call("POST", "/v1/joining/sessions", challenge),
        "accept_terms": Call("POST", "/v1/me/terms", {"version": 1}),
        "invite": Call("POST", "/v1/invitations", {"mobile": "09351110009"}),
        "read_invitation": Call("GET", "/v1/invitations/{invitation}"),
        "read_profile": Call("GET", "/v1/me/profile"),
        "choose_preferences": Call("PATCH", "/v1/me", {"language": "fa"}),
        "send_email_code": Call("POST", "/v1/me/email", {"email": "maryam@example.com"}),
        "confirm_email": Call("POST", "/v1/me/email/confirmation", {"code_id": str(uuid4()), "code": "000000"}),
        "remove_email": Call("DELETE", "/v1/me/email"),
        "list_sessions": Call("GET", "/v1/me/sessions"),
        "end_session": Call("DELETE", "/v1/me/sessions/{session}"),
        "end_other_sessions": Call("DELETE", "/v1/me/sessions"),
        "request_own_mobile": Call("POST", "/v1/me/mobile", {"mobile": "09351110008"}),
        "confirm_own_mobile": Call(
            "POST",
            "/v1/me/mobile/confirmation",
            {which: {"code_id": str(uuid4()), "code": "000000"} for which in ("old", "new")},
        ),
        "set_password": Call("PUT", "/v1/me/password", {"password": "seven-green-lamps"}),
        "remove_password": Call("DELETE", "/v1/me/password"),
        "sign_in_with_password": Call(
            "POST", "/v1/sign-in/password", {"national_id": wish["national_id"], "password": "seven-green-lamps"}
        ),
        "request_renewal": Call("POST", "/v1/password-renewals/codes", wish),
        "renew_password": Call("POST", "/v1/password-renewals", challenge | {"password": "seven-green-lamps"}),
        "read_me": Call("GET", "/v1/me"),
        "request_code": Call("POST", "/v1/codes", {"purpose": "step_up"}),
        "step_up": Call("POST", "/v1/step-up", {"totp": "000000"}),
        "list_staff": Call("GET", "/v1/staff"),
        "list_cases": Call("GET", "/v1/cases"),
        "read_case": Call("GET", "/v1/cases/{case}"),
        "read_timeline": Call("GET", "/v1/cases/{case}/timeline"),
        "watch_case": Call("GET", "/v1/cases/{case}/events"),
        "list_tasks": Call("GET", "/v1/tasks"),
        "read_task": Call("GET", "/v1/tasks/{task}"),
        "list_programmes": Call("GET", "/v1/programmes"),
        "list_holidays": Call("GET", "/v1/holidays?year=1405"),
        "record_holiday": Call("PUT", "/v1/holidays/2027-03-10", {"name": "عید سعید فطر", "closed": True}),
        "list_reconciliation_findings": Call("GET", "/v1/reconciliation-findings?is_open=true"),
        "read_outbox": Call("GET", "/v1/operations/outbox"),
        "restart_process": Call("POST", "/v1/reconciliation-findings/{finding}/restart"),
        "list_services": Call("GET", "/v1/operations/services"),
        "switch_service": Call(
            "PUT", "/v1/operations/services/personnel_import", {"is_open": True, "reason": "پایان نگهداشت"}
        ),
        "list_late_cases": Call("GET", "/v1/operations/late-cases"),
        "list_messages": Call("GET", "/v1/messages"),
        "list_notices": Call("GET", "/v1/notices?state=failed"),
        "resend_notice": Call("POST", "/v1/notices/{notice}/resend"),
        "list_credit_lines": Call("GET", "/v1/credit-lines"),
        "read_credit_line": Call("GET", "/v1/credit-lines/{line}"),
        "reveal_card": Call("POST", "/v1/credit-lines/{line}/card-number", {"code_id": str(uuid4()), "code": "000000"}),
        "read_statement": Call("GET", "/v1/credit-lines/{line}/statement"),
        "list_organisations": Call("GET", "/v1/organisations"),
        "read_organisation": Call("GET", "/v1/organisations/{organisation}"),
        "list_contracts": Call("GET", "/v1/organisations/{organisation}/contracts"),
        "list_policies": Call("GET", "/v1/policies"),
        "list_policy_versions": Call("GET", "/v1/policy-versions?open=true"),
        "read_trial_balance": Call("GET", "/v1/ledger/trial-balance"),
        "list_personnel_imports": Call("GET", "/v1/organisations/{organisation}/personnel-imports"),
        "list_all_personnel_imports": Call("GET", "/v1/personnel-imports"),
        "read_personnel_import": Call("GET", "/v1/personnel-imports/{import}"),
        "list_import_refusals": Call("GET", "/v1/personnel-imports/{import}/refusals"),
        "download_import_report": Call("GET", "/v1/personnel-imports/{import}/report"),
        "import_personnel": Call(
            "POST", "/v1/organisations/{organisation}/personnel-imports", content=_CSV.encode("utf-8-sig")
        ),
        "search_employments": Call("POST", "/v1/employments/searches", {"national_id": world.newcomers[2].national_id}),
        "forward_mobile_change": Call(
            "POST",
            "/v1/mobile-changes",
            {"national_id": world.newcomers[2].national_id, "mobile": "09350000001", "reason": "حضوری آمد"},
        ),
        "check_guarantor": Call(
            "POST",
            "/v1/guarantor-checks",
            {"programme": "tavana", "national_id": world.newcomers[0].national_id},
        ),
        "list_guarantees": Call("GET", "/v1/guarantees"),
        "read_guarantee": Call("GET", "/v1/guarantees/{guarantee}"),
        "name_guarantor": Call(
            "POST",
            "/v1/onboarding/applications/{asked_case}/guarantors",
            {"national_id": world.newcomers[0].national_id, "replaces": "{guarantee}"},
        ),
        "correct_application": Call(
            "POST",
            "/v1/onboarding/applications/{asked_case}/correction",
            {"monthly_amount": TERMS["monthly_amount"], "instalments": 12, "mandate": _mandate()},
        ),
        "request_substitution": Call(
            "POST",
            "/v1/credit-lines/{tavana_line}/guarantor-substitutions",
            {"guarantee_id": "{current_guarantee}", "national_id": world.newcomers[0].national_id},
        ),
        "read_substitution": Call("GET", "/v1/guarantor-substitutions/{substitution}"),
        "withdraw_substitution": Call("POST", "/v1/guarantor-substitutions/{substitution}/withdrawal"),
        "correct_employment": Call(
            "POST",
            "/v1/employments/{employment}/correction",
            {"net_pay": {"amount": 410_000_000, "unit": "IRR"}, "region_code": world.region, "reason": "حکم تازه"},
        ),
        "apply_for_credit": Call("POST", "/v1/onboarding/applications", {**TERMS, "mandate": _mandate()}),
        "claim_task": Call("POST", "/v1/tasks/{task}/claim"),
        "release_task": Call("POST", "/v1/tasks/{task}/release"),
        "decide_task": Call("POST", "/v1/tasks/{task}/decision", ISSUE),
        "decide_tasks": Call(
            "POST", "/v1/tasks/decisions", {"items": [{"task_id": "{task}", "version": 1, "decision": ISSUE}]}
        ),
        "withdraw_application": Call("POST", "/v1/onboarding/applications/{case}/withdrawal"),
        "list_certificates": Call("GET", "/v1/certificates?organisation_id={organisation}"),
        "revoke_certificate": Call("POST", "/v1/certificates/{certificate}/revocation", {"reason": "پایان همکاری"}),
        "add_organisation": Call("POST", "/v1/organisations", organisation),
        "add_contract": Call("POST", "/v1/organisations/{organisation}/contracts", contract),
        "change_contract": Call("POST", "/v1/contracts/{contract}/state", {"state": "suspended", "reason": "آزمون"}),
        "propose_policy": Call("POST", "/v1/policies/personnel/versions", {"value": world.things["policy_value"]}),
        "decide_policy": Call("POST", "/v1/policy-versions/{proposal}/decision", {"decision": "reject"}),
        "propose_staff": Call("POST", "/v1/staff", staff),
        "propose_role": Call("POST", "/v1/staff/{colleague}/grants", {**grant, "role": "welfare_manager"}),
        "propose_reset": Call("POST", "/v1/staff/{colleague}/reset"),
        "read_staff": Call("GET", "/v1/staff/{colleague}"),
        "resend_staff_link": Call("POST", "/v1/staff/{colleague}/link"),
        "disable_staff": Call("POST", "/v1/staff/{colleague}/disabling"),
        "open_staff_link": Call("POST", "/v1/staff-account/openings", {"token": "0" * 54}),
        "set_up_staff": Call(
            "POST",
            "/v1/staff-account/set-up",
            {"token": "0" * 54, "password": "سرو بلند کنار رود", "totp_key": "QUJD", "totp": "000000"},
        ),
        "draw_totp_key": Call("GET", "/v1/staff-account/new-key"),
        "change_staff_credentials": Call(
            "POST",
            "/v1/staff-account/credentials",
            {"password": "x", "totp": "000000", "new_password": "سرو بلند کنار رود"},
        ),
        "revoke_role": Call("DELETE", "/v1/staff/{colleague}/grants/{grant}"),
        "sign_out": Call("POST", "/v1/sign-out"),
    }


def guaranteed_calls() -> dict[str, tuple[str, Call]]:
    """Operations that the table above calls for a MiniPay application, called for those with guarantors."""
    wish = {"purpose": "accept_guarantee", "subject": {"guarantee_id": "{guarantee}", "mandate_version": 1}}
    accept = {"kind": "answer_guarantee", "decision": "accept", "mandate": _mandate()}
    return {
        "the case of a guarantee": ("read_case", Call("GET", "/v1/cases/{asked_case}")),
        "its timeline": ("read_timeline", Call("GET", "/v1/cases/{asked_case}/timeline")),
        "the task of a guarantor": ("read_task", Call("GET", "/v1/tasks/{guarantee_task}")),
        "a guarantor's code": ("request_code", Call("POST", "/v1/codes", wish)),
        "a guarantor's answer": ("decide_task", Call("POST", "/v1/tasks/{guarantee_task}/decision", accept)),
        "withdrawing it": ("withdraw_application", Call("POST", "/v1/onboarding/applications/{asked_case}/withdrawal")),
        "the case that finance reviews": ("read_case", Call("GET", "/v1/cases/{reviewed_case}")),
        "the review": ("read_task", Call("GET", "/v1/tasks/{review_task}")),
        "claiming the review": ("claim_task", Call("POST", "/v1/tasks/{review_task}/claim")),
        "finance's answer": (
            "decide_task",
            Call("POST", "/v1/tasks/{review_task}/decision", {"kind": "review_application", "decision": "approve"}),
        ),
    }


def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Every operation of an OpenAPI document by its id."""
    found = [operation for path in document["paths"].values() for operation in path.values()]
    return {operation["operationId"]: operation for operation in found}
