"""The demo's story: one certificate issued, one refused, one applicant blocked by a bad row and mended.

New people, a new organisation and a new file at each run; what earlier runs left stays.
"""

from __future__ import annotations

import asyncio
import csv
import io
import secrets
import signal
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import httpx2
import typer

from cli import stack
from cli.connect import connected
from cli.demo.client import (
    Visitor,
    ask_for_sign_in_code,
    newest_code,
    now_ms,
    sign_in_member,
    sign_in_staff,
    wait_for,
)
from cli.demo.screen import Screen
from cli.environment import Addresses
from cli.personnel_generator import Key, Person, generate, national_id, write_people
from cli.places import Places
from commands.account import FirstCredentials, StaffWish, add_staff, console_office
from domain.access import Grant, Role, ScopeKind
from storage.database import SERVICE, transaction

app = typer.Typer(add_completion=False)

_ROWS = 60
_PROGRAMME = "minipay"
_BAD_ROWS = {"bad_amount": 1, "bad_mobile": 2, "bad_national_id": 1, "unknown_region": 1, "bad_date": 1, "duplicate": 1}


@dataclass(slots=True)
class Play:
    """The story's state."""

    http: httpx2.Client
    screen: Screen
    run: str
    places: Places
    organisation_id: str = ""
    officer: Visitor | None = None

    @property
    def hr(self) -> Visitor:
        """The HR officer, once signed in."""
        if self.officer is None:
            raise LookupError("HR has not signed in yet")
        return self.officer


@app.command()
def demo(
    *,
    reset: Annotated[bool, typer.Option(help="Delete everything under var/ first.")] = False,
    stay: Annotated[bool, typer.Option(help="Leave everything running until Ctrl-C.")] = True,
) -> None:
    """Set up the stack, play the story, and leave it running with its addresses printed."""
    places = Places()
    with stack.running(places=places, reset=reset) as addresses:
        screen = Screen()
        with httpx2.Client(base_url=addresses.local_api, timeout=30) as http:
            _play(Play(http, screen, secrets.token_hex(3), places), addresses)
        if stay:
            screen.note("Everything is running. Ctrl-C stops it; what is in var/ stays.")
            _wait_for_ctrl_c()


def _wait_for_ctrl_c() -> None:
    stop = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stop.set())
    stop.wait()


def _play(play: Play, addresses: Addresses) -> None:
    staff = _open_the_office(play)
    key = _import_file(play)
    issued, refused = key.good[0], key.good[1]
    cases = [_issued(play, issued), _refused(play, refused), _mended(play, key)]
    _show_the_end(play, cases, staff)
    _show_addresses(play.screen, addresses, staff, issued)


def _open_the_office(play: Play) -> dict[str, FirstCredentials]:
    play.screen.chapter("1. The office opens")
    contracts = _hire("contracts", play.run, [Grant(Role.CONTRACTS_OFFICER, ScopeKind.PLATFORM)])
    keeper = sign_in_staff(play.http, contracts)
    play.screen.done(f"contracts officer {contracts.username} signed in with password and TOTP")
    body = {"code": f"demo-{play.run}", "name": "آموزش و پرورش نمونه"}
    play.organisation_id = keeper.post("/v1/organisations", body)["id"]
    today = datetime.now(UTC).date()
    keeper.post(
        f"/v1/organisations/{play.organisation_id}/contracts",
        {
            "number": "1405-1",
            "starts_on": (today - timedelta(days=30)).isoformat(),
            "ends_on": (today + timedelta(days=700)).isoformat(),
        },
    )
    play.screen.done(f"organisation demo-{play.run} was added, its contract is in force")
    officer = _hire("hr", play.run, [Grant(Role.HR_OFFICER, ScopeKind.ORGANISATION, play.organisation_id)])
    play.officer = sign_in_staff(play.http, officer)
    play.screen.done(f"HR officer {officer.username} signed in")
    auditor = _hire("auditor", play.run, [Grant(Role.AUDITOR, ScopeKind.PLATFORM)])
    return {"contracts officer": contracts, "HR officer": officer, "auditor": auditor}


def _hire(name: str, run: str, grants: Sequence[Grant]) -> FirstCredentials:
    """Add a member of staff at the console, as ``./amanat staff add`` does."""
    return asyncio.run(_hire_now(f"{name}-{run}", grants))


async def _hire_now(username: str, grants: Sequence[Grant]) -> FirstCredentials:
    async with connected() as assembly, transaction(assembly.engine, SERVICE) as connection:
        wish = StaffWish(_new_national_id(), None, "همکار", "نمونه", username, grants)
        return await add_staff(console_office(connection, assembly.context.seals), wish)


def _new_national_id() -> str:
    return national_id(f"{secrets.randbelow(10**9 - 10**6) + 10**6:09}")


def _import_file(play: Play) -> Key:
    play.screen.chapter("2. HR sends the personnel file")
    path = play.places.var / f"demo-{play.run}.csv"
    key = generate(path, _ROWS, _BAD_ROWS)
    play.screen.done(f"{path.name} was made: {_ROWS} rows with the usual mess, {len(key.refused)} of them bad")
    _send_file(play, path)
    (blocked,) = key.refused_with("bad_amount")
    answer = ask_for_sign_in_code(play.http, blocked)
    play.screen.refused("somebody of a refused row tries to sign in and is answered as everybody is:")
    play.screen.note(f"«{answer['sentence']}»")
    play.screen.note("no code comes: nobody of that number is on the list yet")
    return key


def _send_file(play: Play, path: Any) -> None:
    sent = play.hr.upload(f"/v1/organisations/{play.organisation_id}/personnel-imports", path)
    address = f"/v1/personnel-imports/{sent['id']}"

    def finished() -> dict[str, Any] | None:
        now: dict[str, Any] = play.hr.get(address)
        return now if now["phase"] in {"imported", "refused"} else None

    result = wait_for(finished, "the import")
    play.screen.done(
        f"imported: {result['rows_added']} added, {result['rows_changed']} changed, {result['rows_refused']} refused"
    )
    if result["rows_refused"]:
        report = play.hr.download(f"{address}/report", format="csv").decode("utf-8-sig")
        rows = list(csv.reader(io.StringIO(report)))[1:]
        play.screen.refusals([(int(row[0]), row[2], row[3]) for row in rows])


def _apply(play: Play, member: Visitor, person: Person) -> str:
    offered = member.get("/v1/programmes")["items"]
    programme = next(programme for programme in offered if programme["code"] == _PROGRAMME)
    (limit,) = programme["limits"]
    play.screen.note(f"¼ of net pay allows {limit['monthly_limit']['fa']} a month")
    terms = {
        "programme": programme["code"],
        "monthly_amount": {"amount": limit["monthly_limit"]["amount"], "unit": "IRR"},
        "instalments": 12,
    }
    since = now_ms()
    subject = {**terms, "mandate_version": programme["mandate_version"]}
    code_id = member.post("/v1/codes", {"purpose": "accept_mandate", "subject": subject})["code_id"]
    mandate = {
        "version": programme["mandate_version"],
        "code_id": code_id,
        "code": newest_code(play.http, person.mobile, since),
    }
    case = member.post("/v1/onboarding/applications", {**terms, "mandate": mandate})
    play.screen.done("the mandate was accepted with a fresh code and the application submitted")
    return str(case["id"])


def _certificate_task(play: Play, case_id: str) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        items = play.hr.get("/v1/tasks", kind="issue_certificate", limit=100)["items"]
        return next((item for item in items if item["case_id"] == case_id), None)

    return wait_for(look, "the certificate task in HR's inbox")


def _case_in(member: Visitor, case_id: str, phase: str) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        case: dict[str, Any] = member.get(f"/v1/cases/{case_id}")
        return case if case["phase"] == phase else None

    return wait_for(look, f"the phase {phase}")


def _grant_credit(play: Play, person: Person, member: Visitor) -> tuple[Visitor, str]:
    play.screen.done("signed in with national id, mobile and the code that came by SMS")
    case_id = _apply(play, member, person)
    task = _certificate_task(play, case_id)
    asked = member.get(f"/v1/cases/{case_id}")["application"]
    decision = {
        "kind": "issue_certificate",
        "decision": "issue",
        "monthly_amount": {"amount": asked["monthly"]["amount"], "unit": "IRR"},
        "instalments": asked["instalments"],
        "valid_until": (datetime.now(UTC).date() + timedelta(days=365)).isoformat(),
    }
    play.hr.post(f"/v1/tasks/{task['id']}/decision", decision)
    play.screen.done("HR issued the deduction certificate")
    _case_in(member, case_id, "active")
    (line,) = member.get("/v1/credit-lines")["items"]
    play.screen.done(f"the credit is usable: ceiling {line['ceiling']['fa']}, available {line['available']['fa']}")
    return member, case_id


def _issued(play: Play, person: Person) -> tuple[str, Visitor, str]:
    play.screen.chapter("3. An employee applies, HR certifies, the credit is usable")
    return ("Case 1: usable credit", *_grant_credit(play, person, sign_in_member(play.http, person)))


def _refused(play: Play, person: Person) -> tuple[str, Visitor, str]:
    play.screen.chapter("4. HR refuses another one, with a reason")
    member = sign_in_member(play.http, person)
    case_id = _apply(play, member, person)
    task = _certificate_task(play, case_id)
    decision = {"kind": "issue_certificate", "decision": "refuse", "reason": "deductions_exhausted"}
    play.hr.post(f"/v1/tasks/{task['id']}/decision", decision)
    _case_in(member, case_id, "refused")
    play.screen.refused("refused; the applicant sees why, and may apply again at once")
    return "Case 2: refused", member, case_id


def _mended(play: Play, key: Key) -> tuple[str, Visitor, str]:
    play.screen.chapter("5. A corrected file mends the third one")
    (person,) = key.refused_with("bad_amount")
    path = play.places.var / f"demo-{play.run}-corrected.csv"
    write_people(path, [person])
    _send_file(play, path)
    play.screen.note("a number may ask for one code in half a minute: this takes a moment")
    with play.screen.console.status("waiting until this number may ask for another code"):
        member = sign_in_member(play.http, person)
    return ("Case 3: mended by a corrected file", *_grant_credit(play, person, member))


def _show_the_end(play: Play, cases: list[tuple[str, Visitor, str]], staff: dict[str, FirstCredentials]) -> None:
    play.screen.chapter("6. What happened, as the applicants see it")
    for title, member, case_id in cases:
        play.screen.timeline(title, member.get(f"/v1/cases/{case_id}/timeline")["items"])
    auditor = sign_in_staff(play.http, staff["auditor"])
    play.screen.trial_balance(auditor.get("/v1/ledger/trial-balance"))


def _show_addresses(screen: Screen, addresses: Addresses, staff: dict[str, FirstCredentials], member: Person) -> None:
    api = addresses.local_api
    rows = [
        ("API documentation", f"{api}/docs"),
        ("health", f"{api}/readyz"),
        ("SMS that were sent", f"{api}/developer/messages"),
        ("Temporal UI", addresses.temporal_ui),
    ]
    screen.chapter("7. Play on")
    screen.table("Addresses", rows)
    signs = [("member", f"national id {member.national_id}, mobile {member.mobile}, code: see SMS above")]
    for title, who in staff.items():
        signs.append((title, f"{who.username}, password {who.password}, TOTP secret {who.totp_secret}"))
    screen.table("Sign-ins of this run", signs)
