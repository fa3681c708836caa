"""Tidying: what is spent goes, what a running case still needs stays."""

from __future__ import annotations

import pytest

from activities.transition import Desk
from commands.command import Context
from messages.case import StepInput
from storage.housekeeping import tidy
from tests.arrange import Arrange
from tests.books import Superuser
from tests.commands.onboarding_steps import Office, apply, refuse
from tests.transitions import Transitions

_MESSAGES = "SELECT DISTINCT message FROM outbox WHERE payload ->> 'case_id' = %s ORDER BY message"


@pytest.fixture
async def office(context: Context, arrange: Arrange) -> Office:
    """A member and their HR."""
    employer = await arrange.organisation()
    return Office(context, await arrange.member(employer), await arrange.hr_officer(employer))


async def test_old_things_go_but_not_the_messages_with_which_an_open_case_can_be_started_again(
    office: Office, arrange: Arrange, desk: Desk, superuser: Superuser
) -> None:
    employer = await superuser.value("SELECT id FROM organisations")
    running = await apply(Office(office.context, await arrange.member(employer), office.officer))
    over, activities = await apply(office), Transitions(desk)
    await activities.request_backing(StepInput(over))
    await refuse(office, over)
    await superuser.run("UPDATE outbox SET sent_at = now() - interval '40 days'")
    await superuser.run("UPDATE idempotency SET created_at = now() - interval '40 days'")
    assert await tidy(desk.engine) > 0
    assert await superuser.rows(_MESSAGES, str(over)) == [("ApplicationSubmitted",), ("CertificateAnswered",)]

    await activities.assess_onboarding(StepInput(over))
    await tidy(desk.engine)

    assert await superuser.rows(_MESSAGES, str(over)) == []
    assert await superuser.rows(_MESSAGES, str(running)) == [("ApplicationSubmitted",)]
    assert await superuser.value("SELECT count(*) FROM idempotency") == 0
    # Sent notices and codes belong to no process: only those of the last transition wait to be sent.
    assert await superuser.value("SELECT count(*) FROM outbox WHERE sent_at IS NOT NULL") == 1
    assert await tidy(desk.engine) == 0
