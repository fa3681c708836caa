"""A database of the release before, with rows, is brought to this one: what its lists said is not forgotten (A1)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from domain.personnel.file import RefusedLine
from domain.personnel.rows import Place
from storage import migrate
from storage.database import SERVICE, create_engine, transaction
from storage.personnel import list_imports, list_refusals
from tests.databases import Databases

_BEFORE = "mobile_change"
_DISPUTED = """
    SELECT o.code, e.mobile_index, e.mobile_index IS DISTINCT FROM p.mobile_index
    FROM employments e JOIN persons p ON p.id = e.person_id JOIN organisations o ON o.id = e.organisation_id
    ORDER BY o.code
"""


@pytest.fixture
def before(databases: Databases) -> Iterator[str]:
    """The address of a database as the release before left it."""
    with databases.spare() as url:
        migrate.upgrade(url, to=_BEFORE)
        yield url


class Rows:
    """Writes rows as the release before did."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection
        self._day = datetime(2026, 1, 1, tzinfo=UTC)
        connection.execute("SELECT set_config('amanat.capacity', 'service', false)")

    def add(self, table: str, **values: object) -> Any:
        """Add a row; returns its id, or None if its key is another."""
        names, places = ", ".join(values), ", ".join(["%s"] * len(values))
        key = "id" if table in {"persons", "organisations", "employments", "cases"} else "NULL"
        query = f"INSERT INTO {table} ({names}) VALUES ({places}) RETURNING {key}"  # noqa: S608 - our own names
        found = self._connection.execute(query.encode(), list(values.values())).fetchone()
        assert found is not None
        return found[0]

    def employ(self, person: object, code: str) -> dict[str, Any]:
        """Put somebody on a new organisation's list."""
        organisation = self.add("organisations", code=code, name=code)
        employment = self.add(
            "employments",
            organisation_id=organisation,
            person_id=person,
            region_code="1101",
            hire_date="2010-01-01",
            net_pay=500_000_000,
            sheba_index="s",
            sheba_sealed="s",
        )
        return {"person_id": person, "organisation_id": organisation, "employment_id": employment}

    def change(self, kind: str, there: dict[str, Any], mobile: str, outcome: str | None, what: str = "mobile") -> None:
        """A change that a file proposed or a welfare office forwarded; open if it has no outcome."""
        policy = self._connection.execute("SELECT id FROM policies WHERE name = 'personnel'").fetchone() or (None,)
        self._day += timedelta(days=1)
        closed = self._day if outcome else None
        where = {name: there[name] for name in ("person_id", "organisation_id")}
        case = {"policy_id": policy[0], "phase": outcome or "awaiting_confirmation", "outcome": outcome}
        case |= {"opened_at": self._day, "closed_at": closed}
        case_id = self.add("cases", kind=kind, **where, **case)
        of = {"case_id": case_id, "person_id": there["person_id"], "employment_id": there["employment_id"]}
        if kind == "mobile_change":
            by = self.add("persons", national_id_index=mobile, national_id_sealed="n")
            how = {"scope_kind": "organisation", "scope": "x", "reason": "said so"}
            self.add("mobile_changes", **of, forwarded_by=by, **how, mobile_index=mobile, mobile_sealed="m")
            return
        sent = self.add("cases", kind="personnel_import", **where, **case)
        file = {"file_key": mobile, "file_size": 1, "file_sha256": "x"}
        self.add("personnel_imports", case_id=sent, organisation_id=there["organisation_id"], **file)
        self.add("personnel_refusals", case_id=sent, row_number=7, field="mobile", code="bad_mobile")
        self.add("personnel_changes", **of, what=what, value_index=mobile, value_sealed="m", import_case_id=sent)


def test_each_list_keeps_the_number_that_it_had_whatever_became_of_it(before: str) -> None:
    plain = before.replace("+psycopg", "")
    with closing(psycopg.connect(plain)) as connection:
        rows = Rows(connection)
        person = rows.add("persons", national_id_index="n", national_id_sealed="n", mobile_index="first")
        rows.employ(person, "a-lists-it-first")
        rows.change("personnel_change", rows.employ(person, "b-waits"), "own", None)
        rows.change("personnel_change", rows.employ(person, "c-was-rejected"), "own", "rejected")
        moved = rows.employ(person, "d-was-moved")
        rows.change("personnel_change", moved, "former", "confirmed")
        rows.change("mobile_change", moved, "first", "applied")
        rows.change("mobile_change", rows.employ(person, "e-was-refused"), "other", "rejected")
        connection.commit()

    migrate.upgrade(before)

    with closing(psycopg.connect(plain)) as connection:
        connection.execute("SELECT set_config('amanat.capacity', 'service', false)")
        found = connection.execute(_DISPUTED).fetchall()
    assert found == [
        ("a-lists-it-first", b"first", False),
        ("b-waits", b"own", True),
        ("c-was-rejected", b"own", True),
        ("d-was-moved", b"first", False),
        ("e-was-refused", b"first", False),
    ]


def test_who_sent_a_file_before_must_not_answer_what_still_waits_of_it(before: str) -> None:
    plain = before.replace("+psycopg", "")
    with closing(psycopg.connect(plain)) as connection:
        rows = Rows(connection)
        person, sender = (rows.add("persons", national_id_index=name, national_id_sealed="n") for name in "ps")
        there = rows.employ(person, "lists-them")
        rows.change("personnel_change", there, "other", None)
        (waits, sent) = connection.execute("SELECT case_id, import_case_id FROM personnel_changes").fetchone() or ()
        rows.add("facts", case_id=sent, kind="personnel_file_received", actor_id=sender, capacity="staff")
        day = datetime(2026, 1, 1, tzinfo=UTC)
        role = {"role": "support_agent", "scope_kind": "platform", "scope": ""}
        asked = {"case_id": waits, "kind": "confirm_change", **role, "remind_at": day, "due_at": day}
        rows.add("tasks", **asked, claimed_by=sender, claimed_at=day)
        connection.commit()

    migrate.upgrade(before)

    with closing(psycopg.connect(plain)) as connection:
        connection.execute("SELECT set_config('amanat.capacity', 'service', false)")
        assert connection.execute("SELECT not_by, claimed_by FROM tasks").fetchall() == [(sender, None)]


async def test_a_file_that_was_read_before_keeps_its_report_and_says_who_confirms_its_changes(before: str) -> None:
    plain = before.replace("+psycopg", "")
    with closing(psycopg.connect(plain)) as connection:
        rows = Rows(connection)
        person = rows.add("persons", national_id_index="n", national_id_sealed="n", mobile_index="first")
        for code, what in (("a-mobile", "mobile"), ("b-exit", "exit")):
            rows.change("personnel_change", rows.employ(person, code), "own", "imported", what)
        connection.commit()

    migrate.upgrade(before)

    engine = create_engine(before, pool=1)
    try:
        async with transaction(engine, SERVICE) as read:
            found = await list_imports(read, None, before=None, limit=9)
            mobile, leaver = sorted(found, key=lambda imported: imported.organisation_name)
            lines = await list_refusals(read, leaver.case_id)
    finally:
        await engine.dispose()
    assert [imported.exits_opened for imported in (mobile, leaver)] == [0, 1]
    assert (leaver.sender_name, leaver.file_name_sealed, leaver.regions) == (None, None, [])
    assert lines == [RefusedLine(7, "mobile", "bad_mobile", Place(row=7))]
