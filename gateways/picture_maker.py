"""Draws one picture anew in a process of its own, and says the code of what is wrong with it; started by picture.

With a third path the text in that file is drawn all over it.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from PIL import Image, ImageDraw, ImageFont, ImageOps

from domain.attachment import FileNotAccepted, PictureTooLarge
from gateways.apart import limit_this_process

_MAX_MEMORY: Final = 768 * 1024 * 1024
_MAX_SECONDS: Final = 20
# A telephone's camera has 12 to 50 million; four bytes each stand in memory while a picture is drawn.
MAX_PIXELS: Final = 60_000_000
# Enough to read small print on a page of paper.
LONGEST_SIDE: Final = 4096
_QUALITY: Final = 85
_FORMATS: Final = ("JPEG", "PNG", "WEBP")
_MOVING: Final = frozenset({"PNG", "WEBP"})
# Scanners write grey with 16 bits a pixel; drawn as it is, whatever is brighter than a 256th of white would be white.
_DEEP_GREY: Final = "I;16"


def main(source: Path, target: Path, mark: Path | None = None) -> str:
    """Draw it; returns the code of a refusal, empty if it is drawn."""
    limit_this_process(_MAX_MEMORY, _MAX_SECONDS)
    # Judged below, before anything is drawn.
    Image.MAX_IMAGE_PIXELS = None
    try:
        return _draw(source, target, "" if mark is None else mark.read_text("ascii"))
    except MemoryError:
        return PictureTooLarge.code
    except Exception:  # noqa: BLE001 - a hostile file makes its reader fail in any way
        return FileNotAccepted.code


def _draw(source: Path, target: Path, mark: str) -> str:
    with Image.open(source, formats=_FORMATS) as picture:
        if picture.width * picture.height > MAX_PIXELS:
            return PictureTooLarge.code
        # Of a picture that moves only a part would be kept. A JPEG may bring a second one, for the screen.
        if picture.format in _MOVING and getattr(picture, "n_frames", 1) > 1:
            return FileNotAccepted.code
        picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
        upright = ImageOps.exif_transpose(picture)
    if upright.mode == _DEEP_GREY:
        upright = upright.point(lambda value: value / 256).convert("L")
    # A new page holds nothing that came beside the pixels: no place, no time, no comment, no profile.
    page = Image.new("RGB", upright.size, "white")
    if upright.has_transparency_data:
        seen = upright.convert("RGBA")
        page.paste(seen, mask=seen.getchannel("A"))
    else:
        page.paste(upright.convert("RGB"))
    if mark:
        _mark(page, mark)
    page.save(target, "JPEG", quality=_QUALITY)
    return ""


def _mark(page: Image.Image, text: str) -> None:
    """Draw a text all over a page, slanting, light enough to read what is below."""
    side = max(page.size) * 2
    size = max(16, min(page.size) // 18)
    font = ImageFont.load_default(size)
    pattern = Image.new("L", (side, side), 0)
    pen, width = ImageDraw.Draw(pattern), int(font.getlength(text)) + 2 * size
    for row, top in enumerate(range(0, side, 4 * size)):
        for left in range(-(row % 2) * width // 2, side, width):
            pen.text((left, top), text, fill=90, font=font)
    left, top = (side - page.width) // 2, (side - page.height) // 2
    page.paste((200, 0, 0), mask=pattern.rotate(30).crop((left, top, left + page.width, top + page.height)))


if __name__ == "__main__":
    sys.stdout.write(main(*map(Path, sys.argv[1:])))
