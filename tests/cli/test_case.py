"""``./amanat case``: a process that was lost is started again from the command line."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from typer.testing import CliRunner

from cli.case import app
from tests.conftest import KEY, Database


@pytest.fixture
def known(database: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[psycopg.Connection]:
    """The environment names the database of this test, and no stack runs."""
    ring = json.dumps({"current": "t1", "keys": {"t1": KEY}})
    environment = {
        "AMANAT_VAR": str(tmp_path),
        "DATABASE_URL": database.app_url,
        "AMANAT_FIELD_KEYS": ring,
        "AMANAT_CODEC_KEYS": ring,
        "AMANAT_VAULT_KEYS": ring,
        "AMANAT_VAULT_DIRECTORY": str(tmp_path / "vault-keys"),
        "VAULT_DATABASE_URL": database.vault_url,
        "AMANAT_BLIND_INDEX_KEY": KEY,
        "AMANAT_CODE_PEPPER": KEY,
        "AMANAT_LOCAL_MESSAGES": str(tmp_path / "messages"),
        "AMANAT_STAND_ALONE": "true",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    plain = database.superuser_url.replace("+psycopg", "")
    with contextlib.closing(psycopg.connect(plain, autocommit=True)) as connection:
        yield connection


def test_a_process_is_started_again_and_the_audit_trail_says_so(known: psycopg.Connection) -> None:
    (case_id,) = known.execute(
        "INSERT INTO cases (kind, phase, policy_id)"
        " SELECT 'onboarding', 'submitted', id FROM policies LIMIT 1 RETURNING id"
    ).fetchone() or (None,)

    result = CliRunner().invoke(app, ["resume", str(case_id)])

    assert (result.exit_code, result.output) == (0, "its process is woken, or started again\n")
    assert known.execute("SELECT case_id, payload ->> 'name', sent_at FROM outbox").fetchall() == [
        (case_id, "resumed", None)
    ]
    assert known.execute("SELECT stream, content::jsonb ->> 'action' FROM audit").fetchall() == [
        (f"case:{case_id}", "resume_case")
    ]


def test_a_case_that_nobody_knows_ends_with_1_and_leaves_nothing_behind(known: psycopg.Connection) -> None:
    result = CliRunner().invoke(app, ["resume", str(uuid4())])

    assert result.exit_code == 1
    assert "no such open case" in result.output
    assert known.execute("SELECT count(*) FROM audit").fetchall() == [(0,)]
