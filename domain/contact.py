"""Where people find help: telephone, hours, e-mail, address, and the applications (G8).

The installation says it in its settings; a programme or service may have its own (``services``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from domain.wording import Sentence

_TELEPHONE: Final = re.compile(r"\+?[0-9][0-9 \-]{2,24}")
_EXTENSION: Final = re.compile(r"[0-9]{0,6}")
_MAIL: Final = re.compile(r"[^@\s<>]{1,64}@[^@\s<>]{1,190}|")
_LINK: Final = re.compile(r"https?://[^\s<>\"']{1,300}")
MOST_SERVICES: Final = 20


class Device(StrEnum):
    """What an application runs on."""

    ANDROID = "android"
    IOS = "ios"
    WEB = "web"


@dataclass(frozen=True, slots=True)
class ContactLine:
    """Whom to call, and when they answer.

    Raises:
        ValueError: the telephone, its extension or the e-mail address is none.
    """

    telephone: str
    hours: Sentence
    extension: str = ""
    email: str = ""

    def __post_init__(self) -> None:
        """Refuse what nobody could call or write to."""
        _expect(_TELEPHONE, self.telephone, "telephone")
        _expect(_EXTENSION, self.extension, "extension")
        _expect(_MAIL, self.email, "email")

    @property
    def dialled(self) -> str:
        """The telephone as an address of its own, which a device dials: after the number a pause, and the extension."""
        number = "".join(sign for sign in self.telephone if sign not in " -")
        return f"tel:{number}" + (f",{self.extension}" if self.extension else "")


@dataclass(frozen=True, slots=True)
class ServiceLine(ContactLine):
    """The line of one programme or service."""

    title: Sentence = field(kw_only=True)


@dataclass(frozen=True, slots=True)
class Contact(ContactLine):
    """The line for everything else, and what belongs to no line.

    Raises:
        ValueError: something of it is malformed, or there are too many services.
    """

    address: Sentence | None = None
    apps: Mapping[Device, str] = field(default_factory=dict)
    services: tuple[ServiceLine, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what leads nowhere."""
        ContactLine.__post_init__(self)
        for link in self.apps.values():
            _expect(_LINK, link, "apps")
        if len(self.services) > MOST_SERVICES:
            raise ValueError(f"at most {MOST_SERVICES} services")


def _expect(form: re.Pattern[str], text: str, name: str) -> None:
    if not form.fullmatch(text):
        raise ValueError(f"{name} is malformed")
