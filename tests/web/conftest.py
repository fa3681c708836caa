"""A site to visit: pages and API behind one door, served by uvicorn over the test's own database, and a Chromium."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import httpx2
import pytest
from playwright.async_api import Browser, async_playwright

from cli.browser import VARIABLE, find_browser
from commands.command import Context
from tests.applications import site_over
from tests.arrange import Someone
from tests.serving import serving
from tests.web.visitor import SESSION_COOKIE, PageVisitor, open_window

# What a whole Chromium does for each window beside its page: it took more than the page. The headless shell has none.
_UNSEEN = ("WebUIOmniboxPopup", "WebUIOmniboxAimPopup", "SpareRendererForSitePerProcess")
# What Playwright itself switches off: of two such lists Chromium takes the last.
_USUALLY_OFF = (
    *("AimEnabled", "AvoidCorsURLLoaderRestartOnRedirect", "AvoidUnnecessaryBeforeUnloadCheckSync"),
    *(
        "DestroyProfileOnBrowserClose",
        "HttpsFirstBalancedModeAutoEnable",
        "HttpsUpgrades",
        "LensOverlay",
        "MediaRouter",
    ),
    *("NetworkTimeServiceQuerying", "OptimizationHints", "PaintHolding", "PreconnectToSearch"),
    *("TcpPortRandomizationWin", "ThirdPartyStoragePartitioning"),
)
_FLAGS = [
    *("--no-sandbox", "--disable-quic", "--disable-background-networking", "--disable-gpu"),
    "--disable-features=" + ",".join((*_UNSEEN, *_USUALLY_OFF)),
]
# What our own page says of itself when it sends a form.
HERE = {"Origin": "https://amanat.test", "Sec-Fetch-Site": "same-origin"}
Visit = Callable[..., Awaitable[PageVisitor]]


@pytest.fixture
async def site(context: Context, messages_dir: Path) -> AsyncIterator[httpx2.AsyncClient]:
    """The site in process, as a browser reaches it."""
    app = site_over(context, messages_dir)
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False, client=("192.0.2.7", 5000))
    async with httpx2.AsyncClient(transport=transport, base_url="https://amanat.test") as client:
        yield client


def cookies(someone: Someone) -> dict[str, str]:
    """What somebody's browser sends."""
    return {"Cookie": f"{SESSION_COOKIE}={someone.token}"}


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """An installed Chromium; without one the tests in a browser are left out."""
    program = os.environ.get(VARIABLE) or find_browser()
    if not program:
        pytest.skip("there is no Chromium")
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(executable_path=program, args=_FLAGS)
        yield launched
        await launched.close()


@pytest.fixture
async def address(context: Context, messages_dir: Path) -> AsyncIterator[str]:
    """Where the site answers."""
    async with serving(site_over(context, messages_dir)) as where:
        yield where


@pytest.fixture
async def visit(browser: Browser, address: str, messages_dir: Path) -> AsyncIterator[Visit]:
    """Opens windows; afterwards none of them may have had a complaint."""
    opened: list[PageVisitor] = []

    async def open_one(someone: Someone | None = None, **window: object) -> PageVisitor:
        opened.append(await open_window(browser, address, messages_dir, someone, **window))  # type: ignore[arg-type]  # passed on
        return opened[-1]

    yield open_one
    for visitor in opened:
        with contextlib.suppress(Exception):
            await visitor.context.close()
    for visitor in opened:
        visitor.assert_no_complaints()
