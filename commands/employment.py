"""What HR may do about one person's personnel data: look it up, and correct pay, region and hire date (A3)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from commands.account import require_code
from commands.command import Command, Context
from commands.refusals import refuses
from domain.access import Actor, Role, ScopeKind
from domain.account import Limit, NationalIdUnreadable
from domain.dates import tehran_day
from domain.employment import EmploymentEnded, HireDateImpossible, NetPayImpossible, NothingToCorrect, OwnEmployment
from domain.errors import Forbidden, NotFound, OwnCase, PreconditionFailed, TooMany
from domain.identity import BadNationalId, parse_national_id
from domain.length_of_service import LONGEST_SERVICE_YEARS
from domain.personnel.rows import MAX_NET_PAY_RIAL, UnknownRegion, read_region
from messages.employment import Sms
from storage import employment as store
from storage.account import count_use
from storage.database import Acting, transaction
from storage.employment import EmploymentCorrection, History, ListedEmployment
from storage.guarantor import guarantee_each_other
from storage.notices import notify
from storage.organisation import list_regions

SEARCHES_PER_OFFICER: Final = Limit("employment_searches", 120, timedelta(hours=1))


def stream(employment_id: UUID) -> str:
    """The audit stream of an employment."""
    return f"employment:{employment_id}"


@refuses(NationalIdUnreadable)
async def search_employments(context: Context, actor: Actor, national_id: str) -> list[History]:
    """Where somebody stands on a list within the officer's reach, with what it was before."""
    if actor.capacity != "staff" or not actor.holds_any([Role.HR_OFFICER]):
        raise Forbidden
    try:
        identity = parse_national_id(national_id)
    except BadNationalId:
        raise NationalIdUnreadable(field="national_id") from None
    found: list[History] = []
    async with transaction(context.engine, Acting.of(actor)) as connection:
        wait = await count_use(connection, context.seals, SEARCHES_PER_OFFICER, str(actor.person_id))
        if wait is None:
            listed = await store.find_employments(connection, context.seals, identity)
            found = await store.histories(connection, [line for line in listed if _is_in_reach(actor, line)])
    # After the commit: what was counted stays counted.
    if wait is not None:
        raise TooMany(retry_after=wait)
    if not found:
        raise NotFound
    return found


@refuses(
    PreconditionFailed,
    require_code,
    OwnEmployment,
    OwnCase,
    EmploymentEnded,
    NothingToCorrect,
    UnknownRegion,
    HireDateImpossible,
    NetPayImpossible,
)
async def correct_employment(
    command: Command, employment_id: UUID, correction: EmploymentCorrection, *, reason: str, version: int | None = None
) -> None:
    """Correct net pay, region or hire date; running applications stay as they are and are judged again as they go on.

    Args:
        command: at work.
        employment_id: which.
        correction: the right values.
        reason: for the audit trail.
        version: what the caller last saw (``If-Match``), if they said so.
    """
    command.require_role(Role.HR_OFFICER)
    employment = await _hold(command, employment_id)
    if employment.person_id == command.actor.person_id:
        raise OwnEmployment
    if await guarantee_each_other(command.connection, command.actor.person_id, employment.person_id):
        raise OwnCase
    await require_code(command)
    if version is not None and version != employment.version:
        raise PreconditionFailed
    if employment.state == "left":
        raise EmploymentEnded
    fields = await store.correct(command.connection, employment, await _checked(command, correction))
    if not fields:
        raise NothingToCorrect
    # Values stay out of the trail; personnel_versions has what stood before.
    await command.audit(stream(employment_id), subject=str(employment_id), after={"fields": fields}, reason=reason)
    await notify(command.connection, [employment.person_id], Sms.EMPLOYMENT_CORRECTED)


async def _hold(command: Command, employment_id: UUID) -> ListedEmployment:
    """The employment, held; its region may have changed until then, so whether it is in reach is judged twice."""
    seen = await _in_reach(command, employment_id)
    await store.lock_employment(command.connection, seen)
    return await _in_reach(command, employment_id)


async def _in_reach(command: Command, employment_id: UUID) -> ListedEmployment:
    found = await store.read_listed(command.connection, command.seals, employment_id)
    if found is None or not _is_in_reach(command.actor, found):
        raise NotFound
    return found


def _is_in_reach(actor: Actor, employment: ListedEmployment) -> bool:
    """Whether somebody is HR of the organisation, or of the region where the person stands now."""
    return actor.holds(Role.HR_OFFICER, ScopeKind.ORGANISATION, str(employment.organisation_id)) or actor.holds(
        Role.HR_OFFICER, ScopeKind.REGION, employment.region_code
    )


async def _checked(command: Command, correction: EmploymentCorrection) -> EmploymentCorrection:
    """The correction with its region's code as it is stored; every value is checked like a file's."""
    region_code = correction.region_code
    if region_code is not None:
        region_code = read_region(region_code, await list_regions(command.connection))
    if correction.hire_date is not None and not _is_possible(correction.hire_date, command.now):
        raise HireDateImpossible(field="hire_date")
    if correction.net_pay is not None and not 0 < correction.net_pay <= MAX_NET_PAY_RIAL:
        raise NetPayImpossible(field="net_pay.amount")
    return replace(correction, region_code=region_code)


def _is_possible(hire_date: date, now: datetime) -> bool:
    today = tehran_day(now)
    return today.year - LONGEST_SERVICE_YEARS <= hire_date.year and hire_date <= today
