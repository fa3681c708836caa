"""Somebody at a browser: their own window with their own session, and what tests ask of each page they see."""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Error, Page, Response

from cli.pictures import VARIABLE
from domain.persian import latin_digits
from stack.places import PROJECT
from tests.arrange import Someone, eventually, newest_code, sent_to
from tests.length import IS_LONG
from web.language import Language, language_of

SESSION_COOKIE = "__Host-session"
_AXE = (PROJECT / "web/node_modules/axe-core/axe.min.js").read_text("utf-8")
_QUICK = {"resultTypes": ["violations"], "preload": False, "iframes": False}
_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_EVERYTHING = json.dumps({"runOnly": _RULES, **_QUICK})
_CONTRAST = json.dumps({"runOnly": ["color-contrast"], **_QUICK})
# Looked at by people after a run; never compared.
PICTURES = PROJECT / "var" / "pictures"


@dataclass(slots=True)
class PageVisitor:
    """A person at a page; ``complaints`` is what the browser's console said.

    Texts are given as the message ids of the catalogue and looked for in the window's language.
    """

    context: BrowserContext
    page: Page
    messages: Path
    language: Language
    script: bool
    someone: Someone | None = None
    complaints: list[str] = field(default_factory=list)
    codes: Counter[str] = field(default_factory=Counter)

    async def go(self, path: str, *, status: int = 200) -> Response:
        """Open a page, which answers with a status."""
        answer = await self.page.goto(path)
        assert answer is not None
        assert answer.status == status, (path, answer.status)
        return answer

    async def fill(self, **values: str) -> None:
        """Fill fields by their name, written with ``__`` for a dot."""
        for name, value in values.items():
            await self.page.fill(f'[name="{name.replace("__", ".")}"]', value)

    async def press(self, text: str) -> None:
        """Press the one button or link of a text in the page's content, and wait for what follows."""
        content, name = self.page.locator("main"), self.language.translate(text)
        found = content.get_by_role("button", name=name, exact=True).or_(
            content.get_by_role("link", name=name, exact=True)
        )
        # What is looked at next is the page that follows, not the one that is left.
        async with self.page.expect_navigation():
            await found.first.click()

    async def turn(self, way: Callable[[], Awaitable[object]]) -> None:
        """Go back or forward by the browser's own button, and wait for what stands there; it may be its own error."""
        left = self.page.url
        with contextlib.suppress(Error):
            await way()
        await self.page.wait_for_url(lambda url: url != left, wait_until="commit")
        await self.page.wait_for_function("document.readyState === 'complete'")

    async def open(self, text: str) -> None:
        """Open what asks once before it is done."""
        await self.page.locator("summary", has_text=self.language.translate(text)).first.click()

    async def reads(self, text: str) -> None:
        """Wait until the page's content says something."""
        wanted = self.language.translate(text)

        async def is_there() -> bool:
            return wanted in await self.text()

        await eventually(is_there, f"«{wanted}» on {self.page.url}, which says: {await self.text()}")

    async def look(self) -> None:
        """What holds for every page that somebody sees; without script nothing can be measured in it.

        In the suite each page is accessible as ``test_pages.py`` opens it, in the long form in every state of a story.
        """
        if not self.script:
            return
        if IS_LONG:
            await self.assert_accessible()
        await self.assert_fits()

    async def text(self) -> str:
        """What the page's content says."""
        return await self.page.locator("main").inner_text()

    async def code(self, purpose: str) -> str:
        """The code that came by SMS for a purpose since the last one that was read."""
        assert self.someone is not None
        mobile = self.someone.mobile
        self.codes[purpose] += 1

        async def came() -> bool:
            return sent_to(self.messages, mobile).count(f"code_{purpose}") >= self.codes[purpose]

        await eventually(came, f"a code for {purpose}")
        return newest_code(self.messages, mobile)

    async def assert_accessible(self) -> None:
        """Nothing that axe finds against WCAG 2.2 AA."""
        await self._find_nothing(_EVERYTHING)

    async def assert_readable_in_the_dark(self) -> None:
        """Contrast is enough in the dark scheme too."""
        await self.page.emulate_media(color_scheme="dark")
        await self._find_nothing(_CONTRAST)
        await self.page.emulate_media(color_scheme="light")

    async def _find_nothing(self, options: str) -> None:
        """Have axe look; only what it finds leaves the browser, for all that it did is a hundred times as long."""
        if not await self.page.evaluate("Boolean(window.axe)"):
            await self.page.evaluate(_AXE)
        found: list[dict[str, Any]] = await self.page.evaluate(f"axe.run({options}).then(all => all.violations)")
        said = [(rule["id"], [node["target"] for node in rule["nodes"]]) for rule in found]
        assert said == [], (self.page.url, said)

    async def assert_fits(self) -> None:
        """The page is no wider than the window: nobody scrolls sideways."""
        wide = await self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, (self.page.url, wide)

    async def picture(self, name: str) -> None:
        """Keep how the page looks, where all of them are looked at."""
        if not IS_LONG:
            return
        PICTURES.mkdir(parents=True, exist_ok=True)
        await self.page.screenshot(path=PICTURES / f"{name}.png", full_page=True)

    async def picture_for_docs(self, name: str) -> None:
        """Keep how the page looks for the README, small; only where ``./amanat pictures`` says so."""
        if directory := os.environ.get(VARIABLE):
            path = f"{directory}/{name}.jpg"
            await self.page.screenshot(path=path, type="jpeg", quality=55, scale="css")

    def assert_no_complaints(self) -> None:
        """The browser found nothing wrong: no script failed, nothing was refused by the policy."""
        assert self.complaints == []


async def open_window(
    browser: Browser,
    address: str,
    messages: Path,
    someone: Someone | None = None,
    *,
    width: int = 1280,
    language: str = "fa",
    script: bool = True,
) -> PageVisitor:
    """A new window of its own, signed in as somebody unless it is for nobody."""
    context = await browser.new_context(
        base_url=address,
        viewport={"width": width, "height": 900},
        java_script_enabled=script,
        reduced_motion="reduce",
    )
    cookies: dict[str, str] = {"__Host-language": language}
    if someone is not None:
        cookies[SESSION_COOKIE] = someone.token
    host = re.sub(r"^http://|:\d+$", "", address)
    await context.add_cookies(
        [{"name": name, "value": value, "domain": host, "path": "/", "secure": True} for name, value in cookies.items()]
    )
    visitor = PageVisitor(context, await context.new_page(), messages, language_of(language), script, someone)
    visitor.page.set_default_timeout(15_000)
    visitor.page.on("console", lambda message: _note(visitor, message))
    visitor.page.on("pageerror", lambda error: visitor.complaints.append(str(error)))
    return visitor


def _note(visitor: PageVisitor, message: ConsoleMessage) -> None:
    # A page that was refused is a failed load to the console, whatever it shows.
    if message.type in {"error", "warning"} and "the server responded with a status of 4" not in message.text:
        visitor.complaints.append(latin_digits(message.text))
