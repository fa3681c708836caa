"""``./amanat catalogue``: bring the pages' Persian catalogue up to date, and say what still lacks Persian."""

from __future__ import annotations

import typer

app = typer.Typer(add_completion=False)


@app.command()
def catalogue() -> None:
    """Collect the pages' messages into web/locale/fa.po; what is there in Persian stays."""
    from web import catalogue as pages  # noqa: PLC0415 - --help needs no pages

    pages.FILE.write_text(pages.refreshed(), "utf-8")
    missing = list(pages.untranslated(pages.stored()))
    for message in missing:
        typer.echo(message)
    typer.echo(f"{len(missing)} messages lack Persian")
