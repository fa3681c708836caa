"""National ids, mobiles and shebas."""

from __future__ import annotations

import pytest

from domain.identity import (
    BadCard,
    BadMobile,
    BadNationalId,
    BadSheba,
    CardNumber,
    Mobile,
    NationalId,
    Sheba,
    bank_code,
    bank_name,
    mask_mobile,
    mask_national_id,
    mask_sheba,
    parse_card,
    parse_mobile,
    parse_national_id,
    parse_sheba,
    show_mobile,
)

SHEBA = "IR490546091390996030824628"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5260181591", "5260181591"),
        ("۸۶۲۰۵۷۹۸۶۱", "8620579861"),
        ("٨٦٢٠٥٧٩٨٦١", "8620579861"),
        ("855471069", "0855471069"),
        ("12345679", "0012345679"),
        (" 526-018159-1\u200f", "5260181591"),
    ],
)
def test_a_national_id_is_read_with_its_lost_zeros(text: str, expected: str) -> None:
    assert parse_national_id(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "8583694924", "1111111111", "0000000000", "1234567", "52601815910", "526018159a", "855471069.0", "५260181591",
     "5" * 1_000_000, "5260181591\0"],
)  # fmt: skip
def test_a_wrong_national_id_is_refused_with_its_code(text: str) -> None:
    with pytest.raises(BadNationalId) as caught:
        parse_national_id(text)
    assert caught.value.code == "bad_national_id"


def test_an_error_does_not_repeat_what_was_typed() -> None:
    with pytest.raises(BadNationalId) as caught:
        parse_national_id("8583694924")
    assert "8583694924" not in repr(caught.value)


@pytest.mark.parametrize(
    "text",
    ["09128513358", "9128513358", "+989128513358", "00989128513358", "989128513358", "۰۹۱۲۸۵۱۳۳۵۸", "٠٩١٢٨٥١٣٣٥٨",
     "0912 851 3358", "0912-851-3358", "\u200e+98 912 8513358"],
)  # fmt: skip
def test_a_mobile_is_read_in_every_usual_writing(text: str) -> None:
    assert parse_mobile(text) == "+989128513358"


@pytest.mark.parametrize(
    "text",
    ["", "091903105", "02188776655", "+14155552671", "091285133589", "0812851335", "0912851335x", "+98",
     "09128513358.0"],
)  # fmt: skip
def test_what_is_no_iranian_mobile_is_refused_with_its_code(text: str) -> None:
    with pytest.raises(BadMobile) as caught:
        parse_mobile(text)
    assert caught.value.code == "bad_mobile"


def test_a_mobile_of_any_operator_old_or_new_is_read() -> None:
    for prefix in range(900, 1000):
        assert parse_mobile(f"0{prefix}9012345") == f"+98{prefix}9012345"


@pytest.mark.parametrize(
    "text", [SHEBA, SHEBA.lower(), "IR49 0546 0913 9099 6030 8246 28", SHEBA[2:], f" {SHEBA}\u200f"]
)
def test_a_sheba_is_read_in_every_usual_writing(text: str) -> None:
    assert parse_sheba(text) == SHEBA


def test_a_sheba_with_persian_digits_is_read() -> None:
    assert parse_sheba("IR۴۹۰۵۴۶۰۹۱۳۹۰۹۹۶۰۳۰۸۲۴۶۲۸") == SHEBA


@pytest.mark.parametrize(
    "text", ["", "IR", SHEBA[:-1], f"{SHEBA}0", f"{SHEBA[:-1]}9", f"DE{SHEBA[2:]}", "IR" + "0" * 24]
)
def test_a_wrong_sheba_is_refused_with_its_code(text: str) -> None:
    with pytest.raises(BadSheba) as caught:
        parse_sheba(text)
    assert caught.value.code == "bad_sheba"


def test_a_sheba_names_its_bank() -> None:
    assert bank_name(bank_code(Sheba(SHEBA))) == "بانک پارسیان"
    assert bank_name(bank_code(Sheba("IR000990000000000000000000"))) is None


@pytest.mark.parametrize(
    "text", ["6037991234567893", "6037-9912-3456-7893", "۶۰۳۷ ۹۹۱۲ ۳۴۵۶ ۷۸۹۳", " 6037991234567893\u200f"]
)
def test_a_card_is_read_in_every_usual_writing(text: str) -> None:
    assert parse_card(text) == "6037991234567893"


@pytest.mark.parametrize("text", ["", "603799123456789", "6037991234567894", "60379912345678930", "6037991234567x93"])
def test_a_wrong_card_is_refused_with_its_code(text: str) -> None:
    with pytest.raises(BadCard) as caught:
        parse_card(text)
    assert caught.value.code == "bad_card"


def test_a_card_names_its_bank() -> None:
    assert bank_name(bank_code(CardNumber("6037991234567893"))) == "بانک ملی ایران"
    assert bank_code(CardNumber("4111111111111111")) is None


def test_masks_hide_the_middle() -> None:
    assert mask_national_id(NationalId("5260181591")) == "526****591"
    assert mask_mobile(Mobile("+989128513358")) == "0912***3358"
    assert mask_sheba(Sheba(SHEBA)) == "IR**054***4628"
    assert show_mobile(Mobile("+989128513358")) == "۰۹۱۲۸۵۱۳۳۵۸"
