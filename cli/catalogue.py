"""``./amanat catalogue``: bring the pages' Persian catalogue up to date, and say what still lacks Persian."""

from __future__ import annotations

import typer

app = typer.Typer(add_completion=False)


@app.command()
def catalogue() -> None:
    """Collect the pages' messages into web/locale/fa/; what is there in Persian stays."""
    from web import catalogue as pages  # noqa: PLC0415 - --help needs no pages
    from web.language import CATALOGUES  # noqa: PLC0415

    files = pages.refreshed()
    for path in set(CATALOGUES.glob("*.po")) - set(files):
        path.unlink()
    for path, text in files.items():
        path.write_text(text, "utf-8")
    missing = list(pages.untranslated(pages.stored()))
    for message in missing:
        typer.echo(message)
    typer.echo(f"{len(missing)} messages lack Persian")
