"""The API whose every refusal is compared with what the operation declares."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from api.app import describe
from commands.command import Context
from tests.applications import api_over

# Not an operation's own: nothing is at that address, or a fault of ours.
_UNDECLARED = {"no_such_operation", "internal_error"}


class Declared:
    """What the document says about each operation's refusals."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._operations = [
            (method.upper(), re.compile(re.sub(r"\{\w+\}", "[^/]+", path)), operation)
            for path, methods in document["paths"].items()
            for method, operation in methods.items()
        ]
        self.surprises: list[str] = []

    async def compare(self, answer: httpx2.Response) -> None:
        """Note a problem that the operation does not declare."""
        if answer.headers.get("content-type") != "application/problem+json":
            return
        await answer.aread()
        code = answer.json()["code"]
        path = answer.request.url.raw_path.decode().partition("?")[0]
        for method, address, operation in self._operations:
            if code not in _UNDECLARED and method == answer.request.method and address.fullmatch(path):
                declared = operation["responses"].get(str(answer.status_code), {}).get("content", {})
                if code not in declared.get("application/problem+json", {}).get("examples", {}):
                    self.surprises.append(f"{operation['operationId']}: {answer.status_code} {code}")
                return


@pytest.fixture(scope="session")
def described() -> dict[str, Any]:
    """The API's document, which takes a third of a second to make."""
    return describe()


@pytest.fixture
async def api(context: Context, messages_dir: Path, described: dict[str, Any]) -> AsyncIterator[httpx2.AsyncClient]:
    """The API in process; the test fails if an operation refused with a problem that it does not declare."""
    app = api_over(context, messages_dir)
    declared = Declared(described)
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False, client=("192.0.2.1", 5000))
    async with httpx2.AsyncClient(
        transport=transport, base_url="https://amanat.test", event_hooks={"response": [declared.compare]}
    ) as client:
        yield client
    assert sorted(set(declared.surprises)) == []
