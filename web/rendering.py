"""Templates: one Jinja environment a language, with the language's way of writing as filters."""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import Any, Final, cast

import segno
from jinja2 import Environment, FileSystemLoader, StrictUndefined, nodes
from jinja2.compiler import CodeGenerator, Frame
from markupsafe import Markup, escape

from web.assets import Assets
from web.codes import CodeTimes, not_yet
from web.forms import new_key
from web.language import Language, amount_words, from_now, languages

_TEMPLATES: Final = Path(__file__).parent / "templates"
# An address ends before a space or the sign that closes what it stands in.
_ADDRESS: Final = re.compile(r"https?://[^\s<>\"'،؛»)]+[^\s<>\"'،؛»).,;:!?]")
# The longest text that becomes a QR code: much more is shown by no telephone's camera, or fits into none.
_MOST_IN_QR: Final = 300
_EXTENSIONS: Final = ["jinja2.ext.i18n", "jinja2.ext.do"]


class _Translating(CodeGenerator):
    """Puts the translations of messages into the templates' code: a page has hundreds, and looks up none of them."""

    def visit_Call(self, node: nodes.Call, frame: Frame, forward_caller: bool = False) -> None:  # noqa: FBT001, FBT002, N802
        """A call; ``_("…", name=value)`` is the translation, into which the values are put escaped."""
        match node:
            case nodes.Call(
                node=nodes.Name(name="_"),
                args=[nodes.Const(value=str(message))],
                kwargs=values,
                dyn_args=None,
                dyn_kwargs=None,
            ):
                language = cast(Language, self.environment.globals["language"])
                named = nodes.Dict([nodes.Pair(nodes.Const(value.key), value.value) for value in values])
                self.visit(nodes.Mod(nodes.MarkSafe(nodes.Const(language.translate(message))), named), frame)
            case _:
                super().visit_Call(node, frame, forward_caller=forward_caller)


class _Environment(Environment):
    code_generator_class = _Translating


class Renderer:
    """Fills templates."""

    def __init__(self, assets: Assets) -> None:
        self._environments = {code: _environment(language, assets) for code, language in languages().items()}

    def render(self, template: str, language: Language, **values: Any) -> str:
        """A whole page."""
        return self._environments[language.code].get_template(template).render(values)


def _environment(language: Language, assets: Assets) -> Environment:
    environment = _Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        extensions=_EXTENSIONS,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    # The extension adds this method; ``%%`` in a message is a percent sign, as in ``Language.translate``.
    environment.install_gettext_translations(language.translations, newstyle=True)  # type: ignore[attr-defined]
    environment.filters |= {
        "words": language.words,
        "digits": language.digits,
        "number": language.number,
        "money": language.money,
        "in_full": language.in_full,
        "percent": language.percent,
        "typed_toman": language.typed_toman,
        "day": language.day,
        "moment": language.moment,
        "deadline": language.deadline,
        "from_now": from_now,
        "clock": language.clock,
        "remaining": language.remaining,
        "span": language.span,
        "wait": language.wait,
        "linked": linked,
        "qr": qr,
    }
    environment.globals |= {
        "language": language,
        "asset": assets.address,
        "new_key": new_key,
        "code_times": CodeTimes.of,
        "not_yet": functools.partial(not_yet, language),
        "amount_words": amount_words(language),
    }
    return environment


def linked(text: str) -> Markup:
    """A plain text whose http(s) addresses are links; everything in it is escaped."""
    made, end = Markup(), 0
    for found in _ADDRESS.finditer(text):
        made += escape(text[end : found.start()])
        made += Markup('<a href="{0}" rel="noopener"><bdi dir="ltr">{0}</bdi></a>').format(found[0])
        end = found.end()
    return made + escape(text[end:])


def qr(text: str) -> Markup:
    """A QR code of a text, drawn in the page itself: no file is made and nothing is asked for; empty if it is too long.

    Black on white with its white border in both colour schemes, for cameras read no other; sized by the style sheet.
    """
    if len(text) > _MOST_IN_QR:
        return Markup()
    drawn = segno.make_qr(text, error="m").svg_inline(dark="#000", light="#fff", omitsize=True)
    return Markup(drawn)  # noqa: S704 - made of squares alone; the text itself stands nowhere in it


@functools.cache
def loaded_assets() -> Assets:
    """The files that pages load, read at the first need."""
    return Assets.load()
