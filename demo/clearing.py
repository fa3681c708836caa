"""The day reconciled in the demo: the gateway's list and the bank's statement with the ledger, to the last rial (E2).

A gateway's day is compared by the clock once it is over, a statement of the bank as it comes. So the story's money is
held against what the local bank lists until now, and a statement of the same day is sent.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final
from uuid import UUID

from api.clearing import (
    ClearingDetail,
    ConfirmProposal,
    ExplainDifference,
    ProposeBooking,
    StatementIn,
    list_suspense,
    read_clearing,
    send_statement,
)
from api.ledger import read_trial_balance
from demo.actors import Officer, wait_for
from demo.payout import Transfer
from demo.play import Play, Told
from domain.clearing import Explanation
from domain.dates import tehran_day
from gateways.local_bank import LocalBank
from gateways.payment import ListedRow, Movement
from stack.places import CliError

_GATEWAY: Final = "local"


@dataclass(frozen=True, slots=True)
class Opening:
    """How it stood before the story's money moved: the ledger by kind of account, and what the gateway had listed."""

    day: date
    ledger: Mapping[str, int]
    listed: frozenset[ListedRow]


async def opening(play: Play, officer: Officer) -> Opening:
    """How it stands now."""
    today = _today()
    return Opening(today, await _ledger(officer), frozenset(await _listed(play, today)))


async def _ledger(officer: Officer) -> dict[str, int]:
    return {row.kind: row.total for row in (await officer.client.call(read_trial_balance)).rows if row.unit == "IRR"}


async def _listed(play: Play, since: date) -> list[ListedRow]:
    """What the gateway lists of a day, and of the next one if that has begun."""
    bank = LocalBank(play.places.bank, "")
    return [row for day in {since, _today()} for row in await bank.list_day(day)]


def _today() -> date:
    return tehran_day(datetime.now(UTC))


async def reconciled(
    play: Play, before: Opening, office: tuple[Officer, Officer], transfers: Sequence[Transfer]
) -> Told:
    """What gateway and bank say of the day is what the ledger says.

    Raises:
        CliError: it is not.
    """
    play.screen.chapter("15. The day is reconciled with the gateway and the bank")
    first, _ = office
    listed = [row for row in await _listed(play, before.day) if row not in before.listed]
    owed, fees = _owed(listed), sum(row.fee for row in listed)
    moved = await _moved(first, before)
    _hold_equal("the gateway", owed, -moved["gateway:clearing"])
    play.screen.done(f"the gateway lists {owed:,} rial as ours and {fees:,} as its fee, and so does the ledger")
    play.screen.note("(today's list, for its whole day is compared by the clock once it is over)")
    case_id = await _compared(play, office, owed, transfers)
    moved = await _moved(first, before)
    at_bank = owed - sum(one.amount for one in transfers)
    _hold_equal("the bank", at_bank, -moved["bank"])
    for kind in ("gateway:clearing", "payment:received", "payment:refunding", "escrow:held", "member:payable"):
        _hold_equal(kind, 0, moved.get(kind, 0))
    suspense = len((await first.client.call(list_suspense)).items)
    play.screen.done(f"reconciled to the last rial: the statement sums to {at_bank:,}, and so does the ledger's bank")
    play.screen.note(f"nothing is left at the gateway or in the balance, {suspense} payments stand in suspense")
    return Told("Case 12: the bank's statement, compared", first, case_id)


def _owed(listed: Sequence[ListedRow]) -> int:
    return sum((row.amount - row.fee) * (1 if row.what is Movement.TAKEN else -1) for row in listed)


async def _moved(officer: Officer, before: Opening) -> dict[str, int]:
    return {kind: total - before.ledger.get(kind, 0) for kind, total in (await _ledger(officer)).items()}


def _hold_equal(whose: str, said: int, ours: int) -> None:
    if said != ours:
        raise CliError(f"the day is not reconciled: {whose} says {said:,} rial, the ledger {ours:,}")


async def _compared(play: Play, office: tuple[Officer, Officer], owed: int, transfers: Sequence[Transfer]) -> UUID:
    """Send the statement of a bank to which the gateway paid what it owes, and have what it shows anew booked."""
    first, second = office
    sent = await first.client.call(send_statement, StatementIn(file=_statement(play, owed, transfers)))
    found = await _read_when(first, sent.case_id, "awaiting_decisions")
    for one in found.differences:
        if one.may_book:
            await first.decide(
                sent.case_id,
                ProposeBooking(kind="settle_difference", decision="book", note="تسویهٔ روز", settles=_GATEWAY),
            )
        else:
            await first.decide(
                sent.case_id,
                ExplainDifference(
                    kind="settle_difference",
                    decision="explain",
                    explanation=Explanation.SETTLED_ELSEWHERE,
                    note="پیش‌تر تسویه شده است",
                ),
            )
        await second.decide(sent.case_id, ConfirmProposal(kind="confirm_proposal", decision="confirm"))
    settled = await _read_when(first, sent.case_id, "settled")
    play.screen.done(
        f"the bank's statement: {settled.here_count} of its {settled.there_count} rows were found in the ledger, what"
        " the gateway paid was booked by two officers"
    )
    return sent.case_id


def _statement(play: Play, owed: int, transfers: Sequence[Transfer]) -> str:
    today = _today().isoformat()
    rows = [(owed, f"SETTLE-{play.run}", "واریز درگاه"), *((-one.amount, one.reference, "پایا") for one in transfers)]
    lines = ["date,amount,reference,description", *(",".join((today, str(row[0]), *row[1:])) for row in rows)]
    return base64.b64encode("\n".join(lines).encode()).decode()


async def _read_when(officer: Officer, case_id: UUID, phase: str) -> ClearingDetail:
    async def look() -> ClearingDetail | None:
        found = await officer.client.call(read_clearing, case_id)
        return found if found.phase == phase else None

    return await wait_for(look, f"the phase {phase} of the statement")
