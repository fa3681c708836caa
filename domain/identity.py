"""Who somebody is on paper: national id, mobile, sheba, card. Normalised, their check digits checked, shown masked."""

from __future__ import annotations

import re
from typing import ClassVar, Final, NewType

from idnumbers.nationalid import IRN
from schwifty import IBAN
from schwifty.checksum import luhn
from schwifty.exceptions import SchwiftyException

from domain.persian import UnreadableValue, persian_digits, value_text

NationalId = NewType("NationalId", str)
"""Ten digits, check digit right."""
Mobile = NewType("Mobile", str)
"""An Iranian mobile in E.164: +989xxxxxxxxx."""
Sheba = NewType("Sheba", str)
"""'IR' and 24 digits, checksum right."""
CardNumber = NewType("CardNumber", str)
"""The 16 digits of a bank card, check digit (Luhn) right."""

_MAX_TEXT: Final = 64
_SEPARATORS: Final = re.compile(r"[\s\-()_']+")
_ID_DIGITS: Final = re.compile(r"[0-9]{8,10}")
_ID_LENGTH: Final = 10
# Which operator has which number is not asked: numbers move between operators, and new prefixes come each year.
_MOBILE_FORM: Final = re.compile(r"(?:\+98|0098|98|0)?(9[0-9]{9})")
_SHEBA_FORM: Final = re.compile(r"(?:IR)?([0-9]{24})")
_CARD_FORM: Final = re.compile(r"[0-9]{16}")

# The bank is the 5th to 7th character after 'IR' and the check digits; schwifty knows no Iranian bank.
_BANKS: Final = {
    "010": "بانک مرکزی",
    "011": "بانک صنعت و معدن",
    "012": "بانک ملت",
    "013": "بانک رفاه کارگران",
    "014": "بانک مسکن",
    "015": "بانک سپه",
    "016": "بانک کشاورزی",
    "017": "بانک ملی ایران",
    "018": "بانک تجارت",
    "019": "بانک صادرات ایران",
    "020": "بانک توسعه صادرات",
    "021": "پست بانک ایران",
    "022": "بانک توسعه تعاون",
    "051": "مؤسسه اعتباری توسعه",
    "052": "بانک قوامین",
    "053": "بانک کارآفرین",
    "054": "بانک پارسیان",
    "055": "بانک اقتصاد نوین",
    "056": "بانک سامان",
    "057": "بانک پاسارگاد",
    "058": "بانک سرمایه",
    "059": "بانک سینا",
    "060": "بانک قرض‌الحسنه مهر ایران",
    "061": "بانک شهر",
    "062": "بانک آینده",
    "063": "بانک انصار",
    "064": "بانک گردشگری",
    "065": "بانک حکمت ایرانیان",
    "066": "بانک دی",
    "069": "بانک ایران زمین",
    "070": "بانک قرض‌الحسنه رسالت",
    "073": "مؤسسه اعتباری کوثر",
    "075": "مؤسسه اعتباری ملل",
    "078": "بانک خاورمیانه",
    "079": "بانک مهر اقتصاد",
    "080": "مؤسسه اعتباری نور",
    "095": "بانک ایران و ونزوئلا",
}
# Whose cards begin with these six digits, by the bank's code in a sheba.
_CARD_BANKS: Final = {
    digits: bank
    for bank, several in {
        "010": "636795",
        "011": "627961",
        "012": "610433 991975",
        "013": "589463",
        "014": "628023",
        "015": "589210",
        "016": "603770 639217",
        "017": "603799",
        "018": "627353 585983",
        "019": "603769",
        "020": "627648 207177",
        "021": "627760",
        "022": "502908",
        "051": "628157",
        "052": "639599",
        "053": "627488 502910",
        "054": "622106 639194 627884",
        "055": "627412",
        "056": "621986",
        "057": "502229 639347",
        "058": "639607",
        "059": "639346",
        "060": "606373",
        "061": "502806 504706",
        "062": "636214",
        "063": "627381",
        "064": "505416",
        "065": "636949",
        "066": "502938",
        "069": "505785",
        "070": "504172",
        "073": "505801",
        "075": "606256",
        "078": "585947",
        "079": "639370",
        "080": "507677",
        "095": "581874",
    }.items()
    for digits in several.split()
}


class BadNationalId(UnreadableValue):
    """No national id: not ten digits (leading zeros may be lost), or the check digit is wrong."""

    code: ClassVar[str] = "bad_national_id"


class BadMobile(UnreadableValue):
    """No Iranian mobile number."""

    code: ClassVar[str] = "bad_mobile"


class BadSheba(UnreadableValue):
    """No Iranian sheba: not 24 digits after 'IR', or the checksum is wrong."""

    code: ClassVar[str] = "bad_sheba"


class BadCard(UnreadableValue):
    """No bank card: not 16 digits, or the check digit is wrong."""

    code: ClassVar[str] = "bad_card"


def _compact(text: str) -> str:
    """Return a short cell without separators; an over-long one is not worth cleaning and comes back empty."""
    return "" if len(text) > _MAX_TEXT else _SEPARATORS.sub("", value_text(text))


def parse_national_id(text: str) -> NationalId:
    """Read a national id (A13); one that lost its leading zeros (8 or 9 digits) is filled up.

    Raises:
        BadNationalId: it is none.
    """
    digits = _compact(text)
    if not _ID_DIGITS.fullmatch(digits):
        raise BadNationalId
    digits = digits.zfill(_ID_LENGTH)
    if not IRN.NationalID.validate(digits):
        raise BadNationalId
    return NationalId(digits)


def parse_mobile(text: str) -> Mobile:
    """Read a mobile written 09…, 9…, +989…, 00989… or 989… into E.164 (A13).

    Raises:
        BadMobile: it is none.
    """
    match = _MOBILE_FORM.fullmatch(_compact(text))
    if match is None:
        raise BadMobile
    return Mobile(f"+98{match[1]}")


def parse_sheba(text: str) -> Sheba:
    """Read a sheba, spaced or not, in either case, 'IR' left out or not (A13).

    Raises:
        BadSheba: it is none.
    """
    match = _SHEBA_FORM.fullmatch(_compact(text).upper())
    if match is None:
        raise BadSheba
    sheba = f"IR{match[1]}"
    try:
        IBAN(sheba)
    except SchwiftyException:
        raise BadSheba from None
    return Sheba(sheba)


def parse_card(text: str) -> CardNumber:
    """Read the number of a bank card, in groups or not.

    Raises:
        BadCard: it is none.
    """
    digits = _compact(text)
    if not _CARD_FORM.fullmatch(digits) or luhn(digits[:-1]) != digits[-1]:
        raise BadCard
    return CardNumber(digits)


def bank_code(number: Sheba | CardNumber) -> str | None:
    """Return the three digits by which banks are told apart, or None for a bank not in the table."""
    code = number[4:7] if number.startswith("IR") else _CARD_BANKS.get(number[:6], "")
    return code if code in _BANKS else None


def bank_name(code: str | None) -> str | None:
    """Return the Persian name of the bank with this code, or None for one not in the table."""
    return None if code is None else _BANKS.get(code)


def mask_national_id(national_id: NationalId) -> str:
    """Return a national id of which three digits at each end can be recognised: 526****591."""
    return f"{national_id[:3]}****{national_id[-3:]}"


def mask_mobile(mobile: Mobile) -> str:
    """Return a mobile as its owner recognises it: 0912***3358."""
    local = f"0{mobile[3:]}"
    return f"{local[:4]}***{local[-4:]}"


def mask_sheba(sheba: Sheba) -> str:
    """Return a sheba of which bank and last four digits show: IR**057***4628."""
    return f"{sheba[:2]}**{sheba[4:7]}***{sheba[-4:]}"


def show_mobile(mobile: Mobile) -> str:
    """Return a mobile as people write it, with Persian digits; for its owner's eyes only."""
    return persian_digits(f"0{mobile[3:]}")
