"""``./amanat pictures``: play the story in a Chromium and keep the pictures that the README shows."""

from __future__ import annotations

import os
from typing import Final

import typer

from cli.checks import run_tests
from stack.places import PROJECT, CliError

# Tells the story's pages where to keep them, small.
VARIABLE: Final = "AMANAT_DOCS_PICTURES"
_STORY: Final = PROJECT / "tests" / "web" / "test_onboarding.py"

app = typer.Typer(add_completion=False)


@app.command()
def pictures() -> None:
    """Make docs/pictures/ anew."""
    os.environ[VARIABLE] = str(PROJECT / "docs" / "pictures")
    if run_tests(["-q", str(_STORY)]):
        raise CliError("the story did not come to its end; the pictures are of no use")
