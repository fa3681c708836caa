"""Where the stand-alone stack keeps its things: everything under one directory.

``var/`` beside the code, or what ``AMANAT_VAR`` names.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
LOGS_KEPT = 5


class CliError(Exception):
    """Something the person at the keyboard can mend; the text says what and how."""


@dataclass(frozen=True)
class Places:
    """The directories and files below ``var``; made on demand, readable by their owner only."""

    var: Path = field(default_factory=lambda: Path(os.environ.get("AMANAT_VAR") or PROJECT / "var"))

    def __post_init__(self) -> None:
        """Make the path absolute, so that it means the same in every process of the stack."""
        object.__setattr__(self, "var", self.var.resolve())

    @property
    def log(self) -> Path:
        """The directory of the logs."""
        return self.var / "log"

    @property
    def run(self) -> Path:
        """The directory of what describes the running stack: pids, state, lock."""
        return self.var / "run"

    @property
    def state(self) -> Path:
        """The state file of the running stack (JSON, 0600)."""
        return self.run / "stack.json"

    @property
    def lock(self) -> Path:
        """The file whose lock the running supervisor holds."""
        return self.run / "stack.lock"

    @property
    def secrets(self) -> Path:
        """The generated keys (JSON, 0600)."""
        return self.var / "secrets.json"

    @property
    def postgres(self) -> Path:
        """The home of the embedded Postgres."""
        return self.var / "postgres"

    @property
    def temporal(self) -> Path:
        """The database file of the embedded Temporal server."""
        return self.var / "temporal" / "temporal.db"

    @property
    def vault_keys(self) -> Path:
        """The keys of entrusted secrets; made by the product, beside the database that they belong to."""
        return self.var / "vault-keys"

    @property
    def messages(self) -> Path:
        """Where messages that the stand-alone stack does not send are kept."""
        return self.var / "messages"

    @property
    def bank(self) -> Path:
        """The books of the stand-alone stack's bank."""
        return self.var / "bank"

    def prepare(self) -> None:
        """Make the directories.

        Raises:
            CliError: this user may not write here.

        """
        directories = (self.log, self.run, self.temporal.parent, self.postgres, self.var / "files")
        try:
            self.var.mkdir(parents=True, exist_ok=True)
            self.var.chmod(0o700)
            for directory in (*directories, self.messages):
                directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        except PermissionError as refused:
            text = f"{self.var} cannot be written by this user; own the directory or work in a copy of your own"
            raise CliError(text) from refused

    def clear(self) -> None:
        """Remove everything except the lock that the caller holds and the logs of this start."""
        for entry in self.var.iterdir():
            if entry in {self.run, self.log}:
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()
        for entry in self.run.iterdir():
            if entry != self.lock:
                entry.unlink()


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read; readers see the old or the new text, never a part."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def rotate(log: Path) -> None:
    """Keep the last logs as ``name.log.1`` (newest) to ``name.log.5``, so that a start begins a new one."""
    if not log.exists():
        return
    for number in range(LOGS_KEPT - 1, 0, -1):
        older = log.with_name(f"{log.name}.{number}")
        if older.exists():
            older.replace(log.with_name(f"{log.name}.{number + 1}"))
    log.replace(log.with_name(f"{log.name}.1"))


def last_lines(text: str, lines: int = 12) -> str:
    """Return the last lines of a log's text, for an error message."""
    return "\n".join(text.splitlines()[-lines:])
