"""Persian text: digits, letters, and the keys by which texts are compared (B2, A13).

People write the same word with Arabic or Persian letters, with or without half-spaces, with presentation forms copied
from old systems, and digits of three alphabets. What is stored is cleaned once; what is compared is a search key.
"""

from __future__ import annotations

import re
import unicodedata
from typing import ClassVar, Final

ZWNJ: Final = "\u200c"

_LATIN: Final = "0123456789"
_PERSIAN: Final = "۰۱۲۳۴۵۶۷۸۹"
_ARABIC: Final = "٠١٢٣٤٥٦٧٨٩"

_TO_LATIN: Final = str.maketrans(_PERSIAN + _ARABIC, _LATIN * 2)
_TO_PERSIAN: Final = str.maketrans(_LATIN + _ARABIC, _PERSIAN * 2)
_LETTERS: Final = str.maketrans({"ي": "ی", "ى": "ی", "ك": "ک"})

# Bidirectional marks, joiners other than ZWNJ, soft hyphen, BOM and kashida carry no meaning of their own.
_MARKS: Final = dict.fromkeys(
    [0x00AD, 0x061C, 0x0640, 0x200B, *range(0x200D, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070), 0xFEFF]
)
_LOOSE_ZWNJ: Final = re.compile(rf"{ZWNJ}*(\s){ZWNJ}*|^{ZWNJ}+|{ZWNJ}+$|(?<={ZWNJ}){ZWNJ}+")
_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_SPACES: Final = re.compile(r"\s+")
# What other keyboards (Arabic, Kurdish, Urdu, Sindhi, Pashto, Uyghur) have in the place of a Persian letter.
_SAME_LETTER: Final = {
    "ا": "آأإٱٲٳٵ",
    "ب": "ٮ",
    "ت": "ٹ",
    "د": "ڈډ",
    "ر": "ڕڑړ",
    "ف": "ڡ",
    "ق": "ٯ",
    "ک": "ڪ",
    "گ": "ګڭ",
    "ل": "ڵ",
    "ن": "ںڼڻ",
    "و": "ؤۆۇۈۉۊۋۅۄٷ",
    "ه": "ةۀەہھۂۃ",
    "ی": "ئێېۍےۓؠٸۑ",
}
_SEARCH_FOLD: Final = str.maketrans(
    {other: letter for letter, others in _SAME_LETTER.items() for other in others} | {"ء": None, ZWNJ: None}
)
_NOT_WORD: Final = re.compile(r"[\W_]+")


class UnreadableValue(ValueError):
    """A text that cannot be read as the value asked for; ``code`` is the permanent refusal code, never the text."""

    code: ClassVar[str] = "bad_value"

    def __init__(self) -> None:
        """Keep nothing of the text: it may be personal, and an error ends in logs."""
        super().__init__(self.code)


def latin_digits(text: str) -> str:
    """Return ``text`` with Persian and Arabic digits written 0-9."""
    return text if text.isascii() else text.translate(_TO_LATIN)


def persian_digits(text: str) -> str:
    """Return ``text`` with Latin and Arabic digits written ۰-۹."""
    return text.translate(_TO_PERSIAN)


def persian_letters(text: str) -> str:
    """Return ``text`` with the Arabic forms of ی and ک replaced by the Persian ones."""
    return text.translate(_LETTERS)


def clean_text(text: str) -> str:
    """Return ``text`` fit to be stored and shown: NFKC, Persian letters, single spaces, ZWNJ only inside words.

    Control characters (NUL too), bidirectional marks and kashida are dropped. Doing it twice changes nothing.
    """
    if text.isascii() and text.isprintable() and "  " not in text:
        return text.strip()
    # Marks go first: one between a letter and its combining sign would hide the pair from NFKC.
    spaced = _CONTROLS.sub(" ", text).translate(_MARKS)
    # NFKC also unfolds presentation forms; a second round settles what the letters' change made composable.
    composed = unicodedata.normalize("NFKC", persian_letters(unicodedata.normalize("NFKC", spaced)))
    tidy = _SPACES.sub(" ", composed.translate(_MARKS)).strip()
    return _LOOSE_ZWNJ.sub(lambda match: match[1] or "", tidy).strip()


def clean_lines(text: str) -> str:
    """Return a text of several lines fit to be stored: each line cleaned, at most one empty line between two."""
    lines = list[str]()
    for line in map(clean_text, text.splitlines()):
        if line or (lines and lines[-1]):
            lines.append(line)
    return "\n".join(lines).strip()


def value_text(text: str) -> str:
    """Return a cell's text for a parser of numbers and codes: cleaned, no ZWNJ, digits 0-9."""
    if text.isascii():
        return text.strip()
    return latin_digits(clean_text(text).replace(ZWNJ, "")).strip()


def search_key(text: str) -> str:
    """Return the key under which ``text`` is searched and sorted: forms of letters, half-spaces and marks fold away."""
    folded = clean_text(text).translate(_SEARCH_FOLD)
    plain = "".join(c for c in unicodedata.normalize("NFD", folded) if not unicodedata.combining(c))
    return _SPACES.sub(" ", latin_digits(unicodedata.normalize("NFC", plain)).casefold()).strip()


def squashed_key(text: str) -> str:
    """Return ``search_key`` without spaces and punctuation: for words from a short known list (headings, states)."""
    return _NOT_WORD.sub("", search_key(text))
