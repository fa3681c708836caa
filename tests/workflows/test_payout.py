"""The process of a batch of withdrawals: confirmed, rejected, answered, settled by hand, silent at each wait (E3)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import pytest
from temporalio.client import WorkflowHandle
from temporalio.testing import WorkflowEnvironment

from activities.transition import ActivityContext
from commands.command import Context
from domain.money import Money
from messages.case import CaseKind, CaseSignal, workflow_id
from relay import Relay
from storage.database import SERVICE, transaction
from storage.tasks import find_open
from tests.arrange import Arrange, eventually, sent_to
from tests.books import Superuser, assert_books_clean
from tests.events import quiet_events
from tests.journeys.process import Process
from tests.journeys.steps import Steps
from tests.payout_steps import AMOUNT, CONFIRM, HAND_OVER, REJECT, SETTLE, PayoutOffice, give_money, queue_withdrawals
from workflows.payout import PayoutWorkflow

EVENT_BUDGET = 40
# One more officer is waited for, and one more batch of lines is settled.
REJECTION_BUDGET = 13


@dataclass(frozen=True, slots=True)
class Paying(Process):
    """A batch that an officer has made."""

    office: PayoutOffice

    @property
    def id(self) -> UUID:
        """Of the case."""
        return UUID(self.case_id)

    @property
    def handle(self) -> WorkflowHandle[Any, Any]:
        """The process, whichever run it is in."""
        return self.temporal.client.get_workflow_handle(workflow_id(CaseKind.PAYOUT, self.id))

    async def timeline(self) -> list[str]:
        """The codes of the case's timeline, which members do not see."""
        rows = await self.superuser.rows("SELECT code FROM timeline WHERE case_id = %s ORDER BY id", self.id)
        return [str(code) for (code,) in rows]

    async def waits_for(self, kind: str) -> None:
        """Wait until somebody is asked."""

        async def asked() -> bool:
            async with transaction(self.office.context.engine, SERVICE) as connection:
                return await find_open(connection, self.id, kind) is not None

        await eventually(asked, f"a task {kind}")

    async def is_in(self, phase: str) -> None:
        """Wait until the case stands there."""

        async def there() -> bool:
            return await self.office.phase(self.id) == phase

        await eventually(there, f"the phase {phase}")

    async def confirm(self) -> None:
        """Another officer confirms."""
        await self.waits_for(CONFIRM)
        await self.office.confirm(self.id)
        await self.waits_for(HAND_OVER)

    async def hand_over(self) -> None:
        """The bank has the file."""
        await self.waits_for(HAND_OVER)
        await self.office.hand_over(self.id)
        await self.is_in("sent")

    async def send(self, *, left_out: tuple[int, ...] = ()) -> None:
        """The bank's answer is read."""
        await self.office.send_answer(self.id, await self.office.answer_to(self.id, left_out=left_out))

        async def read() -> bool:
            return all(one.ended_at is not None for one in await self.office.answers(self.id))

        await eventually(read, "the bank's answer to be read")

    async def call_rejected(self, *lines: int, left_out: tuple[int, ...] = ()) -> None:
        """The bank's answer is read, which calls some lines rejected."""
        said = await self.office.answer_to(self.id, rejected=lines, left_out=left_out)
        await self.office.send_answer(self.id, said)
        await self.waits_for(REJECT)

    async def waits_for_bank(self) -> None:
        """Wait until the process waits for the bank again."""
        count = "SELECT count(*) FROM deadlines WHERE case_id = %s"

        async def waits() -> bool:
            return bool(await self.superuser.value(count, self.id))

        await eventually(waits, "the process to wait for the bank")

    async def record(self, line: int, result: str = "paid") -> None:
        """What became of a line is recorded by hand."""
        (one,) = [each for each in await self.office.lines(self.id) if each.withdrawal.line == line]
        await self.office.record(self.id, one.withdrawal.id, result=result)
        await self.waits_for(SETTLE)

    async def asked_anew(self, kind: str, times: int) -> None:
        """Wait until a task was asked so often."""
        count = "SELECT count(*) FROM tasks WHERE case_id = %s AND kind = %s"

        async def asked() -> bool:
            return bool(await self.superuser.value(count, self.id, kind) >= times)

        await eventually(asked, f"{kind} to be asked anew")

    async def silence(self, kind: str) -> None:
        """Nobody answers: reminded, then asked anew."""
        await self.waits_for(kind)
        await self.pass_wait()
        await self.pass_wait()
        await self.asked_anew(kind, 2)


async def make(
    office: PayoutOffice,
    steps: Steps,
    temporal: WorkflowEnvironment,
    superuser: Superuser,
    relay: Relay,
    count: int = 3,
) -> Paying:
    """A batch is made of so many withdrawals."""
    if count:
        await give_money(office.context, office.member.id, AMOUNT)
        await queue_withdrawals(office.context, [office.member.id], count, AMOUNT)
    case_id = await office.make()
    return Paying(steps, temporal, superuser, relay, office.member, str(case_id), office)


@pytest.fixture
async def office(context: Context, arrange: Arrange, activity_context: ActivityContext) -> PayoutOffice:
    """A member with money, and two officers."""
    return await PayoutOffice.opened(context, arrange, activity_context)


@pytest.fixture
async def made(
    office: PayoutOffice,
    relay: Relay,
    worker: None,
    steps: Steps,
    temporal: WorkflowEnvironment,
    superuser: Superuser,
) -> Paying:
    """A batch of three lines."""
    return await make(office, steps, temporal, superuser, relay)


async def test_a_batch_that_is_confirmed_handed_over_and_answered_ends_in_few_events(
    made: Paying, context: Context, superuser: Superuser
) -> None:
    await answered(made)
    await made.end()
    assert await quiet_events(made.handle) <= EVENT_BUDGET
    assert await made.timeline() == [
        "payout_made",
        "payout_cut",
        "payout_confirmed",
        "payout_handed_over",
        "payout_answered",
        "payout_answer_applied",
        "payout_settled",
    ]

    async def told() -> bool:
        return sent_to(made.steps.messages, made.office.member.mobile).count("withdrawal_paid") == 3

    await eventually(told, "the member to be told of each")
    await assert_books_clean(context.engine)


@pytest.mark.long
async def test_a_hundred_times_as_many_lines_take_no_event_more(
    office: PayoutOffice,
    relay: Relay,
    worker: None,
    steps: Steps,
    temporal: WorkflowEnvironment,
    superuser: Superuser,
) -> None:
    people = [await office.arrange.person("member") for _ in range(10)]
    for one in people:
        await give_money(office.context, one.id, Money(AMOUNT.amount * 30))
    await queue_withdrawals(office.context, [one.id for one in people], 300, AMOUNT)
    made = Paying(steps, temporal, superuser, relay, office.member, str(await office.make()), office)
    await answered(made)
    await made.end()
    assert (await office.batch(made.id)).lines == 300
    assert await quiet_events(made.handle) <= EVENT_BUDGET


async def test_a_batch_of_which_the_bank_rejects_a_part_ends_in_few_events(made: Paying, context: Context) -> None:
    await rejected_in_part(made)
    await made.end()
    assert await quiet_events(made.handle) <= EVENT_BUDGET + REJECTION_BUDGET
    states = {one.withdrawal.state for one in await made.office.lines(made.id)}
    assert states == {"paid", "rejected"}
    await assert_books_clean(context.engine)


async def test_what_comes_back_after_the_process_is_over_is_booked_without_it(made: Paying, context: Context) -> None:
    await answered(made)
    await made.end()
    (one, *_) = await made.office.lines(made.id)
    await made.office.record(made.id, one.withdrawal.id, result="returned")
    await made.office.confirm_record(made.id)
    await made.told("payout_line_returned")
    assert (await made.office.one(one.withdrawal.id)).state == "returned"
    assert await made.timeline() == [
        "payout_made",
        "payout_cut",
        "payout_confirmed",
        "payout_handed_over",
        "payout_answered",
        "payout_answer_applied",
        "payout_settled",
        "payout_settlement_recorded",
        "payout_settlement_confirmed",
        "payout_line_returned",
    ]
    await assert_books_clean(context.engine)


async def test_a_record_that_is_answered_late_and_rejected_changes_nothing(made: Paying) -> None:
    await recorded_in_vain(made)
    await made.end()
    assert {one.withdrawal.reference for one in await made.office.lines(made.id)} == {"REF-1", "REF-2", "REF-3"}


async def test_forged_messages_change_nothing(made: Paying) -> None:
    await made.waits_for(CONFIRM)
    before = await made.timeline()
    for name in PayoutWorkflow.signals:
        await made.handle.signal(name, CaseSignal(CaseKind.PAYOUT, made.id, name, uuid4()))
    await made.pass_time(hours=1)
    assert await made.timeline() == before


async def test_a_process_terminated_at_any_wait_goes_on_from_the_rows(made: Paying) -> None:
    await made.waits_for(CONFIRM)
    await made.start_anew()
    await made.confirm()
    await made.start_anew()
    await made.hand_over()
    await made.start_anew()
    await made.send()
    await made.end()
    assert (await made.timeline()).count("payout_settled") == 1
    states = {one.withdrawal.state for one in await made.office.lines(made.id)}
    assert states == {"paid"}


async def test_what_stays_silent_is_asked_anew_and_the_bank_is_never_asked_by_itself(made: Paying) -> None:
    await silent(made)
    await made.end()
    timeline = await made.timeline()
    assert timeline.count("payout_unanswered") == 1
    assert timeline.count("payout_handed_over") == 1


async def answered(made: Paying) -> None:
    """Confirmed, handed over, answered whole."""
    await made.confirm()
    await made.hand_over()
    await made.send()


async def rejected(made: Paying) -> None:
    """Another officer rejects."""
    await made.waits_for(CONFIRM)
    await made.office.reject(made.id)


async def settled_by_hand(made: Paying) -> None:
    """The bank answers to one line; the others are recorded by hand."""
    await made.confirm()
    await made.hand_over()
    await made.send(left_out=(2, 3))
    await made.told("payout_answer_applied")
    for line in (2, 3):
        await made.record(line)
        await made.office.confirm_record(made.id)
        await made.told("payout_line_settled", times=line - 1)


async def silent(made: Paying) -> None:
    """Nobody answers at first, wherever somebody is asked."""
    await made.silence(CONFIRM)
    await made.confirm()
    await made.silence(HAND_OVER)
    await made.hand_over()
    await made.pass_wait()
    await made.told("payout_unanswered")
    await made.send()


async def recorded_in_vain(made: Paying) -> None:
    """What is recorded by hand is answered late, and rejected; then the bank answers."""
    await made.confirm()
    await made.hand_over()
    await made.record(1)
    await made.silence(SETTLE)
    await made.office.reject_record(made.id)
    await made.told("payout_settlement_rejected")
    await made.send()


async def rejected_in_vain(made: Paying) -> None:
    """What the bank's file calls rejected is answered late, and refused; then the bank has paid all."""
    await made.confirm()
    await made.hand_over()
    await made.call_rejected(1)
    await made.silence(REJECT)
    await made.office.refuse_rejections(made.id)
    await made.waits_for_bank()
    await made.send(left_out=(2, 3))


async def rejected_in_part(made: Paying) -> None:
    """The bank's file pays a line and calls two rejected, which another officer confirms."""
    await made.confirm()
    await made.hand_over()
    await made.call_rejected(1, 2)
    await made.office.confirm_rejections(made.id)


async def partly_rejected(made: Paying) -> None:
    """The bank's first file calls a line rejected and leaves one out, which the second one calls rejected, too."""
    await made.confirm()
    await made.hand_over()
    for line, left_out in ((1, (3,)), (3, (1, 2))):
        await made.call_rejected(line, left_out=left_out)
        await made.office.confirm_rejections(made.id)
        if line == 1:
            await made.waits_for_bank()


async def returned(made: Paying) -> None:
    """A line comes back while another is open."""
    await made.confirm()
    await made.hand_over()
    await made.send(left_out=(3,))
    await made.told("payout_answer_applied")
    await made.record(1, "returned")
    await made.office.confirm_record(made.id)
    await made.told("payout_line_returned")
    await made.send()


async def empty(made: Paying) -> None:
    """Nothing waits."""
    await made.is_in("empty")


Path_ = Callable[[Paying], Awaitable[None]]
PATHS: dict[str, Path_] = {
    f"payout_{path.__name__}": path
    for path in (
        answered,
        rejected,
        settled_by_hand,
        silent,
        recorded_in_vain,
        rejected_in_vain,
        rejected_in_part,
        partly_rejected,
        returned,
        empty,
    )
}
