"""Waiting for whoever was asked: a reminder, then the end of their time. The database decides who was first."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from temporalio import workflow

from workflows.transitions import Mailbox

with workflow.unsafe.imports_passed_through():
    from messages.onboarding import Outcome, Standing, Step

Activity = Callable[[Any, Step], Awaitable[Outcome]]


class Take(Protocol):
    """Takes a transition; ``until`` is the moment that was waited for."""

    async def __call__(self, activity: Activity, until: datetime | None = None) -> Outcome:
        """Take it."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What a process does when an answer came, when it is time to remind, and when the time is over."""

    weigh: Activity
    remind: Activity
    lapse: Activity

    async def wait(self, asked: Outcome, mailbox: Mailbox, take: Take) -> Outcome:
        """Wait until something follows from it; further reminders begin a wait of their own."""
        left = asked.expire_in
        if asked.remind_in:
            if await mailbox.heard(asked.remind_in, "until the reminder"):
                return await take(self.weigh)
            reminded = await take(self.remind, asked.reminds_at)
            if reminded.standing is not Standing.WAITING or reminded.remind_in:
                return reminded
            left = min(asked.expire_in - asked.remind_in, reminded.expire_in)
        if await mailbox.heard(left, "until the time to answer is over"):
            return await take(self.weigh)
        return await take(self.lapse, asked.expires_at)
