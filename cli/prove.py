"""``./amanat prove``: the whole suite in its long form, then the demo from nothing; one sentence at the end."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

import typer

from cli.checks import KEPT, PROVING, Outcome, run_suite
from stack.places import PROJECT, Places
from stack.postgres import EmbeddedPostgres

app = typer.Typer(add_completion=False)

# What a person would do beside it; each must end well.
_DEMO: Final = ("up", "demo --no-stay", "ledger check", "audit verify")
# How pytest ends that was interrupted, or could not read a test.
_BROKEN_OFF: Final = 2
# Settings of the caller, which a stack from nothing must not see.
_APART: Final = ("AMANAT_", "TEMPORAL_", "DATABASE_URL", "OWNER_DATABASE_URL", "VAULT_DATABASE_URL")


@app.command()
def prove() -> None:
    """Run every test in its long form and the demo; fails unless all of it passed and nothing was skipped.

    A run that was broken off is gone on with, on the same commit: what failed in it counts as failed.
    """
    began, commit = time.monotonic(), _commit()
    os.environ.setdefault(PROVING, "1")
    kept = Places().var / "proved" / commit
    if re.fullmatch(r"[0-9a-f]+", commit):
        kept.parent.mkdir(parents=True, exist_ok=True)
        os.environ[KEPT] = str(kept)
    outcome = run_suite([])
    if outcome.code == _BROKEN_OFF:
        typer.echo(f"not proved: broken off after {outcome.counts}; the next goes on from there (commit {commit})")
        raise typer.Exit(_BROKEN_OFF)
    # The next proof begins anew.
    kept.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(prefix="amanat-prove-") as directory:
        failed = _play_the_demo(Places(Path(directory) / "var"))
    is_proved = outcome.is_clean and failed is None
    typer.echo(sentence(outcome, failed, round(time.monotonic() - began), commit))
    raise typer.Exit(0 if is_proved else 1)


def _play_the_demo(places: Places) -> str | None:
    """Play the demo from nothing and verify its books; returns the command that failed, if one did."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(_APART)}
    environment |= {"AMANAT_VAR": str(places.var), "PYTHONPATH": str(PROJECT), "PYTHONUTF8": "1"}

    def ends_well(command: str) -> bool:
        print(f"amanat {command}", flush=True)
        wanted = [sys.executable, "-P", "-m", "cli", *command.split()]
        return subprocess.run(wanted, env=environment, cwd=PROJECT, check=False).returncode == 0

    try:
        return next((command for command in _DEMO if not ends_well(command)), None)
    finally:
        ends_well("down")
        EmbeddedPostgres(places.postgres).remove()


def sentence(outcome: Outcome, failed: str | None, seconds: int, commit: str) -> str:
    """What was proved, or that it was not, in one line."""
    said = "proved" if outcome.is_clean and failed is None else "not proved"
    demo = "demo green" if failed is None else f"demo failed at amanat {failed}"
    minutes, rest = divmod(seconds, 60)
    return f"{said}: {outcome.counts}; {demo}; {minutes} min {rest} s (commit {commit})"


def _commit() -> str:
    """The commit that was proved; what differs from it is said."""
    command = ["git", "describe", "--always", "--dirty=, with changes", "--exclude=*"]
    try:
        done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return "unknown"
    return done.stdout.strip() or "unknown"
