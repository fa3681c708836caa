"""``./amanat test`` and ``./amanat check``: the project's tests and its static checks."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cli.browser import VARIABLE, find_browser, provide_browser
from stack.places import PROJECT

if TYPE_CHECKING:
    import pytest

# Tests take their long form where it is set; a number above 1 makes that many times as much of it (tests/length.py).
PROVING: Final = "AMANAT_PROVE"
# A file that keeps what became of each test, so that a run that was broken off is gone on with.
KEPT: Final = "AMANAT_PROVE_KEPT"
_SLOWEST_SHOWN = 5
# Two processes more than there are cores: each waits for its servers half of the time, and one more left cores idle.
_PROCESSES = min((os.cpu_count() or 1) + 2, 4)
_DIVIDED = ["-n", str(_PROCESSES), "--dist", "loadfile", "--no-loadscope-reorder"]


@dataclass(slots=True, eq=False)
class Outcome:
    """How a run of pytest ended: its exit code, what became of the tests, and how long each file took.

    A run of long forms takes an hour and shows at its end why a test failed: which one did is told at once.
    """

    code: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    seconds: dict[str, float] = field(default_factory=dict)
    config: pytest.Config | None = None
    _worst: dict[str, str] = field(default_factory=dict)

    def pytest_configure(self, config: pytest.Config) -> None:
        """Keep where pytest writes, and count what an earlier part of this run has found."""
        self.config = config
        self.outcomes.update(kept_outcomes().values())

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count what pytest says about a test's set-up, call and end."""
        file = report.nodeid.partition("::")[0]
        self.seconds[file] = self.seconds.get(file, 0.0) + report.duration
        if report.when == "call" or not report.passed:
            self.outcomes[report.outcome] += 1
            self._worst[report.nodeid] = report.outcome
        if report.failed and self.config is not None:
            terminal: Any = self.config.pluginmanager.get_plugin("terminalreporter")
            # The dots before it stand on a line that is not ended.
            terminal.write_line(f"\n{report.when} failed: {report.nodeid}")
        if report.when == "teardown" and os.environ.get(KEPT):
            with Path(os.environ[KEPT]).open("a", encoding="utf-8") as kept:
                kept.write(f"{self._worst.pop(report.nodeid)} {report.nodeid}\n")

    @property
    def is_clean(self) -> bool:
        """Whether every test ran and passed."""
        return self.code == 0 and not self.outcomes["failed"] and not self.outcomes["skipped"]

    @property
    def counts(self) -> str:
        """How many tests passed, failed and were skipped."""
        passed, failed, skipped = (self.outcomes[name] for name in ("passed", "failed", "skipped"))
        return f"{passed:,} tests passed, {failed:,} failed, {skipped:,} skipped"

    @property
    def slowest(self) -> str:
        """The files that took longest; their seconds are those of one process."""
        slowest = sorted(self.seconds, key=self.seconds.__getitem__, reverse=True)[:_SLOWEST_SHOWN]
        lines = [f"{self.seconds[file]:6.1f} s  {file}" for file in slowest]
        return "\n".join(["slowest files:", *lines])


def kept_outcomes() -> dict[str, str]:
    """What became of the tests of an earlier part of this run, by their names; a line that broke off says nothing."""
    file = Path(os.environ.get(KEPT) or os.devnull)
    lines = file.read_text("utf-8").splitlines(keepends=True) if file.exists() else []
    found = (line.rstrip("\n").partition(" ") for line in lines if line.endswith("\n"))
    return {name: outcome for outcome, _, name in found}


def run_tests(arguments: list[str]) -> int:
    """Run pytest and return its exit code."""
    return run_suite(arguments).code


def run_suite(arguments: list[str]) -> Outcome:
    """Run pytest in this process.

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
    outcome = Outcome()
    outcome.code = int(pytest.main([*(_DIVIDED if is_whole else []), *absolute], plugins=[outcome]))
    if len(outcome.seconds) > 1:
        print(outcome.slowest)
    if not browser:
        print("left out: the tests in a browser; there is no Chromium (Debian: chromium-headless-shell)")
    return outcome


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
