"""The operations desk: what is late, stuck or unsent, and what the ledger says (G4, G5)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from http import HTTPStatus
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.exceptions import HTTPException
from starlette.responses import Response

from domain.access import READS_EVERYTHING, SEES_LEDGER, SEES_NOTICES, SENDS_NOTICES, Role
from domain.catalogue import words
from domain.dates import jalali_today, to_jalali
from domain.ledger import ACCOUNT_WORDS
from domain.reconciliation import FindingKind
from web.client import Refused
from web.forms import Form, empty
from web.language import Language
from web.language import noop as _
from web.visit import Cursor, SignedIn, Visit

router = APIRouter()

_FEW: Final = 5
_MANY: Final = 100

NoticeState = Annotated[Literal["failed", "pending", "sent"] | None, Query()]


_MESSAGES: Final = {
    "SendNotice": _("Messages to people"),
    "SendCode": _("One-time codes"),
}


def _words(language: Language) -> dict[str, Any]:
    """What the desk calls roles, findings, accounts and classes of messages."""
    return {
        "role_words": {role: words.who(role).both for role in Role},
        "finding_words": {kind: words.term(FindingKind, kind).both for kind in FindingKind},
        "account_words": {kind.name: said.both for kind, said in ACCOUNT_WORDS.items()},
        "message_words": {name: language.say(message) for name, message in _MESSAGES.items()},
    }


@router.get("/operations")
async def show_overview(visit: SignedIn) -> Response:
    """Everything at a glance, as far as the visitor may read it."""
    api, person = visit.api, visit.person
    shown: dict[str, Any] = dict.fromkeys(("late", "findings", "outbox", "services", "imports", "balance", "failed"))
    # Which parts to ask for; whether somebody gets them is judged by the API.
    if person.has(*READS_EVERYTHING):
        shown["late"] = await api.get("/v1/operations/late-cases", limit=_FEW)
        shown["findings"] = await api.get("/v1/reconciliation-findings", is_open=True, limit=_FEW)
        shown["outbox"] = await api.get("/v1/operations/outbox")
        shown["services"] = await _services(visit)
        shown["imports"] = await api.get("/v1/personnel-imports", limit=_FEW)
    if person.has(*SEES_LEDGER):
        shown["balance"] = await api.get("/v1/ledger/trial-balance")
    if person.has(*SEES_NOTICES):
        shown["failed"] = await api.get("/v1/notices", state="failed", limit=_MANY)
    if not any(shown.values()):
        # The desk is not theirs; the API says so in its own words.
        await _services(visit)
    return visit.page("operations.html", many=_MANY, **shown, **_words(visit.language))


@router.get("/operations/late")
async def show_late(visit: SignedIn, cursor: Cursor = None) -> Response:
    """Cases whose time is over, with what each waits for."""
    page = await visit.api.get("/v1/operations/late-cases", cursor=cursor)
    return visit.page("operations_late.html", late=page, **_words(visit.language))


@router.get("/operations/findings")
async def show_findings(visit: SignedIn, cursor: Cursor = None) -> Response:
    """Where cases and processes disagree or disagreed."""
    page = await visit.api.get("/v1/reconciliation-findings", cursor=cursor)
    return visit.page("operations_findings.html", findings=page, **_words(visit.language))


@router.get("/operations/ledger")
async def show_ledger(visit: SignedIn) -> Response:
    """The trial balance."""
    balance = await visit.api.get("/v1/ledger/trial-balance")
    return visit.page("operations_ledger.html", balance=balance, **_words(visit.language))


@router.get("/operations/imports")
async def show_imports(visit: SignedIn, cursor: Cursor = None) -> Response:
    """The personnel files of all organisations."""
    return visit.page("operations_imports.html", imports=await visit.api.get("/v1/personnel-imports", cursor=cursor))


@router.get("/operations/notices")
async def show_notices(visit: SignedIn, state: NoticeState = None, cursor: Cursor = None) -> Response:
    """Messages to everybody, by state."""
    return visit.page("operations_notices.html", form=empty(visit.language), **await _notices(visit, state, cursor))


async def _notices(visit: Visit, state: str | None, cursor: str | None = None) -> dict[str, Any]:
    page = await visit.api.get("/v1/notices", state=state, cursor=cursor)
    may_send = visit.person.has(*SENDS_NOTICES)
    return {"notices": page, "state": state, "may_send": may_send, **_words(visit.language)}


@router.post("/operations/notices/{notice_id}/resend")
async def resend(visit: SignedIn, notice_id: UUID, state: NoticeState = None) -> Response:
    """Send a message again (G4)."""
    form = await visit.form()
    try:
        await visit.api.post(f"/v1/notices/{notice_id}/resend", key=form.key)
    except Refused as refused:
        form.refuse(refused)
        return visit.again("operations_notices.html", form, **await _notices(visit, state))
    return visit.go(f"/operations/notices?state={state}" if state else "/operations/notices", done="resent")


async def _services(visit: Visit) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await visit.api.get("/v1/operations/services"))["items"]
    return found


@router.get("/operations/services")
async def show_services(visit: SignedIn) -> Response:
    """Which services take new cases."""
    services = await _services(visit)
    return visit.page("operations_services.html", services=services, may_switch=visit.person.has("operator"))


@router.get("/operations/services/{name}")
async def show_switch(visit: SignedIn, name: str) -> Response:
    """Where a service is closed or opened, with the reason."""
    service = await _service(visit, name)
    form = empty(visit.language, is_open="false" if service["is_open"] else "true")
    return visit.page("operations_switch.html", form=form, service=service)


async def _service(visit: Visit, name: str) -> Mapping[str, Any]:
    for service in await _services(visit):
        if service["name"] == name:
            return service
    raise HTTPException(HTTPStatus.NOT_FOUND)


@router.post("/operations/services/{name}")
async def switch(visit: SignedIn, name: str) -> Response:
    """Close a service to new cases, or open it again; what runs goes on (G5)."""
    form, service = await visit.form(), await _service(visit, name)
    body = {"is_open": form.yes("is_open"), "reason": form.required("reason")}
    if form.is_good:
        try:
            await visit.api.put(f"/v1/operations/services/{service['name']}", body, key=form.key)
            return visit.go("/operations/services", done="switched")
        except Refused as refused:
            if refused.code == "step_up_required":
                return visit.go(f"/confirm?next=/operations/services/{service['name']}")
            form.refuse(refused)
    return visit.again("operations_switch.html", form, service=service)


@router.get("/operations/holidays")
async def show_holidays(visit: SignedIn, year: int | None = None) -> Response:
    """The holidays of a Jalali year, the present one if none is named."""
    return visit.page("operations_holidays.html", form=empty(visit.language), **await _holidays(visit, year))


async def _holidays(visit: Visit, year: int | None) -> dict[str, Any]:
    shown = jalali_today(datetime.now(UTC)).year if year is None else year
    found = await visit.api.get("/v1/holidays", year=shown)
    return {"holidays": found["items"], "year": shown, "may_change": visit.person.has("operator")}


@router.post("/operations/holidays")
async def add_holiday(visit: SignedIn, year: int | None = None) -> Response:
    """Add a holiday."""
    form = await visit.form()
    day, name = form.jalali("day"), form.required("name")
    if form.is_good:
        return await _record(visit, form, date.fromisoformat(day), {"name": name, "closed": True}, year)
    return visit.again("operations_holidays.html", form, **await _holidays(visit, year))


@router.post("/operations/holidays/{day}")
async def change_holiday(visit: SignedIn, day: date, year: int | None = None) -> Response:
    """Open offices on a holiday after all, or close them again."""
    form = await visit.form()
    body = {"name": form.text("holiday"), "closed": form.yes("closed")}
    return await _record(visit, form, day, body, year)


async def _record(visit: Visit, form: Form, day: date, body: Mapping[str, object], year: int | None) -> Response:
    try:
        await visit.api.put(f"/v1/holidays/{day.isoformat()}", body, key=form.key)
    except Refused as refused:
        form.refuse(refused)
        return visit.again("operations_holidays.html", form, **await _holidays(visit, year))
    return visit.go(f"/operations/holidays?year={to_jalali(day).year}", done="holiday_recorded")
