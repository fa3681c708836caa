"""Writing on a case: what is kept, who is told, and what is refused (G7)."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from activities.transition import ActivityContext
from commands.command import Command, Context
from commands.task import claim_task, lock_free_task, release_task
from domain.access import Grant, Role, ScopeKind
from domain.catalogue import CORRESPONDENCE
from domain.correspondence import (
    MAX_OF_THREAD,
    WORDS_PER_MEMBER,
    CorrespondenceOver,
    NobodyThere,
    ThreadFull,
    WordsOutOfBounds,
    WordsOverQuota,
)
from domain.errors import InvalidInput, NotFound, Refusal
from messages.case import CaseKind
from storage.audit import case_stream
from tests.arrange import Arrange, Someone
from tests.books import Superuser
from tests.commands.onboarding_steps import TavanaScenario, open_task, run
from tests.correspondence_steps import write

SECRET = "شمارهٔ کارتم را اشتباه نوشتم"


@pytest.fixture
async def tavana(context: Context, arrange: Arrange, activity_context: ActivityContext) -> TavanaScenario:
    """An applicant, a guarantor of theirs, and the office that reviews."""
    return await TavanaScenario.opened(context, arrange, activity_context)


@pytest.fixture
async def case_id(tavana: TavanaScenario) -> UUID:
    """An application that finance looks at."""
    return await tavana.backed()


async def told(superuser: Superuser, template: str) -> list[UUID]:
    """Who was sent a notice of a template."""
    rows = await superuser.rows("SELECT person_id FROM notices WHERE template = %s ORDER BY id", template)
    return [person_id for (person_id,) in rows]


async def claim(tavana: TavanaScenario, case_id: UUID) -> UUID:
    """Finance takes the review."""
    task_id = await open_task(tavana.context, case_id, "review_application")

    async def take(command: Command) -> None:
        await claim_task(command, await lock_free_task(command, task_id))

    await run(tavana.context, tavana.finance, take)
    return task_id


async def give_back(tavana: TavanaScenario, task_id: UUID) -> None:
    """Finance gives the review back."""

    async def release(command: Command) -> None:
        await release_task(command, await lock_free_task(command, task_id))

    await run(tavana.context, tavana.finance, release)


async def refused(
    superuser: Superuser, context: Context, who: Someone, case_id: UUID, text: str = SECRET, to: Someone | None = None
) -> type[Refusal]:
    """Why somebody may not write, which leaves nothing."""
    before = await superuser.effects()
    with pytest.raises(Refusal) as caught:
        await write(context, who, case_id, text, to=to)
    assert await superuser.effects() == before
    return caught.type


async def test_what_is_written_is_sealed_noted_without_its_text_and_wakes_no_process(
    context: Context, tavana: TavanaScenario, case_id: UUID, superuser: Superuser
) -> None:
    (before,) = await superuser.rows("SELECT version, (SELECT count(*) FROM facts) FROM cases WHERE id = %s", case_id)
    outbox = await superuser.value("SELECT coalesce(max(id), 0) FROM outbox")
    letter = await write(context, tavana.applicant, case_id, SECRET)

    (after,) = await superuser.rows("SELECT version, (SELECT count(*) FROM facts) FROM cases WHERE id = %s", case_id)
    assert after == (before[0] + 1, before[1])
    assert await superuser.rows("SELECT message FROM outbox WHERE id > %s", outbox) == []
    assert SECRET.encode() not in letter.text_sealed
    stream = case_stream(case_id)
    (line,) = await superuser.rows("SELECT content FROM audit WHERE stream = %s ORDER BY seq DESC LIMIT 1", stream)
    assert str(letter.id) in line[0]
    assert SECRET not in line[0]


async def test_a_member_is_told_that_the_office_wrote_and_of_the_office_who_deals_with_the_case(
    context: Context, arrange: Arrange, tavana: TavanaScenario, case_id: UUID, superuser: Superuser
) -> None:
    await write(context, tavana.applicant, case_id)
    assert await told(superuser, "words_for_office") == []
    task_id = await claim(tavana, case_id)
    await write(context, tavana.applicant, case_id)
    assert await told(superuser, "words_for_office") == [tavana.finance.id]

    # Another officer answers, the first one gives the task back: from now on who answered is told.
    other = await arrange.staff(Grant(Role.FINANCE_OFFICER, ScopeKind.REGION, "1101"))
    await write(context, other, case_id, to=tavana.applicant)
    assert await told(superuser, "words_for_member") == [tavana.applicant.id]
    await give_back(tavana, task_id)
    await write(context, tavana.applicant, case_id)
    assert (await told(superuser, "words_for_office"))[1:] == [other.id]

    # Who lost the role is not.
    await superuser.run("UPDATE role_grants SET revoked_at = now() WHERE person_id = %s", other.id)
    await write(context, tavana.applicant, case_id)
    # Nor of what another member of the case writes.
    await write(context, tavana.guarantor, case_id)
    assert len(await told(superuser, "words_for_office")) == 2


async def test_nobody_writes_where_they_have_nothing_to_do(
    context: Context, arrange: Arrange, tavana: TavanaScenario, case_id: UUID, superuser: Superuser
) -> None:
    officer = await arrange.hr_officer(tavana.employer)
    own = await arrange.as_staff(tavana.guarantor, Grant(Role.FINANCE_OFFICER, ScopeKind.REGION, "1101"))
    for who, to in (
        (await arrange.member(tavana.employer), None),
        (tavana.guarantor, tavana.applicant),
        (await arrange.staff(Grant(Role.FINANCE_OFFICER, ScopeKind.REGION, "2201")), tavana.applicant),
        (officer, tavana.guarantor),
        (own, tavana.applicant),
        (await arrange.platform(Role.OPERATOR), tavana.applicant),
        (await arrange.platform(Role.AUDITOR), tavana.applicant),
        (tavana.finance, officer),
    ):
        assert await refused(superuser, context, who, case_id, to=to) is NotFound
    assert await refused(superuser, context, tavana.applicant, uuid4()) is NotFound
    assert await refused(superuser, context, tavana.finance, case_id) is InvalidInput
    assert await refused(superuser, context, tavana.applicant, case_id, " ن\n") is WordsOutOfBounds


async def test_thirty_days_after_its_end_nothing_more_is_written_in_a_case(
    context: Context, tavana: TavanaScenario, case_id: UUID, superuser: Superuser
) -> None:
    ended = (
        "UPDATE cases SET closed_at = now() - make_interval(hours => %s), outcome = 'refused', next_actor = NULL,"
        " due_at = NULL WHERE id = %s"
    )
    await superuser.run(ended, 30 * 24 - 1, case_id)
    await write(context, tavana.applicant, case_id)
    await superuser.run(ended, 30 * 24 + 1, case_id)
    assert await refused(superuser, context, tavana.applicant, case_id) is CorrespondenceOver


async def test_a_member_who_is_out_of_the_case_is_written_to_no_more(
    context: Context, tavana: TavanaScenario, case_id: UUID, superuser: Superuser
) -> None:
    await write(context, tavana.guarantor, case_id)
    await superuser.run("UPDATE case_people SET until = now() WHERE person_id = %s", tavana.guarantor.id)
    assert await refused(superuser, context, tavana.finance, case_id, to=tavana.guarantor) is NobodyThere
    assert await refused(superuser, context, tavana.guarantor, case_id) is NotFound


async def test_a_thread_and_a_day_have_their_bounds(
    context: Context, tavana: TavanaScenario, case_id: UUID, superuser: Superuser
) -> None:
    await write(context, tavana.applicant, case_id)
    await superuser.run("UPDATE rate_windows SET used = %s", WORDS_PER_MEMBER.allowed)
    assert await refused(superuser, context, tavana.applicant, case_id) is WordsOverQuota
    await superuser.run("DELETE FROM rate_windows")
    copies = (
        "INSERT INTO correspondence (case_id, member_id, author_id, capacity, part, text_sealed)"
        " SELECT case_id, member_id, author_id, capacity, part, text_sealed FROM correspondence,"
        " generate_series(2, %s)"
    )
    await superuser.run(copies, MAX_OF_THREAD)
    assert await refused(superuser, context, tavana.applicant, case_id) is ThreadFull
    await write(context, tavana.guarantor, case_id)


async def test_where_only_holders_read_others_of_the_same_role_do_not(
    context: Context, tavana: TavanaScenario, case_id: UUID, superuser: Superuser, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = replace(CORRESPONDENCE[CaseKind.ONBOARDING], held_only=True)
    monkeypatch.setitem(CORRESPONDENCE, CaseKind.ONBOARDING, held)
    await write(context, tavana.applicant, case_id)
    assert await refused(superuser, context, tavana.finance, case_id, to=tavana.applicant) is NotFound
    task_id = await claim(tavana, case_id)
    await write(context, tavana.finance, case_id, to=tavana.applicant)
    await write(context, tavana.applicant, case_id)
    assert await told(superuser, "words_for_office") == [tavana.finance.id]
    # Who gave it back is not told any more, for they read it no more.
    await give_back(tavana, task_id)
    await write(context, tavana.applicant, case_id)
    assert await refused(superuser, context, tavana.finance, case_id, to=tavana.applicant) is NotFound
    assert await told(superuser, "words_for_office") == [tavana.finance.id]
    # Once nobody is asked any more nobody would ever read it.
    await superuser.run("UPDATE tasks SET status = 'moot', closed_at = now() WHERE id = %s", task_id)
    assert await refused(superuser, context, tavana.applicant, case_id) is NobodyThere


async def test_where_no_office_deals_with_a_case_its_member_writes_to_nobody(
    context: Context, tavana: TavanaScenario, superuser: Superuser, monkeypatch: pytest.MonkeyPatch
) -> None:
    case_id = await tavana.asked()
    held = replace(CORRESPONDENCE[CaseKind.ONBOARDING], held_only=True)
    monkeypatch.setitem(CORRESPONDENCE, CaseKind.ONBOARDING, held)
    assert await refused(superuser, context, tavana.applicant, case_id) is NobodyThere
