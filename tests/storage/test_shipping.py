"""What every database begins with: functions as their files say, the policies that ship, and no version unknown."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from commands.policy import _check
from domain.policy import PolicyMalformed
from storage import migrate
from storage.migrations.shipping import (
    SCHEMA,
    ShippedFileChanged,
    apply_functions,
    function_files,
    policy_file,
    read_data,
)
from storage.migrations.versions import (
    escrow,
    fee,
    first_release,
    joining,
    kyc,
    normal_payment,
    payment,
    payout,
    personnel_status,
    staff_change,
)
from tests.conftest import Database
from tests.storage.test_schema import connected

# Roles that decide about people and money.
_DECIDE = [
    "hr_officer", "finance_officer", "welfare_manager", "contracts_officer", "settlement_officer", "kyc_officer",
    "fx_operator", "arbitrator", "club_officer", "support_agent",
]  # fmt: skip
POLICIES = (
    first_release.POLICIES
    | staff_change.POLICIES
    | joining.POLICIES
    | personnel_status.POLICIES
    | payment.POLICIES
    | normal_payment.POLICIES
    | payout.POLICIES
    | fee.POLICIES
    | escrow.POLICIES
    | kyc.POLICIES
)
# Version 1 of each policy, as Postgres must have it; of the long texts, that they stand as their file says.
SHIPPED: dict[str, dict[str, Any]] = {
    "normal_payment": {
        "terms_version": 1,
        "accept_remind_hours": 24,
        "accept_expire_hours": 168,
        "pay_remind_hours": 24,
        "pay_expire_hours": 72,
    },
    "payout": {
        "least_rial": 100_000,
        "fee_rial": 0,
        "most_lines": 10_000,
        "paya_most_rial": 1_000_000_000,
        "office_remind_hours": 8,
        "office_expire_hours": 24,
        "bank_silent_working_hours": 16,
    },
    "escrow": read_data(policy_file("escrow"), escrow.POLICIES["escrow"]),
    "kyc": read_data(policy_file("kyc"), kyc.POLICIES["kyc"]),
    "payment": read_data(policy_file("payment"), payment.POLICIES["payment"]),
    "personnel_status": read_data(policy_file("personnel_status"), personnel_status.POLICIES["personnel_status"]),
    "personnel": {"change_remind_hours": 72, "change_expire_hours": 720, "money_pause_hours": 24},
    "programme:minipay": {
        "title_fa": "اعتبار مینی‌پی",
        "title_en": "MiniPay credit",
        "backing": "certificate",
        "review": "none",
        "waiting_hours": 0,
        "share_of_pay": [1, 4],
        "instalments_max": 24,
        "line_term_months": 24,
        "mandate_version": 1,
        "answer_remind_hours": 72,
        "answer_expire_hours": 168,
        "obstacle_remind_hours": 72,
        "obstacle_expire_hours": 336,
    },
    "programme:tavana": {
        "title_fa": "اعتبار توانا",
        "title_en": "Tavana credit",
        "backing": "guarantor",
        "review": "region",
        "waiting_hours": 72,
        "share_of_pay": [1, 4],
        "instalments_max": 24,
        "line_term_months": 24,
        "mandate_version": 1,
        "answer_remind_hours": 72,
        "answer_expire_hours": 168,
        "obstacle_remind_hours": 72,
        "obstacle_expire_hours": 336,
        "guarantor": {
            "count": 1,
            "stands_for_max": 3,
            "service_months": 347,
            "mandate_version": 1,
            "name_remind_hours": 72,
            "name_expire_hours": 336,
        },
        "finance": {
            "remind_working_hours": 8,
            "escalate_working_hours": 16,
            "expire_hours": 720,
            "correct_remind_hours": 72,
            "correct_expire_hours": 336,
        },
    },
    "staff": {
        "confirm_remind_hours": 24,
        "confirm_expire_hours": 72,
        "link_hours": 24,
        "excludes": {
            "operator": [*_DECIDE, "policy_admin", "merchant_clerk"],
            "hr_officer": ["finance_officer", "support_agent", "contracts_officer"],
            "welfare_manager": ["support_agent"],
            "policy_admin": ["hr_officer", "finance_officer", "settlement_officer"],
            "auditor": [*_DECIDE, "operator", "policy_admin", "merchant_clerk"],
        },
    },
    "terms": read_data(policy_file("terms"), joining.POLICIES["terms"]),
    "vat": {"rate_per_ten_thousand": 1_000},
    "working_hours": {"opening_hours": "Sa-We 08:00-17:00; Th 08:00-13:00"},
}
# Names, definitions, owners and rights of all functions; and for each, its text alone.
_LIVE = (
    "SELECT proname, pg_get_functiondef(oid), proowner::regrole::text, proacl::text FROM pg_proc"
    " WHERE pronamespace = 'public'::regnamespace ORDER BY proname"
)
_TEXTS = "SELECT proname, prosrc FROM pg_proc WHERE pronamespace = 'public'::regnamespace ORDER BY proname"


def _ask(database: Database, statement: str) -> list[tuple[Any, ...]]:
    with closing(psycopg.connect(database.owner_url.replace("+psycopg", ""))) as owner:
        return owner.execute(statement.encode()).fetchall()


def test_every_function_stands_once_and_lives_as_it_stands(database: Database) -> None:
    text = "\n".join(file.read_text("utf-8") for file in function_files())
    live = _ask(database, _TEXTS)
    defined = [line.split()[4].partition("(")[0] for line in text.splitlines() if line.startswith("CREATE ")]

    assert sorted(defined) == [name for name, _ in live]
    assert [name for name, source in live if text.count(f"$${source}$$") != 1] == []


def test_every_function_is_valid_where_its_tables_are_and_making_it_again_changes_nothing(database: Database) -> None:
    before = _ask(database, _LIVE)
    with closing(psycopg.connect(database.owner_url.replace("+psycopg", ""))) as owner:
        assert owner.execute("SHOW check_function_bodies").fetchone() == ("on",)
        for file in function_files():
            owner.execute(file.read_bytes())
        owner.commit()

    assert _ask(database, _LIVE) == before


def test_the_next_run_brings_a_function_and_its_rights_to_what_its_file_says(database: Database) -> None:
    before = _ask(database, _LIVE)
    with closing(psycopg.connect(database.owner_url.replace("+psycopg", ""))) as owner:
        owner.execute("CREATE OR REPLACE FUNCTION sees_all() RETURNS boolean LANGUAGE sql STABLE AS 'SELECT true'")
        owner.execute("GRANT EXECUTE ON FUNCTION ledger_post_part TO amanat_app, PUBLIC")
        owner.commit()
    assert _ask(database, _LIVE) != before

    migrate.upgrade(database.owner_url)

    assert _ask(database, _LIVE) == before


def test_functions_are_applied_all_or_none(database: Database) -> None:
    with connected(database) as connection:
        apply_functions(connection)
        assert connection.in_transaction()


def test_the_policies_that_ship_are_in_force_as_their_files_say(database: Database) -> None:
    rows = _ask(database, "SELECT name, version, value, proposed_by, approved_by FROM policies ORDER BY name")
    assert rows == [(name, 1, value, "system", "system") for name, value in sorted(SHIPPED.items())]
    assert {policy_file(name) for name in POLICIES} == set((SCHEMA / "policies").iterdir())


@pytest.mark.parametrize("name", POLICIES)
def test_a_policy_that_ships_reads_by_its_rules(name: str) -> None:
    _check(name, read_data(policy_file(name), POLICIES[name]))
    with pytest.raises(PolicyMalformed):  # there are rules for it
        _check(name, {})


def test_regions_ship(database: Database) -> None:
    regions = read_data(SCHEMA / "regions.toml", first_release.REGIONS)
    assert len(regions) == 6
    assert dict(_ask(database, "SELECT code, name FROM regions")) == regions


def test_a_file_that_changed_since_it_shipped_is_refused_however_its_lines_end(tmp_path: Path) -> None:
    file, sha256 = policy_file("personnel"), first_release.POLICIES["personnel"]
    windows, changed = tmp_path / "windows.toml", tmp_path / "changed.toml"
    windows.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    changed.write_text(file.read_text("utf-8").replace("720", "721"), "utf-8")

    assert read_data(windows, sha256) == SHIPPED["personnel"]
    with pytest.raises(ShippedFileChanged, match="propose a new version"):
        read_data(changed, sha256)


def test_a_database_of_an_unknown_version_is_refused_and_left_as_it_is(database: Database) -> None:
    with closing(psycopg.connect(database.owner_url.replace("+psycopg", ""), autocommit=True)) as owner:
        owner.execute("UPDATE alembic_version SET version_num = '0009'")
        owner.execute(
            "CREATE OR REPLACE FUNCTION acting_person() RETURNS uuid LANGUAGE sql STABLE AS 'SELECT NULL::uuid'"
        )
    before = _ask(database, _LIVE)

    with pytest.raises(migrate.UnknownVersion) as refused:
        migrate.upgrade(database.owner_url)

    for language in ("en", "fa"):
        sentence = refused.value.sentence(language)
        assert "0009" in sentence
        assert "./amanat up --reset" in sentence
    assert _ask(database, "SELECT version_num FROM alembic_version") == [("0009",)]
    assert _ask(database, _LIVE) == before
