"""Jobs, safe payments and arbitration over HTTP: who sees what, may do what, and sums that are whole (E1 to E8)."""

from __future__ import annotations

import functools
from typing import Any
from uuid import UUID

import httpx2
import pytest

from activities.transition import ActivityContext
from commands.command import Context
from commands.escrow import money
from domain.access import Role
from domain.escrow.rules import Shares
from domain.money import Money
from gateways.local_bank import LocalBank
from messages.escrow import JobSide
from storage.database import SERVICE, transaction
from storage.escrow import payments
from storage.escrow.overview import EscrowSums, sums_of
from tests.arrange import Arrange, Someone
from tests.escrow_process import AMOUNT, REASONS, STATEMENT, EscrowProcess
from tests.files_made import PDF

JOBS = "/v1/escrow/jobs"
EVIDENCE = {"purpose": "dispute_evidence"}


@pytest.fixture
async def escrow(context: Context, arrange: Arrange, activity_context: ActivityContext) -> EscrowProcess:
    """Two members, two arbitrators and an operator."""
    bank = activity_context.gateways["local"]
    assert isinstance(bank, LocalBank)
    return await EscrowProcess.opened(context, arrange, activity_context, bank)


async def get(api: httpx2.AsyncClient, who: Someone, path: str) -> Any:
    """What somebody reads; None where there is nothing for them."""
    answer = await api.get(path, headers=who.headers())
    if answer.status_code == 404:
        return None
    assert answer.status_code == 200, answer.text
    return answer.json()


async def shown(api: httpx2.AsyncClient, who: Someone, case_id: UUID) -> Any:
    """A safe payment in somebody's eyes."""
    case = await get(api, who, f"/v1/cases/{case_id}")
    return None if case is None else case["escrow"]


async def may(api: httpx2.AsyncClient, who: Someone, case_id: UUID) -> set[str]:
    """What somebody may do in a case."""
    return {action["action"] for action in (await get(api, who, f"/v1/cases/{case_id}"))["allowed_actions"]}


async def job_of(api: httpx2.AsyncClient, who: Someone) -> Any:
    """Somebody's newest job."""
    (line, *_) = (await get(api, who, JOBS))["items"]
    return await get(api, who, f"{JOBS}/{line['id']}")


async def filed(api: httpx2.AsyncClient, case_id: UUID, who: Someone) -> tuple[int, list[str]]:
    """How many statements somebody reads in a dispute, and what each file that they see is for."""
    found = await get(api, who, f"/v1/cases/{case_id}/attachments")
    statements = (await shown(api, who, case_id))["dispute"]["statements"]
    return len(statements), [one["purpose"]["code"] for one in found["items"]]


def amounts(sums: Any) -> dict[str, int]:
    """Sums without their words."""
    return {name: value["amount"] for name, value in sums.items() if value["amount"]}


async def test_a_job_names_the_other_side_to_who_began_it_once_both_have_accepted(
    api: httpx2.AsyncClient, escrow: EscrowProcess
) -> None:
    employer, contractor = escrow.employer, escrow.contractor
    case_id = await escrow.proposed(AMOUNT, AMOUNT)
    mine, theirs = await job_of(api, employer), await job_of(api, contractor)

    other = mine["sides"][1]
    assert (other["name"], other["mobile"][-4:], other["is_me"]) == (None, contractor.mobile[-4:], False)
    assert theirs["sides"][0]["name"]
    assert [side["mobile"] for side in theirs["sides"]] == [None, None]
    assert (mine["my_side"], theirs["my_side"]) == ("employer", "contractor")
    assert (mine["waits_for_me"], theirs["waits_for_me"]) == (False, True)
    assert {one["action"] for one in theirs["actions"]} == {"accept_job", "decline_job"}
    assert {one["action"] for one in mine["actions"]} == {"propose_escrow"}
    assert await may(api, employer, case_id) == {"withdraw_escrow"}
    assert await may(api, contractor, case_id) == {"decide_answer_escrow"}

    accepted = await api.post(
        f"{JOBS}/{mine['id']}/acceptance", json={"clause_version": 1}, headers=contractor.headers()
    )
    assert accepted.status_code == 200, accepted.text
    await escrow.go_on(case_id)
    mine = await job_of(api, employer)
    assert mine["sides"][1]["name"]
    assert mine["sides"][1]["mobile"] is None
    assert {one["action"] for one in mine["actions"]} == {"propose_escrow", "request_normal_payment"}
    assert [{one["action"] for one in line["actions"]} for line in mine["payments"]] == [
        {"fund_escrow", "withdraw_escrow"}
    ] * 2


async def test_what_is_funded_is_what_left_and_what_is_held(
    api: httpx2.AsyncClient, context: Context, escrow: EscrowProcess
) -> None:
    case_id = await escrow.held()
    await escrow.ask_refund(case_id, 5_000_000)
    await escrow.answer_refund(case_id, 3_000_000)
    await escrow.go_on(case_id)
    await escrow.release(case_id, 20_000_000)
    await escrow.go_on(case_id)
    await escrow.release(case_id, 1_000_000)

    fee = 600_000
    vat = fee // 10
    expected = {
        "funded": AMOUNT,
        "released": 20_000_000 - fee - vat,
        "fees": fee + vat,
        "refunded": 3_000_000,
        "held": 17_000_000,
        "on_its_way": 1_000_000,
        "available": 16_000_000,
    }
    mine = await shown(api, escrow.contractor, case_id)
    job = await job_of(api, escrow.employer)
    assert amounts(mine["sums"]) == amounts(job["sums"]) == amounts(job["payments"][0]["sums"]) == expected
    assert [move["cause"]["code"] for move in mine["moves"]] == ["refund", "release", "release"]
    assert mine["refund"]["agreed"]["amount"] == 3_000_000
    async with transaction(context.engine, SERVICE) as connection:
        row = await payments.read_escrow(connection, case_id)
        assert row is not None
        sums = await sums_of(connection, [row], await payments.moves_of(connection, [case_id]))
    assert sums[case_id].is_whole
    assert not (sums[case_id] + EscrowSums(funded=1)).is_whole


async def test_each_side_reads_the_others_statement_and_evidence_once_the_time_to_file_is_over(
    api: httpx2.AsyncClient, escrow: EscrowProcess, arrange: Arrange
) -> None:
    employer, contractor = escrow.employer, escrow.contractor
    case_id = await escrow.held()
    files, sent = f"/v1/cases/{case_id}/attachments", {"Content-Type": "application/octet-stream"}
    early = await api.post(files, params=EVIDENCE, content=PDF, headers={**employer.headers(), **sent})
    assert (early.status_code, early.json()["code"]) == (409, "escrow_evidence_closed")
    await escrow.dispute(case_id)
    await escrow.go_on(case_id)
    added = await api.post(files, params=EVIDENCE, content=PDF, headers={**employer.headers(), **sent})
    work = await api.post(files, params={"purpose": "work_file"}, content=PDF, headers={**contractor.headers(), **sent})
    assert (added.status_code, work.status_code) == (201, 201)

    seen = functools.partial(filed, api, case_id)
    assert await seen(employer) == (1, ["dispute_evidence", "work_file"])
    # Meant where none is named is what the other side does not see yet.
    assert (await get(api, employer, files))["purposes"][0]["code"] == "dispute_evidence"
    assert await seen(contractor) == (0, ["work_file"])
    assert await get(api, contractor, f"{files}/{added.json()['id']}") is None
    auditor = await arrange.platform(Role.AUDITOR)
    assert (await seen(auditor), await seen(escrow.operator)) == ((1, ["dispute_evidence", "work_file"]),) * 2
    assert await get(api, escrow.arbitrators[0], f"/v1/cases/{case_id}") is None
    assert await get(api, escrow.arbitrators[0], files) is None
    # What was filed before it was taken back the next arbitrator reads, and so do both sides.
    await escrow.take_back(case_id)
    await escrow.go_on(case_id)
    await escrow.dispute(case_id)
    await escrow.go_on(case_id)
    assert await seen(contractor) == (0, ["work_file"])
    await escrow.pass_wait(case_id)
    assert await seen(contractor) == (1, ["dispute_evidence", "work_file"])
    late = await api.post(files, params=EVIDENCE, content=PDF, headers={**employer.headers(), **sent})
    gone = await api.delete(f"{files}/{added.json()['id']}", headers=employer.headers())
    assert (late.json()["code"], gone.json()["code"]) == ("escrow_evidence_closed", "attachment_stays")
    assert [one["code"] for one in (await get(api, employer, files))["purposes"]] == ["work_file"]


async def test_an_arbitrator_sees_both_sides_as_holder_alone_and_the_sides_may_object_to_what_was_ruled(
    api: httpx2.AsyncClient, escrow: EscrowProcess
) -> None:
    employer, contractor, arbitrator = escrow.employer, escrow.contractor, escrow.arbitrators[0]
    case_id = await escrow.disputed()
    assert await may(api, employer, case_id) == {"file_statement", "offer_split", "withdraw_dispute"}
    await escrow.state(case_id, JobSide.CONTRACTOR)
    await escrow.offer(case_id, JobSide.CONTRACTOR, Shares(Money(AMOUNT), Money(0)))
    assert await may(api, employer, case_id) == {"file_statement", "offer_split", "answer_split", "withdraw_dispute"}
    await escrow.go_on(case_id)
    await escrow.pass_wait(case_id)
    (task,) = (await get(api, arbitrator, "/v1/tasks"))["items"]
    assert (task["kind"], task["person_name"], task["amount"]["amount"]) == ("rule_dispute", None, AMOUNT)
    claimed = await api.post(f"/v1/tasks/{task['id']}/claim", headers=arbitrator.headers())
    assert claimed.is_success, claimed.text
    await escrow.go_on(case_id)
    one = await shown(api, arbitrator, case_id)
    assert one["my_side"] is None
    assert [said["text"] for said in one["dispute"]["statements"]] == [STATEMENT] * 2
    assert all(side["name"] for side in one["sides"])
    assert await get(api, escrow.arbitrators[1], f"/v1/cases/{case_id}") is None
    words = f"/v1/cases/{case_id}/words", {"text": "فایل‌ها را دیدید؟"}
    assert (await api.post(words[0], json=words[1], headers=contractor.headers())).status_code == 201

    shares = {"to_contractor": {"amount": 30_000_000}, "to_employer": {"amount": AMOUNT - 30_000_000}}
    ruling = {"kind": "rule_dispute", "decision": "rule", "shares": shares, "reasons": REASONS}
    wrong, place = {**ruling, "shares": {**shares, "to_employer": {"amount": 1}}}, f"/v1/tasks/{task['id']}/decision"
    refused = await api.post(place, json=wrong, headers=arbitrator.headers())
    assert refused.json()["code"] == "escrow_shares_do_not_sum"
    ruled = await api.post(place, json=ruling, headers=arbitrator.headers())
    assert ruled.status_code == 200, ruled.text
    await escrow.go_on(case_id)
    seen = (await shown(api, contractor, case_id))["dispute"]["rulings"][0]
    assert (seen["reasons"], seen["to_contractor"]["amount"], seen["final"]) == (REASONS, 30_000_000, None)
    assert seen["object_until"]
    assert await may(api, contractor, case_id) == {"object_to_ruling"}
    # Who has ruled sees the case no more, and nobody writes to them.
    assert await get(api, arbitrator, f"/v1/cases/{case_id}") is None
    late = await api.post(words[0], json=words[1], headers=contractor.headers())
    assert late.json()["code"] == "nobody_to_read_words"


async def test_a_release_takes_a_code_for_exactly_its_amount(api: httpx2.AsyncClient, escrow: EscrowProcess) -> None:
    case_id = await escrow.held()
    given = Money(AMOUNT)

    code = await escrow.code(escrow.employer, lambda command: money.releasing(command, case_id, given))
    body = {"amount": {"amount": AMOUNT - 1}, "code_id": str(code.code_id), "code": code.code}
    place = f"/v1/escrow/payments/{case_id}/release"
    other = await api.post(place, json=body, headers=escrow.employer.headers())
    assert other.json()["code"] == "code_not_accepted"
    done = await api.post(place, json={**body, "amount": {"amount": AMOUNT}}, headers=escrow.employer.headers())
    assert done.status_code == 200, done.text
    too_much = await api.post(
        "/v1/codes",
        json={"purpose": "escrow_release", "subject": {"case_id": str(case_id), "amount": {"amount": 1}}},
        headers=escrow.employer.headers(),
    )
    assert too_much.json()["code"] == "escrow_not_held"


async def test_figures_tell_what_is_open_and_where_the_money_of_the_others_went(
    api: httpx2.AsyncClient, escrow: EscrowProcess
) -> None:
    done = await escrow.held()
    await escrow.release(done, AMOUNT)
    await escrow.go_on(done)
    await escrow.proposed()
    found = await get(api, escrow.operator, "/v1/escrow/figures")

    assert [(one["phase"], one["count"], one["amount"]["amount"], one["oldest_days"]) for one in found["open"]] == [
        ("awaiting_acceptance", 1, AMOUNT, 0)
    ]
    assert amounts({name: found["ended"][name] for name in ("released", "refunded", "split")}) == {"released": AMOUNT}
    assert (found["ended"]["count"], found["rulings"], found["median_hours"]) == (1, 0, None)
