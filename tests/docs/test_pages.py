"""The pages tell the truth about what can be looked up: paths, links, commands, settings."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import typer
import yaml
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from cli import main
from domain.account import CodePurpose, code_text
from domain.catalogue import words
from settings import Settings
from stack.places import PROJECT
from tests.docs.test_rules import project_files
from worker import POOL_FLOOR

PAGES = project_files(".md")
README = (PROJECT / "README.md").read_text("utf-8")
CONFIGURATION = (PROJECT / "docs" / "configuration.md").read_text("utf-8")
COMMANDS = (PROJECT / "docs" / "commands.md").read_text("utf-8")
README_WORDS = 1_200
_ROOMS = "domain|messages|storage|gateways|activities|workflows|commands|api|web|stack|demo|cli|bench|tests|docs|docker"
_PATH = re.compile(rf"`((?:{_ROOMS})/[\w./-]*|[\w-]+\.(?:py|md|toml|yml|lock))`")
_LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
_ROW = re.compile(r"^\| `([A-Z_]+)` \| (.+?) \|", re.MULTILINE)
_COMMAND = re.compile(r"^\| `\./amanat (\w+)` \| (.+) \|$", re.MULTILINE)
_CALLED = re.compile(r"\./amanat (\w+)")
# Directories of somebody's machine, and hosts of package registries.
_FOREIGN = re.compile(
    r"(?<![\w.}])/(?:home|root|work|Users|mnt)/|\.\./shared|\bpypi\b|npmjs|files\.pythonhosted", re.IGNORECASE
)

pages = pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(PROJECT)) for page in PAGES])


@pages
def test_every_path_that_a_page_names_exists(page: Path) -> None:
    named = _PATH.findall(page.read_text("utf-8"))
    nowhere = [path for path in named if not any((base / path).exists() for base in (PROJECT, *_rooms()))]
    assert nowhere == []


def _rooms() -> list[Path]:
    """Where a bare file name may be at home: the sentence around it says which."""
    return [PROJECT / room for room in _ROOMS.split("|")]


@pages
def test_every_link_leads_somewhere(page: Path) -> None:
    broken = [link for link in _LINK.findall(page.read_text("utf-8")) if not (page.parent / link).exists()]
    assert broken == []


@pages
def test_no_page_names_a_machine_or_a_registry(page: Path) -> None:
    assert _FOREIGN.findall(page.read_text("utf-8")) == []


def test_the_page_of_settings_lists_each_with_its_default() -> None:
    listed = dict(_ROW.findall(CONFIGURATION))
    expected = {_variable(name, field): _default(field) for name, field in Settings.model_fields.items()}
    assert listed == expected


def _variable(name: str, field: FieldInfo) -> str:
    return field.alias or f"AMANAT_{name.upper()}"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True, validated_data={})
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if value == "":
        return "empty"
    return f"`{value}`" if isinstance(value, str) else f"`{json.dumps(value)}`"


def test_the_page_of_settings_says_how_many_connections_a_worker_takes_at_least() -> None:
    assert re.findall(r"a worker takes at least (\d+)", CONFIGURATION) == [str(POOL_FLOOR)]


def test_the_page_of_settings_gives_ones_own_postgres_those_of_the_deployment() -> None:
    services = yaml.safe_load((PROJECT / "docker-compose.yml").read_text("utf-8"))["services"]
    given = {option for option in services["postgres"]["command"] if "=" in option}
    assert given
    assert set(re.findall(r"`([a-z_]+=\w+)`", CONFIGURATION)) == given


def _commands() -> set[str]:
    group = typer.main.get_command(main.app)
    assert isinstance(group, typer.core.TyperGroup)
    return set(group.commands)


def test_the_page_of_commands_lists_each_and_no_other() -> None:
    assert set(dict(_COMMAND.findall(COMMANDS))) == _commands()


@pages
def test_every_command_that_a_page_names_exists(page: Path) -> None:
    assert set(_CALLED.findall(page.read_text("utf-8"))) - _commands() == set()


def test_the_readme_is_short_and_leads_to_the_persian_one_and_to_every_page() -> None:
    assert len(README.split()) <= README_WORDS
    assert "(README.fa.md)" in "".join(README.splitlines()[:5])
    assert "(docs/README.md)" in README


def test_the_readme_leads_from_a_rule_to_its_number_its_sentence_and_its_test() -> None:
    assert "(docs/rooms.md#a-rule-its-sentence-its-test)" in README
    _, _, section = (PROJECT / "docs/rooms.md").read_text("utf-8").partition("## A rule, its sentence, its test")
    section, _, _ = section.partition("\n## ")
    files = [PROJECT / path for path in _PATH.findall(section) if path.endswith((".py", ".toml"))]
    source = "".join(path.read_text("utf-8") for path in files)
    names = {name for names in re.findall(r"`(\w+(?:\.\w+)?)`", section) for name in names.split(".")}
    assert len(files) >= 4
    assert names >= {"stands_for_max", "judge", "GuarantorCapacityFull"}
    assert {name for name in names if not re.search(rf"\b{name}\b", source)} == set()


def test_the_persian_readme_is_one_page_that_writes_digits_in_persian_and_names_the_two_commands() -> None:
    page = (PROJECT / "README.fa.md").read_text("utf-8")
    prose = re.sub(r"```.*?```|`[^`]*`|\]\([^)]*\)|<[^>]*>", "", page, flags=re.DOTALL)
    assert set(_CALLED.findall(page)) >= {"demo", "test"}
    assert not re.search(r"[0-9٠-٩يك]", prose)
    assert len(page.split()) <= README_WORDS


def test_every_page_of_the_directory_is_listed_in_it() -> None:
    folder = PROJECT / "docs"
    listed = set(_LINK.findall((folder / "README.md").read_text("utf-8")))
    assert {path.name for path in folder.glob("*.md")} - {"README.md"} <= listed
    assert "decisions/README.md" in listed


def test_decisions_are_numbered_without_gaps_listed_and_of_one_form() -> None:
    folder = PROJECT / "docs" / "decisions"
    decisions = sorted(folder.glob("0*.md"))
    index = (folder / "README.md").read_text("utf-8")
    assert [path.name[:4] for path in decisions] == [f"{number:04}" for number in range(1, len(decisions) + 1)]
    for path in decisions:
        text = path.read_text("utf-8")
        title = text.splitlines()[0].removeprefix("# ")
        assert f"[{title}]({path.name})" in index
        assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ["Context", "Decision", "Consequences"]


def test_the_page_of_sms_templates_lists_each_with_its_text() -> None:
    rows = (PROJECT / "docs" / "sms-templates.md").read_text("utf-8").splitlines()
    shown = {cells[1].strip(" `"): cells[3].strip() for row in rows if len(cells := row.split("|")) == 5}
    codes = {f"code_{purpose}": code_text(purpose, "{code}").replace("\n", "<br>") for purpose in CodePurpose}
    assert {**words.sms, **codes} == {name: text for name, text in shown.items() if name not in {"our name", "---"}}
