"""Papers as PDF (G9), set by typst from the templates in ``gateways/papers``.

A template gets values as data, never as text of its own: what stands in a name is printed as it is. The same values
give the same bytes, for no clock is asked, and the font is the pages' own, as npm brought it.
"""

from __future__ import annotations

import asyncio
import functools
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import segno
import typst

TEMPLATES: Final = Path(__file__).parent / "papers"
_FONTS: Final = Path(__file__).parent.parent / "web" / "node_modules" / "vazirmatn" / "fonts" / "ttf"
_FAMILY: Final = "Vazirmatn"
# A page takes a few milliseconds.
_SECONDS: Final = 10.0


class FontMissing(Exception):
    """npm has not brought the font: the set-up was not finished."""


class PaperNotMade(Exception):
    """A paper took too long."""


async def render_pdf(template: str, values: Mapping[str, object], *, check: str) -> bytes:
    """A paper as PDF.

    Args:
        template: its name, without ``.typ``.
        values: what the template prints.
        check: the address at which the paper is checked; printed, and drawn as a QR code.

    Raises:
        FontMissing: the font is not there.
        PaperNotMade: it took longer than ten seconds, waiting for a thread included.
    """
    try:
        async with asyncio.timeout(_SECONDS):
            return await asyncio.to_thread(set_paper, template, values, check=check)
    except TimeoutError:
        raise PaperNotMade(template) from None


def set_paper(template: str, values: Mapping[str, object], *, check: str) -> bytes:
    """``render_pdf`` in this thread, without an end of its own."""
    data = {**values, "check": check, "code": _drawn(check)}
    return typst.compile(
        TEMPLATES / f"{template}.typ",
        root=TEMPLATES,
        font_paths=_fonts(),
        ignore_system_fonts=True,
        sys_inputs={"paper": json.dumps(data, ensure_ascii=False)},
        format="pdf",
        timestamp=0,
    )


def _drawn(text: str) -> str:
    """A QR code as SVG."""
    svg = io.BytesIO()
    segno.make_qr(text, error="m").save(svg, kind="svg", border=0, xmldecl=False)
    return svg.getvalue().decode()


@functools.cache
def _fonts() -> typst.Fonts:
    fonts = typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[_FONTS])
    if _FAMILY not in fonts.families():
        raise FontMissing("web/node_modules lacks the font vazirmatn: run npm ci in web/, or ./amanat")
    return fonts
