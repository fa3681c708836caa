"""A command that comes with a file: the file is stored first, and stays only if the command is done with it."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from commands.account import RightTotp, check_totp, require_code, use_totp
from commands.command import Command, Context, Envelope, perform
from domain.access import Actor
from domain.errors import CodeRequired, EmptyFile, KeyInFlight, KeyReused, Refusal, TooLarge
from gateways.files import FileTooLarge, StoredFile
from storage.idempotency import Answer

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
