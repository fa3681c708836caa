"""A site to visit: pages and API behind one door, served by uvicorn over the test's own database, and a Chromium."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import uvicorn
from playwright.async_api import Browser, async_playwright

from api.app import create_app
from cli.browser import VARIABLE, find_browser
from commands.command import Context
from tests.arrange import Someone, eventually
from tests.web.visitor import Visitor, open_window
from web.app import create_site

_FLAGS = ["--no-sandbox", "--disable-quic", "--disable-background-networking", "--disable-gpu"]
Visit = Callable[..., Awaitable[Visitor]]


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
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        app = create_site(create_app(context, local_messages=messages_dir), stand_alone=True)
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, timeout_graceful_shutdown=1))
        serving = asyncio.create_task(server.serve(sockets=[listening]))

        async def has_started() -> bool:
            return server.started

        await eventually(has_started, "the site")
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        await serving


@pytest.fixture
async def visit(browser: Browser, address: str, messages_dir: Path) -> AsyncIterator[Visit]:
    """Opens windows; afterwards none of them may have had a complaint."""
    opened: list[Visitor] = []

    async def open_one(someone: Someone | None = None, **window: object) -> Visitor:
        opened.append(await open_window(browser, address, messages_dir, someone, **window))  # type: ignore[arg-type]  # passed on
        return opened[-1]

    yield open_one
    for visitor in opened:
        with contextlib.suppress(Exception):
            await visitor.context.close()
    for visitor in opened:
        visitor.assert_no_complaints()
