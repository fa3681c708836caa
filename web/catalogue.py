"""The catalogue of the pages' messages: collected from code and templates, and brought up to date (for developers)."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

_WEB: Final = Path(__file__).parent
FILE: Final = _WEB / "locale" / "fa.po"
_METHODS: Final = [("static/**", "ignore"), ("node_modules/**", "ignore"), ("**.py", "python"), ("**.html", "jinja2")]
_OPTIONS: Final = {"**.html": {"extensions": "jinja2.ext.do", "silent": "false", "trimmed": "true"}}
# ``say`` and ``count`` are ``Language``'s; ``_`` marks what is said later.
_KEYWORDS: Final = {"_": None, "gettext": None, "ngettext": (1, 2), "say": None, "count": (1, 2)}


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
    """The catalogue as it stands."""
    with FILE.open("rb") as source:
        return read_po(source, locale="fa")


def untranslated(catalog: Catalog) -> Iterator[str]:
    """Messages of the pages that the catalogue lacks, or has without Persian."""
    for message in collected():
        known = catalog.get(message.id)
        if message.id and (known is None or known.fuzzy or not _is_whole(known.string)):
            yield message.id if isinstance(message.id, str) else message.id[0]


def _is_whole(string: str | Sequence[str] | None) -> bool:
    return bool(string) and (isinstance(string, str) or all(string or ()))


def refreshed() -> str:
    """The catalogue's file with what is new added, and what nobody says any more left out."""
    catalog, old = collected(), stored()
    for message in catalog:
        known = old.get(message.id) if message.id else None
        if known is not None:
            message.string = known.string
    packed = io.BytesIO()
    write_po(packed, catalog, width=120, omit_header=True, ignore_obsolete=True, include_lineno=False)
    header = 'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=utf-8\\n"\n"Language: fa\\n"\n'
    return header + '"Plural-Forms: nplurals=1; plural=0;\\n"\n\n' + packed.getvalue().decode()
