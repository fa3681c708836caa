"""Messages and results as plain JSON values and back: what the outbox and the transitions table store."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, TypeVar, cast
from uuid import UUID

M = TypeVar("M")


def encode(message: object) -> dict[str, Any]:
    """A message as JSON values."""
    fields = dataclasses.asdict(cast(Any, message))
    return {name: str(value) if isinstance(value, UUID | StrEnum) else value for name, value in fields.items()}


def decode(message: type[M], payload: Mapping[str, Any]) -> M:
    """The message back from its stored form."""
    hints = typing.get_type_hints(message)
    return message(**{name: _typed(hints[name], value) for name, value in payload.items()})


def _typed(hint: Any, value: Any) -> Any:
    is_text_type = isinstance(hint, type) and issubclass(hint, UUID | StrEnum)
    return hint(value) if is_text_type else value
