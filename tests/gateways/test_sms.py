"""SMS: the local adapter, and both carriers against a fake of each in this process."""

from __future__ import annotations

import asyncio
import json
import logging
import stat
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx2
import pytest

from gateways.sms import Kavenegar, KavenegarTemplate, LocalSms, SendFailed, SmsGateway, SmsIr, read_local_messages

KEY = "5A6B7C8D-secret-key"
MOBILE = "+989121234567"
TEMPLATES = {"code": KavenegarTemplate("amanat-code", {"code": "token", "what": "token20"})}
Message = MutableMapping[str, Any]


class Carrier:
    """A carrier that answers as it is told and remembers what it was asked."""

    def __init__(self, status: int = 200, body: object = None) -> None:
        self.status = status
        self.content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.path = ""
        self.headers: dict[str, str] = {}
        self.asked = b""

    async def __call__(
        self, scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
    ) -> None:
        """Answer one call."""
        self.path = scope["path"]
        self.headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        more = True
        while more:
            part = await receive()
            self.asked += part.get("body", b"")
            more = part.get("more_body", False)
        await send({"type": "http.response.start", "status": self.status, "headers": []})
        await send({"type": "http.response.body", "body": self.content})

    def client(self) -> httpx2.AsyncClient:
        """A client that reaches only this carrier."""
        return httpx2.AsyncClient(transport=httpx2.ASGITransport(app=self))


class Unreachable(httpx2.AsyncBaseTransport):
    """A network in which nothing answers."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Time out."""
        raise httpx2.ReadTimeout("too slow", request=request)


def kavenegar(status: int, entries: object = None) -> dict[str, object]:
    return {"return": {"status": status, "message": "پیام"}, "entries": entries}


def gateways(client: httpx2.AsyncClient) -> list[SmsGateway]:
    return [Kavenegar(client, KEY, TEMPLATES), SmsIr(client, KEY, {"code": 100_000})]


async def failure(gateway: SmsGateway, template: str = "code") -> SendFailed:
    with pytest.raises(SendFailed) as failed:
        await gateway.send(MOBILE, template, {"code": "482913"}, "کد")
    return failed.value


async def test_a_local_sms_is_a_private_file_and_the_newest_comes_first(tmp_path: Path) -> None:
    directory = tmp_path / "messages"
    gateway = LocalSms(directory)
    assert read_local_messages(directory, 5) == []
    for code in ("111111", "222222", "333333"):
        await gateway.send(MOBILE, "code", {"code": code}, f"کد {code}")
    assert [message["values"]["code"] for message in read_local_messages(directory, 2)] == ["333333", "222222"]
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in directory.iterdir()} == {0o600}


async def test_many_local_messages_at_once_are_all_kept_whole(tmp_path: Path) -> None:
    gateway = LocalSms(tmp_path)
    references = await asyncio.gather(*(gateway.send(MOBILE, "code", {}, str(n)) for n in range(50)))
    found = read_local_messages(tmp_path, 100)
    assert {message["reference"] for message in found} == set(references)
    assert {message["text"] for message in found} == {str(n) for n in range(50)}


@pytest.mark.parametrize("entries", [[{"messageid": 8792343}], {"messageid": 8792343}])
async def test_kavenegar_is_asked_for_the_template_with_its_tokens(entries: object) -> None:
    carrier = Carrier(body=kavenegar(200, entries))
    async with carrier.client() as client:
        values = {"code": "482913", "what": "ورود به امانت"}
        reference = await Kavenegar(client, KEY, TEMPLATES).send(MOBILE, "code", values, "")
    assert reference == "8792343"
    assert carrier.path == f"/v1/{KEY}/verify/lookup.json"
    assert parse_qs(carrier.asked.decode()) == {
        "receptor": ["09121234567"],
        "template": ["amanat-code"],
        "token": ["482913"],
        "token20": ["ورود به امانت"],
    }


async def test_kavenegar_gets_no_space_in_a_token_that_may_have_none() -> None:
    carrier = Carrier(body=kavenegar(200, [{"messageid": 1}]))
    async with carrier.client() as client:
        await Kavenegar(client, KEY, TEMPLATES).send(MOBILE, "code", {"code": " 482 913 "}, "")
    assert parse_qs(carrier.asked.decode())["token"] == ["482\u200c913"]
    assert parse_qs(carrier.asked.decode())["token20"] == ["-"]


@pytest.mark.parametrize(
    ("http", "status", "retryable"),
    [
        (409, 409, True),
        (418, 418, True),
        (500, 500, True),
        (429, 429, True),
        (403, 403, False),
        (411, 411, False),
        (424, 424, False),
        (431, 431, False),
        (451, 451, True),
        (402, 402, True),
        (501, 501, False),
    ],
)
async def test_kavenegar_s_refusal_tells_whether_a_later_try_makes_sense(
    http: int, status: int, retryable: bool
) -> None:
    async with Carrier(http, kavenegar(status)).client() as client:
        failed = await failure(Kavenegar(client, KEY, TEMPLATES))
    assert (failed.retryable, failed.reason) == (retryable, f"kavenegar_{status}")


async def test_kavenegar_gets_no_sign_that_it_refuses() -> None:
    carrier = Carrier(body=kavenegar(200, [{"messageid": 1}]))
    async with carrier.client() as client:
        values = {"code": "48_29/13", "what": "۷۲٬۰۰۰٬۰۰۰ تومان"}
        await Kavenegar(client, KEY, TEMPLATES).send(MOBILE, "code", values, "")
    asked = parse_qs(carrier.asked.decode())
    assert (asked["token"], asked["token20"]) == (["48-29-13"], ["۷۲۰۰۰۰۰۰ تومان"])


async def test_smsir_gets_no_link_and_no_value_longer_than_it_takes() -> None:
    carrier = Carrier(body={"status": 1, "data": {"messageId": 1}})
    values = {"app_link": "https://my-welfare.example/app", "inviter": "زینب‌السادات طباطبایی یزدی‌نژاد"}
    async with carrier.client() as client:
        await SmsIr(client, KEY, {"code": 1}).send(MOBILE, "code", values, "")
    assert json.loads(carrier.asked)["parameters"] == [{"name": "INVITER", "value": values["inviter"][:25]}]


async def test_smsir_is_asked_for_the_template_with_its_parameters() -> None:
    carrier = Carrier(body={"status": 1, "message": "موفق", "data": {"messageId": 89545112, "cost": 1.0}})
    async with carrier.client() as client:
        reference = await SmsIr(client, KEY, {"code": 100_000}).send(MOBILE, "code", {"code": "482913"}, "")
    assert reference == "89545112"
    assert (carrier.path, carrier.headers["x-api-key"]) == ("/v1/send/verify", KEY)
    assert json.loads(carrier.asked) == {
        "mobile": "09121234567",
        "templateId": 100_000,
        "parameters": [{"name": "CODE", "value": "482913"}],
    }


@pytest.mark.parametrize(
    ("http", "status", "retryable"),
    [(200, 0, True), (429, 20, True), (400, 102, True), (401, 10, False), (400, 104, False), (503, 11, True)],
)
async def test_smsir_s_refusal_tells_whether_a_later_try_makes_sense(http: int, status: int, retryable: bool) -> None:
    async with Carrier(http, {"status": status, "message": "", "data": None}).client() as client:
        failed = await failure(SmsIr(client, KEY, {"code": 1}))
    assert (failed.retryable, failed.reason) == (retryable, f"smsir_{status}")


@pytest.mark.parametrize("body", [b"<html>Bad gateway</html>", b"[]", b'"text"', b"\xff\xfe", b"{}"])
@pytest.mark.parametrize("which", [0, 1])
async def test_a_carrier_in_trouble_is_asked_again_later(body: bytes, which: int) -> None:
    async with Carrier(502, body).client() as client:
        assert (await failure(gateways(client)[which])).retryable


@pytest.mark.parametrize("which", [0, 1])
async def test_an_unreachable_carrier_is_asked_again_later(which: int) -> None:
    async with httpx2.AsyncClient(transport=Unreachable()) as client:
        failed = await failure(gateways(client)[which])
    assert (failed.retryable, failed.reason) == (True, "unreachable_ReadTimeout")
    assert failed.__cause__ is None


@pytest.mark.parametrize("which", [0, 1])
async def test_a_template_the_carrier_does_not_know_is_not_tried(which: int) -> None:
    carrier = Carrier(body={})
    async with carrier.client() as client:
        failed = await failure(gateways(client)[which], "unknown")
    assert (failed.retryable, carrier.path) == (False, "")


@pytest.mark.parametrize("status", [200, 403])
@pytest.mark.parametrize("which", [0, 1])
async def test_the_key_is_in_no_log_and_in_no_text(status: int, which: int, caplog: pytest.LogCaptureFixture) -> None:
    body = kavenegar(status, [{"messageid": 1}]) | {"status": 1 if status == 200 else 10, "data": {"messageId": 1}}
    with caplog.at_level(logging.DEBUG):
        async with Carrier(status, body).client() as client:
            gateway = gateways(client)[which]
            told = repr(gateway)
            if status == 200:
                await gateway.send(MOBILE, "code", {"code": "482913"}, "")
            else:
                told += repr(await failure(gateway))
    assert KEY not in caplog.text
    assert KEY not in told
