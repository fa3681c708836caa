"""Who can be played after the story: one person a role, with what they sign in with, shown and kept for the pages."""

from __future__ import annotations

from demo.personnel_generator import Employee
from demo.play import Play
from demo.staff import OPERATORS
from demo.tavana import TavanaOffice
from gateways.local_sign_ins import write_local_sign_ins

_OF_STAFF = {
    "finance officer": "امور مالی منطقه",
    "HR officer": "منابع انسانی سازمان",
    "welfare manager": "رفاه سازمان",
    "support agent": "پشتیبانی",
    **OPERATORS,
    "contracts officer": "امور قراردادها",
    "auditor": "حسابرس",
}


def leave_roles(play: Play, office: TavanaOffice) -> list[dict[str, str]]:
    """Keep a sign-in for each role where the developer page finds it; returns them.

    The applicant and the colleague have no case yet; the colleague is paid more, so may stand for the applicant.
    """
    applicant, colleague = office.others[0], office.others[-1]
    people = [
        _member("applicant", "متقاضی", applicant),
        _member("colleague who may be guarantor", "همکاری که می‌تواند ضامن شود", colleague),
        *[play.staff[en].kept(en, fa) for en, fa in _OF_STAFF.items()],
    ]
    write_local_sign_ins(play.places.messages, people)
    return people


def _member(en: str, fa: str, person: Employee) -> dict[str, str]:
    named = f": {person.first_name} {person.last_name}"
    local = person.mobile.replace("+98", "0")
    return {"en": en + named, "fa": fa + named, "national_id": person.national_id, "mobile": local}
