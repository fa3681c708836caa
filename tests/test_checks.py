"""The code keeps its own rules: lint, format, types, and the direction of imports."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cli.checks import run_checks
from stack.places import PROJECT

# What a contract must find, planted into a room: the module, its import, and words of the contract's name.
PLANTED = {
    "commands/planted_posting.py": ("from storage.ledger.posting import post", "Only activities move money"),
    "api/planted_package.py": ("from storage.ledger import posting", "Only activities move money"),
    "web/planted_command.py": ("from commands.task import lock_task", "A page can do nothing that the API cannot"),
    "web/planted_posting.py": ("from storage.ledger.posting import post", "A page can do nothing that the API cannot"),
    "web/planted_query.py": ("from storage.cases import read_case", "A page can do nothing that the API cannot"),
    "workflows/planted_rule.py": ("from domain.guarantor import judge", "Workflows never touch storage"),
    "storage/planted_layer.py": ("from commands.task import lock_task", "Imports run one way"),
}


@pytest.mark.timeout(600)
def test_every_static_check_passes() -> None:
    assert run_checks() == 0


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What import-linter says of a copy of the project with every planted import."""
    copy = tmp_path_factory.mktemp("planted")
    for room in (path for path in PROJECT.iterdir() if (path / "__init__.py").exists()):
        shutil.copytree(room, copy / room.name, ignore=shutil.ignore_patterns("node_modules", "static", "*.po"))
    for file in (*PROJECT.glob("*.py"), PROJECT / "pyproject.toml"):
        shutil.copy(file, copy / file.name)
    for name, (line, _) in PLANTED.items():
        (copy / name).write_text(f'"""Planted."""\n\n{line}\n', encoding="utf-8")
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [linter, "--no-cache"], cwd=copy, env={"PYTHONPATH": str(copy)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("name", PLANTED)
def test_a_forbidden_import_is_found(broken: str, name: str) -> None:
    _, contract = PLANTED[name]
    _, _, details = broken.partition("Broken contracts")

    assert name.removesuffix(".py").replace("/", ".") in details
    assert contract in details
