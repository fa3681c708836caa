"""The bank of the stand-alone stack: what it answers, what it gives back, and what survives races and kills."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from gateways.local_bank import ASKED_BEFORE_CLEAR, USUAL_CARD, BankDeed, LocalBank
from gateways.payment import (
    GatewayRefused,
    GatewayUnclear,
    LinkRequest,
    NotPaid,
    Outcome,
    Paid,
    PaymentGateway,
    StillOpen,
    same_card,
)
from stack.places import PROJECT

_SITE = "http://127.0.0.1:8080"
_AMOUNT = 2_500_000
_KILLED_BEFORE_THE_NEW_FILE_IS_IN_PLACE = """
import os, signal, sys
from pathlib import Path
from gateways.local_bank import LocalBank
Path.rename = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
LocalBank(Path(sys.argv[1]), "").pay(sys.argv[2], "6037990000000105")
"""


@dataclass
class Clock:
    """A clock that tests set; it begins shortly before midnight in Tehran."""

    now: datetime = datetime(2026, 11, 29, 20, 20, tzinfo=UTC)

    def __call__(self) -> datetime:
        """The time."""
        return self.now

    def wait(self, **span: float) -> None:
        """Let time pass."""
        self.now += timedelta(**span)


@dataclass
class Counter:
    """A bank with its clock, and payments of one size at it."""

    directory: Path
    clock: Clock = field(default_factory=Clock)
    bank: LocalBank = field(init=False)

    def __post_init__(self) -> None:
        """Open the bank."""
        self.bank = LocalBank(self.directory, f"{_SITE}/", self.clock)

    async def link(self, callback: str = "https://shop.test/back", cards: tuple[str, ...] = ()) -> str:
        """Ask for a payment; its authority."""
        request = LinkRequest(_AMOUNT, callback, "order-1", "آزمایش", cards)
        return (await self.bank.request_link(request)).authority

    async def paid(self) -> str:
        """A payment that is paid."""
        authority = await self.link()
        self.bank.pay(authority, USUAL_CARD)
        return authority

    async def settled(self) -> str:
        """A payment that is paid and taken."""
        authority = await self.paid()
        assert isinstance(await self.settle(authority), Paid)
        return authority

    async def settle(self, authority: str, amount: int = _AMOUNT) -> Outcome:
        """Ask what became of a payment."""
        return await self.bank.settle(authority, amount)

    def deeds(self, authority: str) -> list[BankDeed]:
        """What stands in the books."""
        return [line.what for line in self.bank.find(authority).lines]


@pytest.fixture
def counter(tmp_path: Path) -> Counter:
    """A bank that nobody has used."""
    return Counter(tmp_path / "bank")


def _as_gateway(bank: LocalBank) -> PaymentGateway:
    return bank


async def test_a_link_leads_to_the_banks_page_and_its_books_are_private(counter: Counter) -> None:
    link = await _as_gateway(counter.bank).request_link(LinkRequest(_AMOUNT, "https://shop.test/back", "1", "x"))
    assert link.url == f"{_SITE}/bank/{link.authority}"
    assert counter.directory.stat().st_mode & 0o077 == 0
    assert all(file.stat().st_mode & 0o077 == 0 for file in counter.directory.iterdir())
    assert await counter.settle(link.authority) == StillOpen()


@pytest.mark.parametrize("authority", ["", "a" * 36, "../" * 12, "A" * 36, "a" * 35 + "\n"])
async def test_an_authority_that_the_bank_never_gave_is_unknown(counter: Counter, authority: str) -> None:
    await counter.link()
    assert await counter.settle(authority) == NotPaid("unknown_authority")
    assert await counter.bank.refunded(authority, "k") is False
    for asked in (counter.bank.reverse(authority), counter.bank.refund(authority, _AMOUNT, "k")):
        with pytest.raises(GatewayRefused, match="unknown_authority"):
            await asked


async def test_what_is_paid_is_taken_once_and_said_again_in_the_same_words(counter: Counter) -> None:
    authority = await counter.paid()
    first = await counter.settle(authority)
    assert isinstance(first, Paid)
    assert (first.amount, first.card, first.fee) == (_AMOUNT, "603799******0105", 25_000)
    counter.clock.wait(days=2)
    assert await counter.settle(authority) == first
    assert counter.deeds(authority) == ["paid", "settled"]
    assert isinstance(other := await counter.settle(await counter.paid()), Paid)
    assert other.reference != first.reference


@pytest.mark.parametrize(("failed", "reason"), [(True, "failed"), (False, "cancelled")])
async def test_what_failed_or_was_left_is_not_paid_and_cannot_be_any_more(
    counter: Counter, failed: bool, reason: str
) -> None:
    authority = await counter.link()
    counter.bank.end(authority, failed=failed)
    assert not counter.bank.pay(authority, USUAL_CARD).paid
    assert await counter.settle(authority) == NotPaid(reason)


async def test_a_link_is_payable_until_its_time_ends_whatever_is_asked_meanwhile(counter: Counter) -> None:
    first, second, late = [await counter.link() for _ in range(3)]
    for _ in range(3):
        assert await counter.settle(first) == StillOpen()
        assert await counter.settle(first, _AMOUNT + 1) == StillOpen()
    counter.clock.wait(minutes=14, seconds=59)
    for authority in (first, second):
        counter.bank.pay(authority, USUAL_CARD)
        assert isinstance(await counter.settle(authority), Paid)
    counter.clock.wait(seconds=1)
    assert not counter.bank.pay(late, USUAL_CARD).paid
    assert await counter.settle(late) == NotPaid("expired")
    assert counter.bank.find(late).way_back.endswith("&Status=NOK")


async def test_what_nobody_takes_in_time_is_given_back_by_the_bank(counter: Counter) -> None:
    authority = await counter.paid()
    counter.clock.wait(minutes=15)
    assert await counter.settle(authority) == NotPaid("reversed")
    assert counter.deeds(authority) == ["paid", "returned"]
    # Whoever gives it back then gives nothing twice.
    assert await counter.bank.reverse(authority) == await counter.bank.reverse(authority)
    assert counter.deeds(authority) == ["paid", "returned"]


async def test_another_amount_is_not_taken_and_goes_back(counter: Counter) -> None:
    authority = await counter.paid()
    for _ in range(2):
        assert await counter.settle(authority, _AMOUNT - 1) == NotPaid("amount_differs")
    assert await counter.settle(authority) == NotPaid("reversed")
    assert counter.deeds(authority) == ["paid", "returned"]


async def test_what_was_taken_is_told_with_its_own_amount_whatever_amount_is_asked_for(counter: Counter) -> None:
    authority = await counter.settled()
    assert await counter.settle(authority, _AMOUNT - 1) == await counter.settle(authority)
    assert counter.deeds(authority) == ["paid", "settled"]


async def test_a_slow_payment_is_unclear_at_first_and_then_paid(counter: Counter) -> None:
    authority = await counter.link()
    counter.bank.pay(authority, USUAL_CARD, unclear=ASKED_BEFORE_CLEAR)
    for _ in range(ASKED_BEFORE_CLEAR):
        with pytest.raises(GatewayUnclear):
            await counter.settle(authority)
    assert isinstance(await counter.settle(authority), Paid)


async def test_a_strangers_card_is_none_of_the_payers(counter: Counter) -> None:
    own: tuple[str, ...] = ()
    for _ in range(3):
        payment = counter.bank.find(authority := await counter.link(cards=own))
        counter.bank.pay(authority, payment.stranger)
        outcome = await counter.settle(authority)
        assert isinstance(outcome, Paid)
        assert not any(same_card(outcome.card, card) for card in own)
        own = (*own, payment.stranger)


async def test_the_whole_is_reversed_within_half_an_hour_and_once(counter: Counter) -> None:
    authority, late, unpaid = await counter.settled(), await counter.settled(), await counter.link()
    counter.clock.wait(minutes=30)
    reference = await counter.bank.reverse(authority)
    counter.clock.wait(seconds=1)
    assert await counter.bank.reverse(authority) == reference
    assert await counter.settle(authority) == NotPaid("reversed")
    assert counter.deeds(authority) == ["paid", "settled", "reversed"]
    for refused, reason in ((late, "too_late"), (unpaid, "not_paid")):
        with pytest.raises(GatewayRefused, match=reason):
            await counter.bank.reverse(refused)


async def test_parts_are_refunded_once_a_key_and_never_more_than_was_paid(counter: Counter) -> None:
    authority, refund = await counter.settled(), counter.bank.refund
    first = await refund(authority, 2_000_000, "one")
    assert await refund(authority, 2_000_000, "one") == first
    assert await refund(authority, 500_000, "two") != first
    for amount, key, reason in (
        (20_000, "three", "more_than_paid"),
        (20_000, "one", "key_reused"),
        (19_999, "four", "too_little"),
    ):
        with pytest.raises(GatewayRefused, match=reason):
            await refund(authority, amount, key)
    with pytest.raises(GatewayRefused, match="refunded"):
        await counter.bank.reverse(authority)
    assert [await counter.bank.refunded(authority, key) for key in ("one", "two", "three")] == [True, True, False]
    assert isinstance(await counter.settle(authority), Paid)


async def test_what_was_not_taken_or_was_given_back_is_not_refunded(counter: Counter) -> None:
    unpaid, untaken, reversed_ = await counter.link(), await counter.paid(), await counter.settled()
    await counter.bank.reverse(reversed_)
    for authority in (unpaid, untaken, reversed_):
        with pytest.raises(GatewayRefused, match="not_paid"):
            await counter.bank.refund(authority, _AMOUNT, "k")


async def test_the_browser_is_sent_back_by_the_callbacks_own_address(counter: Counter) -> None:
    for callback, expected in (
        ("https://shop.test/back", "https://shop.test/back?"),
        ("https://shop.test/back?t=a%2Bb", "https://shop.test/back?t=a%2Bb&"),
    ):
        authority = await counter.link(callback)
        assert counter.bank.find(authority).way_back == f"{expected}Authority={authority}&Status=NOK"
        assert counter.bank.pay(authority, USUAL_CARD).way_back == f"{expected}Authority={authority}&Status=OK"


async def test_a_days_list_has_what_we_took_and_what_went_back_of_it_on_its_day_in_tehran(counter: Counter) -> None:
    day, next_day = date(2026, 11, 29), date(2026, 11, 30)
    assert await counter.bank.list_day(day) == []
    kept = await counter.settled()
    counter.clock.wait(seconds=1)
    untaken, left = await counter.paid(), await counter.link()
    counter.bank.end(left, failed=False)
    counter.clock.wait(minutes=20)
    await counter.bank.refund(kept, 500_000, "k")
    counter.clock.wait(days=30)
    before, after = await counter.bank.list_day(day), await counter.bank.list_day(next_day)
    assert [(row.what, row.amount, row.fee) for row in before] == [("taken", _AMOUNT, 25_000)]
    assert [(row.what, row.amount) for row in after] == [("given_back", 500_000)]
    assert {row.order for row in before + after} == {"order-1"}
    assert len({row.reference for row in before + after}) == 2
    assert counter.deeds(untaken) == ["paid", "returned"]


async def test_threads_that_pay_settle_and_give_back_at_once_do_each_once(counter: Counter) -> None:
    authority = await counter.link()
    asked: list[Callable[[], object]] = [
        lambda: counter.bank.pay(authority, USUAL_CARD),
        lambda: asyncio.run(counter.settle(authority)),
        lambda: counter.bank.find(authority),
    ]
    with ThreadPoolExecutor(12) as threads:
        outcomes = [done.result() for done in [threads.submit(asked[number % 3]) for number in range(60)]]
    paid = {outcome for outcome in outcomes if isinstance(outcome, Paid)} | {await counter.settle(authority)}
    assert len(paid) == 1
    assert counter.deeds(authority) == ["paid", "settled"]


def _refund_all(directory: Path, authority: str, whose: str) -> int:
    """In a process of its own: ask for more refunds than there is money; how many came about."""
    bank, done = LocalBank(directory, _SITE), 0
    for number in range(40):
        with contextlib.suppress(GatewayRefused):
            asyncio.run(bank.refund(authority, 50_000, f"{whose}-{number}"))
            done += 1
    return done


async def test_processes_that_refund_at_once_never_give_back_more_than_was_paid(counter: Counter) -> None:
    authority = await counter.settled()
    with ProcessPoolExecutor(3, multiprocessing.get_context("spawn")) as processes:
        asked = [processes.submit(_refund_all, counter.directory, authority, whose) for whose in "abc"]
        assert sum(done.result() for done in asked) == _AMOUNT // 50_000
    assert counter.deeds(authority).count(BankDeed.REFUNDED) == _AMOUNT // 50_000


async def test_a_process_killed_in_the_middle_of_a_write_leaves_the_old_file_and_locks_nobody_out(
    tmp_path: Path,
) -> None:
    bank = LocalBank(tmp_path / "bank", _SITE)
    authority = (await bank.request_link(LinkRequest(_AMOUNT, "https://shop.test/back", "1", "x"))).authority
    command = [sys.executable, "-c", _KILLED_BEFORE_THE_NEW_FILE_IS_IN_PLACE, str(tmp_path / "bank"), authority]
    killed = await asyncio.to_thread(subprocess.run, command, cwd=PROJECT, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert await bank.settle(authority, _AMOUNT) == StillOpen()
    bank.pay(authority, USUAL_CARD)
    assert isinstance(await bank.settle(authority, _AMOUNT), Paid)
    assert [file.name for file in (tmp_path / "bank").iterdir() if file.suffix == ".draft"] == []
