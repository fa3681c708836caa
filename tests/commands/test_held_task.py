"""Tasks that only their holder sees (E5): claimed before they are decided, by somebody without interest in the case."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

import httpx2
import pytest

from activities.transition import ActivityContext, Transition
from api.decisions import CLAIMING
from commands.command import Command, Context
from commands.refusals import refuses
from commands.task import claim_task, lock_free_task, lock_task, release_task
from domain.access import Grant, Part, Role, ScopeKind
from domain.catalogue import HELD
from domain.errors import NotFound, OwnCase, Refusal, TaskClaimed
from domain.held_task import ClaimConflict, ClaimStays, HeldTask, TaskNotClaimed, Waits
from domain.identity import Sheba
from messages.case import CaseKind
from messages.payment import TaskKind
from storage import bank_account, cases, tasks
from storage.database import SERVICE, postgres_now, transaction
from storage.policies import in_force
from storage.rows.tasks import Task
from tests.arrange import Arrange, Someone
from tests.books import Superuser
from tests.commands.onboarding_steps import run

ARBITRATORS = Grant(Role.ARBITRATOR, ScopeKind.PLATFORM)
HOUR = timedelta(hours=1)
LATER = Waits(timedelta(days=3), timedelta(days=5))
KIND = TaskKind.SETTLE_PAYMENT
AMOUNT = 25_000_000


class Fact(StrEnum):
    """What the process would hear."""

    CLAIMED = "dispute_claimed"
    RELEASED = "dispute_released"


@dataclass(frozen=True, slots=True)
class Dispute:
    """A case of two parties that asks the arbitrators, of whom there are two."""

    context: Context
    arrange: Arrange
    superuser: Superuser
    case_id: UUID
    parties: tuple[Someone, Someone]
    task_id: UUID
    arbitrators: list[Someone] = field(default_factory=list)

    @property
    def first(self) -> Someone:
        """One of the two."""
        return self.arbitrators[0]

    @property
    def second(self) -> Someone:
        """The other one."""
        return self.arbitrators[1]

    async def do(self, who: Someone, deed: Callable[[Command, Task], Awaitable[None]]) -> None:
        """Claim or release, as the API does."""

        async def work(command: Command) -> None:
            await deed(command, await lock_free_task(command, self.task_id))

        await run(self.context, who, work)

    async def claim(self, who: Someone) -> None:
        """Take the task."""
        await self.do(who, claim_task)

    async def refused(self, work: Awaitable[Any]) -> type[Refusal]:
        """With what something is refused, which leaves no row behind."""
        before = await self.superuser.effects()
        with pytest.raises(Refusal) as refusal:
            await work
        assert await self.superuser.effects() == before
        return refusal.type

    async def lock(self, who: Someone) -> Task:
        """The task, for a decision."""
        found: Task = await run(self.context, who, lambda command: lock_task(command, self.task_id))
        return found

    async def share(self, person_id: UUID, other_id: UUID) -> None:
        """Two people took part in one case, which is over for them."""
        engine = self.context.engine
        async with transaction(engine, SERVICE) as connection:
            case_id = await open_case(connection, person_id, Part.PAYER)
        insert = "INSERT INTO case_people (case_id, person_id, part, until) VALUES (%s, %s, 'payee', now())"
        await self.superuser.run(insert, case_id, other_id)

    async def bank(self, person_id: UUID) -> None:
        """A person has a certain sheba, which the bank has confirmed."""
        async with transaction(self.context.engine, SERVICE) as connection:
            sheba = Sheba("IR062960000000100324200001")
            added = await bank_account.add_account(connection, self.context.seals, person_id, sheba)
        confirm = "UPDATE bank_accounts SET state = 'confirmed', answered_at = now() WHERE id = %s"
        await self.superuser.run(confirm, added)


async def open_case(connection: Any, person_id: UUID, part: Part) -> UUID:
    """A case whose staff nobody is but by their tasks."""
    policy = await in_force(connection, "payment")
    assert policy is not None
    return await cases.open_case(
        connection, kind=CaseKind.NORMAL_PAYMENT, phase="asking", policy_id=policy.id, person_id=person_id, part=part
    )


@pytest.fixture(autouse=True)
def held(monkeypatch: pytest.MonkeyPatch) -> HeldTask:
    """A kind that only its holder sees, and that cannot be given back."""
    declared = HeldTask(KIND, Fact.CLAIMED, by_another=True)
    monkeypatch.setitem(HELD, KIND, declared)
    return declared


@pytest.fixture
async def dispute(context: Context, arrange: Arrange, superuser: Superuser) -> Dispute:
    """The case, with its task open."""
    payer, payee = await arrange.colleagues(2)
    async with transaction(context.engine, SERVICE) as connection:
        case_id = await open_case(connection, payer.id, Part.PAYER)
        task_id = await tasks.open_task(
            connection, case_id, KIND, assignee=ARBITRATORS, remind_in=HOUR, due_in=2 * HOUR, details={"amount": AMOUNT}
        )
    await superuser.run(
        "INSERT INTO case_people (case_id, person_id, part) VALUES (%s, %s, 'payee')", case_id, payee.id
    )
    both = [await arrange.platform(Role.ARBITRATOR) for _ in range(2)]
    return Dispute(context, arrange, superuser, case_id, (payer, payee), task_id, both)


async def seen(api: httpx2.AsyncClient, who: Someone, case_id: UUID) -> tuple[bool, bool]:
    """Whether somebody finds a case in their list, and may read it."""
    listed = (await api.get("/v1/cases", headers=who.headers())).json().get("items", [])
    timeline = await api.get(f"/v1/cases/{case_id}/timeline", headers=who.headers())
    return [case["id"] for case in listed] == [str(case_id)], timeline.status_code == 200


async def test_the_case_is_seen_by_its_holder_alone_and_for_as_long_as_they_hold_it(
    api: httpx2.AsyncClient, dispute: Dispute
) -> None:
    sight = [[await seen(api, who, dispute.case_id) for who in dispute.arbitrators]]
    await dispute.claim(dispute.first)
    sight.append([await seen(api, who, dispute.case_id) for who in dispute.arbitrators])
    async with transaction(dispute.context.engine, SERVICE) as connection:
        await tasks.take_away(connection, dispute.task_id, LATER)
    sight.append([await seen(api, who, dispute.case_id) for who in dispute.arbitrators])

    nobody, yes = (False, False), (True, True)
    assert sight == [[nobody, nobody], [yes, nobody], [nobody, nobody]]


async def test_who_decided_sees_the_case_no_more_and_auditors_see_it_all_the_time(
    api: httpx2.AsyncClient, dispute: Dispute
) -> None:
    auditor = await dispute.arrange.platform(Role.AUDITOR)
    await dispute.claim(dispute.first)
    watched = await seen(api, auditor, dispute.case_id)

    async def decide(command: Command) -> None:
        task = await lock_task(command, dispute.task_id)
        await command.act(dispute.case_id, Fact.RELEASED, part=Role.ARBITRATOR, closes=task)

    await run(dispute.context, dispute.first, decide)

    assert watched == await seen(api, auditor, dispute.case_id) == (True, True)
    assert await seen(api, dispute.first, dispute.case_id) == (False, False)


async def test_the_queue_shows_how_much_since_when_and_until_when_and_no_name(
    api: httpx2.AsyncClient, dispute: Dispute
) -> None:
    (waiting,) = (await api.get("/v1/tasks", headers=dispute.second.headers())).json()["items"]
    await dispute.claim(dispute.first)
    alone = await api.get(f"/v1/tasks/{dispute.task_id}", headers=dispute.second.headers())
    mine = await api.get(f"/v1/tasks/{dispute.task_id}", headers=dispute.first.headers())

    assert (waiting["amount"]["amount"], waiting["person_name"], waiting["held"]) == (AMOUNT, None, True)
    assert (alone.json()["person_name"], alone.json()["claimed_by_me"]) == (None, False)
    assert mine.json()["person_name"]


async def test_it_is_decided_by_who_has_claimed_it(dispute: Dispute) -> None:
    assert await dispute.refused(dispute.lock(dispute.first)) is TaskNotClaimed
    await dispute.claim(dispute.first)

    assert (await dispute.lock(dispute.first)).claimed_by == dispute.first.id
    assert await dispute.refused(dispute.lock(dispute.second)) is TaskClaimed


async def test_of_two_who_claim_at_the_same_moment_one_has_it(dispute: Dispute) -> None:
    answers = await asyncio.gather(*(dispute.claim(who) for who in dispute.arbitrators), return_exceptions=True)

    assert [type(answer) for answer in answers if answer is not None] == [TaskClaimed]
    assert await dispute.superuser.rows("SELECT count(*) FROM facts WHERE kind = %s", Fact.CLAIMED) == [(1,)]


async def test_a_claim_wakes_the_process_and_is_made_once(dispute: Dispute) -> None:
    await dispute.claim(dispute.first)
    await dispute.claim(dispute.first)

    facts = await dispute.superuser.rows("SELECT kind, actor_id, payload FROM facts")
    signals = await dispute.superuser.rows("SELECT payload ->> 'name' FROM outbox WHERE case_id = %s", dispute.case_id)
    assert facts == [(Fact.CLAIMED, dispute.first.id, {"task_id": str(dispute.task_id)})]
    assert signals == [(Fact.CLAIMED,)]


async def test_its_holder_is_waited_for_until_another_moment(
    api: httpx2.AsyncClient, dispute: Dispute, monkeypatch: pytest.MonkeyPatch
) -> None:
    @refuses()
    async def wait(_: Command, __: Task) -> Waits:
        return LATER

    monkeypatch.setitem(CLAIMING, KIND, wait)
    await dispute.superuser.run("UPDATE tasks SET reminded_at = now()")

    answer = await api.post(f"/v1/tasks/{dispute.task_id}/claim", headers=dispute.first.headers())

    assert answer.status_code == 200, answer.text
    waited = "SELECT remind_at - claimed_at, due_at - claimed_at, reminded_at FROM tasks"
    assert await dispute.superuser.rows(waited) == [(LATER.remind_in, LATER.due_in, None)]


async def test_it_stays_with_its_holder_however_long_it_lies(dispute: Dispute) -> None:
    await dispute.claim(dispute.first)
    await dispute.superuser.run("UPDATE tasks SET claimed_at = now() - interval '30 days'")

    assert await dispute.refused(dispute.claim(dispute.second)) is TaskClaimed
    assert await dispute.refused(dispute.do(dispute.second, release_task)) is TaskClaimed
    assert await dispute.refused(dispute.do(dispute.first, release_task)) is ClaimStays


SHUT_OUT = {
    "their role was taken back": "UPDATE role_grants SET revoked_at = now() WHERE person_id = %s",
    "they were disabled": "UPDATE staff_credentials SET disabled_at = now() WHERE person_id = %s",
}


@pytest.mark.parametrize("why", SHUT_OUT)
async def test_the_claim_of_who_can_decide_no_more_keeps_nobody_out(
    api: httpx2.AsyncClient, dispute: Dispute, why: str
) -> None:
    await dispute.claim(dispute.first)
    assert await dispute.superuser.run(SHUT_OUT[why], dispute.first.id) == 1

    (free,) = (await api.get("/v1/tasks", headers=dispute.second.headers())).json()["items"]
    await dispute.claim(dispute.second)

    assert free["claimed_by"] is None
    assert (await dispute.lock(dispute.second)).claimed_by == dispute.second.id
    assert await seen(api, dispute.first, dispute.case_id) == (False, False)


async def test_it_is_given_back_where_that_is_declared_by_its_holder_alone(
    dispute: Dispute, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(HELD, KIND, HeldTask(KIND, Fact.CLAIMED, released=Fact.RELEASED))
    assert await dispute.refused(dispute.do(dispute.second, release_task)) is TaskNotClaimed
    await dispute.claim(dispute.first)
    await dispute.do(dispute.first, release_task)
    await dispute.claim(dispute.second)

    facts = await dispute.superuser.rows("SELECT kind FROM facts ORDER BY id")
    assert facts == [(Fact.CLAIMED,), (Fact.RELEASED,), (Fact.CLAIMED,)]


async def test_who_held_it_before_claims_it_no_more(dispute: Dispute) -> None:
    await dispute.claim(dispute.first)
    async with transaction(dispute.context.engine, SERVICE) as connection:
        await tasks.take_away(connection, dispute.task_id, LATER)

    assert await dispute.refused(dispute.claim(dispute.first)) is ClaimConflict
    await dispute.claim(dispute.second)


async def test_who_was_in_a_case_with_a_party_has_an_interest(dispute: Dispute) -> None:
    await dispute.share(dispute.first.id, dispute.parties[1].id)

    assert await dispute.refused(dispute.claim(dispute.first)) is ClaimConflict
    await dispute.claim(dispute.second)


async def test_who_has_the_sheba_of_a_party_has_an_interest(dispute: Dispute) -> None:
    for person in (dispute.parties[0], dispute.first):
        await dispute.bank(person.id)

    assert await dispute.refused(dispute.claim(dispute.first)) is ClaimConflict
    await dispute.claim(dispute.second)


async def test_who_is_paid_to_the_sheba_of_a_party_has_an_interest(dispute: Dispute) -> None:
    worker = await dispute.arrange.as_staff(
        await dispute.arrange.member(await dispute.arrange.organisation()), ARBITRATORS
    )
    same = """UPDATE employments SET sheba_index = (SELECT sheba_index FROM employments WHERE person_id = %s)
        WHERE person_id = %s"""
    assert await dispute.superuser.run(same, dispute.parties[0].id, worker.id) == 1

    assert await dispute.refused(dispute.claim(worker)) is ClaimConflict


async def test_a_number_that_the_bank_calls_anothers_is_no_link(dispute: Dispute) -> None:
    for person in (dispute.parties[0], dispute.first):
        await dispute.bank(person.id)
    await dispute.superuser.run(
        "UPDATE bank_accounts SET state = 'refused', reason = 'not_owner' WHERE person_id = %s", dispute.parties[0].id
    )

    await dispute.claim(dispute.first)


async def test_a_party_who_is_an_arbitrator_too_cannot_claim_it(dispute: Dispute) -> None:
    party = await dispute.arrange.as_staff(dispute.parties[0], ARBITRATORS)

    assert await dispute.refused(dispute.claim(party)) is OwnCase


async def test_others_do_not_find_it(dispute: Dispute) -> None:
    officer = await dispute.arrange.platform(Role.SETTLEMENT_OFFICER)

    assert await dispute.refused(dispute.claim(officer)) is NotFound


async def test_those_are_asked_who_may_claim_it_then_its_holder_alone(
    activity_context: ActivityContext, dispute: Dispute
) -> None:
    await dispute.share(dispute.first.id, dispute.parties[0].id)
    third = await dispute.arrange.platform(Role.ARBITRATOR)

    async def asked() -> tuple[set[UUID], list[UUID]]:
        async with transaction(activity_context.engine, SERVICE) as connection:
            case = await cases.read_case(connection, dispute.case_id)
            task = await tasks.read_task(connection, dispute.task_id)
            assert case is not None
            assert task is not None
            now = await postgres_now(connection)
            step = Transition(connection, activity_context.seals, case, "remind", now, None, {})
            return set(await step.askable(KIND, ARBITRATORS)), await step.asked_of(task)

    may, queue = await asked()
    await dispute.claim(third)
    rest, holder = await asked()

    assert may == set(queue) == {dispute.second.id, third.id}
    assert (rest, holder) == ({dispute.second.id}, [third.id])
