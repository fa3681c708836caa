"""Several applications approved with one code, on a page that needs no script (G1, A7)."""

from __future__ import annotations

import re
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from activities.transition import ActivityContext
from commands.command import Context
from tests.arrange import Arrange, Someone
from tests.books import Superuser
from tests.commands.onboarding_steps import TavanaScenario, open_task
from tests.web.conftest import HERE, cookies

_PAGE = "/inbox/together"


@pytest.fixture
async def office(
    context: Context, arrange: Arrange, activity_context: ActivityContext
) -> tuple[TavanaScenario, list[str]]:
    """Finance with two applications to decide."""
    tavana = await TavanaScenario.opened(context, arrange, activity_context)
    applicant, guarantor = await tavana.colleague(), await tavana.colleague()
    cases = [await tavana.backed(), await tavana.backed(guarantor, applicant=applicant)]
    return tavana, [str(await open_task(context, case_id, "review_application")) for case_id in cases]


async def send(site: httpx2.AsyncClient, who: Someone, **data: Any) -> str:
    """Send the page's form; what is shown then."""
    data = {"key": str(uuid4()), "kind": "review_application", **data}
    return (await site.post(_PAGE, data=data, headers={**cookies(who), **HERE})).text


def seen_in(page: str) -> list[str]:
    """What may be ticked."""
    return re.findall(r'name="seen" id="[^"]+" value="([^"]+)"', page)


async def test_what_is_ticked_in_the_inbox_is_shown_whole_and_approved_with_one_code(
    site: httpx2.AsyncClient, office: tuple[TavanaScenario, list[str]], superuser: Superuser
) -> None:
    tavana, tasks = office
    asked = await site.post(
        "/inbox/bulk", data={"action": "together", "task": tasks}, headers={**cookies(tavana.finance), **HERE}
    )
    page = (await site.get(asked.headers["Location"], headers=cookies(tavana.finance))).text
    seen = seen_in(page)
    assert (asked.status_code, len(seen)) == (303, 2)
    assert page.count("۵٬۰۰۰٬۰۰۰ تومان") == page.count("۶۰٬۰۰۰٬۰۰۰ تومان") == 2

    wrong = await send(site, tavana.finance, seen=seen[:1], shown=tasks, totp="۱۱۱۱۱۱")
    assert [mark in wrong for mark in (f'value="{seen[0]}" checked', f'value="{seen[1]}"', "کد درست نیست")] == [
        True
    ] * 3
    assert f'value="{seen[1]}" checked' not in wrong

    form = {"key": str(uuid4()), "seen": seen, "shown": tasks, "totp": tavana.finance.totp}
    done = [await send(site, tavana.finance, **form) for _ in range(2)]
    assert [page.count("تأیید شد") for page in done] == [2, 2]
    assert await superuser.value("SELECT count(*) FROM facts WHERE kind = 'application_approved'") == 2


async def test_what_changed_since_it_was_seen_is_left_out_alone(
    site: httpx2.AsyncClient, office: tuple[TavanaScenario, list[str]], superuser: Superuser
) -> None:
    tavana, tasks = office
    page = (await site.get(_PAGE, params={"task": tasks}, headers=cookies(tavana.finance))).text
    seen = seen_in(page)
    await superuser.run("UPDATE tasks SET version = version + 1 WHERE id = %s", tasks[0])

    outcome = await send(site, tavana.finance, seen=seen, shown=tasks, totp=tavana.finance.totp)

    assert "این مورد در این میان تغییر کرده است" in outcome
    assert outcome.count("تأیید شد") == 1
    assert await superuser.value("SELECT count(*) FROM facts WHERE kind = 'application_approved'") == 1


async def test_what_may_not_be_approved_now_has_no_box_and_says_why(
    site: httpx2.AsyncClient, office: tuple[TavanaScenario, list[str]], superuser: Superuser
) -> None:
    tavana, tasks = office
    await superuser.run("UPDATE contracts SET state = 'suspended'")

    page = (await site.get(_PAGE, params={"task": tasks}, headers=cookies(tavana.finance))).text

    assert seen_in(page) == []
    assert page.count("اکنون نمی‌توان تأیید کرد") == 2
    assert 'name="totp"' not in page


async def test_members_and_empty_choices_are_led_back(
    site: httpx2.AsyncClient, office: tuple[TavanaScenario, list[str]]
) -> None:
    tavana, tasks = office
    by_member = await site.get(_PAGE, params={"task": tasks}, headers=cookies(tavana.applicant))
    nothing = await site.get(_PAGE, params={"task": ["x", str(uuid4())]}, headers=cookies(tavana.finance))
    unticked = await send(site, tavana.finance, shown=tasks, totp=tavana.finance.totp)

    assert [answer.headers["Location"] for answer in (by_member, nothing)] == ["/", "/inbox"]
    assert "مواردی را که تأیید می‌کنید انتخاب کنید" in unticked
