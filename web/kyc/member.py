"""A member's identity: how far it is confirmed, what is missing, the form under review, and home's part (F4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.case import list_cases, read_case
from api.kyc.member import read_identity, withdraw_identity
from domain.errors import Refusal
from messages.case import CaseKind
from web import draft as drafts
from web.case_parts import CaseAction, HomePart
from web.forms import Form, empty
from web.kyc.form import WIZARD
from web.kyc.reading import levels_to_ask
from web.language import noop as _
from web.page_request import PageRequest, SignedIn

router = APIRouter(prefix="/identity")

# What pages say of what was just done, by a code in the address.
NOTES: Final = {
    "identity_submitted": _("Your form came in. You are told by SMS as soon as it is decided."),
    "identity_corrected": _("What you mended came in. You are told by SMS as soon as it is decided."),
    "identity_withdrawn": _("You took the form back. You may begin another one at any time."),
}
CASE_ACTIONS: Final = (
    CaseAction("decide_correct_identity", "kyc_correcting.html"),
    CaseAction("withdraw_identity", "kyc_withdrawal.html", first_in=frozenset()),
)
_FEW: Final = 5


@router.get("")
async def show_identity(request: SignedIn) -> Response:
    """All of it."""
    return await _page(request, empty(request.language))


async def _page(request: PageRequest, form: Form) -> Response:
    read = request.api.read
    identity = await read(read_identity)
    review = None if identity.review_id is None else await read(read_case, identity.review_id)
    reviews = (await read(list_cases, None, kind=CaseKind.KYC, limit=_FEW)).items
    return request.render(
        "kyc.html",
        status=200 if form.is_good else 422,
        form=form,
        identity=identity,
        may_ask={level.name for level in levels_to_ask(identity)} if review is None else set(),
        review=review,
        earlier=[case for case in reviews if case.id != identity.review_id],
        wizard=WIZARD,
        drafts=await drafts.drafts_of(request, WIZARD),
    )


@router.post("/withdrawals/{case_id}")
async def withdraw(request: SignedIn, case_id: UUID) -> Response:
    """Take the form back."""
    form = await request.form()
    try:
        await request.api.perform(withdraw_identity, form.key, case_id)
    except Refusal as refused:
        form.refuse(refused)
        return await _page(request, form)
    return request.redirect("/identity", done="identity_withdrawn")


async def _at_home(request: PageRequest) -> Mapping[str, Any]:
    """The form that is under review, and drafts of one."""
    found = (await request.api.read(list_cases, None, kind=CaseKind.KYC, is_open=True, limit=1)).items
    return {
        "review": found[0] if found else None,
        "wizard": WIZARD,
        "drafts": await drafts.drafts_of(request, WIZARD),
    }


HOME_PART: Final = HomePart("kyc_home.html", _at_home)
