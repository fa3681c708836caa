"""The words: complete, in both languages, and never broken by what they are filled with (A9)."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from itertools import chain
from string import Formatter
from types import ModuleType
from typing import Any

import pytest

import domain
import messages
from domain import access, account, contact, errors, money, notice, onboarding, programme
from domain.catalogue import CAPABILITIES, words
from domain.guarantor import RULE_VALUES, Rule
from domain.ledger import CHART, JournalReason
from domain.ledger_words import ACCOUNT_WORDS
from domain.mandate import GUARANTEE_MANDATES, MANDATES
from domain.onboarding import Obstacle, RefusalReason
from domain.personnel import headings as personnel_headings
from domain.review import ReturnReason, ReviewFinding
from domain.wording import (
    EVERYBODY,
    FORMATS,
    OWNER,
    CapabilityWords,
    Catalogue,
    Line,
    MailText,
    Sentence,
    TaskWords,
    WordsTwice,
)
from messages import clearing as clearing_messages
from messages import decision
from messages import escrow as escrow_messages
from messages import normal_payment as normal_payment_messages
from messages import onboarding as application
from messages import payment as payment_messages
from messages import payout as payout_messages
from messages import personnel as personnel_messages
from messages import substitution as substitution_messages
from messages.case import CaseKind
from messages.case import Event as CaseEvent
from messages.onboarding import Event, FactKind, Phase, TaskKind
from messages.personnel import Event as PersonnelEvent
from messages.personnel import FactKind as PersonnelFact
from messages.queue import Queue

_PERSIAN = re.compile(r"[\u0600-\u06ff]")
_PLACEHOLDER = re.compile(r"\{[^}]*\}")
_ARABIC_FORMS = re.compile("[يكةؤ]|[٠-٩]")

# Enums whose values no person reads, or that say their values elsewhere.
_NOT_SHOWN: Mapping[type[StrEnum], str] = {
    decision.Step: "operators read it in Temporal",
    application.Step: "operators read it in Temporal",
    substitution_messages.Step: "operators read it in Temporal",
    normal_payment_messages.Step: "operators read it in Temporal",
    payment_messages.PurposeAnswer: "a signal from one process to another",
    payment_messages.Step: "operators read it in Temporal",
    escrow_messages.JobSide: "a side is said as the part it takes in a case",
    escrow_messages.Step: "operators read it in Temporal",
    clearing_messages.Step: "operators read it in Temporal",
    payout_messages.Step: "operators read it in Temporal",
    personnel_messages.ImportStep: "operators read it in Temporal",
    Queue: "operators read it in Temporal",
    access.ScopeKind: "pages name the organisation or the region itself",
    account.CodePurpose: "code_text says what a code is for",
    money.Unit: "format_toman writes it",
    contact.Device: "the page of help names each link",
    notice.Channel: "pages name it beside a message",
    personnel_messages.Leaving: "LEAVING has the sentences of a report",
    personnel_headings.Column: "HEADINGS has the words of a file's columns",
    programme.Backing: "a setting of a programme; the steps ahead say what it means",
    programme.Review: "a setting of a programme; the steps ahead say what it means",
}
# Facts that the timeline tells under another name.
_TOLD_AS: Mapping[StrEnum, StrEnum] = {
    PersonnelFact.CHANGE_PROPOSED: PersonnelEvent.CHANGE_PROPOSED,
    PersonnelFact.CHANGE_CONFIRMED: PersonnelEvent.CHANGE_CONFIRMED,
    PersonnelFact.CHANGE_REJECTED: PersonnelEvent.CHANGE_REJECTED,
}


def modules(package: ModuleType) -> Iterator[ModuleType]:
    """Every module of a room."""
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        yield importlib.import_module(found.name)


def enums_of(package: ModuleType) -> list[type[StrEnum]]:
    """Every StrEnum that a room defines."""
    return [
        value
        for module in modules(package)
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, StrEnum) and value.__module__ == module.__name__
    ]


ENUMS = [*enums_of(messages), *enums_of(domain)]


def said_of(enum: type[StrEnum]) -> set[StrEnum]:
    """The members of an enum that some capability has words for; a member of another enum with its value is not one."""
    said: chain[StrEnum] = chain.from_iterable(
        chain(
            one.kinds,
            *one.variants.values(),
            *one.phases.values(),
            one.tasks,
            one.timeline,
            one.sms,
            one.mails,
            *one.terms.values(),
        )
        for one in CAPABILITIES
    )
    return {member for member in said if type(member) is enum}


def every_sentence() -> list[tuple[str, Sentence]]:
    """All of them, named."""
    found: list[tuple[str, Sentence]] = []
    for one in CAPABILITIES:
        groups: list[Mapping[StrEnum, Any]] = [one.kinds, *one.phases.values(), one.tasks, one.timeline]
        for group in (*groups, *one.variants.values(), *one.terms.values()):
            found += [(f"{type(code).__qualname__}.{code}", bare(said)) for code, said in group.items()]
        for task in one.tasks.values():
            found += [(f"outcome.{outcome}", said) for outcome, said in task.outcomes.items()]
        for template, mail in one.mails.items():
            found += [(f"subject.{template}", mail.subject), (f"mail.{template}", mail.text)]
    found += [(kind.name, said) for kind, said in ACCOUNT_WORDS.items()]
    found += [(f"rule.{rule}", value) for rule, value in RULE_VALUES.items()]
    mandates = (("mandate", MANDATES), ("guarantee", GUARANTEE_MANDATES))
    return found + [(f"{name}.{version}", text) for name, texts in mandates for version, text in texts.items()]


def bare(said: Sentence | Line | TaskWords) -> Sentence:
    """The sentence of what is kept under a code."""
    if isinstance(said, Line):
        return said.sentence
    return said.title if isinstance(said, TaskWords) else said


def every_refusal() -> list[type[errors.Refusal]]:
    """Every error of the domain."""
    found, queue = [], [errors.Refusal]
    while queue:
        children = queue.pop().__subclasses__()
        found += children
        queue += children
    return found


def placeholders(text: str) -> dict[str, str]:
    """What a sentence is filled with, and how each value is written."""
    return {name: spec or "" for _, name, spec, _ in Formatter().parse(text) if name}


def examples_of(spec: str) -> list[Any]:
    """Values of a format."""
    by_format: dict[str, list[Any]] = {
        "": [12],
        "toman": [50_000_000],
        "day": ["2027-03-21"],
        "deadline": ["2027-03-21T08:00:00+00:00"],
        "who": [*access.Role, *access.Part],
        "link": ["https://amanat.example:8080/app"],
    }
    return by_format.get(spec) or [*next(enum for one in CAPABILITIES for enum in one.terms if enum.__name__ == spec)]


@pytest.mark.parametrize(("name", "sentence"), every_sentence())
def test_each_sentence_is_persian_and_english_with_the_same_values(name: str, sentence: Sentence) -> None:
    bare_fa, bare_en = (_PLACEHOLDER.sub("", text) for text in (sentence.fa, sentence.en))
    assert _PERSIAN.search(bare_fa) or not bare_fa, name
    assert not _ARABIC_FORMS.search(sentence.fa)
    assert not _PERSIAN.search(bare_en)
    assert placeholders(sentence.fa) == placeholders(sentence.en)


@pytest.mark.parametrize(("name", "sentence"), every_sentence())
def test_each_value_is_written_by_a_known_format_and_in_words(name: str, sentence: Sentence) -> None:
    formats = placeholders(sentence.fa)

    assert set(formats.values()) <= FORMATS | {enum.__name__ for one in CAPABILITIES for enum in one.terms}
    for field, spec in formats.items():
        for value in examples_of(spec):
            filled = words.fill(sentence, dict.fromkeys(formats, "") | {field: value})
            assert not isinstance(value, StrEnum) or (value not in filled.fa and "_" not in filled.en), name
            assert "2027" not in filled.fa
            assert "50000000" not in filled.en


@pytest.mark.parametrize("enum", ENUMS, ids=lambda enum: f"{enum.__module__}.{enum.__name__}")
def test_nothing_that_people_read_is_without_words(enum: type[StrEnum]) -> None:
    if enum in _NOT_SHOWN:
        assert not said_of(enum)
        return
    told_otherwise = {fact for fact in _TOLD_AS if type(fact) is enum}
    assert said_of(enum) == set(enum) - told_otherwise


@pytest.mark.parametrize("package", [messages, domain], ids=["messages", "domain"])
def test_the_enums_are_found(package: ModuleType) -> None:
    assert {CaseKind, TaskKind, Phase} <= set(enums_of(messages))
    assert {RefusalReason, access.Role} <= set(enums_of(domain))
    assert len(enums_of(package)) > 10
    assert set(_NOT_SHOWN) <= set(ENUMS)


def test_facts_that_are_told_under_another_name_have_words_there() -> None:
    for fact, event in _TOLD_AS.items():
        assert words.event(event, {}).fa != event
        assert words.event(fact, {}) == Sentence(fact, fact)


@pytest.mark.parametrize("kind", CaseKind)
def test_each_kind_of_case_says_where_it_stands_and_what_is_still_to_come(kind: CaseKind) -> None:
    phases = [one.phases[kind] for one in CAPABILITIES if kind in one.phases]

    (of_kind,) = phases
    (enum,) = {type(phase) for phase in of_kind}
    assert set(of_kind) == set(enum)
    assert sum(kind in one.ahead for one in CAPABILITIES) == 1


def test_every_capability_is_listed() -> None:
    kept = [
        vars(module)["WORDS"] for module in modules(domain) if isinstance(vars(module).get("WORDS"), CapabilityWords)
    ]

    assert len(kept) == len(CAPABILITIES)
    assert all(any(one is listed for listed in CAPABILITIES) for one in kept)


def test_no_code_of_a_timeline_is_spelled_in_two_enums() -> None:
    codes = [member for enum in enums_of(messages) if enum.__name__ in {"FactKind", "Event"} for member in enum]

    assert len(codes) == len(set(codes))


def test_an_sms_that_has_the_name_of_a_fact_or_event_is_kept_under_that() -> None:
    events = {member for enum in enums_of(messages) if enum.__name__ in {"FactKind", "Event"} for member in enum}

    assert not events & {member for enum in enums_of(messages) if enum.__name__ == "Sms" for member in enum}


@pytest.mark.parametrize(
    "twice",
    [
        CapabilityWords(kinds={CaseKind.ONBOARDING: Sentence("یک", "one")}),
        CapabilityWords(phases={CaseKind.ONBOARDING: {Phase.ACTIVE: Sentence("یک", "one")}}),
        CapabilityWords(tasks={TaskKind.CLEAR_OBSTACLE: TaskWords(Sentence("یک", "one"), "یک", "یک", {})}),
        CapabilityWords(timeline={CaseEvent.REMINDED: Sentence("یک", "one")}),
        CapabilityWords(sms={Event.CREDIT_ACTIVATED: "یک"}),
        CapabilityWords(terms={Obstacle: {}}),
        CapabilityWords(ahead={CaseKind.ONBOARDING: lambda _phase, _programme: []}),
    ],
    ids=["kind", "phase", "task", "timeline", "sms", "terms", "ahead"],
)
def test_words_for_the_same_code_are_refused(twice: CapabilityWords) -> None:
    with pytest.raises(WordsTwice):
        Catalogue([*CAPABILITIES, twice])


def test_the_same_phase_may_be_said_differently_of_another_kind_of_case() -> None:
    said = {words.phase(kind, "withdrawn").fa for kind in (CaseKind.ONBOARDING, CaseKind.SUBSTITUTION)}

    assert said == {"متقاضی انصراف داد", "صاحب اعتبار منصرف شد"}


@pytest.mark.parametrize("text", words.sms.values())
def test_a_notice_names_the_sender_and_is_short(text: str) -> None:
    assert text.startswith("امانت: ")
    assert len(text) <= 200


@pytest.mark.parametrize("mail", words.mails.values())
def test_an_e_mail_has_a_short_subject_of_one_line_without_values(mail: MailText) -> None:
    for subject in (mail.subject.fa, mail.subject.en):
        assert len(subject) <= 60
        assert "\n" not in subject
        assert not placeholders(subject)


def test_a_link_is_written_as_it_is_in_both_languages() -> None:
    address = "http://127.0.0.1:8080/app"
    said = words.fill(Sentence("{app_link:link}", "{app_link:link}"), {"app_link": address})

    assert (said.fa, said.en) == (address, address)


def test_every_task_has_its_two_sms() -> None:
    kinds = [kind for enum in enums_of(messages) if enum.__name__ == "TaskKind" for kind in enum]

    assert {f"{what}_{kind}" for kind in kinds for what in ("task", "remind")} <= set(words.sms)


@pytest.mark.parametrize("refusal", every_refusal(), ids=lambda refusal: refusal.__name__)
def test_each_refusal_says_what_was_refused_in_both_languages(refusal: type[errors.Refusal]) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9_]+", refusal.code)
    assert _PERSIAN.search(refusal.fa)
    assert not _ARABIC_FORMS.search(refusal.fa)
    assert refusal.en.isascii()
    assert (refusal.__doc__ or "").strip()


def test_the_codes_of_refusals_are_different() -> None:
    codes = [refusal.code for refusal in every_refusal() if refusal.__module__.startswith("domain")]

    assert len(codes) == len(set(codes))


def test_values_are_written_as_each_language_writes_them() -> None:
    params = {"monthly": 50_000_000, "instalments": 12, "ends_on": "2027-03-21"}

    sentence = words.event("credit_activated", params)

    assert sentence.fa == "اعتبار فعال شد: ماهی ۵٬۰۰۰٬۰۰۰ تومان در ۱۲ قسط، تا ۱ فروردین ۱۴۰۶."
    assert sentence.en == "The credit is usable: 5,000,000 toman a month, 12 instalments, until 1 Farvardin 1406."


def test_reasons_and_roles_are_said_in_words() -> None:
    refused = words.event(FactKind.APPLICATION_REFUSED, {"reason": RefusalReason.COURT_ORDER})

    assert refused.fa == "درخواست رد شد: حکم قضایی بر حقوق."
    assert words.event("reminded", {"role": "hr_officer"}).en == "A reminder went to the organisation's HR."
    assert words.event("reminded", {"role": "guarantor"}).en == "A reminder went to the guarantor."


def test_several_reasons_are_said_one_after_another_as_each_language_lists_them() -> None:
    returned = words.event("application_returned", {"reasons": list(ReturnReason)[:2]})

    assert returned.fa.endswith(": مبلغ ماهانه زیاد است، تعداد اقساط زیاد است.")
    assert returned.en.endswith(": the monthly amount is too high, there are too many instalments.")


def test_a_code_that_two_enums_have_is_said_as_the_sentence_means_it() -> None:
    code = Obstacle.NOT_EMPLOYED
    obstacle, finding = words.term(Obstacle, code), words.term(ReviewFinding, code)

    assert obstacle != finding
    assert obstacle.fa in words.event("activation_blocked", {"obstacle": code}).fa
    assert finding.fa in words.event("substitution_blocked", {"finding": code}).fa
    assert words.reason("clear_obstacle", code) == obstacle
    assert words.reason("review_substitution", code) == finding


@pytest.mark.parametrize("code", ["", "unknown", "{monthly}", "{0}", "{"])
def test_a_code_without_words_is_shown_as_itself(code: str) -> None:
    itself = Sentence(code, code)

    assert words.event(code, {}) == itself
    assert words.kind(code) == words.phase("onboarding", code) == words.phase(code, code) == itself
    assert words.task(code) == words.who(code) == words.term(Obstacle, code) == itself
    assert words.reason(code, code) == words.reason("clear_obstacle", code) == itself
    assert words.ahead(code, "submitted", None) == []
    assert all(words.is_seen_by(code, part) for part in access.Part)


def test_a_value_that_is_missing_or_unknown_breaks_no_sentence() -> None:
    assert "…" in words.event("credit_activated", {}).fa
    assert words.event("application_refused", {"reason": "unheard_of"}).en.endswith("unheard_of.")
    odd = words.event("credit_activated", {"monthly": "much", "instalments": None, "ends_on": "2027-33-33"})
    assert odd.en == "The credit is usable: much a month, None instalments, until 2027-33-33."


def test_a_line_is_seen_by_everybody_in_the_case_or_by_its_owner_or_by_who_proposed_it() -> None:
    lines = [line for one in CAPABILITIES for line in one.timeline.values() if isinstance(line, Line)]

    assert lines
    assert {line.seen_by for line in lines} == {OWNER, frozenset({access.Part.PROPOSER})}
    assert not words.is_seen_by("certificate_refused", access.Part.GUARANTOR)
    assert words.is_seen_by("certificate_refused", access.Part.APPLICANT)
    assert {part for part in access.Part if words.is_seen_by("guarantor_asked", part)} == EVERYBODY


def test_a_value_is_written_by_its_format_and_not_by_its_name() -> None:
    said = Sentence("{anything:day}؛ {ends_on}", "{anything:day}, {ends_on}").fill(
        {"anything": "2027-03-21", "ends_on": "2027-03-21"}
    )

    assert said == Sentence("۱ فروردین ۱۴۰۶؛ ۲۰۲۷-۰۳-۲۱", "1 Farvardin 1406, 2027-03-21")


def test_the_lines_of_a_statement_are_said_by_the_ledgers_reasons() -> None:
    assert words.term(JournalReason, "credit_line_opened").en == "The credit was opened"


def test_every_line_of_the_chart_of_accounts_and_every_rule_about_guarantors_has_its_words() -> None:
    assert set(ACCOUNT_WORDS) == set(CHART)
    assert set(RULE_VALUES) == set(Rule)


def test_a_refusal_fills_in_its_values() -> None:
    refusal = onboarding.AmountAboveShare(limit="۱ تومان", limit_en="1 toman")

    assert "۱ تومان" in refusal.sentence("fa")
    assert "1 toman" in refusal.sentence("en")
