"""The page on adding a process names every file that its example has, and every one that knows of it."""

from __future__ import annotations

import re
from pathlib import Path

from stack.places import PROJECT
from tests.docs.test_rules import project_files

_PAGE = (PROJECT / "docs" / "adding-a-process.md").read_text("utf-8")
_WORD = "mobile_change"
_KNOWS_OF_IT = re.compile(rf"\b(?:{_WORD}|{_WORD.upper()})\b")
_SUFFIXES = (".py", ".sql", ".toml", ".md", ".json")
# The page names few files of the pages: which others have a line about it, the newest capability there shows.
_PAGES = ("web/",)


def _files() -> list[Path]:
    # Not the API's document, which is made and not kept.
    apart = {Path(__file__), PROJECT / "docs" / "openapi.json"}
    return [path.relative_to(PROJECT) for path in project_files(*_SUFFIXES) if path not in apart]


def _unnamed(files: list[Path]) -> list[str]:
    names = [file.as_posix() for file in files]
    return [name for name in names if f"`{name}`" not in _PAGE and not name.startswith(_PAGES)]


def test_the_page_names_every_file_of_the_example() -> None:
    own = [file for file in _files() if _WORD in file.name]

    assert len(own) > 12
    assert _unnamed(own) == []


def test_the_page_names_every_file_that_has_a_line_about_the_example() -> None:
    page = Path("docs/adding-a-process.md")
    others = [file for file in _files() if _KNOWS_OF_IT.search((PROJECT / file).read_text("utf-8")) and file != page]

    assert len(others) > 20
    assert _unnamed(others) == []
