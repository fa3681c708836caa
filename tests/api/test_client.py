"""What the functions of operations keep by themselves: keys, their content, gates, the rights of a reading."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from starlette.responses import Response

from api.client import Client
from api.dependencies import Caller
from api.operations import SwitchIn, read_outbox, switch_service
from api.task import list_tasks
from commands.account import authenticate
from commands.command import Context
from domain.access import Role
from domain.errors import Forbidden, InvalidInput, KeyMissing, KeyReused, TooMany
from messages.case import CaseKind
from storage.database import Acting, as_service
from tests.arrange import Arrange, Someone

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


async def test_a_key_names_one_command_with_its_content(context: Context, arrange: Arrange) -> None:
    operator = await arrange.platform(Role.OPERATOR)
    client, key = await client_of(context, operator), "k" * 20

    first = await client.perform(switch_service, key, CaseKind.ONBOARDING, _OPEN)
    assert await client.perform(switch_service, key, CaseKind.ONBOARDING, _OPEN) == first
    with pytest.raises(KeyReused):
        await client.perform(switch_service, key, CaseKind.SUBSTITUTION, _OPEN)


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
