"""Policies are changed by two people, checked before, and frozen into running cases."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import httpx2
import pytest

from activities.transition import ActivityContext
from commands.command import Context
from domain.access import Role
from messages.case import StepInput
from storage import policies
from storage.database import SERVICE, transaction
from tests.account_people import audited
from tests.arrange import Arrange, Someone
from tests.books import Superuser
from tests.commands.onboarding_steps import MinipayOffice, apply, issue
from tests.transitions import Transitions

NAME = "programme:minipay"
TAVANA = "programme:tavana"
NEW = "programme:refinery"


@pytest.fixture
async def admins(arrange: Arrange) -> tuple[Someone, Someone]:
    """Two policy_admins."""
    return await arrange.platform(Role.POLICY_ADMIN), await arrange.platform(Role.POLICY_ADMIN)


async def value(context: Context, name: str = NAME) -> dict[str, Any]:
    """The value in force."""
    async with transaction(context.engine, SERVICE) as connection:
        found = await policies.in_force(connection, name)
    assert found is not None
    return dict(found.value)


async def propose(api: httpx2.AsyncClient, who: Someone, value: Any, name: str = NAME) -> httpx2.Response:
    """Propose a value."""
    return await api.post(f"/v1/policies/{name}/versions", json={"value": value}, headers=who.headers())


async def decide(api: httpx2.AsyncClient, who: Someone, proposal: httpx2.Response, word: str) -> httpx2.Response:
    """Approve or reject a proposal."""
    address = f"/v1/policy-versions/{proposal.json()['id']}/decision"
    return await api.post(address, json={"decision": word}, headers=who.headers())


async def test_a_proposal_counts_once_another_person_approved_it(
    api: httpx2.AsyncClient, context: Context, admins: tuple[Someone, Someone]
) -> None:
    first, second = admins
    proposal = await propose(api, first, {**await value(context), "instalments_max": 12})
    assert (await value(context))["instalments_max"] == 24

    alone = await decide(api, first, proposal, "approve")
    together = await decide(api, second, proposal, "approve")
    again = await decide(api, second, proposal, "approve")

    assert proposal.json()["version"] == 2
    assert (alone.status_code, alone.json()["code"]) == (403, "second_person_required")
    assert together.status_code == 200
    assert (again.status_code, again.json()["code"]) == (409, "policy_decided")
    assert again.json()["detail"].endswith("تصمیم گرفته شده است: تأیید شد.")
    assert (await value(context))["instalments_max"] == 12
    assert await audited(context, f"policy:{NAME}") == ["propose_policy", "decide_policy"]


async def test_the_second_person_finds_the_proposal_and_who_made_it(
    api: httpx2.AsyncClient, context: Context, admins: tuple[Someone, Someone]
) -> None:
    first, second = admins
    proposals = [await propose(api, first, {**await value(context), "instalments_max": most}) for most in (11, 12)]

    async def versions(query: str) -> list[dict[str, Any]]:
        answer = await api.get(f"/v1/policy-versions?{query}", headers=second.headers())
        assert answer.status_code == 200, answer.text
        return list(answer.json()["items"])

    waiting = await versions("open=true")
    (newest,) = await versions("open=true&limit=1")
    approved = await decide(api, second, proposals[1], "approve")
    rejected = await decide(api, second, proposals[0], "reject")
    decided = {version["id"]: version for version in await versions("open=false")}

    assert [version["id"] for version in waiting] == [proposal.json()["id"] for proposal in reversed(proposals)]
    assert newest == waiting[0]
    for version in waiting:
        assert (version["state"], version["proposed_by"]) == ("proposed", str(first.id))
        assert version["approved_by"] is version["approved_at"] is None
    assert (approved.json()["state"], approved.json()["approved_by"]) == ("approved", str(second.id))
    assert rejected.json()["state"] == "rejected"
    assert decided[approved.json()["id"]] == approved.json()
    assert {version["proposed_by"] for version in decided.values()} == {"system", str(first.id)}
    assert await versions("open=true") == []


async def test_a_rejected_proposal_never_counts(
    api: httpx2.AsyncClient, context: Context, admins: tuple[Someone, Someone]
) -> None:
    proposal = await propose(api, admins[0], {**await value(context), "instalments_max": 12})

    rejected = await decide(api, admins[1], proposal, "reject")
    revived = await decide(api, admins[1], proposal, "approve")

    assert (rejected.status_code, revived.status_code) == (200, 409)
    assert revived.json()["detail_en"].endswith(": rejected.")
    assert (await value(context))["instalments_max"] == 24


async def test_an_older_proposal_is_not_approved_over_a_newer_version(
    api: httpx2.AsyncClient, context: Context, admins: tuple[Someone, Someone]
) -> None:
    now = await value(context)
    older = await propose(api, admins[0], {**now, "instalments_max": 10})
    newer = await propose(api, admins[0], {**now, "instalments_max": 11})
    await decide(api, admins[1], newer, "approve")

    late = await decide(api, admins[1], older, "approve")

    assert (late.status_code, late.json()["code"]) == (409, "policy_version_outdated")
    assert (await value(context))["instalments_max"] == 11


async def test_approving_needs_a_code_of_its_own(
    api: httpx2.AsyncClient, context: Context, admins: tuple[Someone, Someone]
) -> None:
    proposal = await propose(api, admins[0], await value(context))

    answer = await decide(api, replace(admins[1], is_staff=False), proposal, "approve")

    assert (answer.status_code, answer.json()["code"]) == (403, "code_required")


BAD_CHANGES: list[dict[str, Any]] = [
    {"instalments_max": 0},
    {"instalments_max": 121},
    {"instalments_max": "12"},
    {"instalments_max": True},
    {"instalments_max": 12.0},
    {"share_of_pay": [1]},
    {"share_of_pay": [2, 1]},
    {"share_of_pay": [0, 4]},
    {"share_of_pay": [1, 10**30]},
    {"share_of_pay": 0.25},
    {"answer_remind_hours": 168},
    {"answer_expire_hours": 10**12},
    {"waiting_hours": -1},
    {"waiting_hours": None},
    {"mandate_version": 2},
    {"mandate_version": 0},
    {"backing": "promise"},
    {"backing": []},
    {"title_fa": 5},
    {"title_fa": ""},
    {"surprise": 1},
    {"code": "other"},
]


async def test_a_programme_that_cannot_work_is_refused_before_anybody_approves_it(
    api: httpx2.AsyncClient, context: Context, admins: tuple[Someone, Someone]
) -> None:
    now = await value(context)
    for change in BAD_CHANGES:
        answer = await propose(api, admins[0], {**now, **change})

        assert (answer.status_code, answer.json()["code"]) == (422, "policy_malformed"), change


async def test_a_programme_with_something_missing_is_refused(
    api: httpx2.AsyncClient, context: Context, admins: tuple[Someone, Someone]
) -> None:
    now = await value(context)
    for missing in now:
        rest = {name: kept for name, kept in now.items() if name != missing}

        assert (await propose(api, admins[0], rest)).json()["code"] == "policy_malformed", missing


async def test_the_personnel_policy_in_force_can_be_proposed_again_and_bad_ones_cannot(
    api: httpx2.AsyncClient, context: Context, admins: tuple[Someone, Someone]
) -> None:
    now = await value(context, "personnel")
    bad = [{}, {**now, "change_remind_hours": 0}, {**now, "change_remind_hours": now["change_expire_hours"]}]

    assert (await propose(api, admins[0], now, "personnel")).status_code == 201
    for wrong in bad:
        assert (await propose(api, admins[0], wrong, "personnel")).json()["code"] == "policy_malformed"


async def test_a_word_may_be_added_to_those_of_leaving_but_no_list_that_nobody_would_read(
    api: httpx2.AsyncClient, context: Context, admins: tuple[Someone, Someone]
) -> None:
    now = await value(context, "personnel_status")
    added = await propose(api, admins[0], {**now, "left": [*now["left"], "رفته"]}, "personnel_status")
    assert added.status_code == 201, added.text
    for wrong in ({**now, "retierd": ["رفته"]}, {**now, "left": [*now["left"], "شاغل"]}, {**now, "died": "فوت"}):
        refused = await propose(api, admins[0], wrong, "personnel_status")
        assert (refused.status_code, refused.json()["code"]) == (422, "policy_malformed")


@pytest.mark.parametrize("content", ["\x00", "\ud800"])
async def test_a_value_that_postgres_cannot_keep_is_refused(
    api: httpx2.AsyncClient, context: Context, admins: tuple[Someone, Someone], content: str
) -> None:
    import json  # noqa: PLC0415 - of one test

    body = json.dumps({"value": {**await value(context), "title_fa": content}})
    headers = {**admins[0].headers(), "Content-Type": "application/json"}
    answer = await api.post(f"/v1/policies/{NAME}/versions", content=body, headers=headers)

    assert answer.status_code == 422, answer.text


@pytest.mark.parametrize("name", ["unheard", "personnel.more", "programme", "programme:", "programme:a:b"])
async def test_a_policy_that_does_not_exist_cannot_be_changed(
    api: httpx2.AsyncClient, context: Context, admins: tuple[Someone, Someone], superuser: Superuser, name: str
) -> None:
    before = await superuser.effects()

    assert (await propose(api, admins[0], await value(context), name)).status_code == 404

    assert await superuser.effects() == before


async def test_a_new_programme_begins_with_version_one_and_counts_once_another_person_approved_it(
    api: httpx2.AsyncClient, context: Context, admins: tuple[Someone, Someone]
) -> None:
    first, second = admins
    given = {**await value(context, TAVANA), "waiting_hours": 24, "share_of_pay": [1, 3]}

    proposal = await propose(api, first, given, NEW)
    assert (proposal.status_code, proposal.json()["version"]) == (201, 1)
    async with transaction(context.engine, SERVICE) as connection:
        assert await policies.in_force(connection, NEW) is None
    alone = await decide(api, first, proposal, "approve")
    together = await decide(api, second, proposal, "approve")

    assert (alone.status_code, alone.json()["code"]) == (403, "second_person_required")
    assert together.status_code == 200
    assert await value(context, NEW) == given
    assert (await propose(api, first, given, NEW)).json()["version"] == 2
    assert await audited(context, f"policy:{NEW}") == ["propose_policy", "decide_policy", "propose_policy"]


async def test_two_proposals_of_a_new_programme_at_one_moment_are_two_versions(
    api: httpx2.AsyncClient, context: Context, admins: tuple[Someone, Someone]
) -> None:
    given = await value(context, TAVANA)

    proposals = await asyncio.gather(*(propose(api, admin, given, NEW) for admin in admins))
    newer, older = sorted(proposals, key=lambda proposal: -proposal.json()["version"])
    taken = await decide(api, admins[1 - proposals.index(newer)], newer, "approve")
    late = await decide(api, admins[1 - proposals.index(older)], older, "approve")

    assert [older.json()["version"], newer.json()["version"]] == [1, 2]
    assert taken.status_code == 200
    assert (late.status_code, late.json()["code"]) == (409, "policy_version_outdated")


async def test_a_programme_whose_guarantors_have_no_mandate_or_whose_organisation_is_not_there_is_refused(
    api: httpx2.AsyncClient, context: Context, admins: tuple[Someone, Someone], arrange: Arrange, superuser: Superuser
) -> None:
    now = await value(context, TAVANA)
    code = await superuser.value("SELECT code FROM organisations WHERE id = %s", await arrange.organisation())
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"guarantor": {**now["guarantor"], "mandate_version": 2}}, "guarantor.mandate_version"),
        ({"organisation": "not-there"}, "organisation"),
        ({"organisation": 5}, "organisation"),
        ({"finance": None}, "finance"),
    ]

    for name in (TAVANA, NEW):
        for change, why in wrong:
            answer = await propose(api, admins[0], {**now, **change}, name)
            assert (answer.status_code, answer.json()["code"]) == (422, "policy_malformed"), change
            assert why in answer.text
    assert (await propose(api, admins[0], {**now, "organisation": code}, NEW)).status_code == 201


async def test_a_running_case_keeps_the_policy_that_it_began_with(
    api: httpx2.AsyncClient,
    context: Context,
    arrange: Arrange,
    activity_context: ActivityContext,
    admins: tuple[Someone, Someone],
    superuser: Superuser,
) -> None:
    employer = await arrange.organisation()
    office = MinipayOffice(context, await arrange.member(employer), await arrange.hr_officer(employer))
    case_id = await apply(office)
    changed = {**await value(context), "share_of_pay": [1, 100], "answer_expire_hours": 100}
    await decide(api, admins[1], await propose(api, admins[0], changed), "approve")

    activities = Transitions(activity_context)
    asked = await activities.request_backing(StepInput(case_id))
    await issue(office, case_id)
    await activities.activate_credit(StepInput(case_id))

    assert asked.expire_in == 168 * 3_600
    assert await superuser.value("SELECT monthly FROM credit_lines") == 50_000_000
