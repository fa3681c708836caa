"""What is run by a process of its own ends in bounded memory and time, and says so (G7)."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateways.apart import run_apart

GREEDY = "tests.gateways.greedy"


def test_what_is_done_is_said(tmp_path: Path) -> None:
    assert run_apart(GREEDY, tmp_path / "work", seconds=30) == b"done"


def test_what_does_not_end_is_ended(tmp_path: Path) -> None:
    assert run_apart(GREEDY, tmp_path / "forever", seconds=0.3) is None


def test_what_fails_is_told_as_a_fault_of_ours(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="greedy ended with 1"):
        run_apart(GREEDY, tmp_path / "failure", seconds=30)
