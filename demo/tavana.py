"""Tavana in the demo: guarantor, regional finance, waiting time; a refusal, a return, and a silence."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pyotp

from commands.account import FirstCredentials
from demo.client import SignedInClient, sign_in_staff
from demo.personnel_generator import Person
from demo.play import Play, accept, apply, case_in, decide, show_credit, task_of
from domain.access import Grant, Role, ScopeKind
from domain.dates import service_ends, tehran_day
from domain.money import RIAL_A_TOMAN

WAITING_SECONDS = 10
_SILENCE_SECONDS = 3
_APPLICANTS = 4
_GUARANTORS = 3
_TOTP_SECONDS = 30


@dataclass(frozen=True, slots=True)
class TavanaOffice:
    """One region's people: who applies, who may stand for them, who decides, and the programmes of this run.

    ``others`` take no part in the story, the best paid last.
    """

    region: str
    applicants: list[Person]
    guarantors: list[Person]
    others: list[Person]
    finance: SignedInClient
    programme: str
    hasty: str


def open_office(play: Play, employees: Sequence[Person]) -> TavanaOffice:
    """Hire regional finance, and have two policy administrators make the waiting times short."""
    play.screen.chapter("5. Tavana: a region with finance, and waiting times to watch")
    region, people = _fullest_region(employees)
    finance = play.hire("finance officer", "finance", Grant(Role.FINANCE_OFFICER, ScopeKind.REGION, region))
    play.screen.done(f"finance officer {finance.username} decides for region {region}")
    admins = [
        play.hire(f"policy administrator {place}", f"policy{place}", Grant(Role.POLICY_ADMIN, ScopeKind.PLATFORM))
        for place in (1, 2)
    ]
    code = f"tavana_{play.run}"
    _make_programmes(play, admins, code)
    play.screen.note(
        f"Tavana waits 72 hours between approval and usable credit. This run's own programme is the same policy with"
        f" {WAITING_SECONDS} seconds, proposed by one administrator and approved by another;"
    )
    play.screen.note(f"a second one gives everybody {_SILENCE_SECONDS} seconds to answer instead of days.")
    visitor = sign_in_staff(play.http, finance)
    applicants, others, guarantors = people[:_APPLICANTS], people[_APPLICANTS:-_GUARANTORS], people[-_GUARANTORS:]
    return TavanaOffice(region, applicants, guarantors, others, visitor, code, f"{code}_hasty")


def _fullest_region(employees: Sequence[Person]) -> tuple[str, list[Person]]:
    """The region with most people who may be guarantors, its people by pay: the best paid can stand for the others."""
    today = tehran_day(datetime.now(UTC))
    regions: dict[str, list[Person]] = defaultdict(list)
    for person in employees:
        if today < service_ends(person.hire_date.to_gregorian()):
            regions[person.region_code].append(person)
    region = max(regions, key=lambda code: len(regions[code]))
    return region, sorted(regions[region], key=lambda person: person.net_pay_rial)


def _make_programmes(play: Play, admins: list[FirstCredentials], code: str) -> None:
    first, second = (sign_in_staff(play.http, admin) for admin in admins)
    shipped = next(item for item in first.get("/v1/policies")["items"] if item["name"] == "programme:tavana")["value"]
    # The code of the step to come counts as well, and the one of the sign-in was used.
    totp = pyotp.TOTP(admins[1].totp_secret).at(int(datetime.now(UTC).timestamp()) + _TOTP_SECONDS)
    second.post("/v1/step-up", {"totp": totp})
    for name, value in _policies(play, code, shipped).items():
        proposal = first.post(f"/v1/policies/{name}/versions", {"value": value})
        second.post(f"/v1/policy-versions/{proposal['id']}/decision", {"decision": "approve"})
    play.screen.done("two programmes of this organisation's own are in force: policies, not code")


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


def approved(play: Play, office: TavanaOffice) -> tuple[str, SignedInClient, str]:
    """Through both approvals to usable credit."""
    play.screen.chapter("6. Through both approvals")
    applicant, guarantor = office.applicants[0], office.guarantors[0]
    member = play.member(applicant)
    answer = member.post("/v1/guarantor-checks", {"programme": office.programme, "national_id": guarantor.national_id})
    play.screen.note(f"may this colleague be asked? {'yes' if answer['may_be_asked'] else 'no'} (nothing else is told)")
    case_id = apply(play, applicant, office.programme, guarantors=[guarantor])
    _accept_guarantee(play, guarantor, case_id)
    decide(office.finance, case_id, "review_application", {"decision": "approve"})
    case = case_in(member, case_id, "awaiting_activation")
    play.screen.done(f"regional finance approved; usable from {case['due']['at'][:19].replace('T', ' ')} UTC")
    case_in(member, case_id, "active")
    show_credit(play, member)
    return "Case 3: Tavana, through both approvals", member, case_id


def _accept_guarantee(play: Play, guarantor: Person, case_id: str) -> None:
    visitor = play.member(guarantor)
    task_of(visitor, case_id, "answer_guarantee")
    asked = next(item for item in visitor.get("/v1/guarantees")["items"] if item["case_id"] == case_id)
    play.screen.note(
        f"the guarantor sees: {asked['applicant_name']}, {asked['monthly']['fa']} a month,"
        f" {asked['instalments']} instalments"
    )
    version = asked["mandate_version"]
    mandate = accept(play, guarantor, "accept_guarantee", {"guarantee_id": asked["id"], "mandate_version": version})
    decide(visitor, case_id, "answer_guarantee", {"decision": "accept", "mandate": mandate})
    play.screen.done("the guarantor accepted in person, with the mandate and a fresh code")


def another_guarantor(play: Play, office: TavanaOffice) -> tuple[str, SignedInClient, str]:
    """One refuses, another accepts."""
    play.screen.chapter("7. One guarantor refuses, another accepts")
    applicant, (first, second, _) = office.applicants[1], office.guarantors
    member = play.member(applicant)
    case_id = apply(play, applicant, office.programme, guarantors=[first])
    decide(play.member(first), case_id, "answer_guarantee", {"decision": "refuse"})
    play.screen.refused("the guarantor refused; the applicant is asked for another name")
    task_of(member, case_id, "name_guarantor")
    member.post(f"/v1/onboarding/applications/{case_id}/guarantors", {"national_id": second.national_id})
    _accept_guarantee(play, second, case_id)
    decide(office.finance, case_id, "review_application", {"decision": "approve"})
    case_in(member, case_id, "awaiting_activation")
    play.screen.done("regional finance approved")
    return "Case 4: Tavana, another guarantor", member, case_id


def returned(play: Play, office: TavanaOffice) -> tuple[str, SignedInClient, str]:
    """Regional finance returns one for correction."""
    play.screen.chapter("8. Regional finance returns one for correction")
    applicant, guarantor = office.applicants[2], office.guarantors[2]
    member = play.member(applicant)
    case_id = apply(play, applicant, office.programme, guarantors=[guarantor])
    _accept_guarantee(play, guarantor, case_id)
    decide(office.finance, case_id, "review_application", {"decision": "return", "reasons": ["amount_too_high"]})
    task_of(member, case_id, "correct_application")
    play.screen.refused("returned: the monthly amount is too high")
    return "Case 5: Tavana, returned and corrected", member, case_id


def corrected(play: Play, office: TavanaOffice, case_id: str) -> None:
    """The applicant resubmits with less: the guarantor is not asked again."""
    play.screen.chapter("11. The returned one is corrected")
    applicant = office.applicants[2]
    with play.screen.console.status("waiting until this number may ask for another code"):
        _correct(play, applicant, case_id, office.programme)
    decide(office.finance, case_id, "review_application", {"decision": "approve"})
    case_in(play.member(applicant), case_id, "awaiting_activation")
    play.screen.done("half the amount, and approved; the guarantor had accepted more and was not asked again")


def _correct(play: Play, applicant: Person, case_id: str, programme: str) -> None:
    member = play.member(applicant)
    asked = member.get(f"/v1/cases/{case_id}")["application"]
    half = asked["monthly"]["amount"] // 2 // RIAL_A_TOMAN * RIAL_A_TOMAN
    terms = {"monthly_amount": {"amount": half, "unit": "IRR"}, "instalments": asked["instalments"]}
    version = asked["mandate_version"]
    subject = {"programme": programme, **terms, "mandate_version": version}
    mandate = accept(play, applicant, "accept_mandate", subject)
    member.post(f"/v1/onboarding/applications/{case_id}/correction", {**terms, "mandate": mandate})


def expired(play: Play, office: TavanaOffice) -> tuple[str, SignedInClient, str]:
    """Nobody answers, nobody else is named."""
    play.screen.chapter("9. Nobody answers")
    applicant = office.applicants[3]
    member = play.member(applicant)
    case_id = apply(play, applicant, office.hasty, guarantors=[office.guarantors[0]])
    case_in(member, case_id, "lapsed")
    play.screen.refused(
        f"the guarantor was silent, the applicant named nobody else: lapsed after {_SILENCE_SECONDS} s each (policy)"
    )
    return "Case 6: Tavana, expired", member, case_id


def wait_for_credits(play: Play, cases: list[tuple[str, SignedInClient, str]]) -> None:
    """The approved ones become usable by themselves."""
    play.screen.note("the waiting time of the others passes")
    for title, member, case_id in cases:
        case_in(member, case_id, "active")
        play.screen.done(f"{title.partition(',')[0]}: the waiting time is over, the credit is usable")
