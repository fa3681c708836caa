"""Whose bank account it is: Finnotech as it documents itself, on a real socket, and never a yes out of trouble."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from gateways.account_owner import AccountUnknown, Holder, LocalAccountOwners, Ownership
from gateways.finnotech import FinnotechAccountOwners
from tests.serving import serving

HOLDER = Holder("0499370899", "شیما کیایی")
CARD, SHEBA = "6037991234567893", "IR910800005000115426432001"
_DAY = 86_400_000


def iban_of(**other: Any) -> dict[str, Any]:
    """The answer in Finnotech's documentation."""
    return {
        "IBAN": SHEBA,
        "bankName": "قرض الحسنه رسالت",
        "deposit": "10.6423499.1",
        "depositStatus": "02",
        "depositDescription": "حساب فعال است",
        "depositComment": "سپرده حقيقي",
        "depositOwners": [{"firstName": "شیما", "lastName": "کیایی"}],
        "alertCode": "00",
    } | other


@dataclass(slots=True)
class Finnotech:
    """Stands in for it. ``result`` is of each inquiry; ``answers`` are whole answers that come before."""

    result: Any = None
    answers: list[tuple[int, bytes]] = field(default_factory=list)
    life: int = _DAY
    token_status: int = 200
    tokens: list[tuple[str, Any]] = field(default_factory=list)
    asked: list[tuple[str, str, dict[str, str], Any]] = field(default_factory=list)
    silent: bool = False

    async def token(self, request: Request) -> Response:
        """Hand out another token."""
        self.tokens.append((request.headers["authorization"], await request.json()))
        result = {"value": f"token-{len(self.tokens)}", "refreshToken": "r", "lifeTime": self.life, "scopes": []}
        return Response(json.dumps({"result": result, "status": "DONE"}), self.token_status)

    async def inquiry(self, request: Request) -> Response:
        """Answer as it was told to."""
        body = await request.body()
        query = dict(request.query_params)
        self.asked.append((f"{request.method} {request.url.path}", request.headers["authorization"], query, body))
        if self.silent:
            await asyncio.Event().wait()
        if self.answers:
            status, content = self.answers.pop(0)
            return Response(content, status)
        return Response(json.dumps({"trackId": query["trackId"], "result": self.result, "status": "DONE"}))

    @property
    def app(self) -> Starlette:
        """Its addresses."""
        paths = ("/kyc/v2/clients/ours/cardOwnerVerification", "/oak/v2/clients/ours/ibanInquiry")
        inquiries = [Route(path, self.inquiry, methods=["GET", "POST"]) for path in paths]
        return Starlette(routes=[Route("/dev/v2/oauth2/token", self.token, methods=["POST"]), *inquiries])


@dataclass(slots=True)
class Served:
    """One server for all tests; each has a Finnotech of its own behind it."""

    base: str = ""
    outside: Finnotech = field(default_factory=Finnotech)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the present one does."""
        await self.outside.app(scope, receive, send)


@pytest.fixture(scope="module")
async def served() -> AsyncIterator[Served]:
    found = Served()
    async with serving(found, lifespan="off") as found.base:
        yield found


@pytest.fixture
def outside(served: Served) -> Finnotech:
    served.outside = Finnotech()
    return served.outside


@pytest.fixture
async def owners(served: Served) -> AsyncIterator[FinnotechAccountOwners]:
    async with httpx2.AsyncClient() as client:
        yield FinnotechAccountOwners(client, "ours", "0012345679", "hidden", served.base, seconds=2.0)


async def unknown(owners: FinnotechAccountOwners) -> tuple[str, bool]:
    """Why there was no answer, and whether there may be one later."""
    with pytest.raises(AccountUnknown) as caught:
        await owners.owns_card(HOLDER, CARD)
    assert caught.value.__cause__ is None
    return caught.value.reason, caught.value.retryable


@pytest.mark.parametrize("is_valid", [True, False])
async def test_a_card_is_compared_with_the_national_id_by_finnotech_itself(
    owners: FinnotechAccountOwners, outside: Finnotech, is_valid: bool
) -> None:
    outside.result = {"isValid": is_valid}

    assert await owners.owns_card(HOLDER, CARD) == Ownership(is_valid)

    ((authorization, wish),) = outside.tokens
    assert authorization == f"Basic {base64.b64encode(b'ours:hidden').decode()}"
    assert wish["grant_type"] == "client_credentials"
    assert (wish["nid"], wish["scopes"]) == ("0012345679", "kyc:card-owner-verification:post,oak:iban-inquiry:get")
    ((call, bearer, query, body),) = outside.asked
    assert (call, bearer) == ("POST /kyc/v2/clients/ours/cardOwnerVerification", "Bearer token-1")
    assert json.loads(body) == {"card": CARD, "nid": HOLDER.national_id}
    assert set(query) == {"trackId"}


async def test_a_sheba_is_asked_about_as_it_is_documented(owners: FinnotechAccountOwners, outside: Finnotech) -> None:
    outside.result = iban_of()

    assert await owners.owns_sheba(HOLDER, SHEBA) == Ownership(is_owner=True)

    ((call, bearer, query, body),) = outside.asked
    assert (call, bearer, body) == ("GET /oak/v2/clients/ours/ibanInquiry", "Bearer token-1", b"")
    assert query["iban"] == SHEBA


async def test_a_track_id_is_new_each_time_and_names_nobody(owners: FinnotechAccountOwners, outside: Finnotech) -> None:
    outside.result = {"isValid": True}
    for _ in range(2):
        await owners.owns_card(HOLDER, CARD)
    first, second = [query["trackId"] for _, _, query, _ in outside.asked]
    assert first != second
    assert len(first) <= 40
    assert CARD not in first
    assert HOLDER.national_id not in first


@pytest.mark.parametrize(
    "owner",
    [
        {"firstName": "شيما", "lastName": "كيايي"},
        {"firstName": "شیما", "lastName": "کیا یی"},
        {"firstName": " شیما\u200c", "lastName": "کیائی"},
    ],
)
async def test_names_are_compared_however_the_bank_writes_them(
    owners: FinnotechAccountOwners, outside: Finnotech, owner: dict[str, str]
) -> None:
    outside.result = iban_of(depositOwners=[owner])
    assert (await owners.owns_sheba(HOLDER, SHEBA)).is_owner


async def test_one_of_several_owners_is_an_owner(owners: FinnotechAccountOwners, outside: Finnotech) -> None:
    outside.result = iban_of(depositOwners=[{"firstName": "علی", "lastName": "کیایی"}, *iban_of()["depositOwners"]])
    assert (await owners.owns_sheba(HOLDER, SHEBA)).is_owner


@pytest.mark.parametrize(
    "result",
    [
        iban_of(depositOwners=[{"firstName": "شیما", "lastName": "کیانی"}]),
        iban_of(depositOwners=[{"firstName": "", "lastName": ""}]),
        {"alertCode": "01"},
        {"alertCode": "04"},
    ],
)
async def test_another_owner_and_no_such_account_are_a_no(
    owners: FinnotechAccountOwners, outside: Finnotech, result: Any
) -> None:
    outside.result = result
    assert not (await owners.owns_sheba(HOLDER, SHEBA)).is_owner


@pytest.mark.parametrize(
    ("status", "takes_money"), [("02", True), ("03", True), ("04", False), ("05", False), ("07", False)]
)
async def test_an_account_that_takes_no_money_is_told_apart(
    owners: FinnotechAccountOwners, outside: Finnotech, status: str, takes_money: bool
) -> None:
    outside.result = iban_of(depositStatus=status)
    assert await owners.owns_sheba(HOLDER, SHEBA) == Ownership(is_owner=True, is_active=takes_money)


@pytest.mark.parametrize(
    ("result", "retryable"),
    [
        (iban_of(depositStatus="06"), True),
        (iban_of(alertCode="05"), True),
        (iban_of(alertCode="03"), False),
        (iban_of(IBAN="IR490546091390996030824628"), True),
        (iban_of(depositOwners=[]), True),
        (iban_of(depositOwners=[{"firstName": "شیما"}]), True),
        (iban_of(depositOwners="شیما کیایی"), True),
        (None, True),
    ],
)
async def test_what_says_neither_yes_nor_no_of_a_sheba_is_no_answer(
    owners: FinnotechAccountOwners, outside: Finnotech, result: Any, retryable: bool
) -> None:
    outside.result = result
    with pytest.raises(AccountUnknown) as caught:
        await owners.owns_sheba(HOLDER, SHEBA)
    assert caught.value.retryable is retryable


@pytest.mark.parametrize("result", [{"isValid": "true"}, {"isValid": 1}, {"isValid": None}, {}, [], None])
async def test_what_says_neither_yes_nor_no_of_a_card_is_no_answer(
    owners: FinnotechAccountOwners, outside: Finnotech, result: Any
) -> None:
    outside.result = result
    assert await unknown(owners) == ("finnotech_unreadable", True)


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, b"<html>", ("finnotech_unreadable", True)),
        (200, b'{"status": "FAILED"}', ("finnotech_unreadable", True)),
        (200, b'{"status": "DONE", "trackId": "another", "result": {"isValid": true}}', ("finnotech_unreadable", True)),
        (429, b"", ("finnotech_http_429", True)),
        (503, b"<html>", ("finnotech_http_503", True)),
        (400, b'{"status": "FAILED", "error": {}}', ("finnotech_http_400", False)),
        (403, b"", ("finnotech_http_403", False)),
    ],
)
async def test_trouble_is_no_answer(
    owners: FinnotechAccountOwners, outside: Finnotech, status: int, body: bytes, expected: tuple[str, bool]
) -> None:
    outside.answers = [(status, body)]
    assert await unknown(owners) == expected


async def test_a_slow_answer_is_waited_for_no_longer_than_said(
    owners: FinnotechAccountOwners, outside: Finnotech
) -> None:
    owners.seconds, outside.silent = 0.1, True
    reason, retryable = await unknown(owners)
    assert retryable
    assert reason in {"finnotech_slow", "finnotech_unreachable_ReadTimeout"}


async def test_who_cannot_be_reached_may_be_asked_later() -> None:
    async with httpx2.AsyncClient() as client:
        gone = FinnotechAccountOwners(client, "ours", "0012345679", "hidden", "http://127.0.0.1:1")
        assert await unknown(gone) == ("finnotech_unreachable_ConnectError", True)


async def test_a_token_that_is_refused_is_fetched_anew_once(owners: FinnotechAccountOwners, outside: Finnotech) -> None:
    outside.result = {"isValid": True}
    outside.answers = [(401, b"")]
    assert (await owners.owns_card(HOLDER, CARD)).is_owner
    assert [bearer for _, bearer, _, _ in outside.asked] == ["Bearer token-1", "Bearer token-2"]

    outside.answers = [(401, b""), (401, b"")]
    assert await unknown(owners) == ("finnotech_http_401", False)
    assert len(outside.tokens) == 3


async def test_a_token_is_kept_and_renewed_before_it_ends(owners: FinnotechAccountOwners, outside: Finnotech) -> None:
    outside.result = {"isValid": True}
    for _ in range(3):
        await owners.owns_card(HOLDER, CARD)
    assert len(outside.tokens) == 1

    outside.answers, outside.life = [(401, b"")], 0
    await owners.owns_card(HOLDER, CARD)
    await owners.owns_card(HOLDER, CARD)
    assert len(outside.tokens) == 3


async def test_many_at_once_fetch_one_token(owners: FinnotechAccountOwners, outside: Finnotech) -> None:
    outside.result = {"isValid": True}
    await asyncio.gather(*(owners.owns_card(HOLDER, CARD) for _ in range(10)))
    assert len(outside.tokens) == 1

    outside.answers = [(401, b"")] * 5
    await asyncio.gather(*(owners.owns_card(HOLDER, CARD) for _ in range(5)))
    assert len(outside.tokens) == 2


@pytest.mark.parametrize(("status", "retryable"), [(401, False), (429, True), (500, True)])
async def test_without_a_token_nobody_is_asked(
    owners: FinnotechAccountOwners, outside: Finnotech, status: int, retryable: bool
) -> None:
    outside.token_status = status
    assert await unknown(owners) == (f"finnotech_http_{status}", retryable)
    assert outside.asked == []


async def test_nothing_secret_shows_when_it_is_printed(owners: FinnotechAccountOwners, outside: Finnotech) -> None:
    outside.result = {"isValid": True}
    await owners.owns_card(HOLDER, CARD)
    shown = repr(owners) + repr(HOLDER)
    for secret in ("hidden", "token-1", "0012345679", HOLDER.national_id, HOLDER.name):
        assert secret not in shown


async def test_the_local_registry_says_yes_apart_from_three_endings() -> None:
    local = LocalAccountOwners()
    assert await local.owns_card(HOLDER, CARD) == await local.owns_sheba(HOLDER, SHEBA) == Ownership(is_owner=True)
    assert not (await local.owns_card(HOLDER, "6037990000004040")).is_owner
    assert not (await local.owns_sheba(HOLDER, "IR000000000000000000006060")).is_active
    with pytest.raises(AccountUnknown) as caught:
        await local.owns_sheba(HOLDER, "IR000000000000000000005050")
    assert caught.value.retryable
