"""A code on its way: until when it is good, from when another one may be had, and asking anew with what was typed.

Every page on which a code is typed says these in the same words (G1). The two times stand in the page's address, which
holds nothing personal; what was typed stands sealed in a cookie for as long as the code is good.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Self

from starlette.responses import Response

from api.account.kept import keep, kept_of
from domain.account import CODE_LIFE, CODES_APART
from domain.errors import Refusal, TooMany
from web.forms import GENERAL, Form, empty
from web.language import Language
from web.page_request import PageRequest

# When the code of a page was sent, and when another one may be had if one was refused since; in seconds of the epoch.
SENT_AT, NEXT_AT = "sent_at", "next_at"
_DIGITS_MAX: Final = 10


@dataclass(frozen=True, slots=True)
class CodeTimes:
    """Of a code that was sent: for how many seconds it is good, and in how many another one may be had."""

    good: int
    wait: int
    good_until: datetime
    next_at: datetime
    was_refused: bool

    @classmethod
    def of(cls, form: Form) -> Self | None:
        """As a page's form keeps them; None if it keeps none."""
        sent, refused_until = _instant(form.text(SENT_AT)), _instant(form.text(NEXT_AT))
        if sent is None:
            return None
        now, good_until = datetime.now(UTC), sent + CODE_LIFE
        next_at = refused_until or sent + CODES_APART.window
        good, wait = (max(0, round((each - now).total_seconds())) for each in (good_until, next_at))
        return cls(good, wait, good_until, next_at, was_refused=refused_until is not None and wait > 0)


def _instant(text: str) -> datetime | None:
    if not text.isascii() or not text.isdigit() or len(text) > _DIGITS_MAX:
        return None
    return datetime.fromtimestamp(int(text), UTC)


def sent_now(address: str) -> str:
    """The address of the page for a code that was sent at this moment."""
    return f"{address}&{SENT_AT}={int(datetime.now(UTC).timestamp())}"


def times_in(request: PageRequest) -> dict[str, str]:
    """The times in the address of a page for a code, as fields of its form."""
    return {name: request.http.query_params.get(name, "") for name in (SENT_AT, NEXT_AT)}


def not_yet(language: Language, seconds: int) -> str:
    """When another code may be had."""
    # Whoever waits longer has met another limit, and looks at the clock.
    if seconds <= CODES_APART.window.total_seconds():
        return language.translate(
            "A code can be had every half minute; please ask again in %(seconds)s seconds.",
            seconds=language.digits(seconds),
        )
    clock = language.clock(datetime.now(UTC) + timedelta(seconds=seconds + 59), seconds=False)
    return language.translate("No more codes for now; from %(clock)s a new one can be had.", clock=clock)


def refuse_code(form: Form, refused: Refusal) -> None:
    """Put into the form why no code was sent, in the words of every page."""
    if isinstance(refused, TooMany) and refused.retry_after is not None:
        times = CodeTimes.of(form)
        still = form.language.translate("The code that was sent is still good: enter it here.")
        words = [not_yet(form.language, refused.retry_after), *([still] if times and times.good else [])]
        form.errors[GENERAL] = " ".join(words)
    form.refuse(refused)


@dataclass(frozen=True, slots=True)
class Asking:
    """A form by which a code is asked for: where it is, and what is typed into it."""

    path: str
    names: tuple[str, ...]

    def form(self, request: PageRequest, **values: Any) -> Form:
        """The form; filled as before for somebody who comes back from the page of a code, which the address names."""
        before, code_id = self._before(request), request.http.query_params.get("again", "")
        typed = before["typed"] if before and code_id and f"={code_id}&" in before["page"] else {}
        return empty(request.language, **typed, **values)

    def sent(self, request: PageRequest, form: Form, page: str) -> Response:
        """Lead to the page of the code that was sent, and keep what was typed."""
        address = sent_now(page)
        response = request.redirect(address)
        value = {"path": self.path, "page": address, "typed": self._typed(form)}
        keep(request.api.visitor, response, "asked", value, CODE_LIFE)
        return response

    def refused(self, request: PageRequest, form: Form, refused: Refusal) -> Response | None:
        """Lead back to a code that was sent for the same and is still good; None, with the reason, if there is none."""
        before = self._before(request)
        if isinstance(refused, TooMany) and refused.retry_after and before and before["typed"] == self._typed(form):
            next_at = int(datetime.now(UTC).timestamp()) + refused.retry_after
            return request.redirect(f"{before['page']}&{NEXT_AT}={next_at}")
        refuse_code(form, refused)
        return None

    def _typed(self, form: Form) -> dict[str, str]:
        return {name: form.text(name) for name in self.names}

    def _before(self, request: PageRequest) -> dict[str, Any] | None:
        """What a code was asked for with, as long as it is good."""
        kept = kept_of(request.api.visitor, request.http.cookies, "asked", CODE_LIFE)
        return kept if kept and kept["path"] == self.path else None
