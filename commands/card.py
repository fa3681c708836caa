"""The whole number of a member's card, shown once for a code of its own (C2, G1)."""

from __future__ import annotations

from uuid import UUID

from commands.account import check_code, use_code
from commands.command import Command
from commands.refusals import refuses
from domain.account import CodePurpose, card_binding
from domain.employment import MobileDisputed
from domain.errors import NotFound
from storage import onboarding
from storage.audit import account_stream
from storage.organisation import employment_in
from storage.rows.onboarding import CreditLine


@refuses(MobileDisputed)
async def own_line(command: Command, line_id: UUID) -> CreditLine:
    """A credit line of the member who acts.

    Raises:
        MobileDisputed: the employer lists another mobile for them: who acts need not be whom it employs (A1).
        NotFound: missing, or another person's.
    """
    line, person_id = await onboarding.read_line(command.connection, line_id), command.actor.person_id
    if line is None or line.person_id != person_id:
        raise NotFound
    employment = await employment_in(command.connection, person_id, line.organisation_id)
    if employment is None or employment.is_disputed:
        raise MobileDisputed
    return line


@refuses(own_line, check_code)
async def reveal_card(command: Command, line_id: UUID, *, code_id: UUID, code: str) -> str:
    """Use a code up for the whole number of the card of one's own credit line; each look is audited."""
    line = await own_line(command, line_id)
    await check_code(
        command.context.side,
        command.seals,
        code_id=code_id,
        person_id=command.actor.person_id,
        purpose=CodePurpose.SHOW_CARD,
        binding=card_binding(line.id),
        code=code,
    )
    await use_code(command.connection, code_id)
    await command.audit(account_stream(command.actor.person_id), subject=str(line.id))
    return onboarding.whole_card_number(command.seals, line)
