"""What a person sees while the stack starts: a spinner at a terminal, plain lines anywhere else."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console

if TYPE_CHECKING:
    from collections.abc import Iterator


class Progress:
    """Says things on standard error, so that standard output stays for results."""

    def __init__(self, console: Console | None = None) -> None:
        """Speak through the given console, by default standard error."""
        self.console = console or Console(stderr=True, highlight=False)

    def say(self, text: str) -> None:
        """Print one line."""
        self.console.print(text, markup=False, soft_wrap=True)

    @contextmanager
    def step(self, text: str) -> Iterator[None]:
        """Show that something is being done, then that it is done and how long it took."""
        began = time.monotonic()
        if self.console.is_terminal:
            with self.console.status(text):
                yield
        else:
            yield
        self.say(f"✓ {text} ({time.monotonic() - began:.1f} s)")
