"""What is typed and chosen in an identity form: read as the API takes it, with each error at its field (F4)."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Final

from api.bank_account import BankAccountItem
from api.kyc.member import IdentityOut, LevelOut
from domain.bank_account import BankAccountKind
from domain.dates import tehran_day
from domain.errors import Refusal
from domain.kyc import judge_birth_date, parse_latin_name
from web.forms import Form

BORN: Final = "birth_date"
LATIN: Final = ("latin_first", "latin_last")
ACCOUNTS: Final[Mapping[str, BankAccountKind]] = {"card_id": BankAccountKind.CARD, "sheba_id": BankAccountKind.SHEBA}


def levels_to_ask(identity: IdentityOut) -> list[LevelOut]:
    """The levels for which a form is taken now: those above the present one, and it too once it is to be renewed."""
    held = next((place for place, level in enumerate(identity.levels) if level.name == identity.level), -1)
    return identity.levels[held if held >= 0 and identity.may_renew else held + 1 :]


def level_in(form: Form, identity: IdentityOut) -> LevelOut | None:
    """The level that was chosen; None for none, or one that is not to be had now."""
    return next((level for level in levels_to_ask(identity) if level.name == form.text("level")), None)


def accounts_of(identity: IdentityOut, name: str) -> list[BankAccountItem]:
    """The cards or shebas that a field offers."""
    return [one for one in identity.accounts if one.kind is ACCOUNTS[name]]


def read_level(form: Form, identity: IdentityOut) -> None:
    """The level."""
    if form.chosen("level") and level_in(form, identity) is None:
        form.errors["level"] = form.language.translate("Please choose one.")


def read_birth_date(form: Form, identity: IdentityOut) -> str:
    """The day of birth, as the API takes days."""
    born, today = form.jalali(BORN), tehran_day(datetime.now(UTC))
    if born:
        _judge(form, BORN, lambda: judge_birth_date(date.fromisoformat(born), today, identity.least_age))
    return born


def read_latin_name(form: Form) -> dict[str, str]:
    """First and last name in Latin letters."""
    for name in LATIN:
        if text := form.required(name):
            _judge(form, name, functools.partial(parse_latin_name, text, name))
    return {name: form.text(name) for name in LATIN}


def read_account(form: Form, identity: IdentityOut, name: str) -> str:
    """Which of one's own cards or shebas was chosen."""
    chosen = form.chosen(name)
    if chosen and chosen not in {str(one.id) for one in accounts_of(identity, name)}:
        form.errors[name] = form.language.translate("Please choose one.")
    return chosen


def _judge(form: Form, name: str, rule: Callable[[], object]) -> None:
    """What the API would not take is said at the step where it is typed, not once everything is filled in."""
    try:
        rule()
    except Refusal as refused:
        form.errors.setdefault(name, refused.sentence(form.language.code))
