"""Personnel files as offices send them, and what is right about each of their rows (``keys.csv``).

``right`` names what may come of a row (added, unchanged, or the code of a refusal; with «or» between), then values that
it must have, then a remark behind a semicolon.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

DIRECTORY = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Key:
    """What is right about some rows of a file."""

    case: str
    file: str
    rows: range
    may_be: frozenset[str]
    values: dict[str, str]

    @property
    def path(self) -> Path:
        """The file."""
        return DIRECTORY / self.file

    @property
    def is_good(self) -> bool:
        """Whether the rows are read."""
        return not self.may_be.isdisjoint({"added", "unchanged"})


def _key(line: dict[str, str]) -> Key:
    first, _, last = line["row"].partition("-")
    words = line["right"].partition(";")[0].split()
    values = dict(word.split("=") for word in words if "=" in word)
    may_be = frozenset(word for word in words if "=" not in word and word != "or")
    return Key(line["case"], line["file"], range(int(first), int(last or first) + 1), may_be, values)


def keys() -> list[Key]:
    """All keys, in the order in which a person would try the files."""
    with (DIRECTORY / "keys.csv").open(encoding="utf-8", newline="") as file:
        return [_key(line) for line in csv.DictReader(file)]
