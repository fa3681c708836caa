"""Amounts and versions go through pages unchanged, and amounts are said in full where they are typed and decided."""

from __future__ import annotations

import re
from urllib.parse import urlencode

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.datastructures import FormData

from activities.transition import ActivityContext
from api.values import MAX_RIAL, MAX_VERSION, _version_in
from commands.command import Context
from domain.money import MAX_AMOUNT, parse_toman
from tests.arrange import Arrange
from tests.commands.substitution_steps import SubstitutionScenario
from tests.web.conftest import HERE, Visit, cookies
from tests.web.page_forms import Field, read_page
from tests.web.visitor import PageVisitor
from web.forms import Form, empty
from web.language import Language, languages
from web.rendering import _environment, loaded_assets

_FORM = """{% import "parts.html" as parts %}<form method="post" action="/">
{{ parts.toman(form, "amount", "x") }}<input type="hidden" name="version" value="{{ version }}"></form>"""
_PAGES = {code: _environment(language, loaded_assets()).from_string(_FORM) for code, language in languages().items()}
both_languages = pytest.mark.parametrize("language", languages().values(), ids=lambda language: language.code)


def fields(language: Language, **values: object) -> dict[str, Field]:
    """The fields of a form with an amount and a version, as a browser reads them."""
    form = empty(language, amount=values.get("amount", ""))
    html = _PAGES[language.code].render(form=form, version=values.get("version", 1))
    return {one.name: one for one in read_page("/", html)[0][0].fields}


def sent(language: Language, *found: Field) -> Form:
    """The form as a browser sends it."""
    return Form.of(FormData({one.name: one.value[: one.most] for one in found}), language, "/")


@both_languages
@settings(deadline=None)
@given(rial=st.integers(min_value=1, max_value=999).map(lambda toman: toman * 10) | st.integers(10_000, MAX_AMOUNT))
def test_whatever_amount_stands_in_a_form_comes_back_to_the_rial(language: Language, rial: int) -> None:
    shown = fields(language, amount=language.typed_toman(rial))["amount"]
    read = sent(language, shown).amount("amount")
    assert read is not None
    assert read.amount == rial
    # What was typed is shown again in the same way, and comes back once more.
    assert fields(language, amount=shown.value)["amount"].value == shown.value
    if rial <= MAX_RIAL:
        assert sent(language, shown).toman("amount", to_the_rial=True).amount == rial


@settings(deadline=None)
@given(version=st.integers(min_value=0, max_value=MAX_VERSION))
def test_whatever_version_a_page_shows_comes_back_and_goes_to_the_api(version: int) -> None:
    language = languages()["fa"]
    shown = fields(language, version=version)["version"]
    assert sent(language, shown).version() == version
    assert _version_in(f'"{version}"') == version


def test_a_version_that_no_row_can_have_is_nobodys() -> None:
    for text in ("", "-1", "۱۲", "1.5", str(MAX_VERSION + 1), "9" * 40):
        assert Form.of(FormData({"version": text}), languages()["fa"], "/").version() == 0


async def test_an_amount_is_said_in_full_while_it_is_typed_as_the_server_says_it(visit: Visit) -> None:
    amounts = [10, 9_990, 10_000, 10_005, 110_000, 190_000, 1_000_010, 410_000_000, 412_345_678, 1_234_567_890_123]
    for code in ("fa", "en"):
        visitor = await visit(language=code)
        await visitor.go("/styleguide")
        for rial in (*amounts, MAX_AMOUNT - 10):
            await visitor.fill(amount=visitor.language.typed_toman(rial))
            assert await said(visitor) == visitor.language.in_full(rial)
        for text in ("", "۰", "1.5", "۹۹۹٫۵", "12,34", "2.500", "2/500", "-5", "۲۵ میلیون", "9" * 20):
            await visitor.fill(amount=text)
            assert await said(visitor) == "", text
    for text in (" ١٢٣٤٥٦٧ تومان ", "1.234.567", "1/234/567", "۱٫۲۳۴٫۵۶۷"):
        await visitor.fill(amount=text)
        assert await said(visitor) == "1,234,567 toman (12,345,670 rial)"
        assert parse_toman(text).amount == 12_345_670
    await visitor.look()


async def said(visitor: PageVisitor) -> str:
    """What stands below the amount of the style guide."""
    return (await visitor.page.locator("#amount-in-full").inner_text()).strip()


async def test_a_mistake_is_said_until_something_else_is_typed(visit: Visit, arrange: Arrange) -> None:
    visitor = await visit(await arrange.member(await arrange.organisation()))
    await visitor.go("/apply/tavana")
    await visitor.fill(monthly_amount__amount="90000000", instalments="99")
    await visitor.press("Continue")
    wrong = visitor.page.locator(".field-error, .problems li")
    assert await wrong.count() == 4
    assert await visitor.page.input_value('[name="monthly_amount.amount"]') == "۹۰٬۰۰۰٬۰۰۰"
    again = visitor.page.locator("#ceiling .warning:visible")
    assert await again.count() == 0
    await visitor.fill(monthly_amount__amount="6000000")
    assert await wrong.count() == 2
    await visitor.page.wait_for_selector(".of-monthly", state="detached")
    assert await again.count() == 0
    await visitor.look()
    await visitor.fill(instalments="12")
    assert await wrong.count() == await visitor.page.locator(".problems, [aria-invalid], .is-invalid").count() == 0
    await visitor.reads("۷۲٬۰۰۰٬۰۰۰ تومان")


async def shown(site: httpx2.AsyncClient, path: str, headers: dict[str, str], **typed: str) -> str:
    """The page of a form that was refused."""
    content = urlencode({name.replace("__", "."): value for name, value in typed.items()})
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await site.post(path, content=content, headers={**headers, **HERE, **form})
    assert answer.status_code == 422
    return answer.text


def told(page: str) -> list[str]:
    """The lines of the summary."""
    found = re.search(r'class="problems".*?</ul>', page, re.DOTALL)
    assert found is not None
    return re.findall(r"<li>(?:<a[^>]*>)?(.*?)(?:</a>)?</li>", found[0])


async def test_a_zero_a_single_letter_and_too_much_are_answered_with_what_is_wanted(
    site: httpx2.AsyncClient, arrange: Arrange
) -> None:
    employer = await arrange.organisation()
    member, officer = await arrange.member(employer), await arrange.hr_officer(employer)
    path = "/personnel/people/0192f0a1-5b7c-7c1e-8f00-2f6f0c7d9a11"
    zero = {"net_pay__amount": "۰", "reason": "حکم تازه", "national_id": member.national_id}
    letter = {"net_pay__amount": "۴۱٬۰۰۰٬۰۰۰", "reason": "ا", "national_id": member.national_id}
    much = {"net_pay__amount": "9" * 16, "reason": "حکم تازه", "national_id": member.national_id}

    pages = [told(await shown(site, path, cookies(officer), **typed)) for typed in (zero, letter, much)]

    assert pages == [
        ["لطفاً مبلغی بیشتر از صفر بنویسید."],
        ["لطفاً دست‌کم ۳ حرف بنویسید."],
        ["این مبلغ زیاد است؛ حداکثر ۱۰۰٬۰۰۰٬۰۰۰٬۰۰۰٬۰۰۰ تومان پذیرفته می‌شود."],
    ]


async def test_all_that_is_wrong_with_a_form_is_said_at_once_and_each_thing_once(
    site: httpx2.AsyncClient, arrange: Arrange
) -> None:
    identity = [
        "کد ملی درست نیست؛ ده رقم آن را دوباره وارد کنید.",
        "شمارهٔ همراه درست نیست؛ آن را مانند ۰۹۱۲۱۲۳۴۵۶۷ وارد کنید.",
    ]
    sign_in = await shown(site, "/sign-in", {}, national_id="1234567890", mobile="0912")
    renewal = await shown(site, "/sign-in/renewal", {}, national_id="1234567890", mobile="0912")
    assert (told(sign_in), told(renewal)) == (identity, identity)
    assert "لطفاً این موارد را اصلاح کنید" in sign_in
    assert told(await shown(site, "/sign-in", {})) == ["لطفاً این را پر کنید."]
    (member,) = await arrange.colleagues(1)
    amounts = await shown(site, "/apply/tavana", cookies(member), to="guarantor")
    assert len(told(amounts)) == len(set(told(amounts))) == 2


async def test_a_national_id_that_is_none_is_no_answer_about_a_colleague(
    site: httpx2.AsyncClient, arrange: Arrange, context: Context, activity_context: ActivityContext
) -> None:
    credit = await SubstitutionScenario.opened(context, arrange, activity_context)
    path, owner = f"/credit/{credit.line_id}/guarantor", cookies(credit.owner)

    page = await shown(site, path, owner, guarantee_id=str(credit.current.id), national_id="1234567890", do="check")

    assert told(page) == ["کد ملی درست نیست؛ ده رقم آن را دوباره وارد کنید."]


async def test_pay_is_shown_in_both_units_where_it_is_corrected(site: httpx2.AsyncClient, arrange: Arrange) -> None:
    employer = await arrange.organisation()
    member = await arrange.member(employer, net_pay=410_000_000)
    officer = await arrange.hr_officer(employer)
    answer = await site.post(
        "/personnel/people", data={"national_id": member.national_id}, headers={**cookies(officer), **HERE}
    )
    in_full = "۴۱٬۰۰۰٬۰۰۰ تومان (۴۱۰٬۰۰۰٬۰۰۰ ریال)، چهل و یک میلیون تومان"
    assert re.sub("<[^>]*>", "", answer.text).count(in_full) == 2
