"""How tests write words on cases."""

from __future__ import annotations

from uuid import UUID

from commands.command import Context
from commands.correspondence import write_words
from storage.rows.correspondence import Letter
from tests.arrange import Someone
from tests.commands.onboarding_steps import run


async def write(
    context: Context, who: Someone, case_id: UUID, text: str = "سلام", *, to: Someone | None = None
) -> Letter:
    """Somebody writes, as staff to a member."""
    member_id = None if to is None else to.id
    letter: Letter = await run(context, who, lambda command: write_words(command, case_id, text, member_id))
    return letter
