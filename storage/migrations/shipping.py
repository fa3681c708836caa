"""What migrations apply and ship: the files of ``storage/schema``.

``roles.sql`` and ``functions/*.sql`` are applied by every run, so that each function stands once, with its current
text; ``<area>.sql``, ``policies/*.toml`` and ``regions.toml`` by the version that names them, once a database.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

SCHEMA: Final = Path(__file__).parent.parent / "schema"

_POLICY = sa.text(
    "INSERT INTO policies (name, version, value, proposed_by, approved_by, approved_at)"
    " VALUES (:name, 1, CAST(:value AS jsonb), 'system', 'system', now())"
)
_REGION = sa.text("INSERT INTO regions (code, name) VALUES (:code, :name)")


class ShippedFileChanged(Exception):
    """A data file differs from what its migration shipped, so databases made before and after would differ."""


def apply_functions(connection: sa.Connection) -> None:
    """Apply the roles and every function, in a transaction of the caller's.

    Bodies go unchecked, for in a new database the tables that they name come only afterwards.
    """
    connection.execute(sa.text("SET LOCAL check_function_bodies = off"))
    _run(connection, SCHEMA / "roles.sql")
    for file in function_files():
        _run(connection, file)


def function_files() -> list[Path]:
    """The files that hold the functions."""
    return sorted((SCHEMA / "functions").glob("*.sql"))


def create_area(connection: sa.Connection, area: str) -> None:
    """Make the tables of an area, with their indexes, triggers, row-level security and grants."""
    _run(connection, SCHEMA / f"{area}.sql")


def ship_policy(connection: sa.Connection, name: str, sha256: str) -> None:
    """Insert version 1 of a policy as its file says, approved by ``system``.

    Raises:
        ShippedFileChanged: the file is not the one that shipped.
    """
    value = read_data(policy_file(name), sha256)
    connection.execute(_POLICY, {"name": name, "value": json.dumps(value)})


def ship_regions(connection: sa.Connection, sha256: str) -> None:
    """Insert the regions that ship.

    Raises:
        ShippedFileChanged: the file is not the one that shipped.
    """
    regions = read_data(SCHEMA / "regions.toml", sha256)
    connection.execute(_REGION, [{"code": code, "name": name} for code, name in regions.items()])


def policy_file(name: str) -> Path:
    """The file of a policy's version 1: a colon, which some file systems refuse, is a hyphen there."""
    return SCHEMA / "policies" / f"{name.replace(':', '-')}.toml"


def read_data(file: Path, sha256: str) -> dict[str, Any]:
    """Read a data file that must be the one that shipped; how lines end, which git may change, does not matter.

    Raises:
        ShippedFileChanged: it is another.
    """
    text = file.read_text("utf-8")
    found = hashlib.sha256(text.encode()).hexdigest()
    if found != sha256:
        raise ShippedFileChanged(f"{file.name}: version 1 shipped as {sha256}, this is {found}; propose a new version")
    return tomllib.loads(text)


def _run(connection: sa.Connection, file: Path) -> None:
    """Hand a file to Postgres as it is: a cursor without parameters gives colons and percent signs no meaning."""
    connection.connection.cursor().execute(file.read_text("utf-8"))
