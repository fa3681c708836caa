"""Staff proposed, confirmed, set up by their link and signed in, clicked by everybody concerned (G1)."""

from __future__ import annotations

import re
from datetime import timedelta

import httpx2
import pyotp
import pytest

from domain.access import Grant, Role, ScopeKind
from domain.account import CodePurpose, staff_link
from storage.account import clear_credential, create_link
from storage.database import SERVICE, transaction
from tests.account_people import add_employee, sent_code, totp
from tests.arrange import Arrange, Someone, eventually, newest_code, next_national_id, sent_to
from tests.books import Superuser
from tests.web.conftest import HERE, Visit, cookies
from tests.web.visitor import PageVisitor

pytestmark = [pytest.mark.usefixtures("relay", "worker", "temporal"), pytest.mark.timeout(180)]

NUMBER = "+989351110000"
PASSWORD = "سرو بلند کنار رود"
# The key of the authenticator app, for its camera.
DRAWN = "[role=img] > svg"
OPERATOR = Grant(Role.OPERATOR, ScopeKind.PLATFORM)


async def proposed(operator: PageVisitor) -> str:
    """Propose somebody, at first with nonsense; returns the case's id."""
    await operator.go("/staff")
    await operator.look()
    await operator.press("Propose somebody")
    await operator.fill(first_name="نرگس", last_name="احمدی", national_id="1234567890", mobile="0935", username="نرگس")
    await operator.page.select_option("#role", "finance_officer")
    await operator.fill(scope="۱۱۰۱")
    await operator.press("Propose")
    await operator.fill(
        national_id=next_national_id(), mobile="09351110000", username="narges.finance", scope="no-such"
    )
    await operator.press("Propose")
    assert await operator.page.locator("#scope-error").count() == 1
    await operator.fill(scope="۱۱۰۱")
    await operator.press("Propose")
    await operator.reads("It was proposed; another operator has to confirm it.")
    await operator.look()
    found = re.search(r"/cases/([0-9a-f-]{36})", operator.page.url)
    assert found is not None
    return found[1]


async def opened(operator: PageVisitor, superuser: Superuser, case_id: str) -> None:
    """Open the task of the case."""
    sql = "SELECT id FROM tasks WHERE case_id = %s AND status = 'open'"
    rows = await eventually(lambda: superuser.rows(sql, case_id), "the task")
    await operator.go(f"/tasks/{rows[0][0]}")


async def token_of(visitor: PageVisitor) -> str:
    """What stands behind # in the link that came."""

    async def came() -> bool:
        return "code_staff_link" in sent_to(visitor.messages, NUMBER)

    await eventually(came, "the link")
    return newest_code(visitor.messages, NUMBER)


async def test_from_a_proposal_to_the_first_sign_in(visit: Visit, arrange: Arrange, superuser: Superuser) -> None:
    first, second = [await visit(await arrange.staff(OPERATOR)) for _ in range(2)]
    case_id = await proposed(first)
    await opened(first, superuser, case_id)
    await first.reads("You take part in this case yourself. Nobody decides in their own case; a colleague will.")
    await opened(second, superuser, case_id)
    await second.look()
    await second.reads("نرگس احمدی")
    await second.press("Confirm the change")
    await second.look()
    await second.press("Confirm")
    await second.reads("Your decision was recorded.")

    person = await visit()
    token = await token_of(person)
    await person.go(f"/activate#{token}")
    await person.look()
    assert await person.page.input_value("#token") == token
    assert token not in person.page.url
    await set_up(person, superuser)


async def set_up(person: PageVisitor, superuser: Superuser) -> None:
    """Set password and key, at first with two passwords that differ, and sign in."""
    await person.press("Go on")
    await person.look()
    assert await person.page.locator(DRAWN).count() == 1
    secret = await person.page.input_value('[name="totp_secret"]')
    await person.fill(totp="000000", password=PASSWORD, again="چیز دیگری که نیست")
    await person.press("Set up")
    await person.reads("This is not the same as above.")
    assert await person.page.input_value('[name="totp_secret"]') == secret
    moment = await superuser.value("SELECT extract(epoch FROM now())::int")
    await person.fill(totp=pyotp.TOTP(secret).at(moment - 30), password=PASSWORD, again=PASSWORD)
    await person.press("Set up")
    await person.reads("Your account is ready. Sign in with the next code that your app shows.")
    await person.fill(username="narges.finance", password=PASSWORD, totp=pyotp.TOTP(secret).at(moment))
    await person.press("Sign in")
    assert person.page.url.endswith("/inbox")
    person.assert_no_complaints()


async def test_without_a_script_the_link_is_pasted(visit: Visit, arrange: Arrange, superuser: Superuser) -> None:
    someone = await add_employee(arrange.context, "narges.finance")
    async with transaction(arrange.context.engine, SERVICE) as connection:
        await clear_credential(connection, someone.person_id)
        life = timedelta(hours=1)
        link = await create_link(connection, arrange.context.seals, CodePurpose.STAFF_LINK, someone.person_id, life)
    token = await sent_code(arrange.context, link)
    person = await visit(script=False)
    await person.go(f"/activate#{token}")
    await person.fill(token=staff_link("https://amanat.example", token))
    await set_up(person, superuser)


async def test_an_operator_takes_away_alone_and_proposes_the_rest(
    visit: Visit, arrange: Arrange, superuser: Superuser
) -> None:
    someone = await add_employee(
        arrange.context, "narges.finance", Grant(Role.FINANCE_OFFICER, ScopeKind.REGION, "1101")
    )
    operator = await visit(await arrange.staff(OPERATOR))
    page = f"/staff/{someone.person_id}"
    await operator.go(page)
    await operator.look()
    await operator.page.select_option("#role", "hr_officer")
    await operator.fill(scope="2201")
    await operator.press("Propose")
    await operator.reads("یک نفر نمی‌تواند این نقش‌ها را با هم داشته باشد")
    assert await operator.page.locator("#role-error").count() == 1
    await operator.open("Take this role back")
    await operator.press("Take it back")
    await operator.reads("The role was taken back.")
    await operator.open("Shut the account")
    await operator.press("Shut it")
    await operator.reads("The account was shut.")
    await operator.open("Propose a reset")
    await operator.press("Propose the reset")
    await operator.reads("It was proposed; another operator has to confirm it.")
    assert (
        await superuser.value("SELECT count(*) FROM role_grants WHERE revoked_at IS NULL AND role <> 'operator'") == 0
    )


async def test_no_key_of_nonsense_is_drawn(site: httpx2.AsyncClient, arrange: Arrange) -> None:
    headers = {**cookies(await arrange.staff(OPERATOR)), **HERE}
    key = await site.get("/staff-account/key", headers=headers)
    forged = await site.post("/staff-account/key", data={"totp_uri": "otpauth://" + "ا" * 3_000}, headers=headers)

    assert (key.headers["Cache-Control"], key.text.count("<svg")) == ("no-store", 1)
    assert (forged.status_code, forged.text.count("<svg")) == (422, 0)


async def test_staff_change_their_own_password_and_key(visit: Visit, arrange: Arrange, superuser: Superuser) -> None:
    someone = await add_employee(arrange.context, "narges.finance")
    session = await arrange._token(someone.person_id)
    visitor = await visit(Someone(someone.person_id, "", someone.mobile, session))
    await visitor.go("/staff-account/password")
    await visitor.look()
    new = "چنار پیر میان دشت"
    await visitor.fill(password="نادرست است", totp="000000", new_password=new, again=new)
    await visitor.press("Change the password")
    await visitor.reads("گذرواژهٔ کنونی یا کد برنامهٔ رمزساز پذیرفته نشد")
    code = await totp(arrange.context, someone.totp_secret, later=-1)
    await visitor.fill(password=someone.password, totp=code, new_password=new, again=new)
    await visitor.press("Change the password")
    await visitor.reads("It was changed, and your other sessions have ended.")

    await visitor.press("Another key in the authenticator app")
    await visitor.look()
    assert await visitor.page.locator(DRAWN).count() == 1
    secret = await visitor.page.input_value('[name="totp_secret"]')
    code = await totp(arrange.context, someone.totp_secret)
    await visitor.fill(password=new, totp=code, new_totp=await totp(arrange.context, secret))
    await visitor.press("Change the key")
    await visitor.reads("It was changed, and your other sessions have ended.")
    assert await superuser.value("SELECT count(*) FROM notices WHERE template = 'staff_credentials_set'") == 2
