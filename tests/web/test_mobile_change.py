"""Changes of mobile clicked by the welfare office and support, against the real servers (G2)."""

from __future__ import annotations

import re

import pytest

from domain.access import Grant, Role, ScopeKind
from domain.mobile_change import MemberHasEmployer
from tests.arrange import Arrange, Someone, eventually
from tests.books import Superuser
from tests.web.conftest import Visit
from tests.web.visitor import PageVisitor

pytestmark = [pytest.mark.usefixtures("relay", "worker", "temporal"), pytest.mark.timeout(180)]


async def opened(visitor: PageVisitor, superuser: Superuser, case_id: str, kind: str) -> None:
    """Open the task of a kind once the process has made it."""
    sql = "SELECT id FROM tasks WHERE case_id = %s AND kind = %s AND status = 'open'"
    rows = await eventually(lambda: superuser.rows(sql, case_id, kind), "the task")
    await visitor.go(f"/tasks/{rows[0][0]}")
    await visitor.look()


async def forwarded(welfare: PageVisitor, member: Someone) -> str:
    """Forward a change, at first with nonsense; returns the case's id."""
    await welfare.go("/mobile-changes")
    await welfare.fill(national_id="1234567890", mobile="0935", reason="showed the identity card")
    await welfare.press("Send to support")
    await welfare.fill(national_id=member.national_id, mobile="09350000002")
    await welfare.press("Send to support")
    await welfare.reads("The change of mobile was sent to support.")
    await welfare.look()
    found = re.search(r"/cases/([0-9a-f-]{36})", welfare.page.url)
    assert found is not None
    return found[1]


async def test_the_welfare_office_forwards_and_corrects_and_support_returns_and_confirms(
    visit: Visit, arrange: Arrange, superuser: Superuser
) -> None:
    employer = await arrange.organisation()
    member = await arrange.member(employer)
    welfare = await visit(await arrange.staff(Grant(Role.WELFARE_MANAGER, ScopeKind.ORGANISATION, str(employer))))
    support = await visit(await arrange.platform(Role.SUPPORT_AGENT))

    case_id = await forwarded(welfare, member)

    await opened(support, superuser, case_id, "confirm_mobile_change")
    await support.reads("۰۹۳۵***۰۰۰۲")
    await support.open("Return to the welfare office")
    await support.fill(note="the last digit is a one")
    await support.press("Return with this note")
    await support.reads("Your decision was recorded.")

    await opened(welfare, superuser, case_id, "correct_mobile_change")
    await welfare.reads("the last digit is a one")
    await welfare.fill(mobile="09350000001")
    await welfare.press("Send the right number")
    await welfare.reads("Your decision was recorded.")

    await opened(support, superuser, case_id, "confirm_mobile_change")
    await support.reads("۰۹۳۵***۰۰۰۱")
    await support.press("Confirm the new number")
    await support.reads("From now on the person signs in with the new number, and every code goes there.")
    await support.press("Confirm")
    await support.reads("Your decision was recorded.")

    async def changed() -> bool:
        sql = "SELECT p.mobile_index = c.mobile_index FROM persons p JOIN mobile_changes c ON c.person_id = p.id"
        return bool(await superuser.value(sql))

    await eventually(changed, "the number to be changed")
    await welfare.go("/mobile-changes")
    await welfare.reads("شماره عوض شد")


async def lost(opener: PageVisitor, superuser: Superuser, member: Someone, mobile: str) -> str:
    """Open a change for who has lost their number, and wait for the registry; returns the case's id."""
    await opener.go("/mobile-changes")
    await opener.fill(national_id=member.national_id, mobile=mobile, reason="saw the identity card")
    await opener.press("Open the change")
    await opener.reads("The change of mobile was opened; a colleague confirms it once the registry says yes.")

    async def answered() -> bool:
        return bool(await superuser.value("SELECT bool_and(is_matched IS NOT NULL) FROM mobile_changes"))

    await eventually(answered, "the registry's answer")
    return str(await superuser.value("SELECT id FROM cases WHERE closed_at IS NULL"))


async def test_support_opens_another_number_for_who_lost_theirs_and_a_colleague_answers_it_after_the_registry(
    visit: Visit, arrange: Arrange, superuser: Superuser
) -> None:
    member = await arrange.person("member")
    opener, second = [await visit(await arrange.platform(Role.SUPPORT_AGENT)) for _ in range(2)]

    case_id = await lost(opener, superuser, member, "09350004040")
    await opened(second, superuser, case_id, "confirm_mobile_change")
    await second.reads("The registry of mobiles did not confirm this number: it cannot be confirmed here either.")
    assert second.language.translate("Confirm the new number") not in await second.text()
    await second.open("Reject the change")
    await second.fill(reason="the number is somebody else's")
    await second.press("Reject for this reason")
    await second.reads("Your decision was recorded.")
    await eventually(lambda: superuser.value("SELECT bool_and(closed_at IS NOT NULL) FROM cases"), "its end")

    case_id = await lost(opener, superuser, member, "09350000001")
    await opened(second, superuser, case_id, "confirm_mobile_change")
    await second.reads("the new number is theirs")
    await second.press("Confirm the new number")
    await second.reads("From now on the person signs in with the new number, and every code goes there.")
    await second.press("Confirm")
    await second.reads("Your decision was recorded.")

    sql = "SELECT bool_or(p.mobile_index = c.mobile_index) FROM persons p JOIN mobile_changes c ON c.person_id = p.id"
    await eventually(lambda: superuser.value(sql), "the number to be changed")


async def test_support_reads_why_it_opens_no_change_for_somebody(visit: Visit, arrange: Arrange) -> None:
    employed = await arrange.member(await arrange.organisation())
    opener = await visit(await arrange.platform(Role.SUPPORT_AGENT))
    await opener.go("/mobile-changes")
    for national_id, answer in (
        ("0499370899", "No member has this national id."),
        (employed.national_id, MemberHasEmployer.fa),
    ):
        await opener.fill(national_id=national_id, mobile="09350000001", reason="saw the identity card")
        await opener.press("Open the change")
        await opener.reads(answer)
    await opener.look()
