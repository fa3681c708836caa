"""Personnel files: encodings, forms, damage and bombs; the two sample files against their keys."""

from __future__ import annotations

import json
import struct
import tracemalloc
import zipfile
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
import xlsxwriter  # type: ignore[import-untyped]  # it ships no types

from demo.personnel_generator import CODES, REGIONS, FileFormat, generate, write_people
from domain.personnel.headings import COLUMNS, HEADINGS, Column
from domain.personnel.rows import PersonnelRow, RawRow, RefusedRow, judge_row
from gateways import personnel_rows, xlsx_guard
from gateways.personnel_file import SENTENCES, PersonnelFileError, count_rows, read_rows
from tests.personnel_steps import STATUSES

DATA = Path(__file__).parent.parent / "data"
TODAY = date(2026, 11, 21)
HEADING = ",".join(HEADINGS[column] for column in COLUMNS)
ROW = "5260181591,حمید,حسینی,09128513358,1104,1375/02/14,324071000,IR490546091390996030824628,شاغل"


def verdicts(path: Path) -> list[PersonnelRow | RefusedRow]:
    seen: set[str] = set()
    return [judge_row(raw, REGIONS, seen, TODAY, STATUSES) for raw in read_rows(path)]


def refused(path: Path) -> dict[int, str]:
    return {verdict.number: verdict.code for verdict in verdicts(path) if isinstance(verdict, RefusedRow)}


def written(path: Path, content: str | bytes, encoding: str = "utf-8") -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return path


def code_of(path: Path) -> str:
    with pytest.raises(PersonnelFileError) as caught:
        count_rows(path)
    return caught.value.code


@pytest.fixture
def csv_path(tmp_path: Path) -> Path:
    return tmp_path / "upload"


@pytest.mark.parametrize("name", ["personnel-education", "personnel-minipay-cp1256"])
def test_the_sample_files_are_refused_exactly_as_their_keys_say(name: str) -> None:
    key = json.loads((DATA / f"{name}.key.json").read_text(encoding="utf-8"))
    path = DATA / f"{name}.csv"
    assert refused(path) == {int(row): code for row, code in key["refused"].items()}
    assert count_rows(path) == key["rows"]


@pytest.mark.parametrize("file_format", list(FileFormat))
def test_a_generated_file_is_refused_exactly_as_its_key_says(file_format: FileFormat, tmp_path: Path) -> None:
    for seed in range(5):
        path = tmp_path / f"{seed}"
        key = generate(path, 300, dict.fromkeys(CODES, 4), file_format, seed)
        assert refused(path) == key.refused
        good = [verdict for verdict in verdicts(path) if isinstance(verdict, PersonnelRow)]
        assert [(row.national_id, row.mobile, row.first_name, row.last_name, row.net_pay_rial) for row in good] == [
            (person.national_id, person.mobile, person.first_name, person.last_name, person.net_pay_rial)
            for person in key.good
        ]
        assert [(row.sheba, row.region_code, row.hire_date) for row in good] == [
            (person.sheba, person.region_code, person.hire_date.to_gregorian()) for person in key.good
        ]


def test_a_corrected_file_of_refused_people_is_accepted(tmp_path: Path) -> None:
    key = generate(tmp_path / "first", 20, {"bad_mobile": 2}, seed=1)
    write_people(tmp_path / "second", key.refused_with("bad_mobile"))
    assert refused(tmp_path / "second") == {}
    assert count_rows(tmp_path / "second") == 2


def test_a_generated_file_has_new_people_each_time_unless_seeded(tmp_path: Path) -> None:
    path = tmp_path / "file"
    people = [generate(path, 5, seed=seed).people[1].national_id for seed in (None, None, 1, 1)]
    assert people[0] != people[1]
    assert people[2] == people[3]


def test_a_generator_asked_for_the_impossible_says_so(tmp_path: Path) -> None:
    for rows, bad in ((2, {"bad_luck": 1}), (1, {"bad_date": 2}), (1, {"duplicate": 1})):
        with pytest.raises(ValueError, match="bad rows"):
            generate(tmp_path / "file", rows, bad)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1256"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_encodings_delimiters_and_line_ends_are_found_out(
    csv_path: Path, encoding: str, delimiter: str, newline: str
) -> None:
    text = newline.join([HEADING, ROW, ROW]).replace(",", delimiter)
    if encoding == "cp1256":
        text = text.replace("ی", "ي")
    written(csv_path, text, encoding)
    assert refused(csv_path) == {2: "duplicate"}


def test_quoted_thousands_survive(csv_path: Path) -> None:
    written(csv_path, f"{HEADING}\n" + ROW.replace("324071000", '"324,071,000"'))
    (row,) = verdicts(csv_path)
    assert isinstance(row, PersonnelRow)
    assert row.net_pay_rial == 324_071_000


def test_an_amount_that_fell_apart_at_its_separators_is_refused_even_in_the_last_column(csv_path: Path) -> None:
    order = [*[column for column in COLUMNS if column is not Column.NET_PAY], COLUMNS[6]]
    cells = dict(zip(COLUMNS, ROW.replace("324071000", "324").split(","), strict=True))
    lines = [",".join(HEADINGS[column] for column in order), ",".join(cells[column] for column in order) + ",071,000"]
    assert refused(written(csv_path, "\n".join(lines))) == {1: "bad_amount"}


def test_of_a_row_that_fell_apart_nothing_after_its_amount_is_trusted(csv_path: Path) -> None:
    cells = ROW.replace("324071000", "324,071,بازنشسته")
    (raw,) = read_rows(written(csv_path, f"{HEADING}\n{cells}"))
    assert raw.values[6:] == ("", "", "")
    assert not any("بازنشسته" in value for value in raw.values)


def test_empty_headings_at_the_end_do_not_hide_that_an_amount_fell_apart(csv_path: Path) -> None:
    order = [*[column for column in COLUMNS if column is not Column.NET_PAY], Column.NET_PAY]
    cells: dict[Column, str] = dict(zip(COLUMNS, ROW.replace("324071000", "324").split(","), strict=True))
    lines = [",".join(HEADINGS[column] for column in order) + ",,", ",".join(cells[column] for column in order)]
    assert refused(written(csv_path, "\n".join([lines[0], lines[1] + ",071,000"]))) == {1: "bad_amount"}
    assert refused(written(csv_path, "\n".join([lines[0], lines[1] + ",,"]))) == {}


def test_columns_that_are_headed_and_left_empty_do_not_hide_that_an_amount_fell_apart(csv_path: Path) -> None:
    order = [*[column for column in COLUMNS if column is not Column.NET_PAY], Column.NET_PAY]
    cells: dict[Column, str] = dict(zip(COLUMNS, ROW.replace("324071000", "324").split(","), strict=True))
    heading = ",".join(HEADINGS[column] for column in order) + ",شماره پرسنلی,توضیحات"
    row = ",".join(cells[column] for column in order)
    for parts in (",071,000", ",۰۷۱,۰۰۰,,", ",071"):
        assert refused(written(csv_path, f"{heading}\n{row}{parts}")) == {1: "bad_amount"}


def test_what_programs_put_around_a_text_for_excel_is_taken_off_in_every_column(csv_path: Path) -> None:
    plain, *_ = read_rows(written(csv_path, f"{HEADING}\n{ROW}"))
    for around in ('"=""{}"""', '="{}"', "'{}", " '{} "):
        wrapped = ",".join(around.format(cell) for cell in ROW.split(","))
        assert list(read_rows(written(csv_path, f"{HEADING}\n{wrapped}"))) == [plain]


def test_a_row_of_a_csv_knows_the_line_on_which_it_begins(csv_path: Path) -> None:
    two = ROW.replace("حمید", '"حمید\nرضا"')
    written(csv_path, f"فهرست کارکنان\n{HEADING}\n{two}\n\n{ROW}\n{ROW}\n")
    assert [(raw.place.row, raw.place.line, raw.place.sheet) for raw in read_rows(csv_path)] == [
        (1, 3, ""), (3, 6, ""), (4, 7, ""),
    ]  # fmt: skip


def test_a_net_pay_in_toman_is_refused_and_said_to_be_toman(csv_path: Path) -> None:
    for heading in ("خالص پرداختی (تومان)", "خالص دریافتی به تومان"):
        written(csv_path, f"{HEADING}\n{ROW}".replace(HEADINGS[Column.NET_PAY], heading))
        with pytest.raises(PersonnelFileError) as caught:
            read_rows(csv_path)
        assert caught.value.code == "pay_in_toman"
        assert "به تومان است" in caught.value.fa
        assert "«خالص دریافتی (ریال)»" in caught.value.fa


def test_a_title_that_says_toman_counts_unless_the_heading_itself_says_rial(csv_path: Path) -> None:
    plain = HEADING.replace(HEADINGS[Column.NET_PAY], "خالص پرداختی")
    for title in ("فهرست کارکنان,,(مبالغ به تومان)", "ارقام به تومان است"):
        written(csv_path, f"{title}\n{plain}\n{ROW}")
        with pytest.raises(PersonnelFileError) as caught:
            read_rows(csv_path)
        assert (caught.value.code, caught.value.columns) == ("pay_in_toman", (HEADINGS[Column.NET_PAY],))
        assert refused(written(csv_path, f"{title}\n{HEADING}\n{ROW}")) == {}


def test_two_columns_of_one_meaning_are_refused_and_named(csv_path: Path) -> None:
    written(csv_path, f"{HEADING},خالص پرداختی\n{ROW},410000000")
    with pytest.raises(PersonnelFileError) as caught:
        read_rows(csv_path)
    assert (caught.value.code, caught.value.columns) == ("columns_given_twice", (HEADINGS[Column.NET_PAY],))


def test_the_length_of_service_is_read_where_it_is_given(csv_path: Path) -> None:
    written(csv_path, f"سنوات خدمت,{HEADING}\n۲۱ سال و ۴ ماه,{ROW}\n,{ROW.replace('5260181591', '2199351815')}")
    given, empty = verdicts(csv_path)
    assert isinstance(given, PersonnelRow)
    assert isinstance(empty, PersonnelRow)
    assert given.service is not None
    assert (given.service.length, empty.service) == ("P21Y4M0D", None)


def test_blank_rows_are_counted_but_not_read_and_titles_above_the_heading_are_not(csv_path: Path) -> None:
    written(csv_path, f"sep=,\nفهرست کارکنان\n{HEADING}\n\n,,,,\n{ROW}\n\n")
    assert [raw.number for raw in read_rows(csv_path)] == [3]


def test_a_short_row_has_empty_cells(csv_path: Path) -> None:
    written(csv_path, f"{HEADING}\n{ROW.rsplit(',', 2)[0]}\n")
    assert refused(csv_path) == {1: "bad_sheba"}


def test_an_overlong_cell_is_cut_and_its_row_alone_refused(csv_path: Path) -> None:
    written(
        csv_path, f"{HEADING}\n{ROW.replace('09128513358', '0' * 5000)}\n{ROW.replace('5260181591', '2199351815')}\n"
    )
    assert refused(csv_path) == {1: "bad_mobile"}
    assert max(len(value) for raw in read_rows(csv_path) for value in raw.values) == 513


def test_missing_columns_are_named_in_persian(csv_path: Path) -> None:
    written(csv_path, "کد ملی,نام,نام خانوادگی,کد منطقه,تاریخ استخدام,وضعیت,شبا\n1,2,3,4,5,6,7\n")
    with pytest.raises(PersonnelFileError) as caught:
        read_rows(csv_path)
    assert caught.value.code == "missing_columns"
    assert caught.value.columns == ("تلفن همراه", "خالص دریافتی (ریال)")
    assert "«تلفن همراه»، «خالص دریافتی (ریال)»" in caught.value.fa
    assert "تلفن همراه" in caught.value.en


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty_file"),
        (b"\xef\xbb\xbf\r\n \r\n", "empty_file"),
        (f"{HEADING}\n".encode(), "empty_file"),
        (f"{HEADING}\n,,,\n\n".encode(), "empty_file"),
        (b"hello, world\n1,2\n", "not_a_personnel_file"),
        (b"%PDF-1.7\n\x00\x01", "not_a_personnel_file"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "not_a_personnel_file"),
        (f"{HEADING}\n{ROW}\n".replace("حمید", "حم\0ید").encode(), "not_a_personnel_file"),
        (f"{HEADING}\n{ROW}\n".encode("utf-16"), "unreadable_encoding"),
        (f"{HEADING}\n{ROW}\n".encode("utf-8-sig") + b"\xff", "unreadable_encoding"),
        (f"{HEADING}\n{ROW}\n".encode() + b"\xd8\xff", "unreadable_encoding"),
        (f"{HEADING}\n{ROW}\n".replace("ی", "ي").replace("ک", "ك").replace("پ", "ب").encode("iso-8859-6", "replace"),
         "unreadable_encoding"),
        (f"{HEADING}\n{ROW}{',x' * 70}\n".encode(), "file_too_complex"),
        (f"{HEADING}\n{'x' * 200_000}\n".encode(), "file_too_complex"),
        (b"PK\x03\x04 no zip at all", "not_a_personnel_file"),
        (b"PK\x05\x06" + bytes(18), "not_a_personnel_file"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_read_is_refused_with_its_code(csv_path: Path, content: bytes, code: str) -> None:
    assert code_of(written(csv_path, content)) == code


def test_every_code_has_its_sentences() -> None:
    for code in SENTENCES:
        error = PersonnelFileError(code)
        assert error.fa
        assert error.en


def test_a_quote_left_open_does_not_swallow_rows_unseen(csv_path: Path) -> None:
    rows = [ROW] * 5
    rows[1] = rows[1].replace("حمید", '"حمید')
    rows[3] = rows[3].replace("324071000", '"324,071,000"')
    assert code_of(written(csv_path, "\n".join([HEADING, *rows]))) == "not_a_personnel_file"
    rows = [ROW] * 3000
    rows[1] = rows[1].replace("حمید", '"حمید')
    assert code_of(written(csv_path, "\n".join([HEADING, *rows]))) == "not_a_personnel_file"


def test_a_line_break_inside_a_quoted_cell_is_a_space(csv_path: Path) -> None:
    written(csv_path, f"{HEADING}\n" + ROW.replace("حمید", '"حمید\nرضا"'))
    (row,) = verdicts(csv_path)
    assert isinstance(row, PersonnelRow)
    assert row.first_name == "حمید رضا"


def test_more_rows_than_allowed_are_refused(csv_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(personnel_rows, "MAX_ROWS", 3)
    assert count_rows(written(csv_path, "\n".join([HEADING, *[ROW] * 3]))) == 3
    assert code_of(written(csv_path, "\n".join([HEADING, *[ROW] * 4]))) == "file_too_complex"


def test_a_long_csv_is_read_with_flat_memory(csv_path: Path) -> None:
    written(csv_path, "\n".join([HEADING, *[ROW] * 60_000]))
    rows = read_rows(csv_path)
    next(rows)
    tracemalloc.start()
    try:
        assert sum(1 for _ in rows) == 59_999
        assert tracemalloc.get_traced_memory()[1] < 2 * 1024 * 1024
    finally:
        tracemalloc.stop()


def workbook(path: Path, fill: Callable[[xlsxwriter.Workbook], None]) -> Path:
    with xlsxwriter.Workbook(path, {"default_date_format": "yyyy/mm/dd"}) as book:
        fill(book)
    return path


def write_heading(sheet: xlsxwriter.worksheet.Worksheet) -> None:
    sheet.write_row(0, 0, HEADING.split(","))


def test_numbers_and_dates_in_cells_keep_their_digits_and_days(tmp_path: Path) -> None:
    def fill(book: xlsxwriter.Workbook) -> None:
        sheet = book.add_worksheet()
        write_heading(sheet)
        cells = [855471069, "کامران", "محمدی", 9902236099, 1104, date(2003, 6, 27), 398851000.0,
                 "IR150175990587811535690417", "شاغل"]  # fmt: skip
        for column, cell in enumerate(cells):
            sheet.write(3, column, cell)

    path = workbook(tmp_path / "upload", fill)
    values = ("855471069", "کامران", "محمدی", "9902236099", "1104", "1382/04/06", "398851000",
              "IR150175990587811535690417", "شاغل")  # fmt: skip
    assert list(read_rows(path)) == [RawRow(3, values)]
    (row,) = verdicts(path)
    assert isinstance(row, PersonnelRow)
    assert row.national_id == "0855471069"
    assert row.net_pay_rial == 398_851_000


def test_a_date_before_the_jalali_calendar_is_a_bad_date(tmp_path: Path) -> None:
    names = [*HEADING.split(","), *ROW.split(",")]
    cells = [b'<c t="inlineStr"><is><t>%s</t></is></c>' % name.encode() for name in names]
    cells[len(COLUMNS) + 5] = b'<c t="d"><v>0001-01-01</v></c>'
    rows = [b"<row>%s</row>" % b"".join(part) for part in (cells[: len(COLUMNS)], cells[len(COLUMNS) :])]
    assert refused(repacked(tmp_path / "upload", sheet_of(b"".join(rows)))) == {1: "bad_date"}


def test_the_first_sheet_with_a_heading_is_read(tmp_path: Path) -> None:
    def fill(book: xlsxwriter.Workbook) -> None:
        book.add_worksheet("راهنما").write(0, 0, "این فایل را پر کنید")
        sheet = book.add_worksheet("کارکنان")
        write_heading(sheet)
        sheet.write_row(1, 0, ROW.split(","))

    assert count_rows(workbook(tmp_path / "upload", fill)) == 1


@pytest.mark.parametrize(
    ("cells", "code"),
    [([], "empty_file"), (["کد ملی", "نام"], "missing_columns"), (["سلام"], "not_a_personnel_file"),
     (HEADING.split(","), "empty_file")],
)  # fmt: skip
def test_a_workbook_that_is_no_list_is_refused_with_its_code(tmp_path: Path, cells: list[str], code: str) -> None:
    path = workbook(tmp_path / "upload", lambda book: book.add_worksheet().write_row(0, 0, cells))
    assert code_of(path) == code


def repacked(path: Path, changes: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> Path:
    """Write a small good workbook with some of its members replaced or added."""
    workbook(path, lambda book: write_heading(book.add_worksheet()))
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()} | changes
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def sheet_of(rows: bytes) -> dict[str, bytes]:
    space = b"http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    return {"xl/worksheets/sheet1.xml": b'<worksheet xmlns="%s"><sheetData>%s</sheetData></worksheet>' % (space, rows)}


def test_a_zip_bomb_is_refused_by_what_it_really_unpacks_to(tmp_path: Path) -> None:
    path = repacked(tmp_path / "upload", {"xl/media/image1.bin": bytes(xlsx_guard.MAX_UNPACKED // 8)})
    assert path.stat().st_size < 200_000
    assert code_of(path) == "file_too_complex"
    content = path.read_bytes()
    true_size = struct.pack("<L", xlsx_guard.MAX_UNPACKED // 8)
    assert content.count(true_size) >= 2
    written(path, content.replace(true_size, struct.pack("<L", 1000)))
    assert code_of(path) == "not_a_personnel_file"


def test_many_members_are_refused(tmp_path: Path) -> None:
    path = repacked(tmp_path / "upload", {f"xl/media/{number}": b"" for number in range(xlsx_guard.MAX_MEMBERS)})
    assert code_of(path) == "file_too_complex"


@pytest.mark.parametrize(
    "rows",
    [
        b'<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>',
        b'<row r="1"><c r="BM1"><v>1</v></c></row>',
        b'<row r="900000"><c><v>1</v></c></row>',
        b'<row r="1"><c r="BL1"><v>1</v></c></row><row r="200000"><c r="A200000"><v>1</v></c></row>',
        b'<row r="1"><c r="A900000" t="inlineStr"><is><t>1</t></is></c></row>',
    ],
)
def test_cells_that_lie_far_apart_are_refused_before_they_are_laid_out(tmp_path: Path, rows: bytes) -> None:
    assert code_of(repacked(tmp_path / "upload", sheet_of(rows))) == "file_too_complex"


def test_formatting_down_to_the_last_row_is_harmless(tmp_path: Path) -> None:
    far = b'<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576" s="0"/></row>'
    assert code_of(repacked(tmp_path / "upload", sheet_of(far))) == "not_a_personnel_file"


def test_one_long_text_named_by_very_many_cells_is_refused(tmp_path: Path) -> None:
    space = b"http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    text = b'<sst xmlns="%s"><si><t>%s</t></si></sst>' % (space, b"x" * 32_000)
    rows = b"".join(b'<row r="%d"><c r="A%d" t="s"><v>0</v></c></row>' % (row, row) for row in range(1, 20_000))
    path = repacked(tmp_path / "upload", {**sheet_of(rows), "xl/sharedStrings.xml": text})
    assert code_of(path) == "file_too_complex"


@pytest.mark.parametrize(
    "changes",
    [
        {"xl/worksheets/sheet1.xml": b"<worksheet><sheetData>"},
        {"xl/worksheets/sheet1.xml": '<?xml version="1.0" encoding="cp037"?><worksheet/>'.encode("cp037")},
        {"xl/worksheets/sheet1.xml": b'<!DOCTYPE x [<!ENTITY a "b">]><worksheet><sheetData/></worksheet>'},
        sheet_of(b'<row r="x"><c r="A1"><v>1</v></c></row>'),
        sheet_of(b'<row r="1"><c r="1A"><v>1</v></c></row>'),
    ],
)
def test_a_damaged_or_treacherous_sheet_is_refused(tmp_path: Path, changes: dict[str, bytes]) -> None:
    assert code_of(repacked(tmp_path / "upload", changes)) == "not_a_personnel_file"


def test_another_kind_of_zip_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "upload"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("content.xml", "<office/>")
    assert code_of(path) == "not_a_personnel_file"


def test_a_truncated_workbook_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "upload"
    generate(path, 50, file_format=FileFormat.XLSX, seed=1)
    content = path.read_bytes()
    assert code_of(written(path, content[: len(content) // 2])) == "not_a_personnel_file"
    middle = len(content) // 2
    damaged = content[:middle] + bytes(byte ^ 0xFF for byte in content[middle : middle + 64]) + content[middle + 64 :]
    assert code_of(written(path, damaged)) == "not_a_personnel_file"
