"""How words are kept and found: sentences in Persian and English, and the merged words of all capabilities (A9)."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final, TypeVar

from domain.access import Part, Role
from domain.dates import format_day, format_deadline
from domain.money import Money, Unit, format_toman
from domain.persian import persian_digits
from domain.programme import Programme

T = TypeVar("T")
_DEALT_WITH: Final = "به این مورد رسیدگی کرد", "dealt with this"
# What a sentence says for a value that it was not given.
_UNKNOWN: Final = "…"
# How a sentence may have a value written, besides by the name of an enum: its member's words.
FORMATS: Final = frozenset({"", "toman", "day", "deadline", "who", "link"})
EVERYBODY: Final = frozenset(Part)
# What tells of pay, employment or mistakes is for the person whom the case is about: no guarantor sees it (A5).
OWNER: Final = frozenset({Part.APPLICANT, Part.SUBJECT})


@dataclass(frozen=True, slots=True)
class Sentence:
    """One thing said in both languages.

    ``{name}`` is filled from the params, ``{name:spec}`` as ``spec`` says: ``toman`` (an amount of rial), ``day`` (an
    ISO date), ``deadline`` (an ISO instant by which people act), ``who`` (a role or part), ``link`` (an address, whose
    digits stay), or the name of an enum whose member the value is. A list is said value by value. A line of a
    timeline is given ``actor`` too, the role or part of who did it.
    """

    fa: str
    en: str

    def fill(self, params: Mapping[str, Any], words: Catalogue | None = None) -> Sentence:
        """The sentence with its values, each as its language writes it; an unknown value stays out."""
        return Sentence(
            self.fa.format_map(_Params(params, words, persian=True)),
            self.en.format_map(_Params(params, words, persian=False)),
        )


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a timeline, and which parts see it; staff who see the case see every line."""

    sentence: Sentence
    seen_by: frozenset[Part] = EVERYBODY


@dataclass(frozen=True, slots=True)
class TaskWords:
    """What a kind of task is called, and the SMS to those who are asked and reminded.

    ``outcomes`` are what somebody did who answered, by the task's outcome. The Persian ends in a verb of the third
    person («درخواست را تأیید کرد»), which «ید» makes one of the second.
    ``reasons`` is the enum of the reasons for which such a task is asked.
    """

    title: Sentence
    sms: str
    reminder: str
    outcomes: Mapping[str, Sentence]
    reasons: type[StrEnum] | None = None


@dataclass(frozen=True, slots=True)
class MailText:
    """What an e-mail says; a line of its text is a paragraph."""

    subject: Sentence
    text: Sentence


# The steps that are still to come, by the phase, and by the programme that the case froze if it has one.
Ahead = Callable[[str, Programme | None], list[Sentence]]


@dataclass(frozen=True, slots=True)
class CapabilityWords:
    """Everything that one capability says, by the members of its enums."""

    kinds: Mapping[StrEnum, Sentence] = field(default_factory=dict)
    # What a kind's cases of some variants are called instead.
    variants: Mapping[StrEnum, Mapping[StrEnum, Sentence]] = field(default_factory=dict)
    phases: Mapping[StrEnum, Mapping[StrEnum, Sentence]] = field(default_factory=dict)
    tasks: Mapping[StrEnum, TaskWords] = field(default_factory=dict)
    timeline: Mapping[StrEnum, Sentence | Line] = field(default_factory=dict)
    sms: Mapping[StrEnum, str] = field(default_factory=dict)
    # A notice that has an SMS too goes by both; one that has none, by e-mail alone.
    mails: Mapping[StrEnum, MailText] = field(default_factory=dict)
    ahead: Mapping[StrEnum, Ahead] = field(default_factory=dict)
    # Values that are shown by themselves or inside sentences, by their enum: reasons, findings, states, roles.
    terms: Mapping[type[StrEnum], Mapping[StrEnum, Sentence]] = field(default_factory=dict)


class WordsTwice(Exception):
    """Two capabilities have words for the same code, or for enums of one name."""


class Catalogue:
    """The words of all capabilities. A code of a newer version, which has no words here, is shown as itself.

    Raises:
        WordsTwice: two capabilities have words for the same code, or for enums of one name.
    """

    def __init__(self, capabilities: Iterable[CapabilityWords]) -> None:
        listed = list(capabilities)
        self._kinds: dict[str, Sentence] = _merged("case kind", (words.kinds for words in listed))
        self._variants: dict[tuple[str, str], Sentence] = _merged("variant", _pairs(one.variants for one in listed))
        self._phases: dict[tuple[str, str], Sentence] = _merged("phase", _pairs(one.phases for one in listed))
        self._tasks: dict[str, TaskWords] = _merged("task", (words.tasks for words in listed))
        self._lines: dict[str, Line] = _merged(
            "timeline line", ({code: _line(sentence) for code, sentence in words.timeline.items()} for words in listed)
        )
        self._ahead: dict[str, Ahead] = _merged("steps ahead", (words.ahead for words in listed))
        self._terms: dict[str, Mapping[Any, Sentence]] = _merged(
            "enum", ({enum.__name__: sentence for enum, sentence in words.terms.items()} for words in listed)
        )
        of_tasks = ({task_sms(kind): task.sms, reminder_sms(kind): task.reminder} for kind, task in self._tasks.items())
        self.sms: Mapping[str, str] = MappingProxyType(_merged("SMS", [*(words.sms for words in listed), *of_tasks]))
        self.mails: Mapping[str, MailText] = MappingProxyType(_merged("e-mail", (words.mails for words in listed)))

    def kind(self, kind: str, variant: str = "") -> Sentence:
        """What a kind of case is called, or a case of one of its variants."""
        return self._variants.get((kind, variant)) or self._kinds.get(kind) or _itself(kind)

    def phase(self, kind: str, phase: str) -> Sentence:
        """Where a case of a kind stands."""
        return self._phases.get((kind, phase)) or _itself(phase)

    def task(self, kind: str) -> Sentence:
        """What a kind of task is called."""
        known = self._tasks.get(kind)
        return _itself(kind) if known is None else known.title

    def outcome(self, task_kind: str, outcome: str) -> Sentence:
        """What somebody did who answered a kind of task so, as ``TaskWords.outcomes``."""
        known = self._tasks.get(task_kind)
        return (None if known is None else known.outcomes.get(outcome)) or Sentence(*_DEALT_WITH)

    def reason(self, task_kind: str, code: str) -> Sentence:
        """Why a task is asked."""
        known = self._tasks.get(task_kind)
        return _itself(code) if known is None or known.reasons is None else self.term(known.reasons, code)

    def event(self, code: str, params: Mapping[str, Any]) -> Sentence:
        """A line of a timeline."""
        known = self._lines.get(code)
        return _itself(code) if known is None else self.fill(known.sentence, params)

    def is_seen_by(self, code: str, part: Part) -> bool:
        """Whether somebody who takes this part in a case sees a line of its timeline."""
        known = self._lines.get(code)
        return known is None or part in known.seen_by

    def ahead(self, kind: str, phase: str, programme: Programme | None) -> list[Sentence]:
        """The steps of a case that have not begun; none once it is over."""
        steps = self._ahead.get(kind)
        return [] if steps is None else steps(phase, programme)

    def who(self, code: str) -> Sentence:
        """A role or a part, the machine among them."""
        return self._term(Role.__name__, code) or self._term(Part.__name__, code) or _itself(code)

    def term(self, enum: type[StrEnum], code: str) -> Sentence:
        """A value of an enum."""
        return self.named_term(enum.__name__, code)

    def named_term(self, enum: str, code: str) -> Sentence:
        """A value of the enum of a name."""
        return self._term(enum, code) or _itself(code)

    def _term(self, enum: str, code: str) -> Sentence | None:
        return self._terms.get(enum, {}).get(code)

    def fill(self, sentence: Sentence, params: Mapping[str, Any]) -> Sentence:
        """A sentence with its values, codes among them in words."""
        return sentence.fill(params, self)


def _pairs(said: Iterable[Mapping[StrEnum, Mapping[StrEnum, T]]]) -> Iterable[dict[tuple[str, str], T]]:
    return (
        {(str(kind), str(code)): sentence for code, sentence in codes.items()}
        for words in said
        for kind, codes in words.items()
    )


def task_sms(kind: str) -> str:
    """The template of the SMS to those who are asked."""
    return f"task_{kind}"


def reminder_sms(kind: str) -> str:
    """The template of the SMS to those who are reminded."""
    return f"remind_{kind}"


def _line(sentence: Sentence | Line) -> Line:
    return sentence if isinstance(sentence, Line) else Line(sentence)


def _itself(code: str) -> Sentence:
    return Sentence(code, code)


def _merged(what: str, parts: Iterable[Mapping[Any, T]]) -> dict[Any, T]:
    merged: dict[Any, T] = {}
    for part in parts:
        for code, sentence in part.items():
            if code in merged:
                raise WordsTwice(f"{what} {code}")
            merged[code] = sentence
    return merged


class _Params(dict[str, "_Value"]):
    """Params as a language writes them."""

    def __init__(self, params: Mapping[str, Any], words: Catalogue | None, *, persian: bool) -> None:
        super().__init__({name: _Value(value, words, persian=persian) for name, value in params.items()})

    def __missing__(self, name: str) -> _Value:
        return _Value(_UNKNOWN, None, persian=False)


class _Value:
    """A value that is written as the format spec says; one of another type than the spec asks for, as it is."""

    def __init__(self, value: Any, words: Catalogue | None, *, persian: bool) -> None:
        self._value = value
        self._words = words
        self._persian = persian

    def __format__(self, spec: str) -> str:
        several: Collection[Any] = self._value if isinstance(self._value, list | tuple) else [self._value]
        return ("، " if self._persian else ", ").join(self._written(one, spec) for one in several)

    def _written(self, value: Any, spec: str) -> str:
        if spec == "toman" and isinstance(value, int):
            return format_toman(Money(value, Unit.IRR), persian=self._persian)
        if isinstance(value, str):
            if spec == "link":
                return value
            with contextlib.suppress(ValueError):
                if spec == "day":
                    return format_day(date.fromisoformat(value), persian=self._persian)
                if spec == "deadline":
                    return format_deadline(datetime.fromisoformat(value), persian=self._persian)
            if spec not in FORMATS - {"who"} and self._words is not None:
                sentence = self._words.who(value) if spec == "who" else self._words.named_term(spec, value)
                return sentence.fa if self._persian else sentence.en
        return persian_digits(str(value)) if self._persian else str(value)
