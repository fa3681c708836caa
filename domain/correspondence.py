"""Words on a case (G7): who writes to whom, how much and for how long; refusals and words.

A thread is what one member who takes part in a case and the office that deals with it write to each other. The bounds
are constants and no policy: they keep the machine whole, and no office's terms depend on them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from domain.access import Grant, Role
from domain.account import Limit
from domain.errors import Conflict, InvalidInput, TooMany
from domain.persian import clean_lines
from domain.wording import CapabilityWords
from messages.case import CaseKind
from messages.correspondence import Sms

MIN_LETTERS: Final = 2
MAX_LETTERS: Final = 2_000
MAX_OF_THREAD: Final = 200
# Who has just read how a case ended may ask why; what comes later is a matter of its own.
WRITABLE_AFTER: Final = timedelta(days=30)
# An office answers many members.
WORDS_PER_MEMBER: Final = Limit("correspondence_member", 50, timedelta(days=1))
WORDS_PER_OFFICER: Final = Limit("correspondence_officer", 500, timedelta(days=1))
# So many of the staff are told at most that a member has written.
MAX_TOLD: Final = 5


class WordsOutOfBounds(InvalidInput):
    """Of what was written less than two letters is left, or more than one may write at once."""

    code = "words_out_of_bounds"
    fa = "متن پیام باید از ۲ تا ۲٬۰۰۰ نویسه باشد."
    en = "Please write between 2 and 2,000 letters."


class ThreadFull(Conflict):
    """Member and office have written as much to each other as they may in one case."""

    code = "thread_full"
    fa = "در این پرونده به اندازهٔ مجاز پیام نوشته شده است و پیام دیگری پذیرفته نمی‌شود؛ لطفاً با پشتیبانی تماس بگیرید."
    en = "As much has been written in this case as may be; please call support."


class CorrespondenceOver(Conflict):
    """The case ended more than thirty days ago."""

    code = "correspondence_over"
    fa = "بیش از ۳۰ روز از پایان این پرونده گذشته است و دیگر نمی‌توان در آن پیام نوشت؛ لطفاً با پشتیبانی تماس بگیرید."
    en = "This case ended more than 30 days ago, so nothing is written in it any more; please call support."


class NobodyThere(Conflict):
    """No office deals with the case now, or the member takes part in it no longer: nobody would read it."""

    code = "nobody_to_read_words"
    fa = "اکنون کسی نیست که در این پرونده پیام شما را بخواند."
    en = "There is nobody now who would read words in this case."


class WordsOverQuota(TooMany):
    """The person has written as often as one may in a day."""

    code = "words_over_quota"
    fa = "امروز پیام‌های زیادی نوشته‌اید؛ {wait} دوباره تلاش کنید."
    en = "You have written much today; please try again {wait_en}."


@dataclass(frozen=True, slots=True)
class CorrespondenceRules:
    """Who writes to each other in the cases of a kind; auditors and operators read all of it.

    Args:
        kind: of the cases.
        threads: the parts in the case whose members write, each with the roles that read it and answer, where the case
            is theirs by that role's scope.
        held_only: whether only those of the staff who have claimed a task in the case read and answer.
    """

    kind: CaseKind
    threads: Mapping[str, frozenset[Role]]
    held_only: bool = False

    @property
    def members(self) -> frozenset[str]:
        """The parts whose members write."""
        return frozenset(self.threads)

    def offices_of(self, parts: Collection[str]) -> frozenset[Role]:
        """The roles to which somebody writes who takes these parts."""
        return frozenset().union(*(self.threads[part] for part in parts if part in self.threads))

    def role_of(
        self, parts: Collection[str], grants: Collection[Grant], region: str | None, organisation: object | None
    ) -> Role | None:
        """The role by which staff answer somebody of these parts in a case of a region and an organisation, if any."""
        roles, scopes = self.offices_of(parts), scopes_of(region, organisation)
        return next((grant.role for grant in sorted(grants) if grant.role in roles and grant.scope in scopes), None)


def scopes_of(region: str | None, organisation: object | None) -> frozenset[str]:
    """The scopes in which a role deals with a case of a region and an organisation; the platform's is empty."""
    return frozenset({"", region or "", "" if organisation is None else str(organisation)})


def clean_words(text: str) -> str:
    """What was written as it is kept.

    Raises:
        WordsOutOfBounds: too little or too much is left.
    """
    cleaned = clean_lines(text)
    if not MIN_LETTERS <= len(cleaned) <= MAX_LETTERS:
        raise WordsOutOfBounds(field="text")
    return cleaned


WORDS: Final = CapabilityWords(
    sms={
        Sms.FOR_MEMBER: (
            "امانت: دربارهٔ پروندهٔ شما پیام تازه‌ای نوشته‌اند. آن را در صفحهٔ پرونده بخوانید و همان‌جا پاسخ دهید: {app_link}"
        ),
        Sms.FOR_OFFICE: "امانت: در پرونده‌ای که به آن رسیدگی می‌کنید پیام تازه‌ای نوشته شد. {app_link}",
    },
)
