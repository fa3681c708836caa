"""The report of refused rows."""

from __future__ import annotations

import csv
import zipfile
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook

from domain.personnel import REFUSALS
from domain.personnel_headings import Column
from gateways.personnel_report import HEADING, harmless, write_csv, write_xlsx

REFUSED = [(36, Column.NATIONAL_ID, "bad_national_id"), (55, Column.NET_PAY, "bad_amount")]
EXPECTED = [
    ["36", "کد ملی", "bad_national_id", REFUSALS["bad_national_id"][0]],
    ["55", "خالص دریافتی (ریال)", "bad_amount", REFUSALS["bad_amount"][0]],
]


def test_the_csv_report_has_a_bom_and_a_sentence_for_each_row(tmp_path: Path) -> None:
    path = tmp_path / "report.csv"
    assert write_csv(path, REFUSED) == 2
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    with path.open(encoding="utf-8-sig", newline="") as file:
        assert list(csv.reader(file)) == [list(HEADING), *EXPECTED]


def test_the_xlsx_report_reads_right_to_left_and_has_the_same_rows(tmp_path: Path) -> None:
    path = tmp_path / "report.xlsx"
    assert write_xlsx(path, iter(REFUSED)) == 2
    rows = CalamineWorkbook.from_path(path).get_sheet_by_index(0).to_python()
    assert [[str(int(row[0])), *row[1:]] for row in rows[1:] if isinstance(row[0], float)] == EXPECTED
    assert rows[0] == list(HEADING)
    with zipfile.ZipFile(path) as archive:
        assert b'rightToLeft="1"' in archive.read("xl/worksheets/sheet1.xml")


def test_columns_may_come_as_stored_texts(tmp_path: Path) -> None:
    path = tmp_path / "report.csv"
    write_csv(path, [(36, "national_id", "bad_national_id")])
    assert "کد ملی" in path.read_text(encoding="utf-8-sig")


@pytest.mark.parametrize("text", ["=1+1", "+98", "-5", "@SUM(A1)", "\t=1", "\r=1", "  =1"])
def test_no_cell_is_a_formula(text: str, tmp_path: Path) -> None:
    assert harmless(text) == f"'{text}"
    path = tmp_path / "report.xlsx"
    write_xlsx(path, [(1, text, text)])
    with zipfile.ZipFile(path) as archive:
        assert b"<f>" not in archive.read("xl/worksheets/sheet1.xml")
    write_csv(tmp_path / "report.csv", [(1, text, text)])
    with (tmp_path / "report.csv").open(encoding="utf-8-sig", newline="") as file:
        assert list(csv.reader(file))[1][1:3] == [f"'{text}", f"'{text}"]


def test_a_plain_text_stays_as_it_is() -> None:
    assert harmless("کد ملی") == "کد ملی"
