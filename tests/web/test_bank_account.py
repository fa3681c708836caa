"""One's own cards and shebas at the pages: added, checked while one looks on, chosen and removed (E3, F4)."""

from __future__ import annotations

import pytest

from tests.arrange import Arrange, Someone
from tests.bank_account_steps import a_card, a_sheba
from tests.books import Superuser
from tests.web.conftest import Visit
from tests.web.visitor import PageVisitor

pytestmark = pytest.mark.usefixtures("relay")


@pytest.fixture
async def member(arrange: Arrange) -> Someone:
    """A member without an employer, and without a fresh code."""
    return await arrange.person("member")


async def add_sheba(visitor: PageVisitor, number: str) -> None:
    """Add one, with the code that comes."""
    await visitor.press("Add a sheba")
    await visitor.fill(number=number)
    await visitor.press("Send me the code")
    await visitor.fill(code=await visitor.code("add_sheba"))
    await visitor.press("Add the sheba")


async def test_a_card_is_added_after_a_fresh_code_and_its_state_moves_by_itself(visit: Visit, member: Someone) -> None:
    visitor = await visit(member, width=360)
    await visitor.go("/profile")
    await visitor.press("My cards and accounts")
    await visitor.reads("No card yet.")
    await visitor.look()
    await visitor.press("Add a card")
    await visitor.press("First confirm with a code")
    await visitor.press("Send me the code")
    await visitor.fill(code=await visitor.code("step_up"))
    await visitor.press("Confirm")
    await visitor.fill(number="1234")
    await visitor.press("Add the card")
    await visitor.reads("شمارهٔ کارت درست نیست")
    await visitor.look()

    await visitor.fill(number=a_card("4321"))
    await visitor.press("Add the card")

    await visitor.reads("Your card is kept; the bank is asked whose it is.")
    await visitor.reads("تأیید شد")
    await visitor.reads("default")
    text = await visitor.text()
    assert "بانک ملی ایران" in text
    assert "۴۳۲۱" in text
    assert a_card("4321") not in await visitor.page.content()
    await visitor.look()


async def test_a_sheba_takes_its_own_code_and_what_the_bank_refuses_says_why(
    visit: Visit, member: Someone, superuser: Superuser
) -> None:
    visitor = await visit(member, width=1280)
    await visitor.go("/profile/accounts")
    await visitor.press("Add a sheba")
    await visitor.fill(number="IR12")
    await visitor.press("Send me the code")
    await visitor.reads("شمارهٔ شبا درست نیست")
    await visitor.go("/profile/accounts")
    await add_sheba(visitor, a_sheba("4040"))
    await visitor.reads("به نام شما نیست")
    assert a_sheba("4040") not in visitor.page.url
    await superuser.run("DELETE FROM rate_windows")
    await add_sheba(visitor, a_sheba("1111"))
    await visitor.reads("تأیید شد")
    await visitor.look()


async def test_the_default_is_chosen_and_what_is_not_wanted_removed(
    visit: Visit, member: Someone, superuser: Superuser
) -> None:
    await superuser.run("UPDATE sessions SET strong_until = now() + interval '1 hour' WHERE person_id = %s", member.id)
    for place, ending in enumerate(("1111", "2222")):
        await superuser.run(
            "INSERT INTO bank_accounts (person_id, kind, number_index, number_sealed, last_four, state, is_default,"
            " answered_at) VALUES (%s, 'sheba', %s, 'x', %s, 'confirmed', %s, now())",
            *(member.id, ending.encode(), ending, place == 0),
        )
    visitor = await visit(member, width=360)
    await visitor.go("/profile/accounts")
    await visitor.press("Make it the default")
    await visitor.reads("From now on this one is the default.")
    chosen = visitor.page.locator(".card-row", has=visitor.page.locator(".badge-good", has_text="پیش‌فرض"))
    assert "۲۲۲۲" in await chosen.inner_text()

    await chosen.locator("summary").click()
    await visitor.look()
    await visitor.press("Yes, remove it")

    await visitor.reads("None of your shebas is the default: choose the one to which your money is to be paid.")
    await visitor.look()
    assert "۲۲۲۲" not in await visitor.text()


async def test_without_script_the_page_says_that_one_may_look_again(
    visit: Visit, member: Someone, superuser: Superuser
) -> None:
    await superuser.run(
        "INSERT INTO bank_accounts (person_id, kind, number_index, number_sealed, last_four)"
        " VALUES (%s, 'card', 'x', 'x', '1234')",
        member.id,
    )
    visitor = await visit(member, script=False, width=360)
    await visitor.go("/profile/accounts")
    await visitor.press("Look again")
    await visitor.reads("در حال استعلام از بانک")


async def test_whoever_has_lost_the_number_on_the_way_types_it_anew(visit: Visit, member: Someone) -> None:
    visitor = await visit(member)
    await visitor.go("/profile/accounts/shebas/code?again=0192f0a1-5b7c-7c1e-8f00-2f6f0c7d9a11")
    await visitor.reads("Sheba number")
