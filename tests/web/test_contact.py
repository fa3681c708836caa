"""Help and contact stand on every page, for visitors too (G8)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import httpx2
import pytest

from api.app import create_app
from commands.command import Context
from domain.access import Grant, Role, ScopeKind
from domain.contact import Contact, Device, ServiceLine
from domain.wording import Sentence
from settings import Settings
from tests.arrange import Arrange
from tests.conftest import CONTACT
from tests.web.conftest import cookies
from web.app import create_site

DIALLED = 'href="tel:02188776655,1"'


@pytest.mark.parametrize("path", ["/sign-in", "/sign-in/staff", "/join", "/nowhere", "/help"])
async def test_visitors_read_on_every_page_whom_to_call(site: httpx2.AsyncClient, path: str) -> None:
    page = (await site.get(path)).text
    assert DIALLED in page
    assert "شنبه تا چهارشنبه، ۸ تا ۱۶" in page


async def test_members_and_staff_read_on_every_page_whom_to_call(site: httpx2.AsyncClient, arrange: Arrange) -> None:
    for who in (await arrange.person("member"), await arrange.staff(Grant(Role.OPERATOR, ScopeKind.PLATFORM))):
        for path in ("/", "/cases", "/cases/00000000-0000-0000-0000-000000000000"):
            page = await site.get(path, headers=cookies(who), follow_redirects=True)
            assert DIALLED in page.text, path


async def test_a_service_may_have_a_line_of_its_own_and_applications_are_found(context: Context) -> None:
    tavana = ServiceLine("021-87654321", CONTACT.hours, extension="2", title=Sentence("توانا", "Tavana"))
    links = {Device.ANDROID: "https://amanat.example/a.apk"}
    contact = Contact("021-88776655", CONTACT.hours, "1", "help@amanat.example", apps=links, services=(tavana,))
    site = create_site(create_app(replace(context, contact=contact)))
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=site), base_url="http://test") as client:
        page, told = (await client.get("/help")).text, (await client.get("/v1/contact")).json()
    for shown in (DIALLED, 'href="tel:02187654321,2"', "توانا", "mailto:help@amanat.example", links[Device.ANDROID]):
        assert shown in page
    assert told["services"][0]["telephone"] == "021-87654321"
    assert told["apps"] == {"android": "https://amanat.example/a.apk"}


def test_the_settings_say_it_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AMANAT_CONTACT", '{"telephone": "021-1", "hours": {"fa": "همیشه", "en": "always"}}')
    found = Settings(
        DATABASE_URL="postgresql://db/a",
        VAULT_DATABASE_URL="postgresql://db/b",
        field_keys='{"current": "a", "keys": {"a": "b"}}',
        codec_keys='{"current": "a", "keys": {"a": "b"}}',
        blind_index_key="a",
        code_pepper="a",
        vault_keys='{"current": "a", "keys": {"a": "b"}}',
        vault_directory=Path("keys"),
    ).contact
    assert found is not None
    assert found.hours.en == "always"
