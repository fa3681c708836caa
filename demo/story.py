"""The demo's story: MiniPay on an HR file, then Tavana through guarantor and regional finance, with what goes wrong.

New people, a new organisation and a new file at each run; what earlier runs left stays.
"""

from __future__ import annotations

import csv
import io
import secrets
import signal
import threading
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import httpx2
import typer

from demo import minipay, tavana
from demo.client import SignedInClient, ask_for_sign_in_code, sign_in_staff, wait_for
from demo.personnel_generator import Key, generate, write_people
from demo.play import Play
from demo.roles import leave_roles
from demo.screen import Screen
from domain.access import Grant, Role, ScopeKind
from stack import control
from stack.environment import Addresses
from stack.places import Places

app = typer.Typer(add_completion=False)

_ROWS = 90
_BAD_ROWS = {"bad_amount": 1, "bad_mobile": 2, "bad_national_id": 1, "unknown_region": 1, "bad_date": 1, "duplicate": 1}


@app.command()
def demo(
    *,
    reset: Annotated[bool, typer.Option(help="Delete everything under var/ first.")] = False,
    stay: Annotated[bool, typer.Option(help="Leave everything running until Ctrl-C.")] = True,
) -> None:
    """Set up the stack, play the story, and leave it running with its addresses printed."""
    places = Places()
    with control.running(places=places, reset=reset) as addresses:
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
    _open_the_office(play)
    key = _import_file(play)
    first, second = key.good[:2]
    cases = [minipay.issued(play, first), minipay.refused(play, second)]
    office = tavana.open_office(play, [person for person in key.good if person not in {first, second}])
    cases.append(tavana.approved(play, office))
    waiting = [tavana.another_guarantor(play, office), tavana.returned(play, office)]
    cases += [*waiting, tavana.expired(play, office), _mended(play, key)]
    tavana.corrected(play, office, case_id=waiting[1][2])
    tavana.wait_for_credits(play, waiting)
    _show_the_end(play, cases)
    _show_addresses(play, addresses, leave_roles(play, office))


def _open_the_office(play: Play) -> None:
    play.screen.chapter("1. The office opens")
    contracts = play.hire("contracts officer", "contracts", Grant(Role.CONTRACTS_OFFICER, ScopeKind.PLATFORM))
    keeper = sign_in_staff(play.http, contracts)
    play.screen.done(f"contracts officer {contracts.username} signed in with password and TOTP")
    body = {"code": play.organisation_code, "name": "آموزش و پرورش نمونه"}
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
    play.screen.done(f"organisation {play.organisation_code} was added, its contract is in force")
    officer = play.hire("HR officer", "hr", Grant(Role.HR_OFFICER, ScopeKind.ORGANISATION, play.organisation_id))
    play.officer = sign_in_staff(play.http, officer)
    play.screen.done(f"HR officer {officer.username} signed in")
    play.hire("auditor", "auditor", Grant(Role.AUDITOR, ScopeKind.PLATFORM))


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


def _mended(play: Play, key: Key) -> tuple[str, SignedInClient, str]:
    play.screen.chapter("10. A corrected file mends the row that was refused")
    (person,) = key.refused_with("bad_amount")
    path = play.places.var / f"demo-{play.run}-corrected.csv"
    write_people(path, [person])
    _send_file(play, path)
    return minipay.mended(play, person)


def _show_the_end(play: Play, cases: list[tuple[str, SignedInClient, str]]) -> None:
    play.screen.chapter("12. What happened, as the applicants see it")
    for title, member, case_id in cases:
        play.screen.timeline(title, member.get(f"/v1/cases/{case_id}/timeline")["items"])
    auditor = sign_in_staff(play.http, play.staff["auditor"])
    play.screen.trial_balance(auditor.get("/v1/ledger/trial-balance"))


def _show_addresses(play: Play, addresses: Addresses, roles: list[tuple[str, str]]) -> None:
    portal = addresses.local_api
    rows = [
        ("the pages", portal),
        ("messages and sign-ins", f"{portal}/developer"),
        ("API documentation", f"{portal}/docs"),
        ("health", f"{portal}/readyz"),
        ("Temporal UI", addresses.temporal_ui),
    ]
    play.screen.chapter("13. Play on")
    play.screen.table("Addresses", rows)
    play.screen.table("Sign-ins of this run, also on the page of messages", roles)
