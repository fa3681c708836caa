"""The operations desk: what is late, stuck or unsent, and what the ledger says (G4, G5)."""

from __future__ import annotations

from datetime import UTC, date, datetime
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.responses import Response

from api.clearing import list_suspense
from api.client import checked
from api.ledger import read_trial_balance
from api.notice import ShownState, list_notices, resend_notice
from api.operations import ServiceOut, SwitchIn, list_late_cases, list_services, read_outbox, switch_service
from api.personnel import list_all_personnel_imports
from api.reconciliation import list_reconciliation_findings, restart_process
from api.values import DueCursor, IdCursor
from api.working_hours import HolidayIn, list_holidays, record_holiday
from domain.access import READS_EVERYTHING, SEES_LEDGER, SEES_NOTICES, SENDS_NOTICES, Role
from domain.catalogue import words
from domain.dates import jalali_today, to_jalali
from domain.errors import Refusal, StepUpRequired
from domain.ledger_words import ACCOUNT_WORDS
from domain.payment import GatewayName
from domain.reconciliation import STUCK, FindingKind, ScheduleName
from web.forms import Form, empty
from web.language import Language
from web.language import noop as _
from web.page_request import PageRequest, SignedIn

router = APIRouter()

# What pages say of what was just done, by a code in the address.
NOTES: Final = {
    "resent": _("The message is sent again."),
    "switched": _("The service was switched."),
    "restart_asked": _("The process will be started again within about a minute."),
    "holiday_recorded": _("The calendar was changed."),
}

_FEW: Final = 5
_MANY: Final = 25


_MESSAGES: Final = {
    "SendNotice": _("Messages to people"),
    "SendCode": _("One-time codes"),
    "MailNotice": _("Messages to people by e-mail"),
    "MailCode": _("One-time codes by e-mail"),
}


def _words(language: Language) -> dict[str, Any]:
    """What the desk calls roles, gateways, schedules, findings, accounts and classes of messages."""
    return {
        "role_words": {role: words.who(role) for role in Role},
        "whose_words": {name: words.term(type(name), name) for name in (*GatewayName, *ScheduleName)},
        "finding_words": {kind: words.term(FindingKind, kind) for kind in FindingKind},
        "account_words": {kind.name: said for kind, said in ACCOUNT_WORDS.items()},
        "message_words": {name: language.translate(message) for name, message in _MESSAGES.items()},
    }


@router.get("/operations")
async def show_overview(request: SignedIn) -> Response:
    """Everything at a glance, as far as the user may read it."""
    read, person = request.api.read, request.user
    shown: dict[str, Any] = dict.fromkeys(
        ("late", "findings", "outbox", "services", "imports", "balance", "suspense", "failed")
    )
    # Which parts to ask for; whether somebody gets them is judged by the API.
    if person.has(*READS_EVERYTHING):
        shown["late"] = await read(list_late_cases, None, limit=_FEW)
        shown["findings"] = await read(list_reconciliation_findings, None, is_open=True, limit=_FEW)
        shown["outbox"] = await read(read_outbox)
        shown["services"] = await _services(request)
        shown["imports"] = await read(list_all_personnel_imports, None, limit=_FEW)
    if person.has(*SEES_LEDGER):
        shown["balance"] = await read(read_trial_balance)
        shown["suspense"] = await read(list_suspense)
    if person.has(*SEES_NOTICES):
        shown["failed"] = await read(list_notices, None, state="failed", limit=_MANY)
    if not any(shown.values()):
        # The desk is not theirs; the API says so in its own words.
        await _services(request)
    return request.render("operations.html", many=_MANY, **shown, **_words(request.language))


@router.get("/operations/late")
async def show_late(request: SignedIn, after: DueCursor) -> Response:
    """Cases whose time is over, with what each waits for."""
    page = await request.api.read(list_late_cases, after)
    return request.render("operations_late.html", late=page, **_words(request.language))


@router.get("/operations/findings")
async def show_findings(request: SignedIn, before: IdCursor) -> Response:
    """Where cases and processes disagree or disagreed, which processes are stuck and which gateways in trouble."""
    return request.render("operations_findings.html", form=empty(request.language), **await _findings(request, before))


async def _findings(request: PageRequest, before: UUID | None = None) -> dict[str, Any]:
    page = await request.api.read(list_reconciliation_findings, before)
    return {
        "findings": page,
        "may_restart": request.user.has(Role.OPERATOR),
        "stuck": STUCK,
        **_words(request.language),
    }


@router.post("/operations/findings/{finding_id}/restart")
async def restart(request: SignedIn, finding_id: UUID) -> Response:
    """Have a stuck process started again (H8)."""
    form = await request.form()
    try:
        await request.api.perform(restart_process, form.key, finding_id)
    except Refusal as refused:
        form.refuse(refused)
        return request.render_again("operations_findings.html", form, **await _findings(request))
    return request.redirect("/operations/findings", done="restart_asked")


@router.get("/operations/ledger")
async def show_ledger(request: SignedIn) -> Response:
    """The trial balance."""
    balance = await request.api.read(read_trial_balance)
    return request.render("operations_ledger.html", balance=balance, **_words(request.language))


@router.get("/operations/imports")
async def show_imports(request: SignedIn, before: IdCursor) -> Response:
    """The personnel files of all organisations."""
    page = await request.api.read(list_all_personnel_imports, before)
    return request.render("operations_imports.html", imports=page)


@router.get("/operations/notices")
async def show_notices(request: SignedIn, before: IdCursor, state: ShownState = None) -> Response:
    """Messages to everybody, by state."""
    return request.render(
        "operations_notices.html", form=empty(request.language), **await _notices(request, state, before)
    )


async def _notices(request: PageRequest, state: ShownState, before: UUID | None = None) -> dict[str, Any]:
    page = await request.api.read(list_notices, before, state=state)
    may_send = request.user.has(*SENDS_NOTICES)
    return {"notices": page, "state": state, "may_send": may_send, **_words(request.language)}


@router.post("/operations/notices/{notice_id}/resend")
async def resend(request: SignedIn, notice_id: UUID, state: ShownState = None) -> Response:
    """Send a message again (G4)."""
    form = await request.form()
    back = f"/operations/notices?state={state}" if state else "/operations/notices"
    try:
        await request.api.perform(resend_notice, form.key, notice_id)
    except StepUpRequired:
        return request.confirm_first(back)
    except Refusal as refused:
        form.refuse(refused)
        return request.render_again("operations_notices.html", form, **await _notices(request, state))
    return request.redirect(back, done="resent")


async def _services(request: PageRequest) -> list[ServiceOut]:
    return (await request.api.read(list_services)).items


@router.get("/operations/services")
async def show_services(request: SignedIn) -> Response:
    """Which services take new cases."""
    services = await _services(request)
    return request.render("operations_services.html", services=services, may_switch=request.user.has("operator"))


@router.get("/operations/services/{name}")
async def show_switch(request: SignedIn, name: str) -> Response:
    """Where a service is closed or opened, with the reason."""
    service = await _service(request, name)
    form = empty(request.language, is_open="false" if service.is_open else "true")
    return request.render("operations_switch.html", form=form, service=service)


async def _service(request: PageRequest, name: str) -> ServiceOut:
    for service in await _services(request):
        if service.name == name:
            return service
    raise HTTPException(HTTPStatus.NOT_FOUND)


@router.post("/operations/services/{name}")
async def switch(request: SignedIn, name: str) -> Response:
    """Close a service to new cases, or open it again; what runs goes on (G5)."""
    form, service = await request.form(), await _service(request, name)
    is_open, reason = form.yes("is_open"), form.required("reason")
    if form.is_good:
        try:
            wish = checked(SwitchIn, is_open=is_open, reason=reason)
            await request.api.perform(switch_service, form.key, service.name, wish)
            return request.redirect("/operations/services", done="switched")
        except StepUpRequired:
            return request.confirm_first(f"/operations/services/{service.name}")
        except Refusal as refused:
            form.refuse(refused)
    return request.render_again("operations_switch.html", form, service=service)


@router.get("/operations/holidays")
async def show_holidays(request: SignedIn, year: int | None = None) -> Response:
    """The holidays of a Jalali year, the present one if none is named."""
    return request.render("operations_holidays.html", form=empty(request.language), **await _holidays(request, year))


async def _holidays(request: PageRequest, year: int | None) -> dict[str, Any]:
    shown = jalali_today(datetime.now(UTC)).year if year is None else year
    found = await request.api.read(list_holidays, shown)
    return {"holidays": found.items, "year": shown, "may_change": request.user.has("operator")}


@router.post("/operations/holidays")
async def add_holiday(request: SignedIn, year: int | None = None) -> Response:
    """Add a holiday."""
    form = await request.form()
    day, name = form.jalali("day"), form.required("name")
    if form.is_good:
        return await _record(request, form, date.fromisoformat(day), name, closed=True, year=year)
    return request.render_again("operations_holidays.html", form, **await _holidays(request, year))


@router.post("/operations/holidays/{day}")
async def change_holiday(request: SignedIn, day: date, year: int | None = None) -> Response:
    """Open offices on a holiday after all, or close them again."""
    form = await request.form()
    closed = form.yes("closed")
    if form.is_good:
        return await _record(request, form, day, form.text("holiday"), closed=closed, year=year)
    return request.render_again("operations_holidays.html", form, **await _holidays(request, year))


async def _record(
    request: PageRequest, form: Form, day: date, name: str, *, closed: bool, year: int | None
) -> Response:
    try:
        await request.api.perform(record_holiday, form.key, day, checked(HolidayIn, name=name, closed=closed))
    except StepUpRequired:
        return request.confirm_first(f"/operations/holidays?year={to_jalali(day).year}")
    except Refusal as refused:
        form.refuse(refused)
        return request.render_again("operations_holidays.html", form, **await _holidays(request, year))
    return request.redirect(f"/operations/holidays?year={to_jalali(day).year}", done="holiday_recorded")
