"""Tidying: what is spent goes, what a running case still needs stays."""

from __future__ import annotations

import pytest

from activities.transition import ActivityContext
from commands.command import Context
from messages.case import CaseKind, StepInput
from storage import outbox
from storage.database import SERVICE, transaction
from storage.housekeeping import tidy
from tests.arrange import Arrange
from tests.books import Superuser
from tests.commands.onboarding_steps import MinipayOffice, apply, refuse
from tests.transitions import Transitions

_SIGNALS = "SELECT payload ->> 'name' FROM outbox WHERE case_id = %s"


@pytest.fixture
async def office(context: Context, arrange: Arrange) -> MinipayOffice:
    """A member and their HR."""
    employer = await arrange.organisation()
    return MinipayOffice(context, await arrange.member(employer), await arrange.hr_officer(employer))


async def test_old_things_go_and_an_open_case_can_be_started_again_all_the_same(
    office: MinipayOffice, arrange: Arrange, activity_context: ActivityContext, superuser: Superuser
) -> None:
    employer = await superuser.value("SELECT id FROM organisations")
    running = await apply(MinipayOffice(office.context, await arrange.member(employer), office.officer))
    over, activities = await apply(office), Transitions(activity_context)
    await activities.request_backing(StepInput(over))
    await refuse(office, over)
    await superuser.run("UPDATE outbox SET sent_at = now() - interval '40 days'")
    await superuser.run("UPDATE idempotency SET created_at = now() - interval '40 days'")
    assert await tidy(activity_context.engine) > 0
    assert await superuser.rows(_SIGNALS, str(over)) == []
    assert await superuser.rows(_SIGNALS, str(running)) == []

    await activities.assess_onboarding(StepInput(over))
    await tidy(activity_context.engine)
    async with transaction(activity_context.engine, SERVICE) as connection:
        await outbox.resume(connection, CaseKind.ONBOARDING, running)

    assert await superuser.rows(_SIGNALS, str(running)) == [("resumed",)]
    assert await superuser.value("SELECT count(*) FROM idempotency") == 0
    # What the last transition wrote waits to be sent.
    assert await superuser.value("SELECT count(*) FROM outbox WHERE sent_at IS NOT NULL") == 0
    assert await tidy(activity_context.engine) == 0
