"""What the operations desk says on its pages (G4, G5)."""

from __future__ import annotations

import httpx2

from domain.access import Role
from storage.database import SERVICE, transaction
from storage.notices import notify
from storage.profile import seal_email, set_email
from tests.arrange import Arrange
from tests.books import Superuser
from tests.web.conftest import cookies

_FAILED = "UPDATE notices SET state = 'failed', failure = %s"
_WAITS = "پیام تا ثبت شمارهٔ همراه گیرنده یا تأیید نشانی ایمیل او فرستاده نمی‌شود."


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
    for half in ("۱ پیام نرسیده است", f"۱ {_WAITS}"):
        assert half in (await site.get("/operations", headers=head)).text
    await superuser.run("UPDATE persons SET mobile_index = NULL, mobile_sealed = NULL")
    desk, page = [(await site.get(f"/operations{path}", headers=head)).text for path in ("", "/notices?state=failed")]

    assert f"۲ {_WAITS}" in desk
    assert "گیرنده: امور مالی" in page
    assert "گیرنده: عضو" in page
    assert [words for words in told if words in desk + page] == []


async def test_the_pages_say_what_went_by_e_mail_and_the_desk_may_send_it_again(
    site: httpx2.AsyncClient, arrange: Arrange, superuser: Superuser
) -> None:
    member, seals = await arrange.person("member"), arrange.context.seals
    async with transaction(arrange.context.engine, SERVICE) as connection:
        await set_email(connection, seals, member.id, seal_email(seals, "maryam@example.org"))
        await notify(connection, [member.id], "profile_email_changed")
    await superuser.run("DELETE FROM notices WHERE channel = 'sms'")
    await superuser.run(_FAILED, "smtp_550")
    head = cookies(await arrange.platform(Role.OPERATOR))

    page = (await site.get("/operations/notices?state=failed", headers=head)).text
    messages = (await site.get("/messages", headers=cookies(member))).text

    for said in ("ma***@example.org", "ایمیل", "سرور ایمیل آن را نپذیرفت.", "/resend"):
        assert said in page
    assert "maryam@example.org" not in page
    assert "ایمیل · " in messages
    await superuser.run("UPDATE profiles SET email_confirmed_at = NULL")
    assert "/resend" not in (await site.get("/operations/notices?state=failed", headers=head)).text
    assert f"۱ {_WAITS}" in (await site.get("/operations", headers=head)).text
