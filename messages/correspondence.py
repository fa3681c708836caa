"""What travels of the words on a case (G7): of what those who did not write them are told."""

from __future__ import annotations

from enum import StrEnum


class Sms(StrEnum):
    """Who is told that there are new words for them; the words themselves are read on the page of the case alone."""

    FOR_MEMBER = "words_for_member"
    FOR_OFFICE = "words_for_office"
