"""A command that comes with a file: the file is stored first, and stays only if the command is done with it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from commands.account import RightTotp, check_totp
from commands.command import Command, Context, Envelope, perform
from domain.access import Actor
from domain.errors import CodeRequired, Refusal
from gateways.files import StoredFile
from storage.idempotency import Answer


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


async def judge_code(context: Context, actor: Actor, totp: str | None) -> RightTotp | Refusal:
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
