"""Refusals as a person at the keyboard reads them."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from domain.errors import Refusal
from stack.places import CliError

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def said_in_one_line() -> Iterator[None]:
    """Let a refusal end the command with its sentence, in English and Persian, instead of a traceback.

    Raises:
        CliError: what was refused.

    """
    try:
        yield
    except Refusal as refusal:
        named = f" ({refusal.field})" if refusal.field else ""
        raise CliError(f"{refusal.sentence('en')}{named} {refusal.sentence('fa')}") from None
