"""What one session may ask for at once and in a minute; others do not notice it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx2
import pytest
from starlette.types import ASGIApp

from api.app import create_app
from api.session_load import AT_ONCE, SessionLoad
from commands.command import Context
from domain.access import Role
from domain.errors import TooMany
from tests.arrange import Arrange, Someone
from web.app import create_site


class Clock:
    """A clock that stands until it is set."""

    now = 1_000.0

    def __call__(self) -> float:
        """Its time in seconds."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def site(context: Context, clock: Clock) -> ASGIApp:
    """The whole site, on which a session may ask for 4 things at once and 10 a minute."""
    return create_site(create_app(context, session_load=SessionLoad(at_once=4, per_minute=10, clock=clock)))


@pytest.fixture
async def client(site: ASGIApp) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=site), base_url="https://amanat.test") as client:
        yield client


@pytest.fixture
async def officer(arrange: Arrange) -> Someone:
    return await arrange.platform(Role.OPERATOR)


async def test_a_session_with_100_requests_at_once_is_refused_most_and_others_none(
    client: httpx2.AsyncClient, officer: Someone, arrange: Arrange
) -> None:
    other = await arrange.platform(Role.AUDITOR)
    answers = await asyncio.gather(
        *(client.get("/v1/me", headers=officer.headers()) for _ in range(100)),
        *(client.get("/v1/me", headers=other.headers()) for _ in range(4)),
    )
    assert sorted({answer.status_code for answer in answers[:100]}) == [200, 429]
    assert sum(answer.status_code == 200 for answer in answers[:100]) <= 10
    assert [answer.status_code for answer in answers[100:]] == [200] * 4
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert (refused.json()["code"], int(refused.headers["Retry-After"]) >= 1) == ("too_many_requests", True)
    assert refused.headers["X-Request-ID"]


async def test_a_minute_s_requests_are_counted_over_api_and_pages_and_end_with_the_minute(
    client: httpx2.AsyncClient, officer: Someone, clock: Clock
) -> None:
    cookies = {"Cookie": f"__Host-session={officer.token}"}
    for _ in range(5):
        assert (await client.get("/sign-in", headers=cookies)).status_code == 200
        assert (await client.get("/v1/me", headers=officer.headers())).status_code == 200
    page = await client.get("/sign-in", headers=cookies)
    assert (page.status_code, page.headers["Retry-After"]) == (429, "60")
    assert page.headers["content-type"].startswith("text/html")
    assert "Content-Security-Policy" in page.headers
    clock.now += 60
    assert (await client.get("/sign-in", headers=cookies)).status_code == 200


async def test_whoever_shows_no_session_is_not_counted_here(client: httpx2.AsyncClient) -> None:
    answers = [(await client.get("/livez")).status_code for _ in range(20)]
    assert answers == [200] * 20


def test_what_was_answered_is_no_longer_at_once() -> None:
    load = SessionLoad()
    admissions = [load.enter("token") for _ in range(AT_ONCE)]
    with pytest.raises(TooMany):
        load.enter("token")
    load.enter("another")
    admissions[0].leave()
    admissions[0].leave()
    load.enter("token")
    with pytest.raises(TooMany):
        load.enter("token")


def test_only_so_many_tokens_are_remembered() -> None:
    load = SessionLoad(per_minute=1, kept=3)
    for token in ("oldest", "a", "b", "newest"):
        load.enter(token)
    with pytest.raises(TooMany):
        load.enter("newest")
    load.enter("oldest")
