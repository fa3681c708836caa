"""Who can be played after the story: one person a role, with what they sign in with, shown and kept for the pages."""

from __future__ import annotations

from demo.personnel_generator import Employee
from demo.play import Play
from demo.staff import OPERATORS, PlayedRole
from demo.tavana import TavanaOffice
from gateways.local_sign_ins import write_local_sign_ins

_OF_STAFF = (
    PlayedRole("finance officer", "امور مالی منطقه", "finance"),
    PlayedRole("HR officer", "منابع انسانی سازمان", "hr"),
    PlayedRole("welfare manager", "رفاه سازمان", "welfare"),
    PlayedRole("support agent", "پشتیبانی", "support"),
    PlayedRole("settlement officer", "امور تسویه", "settlement-1"),
    PlayedRole("second settlement officer", "امور تسویه، همکار دوم", "settlement-2"),
    PlayedRole("arbitrator", "داور", "arbitrator-1"),
    PlayedRole("second arbitrator", "داور، همکار دوم", "arbitrator-2"),
    PlayedRole("identity officer", "احراز هویت", "identity"),
    *OPERATORS,
    PlayedRole("contracts officer", "امور قراردادها", "contracts"),
    PlayedRole("auditor", "حسابرس", "auditor"),
)


def leave_roles(play: Play, office: TavanaOffice) -> list[dict[str, str]]:
    """Keep a sign-in for each role where the developer page finds it; returns them.

    The applicant and the colleague have no case yet; the colleague is paid more, so may stand for the applicant.
    """
    applicant, colleague = office.others[0], office.others[-1]
    people = [
        _member(PlayedRole("applicant", "متقاضی", "applicant"), applicant),
        _member(PlayedRole("colleague who may be guarantor", "همکاری که می‌تواند ضامن شود", "guarantor"), colleague),
        *[play.staff[part.en].kept(part) for part in _OF_STAFF],
    ]
    write_local_sign_ins(play.places.messages, people)
    return people


def _member(part: PlayedRole, person: Employee) -> dict[str, str]:
    named = f": {person.first_name} {person.last_name}"
    local = person.mobile.replace("+98", "0")
    words = {"en": part.en + named, "fa": part.fa + named, "host": part.host}
    return {**words, "national_id": person.national_id, "mobile": local}
