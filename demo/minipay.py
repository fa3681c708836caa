"""MiniPay in the demo: one certificate issued, one refused, one applicant mended by a corrected file."""

from __future__ import annotations

from api.certificate import RefuseCertificate
from demo.actors import certificate
from demo.personnel_generator import Employee
from demo.play import Play, Told, apply, show_credit
from domain.onboarding import RefusalReason

_PROGRAMME = "minipay"


async def _grant_credit(play: Play, person: Employee, title: str) -> Told:
    member = await play.member(person)
    play.screen.done("signed in with national id, mobile and the code that came by SMS")
    case_id = await apply(play, member, _PROGRAMME)
    asked = await member.asked_for(case_id)
    await play.hr.decide(case_id, certificate(asked.monthly.amount, asked.instalments))
    play.screen.done("HR issued the deduction certificate")
    await member.case_in(case_id, "active")
    await show_credit(play, member)
    return Told(title, member, case_id)


async def issued(play: Play, person: Employee) -> Told:
    """An employee applies, HR certifies, the credit is usable."""
    play.screen.chapter("3. MiniPay: an employee applies, HR certifies, the credit is usable")
    return await _grant_credit(play, person, "Case 1: MiniPay, usable credit")


async def refused(play: Play, person: Employee) -> Told:
    """HR refuses another one."""
    play.screen.chapter("4. HR refuses another one, with a reason")
    member = await play.member(person)
    case_id = await apply(play, member, _PROGRAMME)
    reason = RefusalReason.DEDUCTIONS_EXHAUSTED
    await play.hr.decide(case_id, RefuseCertificate(kind="issue_certificate", decision="refuse", reason=reason))
    await member.case_in(case_id, "refused")
    play.screen.done("refused, as it should be; the applicant sees why, and may apply again at once")
    return Told("Case 2: MiniPay, refused", member, case_id)


async def mended(play: Play, person: Employee) -> Told:
    """Somebody of a refused row applies after a corrected file."""
    with play.screen.console.status("waiting until this number may ask for another code"):
        await play.member(person)
    return await _grant_credit(play, person, "Case 7: MiniPay, mended by a corrected file")
