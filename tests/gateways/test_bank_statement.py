"""Statements of the bank: MT940 and CSV say the same, and a file at fault anywhere is read nowhere (E2)."""

from __future__ import annotations

import random
from datetime import date

import pytest

from domain.clearing import STATEMENT_LIMIT, STATEMENT_ROWS
from gateways.bank_statement import StatementFault, read_statement
from gateways.statement_file import read_apart

CSV = "date,amount,reference,description\n2026-11-28,500000,PAYA-77,واریز درگاه\n2026-11-28,-200000,PAYA-1,بازگشت\n"
MT940 = """:20:X
:25:IR/123
:28C:1/1
:60F:C261128IRR1000,00
:61:2611281128C500000,NTRFPAYA-77//BREF
:86:gateway settlement
:61:2611281128D200000,NMSCPAYA-1
:86:refund
:62F:C261128IRR301000,
"""


@pytest.mark.parametrize("text", [CSV, MT940, "\ufeff" + CSV, CSV.replace("\n", "\r\n")])
def test_both_forms_say_day_amount_and_reference(text: str) -> None:
    rows = read_statement(text.encode())

    day = date(2026, 11, 28)
    assert [(row.booked_on, row.amount, row.reference) for row in rows] == [
        (day, 500_000, "PAYA-77"),
        (day, -200_000, "PAYA-1"),
    ]
    assert "بازگشت" not in repr(rows)


def test_rows_are_the_same_in_either_form_and_whatever_the_bank_writes_beside_them() -> None:
    of_csv, of_mt940 = read_statement(CSV.encode()), read_statement(MT940.encode())
    other = read_statement(CSV.replace("واریز", "ﺑﻪ ﺣﺴﺎﺏ").encode())

    known = [row.fingerprint for row in of_csv]
    assert known == [row.fingerprint for row in of_mt940] == [row.fingerprint for row in other]


def test_a_row_that_takes_another_back_has_the_sign_of_what_the_account_sees() -> None:
    taken_back = MT940.replace("28D200000", "28RC200000")
    come_back = MT940.replace("28D200000", "28rd200000").replace("IRR301000", "IRR701000")

    assert [row.amount for row in read_statement(taken_back.encode())] == [500_000, -200_000]
    assert [row.amount for row in read_statement(come_back.encode())] == [500_000, 200_000]


def test_a_row_stands_on_the_day_of_its_booking_with_its_reference_whatever_its_description_is_like() -> None:
    rows = read_statement(
        MT940.replace("2611281128C", "2612310101C").replace("gateway settlement", "166?00UEBERW?20x").encode()
    )

    assert (rows[0].booked_on, rows[0].reference) == (date(2027, 1, 1), "PAYA-77")


def test_equal_rows_of_one_file_are_two_and_of_two_files_the_same() -> None:
    twice = (CSV + CSV.splitlines()[1] + "\n").encode()
    first, second = read_statement(CSV.encode()), read_statement(twice)

    assert [row.fingerprint for row in second[:2]] == [row.fingerprint for row in first]
    assert len({row.fingerprint for row in second}) == 3


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"  \n",
        CSV.replace("ی", "ي").encode("cp1256"),
        CSV.encode("utf-16"),
        b"\x89PNG\r\n\x1a\n\x00\x00",
        b"<html><body>502</body></html>",
        CSV.replace("date,amount", "day,sum").encode(),
        CSV.replace("500000", "500000.5").encode(),
        CSV.replace("500000", "0").encode(),
        CSV.replace("500000", "=1+1").encode(),
        CSV.replace("500000", "9" * 16).encode(),
        CSV.replace("2026-11-28", "1405-09-07x").encode(),
        CSV.replace("2026-11-28", "1405-09-07").encode(),
        MT940.replace("261128", "050907").encode(),
        MT940.replace("IRR", "EUR").encode(),
        # A row is missing, or taken for a part of the description before it.
        MT940.replace(":61:2611281128D200000,NMSCPAYA-1\n", "").encode(),
        MT940.replace(":61:2611281128D", " :61:2611281128D").encode(),
        CSV.replace("PAYA-1,", "PAYA-1,,,").encode(),
        (CSV + '2026-11-28,1,"open,quote').encode(),
        MT940.replace("C500000,", "C500000,50").encode(),
        MT940.replace("NTRFPAYA-77//BREF", "N" * 5_000).encode(),
        b":20:X\n:61:nonsense\n",
        b":20:X\n",
        b"x" * (STATEMENT_LIMIT + 1),
    ],
)
def test_what_is_no_statement_is_read_nowhere(content: bytes) -> None:
    with pytest.raises(StatementFault) as fault:
        read_statement(content)
    assert not fault.value.too_long


def test_a_statement_of_too_many_rows_says_so() -> None:
    row = "2026-11-28,1,x,y\n"
    assert (
        len(read_statement(("date,amount,reference,description\n" + row * STATEMENT_ROWS).encode())) == STATEMENT_ROWS
    )
    with pytest.raises(StatementFault) as fault:
        read_statement(("date,amount,reference,description\n" + row * (STATEMENT_ROWS + 1)).encode())
    assert fault.value.too_long


def test_a_statement_with_letters_changed_is_read_or_refused_and_nothing_else() -> None:
    chance = random.Random(7)  # noqa: S311 - any letters will do
    for text in (CSV, MT940):
        for _ in range(150):
            letters = list(text)
            for _ in range(chance.randint(1, 6)):
                letters[chance.randrange(len(letters))] = chance.choice(':/,-0C9D\n"آ\ufffd')
            try:
                read_statement("".join(letters).encode())
            except StatementFault:
                continue


@pytest.mark.parametrize("text", [CSV, MT940])
def test_a_process_of_its_own_reads_the_same_rows(text: str) -> None:
    assert read_apart(text.encode()) == read_statement(text.encode())


@pytest.mark.parametrize(
    ("content", "too_long"),
    [
        (b"", False),
        (b"x" * (STATEMENT_LIMIT + 1), False),
        (MT940.replace("NTRFPAYA-77//BREF", "N" * 5_000).encode(), False),
        ((CSV + "2026-11-28,1,x,y\n" * STATEMENT_ROWS).encode(), True),
    ],
)
def test_a_process_of_its_own_says_why_it_read_nothing(content: bytes, too_long: bool) -> None:
    with pytest.raises(StatementFault) as fault:
        read_apart(content)
    assert fault.value.too_long is too_long


def test_the_longest_statement_is_read_in_time() -> None:
    rows = "".join(
        f":61:2611281128C{number},NTRFPAYA-{number}//BREF\n:86:x\n" for number in range(1, STATEMENT_ROWS + 1)
    )
    closing = 1_000 + sum(range(1, STATEMENT_ROWS + 1))
    head, tail = MT940[: MT940.index(":61:")], f":62F:C261128IRR{closing},\n"
    assert len(read_apart((head + rows + tail).encode())) == STATEMENT_ROWS
