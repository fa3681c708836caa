"""What the machine does with an identity review at each state, when officers come and go, and each morning (F4)."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from activities.files import share_now
from activities.kyc import AWAITED, renewing_activities, sweep_identity_documents
from activities.transition import ActivityContext
from commands.account import staff
from commands.command import Context
from domain.access import Role
from domain.kyc import FaultReason
from domain.wording import reminder_sms, task_sms
from messages.case import OVER, RESUMED
from messages.kyc import Event, Phase, Sms, TaskKind
from messages.queue import Queue
from storage import kyc
from storage.database import SERVICE, transaction
from storage.working_hours import working_time
from tests.arrange import Arrange, Someone
from tests.books import Superuser
from tests.identity import FRONT, IdentityReview, cards_and_sheba, open_other_case
from tests.personnel_steps import in_parts

ASKED = task_sms(TaskKind.REVIEW_IDENTITY)
HOUR, MOMENT = timedelta(hours=1), timedelta(seconds=10)


@pytest.fixture
async def review(
    context: Context, arrange: Arrange, activity_context: ActivityContext, superuser: Superuser
) -> IdentityReview:
    """A member who is ready to submit, two officers and an operator."""
    return await IdentityReview.opened(context, arrange, activity_context, superuser)


async def returned_unheard(review: IdentityReview) -> UUID:
    """An officer has returned a form, of which the process has not heard."""
    case_id = await review.claimed()
    await review.give_back(case_id)
    return case_id


STATES: list[Callable[[IdentityReview], Awaitable[UUID]]] = [
    IdentityReview.submit,
    IdentityReview.asked,
    IdentityReview.claimed,
    returned_unheard,
    IdentityReview.returned,
]


async def test_a_form_is_taken_back_in_each_state_that_is_not_decided(review: IdentityReview) -> None:
    for come_to in STATES:
        case_id = await come_to(review)
        await review.withdraw(case_id)
        assert (await review.go_on(case_id)).step == OVER
        assert await review.phase(case_id) == Phase.WITHDRAWN
        # By a process that was started anew, too.
        assert (await review.take("request_decision", case_id)).step == OVER
    assert await review.superuser.value("SELECT count(*) FROM tasks WHERE status = 'open'") == 0
    assert await review.identity() is None


async def test_what_was_accepted_takes_no_effect_where_the_card_is_gone_and_officers_look_again(
    review: IdentityReview,
) -> None:
    case_id = await review.claimed()
    await review.accept(case_id)
    await review.remove((await cards_and_sheba(review.context, review.member))[0][0])
    await review.go_on(case_id)

    task = await review.task(case_id)
    assert (task.kind, task.claimed_by, await review.identity()) == (TaskKind.REVIEW_IDENTITY, None, None)
    await review.claim(case_id)
    await review.give_back(case_id, {"card": FaultReason.DOES_NOT_MATCH})
    await review.go_on(case_id)
    assert await review.phase(case_id) == Phase.AWAITING_CORRECTION


async def _is_late(review: IdentityReview, case_id: UUID) -> bool:
    return bool(await review.superuser.value("SELECT due_at <= now() FROM cases WHERE id = %s", case_id))


async def test_operators_hear_at_once_that_nobody_may_review_it(review: IdentityReview) -> None:
    for officer in (review.officer, review.colleague):
        await review.share_sheba(officer.id)
    case_id = await review.asked()

    assert await review.told(Sms.KYC_UNSTAFFED) == [review.operator.id]
    assert await review.told(ASKED) == []
    assert await _is_late(review, case_id)
    assert (await review.task(case_id)).kind == TaskKind.REVIEW_IDENTITY


async def test_an_operator_who_reviews_too_is_told_once_of_a_late_review(review: IdentityReview) -> None:
    grant = "INSERT INTO role_grants (person_id, role, scope_kind, granted_by) VALUES (%s, %s, 'platform', 'x')"
    await review.superuser.run(grant, review.officer.id, "operator")
    case_id = await review.asked()
    await review.take("lapse_decision", case_id)

    assert await review.told(Sms.KYC_LATE_DESK) == [review.operator.id]
    assert (await review.told(ASKED)).count(review.officer.id) == 2


async def test_a_form_that_was_mended_is_not_late_because_the_one_before_was(review: IdentityReview) -> None:
    case_id = await review.asked()
    await review.take("lapse_decision", case_id)
    assert await _is_late(review, case_id)
    await review.claim(case_id)
    await review.give_back(case_id)
    await review.go_on(case_id)
    await review.correct(case_id)
    await review.go_on(case_id)
    assert not await _is_late(review, case_id)

    for _ in range(2):
        await review.take("lapse_decision", case_id)
    assert await _is_late(review, case_id)
    assert await review.told(Sms.KYC_LATE_DESK) == [review.operator.id] * 2
    assert await review.told(Event.KYC_LATE) == [review.member.id] * 2


async def _shut_out(review: IdentityReview, officer: Someone, *, disabled: bool) -> None:
    """The role of an officer is taken back, or their account."""
    async with transaction(review.context.engine, SERVICE) as connection:
        console = staff.console_administration(connection, review.context.seals)
        if disabled:
            await staff.disable_staff(console, officer.id)
            return
        query = "SELECT id FROM role_grants WHERE person_id = %s AND role = 'kyc_officer'"
        await staff.revoke_role(console, officer.id, await review.superuser.value(query, officer.id))


async def test_others_are_asked_as_soon_as_the_holder_is_an_officer_no_more_and_operators_where_nobody_is_left(
    review: IdentityReview,
) -> None:
    case_id = await review.claimed()
    held = await review.task(case_id)
    await review.superuser.run("UPDATE tasks SET due_at = now() + interval '1 minute', reminded_at = now()")
    await _shut_out(review, review.officer, disabled=False)
    newest = "SELECT payload ->> 'name' FROM outbox WHERE case_id = %s ORDER BY id DESC LIMIT 1"
    assert await review.superuser.value(newest, case_id) == RESUMED
    await review.go_on(case_id)

    free = await review.task(case_id)
    assert (free.id, free.claimed_by, free.reminded_at) == (held.id, None, None)
    assert free.due_at >= held.due_at
    assert Counter(await review.told(ASKED)) == {review.officer.id: 1, review.colleague.id: 2}
    assert await review.told(Sms.KYC_UNSTAFFED) == []

    await review.claim(case_id, review.colleague)
    await _shut_out(review, review.colleague, disabled=True)
    await review.go_on(case_id)
    assert (await review.task(case_id)).claimed_by is None
    assert await review.told(Sms.KYC_UNSTAFFED) == [review.operator.id]


async def test_others_are_asked_where_the_holder_has_come_to_have_an_interest(review: IdentityReview) -> None:
    case_id = await review.claimed()
    await review.share_sheba(review.officer.id)

    await review.go_on(case_id)

    assert (await review.task(case_id)).claimed_by is None
    assert Counter(await review.told(ASKED)) == {review.officer.id: 1, review.colleague.id: 2}


async def test_of_however_many_officers_who_holds_a_review_keeps_it(review: IdentityReview) -> None:
    case_id = await review.asked()
    # More than are told of a task at once.
    *_, last = [await review.arrange.platform(Role.KYC_OFFICER) for _ in range(51)]
    await review.claim(case_id, last)

    await review.go_on(case_id)

    assert (await review.task(case_id)).claimed_by == last.id


async def _waits(review: IdentityReview, hours: int) -> datetime:
    """When so many working hours have passed."""
    async with transaction(review.context.engine, SERVICE) as connection:
        passed = await working_time(connection, hours)
    now: datetime = await review.superuser.value("SELECT now()")
    return now + passed


async def test_a_review_that_is_awaited_before_officers_are_asked_has_less_time_and_its_correction_too(
    review: IdentityReview,
) -> None:
    waiting_id = await open_other_case(review.context, review.member.id)
    case_id = await review.submit()
    await review.wait(waiting_id)
    await review.go_on(case_id)

    task = await review.task(case_id)
    assert task.details[AWAITED] is True
    for moment, hours in ((task.remind_at, 1), (task.due_at, 2)):
        assert abs(moment - await _waits(review, hours)) < MOMENT
    # All were asked by the task's own SMS.
    assert await review.told(Sms.KYC_HURRIED) == []

    await review.claim(case_id)
    await review.give_back(case_id)
    await review.go_on(case_id)
    task = await review.task(case_id)
    waits = (task.remind_at - task.opened_at, task.due_at - task.opened_at)
    assert (task.kind, waits) == (TaskKind.CORRECT_IDENTITY, (24 * HOUR, 72 * HOUR))
    assert await review.woken(waiting_id) == 1

    await review.take("lapse_decision", case_id)
    assert (await review.phase(case_id), await review.woken(waiting_id)) == (Phase.LAPSED, 2)
    assert await review.superuser.value("SELECT count(*) FROM identity_waits") == 0


async def test_a_case_that_begins_to_wait_postpones_nothing_and_tells_who_holds_it_once(
    review: IdentityReview,
) -> None:
    case_id = await review.claimed()
    soon = "UPDATE tasks SET remind_at = now() - interval '1 h', reminded_at = now(), due_at = now() + interval '1 min'"
    await review.superuser.run(soon)
    before = await review.task(case_id)
    await review.wait(await open_other_case(review.context, review.member.id))
    for _ in range(2):
        await review.go_on(case_id)

    after = await review.task(case_id)
    assert (after.due_at, after.reminded_at, after.claimed_by) == (before.due_at, before.reminded_at, review.officer.id)
    # Who decides has seen this very version.
    assert (after.version, after.details[AWAITED]) == (before.version, True)
    assert await review.told(Sms.KYC_HURRIED) == [review.officer.id]


async def test_a_case_that_begins_to_wait_shortens_the_time_to_mend_a_form(review: IdentityReview) -> None:
    case_id = await review.returned()
    before = await review.task(case_id)
    assert before.due_at - before.opened_at == 336 * HOUR
    await review.wait(await open_other_case(review.context, review.member.id))
    await review.go_on(case_id)

    after = await review.task(case_id)
    assert timedelta(0) <= after.due_at - before.opened_at - 72 * HOUR < MOMENT
    assert (after.person_id, after.details[AWAITED]) == (review.member.id, True)
    # What they are about to send is not refused for it.
    assert after.version == before.version
    # They were told of a later day.
    assert await review.told(reminder_sms(TaskKind.CORRECT_IDENTITY)) == [review.member.id]
    assert await review.told(Sms.KYC_HURRIED) == []


_MANY = """
    WITH new_people AS (
        INSERT INTO persons (national_id_index, national_id_sealed)
        SELECT convert_to('renewal ' || n, 'UTF8'), 'x' FROM generate_series(1, %s) n RETURNING id
    ), ended AS (
        INSERT INTO cases (kind, phase, outcome, policy_id, person_id, closed_at)
        SELECT 'kyc', 'accepted', 'accepted', p.id, n.id, now() FROM new_people n, policies p WHERE p.name = 'kyc'
        RETURNING id, person_id, policy_id
    )
    INSERT INTO identities (case_id, person_id, level, policy_id, valid_until)
    SELECT id, person_id, 'basic', policy_id, current_date + 10 FROM ended
"""


async def test_all_are_asked_to_renew_however_many_and_once(
    activity_context: ActivityContext, superuser: Superuser
) -> None:
    assert await superuser.run(_MANY, 1_100) == 1_100
    (ask,) = renewing_activities(activity_context)[Queue.BATCH]

    assert [await ask(), await ask()] == [1_100, 0]
    told = "SELECT count(*), count(DISTINCT person_id) FROM notices WHERE template = %s"
    assert await superuser.rows(told, Sms.KYC_RENEWAL) == [(1_100, 1_100)]


async def test_a_picture_without_a_form_goes_on_the_eighth_day_with_its_content(
    activity_context: ActivityContext, context: Context, engine: AsyncEngine, review: IdentityReview, tmp_path: Path
) -> None:
    folder = kyc.folder_of(share_now())
    stored = await context.files.keep(folder, in_parts(b"pixels"), limit=100)
    async with transaction(engine, SERVICE) as connection:
        await kyc.add_document(
            connection, review.member.id, kind=FRONT, size=6, sha256=stored.sha256, file_key=stored.key
        )
    path = tmp_path / "files" / stored.key
    yesterday = time.time() - 25 * 3_600
    os.utime(path, (yesterday, yesterday))
    age = "UPDATE identity_documents SET added_at = now() - %s::interval"

    for days, is_kept in (("6 days", True), ("7 days 1 minute", False)):
        await review.superuser.run(age, days)
        await sweep_identity_documents(activity_context, 100)
        assert path.exists() == is_kept
        assert await review.superuser.value("SELECT removed_at IS NULL FROM identity_documents") == is_kept
