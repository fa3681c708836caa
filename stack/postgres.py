"""The embedded Postgres: a real server from a wheel, started, recovered and stopped by a launcher of our own.

It listens on the loopback interface only, knows no trusted connection (scram-sha-256 for everybody), and
dies with the process that started it. Roles: ``amanat_owner`` owns the database and runs the migrations;
``amanat_app_login`` and ``amanat_vault_login`` are plain logins in the groups ``amanat_app`` and
``amanat_vault``, to which the migrations grant what those may do.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import subprocess
import time
from typing import TYPE_CHECKING, Final

import psycopg
from psycopg import sql

from stack.children import Child, end_leftover, processes_in, send, wait_until
from stack.environment import Databases
from stack.places import CliError, rotate, write_private
from stack.ports import LOOPBACK, Ports, start_on_own_ports
from stack.postgres_binaries import cluster_directory, find_binaries

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PREFERRED_PORT: Final = 55432
RECOVERY_SECONDS: Final = 120.0
DATABASE: Final = "amanat"
_SUPERUSER: Final = "postgres"
_OWNER: Final = "amanat_owner"
_LOGINS: Final = {"amanat_app_login": "amanat_app", "amanat_vault_login": "amanat_vault"}
_STOP_STEPS: Final = ((signal.SIGINT, 30.0), (signal.SIGQUIT, 10.0))
_SECONDS_BETWEEN_NEWS: Final = 5.0
_SETTINGS: Final = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
    # Without what it quotes of rows.
    "log_error_verbosity": "terse",
    "max_connections": "200",
    "jit": "off",
    "shared_buffers": "256MB",
    # After each checkpoint, a page that changes goes into the log whole once: seldom is better for a ledger.
    "checkpoint_timeout": "15min",
    "max_wal_size": "4GB",
    "password_encryption": "scram-sha-256",
}
# Lost with the machine's power, not with the server's process: tests kill servers.
_FORGETFUL: Final = {"fsync": "off", "full_page_writes": "off"}
# Passwords that live for minutes need not cost a guesser much; each connection pays for it too.
_THROWAWAY: Final = ["--no-sync", "--set=scram_iterations=1"]


def _silent(_: str) -> None:
    """Say nothing: the default of ``say``."""


class EmbeddedPostgres:
    """One cluster in ``home``, which also keeps its passwords (0600), its port and its log.

    Start it from a thread that lives as long as the server should. ``durable=False`` trades safety against
    a power cut for speed, for tests. ``say`` is told what a person should know.
    """

    def __init__(
        self,
        home: Path,
        *,
        preferred_port: int = PREFERRED_PORT,
        durable: bool = True,
        log: Path | None = None,
        say: Callable[[str], None] = _silent,
    ) -> None:
        """Prepare the launcher; nothing runs yet."""
        self.home = home.resolve()
        self.log = log or self.home / "postgres.log"
        self.port = preferred_port
        self._durable = durable
        self._say = say
        self.ports = Ports(say)
        self._child: Child | None = None
        self._passwords: dict[str, str] = {}

    def start(self) -> None:
        """Make the cluster if there is none, end what a crash left, start, wait, and see to the roles.

        Raises:
            CliError: the server does not come up; the text ends with its last words.

        """
        self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._binaries = find_binaries()
        self._cluster = cluster_directory(self.home, self._binaries.user, throwaway=not self._durable)
        self._data = self._cluster / "data"
        rotate(self.log)
        self._end_leftovers()
        self._set_orphan_aside()
        self._passwords = self._load_passwords()
        if not self._data.exists():
            self._initialise()
        start_on_own_ports(self._come_up)
        self._ensure_roles()

    def stop(self) -> None:
        """End it with a checkpoint (fast shutdown); at once if that takes too long."""
        if self._child is not None:
            self._child.stop(_STOP_STEPS)
        self.ports.release()

    def kill(self) -> None:
        """End it as a power cut would; the next start recovers."""
        if self._child is not None:
            self._child.kill()
        self.ports.release()

    def restart(self) -> None:
        """Stop and start on the same port."""
        self.stop()
        self.start()

    def remove(self) -> None:
        """Stop it and delete the cluster with everything in it."""
        self.stop()
        if os.geteuid() == 0 and (self.home / "where").exists():
            shutil.rmtree(cluster_directory(self.home, find_binaries().user))
        shutil.rmtree(self.home, ignore_errors=True)

    @property
    def pid(self) -> int | None:
        """The process id of the server while it runs."""
        return None if self._child is None else self._child.pid

    @property
    def exists(self) -> bool:
        """Whether a cluster was made here before."""
        return (self.home / "passwords.json").exists()

    def superuser_url(self, database: str = DATABASE) -> str:
        """Return the address for the superuser, who bypasses every rule: for tests and repair only."""
        return self._url(_SUPERUSER, database)

    def owner_url(self, database: str = DATABASE) -> str:
        """Return the address for migrations."""
        return self._url(_OWNER, database)

    def app_url(self, database: str = DATABASE) -> str:
        """Return the address for the api and the worker."""
        return self._url("amanat_app_login", database)

    def vault_url(self, database: str = DATABASE) -> str:
        """Return the address for what may open entrusted secrets."""
        return self._url("amanat_vault_login", database)

    def databases(self) -> Databases:
        """Return the addresses for each role of the product."""
        return Databases(self.app_url(), self.owner_url(), self.vault_url())

    def _url(self, user: str, database: str) -> str:
        passwords = self._passwords or self._load_passwords()
        return f"postgresql+psycopg://{user}:{passwords[user]}@{LOOPBACK}:{self.port}/{database}"

    def _load_passwords(self) -> dict[str, str]:
        file = self.home / "passwords.json"
        if file.exists():
            return {str(user): str(password) for user, password in json.loads(file.read_text("utf-8")).items()}
        passwords = {user: secrets.token_urlsafe(32) for user in (_SUPERUSER, _OWNER, *_LOGINS)}
        write_private(file, json.dumps(passwords))
        return passwords

    def _end_leftovers(self) -> None:
        """End a server that outlived its launcher, then a stale pid file that would block the start."""
        if end_leftover(self.home / "postgres.pid", _STOP_STEPS):
            self._say("ended a Postgres that an earlier run left behind")
        # Back ends of a killed server end by themselves, but their shared memory must be gone first.
        if not wait_until(lambda: not processes_in(self._data), 5.0):
            for pid in processes_in(self._data):
                send(pid, signal.SIGKILL)
            wait_until(lambda: not processes_in(self._data), 5.0)
        # The id in the file may belong to a stranger by now, for whom Postgres would mistake it.
        (self._data / "postmaster.pid").unlink(missing_ok=True)

    def _set_orphan_aside(self) -> None:
        """A cluster whose passwords were deleted (``rm -r var``, as root) can be entered by nobody."""
        if self._data.exists() and not self.exists:
            orphan = self._cluster / "data.orphan"
            shutil.rmtree(orphan, ignore_errors=True)
            self._data.rename(orphan)
            self._say(f"the passwords of the old cluster are gone; it is set aside in {orphan}")

    def _initialise(self) -> None:
        """Run initdb aside and move its result into place, so that a killed one leaves nothing half-made."""
        fresh = self._cluster / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)
        password_file = self._cluster / "password"
        write_private(password_file, self._passwords[_SUPERUSER])
        options = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        options += ["--auth=scram-sha-256", "--data-checksums", f"--username={_SUPERUSER}"]
        options += [f"--pwfile={password_file}", f"--pgdata={fresh}"] + ([] if self._durable else _THROWAWAY)
        user, group = self._binaries.user or (None, None)
        if user is not None and group is not None:
            os.chown(password_file, user, group)
        try:
            done = subprocess.run(
                [self._binaries.program("initdb"), *options],
                env=self._binaries.environment,
                cwd=self._cluster,
                user=user,
                group=group,
                extra_groups=None if user is None else [],
                capture_output=True,
                text=True,
                check=False,
            )
        finally:
            password_file.unlink()
        if done.returncode:
            message = f"Postgres could not make its cluster in {self._cluster}:\n{done.stdout}{done.stderr}"
            raise CliError(message)
        fresh.rename(self._data)

    def _come_up(self) -> None:
        """Start on the port of before, or another one, and wait until it is ready."""
        remembered = self.home / "port"
        wanted = int(remembered.read_text("ascii")) if remembered.exists() else self.port
        self.port = self.ports.choose("Postgres", wanted)
        write_private(remembered, str(self.port))
        self._child = self._launch()
        self._wait_until_ready(self._child)

    def _launch(self) -> Child:
        settings = {**_SETTINGS, "port": str(self.port), **({} if self._durable else _FORGETFUL)}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        child = Child(
            name="postgres",
            command=[self._binaries.program("postgres"), "-D", str(self._data), *options],
            log=self.log,
            pid_file=self.home / "postgres.pid",
            environment=self._binaries.environment,
            directory=self._cluster,
            death_signal=signal.SIGINT,  # a clean, fast shutdown even when the launcher is killed
            user=self._binaries.user,
        )
        child.start()
        return child

    def _wait_until_ready(self, child: Child) -> None:
        """Wait through a recovery, with news.

        Raises:
            CliError: it ended, or was not ready in time.
        """
        began = told = time.monotonic()

        def is_settled() -> bool:
            nonlocal told
            if self.pid is None or self._answers():
                return True
            if time.monotonic() - told > _SECONDS_BETWEEN_NEWS:
                told = time.monotonic()
                self._say(f"Postgres is still recovering ({told - began:.0f} s)")
            return False

        if not wait_until(is_settled, RECOVERY_SECONDS):
            self.stop()
            raise child.explain(f"was not ready after {RECOVERY_SECONDS:.0f} s")
        if self.pid is None:
            raise child.explain("ended at its start")

    def _answers(self) -> bool:
        try:
            self._connect("postgres").close()
        except psycopg.OperationalError:  # not listening yet, or "the database system is starting up"
            return False
        return True

    def _connect(self, database: str) -> psycopg.Connection:
        return psycopg.connect(
            host=LOOPBACK,
            port=self.port,
            user=_SUPERUSER,
            password=self._passwords[_SUPERUSER],
            dbname=database,
            autocommit=True,
            connect_timeout=5,
            sslmode="disable",
        )

    def _ensure_roles(self) -> None:
        """Bring roles and database to what they should be; does nothing the second time."""
        with self._connect("postgres") as connection:
            self._ensure_role(connection, _OWNER, "LOGIN CREATEDB CREATEROLE")
            for login, group in _LOGINS.items():
                self._ensure_role(connection, login, "LOGIN NOCREATEDB NOCREATEROLE")
                self._ensure_role(connection, group, "NOLOGIN NOCREATEDB NOCREATEROLE")
                grant = sql.SQL("GRANT {} TO {} WITH ADMIN OPTION; GRANT {} TO {}")
                group_name = sql.Identifier(group)
                connection.execute(grant.format(group_name, sql.Identifier(_OWNER), group_name, sql.Identifier(login)))
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
                create = sql.SQL("CREATE DATABASE {} OWNER {}")
                connection.execute(create.format(sql.Identifier(DATABASE), sql.Identifier(_OWNER)))

    def _ensure_role(self, connection: psycopg.Connection, role: str, attributes: str) -> None:
        known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone()
        verb = sql.SQL("ALTER" if known else "CREATE")
        plain = sql.SQL(f"NOSUPERUSER NOBYPASSRLS NOREPLICATION {attributes}")
        statement = sql.SQL("{} ROLE {} {}").format(verb, sql.Identifier(role), plain)
        if role in self._passwords and not known:
            # the verifier, not the password, so that no statement log can hold it
            password, method = self._passwords[role].encode(), b"scram-sha-256"
            verifier = connection.pgconn.encrypt_password(password, role.encode(), method)
            statement += sql.SQL(" PASSWORD {}").format(sql.Literal(verifier.decode()))
        connection.execute(statement)
