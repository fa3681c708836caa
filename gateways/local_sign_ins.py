"""Ready-made sign-ins of a stand-alone stack's invented people, to try it out with."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

# Beside the local messages, under a name that is none of theirs.
_FILE = "sign-ins.list"


def write_local_sign_ins(directory: Path, people: Sequence[Mapping[str, str]]) -> None:
    """Keep what people sign in with, in place of what was kept before; only the owner of the file may read it."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = directory / f".{_FILE}.draft"
    draft.unlink(missing_ok=True)
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(list(people), file, ensure_ascii=False)
    draft.rename(directory / _FILE)


def read_local_sign_ins(directory: Path) -> list[dict[str, str]]:
    """What was kept last; empty if nothing was."""
    try:
        people: list[dict[str, str]] = json.loads((directory / _FILE).read_text("utf-8"))
    except FileNotFoundError:
        return []
    return people
