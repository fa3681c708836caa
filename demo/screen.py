"""What the demo shows: steps as they happen, then timelines, the trial balance and the addresses."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from api.case import EventOut
from api.ledger import TrialBalance


class Screen:
    """Prints the story."""

    def __init__(self) -> None:
        self.console = Console(highlight=False)

    def chapter(self, title: str) -> None:
        """Begin a part of the story."""
        self.console.print()
        self.console.rule(f"[bold]{title}[/bold]", align="left")

    def done(self, text: str) -> None:
        """Something has happened."""
        self.console.print(f"[green]✓[/green] {text}", soft_wrap=True)

    def refused(self, text: str) -> None:
        """Something was refused, as it should be."""
        self.console.print(f"[yellow]✗[/yellow] {text}", soft_wrap=True)

    def note(self, text: str) -> None:
        """Something to know."""
        self.console.print(f"  {text}", soft_wrap=True)

    def timeline(self, title: str, events: Sequence[EventOut]) -> None:
        """A case's timeline as its applicant sees it."""
        table = Table(title=title, title_justify="left", show_lines=False)
        table.add_column("when (UTC)", no_wrap=True)
        table.add_column("who")
        table.add_column("what happened", overflow="fold")
        for event in events:
            moment = f"{event.at.at:%Y-%m-%d %H:%M:%S}"
            table.add_row(moment, event.actor_words.fa, f"{event.words.fa}\n[dim]{event.words.en}[/dim]")
        self.console.print(table)

    def refusals(self, rows: list[tuple[int, str, str]]) -> None:
        """The refused rows of a personnel file."""
        table = Table(title="Refused rows (all others were imported)", title_justify="left")
        table.add_column("row", justify="right")
        table.add_column("code")
        table.add_column("sentence", overflow="fold")
        for number, code, sentence in rows:
            table.add_row(str(number), code, sentence)
        self.console.print(table)

    def trial_balance(self, balance: TrialBalance) -> None:
        """The trial balance; debits and credits are equal."""
        table = Table(title="Trial balance (rial)", title_justify="left")
        for name in ("account kind", "accounts", "debit", "credit"):
            table.add_column(name, justify="left" if name == "account kind" else "right")
        for row in balance.rows:
            debit, credit = max(-row.total, 0), max(row.total, 0)
            table.add_row(f"{row.kind} ({row.unit})", str(row.accounts), f"{debit:,}", f"{credit:,}")
        self.console.print(table)
        shown = ", ".join(f"{unit}: {amount}" for unit, amount in balance.difference.items())
        self.note(f"difference between the sides: {shown or 'nothing posted yet'}")

    def table(self, title: str, rows: list[tuple[str, str]]) -> None:
        """Names and values."""
        table = Table(title=title, title_justify="left", show_header=False)
        table.add_column()
        table.add_column(overflow="fold")
        for row in rows:
            table.add_row(*row)
        self.console.print(table)
