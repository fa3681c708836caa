"""The one-shot scripts of docker-compose, run against real servers."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client

from stack.places import PROJECT
from stack.ports import LOOPBACK
from stack.postgres import EmbeddedPostgres
from stack.postgres_binaries import find_binaries
from stack.temporal import EmbeddedTemporal, find_temporal

_PASSWORDS = {
    "AMANAT_OWNER_PASSWORD": "owner's",
    "AMANAT_APP_PASSWORD": "it's app",
    "AMANAT_VAULT_PASSWORD": "vault's",
    "TEMPORAL_DATABASE_PASSWORD": "temporal's",
}


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Run the script on a server that has none of our roles, as a new container."""
    server = EmbeddedPostgres(tmp_path_factory.mktemp("postgres"), durable=False)
    server.start()
    with psycopg.connect(server.superuser_url("postgres").replace("+psycopg", ""), autocommit=True) as superuser:
        superuser.execute("DROP DATABASE amanat")
        for role in ("amanat_app_login", "amanat_vault_login", "amanat_app", "amanat_vault", "amanat_owner"):
            superuser.execute(f"DROP ROLE {role}")
    binaries = find_binaries()
    spy = tmp_path_factory.mktemp("bin") / "psql"
    spy.write_text(f'#!/bin/sh\necho "$@" >"$0.arguments"\nexec {binaries.install}/bin/psql "$@"\n', "utf-8")
    spy.chmod(0o755)
    password = server.superuser_url().split(":")[2].partition("@")[0]
    kept = tmp_path_factory.mktemp("secrets")
    for name, secret in _PASSWORDS.items():
        (kept / name).write_text(secret, "utf-8")
    environment = {
        **binaries.environment,
        **{f"{name}_FILE": str(kept / name) for name in _PASSWORDS},
        "PATH": f"{spy.parent}:{os.environ['PATH']}",
        "POSTGRES_USER": "postgres",
        "PGHOST": LOOPBACK,
        "PGPORT": str(server.port),
        "PGPASSWORD": password,
    }
    script = str(PROJECT / "docker" / "databases.sh")
    done = subprocess.run([script], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    arguments = spy.with_suffix(".arguments").read_text("utf-8")
    assert not any(secret in arguments for secret in _PASSWORDS.values()), "everybody on the machine reads arguments"
    yield server.port
    server.remove()


def enter(port: int, user: str, password: str, database: str) -> psycopg.Connection:
    """Connect as a role that the script made."""
    return psycopg.connect(host=LOOPBACK, port=port, user=user, password=password, dbname=database, autocommit=True)


def test_each_role_enters_its_own_database_with_its_own_rights(port: int) -> None:
    with enter(port, "amanat_owner", "owner's", "amanat") as owner:
        owner.execute("CREATE TABLE facts (id int); GRANT SELECT ON facts TO amanat_app")
    with enter(port, "amanat_app_login", "it's app", "amanat") as app:
        assert app.execute("SELECT count(*) FROM facts").fetchone() == (0,)
        rights = (
            "SELECT rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb FROM pg_roles WHERE rolname = 'temporal'"
        )
        assert app.execute(rights).fetchone() == (False,)
    with enter(port, "temporal", "temporal's", "temporal_visibility") as temporal:
        temporal.execute("CREATE EXTENSION btree_gin")  # as its schema does


def test_the_app_makes_temporary_tables_as_every_import_does_and_the_vault_does_not(port: int) -> None:
    with enter(port, "amanat_app_login", "it's app", "amanat") as app, app.transaction():
        app.execute("CREATE TEMPORARY TABLE incoming (row_number int) ON COMMIT DROP")
        assert app.execute("SELECT count(*) FROM incoming").fetchone() == (0,)
    with (
        enter(port, "amanat_vault_login", "vault's", "amanat") as vault,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        vault.execute("CREATE TEMPORARY TABLE incoming (row_number int)")


def test_amanat_and_temporal_cannot_enter_each_others_databases(port: int) -> None:
    for user, password, database in (
        ("temporal", "temporal's", "amanat"),
        ("amanat_app_login", "it's app", "temporal"),
        ("amanat_owner", "owner's", "temporal_visibility"),
    ):
        with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
            enter(port, user, password, database)


def test_the_namespace_is_made_once_with_thirty_days_of_retention(tmp_path: Path) -> None:
    server = EmbeddedTemporal(tmp_path / "temporal.db", preferred_ports=(0, 0))
    server.start()
    try:
        environment = {
            "PATH": f"{Path(find_temporal()).parent}:{os.environ['PATH']}",
            "HOME": str(tmp_path),
            "TEMPORAL_ADDRESS": server.address,
            "TEMPORAL_NAMESPACE": "another",
        }
        script = ["/bin/sh", str(PROJECT / "docker" / "temporal-namespace.sh")]
        for _ in range(2):
            done = subprocess.run(script, env=environment, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
        assert asyncio.run(_retention_days(server.address)) == 30
    finally:
        server.stop()


async def _retention_days(address: str) -> int:
    client = await Client.connect(address)
    found = await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace="another"))
    return found.config.workflow_execution_retention_ttl.seconds // (24 * 60 * 60)


def test_the_schema_script_prepares_both_databases_and_stops_at_the_first_failure(tmp_path: Path) -> None:
    tool = tmp_path / "temporal-sql-tool"
    tool.write_text(
        '#!/bin/sh\n[ "$SQL_PASSWORD" = "temporal\'s" ]\necho "$@" >>"$HOME/calls"\n[ ! -e "$HOME/fail" ]\n', "utf-8"
    )
    tool.chmod(0o755)
    (tmp_path / "password").write_text("temporal's", "utf-8")
    environment = {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "SQL_PASSWORD_FILE": str(tmp_path / "password"),
    }
    script = ["/bin/sh", str(PROJECT / "docker" / "temporal-schema.sh")]
    assert subprocess.run(script, env=environment, check=False).returncode == 0
    calls = (tmp_path / "calls").read_text("utf-8").splitlines()
    assert [(call.split("--db ")[1].split()[0], call.split("--db ")[1].split()[1]) for call in calls] == [
        ("temporal", "setup-schema"),
        ("temporal", "update-schema"),
        ("temporal_visibility", "setup-schema"),
        ("temporal_visibility", "update-schema"),
    ]
    assert all("--plugin postgres12" in call for call in calls)
    (tmp_path / "fail").touch()
    assert subprocess.run(script, env=environment, check=False).returncode == 1
    assert len((tmp_path / "calls").read_text("utf-8").splitlines()) == 5
