"""Scenes in which people send every form of every page once, with the values that they really have."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final
from uuid import UUID

from domain.access import Grant, Role, ScopeKind
from domain.account import CodePurpose
from domain.persian import persian_digits
from messages.case import StepInput
from storage.account import clear_credential, create_link
from storage.database import SERVICE, transaction
from tests.account_people import Credentials, add_employee, sent_code, totp
from tests.arrange import Someone, next_national_id
from tests.commands.onboarding_steps import MinipayOffice, TavanaScenario, apply
from tests.commands.substitution_steps import SubstitutionScenario
from tests.files_made import PDF
from tests.joining_steps import Joining
from tests.personnel_steps import SHEBAS, Line, PersonnelOffice, csv_of
from tests.web.clearing_scene import officers_settle_days
from tests.web.escrow_scenes import members_hold_money_in_trust
from tests.web.form_window import Desk, Window
from tests.web.kyc_scenes import members_show_who_they_are
from tests.web.money_scenes import (
    RIAL,
    TOMAN,
    members_keep_their_cards_and_accounts,
    members_pay_outside_escrow,
    payers_pay,
)
from tests.web.payout_scenes import members_withdraw, the_office_pays
from tests.web.vault_scene import members_entrust_secrets

_PAY: Final = 2_000_000_000
_REASON: Final = "حکم کارگزینی شمارهٔ ۱۲۳۴"
_PASSWORD: Final = "seven-green-lamps"
_STAFF_PASSWORD: Final = "سرو بلند کنار رود"
_ROUNDS: Final = itertools.count(5_000)


def _typed_mobile(mobile: str) -> str:
    return persian_digits(mobile.replace("+98", "0"))


async def strangers_sign_in(desk: Desk) -> None:
    """A member comes in by SMS, reads English for a while, and leaves."""
    member = desk.world.people["member_foreign"]
    window = await desk.of().go("/sign-in")
    await window.send("/sign-in", national_id=persian_digits(member.national_id), mobile=_typed_mobile(member.mobile))
    await window.send("/sign-in/code")
    assert window.path == "/"
    await window.send("/language", "language=en")
    await window.send("/language", "language=fa")
    await window.send("/sign-out")


async def strangers_join(desk: Desk) -> None:
    """Somebody joins who was invited."""
    window = await desk.of().go("/join")
    await window.send("/join/invitation", invitation=str(desk.world.things["invitation"]))
    person = {"national_id": next_national_id(), "first_name": "نگار", "last_name": "صالحی", "mobile": "۰۹۳۵۱۱۱۰۰۰۱"}
    await (await window.go("/join")).send("/join", terms_version="*", **person)
    challenge = UUID(window.hidden("challenge_id"))
    await Joining(desk.context, desk.activity_context).check(challenge)
    await window.send("/join/code")
    assert await desk.superuser.value("SELECT count(*) FROM persons WHERE first_name = 'نگار'") == 1


async def members_keep_their_account(desk: Desk) -> None:
    """A member's own sessions, language, terms, address, password and invitation."""
    window = await desk.of("member_own").go("/profile")
    await window.send("/profile/sessions/{session_id}/end")
    await desk.arrange.as_staff(desk.world.people["member_own"])
    await (await window.go("/profile")).send("/profile/sessions/end")
    await window.send("/profile/language", language="en")
    await window.send("/profile/language", language="fa")
    await (await window.go("/terms")).send("/terms")
    await (await window.go("/invite")).send("/invite", mobile="۰۹۳۵۱۱۱۰۰۰۹")
    await (await window.go("/profile/email")).send("/profile/email", email="maryam@example.com")
    await window.send("/profile/email/code")
    await (await window.go("/profile/password")).send("/profile/password", password=_PASSWORD, again=_PASSWORD)
    await _renew(desk, desk.world.people["member_own"])


async def _renew(desk: Desk, member: Someone) -> None:
    """A forgotten password is renewed by e-mail; the session that it opens is confirmed and takes both away."""
    window, new = await desk.of().go("/sign-in/renewal"), "eight-green-lamps"
    await window.send("/sign-in/renewal", national_id=member.national_id, email="maryam@example.com")
    await window.send("/sign-in/renewal/code", password=new, again=new)
    await window.send("/sign-in/password", national_id=member.national_id, password=new)
    await window.go("/confirm?next=/profile")
    await window.send("/confirm/code")
    await window.send("/confirm")
    await window.send("/profile/email/removal")
    await window.send("/profile/password/removal")
    assert "maryam@example.com" not in window.html


async def members_change_their_number(desk: Desk) -> None:
    """Who has no employer changes the number themselves."""
    member = await desk.arrange.person("member")
    await desk.superuser.run("UPDATE sessions SET strong_until = now() + interval '1 hour' WHERE capacity = 'member'")
    window = await desk.of(member).go("/profile/mobile")
    await window.send("/profile/mobile", mobile="۰۹۳۵۱۱۱۰۰۰۸")
    await window.send("/profile/mobile/codes")


async def members_apply(desk: Desk) -> None:
    """An application, step by step with every way back, and its withdrawal."""
    member, colleague = await desk.arrange.colleagues(2, net_pay=_PAY)
    window, address = await desk.of(member).go("/apply/tavana"), "/apply/{programme}"
    wish = {"monthly_amount__amount": TOMAN, "instalments": "۱۲"}
    await window.send(address, "to=compute", **wish)
    await window.send(address, "to=guarantor", **wish)
    named = {"guarantors__0__national_id": persian_digits(colleague.national_id)}
    await window.send(address, "to=check guarantors.0.national_id", **named)
    await window.send(address, "to=amount")
    await window.send(address, "to=guarantor")
    await window.send(address, "to=review")
    await window.send(address, "to=guarantor")
    await window.send(address, "to=review")
    await window.send(address, "to=code")
    await window.send(address, "to=review")
    await window.send(address, "to=code")
    await window.send(address, "to=submit")
    assert await desk.superuser.rows("SELECT monthly FROM applications WHERE monthly = %s", RIAL) == [(RIAL,)]
    await window.send("/cases/{case_id}/withdrawal")


async def members_correct(desk: Desk) -> None:
    """A returned application goes back with the amounts that the page put in."""
    tavana = await TavanaScenario.opened(desk.context, desk.arrange, desk.activity_context)
    case_id = await tavana.returned()
    sql = "SELECT monthly, instalments FROM applications WHERE case_id = %s"
    asked = await desk.superuser.rows(sql, case_id)
    window, address = await desk.of(tavana.applicant).go(f"/cases/{case_id}/correction"), "/cases/{case_id}/correction"
    for step in ("compute", "review", "amount", "review", "code", "review", "code", "submit"):
        await window.send(address, f"to={step}")
    assert await desk.superuser.rows(sql, case_id) == asked


async def members_name_guarantors(desk: Desk) -> None:
    """Another guarantor for an application, and behind a usable credit; and the wish is withdrawn."""
    case_id, newcomer = desk.world.things["asked_case"], desk.world.newcomers[0]
    window = await desk.of("member_own").go(f"/cases/{case_id}/guarantor")
    await window.send("/cases/{case_id}/guarantor", "to=check", national_id=newcomer.national_id)
    await window.send("/cases/{case_id}/guarantor", "to=name", national_id=newcomer.national_id)
    credit = await SubstitutionScenario.opened(desk.context, desk.arrange, desk.activity_context)
    window, address = (
        await desk.of(credit.owner).go(f"/credit/{credit.line_id}/guarantor"),
        "/credit/{line_id}/guarantor",
    )
    await window.send(address, "do=check", national_id=credit.newcomer.national_id)
    await window.send(address, "do=ask", national_id=credit.newcomer.national_id)
    await window.send("/cases/{case_id}/substitution-withdrawal")


async def members_add_files(desk: Desk) -> None:
    """A file is added to a case and taken back."""
    window = await desk.of("member_own").go(f"/cases/{desk.world.things['asked_case']}")
    await window.send("/cases/{case_id}/attachments", file=PDF.decode())
    await window.go(f"/cases/{desk.world.things['asked_case']}/attachments")
    await window.send("/cases/{case_id}/attachments/{attachment_id}/removal")
    sql = "SELECT count(*) FROM attachments WHERE case_id = %s AND removed_at IS NULL"
    assert await desk.superuser.value(sql, desk.world.things["asked_case"]) == 0


async def people_write_to_each_other(desk: Desk) -> None:
    """A member asks something in a case, and finance answers."""
    case_id, member = desk.world.things["case"], desk.world.people["member_own"]
    for who in ("member_own", "hr_own"):
        window = await desk.of(who).go(f"/cases/{case_id}/words?member_id={member.id}")
        await window.send("/cases/{case_id}/words", text="فیش تازه را هم بفرستم؟")
    assert await desk.superuser.value("SELECT count(*) FROM correspondence WHERE case_id = %s", case_id) == 2


async def members_see_their_card(desk: Desk) -> None:
    """The whole number of a card, with a code for it."""
    window = await desk.of("member_own").go(f"/credit/{desk.world.things['line']}/card")
    await window.send("/credit/{line_id}/card/code")
    await window.send("/credit/{line_id}/card")


async def members_confirm_their_credit(desk: Desk) -> None:
    """The confirmation of a credit, which was issued before: one it stays."""
    line = desk.world.things["line"]
    await (await desk.of("member_own").go("/credit")).send("/credit/{line_id}/confirmation", naming=str(line))
    sql = "SELECT count(*) FROM papers WHERE case_id = %s"
    assert await desk.superuser.value(sql, desk.world.things["active"]) == 1


async def guarantors_answer(desk: Desk) -> None:
    """One accepts, one refuses."""
    for answers in (["acceptance"], ["refusal"]):
        tavana = await TavanaScenario.opened(desk.context, desk.arrange, desk.activity_context)
        await tavana.asked()
        window = await desk.of(tavana.guarantor).go("/guarantees")
        await window.go(next(link for link in window.links if link.startswith("/guarantees/")))
        if answers == ["acceptance"]:
            await window.send("/guarantees/{guarantee_id}/code")
        await window.send(f"/guarantees/{{guarantee_id}}/{answers[0]}")
    sql = "SELECT count(*) FROM guarantees WHERE status = 'accepted' AND person_id = %s"
    assert await desk.superuser.value(sql, tavana.guarantor.id) == 0


async def hr_keeps_the_list(desk: Desk) -> None:
    """A file, and a correction of one person who has two employers."""
    window = await desk.of("hr_own").go("/personnel")
    await window.send("/personnel", file=csv_of([Line()]).decode())
    member, own = desk.world.people["guarantor_own"], desk.world.things["organisation"]
    second = await desk.arrange.organisation()
    grants = [Grant(Role.HR_OFFICER, ScopeKind.ORGANISATION, str(each)) for each in (own, second)]
    await desk.arrange.employ(member.id, second, net_pay=_PAY)
    window = await desk.of(await desk.arrange.staff(*grants)).go("/personnel/people")
    await window.send("/personnel/people", national_id=persian_digits(member.national_id))
    sql = "SELECT id FROM employments WHERE person_id = %s AND organisation_id = %s"
    employment_id = await desk.superuser.value(sql, member.id, own)
    await window.send("/personnel/people", naming=str(employment_id))
    day = {"hire_date__day": "۱۴", "hire_date__month": "۲", "hire_date__year": "۱۳۹۵"}
    corrected = {"net_pay__amount": TOMAN, "region_code": "۱۱۰۴", "reason": _REASON, **day}
    await window.send("/personnel/people/{employment_id}", **corrected)
    sql = "SELECT net_pay, region_code, hire_date::text FROM employments WHERE id = %s"
    assert await desk.superuser.rows(sql, employment_id) == [(RIAL, "1104", "2016-05-03")]


async def hr_answers(desk: Desk) -> None:
    """A certificate with the amounts that the page put in, one refused, one revoked."""
    things, people = desk.world.things, desk.world.people
    window = await desk.of("hr_own").go(f"/tasks/{things['task']}")
    until = {"valid_until__day": "۱", "valid_until__month": "۷", "valid_until__year": "۱۴۰۶"}
    await window.decide("issue", **until)
    sql = "SELECT c.monthly = a.monthly FROM certificates c JOIN applications a USING (case_id) WHERE case_id = %s"
    assert await desk.superuser.value(sql, things["case"])
    member = await desk.arrange.member(things["organisation"], net_pay=_PAY)
    case_id = await apply(MinipayOffice(desk.context, member, people["hr_own"]))
    await desk.transitions.request_backing(StepInput(case_id))
    await window.go(await desk.task(case_id, "issue_certificate"))
    await window.decide("refuse", reason="*")
    await window.go("/certificates")
    await window.send("/certificates/{certificate_id}/revocation", naming=str(things["certificate"]), reason=_REASON)


async def officers_work_their_inbox(desk: Desk) -> None:
    """Tasks are claimed and released: one in the inbox, one in its pane, several together."""
    tavana = await TavanaScenario.opened(desk.context, desk.arrange, desk.activity_context)
    case_id = await tavana.backed()
    task_id = (await desk.task(case_id, "review_application")).rpartition("/")[2]
    window = await desk.of(tavana.finance).go("/inbox")
    for deed in ("claim", "release"):
        await window.send(f"/tasks/{{task_id}}/{deed}", naming=task_id)
    for deed in ("claim", "release"):
        await (await window.go("/inbox")).send("/inbox/bulk", f"action={deed}", task=task_id)
    await window.go(f"/tasks/{task_id}")
    for deed in ("claim", "release"):
        await window.send(f"/tasks/{{task_id}}/{deed}")
    await (await window.go("/inbox")).send("/inbox/bulk", "action=together", task=task_id)
    await window.send("/inbox/together")
    assert await desk.superuser.value("SELECT approved_at IS NOT NULL FROM applications WHERE case_id = %s", case_id)


async def finance_decides(desk: Desk) -> None:
    """Each decision on an application of its own."""
    for says in ("approve", "return", "refuse", "forward"):
        tavana = await TavanaScenario.opened(desk.context, desk.arrange, desk.activity_context)
        case_id = await tavana.backed()
        if says == "forward":
            sql = "UPDATE employments SET region_code = '2201' WHERE person_id = %s"
            await desk.superuser.run(sql, tavana.applicant.id)
        window = await desk.of(tavana.finance).go(await desk.task(case_id, "review_application"))
        typed = {"return": {"reasons": "guarantor_unsuitable", "unsuitable_guarantees": "*"}, "refuse": {"reason": "*"}}
        await window.decide(says, **typed.get(says, {}))
    for says in ("approve", "refuse"):
        credit = await SubstitutionScenario.opened(desk.context, desk.arrange, desk.activity_context)
        case_id = await credit.accepted()
        window = await desk.of(credit.tavana.finance).go(await desk.task(case_id, "review_substitution"))
        await window.decide(says, **({"reason": "*"} if says == "refuse" else {}))


async def contracts_clear_obstacles(desk: Desk) -> None:
    """A contract that is over stops two credits; one is mended."""
    officer = await desk.arrange.platform(Role.CONTRACTS_OFFICER)
    for says in ("cleared", "upheld"):
        tavana = await TavanaScenario.opened(desk.context, desk.arrange, desk.activity_context)
        case_id = await tavana.approved()
        over = "UPDATE contracts SET ends_on = current_date - 2 WHERE organisation_id = %s"
        await desk.superuser.run(over, tavana.employer)
        await tavana.take("activate_credit", case_id)
        window = await desk.of(officer).go(await desk.task(case_id, "clear_obstacle"))
        await window.decide(says, **({"reason": "*"} if says == "upheld" else {}))


async def support_confirms_changes(desk: Desk) -> None:
    """What a file changes of somebody's account waits for support."""
    for says in ("confirm", "reject"):
        office, line = await PersonnelOffice.open(desk.activity_context, desk.arrange), Line()
        case_id = await office.change(line, line.but(sheba=SHEBAS[1]))
        await desk.transitions.request_decision(StepInput(case_id))
        window = await desk.of("support_agent").go(await desk.task(case_id, "confirm_change"))
        await window.decide(says, **({"reason": _REASON} if says == "reject" else {}))


async def mobiles_are_changed(desk: Desk) -> None:
    """The welfare office forwards and corrects, support returns, confirms and rejects; and support opens one itself."""
    members = await desk.arrange.colleagues(2, desk.world.things["organisation"])
    welfare, support = desk.of("welfare_own"), desk.of("support_agent")
    for number, (member, says) in enumerate(zip(members, ("confirm", "reject"), strict=True)):
        wish = {"national_id": member.national_id, "mobile": f"۰۹۳۵۰۰۰۱۰۰{number}", "reason": _REASON}
        await (await welfare.go("/mobile-changes")).send("/mobile-changes", **wish)
        case_id = UUID(welfare.path.partition("?")[0].rpartition("/")[2])
        await desk.transitions.request_decision(StepInput(case_id, next(_ROUNDS)))
        if says == "confirm":
            await support.go(await desk.task(case_id, "confirm_mobile_change"))
            await support.decide("return", note=_REASON)
            await desk.transitions.request_resubmission(StepInput(case_id, next(_ROUNDS)))
            await welfare.go(await desk.task(case_id, "correct_mobile_change"))
            await welfare.decide("correct", mobile="۰۹۳۵۰۰۰۲۰۰۰")
            await desk.transitions.request_decision(StepInput(case_id, next(_ROUNDS)))
        await support.go(await desk.task(case_id, "confirm_mobile_change"))
        await support.decide(says, **({"reason": _REASON} if says == "reject" else {}))
    alone = await desk.arrange.person("member")
    await support.go("/mobile-changes")
    wish = {"national_id": alone.national_id, "mobile": "۰۹۳۵۰۰۰۳۰۰۰", "reason": _REASON}
    await support.send("/mobile-changes/lost", **wish)


async def operators_keep_the_desk(desk: Desk) -> None:
    """A service, the calendar, a message, a stuck process; a fresh code in between."""
    operator = desk.of("operator")
    await (await operator.go("/confirm?next=/operations")).send("/confirm")
    await operator.go("/operations/services/onboarding")
    await operator.send("/operations/services/{name}", reason=_REASON)
    await operator.go("/operations/services/onboarding")
    await operator.send("/operations/services/{name}", reason=_REASON)
    await operator.go("/operations/holidays?year=1406")
    day = {"day__day": "۹", "day__month": "۱", "day__year": "۱۴۰۶"}
    await operator.send("/operations/holidays", name="روز آزمون", **day)
    await operator.send("/operations/holidays/{day}", naming="2027-03-29")
    assert await desk.superuser.rows("SELECT closed FROM holidays WHERE day = '2027-03-29'") == [(False,)]
    await (await operator.go("/operations/findings")).send("/operations/findings/{finding_id}/restart")
    support = await desk.of("support_agent").go("/operations/notices?state=failed")
    await support.send("/operations/notices/{notice_id}/resend")


async def operators_keep_the_staff(desk: Desk) -> None:
    """Somebody is proposed, confirmed by a second operator or rejected, and loses what they had."""
    operator, second = desk.of("operator"), desk.of(await desk.arrange.platform(Role.OPERATOR))
    for says in ("confirm", "reject"):
        wish = {"first_name": "نرگس", "last_name": "احمدی", "mobile": "۰۹۳۵۱۱۱۰۰۰۵", "username": f"narges.{says}"}
        wish |= {"national_id": next_national_id(), "role": "finance_officer", "scope": "۱۱۰۱"}
        await (await operator.go("/staff/new")).send("/staff/new", **wish)
        case_id = UUID(operator.path.partition("?")[0].rpartition("/")[2])
        await desk.transitions.request_decision(StepInput(case_id))
        await second.go(await desk.task(case_id, "confirm_staff_change"))
        await second.decide(says, **({"reason": _REASON} if says == "reject" else {}))
    colleague = f"/staff/{desk.world.things['colleague']}"
    await (await operator.go(colleague)).send("/staff/{person_id}/link")
    await operator.send("/staff/{person_id}/grants", role="welfare_manager", scope="۱۱۰۱")
    await (await operator.go(colleague)).send("/staff/{person_id}/grants/{grant_id}/revocation")
    await operator.send("/staff/{person_id}/reset")
    await (await operator.go(colleague)).send("/staff/{person_id}/disabling")


async def staff_keep_their_account(desk: Desk) -> None:
    """An account is set up by its link, used, and given another password and key."""
    someone = await add_employee(desk.context, "narges.finance")
    async with transaction(desk.context.engine, SERVICE) as connection:
        await clear_credential(connection, someone.person_id)
        link = await create_link(
            connection, desk.context.seals, CodePurpose.STAFF_LINK, someone.person_id, timedelta(hours=1)
        )
    window = await desk.of().go("/activate")
    await window.send("/activate", token=await sent_code(desk.context, link))
    secret = window.hidden("totp_secret")
    chosen = {"password": _STAFF_PASSWORD, "again": _STAFF_PASSWORD}
    await window.send("/activate/set-up", totp=await totp(desk.context, secret, later=-1), **chosen)
    code = await totp(desk.context, secret)
    await window.send("/sign-in/staff", username=someone.username, password=_STAFF_PASSWORD, totp=code)
    await _change_credentials(desk, window, someone, secret)


async def _change_credentials(desk: Desk, window: Window, someone: Credentials, secret: str) -> None:
    async def code() -> str:
        sql = "UPDATE staff_credentials SET totp_last_step = 0 WHERE person_id = %s"
        await desk.superuser.run(sql, someone.person_id)
        return await totp(desk.context, secret)

    await window.go("/staff-account/password")
    new = {"new_password": "چنار پیر میان دشت", "again": "چنار پیر میان دشت"}
    await window.send("/staff-account/password", password=_STAFF_PASSWORD, totp=await code(), **new)
    await window.go("/staff-account/key")
    another = await totp(desk.context, window.hidden("totp_secret"))
    typed = {"password": new["again"], "totp": await code(), "new_totp": another}
    await window.send("/staff-account/key", **typed)


Scene = Callable[[Desk], Awaitable[None]]
SCENES: Final[tuple[Scene, ...]] = (
    strangers_sign_in,
    strangers_join,
    members_keep_their_cards_and_accounts,
    members_change_their_number,
    members_apply,
    members_correct,
    members_name_guarantors,
    members_see_their_card,
    members_confirm_their_credit,
    members_add_files,
    people_write_to_each_other,
    guarantors_answer,
    members_pay_outside_escrow,
    members_hold_money_in_trust,
    members_entrust_secrets,
    members_show_who_they_are,
    hr_keeps_the_list,
    hr_answers,
    officers_work_their_inbox,
    finance_decides,
    contracts_clear_obstacles,
    support_confirms_changes,
    mobiles_are_changed,
    payers_pay,
    members_withdraw,
    the_office_pays,
    operators_keep_the_desk,
    officers_settle_days,
    operators_keep_the_staff,
    staff_keep_their_account,
    # Last, for it ends their sessions.
    members_keep_their_account,
)
