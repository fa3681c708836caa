"""Who decides too late is told what became of it and when; whom nobody asked learns nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest

from activities.transition import ActivityContext
from commands import guarantor as guarantor_commands
from commands.command import Context
from commands.task import lock_free_task, lock_task
from domain import errors
from domain.onboarding import CreditAlreadyActive
from messages.onboarding import Event, FactKind
from storage.cases import add_event
from storage.database import SERVICE, postgres_now, transaction
from storage.rows.tasks import Task
from storage.tasks import moot_tasks
from tests.arrange import Arrange, Someone
from tests.books import Superuser
from tests.commands.onboarding_steps import (
    MinipayOffice,
    TavanaScenario,
    accept_guarantee,
    approve,
    correct,
    correction,
    finance_officer,
    name,
    open_task,
    refuse_guarantee,
    run,
    task_of,
    withdraw,
)


@pytest.fixture
async def tavana(context: Context, arrange: Arrange, activity_context: ActivityContext) -> TavanaScenario:
    """A region with everybody whom an application for Tavana needs."""
    return await TavanaScenario.opened(context, arrange, activity_context)


async def told(tavana: TavanaScenario, who: Someone, task_id: UUID) -> errors.Refusal:
    """What a late decision is refused with."""
    with pytest.raises(errors.Refusal) as refused:
        await run(tavana.context, who, lambda command: lock_task(command, task_id))
    return refused.value


async def expired(tavana: TavanaScenario) -> tuple[UUID, Task]:
    """A guarantor did not answer in time; the case and their task."""
    case_id = await tavana.asked()
    task = await task_of(tavana.context, case_id, tavana.guarantor)
    await tavana.take("lapse_onboarding", case_id, task.due_at)
    return case_id, task


async def test_a_guarantor_who_answers_a_second_after_the_end_is_told_when_the_time_ended(
    tavana: TavanaScenario, superuser: Superuser
) -> None:
    _, task = await expired(tavana)
    due = datetime(2026, 11, 29, 11, 30, tzinfo=UTC)
    await superuser.run("UPDATE tasks SET due_at = %s WHERE id = %s", due, task.id)

    late = await told(tavana, tavana.guarantor, task.id)

    assert (late.code, late.params) == ("task_expired", {"ended_at": due})
    assert late.sentence("fa") == "مهلت پاسخ تا یکشنبه ۸ آذر ۱۴۰۵، ساعت ۱۵:۰۰ بود و گذشته است."
    assert late.sentence("en") == "The time to answer ended on Sunday 8 Azar 1405, 15:00."


async def test_asking_for_the_code_of_an_offer_that_expired_says_so_too(tavana: TavanaScenario) -> None:
    _, task = await expired(tavana)
    assert task.subject_id is not None
    guarantee_id = task.subject_id

    with pytest.raises(errors.TaskExpired) as late:
        await run(
            tavana.context,
            tavana.guarantor,
            lambda command: guarantor_commands.asked_guarantee(command, guarantee_id),
        )

    assert late.value.params == {"ended_at": task.due_at}


async def test_others_learn_nothing_of_an_offer_that_expired(tavana: TavanaScenario) -> None:
    _, task = await expired(tavana)

    for stranger in (await tavana.colleague(), tavana.applicant, tavana.finance):
        assert type(await told(tavana, stranger, task.id)) is errors.NotFound


async def test_a_guarantor_is_told_that_the_applicant_withdrew(tavana: TavanaScenario) -> None:
    case_id = await tavana.asked()
    task = await task_of(tavana.context, case_id, tavana.guarantor)
    await withdraw(MinipayOffice(tavana.context, tavana.applicant, tavana.finance), case_id)
    await tavana.go_on(case_id)

    late = await told(tavana, tavana.guarantor, task.id)

    assert late.code == "task_moot"
    assert late.sentence("fa").endswith("دیگر پاسخی لازم نیست: متقاضی از درخواست انصراف داد.")


async def test_a_guarantor_is_told_that_another_one_was_named(tavana: TavanaScenario) -> None:
    case_id = await tavana.asked()
    task = await task_of(tavana.context, case_id, tavana.guarantor)
    await name(tavana, case_id, await tavana.colleague(), instead_of=tavana.guarantor)

    assert (await told(tavana, tavana.guarantor, task.id)).sentence("en").endswith("named another guarantor.")


async def test_the_cause_is_what_closed_the_task_though_something_begun_later_was_written_before(
    tavana: TavanaScenario,
) -> None:
    case_id = await tavana.asked()
    task = await task_of(tavana.context, case_id, tavana.guarantor)
    async with transaction(tavana.context.engine, SERVICE) as waits:
        await postgres_now(waits)
        async with transaction(tavana.context.engine, SERVICE) as quicker:
            await add_event(quicker, case_id, Event.DISPUTE_SETTLED, actor="machine")
        await moot_tasks(waits, case_id)
        await add_event(waits, case_id, FactKind.APPLICATION_WITHDRAWN, actor="applicant")

    assert (await told(tavana, tavana.guarantor, task.id)).sentence("en").endswith("The applicant withdrew.")


async def test_a_second_tab_is_told_ones_own_answer(tavana: TavanaScenario, superuser: Superuser) -> None:
    accepted, refused = await tavana.asked(), None
    task = await task_of(tavana.context, accepted, tavana.guarantor)
    await accept_guarantee(tavana, accepted, tavana.guarantor)
    await superuser.run("UPDATE tasks SET closed_at = '2026-11-29 00:00:00+00' WHERE id = %s", task.id)
    other = await tavana.colleague()
    refused = await tavana.asked(other, applicant=await tavana.colleague())
    refusal = await task_of(tavana.context, refused, other)
    await refuse_guarantee(tavana, refused, other)

    own = await told(tavana, tavana.guarantor, task.id)

    assert own.code == "task_decided_by_you"
    assert own.sentence("fa") == "شما یکشنبه ۸ آذر ۱۴۰۵، ساعت ۰۳:۳۰، این ضمانت را پذیرفتید."
    assert own.sentence("en") == "You accepted to be guarantor on Sunday 8 Azar 1405, 03:30."
    assert "این ضمانت را نپذیرفتید" in (await told(tavana, other, refusal.id)).sentence("fa")


async def test_an_officer_is_told_what_a_colleague_decided(tavana: TavanaScenario) -> None:
    case_id = await tavana.backed()
    task_id = await open_task(tavana.context, case_id, "review_application")
    await approve(tavana, case_id)
    colleague = await finance_officer(tavana.arrange)

    own, others = [await told(tavana, who, task_id) for who in (tavana.finance, colleague)]
    with pytest.raises(errors.TaskDecided):
        await run(tavana.context, colleague, lambda command: lock_free_task(command, task_id))

    assert own.code == "task_decided_by_you"
    assert "این درخواست را تأیید کردید." in own.sentence("fa")
    assert others.code == "task_decided"
    assert others.sentence("fa").startswith("همکار دیگری (امور مالی)، ")
    assert others.sentence("fa").endswith("، این درخواست را تأیید کرد.")


async def test_who_withdraws_twice_is_told_when_they_withdrew(tavana: TavanaScenario) -> None:
    case_id = await tavana.asked()
    office = MinipayOffice(tavana.context, tavana.applicant, tavana.finance)
    await withdraw(office, case_id)

    said = []
    for _ in range(2):
        with pytest.raises(errors.CaseClosed) as late:
            await withdraw(office, case_id)
        said.append(late.value.sentence("fa"))
        await tavana.go_on(case_id)

    assert all(sentence.endswith(" بسته شده است: متقاضی از درخواست انصراف داد.") for sentence in said)


async def test_who_corrects_twice_is_told_when_they_did(tavana: TavanaScenario) -> None:
    case_id = await tavana.returned()
    given = await correction(tavana, monthly=40_000_000, instalments=12)
    await correct(tavana, case_id, given)

    with pytest.raises(errors.TaskDecidedByYou) as late:
        await correct(tavana, case_id, given)

    assert late.value.sentence("fa").endswith("درخواست اصلاح‌شده را فرستادید.")


async def test_who_withdraws_from_a_credit_that_is_usable_is_told_since_when_it_is(
    tavana: TavanaScenario, superuser: Superuser
) -> None:
    case_id = await tavana.approved()
    await tavana.take("activate_credit", case_id)

    with pytest.raises(CreditAlreadyActive) as late:
        await withdraw(MinipayOffice(tavana.context, tavana.applicant, tavana.finance), case_id)

    closed_at = await superuser.value("SELECT closed_at FROM cases")
    assert late.value.params == {"ended_at": closed_at}
