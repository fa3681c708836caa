"""The code keeps its own rules: lint, format, types, and the direction of imports."""

from __future__ import annotations

from cli.checks import run_checks


def test_every_static_check_passes() -> None:
    assert run_checks() == 0
