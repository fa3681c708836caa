"""Tavana in the demo: guarantor, regional finance, waiting time; a refusal, a return, and a silence."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from api.guarantor import CheckIn, check_guarantor
from api.policy import PolicyDecision, PolicyIn, decide_policy, list_policies, propose_policy
from demo.actors import APPROVE, REFUSE_GUARANTEE, RETURN, Officer, terms
from demo.personnel_generator import Employee
from demo.play import Play, Told, apply, show_credit
from demo.screen import tehran_time
from domain.access import Grant, Role, ScopeKind
from domain.dates import service_ends, tehran_day
from domain.money import RIAL_A_TOMAN

WAITING_SECONDS = 10
_SILENCE_SECONDS = 3
_APPLICANTS = 4
_GUARANTORS = 3


@dataclass(frozen=True, slots=True)
class TavanaOffice:
    """One region's people: who applies, who may stand for them, who decides, and the programmes of this run.

    ``others`` take no part in the story, the best paid last.
    """

    region: str
    applicants: list[Employee]
    guarantors: list[Employee]
    others: list[Employee]
    finance: Officer
    programme: str
    hasty: str


async def open_office(play: Play, employees: Sequence[Employee]) -> TavanaOffice:
    """Hire regional finance, and have two policy administrators make the waiting times short."""
    play.screen.chapter("5. Tavana: a region with finance, and waiting times to watch")
    region, people = _fullest_region(employees)
    await play.hire(finance_officer=Grant(Role.FINANCE_OFFICER, ScopeKind.REGION, region))
    code = f"tavana_{play.run}"
    await _make_programmes(play, code)
    officer = await play.sign_in("finance officer")
    applicants, others, guarantors = people[:_APPLICANTS], people[_APPLICANTS:-_GUARANTORS], people[-_GUARANTORS:]
    return TavanaOffice(region, applicants, guarantors, others, officer, code, f"{code}_hasty")


def _fullest_region(employees: Sequence[Employee]) -> tuple[str, list[Employee]]:
    """The region with most people who may be guarantors, its people by pay: the best paid can stand for the others."""
    today = tehran_day(datetime.now(UTC))
    regions: dict[str, list[Employee]] = defaultdict(list)
    for person in employees:
        if today < service_ends(person.hire_date.to_gregorian()):
            regions[person.region_code].append(person)
    region = max(regions, key=lambda code: len(regions[code]))
    return region, sorted(regions[region], key=lambda person: person.net_pay_rial)


async def _make_programmes(play: Play, code: str) -> None:
    first, second = [await play.sign_in(f"policy administrator {place}") for place in (1, 2)]
    in_force = (await first.client.call(list_policies)).items
    shipped = next(policy for policy in in_force if policy.name == "programme:tavana").value
    for name, value in _policies(play, code, shipped).items():
        proposal = await first.client.call(propose_policy, name, PolicyIn(value=value), await first.code())
        approval = PolicyDecision(decision="approve")
        await second.client.call(decide_policy, proposal.id, approval, await second.code())
    play.screen.done(
        f"two administrators put two in force: the same policy with {WAITING_SECONDS} seconds instead of 72 hours"
        f" before the credit is usable, and one with {_SILENCE_SECONDS} seconds to answer"
    )


def _policies(play: Play, code: str, shipped: dict[str, Any]) -> dict[str, Any]:
    own = {**shipped, "organisation": play.organisation_code, "waiting_seconds": WAITING_SECONDS}
    own.pop("waiting_hours")
    hasty = {**own, "answer_remind_seconds": 1, "answer_expire_seconds": _SILENCE_SECONDS}
    hasty["guarantor"] = {
        **shipped["guarantor"], "name_remind_seconds": 1, "name_expire_seconds": _SILENCE_SECONDS,
    }  # fmt: skip
    for wait in ("answer_remind_hours", "answer_expire_hours"):
        hasty.pop(wait)
    for wait in ("name_remind_hours", "name_expire_hours"):
        hasty["guarantor"].pop(wait)
    return {
        f"programme:{code}": {**own, "title_fa": "توانای نمایشی", "title_en": "Tavana, for watching"},
        f"programme:{code}_hasty": {**hasty, "title_fa": "توانای شتابان", "title_en": "Tavana in haste"},
    }


async def approved(play: Play, office: TavanaOffice) -> Told:
    """Through both approvals to usable credit."""
    play.screen.chapter("6. Through both approvals")
    guarantor = office.guarantors[0]
    member = await play.member(office.applicants[0])
    wish = CheckIn(programme=office.programme, national_id=guarantor.national_id)
    answer = await member.client.call(check_guarantor, wish)
    play.screen.note(f"may this colleague be asked? {'yes' if answer.may_be_asked else 'no'} (nothing else is told)")
    case_id = await apply(play, member, office.programme, guarantor)
    await _stand(play, guarantor, case_id)
    await office.finance.decide(case_id, APPROVE)
    case = await member.case_in(case_id, "awaiting_activation")
    if case.due is not None:
        play.screen.done(f"regional finance approved; usable from {tehran_time(case.due.at)}, Tehran time")
    await member.case_in(case_id, "active")
    await show_credit(play, member)
    return Told("Case 3: Tavana, through both approvals", member, case_id)


async def _stand(play: Play, guarantor: Employee, case_id: UUID) -> None:
    member = await play.member(guarantor)
    asked = await member.asked(case_id)
    await member.decide(case_id, await member.consent(asked.id, asked.mandate_version))
    seen = f"{asked.applicant_name}, {asked.monthly.fa} a month, {asked.instalments} instalments"
    play.screen.done(f"the guarantor read «{seen}», and accepted in person with a fresh code")


async def another_guarantor(play: Play, office: TavanaOffice) -> Told:
    """One refuses, another accepts."""
    play.screen.chapter("7. One guarantor refuses, another accepts")
    first, second, _ = office.guarantors
    member = await play.member(office.applicants[1])
    case_id = await apply(play, member, office.programme, first)
    await (await play.member(first)).decide(case_id, REFUSE_GUARANTEE)
    play.screen.done("the guarantor refused, and the applicant is asked for another name")
    await member.task(case_id, "name_guarantor")
    await member.name(case_id, second.national_id)
    await _stand(play, second, case_id)
    await office.finance.decide(case_id, APPROVE)
    await member.case_in(case_id, "awaiting_activation")
    play.screen.done("regional finance approved")
    return Told("Case 4: Tavana, another guarantor", member, case_id)


async def returned(play: Play, office: TavanaOffice) -> Told:
    """Regional finance returns one for correction."""
    play.screen.chapter("8. Regional finance returns one for correction")
    guarantor = office.guarantors[2]
    member = await play.member(office.applicants[2])
    case_id = await apply(play, member, office.programme, guarantor)
    await _stand(play, guarantor, case_id)
    await office.finance.decide(case_id, RETURN)
    await member.task(case_id, "correct_application")
    play.screen.done("returned, for the monthly amount is too high")
    return Told("Case 5: Tavana, returned and corrected", member, case_id)


async def corrected(play: Play, office: TavanaOffice, case: Told) -> None:
    """The applicant resubmits with less: the guarantor is not asked again."""
    play.screen.chapter("11. The returned one is corrected")
    member, case_id = await play.member(office.applicants[2]), case.case_id
    asked = await member.asked_for(case_id)
    half = asked.monthly.amount // 2 // RIAL_A_TOMAN * RIAL_A_TOMAN
    with play.screen.console.status("waiting until this number may ask for another code"):
        await member.correct(case_id, terms(office.programme, half, asked.instalments, asked.mandate_version))
    await office.finance.decide(case_id, APPROVE)
    await member.case_in(case_id, "awaiting_activation")
    play.screen.done("half the amount, and approved; the guarantor had accepted more and was not asked again")


async def expired(play: Play, office: TavanaOffice) -> Told:
    """Nobody answers, nobody else is named."""
    play.screen.chapter("9. Nobody answers")
    member = await play.member(office.applicants[3])
    case_id = await apply(play, member, office.hasty, office.guarantors[0])
    await member.case_in(case_id, "lapsed")
    play.screen.done(
        f"the guarantor was silent, the applicant named nobody else: lapsed after {_SILENCE_SECONDS} s each (policy)"
    )
    return Told("Case 6: Tavana, expired", member, case_id)


async def wait_for_credits(play: Play, cases: Sequence[Told]) -> None:
    """The approved ones become usable by themselves."""
    for case in cases:
        await case.seen_by.case_in(case.case_id, "active")
        play.screen.done(f"{case.title.partition(',')[0]}: the waiting time is over, the credit is usable")
