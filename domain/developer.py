"""The way in as an invented person, in a stand-alone stack alone: a single-use ticket on a host name of their own."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from domain.errors import InvalidInput

# Browsers lead every name under it to their own machine, and keep the cookies of each name apart (RFC 6761, 6.3).
HOST_ENDING: Final = ".localhost"
# A browser follows the link at once.
TICKET_LIFE: Final = timedelta(seconds=60)


class TicketNotAccepted(InvalidInput):
    """The ticket was used, is too old or is none, or its person is not there: which of these is not told."""

    code = "ticket_not_accepted"
    fa = "این ورود یک‌بارمصرف دیگر پذیرفته نیست؛ از صفحهٔ آزمایشی دوباره وارد شوید."
    en = "This single-use sign-in does not count any more; sign in again from the trial page."
