"""The canary in a browser: what was typed and what was shown stands in nothing that Chromium keeps (F2)."""

from __future__ import annotations

from typing import Final
from uuid import UUID

import pytest
from playwright.async_api import Page

from activities.transition import ActivityContext
from commands.command import Context
from gateways.local_bank import LocalBank
from tests.arrange import Arrange
from tests.books import Superuser
from tests.canary import Item, Kind, Marks, search
from tests.escrow_process import EscrowProcess
from tests.web.conftest import Visit
from tests.web.visitor import PageVisitor

pytestmark = pytest.mark.timeout(180)

# Whatever scripts of a site may keep, and what the page itself holds now.
_KEPT: Final = """async () => {
  const answered = asked => new Promise((done, failed) => {
    asked.onsuccess = () => done(asked.result);
    asked.onerror = () => failed(asked.error);
  });
  const told = {
    local: {...localStorage}, session: {...sessionStorage}, cookies: document.cookie,
    name: window.name, state: history.state, address: location.href, databases: [], caches: [],
  };
  for (const {name} of await indexedDB.databases()) {
    const database = await answered(indexedDB.open(name));
    for (const store of database.objectStoreNames) {
      told.databases.push([name, store, await answered(database.transaction(store).objectStore(store).getAll())]);
    }
    database.close();
  }
  for (const name of await caches.keys()) {
    const cache = await caches.open(name);
    for (const request of await cache.keys()) {
      told.caches.push([request.url, await (await cache.match(request)).text()]);
    }
  }
  return JSON.stringify(told);
}"""
_PLANT: Final = """async ([local, session, cookie, state, database, cache]) => {
  localStorage.setItem("planted", local);
  sessionStorage.setItem("planted", session);
  document.cookie = `planted=${cookie}`;
  history.replaceState(state, "");
  const opened = indexedDB.open("planted", 1);
  opened.onupgradeneeded = () => opened.result.createObjectStore("store").put({told: database}, 1);
  await new Promise(done => { opened.onsuccess = () => { opened.result.close(); done(); }; });
  await (await caches.open("planted")).put("/planted", new Response(cache));
}"""
_PLACES: Final = ("local storage", "session storage", "a cookie", "the state", "a database", "a cache")


async def kept(visitor: PageVisitor, where: str) -> list[Item]:
    """All that a window keeps: what scripts may keep, cookies that no script reads, and the page."""
    cookies = [f"{one.get('name')}={one.get('value')}" for one in await visitor.context.cookies()]
    # A page that is not shown again belongs to nobody: the browser's own stands there, and scripts keep nothing in it.
    is_ours = not visitor.page.url.startswith("chrome-error:")
    return [
        Item(f"what the browser keeps {where}", str(await visitor.page.evaluate(_KEPT) if is_ours else "").encode()),
        Item(f"cookies {where}", "\n".join(cookies).encode()),
        Item(f"the page {where}", (await visitor.page.content()).encode()),
        Item(f"fields {where}", "\n".join(await _fields(visitor.page)).encode(), frozenset({Kind.SITE})),
    ]


async def _fields(page: Page) -> list[str]:
    """What stands in the fields of a page, which its source does not say."""
    found = await page.locator("input, textarea").evaluate_all("fields => fields.map(field => field.value)")
    return [str(value) for value in found]


async def test_a_secret_that_was_typed_and_shown_stays_nowhere_in_the_browser(
    visit: Visit,
    context: Context,
    arrange: Arrange,
    activity_context: ActivityContext,
    bank: LocalBank,
    superuser: Superuser,
) -> None:
    marks, process = Marks(), await EscrowProcess.opened(context, arrange, activity_context, bank, arbitrators=1)
    page = f"/cases/{await process.claimed()}/secrets"
    member, holder = await visit(process.employer), await visit(process.arbitrators[0])
    password = await _entrust(member, page, marks)
    left = await kept(member, "after entrusting")
    await member.turn(member.page.go_back)
    left += await kept(member, "after going back to the form")

    secret_id: UUID = await superuser.value("SELECT id FROM entrusted_secrets ORDER BY entrusted_at DESC LIMIT 1")
    await holder.go(f"{page}/{secret_id}")
    await holder.fill(totp=process.arbitrators[0].totp or "")
    await holder.press("See the password")
    assert password in await holder.page.content()
    # The page shows it now; nothing else may have it.
    left += [item for item in await kept(holder, "while it is shown") if not item.place.startswith(("the page", "fie"))]
    await holder.press("I am done; hide it")
    left += await kept(holder, "after it was hidden")
    for way in (holder.page.go_back, holder.page.go_forward):
        await holder.turn(way)
        left += await kept(holder, f"after {way.__name__}")

    assert search(marks, left) == []


async def _entrust(member: PageVisitor, page: str, marks: Marks) -> str:
    """A login is entrusted; returns its password."""
    password = marks.new(Kind.PASSWORD, "the form")
    await member.go(page)
    await member.fill(
        site=marks.new(Kind.SITE, "the form"), user_name=marks.new(Kind.USER_NAME, "the form"), password=password
    )
    await member.press("Encrypt and entrust it")
    await member.reads("It is kept, encrypted. Each time somebody sees it, you are told by SMS.")
    return password


async def test_a_mark_is_found_in_each_place_of_a_browser(visit: Visit) -> None:
    marks, visitor = Marks(), await visit()
    await visitor.go("/sign-in/password")
    texts = [marks.new(Kind.PASSWORD, place) for place in _PLACES]
    await visitor.page.evaluate(_PLANT, texts)
    await visitor.fill(national_id=marks.new(Kind.NATIONAL_ID, "a field"))

    found = search(marks, await kept(visitor, "here"))

    assert {line.partition(",")[0] for line in found} == {
        *(f"password of {place}" for place in _PLACES),
        "national id of a field",
    }
