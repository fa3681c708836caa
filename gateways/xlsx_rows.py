"""The rows of a workbook, read by a process of its own (A13).

A reader of spreadsheets may be led to ask for more memory than there is, and the process that asks is then aborted:
that must never be a worker. So xlsx_reader runs apart, under limits of memory and time and without our environment,
whose keys it does not need; its rows come back over a pipe, one by one.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Generator
from pathlib import Path
from typing import IO, Any, Final

from domain.personnel.headings import Column
from domain.personnel.rows import Place, RawRow
from gateways.personnel_rows import OpenedFile, PersonnelFileError

_PROJECT: Final = Path(__file__).resolve().parent.parent
_READER: Final = "gateways.xlsx_reader"
# All that a Python needs to start somewhere else; no key, no password, no address.
_PASSED_ON: Final = ("PATH", "LD_LIBRARY_PATH", "LANG", "TZ")
# Until the first line: by then the sheet stands in the reader's memory. Processor time is bounded in the reader.
_PARSE_SECONDS: Final = 180
# A row has ten cells of at most 513 characters, each at most twelve bytes in JSON.
_LONGEST_LINE: Final = 128 * 1024
# How a process ends that asked for too much: aborted by its allocator, killed by the system, out of its time.
_TOO_MUCH: Final = frozenset(
    -number for number in (signal.SIGABRT, signal.SIGKILL, signal.SIGSEGV, signal.SIGBUS, signal.SIGXCPU)
)


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
    with _started(path) as process:
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


def _started(path: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - our own module; the path is an argument
        [sys.executable, "-P", "-s", "-m", _READER, str(path.resolve())],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        # What a reader complains of may quote the file.
        stderr=subprocess.DEVNULL,
        cwd=_PROJECT,
        env={
            **{name: os.environ[name] for name in _PASSED_ON if name in os.environ},
            "PYTHONPATH": str(_PROJECT),
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        # A stop that is meant for the worker must not look like a file that is too large.
        start_new_session=True,
    )


def _next(process: subprocess.Popen[bytes]) -> Any:
    """Return what the reader says next; None when it has said everything."""
    pipe: IO[bytes] = process.stdout  # type: ignore[assignment]  # it is a pipe
    line = pipe.readline(_LONGEST_LINE)
    if line.endswith(b"\n"):
        return json.loads(line)
    if line:
        process.kill()
    status = process.wait()
    if status in _TOO_MUCH:
        raise PersonnelFileError("file_too_complex")
    if status:
        raise RuntimeError(f"the reader of workbooks ended with {status}")
    return None
