"""What a member does with drafts of forms of their own: keep, change and delete them.

A draft is no act yet: neither the audit trail nor a process learns of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from commands.command import Command
from commands.refusals import refuses
from domain.draft import DraftForm, DraftHoldsSecret, DraftTooLarge, refuse_secrets
from domain.errors import Forbidden, NotFound, PreconditionFailed
from storage import draft
from storage.rows.draft import FormDraft


@refuses(DraftHoldsSecret, DraftTooLarge)
async def create_draft(command: Command, form: DraftForm, fields: Mapping[str, Sequence[str]]) -> FormDraft:
    """Keep what was typed so far; the eleventh draft of a form takes the place of the oldest."""
    _require_member(command)
    refuse_secrets(fields)
    return await draft.add_draft(command.connection, command.seals, command.actor.person_id, form, fields)


@refuses(NotFound, PreconditionFailed, DraftHoldsSecret, DraftTooLarge)
async def replace_draft(
    command: Command, draft_id: UUID, fields: Mapping[str, Sequence[str]], *, version: int | None = None
) -> FormDraft:
    """Put other content in the place of the version that the caller saw; the seven days begin anew.

    Args:
        command: the member's.
        draft_id: one of their own.
        fields: what is to stand there.
        version: what they last saw (``If-Match``), if they said so.

    Raises:
        NotFound: the draft is gone, or another's.
        PreconditionFailed: another version stands there.
    """
    _require_member(command)
    refuse_secrets(fields)
    connection, person_id = command.connection, command.actor.person_id
    changed = await draft.replace_draft(connection, command.seals, person_id, draft_id, version, fields)
    if changed is not None:
        return changed
    if await draft.find_draft(connection, person_id, draft_id) is None:
        raise NotFound
    raise PreconditionFailed


@refuses(NotFound)
async def delete_draft(command: Command, draft_id: UUID) -> None:
    """Forget a draft."""
    _require_member(command)
    if not await draft.delete_draft(command.connection, command.actor.person_id, draft_id):
        raise NotFound


def _require_member(command: Command) -> None:
    if command.actor.capacity != "member":
        raise Forbidden
