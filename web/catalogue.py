"""The catalogues of the pages' messages, one a capability: collected from code and templates (for developers).

A message stands in the catalogue of the module that says it, or that shows the template which says it; what several
say, in the common one.
"""

from __future__ import annotations

import io
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import write_po

from web.language import CATALOGUES, merged

_WEB: Final = Path(__file__).parent
_TEMPLATES: Final = _WEB / "templates"
_COMMON: Final = "common"
_METHODS: Final = [("static/**", "ignore"), ("node_modules/**", "ignore"), ("**.py", "python"), ("**.html", "jinja2")]
_OPTIONS: Final = {"**.html": {"extensions": "jinja2.ext.do", "silent": "false", "trimmed": "true"}}
# ``translate`` and ``count`` are ``Language``'s; ``_`` marks what is said later.
_KEYWORDS: Final = {"_": None, "gettext": None, "ngettext": (1, 2), "translate": None, "count": (1, 2)}


def collected() -> Catalog:
    """Every message of the pages, untranslated, in the order of its file and line."""
    catalog = Catalog(locale="fa", project="Amanat", charset="utf-8", fuzzy=False)
    found = extract_from_dir(
        _WEB, method_map=_METHODS, options_map=_OPTIONS, keywords=_KEYWORDS, directory_filter=_ours
    )
    for name, line, message, comments, context in sorted(found, key=lambda each: (each[0], each[1])):
        catalog.add(message, None, [(f"web/{name}", line)], auto_comments=comments, context=context)
    return catalog


def _ours(directory: str) -> bool:
    return Path(directory).name not in {"node_modules", "static", "locale", "__pycache__"}


def stored() -> Catalog:
    """The catalogues as they stand."""
    return merged(sorted(CATALOGUES.glob("*.po")))


def untranslated(catalog: Catalog) -> Iterator[str]:
    """Messages of the pages that the catalogue lacks, or has without Persian."""
    for message in collected():
        known = catalog.get(message.id)
        if message.id and (known is None or known.fuzzy or not _is_whole(known.string)):
            yield message.id if isinstance(message.id, str) else message.id[0]


def _is_whole(string: str | Sequence[str] | None) -> bool:
    return bool(string) and (isinstance(string, str) or all(string or ()))


def refreshed() -> dict[Path, str]:
    """Each catalogue's file with what is new added, and what nobody says any more left out."""
    old, shown_by = stored(), _words_of_templates()
    catalogs: dict[str, Catalog] = defaultdict(lambda: Catalog(locale="fa", fuzzy=False))
    for message in collected():
        if message.id:
            known = old.get(message.id)
            message.string = message.string if known is None else known.string
            catalogs[_word(message, shown_by)][message.id] = message
    return {CATALOGUES / f"{word}.po": _written(catalog) for word, catalog in catalogs.items()}


def _written(catalog: Catalog) -> str:
    packed = io.BytesIO()
    write_po(packed, catalog, width=120, omit_header=True, ignore_obsolete=True, include_lineno=False)
    header = 'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=utf-8\\n"\n"Language: fa\\n"\n'
    return header + '"Plural-Forms: nplurals=1; plural=0;\\n"\n\n' + packed.getvalue().decode()


def _word(message: Message, shown_by: dict[str, set[str]]) -> str:
    """Whose a message is: the one capability that says it."""
    words: set[str] = set()
    for name, _ in message.locations:
        path = Path(name).relative_to("web")
        words |= shown_by[path.name] if path.suffix == ".html" else {path.parts[0].removesuffix(".py")}
    return words.pop() if len(words) == 1 else _COMMON


def _words_of_templates() -> dict[str, set[str]]:
    """Which modules show each template, itself or within another."""
    shown_by: dict[str, set[str]] = defaultdict(set)
    for module in (*_WEB.glob("*.py"), *_WEB.glob("*/*.py")):
        word = module.relative_to(_WEB).parts[0].removesuffix(".py")
        # A name with a value in it stands for every template that fits.
        for name in re.findall(r"\"([\w{}.]+\.html)\"", module.read_text("utf-8")):
            for shown in _TEMPLATES.glob(re.sub(r"{[^}]*}", "*", name)):
                shown_by[shown.name].add(word)
    within = {path.name: re.findall(r"\"(\w+\.html)\"", path.read_text("utf-8")) for path in _TEMPLATES.glob("*.html")}
    for _ in within:
        for template, parts in within.items():
            for part in parts:
                shown_by[part] |= shown_by[template]
    return shown_by
