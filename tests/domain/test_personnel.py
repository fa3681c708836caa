"""Personnel rows: headings, verdicts, codes and their order (A13)."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from domain.persian import ZWNJ
from domain.personnel.file import RefusedLine
from domain.personnel.headings import COLUMNS, HEADINGS, Column, recognise_headings
from domain.personnel.rows import (
    MERGED_CELLS,
    OTHER_REGION,
    OWN_ROW,
    REFUSALS,
    PersonnelRow,
    Place,
    RawRow,
    RefusedRow,
    judge_row,
)
from domain.personnel.status import StatusWords
from messages.personnel import ExitReason
from tests.personnel_steps import STATUSES

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
    Column.EMPLOYMENT: ("نامشخص", "unreadable_status"),
}


def judge(changes: dict[Column, str], seen: set[str] | None = None, number: int = 1) -> PersonnelRow | RefusedRow:
    cells = GOOD | changes
    raw = RawRow(number, tuple(cells[column] for column in COLUMNS))
    return judge_row(raw, REGIONS, set() if seen is None else seen, TODAY, STATUSES)


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


@pytest.mark.parametrize(
    "text",
    [
        "رسمی", "پیمانی", "قراردادی", "شاغل تمام وقت", "آزمایشی", "ساعتی", "رسمی - آزمایشی", "شاغل (پيماني)",
        "شاغل/رسمی", "مرخصی بدون حقوق", "مامور", "مأمور به خدمت", f"آماده{ZWNJ}به{ZWNJ}خدمت", "مرخصی زایمان", " شاغل. ",
    ],
)  # fmt: skip
def test_kinds_of_employment_and_leaves_are_no_exits(text: str) -> None:
    assert isinstance(judge({Column.EMPLOYMENT: text}), PersonnelRow)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("ترک کار", ExitReason.LEFT), ("قطع همکاري", ExitReason.LEFT), ("اخراج", ExitReason.LEFT),
        ("مستعفی", ExitReason.LEFT), ("بازنشسته", ExitReason.RETIRED), ("فوت", ExitReason.DIED),
        ("متوفي", ExitReason.DIED), ("بازنشستگی / بازنشسته", ExitReason.RETIRED),
    ],
)  # fmt: skip
def test_words_that_mean_leaving_report_an_exit_and_how_it_came(text: str, reason: ExitReason) -> None:
    verdict = judge({Column.EMPLOYMENT: text})
    assert isinstance(verdict, RefusedRow)
    assert (verdict.code, verdict.leaver) == ("not_employed", reason)


@pytest.mark.parametrize(
    "text", ["", " ", "؟", "000", "IR350170494362221674826030", "غیر شاغل", "رسمی - بازنشسته", "شاغل-نامشخص"]
)
def test_a_status_that_cannot_be_read_refuses_the_row_and_reports_no_exit(text: str) -> None:
    verdict = judge({Column.EMPLOYMENT: text})
    assert isinstance(verdict, RefusedRow)
    assert (verdict.column, verdict.code, verdict.leaver) == (Column.EMPLOYMENT, "unreadable_status", None)


def test_the_refusal_of_a_status_says_which_words_are_understood() -> None:
    assert all(word in sentence for word in ("شاغل", "بازنشسته", "فوت") for sentence in REFUSALS["unreadable_status"])


@pytest.mark.parametrize("text", ["", "-", "0", "۰"])
def test_a_leaver_needs_neither_pay_nor_account_nor_number(text: str) -> None:
    emptied = dict.fromkeys((Column.MOBILE, Column.HIRE_DATE, Column.NET_PAY, Column.SHEBA), text)
    verdict = judge({Column.EMPLOYMENT: "بازنشسته", **emptied})
    assert isinstance(verdict, RefusedRow)
    assert (verdict.code, verdict.national_id, verdict.leaver) == ("not_employed", "5260181591", ExitReason.RETIRED)


@pytest.mark.parametrize("column", [c for c in WRONG if c not in {Column.NET_PAY, Column.EMPLOYMENT}])
def test_a_row_with_another_fault_reports_no_exit_for_its_cells_may_have_slipped(column: Column) -> None:
    text, code = WRONG[column]
    verdict = judge({Column.EMPLOYMENT: "بازنشسته", column: text})
    assert isinstance(verdict, RefusedRow)
    assert (verdict.column, verdict.code, verdict.leaver) == (column, code, None)


@pytest.mark.parametrize(
    "changes",
    [
        {"died": []},
        {"left": ["ترک کار", "شاغل"]},
        {"left": ["ترک کار", " شا غل "]},
        {"retired": [" ؟ "]},
        {"retired": ["ب" * 51]},
        {"employed": [f"کار {number}" for number in range(201)]},
        {"employed": "شاغل"},
        {"left": [1]},
    ],
)
def test_words_that_say_nothing_or_two_things_make_no_policy(changes: dict[str, Any]) -> None:
    value: dict[str, Any] = {"employed": ["شاغل"], "left": ["ترک کار"], "retired": ["بازنشسته"], "died": ["فوت"]}
    assert StatusWords.from_policy(value | {"of_a_newer_release": ["x"]}).read("ترک‌کار") is ExitReason.LEFT
    with pytest.raises(ValueError, match=next(iter(changes))):
        StatusWords.from_policy(value | changes)


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
    codes = {code for _, code in WRONG.values()} | {"duplicate", "not_employed", "bad_service", MERGED_CELLS}
    assert codes | {OWN_ROW, OTHER_REGION} == set(REFUSALS)
    sentence = RefusedLine(1, Column.MOBILE, "bad_mobile", Place()).sentence
    assert "شمارهٔ همراه" in sentence.fa
    assert "mobile" in sentence.en


@pytest.mark.parametrize(
    "heading",
    [
        list(HEADINGS.values()),
        [text.replace("ی", "ي").replace("ک", "ك") for text in HEADINGS.values()],
        [text.replace("ی", "ې").replace("ک", "ڪ").replace("ه", "ہ").replace("و", "ۆ") for text in HEADINGS.values()],
        [f" {text.replace(' ', ZWNJ)}\u200f " for text in HEADINGS.values()],
        [text.replace(" ", "  ") for text in HEADINGS.values()],
        [column.value for column in Column],
    ],
)
def test_headings_are_recognised_however_they_are_written(heading: list[str]) -> None:
    assert recognise_headings(heading) == {column: place for place, column in enumerate(Column)}


def test_unknown_headings_are_left_out_and_of_two_alike_the_first_counts() -> None:
    assert recognise_headings(["ردیف", "کد ملی", "منطقه محل خدمت", "کدملی"]) == {Column.NATIONAL_ID: 1}


@pytest.mark.parametrize(
    ("heading", "column"),
    [
        ("خالص پرداختی", Column.NET_PAY),
        ("خالص پرداختی به ریال", Column.NET_PAY),
        ("خالص حقوق و مزایا (ریال)", Column.NET_PAY),
        ("مبلغ قابل پرداخت", Column.NET_PAY),
        ("تاریخ شروع به‌کار", Column.HIRE_DATE),
        ("شمارهٔ تماس همراه", Column.MOBILE),
        ("شماره ملی پرسنل", Column.NATIONAL_ID),
        ("IBAN", Column.SHEBA),
        ("سابقهٔ خدمت", Column.SERVICE),
    ],
)
def test_the_words_of_a_pay_slip_are_known(heading: str, column: Column) -> None:
    assert recognise_headings([heading]) == {column: 0}


@pytest.mark.parametrize("heading", ["ناخالص", "جمع حقوق و مزایا", "حقوق", "جمع کل پرداختی", "سنوات", "تلفن", "کد"])
def test_gross_pay_and_words_of_several_meanings_are_not_taken(heading: str) -> None:
    assert recognise_headings([heading]) == {}


def test_a_length_of_service_that_cannot_be_read_refuses_its_row() -> None:
    raw = RawRow(1, tuple(GOOD.values()), service="۲۱٫۴")
    verdict = judge_row(raw, REGIONS, set(), TODAY, STATUSES)
    assert isinstance(verdict, RefusedRow)
    assert (verdict.column, verdict.code) == (Column.SERVICE, "bad_service")


def test_a_year_of_two_digits_is_refused_with_the_form_that_is_wanted() -> None:
    assert code_of(Column.HIRE_DATE, "97/02/23") == "bad_date"
    assert "با سال چهاررقمی بنویسید: ۱۳۹۷/۰۲/۲۳" in REFUSALS["bad_date"][0]


def test_a_pay_in_toman_is_not_taken_for_rial() -> None:
    assert recognise_headings(["خالص دریافتی (تومان)"]) == {}
