"""What the functions of operations keep by themselves: keys, their content, gates, the rights of a reading."""

from __future__ import annotations

import logging

import pytest
import sqlalchemy as sa
from pydantic import BaseModel, ValidationError
from starlette.responses import Response

from api.case import read_case, read_timeline
from api.client import Client
from api.dependencies import Caller
from api.onboarding import withdraw_application
from api.operations import ServiceOut, SwitchIn, read_outbox, switch_service
from api.task import DecisionsIn, decide_tasks, list_tasks
from api.values import AmountOut, Page
from commands.account import authenticate
from commands.command import Context
from domain.access import Role
from domain.account import NotSentYet
from domain.errors import DoneBefore, Forbidden, InvalidInput, KeyMissing, KeyReused, TooMany
from messages.case import CaseKind
from storage.database import Acting, as_service
from tests.arrange import Arrange, Someone
from tests.books import Superuser
from tests.commands.onboarding_steps import MinipayOffice, apply

_OPEN = SwitchIn(is_open=True, reason="پایان نگهداشت")
_CAPACITY = sa.text("SELECT current_setting('amanat.capacity')")


async def client_of(context: Context, someone: Someone) -> Client:
    """The operations as somebody may call them."""
    return Client(Caller(context, "", Response(), await authenticate(context, someone.token)))


@pytest.mark.parametrize(("key", "refusal"), [("", KeyMissing), ("short", InvalidInput), ("k" * 201, InvalidInput)])
async def test_a_command_wants_a_key(context: Context, arrange: Arrange, key: str, refusal: type[Exception]) -> None:
    operator = await arrange.platform(Role.OPERATOR)
    client = await client_of(context, operator)

    with pytest.raises(refusal):
        await client.perform(switch_service, key, CaseKind.ONBOARDING, _OPEN)


async def test_who_only_looks_reads_and_does_nothing(context: Context, arrange: Arrange) -> None:
    caller = (await client_of(context, await arrange.platform(Role.OPERATOR))).caller
    client = Client(caller, looks_only=True)

    await client.read(read_outbox)
    with pytest.raises(NotSentYet):
        await client.perform(switch_service, "k" * 20, CaseKind.ONBOARDING, _OPEN)
    with pytest.raises(NotSentYet):
        await client.call(decide_tasks, DecisionsIn.model_construct(items=[]), "k" * 20, None)


async def test_a_key_names_one_command_with_its_content(context: Context, arrange: Arrange) -> None:
    operator = await arrange.platform(Role.OPERATOR)
    client, key = await client_of(context, operator), "k" * 20

    first = await client.perform(switch_service, key, CaseKind.ONBOARDING, _OPEN)
    assert await client.perform(switch_service, key, CaseKind.ONBOARDING, _OPEN) == first
    with pytest.raises(KeyReused):
        await client.perform(switch_service, key, CaseKind.SUBSTITUTION, _OPEN)


async def test_an_answer_that_an_earlier_release_kept_is_a_refusal_which_says_that_it_was_done(
    context: Context, arrange: Arrange, superuser: Superuser, caplog: pytest.LogCaptureFixture
) -> None:
    operator = await arrange.platform(Role.OPERATOR)
    client, key = await client_of(context, operator), "k" * 20
    await client.perform(switch_service, key, CaseKind.ONBOARDING, _OPEN)
    earlier = context.seals.cipher.seal(b'{"surname": "x"}', "idempotency.answer")
    await superuser.run("UPDATE idempotency SET answer_sealed = %s", earlier)

    with pytest.raises(DoneBefore):
        await client.perform(switch_service, key, CaseKind.ONBOARDING, _OPEN)
    assert [record for record in caplog.records if record.levelno > logging.INFO] == []


@pytest.mark.parametrize("model", [SwitchIn, ServiceOut, AmountOut, Page[ServiceOut]])
def test_errors_of_what_travels_hold_no_values(model: type[BaseModel]) -> None:
    with pytest.raises(ValidationError) as found:
        model.model_validate({"is_open": "0012345679", "amount": "0012345679", "items": ["0012345679"]})
    assert "0012345679" not in str(found.value)


async def test_after_a_command_everything_is_read_anew(context: Context, arrange: Arrange) -> None:
    employer = await arrange.organisation()
    office = MinipayOffice(context, await arrange.member(employer), await arrange.hr_officer(employer))
    case_id = await apply(office)
    client = await client_of(context, office.member)
    before = await client.read(read_case, case_id)

    await client.perform(withdraw_application, "k" * 20, case_id)

    after = await client.read(read_case, case_id)
    assert after.version > before.version
    assert (await client.read(read_timeline, case_id, 0)).items[-1].code == "application_withdrawn"
    await client.end_reading()


async def test_gates_judge_and_a_failed_reading_leaves_no_rights_behind(context: Context, arrange: Arrange) -> None:
    member = await arrange.member(await arrange.organisation())
    client = await client_of(context, member)
    with pytest.raises(Forbidden):
        await client.read(read_outbox)
    await client.read(list_tasks, after=None)

    with pytest.raises(TooMany):
        async with client._reading() as reading, as_service(reading.connection, Acting.of(reading.actor)):
            raise TooMany
    async with client._reading() as reading:
        assert (await reading.connection.execute(_CAPACITY)).scalar_one() == "member"
    await client.end_reading()


async def test_what_was_read_counts_though_its_transaction_cannot_be_ended(
    context: Context, arrange: Arrange, superuser: Superuser, caplog: pytest.LogCaptureFixture
) -> None:
    client = await client_of(context, await arrange.platform(Role.OPERATOR))
    await client.read(list_tasks, after=None)
    await superuser.run(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND state = 'idle in transaction'"
    )

    await client.end_reading()
    assert [record.message for record in caplog.records] == ["database_unavailable"]
    await client.read(list_tasks, after=None)
    await client.end_reading()
