"""Identities: the walls around them, what is forgotten and asked for when, and what comes at the same time (F4)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from activities.transition import ActivityContext
from commands.command import Context
from storage import kyc
from storage.cases import end_case
from storage.database import SERVICE, Acting, transaction
from storage.sealing import Seals
from tests.arrange import Arrange, eventually
from tests.books import Superuser
from tests.identity import BACK, FOLDER, FRONT, IdentityReview, hold_identity, name_pictures, open_other_case

MONTH = timedelta(days=30)
ELSEWHERE = "identity/01"
SEEN = ("identities", "kyc_submissions", "identity_documents")
_SUBMIT = (
    "INSERT INTO kyc_submissions (case_id, number, person_id, level, typed_sealed, card_id, sheba_id, documents,"
    " changed) SELECT :case, 9, :person, 'full', 'x', id, id, '{}', '[]' FROM bank_accounts WHERE id = :account"
)
# What no member writes; of themselves as of others.
FORGED = {
    "identities": "(case_id, person_id, level, policy_id, valid_until)"
    " SELECT id, :person, 'full', policy_id, current_date + 700 FROM cases WHERE id = :case",
    "identity_waits": "(case_id, person_id) SELECT id, :person FROM cases WHERE id = :case",
}
Deed = Callable[[AsyncConnection], Awaitable[Any]]


@pytest.fixture
async def review(
    context: Context, arrange: Arrange, activity_context: ActivityContext, superuser: Superuser
) -> IdentityReview:
    """A member who is ready to submit, and two officers."""
    return await IdentityReview.opened(context, arrange, activity_context, superuser)


async def count(engine: AsyncEngine, acting: Acting, table: str) -> int:
    """How many rows somebody sees."""
    async with transaction(engine, acting) as connection:
        return int(await connection.scalar(sa.text(f"SELECT count(*) FROM {table}")) or 0)  # noqa: S608 - our own names


async def attempt(engine: AsyncEngine, acting: Acting, deed: str, **values: object) -> int:
    """Try a statement; how many rows it changed."""
    async with transaction(engine, acting) as connection:
        return (await connection.execute(sa.text(deed), values)).rowcount


async def test_a_member_sees_their_own_alone_and_confirms_nobody(
    engine: AsyncEngine, review: IdentityReview, arrange: Arrange
) -> None:
    await hold_identity(review.superuser, review.member.id, days=20)
    case_id = await review.submit()
    me, stranger = Acting("member", review.member.id), Acting("member", (await arrange.person("member")).id)
    await review.wait(await open_other_case(review.context, review.member.id))

    assert [await count(engine, me, table) for table in SEEN] == [1, 1, 2]
    assert [await count(engine, stranger, table) for table in SEEN] == [0, 0, 0]
    assert [await count(engine, who, "identity_waits") for who in (me, SERVICE)] == [0, 1]
    for table, row in FORGED.items():
        with pytest.raises(DBAPIError, match="row-level security"):
            await attempt(engine, me, f"INSERT INTO {table} {row}", case=case_id, person=review.member.id)
    for deed in ("UPDATE identities SET renewal_asked_at = now()", "DELETE FROM identity_waits"):
        assert await attempt(engine, me, deed) == 0, deed
    assert await attempt(engine, stranger, "UPDATE identity_documents SET removed_at = now()") == 0


async def test_a_member_submits_in_an_open_case_of_their_own_and_as_themselves(
    engine: AsyncEngine, review: IdentityReview, arrange: Arrange
) -> None:
    case_id, other = await review.submit(), await arrange.person("member")
    account_id = (await review.sent(case_id)).card_id
    await review.superuser.run("UPDATE bank_accounts SET person_id = %s WHERE id = %s", other.id, account_id)
    me, stranger = Acting("member", review.member.id), Acting("member", other.id)
    sheba_id = (await review.sent(case_id)).sheba_id

    for who, person_id, chosen in ((stranger, other.id, account_id), (me, other.id, sheba_id)):
        with pytest.raises(DBAPIError, match="row-level security"):
            await attempt(engine, who, _SUBMIT, case=case_id, person=person_id, account=chosen)
    picture = (
        "INSERT INTO identity_documents (person_id, kind, size, sha256, file_key) VALUES (:of, 'selfie', 1, 'x', 'k')"
    )
    with pytest.raises(DBAPIError, match="row-level security"):
        await attempt(engine, me, picture, of=other.id)
    assert await attempt(engine, me, _SUBMIT, case=case_id, person=review.member.id, account=sheba_id) == 1
    close = "UPDATE cases SET closed_at = now(), outcome = 'withdrawn', next_actor = NULL WHERE id = %s"
    await review.superuser.run(close, case_id)
    with pytest.raises(DBAPIError, match="row-level security"):
        await attempt(engine, me, _SUBMIT, case=case_id, person=review.member.id, account=sheba_id)


async def test_what_a_task_shows_is_changed_by_the_machine_alone(engine: AsyncEngine, review: IdentityReview) -> None:
    await review.returned()
    for who in (Acting("member", review.member.id), Acting("staff", review.officer.id)):
        with pytest.raises(DBAPIError, match="only the machine"):
            await attempt(engine, who, "UPDATE tasks SET details = '{}' WHERE status = 'open'")
    assert await attempt(engine, SERVICE, "UPDATE tasks SET details = '{}' WHERE status = 'open'") == 1


async def forget(engine: AsyncEngine, folder: str = FOLDER, limit: int = 100) -> int:
    """How many pictures of a folder are forgotten now."""
    async with transaction(engine, SERVICE) as connection:
        return await kyc.forget_documents(connection, folder, limit)


async def test_pictures_without_a_form_are_forgotten_after_a_week_folder_by_folder(
    engine: AsyncEngine, review: IdentityReview
) -> None:
    await name_pictures(review.context, review.member)
    await name_pictures(review.context, review.member, folder=ELSEWHERE)
    age = "UPDATE identity_documents SET added_at = now() - %s::interval"

    await review.superuser.run(age, "6 days 23 hours")
    assert await forget(engine) == 0
    await review.superuser.run(age, "7 days 1 minute")
    assert [await forget(engine, limit=1) for _ in range(3)] == [1, 1, 0]
    assert await forget(engine, ELSEWHERE) == 2


async def test_pictures_of_a_form_are_kept_until_its_case_and_its_identity_have_ended_long_ago(
    engine: AsyncEngine, review: IdentityReview
) -> None:
    run, case_id = review.superuser.run, await review.submit()
    await run("UPDATE identity_documents SET added_at = now() - interval '400 days'")
    assert await forget(engine) == 0
    close = "UPDATE cases SET closed_at = now() - make_interval(days => %s), outcome = 'x', next_actor = NULL"
    await run(f"{close} WHERE id = %s", 89, case_id)
    assert await forget(engine) == 0

    await run(f"{close} WHERE id = %s", 91, case_id)
    confirm = (
        "INSERT INTO identities (case_id, person_id, level, policy_id, valid_until) SELECT id, person_id, 'basic',"
        " policy_id, (now() AT TIME ZONE 'Asia/Tehran')::date - 89 FROM cases WHERE id = %s"
    )
    await run(confirm, case_id)
    assert await forget(engine) == 0
    await run("UPDATE identities SET valid_until = valid_until - 2")
    assert await forget(engine) == 2
    # As if nothing had come of it.
    await run("UPDATE identity_documents SET removed_at = NULL")
    await run("DELETE FROM identities")
    assert await forget(engine) == 2


async def test_those_are_asked_to_renew_once_whose_last_day_is_near_and_who_have_not_begun(
    engine: AsyncEngine, arrange: Arrange, superuser: Superuser
) -> None:
    near, today, over, far, newer, begun = [(await arrange.person("member")).id for _ in range(6)]
    for person_id, days in ((near, 30), (today, 0), (over, -1), (far, 31), (newer, 10), (begun, 10)):
        await hold_identity(superuser, person_id, days=days)
    await hold_identity(superuser, newer, days=700, accepted=1)
    await superuser.run(
        "INSERT INTO cases (kind, phase, policy_id, person_id) SELECT 'kyc', 'submitted', id, %s FROM policies"
        " WHERE name = 'kyc'",
        begun,
    )

    async def ask(limit: int) -> list[UUID]:
        async with transaction(engine, SERVICE) as connection:
            return await kyc.ask_renewals(connection, MONTH, limit)

    assert [await ask(1), await ask(500), await ask(500)] == [[today], [near], []]


async def at_once(engine: AsyncEngine, superuser: Superuser, first: Deed, second: Deed) -> tuple[Any, Any]:
    """Two transactions, of which the second waits for the first to commit; what came of each."""

    async def follow() -> Any:
        async with transaction(engine, SERVICE) as connection:
            return await second(connection)

    async def waits() -> bool:
        blocked = (
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return bool(await superuser.value(blocked))

    async with transaction(engine, SERVICE) as connection:
        answer = await first(connection)
        following = asyncio.create_task(follow())
        await eventually(waits, "the second to wait", seconds=2)
    return answer, await following


@pytest.mark.parametrize("submits_first", [True, False])
async def test_of_a_form_and_the_removal_of_its_picture_one_comes_first(
    engine: AsyncEngine, review: IdentityReview, seals: Seals, submits_first: bool
) -> None:
    case_id, person_id = await review.submit(), review.member.id
    form = await review.form()

    async def submit(connection: AsyncConnection) -> bool:
        kept = await kyc.keep_documents(connection, person_id, list(form.documents.values()))
        if set(kept.values()) != {FRONT, BACK}:
            return False
        await kyc.add_submission(connection, seals, case_id, form, number=2, person_id=person_id, level="basic")
        return True

    async def remove(connection: AsyncConnection) -> bool:
        return await kyc.remove_unused(connection, form.documents[FRONT])

    deeds = (submit, remove) if submits_first else (remove, submit)
    assert await at_once(engine, review.superuser, *deeds) == (True, False)


async def test_the_sweep_leaves_what_is_just_being_submitted(
    engine: AsyncEngine, review: IdentityReview, seals: Seals
) -> None:
    case_id, person_id = await review.submit(), review.member.id
    form = await review.form()
    await review.superuser.run("UPDATE identity_documents SET added_at = now() - interval '8 days'")
    async with transaction(engine, SERVICE) as connection:
        await kyc.keep_documents(connection, person_id, list(form.documents.values()))
        await kyc.add_submission(connection, seals, case_id, form, number=2, person_id=person_id, level="basic")
        assert await forget(engine) == 0
    assert await forget(engine) == 0


@pytest.mark.parametrize("waits_first", [True, False])
async def test_who_begins_to_wait_while_a_review_ends_is_woken_or_does_not_wait(
    engine: AsyncEngine, review: IdentityReview, waits_first: bool
) -> None:
    case_id, waiting_id = await review.submit(), await open_other_case(review.context, review.member.id)

    async def wait(connection: AsyncConnection) -> bool:
        return await kyc.wait_for_identity(connection, waiting_id, review.member.id)

    async def end(connection: AsyncConnection) -> int:
        woken = await kyc.wake_waiting(connection, review.member.id, is_over=True)
        await end_case(connection, case_id, phase="refused", outcome="refused")
        return woken

    if waits_first:
        assert await at_once(engine, review.superuser, wait, end) == (True, 1)
    else:
        assert await at_once(engine, review.superuser, end, wait) == (0, False)
    assert await count(engine, SERVICE, "identity_waits") == 0
    assert await review.woken(waiting_id) == int(waits_first)


async def test_a_case_waits_once_while_there_is_a_review_and_as_long_as_it_is_open_itself(
    engine: AsyncEngine, review: IdentityReview
) -> None:
    waiting_id = await open_other_case(review.context, review.member.id)
    assert not await review.wait(waiting_id)
    case_id = await review.submit()
    # A step that is taken again waits as before.
    assert [await review.wait(waiting_id) for _ in range(2)] == [True, True]
    assert await count(engine, SERVICE, "identity_waits") == 1
    assert await review.woken(case_id) == 2

    await review.superuser.run("UPDATE cases SET closed_at = now(), outcome = 'x' WHERE id = %s", waiting_id)
    async with transaction(engine, SERVICE) as connection:
        assert not await kyc.is_awaited(connection, review.member.id)
        assert await kyc.wake_waiting(connection, review.member.id, is_over=True) == 0
    assert await count(engine, SERVICE, "identity_waits") == 0
