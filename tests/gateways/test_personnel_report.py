"""The report of a personnel file."""

from __future__ import annotations

import csv
import zipfile
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook

from domain.personnel.file import RefusedLine
from domain.personnel.headings import Column
from domain.personnel.rows import REFUSALS, Place
from gateways.personnel_report import HEADING, LEAVING, LEFT_OUT, REFUSED, harmless, write_csv, write_xlsx
from messages.personnel import Leaving

LINES = [
    RefusedLine(36, Column.NATIONAL_ID, "bad_national_id", Place("برگه۱", 36, 39), value="12345", name="سارا یزدانی"),
    RefusedLine(40, Column.EMPLOYMENT, "not_employed", Place("برگه۱", 40, 43), Leaving.WAITING, "بازنشسته", "رضا"),
    RefusedLine(55, "net_pay_rial", "bad_amount", Place(row=55)),
]
EXPECTED = [
    [REFUSED, "برگه۱", "36", "39", "سارا یزدانی", "کد ملی", "12345", "bad_national_id"],
    [LEAVING, "برگه۱", "40", "43", "رضا", "وضعیت", "بازنشسته", "not_employed"],
    [REFUSED, "", "55", "", "", "خالص دریافتی (ریال)", "", "bad_amount"],
]


def test_the_csv_report_has_a_bom_and_for_each_row_its_places_name_value_and_sentence(tmp_path: Path) -> None:
    path = tmp_path / "report.csv"
    assert write_csv(path, LINES) == 3
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    with path.open(encoding="utf-8-sig", newline="") as file:
        first, *rows = csv.reader(file)
    assert first == list(HEADING)
    assert [row[:-1] for row in rows] == EXPECTED
    assert rows[0][-1] == REFUSALS["bad_national_id"][0]
    assert "در انتظار تأیید" in rows[1][-1]


def test_the_xlsx_report_reads_right_to_left_and_has_exits_on_a_sheet_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / "report.xlsx"
    assert write_xlsx(path, iter(LINES)) == 3
    book = CalamineWorkbook.from_path(path)
    refused, leaving = (book.get_sheet_by_index(index).to_python() for index in range(2))
    assert [[str(cell).removesuffix(".0") for cell in row[:-1]] for row in refused[1:]] == [EXPECTED[0], EXPECTED[2]]
    assert [[str(cell).removesuffix(".0") for cell in row[:-1]] for row in leaving[1:]] == [EXPECTED[1]]
    assert refused[0] == leaving[0] == list(HEADING)
    with zipfile.ZipFile(path) as archive:
        assert all(b'rightToLeft="1"' in archive.read(f"xl/worksheets/sheet{number}.xml") for number in (1, 2))


def test_sheets_that_were_not_read_are_named_at_the_end_of_the_report(tmp_path: Path) -> None:
    assert write_csv(tmp_path / "report.csv", LINES, ["راهنما", "=1"]) == 3
    with (tmp_path / "report.csv").open(encoding="utf-8-sig", newline="") as file:
        *_, guide, formula = csv.reader(file)
    assert (guide[:2], formula[1]) == ([LEFT_OUT, "راهنما"], "'=1")
    assert "سرستون‌ها را بیفزایید" in guide[-1]

    assert write_xlsx(tmp_path / "report.xlsx", LINES, ["راهنما"]) == 3
    *_, last = CalamineWorkbook.from_path(tmp_path / "report.xlsx").get_sheet_by_index(0).to_python()
    assert last == guide


@pytest.mark.parametrize("text", ["=1+1", "+98", "-5", "@SUM(A1)", "\t=1", "\r=1", "  =1"])
def test_no_cell_is_a_formula_though_the_file_held_one(text: str, tmp_path: Path) -> None:
    assert harmless(text) == f"'{text}"
    lines = [RefusedLine(1, text, text, Place(text, 1, 2), value=text, name=text)]
    path = tmp_path / "report.xlsx"
    write_xlsx(path, lines)
    with zipfile.ZipFile(path) as archive:
        assert b"<f>" not in archive.read("xl/worksheets/sheet1.xml")
    write_csv(tmp_path / "report.csv", lines)
    with (tmp_path / "report.csv").open(encoding="utf-8-sig", newline="") as file:
        row = list(csv.reader(file))[1]
    assert [row[index] for index in (1, 4, 5, 6, 7)] == [f"'{text}"] * 5


def test_a_plain_text_stays_as_it_is() -> None:
    assert harmless("کد ملی") == "کد ملی"
