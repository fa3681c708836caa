"""The API and the site of tests: their routes are made once a process, and work with each test's own context."""

from __future__ import annotations

import functools
from pathlib import Path

from fastapi import FastAPI
from starlette.types import ASGIApp

from api.app import create_app
from api.live import Watcher
from commands.command import Context
from gateways.local_bank import LocalBank
from web.app import create_site

_MADE: list[FastAPI] = []


def bank_beside(messages: Path) -> LocalBank:
    """The bank of a test's site."""
    return LocalBank(messages.parent / "bank", "https://amanat.test")


def api_over(context: Context, messages: Path) -> FastAPI:
    """The API over a test's context; making its routes takes longer than most tests."""
    if not _MADE:
        _MADE.append(create_app(context, local_messages=messages, local_bank=bank_beside(messages)))
    (app,) = _MADE
    if app.state.context is not context:
        app.state.context, app.state.watcher, app.state.local_messages = context, Watcher(context.engine), messages
        app.state.local_bank = bank_beside(messages)
    return app


def site_over(context: Context, messages: Path) -> ASGIApp:
    """The stand-alone site over a test's context."""
    return _site_before(api_over(context, messages))


@functools.cache
def _site_before(api: FastAPI) -> ASGIApp:
    return create_site(api, stand_alone=True)
