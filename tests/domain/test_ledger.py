"""The ledger's words: what can be said at all, and what it is hashed as."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.ledger import (
    CREDIT_GRANTED,
    Account,
    Entry,
    HoldRequest,
    ImpossibleJournal,
    Journal,
    Occasion,
    credit_line_closed,
    credit_line_opened,
    credit_line_reduced,
)
from domain.money import Money, Unit

LINE = UUID("01890000-0000-7000-8000-000000000001")
NOON = Occasion("key", LINE, "system", datetime(2026, 11, 1, 12, tzinfo=UTC))
ONE, TWO = "credit:granted:a", "credit:available:a"


def _move(amount: int = 1, occasion: Occasion = NOON, reason: str = "test_moved") -> Journal:
    return Journal(occasion, reason, (Entry(ONE, Money(-amount)), Entry(TWO, Money(amount))))


@pytest.mark.parametrize(
    "entries",
    [
        (),
        (Entry(ONE, Money(1)),),
        (Entry(ONE, Money(1)), Entry(TWO, Money(-2))),
        (Entry(ONE, Money(1)), Entry(ONE, Money(-1))),
        (Entry(ONE, Money(0)), Entry(TWO, Money(0))),
        (Entry(ONE, Money(1)), Entry(TWO, Money(-1, Unit.PTS))),
    ],
)
def test_an_impossible_journal_is_not_even_made(entries: tuple[Entry, ...]) -> None:
    with pytest.raises(ImpossibleJournal):
        Journal(NOON, "test_moved", entries)


@pytest.mark.parametrize(
    "occasion",
    [
        replace(NOON, key=""),
        replace(NOON, key="with spaces"),
        replace(NOON, key="k" * 201),
        replace(NOON, actor="علی"),
        replace(NOON, event_at=datetime(2026, 11, 1, 12)),  # noqa: DTZ001 - a time without a zone is what is tested
    ],
)
def test_a_malformed_occasion_is_refused(occasion: Occasion) -> None:
    with pytest.raises(ImpossibleJournal):
        _move(occasion=occasion)


@pytest.mark.parametrize("amount", [0, -1])
def test_events_and_holds_move_more_than_nothing(amount: int) -> None:
    for event in (credit_line_opened, credit_line_reduced, credit_line_closed):
        with pytest.raises(ImpossibleJournal):
            event(LINE, Money(amount), NOON)
    with pytest.raises(ImpossibleJournal):
        HoldRequest(NOON, TWO, Money(amount), "test_held")


def test_the_subject_of_an_account_is_plain() -> None:
    assert Account(CREDIT_GRANTED, str(LINE)).code == f"credit:granted:{LINE}"
    for subject in ("علی", "A", "a b", ":a"):
        with pytest.raises(ImpossibleJournal):
            Account(CREDIT_GRANTED, subject)


@given(amount=st.integers(1, 10**17))
def test_what_closing_takes_is_what_opening_gave(amount: int) -> None:
    opened = credit_line_opened(LINE, Money(amount), NOON).entries
    closed = credit_line_closed(LINE, Money(amount), NOON).entries
    assert {(e.account, -e.amount.amount) for e in opened} == {(e.account, e.amount.amount) for e in closed}


def test_the_hash_tells_contents_apart_but_not_orders_or_time_zones() -> None:
    tehran = NOON.event_at.astimezone(timezone(timedelta(hours=3, minutes=30)))
    same = [
        _move(),
        Journal(NOON, "test_moved", _move().entries[::-1]),
        _move(occasion=replace(NOON, event_at=tehran, key="another")),
    ]
    others = [
        _move(2),
        _move(reason="another"),
        _move(occasion=replace(NOON, case_id=None)),
        _move(occasion=replace(NOON, actor="another")),
        _move(occasion=replace(NOON, event_at=NOON.event_at + timedelta(microseconds=1))),
    ]
    assert len({journal.content_hash() for journal in same}) == 1
    hashes = {_move().content_hash(), _move().content_hash(hold=LINE), _move().content_hash(corrects=LINE)}
    assert len(hashes | {journal.content_hash() for journal in others}) == 3 + len(others)
