"""Ready-made sign-ins of a stand-alone stack's invented people, to try it out with, and tickets to sign in as one."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path

# Beside the local messages, under a name that is none of theirs.
_FILE = "sign-ins.list"
_TICKETS = "sign-in-tickets"
_PRIVATE_DIRECTORY = 0o700
_TICKET_BYTES = 32


def write_local_sign_ins(directory: Path, people: Sequence[Mapping[str, str]]) -> None:
    """Keep what people sign in with, in place of what was kept before; only the owner of the file may read it."""
    directory.mkdir(mode=_PRIVATE_DIRECTORY, parents=True, exist_ok=True)
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


def draw_ticket(directory: Path, whose: str) -> str:
    """A new random ticket, which lets in once; it ends the one that was drawn for the same person before.

    Only its hash is kept, as the name of an empty file: the process that removes the file has used it up.
    """
    tickets = directory / _TICKETS
    tickets.mkdir(mode=_PRIVATE_DIRECTORY, parents=True, exist_ok=True)
    for earlier in tickets.glob(f"{_hash(whose)}-*"):
        earlier.unlink(missing_ok=True)
    ticket = secrets.token_urlsafe(_TICKET_BYTES)
    _file_of(directory, whose, ticket).touch(mode=0o600)
    return ticket


def take_ticket(directory: Path, whose: str, ticket: str, life: timedelta) -> bool:
    """Use a ticket up; whether it was the person's and is not older than its life."""
    file = _file_of(directory, whose, ticket)
    try:
        drawn = file.stat().st_mtime
        file.unlink()
    except FileNotFoundError:
        return False
    return time.time() - drawn <= life.total_seconds()


def _file_of(directory: Path, whose: str, ticket: str) -> Path:
    return directory / _TICKETS / f"{_hash(whose)}-{_hash(ticket)}"


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
