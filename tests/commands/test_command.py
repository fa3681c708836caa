"""Every command under its key: once, with one answer, also when it comes twice at the same moment (H1)."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import httpx2
import pytest

from commands.account import authenticate
from commands.command import Command, Context, Envelope, perform
from domain.access import Role
from domain.errors import KeyInFlight, KeyReused, NotFound
from storage.account import begin_session
from storage.database import SERVICE, transaction
from storage.idempotency import Answer
from tests.arrange import Arrange, Someone
from tests.books import Superuser
from tests.conftest import Database
from tests.races import DEAD_LOCK, Deadlock, counting, read_rows

ORGANISATION = {"code": "education", "name": "آموزش و پرورش"}


@pytest.fixture
async def keeper(arrange: Arrange) -> Someone:
    """The contracts office."""
    return await arrange.platform(Role.CONTRACTS_OFFICER)


async def add(api: httpx2.AsyncClient, keeper: Someone, key: str, **changes: object) -> httpx2.Response:
    """A command with an effect that can be counted."""
    return await api.post("/v1/organisations", json={**ORGANISATION, **changes}, headers=keeper.headers(key))


async def organisations(superuser: Superuser) -> int:
    """How often it was done."""
    return int(await superuser.value("SELECT count(*) FROM organisations"))


async def test_the_same_key_and_body_get_the_same_answer_without_a_second_effect(
    api: httpx2.AsyncClient, keeper: Someone, superuser: Superuser
) -> None:
    first = await add(api, keeper, "key-of-the-test")
    again = await add(api, keeper, "key-of-the-test")

    assert first.status_code == again.status_code == 201
    assert first.content == again.content
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert await organisations(superuser) == 1


async def test_the_same_key_with_another_body_or_operation_is_refused(
    api: httpx2.AsyncClient, keeper: Someone, superuser: Superuser
) -> None:
    added = await add(api, keeper, "key-of-the-test")
    other_body = await add(api, keeper, "key-of-the-test", code="other")
    contracts = f"/v1/organisations/{added.json()['id']}/contracts"
    contract = {"number": "1", "starts_on": "2026-01-01", "ends_on": "2027-01-01"}
    other_operation = await api.post(contracts, json=contract, headers=keeper.headers("key-of-the-test"))

    for answer in (other_body, other_operation):
        assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
        assert answer.json()["field"] == "Idempotency-Key"
    assert await organisations(superuser) == 1


async def test_the_same_key_of_another_person_is_another_key(
    api: httpx2.AsyncClient, keeper: Someone, arrange: Arrange, superuser: Superuser
) -> None:
    other = await arrange.platform(Role.CONTRACTS_OFFICER)

    answers = [await add(api, keeper, "key-of-the-test"), await add(api, other, "key-of-the-test", code="other")]

    assert [answer.status_code for answer in answers] == [201, 201]
    assert await organisations(superuser) == 2


async def test_a_refused_command_frees_its_key_and_changes_nothing(
    api: httpx2.AsyncClient, keeper: Someone, superuser: Superuser
) -> None:
    await add(api, keeper, "the-first-key")
    before = await superuser.effects()
    taken = await add(api, keeper, "the-second-key")
    assert await superuser.effects() == before
    mended = await add(api, keeper, "the-second-key", code="other")

    assert (taken.status_code, taken.json()["code"]) == (409, "organisation_code_taken")
    assert mended.status_code == 201


async def test_the_same_key_at_the_same_moment_acts_once(
    api: httpx2.AsyncClient, keeper: Someone, superuser: Superuser
) -> None:
    answers = await asyncio.gather(*(add(api, keeper, "key-of-the-test") for _ in range(8)))

    assert {answer.status_code for answer in answers} <= {201, 409}
    assert any(answer.status_code == 201 for answer in answers)
    for answer in answers:
        if answer.status_code == 409:
            assert answer.json()["code"] == "idempotency_key_in_flight"
            assert answer.headers["Retry-After"] == "1"
    assert len({answer.content for answer in answers if answer.status_code == 201}) == 1
    assert await organisations(superuser) == 1


@pytest.mark.parametrize("key", [None, "short", "x" * 201, "with\ttab-in-it", "ключ-ключ".encode().decode("latin-1")])
async def test_a_key_that_is_missing_or_malformed_is_refused(
    api: httpx2.AsyncClient, keeper: Someone, superuser: Superuser, key: str | None
) -> None:
    headers = {name: value for name, value in keeper.headers().items() if name != "Idempotency-Key"}
    if key is not None:
        headers["Idempotency-Key"] = key

    answer = await api.post(
        "/v1/organisations",
        json=ORGANISATION,
        headers=[(name.encode(), value.encode("latin-1")) for name, value in headers.items()],
    )

    assert answer.status_code == 422
    if key is None:
        assert answer.json()["code"] == "idempotency_key_missing"
    assert await organisations(superuser) == 0


@pytest.mark.parametrize("length", [8, 200])
async def test_the_shortest_and_the_longest_key_are_good(
    api: httpx2.AsyncClient, keeper: Someone, superuser: Superuser, length: int
) -> None:
    answers = [await add(api, keeper, "k" * length) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [201, 201]
    assert await organisations(superuser) == 1


async def test_a_key_in_flight_is_told_apart_from_a_used_one(context: Context, keeper: Someone) -> None:
    actor = await authenticate(context, keeper.token)
    started, go_on = asyncio.Event(), asyncio.Event()

    async def slow(_: Command) -> bytes:
        started.set()
        await go_on.wait()
        return b"{}"

    async def quick(_: Command) -> bytes:
        return b"{}"

    envelope = Envelope(actor, "test", "key-of-the-test", b"1")
    first = asyncio.create_task(perform(context, envelope, slow))
    await started.wait()
    with pytest.raises(KeyInFlight):
        await perform(context, envelope, quick)
    go_on.set()

    assert await first == Answer(200, b"{}")
    assert (await perform(context, envelope, quick)).replayed
    with pytest.raises(KeyReused):
        await perform(context, Envelope(actor, "test", "key-of-the-test", b"2"), quick)


async def test_the_relay_is_nudged_after_a_command_and_not_after_a_replay_or_refusal(
    context: Context, keeper: Someone
) -> None:
    nudges: list[int] = []
    told = Context(context.engine, context.side, context.seals, context.files, lambda: nudges.append(1))
    envelope = Envelope(await authenticate(context, keeper.token), "test", "key-of-the-test", b"1")

    async def work(_: Command) -> bytes:
        return b"{}"

    async def refuse(_: Command) -> bytes:
        raise NotFound

    await perform(told, envelope, work)
    await perform(told, envelope, work)
    with pytest.raises(NotFound):
        await perform(told, Envelope(envelope.actor, "test", str(uuid4()), b"1"), refuse)

    assert nudges == [1]


async def test_a_command_that_lost_a_dead_lock_is_done_once_all_the_same(
    context: Context, keeper: Someone, database: Database, superuser: Superuser
) -> None:
    nudges: list[int] = []
    told = Context(context.engine, context.side, context.seals, context.files, lambda: nudges.append(1))
    envelope = Envelope(await authenticate(context, keeper.token), "test", "key-of-the-test", b"1")

    async with Deadlock.over_two_rows(database, context.engine) as deadlock:

        async def work(command: Command) -> bytes:
            await deadlock.enter(command.connection)
            return b"{}"

        with counting("command:test") as counted:
            answers = [await perform(told, envelope, work) for _ in range(2)]

    assert answers == [Answer(200, b"{}"), Answer(200, b"{}", replayed=True)]
    assert await read_rows(superuser) == [11, 11]
    assert (deadlock.tries, nudges) == (2, [1])
    assert (counted.again, counted.given_up) == ({DEAD_LOCK: 1}, {})


async def test_a_kept_answer_cannot_be_read_in_postgres(
    api: httpx2.AsyncClient, keeper: Someone, superuser: Superuser
) -> None:
    await add(api, keeper, "key-of-the-test")

    sealed = bytes(await superuser.value("SELECT answer_sealed FROM idempotency"))

    assert b"education" not in sealed


async def test_a_persons_key_as_staff_is_another_than_their_key_as_a_member(context: Context, keeper: Someone) -> None:
    async with transaction(context.engine, SERVICE) as connection:
        at_home = await begin_session(connection, keeper.id, "member")
    envelopes = [
        Envelope(await authenticate(context, token), "test", "key-of-the-test", content)
        for token, content in ((keeper.token, b"1"), (at_home.token, b"2"))
    ]

    async def whose(command: Command) -> bytes:
        return command.actor.capacity.encode()

    first = [await perform(context, envelope, whose) for envelope in envelopes]
    again = [await perform(context, envelope, whose) for envelope in envelopes]

    assert first == [Answer(200, b"staff"), Answer(200, b"member")]
    assert again == [Answer(200, b"staff", replayed=True), Answer(200, b"member", replayed=True)]


async def test_a_retry_gets_what_was_kept_and_not_what_is_shown_only_once(
    context: Context, keeper: Someone, superuser: Superuser
) -> None:
    envelope = Envelope(await authenticate(context, keeper.token), "test", "key-of-the-test", b"1")

    async def work(_: Command) -> bytes:
        return b"secret and plain"

    def keep(body: bytes) -> bytes:
        return body.removeprefix(b"secret and ")

    answers = [await perform(context, envelope, work, status=201, keep=keep) for _ in range(2)]

    assert answers == [Answer(201, b"secret and plain"), Answer(201, b"plain", replayed=True)]
    sealed = bytes(await superuser.value("SELECT answer_sealed FROM idempotency"))
    assert context.seals.cipher.open(sealed, "idempotency.answer") == b"plain"
