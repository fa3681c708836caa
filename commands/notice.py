"""What the operations desk and support may do about messages: send one again (G4)."""

from __future__ import annotations

from uuid import UUID

from commands.command import Command
from commands.refusals import refuses
from domain.access import SENDS_NOTICES
from domain.errors import NotFound, StepUpRequired, TooMany
from domain.notice import RESENDS_PER_NOTICE, Channel, NoticePending, NoticeWithoutAddress, NoticeWithoutNumber
from storage import notices
from storage.account import count_use
from storage.notices import WatchedNotice

STREAM = "notices"


@refuses(StepUpRequired, NoticePending, NoticeWithoutNumber, NoticeWithoutAddress)
async def resend_notice(command: Command, notice_id: UUID) -> WatchedNotice:
    """Send a notice that failed, or was sent but did not arrive, once more; returns it as it is then."""
    command.require_role(*SENDS_NOTICES)
    command.require_strong()
    state = await notices.lock_notice(command.connection, notice_id)
    if state is None:
        raise NotFound
    if state == "pending":
        raise NoticePending
    notice = await _read(command, notice_id)
    if notice.to is None:
        raise NoticeWithoutAddress if notice.stored.channel == Channel.MAIL else NoticeWithoutNumber
    wait = await count_use(command.connection, command.seals, RESENDS_PER_NOTICE, str(notice_id))
    if wait is not None:
        raise TooMany(retry_after=wait)
    await notices.send_again(command.connection, notice_id)
    await command.audit(STREAM, subject=str(notice_id), before={"state": state}, after={"state": "pending"})
    return await _read(command, notice_id)


async def _read(command: Command, notice_id: UUID) -> WatchedNotice:
    notice = await notices.read_notice(command.connection, command.seals, notice_id)
    if notice is None:
        raise NotFound
    return notice
