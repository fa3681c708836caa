"""What the demo shows: steps as they happen, then the addresses and sign-ins; timelines and trial balance if wanted.

Times are Tehran's, days Jalali, as on the pages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from rich.console import Console
from rich.table import Table

from api.case import EventOut
from api.ledger import TrialBalance
from domain.dates import TEHRAN, format_jalali, tehran_day

_REFUSALS_SHOWN = 3


def tehran_time(moment: datetime) -> str:
    """A moment to the second; which zone it is in is said beside it."""
    return f"{format_jalali(tehran_day(moment))} {moment.astimezone(TEHRAN):%H:%M:%S}"


class Screen:
    """Prints the story."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False)

    def chapter(self, title: str) -> None:
        """Begin a part of the story."""
        self.console.rule(f"[bold]{title}[/bold]", align="left")

    def done(self, text: str) -> None:
        """Something has happened."""
        self.console.print(f"[green]✓[/green] {text}", soft_wrap=True)

    def note(self, text: str) -> None:
        """Something to know."""
        self.console.print(f"  {text}", soft_wrap=True)

    def timeline(self, title: str, events: Sequence[EventOut]) -> None:
        """A case's timeline as its applicant sees it."""
        table = Table(title=title, title_justify="left", show_lines=False)
        table.add_column("when (Tehran)", no_wrap=True)
        table.add_column("who")
        table.add_column("what happened", overflow="fold")
        for event in events:
            table.add_row(
                tehran_time(event.at.at), event.actor_words.fa, f"{event.words.fa}\n[dim]{event.words.en}[/dim]"
            )
        self.console.print(table)

    def refusals(self, rows: Sequence[tuple[int, str, str]]) -> None:
        """The first refused rows of a personnel file, each with its code and sentence."""
        for number, code, sentence in rows[:_REFUSALS_SHOWN]:
            self.note(f"row {number}, {code}: {sentence}")
        if len(rows) > _REFUSALS_SHOWN:
            self.note(f"and {len(rows) - _REFUSALS_SHOWN} more: HR has the report of all of them as a file")

    def trial_balance(self, balance: TrialBalance) -> None:
        """The trial balance; debits and credits are equal."""
        table = Table(title="Trial balance (rial)", title_justify="left")
        for name in ("account kind", "accounts", "debit", "credit"):
            table.add_column(name, justify="left" if name == "account kind" else "right")
        for row in balance.rows:
            debit, credit = max(-row.total, 0), max(row.total, 0)
            table.add_row(f"{row.kind} ({row.unit})", str(row.accounts), f"{debit:,}", f"{credit:,}")
        self.console.print(table)

    def addresses(self, named: Mapping[str, str]) -> None:
        """Where everything answers."""
        for name, address in named.items():
            self.note(f"{name:<28} {address}")

    def sign_ins(self, people: Sequence[Mapping[str, str]]) -> None:
        """What people sign in with: each secret whole, at the end of a line of its own, to be copied."""
        for person in people:
            if "username" in person:
                self.note(f"{person['en']}: {person['username']}")
                self.note(f"  password     {person['password']}")
                self.note(f"  TOTP secret  {person['totp_secret']}")
            else:
                self.note(f"{person['en']}, national id {person['national_id']}, mobile {person['mobile']}")
