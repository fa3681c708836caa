"""Secrets that members entrust to a case (docs/rules.md, F2): who gives and who sees one, how long it lives; words.

The bounds are constants and no policy: they keep what was entrusted safe, and no office's terms depend on them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Final
from urllib.parse import urlsplit

from domain.account import Limit
from domain.errors import Away, Conflict, InvalidInput
from domain.wording import CapabilityWords, Sentence
from messages.case import CaseKind
from messages.vault import Event

# So long a secret stands on the screen of who has asked to see it.
SHOWN_FOR: Final = timedelta(seconds=60)
MOST_OF_A_CASE: Final = 10
MAX_LETTERS: Final = 200
MAX_ADDRESS: Final = 1_000
# What an owner entrusts, and what one of the staff has shown, in a day.
ENTRUSTED_PER_MEMBER: Final = Limit("secrets_entrusted", 30, timedelta(days=1))
SHOWN_PER_OFFICER: Final = Limit("secrets_shown", 60, timedelta(days=1))
# What should be erased and is not after this is an alarm (F2).
LATE_AFTER: Final = timedelta(minutes=5)
# However long a case lives, no secret lives longer: with their day's key whatever was wrapped by it ends.
LONGEST_LIFE: Final = timedelta(days=60)
# An entry of the vault or a key that nothing names after this belongs to a command that broke off.
ORPHAN_AFTER: Final = timedelta(hours=1)


class KeysNotThere(Exception):
    """The keys outside the database are not where they should be, or are those of another vault."""


class KeyGone(Exception):
    """The key of an entry was destroyed, or there never was one: nobody can read the entry any more."""


class EntryUnreadable(Exception):
    """An entry or its key is damaged, was moved, or is wrapped by a key that is not there."""


class SecretKind(StrEnum):
    """What is entrusted."""

    SITE_LOGIN = "site_login"


class SecretState(StrEnum):
    """Whether a secret can be seen."""

    KEPT = "kept"
    ENDING = "ending"
    ERASED = "erased"


class WhyErased(StrEnum):
    """Why a secret's time is over."""

    CASE_ENDED = "case_ended"
    NOT_NEEDED = "not_needed"
    TAKEN_BACK = "taken_back"
    TIME_OVER = "time_over"


class SecretsNotTaken(Conflict):
    """The case is of a kind that takes no secrets, or nobody in it could use one now."""

    code = "secrets_not_taken"
    fa = "اکنون در این پرونده کسی به نام کاربری و گذرواژه نیاز ندارد؛ آن را نسپارید."
    en = "Nobody needs a user name and a password in this case now; do not entrust one."


class TooManySecrets(Conflict):
    """The case holds as many secrets of its member as it may."""

    code = "too_many_secrets"
    fa = "در این پرونده به اندازهٔ مجاز گذرواژه سپرده شده است؛ نخست یکی را پس بگیرید."
    en = "This case holds as many secrets as it may; take one back first."


class SecretGone(Conflict):
    """It was erased, or is being erased: nobody sees it any more."""

    code = "secret_gone"
    fa = "این گذرواژه دیگر در امانت نیست و به هیچ‌کس نشان داده نمی‌شود."
    en = "This secret is kept no more, and is shown to nobody."


class SecretUnreadable(Conflict):
    """The entry or its key is damaged; its owner has to entrust it anew."""

    code = "secret_unreadable"
    fa = "این گذرواژه خوانده نمی‌شود؛ از صاحبش بخواهید آن را دوباره بسپارد و به میز عملیات خبر دهید."
    en = "This secret cannot be read; ask its owner to entrust it again, and tell the operations desk."


class VaultAway(Away):
    """The vault's database or its keys cannot be reached: nothing was kept and nothing shown."""

    code = "vault_away"
    fa = "صندوق گذرواژه‌ها در دسترس نیست؛ چیزی سپرده یا نشان داده نشد. کمی بعد دوباره تلاش کنید."
    en = "The vault cannot be reached; nothing was kept or shown. Please try again in a while."


class SiteUnreadable(InvalidInput):
    """No address of a site: ``https://`` or ``http://`` with a host, and no user name in it."""

    code = "bad_site"
    fa = "نشانی سایت درست نیست؛ آن را مانند https://example.com وارد کنید."
    en = "The address of the site is not valid; please enter it like https://example.com."


@dataclass(frozen=True, slots=True)
class SecretRules:
    """Which cases of a kind take secrets, from whom and for whom.

    Args:
        kind: of the cases.
        task: of the kind that is decided by who has claimed it; its holder sees the secrets, and only while one is open
            may any be entrusted.
        members: the parts in the case whose members entrust them.
    """

    kind: CaseKind
    task: StrEnum
    members: frozenset[str]


@dataclass(frozen=True, slots=True)
class Login:
    """What opens an account at another site; shown to nobody but who has asked for it with a code."""

    site: str = field(repr=False)
    user_name: str = field(repr=False)
    password: str = field(repr=False)


def parse_site(text: str) -> tuple[str, str]:
    """The address of a site as it was typed or copied, and its host, by which people recognise it.

    Raises:
        SiteUnreadable: it is none, or holds a user name or a password.
    """
    address = text.strip()
    try:
        parts = urlsplit(address)
        host = parts.hostname
    except ValueError:
        raise SiteUnreadable(field="site") from None
    is_plain = address.isprintable() and len(address) <= MAX_ADDRESS and not any(map(str.isspace, address))
    if parts.scheme not in {"https", "http"} or not host or "@" in parts.netloc or not is_plain:
        raise SiteUnreadable(field="site")
    return address, host


_CHANGE_IT: Final = " برای اطمینان، گذرواژهٔ خود را در آن سایت عوض کنید."

WORDS: Final = CapabilityWords(
    timeline={
        Event.ENTRUSTED: Sentence(
            "{actor:who} نام کاربری و گذرواژهٔ یک سایت را سپرد.",
            "User name and password of a site were entrusted by {actor:who}.",
        ),
        Event.TAKEN_BACK: Sentence(
            "{actor:who} گذرواژه‌ای را که سپرده بود پس گرفت.", "The secret was taken back by {actor:who}."
        ),
        Event.SHOWN: Sentence(
            "گذرواژه‌ای که سپرده شده بود به {actor:who} نشان داده شد.", "An entrusted secret was shown to {actor:who}."
        ),
        Event.ERASED: Sentence(
            "گذرواژه‌ای که سپرده شده بود پاک شد: {why:WhyErased}.", "An entrusted secret was erased: {why:WhyErased}."
        ),
    },
    sms={
        Event.SHOWN: (
            "امانت: گذرواژه‌ای که سپرده بودید هم‌اکنون به {role} نشان داده شد. همهٔ دفعات را در پرونده ببینید: {app_link}"
        ),
        Event.ERASED: f"امانت: گذرواژه‌ای که سپرده بودید پاک شد و دیگر نزد ما نیست.{_CHANGE_IT}",
    },
    terms={
        SecretKind: {SecretKind.SITE_LOGIN: Sentence("نام کاربری و گذرواژهٔ سایت", "User name and password of a site")},
        SecretState: {
            SecretState.KEPT: Sentence("نزد امانت", "Kept"),
            SecretState.ENDING: Sentence("در حال پاک شدن", "Being erased"),
            SecretState.ERASED: Sentence("پاک شد", "Erased"),
        },
        WhyErased: {
            WhyErased.CASE_ENDED: Sentence("پرونده پایان یافت", "the case ended"),
            WhyErased.NOT_NEEDED: Sentence("دیگر به آن نیازی نیست", "nobody needs it any more"),
            WhyErased.TAKEN_BACK: Sentence("صاحبش آن را پس گرفت", "its owner took it back"),
            WhyErased.TIME_OVER: Sentence("مهلت نگه‌داری آن گذشت", "its time was over"),
        },
    },
)
