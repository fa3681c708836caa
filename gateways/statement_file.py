"""A statement of the bank that an officer sends, read by a process of its own: bounded in memory and time (E2)."""

from __future__ import annotations

import json
import tempfile
from datetime import date
from pathlib import Path
from typing import Final

from domain.clearing import STATEMENT_LIMIT
from gateways.apart import run_apart
from gateways.bank_statement import StatementFault, StatementRow

_READER: Final = "gateways.statement_reader"
# Less than a transaction may stand still.
_SECONDS: Final = 8


def read_apart(content: bytes) -> list[StatementRow]:
    """All rows of a statement, in their order.

    Raises:
        StatementFault: as ``read_statement``, or it asked for too much, which a statement of fewer rows does not.
        RuntimeError: the reader was stopped from outside.
    """
    if len(content) > STATEMENT_LIMIT:
        raise StatementFault
    with tempfile.TemporaryDirectory(prefix="amanat-statement-") as directory:
        source, target = Path(directory) / "received", Path(directory) / "rows"
        source.write_bytes(content)
        said = run_apart(_READER, source, target, seconds=_SECONDS)
        if said is None or said:
            raise StatementFault(too_long=said != b"unreadable")
        with target.open(encoding="utf-8") as file:
            return [_row(line) for line in file]


def _row(line: str) -> StatementRow:
    said = json.loads(line)
    return StatementRow(**{**said, "booked_on": date.fromisoformat(said["booked_on"])})
