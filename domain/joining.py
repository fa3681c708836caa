"""Becoming a member without an employer: its limits and the terms (docs/rules.md, Who may do what)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from domain.account import Limit
from domain.errors import Conflict
from domain.wording import Sentence

# Each joining is an inquiry to the registry, which costs money. This many are made for all people together; one network
# has a part of them, so that something is left for others.
INQUIRIES: Final = Limit("inquiries", 1_000, timedelta(hours=1), timedelta(seconds=5), shared=True)
INQUIRIES_PER_ADDRESS: Final = Limit("inquiries_address", 60, timedelta(hours=1), timedelta(minutes=1))
# Anybody may type somebody's number or national id.
JOININGS_PER_NUMBER_THERE: Final = Limit("joining_number_address", 3, timedelta(hours=1), timedelta(hours=1))
JOININGS_PER_IDENTITY_THERE: Final = Limit("joining_identity_address", 5, timedelta(hours=1), timedelta(hours=1))
JOININGS_PER_NUMBER: Final = Limit("joining_number", 5, timedelta(hours=1), timedelta(minutes=10), shared=True)
JOININGS_PER_IDENTITY: Final = Limit("joining_identity", 10, timedelta(hours=1), timedelta(minutes=10), shared=True)

JOINING_SENT: Final = Sentence(
    "اگر این شماره به نام صاحب این کد ملی باشد، کد تأیید تا چند لحظهٔ دیگر پیامک می‌شود. "
    "اگر پیش‌تر با شمارهٔ دیگری وارد شده‌اید، با همان شماره وارد شوید.",
    "If this number belongs to the person of this national id, a code comes by SMS in a moment. "
    "If you have signed in with another number before, sign in with that one.",
)


class TermsOutdated(Conflict):
    """The terms that were accepted are not the ones in force."""

    code = "terms_outdated"
    fa = "شرایط عضویت تازه شده است؛ متن تازه را بخوانید و دوباره بپذیرید."
    en = "The terms have changed; please read the new text and accept it."


@dataclass(frozen=True, slots=True)
class MembershipTerms:
    """The terms of membership, by version: a policy of this name."""

    POLICY = "terms"
    version: int
    text: Sentence

    @classmethod
    def from_policy(cls, version: int, value: Mapping[str, Any]) -> MembershipTerms:
        """Read a version of the policy.

        Raises:
            ValueError: a text is missing or too short to be one, or there is something else.
        """
        texts = [value.get("fa"), value.get("en")]
        if len(value) != len(texts) or not all(isinstance(text, str) and _is_text(text) for text in texts):
            raise ValueError(f"needs fa and en, {_SHORTEST} to {_LONGEST} characters each")
        return cls(version, Sentence(value["fa"], value["en"]))


_SHORTEST: Final = 50
_LONGEST: Final = 20_000


def _is_text(text: str) -> bool:
    return len(text.strip()) >= _SHORTEST and len(text) <= _LONGEST
