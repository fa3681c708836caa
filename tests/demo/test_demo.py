"""``./amanat demo`` from nothing to the end, as somebody sees it who has just cloned the project."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from api.developer import local_sign_ins
from gateways.local_sign_ins import read_local_sign_ins
from stack.places import PROJECT, Places
from stack.postgres import EmbeddedPostgres
from stack.state import is_running

_LIMIT_SECONDS = 300
_TWO_SCREENS = 145
_ROLES = (
    "applicant",
    "colleague who may be guarantor",
    "finance officer",
    "HR officer",
    "welfare manager",
    "support agent",
    "settlement officer",
    "second settlement officer",
    "arbitrator",
    "second arbitrator",
    "identity officer",
    "operator",
    "second operator",
    "contracts officer",
    "auditor",
)
_OUTCOMES = (
    "Case 1: MiniPay, usable credit",
    "Case 2: MiniPay, refused",
    "Case 3: Tavana, through both approvals",
    "Case 4: Tavana, another guarantor",
    "Case 5: Tavana, returned and corrected",
    "Case 6: Tavana, expired",
    "Case 7: MiniPay, mended by a corrected file",
    "Case 8: a normal payment",
    "Case 9: a safe payment, released",
    "Case 10: a safe payment, ruled on twice",
    "Case 11: a withdrawal, paid in a batch",
    "Case 12: the bank's statement, compared",
    "Case 13: an identity, returned once and accepted",
)


_SAID = (
    "the contractor objected; another ruled finally: 45,000,000 rial and 15,000,000 back",
    "to the last rial: paid 100,000,000 = 82,195,000 in the contractor's balance + 2,805,000 fees with VAT",
    "the arbitrator had it shown with a code of its own, for 60 seconds; the owner's list: seen by the arbitrator",
    "the password was erased, for nobody needs it any more: the vault has neither entry nor key",
    "the member read «روی کارت ملی: خوانا نیست», and sent that picture anew",
    "accepted: level «Basic» until",
    "reconciled to the last rial",
    "every rial of each payment is explained",
)


@pytest.mark.long
@pytest.mark.timeout(_LIMIT_SECONDS + 20)
def test_the_demo_ends_with_thirteen_outcomes_a_reconciled_day_and_books_that_balance(tmp_path: Path) -> None:
    places = Places(tmp_path / "var")
    apart = ("AMANAT_", "TEMPORAL_", "DATABASE_URL", "OWNER_DATABASE_URL", "VAULT_DATABASE_URL")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(apart)}
    environment |= {"AMANAT_VAR": str(places.var), "PYTHONPATH": str(PROJECT), "PYTHONUTF8": "1"}
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "cli", "demo", "--full", "--no-stay"],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=_LIMIT_SECONDS,
            check=False,
        )
    finally:
        EmbeddedPostgres(places.postgres).remove()
    shown = done.stdout
    assert done.returncode == 0, f"it said:\n{shown[-2000:]}\n{done.stderr[-2000:]}"
    before, full, after = shown.partition("Trial balance")
    assert "✗" not in shown
    assert "UTC" not in shown
    assert "refused, as it should be; the applicant sees why" in shown
    assert len((before + after[after.index("18. Play on") :]).splitlines()) <= _TWO_SCREENS
    order = [shown.index(title) for title in _OUTCOMES]
    assert order == sorted(order)
    assert shown.count("the credit is usable: ceiling") == 3
    assert shown.count("the waiting time is over, the credit is usable") == 2
    assert "the same policy with 10 seconds" in shown
    assert "difference between the sides: IRR: 0\n" in before
    assert [said for said in _SAID if said not in before] == []
    assert full
    roles = read_local_sign_ins(places.messages)
    assert [person["en"].partition(":")[0] for person in roles] == list(_ROLES)
    assert all(person.get("national_id") or person["totp_secret"] for person in roles)
    assert all(person["en"] in shown for person in roles)
    hosts = [person.host for person in local_sign_ins(places.messages).items]
    assert len(set(hosts) - {""}) == len(_ROLES)
    assert not is_running(places)
