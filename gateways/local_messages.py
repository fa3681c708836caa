"""Messages of the stand-alone stack: one JSON file each in a private directory, for developers to read."""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_SUFFIX = ".json"
_PRIVATE_DIRECTORY = 0o700


def write_local_message(directory: Path, message: Mapping[str, Any]) -> str:
    """Store a message and return its reference; a reader sees the whole file or none."""
    directory.mkdir(mode=_PRIVATE_DIRECTORY, parents=True, exist_ok=True)
    moment = time.time_ns()
    reference = f"{moment:020}-{secrets.token_hex(4)}"
    text = json.dumps({"reference": reference, "at": moment // 1_000_000, **message}, ensure_ascii=False)
    draft = directory / f".{reference}.draft"
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    draft.rename(directory / f"{reference}{_SUFFIX}")
    return reference


def read_local_messages(directory: Path, limit: int) -> list[dict[str, Any]]:
    """The newest messages first, at most ``limit``; ``at`` is milliseconds since 1970."""
    try:
        files = sorted((file for file in directory.iterdir() if file.suffix == _SUFFIX), reverse=True)
    except FileNotFoundError:
        return []
    found: list[dict[str, Any]] = []
    for file in files:
        if len(found) >= limit:
            break
        try:
            found.append(json.loads(file.read_text(encoding="utf-8")))
        except FileNotFoundError:
            # Cleared away between listing and reading.
            continue
    return found
