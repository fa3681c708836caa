"""``./amanat templates``: write docs/sms-templates.md, every SMS with its values and its text."""

from __future__ import annotations

from collections.abc import Iterator

import typer

from domain.notice import names_in, sms_texts
from stack.places import PROJECT

app = typer.Typer(add_completion=False)
DOCUMENT = PROJECT / "docs" / "sms-templates.md"
_HEAD = """# SMS templates

Carriers send approved templates only. Each of ours, with the values that it carries; `AMANAT_SMS_TEMPLATES` names the
carrier's own template for each ([configuration](configuration.md)). A message whose template is not named there is
marked failed; each process says at its start which are not. The local gateway of the stand-alone stack needs none.
Made from the code by `./amanat templates`.

`app_link` and `training_link` come from the settings and go to no carrier: write them into the carrier's text. Of
Kavenegar's tokens only `token10` and `token20` take spaces, and none takes `:`, `/`, `_` or `٬`, which are replaced.
SMS.ir takes 25 signs a value; longer ones are cut. What the carriers answer was read in their documentation and tried
with a stand-in, never with the carriers themselves.

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
    for name, text in sms_texts().items():
        values = names_in(text)
        yield f"| `{name}` | {', '.join(values) or '–'} | {text.replace(chr(10), '<br>')} |"
