"""Safe payments: the policy's bounds, the fee, shares, texts, and journals that sum to zero (E1 to E8)."""

from __future__ import annotations

import tomllib
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import ledger
from domain.escrow import rules
from domain.escrow.clause import ARBITRATION_CLAUSES
from domain.escrow.journals import EscrowShares, escrow_divided
from domain.escrow.policy import EscrowPolicy, fee_of
from domain.escrow.words import WORDS
from domain.fee import RATE_PARTS
from domain.ledger import JournalReason, Occasion
from domain.money import Money
from messages.case import CaseKind
from messages.escrow import Phase

_SHIPPED = tomllib.loads((Path(__file__).parents[2] / "storage/schema/policies/escrow.toml").read_text("utf-8"))
_WAITS = ("accept", "fund", "inspect", "refund", "evidence")
_WORKING_WAITS = ("claim", "ruling")
_RIAL = st.integers(min_value=0, max_value=rules.MOST_PRICE)
_FEE_RATES = st.integers(min_value=0, max_value=RATE_PARTS // 2)
_VAT_RATES = st.integers(min_value=0, max_value=RATE_PARTS)
_OVER = {Phase.RELEASED, Phase.REFUNDED, Phase.SPLIT, Phase.DECLINED, Phase.WITHDRAWN, Phase.LAPSED}


def test_the_policy_that_ships_is_read_releases_nothing_by_silence_and_has_a_clause() -> None:
    policy = EscrowPolicy.from_policy(_SHIPPED)
    policy.require_known()
    assert (policy.auto_release, policy.fee_rate) == (False, 300)
    assert (policy.accept.expire, policy.fund.expire, policy.inspect.expire) == (timedelta(days=7),) * 3
    assert (policy.refund.expire, policy.evidence.expire) == (timedelta(days=5),) * 2
    assert (policy.claim.expire, policy.ruling.expire) == (18, 45)
    assert (policy.objection, policy.dormancy) == (timedelta(days=2), timedelta(days=30))


@pytest.mark.parametrize("name", list(_SHIPPED))
@pytest.mark.parametrize("value", [None, -1, 1.5, "1", 10**9])
def test_a_value_that_is_missing_of_another_type_or_out_of_range_is_no_policy(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        EscrowPolicy.from_policy(_SHIPPED | {name: value})


@pytest.mark.parametrize(
    "name", [f"{one}_{{}}_hours" for one in _WAITS] + [f"{one}_{{}}_working_hours" for one in _WORKING_WAITS]
)
def test_a_reminder_comes_before_the_end(name: str) -> None:
    changed = {name.format("remind"): _SHIPPED[name.format("expire")]}
    with pytest.raises(ValueError, match="reminder"):
        EscrowPolicy.from_policy(_SHIPPED | changed)


def test_a_clause_that_there_is_not_cannot_be_proposed() -> None:
    unknown = max(ARBITRATION_CLAUSES) + 1
    with pytest.raises(ValueError, match="clause_version"):
        EscrowPolicy.from_policy(_SHIPPED | {"clause_version": unknown}).require_known()


@given(gross=_RIAL, fee_rate=_FEE_RATES, vat_rate=_VAT_RATES)
def test_a_fee_with_its_vat_is_never_more_than_what_goes_to_the_contractor(
    gross: int, fee_rate: int, vat_rate: int
) -> None:
    fee = fee_of(Money(gross), fee_rate=fee_rate, vat_rate=vat_rate)
    assert 0 <= fee.net.amount <= gross * fee_rate // RATE_PARTS
    assert 0 <= fee.total.amount <= gross


@given(parts=st.lists(_RIAL, max_size=8), fee_rate=_FEE_RATES, vat_rate=_VAT_RATES)
def test_to_release_in_parts_costs_no_more_than_to_release_all_at_once(
    parts: list[int], fee_rate: int, vat_rate: int
) -> None:
    rates = {"fee_rate": fee_rate, "vat_rate": vat_rate}
    in_parts = sum(fee_of(Money(part), **rates).total.amount for part in parts)
    assert in_parts <= fee_of(Money(sum(parts)), **rates).total.amount


@given(contractor=_RIAL, employer=_RIAL, fee_rate=_FEE_RATES, vat_rate=_VAT_RATES)
def test_what_leaves_held_money_sums_to_zero_and_each_gets_their_part(
    contractor: int, employer: int, fee_rate: int, vat_rate: int
) -> None:
    if not contractor + employer:
        return
    escrow, person, refund = uuid4(), uuid4(), uuid4() if employer else None
    fee = fee_of(Money(contractor), fee_rate=fee_rate, vat_rate=vat_rate)
    shares = EscrowShares(person, Money(contractor), fee, Money(employer), refund)
    journal = escrow_divided(escrow, JournalReason.ESCROW_RULED, shares, _occasion(escrow))

    moved = {entry.account: entry.amount.amount for entry in journal.entries}
    assert sum(moved.values()) == 0
    assert moved[ledger.escrow_account(escrow).code] == -(contractor + employer)
    assert moved.get(ledger.member_account(person).code, 0) == contractor - fee.total.amount
    assert (refund is not None) == any(code.startswith("payment:refunding") for code in moved)
    assert moved.get(ledger.VAT_ACCOUNT.code, 0) == fee.vat.amount


def _occasion(escrow: UUID) -> Occasion:
    return Occasion("escrow:test", escrow, "system", datetime(2026, 11, 30, tzinfo=UTC))


@given(frozen=_RIAL, to_contractor=_RIAL)
def test_shares_divide_what_is_frozen_and_nothing_else(frozen: int, to_contractor: int) -> None:
    shares = rules.Shares(Money(to_contractor), Money(frozen - to_contractor))
    assert shares.divide(Money(frozen)) is (to_contractor <= frozen)
    assert not shares.divide(Money(frozen + 1))


@pytest.mark.parametrize(
    ("parse", "letters", "refusal"),
    [
        (rules.parse_title, rules.TITLE_LETTERS, rules.TitleUnreadable),
        (rules.parse_reason, rules.REASON_LETTERS, rules.ReasonUnreadable),
        (rules.parse_statement, rules.STATEMENT_LETTERS, rules.EscrowStatementUnreadable),
        (rules.parse_reasons, rules.REASONS_LETTERS, rules.RulingReasonsUnreadable),
    ],
)
def test_a_text_is_neither_shorter_nor_longer_than_it_may_be(
    parse: Any, letters: range, refusal: type[Exception]
) -> None:
    for length in (letters[0], letters[-1]):
        assert parse(f"  {'ش' * length}  ", field="text") == "ش" * length
    for length in (0, letters[0] - 1, letters[-1] + 1):
        with pytest.raises(refusal):
            parse("ش" * length, field="text")


def test_a_statement_keeps_its_lines_and_nothing_that_turns_the_reading_direction() -> None:
    said = "كار تحویل شد.\r\n\n\n\nمبلغ\u202e مانده است.   \n"
    assert rules.parse_statement(said, field="text") == "کار تحویل شد.\n\nمبلغ مانده است."


def test_a_day_is_today_or_later_and_not_too_far_ahead() -> None:
    today = date(2026, 11, 30)
    for day in (today, today + rules.FURTHEST_DUE):
        rules.refuse_day(day, today, field="due_on")
    for day in (today - timedelta(days=1), today + rules.FURTHEST_DUE + timedelta(days=1)):
        with pytest.raises(rules.DueDayOutOfRange):
            rules.refuse_day(day, today, field="due_on")


@pytest.mark.parametrize("phase", Phase)
def test_what_is_still_to_come_is_said_until_it_is_over(phase: Phase) -> None:
    steps = WORDS.ahead[CaseKind.ESCROW](phase, None)
    assert (not steps) is (phase in _OVER | {Phase.REFUNDING})
