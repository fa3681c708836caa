"""The measurements run, and print what a program can read."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from stack.places import PROJECT

_LIMIT_SECONDS = 120


@pytest.mark.parametrize(
    ("arguments", "figures"),
    [
        pytest.param(
            ("commands", "--count", "40"),
            {"application, 20 at once, p50 (ms)", "application, 20 people, one a second each, p95 (ms)"},
            marks=pytest.mark.long,
        ),
        pytest.param(
            ("pages", "--cases", "100"),
            {"GET /v1/me, p50 (ms)", "member's home, p50 (ms)", "inbox, p95 (ms)"},
            marks=pytest.mark.long,
        ),
        (("import", "--rows", "200"), {"rows", "import (s)", "rows a second"}),
        pytest.param(
            ("onboarding", "--count", "2"),
            {"Tavana, server and worker CPU a case (ms)", "empty, cases a second"},
            marks=pytest.mark.long,
        ),
    ],
    ids=["commands", "pages", "import", "onboarding"],
)
def test_a_measurement_prints_one_json_object_with_figures(arguments: tuple[str, ...], figures: set[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "cli", "bench", *arguments, "--json"],
        env={**os.environ, "PYTHONPATH": str(PROJECT), "PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        timeout=_LIMIT_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    shown = json.loads(done.stdout)
    assert shown.pop("bench") == arguments[0]
    assert figures <= set(shown)
    assert all(shown[name]["figure"] > 0 for name in figures)
