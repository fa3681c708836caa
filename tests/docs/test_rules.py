"""Every rule number that code or pages cite is explained in docs/rules.md."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from stack.places import PROJECT

_CITATION = re.compile(r"\b[A-H]\d{1,2}a?\b")
_RANGE = re.compile(r"\b([A-H])(\d{1,2})[–-](?:\1)?(\d{1,2})\b")
_ENTRY = re.compile(r"^(?:\*\*|\| )([A-H]\d{1,2}a?)(?:\*\*| \|)", re.MULTILINE)
_NOT_BUILT = re.compile(r"^\| ([A-H]\d{1,2}a?) \| not built yet", re.MULTILINE)
_RULES = PROJECT / "docs" / "rules.md"


def project_files(*suffixes: str) -> list[Path]:
    """The project's own files with one of the suffixes, whatever else lies in its directory."""
    found = (path.relative_to(PROJECT) for suffix in suffixes for path in PROJECT.rglob(f"*{suffix}"))
    return sorted(PROJECT / path for path in found if not any(_is_apart(part) for part in path.parts[:-1]))


def _is_apart(directory: str) -> bool:
    """Whether a directory is a tool's: an environment, a cache, what was downloaded or made."""
    return directory in {"var", "node_modules"} or (directory.startswith(".") and directory != ".ci")


def spoken(source: str) -> Iterator[str]:
    """The comments and docstrings of a Python source."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.string
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield ast.get_docstring(node) or ""


def cited(text: str) -> set[str]:
    """The rule numbers in a text, those between the ends of a range too."""
    within = {
        f"{found[1]}{number}" for found in _RANGE.finditer(text) for number in range(int(found[2]), int(found[3]) + 1)
    }
    return within | set(_CITATION.findall(text))


def entries() -> list[str]:
    """The numbers that the page explains, in its order."""
    return _ENTRY.findall(_RULES.read_text("utf-8"))


def test_every_number_cited_in_the_code_has_an_entry() -> None:
    sources = project_files(".py")
    known = set(entries())
    assert len(sources) > 100
    # What is no number anywhere in a file need not be looked for in its comments, which takes long.
    suspects = [(path, source) for path in sources if cited(source := path.read_text("utf-8")) - known]
    missing = {
        (number, str(path.relative_to(PROJECT)))
        for path, source in suspects
        for text in spoken(source)
        for number in cited(text) - known
    }
    assert missing == set()


def test_every_number_cited_in_a_page_has_an_entry() -> None:
    pages = [path for path in project_files(".md") if path != _RULES]
    known = set(entries())
    missing = {(number, page.name) for page in pages for number in cited(page.read_text("utf-8")) - known}
    assert missing == set()


def test_each_number_has_one_entry() -> None:
    found = entries()
    assert len(found) == len(set(found))
    assert {"A1", "A4a", "C7", "H6", "F8a"} <= set(found)


def test_what_is_built_names_where_it_is_kept_and_what_is_not_built_says_so() -> None:
    page = _RULES.read_text("utf-8")
    built = [paragraph for paragraph in page.split("\n\n") if _ENTRY.match(paragraph) and paragraph.startswith("**")]
    unexplained = [paragraph[:8] for paragraph in built if "Kept" not in paragraph and "**H6**" not in paragraph]
    assert unexplained == []
    assert len(built) + len(_NOT_BUILT.findall(page)) == len(entries())


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("kept (A13, G2)", {"A13", "G2"}),
        ("A4a asks", {"A4a"}),
        ("Repayment (C3–C5)", {"C3", "C4", "C5"}),
        ("noqa: C419, B023; A4-paper is cited, BA4 and A1x are not", {"A4"}),
    ],
)
def test_citations_are_recognised(text: str, numbers: set[str]) -> None:
    assert cited(text) == numbers
