"""What one officer alone had recorded as paid back before waits for another one after the upgrade (E2)."""

from __future__ import annotations

import json
from contextlib import closing

import psycopg

from storage import migrate
from tests.databases import Databases
from tests.storage.test_upgrade import Rows


def test_what_one_officer_had_recorded_and_was_not_booked_waits_for_another(databases: Databases) -> None:
    with databases.spare() as url:
        migrate.upgrade(url, to="clearing")
        plain = url.replace("+psycopg", "")
        with closing(psycopg.connect(plain)) as connection:
            rows = Rows(connection)
            payer, officer = (
                rows.add("persons", national_id_index=one, national_id_sealed="n", mobile_index=one) for one in "po"
            )
            (policy,) = connection.execute("SELECT id FROM policies WHERE name = 'payment'").fetchone() or ()
            case_id = rows.add("cases", kind="payment", phase="awaiting_return", policy_id=policy, person_id=payer)
            paid = {"case_id": case_id, "person_id": payer, "amount": 500, "fee": 0, "unit": "IRR", "own_card": False}
            rows.add("payments", **paid, pay_until="2026-01-01")
            rows.add("payment_attempts", payment_id=case_id, token_hash="t", gateway="local", state="failed")
            (attempt,) = connection.execute("SELECT id FROM payment_attempts").fetchone() or ()
            owed = {"payment_id": case_id, "attempt_id": attempt, "amount": 500, "reason": "not_taken", "way": "hand"}
            rows.add("payment_returns", **owed)
            (owed_id,) = connection.execute("SELECT id FROM payment_returns").fetchone() or ()
            said = json.dumps({"return_id": str(owed_id), "reference": "bank-1"})
            fact = {"case_id": case_id, "kind": "payment_returned_by_hand", "actor_id": officer, "capacity": "staff"}
            rows.add("facts", **fact, payload=said)
            connection.commit()

        migrate.upgrade(url)

        with closing(psycopg.connect(plain)) as connection:
            connection.execute("SELECT set_config('amanat.capacity', 'service', false)")
            found = connection.execute(
                "SELECT recorded_from, recorded_reference, recorded_by, confirmed_by, returned_at FROM payment_returns"
            ).fetchall()
        assert found == [("bank", "bank-1", officer, None, None)]
