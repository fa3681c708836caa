"""The page about the ASVS is complete, counts itself rightly, and names what is there."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from stack.places import PROJECT

_PAGE = (PROJECT / "docs" / "asvs.md").read_text("utf-8")
_VERDICTS = ("kept", "partly", "not kept", "does not apply")
_ROW = re.compile(r"^\| (\d+\.\d+\.\d+) \| ([12]) \| (.+?) \| (.+?) \| (.+) \|$", re.MULTILINE)
_CHAPTER = re.compile(r"^\| V(\d+) [^|]+\| ([^|]+) \| (\d+) \| (\d+) \| (\d+) \| (\d+) \| (\d+) \|$", re.MULTILINE)
_TOTAL = re.compile(r"^\| all \|  \| (\d+) \| (\d+) \| (\d+) \| (\d+) \| (\d+) \|$", re.MULTILINE)
_LEVELS = re.compile(r"(\d+) requirements of level 1 and (\d+) of level 2")
_NAMED = re.compile(r"`([\w.-]+/[\w./-]+|[\w-]+\.(?:py|md|toml|yml|lock)|Dockerfile)`")


@dataclass(frozen=True, slots=True)
class Line:
    """What the page says of one requirement."""

    number: str
    level: int
    verdict: str
    evidence: str


def lines() -> list[Line]:
    """Every requirement that the tables judge, in their order."""
    return [Line(row[0], int(row[1]), row[3], row[4]) for row in _ROW.findall(_PAGE)]


def spelled_out(ranges: str) -> Iterator[str]:
    """The numbers in ``1.1.1–2, 1.5.1``: of a range, those between its ends too."""
    for part in ranges.split(", "):
        first, _, last = part.partition("–")
        section, _, number = first.rpartition(".")
        yield from (f"{section}.{each}" for each in range(int(number), int(last or number) + 1))


def counts(judged: list[Line]) -> list[int]:
    """How many there are, then how many of each verdict."""
    found = Counter(line.verdict for line in judged)
    return [len(judged), *(found[verdict] for verdict in _VERDICTS)]


def test_each_number_of_the_list_is_judged_once_and_in_its_order() -> None:
    listed = [number for _, ranges, *_ in _CHAPTER.findall(_PAGE) for number in spelled_out(ranges)]
    assert len(listed) == len(set(listed)) > 200
    assert [line.number for line in lines()] == listed


def test_the_counts_are_those_of_the_tables() -> None:
    judged = lines()
    for chapter, _, *told in _CHAPTER.findall(_PAGE):
        of_chapter = [line for line in judged if line.number.startswith(f"{chapter}.")]
        assert [int(number) for number in told] == counts(of_chapter), chapter
    assert [[int(number) for number in told] for told in _TOTAL.findall(_PAGE)] == [counts(judged)]
    levels = Counter(line.level for line in judged)
    assert _LEVELS.findall(_PAGE) == [(str(levels[1]), str(levels[2]))]


def test_each_verdict_is_one_of_four_and_what_is_kept_names_what_keeps_it() -> None:
    judged = lines()
    assert {line.verdict for line in judged} <= set(_VERDICTS)
    claimed = [line for line in judged if line.verdict in {"kept", "partly"}]
    assert [line.number for line in claimed if not _NAMED.search(line.evidence)] == []


def test_every_file_that_is_named_is_there() -> None:
    named = {(line.number, path) for line in lines() for path in _NAMED.findall(line.evidence)}
    assert {(number, path) for number, path in named if not (PROJECT / path).exists()} == set()


def test_ranges_are_spelled_out() -> None:
    assert list(spelled_out("1.1.1–2, 1.5.1")) == ["1.1.1", "1.1.2", "1.5.1"]
