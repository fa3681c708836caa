"""What the demo prints can be read and copied at any width."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest
from rich.console import Console

from api.case import EventOut
from api.values import MomentOut, Words
from demo.authenticator import Authenticator
from demo.screen import Screen, tehran_time
from demo.staff import Credentials, PlayedRole


@pytest.fixture
def shown() -> io.StringIO:
    """What a narrow terminal shows."""
    return io.StringIO()


@pytest.fixture
def screen(shown: io.StringIO) -> Screen:
    """A screen of a narrow terminal."""
    return Screen(Console(file=shown, width=40, highlight=False))


def test_each_secret_stands_whole_on_a_line_of_its_own(screen: Screen, shown: io.StringIO) -> None:
    officer = Credentials(
        "finance-officer-00a46e", "3f9c01aa77be42d1", Authenticator("KB6WXNZNKSYYOF2F5IWKLIJPSSHQSSEL")
    )
    screen.sign_ins([officer.kept(PlayedRole("finance officer", "امور مالی منطقه", "finance"))])
    assert [line.split()[-1] for line in shown.getvalue().splitlines()] == [
        "finance-officer-00a46e",
        "3f9c01aa77be42d1",
        "KB6WXNZNKSYYOF2F5IWKLIJPSSHQSSEL",
    ]


def test_times_are_tehrans_beside_jalali_days() -> None:
    assert tehran_time(datetime(2026, 11, 29, 20, 45, 7, tzinfo=UTC)) == "1405/09/09 00:15:07"


def test_a_timeline_says_whose_time_it_shows(screen: Screen, shown: io.StringIO) -> None:
    at, said = MomentOut.of(datetime(2026, 11, 29, 20, 45, 7, tzinfo=UTC)), Words(fa="ثبت شد.", en="Done.")
    screen.timeline("Case", [EventOut(id=1, at=at, code="done", actor="member", actor_words=said, words=said)])
    assert "when (Tehran)" in shown.getvalue()
    assert "1405/09/09 00:15:07" in shown.getvalue()
