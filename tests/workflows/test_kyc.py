"""An identity review: accepted, refused, returned, taken back, late, and awaited by a case of another kind (F4)."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID

import pytest
from temporalio.client import WorkflowHandle
from temporalio.testing import WorkflowEnvironment

from activities.transition import ActivityContext
from commands.command import Context
from domain.access import Grant, Role, ScopeKind
from domain.dates import add_months, tehran_day, to_jalali
from domain.wording import reminder_sms, task_sms
from messages.case import RESUMED, CaseKind, workflow_id
from messages.kyc import Event, FactKind, Phase, Sms, TaskKind
from relay import Relay
from storage.database import Acting, transaction
from storage.kyc import identity_of
from storage.tasks import open_tasks
from tests.arrange import Arrange, eventually
from tests.books import Superuser, assert_books_clean
from tests.events import quiet_events
from tests.identity import IdentityReview
from tests.journeys.process import Process
from tests.journeys.steps import Steps
from tests.workflows.test_mobile_change import forward

pytestmark = pytest.mark.usefixtures("worker")

EVENTS_HAPPY, EVENTS_A_RETURN = 18, 16
_LATE_CASES: Final = "/v1/operations/late-cases"
_REVIEW, _CORRECT = TaskKind.REVIEW_IDENTITY, TaskKind.CORRECT_IDENTITY


@dataclass(frozen=True, slots=True)
class Reviewing(Process):
    """A review that officers are asked about, and its process."""

    review: IdentityReview

    @property
    def id(self) -> UUID:
        """Of the case."""
        return UUID(self.case_id)

    @property
    def handle(self) -> WorkflowHandle[Any, Any]:
        """The process, whichever run it is in."""
        return self.temporal.client.get_workflow_handle(workflow_id(CaseKind.KYC, self.id))

    async def waits_for(self, kind: TaskKind) -> None:
        """Wait until somebody is asked."""

        async def asked() -> bool:
            query = "SELECT count(*) FROM tasks WHERE case_id = %s AND kind = %s AND status = 'open'"
            return bool(await self.superuser.value(query, self.id, kind))

        await eventually(asked, f"a task {kind}")

    async def give_back(self) -> None:
        """The officer claims it and returns it, and the member is asked to mend it."""
        await self.review.claim(self.id)
        await self.review.give_back(self.id)
        await self.waits_for(_CORRECT)

    async def mend(self) -> None:
        """The member mends it, and officers are asked again."""
        await self.review.correct(self.id)
        await self.waits_for(_REVIEW)

    async def stay_silent(self, times: int) -> None:
        """Nobody does anything: a reminder, then the end."""
        await self.pass_wait()
        await self.told("reminded", times)
        await self.pass_wait()


@pytest.fixture
async def going(
    context: Context,
    arrange: Arrange,
    activity_context: ActivityContext,
    steps: Steps,
    temporal: WorkflowEnvironment,
    superuser: Superuser,
    relay: Relay,
) -> Reviewing:
    """A form is sent; officers are asked."""
    nudged = replace(context, nudge=relay.nudge)
    review = await IdentityReview.opened(nudged, arrange, activity_context, superuser)
    case_id = await review.submit()
    found = Reviewing(steps, temporal, superuser, relay, review.member, str(case_id), review)
    await found.waits_for(_REVIEW)
    return found


async def accepted(going: Reviewing) -> None:
    """An officer claims it and accepts."""
    await going.review.claim(going.id)
    await going.review.accept(going.id)


async def refused(going: Reviewing) -> None:
    """An officer claims it and refuses."""
    await going.review.claim(going.id)
    await going.review.refuse(going.id)


async def returned_corrected(going: Reviewing) -> None:
    """It is returned, mended, and accepted by a colleague."""
    await going.give_back()
    await going.mend()
    await going.review.claim(going.id, going.review.colleague)
    await going.review.accept(going.id, 2, going.review.colleague)


async def returned_lapsed(going: Reviewing) -> None:
    """It is returned, and the member is silent."""
    await going.give_back()
    await going.stay_silent(1)


async def withdrawn(going: Reviewing) -> None:
    """The member takes it back while an officer looks at it."""
    await going.review.claim(going.id)
    await going.review.withdraw(going.id)


async def late(going: Reviewing) -> None:
    """An officer claims it and is silent, then nobody claims it; a colleague accepts in the end."""
    await going.review.claim(going.id)
    for times in (1, 2):
        await going.stay_silent(times)
        await eventually(functools.partial(_is_late, going, times), "officers to be asked anew")
    await going.review.claim(going.id, going.review.colleague)
    await going.review.accept(going.id, officer=going.review.colleague)


async def _is_late(going: Reviewing, times: int) -> bool:
    expired = "SELECT count(*) FROM tasks WHERE case_id = %s AND status = 'expired'"
    return bool(await going.superuser.value(expired, going.id) == times)


Path_ = Callable[[Reviewing], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class End:
    """How a way ends: its phase, its most events, and which SMS the member got."""

    phase: Phase
    events: int
    sms: Mapping[str, int]


_RETURNED: Final = {task_sms(_CORRECT): 1}
_GRANTED: Final = {str(Event.KYC_GRANTED): 1}
_ENDS: dict[str, End] = {
    "kyc_accepted": End(Phase.ACCEPTED, EVENTS_HAPPY, _GRANTED),
    "kyc_refused": End(Phase.REFUSED, EVENTS_HAPPY, {FactKind.KYC_REFUSED: 1}),
    "kyc_returned_corrected": End(Phase.ACCEPTED, EVENTS_HAPPY + EVENTS_A_RETURN, _RETURNED | _GRANTED),
    "kyc_returned_lapsed": End(Phase.LAPSED, 30, _RETURNED | {reminder_sms(_CORRECT): 1, str(Event.KYC_LAPSED): 1}),
    "kyc_withdrawn": End(Phase.WITHDRAWN, EVENTS_HAPPY, {}),
    "kyc_late": End(Phase.ACCEPTED, 42, {str(Event.KYC_LATE): 1} | _GRANTED),
}
# The ways that are recorded; see tests/histories.
PATHS: dict[str, Path_] = {
    f"kyc_{path.__name__}": path for path in (accepted, refused, returned_corrected, returned_lapsed, withdrawn, late)
}


@pytest.mark.parametrize("name", PATHS)
async def test_each_way_comes_to_its_end_and_its_person_is_told_once(
    going: Reviewing, context: Context, superuser: Superuser, name: str
) -> None:
    await PATHS[name](going)
    await going.end()

    end = _ENDS[name]
    assert await going.review.phase(going.id) == end.phase
    assert await quiet_events(going.handle) <= end.events
    told = await superuser.rows(
        "SELECT template FROM notices WHERE person_id = %s AND channel = 'sms'", going.member.id
    )
    assert Counter(template for (template,) in told) == end.sms
    async with transaction(context.engine, Acting("member", going.member.id)) as connection:
        held = await identity_of(connection, going.member.id)
    assert (held is not None) == (end.phase is Phase.ACCEPTED)
    if held is not None:
        last = add_months(to_jalali(tehran_day(held.accepted_at)), 24).to_gregorian()
        assert (held.level, held.valid_until) == ("basic", last)
    assert await superuser.value("SELECT count(*) FROM tasks WHERE status = 'open'") == 0
    await assert_books_clean(context.engine)


async def test_a_late_review_is_told_to_the_desk_once_and_stands_among_late_cases(going: Reviewing) -> None:
    review = going.review
    await going.stay_silent(1)
    await eventually(lambda: _is_late(going, 1), "officers to be asked anew")
    found = await going.steps.api.get(_LATE_CASES, headers=review.operator.headers())
    assert [item["case"]["id"] for item in found.json()["items"]] == [going.case_id]

    await going.stay_silent(2)
    await eventually(lambda: _is_late(going, 2), "officers to be asked anew")
    assert await review.told(Sms.KYC_LATE_DESK) == [review.operator.id]
    assert await review.told(Event.KYC_LATE) == [review.member.id]
    assert Counter(await review.told(task_sms(_REVIEW))) == {review.officer.id: 3, review.colleague.id: 3}
    assert (await going.timeline()).count(Event.KYC_LATE) == 1


async def test_a_process_terminated_at_any_wait_goes_on_from_the_rows(going: Reviewing) -> None:
    await going.start_anew()
    await going.give_back()
    await going.start_anew()
    await going.mend()
    await going.review.claim(going.id)
    await going.start_anew()
    await going.review.refuse(going.id, 2)
    await going.end()

    assert await going.review.phase(going.id) == Phase.REFUSED
    # Each was asked once for each form, however often the process began anew.
    asked = Counter(await going.review.told(task_sms(_REVIEW)))
    assert asked == {going.review.officer.id: 2, going.review.colleague.id: 2}
    assert await going.review.told(task_sms(_CORRECT)) == [going.member.id]


async def _wakes(going: Reviewing, case_id: UUID) -> int:
    """How often the process of a case was told to look again."""
    kind = CaseKind(await going.superuser.value("SELECT kind FROM cases WHERE id = %s", case_id))
    handle = going.temporal.client.get_workflow_handle(workflow_id(kind, case_id))
    events = (await handle.fetch_history()).events
    return sum(event.workflow_execution_signaled_event_attributes.signal_name == RESUMED for event in events)


async def test_a_case_that_waits_hurries_the_review_and_is_woken_at_its_return_and_at_its_end(
    going: Reviewing, arrange: Arrange, context: Context
) -> None:
    employer = await arrange.organisation()
    welfare = await arrange.staff(Grant(Role.WELFARE_MANAGER, ScopeKind.ORGANISATION, str(employer)))
    answer = await forward(going.steps.api, welfare, await arrange.member(employer))
    waiting_id = UUID(answer.json()["id"])
    before = await going.review.task(going.id)

    assert await going.review.wait(waiting_id)

    async def is_hurried() -> bool:
        async with transaction(context.engine, Acting("service")) as connection:
            (task,) = await open_tasks(connection, going.id)
        return "awaited" in task.details and task.due_at < before.due_at

    async def was_woken(times: int) -> bool:
        return await _wakes(going, waiting_id) == times

    await eventually(is_hurried, "the review to be hurried")
    await going.give_back()
    await eventually(lambda: was_woken(1), "the waiting case to hear of the return")
    await going.mend()
    await going.review.claim(going.id)
    await going.review.accept(going.id, 2)
    await going.end()
    await eventually(lambda: was_woken(2), "the waiting case to hear of the end")
    assert await going.superuser.value("SELECT count(*) FROM identity_waits") == 0
