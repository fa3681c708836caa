"""Results of transitions by their key: a transition that was taken is not taken again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from psycopg.types.json import Jsonb

from storage.cases import CASE_COLUMNS
from storage.database import Errand, sql_of
from storage.rows.cases import Case, cases, transitions
from storage.rows.table import as_row

_LOCK = sql_of(sa.select(*CASE_COLUMNS, sa.func.now()).where(cases.c.id == sa.bindparam("case_id")).with_for_update())
_EARLIER = sql_of(
    sa.select(transitions.c.input_hash, transitions.c.result).where(transitions.c.key == sa.bindparam("key"))
)
_KEEP = sql_of(sa.insert(transitions).inline(), "key", "case_id", "input_hash", "result")


@dataclass(frozen=True, slots=True)
class Beginning:
    """What a transition begins with: its locked case, Postgres's time, and the result of an earlier run if any."""

    case: Case
    now: datetime
    earlier: Mapping[str, Any] | None


def questions(case_id: UUID, key: str) -> tuple[Errand, ...]:
    """Lock the case until the transaction ends, then look for an earlier result.

    The look comes after the lock: it sees what whoever held the case has written.
    """
    return Errand(_LOCK, {"case_id": case_id}), Errand(_EARLIER, {"key": key})


def beginning(found: Sequence[Sequence[Any]], content: Mapping[str, Any]) -> Beginning | None:
    """What the ``questions`` found; None if there is no such case.

    Raises:
        ValueError: the key was used with another input; a programming error that must not pass.
    """
    locked, results = found
    if not locked:
        return None
    *columns, now = locked[0]
    earlier = None
    for input_hash, result in results:
        if input_hash != _hash(content):
            msg = "the transition was taken before with another input"
            raise ValueError(msg)
        earlier = result
    return Beginning(as_row(Case, columns), now, earlier)


def keeping(case_id: UUID, key: str, content: Mapping[str, Any], result: Mapping[str, Any]) -> Errand:
    """Stores a transition's result with what it did."""
    values = {"key": key, "case_id": case_id, "input_hash": _hash(content), "result": Jsonb(dict(result))}
    return Errand(_KEEP, values)


def _hash(content: Mapping[str, Any]) -> bytes:
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).digest()
