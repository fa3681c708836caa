"""The waits of the policy of safe payments, in hours or in seconds (docs/rules.md, E4 and E5)."""

from __future__ import annotations

import tomllib
from datetime import timedelta
from typing import Any

import pytest

from domain.escrow.policy import EscrowPolicy, Wait
from stack.places import PROJECT

_SHIPPED = PROJECT / "storage" / "schema" / "policies" / "escrow.toml"


def policy(*without: str, **changes: Any) -> EscrowPolicy:
    """The one that ships, changed."""
    value = {**tomllib.loads(_SHIPPED.read_text("utf-8")), **changes}
    return EscrowPolicy.from_policy({name: given for name, given in value.items() if name not in without})


def test_what_ships_waits_for_hours() -> None:
    assert policy().evidence == Wait(timedelta(hours=72), timedelta(hours=120))
    assert policy().objection == timedelta(hours=48)


def test_a_wait_may_be_given_in_seconds() -> None:
    found = policy("objection_hours", "evidence_expire_hours", "evidence_remind_hours",
                   objection_seconds=5, evidence_remind_seconds=1, evidence_expire_seconds=4)  # fmt: skip
    assert found.objection == timedelta(seconds=5)
    assert found.evidence == Wait(timedelta(seconds=1), timedelta(seconds=4))
    # One of a pair may stay in hours, as long as the reminder comes first.
    assert policy("evidence_remind_hours", evidence_remind_seconds=1).evidence.expire == timedelta(hours=120)


@pytest.mark.parametrize(
    ("without", "changes"),
    [
        ((), {"objection_seconds": 5}),
        (("objection_hours",), {}),
        (("objection_hours",), {"objection_seconds": 0}),
        (("objection_hours",), {"objection_seconds": 0.5}),
        (("evidence_expire_hours",), {"evidence_expire_seconds": 60}),
        (("fund_remind_hours",), {"fund_remind_seconds": True}),
    ],
)
def test_a_wait_in_both_units_in_none_or_out_of_order_is_refused(without: tuple[str, ...], changes: Any) -> None:
    with pytest.raises(ValueError, match=r"objection|evidence|fund"):
        policy(*without, **changes)
