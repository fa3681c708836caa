"""One rule for fresh codes (G1): what moves pay, terms or money takes a code of its own, other decisions a step-up."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from activities.transition import ActivityContext
from api.decisions import DECISIONS
from api.operation import OPERATIONS, Confirmation
from commands.command import Context
from domain.account import STEP_UP_TRIES
from tests.api.calls import Call, calls
from tests.api.world import World, make_world
from tests.arrange import Arrange, Someone
from tests.books import Superuser

CODE, STEP_UP, NONE = frozenset({Confirmation.CODE}), frozenset({Confirmation.STEP_UP}), frozenset[Confirmation]()
# What changes something for people who are signed in, and how staff confirm it; a new operation is judged here first.
OPERATIONS_BY_CONFIRMATION: dict[str, frozenset[Confirmation]] = {
    **dict.fromkeys(("add_organisation", "add_contract", "change_contract"), CODE),
    **dict.fromkeys(("import_personnel", "correct_employment"), CODE),
    **dict.fromkeys(("propose_policy", "decide_policy"), CODE),
    **dict.fromkeys(("revoke_certificate", "decide_tasks"), CODE),
    "decide_task": CODE | STEP_UP,
    **dict.fromkeys(("propose_staff", "propose_role", "propose_reset", "resend_staff_link"), STEP_UP),
    **dict.fromkeys(("revoke_role", "disable_staff", "restart_process", "request_clearing", "send_statement"), STEP_UP),
    "reveal_bank_description": STEP_UP,
    # With the present password and code in it.
    "change_staff_credentials": NONE,
    **dict.fromkeys(
        ("switch_service", "record_holiday", "resend_notice", "forward_mobile_change", "open_mobile_change"), STEP_UP
    ),
    # The queue, the session itself, looking somebody up.
    **dict.fromkeys(("claim_task", "release_task", "step_up", "sign_out", "search_employments"), NONE),
    # What is written decides nothing.
    "write_words": NONE,
    # A paper decides nothing by itself.
    **dict.fromkeys(("add_attachment", "remove_attachment"), NONE),
    # Members': their codes come by SMS, bound to what they confirm.
    **dict.fromkeys(
        ("request_code", "apply_for_credit", "correct_application", "withdraw_application", "reveal_card"), NONE
    ),
    **dict.fromkeys(
        ("issue_credit_confirmation", "accept_terms", "invite", "choose_preferences", "confirm_email"), NONE
    ),
    **dict.fromkeys(("request_own_mobile", "confirm_own_mobile", "end_session", "end_other_sessions"), NONE),
    **dict.fromkeys(("send_email_code", "remove_email", "set_password", "remove_password"), STEP_UP),
    **dict.fromkeys(("add_sheba", "withdraw", "take_back_withdrawal"), NONE),
    **dict.fromkeys(("issue_payout_receipt", "issue_withdrawal_invoice"), NONE),
    "make_payout": STEP_UP,
    **dict.fromkeys(("send_payout_answer", "settle_payout_line", "reveal_return_sheba"), CODE),
    **dict.fromkeys(("add_card", "choose_bank_account", "remove_bank_account"), STEP_UP),
    **dict.fromkeys(("name_guarantor", "check_guarantor", "request_substitution", "withdraw_substitution"), NONE),
    **dict.fromkeys(("request_normal_payment", "pay_normal_payment", "withdraw_normal_payment"), NONE),
    # What moves held money takes a member's code by SMS, bound to deed and amounts.
    **dict.fromkeys(("begin_job", "accept_job", "decline_job", "propose_escrow", "fund_escrow"), NONE),
    **dict.fromkeys(("withdraw_escrow", "declare_work", "release_escrow", "ask_refund", "answer_refund"), NONE),
    **dict.fromkeys(("open_dispute", "withdraw_dispute", "file_statement", "object_to_ruling"), NONE),
    **dict.fromkeys(("offer_split", "answer_split", "issue_ruling", "issue_escrow_invoice"), NONE),
    **dict.fromkeys(("try_payment", "look_at_payment"), NONE),
    # Each time that a secret is seen takes a code; to keep one, and to have it erased, none.
    "show_secret": CODE,
    **dict.fromkeys(("entrust_secret", "take_back_secret"), NONE),
    **dict.fromkeys(("add_identity_document", "remove_identity_document"), NONE),
    **dict.fromkeys(("submit_identity", "withdraw_identity"), NONE),
    **dict.fromkeys(("create_draft", "replace_draft", "delete_draft"), NONE),
}
DECISIONS_BY_CONFIRMATION: dict[tuple[str, str], frozenset[Confirmation]] = {
    ("issue_certificate", "issue"): CODE,
    ("issue_certificate", "refuse"): STEP_UP,
    ("review_application", "approve"): CODE,
    ("review_application", "return"): STEP_UP,
    ("review_application", "forward"): STEP_UP,
    ("review_application", "refuse"): STEP_UP,
    ("clear_obstacle", "cleared"): STEP_UP,
    ("clear_obstacle", "upheld"): STEP_UP,
    ("review_substitution", "approve"): CODE,
    ("review_substitution", "refuse"): STEP_UP,
    # A sheba takes a code, another mobile and an exit a step-up.
    ("confirm_change", "confirm"): CODE | STEP_UP,
    ("confirm_change", "reject"): STEP_UP,
    ("confirm_mobile_change", "confirm"): STEP_UP,
    ("confirm_mobile_change", "return"): STEP_UP,
    ("confirm_mobile_change", "reject"): STEP_UP,
    ("correct_mobile_change", "correct"): STEP_UP,
    ("settle_payment", "ask_again"): STEP_UP,
    ("settle_payment", "give_up"): CODE,
    ("return_payment", "return_by_hand"): CODE,
    ("confirm_return", "confirm"): CODE,
    ("confirm_return", "reject"): STEP_UP,
    ("confirm_staff_change", "confirm"): STEP_UP,
    ("confirm_staff_change", "reject"): STEP_UP,
    ("confirm_payout", "confirm"): CODE,
    ("confirm_payout", "reject"): STEP_UP,
    ("hand_over_payout", "handed_over"): STEP_UP,
    ("confirm_rejections", "confirm"): CODE,
    ("confirm_rejections", "reject"): STEP_UP,
    ("confirm_settlement", "confirm"): CODE,
    ("confirm_settlement", "reject"): STEP_UP,
    ("settle_difference", "explain"): STEP_UP,
    ("settle_difference", "book"): STEP_UP,
    ("settle_difference", "correct"): STEP_UP,
    ("confirm_proposal", "confirm"): CODE,
    ("confirm_proposal", "reject"): STEP_UP,
    # A guarantor's own, with a code by SMS for exactly its terms.
    ("answer_guarantee", "accept"): NONE,
    ("answer_guarantee", "refuse"): NONE,
    # A payee's own: what they accept costs them nothing.
    ("answer_normal_payment", "accept"): NONE,
    ("answer_normal_payment", "refuse"): NONE,
    ("answer_escrow", "accept"): NONE,
    ("answer_escrow", "decline"): NONE,
    ("rule_dispute", "rule"): CODE,
    ("review_dormant_escrow", "open_dispute"): STEP_UP,
    ("review_dormant_escrow", "leave"): STEP_UP,
    ("find_arbitrator", "sought"): STEP_UP,
    ("review_identity", "accept"): STEP_UP,
    ("review_identity", "return"): STEP_UP,
    ("review_identity", "refuse"): STEP_UP,
    # A member's own.
    ("correct_identity", "correct"): NONE,
}
# Who may do what takes a code of its own.
BY = {
    "import_personnel": "hr_own",
    "correct_employment": "hr_own",
    "revoke_certificate": "hr_own",
    "decide_task": "hr_own",
    "decide_tasks": "hr_own",
    "propose_policy": "policy_admin",
    "decide_policy": "policy_admin",
    "add_organisation": "contracts_officer",
    "add_contract": "contracts_officer",
    "change_contract": "contracts_officer",
    **dict.fromkeys(("send_payout_answer", "settle_payout_line", "reveal_return_sheba"), "settlement_officer"),
    "show_secret": "arbitrator",
}
STRONG_BY = {
    "propose_staff": "operator",
    "propose_role": "operator",
    "propose_reset": "operator",
    "resend_staff_link": "operator",
    "disable_staff": "operator",
    "restart_process": "operator",
    **dict.fromkeys(("request_clearing", "send_statement", "reveal_bank_description"), "settlement_officer"),
    **dict.fromkeys(("send_email_code", "remove_email", "set_password", "remove_password"), "member_own"),
    "revoke_role": "operator",
    "switch_service": "operator",
    "record_holiday": "operator",
    "resend_notice": "support_agent",
    "forward_mobile_change": "welfare_own",
    "open_mobile_change": "support_agent",
    "make_payout": "settlement_officer",
}
REVIEW = {"kind": "review_application", "decision": "approve"}
_IDENTITY_DECISIONS: dict[str, dict[str, Any]] = {
    "identity accepted": {"decision": "accept"},
    "identity returned": {"decision": "return", "faults": {"national_card_front": "unreadable"}},
    "identity refused": {"decision": "refuse", "reason": "عکس از شخص دیگری است"},
}


@pytest.fixture
async def world(context: Context, activity_context: ActivityContext, arrange: Arrange, superuser: Superuser) -> World:
    """One of everything."""
    return await make_world(context, activity_context, arrange, superuser)


async def send(api: httpx2.AsyncClient, world: World, call: Call, who: str, totp: str | None) -> tuple[int, str]:
    """What somebody gets with a code of theirs; None: with none."""
    request = call.request(api, world, who)
    request.headers.pop("TOTP", None)
    if totp is not None:
        request.headers["TOTP"] = totp
    answer = await api.send(request)
    return answer.status_code, "" if answer.is_success else answer.json()["code"]


async def real_codes(superuser: Superuser, someone: Someone) -> None:
    """From now on somebody's codes are used up, as those of people are."""
    name = f"real-{uuid4().hex[:8]}"
    await superuser.run("UPDATE staff_credentials SET username = %s WHERE person_id = %s", name, someone.id)


def test_every_operation_that_changes_something_says_how_staff_confirm_it() -> None:
    found = {
        operation.operation_id: frozenset(operation.confirmed_by)
        for operation in OPERATIONS.values()
        if operation.asks_who and not (operation.methods or set()) <= {"GET", "HEAD"}
    }
    assert found == OPERATIONS_BY_CONFIRMATION
    taking = {operation.operation_id for operation in OPERATIONS.values() if operation.takes_code}
    assert taking == {name for name, confirmed_by in found.items() if confirmed_by >= CODE} == set(BY)


def test_every_decision_about_a_task_says_how_staff_confirm_it() -> None:
    assert {one.name(): frozenset(one.confirmed_by()) for one in DECISIONS} == DECISIONS_BY_CONFIRMATION


async def test_what_moves_pay_terms_or_money_needs_a_right_code_of_its_own_and_else_changes_nothing(
    api: httpx2.AsyncClient, world: World, superuser: Superuser
) -> None:
    table, before = calls(world), await superuser.effects()
    found = {}
    for operation, who in BY.items():
        await superuser.run("DELETE FROM rate_windows")
        found[operation] = [await send(api, world, table[operation], who, totp) for totp in (None, "12345", "000000")]

    refused = [(403, "code_required"), (422, "bad_code"), (422, "code_not_accepted")]
    assert found == dict.fromkeys(BY, refused)
    assert await superuser.effects() == before


async def test_a_step_up_of_ten_minutes_is_no_code_for_it(
    api: httpx2.AsyncClient, world: World, superuser: Superuser
) -> None:
    left = (
        "SELECT max(strong_until) - now() BETWEEN '9 minutes' AND '10 minutes' FROM sessions"
        " WHERE person_id = %s AND strong_until > now()"
    )
    assert await superuser.value(left, world.people["finance_own"].id) is True
    approve = Call("POST", "/v1/tasks/{review_task}/decision", REVIEW)
    assert await send(api, world, approve, "finance_own", None) == (403, "code_required")


async def test_other_decisions_of_staff_need_a_step_up_and_else_change_nothing(
    api: httpx2.AsyncClient, world: World, superuser: Superuser
) -> None:
    await superuser.run("UPDATE sessions SET strong_until = now() - interval '1 second'")
    table, before = calls(world), await superuser.effects()
    refusal = {"reason": "court_order"}
    asked = {name: (table[name], who) for name, who in STRONG_BY.items()}
    refused: dict[str, Any] = {"kind": "issue_certificate", "decision": "refuse", **refusal}
    asked["certificate"] = (Call("POST", "/v1/tasks/{task}/decision", refused), "hr_own")
    identity = {"kind": "review_identity", "number": 1}
    asked |= {
        name: (Call("POST", "/v1/tasks/{identity_task}/decision", identity | answer), "kyc_officer")
        for name, answer in _IDENTITY_DECISIONS.items()
    }
    for decision, said in (("return", {"reasons": ["amount_too_high"]}), ("forward", {}), ("refuse", refusal)):
        body: dict[str, Any] = {**REVIEW, "decision": decision, **said}
        asked[decision] = (Call("POST", "/v1/tasks/{review_task}/decision", body), "finance_own")
    found = {name: await send(api, world, call, who, None) for name, (call, who) in asked.items()}

    assert found == dict.fromkeys(asked, (403, "step_up_required"))
    assert await superuser.effects() == before
    # A code of its own counts for what takes one, however old the session's step-up is.
    code = world.people["finance_own"].totp
    approve = Call("POST", "/v1/tasks/{review_task}/decision", REVIEW)
    assert await send(api, world, approve, "finance_own", code) == (200, "")


async def test_a_code_confirms_one_content_once(api: httpx2.AsyncClient, world: World, superuser: Superuser) -> None:
    keeper = world.people["contracts_officer"]
    await real_codes(superuser, keeper)
    code, table = keeper.totp, calls(world)
    blocked = Call("POST", "/v1/contracts/{contract}/state", {"state": "ended", "reason": "پ"})
    assert await send(api, world, blocked, "contracts_officer", code) == (422, "invalid_input")
    first = await send(api, world, table["change_contract"], "contracts_officer", code)
    other = await send(api, world, table["add_organisation"], "contracts_officer", code)
    again = await send(api, world, table["change_contract"], "contracts_officer", code)

    assert [first, other, again] == [(200, ""), (422, "code_not_accepted"), (422, "code_not_accepted")]
    assert await superuser.value("SELECT count(*) FROM organisations WHERE code = 'new-organisation'") == 0


async def test_of_several_deeds_at_once_with_one_code_exactly_one_is_done(
    api: httpx2.AsyncClient, world: World, superuser: Superuser
) -> None:
    keeper = world.people["contracts_officer"]
    await real_codes(superuser, keeper)
    code = keeper.totp
    wishes = [Call("POST", "/v1/organisations", {"code": f"org-{place}", "name": "سازمان"}) for place in range(4)]
    found = await asyncio.gather(*(send(api, world, wish, "contracts_officer", code) for wish in wishes))

    assert sorted(found) == [(201, ""), *[(422, "code_not_accepted")] * 3]


async def test_a_refused_deed_uses_no_code_up_and_the_same_key_asks_for_none_again(
    api: httpx2.AsyncClient, world: World, superuser: Superuser
) -> None:
    keeper = world.people["contracts_officer"]
    await real_codes(superuser, keeper)
    headers = keeper.headers("key-of-the-test")
    taken = await superuser.value("SELECT code FROM organisations LIMIT 1")
    same_code = keeper.headers() | {"TOTP": headers["TOTP"]}
    refused = await api.post("/v1/organisations", json={"code": taken, "name": "سازمان"}, headers=same_code)
    wish = {"code": "education", "name": "آموزش و پرورش"}
    done = [await api.post("/v1/organisations", json=wish, headers=headers) for _ in range(2)]
    headers.pop("TOTP")
    without = await api.post("/v1/organisations", json=wish, headers=headers)

    assert (refused.status_code, [answer.status_code for answer in (*done, without)]) == (409, [201, 201, 201])
    assert done[0].json() == done[1].json() == without.json()


async def test_only_wrong_codes_count_against_the_limit(
    api: httpx2.AsyncClient, world: World, superuser: Superuser
) -> None:
    hr, claim = world.people["hr_own"], Call("POST", "/v1/step-up")
    for _ in range(2 * STEP_UP_TRIES.allowed):
        right = Call("POST", claim.path, {"totp": hr.totp})
        assert await send(api, world, right, "hr_own", None) == (200, "")
    wrong = Call("POST", claim.path, {"totp": "000000"})
    for _ in range(STEP_UP_TRIES.allowed):
        assert await send(api, world, wrong, "hr_own", None) == (422, "code_not_accepted")
    assert await send(api, world, wrong, "hr_own", None) == (429, "too_many_requests")


async def test_a_file_is_confirmed_by_the_code_that_came_before_it_however_long_it_took(
    api: httpx2.AsyncClient, world: World, superuser: Superuser
) -> None:
    hr = world.people["hr_own"]
    await real_codes(superuser, hr)
    address = f"/v1/organisations/{world.things['organisation']}/personnel-imports"
    headers = hr.headers("key-of-the-file") | {"Content-Type": "text/csv"}
    sent = [await api.post(address, content=b"x", headers=headers) for _ in range(2)]
    other = await api.post(address, content=b"y", headers=hr.headers() | headers | {"Idempotency-Key": str(uuid4())})

    assert [answer.status_code for answer in sent] == [202, 202]
    assert sent[0].json()["id"] == sent[1].json()["id"]
    assert (other.status_code, other.json()["code"]) == (422, "code_not_accepted")


async def decide_all(
    api: httpx2.AsyncClient, who: Someone, items: list[dict[str, Any]], key: str = "", totp: str | None = ""
) -> Any:
    """Decide several tasks at once; what came of each, or why none was."""
    headers = who.headers(key or str(uuid4()))
    if totp is None:
        headers.pop("TOTP")
    answer = await api.post("/v1/tasks/decisions", json={"items": items}, headers=headers)
    if not answer.is_success:
        return answer.json()["code"]
    return [item["refusal"]["code"] if item["refusal"] else item["case"]["kind"] for item in answer.json()["items"]]


@pytest.fixture
async def reviews(world: World, superuser: Superuser) -> list[dict[str, Any]]:
    """Two reviews as finance sees them; the second is of the world's other case, made one by hand."""
    second = await superuser.value(
        "INSERT INTO tasks (case_id, kind, role, scope_kind, scope, details, remind_at, due_at)"
        " SELECT %s, kind, role, scope_kind, scope, details, remind_at, due_at FROM tasks WHERE id = %s RETURNING id",
        world.things["asked_case"],
        world.things["review_task"],
    )
    return [{"task_id": str(task), "version": 1, "decision": {**REVIEW, "decision": "refuse", "reason": "court_order"}}
            for task in (world.things["review_task"], second)]  # fmt: skip


async def test_one_code_confirms_several_decisions_and_each_stands_by_itself(
    api: httpx2.AsyncClient, world: World, superuser: Superuser, reviews: list[dict[str, Any]]
) -> None:
    finance = world.people["finance_own"]
    await real_codes(superuser, finance)
    stale = [reviews[0], {**reviews[1], "version": 2}]

    first = await decide_all(api, finance, stale, key="key-of-them-all")
    again = await decide_all(api, finance, stale, key="key-of-them-all")
    used = await decide_all(api, finance, reviews)

    assert first == again == ["onboarding", "version_changed"]
    assert used == "code_not_accepted"
    assert await superuser.value("SELECT count(*) FROM facts WHERE kind = 'application_refused'") == 1


async def test_what_broke_off_goes_on_under_the_same_key_and_does_nothing_twice(
    api: httpx2.AsyncClient, world: World, superuser: Superuser, reviews: list[dict[str, Any]]
) -> None:
    finance = world.people["finance_own"]
    await real_codes(superuser, finance)
    colleague = world.people["finance_officer"].id
    claim = "UPDATE tasks SET claimed_by = %s, claimed_at = now() WHERE id = %s"
    await superuser.run("UPDATE role_grants SET scope_kind = 'region', scope = '1101' WHERE person_id = %s", colleague)
    await superuser.run(claim, colleague, reviews[1]["task_id"])
    first = await decide_all(api, finance, reviews, key="key-of-them-all")
    await superuser.run(claim, None, reviews[1]["task_id"])

    later = await decide_all(api, finance, reviews, key="key-of-them-all", totp=None)

    assert first == ["onboarding", "task_claimed_by_other"]
    assert later == ["onboarding", "onboarding"]
    assert await superuser.value("SELECT count(*) FROM facts WHERE kind = 'application_refused'") == 2


async def test_one_code_for_several_counts_five_minutes_in_its_own_session(
    api: httpx2.AsyncClient, world: World, superuser: Superuser, arrange: Arrange, reviews: list[dict[str, Any]]
) -> None:
    finance = world.people["finance_own"]
    stale = [{**item, "version": 2} for item in reviews]
    assert await decide_all(api, finance, stale, key="key-of-them-all") == ["version_changed"] * 2
    await superuser.run("UPDATE tasks SET version = 2 WHERE id = ANY(%s)", [item["task_id"] for item in reviews])
    elsewhere = await arrange.as_staff(finance)

    assert await decide_all(api, elsewhere, stale, key="key-of-them-all") == ["step_up_required"] * 2
    assert await decide_all(api, finance, stale, key="key-of-them-all") == ["onboarding"] * 2


async def test_decisions_of_several_kinds_too_many_and_those_without_a_code_are_refused_whole(
    api: httpx2.AsyncClient, world: World, superuser: Superuser, reviews: list[dict[str, Any]]
) -> None:
    finance, before = world.people["finance_own"], await superuser.effects()
    mixed = [reviews[0], {**reviews[1], "decision": REVIEW}]
    many = [{**reviews[0], "task_id": str(uuid4())} for _ in range(51)]

    found = [await decide_all(api, finance, items) for items in (mixed, [reviews[0], reviews[0]], many, [])]

    assert found == ["invalid_input"] * 4
    assert await decide_all(api, finance, reviews, totp=None) == "code_required"
    assert await superuser.effects() == before
