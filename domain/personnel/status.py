"""What the status of a personnel row says: works there, has left, or nothing that can be read (A13, C7).

The words are a policy, because offices write more of them than anybody lists once and for all.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, Self

from domain.persian import squashed_key
from messages.personnel import ExitReason

EMPLOYED: Final = "employed"
STATUSES: Final = (EMPLOYED, *ExitReason)
Status = ExitReason | Literal["employed"]
_MOST_WORDS: Final = 200
_MOST_LETTERS: Final = 50
# Two words of one meaning are often joined: «رسمی - شاغل», «شاغل (پیمانی)».
_JOINTS: Final = re.compile(r"[-–—/\\|,،؛;:()+]+")


@dataclass(frozen=True, slots=True)
class StatusWords:
    """The policy ``personnel_status``: what each word says, by the word as written and as compared."""

    meanings: Mapping[str, Status]

    POLICY = "personnel_status"

    @classmethod
    def from_policy(cls, value: Mapping[str, Any]) -> Self:
        """Read a version; a list of a newer release is left out.

        Raises:
            ValueError: a list is missing or too long, or a word is empty, too long or in two lists.
        """
        meanings = dict[str, Status]()
        for status in STATUSES:
            words = value.get(status)
            if not isinstance(words, list) or not 0 < len(words) <= _MOST_WORDS:
                raise ValueError(f"{status}: needs 1 to {_MOST_WORDS} words")
            for word in words:
                if not isinstance(word, str) or len(word) > _MOST_LETTERS or not squashed_key(word):
                    raise ValueError(f"{status}: a word has 1 to {_MOST_LETTERS} letters")
                for key in (word, squashed_key(word)):
                    if meanings.setdefault(key, status) != status:
                        raise ValueError(f"{status}: {word} is in two lists")
        return cls(meanings)

    def read(self, text: str) -> Status | None:
        """Whether somebody works there, or how they have left; None if the text cannot be read or says two things."""
        found = self.meanings.get(text) or self.meanings.get(squashed_key(text))
        if found is not None:
            return found
        said = {self.meanings.get(key) for part in _JOINTS.split(text) if (key := squashed_key(part))}
        return said.pop() if len(said) == 1 else None
