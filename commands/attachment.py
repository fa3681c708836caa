"""What people may do with the files of a case (G7): add one, look at them, take back the wrong one."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from commands.command import Command, Context, Envelope
from commands.refusals import refuses
from commands.task import case_closed
from commands.upload import DrawnFile, perform_with, receive_drawn, write_file
from domain.access import Actor, Role
from domain.attachment import (
    FILES_PER_PERSON,
    MAX_FILES_OF_CASE,
    AttachmentRules,
    AttachmentStays,
    AttachmentUnreadable,
    CaseFull,
    FileNotAccepted,
    FilesOverQuota,
    MediaType,
    PictureTooLarge,
    name_as,
)
from domain.catalogue import ATTACHMENTS
from domain.errors import CaseClosed, EmptyFile, InvalidInput, KeyInFlight, KeyReused, NotFound, TooLarge
from domain.escrow.rules import EvidenceClosed
from messages.attachment import Purpose
from storage import attachment, audit
from storage.account import count_use
from storage.case_lists import see_case
from storage.cases import touch_case
from storage.database import SERVICE, Acting, transaction
from storage.escrow.disputes import takes_evidence
from storage.idempotency import Answer
from storage.people import parts_in
from storage.rows.attachment import Attachment
from storage.rows.cases import Case

OPERATION: Final = "add_attachment"
_log = logging.getLogger("amanat.commands")


@dataclass(frozen=True, slots=True)
class NewAttachment:
    """A file on its way in: by whom, for which case and what, under which key, from where, and what it is called.

    Without a ``purpose`` the first is meant that this person may add to this kind of case.
    """

    actor: Actor
    case_id: UUID
    key: str
    origin: str
    content: AsyncIterator[bytes]
    purpose: Purpose | None = None
    file_name: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class FilesOfCase:
    """The files of a case in somebody's eyes; ``part`` is as what they may add some, None if they only look.

    ``takes_own``: whether it takes now what is disclosed later.
    """

    case: Case
    rules: AttachmentRules
    part: str | None
    takes_own: bool = False

    @property
    def purposes(self) -> tuple[Purpose, ...]:
        """What a file that they add now may be for."""
        return tuple(one for one in self.rules.purposes_by(self.part) if self.takes(one))

    def takes(self, purpose: Purpose) -> bool:
        """Whether files for a purpose are added, and taken back, now."""
        return self.takes_own or purpose not in self.rules.own_purposes

    @property
    def may_add(self) -> bool:
        """Whether they may add one now."""
        return self.part is not None and self.case.is_open


async def files_for(connection: AsyncConnection, actor: Actor, case_id: UUID) -> FilesOfCase | None:
    """The files of a case as far as somebody sees them; None if there are none for them.

    Staff see those of a case in which they take no part themselves, by a role to whose scope it belongs, or that reads
    such files wherever it sees the case; auditors all.
    """
    case = await see_case(connection, actor, case_id)
    rules = None if case is None else ATTACHMENTS.get(case.kind)
    if case is None or rules is None:
        return None
    own = await parts_in(connection, case_id, actor.person_id)
    if actor.capacity == "member":
        part: str | None = next(iter(sorted(own & rules.members)), None)
        takes_own = bool(rules.own_purposes) and await takes_evidence(connection, case_id)
        return None if part is None else FilesOfCase(case, rules, part, takes_own)
    part = rules.role_of(actor.grants, case.region_code, case.organisation_id)
    if own or (part is None and not actor.holds_any({Role.AUDITOR, *rules.readers})):
        return None
    return FilesOfCase(case, rules, part)


@refuses(
    *(TooLarge, EmptyFile, FileNotAccepted, PictureTooLarge, FilesOverQuota, CaseFull, CaseClosed, EvidenceClosed),
    *(KeyReused, KeyInFlight),
)
async def add_attachment(
    context: Context, upload: NewAttachment, render: Callable[[Command, Attachment], bytes]
) -> Answer:
    """Add a file to a case; it is streamed, a picture drawn anew, and what it is its content alone decides.

    Args:
        context: what commands work with.
        upload: the file, and who sends it.
        render: the answer's body.
    """
    # Judged before the content is read, and once more inside the command.
    async with transaction(context.engine, Acting.of(upload.actor)) as connection:
        await _adding(connection, upload)
    async with transaction(context.side, SERVICE) as connection:
        wait = await count_use(connection, context.seals, FILES_PER_PERSON, str(upload.actor.person_id))
    if wait is not None:
        raise FilesOverQuota(retry_after=wait)
    received = await receive_drawn(context, upload.content, attachment.any_folder(), set(MediaType))

    async def work(command: Command) -> bytes:
        return render(command, await _keep(command, upload, received))

    purpose = (upload.purpose or "").encode()
    content = b"\x00".join((OPERATION.encode(), upload.case_id.bytes, purpose, received.sha256))
    envelope = Envelope(upload.actor, OPERATION, upload.key, hashlib.sha256(content).digest(), upload.origin)
    return await perform_with(context, envelope, work, received.stored, status=201)


async def _adding(
    connection: AsyncConnection, upload: NewAttachment, actor: Actor | None = None
) -> tuple[FilesOfCase, str]:
    """The files to which one may be added, and as what.

    Raises:
        NotFound: they are not theirs to see, or only to look at.
        InvalidInput: such a case has no files for this purpose.
        EvidenceClosed: it takes none for this purpose now.
    """
    files = await files_for(connection, actor or upload.actor, upload.case_id)
    if files is None or files.part is None:
        raise NotFound
    if upload.purpose not in {None, *files.rules.purposes_by(files.part)}:
        raise InvalidInput(field="purpose")
    if upload.purpose is not None and not files.takes(upload.purpose):
        raise EvidenceClosed
    return files, files.part


async def _keep(command: Command, upload: NewAttachment, received: DrawnFile) -> Attachment:
    case = await command.lock_case(upload.case_id)
    files, part = await _adding(command.connection, upload, command.actor)
    if not case.is_open:
        raise await case_closed(command, case)
    if len(await attachment.list_attachments(command.connection, case.id)) >= MAX_FILES_OF_CASE:
        raise CaseFull
    purpose, stored, media_type = upload.purpose or files.purposes[0], received.stored, received.media_type
    added = await attachment.add_attachment(
        command.connection,
        command.seals,
        case.id,
        person_id=command.actor.person_id,
        part=part,
        seen_by=files.rules.seen_with(purpose, part),
        purpose=purpose,
        name=name_as(upload.file_name, media_type),
        media_type=media_type,
        size=stored.size,
        sha256=stored.sha256,
        file_key=stored.key,
    )
    await touch_case(command.connection, case.id)
    after = {"purpose": added.purpose, "media_type": media_type, "size": stored.size, "sha256": stored.sha256.hex()}
    await command.audit(audit.case_stream(case.id), subject=str(added.id), after=after)
    return added


@refuses(AttachmentStays)
async def remove_attachment(command: Command, case_id: UUID, attachment_id: UUID) -> None:
    """Take back a file that one added within the last hour, if nobody has acted in the case since."""
    case = await command.lock_case(case_id)
    files, found = await _find(command.connection, command.actor, case_id, attachment_id)
    if found.person_id != command.actor.person_id:
        raise NotFound
    mine = await attachment.removable(command.connection, case_id, command.actor.person_id)
    if found.id not in mine or not case.is_open or not files.takes(found.purpose):
        raise AttachmentStays
    await attachment.remove_attachment(command.connection, found.id)
    await touch_case(command.connection, case_id)
    await command.audit(audit.case_stream(case_id), subject=str(found.id), after={"removed": True})


async def _find(
    connection: AsyncConnection, actor: Actor, case_id: UUID, attachment_id: UUID
) -> tuple[FilesOfCase, Attachment]:
    files = await files_for(connection, actor, case_id)
    found = None if files is None else await attachment.read_attachment(connection, case_id, attachment_id)
    if files is None or found is None:
        raise NotFound
    return files, found


@refuses()
async def find_attachment(
    context: Context, actor: Actor, origin: str, case_id: UUID, attachment_id: UUID
) -> Attachment:
    """A file of a case, for who may see it now and is about to get its content; that staff get it is noted."""
    async with transaction(context.engine, Acting.of(actor)) as connection:
        _, found = await _find(connection, actor, case_id, attachment_id)
        if actor.capacity == "staff":
            by = f"{actor.capacity}:{actor.person_id}"
            noted = audit.AuditEntry("download_attachment", by, str(found.id), origin=origin or None)
            await audit.append(connection, audit.case_stream(case_id), noted)
    return found


@refuses(AttachmentUnreadable)
async def write_attachment(context: Context, found: Attachment, path: Path) -> None:
    """Write the content of a file to a local path."""
    await write_file(context, found.file_key, path)
