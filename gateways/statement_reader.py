"""Reads one statement of the bank in a process of its own, and writes its rows as lines of JSON; see statement_file."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Final

from gateways.apart import limit_this_process
from gateways.bank_statement import StatementFault, read_statement

_MEMORY: Final = 512 * 1024 * 1024
_SECONDS: Final = 6


def main(source: Path, target: Path) -> None:
    """Write the rows of a statement; say on the standard output what is wrong with it, or nothing."""
    limit_this_process(_MEMORY, _SECONDS)
    try:
        rows = read_statement(source.read_bytes())
    except StatementFault as fault:
        sys.stdout.write(str(fault))
        return
    with target.open("w", encoding="utf-8") as out:
        for row in rows:
            json.dump({**asdict(row), "booked_on": row.booked_on.isoformat()}, out)
            out.write("\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
