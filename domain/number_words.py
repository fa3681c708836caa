"""Whole numbers in Persian words, as they are written on cheques: «چهل و یک میلیون و دویست هزار»."""

from __future__ import annotations

from typing import Final

BELOW_TWENTY: Final = [
    "صفر",
    "یک",
    "دو",
    "سه",
    "چهار",
    "پنج",
    "شش",
    "هفت",
    "هشت",
    "نه",
    "ده",
    "یازده",
    "دوازده",
    "سیزده",
    "چهارده",
    "پانزده",
    "شانزده",
    "هفده",
    "هجده",
    "نوزده",
]
TENS: Final = ["", "", *["بیست", "سی", "چهل", "پنجاه", "شصت", "هفتاد", "هشتاد", "نود"]]
HUNDREDS: Final = ["", *["صد", "دویست", "سیصد", "چهارصد", "پانصد", "ششصد", "هفتصد", "هشتصد", "نهصد"]]
# From the lowest three digits upwards.
THOUSANDS: Final = ["", "هزار", "میلیون", "میلیارد", "تریلیون", "کوادریلیون"]
AND: Final = " و "


def number_words(number: int) -> str:
    """A number in words.

    Raises:
        ValueError: it is negative, or 10^18 or more.
    """
    if not 0 <= number < 1_000 ** len(THOUSANDS):
        raise ValueError("the number has no words here")
    if number == 0:
        return BELOW_TWENTY[0]
    said, rest = [], number
    for thousand in THOUSANDS:
        rest, three = divmod(rest, 1_000)
        if three:
            said.append(f"{_below_thousand(three)} {thousand}".rstrip())
    return AND.join(reversed(said))


def _below_thousand(number: int) -> str:
    hundreds, rest = divmod(number, 100)
    tens, ones = divmod(rest, 10) if rest >= len(BELOW_TWENTY) else (0, rest)
    said = (HUNDREDS[hundreds], TENS[tens], BELOW_TWENTY[ones] if ones else "")
    return AND.join(word for word in said if word)
