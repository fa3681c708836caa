"""Personnel rows: headings, verdicts, codes and their order (A13)."""

from __future__ import annotations

from datetime import date

import pytest

from domain.persian import ZWNJ
from domain.personnel import (
    COLUMNS,
    HEADINGS,
    OTHER_REGION,
    OWN_ROW,
    REFUSALS,
    Column,
    PersonnelRow,
    Place,
    RawRow,
    RefusedRow,
    judge_row,
    recognise_headings,
)
from domain.personnel_file import RefusedLine

TODAY = date(2026, 11, 21)
REGIONS = frozenset({"1101", "1104"})
GOOD = {
    Column.NATIONAL_ID: "5260181591",
    Column.FIRST_NAME: "حميد",
    Column.LAST_NAME: "حسيني",
    Column.MOBILE: "09128513358",
    Column.REGION_CODE: "1104",
    Column.HIRE_DATE: "1375/02/14",
    Column.NET_PAY: "324071000",
    Column.SHEBA: "IR490546091390996030824628",
    Column.EMPLOYMENT: "شاغل",
}
WRONG = {
    Column.NATIONAL_ID: ("5260181592", "bad_national_id"),
    Column.MOBILE: ("0912", "bad_mobile"),
    Column.REGION_CODE: ("9999", "unknown_region"),
    Column.HIRE_DATE: ("1400/12/30", "bad_date"),
    Column.NET_PAY: ("0", "bad_amount"),
    Column.SHEBA: ("IR490546091390996030824629", "bad_sheba"),
    Column.EMPLOYMENT: ("بازنشسته", "not_employed"),
}


def judge(changes: dict[Column, str], seen: set[str] | None = None, number: int = 1) -> PersonnelRow | RefusedRow:
    cells = GOOD | changes
    raw = RawRow(number, tuple(cells[column] for column in COLUMNS))
    return judge_row(raw, REGIONS, set() if seen is None else seen, TODAY)


def code_of(column: Column, text: str) -> str:
    verdict = judge({column: text})
    assert isinstance(verdict, RefusedRow)
    assert verdict.column is column
    return verdict.code


def test_a_good_row_is_normalised() -> None:
    assert judge({}, number=7) == PersonnelRow(
        number=7,
        national_id="5260181591",  # type: ignore[arg-type]
        mobile="+989128513358",  # type: ignore[arg-type]
        first_name="حمید",
        last_name="حسینی",
        region_code="1104",
        hire_date=date(1996, 5, 3),
        net_pay_rial=324_071_000,
        sheba="IR490546091390996030824628",  # type: ignore[arg-type]
        employed=True,
    )


def test_the_usual_mess_means_the_same_as_the_clean_row() -> None:
    messy = {
        Column.NATIONAL_ID: " ۵۲۶۰۱۸۱۵۹۱ ",
        Column.FIRST_NAME: f"  حميد{ZWNJ} ",
        Column.MOBILE: "+98 912 851 3358",
        Column.REGION_CODE: "۱۱۰۴",
        Column.HIRE_DATE: "١٣٧٥-٢-١٤",
        Column.NET_PAY: "۳۲۴٬۰۷۱٬۰۰۰",
        Column.SHEBA: "ir49 0546 0913 9099 6030 8246 28",
        Column.EMPLOYMENT: f" شا{ZWNJ}غل ",
    }
    assert judge(messy) == judge({})


@pytest.mark.parametrize("column", WRONG)
def test_each_fault_has_its_column_and_code(column: Column) -> None:
    text, code = WRONG[column]
    assert code_of(column, text) == code


@pytest.mark.parametrize("column", [c for c in COLUMNS if c not in {Column.FIRST_NAME, Column.LAST_NAME}])
def test_an_empty_or_overlong_cell_is_refused_with_the_code_of_its_column(column: Column) -> None:
    assert code_of(column, "") == WRONG[column][1]
    assert code_of(column, "1" * 100_000) == WRONG[column][1]


def test_of_several_faults_the_first_column_counts() -> None:
    changes = {column: text for column, (text, _) in WRONG.items()}
    for column, (_, code) in WRONG.items():
        verdict = judge(changes)
        assert isinstance(verdict, RefusedRow)
        assert (verdict.column, verdict.code) == (column, code)
        del changes[column]


def test_the_second_row_of_a_national_id_is_a_duplicate() -> None:
    seen: set[str] = set()
    assert isinstance(judge({}, seen), PersonnelRow)
    verdict = judge({Column.NATIONAL_ID: "۵۲۶۰۱۸۱۵۹۱"}, seen, number=2)
    assert verdict == RefusedRow(2, Column.NATIONAL_ID, "duplicate", "5260181591")  # type: ignore[arg-type]


def test_a_row_is_a_duplicate_even_if_the_first_was_refused() -> None:
    seen: set[str] = set()
    judge({Column.NET_PAY: "-"}, seen)
    verdict = judge({}, seen)
    assert isinstance(verdict, RefusedRow)
    assert verdict.code == "duplicate"


@pytest.mark.parametrize("text", ["1405/09/01", "1405/12/29", "1500/01/01", "1340/01/01", "1996/05/04", "۰"])
def test_a_hire_date_in_the_future_or_beyond_a_working_life_is_refused(text: str) -> None:
    assert code_of(Column.HIRE_DATE, text) == "bad_date"


def test_somebody_hired_today_is_accepted() -> None:
    verdict = judge({Column.HIRE_DATE: "1405/08/30"})
    assert isinstance(verdict, PersonnelRow)
    assert verdict.hire_date == TODAY


@pytest.mark.parametrize("text", ["-", "نامشخص", "0", "-25000000", "12500000.5", "1,5", str(10**18), "٪"])
def test_what_is_no_pay_is_refused(text: str) -> None:
    assert code_of(Column.NET_PAY, text) == "bad_amount"


@pytest.mark.parametrize("text", ["بازنشسته", "ترک خدمت", "منفصل", "مستعفی", "قطع همکاري", "فوت", "غیر شاغل", "؟"])
def test_whatever_is_not_a_word_for_employed_is_not_employed(text: str) -> None:
    assert code_of(Column.EMPLOYMENT, text) == "not_employed"


def test_a_leaver_is_known_by_national_id_whatever_the_row_is_refused_for() -> None:
    for changes in ({}, {Column.NET_PAY: "-"}):
        verdict = judge({Column.EMPLOYMENT: "بازنشسته", **changes})
        assert isinstance(verdict, RefusedRow)
        assert verdict.leaver
        assert verdict.national_id == "5260181591"


def test_an_empty_status_makes_nobody_a_leaver() -> None:
    verdict = judge({Column.EMPLOYMENT: " "})
    assert isinstance(verdict, RefusedRow)
    assert verdict.code == "not_employed"
    assert not verdict.leaver


def test_names_lose_control_characters_and_what_is_over_long() -> None:
    verdict = judge({Column.FIRST_NAME: "علی\0\x07\u202e رضا", Column.LAST_NAME: "ب" * 5000})
    assert isinstance(verdict, PersonnelRow)
    assert verdict.first_name == "علی رضا"
    assert verdict.last_name == "ب" * 100


def test_nothing_personal_shows_in_a_repr() -> None:
    shown = repr([judge({}), judge({Column.EMPLOYMENT: "منفصل"}), RawRow(1, tuple(GOOD.values()))])
    for secret in ("5260181591", "9128513358", "IR49", "324071000", "حمید"):
        assert secret not in shown


def test_every_code_has_a_persian_and_an_english_sentence() -> None:
    codes = {code for _, code in WRONG.values()} | {"duplicate"}
    assert codes | {OWN_ROW, OTHER_REGION} == set(REFUSALS)
    sentence = RefusedLine(1, Column.MOBILE, "bad_mobile", Place()).sentence
    assert "تلفن همراه" in sentence.fa
    assert "mobile" in sentence.en


@pytest.mark.parametrize(
    "heading",
    [
        list(HEADINGS.values()),
        [text.replace("ی", "ي").replace("ک", "ك") for text in HEADINGS.values()],
        [f" {text.replace(' ', ZWNJ)}\u200f " for text in HEADINGS.values()],
        [text.replace(" ", "  ") for text in HEADINGS.values()],
        [column.value for column in COLUMNS],
    ],
)
def test_headings_are_recognised_however_they_are_written(heading: list[str]) -> None:
    assert recognise_headings(heading) == {column: place for place, column in enumerate(COLUMNS)}


def test_unknown_headings_are_left_out_and_of_two_alike_the_first_counts() -> None:
    assert recognise_headings(["ردیف", "کد ملی", "منطقه محل خدمت", "کدملی"]) == {Column.NATIONAL_ID: 1}


def test_a_pay_in_toman_is_not_taken_for_rial() -> None:
    assert recognise_headings(["خالص دریافتی (تومان)"]) == {}
