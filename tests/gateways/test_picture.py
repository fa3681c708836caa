"""Pictures drawn anew: what is kept holds pixels alone, and a bomb harms nobody (G7)."""

from __future__ import annotations

import asyncio
import io
import struct
import zipfile
import zlib
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageDraw, PngImagePlugin

from domain.attachment import FileNotAccepted, PictureTooLarge
from domain.errors import Refusal
from gateways.picture import mark, redraw
from gateways.picture_maker import LONGEST_SIDE, MAX_PIXELS
from tests.files_made import HTML, archive, picture

PLACE, NOTE = b"Tehran, Azadi square", b"written by somebody"


async def drawn(tmp_path: Path, content: bytes) -> bytes:
    """A picture as it is kept."""
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(content)
    await redraw(source, target)
    return target.read_bytes()


async def refusal(tmp_path: Path, content: bytes) -> type[Refusal]:
    """Why a picture is refused."""
    with pytest.raises((FileNotAccepted, PictureTooLarge)) as caught:
        await drawn(tmp_path, content)
    assert not (tmp_path / "target").exists()
    return caught.type


def chunk(kind: bytes, content: bytes) -> bytes:
    """A part of a PNG."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png_of(width: int, height: int, rows: bytes) -> bytes:
    """A grey PNG of a size, whatever it holds."""
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("kind", "mode"), [("JPEG", "RGB"), ("JPEG", "CMYK"), ("JPEG", "L"), ("PNG", "RGBA"), ("PNG", "P"), ("WEBP", "RGB")]
)
async def test_each_kind_of_picture_becomes_a_jpeg_that_looks_alike(tmp_path: Path, kind: str, mode: str) -> None:
    with Image.open(io.BytesIO(await drawn(tmp_path, picture(kind, mode=mode)))) as kept:
        assert (kept.format, kept.mode, kept.size) == ("JPEG", "RGB", (64, 48))
        left, right = kept.getpixel((8, 24)), kept.getpixel((56, 24))
    assert isinstance(left, tuple)
    assert isinstance(right, tuple)
    assert max(left) < 40
    assert min(right) > 215


async def test_a_scan_in_grey_of_16_bits_stays_readable(tmp_path: Path) -> None:
    scan = Image.new("I;16", (64, 48), 60_000)
    ImageDraw.Draw(scan).rectangle((0, 0, 31, 47), fill=2_000)
    sent = io.BytesIO()
    scan.save(sent, "PNG")
    with Image.open(io.BytesIO(await drawn(tmp_path, sent.getvalue()))) as kept:
        ink, paper = kept.getpixel((8, 24)), kept.getpixel((56, 24))
    assert isinstance(ink, tuple)
    assert isinstance(paper, tuple)
    assert max(ink) < 20
    assert 225 < min(paper) < 240


async def test_nothing_but_pixels_is_kept(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010E] = PLACE.decode()
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", NOTE.decode())
    sent = picture("JPEG", exif=exif, comment=NOTE) + archive()
    assert PLACE in sent
    for content in (sent, picture("PNG", pnginfo=text, exif=exif) + HTML):
        kept = await drawn(tmp_path, content)
        assert not any(left in kept for left in (PLACE, NOTE, b"PK\x03\x04", b"<script", b"Exif", b"ICC_PROFILE"))
        assert not zipfile.is_zipfile(io.BytesIO(kept))


async def test_a_picture_that_lies_on_its_side_is_turned_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    with Image.open(io.BytesIO(await drawn(tmp_path, picture(exif=exif)))) as kept:
        assert kept.size == (48, 64)


async def test_a_large_picture_is_made_smaller(tmp_path: Path) -> None:
    with Image.open(io.BytesIO(await drawn(tmp_path, picture(size=(8000, 6000))))) as kept:
        assert kept.size == (LONGEST_SIDE, LONGEST_SIDE * 3 // 4)


async def test_a_bomb_is_refused_before_it_is_drawn_and_one_that_lies_is_no_picture(tmp_path: Path) -> None:
    side = 60_000
    assert side * side > MAX_PIXELS
    assert await refusal(tmp_path, png_of(side, side, b"\0" * (side + 1))) is PictureTooLarge
    # It says that it is small, and holds a hundred times as much.
    assert await drawn(tmp_path, png_of(100, 100, b"\0" * 101 * 100 * 100))


async def test_what_breaks_off_moves_or_is_no_picture_is_refused(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    moving = io.BytesIO()
    frames[0].save(moving, "WEBP", save_all=True, append_images=frames[1:])
    whole = picture("PNG", (640, 480))
    for content in (
        whole[: len(whole) // 2],
        picture()[:200],
        b"\xff\xd8\xff" + HTML,
        moving.getvalue(),
        picture("GIF"),
    ):
        assert await refusal(tmp_path, content) is FileNotAccepted


async def test_pictures_are_drawn_in_turn_and_none_waits_for_good(tmp_path: Path) -> None:
    async def one(number: int) -> bytes:
        place = tmp_path / str(number)
        place.mkdir()
        return await drawn(place, picture())

    assert all(await asyncio.gather(*(one(number) for number in range(4))))


async def marked(tmp_path: Path, text: str, content: bytes) -> bytes:
    """A picture as somebody sees it."""
    path = tmp_path / "kept"
    path.write_bytes(content)
    await mark(path, text)
    return path.read_bytes()


async def test_a_mark_lies_all_over_a_picture_and_leaves_it_readable(tmp_path: Path) -> None:
    page = Image.new("RGB", (600, 420), "white")
    sent = io.BytesIO()
    page.save(sent, "JPEG")
    with Image.open(io.BytesIO(await marked(tmp_path, "officer-1 30 Aban 1405, 10:15", sent.getvalue()))) as seen:
        assert (seen.format, seen.mode, seen.size) == ("JPEG", "RGB", page.size)
        left = ImageChops.difference(seen, page).convert("L").point(lambda value: 255 if value > 30 else 0)
        darkest, _ = seen.convert("L").getextrema()
    for across in range(3):
        for down in range(3):
            corner = (200 * across, 140 * down)
            assert left.crop((*corner, corner[0] + 200, corner[1] + 140)).getbbox() is not None, corner
    assert isinstance(darkest, int)
    assert darkest > 120


async def test_another_text_is_another_mark_and_what_cannot_be_marked_stays_as_it_is(tmp_path: Path) -> None:
    one, other = [await marked(tmp_path, f"officer-{number} 10:15", picture(size=(320, 240))) for number in range(2)]
    assert one != other
    with pytest.raises(FileNotAccepted):
        await marked(tmp_path, "officer-1 10:15", HTML)
    assert (tmp_path / "kept").read_bytes() == HTML
