"""Texts and names of files as somebody else wrote them, fit to be shown; never trusted."""

from __future__ import annotations

from typing import Final

from domain.persian import ZWNJ

MAX_FILE_NAME: Final = 100


def clean_file_name(text: str) -> str:
    """The name of a file without its directory, fit to be shown; empty if nothing is left of it."""
    return shown(text.replace("\\", "/").rpartition("/")[2], MAX_FILE_NAME)


def shown(text: str, most: int) -> str:
    """A text as somebody else wrote it, in one line, without marks that change how its surroundings read; cut."""
    plain = "".join(letter if letter.isprintable() or letter == ZWNJ else " " for letter in text[: 4 * most])
    tidy = " ".join(plain.split())
    return tidy if len(tidy) <= most else f"{tidy[: most - 1]}…"
