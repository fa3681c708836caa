"""Drafts of forms: which forms have them, what a draft may hold, for how long it is kept, and its words."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from enum import StrEnum
from typing import Final

from domain.errors import InvalidInput, TooLarge
from domain.wording import CapabilityWords, Sentence

# From its last change on.
KEPT: Final = timedelta(days=7)
# Of one form and person; another one takes the place of the oldest.
MOST: Final = 10
# As JSON in UTF-8.
MAX_BYTES: Final = 20_000
# What a field's name ends with whose text is kept nowhere.
SECRETS: Final = frozenset({"password", "user_name", "again", "code", "totp", "new_totp", "token", "ticket"})
# The secret of an authenticator app.
NEW_KEY: Final = "totp_key"


class DraftForm(StrEnum):
    """A form whose drafts are kept."""

    JOB = "job"
    IDENTITY = "identity"


# Which field names a draft in lists.
TITLES: Final = {DraftForm.JOB: "title", DraftForm.IDENTITY: "level"}


class DraftTooLarge(TooLarge):
    """A draft would hold more than is kept."""

    code = "draft_too_large"
    fa = "نوشتهٔ شما بلندتر از آن است که در پیش‌نویس جا شود؛ آن را کوتاه‌تر کنید."
    en = "What you wrote is too long for a draft; please make it shorter."


class DraftHoldsSecret(InvalidInput):
    """A draft would hold a password, a code or a token."""

    code = "draft_holds_secret"
    fa = "گذرواژه و کد در پیش‌نویس نگه داشته نمی‌شود."
    en = "Passwords and codes are not kept in a draft."


def is_secret(name: str) -> bool:
    """Whether the text of a field of this name is kept nowhere."""
    return name.rpartition(".")[2] in {*SECRETS, NEW_KEY}


def refuse_secrets(names: Iterable[str]) -> None:
    """Refuse fields whose text is kept nowhere.

    Raises:
        DraftHoldsSecret: one of the names is such a field's.
    """
    if any(is_secret(name) for name in names):
        raise DraftHoldsSecret(field="fields")


WORDS: Final = CapabilityWords(
    terms={
        DraftForm: {
            DraftForm.JOB: Sentence("شروع یک کار با پرداخت امن", "Beginning a job with safe payment"),
            DraftForm.IDENTITY: Sentence("فرم احراز هویت", "Identity form"),
        }
    }
)
