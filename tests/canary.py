"""The canary's search: marks go in where people give secrets, and are looked for wherever something is left (G1, F2).

A mark is valid in its form and no other one in the world has it. ``Marks`` makes them, ``search`` says which of them
stands where; the functions below it bring what is looked at. Scenes that feed marks are in ``canary_scenes``.
"""

from __future__ import annotations

import base64
import html
import itertools
import json
import re
import secrets
import string
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from schwifty.checksum import luhn
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from domain.account import CODE_SUBJECT
from domain.persian import persian_digits
from messages.case import CaseKind, workflow_id
from storage.sealing import Cipher
from tests.books import Superuser
from tests.histories.record import opened


class Kind(StrEnum):
    """What a mark stands for."""

    PASSWORD = "password"
    USER_NAME = "user name"
    SITE = "site"
    CODE = "code"
    TOKEN = "token"
    KEY = "key"
    NATIONAL_ID = "national id"
    MOBILE = "mobile"
    CARD = "card"
    SHEBA = "sheba"
    EMAIL = "e-mail"


# What those whose it is may read, and who needs it for their work; it stands nowhere in clear either.
PERSONAL: Final = frozenset({Kind.SITE, Kind.NATIONAL_ID, Kind.MOBILE, Kind.CARD, Kind.SHEBA, Kind.EMAIL})
_NUMBERS: Final = frozenset({Kind.NATIONAL_ID, Kind.MOBILE, Kind.CARD, Kind.SHEBA})
# The local registries and banks answer such numbers in ways of their own.
_ANSWERED_APART: Final = ("4040", "5050", "6060")
_LATIN: Final = str.maketrans("۰۱۲۳۴۵۶۷۸۹", "0123456789")
_ARABIC: Final = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")
# No form of a mark is longer.
_AROUND: Final = 600
# Six digits that stand alone; the fraction of a second has a dot before it.
_CODE: Final = re.compile(rb"(?<![0-9A-Za-z.])[0-9]{6}(?![0-9A-Za-z])")
_PERSIAN_CODE: Final = re.compile(rb"(?<!\xdb[\xb0-\xb9])(?:\xdb[\xb0-\xb9]){6}(?!\xdb[\xb0-\xb9])")
_BYTEA: Final = re.compile(r"\\x((?:[0-9a-f]{2})+)")


def forms(text: str) -> dict[bytes, str]:
    """A text as it might stand somewhere, with the name of each form; digits in each script."""
    written = {"": text}
    if text.isdecimal():
        written |= {"Persian ": persian_digits(text), "Arabic ": text.translate(_ARABIC)}
    found: dict[bytes, str] = {}
    for script, one in written.items():
        for name, needle in _encoded(one):
            found.setdefault(needle, script + name)
    return found


def _encoded(text: str) -> Iterator[tuple[str, bytes]]:
    plain = text.encode()
    yield "plain", plain
    yield "backwards", text[::-1].encode()
    yield "percent-encoded", quote(text, safe="").encode()
    yield "percent-encoded", quote(text, safe="").lower().encode()
    yield "as JSON", json.dumps(text)[1:-1].encode()
    yield "as HTML", html.escape(text).encode()
    yield "hex", plain.hex().encode()
    yield "hex", plain.hex().upper().encode()
    for part in _in_base64(plain):
        yield "base64", part
        yield "base64", part.replace(b"+", b"-").replace(b"/", b"_")


def _in_base64(plain: bytes) -> Iterator[bytes]:
    """The letters of its base64 that it alone decides, for each place of three where it may begin."""
    for before in range(3):
        whole = base64.b64encode(bytes(before) + plain)
        yield whole[-(-before * 8 // 6) : (before + len(plain)) * 8 // 6]


@dataclass(frozen=True, slots=True)
class Mark:
    """A marked value: ``name`` says what it is and where it was given; ``has_beacon``: whether Marks made it."""

    kind: Kind
    name: str
    text: str = field(repr=False)
    has_beacon: bool
    needles: Mapping[bytes, str] = field(repr=False, compare=False)

    def __str__(self) -> str:
        return f"{self.kind} of {self.name}"


def _national_id(body: str) -> str:
    rest = sum(int(digit) * weight for digit, weight in zip(body, range(10, 1, -1), strict=True)) % 11
    return body + str(rest if rest < 2 else 11 - rest)


def _card(body: str) -> str:
    return body + luhn(body)


def _sheba(account: str) -> str:
    return f"IR{98 - int(f'{account}182700') % 97:02}{account}"


def _core(kind: Kind, text: str) -> str:
    """What of a value is looked for, however it is written: no prefix of a number, no host of an address."""
    match kind:
        case Kind.MOBILE:
            return text[-10:]
        case Kind.SHEBA:
            return text.removeprefix("IR")
        case Kind.EMAIL:
            return text.partition("@")[0]
        case Kind.SITE:
            return text.rpartition("/")[2]
        case _:
            return text


@dataclass(slots=True)
class Marks:
    """All marks of a test. Each but a code holds one of two beacons, by which a place is found where one may stand."""

    word: str = field(default_factory=lambda: "".join(secrets.choice(string.ascii_lowercase) for _ in range(7)))
    digits: str = field(default_factory=lambda: "".join(secrets.SystemRandom().sample("123456789", 5)))
    made: dict[str, Mark] = field(default_factory=dict)
    _count: Iterator[int] = field(default_factory=lambda: itertools.count(1_000 + secrets.randbelow(1_000)))

    def new(self, kind: Kind, name: str) -> str:
        """A fresh value of a kind, given somewhere."""
        while True:
            text = self._drawn(kind, f"{next(self._count):04}")
            if text not in self.made and not text.endswith(_ANSWERED_APART):
                return self._add(kind, name, text, has_beacon=kind is not Kind.CODE)

    def drawn(self, kind: Kind, name: str, text: str) -> str:
        """A value that the product has drawn for somebody."""
        return text if text in self.made else self._add(kind, name, text, has_beacon=False)

    def _add(self, kind: Kind, name: str, text: str, *, has_beacon: bool) -> str:
        self.made[text] = Mark(kind, name, text, has_beacon, forms(_core(kind, text)))
        return text

    def _drawn(self, kind: Kind, tail: str) -> str:
        word, number, chance = f"{self.word}{tail}", f"{self.digits}{tail}", secrets.token_hex(8)
        made = {
            Kind.PASSWORD: f"{word}-{chance}",
            Kind.USER_NAME: word,
            Kind.SITE: f"https://shop.example.com/{word}",
            Kind.CODE: f"{secrets.randbelow(900_000) + 100_000}",
            Kind.NATIONAL_ID: _national_id(number),
            Kind.MOBILE: f"+989{number}",
            Kind.CARD: _card(f"603799{number}"),
            Kind.SHEBA: _sheba(f"017{0:010}{number}"),
            Kind.EMAIL: f"{word}@example.com",
        }
        return made.get(kind, f"{word}{chance}")

    def found_in(self, content: bytes) -> set[tuple[Mark, str]]:
        """Which marks stand in something, and in which form."""
        found = {(mark, form) for around in self._near_beacons(content) for mark, form in self._beaconed_in(around)}
        for mark in self.made.values():
            if not mark.has_beacon and mark.kind is not Kind.CODE:
                found |= {(mark, form) for needle, form in mark.needles.items() if needle in content}
        found |= {(mark, "plain") for mark in self._codes(_CODE.findall(content))}
        found |= {(mark, "Persian plain") for mark in self._codes(_PERSIAN_CODE.findall(content))}
        return found | self._in_groups(content)

    def _near_beacons(self, content: bytes) -> Iterator[bytes]:
        for beacon in (*forms(self.word), *forms(self.digits)):
            at = content.find(beacon)
            while at >= 0:
                yield content[max(at - _AROUND, 0) : at + _AROUND]
                at = content.find(beacon, at + 1)

    def _beaconed_in(self, around: bytes) -> Iterator[tuple[Mark, str]]:
        for mark in self.made.values():
            if mark.has_beacon:
                yield from ((mark, form) for needle, form in mark.needles.items() if needle in around)

    def _codes(self, texts: Iterable[bytes]) -> Iterator[Mark]:
        for text in set(texts):
            mark = self.made.get(text.decode().translate(_LATIN))
            if mark is not None and mark.kind is Kind.CODE:
                yield mark

    def _in_groups(self, content: bytes) -> set[tuple[Mark, str]]:
        """Cards and shebas as people write them, in groups of four."""
        found = set[tuple[Mark, str]]()
        for mark in self.made.values():
            if mark.kind in {Kind.CARD, Kind.SHEBA}:
                core = _core(mark.kind, mark.text)
                four = [core[at : at + 4] for at in range(0, len(core), 4)]
                spelled = [between.join(four) for between in (" ", "-", "\u200c", "\xa0")]
                needles = (each.encode() for one in spelled for each in (one, persian_digits(one)))
                found |= {(mark, "in groups") for needle in needles if needle in content}
        return found


@dataclass(frozen=True, slots=True)
class Item:
    """Something that is left somewhere; ``apart`` are the kinds that belong there."""

    place: str
    content: bytes = field(repr=False)
    apart: frozenset[Kind] = frozenset()


def search(marks: Marks, items: Iterable[Item]) -> list[str]:
    """Which mark stands where it should not, in which form."""
    return sorted(
        {
            f"{mark}, {form}, in {item.place}"
            for item in items
            for mark, form in marks.found_in(item.content)
            if mark.kind not in item.apart
        }
    )


async def tables(superuser: Superuser) -> AsyncIterator[Item]:
    """Every row of every table as text, and each value of bytes decoded."""
    named = await superuser.rows(
        "SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) FROM pg_tables"
        " WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1"
    )
    for (name,) in named:
        rows = [text for (text,) in await superuser.rows(f"SELECT t::text FROM {name} t")]  # noqa: S608 - our own
        # A row as text doubles what is a backslash within it.
        texts = [text.replace("\\\\", "\\") for text in rows]
        decoded = [bytes.fromhex(each) for text in texts for each in _BYTEA.findall(text)]
        yield Item(f"table {name}", b"\n".join([*(text.encode() for text in texts), *decoded]))


async def histories(client: Client, cipher: Cipher, ids: Iterable[str]) -> AsyncIterator[Item]:
    """What Temporal remembers of some processes, opened; one that never began has nothing."""
    for process in ids:
        try:
            history = await client.get_workflow_handle(process).fetch_history()
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            continue
        whole = opened(history.to_json_dict(), cipher, f"temporal.payload:{client.namespace}")
        yield Item(f"history of {process}", json.dumps(whole, ensure_ascii=False).encode())


async def processes(superuser: Superuser) -> list[str]:
    """The ids of all cases' processes."""
    rows = await superuser.rows("SELECT kind, id FROM cases")
    return [workflow_id(CaseKind(kind), case_id) for kind, case_id in rows]


def files(directory: Path, *apart: Path) -> Iterator[Item]:
    """Every file under a directory with its name, but for what lies in some others."""
    for path in sorted(directory.rglob("*")):
        if path.is_file() and not any(path.is_relative_to(other) for other in apart):
            name = str(path.relative_to(directory))
            yield Item(f"file {name}", name.encode() + b"\n" + path.read_bytes())


def messages(directory: Path) -> Iterator[Item]:
    """Each SMS and e-mail without the address that it goes to; a code or a link stands in its own."""
    for path in sorted(directory.glob("*.json")):
        said: dict[str, Any] = json.loads(path.read_text("utf-8"))
        is_code = said.get("template", "").startswith("code_") or said.get("subject") == CODE_SUBJECT
        told = {name: value for name, value in said.items() if name not in {"mobile", "address", "reference", "at"}}
        name = said.get("template") or said.get("subject")
        apart = frozenset({Kind.CODE, Kind.TOKEN}) if is_code else frozenset[Kind]()
        yield Item(f"{said['channel']} {name}", json.dumps(told, ensure_ascii=False).encode(), apart)
