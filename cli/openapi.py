"""``./amanat openapi``: write the API's document to docs/openapi.json, and in short to docs/operations.md."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import typer

from api.app import describe
from api.decisions import DECISIONS
from api.mandate import MandateAcceptance
from api.problems import MEDIA_TYPE
from domain.errors import StepUpRequired
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
_OF_CODES: Final = ("code_required", "bad_code", "code_not_accepted")
_STEP_UP: Final = StepUpRequired.code
_HEAD: Final = f"""# Operations

Made by `./amanat openapi` from the code; a test fails when it is out of date. Each line says what an
operation may refuse.
Every one may also refuse with {", ".join(f"`{code}`" for code in _OF_ALL)};
one that needs an `Idempotency-Key`, marked (key), also with
{", ".join(f"`{code}`" for code in _OF_KEYS)}.

**How staff confirm** (G1, [decision 0023](decisions/0023-one-rule-for-fresh-codes.md)): one marked (code) moves pay,
terms or money and takes a code of the authenticator app of its own, in the header `TOTP` of the very request, and may
also refuse with {", ".join(f"`{code}`" for code in _OF_CODES)}; one marked (step-up) needs a session that was confirmed
within ten minutes, by signing in or by `step_up`, and may also refuse with `{_STEP_UP}`. What has neither mark needs
neither; members confirm by codes that come by SMS, as its operation says.

"""
_DECISIONS: Final = """
## How each decision about a task is confirmed

| task | decision | confirmed by |
| --- | --- | --- |
"""


def listing(document: dict[str, Any]) -> str:
    """Every operation in a line: method, path, id, and what it may refuse."""
    return _HEAD + "\n".join(sorted(_lines(document))) + "\n" + _DECISIONS + "\n".join(_confirmed()) + "\n"


def _confirmed() -> Iterator[str]:
    """Every decision in a line of a table: by which code it is confirmed."""
    for decision in DECISIONS:
        kind, name = decision.name()
        fields = {field.annotation for field in decision.model_fields.values()}
        member = "a code by SMS" if MandateAcceptance in fields else "nothing"
        yield f"| `{kind}` | `{name}` | {' or '.join(decision.confirmed_by()) or member} |"


def _lines(document: dict[str, Any]) -> Iterator[str]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            answers = [answer.get("content", {}).get(MEDIA_TYPE, {}) for answer in operation["responses"].values()]
            codes = {code for answer in answers for code in answer.get("examples", {})}
            needs_key = set(_OF_KEYS) <= codes
            needs_code, needs_step_up = set(_OF_CODES) <= codes, _STEP_UP in codes
            implied = {*_OF_ALL, _STEP_UP, *(_OF_KEYS if needs_key else ()), *(_OF_CODES if needs_code else ())}
            told = sorted(codes - implied)
            marks = (("key", needs_key), ("code", needs_code), ("step-up", needs_step_up))
            mark = "".join(f" ({name})" for name, marked in marks if marked)
            yield f"- `{path}` {method.upper()} **{operation['operationId']}**{mark} {', '.join(told)}".rstrip()


@app.command()
def openapi() -> None:
    """Write docs/openapi.json, and docs/operations.md, which is committed: it shows what a change does to the API."""
    document = describe()
    DOCUMENT.write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    LIST.write_text(listing(document), encoding="utf-8")
    typer.echo(f"wrote {DOCUMENT.relative_to(PROJECT)} and {LIST.relative_to(PROJECT)}")
