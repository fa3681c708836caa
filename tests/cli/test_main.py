"""The command line itself: what it lists, how it ends, what it hands on."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import psycopg
import pytest

from cli.checks import _from_here
from cli.main import DELEGATED
from stack.places import PROJECT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Database


def amanat(*arguments: str, cwd: Path | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the command line as the ``amanat`` script does."""
    environment = {**os.environ, "PYTHONPATH": str(PROJECT), "PYTHONUTF8": "1", **variables}
    command = [sys.executable, "-P", "-m", "cli", *arguments]
    return subprocess.run(command, env=environment, cwd=cwd, capture_output=True, text=True, check=False)


def test_help_lists_every_command() -> None:
    shown = amanat("--help").stdout
    for name in ("up", "down", "migrate", "test", "check", *DELEGATED):
        assert f" {name} " in shown


def test_an_unknown_command_or_option_is_refused() -> None:
    assert amanat("no-such-command").returncode == 2
    assert amanat("up", "--no-such-option").returncode == 2


def test_nothing_running_is_no_failure_to_stop(tmp_path: Path) -> None:
    stopped = amanat("down", AMANAT_VAR=str(tmp_path / "var"))
    assert stopped.returncode == 0
    assert "no stack is running" in stopped.stderr


def test_migrating_without_a_database_says_what_to_do(tmp_path: Path) -> None:
    refused = amanat("migrate", AMANAT_VAR=str(tmp_path / "var"), DATABASE_URL="", OWNER_DATABASE_URL="")
    assert refused.returncode == 1
    assert "./amanat up" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_database_of_another_version_is_refused_in_one_line(tmp_path: Path, database: Database) -> None:
    with closing(psycopg.connect(database.owner_url.replace("+psycopg", ""), autocommit=True)) as owner:
        owner.execute("UPDATE alembic_version SET version_num = '0009'")
    refused = amanat("migrate", AMANAT_VAR=str(tmp_path / "var"), DATABASE_URL=database.owner_url)
    assert refused.returncode == 1
    assert len(refused.stderr.splitlines()) == 1
    assert refused.stderr.count("./amanat up --reset") == 2  # in English and in Persian


def test_the_exit_code_of_the_tests_is_passed_on_and_paths_are_the_callers(tmp_path: Path) -> None:
    (tmp_path / "test_here.py").write_text(
        "def test_fails():\n    assert 1 == 2\n\ndef test_passes():\n    pass\n", "utf-8"
    )
    options = ("-q", "-p", "no:cacheprovider", f"--rootdir={tmp_path}", "--noconftest")
    failed = amanat("test", "test_here.py", *options, cwd=tmp_path)
    assert failed.returncode == 1, failed.stderr
    assert "1 failed, 1 passed" in failed.stdout
    passed = amanat("test", "test_here.py::test_passes", *options, cwd=tmp_path)
    assert passed.returncode == 0, passed.stdout
    assert "1 passed" in passed.stdout


def test_options_and_names_that_are_no_files_are_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.py").touch()
    assert [_from_here(argument) for argument in ("-x", "x.py::test", "some_name")] == [
        "-x",
        f"{tmp_path}/x.py::test",
        "some_name",
    ]
