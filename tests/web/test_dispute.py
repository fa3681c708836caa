"""A disputed mobile on the pages: of the member, HR, finance and support (A1, G2)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from uuid import UUID, uuid4

import httpx2
import pytest

from activities.transition import ActivityContext
from commands.command import Context
from domain.access import Grant, Role, ScopeKind
from messages.case import StepInput
from tests.arrange import Arrange
from tests.commands.onboarding_steps import TavanaScenario, open_task
from tests.personnel_steps import Line, PersonnelOffice
from tests.transitions import Transitions
from tests.web.conftest import HERE, Visit, cookies

pytestmark = pytest.mark.timeout(180)

DISPUTED = "شمارهٔ همراه شما مورد اختلاف است"
ANOTHER = "+989350000021"


@dataclass(frozen=True, slots=True)
class Disputed:
    """An application whose applicant and guarantor the employer's list has with another number, and one's change."""

    tavana: TavanaScenario
    case_id: UUID
    change_id: UUID


@pytest.fixture
async def disputed(context: Context, arrange: Arrange, activity_context: ActivityContext) -> Disputed:
    """Finance looks at the application, support is asked about the change."""
    tavana = await TavanaScenario.opened(context, arrange, activity_context)
    hr = await PersonnelOffice.open(activity_context, arrange, tavana.employer)
    case_id = await tavana.backed()
    for someone in (tavana.applicant, tavana.guarantor):
        await hr.import_(Line(someone.national_id, mobile=ANOTHER))
    change_id, *_ = [change.id for change in await hr.changes()]
    await Transitions(activity_context).request_decision(StepInput(change_id))
    return Disputed(tavana, case_id, change_id)


async def test_a_member_reads_that_their_mobile_or_their_guarantors_is_disputed(
    visit: Visit, disputed: Disputed
) -> None:
    member = await visit(disputed.tavana.applicant)
    for page in ("/", "/apply/minipay", "/profile", "/apply"):
        await member.go(page)
        await member.reads(DISPUTED)
    await member.look()
    await member.go(f"/cases/{disputed.case_id}")
    await member.reads(DISPUTED)
    await member.reads("شمارهٔ همراه ضامن شما مورد اختلاف است")
    await member.look()


async def test_finance_hr_and_support_read_that_a_mobile_is_disputed(
    visit: Visit, context: Context, arrange: Arrange, disputed: Disputed
) -> None:
    tavana, case_id, change_id = disputed.tavana, disputed.case_id, disputed.change_id
    finance = await visit(tavana.finance)
    await finance.go(f"/tasks/{await open_task(context, case_id, 'review_application')}")
    await finance.reads("شمارهٔ همراه متقاضی مورد اختلاف است")
    await finance.reads("شمارهٔ همراه او مورد اختلاف است")

    officer = await visit(await arrange.hr_officer(tavana.employer))
    await officer.go("/personnel/people")
    await officer.fill(national_id=tavana.applicant.national_id)
    await officer.press("Look up")
    await officer.reads("تغییر شمارهٔ همراه منتظر تأیید پشتیبانی است")
    await officer.look()

    support = await visit(await arrange.platform(Role.SUPPORT_AGENT))
    await support.go(f"/tasks/{await open_task(context, change_id, 'confirm_change')}")
    await support.reads("فهرست سازمان‌ها")
    await support.reads("شمارهٔ تازه")
    await support.look()
    assert ANOTHER not in await support.page.content()


async def test_the_welfare_office_and_support_confirm_the_present_number_on_their_pages(
    site: httpx2.AsyncClient,
    context: Context,
    arrange: Arrange,
    activity_context: ActivityContext,
    disputed: Disputed,
) -> None:
    tavana, transitions = disputed.tavana, Transitions(activity_context)
    welfare = await arrange.staff(Grant(Role.WELFARE_MANAGER, ScopeKind.ORGANISATION, str(tavana.employer)))
    support = await arrange.platform(Role.SUPPORT_AGENT)
    typed = {"national_id": tavana.applicant.national_id, "mobile": tavana.applicant.mobile, "reason": "حضوری آمد"}
    sent = await site.post("/mobile-changes", data={**typed, "key": str(uuid4())}, headers={**cookies(welfare), **HERE})
    assert sent.status_code == 303, sent.text
    case = sent.headers["Location"].removesuffix("?done=mobile_change_forwarded")
    case_id = UUID(case.removeprefix("/cases/"))
    await transitions.request_decision(StepInput(case_id))

    task = f"/tasks/{await open_task(context, case_id, 'confirm_mobile_change')}"
    version = re.search(r'name="version" value="(\d+)"', (await site.get(task, headers=cookies(support))).text)
    assert version is not None
    decision = {"decision": "confirm", "confirmed": "yes", "version": version[1], "within": "", "key": str(uuid4())}
    decided = await site.post(f"{task}/decision", data=decision, headers={**cookies(support), **HERE})
    assert decided.status_code == 303, decided.text
    await transitions.apply_decision(StepInput(case_id))

    assert "شمارهٔ کنونی تأیید شد" in (await site.get(case, headers=cookies(welfare))).text
    assert "شمارهٔ همراه متقاضی" not in (await site.get(f"/cases/{disputed.case_id}", headers=cookies(welfare))).text
