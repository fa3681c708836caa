"""Money goes out in the demo: a member withdraws, and two officers pay it through the bank's files (E3).

The bank itself is played here: it reads the file that it was handed, and answers to each line of it.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID, uuid4

from api.balance import read_balance
from api.bank_account import ShebaCodeRequest, ShebaIn, ShebaSubject, add_sheba
from api.payout import (
    ConfirmPayout,
    FileForm,
    HandOverPayout,
    PayoutIn,
    PayoutOut,
    download_payout,
    make_payout,
    read_payout,
)
from api.payout_answer import send_payout_answer
from api.values import AmountIn
from api.withdrawal import WithdrawalCodeRequest, WithdrawalIn, WithdrawalSubject, withdraw
from demo.actors import Member, Officer, at_once, wait_for
from demo.payment import confirmed_by_registry
from demo.personnel_generator import Employee
from demo.play import Play, Told
from domain.payout import HEADINGS
from stack.places import CliError

# Invented, with its check digits right.
_SHEBA: Final = "IR050170000000123456789012"
_KEY, _SHEBA_TOLD, _AMOUNT = (HEADINGS[name][1] for name in ("key", "sheba", "amount"))
_ANSWER: Final = ("line_key", "sheba", "amount", "result", "bank_reference")


@dataclass(frozen=True, slots=True)
class Transfer:
    """What the bank paid: rial, and its own number of it."""

    amount: int
    reference: str


@dataclass(frozen=True, slots=True)
class PaidOut:
    """A batch that the bank has answered."""

    told: Told
    transfers: Sequence[Transfer]


async def paid_out(play: Play, person: Employee, office: tuple[Officer, Officer]) -> PaidOut:
    """A member withdraws their balance; one officer makes a batch, another confirms it, and the bank pays.

    Raises:
        CliError: the file is another one than was confirmed.
    """
    play.screen.chapter("14. The payee withdraws; two officers pay it by the bank's files")
    maker, checker = office
    payee = await play.member(person)
    await register_sheba(payee)
    await _withdraw(play, payee)
    payout_id = (await maker.client.call(make_payout, PayoutIn())).id
    confirmed = await _confirm(play, checker, payout_id)
    await maker.task(payout_id, "hand_over_payout")
    file = await maker.client.send(download_payout, payout_id, form=FileForm.CSV)
    if hashlib.sha256(file.content).hexdigest() != confirmed:
        raise CliError("the bank's file is another one than was confirmed")
    await maker.decide(payout_id, HandOverPayout(kind="hand_over_payout", decision="handed_over"))
    answer, transfers = _pay_as_bank(file.content, play.run)
    totp = await maker.code()
    await maker.client.call(send_payout_answer, payout_id, str(uuid4()), at_once(answer), totp)
    await _settled(maker, payout_id)
    balance = await payee.client.call(read_balance)
    play.screen.done(
        f"the file went to the bank, whose answer was read line by line: paid; their balance is {balance.total.fa}"
    )
    return PaidOut(Told("Case 11: a withdrawal, paid in a batch", maker, payout_id), transfers)


async def register_sheba(payee: Member) -> None:
    """Add a sheba with a code for exactly this one, and wait until the registry says that it is theirs."""
    wish = ShebaCodeRequest(purpose="add_sheba", subject=ShebaSubject(number=_SHEBA))
    code_id, code = await payee.read_code(payee.client, wish)
    await payee.client.call(add_sheba, ShebaIn(number=_SHEBA, code_id=code_id, code=code))
    await confirmed_by_registry(payee)


async def _withdraw(play: Play, payee: Member) -> None:
    available = (await payee.client.call(read_balance)).available
    amount = AmountIn(amount=available.amount)
    wish = WithdrawalCodeRequest(purpose="withdraw", subject=WithdrawalSubject(amount=amount))
    code_id, code = await payee.read_code(payee.client, wish)
    await payee.client.call(withdraw, WithdrawalIn(amount=amount, code_id=code_id, code=code))
    play.screen.done(f"a sheba of one's own was added and {available.fa} withdrawn to it, each with a code of its own")


async def _confirm(play: Play, checker: Officer, payout_id: UUID) -> str:
    """Confirm what the batch's page shows; returns the SHA-256 of its CSV file."""
    await checker.task(payout_id, "confirm_payout")
    batch = await checker.client.call(read_payout, payout_id)
    csv, xlsx = batch.csv_sha256 or "", batch.xlsx_sha256 or ""
    seen = ConfirmPayout(
        kind="confirm_payout",
        decision="confirm",
        lines=batch.lines,
        amount=AmountIn(amount=batch.amount.amount),
        csv_sha256=csv,
        xlsx_sha256=xlsx,
    )
    await checker.decide(payout_id, seen)
    play.screen.done(f"one officer made a batch, another confirmed it with TOTP: {batch.lines} line, {batch.amount.fa}")
    return csv


def _pay_as_bank(file: bytes, run: str) -> tuple[bytes, list[Transfer]]:
    """Pay each line of the bank's file; returns the answer file and what was paid."""
    answer, paid = io.StringIO(), list[Transfer]()
    written = csv.writer(answer)
    written.writerow(_ANSWER)
    for number, row in enumerate(csv.DictReader(io.StringIO(file.decode("utf-8-sig"))), start=1):
        one = Transfer(int(row[_AMOUNT]), f"PAYA-{run}-{number}")
        written.writerow((row[_KEY], row[_SHEBA_TOLD], one.amount, "paid", one.reference))
        paid.append(one)
    return answer.getvalue().encode(), paid


async def _settled(officer: Officer, payout_id: UUID) -> None:
    async def look() -> PayoutOut | None:
        batch = await officer.client.call(read_payout, payout_id)
        return batch if batch.phase == "settled" else None

    await wait_for(look, "the bank's answer to be read")
