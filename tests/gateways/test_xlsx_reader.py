"""Workbooks made to break their reader: measured whatever their parts are called, read where a crash harms nobody."""

from __future__ import annotations

import contextlib
import gc
import os
import resource
import signal
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.personnel.headings import COLUMNS, HEADINGS
from gateways.personnel_file import PersonnelFileError, count_rows, open_rows
from tests.gateways.test_personnel_file import ROW, repacked, sheet_of, workbook, write_heading

_OFFICE = (
    '<?xml version="1.0" encoding="UTF-8"?><office:document-content'
    ' xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"'
    ' xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0"'
    ' xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0">'
    '<office:body><office:spreadsheet><table:table table:name="s">{}</table:table></office:spreadsheet></office:body>'
    "</office:document-content>"
)

FAR_APART = b'<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'


def code_of(path: Path) -> str:
    """Why a file is refused as a whole."""
    with pytest.raises(PersonnelFileError) as caught:
        open_rows(path)
    return caught.value.code


def renamed(path: Path, rows: bytes, name: str, before: bytes = b"") -> Path:
    """A workbook whose sheet has another name."""
    sheet, content = next(iter(sheet_of(rows).items()))
    workbook(path, lambda book: write_heading(book.add_worksheet()))
    with zipfile.ZipFile(path) as archive:
        members = {member: archive.read(member) for member in archive.namelist() if member != sheet}
    short, new = sheet.removeprefix("xl/").encode(), name.removeprefix("xl/").encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, old in members.items():
            archive.writestr(member, old.replace(short, new))
        archive.writestr(name, before + content)
    return path


def children() -> list[int]:
    """The processes that this one has started and that still run."""
    found: list[int] = []
    for tasks in Path(f"/proc/{os.getpid()}/task").glob("*/children"):
        # A thread may end while it is looked at.
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            found += [int(number) for number in tasks.read_text("ascii").split()]
    return found


def until_gone(process: int) -> None:
    """Wait until a process has ended; as a child it is waited for by the process that started it."""
    end = time.monotonic() + 10
    while process in children():
        assert time.monotonic() < end, "the reader is still there"


@pytest.mark.parametrize("name", ["xl/worksheets/sheet1.dat", "xl/sheet1.png", "xl/worksheets/SHEET1.XML.bak"])
def test_a_sheet_with_another_name_is_measured_like_any_other(tmp_path: Path, name: str) -> None:
    assert code_of(renamed(tmp_path / "upload", FAR_APART, name)) == "file_too_complex"


@pytest.mark.parametrize(("name", "before"), [("xl/worksheets/sheet1.dat", b"x"), ("xl/worksheets/sheet1.vml", b"")])
def test_a_sheet_that_hides_from_the_parser_is_refused(tmp_path: Path, name: str, before: bytes) -> None:
    assert code_of(renamed(tmp_path / "upload", FAR_APART, name, before)) == "not_a_personnel_file"


def test_an_opendocument_in_the_clothes_of_a_workbook_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "upload"
    cells = "".join(
        f'<table:table-cell office:value-type="string"><text:p>{HEADINGS[column]}</text:p></table:table-cell>'
        for column in COLUMNS
    )
    repeated = '<table:table-row table:number-rows-repeated="500000">' + cells + "</table:table-row>"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("[Content_Types].xml", "<a/>")
        archive.writestr("xl/workbook.xml", "<a/>")
        archive.writestr("META-INF/manifest.xml", '<m xmlns:manifest="x"/>')
        archive.writestr("content.xml", _OFFICE.format(f"<table:table-row>{cells}</table:table-row>{repeated}"))
    assert code_of(path) == "not_a_personnel_file"


@pytest.mark.parametrize("name", ["xl/workbook.bin", "XL/Workbook.bin", "xl\\workbook.bin", "xl/worksheets/sheet1.bin"])
def test_a_binary_workbook_is_refused(tmp_path: Path, name: str) -> None:
    assert code_of(repacked(tmp_path / "upload", {name: b"\x83\x01\x00"})) == "not_a_personnel_file"


def test_macros_pictures_and_loose_drawings_are_no_reason_to_refuse(tmp_path: Path) -> None:
    cells = "".join(f'<c t="inlineStr"><is><t>{text}</t></is></c>' for text in HEADINGS.values())
    rows = cells + "</row><row>" + cells.replace(HEADINGS[COLUMNS[0]], "1")
    extras = {
        "xl/vbaProject.bin": b"\xd0\xcf",
        "xl/media/image1.png": b"\x89PNG<",
        "xl/printerSettings/printerSettings1.bin": b"\0",
        "xl/drawings/vmlDrawing1.vml": b"<xml><br></xml>",
    }
    path = repacked(tmp_path / "upload", {**sheet_of(f"<row>{rows}</row>".encode()), **extras})
    assert count_rows(path) == 1


def test_a_workbook_that_would_not_fit_ends_its_reader_and_not_us(tmp_path: Path) -> None:
    # Passes the first look, which counts letters; each of these takes two bytes in every cell.
    space = b"http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    text = b'<sst xmlns="%s"><si><t>%s</t></si></sst>' % (space, ("ش" * 32_000).encode())
    rows = b"".join(b'<row r="%d"><c r="A%d" t="s"><v>0</v></c></row>' % (row, row) for row in range(1, 16_700))
    path = repacked(tmp_path / "upload", {**sheet_of(rows), "xl/sharedStrings.xml": text})
    before = children()
    assert code_of(path) == "file_too_complex"
    assert children() == before


@pytest.fixture
def long_list(tmp_path: Path) -> Path:
    """More rows than a pipe holds."""
    cells = ROW.split(",")

    def fill(book: object) -> None:
        sheet = book.add_worksheet()  # type: ignore[attr-defined]  # the library ships no types
        write_heading(sheet)
        for row in range(1, 5_001):
            sheet.write_row(row, 0, cells)

    return workbook(tmp_path / "upload", fill)


@pytest.fixture
def begun(long_list: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[int, Iterator[object], int]:
    """A workbook being read by a process that was started beside secrets: its total, its rows, the process."""
    monkeypatch.setenv("AMANAT_FIELD_KEYS", "the key of keys")
    monkeypatch.setenv("DATABASE_URL", "postgresql://app:secret@db/amanat")
    before = set(children())
    total, rows, _ = open_rows(long_list)
    (process,) = set(children()) - before
    return total, rows, process


def test_the_reader_knows_no_secret_and_says_the_count_before_the_rows(
    begun: tuple[int, Iterator[object], int],
) -> None:
    total, rows, process = begun
    environment = Path(f"/proc/{process}/environ").read_bytes()
    assert b"PYTHONPATH" in environment
    assert b"AMANAT" not in environment
    assert b"secret" not in environment
    assert (total, sum(1 for _ in rows)) == (5_000, 5_000)
    until_gone(process)


def test_the_reader_runs_under_limits(begun: tuple[int, Iterator[object], int]) -> None:
    _, rows, process = begun
    assert resource.prlimit(process, resource.RLIMIT_AS)[0] == 1024**3
    assert resource.prlimit(process, resource.RLIMIT_CPU)[0] == 120
    assert resource.prlimit(process, resource.RLIMIT_CORE)[0] == 0
    assert os.getsid(process) == process
    del rows


def test_a_reader_whose_rows_nobody_wants_any_more_ends(long_list: Path) -> None:
    before = set(children())
    _, rows, _ = open_rows(long_list)
    next(rows)
    (process,) = set(children()) - before
    del rows
    gc.collect()
    until_gone(process)


@pytest.mark.parametrize(
    ("number", "expected"),
    [(signal.SIGABRT, PersonnelFileError), (signal.SIGXCPU, PersonnelFileError), (signal.SIGTERM, RuntimeError)],
)
def test_a_reader_that_breaks_is_the_files_fault_and_one_that_is_stopped_is_not(
    begun: tuple[int, Iterator[object], int], number: signal.Signals, expected: type[Exception]
) -> None:
    _, rows, process = begun
    os.kill(process, number)
    with pytest.raises(expected):
        sum(1 for _ in rows)
