"""What people may do with personnel files: send one, and answer what it proposes (A13)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from commands.account import require_code
from commands.command import Command, Context
from commands.refusals import refuses
from commands.service import refuse_closed
from commands.task import DECISION, expect_kind
from commands.upload import RECEIVED, Upload, receive_confirmed
from domain.access import READS_EVERYTHING, Actor, Role, ScopeKind
from domain.errors import Forbidden, NotFound, OwnCase, SentByYourself, StepUpRequired
from domain.file_name import clean_file_name
from domain.personnel.change import ReasonMissing
from domain.personnel.file import MEDIA_TYPES, UnknownFileType
from gateways.files import StoredFile
from gateways.personnel_file import SENTENCES, PersonnelFileError
from messages.case import CaseKind
from messages.personnel import Change, Event, FactKind, ImportPhase, TaskKind
from storage import personnel
from storage.database import Acting, transaction
from storage.guarantor import guarantee_each_other
from storage.idempotency import Answer
from storage.organisation import read_employment, read_organisation, regions_among
from storage.policies import in_force
from storage.rows.personnel import Import, ProposedChange
from storage.rows.tasks import Task

FILE_LIMIT: Final = 50 * 1024 * 1024
OPERATION: Final = "import_personnel"
_POLICY = "personnel"
_NOT_READ: Final = {
    "file_missing": (
        "فایل پیش از خوانده‌شدن از دست رفت؛ لطفاً دوباره بفرستید.",
        "The file was lost before it was read; please send it again.",
    ),
    "file_damaged": (
        "فایل ذخیره‌شده آسیب دیده است و باز نمی‌شود؛ لطفاً دوباره بفرستید.",
        "The stored file is damaged and cannot be opened; please send it again.",
    ),
    "import_gave_up": (
        "خواندن این فایل چند بار نیمه‌کاره ماند و دیگر تکرار نمی‌شود؛ لطفاً از پشتیبانی بخواهید آن را بررسی کند.",
        "Reading this file broke off several times and is not tried again; please ask support to look.",
    ),
}


@refuses(*RECEIVED, refuse_closed, UnknownFileType)
async def send_file(context: Context, upload: Upload, render: Callable[[Import], bytes]) -> Answer:
    """Store a personnel file and open its import (A13).

    Args:
        context: what commands work with.
        upload: the file, and who sends it.
        render: the answer's body.
    """
    # Judged before the content is read, and once more inside the command.
    async with transaction(context.engine, Acting.of(upload.actor)) as connection:
        await _spoken_for(connection, upload.actor, upload.about)
    if upload.media_type.partition(";")[0].strip().lower() not in {"", *MEDIA_TYPES}:
        raise UnknownFileType(field="Content-Type")

    async def receive(command: Command, stored: StoredFile) -> bytes:
        return render(await _receive_file(command, upload, stored))

    return await receive_confirmed(
        context, upload, receive, operation=OPERATION, folder=personnel.FOLDER, limit=FILE_LIMIT
    )


async def _spoken_for(connection: AsyncConnection, actor: Actor, organisation_id: UUID) -> list[str]:
    """The regions of the organisation for which somebody speaks; none is all of them.

    HR of a region speaks for it where the organisation has people there already.

    Raises:
        Forbidden: they are no HR.
        NotFound: they are HR elsewhere.
    """
    if actor.capacity != "staff" or not actor.holds_any([Role.HR_OFFICER]):
        raise Forbidden
    if actor.holds(Role.HR_OFFICER, ScopeKind.ORGANISATION, str(organisation_id)):
        return []
    own = actor.scopes(Role.HR_OFFICER, ScopeKind.REGION)
    regions = await regions_among(connection, organisation_id, own) if own else []
    if not regions:
        raise NotFound
    return regions


async def _receive_file(command: Command, upload: Upload, stored: StoredFile) -> Import:
    organisation_id = upload.about
    regions = await _spoken_for(command.connection, command.actor, organisation_id)
    await refuse_closed(command, CaseKind.PERSONNEL_IMPORT)
    policy = await in_force(command.connection, _POLICY)
    if policy is None or await read_organisation(command.connection, organisation_id) is None:
        raise NotFound
    case_id = await command.open_case(
        CaseKind.PERSONNEL_IMPORT,
        phase=ImportPhase.RECEIVED,
        policy_id=policy.id,
        organisation_id=organisation_id,
    )
    file = personnel.ReceivedFile(
        stored.key, stored.size, stored.sha256, clean_file_name(upload.file_name), regions=regions
    )
    await personnel.add_import(command.connection, command.seals, case_id, organisation_id, file)
    sha256 = stored.sha256.hex()
    after = {"organisation_id": str(organisation_id), "sha256": sha256, **({"regions": regions} if regions else {})}
    await command.act(
        case_id,
        FactKind.FILE_RECEIVED,
        {"size": stored.size, "sha256": sha256},
        part=Role.HR_OFFICER,
        audited={"subject": str(case_id), "after": after},
    )
    received = await personnel.read_import(command.connection, case_id)
    if received is None:
        raise LookupError("an import that was just added is not visible")
    return received


@refuses(*DECISION, OwnCase, SentByYourself, StepUpRequired, require_code)
async def confirm_change(command: Command, task: Task) -> UUID:
    """Confirm what a file proposed; returns the fact's id. Where pay goes to takes a code of its own (G1)."""
    change = await _judge(command, task)
    if change.what is Change.SHEBA:
        await require_code(command)
    else:
        command.require_strong()
    return await _answer(command, task, change, confirm=True)


@refuses(*DECISION, OwnCase, SentByYourself, StepUpRequired, ReasonMissing)
async def reject_change(command: Command, task: Task, reason: str) -> UUID:
    """Reject what a file proposed, with a reason; returns the fact's id."""
    change = await _judge(command, task)
    command.require_strong()
    if not reason.strip():
        raise ReasonMissing(field="reason")
    return await _answer(command, task, change, confirm=False, reason=reason.strip())


async def _judge(command: Command, task: Task) -> ProposedChange:
    """Whether this person may decide about it; ``lock_task`` judged the task."""
    expect_kind(task, TaskKind.CONFIRM_CHANGE)
    change = await personnel.read_change(command.connection, task.case_id)
    if change is None:
        raise NotFound
    if await guarantee_each_other(command.connection, command.actor.person_id, change.person_id):
        raise OwnCase
    if await personnel.has_sent(command.connection, change, command.actor.person_id):
        raise SentByYourself
    there = await read_employment(command.connection, change.employment_id)
    if task.grant is not None and task.grant.scope_kind is ScopeKind.REGION and task.grant.scope != there.region_code:
        # The person has moved: HR of the region that they left decides about them no more (A3).
        raise NotFound
    return change


async def _answer(command: Command, task: Task, change: ProposedChange, *, confirm: bool, reason: str = "") -> UUID:
    kind = FactKind.CHANGE_CONFIRMED if confirm else FactKind.CHANGE_REJECTED
    # The decision is about the value that stands now: a file may propose another one before it takes effect.
    payload = {"what": change.what, "value": change.value, **({"reason": reason} if reason else {})}
    return await command.act(
        task.case_id,
        kind,
        payload,
        part=task.role or command.actor.capacity,
        closes=task,
        outcome="confirm" if confirm else "reject",
        event=Event.CHANGE_CONFIRMED if confirm else Event.CHANGE_REJECTED,
        shown={"what": change.what},
    )


def may_read_import(actor: Actor, imported: Import) -> bool:
    """Whether somebody sees an import: those who see its rows, operators, auditors."""
    return sees_rows(actor, imported) or (actor.capacity == "staff" and actor.holds_any(READS_EVERYTHING))


def sees_rows(actor: Actor, imported: Import) -> bool:
    """Whether what stands in a file is somebody's business: HR of its organisation, or of each region it is for."""
    if actor.capacity != "staff":
        return False
    if actor.holds(Role.HR_OFFICER, ScopeKind.ORGANISATION, str(imported.organisation_id)):
        return True
    own = actor.scopes(Role.HR_OFFICER, ScopeKind.REGION)
    return bool(imported.regions) and set(imported.regions) <= set(own)


async def list_imports_of(
    connection: AsyncConnection, actor: Actor, organisation_id: UUID, *, before: UUID | None, limit: int
) -> list[Import] | None:
    """The organisation's imports that somebody may read, newest first; None if the organisation is not theirs to see.

    HR of a region sees the files that were sent for it.
    """
    regions: list[str] = []
    if not actor.holds_any(READS_EVERYTHING):
        try:
            regions = await _spoken_for(connection, actor, organisation_id)
        except NotFound:
            return None
    if await read_organisation(connection, organisation_id) is None:
        return None
    return await personnel.list_imports(connection, organisation_id, regions=regions, before=before, limit=limit)


def error_sentences(imported: Import) -> tuple[str, str] | None:
    """Why the file as a whole was refused, in Persian and English; None if it was not."""
    if imported.error is None:
        return None
    if imported.error not in SENTENCES:
        return _NOT_READ[imported.error]
    fault = PersonnelFileError(imported.error, imported.error_columns, imported.error_row)
    return fault.fa, fault.en
