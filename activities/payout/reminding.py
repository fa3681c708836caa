"""Whether lines wait too long for a batch, of withdrawals and of payments: the office is told each working morning."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from temporalio import activity

from activities.payout.assessment import OFFICE
from activities.transition import ActivityContext
from domain.dates import tehran_day
from domain.payout import PayoutPolicy
from domain.persian import persian_digits
from messages.payout import Sms
from messages.queue import Queue
from storage import payout as rows
from storage.database import SERVICE, postgres_now, transaction
from storage.notices import notify, told_within
from storage.people import holders_of
from storage.policies import in_force
from storage.working_hours import working_time

# Less than a day, so that the next morning tells anew; taken twice, one morning tells once.
_ONCE_IN: Final = timedelta(hours=12)
_HOUR: Final = timedelta(hours=1)


def opens_today(now: datetime, first_hour: timedelta) -> bool:
    """Whether the office is open, or opens later on this day: its next working hour is over after ``first_hour``."""
    return tehran_day(now + first_hour - _HOUR) == tehran_day(now)


def reminding_activities(context: ActivityContext) -> Mapping[Queue, list[Any]]:
    """What the schedule of each morning takes."""

    @activity.defn(name="remind_of_withdrawals")
    async def remind_of_withdrawals() -> int:
        """Tell the office of lines that no batch took in time, unless it is closed today; returns how many."""
        async with transaction(context.engine, SERVICE) as connection:
            policy = await in_force(connection, PayoutPolicy.POLICY)
            if policy is None:
                raise LookupError("there is no policy of pay-outs, though version 1 ships")
            late = await rows.waiting_longer(connection, PayoutPolicy.from_policy(policy.value).office_expire)
            now = await postgres_now(connection)
            if not late or not opens_today(now, await working_time(connection, 1)):
                return 0
            office = await holders_of(connection, OFFICE)
            told = await told_within(connection, office, Sms.WITHDRAWALS_WAIT, _ONCE_IN)
            anew = [one for one in office if one not in told]
            await notify(connection, anew, Sms.WITHDRAWALS_WAIT, params={"count": persian_digits(str(late))})
        return late

    return {Queue.PROCESSES: [remind_of_withdrawals]}
