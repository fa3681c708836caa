"""Who may call what: every operation of the API, called by everybody.

The table says for each operation who is let in. Everybody else who is signed in is refused in the operation's own
way: 403 where the operation is not theirs at all, 404 where the object is not theirs. Nobody who is not signed in
gets anywhere but to the public operations. An operation that is missing here fails the test.
"""

from __future__ import annotations

from dataclasses import dataclass

import httpx2
import pytest

from activities.transition import ActivityContext
from api.app import create_app
from api.dependencies import SESSION_COOKIE
from commands.command import Context
from domain.access import Role
from tests.api.calls import Call, calls, filled, guaranteed_calls, operations
from tests.api.doors import Answered, Door, as_functions, over_http
from tests.api.world import EVERYBODY, NOBODY, OF_ORGANISATIONS, STAFF, World, make_world, make_worlds
from tests.arrange import Arrange, fresh_totp
from tests.books import Superuser

MEMBERS = frozenset({"member_own", "member_foreign", "guarantor_own"})
READERS = frozenset({"auditor", "operator"})
SIGNED_IN = frozenset(EVERYBODY) - frozenset(NOBODY)
# Authorised callers may still be stopped by the state of things or by their input, never by their rights.
LET_IN = {200, 201, 202, 204, 409, 422}


@dataclass(frozen=True, slots=True)
class Rule:
    """Who is let in; ``members`` and ``staff`` are what the others of each capacity get."""

    let_in: frozenset[str]
    members: int = 403
    staff: int = 403
    public: bool = False


def to(*people: str, members: int = 403, staff: int = 403) -> Rule:
    """Let these people in."""
    return Rule(frozenset(people), members, staff)


PUBLIC = Rule(frozenset(EVERYBODY), public=True)
ALL_SIGNED_IN = to(*SIGNED_IN)
MEMBER_ONLY = to(*MEMBERS)
OWNER_ONLY = to("member_own", members=404)
# Staff of an organisation or a region see its cases.
SEES_THE_CASE = to("member_own", "hr_own", "hr_region", "welfare_own", "finance_own", *READERS, members=404, staff=404)
SEES_THE_FILES = to("member_own", "hr_own", "hr_region", "finance_own", "auditor", members=404, staff=404)
HOLDS_THE_TASK = to("hr_own", members=404, staff=404)

MATRIX: dict[str, Rule] = {
    **dict.fromkeys(("read_liveness", "read_contact", "read_readiness", "request_sign_in_code", "sign_in"), PUBLIC),
    **dict.fromkeys(("sign_in_staff", "read_terms", "request_joining", "join"), PUBLIC),
    "accept_terms": MEMBER_ONLY,
    "invite": MEMBER_ONLY,
    "open_invitation": PUBLIC,
    "read_profile": MEMBER_ONLY,
    "choose_preferences": ALL_SIGNED_IN,
    "send_email_code": MEMBER_ONLY,
    "confirm_email": MEMBER_ONLY,
    "remove_email": MEMBER_ONLY,
    "list_sessions": ALL_SIGNED_IN,
    "end_session": to("member_own", members=404, staff=404),
    "end_other_sessions": ALL_SIGNED_IN,
    **dict.fromkeys(("request_own_mobile", "confirm_own_mobile", "set_password", "remove_password"), MEMBER_ONLY),
    **dict.fromkeys(("list_bank_accounts", "add_card", "add_sheba"), MEMBER_ONLY),
    **dict.fromkeys(("choose_bank_account", "remove_bank_account", "take_back_withdrawal"), OWNER_ONLY),
    **dict.fromkeys(("list_withdrawals", "withdraw", "read_withdrawal_terms"), MEMBER_ONLY),
    **dict.fromkeys(("issue_payout_receipt", "issue_withdrawal_invoice"), OWNER_ONLY),
    **dict.fromkeys(
        ("make_payout", "download_payout", "send_payout_answer", "settle_payout_line"), to("settlement_officer")
    ),
    **dict.fromkeys(
        ("list_payouts", "read_payout", "list_payout_lines", "list_payout_answers", "list_payout_refusals"),
        to("settlement_officer", *READERS),
    ),
    "sign_in_with_password": PUBLIC,
    "request_renewal": PUBLIC,
    "renew_password": PUBLIC,
    "read_me": ALL_SIGNED_IN,
    "request_code": MEMBER_ONLY,
    "step_up": to(*STAFF),
    "list_staff": to(*READERS),
    "list_cases": ALL_SIGNED_IN,
    "read_case": SEES_THE_CASE,
    "read_timeline": SEES_THE_CASE,
    "watch_case": SEES_THE_CASE,
    "list_attachments": SEES_THE_FILES,
    "download_attachment": SEES_THE_FILES,
    "remove_attachment": to("member_own", members=404, staff=404),
    "add_attachment": to("member_own", "hr_own", "hr_region", "finance_own", members=404, staff=404),
    "list_tasks": ALL_SIGNED_IN,
    "read_task": HOLDS_THE_TASK,
    "list_programmes": MEMBER_ONLY,
    "list_holidays": to(*STAFF),
    "record_holiday": to("operator"),
    "restart_process": to("operator"),
    **dict.fromkeys(("list_reconciliation_findings", "read_outbox", "list_services", "list_late_cases"), to(*READERS)),
    "switch_service": to("operator"),
    "list_messages": MEMBER_ONLY,
    "list_notices": to("support_agent", *READERS),
    "resend_notice": to("support_agent", "operator"),
    "list_credit_lines": MEMBER_ONLY,
    **dict.fromkeys(("read_credit_line", "reveal_card", "issue_credit_confirmation", "download_paper"), OWNER_ONLY),
    "list_papers": MEMBER_ONLY,
    "check_paper": PUBLIC,
    "read_statement": to("member_own", "auditor", members=404),
    "list_organisations": to("contracts_officer", "hr_own", "hr_other", "hr_region", "hr_other_region", *READERS),
    "read_organisation": to("contracts_officer", "hr_own", "welfare_own", *READERS, members=404, staff=404),
    "list_contracts": to("contracts_officer", "hr_own", "welfare_own", *READERS, members=404, staff=404),
    "list_policies": to("policy_admin", *READERS),
    "list_policy_versions": to("policy_admin", *READERS),
    "read_trial_balance": to("settlement_officer", *READERS),
    **dict.fromkeys(("list_clearings", "read_clearing", "list_suspense"), to("settlement_officer", *READERS)),
    "list_clearing_days": to("settlement_officer", *READERS),
    **dict.fromkeys(("request_clearing", "send_statement", "reveal_bank_description"), to("settlement_officer")),
    "list_personnel_imports": to("hr_own", "hr_region", *READERS),
    "list_all_personnel_imports": to(*READERS),
    "read_personnel_import": to("hr_own", "hr_region", *READERS),
    "list_import_refusals": to("hr_own", "hr_region", *READERS),
    "download_import_report": to("hr_own", "hr_region", *READERS),
    **dict.fromkeys(("import_personnel", "search_employments", "correct_employment"), to("hr_own", "hr_region")),
    "forward_mobile_change": to("welfare_own"),
    "open_mobile_change": to("support_agent"),
    "check_guarantor": MEMBER_ONLY,
    "list_guarantees": MEMBER_ONLY,
    "read_guarantee": to("guarantor_own", members=404),
    **dict.fromkeys(("name_guarantor", "correct_application", "request_substitution"), OWNER_ONLY),
    "read_substitution": SEES_THE_CASE,
    "withdraw_substitution": to("member_own", members=404),
    **dict.fromkeys(("read_normal_payment_terms", "list_normal_payments", "request_normal_payment"), MEMBER_ONLY),
    **dict.fromkeys(("pay_normal_payment", "withdraw_normal_payment"), to("member_own", members=404)),
    **dict.fromkeys(("read_balance", "list_balance_entries"), MEMBER_ONLY),
    "apply_for_credit": MEMBER_ONLY,
    **dict.fromkeys(("claim_task", "release_task", "decide_task"), HOLDS_THE_TASK),
    "decide_tasks": to(*STAFF),
    "withdraw_application": to("member_own", members=404),
    "list_certificates": to("hr_own", "auditor"),
    "revoke_certificate": to("hr_own"),
    **dict.fromkeys(("add_organisation", "add_contract", "change_contract"), to("contracts_officer")),
    **dict.fromkeys(("propose_policy", "decide_policy"), to("policy_admin")),
    "propose_staff": to("operator"),
    "propose_role": to("operator"),
    "propose_reset": to("operator"),
    "read_staff": to(*READERS),
    "disable_staff": to("operator"),
    "resend_staff_link": to("operator"),
    "open_staff_link": PUBLIC,
    "set_up_staff": PUBLIC,
    "draw_totp_key": to(*STAFF),
    "change_staff_credentials": to(*STAFF),
    "revoke_role": to("operator"),
    "list_payments": MEMBER_ONLY,
    "read_payment": to("member_own", *READERS, members=404, staff=404),
    "list_payment_gateways": MEMBER_ONLY,
    "try_payment": to("member_own", members=404),
    "look_at_payment": to("member_own", members=404),
    "call_back": PUBLIC,
    "reveal_return_sheba": to("settlement_officer"),
    "sign_out": ALL_SIGNED_IN,
}
# The role is right, the object is another organisation's: as good as missing.
OUT_OF_SCOPE = {
    ("list_personnel_imports", "hr_other"),
    ("read_personnel_import", "hr_other"),
    ("list_import_refusals", "hr_other"),
    ("download_import_report", "hr_other"),
    ("import_personnel", "hr_other"),
    *(
        (operation, "hr_other_region")
        for operation in (
            *("list_personnel_imports", "read_personnel_import", "list_import_refusals", "download_import_report"),
            *("import_personnel", "search_employments", "correct_employment", "list_certificates"),
            "revoke_certificate",
        )
    ),
    ("list_certificates", "hr_region"),
    ("revoke_certificate", "hr_region"),
    ("search_employments", "hr_other"),
    ("correct_employment", "hr_other"),
    ("forward_mobile_change", "welfare_other"),
    ("list_certificates", "hr_other"),
    ("revoke_certificate", "hr_other"),
}

HOLDS_THE_REVIEW = to("finance_own", members=404, staff=404)
ASKED = to("guarantor_own", members=404, staff=404)
GUARANTEED: dict[str, Rule] = {
    "the case of a guarantee": to("guarantor_own", *SEES_THE_CASE.let_in, members=404, staff=404),
    "its timeline": to("guarantor_own", *SEES_THE_CASE.let_in, members=404, staff=404),
    "the task of a guarantor": ASKED,
    "a guarantor's code": to("guarantor_own", members=404),
    "a guarantor's answer": ASKED,
    "withdrawing it": to("member_own", members=404),
    "the case of a normal payment": to("member_own", "guarantor_own", *READERS, members=404, staff=404),
    "the task of a payee": ASKED,
    "a payee's answer": ASKED,
    "the case that finance reviews": to(
        "hr_own", "hr_region", "welfare_own", "finance_own", *READERS, members=404, staff=404
    ),
    "the review": HOLDS_THE_REVIEW,
    "claiming the review": HOLDS_THE_REVIEW,
    "finance's answer": HOLDS_THE_REVIEW,
}

# Why nobody succeeds here; each has tests of its own in which somebody does.
WITHOUT_SUCCESS = {
    **dict.fromkeys(("sign_in", "join", "confirm_email", "add_sheba", "renew_password"), "the code is a guess"),
    **dict.fromkeys(("step_up", "reveal_card", "withdraw"), "the code is a guess"),
    **dict.fromkeys(("download_payout", "send_payout_answer", "settle_payout_line"), "the bank never got the batch"),
    **dict.fromkeys(("issue_payout_receipt", "issue_withdrawal_invoice"), "the bank has paid nothing"),
    **dict.fromkeys(("reveal_return_sheba", "reveal_bank_description"), "the office is asked nothing of the kind"),
    "request_own_mobile": "every member there has an employer",
    "open_mobile_change": "every member there has an employer",
    "confirm_own_mobile": "the codes are guesses",
    "sign_in_with_password": "the password is a guess",
    "sign_in_staff": "the password is a guess",
    "open_staff_link": "the token is a guess",
    "set_up_staff": "the token is a guess",
    "change_staff_credentials": "the password is a guess",
    "apply_for_credit": "the mandate's code is a guess",
    "correct_application": "no correction is asked for",
    "request_substitution": "one is open already",
}
# Not asked at a door: a stream that does not end, of which the next test asks those who are refused; and what only
# machines ask, over HTTP.
NO_ANSWERS = {"http": {"watch_case"}, "functions": {"watch_case", "read_liveness", "read_readiness"}}


def expected(operation: str, who: str) -> set[int]:
    """The statuses that somebody may get from an operation."""
    if (operation, who) in OUT_OF_SCOPE:
        return {404}
    return allowed(MATRIX[operation], who)


def allowed(rule: Rule, who: str) -> set[int]:
    """The statuses that somebody may get by a rule."""
    if rule.public:
        return LET_IN | {401}
    if who in NOBODY:
        return {401}
    if who in rule.let_in:
        return LET_IN
    return {rule.members if who in MEMBERS else rule.staff}


@pytest.fixture(params=["http", "functions"])
def door(request: pytest.FixtureRequest, api: httpx2.AsyncClient, context: Context) -> Door:
    """Either way to an operation: both judge alike."""
    return over_http(api) if request.param == "http" else as_functions(context)


async def everybody_calls(
    door: Door, superuser: Superuser, world: World, call: Call, rule: Rule
) -> dict[str, Answered]:
    """What each gets; those who are let in come last, because what they do may change the object."""
    answers = {}
    for who in sorted(EVERYBODY, key=lambda name: name in rule.let_in):
        await superuser.run("DELETE FROM rate_windows")
        answers[who] = await door.ask(call, world, who)
    return answers


async def test_everybody_gets_from_every_operation_exactly_what_the_matrix_says(
    door: Door,
    api: httpx2.AsyncClient,
    context: Context,
    activity_context: ActivityContext,
    arrange: Arrange,
    superuser: Superuser,
) -> None:
    world = await make_world(context, activity_context, arrange, superuser)
    document = operations((await api.get("/openapi.json")).json())
    table = calls(world)
    assert set(document) == set(MATRIX) == set(table), "every operation needs a call and a rule"

    surprises, succeeded = [], set()
    for operation, call in table.items():
        if operation in NO_ANSWERS.get(door.name, ()):
            continue
        for who, answer in (await everybody_calls(door, superuser, world, call, MATRIX[operation])).items():
            if answer.status not in expected(operation, who):
                surprises.append(f"{operation} by {who}: {answer.status} {answer.text}")
            if answer.is_success:
                succeeded.add(operation)
    assert surprises == []
    assert set(table) - succeeded == set(WITHOUT_SUCCESS) | NO_ANSWERS[door.name], (
        "every operation lets somebody through, or says why not"
    )


# Whom they are about is said by a national id.
ABOUT_SOMEBODY = {"search_employments", "forward_mobile_change", "check_guarantor"}


def _is_about_things(operation: str, call: Call, world: World) -> bool:
    """Whether an operation is about something that an organisation or one of its people has."""
    named = (call.path.format_map(world.things), filled(call.body, world.things))
    return named != (call.path, call.body) or operation in ABOUT_SOMEBODY


async def test_each_of_two_organisations_gets_from_every_operation_what_is_its_own(
    api: httpx2.AsyncClient, context: Context, activity_context: ActivityContext, arrange: Arrange, superuser: Superuser
) -> None:
    worlds = await make_worlds(context, activity_context, arrange, superuser)

    surprises, asked = [], 0
    for side in worlds:
        for operation, call in calls(side).items():
            if not _is_about_things(operation, call, side) or operation in NO_ANSWERS["http"]:
                continue
            rule, asked = MATRIX[operation], asked + 1
            for who in sorted(OF_ORGANISATIONS, key=lambda name: name in rule.let_in):
                await superuser.run("DELETE FROM rate_windows")
                answer = await call.send(api, side, who)
                if answer.status_code not in expected(operation, who):
                    surprises.append(f"{side.region}: {operation} by {who}: {answer.status_code} {answer.text[:200]}")
    assert asked > 2 * 30
    assert surprises == []


async def test_each_employer_of_somebody_finds_its_own_line_alone(
    api: httpx2.AsyncClient, context: Context, activity_context: ActivityContext, arrange: Arrange, superuser: Superuser
) -> None:
    worlds = await make_worlds(context, activity_context, arrange, superuser)

    for side in worlds:
        asked = {"national_id": side.people["member_own"].national_id}
        for who, organisation in (("hr_own", "organisation"), ("hr_other", "other_organisation")):
            answer = await api.post("/v1/employments/searches", json=asked, headers=side.headers(who))
            (item,) = answer.json()["items"]
            assert item["organisation"]["id"] == str(side.things[organisation])


async def test_guarantors_and_finance_get_what_is_theirs_and_nobody_elses(
    door: Door,
    api: httpx2.AsyncClient,
    context: Context,
    activity_context: ActivityContext,
    arrange: Arrange,
    superuser: Superuser,
) -> None:
    world = await make_world(context, activity_context, arrange, superuser)
    table = guaranteed_calls()
    assert set(table) == set(GUARANTEED)

    surprises, succeeded = [], set()
    for name, (_, call) in table.items():
        for who, answer in (await everybody_calls(door, superuser, world, call, GUARANTEED[name])).items():
            if answer.status not in allowed(GUARANTEED[name], who):
                surprises.append(f"{name} by {who}: {answer.status} {answer.text}")
            if answer.is_success:
                succeeded.add(name)
    # Nobody who may not see a live case may watch it.
    watch, rule = calls(world)["watch_case"], MATRIX["watch_case"]
    refused = {who: await watch.send(api, world, who) for who in EVERYBODY if who not in rule.let_in}
    surprises += [
        f"watching by {who}" for who, answer in refused.items() if answer.status_code not in allowed(rule, who)
    ]
    assert surprises == []


async def test_the_statuses_that_people_get_are_declared(
    api: httpx2.AsyncClient, context: Context, activity_context: ActivityContext, arrange: Arrange, superuser: Superuser
) -> None:
    document = operations((await api.get("/openapi.json")).json())

    undeclared = [
        f"{operation}: {status}"
        for operation, declared in document.items()
        for who in EVERYBODY
        for status in expected(operation, who) - LET_IN
        if not MATRIX[operation].public and str(status) not in declared["responses"]
    ] + [
        f"{operation}, {name}: {status}"
        for name, (operation, _) in guaranteed_calls().items()
        for who in EVERYBODY
        for status in allowed(GUARANTEED[name], who) - LET_IN
        if str(status) not in document[operation]["responses"]
    ]

    assert sorted(set(undeclared)) == []


async def test_what_is_not_there_and_what_is_not_yours_look_the_same(
    api: httpx2.AsyncClient, context: Context, activity_context: ActivityContext, arrange: Arrange, superuser: Superuser
) -> None:
    world = await make_world(context, activity_context, arrange, superuser)
    table, missing = calls(world), "01890000-0000-7000-8000-000000000000"
    foreign = {
        "member_foreign": [
            *("read_case", "read_timeline", "list_attachments", "download_attachment", "add_attachment"),
            *("read_statement", "read_credit_line", "read_guarantee"),
            *("withdraw_application", "name_guarantor", "correct_application"),
            *("request_substitution", "read_substitution", "withdraw_substitution"),
            *("pay_normal_payment", "withdraw_normal_payment"),
        ],
        "hr_other": [
            *("read_case", "read_task", "claim_task", "decide_task"),
            *("list_certificates", "revoke_certificate", "list_contracts"),
        ],
    }

    for who, names in foreign.items():
        for name in names:
            call = table[name]
            theirs = await call.send(api, world, who)
            there, world.things = world.things, dict.fromkeys(world.things, missing)
            nowhere = await call.send(api, world, who)
            world.things = there
            bodies = [{**answer.json(), "request_id": ""} for answer in (theirs, nowhere)]
            assert theirs.status_code == nowhere.status_code == 404, name
            assert bodies[0] == bodies[1], name


FRIEND = "https://panel.friend.test"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": FRIEND, "Sec-Fetch-Site": "cross-site"}, 201),
        ({"Origin": FRIEND, "Sec-Fetch-Site": "same-site"}, 201),
        ({"Origin": FRIEND}, 201),
        ({"Origin": "https://evil.test", "Sec-Fetch-Site": "cross-site"}, 403),
        ({"Origin": "https://amanat.test", "Sec-Fetch-Site": "cross-site"}, 403),
        ({"Origin": "null", "Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
    ],
)
async def test_a_cookie_counts_from_the_sites_that_the_settings_name_and_from_no_other_foreign_one(
    context: Context, arrange: Arrange, headers: dict[str, str], status: int
) -> None:
    keeper = await arrange.platform(Role.CONTRACTS_OFFICER)
    cookie = {"Cookie": f"{SESSION_COOKIE}={keeper.token}", "Idempotency-Key": "key-of-the-test", "TOTP": fresh_totp()}
    app = create_app(context, allowed_origins=[FRIEND])
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="https://amanat.test") as client:
        answer = await client.post(
            "/v1/organisations", json={"code": "education", "name": "آموزش و پرورش"}, headers=cookie | headers
        )

    assert answer.status_code == status, answer.text
    assert status == 201 or answer.json()["code"] == "foreign_origin"
