"""Words on a case over HTTP: each member's thread, who sees which, and what nobody learns (G7)."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest

from activities.transition import ActivityContext
from commands.command import Context
from domain.access import Role
from tests.arrange import Arrange, Someone
from tests.commands.onboarding_steps import TavanaScenario
from tests.correspondence_steps import write


@pytest.fixture
async def tavana(context: Context, arrange: Arrange, activity_context: ActivityContext) -> TavanaScenario:
    """An applicant, a guarantor of theirs, and the office that reviews."""
    return await TavanaScenario.opened(context, arrange, activity_context)


@pytest.fixture
async def case_id(tavana: TavanaScenario) -> UUID:
    """An application that finance looks at."""
    return await tavana.backed()


async def get(api: httpx2.AsyncClient, who: Someone, case_id: UUID, what: str, status: int = 200) -> Any:
    """A list of a case."""
    answer = await api.get(f"/v1/cases/{case_id}/{what}", headers=who.headers())
    assert answer.status_code == status, answer.text
    return answer.json()


async def test_question_and_answer_are_read_by_both_sides_without_the_officers_name(
    api: httpx2.AsyncClient, tavana: TavanaScenario, case_id: UUID
) -> None:
    address, key = f"/v1/cases/{case_id}/words", str(uuid4())
    asked = {"text": "فیش تازه را هم بفرستم؟\r\nسپاسگزارم"}
    first = await api.post(address, json=asked, headers=tavana.applicant.headers(key))
    again = await api.post(address, json=asked, headers=tavana.applicant.headers(key))
    assert (first.status_code, again.json()) == (201, first.json())
    reply = {"text": "بله، لطفاً.", "member_id": str(tavana.applicant.id)}
    answered = await api.post(address, json=reply, headers=tavana.finance.headers())
    assert answered.status_code == 201, answered.text

    newest, oldest = (await get(api, tavana.applicant, case_id, "words"))["items"]
    assert (oldest["text"], oldest["is_mine"]) == ("فیش تازه را هم بفرستم؟\nسپاسگزارم", True)
    assert (newest["text"], newest["actor"], newest["is_mine"]) == ("بله، لطفاً.", "finance_officer", False)
    assert str(tavana.finance.id) not in str(newest)
    (thread,) = (await get(api, tavana.applicant, case_id, "threads"))["items"]
    assert (thread["count"], thread["may_write"], thread["is_mine"], thread["name"]) == (2, True, True, None)


async def test_each_party_has_a_thread_of_its_own_and_staff_see_those_that_are_for_them(
    api: httpx2.AsyncClient, arrange: Arrange, context: Context, tavana: TavanaScenario, case_id: UUID
) -> None:
    await write(context, tavana.applicant, case_id, "از متقاضی")
    await write(context, tavana.guarantor, case_id, "از ضامن")
    (own,) = (await get(api, tavana.guarantor, case_id, "words"))["items"]
    assert own["text"] == "از ضامن"
    await get(api, tavana.guarantor, case_id, f"words?member_id={tavana.applicant.id}", 404)

    threads = (await get(api, tavana.finance, case_id, "threads"))["items"]
    assert [(one["part"], one["may_write"]) for one in threads] == [("applicant", True), ("guarantor", True)]
    assert all(one["name"] for one in threads)
    assert (await get(api, tavana.finance, case_id, "words", 422))["code"] == "invalid_input"
    whose = f"words?member_id={tavana.guarantor.id}"
    assert [one["text"] for one in (await get(api, tavana.finance, case_id, whose))["items"]] == ["از ضامن"]

    hr = await arrange.hr_officer(tavana.employer)
    (only,) = (await get(api, hr, case_id, "threads"))["items"]
    assert (only["part"], only["may_write"]) == ("applicant", True)
    await get(api, hr, case_id, whose, 404)
    for role in (Role.AUDITOR, Role.OPERATOR):
        reader = await arrange.platform(role)
        found = (await get(api, reader, case_id, "threads"))["items"]
        assert [one["may_write"] for one in found] == [False, False]
        assert (await get(api, reader, case_id, whose))["items"]


async def test_a_thread_is_read_part_by_part(
    api: httpx2.AsyncClient, context: Context, tavana: TavanaScenario, case_id: UUID
) -> None:
    for text in ("یکم", "دوم", "سوم"):
        await write(context, tavana.applicant, case_id, text)
    page = await get(api, tavana.applicant, case_id, "words?limit=2")
    assert [one["text"] for one in page["items"]] == ["سوم", "دوم"]
    rest = await get(api, tavana.applicant, case_id, f"words?limit=2&cursor={page['next']}")
    assert ([one["text"] for one in rest["items"]], rest["next"]) == (["یکم"], None)


@pytest.mark.parametrize("text", ["", "ن", " \n", "آ" * 2_001])
async def test_what_is_too_short_or_too_long_is_refused(
    api: httpx2.AsyncClient, tavana: TavanaScenario, case_id: UUID, text: str
) -> None:
    answer = await api.post(
        f"/v1/cases/{case_id}/words", json={"text": text}, headers=tavana.applicant.headers(str(uuid4()))
    )
    assert answer.status_code == 422
    assert (await get(api, tavana.applicant, case_id, "words"))["items"] == []
