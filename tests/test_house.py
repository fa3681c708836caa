"""A capability stands in its own files, a name means one class, refusals and what is told have their places."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from types import ModuleType

import pytest

import messages
from domain import catalogue
from domain.catalogue import CAPABILITIES
from domain.wording import CapabilityWords
from messages.case import CaseKind
from stack.places import PROJECT

_ROOMS = ("domain", "messages", "storage", "gateways", "activities", "workflows", "commands", "api", "web", "cli")
_ALL_ROOMS = (*_ROOMS, "stack", "demo", "bench")
_SUFFIXES = frozenset({".py", ".html", ".js", ".sql"})
# Not written here.
_APART = ("web/node_modules/", "web/static/vendor/")
_ENUMS: Mapping[str, tuple[type[StrEnum], ...]] = {
    "CaseKind": (CaseKind,),
    "TaskKind": tuple(
        module.TaskKind
        for found in pkgutil.iter_modules(messages.__path__)
        if hasattr(module := importlib.import_module(f"messages.{found.name}"), "TaskKind")
    ),
}
_OWNERS: Mapping[str, CapabilityWords] = {
    name: module.WORDS
    for name, module in vars(catalogue).items()
    if isinstance(module, ModuleType) and hasattr(module, "WORDS")
}
OWNER_OF = {str(code): word for word, arguments in _OWNERS.items() for code in (*arguments.kinds, *arguments.tasks)}

# Lists of a room, one line a capability; and versions of the schema, of which each names the one before it.
_LISTS = frozenset({"messages/case.py", "workflows/decision.py"})
_VERSIONS = "storage/migrations/versions/"


def _product_files() -> list[Path]:
    found = (path for room in _ROOMS for path in (PROJECT / room).rglob("*") if path.suffix in _SUFFIXES)
    return sorted(path for path in found if not _name(path).startswith(_APART) and "node_modules" not in path.parts)


def _name(path: Path) -> str:
    return path.relative_to(PROJECT).as_posix()


def _quoted(text: str) -> set[str]:
    """The codes that a text has in quotes."""
    return {code for code in OWNER_OF if re.search(rf"([\"']){code}\1", text)}


def _named_in_python(source: str) -> Iterator[str]:
    """The codes that Python spells, as texts, within SQL, or as members of their enums."""
    tree = ast.parse(source)
    aliases = {
        alias.asname or alias.name: enum
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        for enum in _ENUMS.get(alias.name, ())
        if enum.__module__ == node.module
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from {node.value} & set(OWNER_OF) or _quoted(node.value)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in aliases:
            yield from (str(member) for member in aliases[node.value.id] if member.name == node.attr)


def _named_in(path: Path) -> set[str]:
    source = path.read_text("utf-8")
    return set(_named_in_python(source)) if path.suffix == ".py" else _quoted(source)


def _foreign(path: Path, named: Iterable[str]) -> set[str]:
    """Which of the codes are of a capability whose word no part of the file's path begins with."""
    words = [part.partition(".")[0] + "_" for part in path.relative_to(PROJECT).parts]
    return {code for code in named if not any(word.startswith(f"{OWNER_OF[code]}_") for word in words)}


def test_every_kind_of_case_and_of_task_has_an_owner() -> None:
    assert set(OWNER_OF) == {str(code) for enums in _ENUMS.values() for enum in enums for code in enum}
    assert len(OWNER_OF) == sum(len(arguments.kinds) + len(arguments.tasks) for arguments in CAPABILITIES)


def test_no_product_file_names_what_is_another_capabilitys() -> None:
    found = {
        _name(path): foreign
        for path in _product_files()
        if not (_name(path) in _LISTS or _name(path).startswith(_VERSIONS))
        and (foreign := _foreign(path, _named_in(path)))
    }

    assert found == {}


@pytest.mark.parametrize(
    ("file", "source", "foreign"),
    [
        ("api/inbox.py", 'KINDS = ("issue_certificate",)', {"issue_certificate"}),
        ("api/inbox.py", "from messages.guarantor import TaskKind as T\nx = T.NAME_GUARANTOR", {"name_guarantor"}),
        ("api/inbox.py", "from messages.case import CaseKind\nx: CaseKind.SUBSTITUTION", {"substitution"}),
        ("storage/cases.py", "q = \"SELECT 1 FROM tasks WHERE kind = 'confirm_change'\"", {"confirm_change"}),
        ("storage/guarantor.py", "from messages.guarantor import TaskKind\nx = TaskKind.ANSWER_GUARANTEE", set()),
        ("activities/onboarding/review.py", 'x = "correct_application", "review_application"', set()),
        ("api/inbox.py", '"""The kind onboarding is told of, and issue_certificate."""', set()),
    ],
)
def test_a_planted_name_is_found(file: str, source: str, foreign: set[str]) -> None:
    assert _foreign(PROJECT / file, set(_named_in_python(source))) == foreign


# What each capability exports under the same name.
_EXPORTS = frozenset({"Event", "FactKind", "Phase", "Sms", "Step", "TaskKind"})


def _classes_twice(sources: Mapping[str, str]) -> dict[str, list[str]]:
    """The names of classes that several files use, with the files."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for file, source in sources.items():
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.ClassDef) and not (file.startswith("messages/") and node.name in _EXPORTS):
                found[node.name].append(file)
    return {name: files for name, files in found.items() if len(files) > 1}


def test_a_name_means_one_class() -> None:
    files = [*PROJECT.glob("*.py"), *(path for room in _ALL_ROOMS for path in (PROJECT / room).rglob("*.py"))]
    product = {_name(path): path.read_text("utf-8") for path in files if "node_modules" not in path.parts}

    assert _classes_twice(product) == {}


def test_a_planted_second_class_is_found() -> None:
    planted = {
        "messages/support.py": "class Event: ...",
        "messages/kyc.py": "class Event: ...",
        "api/support.py": "class Part: ...",
        "web/support.py": "class Part: ...",
    }

    assert _classes_twice(planted) == {"Part": ["api/support.py", "web/support.py"]}


# What HTTP itself refuses, and what a database refuses that a newer release made.
_REFUSALS_APART: Mapping[str, set[str]] = {
    "api/dependencies.py": {"ForeignOrigin"},
    "api/problems.py": {"Malformed", "NoSuchOperation", "TooSlow", "Unavailable", "Unexpected", "UnknownHost"},
    "storage/migrate.py": {"UnknownVersion"},
}


def _refusals_in(source: str) -> set[str]:
    """The classes that have a sentence of their own, as refusals do."""
    return {
        node.name
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ClassDef)
        for line in node.body
        if isinstance(line, ast.Assign) and ast.unparse(line.targets[0]) in {"fa", "(fa, en)"}
    }


def test_refusals_stand_in_domain_beside_their_rules() -> None:
    files = (path for room in _ROOMS if room != "domain" for path in (PROJECT / room).rglob("*.py"))
    found = {_name(path): refusals for path in files if (refusals := _refusals_in(path.read_text("utf-8")))}

    assert found == _REFUSALS_APART


@pytest.mark.parametrize(
    "source",
    ["class Full(Conflict):\n fa = 'پر'\n en = 'Full.'", "class Full(errors.Conflict):\n fa, en = SENTENCES['full']"],
)
def test_a_planted_refusal_is_found(source: str) -> None:
    assert _refusals_in(source) == {"Full"}


# What adds a line to a timeline or sends an SMS.
_ADDS_OR_SENDS = frozenset({"add_event", "event_statement", "notify", "notice_statements", "act"})


def _calls(source: str) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            yield name, node


def _told_in_strings(source: str) -> list[str]:
    """What the timeline and SMS are told in strings, where members of an enum have to stand."""
    found: list[str] = []
    for name, call in _calls(source):
        if name in _ADDS_OR_SENDS:
            arguments = [
                *call.args,
                *(word.value for word in call.keywords if word.arg in {"code", "event", "template"}),
            ]
            sms = [word.value for word in call.keywords if word.arg == "sms" and isinstance(word.value, ast.Dict)]
            arguments += [key for each in sms for key in each.keys if key is not None]
            found += [one.value for one in arguments if isinstance(one, ast.Constant) and isinstance(one.value, str)]
            found += [ast.unparse(one) for one in arguments if isinstance(one, ast.JoinedStr)]
    return [*found, *re.findall(r"INSERT INTO timeline .*\n\s*SELECT case_id, ('[a-z_]+')", source)]


@pytest.mark.parametrize("room", ["activities", "commands", "storage", "api"])
def test_timelines_and_sms_are_told_by_the_members_of_enums(room: str) -> None:
    told = {_name(path): _told_in_strings(path.read_text("utf-8")) for path in (PROJECT / room).rglob("*.py")}

    assert {file: strings for file, strings in told.items() if strings} == {}


@pytest.mark.parametrize(
    "source",
    [
        'await step.add_event("reminded")',
        'await step.notify(people, f"task_{kind}")',
        'await command.act(case_id, fact, part=part, event="reminded")',
        'await command.act(case_id, fact, part=part, sms={"review_moved": people})',
        "sql = '''INSERT INTO timeline (case_id, code)\n SELECT case_id, 'reminded' FROM proposed'''",
    ],
)
def test_a_planted_string_is_found(source: str) -> None:
    assert _told_in_strings(source)
