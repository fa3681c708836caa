"""The forms of a page as a browser takes them: what stands in them goes back as the page gave it, the rest is typed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Final

_CHOICES: Final = frozenset({"checkbox", "radio", "select"})
# What a page never shows again.
_SECRETS: Final = frozenset({"code", "totp", "new_totp", "token", "user_name"})

Pairs = list[tuple[str, str]]


@dataclass(slots=True)
class Field:
    """A field; ``value`` is what the page put there, of a choice one of its options."""

    name: str
    kind: str
    value: str
    is_chosen: bool = True
    most: int | None = None
    least: int = 0
    is_required: bool = False

    def sends(self, wanted: Mapping[str, list[str]]) -> str | None:
        """What a browser sends of it; None for nothing.

        Raises:
            AssertionError: what is wanted is longer or shorter than the field takes.
        """
        if self.kind == "file":
            return None
        if self.kind in _CHOICES:
            is_chosen = self.value in wanted[self.name] if self.name in wanted else self.is_chosen
            return self.value if is_chosen else None
        if self.kind == "hidden" or self.name not in wanted:
            return self.value
        (text,) = wanted[self.name]
        assert not text or self.least <= len(text) <= (self.most or len(text)), (self.name, "is cut at", self.most)
        return text


@dataclass(frozen=True, slots=True)
class Button:
    """What sends a form: with its own name and value, perhaps elsewhere, perhaps without a look at the fields."""

    name: str
    value: str
    action: str
    looks: bool


@dataclass(slots=True)
class PageForm:
    """A form, and how it is sent."""

    action: str
    method: str = "get"
    fields: list[Field] = field(default_factory=list)
    buttons: list[Button] = field(default_factory=list)

    def hidden(self, name: str) -> str:
        """What the page put into a hidden field; empty if there is none."""
        return next((one.value for one in self.fields if one.name == name and one.kind == "hidden"), "")

    def says(self, button: Button) -> str:
        """What is said by pressing a button, where forms of one address say several things."""
        return self.hidden("decision") or (f"{button.name}={button.value}" if button.name else "")

    def requires(self, name: str) -> bool:
        """Whether a text is to be typed there."""
        return any(one.is_required and one.kind not in _CHOICES for one in self.fields if one.name == name)

    def keeps(self, name: str) -> bool:
        """Whether the page shows again what was typed there."""
        is_password = any(one.kind == "password" for one in self.fields if one.name == name)
        return not is_password and name.rpartition(".")[2] not in _SECRETS

    def holds(self, name: str) -> list[str]:
        """What stands in a field, or is chosen of its options."""
        return [one.value for one in self.fields if one.name == name and one.is_chosen]

    def filled(self, button: Button, typed: Mapping[str, str]) -> Pairs:
        """What a browser sends once this is typed and the button is pressed.

        Args:
            button: that is pressed.
            typed: into which field; of choices ``*`` is the first, and several have ``|`` between.

        Raises:
            AssertionError: the form has no such field or choice, cuts what is typed, or a browser would not send it.
        """
        names = {one.name for one in self.fields if one.kind != "hidden"}
        assert set(typed) <= names, (self.action, set(typed) - names)
        wanted = {name: self.wanted(name, text) for name, text in typed.items()}
        pairs = [(one.name, value) for one in self.fields if (value := one.sends(wanted)) is not None]
        missing = {one.name for one in self.fields if one.is_required} - {name for name, value in pairs if value}
        assert not button.looks or not missing, (self.action, "still empty", missing)
        return [*pairs, (button.name, button.value)] if button.name else pairs

    def wanted(self, name: str, text: str) -> list[str]:
        """What is typed into a field, or chosen of its options."""
        options = [one.value for one in self.fields if one.name == name and one.kind in _CHOICES]
        chosen = [option for option in options if option][:1] if text == "*" else text.split("|") if options else [text]
        assert not options or set(chosen) <= set(options), (self.action, name, text, options)
        return chosen


class _Reader(HTMLParser):
    """Reads the forms and the links of a page."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path, self.forms, self.links = path, list[PageForm](), list[str]()
        self._form: PageForm | None = None
        self._select: Field | None = None
        self._area: Field | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """One tag begins."""
        given = {name: value or "" for name, value in attrs}
        if tag == "a":
            self.links.append(given.get("href", ""))
        elif tag == "form":
            self._form = PageForm(given.get("action") or self.path, given.get("method", "get"))
            self.forms.append(self._form)
        elif self._form is not None and "disabled" not in given:
            self._take(tag, given, self._form)

    def _take(self, tag: str, given: dict[str, str], form: PageForm) -> None:
        name, value, is_required = given.get("name", ""), given.get("value", ""), "required" in given
        match tag:
            case "button" if given.get("type") != "button":
                action = given.get("formaction", form.action)
                form.buttons.append(Button(name, value, action, "formnovalidate" not in given))
            case "select":
                self._select = Field(name, "select", "", is_required=is_required)
            case "option" if self._select is not None:
                form.fields.append(Field(self._select.name, "select", value, "selected" in given))
            case "input" | "textarea" if name:
                kind = given.get("type", "text")
                self._area = None
                form.fields.append(
                    Field(
                        name,
                        kind,
                        value,
                        is_chosen="checked" in given or kind not in _CHOICES,
                        most=int(given["maxlength"]) if "maxlength" in given else None,
                        least=int(given.get("minlength", 0)),
                        is_required=is_required and kind != "file",
                    )
                )
                if tag == "textarea":
                    self._area = form.fields[-1]

    def handle_data(self, data: str) -> None:
        """Text stands between tags: what a field of several lines holds, after a first line break."""
        if self._area is not None:
            self._area.value += data if self._area.value else data.removeprefix("\n")

    def handle_endtag(self, tag: str) -> None:
        """One tag ends; of a list from which nothing is chosen a browser sends the first."""
        if tag == "textarea":
            self._area = None
        elif tag == "form":
            self._form = None
        elif tag == "select" and self._form is not None and self._select is not None:
            options = [one for one in self._form.fields if one.kind == "select" and one.name == self._select.name]
            if options and not any(one.is_chosen for one in options):
                options[0].is_chosen = True
            self._select = None


def read_page(path: str, html: str) -> tuple[list[PageForm], list[str]]:
    """The forms of a page, and where its links lead."""
    reader = _Reader(path)
    reader.feed(html)
    return reader.forms, reader.links
