"""The desk of HR: which organisation it is about, and what it says of files."""

from __future__ import annotations

import re
from uuid import UUID

import httpx2
import pytest

from commands.personnel import FILE_LIMIT
from domain.access import Grant, Role, ScopeKind
from tests.arrange import Arrange, Someone
from tests.web.conftest import cookies
from web.language import COOKIE as LANGUAGE_COOKIE


async def seen(site: httpx2.AsyncClient, who: Someone, address: str) -> str:
    """What somebody sees, in English."""
    cookie = f"{cookies(who)['Cookie']}; {LANGUAGE_COOKIE}=en"
    answer = await site.get(address, headers={"Cookie": cookie})
    assert answer.status_code == 200, answer.text
    return answer.text


def linked(page: str) -> list[UUID]:
    """The organisations that a page leads to."""
    return [UUID(found) for found in re.findall(r'href="[^"]*organisation_id=([0-9a-f-]{36})"', page)]


async def test_the_desk_says_of_a_file_what_the_api_takes(site: httpx2.AsyncClient, arrange: Arrange) -> None:
    page = await seen(site, await arrange.hr_officer(await arrange.organisation()), "/personnel")

    assert f'data-most="{FILE_LIMIT}"' in page
    assert f"at most {FILE_LIMIT // 1024**2} megabytes" in page


@pytest.mark.parametrize("address", ["/personnel", "/certificates"])
async def test_an_officer_of_several_organisations_begins_with_the_first_and_goes_to_the_others(
    site: httpx2.AsyncClient, arrange: Arrange, address: str
) -> None:
    first, second, third, foreign = [await arrange.organisation() for _ in range(4)]
    grants = [Grant(Role.HR_OFFICER, ScopeKind.ORGANISATION, str(one)) for one in (first, second, third)]
    officer = await arrange.staff(*grants)

    assert linked(await seen(site, officer, address)) == [second, third]
    assert linked(await seen(site, officer, f"{address}?organisation_id={third}")) == [first, second]
    refused = await site.get(f"{address}?organisation_id={foreign}", headers=cookies(officer))
    assert refused.status_code == 404
