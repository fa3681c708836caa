"""The relay: sends what was promised, at least once, and the effect comes once."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.testing import WorkflowEnvironment

from activities.transition import ActivityContext
from commands.command import Context
from gateways.sms import SendFailed
from messages.case import CaseKind, CaseSignal
from messages.notice import SendNotice
from relay import Lane, Relay, Route
from storage import outbox
from storage.database import SERVICE, transaction
from storage.notices import notify
from storage.outbox import ALARM_ATTEMPTS
from storage.rows.outbox import OutboxMessage
from tests.arrange import Arrange, eventually, sent_to
from tests.books import Superuser, assert_books_clean
from tests.commands.onboarding_steps import MinipayOffice, apply, open_task
from tests.conftest import routes
from tests.journeys.steps import Steps
from tests.races import SERIALISATION, counting, fail_serialization


@contextlib.asynccontextmanager
async def relaying(relay: Relay) -> AsyncIterator[None]:
    """A relay at work for a while."""
    task = asyncio.create_task(relay.run())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@pytest.fixture
async def office(context: Context, arrange: Arrange) -> MinipayOffice:
    """A member and their HR."""
    employer = await arrange.organisation()
    return MinipayOffice(context, await arrange.member(employer), await arrange.hr_officer(employer))


async def enqueue_all(engine: AsyncEngine, *messages: object) -> None:
    """Enqueue some messages."""
    async with transaction(engine, SERVICE) as connection:
        await outbox.enqueue(connection, *messages)


async def all_sent(superuser: Superuser) -> None:
    """Wait until nothing is left to send."""

    async def sent() -> bool:
        return not await superuser.value("SELECT count(*) FROM outbox WHERE sent_at IS NULL")

    await eventually(sent, "everything to be sent")


def submitted(case_id: UUID) -> CaseSignal:
    """What starts an application's process."""
    return CaseSignal(CaseKind.ONBOARDING, case_id, "application_submitted", uuid4())


def test_two_routes_for_messages_of_one_name_are_refused(engine: AsyncEngine) -> None:
    """The messages of one of them would go to the other."""

    async def send(_: object) -> None:
        """Send nothing."""

    again = type(SendNotice.__name__, (), {})
    with pytest.raises(ValueError, match="two routes for SendNotice"):
        Relay(engine, [Route(SendNotice, send), Route(again, send)])


@pytest.mark.usefixtures("worker")
async def test_a_relay_that_died_between_sending_and_marking_sends_again_and_the_effect_comes_once(
    context: Context,
    office: MinipayOffice,
    activity_context: ActivityContext,
    temporal: WorkflowEnvironment,
    superuser: Superuser,
    messages_dir: Path,
    steps: Steps,
) -> None:
    case_id = await apply(office)
    by_name = {route.message.__name__: route for route in routes(temporal.client, activity_context, messages_dir)}
    async with transaction(context.engine, SERVICE) as connection:
        claimed = await outbox.claim(connection, ["CaseSignal", "SendNotice"], 20)
    for row in claimed:
        await by_name[row.message].send(outbox_message(by_name[row.message], row))
    run = (await temporal.client.get_workflow_handle(f"onboarding/{case_id}").describe()).run_id
    assert await superuser.value("SELECT count(*) FROM outbox WHERE sent_at IS NOT NULL") == 0

    await superuser.run("UPDATE outbox SET claimed_until = now() - interval '1 second'")
    async with relaying(Relay(context.engine, by_name.values(), sweep_seconds=0.1)):
        await steps.task(office.officer, str(case_id))
        await all_sent(superuser)

    assert (await temporal.client.get_workflow_handle(f"onboarding/{case_id}").describe()).run_id == run
    assert await superuser.value("SELECT count(*) FROM timeline WHERE code = 'certificate_requested'") == 1
    assert sent_to(messages_dir, office.member.mobile).count("application_submitted") == 1
    await assert_books_clean(context.engine)


def outbox_message(route: Route, row: OutboxMessage) -> object:
    """A claimed row as its message."""
    from messages.payload import decode  # noqa: PLC0415 - of one helper

    return decode(route.message, row.payload)


async def test_relays_at_the_same_moment_send_each_message_once(engine: AsyncEngine, superuser: Superuser) -> None:
    sent: list[object] = []

    async def send(message: object) -> None:
        sent.append(message)
        await asyncio.sleep(0)

    await enqueue_all(engine, *(SendNotice(uuid4()) for _ in range(60)))
    relays = [Relay(engine, [Route(SendNotice, send, Lane.NOTICES)], sweep_seconds=0.05) for _ in range(3)]

    async def counted() -> bool:
        return sum(relay.sent for relay in relays) == 60

    async with contextlib.AsyncExitStack() as stack:
        for relay in relays:
            await stack.enter_async_context(relaying(relay))
        await all_sent(superuser)
        # A relay counts after its commit, which others see first.
        await eventually(counted, "every relay to have counted")

    assert len(sent) == len(set(sent)) == 60


async def test_what_was_sent_is_marked_although_the_first_mark_lost_a_race(
    engine: AsyncEngine, superuser: Superuser
) -> None:
    sent: list[object] = []

    async def send(message: object) -> None:
        sent.append(message)

    await enqueue_all(engine, SendNotice(uuid4()))
    await fail_serialization(superuser, "outbox", "UPDATE OF sent_at")
    relay = Relay(engine, [Route(SendNotice, send, Lane.NOTICES)])
    with counting("chore:mark_sent") as counted:
        claimed = [await relay.drain(Lane.NOTICES) for _ in range(2)]

    assert (claimed, len(sent), relay.sent) == ([1, 0], 1, 1)
    assert await superuser.value("SELECT count(*) FROM outbox WHERE sent_at IS NULL") == 0
    assert counted.again == {SERIALISATION: 1}


async def test_a_nudge_sends_at_once_without_waiting_for_the_sweep(engine: AsyncEngine, superuser: Superuser) -> None:
    arrived: list[object] = []

    async def send(message: object) -> None:
        arrived.append(message)

    relay, notice = Relay(engine, [Route(SendNotice, send, Lane.NOTICES)], sweep_seconds=3_600), SendNotice(uuid4())
    async with relaying(relay):
        await enqueue_all(engine, notice)
        relay.nudge()
        await all_sent(superuser)

    assert arrived == [notice]


async def test_a_failing_message_is_put_off_and_stops_no_other(
    engine: AsyncEngine, superuser: Superuser, caplog: pytest.LogCaptureFixture
) -> None:
    bad = SendNotice(uuid4())

    async def send(message: object) -> None:
        if message == bad:
            raise SendFailed("0912 is not reachable", retryable=True)

    await enqueue_all(engine, bad, SendNotice(uuid4()))
    await superuser.run("UPDATE outbox SET attempts = %s", ALARM_ATTEMPTS - 1)
    with caplog.at_level(logging.WARNING, "amanat.relay"):
        await Relay(engine, [Route(SendNotice, send, Lane.NOTICES)]).drain(Lane.NOTICES)

    assert await superuser.rows("SELECT sent_at IS NULL, last_error FROM outbox ORDER BY id") == [
        (True, "SendFailed"),
        (False, None),
    ]
    (alarm,) = [record for record in caplog.records if record.getMessage() == "message_not_sent"]
    assert alarm.levelno == logging.ERROR
    assert "0912" not in caplog.text


async def test_what_may_take_long_is_leased_for_longer(engine: AsyncEngine, superuser: Superuser) -> None:
    left: list[float] = []

    async def send(_: object) -> None:
        left.append(await superuser.value("SELECT extract(epoch FROM claimed_until - now())::float FROM outbox"))

    await enqueue_all(engine, SendNotice(uuid4()))
    await Relay(engine, [Route(SendNotice, send, Lane.NOTICES, seconds=50)]).drain(Lane.NOTICES)

    assert 50 < left[0] < 70


async def test_a_lane_that_cannot_send_does_not_hold_up_the_other(engine: AsyncEngine, superuser: Superuser) -> None:
    arrived = asyncio.Event()

    async def stuck(_: object) -> None:
        await asyncio.Event().wait()

    async def arrive(_: object) -> None:
        arrived.set()

    await enqueue_all(engine, *(submitted(uuid4()) for _ in range(40)), SendNotice(uuid4()))
    relay = Relay(
        engine,
        [Route(CaseSignal, stuck), Route(SendNotice, arrive, Lane.NOTICES)],
        sweep_seconds=0.05,
    )
    async with relaying(relay):
        await asyncio.wait_for(arrived.wait(), 5)

    assert await superuser.value("SELECT count(*) FROM outbox WHERE message = 'CaseSignal'") == 40


async def test_a_notice_asked_for_twice_is_sent_once(
    engine: AsyncEngine,
    context: Context,
    office: MinipayOffice,
    activity_context: ActivityContext,
    temporal: WorkflowEnvironment,
    superuser: Superuser,
    messages_dir: Path,
) -> None:
    async with transaction(engine, SERVICE) as connection:
        await notify(connection, [office.member.id], "application_withdrawn")
    notice_id = await superuser.value("SELECT id FROM notices")

    async with relaying(Relay(engine, routes(temporal.client, activity_context, messages_dir), sweep_seconds=0.1)):
        await all_sent(superuser)
        await enqueue_all(engine, SendNotice(notice_id))
        await all_sent(superuser)

    assert sent_to(messages_dir, office.member.mobile).count("application_withdrawn") == 1
    assert await superuser.rows("SELECT state, sent_at IS NOT NULL FROM notices") == [("sent", True)]


@pytest.mark.usefixtures("worker")
async def test_a_case_that_is_over_swallows_what_comes_for_it(
    context: Context,
    office: MinipayOffice,
    activity_context: ActivityContext,
    temporal: WorkflowEnvironment,
    superuser: Superuser,
    messages_dir: Path,
) -> None:
    """A message for a completed process counts as sent; the process is not begun again."""
    from tests.commands.onboarding_steps import refuse  # noqa: PLC0415 - of one test

    relay = Relay(context.engine, routes(temporal.client, activity_context, messages_dir), sweep_seconds=0.1)
    async with relaying(relay):
        case_id = await apply(office)

        async def asked() -> bool:
            with contextlib.suppress(AssertionError):
                return bool(await open_task(context, case_id))
            return False

        await eventually(asked, "the task")
        await refuse(office, case_id)
        await temporal.client.get_workflow_handle(f"onboarding/{case_id}").result()
        before = await superuser.effects()
        await enqueue_all(context.engine, submitted(case_id))
        await all_sent(superuser)

    assert await superuser.effects() == before
