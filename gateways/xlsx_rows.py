"""The rows of a workbook, read by xlsx_reader in a process of its own; they come back over a pipe, one by one (A13)."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Generator
from pathlib import Path
from typing import IO, Any, Final

from domain.personnel.headings import Column
from domain.personnel.rows import Place, RawRow
from gateways.apart import TOO_MUCH, start_apart
from gateways.personnel_rows import OpenedFile, PersonnelFileError

_READER: Final = "gateways.xlsx_reader"
# Until the first line: by then the sheet stands in the reader's memory. Processor time is bounded in the reader.
_PARSE_SECONDS: Final = 180
# A row has ten cells of at most 513 characters, each at most twelve bytes in JSON.
_LONGEST_LINE: Final = 128 * 1024


def open_rows(path: Path) -> OpenedFile:
    """Open a workbook; its rows hold the reader until they are read or dropped.

    Raises:
        PersonnelFileError: the workbook is at fault, or its reader went over its limits.
        RuntimeError: the reader was stopped from outside.
    """
    answers = _answers(path)
    said = next(answers)
    if "code" in said:
        answers.close()
        raise PersonnelFileError(said["code"], said["columns"], said["row"])
    return OpenedFile(said["rows"], map(_row, answers), said["sheets_left_out"])


def _row(said: Any) -> RawRow:
    number, values, place, service, merged = said
    return RawRow(number, tuple(values), Place(*place), service, tuple(map(Column, merged)))


def _answers(path: Path) -> Generator[Any, None, None]:
    """Start the reader and yield what it says; it does not outlive this generator, however that ends."""
    with start_apart(_READER, path) as process:
        clock = threading.Timer(_PARSE_SECONDS, process.kill)
        clock.daemon = True
        clock.start()
        try:
            answer = _next(process)
            clock.cancel()
            while answer is not None:
                yield answer
                answer = _next(process)
        finally:
            clock.cancel()
            process.kill()


def _next(process: subprocess.Popen[bytes]) -> Any:
    """Return what the reader says next; None when it has said everything."""
    pipe: IO[bytes] = process.stdout  # type: ignore[assignment]  # it is a pipe
    line = pipe.readline(_LONGEST_LINE)
    if line.endswith(b"\n"):
        return json.loads(line)
    if line:
        process.kill()
    status = process.wait()
    if status in TOO_MUCH:
        raise PersonnelFileError("file_too_complex")
    if status:
        raise RuntimeError(f"the reader of workbooks ended with {status}")
    return None
