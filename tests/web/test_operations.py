"""What the operations desk says on its pages (G4, G5)."""

from __future__ import annotations

import httpx2

from domain.access import Role
from storage.database import SERVICE, transaction
from storage.notices import notify
from tests.arrange import Arrange
from tests.books import Superuser
from tests.web.conftest import cookies

_FAILED = "UPDATE notices SET state = 'failed', failure = %s"


async def test_the_desk_says_whom_it_cannot_reach_and_offers_nothing_that_cannot_work(
    site: httpx2.AsyncClient, arrange: Arrange, superuser: Superuser
) -> None:
    member, officer = await arrange.person("member"), await arrange.finance_officer()
    async with transaction(arrange.context.engine, SERVICE) as connection:
        await notify(connection, [member.id, officer.id], "application_withdrawn")
    await superuser.run(_FAILED, "no_number")
    head = cookies(await arrange.platform(Role.OPERATOR))
    told = ("پیام نرسیده است", "/resend", "no_number")

    await superuser.run("UPDATE persons SET mobile_index = NULL, mobile_sealed = NULL WHERE id = %s", officer.id)
    for half in ("۱ پیام نرسیده است", "۱ پیام در انتظار ثبت شمارهٔ همراه گیرنده است."):
        assert half in (await site.get("/operations", headers=head)).text
    await superuser.run("UPDATE persons SET mobile_index = NULL, mobile_sealed = NULL")
    desk, page = [(await site.get(f"/operations{path}", headers=head)).text for path in ("", "/notices?state=failed")]

    assert "۲ پیام در انتظار ثبت شمارهٔ همراه گیرنده است." in desk
    assert "گیرنده: امور مالی" in page
    assert "گیرنده: عضو" in page
    assert [words for words in told if words in desk + page] == []
