"""A command that comes with a file: the file is stored first, and stays only if the command is done with it."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final
from uuid import UUID

from commands.account import RightTotp, check_totp, require_code, use_totp
from commands.command import Command, Context, Envelope, perform
from commands.refusals import refuses
from domain.access import Actor
from domain.attachment import (
    LOOKED_AT,
    MAX_BYTES,
    AttachmentUnreadable,
    FileNotAccepted,
    MediaType,
    PictureTooLarge,
    recognise,
)
from domain.errors import CodeRequired, EmptyFile, KeyInFlight, KeyReused, Refusal, TooLarge
from gateways.files import FileDamaged, FileTooLarge, StoredFile
from gateways.picture import redraw
from gateways.workplace import workplace
from storage.idempotency import Answer
from storage.sealing import SealBroken

_log = logging.getLogger("amanat.commands")
_CHUNK: Final = 64 * 1024
# What is drawn anew may be larger than what came.
_MOST_KEPT: Final = 2 * MAX_BYTES
# What a file with a code of its own may be refused for, besides what its command says.
RECEIVED: Final = (require_code, TooLarge, EmptyFile, KeyReused, KeyInFlight)


@dataclass(frozen=True, slots=True)
class Upload:
    """A file on its way in: by whom, about what, under which key, from where, and the code for it.

    ``about`` is the id of an organisation or a case; ``media_type`` and ``file_name`` are what its sender calls the
    file, either may be empty.
    """

    actor: Actor
    about: UUID
    key: str
    origin: str
    content: AsyncIterator[bytes]
    totp: str | None = field(repr=False)
    media_type: str = ""
    file_name: str = field(default="", repr=False)


async def receive_confirmed(
    context: Context,
    upload: Upload,
    receive: Callable[[Command, StoredFile], Awaitable[bytes]],
    *,
    operation: str,
    folder: str,
    limit: int,
) -> Answer:
    """Store a file with a code of its own, streamed and never whole in memory; then ``receive`` it in a command (G1).

    Args:
        context: what commands work with.
        upload: the file, and who sends it.
        receive: does what follows from it; returns the answer's body.
        operation: what is done.
        folder: where it is stored.
        limit: the most bytes that are taken.
    """
    confirmed = await _judge_code(context, upload.actor, upload.totp)
    try:
        stored = await context.files.keep(folder, upload.content, limit=limit)
    except FileTooLarge:
        raise TooLarge from None
    fingerprint = hashlib.sha256(b"\x00".join((operation.encode(), upload.about.bytes, stored.sha256)))
    envelope = Envelope(upload.actor, operation, upload.key, fingerprint.digest(), upload.origin)

    async def work(command: Command) -> bytes:
        if isinstance(confirmed, Refusal):
            raise confirmed
        await use_totp(command, confirmed)
        if not stored.size:
            raise EmptyFile(field="body")
        return await receive(command, stored)

    return await perform_with(context, envelope, work, stored, status=202)


async def perform_with(
    context: Context,
    envelope: Envelope,
    work: Callable[[Command], Awaitable[bytes]],
    stored: StoredFile,
    *,
    status: int,
) -> Answer:
    """``perform`` what keeps a stored file; delete the file if it was refused, or done before with another one."""
    try:
        answer = await perform(context, envelope, work, status=status)
    except Refusal:
        # Any other failure may hide a commit: such a file stays, and is swept up if no row names it.
        await context.files.remove(stored.key)
        raise
    if answer.replayed:
        await context.files.remove(stored.key)
    return answer


async def _judge_code(context: Context, actor: Actor, totp: str | None) -> RightTotp | Refusal:
    """The code for a whole file, judged before the file comes in, which may last longer than the code.

    A wrong one is told afterwards: a file that was received before is answered as it was then, whatever the code (H1).

    Raises:
        CodeRequired: none came.
    """
    if not totp:
        raise CodeRequired(field="totp")
    try:
        return await check_totp(context, actor, totp)
    except Refusal as refusal:
        return refusal


@dataclass(frozen=True, slots=True)
class DrawnFile:
    """A file as it is kept: a picture drawn anew, or a PDF as it came. ``sha256`` is of what was sent."""

    stored: StoredFile
    media_type: MediaType
    sha256: bytes


@refuses(TooLarge, EmptyFile, FileNotAccepted, PictureTooLarge)
async def receive_drawn(
    context: Context, content: AsyncIterator[bytes], folder: str, accepted: Collection[MediaType]
) -> DrawnFile:
    """Receive a file and keep it; what it is its content alone decides, and of a picture the pixels alone stay.

    Args:
        context: what commands work with.
        content: as it comes in.
        folder: where it is kept.
        accepted: as what files are taken.
    """
    async with workplace("amanat-upload-") as directory:
        received = directory / "received"
        sha256 = await _receive(content, received)
        media_type = await asyncio.to_thread(_recognise, received)
        if media_type not in accepted:
            raise FileNotAccepted(field="file")
        kept = received
        if media_type is not MediaType.PDF:
            kept = received.with_name("drawn")
            await redraw(received, kept)
        with kept.open("rb") as file:
            try:
                stored = await context.files.keep(folder, _parts(file), limit=_MOST_KEPT)
            except FileTooLarge:
                raise TooLarge from None
    return DrawnFile(stored, media_type, sha256)


async def _receive(content: AsyncIterator[bytes], path: Path) -> bytes:
    """Write a file that comes in; returns its SHA-256.

    Raises:
        TooLarge: more than ``MAX_BYTES`` came; the rest is not read.
        EmptyFile: nothing came.
    """
    digest, size = hashlib.sha256(), 0
    with path.open("wb") as out:
        async for part in content:
            size += len(part)
            if size > MAX_BYTES:
                raise TooLarge
            digest.update(part)
            await asyncio.to_thread(out.write, part)
    if not size:
        raise EmptyFile(field="file")
    return digest.digest()


def _recognise(path: Path) -> MediaType:
    """As what a file will be kept; a PDF that is an archive as well is refused."""
    with path.open("rb") as file:
        beginning = file.read(LOOKED_AT)
        file.seek(max(0, path.stat().st_size - LOOKED_AT))
        media_type = recognise(beginning, file.read())
    if media_type is MediaType.PDF and zipfile.is_zipfile(path):
        raise FileNotAccepted(field="file")
    return media_type


async def _parts(file: BinaryIO) -> AsyncIterator[bytes]:
    """A local file bit by bit."""
    while part := await asyncio.to_thread(file.read, _CHUNK):
        yield part


@refuses(AttachmentUnreadable)
async def write_file(context: Context, key: str, path: Path) -> None:
    """Write the content of a kept file to a local path."""
    try:
        await context.files.fetch(key, path)
    except (FileNotFoundError, FileDamaged, SealBroken):
        _log.exception("attachment_unreadable", extra={"key": key})
        raise AttachmentUnreadable from None
