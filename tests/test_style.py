"""What no linter measures: a function fits on a screen, a file in a head."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from stack.places import PROJECT

_FUNCTION_LINES = 40
_FILE_LINES = 450
# Longer for a reason.
_TABLES = {"tests/api/calls.py:calls": "one line for each operation of the API, to be read as a table"}
_NOT_OURS = {"var", "node_modules"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def our_files() -> list[Path]:
    """The project's Python files, wherever it was unpacked: nothing hidden, nothing made at run time."""
    found = (path.relative_to(PROJECT) for path in PROJECT.rglob("*.py"))
    return sorted(path for path in found if _NOT_OURS.isdisjoint(path.parts) and not path.parts[0].startswith("."))


def long_functions(source: str) -> Iterator[tuple[str, int]]:
    """Functions of more lines than allowed, docstrings apart."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, Function) and (lines := _lines(node)) > _FUNCTION_LINES:
            yield node.name, lines


def _lines(function: Function) -> int:
    first = function.body[0]
    said = 0
    if ast.get_docstring(function, clean=False) is not None:
        said = (first.end_lineno or 0) - first.lineno + 1
    return (function.end_lineno or 0) - function.lineno + 1 - said


def test_a_long_function_is_found_and_its_docstring_is_not_counted() -> None:
    docstring = '    """' + "said\n" * 30 + '    """\n'
    fits = f"async def fits():\n{docstring}" + "    pass\n" * (_FUNCTION_LINES - 1)
    assert list(long_functions(fits)) == []
    assert list(long_functions(fits + "    pass\n")) == [("fits", _FUNCTION_LINES + 1)]


def test_the_projects_files_are_looked_at() -> None:
    assert {Path("stack/control.py"), Path("tests/test_style.py"), Path("domain/money.py")} <= set(our_files())


@pytest.mark.parametrize("path", our_files(), ids=str)
def test_functions_and_files_are_short(path: Path) -> None:
    source = (PROJECT / path).read_text("utf-8")
    assert len(source.splitlines()) <= _FILE_LINES
    found = [(name, lines) for name, lines in long_functions(source) if f"{path.as_posix()}:{name}" not in _TABLES]
    assert found == []
