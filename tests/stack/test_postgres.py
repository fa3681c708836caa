"""The embedded Postgres, run for real: who may enter, what survives, what is left behind."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from stack.children import processes_in, start_time, wait_until
from stack.places import PROJECT, CliError
from stack.ports import LOOPBACK, free_port
from stack.postgres import EmbeddedPostgres
from stack.postgres_binaries import cluster_directory, find_binaries, root_directory, sweep_clusters
from tests.stack.test_ports import once_free

if TYPE_CHECKING:
    from collections.abc import Iterator

_ORPHAN_MAKER = """
import os, signal, sys
from pathlib import Path
from stack.postgres import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]), durable=False)
server.start()
print(server.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """Run one server for the module."""
    postgres = EmbeddedPostgres(tmp_path_factory.mktemp("server"), durable=False)
    postgres.start()
    yield postgres
    postgres.remove()


@pytest.fixture
def lonely(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    """Prepare a server that a test may maltreat; not started."""
    postgres = EmbeddedPostgres(tmp_path / "lonely", preferred_port=free_port(), durable=False)
    yield postgres
    postgres.remove()


def connect(url: str) -> psycopg.Connection:
    """Connect as the address says."""
    return psycopg.connect(url.replace("+psycopg", ""), autocommit=True, connect_timeout=5)


def data_of(postgres: EmbeddedPostgres) -> Path:
    """Return the directory of the server's data."""
    return cluster_directory(postgres.home, find_binaries().user) / "data"


def test_each_login_enters_as_itself_with_its_own_rights_only(server: EmbeddedPostgres) -> None:
    """No login of the application is above the rules."""
    query = """SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication
               FROM pg_roles WHERE rolname = current_user"""
    with connect(server.owner_url()) as owner, connect(server.app_url()) as app, connect(server.vault_url()) as vault:
        assert owner.execute(query).fetchone() == (False, False, True, True, False)
        assert app.execute(query).fetchone() == (False,) * 5
        assert vault.execute(query).fetchone() == (False,) * 5


def test_logins_belong_to_their_group_and_to_no_other(server: EmbeddedPostgres) -> None:
    """What the migrations grant to a group reaches its login alone."""
    query = (
        "SELECT pg_has_role(current_user, 'amanat_app', 'USAGE'), pg_has_role(current_user, 'amanat_vault', 'USAGE')"
    )
    with connect(server.app_url()) as app, connect(server.vault_url()) as vault:
        assert app.execute(query).fetchone() == (True, False)
        assert vault.execute(query).fetchone() == (False, True)


def test_the_owner_can_hand_out_the_groups_and_make_databases(server: EmbeddedPostgres) -> None:
    """Migrations and tests work as the owner, never as the superuser."""
    with connect(server.owner_url()) as owner:
        owner.execute("CREATE DATABASE second")
        owner.execute("CREATE TABLE facts (id int); GRANT SELECT ON facts TO amanat_app")
        owner.execute("CREATE ROLE another LOGIN; GRANT amanat_app TO another; DROP ROLE another")
        owner.execute("DROP DATABASE second")
    with connect(server.app_url()) as app:
        assert app.execute("SELECT count(*) FROM facts").fetchone() == (0,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            app.execute("DELETE FROM facts")


def test_nobody_enters_without_the_right_password(server: EmbeddedPostgres) -> None:
    """There is no trusted connection, not even for the superuser on this machine."""
    for user in ("postgres", "amanat_owner", "amanat_app_login"):
        for password in ("", "postgres", "wrong"):
            with pytest.raises(psycopg.OperationalError, match="password"):
                psycopg.connect(host=LOOPBACK, port=server.port, user=user, password=password, dbname="amanat")


def test_passwords_are_kept_as_scram_verifiers(server: EmbeddedPostgres) -> None:
    """A stolen catalogue gives no password away."""
    with connect(server.superuser_url()) as superuser:
        stored = superuser.execute("SELECT rolpassword FROM pg_authid WHERE rolcanlogin").fetchall()
    assert len(stored) == 4
    assert all(str(verifier).startswith("SCRAM-SHA-256$") for (verifier,) in stored)


def test_it_listens_on_the_loopback_interface_only(server: EmbeddedPostgres) -> None:
    """No other machine, and no file in a shared directory, leads to it."""
    with connect(server.superuser_url()) as superuser:
        assert superuser.execute("SHOW listen_addresses").fetchone() == (LOOPBACK,)
        assert superuser.execute("SHOW unix_socket_directories").fetchone() == ("",)
    with socket.socket() as other, pytest.raises(OSError, match="refused"):
        other.connect(("127.0.0.2", server.port))


def test_text_is_utf8_in_a_locale_that_does_not_depend_on_the_machine(server: EmbeddedPostgres) -> None:
    """Sorting and lower case are the same on every machine; pages are checked."""
    with connect(server.superuser_url()) as superuser:
        found = superuser.execute(
            """SELECT pg_encoding_to_char(encoding), datlocprovider::text, datlocale, datcollate
               FROM pg_database WHERE datname = 'amanat'"""
        ).fetchone()
        assert found == ("UTF8", "b", "C.UTF-8", "C")
        assert superuser.execute("SHOW data_checksums").fetchone() == ("on",)
        assert superuser.execute("SHOW timezone").fetchone() == ("UTC",)


def test_its_secrets_are_readable_by_their_owner_only(server: EmbeddedPostgres) -> None:
    """Neither the passwords nor the data are open to other users."""
    assert stat.S_IMODE((server.home / "passwords.json").stat().st_mode) == 0o600
    data = data_of(server)
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    assert not (data.parent / "password").exists()


def test_a_killed_server_loses_nothing_that_was_committed(lonely: EmbeddedPostgres) -> None:
    """What was committed is there after a kill, on the same port and with the same passwords."""
    lonely.start()
    port, address = lonely.port, lonely.app_url()
    with connect(lonely.owner_url()) as owner:
        owner.execute("CREATE TABLE kept (n int); INSERT INTO kept SELECT generate_series(1, 1000)")
    lonely.kill()
    assert lonely.pid is None
    lonely.start()
    assert (lonely.port, lonely.app_url()) == (port, address)
    with connect(lonely.owner_url()) as owner:
        assert owner.execute("SELECT count(*) FROM kept").fetchone() == (1000,)


def test_a_pid_file_that_names_a_stranger_does_not_block_the_start(lonely: EmbeddedPostgres) -> None:
    """After a restart of the machine the id in the file may be somebody else's."""
    lonely.start()
    lonely.kill()
    stale = data_of(lonely) / "postmaster.pid"
    lines = stale.read_text("ascii").splitlines()
    stale.write_text("\n".join([str(os.getppid()), *lines[1:]]) + "\n", "ascii")
    lonely.start()
    assert start_time(os.getppid()) is not None
    with connect(lonely.app_url()) as app:
        assert app.execute("SELECT 1").fetchone() == (1,)


def test_an_interrupted_first_start_is_made_again(lonely: EmbeddedPostgres) -> None:
    """A half-made cluster is not mistaken for a whole one."""
    lonely.home.mkdir()
    half = cluster_directory(lonely.home, find_binaries().user) / "data.new"
    half.mkdir()
    (half / "PG_VERSION").write_text("18\n", "ascii")
    lonely.start()
    with connect(lonely.app_url()) as app:
        assert app.execute("SELECT 1").fetchone() == (1,)


def test_a_busy_port_is_replaced_and_announced(tmp_path: Path) -> None:
    """Another program's port is left alone, and the person is told."""
    said: list[str] = []
    with socket.socket() as busy:
        busy.bind((LOOPBACK, 0))
        busy.listen()
        port = busy.getsockname()[1]
        postgres = EmbeddedPostgres(tmp_path / "pg", preferred_port=port, durable=False, say=said.append)
        postgres.start()
        try:
            assert postgres.port != port
            assert said == [f"port {port} is busy; {postgres.port} is taken for Postgres"]
        finally:
            postgres.remove()


def test_a_port_lost_between_choice_and_start_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as busy:
        busy.bind((LOOPBACK, 0))
        busy.listen()
        port = busy.getsockname()[1]
        monkeypatch.setattr("stack.ports.is_free", once_free(port))
        postgres = EmbeddedPostgres(tmp_path / "pg", preferred_port=port, durable=False)
        postgres.start()
        try:
            assert postgres.port != port
            with connect(postgres.app_url()) as app:
                assert app.execute("SELECT 1").fetchone() == (1,)
        finally:
            postgres.remove()


def test_it_dies_with_a_launcher_that_is_killed(lonely: EmbeddedPostgres) -> None:
    """Nothing is left behind, and the next start goes on with the same data."""
    command = [sys.executable, "-c", _ORPHAN_MAKER, str(lonely.home)]
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    pid = int(done.stdout)
    assert wait_until(lambda: start_time(pid) is None, 15)
    assert wait_until(lambda: not processes_in(data_of(lonely)), 15)
    lonely.start()
    with connect(lonely.app_url()) as app:
        assert app.execute("SELECT 1").fetchone() == (1,)


def test_a_server_that_cannot_start_says_why(lonely: EmbeddedPostgres) -> None:
    """The error ends with the server's own words."""
    lonely.start()
    lonely.stop()
    (data_of(lonely) / "PG_VERSION").write_text("9\n", "ascii")
    with pytest.raises(CliError, match="incompatible with server"):
        lonely.start()


def test_a_cluster_without_its_passwords_is_set_aside_not_deleted(tmp_path: Path) -> None:
    """Deleting ``var`` as root leaves a cluster elsewhere that nobody can enter."""
    said: list[str] = []
    postgres = EmbeddedPostgres(tmp_path / "pg", durable=False, say=said.append)
    postgres.start()
    postgres.stop()
    (postgres.home / "passwords.json").unlink()
    again = EmbeddedPostgres(tmp_path / "pg", durable=False, say=said.append)
    again.start()
    try:
        assert (data_of(again).parent / "data.orphan" / "PG_VERSION").exists()
        assert any("set aside" in line for line in said)
    finally:
        again.remove()


def test_the_server_never_runs_as_root_and_opens_no_directory(server: EmbeddedPostgres) -> None:
    """As root it is nobody's process in a directory of its own; else it is ours, in place."""
    pid = server.pid
    assert pid is not None
    owner = Path(f"/proc/{pid}").stat().st_uid
    assert owner != 0
    if os.geteuid() == 0:
        programs = root_directory()
        assert data_of(server).is_relative_to(programs)
        assert programs.stat().st_uid == 0
        assert stat.S_IMODE(programs.stat().st_mode) == 0o755
        assert stat.S_IMODE(data_of(server).parent.stat().st_mode) == 0o700
        assert stat.S_IMODE(server.home.stat().st_mode) & 0o077 == 0
        assert (server.home / "where").read_text("utf-8").strip() == str(data_of(server).parent)
    else:
        assert owner == os.geteuid()
        assert data_of(server) == server.home / "data"


def test_removing_it_leaves_nothing(tmp_path: Path) -> None:
    """An orderly removal leaves no files behind, here or elsewhere."""
    server = EmbeddedPostgres(tmp_path / "first", durable=False)
    server.start()
    data = data_of(server)
    server.remove()
    assert not data.exists()
    assert not server.home.exists()


def test_only_clusters_of_tests_are_swept_when_their_home_is_gone(tmp_path: Path) -> None:
    """The home of a real one may be on a disk that is not mounted at the moment."""
    clusters = []
    for name, throwaway in (("of a test", True), ("real", False)):
        home = tmp_path / name
        home.mkdir()
        clusters.append(cluster_directory(home, find_binaries().user, throwaway=throwaway))
        shutil.rmtree(home)
    sweep_clusters()
    of_a_test, real = clusters
    assert not of_a_test.exists()
    if os.geteuid() == 0:
        assert real.exists()
        real.rmdir()
    else:
        assert real == tmp_path / "real"  # where the home is, there the data is
