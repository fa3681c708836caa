"""The environment of the stack's processes, built in one place; ``settings.py`` reads what is set here."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from stack.keys import keys_environment
from stack.places import PROJECT, CliError
from stack.ports import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stack.places import Places
    from stack.ports import Ports

API_PORT = 8080
METRICS_PORTS = {"api": 9464, "worker": 9465}
# Nobody's: for trying out.
_CONTACT = {
    "telephone": "021-00000000",
    "extension": "1",
    "hours": {"fa": "شنبه تا چهارشنبه، ۸ تا ۱۶", "en": "Saturday to Wednesday, 8 to 16"},
    "email": "support@amanat.example",
}
SDK_METRICS_DISTANCE = 1000  # the Temporal SDK's own metrics are served so far above a process's


@dataclass(frozen=True)
class Addresses:
    """Where a stack answers. Without secrets: this is what the state file keeps."""

    api: str
    temporal: str
    temporal_ui: str
    temporal_namespace: str
    database_port: int | None  # None: the database is not ours
    metrics_ports: dict[str, int]

    @classmethod
    def from_state(cls, state: Mapping[str, object]) -> Addresses:
        """Read them back from the state file."""
        return cls(**state)  # type: ignore[arg-type]  # written by as_state

    def as_state(self) -> dict[str, object]:
        """Return what the state file keeps."""
        return asdict(self)

    def for_people(self) -> dict[str, str]:
        """Return what a person wants to know after the start."""
        shown = {
            "pages": self.local_api,
            "api": self.local_api,
            "Temporal UI": self.temporal_ui,
            "Temporal": self.temporal,
        }
        if self.database_port is not None:
            shown["Postgres"] = f"{LOOPBACK}:{self.database_port}"
        return {label: address for label, address in shown.items() if address}

    @property
    def api_port(self) -> int:
        """The port of the api."""
        return int(self.api.rpartition(":")[2])

    @property
    def local_api(self) -> str:
        """The address of the api as this machine reaches it, whatever interface it listens on."""
        return self.api.replace("//0.0.0.0:", f"//{LOOPBACK}:")

    @property
    def api_host(self) -> str:
        """The interface of the api."""
        return self.api.removeprefix("http://").rpartition(":")[0]


@dataclass(frozen=True)
class Databases:
    """The addresses of one database for its three roles: the app, migrations, and what opens entrusted secrets."""

    app: str
    owner: str
    vault: str


@dataclass(frozen=True)
class External:
    """The parts that the person's own environment names; the embedded ones are then not started."""

    database: str | None
    owner_database: str | None
    vault_database: str | None
    temporal: str | None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> External:
        """Read DATABASE_URL, OWNER_DATABASE_URL (by default the same), VAULT_DATABASE_URL and TEMPORAL_ADDRESS.

        Raises:
            CliError: a database is named, and no login for its vault.
        """
        database = _with_driver(environment.get("DATABASE_URL", ""))
        owner = owner_database(environment)
        vault = _with_driver(environment.get("VAULT_DATABASE_URL", ""))
        if database and not vault:
            message = "DATABASE_URL names a database of your own: set VAULT_DATABASE_URL too, the login of its vault"
            raise CliError(message)
        return cls(database or None, owner, vault or None, environment.get("TEMPORAL_ADDRESS") or None)

    @property
    def databases(self) -> Databases | None:
        """The database that is named; None if the embedded one is used."""
        if not self.database or not self.owner_database or not self.vault_database:
            return None
        return Databases(self.database, self.owner_database, self.vault_database)


def owner_database(environment: Mapping[str, str]) -> str | None:
    """The database that migrations are to go to, if the person's own environment names one."""
    named = environment.get("OWNER_DATABASE_URL") or environment.get("DATABASE_URL", "")
    return _with_driver(named) or None


def _with_driver(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    if scheme in {"postgres", "postgresql"}:
        scheme = "postgresql+psycopg"
    return scheme + separator + rest


def choose_process_ports(environment: Mapping[str, str], ports: Ports) -> tuple[str, dict[str, int]]:
    """Choose where the api answers (its address) and each process's metrics port."""
    host = environment.get("AMANAT_API_HOST") or LOOPBACK
    port = ports.choose("the api", int(environment.get("AMANAT_API_PORT") or API_PORT), host=host)
    metrics = {name: choose_metrics_port(name, ports) for name in METRICS_PORTS}
    return f"http://{host}:{port}", metrics


def choose_metrics_port(name: str, ports: Ports) -> int:
    """Choose a process's metrics port; the one of the Temporal SDK's metrics is free with it."""
    usual = METRICS_PORTS.get(name, 0)
    return ports.choose(f"the metrics of the {name}", usual, distances=(0, SDK_METRICS_DISTANCE))


def stack_environment(
    places: Places,
    addresses: Addresses,
    *,
    databases: Databases,
    base: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Build the environment of api, worker and the commands of ``./amanat`` that work on a running stack.

    ``AMANAT_METRICS_PORT`` is the api's here; the supervisor gives each other process its own. Keys, files,
    directories of messages and of the bank, app link and contact that the person set are kept. ``base`` is the
    person's environment.
    """
    base = os.environ if base is None else base
    files = places.var / "files"
    ours = keys_environment(places, has_data=(places.postgres / "passwords.json").exists())
    ours |= {"AMANAT_FILES_URL": files.as_uri(), "AMANAT_LOCAL_MESSAGES": str(places.messages)}
    ours |= {"AMANAT_VAULT_DIRECTORY": str(places.vault_keys)}
    ours |= {"AMANAT_LOCAL_BANK": str(places.bank), "AMANAT_PAYMENT_GATEWAYS": '["local"]'}
    ours |= {"AMANAT_APP_LINK": addresses.local_api, "AMANAT_CONTACT": json.dumps(_CONTACT, ensure_ascii=False)}
    kept = {name: base[name] for name in ours if base.get(name)}
    return {
        **base,
        **ours,
        **kept,
        "PYTHONPATH": str(PROJECT),
        "DATABASE_URL": databases.app,
        "OWNER_DATABASE_URL": databases.owner,
        "VAULT_DATABASE_URL": databases.vault,
        "TEMPORAL_ADDRESS": addresses.temporal,
        "TEMPORAL_NAMESPACE": addresses.temporal_namespace,
        "AMANAT_TEMPORAL_UI": addresses.temporal_ui,
        "AMANAT_API_HOST": addresses.api_host,
        "AMANAT_API_PORT": str(addresses.api_port),
        "AMANAT_METRICS_PORT": str(addresses.metrics_ports["api"]),
        "AMANAT_STAND_ALONE": "1",
    }
