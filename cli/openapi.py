"""``./amanat openapi``: write the API's document to docs/openapi.json."""

from __future__ import annotations

import json
from pathlib import Path

import typer

from api.app import describe
from stack.places import PROJECT

app = typer.Typer(add_completion=False)
DOCUMENT: Path = PROJECT / "docs" / "openapi.json"


@app.command()
def openapi() -> None:
    """Write docs/openapi.json anew; a test fails when it differs from the code."""
    DOCUMENT.write_text(json.dumps(describe(), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    typer.echo(f"wrote {DOCUMENT.relative_to(PROJECT)}")
