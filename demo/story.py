"""The demo's story: MiniPay on an HR file, then Tavana through guarantor and regional finance, with what goes wrong.

New people, a new organisation and a new file at each run; what earlier runs left stays.
"""

from __future__ import annotations

import asyncio
import csv
import io
import secrets
import signal
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import httpx2
import typer

from api.ledger import read_trial_balance
from api.organisation import ContractIn, OrganisationIn, add_contract, add_organisation
from api.personnel import ReportFormat, download_import_report
from demo import clearing, escrow, kyc, minipay, payment, payout, tavana
from demo.personnel_generator import Employee, Key, generate, write_people
from demo.play import Play, Told
from demo.remote import Refused, RemoteClient
from demo.roles import leave_roles
from demo.screen import Screen
from demo.sign_in import ask_for_sign_in_code
from domain.access import Grant, Role, ScopeKind
from stack import control
from stack.connect import connected
from stack.environment import Addresses
from stack.places import CliError, Places
from storage.ledger import RULES, at_one_moment, check

app = typer.Typer(add_completion=False)

_ROWS = 90
_BAD_ROWS = {"bad_amount": 1, "bad_mobile": 2, "bad_national_id": 1, "unknown_region": 1, "bad_date": 1, "duplicate": 1}


@app.command()
def demo(
    *,
    reset: Annotated[bool, typer.Option(help="Delete everything under var/ first.")] = False,
    full: Annotated[bool, typer.Option(help="Print each case's timeline and the trial balance too.")] = False,
    stay: Annotated[bool, typer.Option(help="Leave everything running until Ctrl-C.")] = True,
) -> None:
    """Set up the stack, play the story, and leave it running with its addresses printed."""
    places, screen = Places(), Screen()
    with control.running(places=places, reset=reset) as addresses:
        try:
            asyncio.run(_play(places, screen, addresses, full=full))
        except Refused as refused:
            raise CliError(f"the API refused {refused}") from refused
        except httpx2.TransportError as gone:
            raise CliError(f"the api at {addresses.local_api} is gone: was the stack stopped meanwhile?") from gone
        if stay:
            screen.note("Everything is running. Ctrl-C stops it; what is in var/ stays.")
            stay_until_ended(places, screen)


def stay_until_ended(places: Places, screen: Screen) -> None:
    """Wait for Ctrl-C, or for the end of the stack, which somebody may stop from elsewhere.

    Raises:
        CliError: the stack gave up by itself.
    """
    asked = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: asked.set())
    if control.wait_for_end(places, asked):
        screen.note("The stack was stopped from elsewhere, by ./amanat down or a signal; so this ends too.")


async def _play(places: Places, screen: Screen, addresses: Addresses, *, full: bool) -> None:
    async with httpx2.AsyncClient(base_url=addresses.local_api, timeout=30) as http:
        play = Play(RemoteClient(http), screen, secrets.token_hex(3), places)
        await _open_the_office(play)
        key = await _import_file(play)
        first, second, third = key.good[:3]
        cases = [await minipay.issued(play, first), await minipay.refused(play, second)]
        office = await tavana.open_office(play, key.good[3:])
        cases.append(await tavana.approved(play, office))
        waiting = [await tavana.another_guarantor(play, office), await tavana.returned(play, office)]
        cases += [*waiting, await tavana.expired(play, office), await _mended(play, key)]
        await tavana.corrected(play, office, waiting[1])
        await tavana.wait_for_credits(play, waiting)
        cases += [*await _money(play, first, second), await kyc.accepted(play, third)]
        await _show_the_end(play, cases, full=full)
        _show_addresses(play, addresses, leave_roles(play, office))


async def _money(play: Play, payer: Employee, payee: Employee) -> list[Told]:
    """In through a gateway, held in trust, out through the bank, and the day reconciled."""
    office = await play.sign_in("settlement officer"), await play.sign_in("second settlement officer")
    before = await clearing.opening(play, office[0])
    came_in = await payment.paid(play, payer, payee)
    in_trust = await escrow.told(play, payer, payee)
    went_out = await payout.paid_out(play, payee, office)
    return [came_in, *in_trust, went_out.told, await clearing.reconciled(play, before, office, went_out.transfers)]


async def _open_the_office(play: Play) -> None:
    play.screen.chapter("1. The office opens")
    await play.hire(
        contracts_officer=Grant(Role.CONTRACTS_OFFICER, ScopeKind.PLATFORM),
        auditor=Grant(Role.AUDITOR, ScopeKind.PLATFORM),
        support_agent=Grant(Role.SUPPORT_AGENT, ScopeKind.PLATFORM),
        settlement_officer=Grant(Role.SETTLEMENT_OFFICER, ScopeKind.PLATFORM),
        second_settlement_officer=Grant(Role.SETTLEMENT_OFFICER, ScopeKind.PLATFORM),
        arbitrator=Grant(Role.ARBITRATOR, ScopeKind.PLATFORM),
        second_arbitrator=Grant(Role.ARBITRATOR, ScopeKind.PLATFORM),
        identity_officer=Grant(Role.KYC_OFFICER, ScopeKind.PLATFORM),
        policy_administrator_1=Grant(Role.POLICY_ADMIN, ScopeKind.PLATFORM),
        policy_administrator_2=Grant(Role.POLICY_ADMIN, ScopeKind.PLATFORM),
    )
    play.screen.done("two operators were made at the console; all other staff one proposes and the other confirms")
    keeper = await play.sign_in("contracts officer")
    wish = OrganisationIn(code=play.organisation_code, name="آموزش و پرورش نمونه")
    play.organisation_id = (await keeper.client.call(add_organisation, wish, await keeper.code())).id
    today = datetime.now(UTC).date()
    days = {"starts_on": today - timedelta(days=30), "ends_on": today + timedelta(days=700)}
    contract = ContractIn(number="1405-1", **days)
    await keeper.client.call(add_contract, play.organisation_id, contract, await keeper.code())
    play.screen.done(
        f"the contracts officer signed in with password and TOTP, and added {play.organisation_code} with its contract"
    )
    organisation = str(play.organisation_id)
    await play.hire(
        HR_officer=Grant(Role.HR_OFFICER, ScopeKind.ORGANISATION, organisation),
        welfare_manager=Grant(Role.WELFARE_MANAGER, ScopeKind.ORGANISATION, organisation),
    )
    play.officer = await play.sign_in("HR officer")


async def _import_file(play: Play) -> Key:
    play.screen.chapter("2. HR sends the personnel file")
    path = play.places.var / f"demo-{play.run}.csv"
    key = generate(path, _ROWS, _BAD_ROWS)
    play.screen.done(f"{path.name} was made: {_ROWS} rows with the usual mess, {len(key.refused)} of them bad")
    await _send_file(play, path)
    (blocked,) = key.refused_with("bad_amount")
    answer = await ask_for_sign_in_code(play.visitor, blocked)
    play.screen.done("somebody of a refused row gets no sign-in code, and the answer that everybody gets:")
    play.screen.note(f"«{answer.sentence}»")
    return key


async def _send_file(play: Play, path: Path) -> None:
    content = await asyncio.to_thread(path.read_bytes)
    result = await play.hr.import_file(play.organisation_id, content, path.name)
    play.screen.done(
        f"imported: {result.rows_added} added, {result.rows_changed} changed, {result.rows_refused} refused"
    )
    if result.rows_refused:
        report = await play.hr.client.send(download_import_report, result.id, form=ReportFormat.CSV)
        rows = list(csv.reader(io.StringIO(report.content.decode("utf-8-sig"))))[1:]
        play.screen.refusals([(int(row[2]), row[7], row[8]) for row in rows])


async def _mended(play: Play, key: Key) -> Told:
    play.screen.chapter("10. A corrected file mends the row that was refused")
    (person,) = key.refused_with("bad_amount")
    path = play.places.var / f"demo-{play.run}-corrected.csv"
    write_people(path, [person])
    await _send_file(play, path)
    return await minipay.mended(play, person)


async def _show_the_end(play: Play, cases: list[Told], *, full: bool) -> None:
    play.screen.chapter("17. The books, and what happened as the applicants see it")
    auditor = await play.sign_in("auditor")
    balance = await auditor.client.call(read_trial_balance)
    shown = ", ".join(f"{unit}: {amount}" for unit, amount in balance.difference.items())
    play.screen.done(f"the auditor read the trial balance; difference between the sides: {shown or 'nothing posted'}")
    await _check_ledger(play)
    if not full:
        play.screen.note(f"--full prints it, and the timelines of the {len(cases)} cases; the pages show them too")
        return
    play.screen.trial_balance(balance)
    for case in cases:
        play.screen.timeline(case.title, await case.seen_by.timeline(case.case_id))


async def _check_ledger(play: Play) -> None:
    """As ``./amanat ledger check`` does."""
    async with connected() as assembly, at_one_moment(assembly.engine) as connection:
        broken = [f"{one.rule}: {one.subject}" async for one in check(connection)]
    if broken:
        raise CliError(f"the ledger is broken: {'; '.join(broken)}")
    play.screen.done(f"ledger check: each of {len(RULES)} rules holds, every rial of each payment is explained")


def _show_addresses(play: Play, addresses: Addresses, roles: list[dict[str, str]]) -> None:
    portal = addresses.local_api
    play.screen.chapter("18. Play on: sign-ins of this run, and addresses")
    play.screen.sign_ins(roles)
    play.screen.addresses(
        {
            "the pages": portal,
            "messages, codes and sign-ins": f"{portal}/developer",
            "API documentation": f"{portal}/docs",
            "Temporal UI": addresses.temporal_ui,
        }
    )
