"""Pictures that others made, drawn anew by a process of its own: what is kept holds pixels and nothing else (G7)."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from domain.attachment import FileNotAccepted, PictureTooLarge
from domain.errors import InvalidInput
from gateways.apart import run_apart

_MAKER: Final = "gateways.picture_maker"
_SECONDS: Final = 30
# So many at once in a process; others wait for their turn.
_AT_ONCE: Final = ThreadPoolExecutor(max_workers=2, thread_name_prefix="picture")
_REFUSALS: Final[dict[str, type[InvalidInput]]] = {
    refusal.code: refusal for refusal in (FileNotAccepted, PictureTooLarge)
}


async def redraw(source: Path, target: Path) -> None:
    """Draw a picture anew as a JPEG, upright, without what else its file holds, at most 4096 pixels a side.

    Raises:
        FileNotAccepted: it cannot be drawn, or moves.
        PictureTooLarge: it has too many pixels, or asked for too much.
        RuntimeError: the process that draws was stopped from outside.
    """
    await asyncio.get_running_loop().run_in_executor(_AT_ONCE, _draw, source, target)


async def mark(picture: Path, text: str) -> None:
    """Draw a text of ASCII all over a JPEG of ours, so that a copy of it says who had it shown.

    Raises:
        FileNotAccepted: it could not be drawn.
        PictureTooLarge: it asked for too much.
        RuntimeError: the process that draws was stopped from outside.
    """
    said = picture.with_name(f"{picture.name}.mark")
    await asyncio.to_thread(said.write_text, text, "ascii")
    await asyncio.get_running_loop().run_in_executor(_AT_ONCE, _draw, picture, picture, said)


def _draw(source: Path, target: Path, *text: Path) -> None:
    said = run_apart(_MAKER, source, target, *text, seconds=_SECONDS)
    if said is None:
        raise PictureTooLarge(field="file")
    if said:
        raise _REFUSALS[said.decode("ascii")](field="file")
