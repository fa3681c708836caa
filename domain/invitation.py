"""Inviting somebody to become a member: how often, for how long, and the words of it (D5 and E1 build on it)."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

from domain.account import Limit
from domain.wording import CapabilityWords
from messages.invitation import Sms

INVITATION_DAYS: Final = 14
INVITATIONS_PER_MEMBER: Final = Limit("invitations_member", 10, timedelta(days=1))
# However many people invite the same number, it gets no more SMS than these, and of one of them no more than one.
INVITATIONS_PER_PAIR: Final = Limit("invitations_pair", 1, timedelta(days=1))
INVITATIONS_PER_NUMBER: Final = Limit("invitations_number", 3, timedelta(days=1), timedelta(hours=8), shared=True)

# Letters of Persian, Arabic and Latin writing, and what joins them.
_NAME: Final = re.compile(r"[A-Za-z\u0620-\u064a\u066e-\u06d3\u06fa-\u06ff '\u200c-]{2,40}")
_SOMEBODY: Final = "یکی از اعضا"


def inviter_in_sms(first_name: str, last_name: str) -> str:
    """How the SMS calls the inviter: by name, if it is one. A name must not become a message of its own."""
    name = f"{first_name} {last_name}".strip()
    return name if _NAME.fullmatch(name) else _SOMEBODY


WORDS: Final = CapabilityWords(
    sms={
        Sms.RECEIVED: (
            # Browsers send to nobody what stands behind ``#``.
            "امانت: {inviter} شما را به عضویت دعوت کرده است. این پیوند تا ۱۴ روز و تنها برای همین شماره است:"
            " {app_link}/join#{code}"
        ),
    },
)
