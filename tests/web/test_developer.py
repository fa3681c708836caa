"""What the stand-alone stack shows besides the pages: the demo's people and the messages that were not sent."""

from __future__ import annotations

import time
from pathlib import Path

import httpx2
import pyotp
import pytest

from api.app import create_app
from commands.command import Context
from gateways.local_messages import write_local_message
from gateways.local_sign_ins import write_local_sign_ins
from tests.web.conftest import Visit
from web.app import create_site

_PEOPLE = [
    {"fa": "متقاضی: سارا یزدانی", "en": "applicant", "national_id": "0499370899", "mobile": "09121234567"},
    {"fa": "میز عملیات", "en": "operator", "username": "operator-1", "password": "secret-1", "totp_secret": "A" * 32},
]


async def test_whoever_tries_it_out_finds_people_with_their_present_codes_and_the_messages(
    visit: Visit, messages_dir: Path
) -> None:
    write_local_sign_ins(messages_dir, [{"fa": "کسی", "en": "somebody earlier"}])
    write_local_sign_ins(messages_dir, _PEOPLE)
    visitor = await visit(language="en")
    await visitor.go("/developer")
    await visitor.reads("0499370899")
    shown = await visitor.text()
    assert "secret-1" in shown
    assert "somebody earlier" not in shown
    totp, now = pyotp.TOTP("A" * 32), int(time.time())
    assert any(totp.at(now - earlier) in shown for earlier in (0, 30))
    await visitor.look()
    assert (messages_dir / "sign-ins.list").stat().st_mode & 0o077 == 0
    # A message that comes later appears by itself.
    message = {"channel": "sms", "mobile": "+989121234567", "text": "امانت: کد ۴۸۲۹۱۳", "values": {"code": "482913"}}
    write_local_message(messages_dir, {"template": "code_sign_in", **message})
    await visitor.reads("امانت: کد")


@pytest.mark.parametrize("path", ["/developer", "/styleguide", "/developer/messages", "/developer/sign-ins"])
async def test_a_real_installation_has_no_such_address(context: Context, path: str) -> None:
    transport = httpx2.ASGITransport(app=create_site(create_app(context)))
    async with httpx2.AsyncClient(transport=transport, base_url="https://amanat.test") as client:
        assert (await client.get(path)).status_code == 404
