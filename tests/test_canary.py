"""The canary: what people give in secret goes in everywhere, and stands nowhere in clear afterwards (G1, F2).

Every later capability inherits it: a field that takes a secret is found by its name (``canary_fields``) and fails this
test until it is fed, by the table of calls or by a scene (``canary_scenes``).
"""

from __future__ import annotations

import base64
import contextlib
import copy
import io
import json
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Final
from urllib.parse import quote
from uuid import uuid4

import httpx2
import pytest
from opentelemetry import metrics
from starlette.responses import Response
from starlette.types import ASGIApp
from temporalio.testing import WorkflowEnvironment

from activities.transition import ActivityContext
from api.account.kept import keep
from api.app import describe
from api.dependencies import Visitor
from commands.command import Context
from domain.persian import persian_digits
from gateways.local_bank import LocalBank
from gateways.sms import LocalSms
from stack.postgres import EmbeddedPostgres
from storage.sealing import Seals
from telemetry import configure_logging
from tests.api.world import make_world
from tests.applications import api_over, site_over
from tests.arrange import Arrange
from tests.books import Superuser
from tests.canary import PERSONAL, Item, Kind, Marks, histories, search
from tests.canary_fields import GIVES, NO_SECRET, Heard, takes, unfed
from tests.canary_scenes import AT_REST, DELIVERED
from tests.canary_sweep import MORE, OTHERS, sweep
from tests.canary_world import Canary
from tests.conftest import SITE, Database
from tests.length import IS_LONG
from tests.races import metrics_page

pytestmark = pytest.mark.timeout(1_800 if IS_LONG else 180)

# What somebody chooses: a scene has to see it accepted, not only refused.
_CHOSEN: Final = frozenset({Kind.PASSWORD, Kind.USER_NAME, Kind.KEY})
_NUMBERS: Final = (Kind.NATIONAL_ID, Kind.MOBILE, Kind.CARD, Kind.SHEBA)
_WORDS: Final = tuple(kind for kind in Kind if kind not in {*_NUMBERS, Kind.CODE})


@pytest.fixture
def logs(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """All that a process logs, down to DEBUG; the root logger is as before afterwards."""
    root, stream = logging.getLogger(), io.StringIO()
    handlers, level = root.handlers, root.level
    monkeypatch.setattr("sys.stderr", stream)
    configure_logging("DEBUG")
    yield stream
    root.handlers, root.level = handlers, level


def _client(app: ASGIApp, heard: Heard) -> httpx2.AsyncClient:
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False, client=("192.0.2.1", 5000))
    return httpx2.AsyncClient(transport=transport, base_url=SITE, event_hooks={"response": [heard.hear]})


@pytest.fixture
async def canary(
    context: Context,
    unwired: ActivityContext,
    arrange: Arrange,
    superuser: Superuser,
    database: Database,
    bank: LocalBank,
    temporal: WorkflowEnvironment,
    seals: Seals,
    postgres: EmbeddedPostgres,
    tmp_path: Path,
    messages_dir: Path,
    logs: io.StringIO,
) -> AsyncIterator[Canary]:
    """API and site, every answer of which is heard."""
    metrics_page()
    marks = Marks()
    heard = Heard(describe(), marks, seals.cipher)
    apps = (api_over(context, messages_dir), site_over(context, messages_dir))
    async with contextlib.AsyncExitStack() as ends:
        api, site = [await ends.enter_async_context(_client(app, heard)) for app in apps]
        yield Canary(
            marks=marks,
            heard=heard,
            api=api,
            site=site,
            context=context,
            activity_context=unwired,
            arrange=arrange,
            superuser=superuser,
            database=database,
            bank=bank,
            temporal=temporal,
            place=tmp_path,
            logs=logs,
            server_log=postgres.log,
        )


@pytest.mark.untouched
async def test_nothing_secret_that_any_operation_is_sent_is_left_in_clear(canary: Canary) -> None:
    world = await make_world(canary.context, canary.activity_context, canary.arrange, canary.superuser)

    await sweep(canary, world)

    assert unfed(canary.heard.document, canary.heard.fed) == [], "no scene of the canary feeds these fields"
    assert search(canary.marks, await canary.left()) == []


@pytest.mark.untouched
async def test_nothing_secret_that_people_give_and_are_shown_is_left_in_clear(canary: Canary) -> None:
    for scene in AT_REST:
        await scene(canary)
    async with canary.delivering():
        for scene in DELIVERED:
            await scene(canary)
        await canary.delivered()

    chosen = {each.name for each in takes(canary.heard.document) if each.kind in _CHOSEN}
    assert sorted(chosen - canary.heard.taken) == [], "no scene of the canary has these accepted"
    left = await canary.left()
    assert any(item.place.startswith("history of ") for item in left)
    assert search(canary.marks, left) == []


def _base64(before: int) -> Callable[[str], bytes]:
    return lambda text: base64.b64encode(b"x" * before + text.encode() + b"y")


_WRITTEN: Final[dict[str, Callable[[str], bytes]]] = {
    "plain": str.encode,
    "backwards": lambda text: text[::-1].encode(),
    "percent": lambda text: quote(text, safe="").encode(),
    "hex": lambda text: text.encode().hex().encode(),
    "JSON in base64": lambda text: base64.urlsafe_b64encode(json.dumps({"told": text}, ensure_ascii=False).encode()),
    **{f"base64, {before}": _base64(before) for before in range(3)},
}


def _persian(write: Callable[[str], bytes]) -> Callable[[str], bytes]:
    return lambda text: write(persian_digits(text))


_DIGITS: Final = {f"Persian, {name}": _persian(write) for name, write in _WRITTEN.items()}


@pytest.mark.parametrize("name", _WRITTEN | _DIGITS)
def test_a_mark_is_found_in_whatever_form_it_stands(name: str) -> None:
    marks = Marks()
    for kind in _NUMBERS if name in _DIGITS else (*_NUMBERS, *_WORDS):
        text = marks.new(kind, "here")
        noise = base64.b64encode(bytes(range(256)))
        content = noise + b" " + (_WRITTEN | _DIGITS)[name](text) + b" " + noise
        found = search(marks, [Item("somewhere", content)])
        assert [line for line in found if line.startswith(f"{kind} of here, ")], (kind, name)
        assert search(marks, [Item("somewhere", content, frozenset({kind}))]) == []
        assert search(marks, [Item("somewhere", noise)]) == []
        marks.made.clear()


def test_what_the_product_drew_and_numbers_in_groups_and_codes_are_found_too() -> None:
    marks = Marks()
    token = marks.drawn(Kind.TOKEN, "a session", "aB3-_token-of-a-session")
    card, code = marks.new(Kind.CARD, "a card"), marks.drawn(Kind.CODE, "an SMS", "482913")
    grouped = " ".join(card[at : at + 4] for at in range(0, 16, 4))

    for text in (token, grouped, persian_digits(grouped), code, persian_digits(code), f'"{code}"', f"کد: {code}\n"):
        assert len(search(marks, [Item("somewhere", f"before {text} after".encode())])) == 1, text
    for text in (f"1{code}", f"{code}a", f"12:00:01.{code}", "482914", token[:-1], card[1:]):
        assert search(marks, [Item("somewhere", f"before {text} after".encode())]) == [], text


async def _plant_in_tables(canary: Canary, marks: dict[str, str]) -> None:
    """As text in a table of the product's schema, and in bytes within the vault's."""
    for schema, kind in (("public", "text"), ("vault", "bytea")):
        await canary.superuser.run(f"CREATE TABLE {schema}.planted (told {kind})")
    insert = "INSERT INTO public.planted VALUES (%s)"
    await canary.superuser.run(insert, marks["table public.planted"])
    told = base64.b64encode(b"x" + marks["table vault.planted"].encode())
    await canary.superuser.run("INSERT INTO vault.planted VALUES (%s)", told)
    await canary.superuser.run(f"DO $$ BEGIN RAISE LOG '{marks['the log of Postgres']}'; END $$")


async def _plant_in_answers(canary: Canary, marks: dict[str, str]) -> None:
    """In the head of an answer, in its body, and in what a browser is to keep."""
    kept = Response()
    visitor = Visitor(canary.context, "", Response())
    assert keep(visitor, kept, "form", {"told": marks["cookie __Host-form"]}, timedelta(minutes=1))
    headers = [("Location", f"/x?told={marks['the head of answer']}"), ("Set-Cookie", kept.headers["set-cookie"])]
    request = httpx2.Request("GET", f"{SITE}/somewhere")
    text = f"<p>{marks['in answer 200 of GET /somewhere']}</p>"
    await canary.heard.hear(httpx2.Response(200, headers=headers, text=text, request=request))


_PLACES: Final = (
    *("table public.planted", "table vault.planted", "the log of Postgres", "the log at DEBUG", "the metrics"),
    *("the document", "file files/planted", "sms code_sign_in", "the head of answer", "cookie __Host-form"),
    *("in answer 200 of GET /somewhere", "history of planted"),
)


@pytest.mark.untouched
async def test_a_mark_is_found_wherever_it_was_left(canary: Canary) -> None:
    marks = {place: canary.marks.new(Kind.PASSWORD, place) for place in _PLACES}
    await _plant_in_tables(canary, marks)
    await _plant_in_answers(canary, marks)
    logging.getLogger("amanat.commands").debug("told", extra={"told": marks["the log at DEBUG"]})
    metrics.get_meter("amanat").create_counter("amanat_planted").add(1, {"told": marks["the metrics"]})
    canary.heard.document = {"example": marks["the document"]}
    (canary.place / "files").mkdir(exist_ok=True)
    (canary.place / "files" / "planted").write_text(marks["file files/planted"], encoding="utf-8")
    told = {"code": "482913", "name": marks["sms code_sign_in"]}
    await LocalSms(canary.messages).send("+989121234567", "code_sign_in", told, "482913")
    client, process = canary.temporal.client, f"planted/{uuid4()}"
    handle = await client.start_workflow("planted", marks["history of planted"], id=process, task_queue="nobody's")

    left = await canary.left()
    left += [item async for item in histories(client, canary.context.seals.cipher, [process])]
    await handle.terminate()

    found = search(canary.marks, left)
    missed = [place for place, text in marks.items() if not _is_told(found, f"password of {place},", place, text)]
    assert missed == [], found


def _is_told(found: list[str], mark: str, place: str, text: str) -> bool:
    """Whether a line tells the mark and the place; none may tell the mark's own text."""
    assert not any(text in line for line in found)
    return any(line.startswith(mark) and place in line.removeprefix(mark) for line in found)


async def test_an_answer_may_hold_what_it_gives_and_a_form_what_its_person_typed(canary: Canary) -> None:
    password, mobile = canary.marks.new(Kind.PASSWORD, "x"), canary.marks.new(Kind.MOBILE, "x")
    shown = f"{SITE}/v1/cases/{uuid4()}/secrets/{uuid4()}/show"

    async def leaks(method: str, url: str, text: str, **headers: str) -> bool:
        canary.heard.items.clear()
        request = httpx2.Request(method, url)
        await canary.heard.hear(httpx2.Response(200, headers=headers, text=text, request=request))
        return search(canary.marks, canary.heard.items) != []

    assert not await leaks("POST", shown, password)
    assert await leaks("POST", shown, password, **{"Idempotent-Replayed": "true"})
    assert await leaks("POST", shown, mobile)
    assert not await leaks("POST", f"{SITE}/sign-in", mobile)
    assert await leaks("POST", f"{SITE}/sign-in", password)
    assert await leaks("POST", f"{SITE}/sign-in", "", Location=f"/x?mobile={mobile}")
    assert await leaks("GET", f"{SITE}/sign-in", mobile)


def test_a_field_that_takes_a_secret_is_found_by_its_name_wherever_it_stands() -> None:
    document = copy.deepcopy(describe())
    known = {each.name for each in takes(document)}
    parts = {"sign_in_staff.totp", "decide_task.mandate.code", "decide_tasks.items.decision.mobile"}
    heads = {"add_organisation.TOTP (header)", "check_paper.token (path)"}
    assert {"entrust_secret.password", "entrust_secret.user_name", "add_card.number", *parts, *heads} <= known
    assert not {"add_organisation.code", "add_contract.number"} & known

    added = {"api_token": {"type": "string"}, "new": {"type": "array", "items": {"anyOf": [{"type": "string"}]}}}
    document["components"]["schemas"]["EmailIn"]["properties"] |= added
    document["components"]["schemas"]["OrganisationIn"]["properties"]["owner"] = {
        "type": "object",
        "additionalProperties": {"type": "object", "properties": {"their_mobile": {"type": "string"}}},
    }
    assert unfed(document, known) == ["add_organisation.owner.*.their_mobile", "send_email_code.api_token"]


def test_what_is_excepted_is_there() -> None:
    document = describe()
    names = {operation["operationId"] for methods in document["paths"].values() for operation in methods.values()}

    assert {name for name in GIVES if " /" not in name} <= names
    assert {name.partition(".")[0] for name in NO_SECRET if "." in name} <= names
    assert set(MORE) | set(OTHERS) <= names
    assert not {kind for kinds in GIVES.values() for kind in kinds & {Kind.PASSWORD, Kind.USER_NAME, Kind.CODE}}
    assert not PERSONAL & {Kind.PASSWORD, Kind.USER_NAME, Kind.CODE, Kind.TOKEN, Kind.KEY}
