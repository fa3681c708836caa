"""Papers as PDF: what is in a value is printed as it is, and the same values give the same bytes (G9)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Final

import pytest
import typst

from domain.money import Money
from domain.onboarding import ceiling
from domain.paper import CONTENTS, CreditConfirmation, PaperContent, PaperKind, PaperState
from gateways import pdf
from gateways.pdf import TEMPLATES, FontMissing, PaperNotMade, render_pdf, set_paper
from tests.domain.test_paper import INVOICE, PAYOUT, RECEIPT, RULING

_CHECK: Final = "https://amanat.example/check/b1Qm2Zt7cX0yK4sVn8wPjA"
CONFIRMATION: Final = CreditConfirmation(
    holder="مریم رضایی",
    national_id="049****899",
    programme="مینی‌پی",
    amount=ceiling(Money(41_000_000), 12).amount,
    monthly=41_000_000,
    instalments=12,
    since=date(2026, 11, 30),
    until=date(2027, 11, 30),
    case_number="481027360",
    state=PaperState.USABLE,
)
_CONTENTS: Final[Mapping[PaperKind, PaperContent]] = {
    PaperKind.PAYMENT_RECEIPT: replace(RECEIPT, fee=5_000, card="603799******1234"),
    PaperKind.CREDIT_CONFIRMATION: CONFIRMATION,
    PaperKind.PAYOUT_RECEIPT: PAYOUT,
    PaperKind.FEE_INVOICE: INVOICE,
    PaperKind.ESCROW_RULING: RULING,
}


def sheet(content: PaperContent) -> dict[str, object]:
    """What a template gets."""
    return {"number": "۴۸۱۰۲۷۳۶۰", "issued": "دوشنبه ۹ آذر ۱۴۰۵", "content": content.printed()}


def made(content: PaperContent) -> bytes:
    """The PDF."""
    return set_paper(content.kind, sheet(content), check=_CHECK)


def texts(content: PaperContent) -> str:
    """Every text of the set document, piece by piece as typst holds it."""
    data = sheet(content) | {"check": _CHECK, "code": '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'}
    compiler = typst.Compiler(
        TEMPLATES / f"{content.kind}.typ", root=TEMPLATES, sys_inputs={"paper": json.dumps(data, ensure_ascii=False)}
    )
    pieces = (node.get("text") for node in _nodes(json.loads(compiler.query("table"))))
    return "".join(piece for piece in pieces if isinstance(piece, str))


def _nodes(found: object) -> list[dict[str, object]]:
    if isinstance(found, list):
        return [node for one in found for node in _nodes(one)]
    if isinstance(found, dict):
        return [found, *(node for one in found.values() for node in _nodes(one))]
    return []


def pages(made_of: bytes) -> int:
    """How many pages a PDF has."""
    return len(re.findall(rb"/Type\s*/Page\b", made_of))


@pytest.mark.parametrize("kind", CONTENTS)
def test_a_paper_is_a_pdf_of_one_page_with_its_font_and_the_same_values_give_the_same_bytes(kind: PaperKind) -> None:
    content = _CONTENTS[kind]
    first = made(content)
    assert first.startswith(b"%PDF-")
    assert pages(first) == 1
    assert b"Vazirmatn" in first
    assert b"/FontFile" in first
    assert made(content) == first


@pytest.mark.parametrize("kind", CONTENTS)
def test_every_value_is_printed(kind: PaperKind) -> None:
    content = _CONTENTS[kind]
    said = texts(content)
    for name, value in content.printed().items():
        for text in value.values() if isinstance(value, Mapping) else [value]:
            assert str(text) in said, name


def test_code_in_a_name_is_printed_and_not_run() -> None:
    nasty = 'علی #panic("x") #read("/etc/passwd") $x^2$ *ب* _پ_ <label> @ref \\ " // /* `raw` = عنوان'
    content = replace(RECEIPT, payer=nasty, purpose='"; panic()', receiver="#{", gateway="]", reference="#[")
    said = texts(content)
    assert nasty in said
    assert '"; panic()' in said
    assert made(content).startswith(b"%PDF-")


def test_a_name_of_500_letters_without_a_gap_stays_on_the_paper() -> None:
    long = replace(RECEIPT, payer="ش" * 500, receiver="W" * 500, reference="9" * 500)
    assert texts(long).replace("\u200b", "").count("ش" * 500) == 1
    assert pages(made(long)) > 1
    assert pages(made(replace(RECEIPT, payer="علی " * 125))) == 1


def test_the_longest_reasons_of_a_ruling_fill_pages_and_lose_nothing() -> None:
    long = replace(RULING, reasons="\n".join(["دلیل " * 100] * 16))
    assert texts(long).count("دلیل") == 1_600
    assert pages(made(long)) > 1


def test_nothing_of_a_person_and_no_clock_is_in_the_metadata() -> None:
    head = made(RECEIPT)
    assert "رسید پرداخت ۴۸۱۰۲۷۳۶۰".encode() in head
    assert b"CreationDate" not in head
    assert b"ModDate" not in head
    assert b"CreateDate" not in head
    for secret in (RECEIPT.payer, RECEIPT.reference, RECEIPT.receiver):
        assert secret.encode() not in head
        assert secret.encode("utf-16-be") not in head
        assert secret.encode("utf-16-be").hex().upper().encode() not in head.upper()


def test_the_address_of_the_check_is_a_link_and_in_the_code() -> None:
    assert f"/URI({_CHECK})".encode() in made(RECEIPT)
    assert made(RECEIPT) != set_paper(RECEIPT.kind, sheet(RECEIPT), check=_CHECK[:-1])


def test_papers_of_other_values_differ() -> None:
    assert made(RECEIPT) != made(replace(RECEIPT, amount=RECEIPT.amount + 1))


async def test_a_paper_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf, "_SECONDS", 0.0)
    with pytest.raises(PaperNotMade):
        await render_pdf(PaperKind.PAYMENT_RECEIPT, sheet(RECEIPT), check=_CHECK)


def test_without_its_font_no_paper_is_made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(pdf, "_FONTS", tmp_path)
    monkeypatch.setattr(pdf, "_fonts", pdf._fonts.__wrapped__)
    with pytest.raises(FontMissing, match="npm ci"):
        made(RECEIPT)


async def test_a_paper_is_made_beside_the_event_loop() -> None:
    assert await render_pdf(PaperKind.PAYMENT_RECEIPT, sheet(RECEIPT), check=_CHECK) == made(RECEIPT)
