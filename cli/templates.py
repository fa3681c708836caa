"""``./amanat templates``: write docs/sms-templates.md, every SMS with its values and its text."""

from __future__ import annotations

from collections.abc import Iterator
from string import Formatter

import typer

from domain.account import CodePurpose, code_text
from domain.catalogue import words
from stack.places import PROJECT

app = typer.Typer(add_completion=False)
DOCUMENT = PROJECT / "docs" / "sms-templates.md"
_HEAD = """# SMS templates

Carriers send approved templates only. Each of ours, with the values that it carries; `AMANAT_SMS_TEMPLATES` names the
carrier's own template for each ([configuration](configuration.md)). A template that is not named there is marked failed
and logged. The local gateway of the stand-alone stack needs none. Made from the code by `./amanat templates`.

| our name | values | text |
| --- | --- | --- |
"""


@app.command()
def templates() -> None:
    """Write docs/sms-templates.md anew; a test fails when it differs from the code."""
    DOCUMENT.write_text(describe(), encoding="utf-8")
    typer.echo(f"wrote {DOCUMENT.relative_to(PROJECT)}")


def describe() -> str:
    """All templates, in Markdown."""
    return _HEAD + "".join(f"{line}\n" for line in _lines())


def _lines() -> Iterator[str]:
    codes = {f"code_{purpose}": code_text(purpose, "{code}") for purpose in CodePurpose}
    for name, text in {**codes, **words.sms}.items():
        values = sorted({field for _, field, _, _ in Formatter().parse(text) if field})
        yield f"| `{name}` | {', '.join(values) or '–'} | {text.replace(chr(10), '<br>')} |"
