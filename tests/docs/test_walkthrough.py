"""The walkthrough says what happens: its blocks are run in order against a real stack, and print what is shown."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from rich.console import Console

from stack import control
from stack.places import PROJECT, Places
from stack.postgres import EmbeddedPostgres
from stack.progress import Progress

_PAGE = PROJECT / "docs" / "walkthrough.md"
_FENCE = re.compile(r"^## (?P<title>[^\n]+)$|^```(?P<kind>\w+)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
_END = "\x1e"
_LIMIT_SECONDS = 420


@dataclass(slots=True)
class Step:
    """A block of commands and what the page says that it prints; None: nothing is said."""

    title: str
    commands: str
    shown: str | None = None


def read_steps(page: str) -> list[Step]:
    """The ``sh`` blocks of a page, each with the ``text`` block behind it."""
    steps: list[Step] = []
    title = ""
    for found in _FENCE.finditer(page):
        title = found["title"] or title
        if found["kind"] == "sh":
            steps.append(Step(f"{len(steps) + 1}: {title}", found["body"]))
        elif found["kind"] == "text":
            steps[-1].shown = found["body"]
    return steps


STEPS = read_steps(_PAGE.read_text("utf-8"))


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of a person beside a running stack of their own."""
    places = Places(tmp_path_factory.mktemp("walkthrough") / "var")
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(("AMANAT_", "TEMPORAL_"))]:
            patch.delenv(name)
        for name in ("DATABASE_URL", "OWNER_DATABASE_URL", "VAULT_DATABASE_URL"):
            patch.delenv(name, raising=False)
        control.start(places, Progress(Console(quiet=True)))
        yield {**os.environ, "AMANAT_VAR": str(places.var)}
        control.stop(places, Progress(Console(quiet=True)))
        EmbeddedPostgres(places.postgres).remove()


@pytest.fixture(scope="module")
def printed(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What each block printed, up to the one that failed, if one did."""
    here = tmp_path_factory.mktemp("checkout")
    _lay_out(here)
    script = "\n".join(["set -euo pipefail", *(f"{step.commands}\nprintf '\\036'" for step in STEPS)])
    bash = shutil.which("bash")
    assert bash is not None
    done = subprocess.run(
        [bash, "-c", script],
        cwd=here,
        env={**environment, "PATH": f"{here / 'bin'}:{environment['PATH']}"},
        capture_output=True,
        text=True,
        timeout=_LIMIT_SECONDS,
        check=False,
    )
    outputs = done.stdout.split(_END)
    if done.returncode:
        outputs[-1] += f"\nthe block ended with {done.returncode}: {done.stderr[-3000:]}"
    return outputs


def _lay_out(here: Path) -> None:
    """A directory that looks like the project's, with commands that never set anything up, and a curl."""
    (here / ".venv").symlink_to(sys.prefix)
    for path, command in (
        (here / "amanat", "-m cli"),
        (here / "bin" / "curl", str(Path(__file__).with_name("curl_stand_in.py"))),
    ):
        path.parent.mkdir(exist_ok=True)
        path.write_text(f'#!/bin/sh\nPYTHONPATH={PROJECT} exec {sys.executable} -P {command} "$@"\n', "utf-8")
        path.chmod(0o755)


def as_pattern(shown: str) -> str:
    """Expected lines as a pattern: ``…`` stands for anything on its line."""
    return ".*".join(map(re.escape, shown.split("…")))


def test_the_page_has_steps_and_says_what_they_print() -> None:
    assert len(STEPS) >= 10
    assert all(step.shown for step in STEPS)


@pytest.mark.long
@pytest.mark.timeout(_LIMIT_SECONDS + 40)
@pytest.mark.parametrize("number", range(len(STEPS)), ids=[step.title for step in STEPS])
def test_each_step_prints_what_the_page_shows(printed: list[str], number: int) -> None:
    step = STEPS[number]
    assert number < len(printed), "an earlier step failed"
    assert re.fullmatch(as_pattern(step.shown or ""), printed[number]), f"it printed:\n{printed[number]}"
