"""``./amanat test`` and ``./amanat check``: the project's tests and its static checks."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from cli.browser import VARIABLE, find_browser, provide_browser
from stack.places import PROJECT

_DIVIDED = ["-n", str(min(os.cpu_count() or 1, 4)), "--dist", "loadfile", "--no-loadscope-reorder"]


def run_tests(arguments: list[str]) -> int:
    """Run pytest in this process and return its exit code.

    In this process, because the caller then ends without the interpreter's own end, where Temporal's library
    sometimes aborts after correct results. Paths among the arguments are the caller's. The whole suite is divided among
    processes: most tests wait for servers. Without a Chromium the pages' tests are left out, and the last line says so.
    """
    import pytest  # noqa: PLC0415 - no other command needs it

    absolute = [_from_here(argument) for argument in arguments]
    is_whole = all(argument.startswith("-") for argument in absolute)
    browser = (provide_browser() if is_whole else find_browser()) or ""
    os.environ[VARIABLE] = browser
    os.chdir(PROJECT)
    code = int(pytest.main([*(_DIVIDED if is_whole else []), *absolute]))
    if not browser:
        print("left out: the tests in a browser, for there is no Chromium here (Debian: apt-get install chromium)")
    return code


def _from_here(argument: str) -> str:
    path, colons, test = argument.partition("::")
    exists = not argument.startswith("-") and path != "" and Path(path).exists()
    return str(Path(path).absolute()) + colons + test if exists else argument


def run_checks() -> int:
    """Run ruff, its formatter, mypy and import-linter, all of them; 1 if any finds something."""
    python = [sys.executable, "-m"]
    commands = {
        "ruff check": [*python, "ruff", "check", "."],
        "ruff format": [*python, "ruff", "format", "--check", "."],
        "mypy": [*python, "mypy"],
        "lint-imports": [str(Path(sys.executable).with_name("lint-imports"))],
    }
    return int(any([not _passes(name, command) for name, command in commands.items()]))  # noqa: C419 - run all


def _passes(name: str, command: list[str]) -> bool:
    began = time.monotonic()
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    passed = done.returncode == 0
    if not passed:
        print(done.stdout + done.stderr, end="")
    print(f"{'ok    ' if passed else 'FAILED'} {name} ({time.monotonic() - began:.1f} s)", flush=True)
    return passed
