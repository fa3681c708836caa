"""Every command asks for its person's rights again when it begins, however long ago its request was let in (G1)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from uuid import UUID

import httpx2
import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.transition import ActivityContext
from commands.command import Context
from domain.account import Capacity
from storage.account import begin_session, end_sessions, strengthen_session
from storage.account.sessions import lock_rights
from storage.database import SERVICE, transaction
from storage.rows.account import role_grants
from tests.api.calls import Call, calls, operations
from tests.api.matrix import MATRIX
from tests.api.world import STAFF, World, make_world
from tests.arrange import Arrange, eventually
from tests.books import Superuser
from tests.commands.test_rights import WAITS

TakeAway = Callable[[AsyncConnection, UUID], Awaitable[object]]


async def _roles(connection: AsyncConnection, person_id: UUID) -> None:
    await lock_rights(connection, person_id)
    await connection.execute(
        sa.update(role_grants).where(role_grants.c.person_id == person_id).values(revoked_at=sa.func.now())
    )


@dataclass(frozen=True, slots=True)
class Doorway:
    """Where a request stands that was let in, and whose command has not begun."""

    api: httpx2.AsyncClient
    context: Context
    world: World
    superuser: Superuser

    async def ask(self, call: Call, who: str, take_away: TakeAway) -> httpx2.Response:
        """What somebody is answered whose right is taken away after the request was let in, before its command."""
        person_id = await self._sign_in(who)
        async with transaction(self.context.engine, SERVICE) as connection:
            # The request still finds the right; its command waits for the lock, and then does not.
            await take_away(connection, person_id)
            sending = asyncio.create_task(call.send(self.api, self.world, who))
            await eventually(lambda: self._is_waiting(sending), f"{call.path} to wait")
        return await sending

    async def _is_waiting(self, sending: asyncio.Task[httpx2.Response]) -> bool:
        if sending.done():
            raise AssertionError(f"it did not wait: {sending.result().status_code} {sending.result().text}")
        return bool(await self.superuser.value(WAITS))

    async def _sign_in(self, who: str) -> UUID:
        """A new session with a fresh code, and the roles again that were taken away before."""
        someone = self.world.people[who]
        await self.superuser.run("UPDATE role_grants SET revoked_at = NULL WHERE person_id = %s", someone.id)
        async with transaction(self.context.engine, SERVICE) as connection:
            capacity: Capacity = "staff" if who in STAFF else "member"
            session = await begin_session(connection, someone.id, capacity)
            await strengthen_session(connection, session.id, capacity)
        self.world.people[who] = replace(someone, token=session.token)
        return someone.id


@pytest.mark.parametrize("take_away", [end_sessions, _roles])
async def test_a_right_that_is_taken_away_after_a_request_was_let_in_is_missing_when_its_command_begins(
    api: httpx2.AsyncClient,
    context: Context,
    activity_context: ActivityContext,
    arrange: Arrange,
    superuser: Superuser,
    take_away: TakeAway,
) -> None:
    world = await make_world(context, activity_context, arrange, superuser)
    doorway, document = Doorway(api, context, world, superuser), operations((await api.get("/openapi.json")).json())
    before, surprises, asked = await superuser.effects(), [], 0
    for operation, call in calls(world).items():
        rule = MATRIX[operation]
        if not _is_command(document[operation]) or rule.public:
            continue
        # What is for all of the staff needs no role.
        staff = [] if take_away is _roles and rule.let_in >= set(STAFF) else sorted(rule.let_in & set(STAFF))
        members = [] if take_away is _roles else sorted(rule.let_in - set(STAFF))
        for who in [*staff[:1], *members[:1]]:
            asked += 1
            await superuser.run("DELETE FROM rate_windows")
            answer = await doorway.ask(call, who, take_away)
            if answer.status_code not in ({403, 404} if take_away is _roles else {401}):
                surprises.append(f"{operation} by {who}: {answer.status_code} {answer.text[:200]}")

    assert surprises == []
    assert asked > 15
    assert await superuser.effects() == before


def _is_command(operation: dict[str, list[dict[str, str]]]) -> bool:
    return any(parameter["name"] == "Idempotency-Key" for parameter in operation.get("parameters", ()))
