"""A change of mobile clicked by the welfare office and support, against the real servers (G2)."""

from __future__ import annotations

import re

import pytest

from domain.access import Grant, Role, ScopeKind
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
    await support.reads("Your decision was recorded.")

    async def changed() -> bool:
        sql = "SELECT p.mobile_index = c.mobile_index FROM persons p JOIN mobile_changes c ON c.person_id = p.id"
        return bool(await superuser.value(sql))

    await eventually(changed, "the number to be changed")
    await welfare.go("/mobile-changes")
    await welfare.reads("شماره عوض شد")
