"""What papers print (G9)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any, cast

import pytest

from domain.dates import format_weekday
from domain.money import MAX_AMOUNT, Money, MoneyError, Unit, UnitMismatch, format_rial
from domain.paper import (
    CONTENTS,
    EscrowRulingPaper,
    FeeInvoice,
    PaperKind,
    PaperState,
    PaymentReceipt,
    PayoutReceipt,
)

RECEIPT = PaymentReceipt(
    payer="مریم رضایی",
    purpose="سفارش ۱۲",
    receiver="فروشگاه بهار",
    amount=41_234_567,
    gateway="زرین‌پال",
    reference="A0000-12/44",
    paid=datetime(2026, 11, 30, 11, 30, tzinfo=UTC),
    case_number="481027360",
)

PAYOUT = PayoutReceipt(
    receiver="رضا کریمی",
    what_for="برداشت به حساب بانکی",
    amount=5_000_000,
    sheba="IR**017***1234",
    reference="REF-778",
    paid=datetime(2026, 11, 30, 11, 30, tzinfo=UTC),
    charged=13_579,
)
INVOICE = FeeInvoice(
    buyer="رضا کریمی",
    what_for="کارمزد برداشت از موجودی",
    invoice="1405-000012",
    fee=12_345,
    vat=1_234,
    rate=1_000,
    amount=13_579,
    charged=datetime(2026, 11, 30, 11, 30, tzinfo=UTC),
    seller="شرکت امانت‌پرداز",
    economic_number="10101234567",
    address="تهران، خیابان آزادی",
)
RULING = EscrowRulingPaper(
    employer="مریم رضایی",
    contractor="رضا کریمی",
    job="طراحی فروشگاه",
    title="مرحلهٔ نخست",
    case_number="481027360",
    amount=40_000_001,
    to_contractor=30_000_000,
    to_employer=10_000_001,
    reasons="بخشی از کار تحویل شده است.\n\nباقی آن انجام نشده است.",
    ruled=datetime(2026, 11, 30, 11, 30, tzinfo=UTC),
    objection_until=datetime(2026, 12, 2, 11, 30, tzinfo=UTC),
    state=PaperState.OPEN_TO_OBJECTION,
)


def amount(content: PaymentReceipt, name: str = "amount") -> dict[str, str]:
    """How an amount is printed."""
    return cast("dict[str, str]", content.printed()[name])


def test_an_amount_is_printed_in_toman_in_rial_and_in_words() -> None:
    assert amount(RECEIPT) == {
        "toman": "۴٬۱۲۳٬۴۵۶٫۷ تومان",
        "rial": "۴۱٬۲۳۴٬۵۶۷ ریال",
        "words": "چهار میلیون و صد و بیست و سه هزار و چهارصد و پنجاه و شش تومان و هفت ریال",
    }


def test_the_greatest_amount_has_words_and_a_greater_one_is_no_paper() -> None:
    assert amount(replace(RECEIPT, amount=MAX_AMOUNT))["words"] == "ده کوادریلیون تومان"
    for impossible in (MAX_AMOUNT + 1, 10**28, -1):
        with pytest.raises(ValueError, match=r"amount|number"):
            replace(RECEIPT, amount=impossible).printed()


def test_a_fee_and_a_card_are_printed_only_where_there_are() -> None:
    assert (RECEIPT.printed()["fee"], RECEIPT.printed()["card"]) == (None, None)
    paid = replace(RECEIPT, fee=5_000, card="603799******1234")
    assert amount(paid, "fee")["toman"] == "۵۰۰ تومان"
    assert paid.printed()["card"] == "۶۰۳۷۹۹******۱۲۳۴"


def test_an_invoice_says_fee_rate_vat_and_their_sum_and_a_seller_only_where_one_is_named() -> None:
    printed = INVOICE.printed()
    fee, vat, total = (cast("dict[str, str]", printed[name]) for name in ("fee", "vat", "amount"))
    assert (fee["rial"], printed["rate"], vat["rial"], total["rial"]) == (
        "۱۲٬۳۴۵ ریال",
        "۱۰٪",
        "۱٬۲۳۴ ریال",
        "۱۳٬۵۷۹ ریال",
    )
    assert total["words"] == "یک هزار و سیصد و پنجاه و هفت تومان و نه ریال"
    assert printed["invoice"] == "۱۴۰۵-۰۰۰۰۱۲"
    unnamed = replace(INVOICE, seller=None, economic_number=None, address=None).printed()
    assert {unnamed[name] for name in ("seller", "economic_number", "address")} == {None}


def test_a_ruling_says_both_parts_its_reasons_line_by_line_and_until_when_one_may_object() -> None:
    printed = RULING.printed()
    rial = [cast("dict[str, str]", printed[name])["rial"] for name in ("amount", "to_contractor", "to_employer")]
    assert rial == ["۴۰٬۰۰۰٬۰۰۱ ریال", "۳۰٬۰۰۰٬۰۰۰ ریال", "۱۰٬۰۰۰٬۰۰۱ ریال"]
    assert printed["reasons"] == "بخشی از کار تحویل شده است.\nباقی آن انجام نشده است."
    assert printed["objection_until"] == "چهارشنبه ۱۱ آذر ۱۴۰۵، ساعت ۱۵:۰۰"
    final = replace(RULING, objection_until=None, state=PaperState.FINAL).printed()
    assert (final["objection_until"], final["state"]) == (None, "قطعی")


def test_a_moment_and_a_day_have_their_weekday_and_year() -> None:
    assert RECEIPT.printed()["paid"] == "دوشنبه ۹ آذر ۱۴۰۵، ساعت ۱۵:۰۰"
    assert format_weekday(date(2026, 11, 30)) == "دوشنبه ۹ آذر ۱۴۰۵"


def test_marks_that_turn_the_reading_direction_are_not_printed() -> None:
    turned = replace(RECEIPT, payer="علی \u202e ۵۰۰ تومان", reference="12\u206634")
    assert (turned.printed()["payer"], turned.printed()["reference"]) == ("علی ۵۰۰ تومان", "1234")


def test_every_kind_has_its_content() -> None:
    assert set(CONTENTS) == set(PaperKind)


def test_only_rial_are_shown_in_rial() -> None:
    with pytest.raises(UnitMismatch):
        format_rial(Money(1, Unit.USD))
    with pytest.raises(MoneyError):
        Money(cast(Any, 1.5))
