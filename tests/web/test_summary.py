"""What moves money or terms is shown whole before the press that decides it; who comes late reads the truth."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest

from activities.transition import ActivityContext
from api.answering import Decision
from commands.command import Context
from messages.case import StepInput
from tests.arrange import Arrange, Someone
from tests.books import Superuser
from tests.commands.onboarding_steps import (
    TavanaScenario,
    accept_guarantee,
    finance_officer,
    guarantee_of,
    open_task,
    task_of,
)
from tests.commands.substitution_steps import SubstitutionScenario
from tests.personnel_steps import Line, PersonnelOffice
from tests.transitions import Transitions
from tests.web.conftest import HERE, cookies
from web.capabilities import TASK_FORMS

_NOT_RECORDED = "تصمیم شما ثبت نشد"
_NOT_SENT = "هنوز ثبت نشده است"


@pytest.fixture
async def tavana(context: Context, arrange: Arrange, activity_context: ActivityContext) -> TavanaScenario:
    """A region with everybody whom an application for Tavana needs."""
    return await TavanaScenario.opened(context, arrange, activity_context)


async def send(site: httpx2.AsyncClient, who: Someone, task: UUID, **said: Any) -> httpx2.Response:
    """Send a decision's form."""
    data = {"key": str(uuid4()), "version": "1", "within": "", **said}
    return await site.post(f"/tasks/{task}/decision", data=data, headers={**cookies(who), **HERE})


async def approve(site: httpx2.AsyncClient, who: Someone, task: UUID, **said: Any) -> httpx2.Response:
    """Press what confirms an approval."""
    return await send(site, who, task, **{"decision": "approve", "confirmed": "yes", "totp": who.totp, **said})


def text_of(answer: httpx2.Response) -> str:
    """What a page says, without its markup."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.text))


def test_whatever_moves_money_or_terms_has_a_summary() -> None:
    named: set[tuple[str, str]] = {one.name() for form in TASK_FORMS.values() for one in form.summaries}
    one_press: set[type[Decision]] = {one for form in TASK_FORMS.values() for one in form.decisions} - {
        one for form in TASK_FORMS.values() for one in form.summaries
    }

    assert named == {
        ("issue_certificate", "issue"),
        ("review_application", "approve"),
        ("clear_obstacle", "cleared"),
        ("review_substitution", "approve"),
        ("confirm_change", "confirm"),
        ("confirm_mobile_change", "confirm"),
        ("confirm_staff_change", "confirm"),
        ("settle_payment", "give_up"),
        ("return_payment", "return_by_hand"),
        ("confirm_return", "confirm"),
        ("confirm_proposal", "confirm"),
        ("confirm_settlement", "confirm"),
        ("confirm_rejections", "confirm"),
        ("confirm_payout", "confirm"),
        ("rule_dispute", "rule"),
    }
    # What takes a code of its own is among them.
    assert not [one for one in one_press if "code" in one.confirmed_by()]


async def test_pressing_approve_decides_nothing_and_shows_who_how_much_and_what_follows(
    site: httpx2.AsyncClient, tavana: TavanaScenario, superuser: Superuser
) -> None:
    task = await open_task(tavana.context, await tavana.backed(), "review_application")
    before = await superuser.effects()
    path = f"/tasks/{task}/decision?decision=approve&version=1"

    pages = [
        await site.get(path, headers=cookies(tavana.finance)),
        await send(site, tavana.finance, task, decision="approve", totp=tavana.finance.totp),
    ]

    for page in pages:
        assert page.status_code == 200
        shown = text_of(page)
        for said in ("۵٬۰۰۰٬۰۰۰ تومان", "۶۰٬۰۰۰٬۰۰۰ تومان", "۷۲ ساعت پس از تأیید شما", "ضامن است", "ثبت تأیید"):
            assert said in shown
        assert 'name="totp"' in page.text
    assert await superuser.effects() == before
    pane = await site.get(f"/tasks/{task}", headers=cookies(tavana.finance))
    assert 'name="totp"' not in pane.text
    assert (await approve(site, tavana.finance, task)).status_code == 303
    assert await superuser.value("SELECT count(*) FROM facts WHERE kind = 'application_approved'") == 1


async def test_a_wrong_code_leads_back_to_the_summary_and_a_newer_version_to_the_facts(
    site: httpx2.AsyncClient, tavana: TavanaScenario, superuser: Superuser
) -> None:
    task = await open_task(tavana.context, await tavana.backed(), "review_application")

    wrong = await approve(site, tavana.finance, task, totp="۱۱۱۱۱۱")
    await superuser.run("UPDATE tasks SET version = 2 WHERE id = %s", task)
    old = [
        await site.get(f"/tasks/{task}/decision?decision=approve&version=1", headers=cookies(tavana.finance)),
        await approve(site, tavana.finance, task),
    ]
    odd = await site.get(f"/tasks/{task}/decision?decision=nothing", headers=cookies(tavana.finance))

    assert (wrong.status_code, "ثبت تأیید" in wrong.text) == (422, True)
    assert 'href="#totp"' in wrong.text
    for page in old:
        assert (page.status_code, "ثبت تأیید" in page.text) == (422, False)
        assert "این مورد در این میان تغییر کرده است" in page.text
    assert (odd.status_code, odd.headers["Location"]) == (303, f"/tasks/{task}")
    assert await superuser.value("SELECT count(*) FROM facts WHERE kind = 'application_approved'") == 0


async def test_a_substitution_and_a_file_s_change_show_their_summaries(
    site: httpx2.AsyncClient,
    context: Context,
    arrange: Arrange,
    activity_context: ActivityContext,
    superuser: Superuser,
) -> None:
    substitution = await SubstitutionScenario.opened(context, arrange, activity_context)
    asked = await open_task(context, await substitution.accepted(), "review_substitution")
    page = await site.get(
        f"/tasks/{asked}/decision?decision=approve&version=1", headers=cookies(substitution.tavana.finance)
    )
    office, line = await PersonnelOffice.open(activity_context, arrange), Line()
    officer = await arrange.hr_officer(office.organisation_id)
    case_id = await office.change(line, line.but(employment="بازنشسته"))
    await Transitions(activity_context).request_decision(StepInput(case_id))
    change = await superuser.value("SELECT id FROM tasks WHERE case_id = %s", case_id)
    exit_page = await site.get(f"/tasks/{change}/decision?decision=confirm&version=1", headers=cookies(officer))
    decided = await send(site, officer, change, decision="confirm", confirmed="yes")

    assert "مبلغ و اقساط اعتبار تغییر نمی‌کند" in text_of(page)
    assert "این تأیید بازگشت ندارد" in text_of(exit_page)
    assert "نوع پایان همکاری بازنشستگی" in text_of(exit_page)
    # Two people may have one name.
    assert "****" in text_of(exit_page)
    assert decided.status_code == 303


async def test_a_second_tab_says_what_one_has_decided_and_not_that_nothing_was_recorded(
    site: httpx2.AsyncClient, tavana: TavanaScenario, superuser: Superuser
) -> None:
    task = await open_task(tavana.context, await tavana.backed(), "review_application")
    key = str(uuid4())
    first = await approve(site, tavana.finance, task, key=key)
    await superuser.run("UPDATE tasks SET closed_at = '2026-11-29 00:00:00+00' WHERE id = %s", task)

    second = await approve(site, tavana.finance, task)
    again = await approve(site, tavana.finance, task, key=key, totp=tavana.finance.totp)
    opened = await site.get(f"/tasks/{task}", headers=cookies(tavana.finance))
    summary = await site.get(f"/tasks/{task}/decision?decision=approve&version=1", headers=cookies(tavana.finance))

    said = "شما یکشنبه ۸ آذر ۱۴۰۵، ساعت ۰۳:۳۰، این درخواست را تأیید کردید."
    assert (second.status_code, said in second.text) == (422, True)
    assert _NOT_RECORDED not in second.text
    assert _NOT_SENT not in second.text
    assert all(said in page.text for page in (opened, summary))
    # The same form sent twice gets the first answer.
    assert again.headers["Location"] == first.headers["Location"] == "/inbox?done=decided_last"


async def test_a_colleague_who_is_late_reads_who_decided_and_when_on_the_page_and_together(
    site: httpx2.AsyncClient, tavana: TavanaScenario
) -> None:
    colleague = await finance_officer(tavana.arrange)
    task = await open_task(tavana.context, await tavana.backed(), "review_application")
    await approve(site, tavana.finance, task)

    late = await approve(site, colleague, task)
    data = {"key": str(uuid4()), "kind": "review_application", "seen": f"{task}/1", "totp": colleague.totp}
    together = await site.post("/inbox/together", data=data, headers={**cookies(colleague), **HERE})
    listed = await site.get(f"/inbox/together?task={task}", headers=cookies(colleague))

    for page in (late, together, listed):
        assert "همکار دیگری (امور مالی)، " in page.text
        assert "، این درخواست را تأیید کرد." in page.text
    assert _NOT_RECORDED in late.text
    assert "پیش‌تر تعیین تکلیف شده" in together.text


async def test_a_guarantor_who_answers_late_reads_when_the_time_ended_and_goes_on_from_there(
    site: httpx2.AsyncClient, tavana: TavanaScenario
) -> None:
    case_id = await tavana.asked()
    task = await task_of(tavana.context, case_id, tavana.guarantor)
    guarantee = await guarantee_of(tavana.context, case_id, tavana.guarantor)
    await tavana.take("lapse_onboarding", case_id, task.due_at)
    path, headers = f"/guarantees/{guarantee.id}", {**cookies(tavana.guarantor), **HERE}
    answered = {"version": "1", "task_id": str(task.id)}
    consent = {"mandate.code": "123456", "mandate.code_id": str(uuid4()), "mandate.version": "1"}

    pages = [
        await site.post(f"{path}/{deed}", data={"key": str(uuid4()), **typed}, headers=headers)
        for deed, typed in (("acceptance", answered | consent), ("refusal", answered), ("code", {}))
    ]

    for page in pages:
        assert page.status_code == 422
        assert "مهلت پاسخ تا " in page.text
        assert _NOT_SENT not in page.text
        assert 'href="/guarantees"' in page.text
    assert (await site.get(f"/tasks/{task.id}", headers=headers)).headers["Location"] == path


async def test_a_name_that_comes_after_the_end_is_told_so_and_is_not_swallowed(
    site: httpx2.AsyncClient, tavana: TavanaScenario
) -> None:
    case_id = await tavana.asked()
    headers = {**cookies(tavana.applicant), **HERE}
    withdrawn = [
        await site.post(f"/cases/{case_id}/withdrawal", data={"key": str(uuid4())}, headers=headers) for _ in range(2)
    ]

    named = {"key": str(uuid4()), "national_id": tavana.guarantor.national_id, "to": "name"}
    late = await site.post(f"/cases/{case_id}/guarantor", data=named, headers=headers)

    assert [answer.status_code for answer in (*withdrawn, late)] == [303, 409, 422]
    assert f'href="/cases/{case_id}"' in withdrawn[1].text
    assert "بسته شده است: متقاضی از درخواست انصراف داد." in withdrawn[1].text
    assert "بسته شده است: متقاضی از درخواست انصراف داد." in late.text


async def test_the_page_of_a_guarantee_that_was_accepted_follows_its_case(
    site: httpx2.AsyncClient, tavana: TavanaScenario
) -> None:
    case_id = await tavana.asked()
    guarantee = await guarantee_of(tavana.context, case_id, tavana.guarantor)
    path, headers = f"/guarantees/{guarantee.id}", cookies(tavana.guarantor)
    asked = (await site.get(path, headers=headers)).text
    await accept_guarantee(tavana, case_id, tavana.guarantor)
    moving = (await site.get(path, headers=headers)).text
    await tavana.go_on(case_id)
    moved = (await site.get(path, headers=headers)).text

    assert [f'data-live="/v1/cases/{case_id}/events"' in page for page in (asked, moving, moved)] == [False, True, True]
    assert ["سامانه در حال پیش بردن پرونده است" in page for page in (moving, moved)] == [True, False]
