"""What a page does with a session that ends, a key that is none, and a transaction that is open, while a form comes."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2
import pytest

from domain.access import Role
from storage.database import SERVICE, transaction
from storage.services import list_services
from tests.arrange import Arrange
from tests.books import Superuser
from tests.web.conftest import HERE, cookies

_SWITCH = "/operations/services/onboarding"
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


async def test_a_form_that_comes_slowly_does_nothing_once_its_session_has_ended(
    site: httpx2.AsyncClient, arrange: Arrange, superuser: Superuser
) -> None:
    operator = await arrange.platform(Role.OPERATOR)

    async def slowly() -> AsyncIterator[bytes]:
        yield b"key=0192f0a1-5b7c-7c1e-8f00-2f6f0c7d9a11&is_open=false"
        await superuser.run("UPDATE sessions SET ended_at = now() WHERE person_id = %s", operator.id)
        yield b"&reason=closed"

    answer = await site.post(_SWITCH, content=slowly(), headers={**cookies(operator), **HERE, **_FORM})

    assert (answer.status_code, answer.headers["Location"]) == (303, "/sign-in/staff?next=%2Fresume&done=form_kept")
    async with transaction(arrange.context.engine, SERVICE) as connection:
        assert all(service.is_open for service in await list_services(connection))


async def test_a_form_on_its_way_holds_no_connection(site: httpx2.AsyncClient, arrange: Arrange) -> None:
    operator = await arrange.platform(Role.OPERATOR)
    organisation = await arrange.organisation()
    officer = await arrange.hr_officer(organisation)
    pool = arrange.context.engine.pool
    held: list[int] = []

    async def slowly() -> AsyncIterator[bytes]:
        yield b"key=x"
        # The page has asked for the rest.
        held.append(pool.checkedout())  # type: ignore[attr-defined]  # of a QueuePool
        yield b"&reason=x"

    large = {"Content-Type": "multipart/form-data; boundary=x", "Content-Length": str(60 * 1024**2)}
    for path, someone, headers in (
        (_SWITCH, operator, _FORM),
        (f"/personnel?organisation_id={organisation}", officer, large),
    ):
        await site.post(path, content=slowly(), headers={**cookies(someone), **HERE, **headers})
    assert held == [0, 0]


@pytest.mark.parametrize("key", ["abc", "k" * 201])
async def test_a_file_under_a_key_that_is_none_is_not_taken(
    site: httpx2.AsyncClient, arrange: Arrange, key: str
) -> None:
    organisation = await arrange.organisation()
    officer = await arrange.hr_officer(organisation)

    answer = await site.post(
        f"/personnel?organisation_id={organisation}",
        data={"key": key},
        files={"file": ("people.csv", b"x", "text/csv")},
        headers={**cookies(officer), **HERE},
    )

    assert answer.status_code == 422
