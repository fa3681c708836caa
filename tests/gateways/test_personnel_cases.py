"""The files that offices sent are read as their keys say, row by row."""

from __future__ import annotations

from datetime import date

import pytest

from domain.personnel.rows import PersonnelRow, RefusedRow, judge_row
from gateways.personnel_file import open_rows
from tests.personnel_cases import DIRECTORY, Key, keys
from tests.personnel_steps import STATUSES

TODAY = date(2026, 11, 21)


def verdicts(key: Key) -> dict[int, PersonnelRow | RefusedRow]:
    """What becomes of each row of a file."""
    seen: set[str] = set()
    return {raw.place.row: judge_row(raw, {"2203"}, seen, TODAY, STATUSES) for raw in open_rows(key.path).rows}


@pytest.mark.parametrize("key", keys(), ids=lambda key: f"{key.case}-{key.rows.start}")
def test_each_row_is_read_or_refused_as_its_key_says(key: Key) -> None:
    found = verdicts(key)
    for row in key.rows:
        verdict = found[row]
        if isinstance(verdict, RefusedRow):
            assert verdict.code in key.may_be
        else:
            assert key.is_good
            read = {"net_pay_rial": str(verdict.net_pay_rial), "hire_date": verdict.hire_date.isoformat()}
            assert key.values.items() <= read.items()


def test_each_row_of_each_file_has_a_key() -> None:
    known = {(key.file, row) for key in keys() for row in key.rows}
    files = {path.name for path in DIRECTORY.iterdir() if path.suffix in {".csv", ".xlsx"}} - {"keys.csv"}
    assert known == {(file, raw.place.row) for file in files for raw in open_rows(DIRECTORY / file).rows}
