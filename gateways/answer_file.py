"""A bank's answer to a batch, CSV or XLSX, read by a process of its own into lines of JSON (docs/bank-files.md, E3)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from domain.payout import AnswerError, AnswerRow
from gateways.apart import run_apart

_READER: Final = "gateways.answer_reader"
_SECONDS: Final = 60


class AnswerFileError(Exception):
    """The file cannot be read as a whole; ``error`` says why."""

    def __init__(self, error: AnswerError) -> None:
        super().__init__(error)
        self.error = error


def read_apart(source: Path, target: Path) -> None:
    """Read a file that somebody sent, and write its rows for ``answer_rows``.

    Raises:
        AnswerFileError: it is no table, lacks columns, or asks for too much.
        RuntimeError: the reader was stopped from outside.
    """
    said = run_apart(_READER, source, target, seconds=_SECONDS)
    if said is None:
        raise AnswerFileError(AnswerError.TOO_LARGE)
    if said:
        raise AnswerFileError(AnswerError(said.decode("ascii")))


def answer_rows(target: Path) -> Iterator[AnswerRow]:
    """The rows that ``read_apart`` wrote, one after the other."""
    with target.open(encoding="utf-8") as file:
        for line in file:
            yield AnswerRow(**json.loads(line))
