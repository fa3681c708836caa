"""A bank's answer to a batch, as an officer sends it: kept first, read by the machine afterwards (E3)."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from commands.account import require_code, use_totp
from commands.command import Command, Context, Envelope
from commands.payout import OFFICE, refuse_paid, refuse_waiting
from commands.refusals import refuses
from commands.upload import judge_code, perform_with
from domain.access import Actor
from domain.errors import EmptyFile, Forbidden, KeyInFlight, KeyReused, NotFound, Refusal, TooLarge
from domain.payout import ANSWER_LIMIT, PayoutNotReady
from gateways.files import FileTooLarge, StoredFile
from messages.payout import FactKind
from storage import payout
from storage.database import Acting, transaction
from storage.idempotency import Answer

OPERATION: Final = "send_payout_answer"


@dataclass(frozen=True, slots=True)
class NewAnswer:
    """A file on its way in: by whom, for which batch, under which key, from where, and the code for it."""

    actor: Actor
    case_id: UUID
    key: str
    origin: str
    content: AsyncIterator[bytes]
    totp: str | None = field(repr=False)


@refuses(require_code, refuse_paid, PayoutNotReady, refuse_waiting, TooLarge, EmptyFile, KeyReused, KeyInFlight)
async def send_answer(context: Context, upload: NewAnswer, render: Callable[[UUID], bytes]) -> Answer:
    """Store the bank's answer to a batch, with a code of its own; it is read in the background.

    Args:
        context: what commands work with.
        upload: the file, and who sends it.
        render: the answer's body, for the file's id.
    """
    if upload.actor.capacity != "staff" or not upload.actor.holds_any([OFFICE]):
        raise Forbidden
    async with transaction(context.engine, Acting.of(upload.actor)) as connection:
        if await payout.read_payout(connection, upload.case_id) is None:
            raise NotFound
    confirmed = await judge_code(context, upload.actor, upload.totp)
    try:
        stored = await context.files.keep(payout.FOLDER, upload.content, limit=ANSWER_LIMIT)
    except FileTooLarge:
        raise TooLarge from None
    fingerprint = hashlib.sha256(b"\x00".join((OPERATION.encode(), upload.case_id.bytes, stored.sha256)))
    envelope = Envelope(upload.actor, OPERATION, upload.key, fingerprint.digest(), upload.origin)

    async def work(command: Command) -> bytes:
        if isinstance(confirmed, Refusal):
            raise confirmed
        await use_totp(command, confirmed)
        return render(await _receive(command, upload.case_id, stored))

    return await perform_with(context, envelope, work, stored, status=202)


async def _receive(command: Command, case_id: UUID, stored: StoredFile) -> UUID:
    command.require_role(OFFICE)
    case = await command.lock_case(case_id)
    batch = await payout.read_payout(command.connection, case_id)
    if not stored.size:
        raise EmptyFile(field="body")
    if not case.is_open or batch is None or batch.handed_at is None:
        raise PayoutNotReady
    await refuse_paid(command, case_id)
    await refuse_waiting(command, case_id)
    me = command.actor.person_id
    answer_id = await payout.add_answer(command.connection, case_id, key=stored.key, sha256=stored.sha256, sent_by=me)
    payload = {"answer_id": str(answer_id), "size": stored.size, "sha256": stored.sha256.hex()}
    await command.act(case_id, FactKind.PAYOUT_ANSWERED, payload, part=OFFICE)
    return answer_id
