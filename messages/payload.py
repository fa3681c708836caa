"""Messages and results as plain JSON values and back: what the outbox and the transitions table store."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import Any, TypeVar, cast
from uuid import UUID

M = TypeVar("M")


def encode(message: object) -> dict[str, Any]:
    """A message as JSON values."""
    fields = dataclasses.asdict(cast(Any, message))
    return {name: _plain(value) for name, value in fields.items()}


def decode(message: type[M], payload: Mapping[str, Any]) -> M:
    """The message back from its stored form."""
    hints = typing.get_type_hints(message)
    return message(**{name: _typed(hints[name], value) for name, value in payload.items()})


def _plain(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, UUID | StrEnum) else value


def _typed(hint: Any, value: Any) -> Any:
    for kind in typing.get_args(hint) or (hint,):
        if value is not None and isinstance(kind, type) and issubclass(kind, UUID | StrEnum | date):
            return kind.fromisoformat(value) if issubclass(kind, date) else kind(value)
    return value
