"""``./amanat openapi``: write the API's document to docs/openapi.json, and in short to docs/operations.md."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import typer

from api.app import describe
from api.problems import MEDIA_TYPE
from stack.places import PROJECT

app = typer.Typer(add_completion=False)
DOCUMENT: Final[Path] = PROJECT / "docs" / "openapi.json"
LIST: Final[Path] = PROJECT / "docs" / "operations.md"

_OF_ALL: Final = ("invalid_input", "too_many_requests", "temporarily_unavailable")
_OF_KEYS: Final = (
    "idempotency_key_missing",
    "idempotency_key_reused",
    "idempotency_key_in_flight",
    "foreign_origin",
)
_HEAD: Final = f"""# Operations

Made by `./amanat openapi` from the code; a test fails when it is out of date. Each line says what an
operation may refuse.
Every one may also refuse with {", ".join(f"`{code}`" for code in _OF_ALL)};
one that needs an `Idempotency-Key`, marked (key), also with
{", ".join(f"`{code}`" for code in _OF_KEYS)}.

"""


def listing(document: dict[str, Any]) -> str:
    """Every operation in a line: method, path, id, and what it may refuse."""
    return _HEAD + "\n".join(sorted(_lines(document))) + "\n"


def _lines(document: dict[str, Any]) -> Iterator[str]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            answers = [answer.get("content", {}).get(MEDIA_TYPE, {}) for answer in operation["responses"].values()]
            codes = {code for answer in answers for code in answer.get("examples", {})}
            needs_key = set(_OF_KEYS) <= codes
            told = sorted(codes - set(_OF_ALL) - (set(_OF_KEYS) if needs_key else set()))
            mark = " (key)" if needs_key else ""
            yield f"- `{path}` {method.upper()} **{operation['operationId']}**{mark} {', '.join(told)}".rstrip()


@app.command()
def openapi() -> None:
    """Write docs/openapi.json, and docs/operations.md, which is committed: it shows what a change does to the API."""
    document = describe()
    DOCUMENT.write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    LIST.write_text(listing(document), encoding="utf-8")
    typer.echo(f"wrote {DOCUMENT.relative_to(PROJECT)} and {LIST.relative_to(PROJECT)}")
