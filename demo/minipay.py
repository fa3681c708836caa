"""MiniPay in the demo: one certificate issued, one refused, one applicant mended by a corrected file."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from demo.client import SignedInClient
from demo.personnel_generator import Person
from demo.play import Play, apply, case_in, decide, show_credit

_PROGRAMME = "minipay"


def _grant_credit(play: Play, person: Person) -> tuple[SignedInClient, str]:
    member = play.member(person)
    play.screen.done("signed in with national id, mobile and the code that came by SMS")
    case_id = apply(play, person, _PROGRAMME)
    asked = member.get(f"/v1/cases/{case_id}")["application"]
    certificate = {
        "decision": "issue",
        "monthly_amount": {"amount": asked["monthly"]["amount"], "unit": "IRR"},
        "instalments": asked["instalments"],
        "valid_until": (datetime.now(UTC).date() + timedelta(days=365)).isoformat(),
    }
    decide(play.hr, case_id, "issue_certificate", certificate)
    play.screen.done("HR issued the deduction certificate")
    case_in(member, case_id, "active")
    show_credit(play, member)
    return member, case_id


def issued(play: Play, person: Person) -> tuple[str, SignedInClient, str]:
    """An employee applies, HR certifies, the credit is usable."""
    play.screen.chapter("3. MiniPay: an employee applies, HR certifies, the credit is usable")
    return ("Case 1: MiniPay, usable credit", *_grant_credit(play, person))


def refused(play: Play, person: Person) -> tuple[str, SignedInClient, str]:
    """HR refuses another one."""
    play.screen.chapter("4. HR refuses another one, with a reason")
    member = play.member(person)
    case_id = apply(play, person, _PROGRAMME)
    decide(play.hr, case_id, "issue_certificate", {"decision": "refuse", "reason": "deductions_exhausted"})
    case_in(member, case_id, "refused")
    play.screen.refused("refused; the applicant sees why, and may apply again at once")
    return "Case 2: MiniPay, refused", member, case_id


def mended(play: Play, person: Person) -> tuple[str, SignedInClient, str]:
    """Somebody of a refused row applies after a corrected file."""
    play.screen.note("a number may ask for one code in half a minute: this may take a moment")
    with play.screen.console.status("waiting until this number may ask for another code"):
        play.member(person)
    return ("Case 7: MiniPay, mended by a corrected file", *_grant_credit(play, person))
