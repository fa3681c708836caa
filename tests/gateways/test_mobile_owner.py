"""Whose number it is: U-ID as it documents itself, and never a yes out of trouble."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest

from gateways.mobile_owner import LocalMobileOwners, OwnerUnknown, UidMobileOwners

_PERSON, _MOBILE = "0499370899", "+989121234567"


def _answer(matched: object, code: object) -> dict[str, Any]:
    return {"isMatched": matched, "responseContext": {"status": {"code": code, "message": "", "details": []}}}


async def _ask(status: int, body: object, asked: list[httpx2.Request] | None = None) -> bool:
    """Ask a carrier that answers so."""

    def handle(request: httpx2.Request) -> httpx2.Response:
        if asked is not None:
            asked.append(request)
        return httpx2.Response(status, content=body if isinstance(body, bytes) else json.dumps(body).encode())

    async with httpx2.AsyncClient(transport=httpx2.MockTransport(handle)) as client:
        return await UidMobileOwners(client, "our-id", "our-token").owns(_PERSON, _MOBILE)


async def test_uid_is_asked_as_it_documents() -> None:
    asked: list[httpx2.Request] = []

    assert await _ask(200, _answer(True, 0), asked)

    (request,) = asked
    assert (request.method, str(request.url)) == ("POST", "https://json-api.uid.ir/api/inquiry/mobile/owner/v2")
    assert json.loads(request.content) == {
        "requestContext": {"apiInfo": {"businessId": "our-id", "businessToken": "our-token"}},
        "nationalId": _PERSON,
        "mobileNumber": "09121234567",
    }


@pytest.mark.parametrize("code", [0, 3])
async def test_another_owner_and_no_such_person_are_a_no(code: int) -> None:
    assert not await _ask(200, _answer(False, code))


@pytest.mark.parametrize(
    ("status", "body", "retryable"),
    [
        (200, _answer(True, 3), True),
        (200, _answer(False, 99), True),
        (200, _answer("true", 0), True),
        (200, _answer(1, 0), True),
        (200, _answer(None, 0), True),
        (200, {"isMatched": True}, True),
        (200, [], True),
        (200, b"<html>", True),
        (429, {}, True),
        (503, b"", True),
        (401, _answer(True, 0), False),
        (403, {}, False),
    ],
)
async def test_what_is_neither_yes_nor_no_is_no_answer(status: int, body: object, retryable: bool) -> None:
    with pytest.raises(OwnerUnknown) as unknown:
        await _ask(status, body)
    assert unknown.value.retryable is retryable


async def test_a_registry_that_cannot_be_reached_is_asked_again_and_its_error_names_nobody() -> None:
    def handle(request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ReadTimeout("too slow", request=request)

    async with httpx2.AsyncClient(transport=httpx2.MockTransport(handle)) as client:
        with pytest.raises(OwnerUnknown) as unknown:
            await UidMobileOwners(client, "our-id", "our-token").owns(_PERSON, _MOBILE)
    assert (unknown.value.reason, unknown.value.retryable) == ("uid_unreachable_ReadTimeout", True)
    assert unknown.value.__cause__ is None


async def test_the_local_registry_says_yes_apart_from_two_endings() -> None:
    owners = LocalMobileOwners()

    assert await owners.owns(_PERSON, _MOBILE)
    assert not await owners.owns(_PERSON, "+989121234040")
    with pytest.raises(OwnerUnknown):
        await owners.owns(_PERSON, "+989121235050")
