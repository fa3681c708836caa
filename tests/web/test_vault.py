"""Entrusted passwords on the pages (F2): entrusted on a phone, seen for a minute with a code, and on no page again."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from uuid import UUID, uuid4

import httpx2
import pytest

from activities.transition import ActivityContext
from commands.command import Command, Context
from commands.vault import entrust_secret
from domain.access import Role
from domain.vault import SHOWN_FOR, SiteUnreadable, VaultAway
from gateways.local_bank import LocalBank
from storage.account import begin_session
from storage.database import SERVICE, transaction
from tests.arrange import Arrange, Someone
from tests.books import Superuser
from tests.commands.onboarding_steps import run
from tests.escrow_process import EscrowProcess
from tests.web.conftest import HERE, Visit, cookies
from tests.web.visitor import SESSION_COOKIE, PageVisitor

pytestmark = pytest.mark.timeout(180)

SITE, USER = "https://shop.example.com/admin?from=home", "shop-owner-7"
# Letter by letter: spaces, markup and both scripts.
PASSWORD = "چهار  فانوس <b>&green"
NOBODY = "تاکنون هیچ‌کس آن را ندیده است."


@dataclass(frozen=True, slots=True)
class Arbitration:
    """A safe payment in arbitration, which the first arbitrator has claimed."""

    process: EscrowProcess
    case_id: UUID

    @property
    def page(self) -> str:
        """Where the entrusted passwords are by themselves."""
        return f"/cases/{self.case_id}/secrets"

    @property
    def holder(self) -> Someone:
        """The arbitrator who holds the task."""
        return self.process.arbitrators[0]

    async def entrust(self) -> UUID:
        """The employer entrusts one."""

        async def work(command: Command) -> UUID:
            return (await entrust_secret(command, self.case_id, site=SITE, user_name=USER, password=PASSWORD)).id

        entrusted: UUID = await run(self.process.context, self.process.employer, work)
        return entrusted


@pytest.fixture
async def arbitration(
    context: Context, arrange: Arrange, activity_context: ActivityContext, bank: LocalBank
) -> Arbitration:
    """Both sides have filed, and an arbitrator has claimed it."""
    process = await EscrowProcess.opened(context, arrange, activity_context, bank)
    return Arbitration(process, await process.claimed())


def typed(**changed: str) -> dict[str, str]:
    """The form by which a password is entrusted."""
    return {"key": str(uuid4()), "site": SITE, "user_name": USER, "password": PASSWORD} | changed


def asked(who: Someone) -> dict[str, str]:
    """The form by which a password is shown, with a fresh code."""
    return {"key": str(uuid4()), "totp": who.totp or ""}


def has_secret(answer: httpx2.Response) -> bool:
    """Whether user name or password stand in a page."""
    text = unescape(answer.text)
    return USER in text or PASSWORD in text or "فانوس" in text


async def entrust_on_a_phone(member: PageVisitor, arbitration: Arbitration) -> None:
    """First with a site that is none: it comes back without the secret."""
    await member.go(f"/cases/{arbitration.case_id}")
    await member.press("Entrust user name and password")
    await member.look()
    await member.fill(site="shop.example.com", user_name=USER, password=PASSWORD)
    await member.page.get_by_role("button", name=member.language.translate("Show the password")).click()
    assert await member.page.get_attribute("#password", "type") == "text"
    await member.press("Encrypt and entrust it")
    await member.reads(SiteUnreadable.fa)
    await member.look()
    assert [await member.page.input_value(f"#{name}") for name in ("site", "user_name", "password")] == [
        "shop.example.com",
        "",
        "",
    ]
    await member.fill(site=SITE, user_name=USER, password=PASSWORD)
    await member.press("Encrypt and entrust it")
    await member.reads("It is kept, encrypted. Each time somebody sees it, you are told by SMS.")
    await member.reads("shop.example.com")
    await member.reads(NOBODY)
    await member.look()


async def test_it_is_entrusted_on_a_phone_seen_with_a_code_and_taken_back(
    visit: Visit, arbitration: Arbitration
) -> None:
    member = await visit(arbitration.process.employer, width=360)
    await entrust_on_a_phone(member, arbitration)

    holder = await visit(arbitration.holder, width=360)
    await holder.go(f"/cases/{arbitration.case_id}")
    await holder.press("See the password")
    await holder.fill(totp=arbitration.holder.totp or "")
    await holder.look()
    await holder.press("See the password")
    shown = [await holder.page.locator(f"#of-{name} + dd bdi").text_content() for name in ("site", "user-name")]
    assert shown == [SITE, USER]
    assert await holder.page.locator("#of-password + dd bdi").text_content() == PASSWORD
    await holder.look()
    await holder.press("I am done; hide it")
    await holder.turn(holder.page.go_back)
    assert "فانوس" not in await holder.page.content()

    await member.go(arbitration.page)
    assert NOBODY not in await member.text()
    await member.reads("داور ·")
    await member.open("Take the password back")
    await member.press("Yes, take it back and erase it")
    await member.reads("در حال پاک شدن")


async def test_it_goes_from_the_page_when_its_time_is_over(visit: Visit, arbitration: Arbitration) -> None:
    secret_id = await arbitration.entrust()
    holder = await visit(arbitration.holder)
    await holder.page.clock.install()
    await holder.go(f"{arbitration.page}/{secret_id}")
    await holder.fill(totp=arbitration.holder.totp or "")
    await holder.press("See the password")
    await holder.page.clock.fast_forward(1_000 * int(SHOWN_FOR.total_seconds() - 20))
    assert "فانوس" in await holder.text()

    await holder.page.clock.fast_forward(25_000)

    await holder.reads("The time is over: it was taken from this page.")
    assert "فانوس" not in await holder.page.content()


async def test_the_answer_leads_back_without_script_is_kept_nowhere_and_not_given_twice(
    site: httpx2.AsyncClient, arbitration: Arbitration, superuser: Superuser
) -> None:
    secret_id = await arbitration.entrust()
    path, form = f"{arbitration.page}/{secret_id}", asked(arbitration.holder)
    headers = {**cookies(arbitration.holder), **HERE}
    first = await site.post(path, data=form, headers=headers)
    again = await site.post(path, data=form, headers=headers)
    opened = await site.get(path, headers=headers)

    assert (first.status_code, has_secret(first), first.headers["Cache-Control"]) == (200, True, "no-store")
    assert first.headers["Refresh"] == f"60; url={arbitration.page}?done=secret_hidden"
    assert [(each.status_code, has_secret(each)) for each in (again, opened)] == [(200, False), (200, False)]
    assert "یک بار نشان داده شده است" in again.text
    new_key = re.search(rf'action="{path}".*?name="key" value="([^"]+)"', again.text, re.DOTALL)
    assert new_key is not None
    assert new_key[1] != form["key"]
    assert await superuser.value("SELECT count(*) FROM secret_views") == 1


async def test_without_a_good_code_nothing_is_shown_and_the_field_says_why(
    site: httpx2.AsyncClient, arbitration: Arbitration, superuser: Superuser
) -> None:
    path = f"{arbitration.page}/{await arbitration.entrust()}"
    for code in ("", "000000"):
        form = asked(arbitration.holder) | {"totp": code}
        answer = await site.post(path, data=form, headers={**cookies(arbitration.holder), **HERE})
        assert (answer.status_code, has_secret(answer)) == (422, False), answer.text
        assert 'id="totp-error"' in answer.text
    assert await superuser.value("SELECT count(*) FROM secret_views") == 0


async def test_a_refused_form_comes_back_without_what_was_secret(
    site: httpx2.AsyncClient, arbitration: Arbitration, tmp_path: Path
) -> None:
    headers = {**cookies(arbitration.process.employer), **HERE}

    async def sent(**changed: str) -> httpx2.Response:
        return await site.post(arbitration.page, data=typed(**changed), headers=headers)

    for changed, field in (({"site": ""}, "site"), ({"user_name": ""}, "user_name"), ({"password": "\t"}, "password")):
        answer = await sent(**changed)
        assert (answer.status_code, has_secret(answer)) == (422, False), changed
        assert f'id="{field}-error"' in answer.text
    assert "هر دو را از نو بنویسید" in answer.text
    assert SITE in unescape(answer.text)

    # The keys are gone.
    (tmp_path / "vault-keys").rename(tmp_path / "elsewhere")
    form = typed()
    answer = await site.post(arbitration.page, data=form, headers=headers)
    assert (answer.status_code, has_secret(answer)) == (422, False)
    assert VaultAway.fa in answer.text
    assert form["key"] in answer.text


async def test_a_session_that_ends_keeps_the_address_and_nothing_secret(
    site: httpx2.AsyncClient, context: Context, arbitration: Arbitration, superuser: Superuser
) -> None:
    member = arbitration.process.employer
    await superuser.run("UPDATE sessions SET ended_at = now() WHERE person_id = %s", member.id)
    answer = await site.post(arbitration.page, data=typed(), headers={**cookies(member), **HERE})
    kept = re.search("__Host-form=([^;]+);", answer.headers["set-cookie"])
    assert kept is not None
    async with transaction(context.engine, SERVICE) as connection:
        session = await begin_session(connection, member.id, "member")

    shown = await site.get("/resume", headers={"Cookie": f"{SESSION_COOKIE}={session.token}; __Host-form={kept[1]}"})

    assert SITE in unescape(shown.text)
    assert not has_secret(shown)
    assert await superuser.value("SELECT count(*) FROM entrusted_secrets") == 0


async def test_others_only_look_or_see_nothing(
    site: httpx2.AsyncClient, arrange: Arrange, arbitration: Arbitration
) -> None:
    path = f"{arbitration.page}/{await arbitration.entrust()}"
    process = arbitration.process
    for who in (await arrange.platform(Role.AUDITOR), process.operator):
        listed = await site.get(arbitration.page, headers=cookies(who))
        assert "shop.example.com" in listed.text
        main = listed.text.partition("<main")[2]
        assert ("<form" in main, path in main, has_secret(listed)) == (False, False, False)
        assert (await site.get(path, headers=cookies(who))).status_code == 303
        answer = await site.post(path, data=asked(who), headers={**cookies(who), **HERE})
        assert (answer.status_code, has_secret(answer)) == (422, False)
    for who in (process.contractor, process.arbitrators[1]):
        assert (await site.get(path, headers=cookies(who))).status_code == 404
        answer = await site.post(path, data=asked(who), headers={**cookies(who), **HERE})
        assert (answer.status_code, has_secret(answer)) == (404, False)
    # The other side may entrust its own, and sees nothing of this one.
    theirs = await site.get(arbitration.page, headers=cookies(process.contractor))
    assert 'name="password"' in theirs.text
    assert "shop.example.com" not in theirs.text


async def test_what_is_over_is_said_so(site: httpx2.AsyncClient, arbitration: Arbitration) -> None:
    secret_id = await arbitration.entrust()
    removal, employer = f"{arbitration.page}/{secret_id}/removal", arbitration.process.employer
    headers = {**cookies(employer), **HERE}
    first = await site.post(removal, data={"key": str(uuid4())}, headers=headers)
    again = await site.post(removal, data={"key": str(uuid4())}, headers=headers)
    late = await site.post(
        f"{arbitration.page}/{secret_id}",
        data=asked(arbitration.holder),
        headers={**cookies(arbitration.holder), **HERE},
    )

    assert first.headers["Location"] == f"/cases/{arbitration.case_id}?done=secret_taken_back"
    for answer in (again, late):
        assert (answer.status_code, has_secret(answer)) == (422, False)
        assert "دیگر در امانت نیست" in answer.text
