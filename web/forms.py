"""What a person typed into a form: read into the API's values, kept as typed, with each error at its field.

A field's name is the path of the value in the operation's body (``mandate.code``), so a refusal finds its field.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import uuid4

from starlette.datastructures import FormData, UploadFile

from api.problems import FieldProblem, InvalidFields, Unavailable, Unexpected
from api.values import MAX_RIAL, MAX_VERSION, AmountIn
from domain.account import MobileUnreadable, NationalIdUnreadable, NotSentYet
from domain.dates import BadDate, parse_jalali
from domain.errors import (
    Away,
    CaseClosed,
    DoneBefore,
    InvalidInput,
    KeyInFlight,
    KeyReused,
    Refusal,
    TaskNotOpen,
    TooMany,
)
from domain.identity import parse_mobile, parse_national_id
from domain.money import RIAL_A_TOMAN, BadAmount, Money, parse_toman, parse_whole
from domain.persian import UnreadableValue
from web.language import Language
from web.language import noop as _

GENERAL: Final = ""
# What is typed into a field of this name, wherever it stands: its reader, and what says how it is written. It is said
# by the page, so that a form with several faults says all of them at once.
_READERS: Final[Mapping[str, tuple[Callable[[str], str], type[Refusal]]]] = {
    "national_id": (parse_national_id, NationalIdUnreadable),
    "mobile": (parse_mobile, MobileUnreadable),
}
# What is wanted in place of a value that the API takes as malformed, by pydantic's code.
_WANTED: Final = {
    "missing": _("Please fill this in."),
    "string_too_short": _("Please write at least %(limit)s letters."),
    "string_too_long": _("Please write at most %(limit)s letters."),
    "greater_than": _("Please write a number above %(limit)s."),
    "greater_than_equal": _("Please write a number from %(limit)s on."),
    "less_than_equal": _("Please write a number up to %(limit)s."),
    "enum": _("Please choose one."),
    "literal_error": _("Please choose one."),
    "uuid_parsing": _("Please choose one."),
}


def new_key() -> str:
    """An Idempotency-Key for something that is to be done once (H1)."""
    return str(uuid4())


@dataclass(slots=True)
class Form:
    """A form as it was sent; ``errors`` holds a sentence a field, and what belongs to none under ``GENERAL``."""

    language: Language
    values: Mapping[str, str] = field(default_factory=dict)
    lists: Mapping[str, list[str]] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    # Where it was sent, and its Idempotency-Key: made with the form, or now for what no page of ours has made (H1).
    path: str = ""
    key: str = ""
    # Whether it is to be sent with the same key once more, for the refusal was no final answer (H1); and whether
    # nobody knows yet what became of it.
    keeps_key: bool = False
    is_uncertain: bool = False
    # Whether it was done, though the answer of that time cannot be shown any more.
    is_done: bool = False
    # Whether it came too late: what it is about was decided, expired or ended before.
    is_over: bool = False

    @classmethod
    def of(cls, data: FormData, language: Language, path: str) -> Form:
        """A form from a request to a path; files are left out.

        Raises:
            UnicodeError: it holds halves of characters, which can be neither kept nor shown.
        """
        lists: dict[str, list[str]] = {}
        for name, value in data.multi_items():
            if not isinstance(value, UploadFile):
                f"{name}{value}".encode()
                lists.setdefault(name, []).append(value)
        values = {name: values[-1] for name, values in lists.items()}
        key = values.get("key", "").strip()
        return cls(language, values, lists, path=path, key=key if key.isascii() and key.isprintable() else "")

    def __post_init__(self) -> None:
        """Make a key where there is none."""
        self.key = self.key or new_key()

    def kept_key(self, action: str = "") -> str:
        """The key that a form of the page keeps, if it is this one; empty if it gets a new one.

        Args:
            action: where the page's form is sent; left out where the page has only one.
        """
        is_this_one = not action or action.partition("?")[0] == self.path
        return self.key if self.keeps_key and is_this_one else ""

    @property
    def is_good(self) -> bool:
        """Whether nothing was found wrong so far."""
        return not self.errors

    def text(self, name: str) -> str:
        """What was typed, without spaces around it; empty if nothing."""
        return self.values.get(name, "").strip()

    def all(self, name: str) -> list[str]:
        """Every value that was ticked."""
        return self.lists.get(name, [])

    def required(self, name: str) -> str:
        """``text``, with an error if it is empty, or is no national id or mobile where the field is for one."""
        text = self._filled(name, self.text(name))
        read, unreadable = _READERS.get(name.rpartition(".")[2], (str, InvalidInput))
        try:
            read(text)
        except UnreadableValue:
            self.errors.setdefault(name, unreadable().sentence(self.language.code))
        return text

    def password(self, name: str) -> str:
        """A password exactly as it was typed, with an error if it is empty."""
        return self._filled(name, self.values.get(name, ""))

    def new_password(self, name: str = "password") -> str:
        """A password that was typed twice, with an error where the two differ."""
        chosen, again = self.password(name), self.password("again")
        if chosen and again and chosen != again:
            self.errors["again"] = self.language.translate("This is not the same as above.")
        return chosen

    def _filled(self, name: str, text: str) -> str:
        if not text:
            self.errors[name] = self.language.translate("Please fill this in.")
        return text

    def chosen(self, name: str) -> str:
        """A choice, with an error if none was made."""
        text = self.text(name)
        if not text:
            self.errors[name] = self.language.translate("Please choose one.")
        return text

    def yes(self, name: str) -> bool:
        """Yes or no, with an error if neither was said: nothing is done by leaving something out."""
        answer = self.text(name)
        if answer not in {"true", "false"}:
            self.errors[name] = self.language.translate("Please choose one.")
        return answer == "true"

    def amount(self, name: str) -> Money | None:
        """An amount typed in toman; None for what is none, which an empty field is too."""
        try:
            return parse_toman(self.text(name))
        except BadAmount:
            return None

    def toman(self, name: str, *, to_the_rial: bool = False) -> AmountIn:
        """An amount typed in toman, whole unless said otherwise, as the API takes amounts: in rial."""
        read, translate = self.amount(name), self.language.translate
        if read is None or (read.amount % RIAL_A_TOMAN and not to_the_rial):
            self.errors[name] = translate("Write the amount in toman, in whole numbers; for example 2,500,000.")
        elif not read:
            self.errors[name] = translate("Please write an amount above zero.")
        elif read.amount > MAX_RIAL:
            most = self.language.money(MAX_RIAL)
            self.errors[name] = translate("This is too much; at most %(most)s can be written.", most=most)
        else:
            return AmountIn(amount=read.amount)
        return AmountIn.model_construct(amount=0)

    def whole(self, name: str) -> int:
        """A whole number."""
        try:
            return parse_whole(self.text(name))
        except BadAmount:
            self.errors[name] = self.language.translate("Write a whole number.")
            return 0

    def version(self, name: str = "version") -> int:
        """A version from a hidden field; 0, which nothing has, if somebody changed it."""
        text = self.text(name)
        is_number = text.isascii() and text.isdigit() and len(text) <= len(str(MAX_VERSION))
        return int(text) if is_number and int(text) <= MAX_VERSION else 0

    def fresh_code(self) -> str | None:
        """The code of the authenticator app, which the API asks for where it needs one (G1)."""
        return self.text("totp") or None

    def jalali(self, name: str) -> str:
        """A Jalali day from its three fields, as the API takes days."""
        parts = [self.text(f"{name}.{part}") for part in ("year", "month", "day")]
        try:
            return parse_jalali("/".join(parts)).to_gregorian().isoformat()
        except BadDate:
            self.errors[name] = self.language.translate("This day does not exist; for example 30 / 8 / 1405.")
            return ""

    def refuse(self, refusal: Refusal) -> None:
        """Put what the API said at the field that it names, else at the top; keep the key where another harms."""
        self.is_uncertain = isinstance(refusal, Unavailable | Unexpected | KeyInFlight)
        self.is_done = isinstance(refusal, DoneBefore)
        self.is_over = isinstance(refusal, TaskNotOpen | CaseClosed)
        self.keeps_key = self.is_uncertain or isinstance(refusal, TooMany | DoneBefore | NotSentYet | Away)
        sentence = refusal.sentence(self.language.code)
        if isinstance(refusal, KeyReused):
            sentence = self.language.translate(
                "This form was sent before with other values. Press once more to send these."
            )
        told = refusal.found if isinstance(refusal, InvalidFields) else []
        said = {problem.field: self._wanted(problem) or sentence for problem in told}
        for path, words in (said or {refusal.field or GENERAL: sentence}).items():
            self.errors.setdefault(self._field_of(path), words)

    def _wanted(self, problem: FieldProblem) -> str:
        """What is wanted in a field; empty where nobody can say."""
        message = _WANTED.get(problem.code, "")
        return self.language.translate(message, limit=self.language.number(problem.limit or 0)) if message else ""

    def _field_of(self, path: str) -> str:
        """The form's field for a path of the body: itself, or the field of the object that holds it."""
        names = set(self.values) | {name.rsplit(".", 1)[0] for name in self.values}
        while path and path not in names:
            path = path.rpartition(".")[0]
        return path


def empty(language: Language, **values: Any) -> Form:
    """A form not yet sent; names of values are written with ``__`` where a field's has a dot."""
    return Form(language, {name.replace("__", "."): str(value) for name, value in values.items()})
