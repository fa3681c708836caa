"""The staff, as operators and auditors see them: proposals for a second operator, and what one may take away (G1)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.account.staff import (
    StaffItem,
    disable_staff,
    list_staff,
    read_staff,
    resend_staff_link,
    revoke_role,
)
from api.case_view import CaseRow
from api.client import checked
from api.organisation import read_organisation
from api.staff_change import (
    ConfirmStaffChange,
    NewStaff,
    RejectStaffChange,
    RoleWish,
    propose_reset,
    propose_role,
    propose_staff,
)
from api.values import IdCursor
from domain.access import Role, ScopeKind
from domain.account import OwnRole, RoleHeld
from domain.catalogue import words
from domain.errors import InvalidInput, Refusal, StepUpRequired
from domain.persian import value_text
from domain.staff_change import RolesExclude
from web.answers import TaskForm, nothing_more, written_reason
from web.forms import Form, empty
from web.language import noop as _
from web.page_request import PageRequest, SignedIn

router = APIRouter()

# What pages say of what was just done, by a code in the address.
NOTES: Final = {
    "staff_proposed": _("It was proposed; another operator has to confirm it."),
    "role_revoked": _("The role was taken back."),
    "staff_disabled": _("The account was shut."),
    "link_sent": _("Another link is on its way to their mobile."),
}

_PAGE: Final = 50


@router.get("/staff")
async def show_staff(request: SignedIn, after: IdCursor) -> Response:
    """Everybody of the staff."""
    page = await request.api.read(list_staff, after, limit=_PAGE)
    return request.render("staff.html", staff=page.items, next=page.next, **_may(request))


def _may(request: PageRequest) -> dict[str, Any]:
    return {"may_change": request.user.has("operator"), "role_words": {role: words.who(role) for role in Role}}


@router.get("/staff/new")
async def show_new(request: SignedIn) -> Response:
    """The form for somebody to be added; only operators have a use for it."""
    return request.render("staff_new.html", form=empty(request.language), roles=_roles(request))


def _roles(request: PageRequest) -> list[tuple[str, str]]:
    return [(role.value, words.who(role).fa if request.language.code == "fa" else words.who(role).en) for role in Role]


@router.post("/staff/new")
async def add(request: SignedIn) -> Response:
    """Propose to add somebody."""
    form = await request.form()
    names = ("national_id", "mobile", "first_name", "last_name", "username")
    typed = {name: form.required(name) for name in names}
    form.chosen("role")
    if form.is_good:
        try:
            wish = checked(NewStaff, **typed, roles=[_wish(form)])
            return await _proposed(request, form, propose_staff, wish)
        except StepUpRequired:
            return request.redirect("/confirm?next=/staff/new")
        except Refusal as refused:
            _refuse(form, refused)
    return request.render_again("staff_new.html", form, roles=_roles(request))


def _refuse(form: Form, refused: Refusal) -> None:
    """Put a refusal at its field: a form has one role, where the body may have a list of them."""
    path = "role" if isinstance(refused, RolesExclude | RoleHeld | OwnRole) else refused.field or ""
    refused.field = path.rpartition(".")[2] or None
    form.refuse(refused)


def _wish(form: Form) -> RoleWish:
    """A role; its scope is empty, the four digits of a region, or the code of an organisation."""
    scope = value_text(form.text("scope")).strip()
    is_region = scope.isdigit() and len(scope) == len("1101")
    kind = ScopeKind.PLATFORM if not scope else ScopeKind.REGION if is_region else ScopeKind.ORGANISATION
    return checked(RoleWish, role=form.text("role"), scope_kind=kind, scope=scope)


async def _proposed(
    request: PageRequest,
    form: Form,
    propose: Callable[..., Awaitable[CaseRow]],
    *values: object,
) -> Response:
    case = await request.api.perform(propose, form.key, *values)
    return request.redirect(f"/cases/{case.id}", done="staff_proposed")


@router.get("/staff/{person_id}")
async def show_member(request: SignedIn, person_id: UUID) -> Response:
    """One of the staff, with what may be proposed and taken away."""
    return request.render("staff_member.html", form=empty(request.language), **await _member(request, person_id))


async def _member(request: PageRequest, person_id: UUID) -> dict[str, Any]:
    member: StaffItem = await request.api.read(read_staff, person_id)
    places = {}
    for held in member.roles:
        if held.scope_kind is ScopeKind.ORGANISATION:
            found = await request.read_or_none(read_organisation, UUID(held.scope))
            places[held.scope] = held.scope if found is None else found.name
    return {"member": member, "places": places, "roles": _roles(request), **_may(request)}


@router.post("/staff/{person_id}/{deed}")
async def change(request: SignedIn, person_id: UUID, deed: str) -> Response:
    """Propose a role or a reset, shut the account, or send another link."""
    form = await request.form()
    try:
        match deed:
            case "grants":
                if form.chosen("role"):
                    return await _proposed(request, form, propose_role, person_id, _wish(form))
            case "reset":
                return await _proposed(request, form, propose_reset, person_id)
            case "disabling":
                await request.api.perform(disable_staff, form.key, person_id)
                return request.redirect(f"/staff/{person_id}", done="staff_disabled")
            case "link":
                await request.api.perform(resend_staff_link, form.key, person_id)
                return request.redirect(f"/staff/{person_id}", done="link_sent")
            case _:
                raise InvalidInput
    except StepUpRequired:
        return request.redirect(f"/confirm?next=/staff/{person_id}")
    except Refusal as refused:
        _refuse(form, refused)
    return request.render_again("staff_member.html", form, **await _member(request, person_id))


@router.post("/staff/{person_id}/grants/{grant_id}/revocation")
async def revoke(request: SignedIn, person_id: UUID, grant_id: UUID) -> Response:
    """Take a role back."""
    form = await request.form()
    try:
        await request.api.perform(revoke_role, form.key, person_id, grant_id)
        return request.redirect(f"/staff/{person_id}", done="role_revoked")
    except StepUpRequired:
        return request.redirect(f"/confirm?next=/staff/{person_id}")
    except Refusal as refused:
        form.refuse(refused)
    return request.render_again("staff_member.html", form, **await _member(request, person_id))


TASK_FORM: Final = TaskForm(
    "staff_change_decision.html",
    {ConfirmStaffChange: nothing_more, RejectStaffChange: written_reason},
    summaries={ConfirmStaffChange: "staff_change_summary.html"},
)
