"""What a stranger can cost: every operation that asks nobody who they are keeps to the table in docs/limits.md."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from math import ceil
from typing import Any, Final
from uuid import UUID

import httpx2
import pytest
from starlette.types import ASGIApp

from commands.account.credentials import HashingThread, hash_password
from commands.command import Context
from commands.password import request_renewal
from domain.account import (
    CODE_DIGITS,
    CODE_TRIES,
    CODES_PER_ADDRESS,
    CODES_PER_DAY,
    CODES_PER_NUMBER,
    STAFF_TRIES_PER_ADDRESS,
    TRIES_PER_ADDRESS,
    Limit,
)
from domain.address import WIDER
from domain.errors import TooMany
from domain.joining import INQUIRIES, INQUIRIES_PER_ADDRESS, JOININGS_PER_IDENTITY, JOININGS_PER_NUMBER
from domain.paper import CHECKS_PER_ADDRESS
from domain.payment import STRAY_CALLBACKS_PER_ADDRESS
from domain.profile import PASSWORD_TRIES_PER_ADDRESS
from stack.places import PROJECT
from storage.database import SERVICE, transaction
from storage.profile import set_password
from tests.account_people import OPERATOR, add_employee, add_member, mobile, national_id, value
from tests.applications import api_over
from tests.books import Superuser
from tests.commands.account_steps import ORIGIN, challenge, tell

_LINE: Final = re.compile(r"^\| `(\w+)` \| (\w+) \| (\w+) \| (\d+) \| (\d+) \| (\d+) \|$", re.MULTILINE)
_AN_HOUR: Final = timedelta(hours=1)
# Housekeeping tells the audit trail so often in an hour.
_ROUNDS: Final = 6
_REFUSED: Final = 429
_SENT: Final = "SELECT count(*) FROM outbox WHERE message IN ('SendCode', 'CheckJoining')"
_SENDING: Final = ("request_sign_in_code", "request_joining", "request_renewal")


@dataclass(frozen=True, slots=True)
class Cost:
    """A line of the table; None where requests are not counted."""

    near: int | None
    wide: int | None
    rows: int
    sms: int
    lines: int


@dataclass(frozen=True, slots=True)
class Drive:
    """How an operation is called, each time about something else."""

    method: str
    path: str
    body: Callable[[int], dict[str, Any]] | None = None
    limit: Limit | None = None


def _pair(number: int) -> dict[str, Any]:
    return {"national_id": national_id(number), "mobile": mobile(number)}


def _challenge(number: int) -> dict[str, Any]:
    return {"challenge_id": str(UUID(int=number + 1)), "code": "123456"}


def _newcomer(number: int) -> dict[str, Any]:
    return _pair(number) | {"first_name": "نگار", "last_name": "صالحی", "terms_version": 1}


def _password(number: int) -> dict[str, Any]:
    return {"national_id": national_id(number), "password": "x"}


def _renewed(number: int) -> dict[str, Any]:
    return _challenge(number) | {"password": "بادبادک سرخ بر فراز تپه"}


def _link(_number: int) -> dict[str, Any]:
    return {"token": "x" * 43}


def _set_up(_number: int) -> dict[str, Any]:
    return {"token": "x" * 43, "password": "بادبادک سرخ بر فراز تپه", "totp_key": "x", "totp": "123456"}


def _staff(number: int) -> dict[str, Any]:
    return {"username": f"name.{number}", "password": "x", "totp": "123456"}


DRIVES: Final = {
    "read_liveness": Drive("GET", "/livez"),
    "read_readiness": Drive("GET", "/readyz"),
    "request_sign_in_code": Drive("POST", "/v1/sign-in/codes", _pair, CODES_PER_ADDRESS),
    "sign_in": Drive("POST", "/v1/sign-in/sessions", _challenge, TRIES_PER_ADDRESS),
    "sign_in_staff": Drive("POST", "/v1/sign-in/staff", _staff, STAFF_TRIES_PER_ADDRESS),
    "read_contact": Drive("GET", "/v1/contact"),
    "read_terms": Drive("GET", "/v1/terms"),
    "open_invitation": Drive("POST", "/v1/invitations/openings", _link, TRIES_PER_ADDRESS),
    "check_paper": Drive("GET", f"/v1/papers/checks/{'x' * 22}", limit=CHECKS_PER_ADDRESS),
    "request_joining": Drive("POST", "/v1/joining/codes", _newcomer, INQUIRIES_PER_ADDRESS),
    "join": Drive("POST", "/v1/joining/sessions", _challenge, TRIES_PER_ADDRESS),
    "sign_in_with_password": Drive("POST", "/v1/sign-in/password", _password, PASSWORD_TRIES_PER_ADDRESS),
    "request_renewal": Drive("POST", "/v1/password-renewals/codes", _pair, CODES_PER_ADDRESS),
    "renew_password": Drive("POST", "/v1/password-renewals", _renewed, TRIES_PER_ADDRESS),
    "open_staff_link": Drive("POST", "/v1/staff-account/openings", _link, TRIES_PER_ADDRESS),
    "call_back": Drive("POST", "/v1/payment-callbacks", _link, STRAY_CALLBACKS_PER_ADDRESS),
    "set_up_staff": Drive("POST", "/v1/staff-account/set-up", _set_up, TRIES_PER_ADDRESS),
}


def costs() -> dict[str, Cost]:
    """The table."""
    found = _LINE.findall((PROJECT / "docs" / "limits.md").read_text("utf-8"))
    return {
        name: Cost(_counted(near), _counted(wide), int(rows), int(sms), int(lines))
        for name, near, wide, rows, sms, lines in found
    }


def _counted(number: str) -> int | None:
    return None if number == "free" else int(number)


def most(limit: Limit, *, times: int = 1, within: timedelta = _AN_HOUR) -> int:
    """The most that a limit lets through in an hour or another time, with so many times its allowance."""
    assert limit.pace is not None
    return ceil(within / limit.window) * (limit.allowed * times + ceil(limit.window / limit.pace))


@asynccontextmanager
async def caller(app: ASGIApp, address: str) -> AsyncIterator[httpx2.AsyncClient]:
    """Somebody who calls from an address."""
    transport = httpx2.ASGITransport(app=app, client=(address, 5000))
    async with httpx2.AsyncClient(transport=transport, base_url="https://amanat.test") as client:
        yield client


@dataclass(frozen=True, slots=True)
class Strangers:
    """Callers from anywhere, each about something else than all before."""

    app: ASGIApp
    superuser: Superuser

    async def passed(self, drive: Drive, addresses: list[str], *, first: int, same: bool = False) -> int:
        """Call once from each; how many were let through."""
        count = 0
        for number, address in enumerate(addresses, start=first):
            body = None if drive.body is None else drive.body(first if same else number)
            async with caller(self.app, address) as client:
                answer = await client.request(drive.method, drive.path, json=body)
            assert answer.status_code < 500
            count += answer.status_code != _REFUSED
        return count

    async def rows(self) -> int:
        """How many there are in all tables."""
        tables = await self.superuser.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        counts = " + ".join(f"(SELECT count(*) FROM {name})" for (name,) in tables)  # noqa: S608 - our own names
        return int(await self.superuser.value(f"SELECT {counts}"))


@pytest.fixture
def strangers(context: Context, messages_dir: Any, superuser: Superuser) -> Strangers:
    return Strangers(api_over(context, messages_dir), superuser)


def test_every_operation_that_asks_nobody_who_they_are_has_a_line_and_a_drive(described: dict[str, Any]) -> None:
    asking_nobody = {
        operation["operationId"]
        for path in described["paths"].values()
        for operation in path.values()
        if "security" not in operation
    }
    assert len(asking_nobody) >= 5
    assert set(costs()) == set(DRIVES) == asking_nobody


@pytest.mark.parametrize("name", [name for name, drive in DRIVES.items() if drive.limit is not None])
def test_the_requests_in_the_table_are_those_of_the_limits(name: str) -> None:
    limit, cost = DRIVES[name].limit, costs()[name]
    assert limit is not None
    assert (cost.near, cost.wide) == (most(limit), most(limit, times=WIDER))


@pytest.mark.parametrize("name", DRIVES)
async def test_a_request_writes_no_more_rows_than_stated(strangers: Strangers, name: str) -> None:
    before = await strangers.rows()
    assert await strangers.passed(DRIVES[name], [f"2001:db8:{site:x}::1" for site in range(1, 6)], first=10) == 5
    written = await strangers.rows() - before
    assert written <= 5 * costs()[name].rows
    assert (written == 0) == (costs()[name].rows == 0)


@pytest.mark.parametrize("name", DRIVES)
async def test_past_its_limit_a_network_is_slowed_down_and_no_other_one(
    strangers: Strangers, context: Context, name: str
) -> None:
    drive, cost = DRIVES[name], costs()[name]
    assert await strangers.passed(drive, ["2001:db8:1:1::1"], first=10) == 1
    await strangers.superuser.run("UPDATE rate_windows SET used = used + 100000")
    near = await strangers.passed(drive, [f"2001:db8:1:1::{host:x}" for host in range(2, 10)], first=20)
    wide = await strangers.passed(drive, [f"2001:db8:1:{subnet:x}::1" for subnet in range(2, 10)], first=40)
    # What all joinings have together is a bound of money.
    inquiries = [context.seals.index.of(f"rate:{INQUIRIES.name}{paced}", "") for paced in ("", "_paced")]
    await strangers.superuser.run("DELETE FROM rate_windows WHERE bucket = ANY(%s)", inquiries)
    others = await strangers.passed(drive, ["2001:db8:2::1", "192.0.2.7", "::ffff:192.0.2.8"], first=60)
    # One may be let through at the pace at once, another while this takes its time.
    assert (near <= 2, wide <= 2) == ((True, True) if cost.near else (False, False))
    assert others == 3


@pytest.mark.parametrize("name", _SENDING)
async def test_one_person_is_sent_no_more_sms_than_stated(strangers: Strangers, context: Context, name: str) -> None:
    member, drive = await add_member(context, 10), DRIVES[name]
    pace = CODES_PER_NUMBER.pace
    assert pace is not None
    pair = f"{member.national_id}/{member.mobile}"
    paced = [
        context.seals.index.of(f"rate:{which}", key)
        for which, key in (
            (f"{CODES_PER_NUMBER.name}_paced", pair),
            (f"{JOININGS_PER_NUMBER.name}_paced", member.mobile),
            (f"{JOININGS_PER_IDENTITY.name}_paced", member.national_id),
        )
    ]
    for number in range(1, CODES_PER_NUMBER.allowed + 4):
        await strangers.passed(drive, [f"2001:db8:{number:x}::1"], first=10, same=True)
    at_once = await value(context, _SENT)
    for turn in range(_AN_HOUR // pace - 1):
        await strangers.superuser.run("UPDATE rate_windows SET ends_at = now() WHERE bucket = ANY(%s)", paced)
        await strangers.passed(drive, [f"192.0.2.{turn}", f"198.51.100.{turn}"], first=10, same=True)
    stated = costs()[name].sms
    assert (at_once, await value(context, _SENT)) == (CODES_PER_NUMBER.allowed + 1, stated)


def test_a_code_is_guessed_and_the_registry_asked_no_more_often_than_stated() -> None:
    said = " ".join((PROJECT / "docs" / "limits.md").read_text("utf-8").split())
    codes = most(CODES_PER_DAY, within=timedelta(days=1))
    tries = codes * CODE_TRIES
    odds = f"{tries / 10**CODE_DIGITS:.2%}".replace("%", " %")
    assert f"{codes} codes a day are {tries} tries of a million, {odds}" in said
    assert f"{INQUIRIES.allowed:,} joinings an hour and one each 5 s, so {most(INQUIRIES):,} an hour" in said


@pytest.mark.parametrize("name", [name for name in DRIVES if name not in _SENDING])
async def test_what_sends_no_sms_sends_none(strangers: Strangers, context: Context, name: str) -> None:
    await add_member(context, 10)
    await strangers.passed(DRIVES[name], ["192.0.2.9", "192.0.2.10"], first=10)
    assert (costs()[name].sms, await value(context, _SENT)) == (0, 0)


async def _of_account(context: Context, name: str) -> dict[str, Any]:
    """What a stranger sends to fail on a known account."""
    if name == "sign_in":
        return _challenge(0) | {"challenge_id": str(await challenge(context, await add_member(context, 10)))}
    if name in {"sign_in_with_password", "renew_password"}:
        return await _with_password(context, name)
    if name == "sign_in_staff":
        await add_employee(context, "name.10", OPERATOR)
        return _staff(10)
    await add_member(context, 10)
    return _pair(10)


async def _with_password(context: Context, name: str) -> dict[str, Any]:
    member = await add_member(context, 10)
    async with transaction(context.engine, SERVICE) as connection:
        await set_password(connection, member.person_id, await hash_password("هفت چراغ سبز روشن"))
    if name == "sign_in_with_password":
        return _password(10)
    challenge_id = await request_renewal(
        context, national_id=member.national_id, mobile=member.mobile, email=None, origin=ORIGIN
    )
    return _renewed(10) | {"challenge_id": str(challenge_id)}


@pytest.mark.parametrize("name", [name for name, drive in DRIVES.items() if drive.body is not None])
async def test_failures_fill_the_audit_trail_no_faster_than_stated(
    strangers: Strangers, context: Context, name: str
) -> None:
    drive, known = DRIVES[name], await _of_account(context, name)
    before = dict(await strangers.superuser.rows("SELECT stream, count(*) FROM audit GROUP BY stream"))
    on_account = Drive(drive.method, drive.path, lambda _: known)
    for each, first in ((drive, 100), (on_account, 200)):
        await strangers.passed(each, [f"2001:db8:{site:x}::1" for site in range(first, first + 6)], first=first)
    assert dict(await strangers.superuser.rows("SELECT stream, count(*) FROM audit GROUP BY stream")) == before

    await tell(context, strangers.superuser)

    after = dict(await strangers.superuser.rows("SELECT stream, count(*) FROM audit GROUP BY stream"))
    gained = {stream: lines - before.get(stream, 0) for stream, lines in after.items() if lines != before.get(stream)}
    # Whoever joins is nobody yet.
    assert len(gained) == (0 if not costs()[name].lines else 1 if name == "join" else 2)
    assert all(lines * _ROUNDS <= costs()[name].lines for lines in gained.values())


async def test_strangers_who_find_the_thread_for_hashing_full_are_told_to_come_again() -> None:
    lane = HashingThread("tests", room=0)
    with pytest.raises(TooMany) as refused:
        await lane.run(len, "password")
    assert refused.value.retry_after == 1
    assert await HashingThread("tests", room=1).run(len, "password") == 8
