"""What holds for the site as a whole: its headers, its door, its weight, its words."""

from __future__ import annotations

import gzip
import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import httpx2
import pytest

from activities.transition import ActivityContext
from api.app import create_app
from commands.command import Context
from stack.places import PROJECT
from storage.database import create_engine
from tests.arrange import Arrange
from tests.commands.onboarding_steps import TavanaScenario, accept_guarantee
from tests.web.conftest import HERE, cookies
from tests.web.visitor import SESSION_COOKIE
from web import catalogue
from web.app import create_site
from web.assets import AssetMissing, Assets
from web.language import CATALOGUES, TranslatedTwice, language_of, merged
from web.rendering import linked

_TEMPLATES = sorted((PROJECT / "web" / "templates").rglob("*.html"))
_MOST_BYTES = 110_000
_NOBODYS = "0192f0a1-5b7c-7c1e-8f00-2f6f0c7d9a11"
# Classes that a template writes between tags, and the languages' own names.
_NO_WORDS = {"slim", "narrow", "wide", "calm", "good", "wait", "bad", "English", "فارسی"}


async def test_every_answer_is_guarded_and_a_private_page_is_kept_nowhere(
    site: httpx2.AsyncClient, arrange: Arrange
) -> None:
    (member,) = await arrange.colleagues(1)
    for path, headers in (("/sign-in", {}), ("/", cookies(member)), ("/nothing", {}), ("/cases/nonsense", {})):
        answer = await site.get(path, headers=headers)
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert {"base-uri 'none'", "frame-ancestors 'none'"} < set(policy.split("; "))
        assert "unsafe" not in policy
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_what_another_sites_page_sends_is_refused(site: httpx2.AsyncClient, arrange: Arrange) -> None:
    (member,) = await arrange.colleagues(1)
    foreign: tuple[dict[str, str], ...] = (
        {"Origin": "https://evil.test", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "https://evil.test"},
        {"Origin": "null"},
        {"Origin": "http://["},
        {"Origin": "http://amanat.test"},
        {"Sec-Fetch-Site": "same-site"},
        {},
    )
    for headers in foreign:
        for path in ("/sign-out", "/sign-in", "/language"):
            answer = await site.post(path, data={}, headers={**cookies(member), **headers})
            assert answer.status_code == 403, (path, headers)
    assert (await site.get("/", headers=cookies(member))).status_code == 200
    signed_out = await site.post("/sign-out", headers={**cookies(member), **HERE})
    assert (signed_out.status_code, signed_out.headers["Clear-Site-Data"]) == (303, '"cache", "storage"')
    assert (await site.get("/", headers=cookies(member))).status_code == 303


async def test_nobody_is_told_to_be_signed_out_while_their_session_lives(context: Context) -> None:
    engine = create_engine("postgresql+psycopg://127.0.0.1:1/away", pool=1)
    transport = httpx2.ASGITransport(app=create_site(create_app(replace(context, engine=engine))))
    async with httpx2.AsyncClient(transport=transport, base_url="https://amanat.test") as client:
        answer = await client.post("/sign-out", headers={"Cookie": f"{SESSION_COOKIE}=x", **HERE})
    await engine.dispose()
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "3"
    assert not {"set-cookie", "clear-site-data"} & set(answer.headers)
    assert "چند لحظه در دسترس نیست" in answer.text


async def test_what_else_a_browser_sends_locks_nobody_out(site: httpx2.AsyncClient, arrange: Arrange) -> None:
    (member,) = await arrange.colleagues(1)
    cookie = "other=س; ".encode() + f"{SESSION_COOKIE}={member.token}".encode()
    answer = await site.get("/", headers=[(b"Cookie", cookie), (b"User-Agent", b"\xff\xfe")])
    assert answer.status_code == 200
    for host in (b"a:b", "bücher".encode(), b""):
        assert (await site.get("/", headers=[(b"Cookie", cookie), (b"Host", host)])).status_code in {200, 303}


async def test_a_head_is_answered_as_its_page(site: httpx2.AsyncClient) -> None:
    answer = await site.head("/sign-in")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/html")


async def test_whoever_is_not_signed_in_is_led_to_the_sign_in_and_nowhere_else(site: httpx2.AsyncClient) -> None:
    answer = await site.get("/cases?cursor=x")
    assert answer.headers["Location"] == "/sign-in?next=%2Fcases%3Fcursor%3Dx&done=sign_in_first"
    stale = {"Cookie": f"{SESSION_COOKIE}={'x' * 43}"}
    led = await site.get("/cases", headers=stale)
    assert led.headers["Location"] == "/sign-in?next=%2Fcases&done=sign_in_first"
    for elsewhere in ("https://evil.test/", "//evil.test", "/\\evil.test", "javascript:alert(1)", "/\x00"):
        answer = await site.post("/language", data={"next": elsewhere, "language": "en"}, headers=HERE)
        assert answer.headers["Location"] == "/", elsewhere


async def test_the_door_leaves_the_api_as_it_is(site: httpx2.AsyncClient) -> None:
    assert (await site.get("/v1/nothing")).headers["Content-Type"] == "application/problem+json"
    assert (await site.get("/readyz")).json()["status"] == "ok"
    assert (await site.get("/openapi.json")).json()["info"]["title"] == "Amanat"
    assert (await site.get("/v1x")).headers["Content-Type"].startswith("text/html")


async def test_a_form_that_is_too_large_is_refused_as_a_page(site: httpx2.AsyncClient) -> None:
    answer = await site.post("/sign-in", data={"national_id": "1" * 100_000}, headers=HERE)
    assert answer.status_code == 413
    assert answer.headers["Content-Type"].startswith("text/html")
    assert "Content-Security-Policy" in answer.headers


@pytest.mark.parametrize(
    "path", ["/cases/x", f"/cases/{_NOBODYS}", f"/tasks/{_NOBODYS}", "/tasks/%00", "/apply/x!", "/%ff"]
)
async def test_nonsense_is_answered_calmly(site: httpx2.AsyncClient, arrange: Arrange, path: str) -> None:
    (member,) = await arrange.colleagues(1)
    answer = await site.get(path, headers=cookies(member))
    assert answer.status_code == 404
    assert "چنین" in answer.text


async def test_a_first_visit_is_light(site: httpx2.AsyncClient) -> None:
    for code in ("fa", "en"):
        page = await site.get("/sign-in", headers={"Cookie": f"__Host-language={code}"})
        named = set(re.findall(r'(?:href|src)="(/assets/[^"]+)"', page.text))
        weight = len(gzip.compress(page.content))
        for address in named:
            answer = await site.send(
                site.build_request("GET", address, headers={"Accept-Encoding": "gzip"}), stream=True
            )
            body = b"".join([part async for part in answer.aiter_raw()])
            assert answer.status_code == 200, address
            weight += 0 if address.endswith(".woff2") else len(body)
        assert 20_000 < weight <= _MOST_BYTES


async def test_assets_are_kept_for_ever_under_addresses_that_change_with_them(site: httpx2.AsyncClient) -> None:
    page = await site.get("/sign-in")
    for address in re.findall(r'"(/assets/[^"]+)"', page.text):
        answer = await site.get(address)
        assert "immutable" in answer.headers["Cache-Control"]
        assert address.endswith(".woff2") or answer.headers["Content-Type"].endswith("; charset=utf-8")
        assert re.search(r"\.[0-9a-f]{12}\.(css|js|svg|woff2)$", address)
    changed = Assets({"a.css": b"one"}).address("a.css"), Assets({"a.css": b"two"}).address("a.css")
    assert changed[0] != changed[1]
    assert (await site.get("/assets/amanat.000000000000.css")).status_code == 404


def test_files_that_npm_has_not_brought_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("web.assets._MODULES", tmp_path)
    with pytest.raises(AssetMissing, match="bootstrap"):
        Assets.load()


def test_nothing_that_pages_say_lacks_persian() -> None:
    assert list(catalogue.untranslated(catalogue.stored())) == []
    files = {path: path.read_text("utf-8") for path in CATALOGUES.iterdir()}
    assert files == catalogue.refreshed(), "run ./amanat catalogue"


def test_a_message_with_two_translations_is_refused(tmp_path: Path) -> None:
    for name, persian in (("one", "یک"), ("other", "دیگر"), ("same", "یک")):
        (tmp_path / f"{name}.po").write_text(f'msgid "Hello"\nmsgstr "{persian}"\n', "utf-8")
    same = merged([tmp_path / "one.po", tmp_path / "same.po"])

    assert [message.string for message in same if message.id] == ["یک"]
    with pytest.raises(TranslatedTwice, match="Hello"):
        merged([tmp_path / "one.po", tmp_path / "other.po"])


def test_persian_says_the_same_values_in_persian_letters() -> None:
    for message in catalogue.stored():
        texts = [message.id] if isinstance(message.id, str) else list(message.id)
        said = [message.string] if isinstance(message.string, str) else list(message.string or ())
        for text in said if texts[0] else []:
            values = [sorted(set(re.findall(r"%\(\w+\)s", each))) for each in (texts[0], text)]
            assert values[0] == values[1], texts[0]
            assert not re.search(r"[يك0-9]", re.sub(r"%\(\w+\)s|https?://\S+|CVV2|MT940", "", text)), text
            assert not re.search(r"\bمی |\bنمی ", text), f"needs a half-space: {text}"


@pytest.mark.parametrize("template", _TEMPLATES, ids=lambda path: path.name)
def test_a_template_has_no_words_of_its_own_and_nothing_inline(template: Path) -> None:
    source = template.read_text("utf-8")
    assert not re.search(
        r"\sstyle=|<style|<script(?! src)|\son[a-z]+=|hx-on|javascript:|\|safe\b(?!\s*(if|}}))", source
    )
    assert "http://" not in source
    # What is marked as Persian stays so in every language: a sample, or the text of an SMS.
    source = re.sub(r'<p lang="fa" dir="rtl">.*?</p>', "", source)
    plain = re.sub(r"{#.*?#}|{%.*?%}|{{.*?}}", "", source, flags=re.DOTALL)
    plain = re.sub(r'<[^>]*>|aria-[a-z]+="[^"]*"', " ", plain)
    assert set(re.findall(r"[A-Za-z]{3,}|[آ-ی]{2,}", plain)) <= _NO_WORDS


async def test_what_somebody_has_just_done_is_not_asked_of_them_while_the_process_has_not_moved_yet(
    site: httpx2.AsyncClient, context: Context, arrange: Arrange, activity_context: ActivityContext
) -> None:
    tavana = await TavanaScenario.opened(context, arrange, activity_context)
    case_id = await tavana.asked()

    async def says(path: str) -> tuple[bool, bool]:
        page = (await site.get(path, headers=cookies(tavana.guarantor))).text
        return "در انتظار پاسخ ضامن" in page, "ثبت شد؛ سامانه در حال پیش بردن پرونده است" in page

    mine = {**cookies(tavana.guarantor), "Accept": "application/json"}
    (guarantee,) = (await site.get("/v1/guarantees", headers=mine)).json()["items"]
    before = await says(f"/cases/{case_id}")
    await accept_guarantee(tavana, case_id, tavana.guarantor)

    assert before == (True, False)
    assert await says(f"/cases/{case_id}") == (False, True)
    assert await says(f"/guarantees/{guarantee['id']}") == (False, True)


def test_addresses_in_a_message_are_links_and_everything_else_stays_text() -> None:
    shown = linked('<b>&"ببینید: https://a.example/?x&y. یا («http://b.example») javascript:alert(1)')

    assert shown == (
        "&lt;b&gt;&amp;&#34;ببینید: "
        '<a href="https://a.example/?x&amp;y" rel="noopener"><bdi dir="ltr">https://a.example/?x&amp;y</bdi></a>. یا («'
        '<a href="http://b.example" rel="noopener"><bdi dir="ltr">http://b.example</bdi></a>») javascript:alert(1)'
    )
    assert linked('https://a.example/"onclick="x"<script>').count("<a ") == 1
    assert "<script" not in linked('https://a.example/"onclick="x"<script>')
    assert linked("") == ""


@pytest.mark.parametrize(
    ("hours", "said"), [(72, "۷۲ ساعت"), (96, "۹۶ ساعت"), (120, "۵ روز"), (1.5, "۱ ساعت و ۳۰ دقیقه")]
)
def test_a_wait_is_said_in_hours_as_rules_name_it_up_to_four_days(hours: float, said: str) -> None:
    assert language_of("fa").wait(int(hours * 3600)) == said


def test_each_language_writes_amounts_days_and_digits_in_its_own_way() -> None:
    persian, english = language_of("fa"), language_of("en")
    assert (persian.money(25_000_000), english.money(25_000_005)) == ("۲٬۵۰۰٬۰۰۰ تومان", "2,500,000.5 toman")
    assert (persian.day(date(2026, 11, 21)), english.day(date(2026, 11, 21))) == ("۳۰ آبان ۱۴۰۵", "30 Aban 1405")
    assert persian.moment(datetime(2026, 11, 21, 21, tzinfo=UTC)) == "۱ آذر ۱۴۰۵، ۰۰:۳۰"
    assert persian.span(2 * 86_400 + 4 * 3_600 + 59) == "۲ روز و ۴ ساعت"
    assert english.span(3_660) == "1 hour and 1 minute"
    assert language_of("xx") is persian


@pytest.mark.parametrize(
    ("hours", "said"),
    [
        (72 - 1 / 3600, "۳ روز مانده"),
        (71.75, "۳ روز مانده"),
        (71.25, "۲ روز و ۲۳ ساعت مانده"),
        (24 - 1 / 3600, "۱ روز مانده"),
        (1 - 1 / 3600, "۱ ساعت مانده"),
        (1.5 / 60, "۲ دقیقه مانده"),
        (59 / 3600, "کمتر از یک دقیقه مانده"),
        (0, "کمتر از یک دقیقه مانده"),
        (-1, "۱ ساعت دیرتر از مهلت"),
    ],
)
def test_what_is_left_of_a_time_is_rounded_to_what_is_said(hours: float, said: str) -> None:
    now = datetime(2026, 11, 29, 11, 30, tzinfo=UTC)

    assert language_of("fa").remaining(now + timedelta(hours=hours), now) == said


def test_a_deadline_has_its_weekday() -> None:
    moment = datetime(2026, 11, 29, 11, 30, tzinfo=UTC)

    assert language_of("fa").deadline(moment) == "یکشنبه ۸ آذر، ساعت ۱۵:۰۰"
    assert language_of("en").deadline(moment) == "Sunday 8 Azar, 15:00"


@pytest.mark.parametrize(("seconds", "said"), [(10, "less than a minute"), (259_200, "72 hours")])
def test_how_long_it_takes_after_an_approval_is_said_in_a_whole_sentence(seconds: int, said: str) -> None:
    english, sentence = language_of("en"), "The credit becomes usable %(span)s after the approval."

    assert sentence in (PROJECT / "web/templates/apply_parts.html").read_text("utf-8")
    assert english.translate(sentence, span=english.wait(seconds)) == sentence % {"span": said}
